r"""Local contrast whose cells are described by their largest pixels instead of their mean or maximum.

Common to the three: the contrast of a target ``T`` against the brightest of eight surroundings ``B_i`` is

.. math:: C = \min_i \frac{T}{B_i} T - T = \frac{T (T - \max_i B_i)}{\max_i B_i}

and 0 where that is negative. Surroundings below 1 grey value count as 1 in the denominator, so that black ones give no
infinity. The border is mirrored (the authors' code sorts zeros in beyond it).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from ...errors import ConfigError, check_positive
from ...registry import METHODS
from .windows import box_mean, check_sizes, largest_means, neighbours, odd_size, pad

__all__ = ['RLCM', 'TLLCM', 'WSLCM']

_GAUSSIAN = np.outer([1, 2, 1], [1, 2, 1]) / 16


def _contrast(target: np.ndarray, surroundings: np.ndarray) -> np.ndarray:
    """``(H, W)`` and ``(H, W)``, the brightest surrounding, to the contrast ``(H, W)`` of the module's formula."""
    return np.maximum(target * (target - surroundings) / np.maximum(surroundings, 1), 0)


def _core(image: np.ndarray) -> np.ndarray:
    """The image under the 3x3 Gaussian that is matched to a small target."""
    base = image.min()
    return cv2.filter2D(pad(image - base, 1), cv2.CV_64F, _GAUSSIAN)[1:-1, 1:-1] + base


@METHODS.register_module()
class RLCM:
    r"""Multiscale relative local contrast measure.

    .. math:: R = \max_{(K_1, K_2)} \max\left(0, \frac{T_{K_1}^2}{\max_i B_{i, K_2}} - T_{K_1}\right)

    ``T`` is the mean of the ``K_1`` largest pixels of the cell around a pixel, ``B_i`` that of the ``K_2`` largest of a
    neighbour cell. The cell has one size; the scales are the pairs of counts.

    Args:
        cell: Side of the cell.
        counts: The pairs ``(K_1, K_2)``.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    References:
        Han, Liang, Zhou, Zhu, Zhao, Zhao: Infrared small target detection utilizing the multiscale relative local
        contrast measure, IEEE Geoscience and Remote Sensing Letters 15(4), 2018.
    """

    def __init__(self, cell: int = 9, counts: Sequence[tuple[int, int]] = ((2, 4), (5, 9), (9, 16))) -> None:
        self.cell = odd_size('cell', cell)
        if not isinstance(counts, list | tuple) or not counts or not all(
                isinstance(pair, list | tuple) and len(pair) == 2 and all(_counts(one, cell ** 2) for one in pair)
                for pair in counts):
            raise ConfigError(f'counts={counts!r}: pairs of whole numbers from 1 to {cell ** 2}, the pixels of a cell, '
                              'are expected.')
        self.counts = [tuple(pair) for pair in counts]

    def __call__(self, image: np.ndarray) -> np.ndarray:
        numbers = sorted({count for pair in self.counts for count in pair})
        maps = dict(zip(numbers, largest_means(image, self.cell, numbers, margin=self.cell), strict=True))
        response = np.zeros_like(image)
        for inside, outside in self.counts:
            target = neighbours(maps[inside], self.cell)[0]
            surroundings = neighbours(maps[outside], self.cell)[1].max(axis=0)
            response = np.maximum(response, _contrast(target, surroundings))
        return response


@METHODS.register_module()
class TLLCM:
    r"""Multiscale tri-layer local contrast measure.

    .. math:: R = \max_s \max\left(0, \frac{G^2}{\max_i B_i} - G\right)

    ``G`` is the image under a 3x3 Gaussian, the core layer; ``B_i`` is the mean of the ``K`` largest pixels of a
    neighbour cell, the surrounding layer. The rest of the middle cell, the reserve layer, takes no part.

    Args:
        cells: Sides of the cell, one a scale.
        count: ``K``.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    References:
        Han, Moradi, Faramarzi, Liu, Zhang, Zhao: A local contrast method for infrared small-target detection utilizing
        a tri-layer window, IEEE Geoscience and Remote Sensing Letters 17(10), 2020.
    """

    def __init__(self, cells: Sequence[int] = (3, 5, 7, 9), count: int = 9) -> None:
        self.cells, self.count = check_sizes('cells', cells), _check_count(count, cells)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        core, response = _core(image), np.zeros_like(image)
        for cell in self.cells:
            largest = largest_means(image, cell, (self.count,), margin=cell)[0]
            response = np.maximum(response, _contrast(core, neighbours(largest, cell)[1].max(axis=0)))
        return response


@METHODS.register_module()
class WSLCM:
    r"""Weighted strengthened local contrast measure.

    .. math:: R = \max_s W_s C_s, \qquad
              W_s = \frac{D_0 \max(0, D_0 - \max_i D_i)}{\max(\xi, \operatorname{std}_i D_i)}

    ``C_s`` is the contrast of :class:`TLLCM`; ``D_0`` and ``D_1 ... D_8`` are, of the middle cell and its neighbours,
    the mean of the ``K`` largest pixels less the mean: a target is heterogeneous, its surroundings are not.

    Args:
        cells: Sides of the cell, one a scale.
        count: ``K``.
        xi: Least standard deviation in grey values, a denominator; above 0.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        A 3x3 median of the image comes first. The deviation over the eight neighbours is divided by 7.

    References:
        Han, Moradi, Faramarzi, Zhang, Zhao, Zhang, Li: Infrared small target detection based on the weighted
        strengthened local contrast measure, IEEE Geoscience and Remote Sensing Letters 18(9), 2021.
    """

    def __init__(self, cells: Sequence[int] = (5, 7, 9, 11), count: int = 9, xi: float = 5.0) -> None:
        check_positive(self, xi=xi)
        self.cells, self.count, self.xi = check_sizes('cells', cells), _check_count(count, cells), xi

    def __call__(self, image: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(pad(image, 1), (3, 3)).reshape(*image.shape, 9)
        smooth = np.partition(windows, 4, axis=-1)[..., 4]
        core, response = _core(smooth), np.zeros_like(image)
        for cell in self.cells:
            largest = largest_means(smooth, cell, (self.count,), margin=cell)[0]
            inside, around = neighbours(largest - box_mean(smooth, cell, margin=cell), cell)
            spread = np.maximum(around.std(axis=0, ddof=1), self.xi)
            weight = inside * np.maximum(inside - around.max(axis=0), 0) / spread
            response = np.maximum(response, weight * _contrast(core, neighbours(largest, cell)[1].max(axis=0)))
        return response


def _check_count(count: int, cells: Sequence[int]) -> int:
    most = min(cells) ** 2
    if not _counts(count, most):
        raise ConfigError(f'count={count!r}: a whole number from 1 to {most}, the pixels of the smallest cell, is '
                          'expected.')
    return count


def _counts(count: int, most: int) -> bool:
    return isinstance(count, int) and not isinstance(count, bool) and 0 < count <= most
