"""Filters and grey differences against their formulas, pixel by pixel."""

import tracemalloc

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.model_driven import AAGD, ADMD, LIG, MaxMean, MaxMedian, MSLoG, TopHat


def lines_through(window, image, row, column, size):
    """The horizontal, the vertical and the two diagonal lines of a window."""
    square = window(image, row, column, size).reshape(size, size)
    return [square[size // 2], square[:, size // 2], np.diag(square), np.diag(square[::-1])]


def test_top_hat_is_the_image_less_its_opening(image):
    rows, columns = image.shape

    def inside(values, row, column):
        return values[max(row - 2, 0):row + 3, max(column - 2, 0):column + 3]

    eroded = np.array([[inside(image, row, column).min() for column in range(columns)] for row in range(rows)])
    opened = np.array([[inside(eroded, row, column).max() for column in range(columns)] for row in range(rows)])
    np.testing.assert_array_equal(TopHat(size=5)(image), image - opened)


def test_top_hat_keeps_a_point_and_drops_an_edge(point, edge):
    assert TopHat(size=5)(point)[6:8, 9:11].min() == 80 and np.count_nonzero(TopHat(size=5)(point)) == 4
    assert not TopHat(size=5)(edge).any()


def test_max_median_is_the_image_less_the_largest_median(image, window, assert_is):
    def formula(row, column):
        medians = [np.median(line) for line in lines_through(window, image, row, column, 5)]
        return max(0, image[row, column] - max(medians))
    assert_is(MaxMedian(size=5)(image), formula)


def test_max_mean_is_the_image_less_the_largest_mean(image, window, assert_is):
    def formula(row, column):
        return max(0, image[row, column] - max(np.mean(line) for line in lines_through(window, image, row, column, 5)))
    assert_is(MaxMean(size=5)(image), formula)


@pytest.mark.parametrize('method', [MaxMedian(15), MaxMean(15)], ids=['median', 'mean'])
def test_one_line_of_the_four_is_in_memory_at_a_time(method):
    image = np.random.default_rng(0).uniform(0, 255, (200, 300))
    tracemalloc.start()
    try:
        method(image)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 15 * image.nbytes < most < 22 * image.nbytes  # the four have 60


def test_max_median_leaves_no_edge(edge):
    assert not MaxMedian()(edge).any()


def test_the_laplacian_of_a_gaussian_answers_a_disc_most_at_its_radius_by_root_two():
    rows, columns = np.mgrid[-30:31, -30:31]
    disc = np.where(rows ** 2 + columns ** 2 <= 36, 100.0, 0.0)
    at_centre = {sigma: MSLoG(sigmas=(sigma,))(disc)[30, 30] for sigma in (2.0, 3.0, 6 / 2 ** 0.5, 5.5, 7.0)}
    assert max(at_centre, key=at_centre.get) == 6 / 2 ** 0.5
    # In the middle of a disc of radius r it is (r / sigma)^2 exp(-r^2 / (2 sigma^2)).
    assert at_centre[6 / 2 ** 0.5] == pytest.approx(100 * 2 / np.e, rel=0.05)


def test_the_laplacian_takes_the_largest_scale(image):
    single = [MSLoG(sigmas=(sigma,))(image) for sigma in (1.0, 2.0)]
    np.testing.assert_array_equal(MSLoG(sigmas=(1.0, 2.0))(image), np.maximum(*single))


def test_admd_is_the_squared_lead_over_the_brightest_neighbour(image, window, around, assert_is):
    def formula(row, column):
        lead = [window(image, row, column, cell).mean() - max(b.mean() for b in around(image, row, column, cell))
                for cell in (3, 5)]
        return max(max(0, value) ** 2 for value in lead)
    assert_is(ADMD(cells=(3, 5))(image), formula)


def test_aagd_is_the_squared_difference_of_inner_and_outer_mean(image, window, assert_is):
    def formula(row, column):
        inner = {size: window(image, row, column, size) for size in (3, 5)}
        outer = window(image, row, column, 9)
        return max((inside.mean() - (outer.sum() - inside.sum()) / (81 - inside.size)) ** 2
                   for inside in inner.values())
    assert_is(AAGD(inner=(3, 5), outer=9)(image), formula)


def test_lig_is_intensity_times_the_gradients_of_four_quadrants(image, window, assert_is):
    def quadrant(row, column, down, right):
        rising = []
        for a in range(4):
            for b in range(4):
                place = row + down * a, column + right * b
                own, towards = (window(image, place[0] - shift * down, place[1] - shift * right, 1)[0]
                                for shift in (0, 1))
                if towards > own:
                    rising.append((towards - own) ** 2)
        return np.mean(rising) if rising else 0

    def formula(row, column):
        inside = window(image, row, column, 7)
        lead = image[row, column] - (inside.sum() - image[row, column]) / 48
        found = [quadrant(row, column, down, right) for down in (-1, 1) for right in (-1, 1)]
        return max(0, lead) * (sum(found) if min(found) >= 0.2 * max(found) else 0)

    assert_is(LIG(window=7, ratio=0.2)(image), formula)


def test_lig_answers_a_point_and_no_edge(point, edge):
    response = LIG()(point)
    assert np.unravel_index(response.argmax(), response.shape)[0] in (6, 7)
    assert not LIG()(edge).any()


@pytest.mark.parametrize(('build', 'message'), [
    (lambda: TopHat(size=4), 'size=4: a window has an odd size'),
    (lambda: MSLoG(sigmas=()), 'at least one standard deviation'),
    (lambda: MSLoG(sigmas=2), 'sigmas=2: a list of at least one'),
    (lambda: MSLoG(sigmas=('a',)), 'a list of at least one'),
    (lambda: ADMD(cells=()), r'cells=\(\): a list of at least one'),
    (lambda: ADMD(cells=3), 'cells=3: a list of at least one'),
    (lambda: AAGD(inner=(3, 19)), 'smaller than the outer'),
    (lambda: LIG(ratio=2.0), '0 < ratio < 1'),
])
def test_an_impossible_window_is_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
