"""What the targets of a data set are like, and how many are small and dim by the definition that the field hands on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irstd_toolbox.datasets.synthetic.targets import measure
from irstd_toolbox.evaluation.regions import find_regions

__all__ = ['EDGES', 'SPIE', 'Target', 'find_targets', 'histogram', 'summarise']

SPIE = {'share': 0.0015, 'contrast': 0.15, 'snr': 1.5}
"""Bounds of a small, dim target: share of the image, contrast, SNR; it stays below each.

Note:
    As the field's papers quote SPIE: below 0.15 % of the image (also given as 80 of 256x256 pixels, which is 0.122 %),
    contrast below 15 %, SNR below 1.5. Read here as in :func:`irstd_toolbox.datasets.synthetic.targets.measure`.
"""

EDGES = {
    'area': (0, 2, 5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 640, math.inf),
    'share': (0, 0.0001, 0.0002, 0.0003, 0.0005, 0.0008, 80 / 65536, 0.0015, 0.002, 0.003, 0.005, 0.01, math.inf),
    'contrast': (-math.inf, 0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, math.inf),
    'snr': (-math.inf, 0, 0.5, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 20, 50, math.inf)}
"""Quantity to the edges of its histogram; a value belongs to the bin whose lower edge it reaches."""

_QUANTILES = {'minimum': 0, 'p5': 5, 'median': 50, 'p95': 95, 'maximum': 100}


@dataclass(frozen=True)
class Target:
    """One target: an 8-connected region of a mask, measured in the image.

    Args:
        image_id: Its image.
        x: Column of the centroid; pixel centres are whole numbers.
        y: Row of the centroid.
        box: First column, first row, width and height of the bounding box, pixels.
        area: Pixels.
        share: Area over the image's pixels.
        contrast: ``(mu_t - mu_b) / mu_b``, infinite over black.
        snr: ``(mu_t - mu_b) / sigma_b``, infinite over a flat neighbourhood.
    """

    image_id: str
    x: float
    y: float
    box: tuple[int, int, int, int]
    area: int
    share: float
    contrast: float
    snr: float

    @property
    def is_spie(self) -> bool:
        """Whether it stays below all bounds of :data:`SPIE`."""
        return all(getattr(self, key) < bound for key, bound in SPIE.items())


def find_targets(image_id: str, gray: np.ndarray, mask: np.ndarray) -> tuple[Target, ...]:
    """Every target of an image, in raster order of its first pixel.

    Args:
        image_id: The image's id.
        gray: The image on 0..255.
        mask: Target 1, background 0.

    Shape:
        - gray, mask: ``(H, W)``

    Example:
        >>> gray = np.tile([100.0, 104.0], (21, 11))
        >>> gray[10, 10:12] = 112.0
        >>> target, = find_targets('a', gray, (gray == 112).astype(np.uint8))
        >>> target.box, target.area, target.snr, target.x
        ((10, 10, 2, 1), 2, 5.0, 10.5)
    """
    everything = mask == 1
    regions = find_regions(everything)
    targets = []
    for number, place in enumerate(regions.places(mask.shape[1])):
        y, x = place.T
        alone = np.zeros_like(everything)
        alone[y, x] = True
        measured = measure(gray, alone, everything)
        box = (int(x.min()), int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1)
        area = int(regions.areas[number])
        row, column = regions.centroids[number].tolist()
        targets.append(Target(
            image_id, column, row, box, area, area / mask.size, measured.contrast, measured.snr))
    return tuple(targets)


def histogram(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """How many values lie in each bin, its lower edge included and its upper not, the last one included too.

    Example:
        >>> histogram([0, 1, 1.5, 2, math.inf], (0, 1, 2, math.inf))
        [1, 2, 2]
    """
    bins = np.searchsorted(np.asarray(edges[1:-1], float), np.asarray(values, float), side='right')
    return np.bincount(bins, minlength=len(edges) - 1).tolist()


def summarise(targets: Sequence[Target]) -> dict[str, dict]:
    """Of area, share, contrast and SNR: quantiles, mean, histogram, and the share of targets below SPIE's bound.

    Quantiles and means leave out infinite values, whose number is given. ``spie`` counts the targets that stay below
    every bound, and those below 80 pixels scaled from 256x256 to the image.
    """
    result: dict[str, dict] = {}
    for key, edges in EDGES.items():
        values = np.array([getattr(target, key) for target in targets], float)
        finite = values[np.isfinite(values)]
        figures = {name: float(np.percentile(finite, q)) if finite.size else None for name, q in _QUANTILES.items()}
        result[key] = {
            **figures, 'mean': float(finite.mean()) if finite.size else None, 'infinite': len(values) - len(finite),
            'edges': list(edges), 'histogram': histogram(values, edges)}
        if key in SPIE:
            result[key] |= {'bound': SPIE[key], 'below_bound': int(np.count_nonzero(values < SPIE[key]))}
    result['spie'] = {
        'targets': len(targets), 'all_bounds': sum(target.is_spie for target in targets),
        'below_80_of_256x256': sum(target.share < 80 / 65536 for target in targets)}
    return result
