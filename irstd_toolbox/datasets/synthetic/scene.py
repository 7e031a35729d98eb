"""A synthetic scene: clutter, sensor and targets put together, one function of a seed and an index."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from scipy.ndimage import uniform_filter

from irstd_toolbox.errors import ConfigError

from .clutter import CLUTTER
from .sensor import FULL_SCALE, quantize, sense
from .targets import GUARD, NEIGHBOURHOOD, Measure, Shape, area_limit, draw_shape, mask_of, measure, profile

__all__ = ['KINDS', 'SceneOptions', 'SyntheticScene', 'Target', 'make_scene']

KINDS = ('point', 'extended', 'moving')
SMALLEST = 64
"""Shorter side in pixels below which no point spread fits the area limit."""

_BORDER = 6
_TRIES = 64
_DRAWS = 8
_GAINS = 0.8 ** np.arange(12)


@dataclass(frozen=True)
class SceneOptions:
    """What a set of scenes is drawn from. Pairs are ranges of a uniform distribution.

    Args:
        size: Height and width in pixels.
        clutter: Kinds of background, taken in turn.
        kinds: Kinds of targets, drawn with equal chances.
        targets: Least and greatest number of targets in an image that is not empty.
        empty: Chance that an image shows no target.
        snr: Signal-to-noise ratio of a target, ``(mu_t - mu_b) / sigma_b``.
        max_contrast: Bound of ``(mu_t - mu_b) / mu_b``; 0.15 is SPIE's. Real sets go beyond: give 0.5 for scenes
            like NUAA-SIRST's median target.
        noise: Temporal noise at mid grey, in grey levels of 255.
        vignetting: Share of the light that the corners lose.
        bad_pixels: Share of hot and dead pixels.
        bits: 8 or 16 bits per pixel; 65535 is the same level as 255.

    Raises:
        ConfigError: If an option is out of its range.
    """

    size: tuple[int, int] = (256, 256)
    clutter: Sequence[str] = tuple(sorted(CLUTTER))
    kinds: Sequence[str] = KINDS
    targets: tuple[int, int] = (1, 3)
    empty: float = 0.0
    snr: tuple[float, float] = (4.0, 12.0)
    max_contrast: float = 0.15
    noise: tuple[float, float] = (0.5, 1.1)
    vignetting: tuple[float, float] = (0.0, 0.15)
    bad_pixels: float = 1e-4
    bits: int = 8

    def __post_init__(self) -> None:
        for name, known in (('clutter', tuple(sorted(CLUTTER))), ('kinds', KINDS)):
            given = getattr(self, name)
            if isinstance(given, str) or not given or not set(given) <= set(known):
                raise ConfigError(f'{name} is {given!r}; expected one or several of {", ".join(known)}.')
        for name in ('size', 'targets'):
            object.__setattr__(self, name, _whole(name, getattr(self, name)))
        for name, low, high in (
                ('targets', 1, 50), ('snr', 0.5, 50.0), ('noise', 0.1, 20.0), ('vignetting', 0.0, 0.9)):
            pair = getattr(self, name)
            if not hasattr(pair, '__len__') or len(pair) != 2 or not _rise(low, *pair, high):
                raise ConfigError(f'{name} is {pair!r}; expected two numbers LOW <= HIGH between {low} and {high}.')
        for name, low, high in (('empty', 0.0, 1.0), ('bad_pixels', 0.0, 0.01), ('max_contrast', 0.01, 10.0)):
            if not _rise(low, getattr(self, name), high):
                raise ConfigError(f'{name} is {getattr(self, name)!r}; expected a number between {low} and {high}.')
        if len(self.size) != 2 or not SMALLEST <= min(self.size) <= max(self.size) <= 8192:
            raise ConfigError(
                f'size is {tuple(self.size)!r}; expected height and width between {SMALLEST} and 8192 pixels: below, '
                'no target fits the area limit of 0.15 % of the image.')
        if self.bits not in FULL_SCALE:
            raise ConfigError(f'bits is {self.bits!r}; expected 8 or 16.')


def _rise(*values: float) -> bool:
    """Whether ``values`` are numbers, none of them below the one before."""
    try:
        return all(first <= second for first, second in pairwise(values))
    except TypeError:
        return False


def _whole(name: str, values: Sequence[int]) -> tuple[int, ...]:
    try:
        return tuple(map(operator.index, values))
    except TypeError as error:
        raise ConfigError(f'{name} is {values!r}; expected whole numbers.') from error


@dataclass(frozen=True, eq=False)
class Target:
    """A target in its place: form, sub-pixel centre, and what was asked and measured in the written image.

    Shape:
        - mask: ``(H, W)`` bool
    """

    shape: Shape
    y: float
    x: float
    asked_snr: float
    mask: np.ndarray = field(repr=False)
    measured: Measure | None = None

    def record(self) -> dict:
        """The metadata of the target, of plain numbers and strings."""
        return {
            'kind': self.shape.kind, 'x': round(self.x, 4), 'y': round(self.y, 4), 'area': int(self.mask.sum()),
            'sigma': round(self.shape.sigma, 4), 'asked_snr': round(self.asked_snr, 4),
            'snr': round(self.measured.snr, 4), 'contrast': round(self.measured.contrast, 5)}


@dataclass(frozen=True, eq=False)
class SyntheticScene:
    """An image, its mask, the same image without the targets, and how it was made.

    Shape:
        - image, background: ``(H, W)`` uint8 or uint16
        - mask: ``(H, W)`` bool
    """

    image: np.ndarray
    mask: np.ndarray
    background: np.ndarray
    clutter: str
    noise: float
    gain: float
    targets: tuple[Target, ...]

    def record(self) -> dict:
        """The metadata of the scene, of plain numbers and strings."""
        return {
            'clutter': self.clutter, 'noise': round(self.noise, 4), 'gain': round(self.gain, 4),
            'targets': [target.record() for target in self.targets]}


def make_scene(seed: int, index: int | tuple[int, ...], options: SceneOptions | None = None) -> SyntheticScene:
    """Make scene ``index`` of the series ``seed``; it depends on nothing else but the options.

    The background is painted and sensed; then each target gets a place where its SNR is possible below the contrast
    bound, and its image is added, scaled so that the mean over its mask reaches
    ``mu_b + snr * sigma_b``. At 8 bits, rounding to the image's codes moves ``mu_t`` by half a code at most, and the
    measured SNR lies within ``0.5 / sigma_b`` (codes) of what was asked. At 16 bits it does not lie within so small a
    bound, but within 0.3 % of what was asked (113 targets of 60 scenes of 128x128, SNR 12 to 25, contrast up to 0.6).
    If the scene has no such places, its contrast is lowered about its mean, as a sensor's gain would be, by a fifth
    until it has. Where no gain gives them a place, as of one in ten small scenes, another scene is drawn in its stead,
    up to eight.

    Args:
        seed: Number of the series, not negative.
        index: Number of the scene in the series, or several numbers such as (split, number); none negative.
        options: What to draw from.

    Raises:
        ConfigError: If ``seed`` or ``index`` is no whole number from 0, or the targets of none of the scenes can be
            placed.

    Note:
        The shot noise of the target's own photons is left out: below 15 % contrast it adds at most 4 % to the noise.

    Example:
        >>> scene = make_scene(seed=1, index=0, options=SceneOptions(size=(96, 128), targets=(2, 2)))
        >>> scene.image.shape, len(scene.targets), max(t.measured.contrast for t in scene.targets) < 0.15
        ((96, 128), 2, True)
    """
    options = options or SceneOptions()
    seed, *key = _whole('(seed, *index)', (seed, *(index if isinstance(index, tuple | list) else (index,))))
    if not key or min(seed, *key) < 0:
        raise ConfigError(f'seed is {seed}, index {index!r}; expected whole numbers from 0.')
    kind = options.clutter[key[-1] % len(options.clutter)]
    for attempt in range(_DRAWS):
        spawn_key = (*key, attempt) if attempt else key
        scene = _draw(SeedSequence(seed, spawn_key=spawn_key).spawn(4), kind, options)
        if scene is not None:
            return scene
    raise ConfigError(
        f'No place for {options.targets[1]} targets of SNR up to {options.snr[1]} and contrast below '
        f'{options.max_contrast} in a scene of {options.size[0]} x {options.size[1]} pixels. Ask for fewer targets, a '
        'lower SNR, a larger image, a higher max_contrast or 16 bits.')


def _draw(streams: list[SeedSequence], kind: str, options: SceneOptions) -> SyntheticScene | None:
    """A scene of these streams; None if its targets have no place at any gain."""
    painted = CLUTTER[kind](default_rng(streams[0]), tuple(options.size))
    mean = painted.mean()
    choice = default_rng(streams[1])
    noise, vignetting = choice.uniform(*options.noise), choice.uniform(*options.vignetting)
    empty = choice.random() < options.empty
    count = int(choice.integers(options.targets[0], options.targets[1] + 1))
    kinds = [str(choice.choice(list(options.kinds))) for _ in range(count)]
    drawn = [(draw_shape(choice, kind_of, painted.shape), float(choice.uniform(*options.snr))) for kind_of in kinds]
    for gain in _GAINS:
        frame = sense(
            default_rng(streams[2]), mean + gain * (painted - mean), gain * noise, vignetting, options.bad_pixels)
        targets = _place(default_rng(streams[3]), frame, drawn, options)
        if targets is not None:
            break
    else:
        return None
    background = quantize(frame, options.bits)
    # An empty scene went through the same choice of gain, so that nothing but the targets tells it from the others.
    targets = () if empty else targets
    mask = np.zeros(frame.shape, bool)
    for target in targets:
        mask |= target.mask
    image = quantize(_with_targets(frame, background, mask, targets, options.bits), options.bits)
    targets = tuple(
        Target(t.shape, t.y, t.x, t.asked_snr, t.mask, measure(image, t.mask, mask)) for t in targets)
    return SyntheticScene(image, mask, background, kind, noise, float(gain), targets)


def _place(
    rng: Generator, frame: np.ndarray, drawn: list[tuple[Shape, float]], options: SceneOptions,
) -> tuple[Target, ...] | None:
    """Find places for targets of given shapes and SNRs; None if one finds none.

    A box filter tells where the deviation allows the highest SNR; a drawn place is then measured exactly. Places keep
    so far from one another that no target lies in another's neighbourhood.
    """
    height, width = frame.shape
    codes = quantize(frame, options.bits)
    unit = FULL_SCALE[options.bits] / 255.0
    side = 2 * NEIGHBOURHOOD + 5
    local = uniform_filter(frame, side, mode='nearest')
    spread = np.sqrt(np.maximum(uniform_filter(frame**2, side, mode='nearest') - local**2, 0.0))
    inside = np.zeros(frame.shape, bool)
    inside[_BORDER : height - _BORDER, _BORDER : width - _BORDER] = True
    targets: list[Target] = []
    for shape, snr in drawn:
        candidates = np.flatnonzero(inside & (snr * spread + 0.5 / unit < options.max_contrast * local))
        for _ in range(_TRIES if candidates.size else 0):
            row, column = divmod(int(candidates[rng.integers(candidates.size)]), width)
            y, x = row + rng.uniform(-0.5, 0.5), column + rng.uniform(-0.5, 0.5)
            mask = mask_of(profile(shape, y, x, frame.shape))
            around = measure(codes, mask)
            rise = snr * around.background_std
            if (mask.sum() < area_limit(frame.shape)
                    and rise + 0.5 < 0.99 * options.max_contrast * around.background_mean
                    and abs(around.mean - around.background_mean) < min(around.background_std, rise)
                    and around.background_mean + 2.0 * (rise + 0.5) < FULL_SCALE[options.bits]):
                targets.append(Target(shape, float(y), float(x), snr, mask))
                reach = 2 * (NEIGHBOURHOOD + GUARD)
                inside[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = False
                break
        else:
            return None
    return tuple(targets)


def _with_targets(
    frame: np.ndarray, background: np.ndarray, mask: np.ndarray, targets: tuple[Target, ...], bits: int,
) -> np.ndarray:
    """Add the targets to ``frame``, each scaled to its SNR as measured on the codes of ``background``."""
    unit = FULL_SCALE[bits] / 255.0
    out = frame.copy()
    for target in targets:
        p = profile(target.shape, target.y, target.x, frame.shape)
        around = measure(background, target.mask, mask)
        wanted = (around.background_mean + target.asked_snr * around.background_std) / unit
        out += p * (wanted - frame[target.mask].mean()) / p[target.mask].mean()
    return out
