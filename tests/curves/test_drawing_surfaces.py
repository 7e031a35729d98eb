"""Surfaces of grey values: peaks that are kept, windows, heights, and maps that are refused."""

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.visualization.surfaces import coarsen, surfaces

IMAGE = np.random.default_rng(0).integers(60, 90, (48, 64)).astype(np.uint8)


@pytest.mark.parametrize(('shape', 'most', 'block'), [
    ((40, 60), 20, (2, 3)), ((40, 60), 50, (1, 2)), ((40, 60), 60, (1, 1)), ((4, 2016), 96, (1, 21))])
def test_coarsening_keeps_the_peak_of_every_block(shape, most, block):
    values = np.random.default_rng(0).random(shape)
    small, (height, width) = coarsen(values, most)
    assert (height, width) == block
    assert np.array_equal(small, values.reshape(shape[0] // height, height, shape[1] // width, width).max(axis=(1, 3)))


def test_a_long_strip_is_drawn_over_its_whole_length():
    axes, = surfaces({'strip': np.eye(4, 2000)}, window=(0, 10, 4, 2000)).axes
    assert axes.collections[0].get_array().size > 0
    assert (axes.xy_dataLim.x0, axes.xy_dataLim.x1) == (10, 10 + 21 * 94)  # blocks of 21 columns


def test_a_surface_spans_the_window_and_the_given_scale():
    maps = {'image': IMAGE, 'response': IMAGE / 255}
    figure = surfaces(maps, window=(4, 8, 20, 40), scales={'response': (0, 1)})
    first, second = figure.axes
    assert first.get_xlim() == (8, 39) and first.get_ylim() == (19, 4)
    assert second.get_zlim() == (0, 1)


@pytest.mark.parametrize('window', [(0, 0, 49, 10), (5, 5, 5, 9), (5, 5, 6, 9), (-1, 0, 9, 9)])
def test_a_window_outside_of_the_map_is_refused(window):
    with pytest.raises(ConfigError, match='does not lie in'):
        surfaces({'image': IMAGE}, window=window)


@pytest.mark.parametrize(('response', 'message'), [
    (np.zeros((3, 3)), 'expected one size'), (np.full(IMAGE.shape, np.nan), 'holds nan or infinity')])
def test_surfaces_of_two_sizes_or_of_no_numbers_are_refused(response, message):
    with pytest.raises(DataError, match=message):
        surfaces({'image': IMAGE, 'response': response})
    with pytest.raises(DataError, match='A map of 1x9 is no surface'):
        surfaces({'strip': np.zeros((1, 9))})
