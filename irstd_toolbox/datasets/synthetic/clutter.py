"""Backgrounds of synthetic scenes: cloud, sea, ground and buildings, in grey levels on the 0..255 scale.

Each painter is a function ``(rng, size) -> float64 (H, W)``. Lengths follow the image's size, so that a scene looks
alike at 96 and at 640 pixels; blur, noise and fixed pattern are the sensor's (:mod:`.sensor`).
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from scipy.fft import irfft2, next_fast_len
from scipy.ndimage import gaussian_filter1d, map_coordinates
from scipy.spatial import cKDTree

__all__ = ['CLUTTER', 'fractal']


def fractal(
    rng: Generator, size: tuple[int, int], slope: float, stretch: float = 1.0, coarsest: float = 0.0,
) -> np.ndarray:
    """Draw a random field whose amplitude spectrum falls as ``1 / f ** slope``; mean 0, deviation 1.

    Args:
        rng: Source of the phases.
        size: Height and width.
        slope: 1 is rough, 2.5 smooth.
        stretch: Above 1, structures are longer along x than along y by this factor.
        coarsest: Cycles across the shorter side below which the field holds next to nothing.

    Shape:
        - Output: ``size``
    """
    # A field of the Fourier transform is periodic: a larger one is drawn and cut, so that opposite edges differ.
    height, width = (next_fast_len(int(1.4 * length), real=True) for length in size)
    unit = 1.4 * min(size)
    fy = np.fft.fftfreq(height)[:, None] * unit
    fx = np.fft.rfftfreq(width)[None, :] * unit * stretch
    radius = np.hypot(fy, fx)
    radius[0, 0] = 1.0
    amplitude = radius**-slope
    if coarsest:
        amplitude *= 1.0 - np.exp(-((radius / coarsest) ** 4))
    amplitude[0, 0] = 0.0
    noise = rng.standard_normal((2, *amplitude.shape))
    field = irfft2((noise[0] + 1j * noise[1]) * amplitude, s=(height, width))[: size[0], : size[1]]
    return (field - field.mean()) / field.std()


def _step(x: np.ndarray) -> np.ndarray:
    """Rise smoothly from 0 at ``x <= 0`` to 1 at ``x >= 1``."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _grid(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Pixel coordinates in units of the shorter side, ``(H, 1)`` and ``(1, W)``."""
    unit = min(size)
    return np.arange(size[0])[:, None] / unit, np.arange(size[1])[None, :] / unit


def _sky(rng: Generator, size: tuple[int, int]) -> np.ndarray:
    """Cold zenith, warmer towards the horizon, with a trace of haze."""
    top = rng.uniform(65.0, 130.0)
    ramp = np.linspace(0.0, 1.0, size[0])[:, None] ** rng.uniform(0.8, 2.0)
    return top + rng.uniform(5.0, 60.0) * ramp + rng.uniform(0.3, 1.5) * fractal(rng, size, 2.0, 2.0)


def cloud(rng: Generator, size: tuple[int, int]) -> np.ndarray:
    """Sky with fractal clouds, from veils to heaps with bright edges."""
    sky = _sky(rng, size)
    stretch = rng.uniform(1.0, 2.6)
    body = fractal(rng, size, rng.uniform(1.6, 2.1), stretch)
    cover = np.quantile(body, 1.0 - rng.uniform(0.25, 0.7))
    density = _step((body - cover) / rng.uniform(0.25, 1.6))
    relief = fractal(rng, size, 1.5, stretch)
    thickness = rng.uniform(15.0, 85.0)
    return sky + density * thickness * (0.8 + 0.12 * body + 0.12 * relief)


def sea(rng: Generator, size: tuple[int, int]) -> np.ndarray:
    """Waves in perspective below a horizon, with a lane of sun glint; haze above."""
    y, x = _grid(size)
    bottom, right = y[-1, 0], x[0, -1]
    horizon = bottom * rng.uniform(0.25, 0.6) + np.tan(np.deg2rad(rng.uniform(-3.0, 3.0))) * (x - right / 2)
    sky = _sky(rng, size)
    depth = np.clip((y - horizon) / (bottom - horizon), 0.0, 1.0) + 0.06

    def swell(crests: float) -> np.ndarray:
        """A wave texture laid on the plane of the sea: finer and flatter towards the horizon."""
        tile = fractal(rng, (256, 256), 1.6, 2.5, coarsest=16.0)
        v, u = np.broadcast_arrays(crests / depth, crests * (x - right / 2) / depth)
        return map_coordinates(tile, [v, u + 128.0], order=1, mode='mirror')

    level = sky.mean(axis=1)[int(horizon.mean() * min(size))] + rng.uniform(-28.0, 22.0)
    waves = swell(rng.uniform(50.0, 110.0))
    water = level + rng.uniform(-12.0, 18.0) * depth + rng.uniform(1.5, 7.0) * (0.15 + depth) * waves
    lane = np.exp(-0.5 * ((x - right * rng.uniform(0.1, 0.9)) / (rng.uniform(0.05, 0.16) * (0.5 + depth))) ** 2)
    glint = np.clip(swell(120.0) + 0.5 * waves - rng.uniform(1.0, 1.6), 0.0, 2.5)
    water += lane * (rng.uniform(0.0, 12.0) + rng.uniform(8.0, 30.0) * glint)
    below = _step((y - horizon) * min(size) / 2.0 + 0.5)
    return sky * (1.0 - below) + water * below


def ground(rng: Generator, size: tuple[int, int]) -> np.ndarray:
    """Patches of soil and crop with hedges and a road, in most scenes below a tree line and sky."""
    y, x = _grid(size)
    height, width = size
    bottom, right = y[-1, 0], x[0, -1]
    horizon = bottom * rng.uniform(0.2, 0.5) if rng.random() < 0.75 else -0.3
    depth = np.clip((y - horizon) / (bottom - horizon), 0.02, 1.0)

    warp = 0.02 * np.stack([fractal(rng, size, 1.8), fractal(rng, size, 1.8)])
    plane = np.stack(np.broadcast_arrays(np.log(depth) * 0.45 + warp[0], (x - right / 2) + warp[1]), axis=-1)
    flat = plane.reshape(-1, 2)
    seeds = flat.min(0) + rng.random((int(rng.integers(10, 26)), 2)) * (flat.max(0) - flat.min(0))
    distance, patch = (a.reshape(height, width, 2) for a in cKDTree(seeds).query(flat, k=2))
    levels = rng.normal(0.0, rng.uniform(6.0, 22.0), len(seeds))
    roughness = rng.uniform(0.8, 5.0, len(seeds))
    texture = fractal(rng, size, 0.9, 1.5)
    field = rng.uniform(95.0, 140.0) + levels[patch[..., 0]] + roughness[patch[..., 0]] * texture
    hedge = np.exp(-(((distance[..., 1] - distance[..., 0]) / 0.02) ** 2))
    field += rng.uniform(-14.0, 10.0) * hedge * (1.0 + 0.4 * fractal(rng, size, 0.6))
    if rng.random() < 0.6:
        middle = right * (rng.uniform(0.2, 0.8) + rng.uniform(-0.5, 0.5) * depth)
        road = _step((0.05 * depth - np.abs(x - middle)) * min(size) + 0.5)
        field = field * (1.0 - road) + (rng.uniform(120.0, 165.0) + 0.6 * texture) * road
    if horizon < 0:
        return field

    crowns = 0.03 * fractal(rng, (1, 4 * width), 1.0)[0, :width] if width > 1 else 0.0
    top = horizon - rng.uniform(0.04, 0.12) - crowns
    leaves = rng.uniform(65.0, 175.0) + rng.uniform(5.0, 16.0) * fractal(rng, size, 1.1)
    jitter = 0.012 * fractal(rng, size, 0.7)
    trees = _step((y - top + jitter) * min(size) / 1.5)
    soil = _step((y - horizon + 0.5 * jitter) * min(size) / 2.0)
    scene = _sky(rng, size) * (1.0 - trees) + leaves * trees
    return scene * (1.0 - soil) + field * soil


def buildings(rng: Generator, size: tuple[int, int]) -> np.ndarray:
    """Two or three rows of warm facades with windows, parapets and hot roof vents before the sky."""
    height, width = size
    unit = min(size)
    scene = _sky(rng, size)
    street = rng.uniform(0.75, 0.95) * height
    rows = int(rng.integers(2, 4))
    for row in range(rows):
        near = (row + 1) / rows
        left = -int(rng.integers(0, unit // 6 + 1))
        while left < width:
            wide = int(unit * rng.uniform(0.1, 0.3) * (0.6 + 0.5 * near)) + 3
            tall = int(height * rng.uniform(0.15, 0.5) * (1.25 - 0.5 * near))
            if rng.random() < 0.75:
                _house(rng, scene, max(int(street) - tall, 0), max(left, 0), int(street), min(left + wide, width), near)
            left += wide + int(unit * rng.exponential(0.04))
    y = np.arange(height)[:, None]
    pavement = rng.uniform(95.0, 135.0) + rng.uniform(1.0, 4.0) * fractal(rng, size, 1.0, 3.0)
    below = _step(y - street + 1.0)
    return scene * (1.0 - below) + pavement * below


def _house(rng: Generator, scene: np.ndarray, top: int, left: int, foot: int, right: int, near: float) -> None:
    """Paint one building into ``scene``: a facade, a grid of windows, a parapet, vents."""
    if right - left < 3 or foot - top < 4:
        return
    wall = scene[top:foot, left:right]
    tall, wide = wall.shape
    level = rng.uniform(85.0, 135.0) + rng.uniform(0.0, 70.0) * near
    wall[:] = level + rng.uniform(-10.0, 14.0) * np.linspace(0.0, 1.0, tall)[:, None]
    wall += 0.8 * gaussian_filter1d(rng.standard_normal(wall.shape), 2.0, axis=0)
    wall[:, -1] += rng.uniform(-12.0, 4.0)
    wall[0] += rng.uniform(4.0, 24.0)
    unit = min(scene.shape)
    pane = max(round(unit * rng.uniform(0.012, 0.022)), 2)
    pitch_y, pitch_x = pane + max(round(pane * rng.uniform(0.8, 1.6)), 2), pane + max(round(pane * 0.9), 2)
    if tall > 2 * pitch_y and wide > pitch_x + pane and rng.random() < 0.75:
        tone = rng.choice([-1.0, 1.0]) * rng.uniform(5.0, 22.0)
        for y in range(pitch_y - pane, tall - pane, pitch_y):
            for x in range((wide - pane) % pitch_x // 2 + 1, wide - pane, pitch_x):
                wall[y : y + pane, x : x + pane] += tone * rng.uniform(0.4, 1.3) * (rng.random() < 0.8)
    for _ in range(rng.integers(0, 3)):
        w, h = (max(round(unit * rng.uniform(0.012, 0.035)), 2) for _ in range(2))
        x = int(rng.integers(left, max(right - w, left + 1)))
        scene[max(top - h, 0) : top, x : min(x + w, right)] = level + rng.uniform(0.0, 60.0)


CLUTTER: dict[str, Callable[[Generator, tuple[int, int]], np.ndarray]] = {
    'buildings': buildings,
    'cloud': cloud,
    'ground': ground,
    'sea': sea,
}
"""The painters by the name that options, metadata and the command line use."""
