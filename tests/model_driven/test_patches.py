"""Patches of an image and back, against loops over patches and pixels."""

import math

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.model_driven import IPI, NRAM, PSTNN, RIPT
from irstd_toolbox.models.model_driven.patches import OVERLAPS, PatchGrid, PatchModel

# shape, size, step: patches that end with the image, that do not, rows alone, one of two pixels, one pixel
GRIDS = [((20, 30), 10, 5), ((23, 31), 8, 3), ((9, 40), 12, 7), ((2, 2), 5, 3), ((1, 1), 4, 2), ((17, 17), 6, 6)]


def random_image(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, shape)


@pytest.mark.parametrize('overlap', OVERLAPS)
@pytest.mark.parametrize(('shape', 'size', 'step'), GRIDS)
def test_patches_of_an_image_join_to_the_image(shape, size, step, overlap):
    grid, image = PatchGrid(shape, size, step), random_image(shape)
    np.testing.assert_allclose(grid.join(grid.split(image), overlap), image, rtol=1e-14)


def test_patches_go_down_the_columns_first():
    grid = PatchGrid((30, 40), 10, 10)
    image = random_image((30, 40))
    np.testing.assert_array_equal(grid.split(image)[1], image[10:20, :10])
    np.testing.assert_array_equal(grid.split(image)[3], image[:10, 10:20])


def test_a_last_patch_ends_with_the_image():
    grid = PatchGrid((33, 40), 10, 10)
    assert grid.rows.tolist() == [0, 10, 20, 23] and grid.columns.tolist() == [0, 10, 20, 30]


def test_without_border_what_the_steps_do_not_reach_is_zero():
    grid = PatchGrid((33, 47), 10, 10, border=False)
    for overlap in OVERLAPS:
        joined = grid.join(grid.split(np.ones((33, 47))), overlap)
        assert joined[:30, :40].all() and joined.sum() == 30 * 40


def test_a_patch_is_at_most_half_an_axis():
    grid = PatchGrid((100, 61), 50, 10)
    assert (grid.height, grid.width) == (50, 31)


@pytest.mark.parametrize('border', [True, False])
@pytest.mark.parametrize(('shape', 'size', 'step'), GRIDS)
def test_overlaps_are_mean_median_and_last_of_what_patches_say(shape, size, step, border):
    grid = PatchGrid(shape, size, step, border)
    places = [(row, column) for column in grid.columns for row in grid.rows]
    patches = np.random.default_rng(2).normal(size=(len(places), grid.height, grid.width))
    said = {}
    for (row, column), patch in zip(places, patches, strict=True):
        for (down, right), value in np.ndenumerate(patch):
            said.setdefault((row + down, column + right), []).append(value)
    for overlap, choose in dict(mean=np.mean, median=np.median, overwrite=lambda values: values[-1]).items():
        expected = np.zeros(shape)
        for place, values in said.items():
            expected[place] = choose(values)
        np.testing.assert_allclose(grid.join(patches, overlap), expected, rtol=1e-12, atol=1e-15)


def test_blocks_of_rows_give_the_median_of_the_whole(monkeypatch):
    grid = PatchGrid((41, 37), 12, 5)
    patches = np.random.default_rng(3).normal(size=grid.split(np.zeros((41, 37))).shape)
    whole = grid.join(patches, 'median')
    monkeypatch.setitem(PatchGrid.join.__globals__, '_BLOCK', 2000)
    np.testing.assert_array_equal(grid.join(patches, 'median'), whole)


@pytest.mark.parametrize('method', [IPI, NRAM])
def test_patches_that_were_scaled_together_come_back_in_grey_levels(method, monkeypatch):
    image = random_image((20, 30)) + 40
    monkeypatch.setattr(method, 'decompose', lambda self, data, *weight: (data, data))
    np.testing.assert_allclose(method(patch=10, step=5)(image), image - image.min(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(('patch', 'step'), [(10, 11), (10, 0), (1, 1), (2.5, 2), (10, 2.5)])
def test_a_step_that_leaves_gaps_is_refused(patch, step):
    with pytest.raises(ConfigError, match=f'patch={patch}, step={step}'):
        PatchModel(patch, step, 'mean', 'gram', 1e-6, 9)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="overlap='max'.*mean, median, overwrite"):
        PatchModel(10, 5, 'max', 'gram', 1e-6, 9)
    with pytest.raises(ConfigError, match="svd='qr'.*'gram' or 'svd'"):
        PatchModel(10, 5, 'mean', 'qr', 1e-6, 9)


@pytest.mark.parametrize('method', [IPI, NRAM, PSTNN, RIPT])
@pytest.mark.parametrize(('options', 'message'), [
    (dict(max_iterations=0), 'max_iterations=0: a whole number from 1'),
    (dict(max_iterations=2.5), 'max_iterations=2.5'),
    (dict(tolerance='a'), r"tolerance='a'\): a number of at least 0")])
def test_iterations_without_an_end_or_without_a_beginning_are_refused(method, options, message):
    with pytest.raises(ConfigError, match=message):
        method(**options)


@pytest.mark.parametrize(('method', 'options', 'message'), [
    (NRAM, dict(gamma=0), r'NRAM\(gamma=0\): a number above 0'), (NRAM, dict(gamma='small'), "gamma='small'"),
    (NRAM, dict(gamma=math.inf), r'NRAM\(gamma=inf\): a number above 0 is expected, and a finite one'),
    (PSTNN, dict(sparsity=0), r'PSTNN\(sparsity=0\): a number above 0'),
    (PSTNN, dict(rank_ratio=-0.1), r'PSTNN\(rank_ratio=-0.1\)'), (PSTNN, dict(rank_ratio=2.5), '=2.5: a share'),
    (RIPT, dict(sparsity=(1,)), r'RIPT\(sparsity=\(1,\)\)'), (RIPT, dict(edge_weight=-1), r'RIPT\(edge_weight=-1\)')])
def test_parameters_outside_of_what_the_formula_means_are_refused(method, options, message):
    with pytest.raises(ConfigError, match=message):
        method(**options)
