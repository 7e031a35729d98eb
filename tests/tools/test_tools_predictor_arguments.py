"""What the predictor is given: a config or its path, an image or its path."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.inference import Predictor, find_targets

PURE = '''
from irstd_toolbox.datasets.transforms import LoadImage, LoadTargetMask, PackInputs
from irstd_toolbox.models.model_driven import FixedThreshold, ModelDrivenDetector, TopHat

model = dict(type=ModelDrivenDetector, method=dict(type=TopHat, size=5), threshold=dict(type=FixedThreshold, share=0.5))
test_dataloader = dict(dataset=dict(pipeline=[dict(type=LoadImage), dict(type=LoadTargetMask), dict(type=PackInputs)]))
'''


@pytest.fixture
def pure(tmp_path: Path) -> Path:
    """A pure-Python config of a method without weights."""
    path = tmp_path / 'pure.py'
    path.write_text(PURE)
    return path


@pytest.fixture
def spot() -> np.ndarray:
    """A target of 2x2 pixels on a flat background."""
    image = np.full((20, 24), 40, np.uint8)
    image[8:10, 11:13] = 200
    return image


def test_options_are_applied_to_a_config_that_is_given_and_leave_it(trained: Path) -> None:
    config = Config.fromfile(trained.parent / 'tiny.py')
    assert Predictor(config, trained / 'best.pth', 'cpu', ['model.threshold=0.9']).threshold == 0.9
    assert Predictor(config, trained / 'best.pth', 'cpu').threshold == 0.5
    assert Predictor(config, trained / 'best.pth', 'cpu', 'model.threshold=0.8').threshold == 0.8  # one alone
    with pytest.raises(ConfigError, match='the config has no model.treshold'):
        Predictor(config, trained / 'best.pth', 'cpu', ['model.treshold.value=0.9'])


def test_a_pure_python_config_predicts_as_its_path_does(pure: Path, spot: np.ndarray) -> None:
    config = Config.fromfile(pure)
    given, named = (Predictor(one, None, 'cpu', ['model.method.size=7']).predict(spot) for one in (config, pure))
    assert [target.box for target in given.targets] == [(11, 8, 13, 10)]
    np.testing.assert_array_equal(given.probability, named.probability)
    assert 'TopHat' in config and config.model.method.size == 5


@pytest.mark.parametrize('source', [None, [np.zeros((4, 4))], torch.zeros(4, 4), Image.new('L', (4, 4))],
                         ids=['None', 'list', 'tensor', 'Pillow'])
def test_what_is_neither_a_path_nor_an_array_is_refused(pure: Path, source: object) -> None:
    with pytest.raises(DataError, match=f'predict got a {type(source).__name__}; one image at a time is expected'):
        Predictor(pure, None, 'cpu').predict(source)


@pytest.mark.parametrize('threshold', ['0.5', [0.5], 1.0])
def test_a_threshold_that_is_no_number_below_one_is_refused(pure: Path, spot: np.ndarray, threshold: object) -> None:
    with pytest.raises(ConfigError, match='a number in 0 <= T < 1 is expected'):
        Predictor(pure, None, 'cpu').predict(spot, threshold)
    found = Predictor(pure, None, 'cpu').predict(spot, np.float32(0.25))  # of numpy's numbers, too
    assert [target.area for target in found.targets] == [4]


def test_the_pipeline_gets_the_sentence_and_the_name_of_a_file(pure: Path, spot: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(spot).save(tmp_path / 'sea.png')
    predictor, seen = Predictor(pure, None, 'cpu'), []
    pipeline = predictor.pipeline
    predictor.pipeline = lambda sample: pipeline(seen.append({**sample}) or sample)
    predictor.predict(spot, description='The target is in the middle.')
    predictor.predict(str(tmp_path / 'sea.png'))
    assert [(one['description'], one['image_id'], one['img_path']) for one in seen] == [
        ('The target is in the middle.', 'array', None), (None, 'sea', str(tmp_path / 'sea.png'))]


def test_a_prediction_of_another_size_than_the_image_is_refused(pure: Path, spot: np.ndarray,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    small = SegDataSample(seg_logits=PixelData(data=torch.zeros(1, 4, 4)))
    monkeypatch.setattr('irstd_toolbox.inference.predictor.predict_batch', lambda *_: [small])
    with pytest.raises(ConfigError, match=r"predicts \(4, 4\) for an image of \(20, 24\).*output_size='native'"):
        Predictor(pure, None, 'cpu').predict(spot)


def test_an_unknown_precision_is_refused(pure: Path) -> None:
    with pytest.raises(ConfigError, match="amp='int8' is not known. Choose 'auto', 'bf16' or 'fp16'"):
        Predictor(pure, None, 'cpu', amp='int8')


def test_a_dict_is_no_config() -> None:
    with pytest.raises(ConfigError, match='The config is of type dict; the path of a .py config or a Config'):
        Predictor({'model': 1})


def test_colour_is_read_as_rgb(pure: Path, spot: np.ndarray) -> None:
    colour = np.zeros((*spot.shape, 3), np.uint8)
    colour[..., 0] = spot
    np.testing.assert_array_equal(Predictor(pure, None, 'cpu').predict(colour).image[8:10, 11], [60, 60])  # 0.299 * 200


def test_targets_are_found_in_a_mask_and_a_probability_of_one_size(spot: np.ndarray) -> None:
    with pytest.raises(DataError, match=r'mask has shape \(20, 24\), the probability \(5, 24\); expected \(H, W\)'):
        find_targets(spot > 100, spot[:5] / 255)
