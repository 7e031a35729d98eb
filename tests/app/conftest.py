"""A model of each sort, none trained: Top-Hat, and the demonstration's LGNet with drawn weights."""

import runpy
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from irstd_toolbox.datasets.synthetic import SceneOptions, make_scene
from irstd_toolbox.inference import Detection, Predictor
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.config_edits import load_config


@pytest.fixture(scope='session')
def top_hat(repository: Path) -> Path:
    """A config without weights."""
    return repository / 'configs' / 'baselines' / 'top_hat_nuaa_sirst.py'


@pytest.fixture(scope='session')
def lgnet(repository: Path, scene: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A config with language, and a checkpoint of drawn weights by which 1 % of the scene's pixels are target."""
    config = repository / 'configs' / 'lgnet_demo.py'
    init_default_scope('irstd_toolbox')
    torch.manual_seed(0)
    checkpoint = tmp_path_factory.mktemp('weights') / 'drawn.pth'
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='.*untrained stand-in')
        model = MODELS.build(load_config(str(config), []).model)
        torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
        share = np.percentile(Predictor(config, checkpoint, 'cpu').predict(scene[0]).probability, 99)
    with torch.no_grad():
        model.decode_head.final.weight *= 20
        model.decode_head.final.bias.fill_(-20 * float(np.log(share / (1 - share))))
    torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
    return config, checkpoint


@pytest.fixture(scope='session')
def predictor(top_hat: Path) -> Predictor:
    return Predictor(top_hat, None, 'cpu')


@pytest.fixture(scope='session')
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A synthetic image of 16 bit, 72 rows and 96 columns, and its mask."""
    made = make_scene(3, 0, SceneOptions(size=(72, 96), clutter=('sea',), targets=(2, 2), snr=(12.0, 25.0),
                                         max_contrast=0.6, bits=16))
    folder = tmp_path_factory.mktemp('scene')
    cv2.imwrite(str(folder / 'sea.png'), made.image)
    cv2.imwrite(str(folder / 'sea_mask.png'), made.mask.astype(np.uint8) * 255)
    return folder / 'sea.png', folder / 'sea_mask.png'


@pytest.fixture(scope='session')
def tool(repository: Path) -> Callable[[str], Callable]:
    """``tool('predict')`` is main() of tools/predict.py."""
    return lambda name: runpy.run_path(str(repository / 'tools' / f'{name}.py'))['main']


@pytest.fixture
def found() -> Detection:
    """An 8x12 prediction: 2 pixels of 0.9 and 0.7 at row 1, columns 2 and 3, and one of 0.6 at row 6, column 9."""
    probability = np.zeros((8, 12), np.float32)
    probability[1, 2:4] = 0.9, 0.7
    probability[6, 9] = 0.6
    image = np.tile(np.arange(12, dtype=np.float32) * 20, (8, 1))
    return Detection(image, probability, probability > 0.5, [])


@pytest.fixture
def truth() -> np.ndarray:
    """Ground truth of ``found``: one pixel of its first target, and one target that it misses."""
    mask = np.zeros((8, 12), bool)
    mask[1, 2] = mask[5, 2] = True
    return mask
