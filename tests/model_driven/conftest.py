"""Hand-made images, windows of them taken pixel by pixel, and a config with a few scenes."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

Window = Callable[[np.ndarray, int, int, int], np.ndarray]


def _mirror(place: int, size: int) -> int:
    """Where a place beyond the border is seen in the mirror: ``-1`` is ``0``, ``size`` is ``size - 1``."""
    place %= 2 * size
    return place if place < size else 2 * size - 1 - place


@pytest.fixture(scope='session')
def window() -> Window:
    """``window(image, row, column, size)``: the pixels around a place, in a list."""
    def pixels(image: np.ndarray, row: int, column: int, size: int) -> np.ndarray:
        reach = range(-(size // 2), size // 2 + 1)
        return np.array([image[_mirror(row + down, image.shape[0]), _mirror(column + right, image.shape[1])]
                         for down in reach for right in reach])
    return pixels


@pytest.fixture(scope='session')
def around(window: Window) -> Callable[[np.ndarray, int, int, int], list[np.ndarray]]:
    """``around(image, row, column, cell)``: the pixels of the eight neighbour cells, clockwise from the upper left."""
    def cells(image: np.ndarray, row: int, column: int, cell: int) -> list[np.ndarray]:
        steps = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
        return [window(image, row + down * cell, column + right * cell, cell) for down, right in steps]
    return cells


def _images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    point = np.full((15, 18), 40.0)
    point[6:8, 9:11] = 120.0
    edge = np.where(np.arange(18) < 8, 30.0, 150.0) * np.ones((15, 1))
    clutter = rng.uniform(20, 200, (15, 18))
    return dict(point=point, edge=edge, clutter=clutter, mixed=edge * 0.5 + point * 0.5 + rng.normal(0, 2, (15, 18)))


@pytest.fixture(params=sorted(_images()))
def image(request: pytest.FixtureRequest) -> np.ndarray:
    """A point target, a vertical edge, clutter, and all three together."""
    return _images()[request.param]


@pytest.fixture
def point() -> np.ndarray:
    """A target of 2x2 pixels at (6, 9) on a flat background."""
    return _images()['point']


@pytest.fixture
def edge() -> np.ndarray:
    """A vertical edge between columns 7 and 8."""
    return _images()['edge']


@pytest.fixture(scope='session')
def assert_is() -> Callable[[np.ndarray, Callable[[int, int], float]], None]:
    """``assert_is(response, formula)``: the response is ``formula(row, column)`` in every second row and column."""
    def compare(response: np.ndarray, formula: Callable[[int, int], float]) -> None:
        places = [(row, column) for row in range(0, response.shape[0], 2) for column in range(1, response.shape[1], 2)]
        expected = [formula(row, column) for row, column in places]
        np.testing.assert_allclose([response[place] for place in places], expected, rtol=1e-9, atol=1e-9)
    return compare


CONFIG = '''
default_scope = 'irstd_toolbox'
randomness = dict(seed=3)
model = dict(
    type='ModelDrivenDetector', method=dict(type='TopHat', size=5), threshold=dict(type='FixedThreshold', share=0.5))
pipeline = [dict(type='LoadImage'), dict(type='LoadTargetMask'), dict(type='PackInputs')]
data = dict(type='IRSTDDataset', data_root='{root}', pipeline=pipeline)
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(data, split='trainval', holdout=0.25, part='fit'))
test_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(data, split='test'))
test_evaluator = dict(type='IRSTDMetric')
'''


@pytest.fixture(scope='session')
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config beside its data: scenes of several sizes with a target each, 6 to choose on and 4 to test on. Read only.

    Their grey values are such that half the range of responses is not the best threshold.
    """
    folder, rng = tmp_path_factory.mktemp('model_driven'), np.random.default_rng(5)
    (folder / 'data/images').mkdir(parents=True)
    (folder / 'data/masks').mkdir()
    for number in range(10):
        image = rng.integers(60, 80, (30, 34 + number)).astype(np.uint8)
        mask = np.zeros_like(image)
        row, column = rng.integers(4, 24, 2)
        mask[row:row + 3, column:column + 3] = 255
        image[mask > 0] = 120
        image[row + 1, column + 1] = 250
        cv2.imwrite(str(folder / f'data/images/scene_{number}.png'), image)
        cv2.imwrite(str(folder / f'data/masks/scene_{number}.png'), mask)
    (folder / 'data/trainval.txt').write_text(''.join(f'scene_{i}\n' for i in range(6)))
    (folder / 'data/test.txt').write_text(''.join(f'scene_{i}\n' for i in range(6, 10)))
    path = folder / 'tiny.py'
    path.write_text(CONFIG.replace('{root}', str(folder / 'data')))
    return path
