r"""Hierarchical IoU: one figure for finding targets and for outlining them, and what it is lost by.

Targets and predicted regions are first matched one-to-one (OPDC), then two qualities are multiplied:

.. math::
    \mathrm{hIoU} = \mathrm{IoU}_{seg} \cdot \mathrm{IoU}_{loc}
    = \frac{1}{TP} \sum_{(t, r)} \frac{|t \cap r|}{|t \cup r|} \cdot \frac{TP}{TP + FP + FN}

with the sum over matched pairs, ``TP`` their number, ``FP`` and ``FN`` the regions and targets without a partner.

References:
    Pang et al., Rethinking Evaluation of Infrared Small Target Detection, NeurIPS 2025 (datasets and benchmarks),
    arXiv 2509.16888, and its public toolkit PyIRSTDMetrics 1.0.2.
"""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass

import numpy as np

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.regions import Regions, distances, find_regions

__all__ = [
    'HierarchicalCounts', 'count_hierarchical', 'error_analysis', 'hiou', 'losses', 'match_opdc', 'shared_pixels',
    'total']


@dataclass(frozen=True)
class HierarchicalCounts:
    """Counters of one image, or their sum over images.

    Integers: ``targets``, ``regions``, ``matched`` pairs, ``unseen`` targets and ``stray`` regions (those without any
    candidate partner), ``false_alarm_pixels`` (area of regions without a partner) and ``pixels``. Sums over the matched
    pairs of a share of the pair's union: ``overlap`` (its IoU), ``merging`` (predicted pixels on other targets),
    ``interference`` (predicted pixels on no target) and ``perception`` (target pixels not predicted); the four add up
    to ``matched``.
    """

    targets: int
    regions: int
    matched: int
    unseen: int
    stray: int
    overlap: float
    merging: float
    interference: float
    perception: float
    false_alarm_pixels: int
    pixels: int

    @property
    def units(self) -> int:
        """``TP + FP + FN``: targets and regions, a matched pair counted once."""
        return self.targets + self.regions - self.matched


def match_opdc(
    overlap: np.ndarray, distance: np.ndarray, min_overlap: float = 0.5, below: float = 3.0,
) -> np.ndarray:
    """Overlap priority with distance compensation: the one-to-one match below hIoU.

    First the assignment of all targets to all regions with the least total distance is sought, and of its pairs those
    are kept whose IoU is at least ``min_overlap``. Then the least total distance is sought among what has no partner
    yet, and those pairs are kept that are nearer than ``below``.

    Args:
        overlap: IoU of targets with regions.
        distance: Distances of their centroids.
        min_overlap: Least IoU of a pair of the first round, inclusive.
        below: Greatest distance of a pair of the second round, exclusive.

    Shape:
        - overlap, distance: (targets, regions)
        - Output: (targets,), the region's index or -1

    Note:
        Both rounds assign first and discard afterwards. A pair of IoU 0.6 is lost when two far pairs have a smaller
        sum, and a near pair when leaving it shortens the sum. This is the published rule and kept.

    Example:
        >>> match_opdc(np.array([[0.6, 0.0], [0.0, 0.0]]), np.array([[4.0, 9.0], [9.0, 2.0]])).tolist()
        [0, 1]
    """
    partner = np.full(len(overlap), -1, dtype=np.int64)
    if not overlap.size:
        return partner
    from scipy.optimize import linear_sum_assignment  # 0.4 s, which only this metric costs

    rows, columns = linear_sum_assignment(distance)
    kept = overlap[rows, columns] >= min_overlap
    partner[rows[kept]] = columns[kept]
    left = np.flatnonzero(partner < 0)
    free = np.setdiff1d(np.arange(overlap.shape[1]), partner)
    rows, columns = linear_sum_assignment(distance[np.ix_(left, free)])
    rows, columns = left[rows], free[columns]
    kept = distance[rows, columns] < below
    partner[rows[kept]] = columns[kept]
    return partner


def shared_pixels(targets: Regions, found: Regions, pixels: int) -> np.ndarray:
    """How many pixels each target shares with each region.

    Args:
        targets: Of the mask.
        found: Of the prediction.
        pixels: Of the image.

    Shape:
        - Output: (targets, regions) int64
    """
    label = np.full(pixels, -1, dtype=np.int64)
    label[found.pixels] = found.labels
    region = label[targets.pixels]
    both = region >= 0
    cells = targets.labels[both] * len(found) + region[both]
    return np.bincount(cells, minlength=len(targets) * len(found)).reshape(len(targets), len(found))


def count_hierarchical(
    prediction: np.ndarray, truth: np.ndarray, *, min_overlap: float = 0.5, below: float = 3.0,
    legacy_padding: bool = False,
) -> HierarchicalCounts:
    """Count one image.

    Args:
        prediction: Thresholded prediction.
        truth: Ground truth.
        min_overlap: Least IoU of a match by overlap, 0 < min_overlap <= 1.
        below: Greatest centroid distance of a match by distance, exclusive.
        legacy_padding: Count an image without a region as one false region without candidate, and one without a target
            as one missed target, as pyirstdmetrics 1.0.2 does (it pads the table of pairs to 1 x 1). A perfect detector
            then does not reach 1 on a set with images without target. To replay tables; leave it off otherwise.

    Shape:
        - prediction, truth: (H, W) bool

    Raises:
        DataError: If the maps are not boolean, not 2-D or differ in size.
        ConfigError: If a bound is out of its range.

    Example:
        >>> truth = np.zeros((32, 32), dtype=bool)
        >>> truth[4:6, 4:6] = True
        >>> hiou(count_hierarchical(np.roll(truth, 1, axis=0), truth))
        0.3333333333333333
    """
    if prediction.shape != truth.shape or prediction.ndim != 2 or prediction.dtype != bool or truth.dtype != bool:
        raise DataError(
            f'The prediction is {prediction.dtype} of shape {prediction.shape}, the mask {truth.dtype} of shape '
            f'{truth.shape}; expected two bool maps (H, W) of one size. Apply the threshold first.')
    if not 0 < min_overlap <= 1 or below <= 0:
        raise ConfigError(f'min_overlap={min_overlap}, below={below}; expected 0 < min_overlap <= 1 and below > 0.')
    targets, found = find_regions(truth), find_regions(prediction)
    shared = shared_pixels(targets, found, truth.size)
    union = targets.areas[:, None] + found.areas[None] - shared
    overlap, distance = shared / union, distances(targets, found)
    partner = match_opdc(overlap, distance, min_overlap, below)
    row = np.flatnonzero(partner >= 0)
    column = partner[row]
    candidate = (overlap >= min_overlap) | (distance < below)
    inside, whole, all_true = shared[row, column], union[row, column], shared.sum(axis=0)[column]
    no_regions, no_targets = (int(legacy_padding and not len(part)) for part in (found, targets))
    return HierarchicalCounts(
        targets=len(targets) + no_targets, regions=len(found) + no_regions, matched=len(row),
        unseen=int(np.count_nonzero(~candidate.any(axis=1))) + no_targets,
        stray=int(np.count_nonzero(~candidate.any(axis=0))) + no_regions,
        overlap=math.fsum(inside / whole), merging=math.fsum((all_true - inside) / whole),
        interference=math.fsum((found.areas[column] - all_true) / whole),
        perception=math.fsum((targets.areas[row] - inside) / whole),
        false_alarm_pixels=int(found.areas.sum() - found.areas[column].sum()), pixels=truth.size)


def total(counts: Iterable[HierarchicalCounts]) -> HierarchicalCounts:
    """The sum of the counters; shares are summed exactly rounded, so the order of the images changes nothing."""
    columns = list(zip(*map(astuple, counts), strict=True)) or [()] * 11
    return HierarchicalCounts(*(
        math.fsum(column) if isinstance(next(iter(column), 0), float) else sum(column) for column in columns))


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan


def hiou(counts: HierarchicalCounts) -> float:
    """Hierarchical IoU; ``nan`` without any target and region."""
    return _ratio(counts.overlap, counts.units)


def error_analysis(counts: HierarchicalCounts) -> dict[str, float]:
    """The two qualities of hIoU and the errors that they lack to 1.

    Returns:
        - ``seg_IoU``, ``seg_merging``, ``seg_interference``, ``seg_perception``: means over matched pairs of the shares
          of their union; they add up to 1.
        - ``loc_IoU``; ``loc_m2s``, regions that lost a candidate to another region (many to single); ``loc_s2m``,
          targets that lost theirs to another target (single to many); ``loc_interference``, regions without any
          candidate; ``loc_perception``, targets without any: shares of ``TP + FP + FN`` that add up to 1.
        - ``hIoU``, and the ``Pd`` and ``Fa`` of the same match.

    Example:
        >>> truth = np.zeros((32, 32), dtype=bool)
        >>> truth[4:6, 4:6] = truth[20:22, 20:22] = True
        >>> prediction = truth.copy()
        >>> prediction[20:22] = False
        >>> found = error_analysis(count_hierarchical(prediction, truth))
        >>> found['hIoU'], found['seg_IoU'], found['loc_IoU'], found['loc_perception']
        (0.5, 1.0, 0.5, 0.5)
    """
    pairs, units = counts.matched, counts.units
    return {
        'hIoU': hiou(counts), 'seg_IoU': _ratio(counts.overlap, pairs), 'seg_merging': _ratio(counts.merging, pairs),
        'seg_interference': _ratio(counts.interference, pairs), 'seg_perception': _ratio(counts.perception, pairs),
        'loc_IoU': _ratio(pairs, units), 'loc_m2s': _ratio(counts.regions - pairs - counts.stray, units),
        'loc_s2m': _ratio(counts.targets - pairs - counts.unseen, units),
        'loc_interference': _ratio(counts.stray, units), 'loc_perception': _ratio(counts.unseen, units),
        'Pd': _ratio(pairs, counts.targets), 'Fa': _ratio(counts.false_alarm_pixels, counts.pixels)}


def losses(counts: HierarchicalCounts) -> dict[str, float]:
    """How much of hIoU each error costs: hIoU and these seven add up to 1.

    The errors of segmentation, which :func:`error_analysis` gives among matched pairs, weigh as much here as pairs are
    matched (times ``loc_IoU``), so all seven can be ranked.
    """
    errors = error_analysis(counts)
    costs = {name: _ratio(getattr(counts, name.removeprefix('seg_')), counts.units)
             for name in ('seg_merging', 'seg_interference', 'seg_perception')}
    return costs | {name: errors[name] for name in ('loc_m2s', 'loc_s2m', 'loc_interference', 'loc_perception')}
