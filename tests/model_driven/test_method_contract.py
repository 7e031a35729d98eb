"""What every model-driven method of the registry promises."""

import inspect
import runpy

import numpy as np
import pytest

from irstd_toolbox.registry import METHODS, known


def scene(height: int = 48, width: int = 60, seed: int = 0) -> np.ndarray:
    """A slope under noise with a target of 3x3 pixels in the middle."""
    rows, columns = np.mgrid[:height, :width]
    image = 60 + 0.3 * rows + 0.2 * columns + np.random.default_rng(seed).normal(0, 2, (height, width))
    image[height // 2 - 1:height // 2 + 2, width // 2 - 1:width // 2 + 2] += 90
    return image


@pytest.fixture(params=known(METHODS))
def method(request):
    return METHODS.build(dict(type=request.param))


def assert_is_a_response(response: np.ndarray, image: np.ndarray) -> None:
    assert response.shape == image.shape and response.dtype == np.float64
    assert np.isfinite(response).all() and response.min() >= 0


def test_it_answers_the_target_most(method):
    response = method(scene())
    row, column = np.unravel_index(response.argmax(), response.shape)
    assert abs(row - 24) <= 6 and abs(column - 30) <= 6
    assert response[23:26, 29:32].max() > 3 * response.mean()


@pytest.fixture(scope='module')
def configured(repository):
    """Arguments by the method's name, as the configs have them."""
    found = [runpy.run_path(str(path))['model']['method'] for path in repository.glob('configs/_base_/models/*.py')
             if 'ModelDrivenDetector' in path.read_text(encoding='utf-8')]
    return {one.pop('type'): one for one in found}


def test_its_defaults_are_what_its_config_says(method, configured):
    defaults, own = inspect.signature(type(method)).parameters, configured[type(method).__name__]
    assert own and own == {name: defaults[name].default for name in own}


@pytest.mark.parametrize('size', [(1, 1), (3, 4), (2, 31), (33, 47)], ids=str)
def test_it_takes_any_size(method, size):
    image = np.random.default_rng(3).uniform(0, 255, size)
    assert_is_a_response(method(image), image)


@pytest.mark.parametrize('grey', [0.0, 37.3, 255.0])
def test_a_flat_image_has_no_response(method, grey):
    assert not method(np.full((24, 31), grey)).any()


def test_it_takes_black_and_white(method):
    image = np.zeros((30, 34))
    image[10:13, 12:15] = 255
    image[:, 25:] = 255
    assert_is_a_response(method(image), image)


def test_it_gives_the_same_again_and_leaves_the_image(method):
    image = scene(32, 40)
    before = image.copy()
    first, second = method(image), method(image)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(image, before)


def test_it_takes_an_image_that_is_a_view(method):
    whole = scene(32, 80)
    np.testing.assert_array_equal(method(whole[:, ::2]), method(np.ascontiguousarray(whole[:, ::2])))


def test_another_instance_gives_the_same(method):
    np.testing.assert_array_equal(METHODS.build(dict(type=type(method).__name__))(scene(32, 40)), method(scene(32, 40)))
