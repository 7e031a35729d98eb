"""Intervals and tests over images: the resamples written as loops, hand-made cases, seeds, speed."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.functional import ImageCounts
from irstd_toolbox.evaluation.protocols import get
from irstd_toolbox.evaluation.results import measure
from irstd_toolbox.evaluation.significance import METRICS, Interval, compare, intervals, leave_one_out

CANONICAL, LGNET = get('canonical'), get('lgnet')


def image(hit: int, *, missed: int = 0, false: int = 0, found: int = 1, targets: int = 1) -> ImageCounts:
    """An image of 1000 pixels with so many target pixels hit and missed, and false ones."""
    return ImageCounts(hit, hit + missed + false, hit + false, hit + missed, targets, targets, found, false,
                       int(false > 0), 1000, 1000)


def random_images(count: int, seed: int) -> list[ImageCounts]:
    rng = np.random.default_rng(seed)
    return [image(int(hit), missed=int(missed), false=int(false), found=int(rng.integers(0, targets + 1)),
                  targets=int(targets))
            for hit, missed, false, targets in rng.integers((0, 0, 0, 0), (9, 9, 9, 4), (count, 4))]


@pytest.mark.parametrize('protocol', [CANONICAL, LGNET], ids=lambda one: one.name)
def test_the_values_are_those_of_measure(protocol) -> None:
    images = [*random_images(40, 0), dataclasses.replace(image(1, false=9), false_alarm_base=100)]
    found, expected = intervals(images, protocol, resamples=10), measure(protocol, images)
    assert {name: found[name].value for name in METRICS} == pytest.approx({name: expected[name] for name in METRICS})


@pytest.mark.parametrize('protocol', [CANONICAL, LGNET], ids=lambda one: one.name)
def test_the_interval_is_that_of_measuring_every_resample(protocol) -> None:
    images = random_images(12, 1)
    random = np.random.default_rng([7, 0])
    drawn = [measure(protocol, [images[index] for index in row]) for row in random.integers(12, size=(300, 12))]
    found = intervals(images, protocol, resamples=300, level=0.9, seed=7)
    for name in METRICS:
        expected = np.nanquantile([one[name] for one in drawn], [0.05, 0.95])
        assert (found[name].low, found[name].high) == pytest.approx(tuple(expected)), name


def test_equal_images_leave_no_doubt() -> None:
    found = intervals([image(3, missed=1)] * 5, CANONICAL, resamples=50)['IoU']
    assert (found.value, found.low, found.high) == (0.75, 0.75, 0.75)


def test_a_method_does_not_differ_from_itself() -> None:
    images = random_images(30, 2)
    for name, one in compare(images, images, CANONICAL, resamples=200).items():
        assert (one.difference.low, one.difference.high, one.p_permutation, one.p_sign) == (0, 0, 1, 1), name


def test_the_interval_of_the_difference_is_paired() -> None:
    first = random_images(40, 3)
    second = [image(one.intersection + 1, missed=one.ground_truth - one.intersection, false=one.false_alarm_pixels,
                    found=one.matched, targets=one.targets) for one in first]
    found = compare(first, second, CANONICAL, resamples=500)['IoU']
    alone = intervals(first, CANONICAL, resamples=500)['IoU']
    assert 0 < found.difference.low < found.difference.value < found.difference.high
    assert found.difference.high - found.difference.low < (alone.high - alone.low) / 2


def test_the_permutation_p_is_near_that_of_all_exchanges() -> None:
    first, second = random_images(8, 4), random_images(8, 5)
    def difference(one: list, other: list) -> float:
        return measure(CANONICAL, other)['IoU'] - measure(CANONICAL, one)['IoU']
    observed = abs(difference(first, second))
    exchanged = [
        difference([b if swap else a for a, b, swap in zip(first, second, swaps, strict=True)],
                   [a if swap else b for a, b, swap in zip(first, second, swaps, strict=True)])
        for swaps in itertools.product((False, True), repeat=8)]
    exact = np.mean(np.abs(exchanged) >= observed - 1e-12)
    assert compare(first, second, CANONICAL, resamples=20_000)['IoU'].p_permutation == pytest.approx(exact, abs=0.015)


def test_the_permutation_p_is_never_zero() -> None:
    first, second = [image(1, missed=9)] * 40, [image(9, missed=1)] * 40
    assert compare(first, second, CANONICAL, resamples=99)['IoU'].p_permutation == 0.01


def test_the_sign_test_counts_images_and_leaves_ties_out() -> None:
    first = [image(1, missed=1)] * 7
    second = [image(2)] * 5 + [image(0, missed=2)] + [image(1, missed=1)]
    found = compare(first, second, CANONICAL, resamples=10)['nIoU']
    assert (found.higher, found.lower, found.ties) == (5, 1, 1)
    assert found.p_sign == pytest.approx(2 * (1 + 6) / 2 ** 6)  # at most one of six coins, both sides


def test_a_metric_without_denominator_is_nan() -> None:
    found = compare([image(0, targets=0, found=0)] * 3, [image(0, targets=0, found=0)] * 3, CANONICAL, resamples=10)
    assert math.isnan(found['Pd'].first) and math.isnan(found['Pd'].p_permutation)


def test_fa_is_over_the_base_of_the_protocol() -> None:
    images = [dataclasses.replace(image(1, false=false), false_alarm_base=base) for false, base in ((6, 500), (9, 0))]
    assert intervals(images, CANONICAL, resamples=10)['Fa'].value == measure(CANONICAL, images)['Fa'] == 15 / 500


def test_draws_on_which_a_metric_is_undefined_are_left_out() -> None:
    empty = image(0, targets=0, found=0)
    assert intervals([image(3), empty, empty], CANONICAL, resamples=200)['Pd'] == Interval(1, 1, 1)


def test_exchanges_on_which_a_metric_is_undefined_are_left_out() -> None:
    blank, false = image(0, targets=0, found=0), image(0, false=5, targets=0, found=0)
    # exchanged on one image of two, one method predicts on both and the other, whose IoU is then 0 / 0, on none
    assert compare([blank, false], [false, blank], CANONICAL, resamples=99)['IoU'].p_permutation == 1


@pytest.mark.parametrize(('protocol', 'expected'), [
    (CANONICAL, 0.5), (LGNET, 0.25), (dataclasses.replace(CANONICAL, empty_niou='one'), 0.75)],
    ids=['skip', 'zero', 'one'])
def test_an_image_without_any_pixel_adds_to_niou_what_the_protocol_says(protocol, expected: float) -> None:
    images = [image(1, missed=1), image(0, targets=0, found=0)]
    assert intervals(images, protocol, resamples=10)['nIoU'].value == measure(protocol, images)['nIoU'] == expected


def test_an_image_on_which_either_method_is_undefined_is_no_tie() -> None:
    blank, false = image(0, targets=0, found=0), image(0, false=5, targets=0, found=0)
    found = compare([blank, blank, image(1)], [blank, false, image(1)], CANONICAL, resamples=10)['IoU']
    assert (found.higher, found.lower, found.ties) == (0, 0, 1)


def test_the_seed_decides_the_interval() -> None:
    images = random_images(30, 6)
    one, same, other = (intervals(images, CANONICAL, resamples=100, seed=seed) for seed in (1, 1, 2))
    assert one == same != other


def test_bad_input_is_refused() -> None:
    with pytest.raises(DataError, match='no image'):
        intervals([], CANONICAL)
    with pytest.raises(DataError, match='3 and 2 images'):
        compare([image(1)] * 3, [image(1)] * 2, CANONICAL)
    with pytest.raises(ConfigError, match='seed=-1; expected .* a seed from 0'):
        intervals([image(1)], CANONICAL, seed=-1)
    with pytest.raises(ConfigError, match='level=95'):
        intervals([image(1)], CANONICAL, level=95)


@pytest.mark.parametrize('protocol', [CANONICAL, LGNET], ids=lambda one: one.name)
def test_without_an_image_the_difference_is_that_of_measuring_the_others(protocol) -> None:
    first, second = random_images(9, 4), random_images(9, 5)
    found = leave_one_out(first, second, protocol)
    for left in range(9):
        others = [measure(protocol, [image for place, image in enumerate(images) if place != left])
                  for images in (first, second)]
        for name in METRICS:
            assert found[name][left] == pytest.approx(others[1][name] - others[0][name]), (name, left)


def test_without_the_only_target_there_is_no_difference_of_pd() -> None:
    found = leave_one_out([image(3), image(0, targets=0, found=0)], [image(2), image(0, targets=0, found=0)], CANONICAL)
    assert math.isnan(found['Pd'][0]) and found['Pd'][1] == 0
    with pytest.raises(DataError, match='2 and 1 images'):
        leave_one_out([image(3)] * 2, [image(3)], CANONICAL)
