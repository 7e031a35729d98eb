"""What a training's pipeline brings a model that reads words and scenes."""

import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from PIL import Image

from irstd_toolbox.registry import DATASETS
from irstd_toolbox.training.preflight import check_language

QUADRANT = dict(type='quadrant')


def dataset(folder: Path, described: bool = True, scene: bool = True, words: object = QUADRANT, side: int = 16):
    for part, high in (('images', 200), ('masks', 255)):
        (folder / part).mkdir()
        for number in range(3):
            pixels = np.zeros((32, 32), np.uint8)
            pixels[4:7, 20:23] = high
            Image.fromarray(pixels).save(folder / part / f'scene_{number}.png')
    (folder / 'trainval.txt').write_text(''.join(f'scene_{number}\n' for number in range(3)))
    if described:
        (folder / 'descriptions').mkdir()
        (folder / 'descriptions' / 'scene_2.txt').write_text('The target is in the upper-right part.')
    pipeline = [dict(type='LoadImage'), *[dict(type='LoadClipImage', size=8)] * scene, dict(type='LoadTargetMask'),
                dict(type='RandomCrop', size=side, description=words), dict(type='PackInputs')]
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        return DATASETS.build(dict(type='IRSTDDataset', data_root=str(folder), pipeline=pipeline))


def model(text: str | None = 'train') -> SimpleNamespace:
    return SimpleNamespace(target_descriptor=SimpleNamespace(text=text) if text else None)


@pytest.mark.parametrize(('text', 'given', 'said'), [
    ('train', {}, []), ('train', dict(words='drop', side=32), []), (None, dict(words='drop', scene=False), []),
    ('never', dict(words='drop'), []), ('train', dict(words='drop'), ['the pipeline drops them: of 1 samples']),
    ('train', dict(described=False), ['no training image has one: it learns without language']),
    ('never', dict(scene=False), ['the training pipeline brings no clip_image']),
    ('train', dict(described=False, scene=False), ['no training image has one', 'brings no clip_image'])])
def test_a_model_whose_words_or_scene_the_pipeline_drops_is_warned_of(
        text: str | None, given: dict, said: list[str], tmp_path: Path) -> None:
    before = np.random.get_state()[1].copy()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        check_language(model(text), dataset(tmp_path, **given))
    told = [str(one.message) for one in caught if one.category is UserWarning]
    assert len(told) == len(said) and all(part in text for part, text in zip(said, told, strict=True)), told
    assert np.array_equal(np.random.get_state()[1], before)
