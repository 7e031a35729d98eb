"""What an uncooled focal-plane array makes of a scene: blur, vignetting, noise and fixed pattern."""

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter

__all__ = ['FULL_SCALE', 'quantize', 'sense']

FULL_SCALE = {8: 255, 16: 65535}
"""Largest code by bits per pixel; it stands for grey level 255 in both."""

STRIPES = 0.35
"""Deviation of the column offsets in units of the temporal noise."""


def sense(
    rng: Generator, scene: np.ndarray, noise: float, vignetting: float = 0.0, bad_pixels: float = 0.0,
) -> np.ndarray:
    """Image ``scene`` with the defects of a sensor.

    The noise of a pixel at level ``g`` has variance ``noise**2 * (0.5 + 0.5 * g / 128)``: a constant read noise and a
    shot noise that grows with the signal, equal shares at mid grey. Columns have offsets of their own
    (0.35 times the noise); of the bad pixels half are hot, half dead, 15 to 60 levels off.

    Args:
        rng: Source of noise and pattern.
        scene: Grey levels, 0..255.
        noise: Deviation of the temporal noise at mid grey, in grey levels.
        vignetting: Share of the light that the corners lose.
        bad_pixels: Share of hot and dead pixels.

    Shape:
        - scene, Output: ``(H, W)``
    """
    height, width = scene.shape
    blurred = gaussian_filter(scene, rng.uniform(0.5, 0.8), mode='nearest')
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    lit = blurred * (1.0 - vignetting * (y**2 + x**2) / 2.0)
    frame = lit + noise * np.sqrt(0.5 + np.clip(lit, 0.0, 255.0) / 256.0) * rng.standard_normal(scene.shape)
    frame += STRIPES * noise * rng.standard_normal(width)
    count = rng.binomial(scene.size, bad_pixels)
    where = rng.integers(0, scene.size, count)
    frame.ravel()[where] += rng.choice([-1.0, 1.0], count) * rng.uniform(15.0, 60.0, count)
    return np.clip(frame, 0.0, 255.0)


def quantize(frame: np.ndarray, bits: int) -> np.ndarray:
    """Round grey levels 0..255 to the codes of an 8- or 16-bit image.

    Example:
        >>> quantize(np.array([0.0, 100.4, 300.0]), 8).tolist()
        [0, 100, 255]
        >>> quantize(np.array([0.0, 100.5, 255.0]), 16).tolist()
        [0, 25828, 65535]
    """
    top = FULL_SCALE[bits]
    codes = np.rint(np.clip(frame, 0.0, 255.0) * (top / 255.0))
    return codes.astype(np.uint8 if bits == 8 else np.uint16)
