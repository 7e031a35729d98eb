"""hIoU, its errors and its match: values by hand, a second implementation, and the published toolkit where it is."""

import itertools

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.functional import count_image
from irstd_toolbox.evaluation.hierarchical import (
    count_hierarchical,
    error_analysis,
    hiou,
    losses,
    match_opdc,
    total,
)


def canvas(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A 40x40 map with boxes (top, left, height, width)."""
    mask = np.zeros((40, 40), dtype=bool)
    for top, left, height, width in boxes:
        mask[top:top + height, left:left + width] = True
    return mask


def random_pairs(count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Shifted targets with specks; some without target, some without prediction."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(count):
        truth = canvas(*(tuple(rng.integers((0, 0, 1, 1), (34, 34, 7, 7))) for _ in range(rng.integers(0, 6))))
        shift = tuple(rng.integers(-2, 3, 2))
        prediction = np.roll(truth, shift, (0, 1)) ^ (rng.random(truth.shape) < rng.choice([0, 0.004, 0.02]))
        pairs.append((prediction & (rng.random() > 0.1), truth))
    return pairs


def test_hiou_is_the_sum_of_pair_ious_over_pairs_and_unmatched_ones() -> None:
    truth = canvas((2, 2, 4, 4), (20, 20, 4, 4), (30, 2, 3, 3))
    prediction = canvas((2, 2, 4, 4), (20, 21, 4, 4), (2, 30, 2, 2))
    # pairs of IoU 1 and 12/20; one missed target, one false region
    counts = count_hierarchical(prediction, truth)
    assert (counts.matched, counts.units) == (2, 4)
    assert hiou(counts) == pytest.approx((1 + 0.6) / 4)


def test_the_segmentation_errors_of_a_merged_pair() -> None:
    truth = canvas((10, 10, 4, 4), (10, 16, 4, 2))
    prediction = canvas((10, 11, 4, 6))
    # 12 hit of 16; the region of 24 has 4 pixels on the other target and 8 on none; the union is 28
    errors = error_analysis(count_hierarchical(prediction, truth))
    assert errors['seg_IoU'] == pytest.approx(12 / 28)
    assert errors['seg_merging'] == pytest.approx(4 / 28)
    assert errors['seg_interference'] == pytest.approx(8 / 28)
    assert errors['seg_perception'] == pytest.approx(4 / 28)


def test_two_regions_on_one_target_are_a_many_to_single_error() -> None:
    truth = canvas((10, 10, 3, 3))
    errors = error_analysis(count_hierarchical(canvas((10, 10, 3, 1), (10, 12, 3, 1)), truth))
    assert (errors['loc_IoU'], errors['loc_m2s'], errors['loc_interference']) == (0.5, 0.5, 0.0)


def test_one_region_between_two_targets_is_a_single_to_many_error() -> None:
    truth = canvas((10, 10, 3, 1), (10, 12, 3, 1))
    errors = error_analysis(count_hierarchical(canvas((10, 10, 3, 3)), truth))
    assert (errors['loc_IoU'], errors['loc_s2m'], errors['loc_perception']) == (0.5, 0.5, 0.0)


def test_a_stray_region_and_an_unseen_target_are_interference_and_perception() -> None:
    errors = error_analysis(count_hierarchical(canvas((30, 30, 2, 2)), canvas((5, 5, 2, 2))))
    assert (errors['loc_interference'], errors['loc_perception'], errors['hIoU']) == (0.5, 0.5, 0.0)


def test_hiou_and_its_losses_add_up_to_one() -> None:
    counts = total(count_hierarchical(*pair) for pair in random_pairs(60, seed=1))
    assert hiou(counts) + sum(losses(counts).values()) == pytest.approx(1, abs=1e-12)


def test_a_large_overlap_matches_far_centroids() -> None:
    truth, prediction = canvas((10, 4, 2, 30)), canvas((10, 4, 2, 22))
    assert count_image(prediction, truth).matched == 0
    assert count_hierarchical(prediction, truth).matched == 1


def test_an_overlap_of_exactly_the_bound_matches() -> None:
    truth, prediction = canvas((10, 4, 2, 30)), canvas((10, 4, 2, 15))
    assert count_hierarchical(prediction, truth).matched == 1


def test_pd_and_fa_are_those_of_the_match() -> None:
    truth = canvas((2, 2, 4, 4), (20, 20, 4, 4), (30, 2, 3, 3))
    prediction = canvas((2, 2, 4, 4), (20, 21, 4, 4), (2, 30, 2, 2), (36, 36, 1, 1))
    # two of three targets; four pixels of a matched region lie beside its target and are no false alarm
    found = error_analysis(count_hierarchical(prediction, truth))
    assert (found['Pd'], found['Fa']) == (2 / 3, 5 / 1600)


def test_a_candidate_has_the_least_overlap_or_is_nearer_than_the_bound() -> None:
    truth, half, beside = canvas((10, 4, 2, 30)), canvas((10, 4, 2, 15)), canvas((7, 4, 2, 30))
    counts = [count_hierarchical(half, truth), count_hierarchical(half, truth, min_overlap=0.51),
              count_hierarchical(beside, truth), count_hierarchical(beside, truth, below=3.1)]
    assert [(one.matched, one.unseen, one.stray) for one in counts] == [(1, 0, 0), (0, 1, 1), (0, 1, 1), (1, 0, 0)]


def test_the_legacy_padding_adds_a_target_or_a_region_without_candidate() -> None:
    one = canvas((4, 4, 3, 3))
    counts = [count_hierarchical(*pair, legacy_padding=True) for pair in ((one, canvas()), (canvas(), one))]
    assert [(pair.targets, pair.regions, pair.unseen, pair.stray) for pair in counts] == [(1, 1, 1, 1)] * 2


def test_shares_are_summed_exactly_rounded() -> None:
    tenth = count_hierarchical(canvas((10, 10, 1, 5)), canvas((10, 10, 10, 5)), below=9)
    one_by_one = np.add.accumulate([0.1] * 10)[-1]
    assert tenth.overlap == 0.1 and total([tenth] * 10).overlap == 1 != one_by_one


def test_opdc_loses_an_overlap_when_two_far_pairs_are_shorter_in_sum() -> None:
    overlap, distance = np.array([[0.0, 0.6], [0.0, 0.0]]), np.array([[4.0, 6.0], [12.0, 7.0]])
    assert match_opdc(overlap, distance).tolist() == [-1, -1]


def test_opdc_equals_a_search_over_all_assignments() -> None:
    def shortest(distance: np.ndarray, rows: list[int], columns: list[int]) -> list[tuple[int, int]]:
        if len(rows) > len(columns):
            return [(row, column) for column, row in shortest(distance.T, columns, rows)]
        options = (list(zip(rows, chosen, strict=True)) for chosen in itertools.permutations(columns, len(rows)))
        return min(options, key=lambda pairs: sum(distance[pair] for pair in pairs))

    rng = np.random.default_rng(3)
    for _ in range(60):
        shape = tuple(rng.integers(1, 5, 2))
        overlap, distance = rng.random(shape), 6 * rng.random(shape)
        expected = np.full(shape[0], -1)
        for row, column in shortest(distance, [*range(shape[0])], [*range(shape[1])]):
            expected[row] = column if overlap[row, column] >= 0.5 else -1
        left = [row for row in range(shape[0]) if expected[row] < 0]
        free = [column for column in range(shape[1]) if column not in expected]
        for row, column in shortest(distance, left, free):
            expected[row] = column if distance[row, column] < 3 else -1
        assert match_opdc(overlap, distance).tolist() == expected.tolist()


def test_a_perfect_detector_has_hiou_one_with_empty_images_and_less_with_the_legacy_padding() -> None:
    maps = [canvas((4, 4, 3, 3)), canvas()]
    assert hiou(total(count_hierarchical(one, one) for one in maps)) == 1
    # the empty image adds a phantom region and a phantom target
    assert hiou(total(count_hierarchical(one, one, legacy_padding=True) for one in maps)) == pytest.approx(1 / 3)


def test_nothing_at_all_is_undefined() -> None:
    assert np.isnan(hiou(count_hierarchical(canvas(), canvas())))


@pytest.mark.parametrize(('prediction', 'message'), [
    (np.zeros((40, 40)), 'float64'), (np.zeros((40, 41), dtype=bool), r'\(40, 41\)')])
def test_maps_that_do_not_fit_are_refused(prediction: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        count_hierarchical(prediction, canvas())


@pytest.mark.parametrize(('name', 'value'), [('min_overlap', 0), ('min_overlap', 1.1), ('below', 0)])
def test_a_bound_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f'{name}={value}[,;]'):
        count_hierarchical(canvas(), canvas(), **{name: value})


@pytest.mark.parametrize('legacy', ['hiou', 'shooting'])
def test_pyirstdmetrics_counts_the_same(legacy: str) -> None:
    theirs = pytest.importorskip('py_irstd_metrics.targetwise_metrics', reason=(
        'pyirstdmetrics is not installed; it demands numpy < 2: pip install --no-deps pyirstdmetrics'))
    pairs = random_pairs(80, seed=5)
    if legacy == 'shooting':
        other = theirs.ShootingRuleBasedProbabilityDetectionAndFalseAlarmRate()
        counts = [count_image(*pair, matching='shooting', false_alarm='outside_zones') for pair in pairs]
        for prediction, truth in pairs:
            other.update(prediction.astype(float), truth)
        assert sum(one.matched for one in counts) == other.tp_objs[0]
        assert sum(one.false_alarm_pixels for one in counts) == other.fp_area[0]
        return
    metrics, analysis = theirs.MatchingBasedMetrics(), theirs.HierarchicalIoUBasedErrorAnalysis()
    for prediction, truth in pairs:
        metrics.update(prediction.astype(float), truth)
        analysis.update(prediction.astype(float), truth)
    found = error_analysis(total(count_hierarchical(*pair, legacy_padding=True) for pair in pairs))
    expected = metrics.get() | analysis.get()
    for ours, name in dict(
            hIoU='hiou', Pd='probability_detection', Fa='false_alarm', seg_IoU='seg_iou', seg_merging='seg_mrg_err',
            seg_interference='seg_itf_err', seg_perception='seg_pcp_err', loc_IoU='loc_iou', loc_m2s='loc_m2s_err',
            loc_s2m='loc_s2m_err', loc_interference='loc_itf_err', loc_perception='loc_pcp_err').items():
        assert found[ours] == pytest.approx(float(np.ravel(expected[name])[0]), abs=1e-12), ours
