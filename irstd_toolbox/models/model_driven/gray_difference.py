"""Squared differences of mean grey values, and intensity joined with gradients."""

from collections.abc import Sequence

import numpy as np

from ...errors import ConfigError
from ...registry import METHODS
from .windows import box_mean, check_sizes, neighbours, odd_size, pad, ring_mean

__all__ = ['AAGD', 'ADMD', 'LIG']


@METHODS.register_module()
class ADMD:
    r"""Absolute directional mean difference.

    .. math:: R = \max_s \max(0, T - \max_{i=1}^{8} B_i)^2

    ``T`` is the mean of the cell around a pixel, ``B_i`` those of its neighbour cells.

    Args:
        cells: Sides of the cell, one a scale.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        The border is mirrored (the authors' dilation leaves out what is beyond it).

    References:
        Moradi, Moallem, Sabahi: Fast and robust small infrared target detection using absolute directional mean
        difference algorithm, Signal Processing 177, 2020.
    """

    def __init__(self, cells: Sequence[int] = (3, 5, 7, 9)) -> None:
        self.cells = check_sizes('cells', cells)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        response = np.zeros_like(image)
        for cell in self.cells:
            centre, around = neighbours(box_mean(image, cell, margin=cell), cell)
            response = np.maximum(response, np.maximum(centre - around.max(axis=0), 0) ** 2)
        return response


@METHODS.register_module()
class AAGD:
    r"""Absolute average gray difference over several scales.

    .. math:: R = \max_s (m_s - b_s)^2

    ``m_s`` is the mean of the inner window of size ``s``, ``b_s`` that of the outer window without the inner one.

    Args:
        inner: Sides of the inner window, one a scale.
        outer: Side of the outer window, the same for all scales.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        A dark spot responds as a bright one does, by the square. The border is mirrored.

    References:
        Deng, Sun, Liu, Ye, Zhou: Infrared small-target detection using multiscale gray difference weighted image
        entropy, IEEE Transactions on Aerospace and Electronic Systems 52(1), 2016 (without the entropy); name and
        window sizes: Moradi, Moallem, Sabahi: A false-alarm aware methodology to develop robust and efficient
        multi-scale infrared small target detection algorithm, Infrared Physics & Technology 89, 2018, and their code.
    """

    def __init__(self, inner: Sequence[int] = (3, 5, 7, 9), outer: int = 19) -> None:
        self.inner, self.outer = check_sizes('inner', inner), odd_size('outer', outer)
        if outer <= max(inner):
            raise ConfigError(f'inner={inner}, outer={outer}: inner windows smaller than the outer one are expected.')

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return np.max([(box_mean(image, size) - ring_mean(image, self.outer, size)) ** 2 for size in self.inner],
                      axis=0)


@METHODS.register_module()
class LIG:
    r"""Local intensity times local gradient.

    .. math:: R = \max(0, I - \bar I)\; G, \qquad
              G = \sum_{q=1}^{4} g_q \text{ if } \min_q g_q \ge k \max_q g_q \text{ else } 0

    ``\bar I`` is the mean of the window around a pixel without the pixel. Each quadrant of the window, the axes through
    the pixel included, has ``g_q``, the mean square of the grey steps that rise towards the pixel along the diagonal.
    Around a target they rise in all four, at an edge they do not.

    Args:
        window: Side of the window.
        ratio: ``k``.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        Steps along the diagonal stand for the gradient, as in public implementations; the mean is over the steps that
        rise. The border is mirrored.

    References:
        Zhang, Zhang, Yuan, Chen: Infrared small target detection based on local intensity and gradient properties,
        Infrared Physics & Technology 89, 2018.
    """

    def __init__(self, window: int = 11, ratio: float = 0.2) -> None:
        self.window, self.ratio = odd_size('window', window), ratio
        if not 0 < ratio < 1:
            raise ConfigError(f'ratio={ratio}: 0 < ratio < 1 is expected.')

    def __call__(self, image: np.ndarray) -> np.ndarray:
        quadrants = np.stack([self._quadrant(image, down, right) for down in (-1, 1) for right in (-1, 1)])
        smallest, largest = quadrants.min(axis=0), quadrants.max(axis=0)
        gradient = np.where(smallest >= self.ratio * largest, quadrants.sum(axis=0), 0)
        return np.maximum(image - ring_mean(image, self.window, 1), 0) * gradient

    def _quadrant(self, image: np.ndarray, down: int, right: int) -> np.ndarray:
        """Mean square of the rising steps of the quadrant that lies ``(down, right)`` of each pixel."""
        radius, (height, width) = self.window // 2, image.shape
        padded = pad(image, radius + 1)
        own = padded[1:-1, 1:-1]
        towards = padded[1 - down:padded.shape[0] - 1 - down, 1 - right:padded.shape[1] - 1 - right]
        step = np.maximum(towards - own, 0)
        top, left = (radius if side > 0 else 0 for side in (down, right))
        total, count = (_corner_sum(value, radius + 1)[top:top + height, left:left + width]
                        for value in (step ** 2, (step > 0).astype(float)))
        return total / np.maximum(count, 1)


def _corner_sum(values: np.ndarray, size: int) -> np.ndarray:
    """Sum of the ``size x size`` window that has its upper left corner at every pixel where it fits."""
    windows = np.lib.stride_tricks.sliding_window_view
    return windows(windows(values, size, axis=0).sum(axis=-1), size, axis=1).sum(axis=-1)
