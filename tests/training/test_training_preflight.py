"""What a training's pipeline brings a model that reads words and scenes."""

import re
import warnings
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from PIL import Image

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import DATASETS
from irstd_toolbox.training import preflight, schedule_checks
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


def schedule(end: int, by_epoch: bool = True, hooks: tuple = (), start: int = 1, **length: int) -> list[str]:
    """What is said of a training of 6 epochs of 4 steps, the last of them of 2 images, or of ``length``."""
    config = Config(dict(
        train_cfg=length or dict(max_epochs=6), train_dataloader=dict(batch_size=4), custom_hooks=list(hooks),
        param_scheduler=[dict(type='LinearLR', end=start), dict(type='CosineAnnealingLR', end=end, by_epoch=by_epoch)]))
    with warnings.catch_warnings(record=True) as caught, DefaultScope.overwrite_default_scope('irstd_toolbox'):
        warnings.simplefilter('always')
        schedule_checks.check_schedules(config, 14)
    return [str(one.message) for one in caught if 'Training ends' in str(one.message)]


@pytest.mark.parametrize(('told', 'said'), [
    (dict(end=6), None), (dict(end=24, by_epoch=False), None), (dict(end=7, hooks=[dict(type='AnnealHook')]), None),
    (dict(end=9, by_epoch=False, max_iters=9), None), (dict(end=7), 'after 6 epochs, param_scheduler after 7'),
    (dict(end=9, start=8), 'after 6 epochs, param_scheduler after 9'),
    (dict(end=25, by_epoch=False), 'after 24 steps, param_scheduler after 25'),
    (dict(end=10, by_epoch=False, max_iters=9), 'after 9 steps, param_scheduler after 10')])
def test_a_schedule_that_training_ends_before_is_warned_of(told: dict, said: str | None) -> None:
    found = schedule(**told)
    assert len(found) == bool(said) and all(re.search(said, text) for text in found)


def test_a_step_has_the_images_of_all_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_checks, 'get_world_size', lambda: 2)
    assert schedule_checks.per_step(Config(dict(train_dataloader=dict(batch_size=4)))) == 8
    assert len(schedule(end=13, by_epoch=False)) == 1 and not schedule(end=12, by_epoch=False)


@pytest.mark.parametrize(('part', 'key', 'told', 'right'), [
    ('train_cfg', 'val_begin', 0, False), ('train_cfg', 'max_iters', True, False),
    ('train_cfg', 'val_interval', 1, True), ('checkpoint', 'interval', -1, True), ('checkpoint', 'interval', -2, False),
    ('checkpoint', 'interval', 0, False)])
def test_lengths_and_intervals_are_counts(part: str, key: str, told: int, right: bool) -> None:
    given = {part: {key: told}}
    config = Config(given if part == 'train_cfg' else dict(default_hooks=given))
    with nullcontext() if right else pytest.raises(ConfigError, match=rf'{part}\.{key}={told}: a whole number from 1'):
        schedule_checks.check_length(config)


@pytest.mark.parametrize('targets', [0, 1])
def test_a_validation_list_without_a_target_is_warned_of(targets: int, tmp_path: Path) -> None:
    data = dataset(tmp_path)
    for number in range(targets, 3):
        Image.fromarray(np.zeros((32, 32), np.uint8)).save(tmp_path / 'masks' / f'scene_{number}.png')
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        preflight._check_targets(data)
    assert [bool(re.search('None of the 3 validation images has a target', str(one.message))) for one in caught] \
        == [True] * (not targets)
