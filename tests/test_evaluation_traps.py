"""The traps of the field's metric code as minimal cases with figures by hand, and the errors."""

from collections.abc import Callable

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.functional import count_image, niou, total, two_class
from irstd_toolbox.evaluation.protocols import Protocol, score
from irstd_toolbox.evaluation.regions import distances, find_regions, match_greedy


def blank(*rectangles: tuple[slice, slice], shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    """A map with filled rectangles."""
    mask = np.zeros(shape, dtype=bool)
    for rectangle in rectangles:
        mask[rectangle] = True
    return mask


def box(row: int, column: int, height: int, width: int) -> tuple[slice, slice]:
    return slice(row, row + height), slice(column, column + width)


def test_a_false_blob_of_a_matched_area_is_counted_by_canonical_rules_and_lost_by_area_value() -> None:
    truth = blank(box(10, 10, 4, 4))
    prediction = truth | blank(box(40, 40, 4, 4))
    assert count_image(prediction, truth).false_alarm_pixels == 16
    assert count_image(prediction, truth, false_alarm='area_value').false_alarm_pixels == 0


def test_three_single_false_pixels_beside_a_matched_single_are_counted_or_lost() -> None:
    truth = blank(box(10, 10, 1, 1))
    prediction = truth | blank(box(40, 40, 1, 1), box(50, 10, 1, 1), box(30, 60, 1, 1))
    assert count_image(prediction, truth).false_alarm_pixels == 3
    assert count_image(prediction, truth, false_alarm='area_value').false_alarm_pixels == 0


def test_area_value_keeps_false_regions_of_other_areas_as_often_as_they_occur() -> None:
    truth = blank(box(10, 10, 4, 4))
    prediction = truth | blank(box(40, 40, 2, 2), box(50, 10, 2, 2), box(30, 58, 4, 4))
    assert count_image(prediction, truth, false_alarm='area_value').false_alarm_pixels == 8


def greedy_not_nearest() -> tuple[np.ndarray, np.ndarray]:
    """Two targets 4 px apart and two regions: the first target's first free region is the second's only one."""
    return blank(box(9, 12, 1, 1), box(11, 9, 1, 1)), blank(box(10, 10, 1, 1), box(10, 14, 1, 1))


def test_greedy_takes_the_first_free_region_and_not_the_nearest() -> None:
    prediction, truth = greedy_not_nearest()
    apart = distances(find_regions(truth), find_regions(prediction))
    assert apart.round(2).tolist() == [[2.24, 1.41], [2.24, 5.1]]
    assert count_image(prediction, truth).matched == 1


@pytest.mark.parametrize('flip', [np.flipud, np.fliplr, np.transpose])
def test_greedy_counts_another_number_on_some_turned_image(flip: Callable[[np.ndarray], np.ndarray]) -> None:
    prediction, truth = greedy_not_nearest()
    turned = count_image(np.ascontiguousarray(flip(prediction)), np.ascontiguousarray(flip(truth)))
    assert turned.matched == 2


def test_optimal_matching_finds_both_targets_where_greedy_finds_one() -> None:
    assert count_image(*greedy_not_nearest(), matching='optimal').matched == 2


def test_a_false_speck_that_comes_first_takes_the_match_and_the_true_region_is_charged() -> None:
    truth = blank(box(10, 10, 2, 5))
    prediction = truth | blank(box(8, 12, 1, 1))
    counts = count_image(prediction, truth)
    assert (counts.matched, counts.false_alarm_pixels) == (1, 10)
    turned = count_image(np.flipud(prediction).copy(), np.flipud(truth).copy())
    assert (turned.matched, turned.false_alarm_pixels) == (1, 1)


def test_regions_are_ordered_by_first_pixel_and_not_by_two_by_two_blocks() -> None:
    truth = blank(box(2, 4, 1, 1))
    prediction = blank(box(0, 5, 1, 1), box(1, 2, 1, 3))  # block order would meet the lower left region first
    prediction[1, 4] = False
    counts = count_image(prediction, truth)
    assert counts.false_alarm_pixels == 2
    assert find_regions(prediction).areas.tolist() == [1, 2]


def test_an_all_ones_prediction_has_no_false_alarm_when_the_target_is_central() -> None:
    truth = blank(box(31, 31, 2, 2))
    counts = count_image(np.ones((64, 64), dtype=bool), truth)
    assert (counts.matched, counts.false_alarm_pixels, counts.intersection, counts.union) == (1, 0, 4, 4096)


def test_half_of_a_long_target_is_a_miss_and_its_true_pixels_are_false_alarms() -> None:
    truth = blank(box(10, 10, 4, 20))
    counts = count_image(blank(box(10, 10, 4, 10)), truth)
    assert (counts.matched, counts.false_alarm_pixels, counts.intersection, counts.union) == (0, 40, 40, 80)


def test_one_blob_over_two_targets_matches_one_of_them_and_hits_both_by_overlap() -> None:
    truth = blank(box(10, 10, 2, 2), box(10, 13, 2, 2))
    prediction = blank(box(10, 10, 2, 5))
    assert (count_image(prediction, truth).matched, count_image(prediction, truth).false_alarm_pixels) == (1, 0)
    assert count_image(prediction, truth, matching='overlap').matched == 2


def test_the_second_half_of_a_split_target_is_a_false_alarm() -> None:
    truth = blank(box(10, 10, 3, 7))
    prediction = blank(box(10, 10, 3, 3), box(10, 14, 3, 3))
    counts = count_image(prediction, truth)
    assert (counts.matched, counts.false_alarm_pixels, counts.false_alarm_regions) == (1, 9, 1)
    assert count_image(prediction, truth, false_alarm='area_value').false_alarm_pixels == 0


@pytest.mark.parametrize('shift', [(0, 3), (3, 0), (0, -3), (-3, 0)])
def test_a_distance_of_exactly_three_is_no_match(shift: tuple[int, int]) -> None:
    truth = blank(box(20, 20, 2, 2))
    assert count_image(np.roll(truth, shift, (0, 1)), truth).matched == 0


def test_a_distance_just_below_three_is_a_match() -> None:
    truth = blank(box(20, 20, 2, 2))
    assert count_image(np.roll(truth, (2, 2), (0, 1)), truth).matched == 1


def test_diagonal_neighbours_are_one_target_with_8_and_two_with_4_connectivity() -> None:
    truth = np.eye(64, dtype=bool)[:2].repeat(1, axis=0)
    assert count_image(truth, truth).targets == 1
    assert count_image(truth, truth, connectivity=4).targets == 2


def test_an_empty_image_without_prediction_counts_nothing_but_its_pixels() -> None:
    counts = count_image(blank(), blank())
    assert counts.pixels == 4096
    assert (counts.union, counts.targets, counts.matched, counts.false_alarm_pixels) == (0, 0, 0, 0)


def test_a_prediction_on_an_empty_image_is_all_false_alarm() -> None:
    counts = count_image(blank(box(5, 5, 3, 3)), blank())
    assert (counts.false_alarm_pixels, counts.false_alarm_regions, counts.false_alarm_base) == (9, 1, 4096)


def test_background_base_leaves_images_without_targets_out() -> None:
    counts = count_image(
        blank(box(5, 5, 3, 3)), blank(), matching='overlap', false_alarm='off_target',
        false_alarm_base='background_of_images_with_targets')
    assert (counts.false_alarm_pixels, counts.false_alarm_base, counts.pixels) == (0, 0, 4096)


def test_background_base_is_the_background_of_an_image_with_targets() -> None:
    truth = blank(box(5, 5, 3, 3))
    counts = count_image(
        blank(box(5, 5, 3, 5)), truth, matching='overlap', false_alarm='off_target',
        false_alarm_base='background_of_images_with_targets')
    assert (counts.matched, counts.false_alarm_pixels, counts.false_alarm_base) == (1, 6, 4096 - 9)


def test_shooting_hits_a_target_one_pixel_away_and_forgives_a_nine_by_nine_zone() -> None:
    truth = blank(box(20, 20, 1, 1))
    rules = {'matching': 'shooting', 'false_alarm': 'outside_zones'}
    near, off, zone, far = (count_image(blank(box(20, column, 1, 1)), truth, **rules) for column in (21, 22, 24, 25))
    assert (near.matched, near.false_alarm_pixels) == (1, 0)
    assert (off.matched, off.false_alarm_pixels) == (0, 0)
    assert (zone.matched, zone.false_alarm_pixels) == (0, 0)
    assert (far.matched, far.false_alarm_pixels, far.false_alarm_regions) == (0, 1, 1)


def test_a_region_is_a_targets_that_overlaps_one_or_by_the_shooting_rule_enters_its_zone() -> None:
    truth = blank(box(20, 20, 2, 2))
    overlapping, in_zone, far = box(21, 21, 2, 2), box(20, 25, 1, 3), box(40, 40, 3, 3)
    regions = {rule: count_image(blank(overlapping, in_zone, far), truth, matching=rule).false_alarm_regions
               for rule in ('overlap', 'shooting')}
    assert regions == {'overlap': 2, 'shooting': 1}


def test_connectivity_holds_for_the_prediction_too() -> None:
    prediction = np.eye(64, dtype=bool) & blank(box(10, 10, 2, 2))
    assert [count_image(prediction, blank(), connectivity=way).regions for way in (8, 4)] == [1, 2]


@pytest.mark.parametrize('matching', ['greedy', 'optimal'])
def test_a_match_is_nearer_than_the_distance_that_is_told(matching: str) -> None:
    truth = blank(box(20, 20, 2, 2))
    prediction = np.roll(truth, 4, 0).astype(float)
    rules = [Protocol('own', '', matching=matching, below=below) for below in (4, 4.1)]
    assert [score(protocol, prediction, truth).matched for protocol in rules] == [0, 1]


def test_the_background_class_is_measured_over_the_true_background() -> None:
    found = two_class(count_image(blank(box(10, 12, 4, 8)), blank(box(10, 10, 4, 4))))  # 8 common, 40 in all
    assert found['mAcc'] == pytest.approx((8 / 16 + (4096 - 40) / (4096 - 16)) / 2)
    assert found['mIoU'] == pytest.approx((8 / 40 + (4096 - 40) / (4096 - 8)) / 2)


def test_a_class_that_does_not_occur_is_left_out_of_the_mean() -> None:
    assert two_class(count_image(blank(), blank())) == {'mIoU': 1, 'mAcc': 1, 'aAcc': 1}


def test_a_mean_over_images_is_that_of_an_exactly_rounded_sum() -> None:
    tenth = count_image(blank(box(5, 5, 1, 1)), blank(box(5, 5, 1, 10)))
    assert niou([tenth] * 10) == 0.1 != np.add.accumulate([0.1] * 10)[-1] / 10  # one after the other


def test_shooting_finds_a_target_in_the_image_corner() -> None:
    truth = blank(box(0, 0, 1, 1))
    counts = count_image(truth, truth, matching='shooting', false_alarm='outside_zones')
    assert (counts.matched, counts.false_alarm_pixels) == (1, 0)


def test_totals_are_sums_and_zero_without_images() -> None:
    truth = blank(box(5, 5, 3, 3))
    counts = [count_image(truth, truth), count_image(blank(), truth)]
    assert (total(counts).targets, total(counts).matched, total(counts).pixels) == (2, 1, 8192)
    assert total([]).pixels == 0


def test_greedy_gives_no_region_twice() -> None:
    assert match_greedy(np.array([[1.0], [0.5]])).tolist() == [0, -1]


def test_maps_of_different_size_are_an_error_with_both_sizes() -> None:
    with pytest.raises(DataError, match=r'shape \(64, 64\) and the mask \(64, 32\)'):
        count_image(blank(), blank(shape=(64, 32)))


def test_maps_that_are_not_boolean_are_an_error_that_asks_for_a_threshold() -> None:
    with pytest.raises(DataError, match='is float64 and the mask bool; expected bool. Apply the threshold'):
        count_image(np.zeros((64, 64)), blank())
    with pytest.raises(DataError, match='is bool and the mask uint8; expected bool.'):
        count_image(blank(), blank().astype(np.uint8))


@pytest.mark.parametrize('rule', ['matching', 'false_alarm', 'false_alarm_base'])
def test_an_unknown_rule_is_an_error_that_lists_the_known_ones(rule: str) -> None:
    with pytest.raises(ConfigError, match=f"{rule} is 'nearest'; expected one of .*, "):
        count_image(blank(), blank(), **{rule: 'nearest'})


def test_an_unknown_connectivity_is_an_error() -> None:
    with pytest.raises(ConfigError, match='connectivity is 6; expected 8 or 4'):
        count_image(blank(), blank(), connectivity=6)
