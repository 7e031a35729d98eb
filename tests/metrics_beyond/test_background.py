"""SCRG, BSF and CG: values by hand, their relation, and neighbourhoods without clutter."""

import math

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.background import Clutter, measure_clutter, summarise_clutter


@pytest.fixture
def scene() -> tuple[np.ndarray, np.ndarray]:
    """A checkerboard of 8 and 12 (mean 10, deviation 2) with a 2x2 target of 30, and its mask."""
    image = np.tile([[8.0, 12.0], [12.0, 8.0]], (20, 20))
    truth = np.zeros(image.shape, dtype=bool)
    truth[10:12, 14:16] = True
    image[truth] = 30
    return image, truth


def one(image: np.ndarray, response: np.ndarray, truth: np.ndarray, **options: object) -> Clutter:
    found, = measure_clutter(image, response, truth, **options)
    return found


def test_the_values_of_a_checkerboard(scene: tuple) -> None:
    image, truth = scene
    response = np.where(truth, 50.0, (image - 10) / 4)  # background of mean 0, deviation 0.5
    found = one(image, response, truth, rescale=False)
    assert (found.scr_in, found.scr_out) == pytest.approx((10, 100))
    assert (found.scrg, found.bsf, found.cg) == pytest.approx((10, 4, 2.5))


def test_scrg_is_bsf_times_cg_and_does_not_depend_on_the_scale(scene: tuple) -> None:
    image, truth = scene
    response = np.random.default_rng(0).random(image.shape) + 3 * truth
    scaled, raw = (one(image, response, truth, rescale=rescale) for rescale in (True, False))
    assert scaled.scrg == pytest.approx(raw.scrg)
    assert scaled.bsf * scaled.cg == pytest.approx(scaled.scrg)
    assert scaled.bsf != pytest.approx(raw.bsf)


@pytest.mark.parametrize(('place', 'distance'), [
    ((0, 14), 10), ((22, 15), 11), ((10, 0), 14), ((11, 30), 15)], ids=['above', 'below', 'left', 'right'])
def test_only_the_neighbourhood_counts(scene: tuple, place: tuple[int, int], distance: int) -> None:
    image, truth = scene
    far = image.copy()
    far[place] = 1000
    for margin, is_inside in ((distance - 1, False), (distance, True)):
        changed, plain = (one(values, values, truth, margin=margin, rescale=False) for values in (far, image))
        assert (changed != plain) is is_inside


def test_a_neighbourhood_reaches_20_pixels_unless_told_otherwise(scene: tuple) -> None:
    image, truth = scene
    reached = []
    for row in (31, 32):
        far = image.copy()
        far[row, 15] = 1000
        reached.append(one(far, far, truth, rescale=False) != one(image, image, truth, rescale=False))
    assert reached == [True, False]


def test_image_and_response_are_brought_to_the_range_from_0_to_1(scene: tuple) -> None:
    image, truth = scene
    found = one(image, np.where(truth, 50.0, (image - 10) / 4), truth)  # of 8 to 30, and of -0.5 to 50
    assert (found.contrast_in, found.deviation_in) == pytest.approx((20 / 22, 2 / 22))
    assert (found.contrast_out, found.deviation_out) == pytest.approx((50 / 50.5, 0.5 / 50.5))


def test_a_target_as_grey_as_its_neighbourhood_has_no_scrg_but_a_bsf(scene: tuple) -> None:
    image, truth = scene
    summary = summarise_clutter([one(np.where(truth, 10.0, image), image / 2, truth, rescale=False)])
    assert summary['undefined'] == 1 and math.isnan(summary['SCRG']) and summary['BSF'] == pytest.approx(2)


def test_other_targets_belong_to_no_neighbourhood(scene: tuple) -> None:
    image, truth = scene
    both = truth.copy()
    both[10:12, 20:22] = True
    bright = np.where(both, 30.0, image)
    first, second = measure_clutter(bright, bright, both, margin=8, rescale=False)
    assert first.scr_in == pytest.approx(10) and second.scr_in == pytest.approx(10)


def test_a_flat_response_has_an_infinite_gain_and_is_counted(scene: tuple) -> None:
    image, truth = scene
    found = one(image, truth.astype(float), truth)
    assert math.isinf(found.scrg) and math.isinf(found.bsf)
    summary = summarise_clutter([found, Clutter(1, 4, 1, 2)])
    assert (summary['flat'], summary['SCRG'], summary['SCRG_median']) == (1, 2, math.inf)


def test_a_target_that_a_blank_response_misses_lowers_the_gain(scene: tuple) -> None:
    image, truth = scene
    missed = one(image, np.zeros_like(image), truth)
    assert (missed.scr_out, missed.scrg, missed.cg, missed.bsf) == (0, 0, 0, math.inf)
    summary = summarise_clutter([missed, Clutter(1, 4, 1, 2), Clutter(1, 8, 1, 2)])
    assert (summary['SCRG'], summary['SCRG_median'], summary['flat'], summary['undefined']) == (2, 2, 0, 0)


def test_a_flat_image_has_no_gain(scene: tuple) -> None:
    _, truth = scene
    flat = np.where(truth, 0.3, 0.1)
    found = one(flat, np.random.default_rng(0).random(flat.shape), truth)
    assert found.scr_in == math.inf and math.isnan(found.scrg) and math.isnan(found.bsf)
    assert summarise_clutter([found])['undefined'] == 1


def test_rounding_is_no_clutter(scene: tuple) -> None:
    image, truth = scene
    response = truth + 0.1 + np.random.default_rng(0).random(image.shape) * 1e-15
    assert one(image, response, truth, rescale=False).deviation_out == 0
    assert one(image, response - 0.1, truth, rescale=False).deviation_out == 0  # beside the 1 of the target
    assert one(image, response * 1e9, truth, rescale=False).deviation_out == 0


def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    summary = summarise_clutter([Clutter(1, gain, 1, 1) for gain in (1, 9, 2, 4)])
    assert (summary['SCRG'], summary['SCRG_median'], summary['CG_median'], summary['BSF_median']) == (4, 3, 3, 1)


def test_an_image_that_is_all_target_is_undefined() -> None:
    truth = np.ones((4, 4), dtype=bool)
    assert math.isnan(one(truth * 1.0, truth * 1.0, truth).scr_in)


def test_an_image_without_target_has_no_entry(scene: tuple) -> None:
    image, truth = scene
    assert measure_clutter(image, image, np.zeros_like(truth)) == []
    assert math.isnan(summarise_clutter([])['SCRG'])


def test_bad_input_is_refused(scene: tuple) -> None:
    image, truth = scene
    with pytest.raises(DataError, match='one size'):
        measure_clutter(image, image[1:], truth)
    with pytest.raises(DataError, match='response holds 1 values'):
        measure_clutter(image, np.where(image == image.max(), image, image) + _nan_at(image.shape), truth)
    with pytest.raises(ConfigError, match='margin=0'):
        measure_clutter(image, image, truth, margin=0)


def _nan_at(shape: tuple[int, int]) -> np.ndarray:
    values = np.zeros(shape)
    values[3, 3] = np.nan
    return values
