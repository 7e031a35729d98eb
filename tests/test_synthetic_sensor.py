"""Synthetic backgrounds and the sensor: spectra, noise, blur, fixed pattern, vignetting, codes."""

import numpy as np
import pytest
from scipy import ndimage

from irstd_toolbox.datasets.synthetic import CLUTTER
from irstd_toolbox.datasets.synthetic.clutter import fractal
from irstd_toolbox.datasets.synthetic.sensor import quantize, sense


@pytest.mark.parametrize('kind', sorted(CLUTTER))
def test_clutter_lies_in_the_grey_range_of_a_sensor(kind):
    for seed in range(5):
        scene = CLUTTER[kind](np.random.default_rng(seed), (96, 120))
        assert scene.shape == (96, 120)
        assert np.quantile(scene, 0.01) > 30 and np.quantile(scene, 0.99) < 255
        assert scene.std() > 4


def test_the_spectrum_of_a_fractal_falls_with_its_slope():
    field = fractal(np.random.default_rng(0), (256, 256), 2.0)
    window = np.hanning(256)[:, None] * np.hanning(256)
    power = np.abs(np.fft.fft2(field * window)) ** 2
    radius = np.hypot(*np.meshgrid(*[np.fft.fftfreq(256) * 256] * 2))
    rings = [power[(radius >= r) & (radius < 1.25 * r)].mean() for r in (8, 16, 32, 64)]
    slope = np.polyfit(np.log([8, 16, 32, 64]), np.log(rings), 1)[0]
    assert slope == pytest.approx(-4.0, abs=0.25)


def test_a_stretched_fractal_is_longer_along_x_by_its_factor():
    field = fractal(np.random.default_rng(0), (256, 256), 2.0, stretch=3.0, coarsest=16.0)
    for lag in (2, 4):
        down, across = field[lag:] - field[:-lag], field[:, 3 * lag:] - field[:, :-3 * lag]
        assert (across**2).mean() == pytest.approx((down**2).mean(), rel=0.1)


def test_a_fractal_holds_next_to_nothing_coarser_than_told():
    fields = [fractal(np.random.default_rng(0), (256, 256), 1.6, coarsest=coarsest) for coarsest in (0.0, 16.0)]
    smooth = [ndimage.uniform_filter(field, 64)[32:-32, 32:-32].std() for field in fields]
    assert smooth[0] > 0.5 and smooth[1] < 0.05


@pytest.mark.parametrize('level', [40.0, 128.0, 200.0])
def test_the_noise_is_read_noise_and_shot_noise(level):
    frame = sense(np.random.default_rng(0), np.full((400, 400), level), noise=2.0)
    within_columns = np.sqrt(frame.var(axis=0).mean())
    assert within_columns == pytest.approx(2.0 * np.sqrt(0.5 + 0.5 * level / 128), rel=0.02)


def test_the_optics_blur_by_half_a_pixel_to_four_fifths():
    point = np.full((41, 41), 50.0)
    point[20, 20] = 250.0
    for seed in range(8):
        spread = sense(np.random.default_rng(seed), point, noise=1e-6) - 50
        variance = (spread * (np.arange(41)[:, None] - 20) ** 2).sum() / spread.sum()
        assert 0.48 < np.sqrt(variance) < 0.82 and spread.sum() == pytest.approx(200, rel=1e-3)


def test_columns_have_a_fixed_pattern():
    frame = sense(np.random.default_rng(0), np.full((400, 800), 128.0), noise=2.0)
    assert frame.mean(axis=0).std() == pytest.approx(np.hypot(0.35 * 2.0, 2.0 / 20), rel=0.1)


def test_vignetting_darkens_the_corners_by_its_share():
    frame = sense(np.random.default_rng(0), np.full((65, 65), 200.0), noise=1e-6, vignetting=0.2)
    assert (frame[32, 32], frame[0, 0], frame[0, 32]) == pytest.approx((200.0, 160.0, 180.0), abs=0.01)


def test_bad_pixels_are_hot_or_dead():
    frame = sense(np.random.default_rng(0), np.full((300, 300), 128.0), noise=1e-6, bad_pixels=0.001)
    off = frame[np.abs(frame - 128) > 1] - 128
    assert 60 < off.size < 125
    assert np.abs(off).min() > 14.9 and np.abs(off).max() < 60.1
    assert 0.3 < (off > 0).mean() < 0.7


def test_quantize_clips_to_the_codes():
    np.testing.assert_array_equal(quantize(np.array([-3.0, 0.6, 254.4, 999.0]), 8), [0, 1, 254, 255])
