r"""How sure a metric is, and whether two methods differ, from the counters of single images.

Every metric is a ratio of sums over images, :math:`m = \sum_i a_i / \sum_i b_i`: IoU with intersection and union, Pd
with matched and all targets, nIoU with an image's IoU and 1. Drawing images anew, or exchanging two methods on some of
them, changes the weights of the images alone, so all resamples are two matrix products.

What is measured is the chance of the *test images*. That of training (another seed) is not in it: train several times.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation import functional
from irstd_toolbox.evaluation.functional import ImageCounts
from irstd_toolbox.evaluation.protocols import Protocol, get

__all__ = ['METRICS', 'Comparison', 'Interval', 'check_draws', 'compare', 'intervals', 'leave_one_out', 'terms']

METRICS = ('IoU', 'nIoU', 'Pd', 'Fa')
_BLOCK = 4_000_000  # weights held at once
_TIE = 1e-12


@dataclass(frozen=True)
class Interval:
    """A metric and its bootstrap interval; ``nan`` where it is undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One metric of two methods on the same images.

    Args:
        first: Of the first method.
        second: Of the second method.
        difference: ``second - first`` with its paired bootstrap interval.
        p_permutation: Two-sided, of the paired permutation test.
        higher: Images on which the second method's own value is higher; of Fa that is worse.
        lower: Images on which it is lower.
        ties: Images on which both are equal; those where either is undefined count nowhere.
        p_sign: Two-sided, of the sign test over ``higher`` and ``lower``; 1 if both are 0.
    """

    first: float
    second: float
    difference: Interval
    p_permutation: float
    higher: int
    lower: int
    ties: int
    p_sign: float


def terms(counts: Sequence[ImageCounts], protocol: str | Protocol) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Numerator and denominator of every metric, an image each.

    Args:
        counts: One entry an image.
        protocol: It or its name; decides how Pd and Fa are averaged, and what an empty image adds to nIoU.

    Shape:
        - Output: of each metric two arrays (images,) float64
    """
    def ratios(values: list[float]) -> tuple[np.ndarray, np.ndarray]:
        array = np.array(values, dtype=np.float64)
        defined = ~np.isnan(array)
        return np.where(defined, array, 0.0), defined.astype(np.float64)

    def pooled(numerator: str, denominator: str) -> tuple[np.ndarray, np.ndarray]:
        return tuple(np.array([getattr(image, name) for image in counts], dtype=np.float64)
                     for name in (numerator, denominator))

    protocol = get(protocol)
    empty = {'skip': math.nan, 'zero': 0.0, 'one': 1.0}[protocol.empty_niou]
    found = {
        'IoU': pooled('intersection', 'union'),
        'nIoU': ratios([functional.iou(image) if image.union else empty for image in counts])}
    if protocol.average == 'image':
        return found | {'Pd': ratios([*map(functional.pd, counts)]), 'Fa': ratios([*map(functional.fa, counts)])}
    return found | {'Pd': pooled('matched', 'targets'), 'Fa': pooled('false_alarm_pixels', 'false_alarm_base')}


def intervals(
    counts: Sequence[ImageCounts], protocol: str | Protocol, *, resamples: int = 10_000, level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Percentile bootstrap intervals over images.

    Args:
        counts: One entry an image.
        protocol: They were counted under.
        resamples: How often as many images are drawn with replacement.
        level: Of the interval.
        seed: Of the draws.

    Raises:
        DataError: If there is no image.
        ConfigError: If ``resamples`` or ``level`` is out of its range.

    References:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993 (percentile interval).
    """
    values = terms(counts, protocol)
    drawn = {name: [] for name in METRICS}
    for weights in _draws(len(counts), resamples, level, seed):
        for name, (numerator, denominator) in values.items():
            drawn[name].append(_ratio(weights @ numerator, weights @ denominator))
    return {name: _interval(_metric(values[name]), np.concatenate(drawn[name]), level) for name in METRICS}


def compare(
    first: Sequence[ImageCounts], second: Sequence[ImageCounts], protocol: str | Protocol, *, resamples: int = 10_000,
    level: float = 0.95, seed: int = 0,
) -> dict[str, Comparison]:
    r"""Compare two methods on the same images in the same order.

    - Interval of the difference: both methods are measured on the same draws of images (paired bootstrap, percentile).
    - Permutation test: were the methods alike, then exchanging their outputs on any image would change nothing but
      chance. The images to exchange are drawn ``resamples`` times with probability 1/2;
      :math:`p = (1 + \#\{|d^*| \ge |d|\}) / (1 + \text{resamples})`, so it is never below ``1 / (1 + resamples)``.
    - Sign test over images, on each image's own value (its IoU for IoU and nIoU); exact.

    Args:
        first: Of one method, one entry an image.
        second: Of the other; the same images, see :func:`~irstd_toolbox.evaluation.pairing.check_pairing`.
        protocol: Both were counted under.
        resamples: Draws of the bootstrap, and of the permutation test.
        level: Of the interval.
        seed: Of the draws.

    Raises:
        DataError: If there is no image or the numbers differ.
        ConfigError: If ``resamples`` or ``level`` is out of its range.

    Note:
        Nothing is corrected for testing four metrics, or many pairs of methods.

    References:
        Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, 2005 (both tests).
    """
    if len(first) != len(second):
        raise DataError(f'{len(first)} and {len(second)} images; expected the same images of both methods.')
    ours, theirs = terms(first, protocol), terms(second, protocol)
    differences, exchanged = ({name: [] for name in METRICS} for _ in range(2))
    for weights in _draws(len(first), resamples, level, seed):
        for name in METRICS:
            differences[name].append(_ratio(*(weights @ term for term in theirs[name]))
                                     - _ratio(*(weights @ term for term in ours[name])))
    for swaps in _swaps(len(first), resamples, seed):
        for name in METRICS:
            moved = [swaps @ (b - a) for a, b in zip(ours[name], theirs[name], strict=True)]
            one = _ratio(*(a.sum() + move for a, move in zip(ours[name], moved, strict=True)))
            other = _ratio(*(b.sum() - move for b, move in zip(theirs[name], moved, strict=True)))
            exchanged[name].append(other - one)
    found = {}
    for name in METRICS:
        a, b = _metric(ours[name]), _metric(theirs[name])
        found[name] = Comparison(
            a, b, _interval(b - a, np.concatenate(differences[name]), level),
            _p_value(b - a, np.concatenate(exchanged[name])), *_signs(_ratio(*ours[name]), _ratio(*theirs[name])))
    return found


def leave_one_out(
    first: Sequence[ImageCounts], second: Sequence[ImageCounts], protocol: str | Protocol,
) -> dict[str, np.ndarray]:
    """The difference of every metric, ``second - first``, on all images but one.

    A pooled metric can hang on a single image: one large target that a method misses, one cloud that it takes for some.

    Args:
        first: Of one method, one entry an image.
        second: Of the other; the same images in the same order.
        protocol: Both were counted under.

    Shape:
        - Output: of each metric (images,) float64, place i without image i; ``nan`` where it is then undefined

    Raises:
        DataError: If the numbers of images differ.
    """
    if len(first) != len(second):
        raise DataError(f'{len(first)} and {len(second)} images; expected the same images of both methods.')
    ours, theirs = terms(first, protocol), terms(second, protocol)
    return {name: _ratio(*(term.sum() - term for term in theirs[name]))
            - _ratio(*(term.sum() - term for term in ours[name])) for name in METRICS}


def check_draws(resamples: int, level: float, seed: int) -> None:
    """Refuse options that nothing can be drawn by.

    Raises:
        ConfigError: If there is no resample, the level is no share between 0 and 1, or the seed is negative.
    """
    if resamples < 1 or not 0 < level < 1 or seed < 0:
        raise ConfigError(f'resamples={resamples}, level={level}, seed={seed}; expected at least 1 resample, '
                          '0 < level < 1 and a seed from 0.')


def _draws(images: int, resamples: int, level: float, seed: int) -> Iterator[np.ndarray]:
    """How often each image is drawn, in blocks of resamples; (block, images) float64."""
    if not images:
        raise DataError('There is no image; expected at least one.')
    check_draws(resamples, level, seed)
    random = np.random.default_rng([seed, 0])
    for size in _blocks(images, resamples):
        drawn = random.integers(images, size=(size, images)) + images * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * images).reshape(size, images).astype(np.float64)


def _swaps(images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """1 where the methods are exchanged; (block, images) float64."""
    random = np.random.default_rng([seed, 1])
    for size in _blocks(images, resamples):
        yield random.integers(2, size=(size, images), dtype=np.int8).astype(np.float64)


def _blocks(images: int, resamples: int) -> Iterator[int]:
    size = max(_BLOCK // images, 1)
    for start in range(0, resamples, size):
        yield min(size, resamples - start)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """``nan`` over 0."""
    return np.divide(numerator, denominator, out=np.full(np.shape(numerator), np.nan), where=denominator != 0)


def _metric(pair: tuple[np.ndarray, np.ndarray]) -> float:
    numerator, denominator = map(math.fsum, pair)
    return numerator / denominator if denominator else math.nan


def _interval(value: float, drawn: np.ndarray, level: float) -> Interval:
    drawn = drawn[~np.isnan(drawn)]
    if not drawn.size or math.isnan(value):
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def _p_value(difference: float, exchanged: np.ndarray) -> float:
    exchanged = exchanged[~np.isnan(exchanged)]
    if math.isnan(difference):
        return math.nan
    return float((1 + np.count_nonzero(np.abs(exchanged) >= abs(difference) - _TIE)) / (1 + exchanged.size))


def _signs(first: np.ndarray, second: np.ndarray) -> tuple[int, int, int, float]:
    """Images where the second is higher, lower, equal, and the two-sided p of the sign test."""
    defined = ~(np.isnan(first) | np.isnan(second))
    delta = (second - first)[defined]
    higher, lower = int(np.count_nonzero(delta > _TIE)), int(np.count_nonzero(delta < -_TIE))
    p = float(binomtest(higher, higher + lower).pvalue) if higher + lower else 1.0
    return higher, lower, delta.size - higher - lower, p
