"""Connected regions of a binary map, and the rules by which predicted regions are given to targets.

The order of the regions is part of the definition: a greedy match depends on it. Regions are
numbered by their first pixel in raster order, as the field's code does.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from irstd_toolbox.errors import ConfigError

__all__ = ['MATCHING', 'Regions', 'dilate', 'distances', 'find_regions', 'match_greedy', 'match_optimal']

MATCHING = ('greedy', 'optimal', 'overlap', 'shooting')

_NEIGHBOURS = {8: np.ones((3, 3), dtype=bool), 4: np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)}


@dataclass(frozen=True, eq=False)
class Regions:
    """The connected regions of one map, in raster order of their first pixel.

    Shape:
        - areas: (n,) int64, pixels of each region
        - centroids: (n, 2) float64, mean row and mean column
        - pixels: (k,) int64, flat index of every foreground pixel in raster order
        - labels: (k,) int64, the region (from 0) that the pixel belongs to
    """

    areas: np.ndarray
    centroids: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.areas)

    def touched(self, mask: np.ndarray) -> np.ndarray:
        """Which regions have at least one pixel in ``mask``; (n,) bool."""
        hit = self.labels[mask.ravel()[self.pixels]]
        return np.bincount(hit, minlength=len(self)).astype(bool)

    def places(self, width: int) -> list[np.ndarray]:
        """Row and column, ``(areas[i], 2)``, of the pixels of each region in raster order, on a map of that width.

        Example:
            >>> [place.tolist() for place in find_regions(np.array([[True, False, True]])).places(3)]
            [[[0, 0]], [[0, 2]]]
        """
        pixels = np.stack(np.divmod(self.pixels, width), axis=1)[np.argsort(self.labels, kind='stable')]
        return np.split(pixels, np.cumsum(self.areas)[:-1]) if len(self) else []


def find_regions(mask: np.ndarray, connectivity: int = 8) -> Regions:
    """Find the connected regions of a binary map.

    Rows and columns without foreground are closed up to single blank lines before labelling, which changes
    neither neighbours nor order, and areas and centroids are counted over foreground pixels alone: targets are
    small and few.

    Args:
        mask: Boolean map.
        connectivity: 8 (also diagonal neighbours) or 4.

    Shape:
        - mask: (H, W)

    Raises:
        ConfigError: If the connectivity is neither 4 nor 8.

    Example:
        >>> find_regions(np.eye(3, dtype=bool)).areas.tolist()
        [3]
        >>> find_regions(np.eye(3, dtype=bool), connectivity=4).centroids.tolist()
        [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]
    """
    if connectivity not in _NEIGHBOURS:
        raise ConfigError(f'connectivity is {connectivity!r}; expected 8 or 4.')
    pixels = np.flatnonzero(mask)
    if not pixels.size:
        return Regions(np.zeros(0, np.int64), np.zeros((0, 2)), pixels, pixels)
    rows, columns = np.divmod(pixels, mask.shape[1])
    row_of, column_of = _closed_up(rows, mask.shape[0]), _closed_up(columns, mask.shape[1])
    window = np.zeros((row_of[-1] + 1, column_of[-1] + 1), dtype=bool)
    place = row_of[rows], column_of[columns]
    window[place] = True
    numbered, count = ndimage.label(window, _NEIGHBOURS[connectivity])
    labels = numbered[place].astype(np.int64) - 1
    areas = np.bincount(labels, minlength=count)
    sums = np.stack([np.bincount(labels, rows, count), np.bincount(labels, columns, count)], axis=1)
    return Regions(areas, sums / areas[:, None], pixels, labels)


def _closed_up(indices: np.ndarray, size: int) -> np.ndarray:
    """Where each of ``size`` lines goes when every gap between the lines in ``indices`` shrinks to one line.

    Shape:
        - Output: (size,); the last entry is the highest one

    Example:
        >>> _closed_up(np.array([2, 3, 7]), 9)[[2, 3, 7]].tolist()
        [0, 1, 3]
    """
    used = np.zeros(size, dtype=np.int64)
    used[indices] = 1
    starts = used.copy()
    starts[1:] &= 1 - used[:-1]
    return np.cumsum(used + starts) - 2


def distances(targets: Regions, regions: Regions) -> np.ndarray:
    """Distance of every target centroid to every region centroid, ``sqrt(dy^2 + dx^2)`` in float64.

    Shape:
        - Output: (targets, regions)
    """
    delta = targets.centroids[:, None] - regions.centroids[None]
    return np.sqrt(delta[..., 0] * delta[..., 0] + delta[..., 1] * delta[..., 1])


def match_greedy(distance: np.ndarray, below: float = 3.0) -> np.ndarray:
    """Give each target, in order, the first free region that is nearer than ``below``.

    The first such region, not the nearest one: this is what the field's code does, and why a
    flipped image may count one match more or less.

    Args:
        distance: Distances of targets to regions.
        below: A pair may match when its distance is strictly below this.

    Shape:
        - distance: (targets, regions)
        - Output: (targets,), the region's index or -1

    Example:
        >>> match_greedy(np.array([[2.9, 0.0], [0.5, 9.0]])).tolist()
        [0, -1]
        >>> match_optimal(np.array([[2.9, 0.0], [0.5, 9.0]])).tolist()
        [1, 0]
    """
    near = distance < below
    matched = np.full(len(distance), -1, dtype=np.int64)
    taken: set[int] = set()
    for target in np.flatnonzero(near.any(axis=1)):
        for region in np.flatnonzero(near[target]).tolist():
            if region not in taken:
                taken.add(region)
                matched[target] = region
                break
    return matched


def match_optimal(distance: np.ndarray, below: float = 3.0) -> np.ndarray:
    """The one-to-one assignment with the most matches, and among those the least total distance.

    Args:
        distance: Distances of targets to regions.
        below: A pair may match when its distance is strictly below this.

    Shape:
        - distance: (targets, regions)
        - Output: (targets,), the region's index or -1
    """
    near = distance < below
    matched = np.full(len(distance), -1, dtype=np.int64)
    if not near.any():
        return matched
    from scipy.optimize import linear_sum_assignment  # 0.4 s, and few images need it

    # One more match always outweighs any sum of distances.
    bonus = below * (min(distance.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(near, distance - bonus, 0.0))
    real = near[rows, columns]
    matched[rows[real]] = columns[real]
    return matched


def dilate(mask: np.ndarray, side: int) -> np.ndarray:
    """All pixels of which the ``side`` x ``side`` square around them meets ``mask``; clamped at the border."""
    return cv2.dilate(mask.view(np.uint8), np.ones((side, side), np.uint8)).view(bool)
