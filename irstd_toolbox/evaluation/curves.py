"""Curves over the decision threshold: pixel ROC and precision-recall, target-level Pd-Fa, and 3-D ROC.

Probabilities are counted at the 65536 levels of a 16-bit prediction file, images come one by one, and the memory does
not grow with their number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation import functional
from irstd_toolbox.evaluation.prediction_io import FULL_SCALE
from irstd_toolbox.evaluation.protocols import Protocol, fit, get, scaled

__all__ = ['DEFAULT_LEVELS', 'FA_RANGE', 'CurveCounter', 'PixelCurve', 'TargetCurve', 'quantise']

_LEVELS = FULL_SCALE + 1

DEFAULT_LEVELS = tuple(sorted(
    {round(step * FULL_SCALE / 100) for step in range(101)}
    | {2 ** power for power in range(10)} | {FULL_SCALE - 2 ** power for power in range(10)}))
"""Thresholds of a Pd-Fa curve, of 65535: every 0.01, and 20 nearer to 0 and 1, where trained networks answer."""

FA_RANGE = (1e-6, 1e-3)
"""The range of Fa over which the area under a Pd-Fa curve is taken by default."""


def quantise(probabilities: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Round probabilities to 16-bit levels without moving any across ``threshold``.

    Predictions in files of 8 or 16 bit are not changed by it.

    Shape:
        - probabilities: any, 0..1
        - Output: the same, uint16; above ``floor(65535 threshold)`` if and only if the probability is above it

    Example:
        >>> quantise(np.array([0.0, 0.5, 0.5000001, 1.0])).tolist()
        [0, 32767, 32768, 65535]
    """
    level = math.floor(threshold * FULL_SCALE)
    codes = np.rint(np.asarray(probabilities, np.float64) * FULL_SCALE)
    above = probabilities > threshold
    return np.where(above, np.maximum(codes, level + 1), np.minimum(codes, level)).astype(np.uint16)


@dataclass(frozen=True, eq=False)
class PixelCurve:
    r"""Pixel counts at every threshold, from the highest, above which nothing is predicted, to -1: everything.

    Args:
        levels: Thresholds, of 65535; predicted is what lies strictly above.
        hits: Predicted target pixels at each.
        false: Predicted background pixels at each.

    Shape:
        - levels, hits, false: (65537,) int64

    References:
        C.-I Chang, An Effective Evaluation Tool for Hyperspectral Target Detection: 3D Receiver Operating
        Characteristic Curve Analysis, IEEE TGRS 2021, for the areas of :meth:`areas_3d`.
    """

    levels: np.ndarray
    hits: np.ndarray
    false: np.ndarray

    @property
    def thresholds(self) -> np.ndarray:
        """Probabilities; the last, -1/65535, predicts every pixel."""
        return self.levels / FULL_SCALE

    @property
    def tpr(self) -> np.ndarray:
        """Predicted target pixels among all target pixels: recall; nan without any."""
        return _share(self.hits, self.hits[-1])

    @property
    def fpr(self) -> np.ndarray:
        """Predicted background pixels among all background pixels; nan without any."""
        return _share(self.false, self.false[-1])

    @property
    def precision(self) -> np.ndarray:
        """Target pixels among the predicted ones; nan where nothing is predicted."""
        return _share(self.hits, self.hits + self.false)

    @property
    def auc(self) -> float:
        """Area under TPR over FPR by trapezoids: the chance that a target pixel outranks a background pixel, ties 1/2.

        Example:
            >>> counter = CurveCounter(Protocol('plain', ''))
            >>> counter.add(np.array([[0.9, 0.4, 0.4, 0.1]]), np.array([[True, True, False, False]]))
            >>> counter.pixels().auc
            0.875
        """
        return float(np.trapezoid(self.tpr, self.fpr))

    @property
    def average_precision(self) -> float:
        """``sum (R_n - R_(n-1)) P_n`` over the levels: no interpolation between them."""
        gained = np.diff(self.tpr)
        return float(np.sum(gained * np.nan_to_num(self.precision[1:])))  # without precision nothing is gained

    def areas_3d(self) -> dict[str, float]:
        r"""Areas of the 3-D ROC curve of Pd (TPR), Pf (FPR) and threshold, and Chang's figures made of them.

        .. math::
            AUC_{D\tau} = \int_0^1 P_D d\tau, \quad AUC_{F\tau} = \int_0^1 P_F d\tau

        exactly over the steps, so that they equal the mean probability of target and of background pixels.
        ``TD`` = DF + Dt, ``BS`` = DF - Ft, ``TDBS`` = Dt - Ft, ``ODP`` = Dt + 1 - Ft, ``OA`` = DF + Dt - Ft and
        ``SNPR`` = Dt / Ft (nan where Ft is 0).

        Note:
            Chang stretches each detection map to 0..1 first; here the probabilities are taken as they are, unless
            the protocol divides by the maximum.
        """
        df = self.auc
        # Between two levels nothing changes; at the first nothing is predicted, and the last is no probability.
        dt, ft = (float(values[1:-1].sum() / FULL_SCALE) for values in (self.tpr, self.fpr))
        return {'DF': df, 'Dt': dt, 'Ft': ft, 'TD': df + dt, 'BS': df - ft, 'TDBS': dt - ft, 'ODP': dt + 1 - ft,
                'OA': df + dt - ft, 'SNPR': dt / ft if ft else math.nan}

    def corners(self) -> np.ndarray:
        """Indices of the points that carry ROC and PR curve: runs that add only background keep their two ends."""
        gains, adds = np.diff(self.hits, prepend=0) > 0, np.diff(self.false, prepend=0) > 0
        moves = np.flatnonzero(gains | adds)
        last = np.append(gains[moves][1:], True)  # the point before a gain ends a run
        return np.union1d([0], moves[gains[moves] | last])

    def at(self, levels: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Thresholds in descending order, TPR and FPR at some levels."""
        chosen = FULL_SCALE - np.array(sorted(levels, reverse=True))
        return self.thresholds[chosen], self.tpr[chosen], self.fpr[chosen]


@dataclass(frozen=True, eq=False)
class TargetCurve:
    """Pd and Fa of a protocol at each threshold, from the highest to the lowest.

    Neither need grow as the threshold falls: a region's centroid moves as it grows, and two regions become one. What
    is read off the curve is therefore its envelope, the best that any of the thresholds reaches.

    Args:
        levels: Thresholds, of 65535; predicted is what lies strictly above.
        pd: Probability of detection; nan without targets.
        fa: False-alarm rate, a fraction.
        own: Index of the protocol's own threshold.

    Shape:
        - levels, pd, fa: (n,)

    Example:
        >>> curve = TargetCurve(np.array([3, 2, 1]), np.array([0.5, 0.75, 0.625]), np.array([0.0, 1e-5, 1e-4]), 1)
        >>> curve.pd_at(1e-6), curve.pd_at(1e-4), curve.fa_at(0.7)
        (0.5, 0.75, 1e-05)
        >>> curve.area(1e-6, 1e-4)
        0.625
    """

    levels: np.ndarray
    pd: np.ndarray
    fa: np.ndarray
    own: int

    @property
    def thresholds(self) -> np.ndarray:
        """Probabilities."""
        return self.levels / FULL_SCALE

    def pd_at(self, fa: float) -> float:
        """The highest Pd of the thresholds whose Fa is at most ``fa``; nan if none is."""
        reached = self.pd[self.fa <= fa]
        return float(reached.max()) if reached.size else math.nan

    def fa_at(self, pd: float) -> float:
        """The lowest Fa of the thresholds whose Pd is at least ``pd``; nan if none is."""
        reached = self.fa[self.pd >= pd]
        return float(reached.min()) if reached.size else math.nan

    def envelope(self) -> tuple[np.ndarray, np.ndarray]:
        """Fa and Pd of the points that no other beats in both, by rising Fa: a staircase that :meth:`pd_at` reads."""
        order = np.lexsort((-self.pd, self.fa))
        fa, pd = self.fa[order], self.pd[order]
        best = np.maximum.accumulate(pd)
        kept = np.append(True, best[1:] > best[:-1])
        return fa[kept], pd[kept]

    def area(self, low: float = FA_RANGE[0], high: float = FA_RANGE[1]) -> float:
        r"""Mean of :meth:`pd_at` over ``log Fa`` from ``low`` to ``high``, 0..1.

        .. math:: \frac{1}{\ln(high/low)} \int_{\ln low}^{\ln high} \max\{P_d : F_a \le e^u\} du

        exactly over the staircase. Where no threshold comes down to an Fa, Pd counts as 0 there.

        Raises:
            ConfigError: If not ``0 < low < high``.
        """
        if not 0 < low < high:
            raise ConfigError(f'The range of Fa is {low} to {high}; expected 0 < low < high, for example 1e-6 to 1e-3.')
        fa, pd = self.envelope()
        edges = np.log(np.append(np.clip(fa, low, high), high))
        return float(np.sum(pd * np.diff(edges)) / math.log(high / low))


class CurveCounter:
    """Counts images one by one; gives the curves of all.

    The pixel curve is exact at all 65536 levels. The target curve counts the connected regions of an image anew only
    at those thresholds between which the image has a pixel.

    Args:
        protocol: It or its name: size, connectivity, matching and Fa; its own threshold is always one of the target
            curve's.
        levels: Thresholds of the target curve, of 65535; ``range(65536)`` gives it exactly.

    Raises:
        ConfigError: If a level is no whole number 0..65535, or a name is of no protocol.
    """

    def __init__(self, protocol: str | Protocol, levels: Sequence[int] = DEFAULT_LEVELS) -> None:
        if not len(levels) or any(int(level) != level or not 0 <= level <= FULL_SCALE for level in levels):
            raise ConfigError('The thresholds of a Pd-Fa curve are 16-bit levels; expected whole numbers 0..65535.')
        self.protocol = get(protocol)
        own = math.floor(self.protocol.threshold * FULL_SCALE)
        self.levels = np.unique(np.append(np.asarray(levels, np.int64), own))
        self._own = int(np.searchsorted(self.levels, own))
        self._pixels = np.zeros((2, _LEVELS), np.int64)  # background and target pixels of each level
        # Numerators and denominators of Pd and Fa; means over images add their ratios over the number of images.
        self._sums = np.zeros((2, len(self.levels)))
        self._bases = np.zeros(2)
        self.images = 0

    def add(self, probabilities: np.ndarray, truth: np.ndarray) -> None:
        """Count an image.

        Shape:
            - probabilities: 0..1, of the native size or that at which the protocol scores
            - truth: (H, W) bool, at native size

        Raises:
            DataError: As :func:`.protocols.score`.
        """
        functional.check_scored(probabilities, truth)
        values, truth = fit(self.protocol, probabilities, truth)
        codes = quantise(scaled(self.protocol, values), self.protocol.threshold)
        for counts, chosen in zip(self._pixels, (codes[~truth], codes[truth]), strict=True):
            counts += np.bincount(chosen, minlength=_LEVELS)
        self._add_targets(codes, truth)
        self.images += 1

    def _add_targets(self, codes: np.ndarray, truth: np.ndarray) -> None:
        # The map at a threshold is that at the one before, unless some pixel lies above only the one before.
        above = np.searchsorted(self.levels, np.unique(codes), side='left')
        starts = np.unique(np.append(0, above[above < len(self.levels)]))
        found, alarms = np.zeros((2, len(starts)), np.int64)
        rules = self.protocol.counting()
        for place, level in enumerate(self.levels[starts]):
            counts = functional.count_image(codes > level, truth, **rules)
            found[place], alarms[place] = counts.matched, counts.false_alarm_pixels
        lengths = np.diff(np.append(starts, len(self.levels)))
        bases = np.array([counts.targets, counts.false_alarm_base])
        weights = np.ones(2) if self.protocol.average == 'pooled' else 1 / np.maximum(bases, 1)
        self._sums += np.stack([np.repeat(found, lengths), np.repeat(alarms, lengths)]) * weights[:, None]
        self._bases += bases if self.protocol.average == 'pooled' else bases > 0

    def pixels(self) -> PixelCurve:
        """The pixel curve of the images so far.

        Raises:
            DataError: If there was none.
        """
        self._demand_images()
        false, hits = np.pad(self._pixels[:, ::-1].cumsum(axis=1), ((0, 0), (1, 0)))
        return PixelCurve(np.arange(FULL_SCALE, -2, -1), hits, false)

    def targets(self) -> TargetCurve:
        """The target curve of the images so far.

        Raises:
            DataError: If there was none.
        """
        self._demand_images()
        pd, fa = (_share(sums, base)[::-1] for sums, base in zip(self._sums, self._bases, strict=True))
        return TargetCurve(self.levels[::-1], pd, fa, len(self.levels) - 1 - self._own)

    def _demand_images(self) -> None:
        if not self.images:
            raise DataError('No image was counted; a curve needs at least one. Call add() first.')


def _share(part: np.ndarray, whole: np.ndarray | float) -> np.ndarray:
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, math.nan), where=whole != 0)
