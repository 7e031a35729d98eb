"""Places of enlarged insets inside a picture: they hide nothing and lie near what they enlarge. Maps of its size."""

import numpy as np
import pytest

from irstd_toolbox.errors import DataError
from irstd_toolbox.visualization.findings import Finding, at_image_size
from irstd_toolbox.visualization.insets import place_insets, shared_insets


def test_an_inset_covers_nothing_that_is_occupied():
    rng = np.random.default_rng(1)
    for _ in range(8):
        occupied = np.zeros((100, 120), bool)
        for row, column in rng.integers(0, 95, (5, 2)):
            occupied[row:row + 6, column:column + 6] = True
        for top, left, bottom, right in place_insets([(0, 0, 15, 15), (80, 80, 95, 95)], occupied):
            assert 0 <= top < bottom <= 100 and 0 <= left < right <= 120
            assert not occupied[top:bottom, left:right].any()


def test_two_insets_do_not_cover_one_another():
    first, second = place_insets([(10, 10, 20, 20), (12, 12, 22, 22)], np.zeros((100, 100), bool))
    covered = np.zeros((100, 100), int)
    for top, left, bottom, right in (first, second):
        covered[top:bottom, left:right] += 1
    assert covered.max() == 1


def test_where_everything_is_occupied_there_is_no_inset():
    assert place_insets([(0, 0, 15, 15)], np.ones((60, 60), bool)) == []


def test_an_inset_shrinks_to_a_gap_that_is_left():
    occupied = np.ones((100, 100), bool)
    occupied[:28, :28] = False
    assert place_insets([(70, 70, 85, 85)], occupied) == [(0, 0, 26, 26)]


def test_an_inset_hides_no_window_and_no_finding_of_any_picture():
    corner = np.array([[23, 10], [23, 11]])  # whose window reaches farther than its circles
    for pixels in (corner, *np.random.default_rng(2).integers(0, (48, 64), (20, 2, 2))):
        hidden, near = np.zeros((2, 48, 64), bool)
        for row, column in pixels:
            near[max(row - 3, 0):row + 4, max(column - 3, 0):column + 4] = True
        shown = shared_insets([[Finding('miss', pixel[None])] for pixel in pixels], (48, 64), 1)
        for window, place in shown:
            near[window[0]:window[2], window[1]:window[3]] = True
            hidden[place[0]:place[2], place[1]:place[3]] = True
        assert shown and not (near & hidden).any()


def test_what_lies_in_a_window_has_none_of_its_own():
    found = [Finding('miss', np.array([place])) for place in ((20, 20), (20, 24), (70, 70))]
    windows = [window for window, _ in shared_insets([found], (100, 100), 3)]
    assert windows == [(13, 13, 28, 28), (63, 63, 78, 78)]


def test_a_map_at_a_protocols_size_comes_back_to_its_image():
    grown = np.repeat(np.repeat(np.eye(32), 8, axis=0), 8, axis=1)
    np.testing.assert_array_equal(at_image_size(grown, (32, 32)), np.eye(32))


def test_a_map_at_no_known_size_is_not_resized():
    with pytest.raises(DataError, match=r'is 40x30 \(width x height\), its image 32x24; .*: 256x256, 512x512\.'):
        at_image_size(np.zeros((30, 40)), (24, 32))


def test_of_a_low_picture_the_whole_height_is_enlarged_and_no_less_than_what_was_found():
    (window, _), = shared_insets([[Finding('miss', np.array([[4, 40], [4, 51]]))]], (10, 100), 1)
    assert window == (0, 28, 10, 64)
