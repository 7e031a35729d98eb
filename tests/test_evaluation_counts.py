"""Counters and matching against a second implementation: scikit-image, Python loops, exhaustive search."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from skimage import measure

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.curves import CurveCounter
from irstd_toolbox.evaluation.functional import count_image
from irstd_toolbox.evaluation.protocols import fit, get, score
from irstd_toolbox.evaluation.regions import find_regions, match_optimal
from irstd_toolbox.evaluation.results import score_image


@pytest.fixture(scope='module')
def usual(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    """The benchmark's re-implementation of the field's usual loop."""
    return load_tool('benchmark_metrics')


def blank(*rectangles: tuple[slice, slice], shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    """A map with filled rectangles."""
    mask = np.zeros(shape, dtype=bool)
    for rectangle in rectangles:
        mask[rectangle] = True
    return mask


def box(row: int, column: int, height: int, width: int) -> tuple[slice, slice]:
    return slice(row, row + height), slice(column, column + width)


def random_pairs(number: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Predictions and masks from empty over sparse to crowded, of odd sizes down to one pixel."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(number):
        shape = tuple(rng.integers(1, 50, 2))
        density = rng.choice([0.0, 0.002, 0.02, 0.1, 0.3, 0.6])
        truth = rng.random(shape) < rng.choice([0.0, 0.002, 0.02, 0.1, 0.3])
        moved = np.roll(truth, rng.integers(-3, 4, 2), (0, 1))
        pairs.append((moved ^ (rng.random(shape) < density), truth))
    return pairs


def test_regions_are_those_of_scikit_image_in_the_same_order() -> None:
    for mask, _ in random_pairs(80, seed=1):
        for connectivity, skimage_connectivity in ((8, 2), (4, 1)):
            found = find_regions(mask, connectivity)
            expected = measure.regionprops(measure.label(mask, connectivity=skimage_connectivity))
            assert found.areas.tolist() == [int(region.area) for region in expected]
            assert found.centroids.tolist() == [list(region.centroid) for region in expected]


@pytest.fixture(scope='module')
def random_counts(usual: ModuleType) -> list[tuple[np.ndarray, np.ndarray, dict, dict]]:
    """Random pairs with the counters of the usual loop, with and without its defect."""
    return [
        (prediction, truth, {**usual.usual_overlap(prediction, truth), **usual.usual_detection(prediction, truth)},
         usual.usual_detection(prediction, truth, by_area_value=True))
        for prediction, truth in random_pairs(50, seed=2)]


def test_counters_equal_the_usual_loop_on_random_maps(random_counts: list) -> None:
    for prediction, truth, expected, _ in random_counts:
        counts = count_image(prediction, truth)
        assert {key: getattr(counts, key) for key in expected} == expected


def test_area_value_rule_equals_the_usual_defective_loop_on_random_maps(random_counts: list) -> None:
    for prediction, truth, _, expected in random_counts:
        counts = count_image(prediction, truth, false_alarm='area_value')
        assert {key: getattr(counts, key) for key in expected} == expected


def test_random_maps_tell_the_two_false_alarm_rules_apart(random_counts: list) -> None:
    assert any(sound['false_alarm_pixels'] > defective['false_alarm_pixels'] for *_, sound, defective in random_counts)


def test_pixel_counters_add_up_on_random_maps() -> None:
    for prediction, truth in random_pairs(50, seed=4):
        counts = count_image(prediction, truth)
        assert counts.predicted == prediction.sum()
        assert counts.ground_truth == truth.sum()
        assert counts.union == (prediction | truth).sum()
        assert counts.pixels == counts.false_alarm_base == truth.size


def test_optimal_match_has_the_most_pairs_and_then_the_least_distance_of_all_assignments() -> None:
    rng = np.random.default_rng(5)

    def best(distance: np.ndarray, target: int = 0, taken: tuple[int, ...] = ()) -> tuple[int, float]:
        if target == len(distance):
            return 0, 0.0
        outcomes = [best(distance, target + 1, taken)]
        for region in range(distance.shape[1]):
            if region not in taken and distance[target, region] < 3:
                pairs, length = best(distance, target + 1, (*taken, region))
                outcomes.append((pairs - 1, length + distance[target, region]))
        return min(outcomes)

    for _ in range(100):
        distance = rng.random((rng.integers(0, 5), rng.integers(0, 5))) * 6
        matched = match_optimal(distance)
        rows = np.flatnonzero(matched >= 0)
        pairs, length = best(distance)
        assert len(rows) == len(set(matched[rows].tolist())) == -pairs
        assert distance[rows, matched[rows]].sum() == pytest.approx(length)


def test_distances_near_three_round_as_in_the_usual_loop(usual: ModuleType) -> None:
    for row in range(3, 40):
        truth, prediction = blank(box(row, 5, 1, 3)), blank(box(row + 3, 5, 1, 3))
        truth[row + 1, 5] = prediction[row + 4, 5] = True  # centroids at thirds and quarters
        counts = count_image(prediction, truth)
        assert counts.matched == usual.usual_detection(prediction, truth)['matched']


def test_shooting_equals_loops_over_squares_on_random_maps() -> None:
    for prediction, truth in random_pairs(30, seed=6):
        label = measure.label(truth, connectivity=2)
        hits, zone = set(), np.zeros_like(truth)
        for row, column in zip(*np.nonzero(truth), strict=True):
            if prediction[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].any():
                hits.add(label[row, column])
            zone[max(row - 4, 0) : row + 5, max(column - 4, 0) : column + 5] = True
        counts = count_image(prediction, truth, matching='shooting', false_alarm='outside_zones')
        assert (counts.matched, counts.false_alarm_pixels) == (len(hits), (prediction & ~zone).sum())


def test_a_map_that_is_not_contiguous_counts_as_its_copy() -> None:
    rng = np.random.default_rng(7)
    prediction, truth = rng.random((40, 30)) < 0.1, rng.random((40, 30)) < 0.05
    for rules in ({}, {'matching': 'shooting', 'false_alarm': 'outside_zones'}):
        expected = count_image(prediction.T.copy(), truth.T.copy(), **rules)
        assert count_image(prediction.T, truth.T, **rules) == expected


SURE, DIAGONAL = np.full((4, 4), 0.9), np.eye(4, dtype=bool)


@pytest.mark.parametrize('name', ['canonical', 'dnanet'])  # at native size, and resized, which reads the mask's bytes
@pytest.mark.parametrize(('prediction', 'truth', 'message'), [
    (SURE, DIAGONAL * np.uint8(255), 'the mask is uint8; expected bool. Compare it first'),
    (SURE, DIAGONAL * 1.0, 'the mask is float64; expected bool'),
    ((SURE * 255).astype(np.uint8), DIAGONAL, 'the prediction is uint8; expected probabilities as float, or bool'),
    (9 * SURE, DIAGONAL, 'values from 8.1 to 8.1; expected probabilities 0..1. Apply the sigmoid'),
    (-SURE, DIAGONAL, 'values from -0.9 to -0.9; expected probabilities 0..1'),
    (np.where(DIAGONAL, np.nan, SURE), DIAGONAL, 'values from nan to nan; expected probabilities 0..1'),
    (SURE.tolist(), DIAGONAL, r'the prediction is a list of shape \(4, 4\); expected a numpy array'),
    (SURE[None], DIAGONAL[None], r'the prediction is a ndarray of shape \(1, 4, 4\); expected a numpy array')])
def test_what_would_be_counted_as_something_else_is_refused(
        name: str, prediction: object, truth: np.ndarray, message: str) -> None:
    for use in (score, lambda protocol, *maps: score_image('a', *maps, [protocol]),
                lambda protocol, *maps: CurveCounter(protocol).add(*maps)):
        with pytest.raises(DataError, match=message):
            use(name, prediction, truth)


def test_a_probability_that_is_rounded_above_1_is_one() -> None:
    assert score(get('canonical'), DIAGONAL * (1 + 5e-7), DIAGONAL) == score(get('canonical'), DIAGONAL, DIAGONAL)


@pytest.mark.parametrize('kind', [bool, np.float16])
def test_a_prediction_of_a_kind_that_is_not_resized_is_resized_as_numbers(kind: type) -> None:
    given, numbers = (fit(get('dnanet'), np.tri(4).astype(one), DIAGONAL)[0] for one in (kind, float))
    np.testing.assert_array_equal(given, numbers)
