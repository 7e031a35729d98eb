"""Local contrast measures against their formulas, pixel by pixel."""

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.model_driven import HBMLCM, ILCM, LCM, MPCM, RLCM, TLLCM, WSLCM
from irstd_toolbox.models.model_driven.windows import box_mean, largest_means, ring_mean


def largest(pixels, count):
    return np.sort(pixels)[-count:].mean()


def every_pixel(image, formula):
    return np.array([[formula(row, column) for column in range(image.shape[1])] for row in range(image.shape[0])])


def gaussian(window, image, row, column):
    return (window(image, row, column, 3) * np.outer([1, 2, 1], [1, 2, 1]).ravel() / 16).sum()


def test_lcm_is_the_squared_maximum_over_the_brightest_neighbour_mean(image, window, around):
    def formula(row, column):
        return max(window(image, row, column, cell).max() ** 2 / max(b.mean() for b in around(image, row, column, cell))
                   for cell in (3, 5))
    expected = every_pixel(image, formula)
    np.testing.assert_allclose(LCM(cells=(3, 5))(image), expected - expected.min(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(('method', 'grey', 'largest'), [
    (LCM(), 200, 200 ** 2), (ILCM(), 40, 40 * 40 / 64), (RLCM(), 200, 100 ** 2), (TLLCM(), 200, 50 ** 2)])
def test_black_surroundings_count_as_1(method, grey, largest):
    image = np.zeros((20, 20))
    image[10, 10] = grey
    assert method(image).max() == pytest.approx(largest)


@pytest.mark.parametrize('shape', [(16, 20), (18, 21)])
def test_ilcm_is_maximum_times_mean_over_the_brightest_neighbour_mean_of_half_overlapping_blocks(shape):
    image = np.random.default_rng(1).uniform(10, 200, shape)
    whole = np.pad(image, [(0, -side % 4) for side in shape], mode='edge')
    rows, columns = (side // 4 - 1 for side in whole.shape)
    blocks = {(a, b): whole[4 * a:4 * a + 8, 4 * b:4 * b + 8] for a in range(rows) for b in range(columns)}
    # The grid is extended by its outermost blocks, so that a block at the border is also its own neighbour.
    measure = {}
    for (a, b), block in blocks.items():
        beside = [blocks[min(max(a + down, 0), rows - 1), min(max(b + right, 0), columns - 1)].mean()
                  for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]
        measure[a, b] = block.max() * block.mean() / max(beside)
    lowest = min(measure.values())
    response = ILCM(block=8, step=4)(image)
    assert response.shape == shape
    for (a, b), value in measure.items():
        middle = response[4 * a + 2:4 * a + 6, 4 * b + 2:4 * b + 6]
        np.testing.assert_allclose(middle, value - lowest, rtol=1e-9, atol=1e-9)
    assert response[0, 0] == response[2, 2] and response[-1, -1] == measure[rows - 1, columns - 1] - lowest


def test_mpcm_is_the_smallest_product_of_opposite_differences(image, window, around, assert_is):
    def formula(row, column):
        scales = []
        for cell in (3, 5):
            d = [window(image, row, column, cell).mean() - b.mean() for b in around(image, row, column, cell)]
            scales.append(min(d[i] * d[i + 4] for i in range(4)))
        return max(0, *scales)
    assert_is(MPCM(cells=(3, 5))(image), formula)


def test_mpcm_pairs_opposite_cells(edge):
    assert MPCM()(edge).max() < 1e-9  # across an edge one difference is 0 or the two have opposite signs


def test_mpcm_answers_a_dark_spot_as_a_bright_one(point):
    np.testing.assert_allclose(MPCM()(255 - point), MPCM()(point), atol=1e-9)


def test_hb_mlcm_is_the_squared_spread_of_contrasts_of_the_boosted_image(image, window, assert_is):
    boosted = every_pixel(image, lambda row, column: image[row, column] * max(
        0, image[row, column] - window(image, row, column, 5).mean()))

    def formula(row, column):
        outer, contrasts = window(boosted, row, column, 9), []
        for size in (3, 5):
            inner = window(boosted, row, column, size)
            contrasts.append(abs(inner.mean() - (outer.sum() - inner.sum()) / (81 - size ** 2)))
        return (max(contrasts) - min(contrasts)) ** 2
    # The square of grey values squared is large, and its rounding with it.
    response = HBMLCM(inner=(3, 5), outer=9, boost=5)(image)
    scale = max(response.max(), 1)
    assert_is(response / scale, lambda row, column: formula(row, column) / scale)


def test_rlcm_is_the_relative_contrast_of_the_largest_pixels(image, window, around, assert_is):
    def formula(row, column):
        scales = []
        for inside, outside in ((1, 2), (3, 5)):
            target = largest(window(image, row, column, 3), inside)
            surroundings = max(largest(b, outside) for b in around(image, row, column, 3))
            scales.append(target ** 2 / surroundings - target)
        return max(0, *scales)
    assert_is(RLCM(cell=3, counts=((1, 2), (3, 5)))(image), formula)


def test_tllcm_is_the_relative_contrast_of_the_gaussian_core(image, window, around, assert_is):
    def formula(row, column):
        core = gaussian(window, image, row, column)
        return max(0, *(core ** 2 / max(largest(b, 4) for b in around(image, row, column, cell)) - core
                        for cell in (3, 5)))
    assert_is(TLLCM(cells=(3, 5), count=4)(image), formula)


def test_wslcm_weighs_the_contrast_of_the_median_image_by_heterogeneity(image, window, around, assert_is):
    smooth = every_pixel(image, lambda row, column: np.median(window(image, row, column, 3)))

    def heterogeneity(pixels):
        return largest(pixels, 4) - pixels.mean()

    def formula(row, column):
        core, scales = gaussian(window, smooth, row, column), [0]
        for cell in (3, 5):
            neighbours = around(smooth, row, column, cell)
            own, others = heterogeneity(window(smooth, row, column, cell)), [heterogeneity(b) for b in neighbours]
            weight = own * max(0, own - max(others)) / max(0.02, np.std(others, ddof=1))
            contrast = core ** 2 / max(largest(b, 4) for b in neighbours) - core
            scales.append(weight * max(0, contrast))
        return max(scales)
    assert_is(WSLCM(cells=(3, 5), count=4, xi=0.02)(image), formula)


def test_wslcm_divides_by_xi_where_the_neighbours_are_alike(point):
    image = np.pad(point, 1, mode='edge')
    image[6:11, 8:13] = 120.0  # large enough for the median to keep
    coarse, fine = (WSLCM(cells=(5,), xi=xi)(image) for xi in (1e6, 2e6))
    assert coarse.any()
    np.testing.assert_allclose(coarse, 2 * fine)


def test_means_of_windows_are_those_of_their_pixels(image, window):
    expected = every_pixel(image, lambda row, column: window(image, row, column, 5).mean())
    np.testing.assert_allclose(box_mean(image, 5), expected, rtol=1e-12)
    beyond = every_pixel(np.zeros((17, 20)), lambda row, column: window(image, row - 1, column - 1, 3).mean())
    np.testing.assert_allclose(box_mean(image, 3, margin=1), beyond, rtol=1e-12)
    ring = every_pixel(image, lambda row, column: (window(image, row, column, 7).sum() - window(
        image, row, column, 3).sum()) / 40)
    np.testing.assert_allclose(ring_mean(image, 7, 3), ring, rtol=1e-12)


def test_largest_means_do_not_depend_on_the_blocks_of_rows(monkeypatch):
    image = np.random.default_rng(2).uniform(0, 255, (40, 30))
    whole = largest_means(image, 5, (2, 7), margin=3)
    monkeypatch.setattr('irstd_toolbox.models.model_driven.windows._ROW_BLOCK', 7000)
    np.testing.assert_array_equal(largest_means(image, 5, (2, 7), margin=3), whole)


@pytest.mark.parametrize(('build', 'message'), [
    (lambda: ILCM(block=8, step=3), 'even difference'),
    (lambda: HBMLCM(inner=(3,)), 'at least two inner windows'),
    (lambda: RLCM(cell=3, counts=((2, 10),)), 'numbers from 1 to 9'),
    (lambda: RLCM(counts=[2, 4]), r'counts=\[2, 4\]: pairs of whole numbers from 1 to 81'),
    (lambda: RLCM(counts=[(2,)]), r'counts=\[\(2,\)\]: pairs of'),
    (lambda: RLCM(counts=[(2, True)]), 'pairs of whole numbers'),
    (lambda: TLLCM(cells=(3, 5), count=10), 'count=10: a whole number from 1 to 9'),
    (lambda: TLLCM(count=4.5), 'count=4.5: a whole number from 1 to 9'),
    (lambda: WSLCM(xi=0.0), r'WSLCM\(xi=0.0\): a number above 0'),
    (lambda: WSLCM(xi=float('nan')), r'WSLCM\(xi=nan\): a number above 0 is expected, and a finite one'),
    (lambda: ILCM(block=8.0), 'block=8.0, step=4: whole numbers'),
])
def test_an_impossible_setting_is_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
