"""Local contrast between a cell of pixels and its eight neighbour cells."""

from collections.abc import Sequence

import cv2
import numpy as np

from ...errors import ConfigError
from ...registry import METHODS
from .windows import box_mean, check_sizes, neighbours, odd_size, ring_mean

__all__ = ['HBMLCM', 'ILCM', 'LCM', 'MPCM']


@METHODS.register_module()
class LCM:
    r"""Local contrast measure.

    .. math:: C_s = \min_{i=1}^{8} \frac{L^2}{m_i} = \frac{L^2}{\max_i m_i}, \qquad
              R = \max_s C_s - \min_{x, y} \max_s C_s

    ``L`` is the largest grey value of the cell around a pixel, ``m_i`` are the means of its neighbour cells.

    Args:
        cells: Sides of the cell, one a scale.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        The measure is positive wherever the image is; its smallest value over the image is taken off, so that a flat
        image has no response. Neither the rule mean + k sigma nor a share of the range sees this. A mean below 1 grey
        value counts as 1, so that black surroundings give no infinity. The border is mirrored.

    References:
        Chen, Li, Wei, Xia, Tang: A local contrast method for small infrared target detection, IEEE Transactions on
        Geoscience and Remote Sensing 52(1), 2014.
    """

    def __init__(self, cells: Sequence[int] = (3, 5, 7, 9)) -> None:
        self.cells = check_sizes('cells', cells)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        measure = np.zeros_like(image)
        for cell in self.cells:
            _, around = neighbours(box_mean(image, cell, margin=cell), cell)
            # Dilation leaves out what is beyond the border, which in a mirror image adds nothing to a maximum.
            largest = cv2.dilate(image, np.ones((cell, cell), np.uint8))
            measure = np.maximum(measure, largest ** 2 / np.maximum(around.max(axis=0), 1))
        return measure - measure.min()


@METHODS.register_module()
class ILCM:
    r"""Improved local contrast measure, of half-overlapping blocks instead of pixels.

    .. math:: C = \min_{i=1}^{8} \frac{L\, m}{m_i} = \frac{L\, m}{\max_i m_i}, \qquad R = C - \min C

    ``L`` and ``m`` are the largest and the mean grey value of a block, ``m_i`` the means of the eight blocks that begin
    one step away.

    Args:
        block: Side of a block.
        step: From one block to the next; half the side in the paper.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        A block's value is given to the ``step x step`` pixels in its middle, those at the border to the border as well.
        The image is extended by its last row and column to whole blocks, the grid of blocks by its outermost ones. The
        smallest value is taken off and means count as at least 1, as in :class:`LCM`.

    References:
        Han, Ma, Zhou, Fan, Liang, Fang: A robust infrared small target detection algorithm based on human visual
        system, IEEE Geoscience and Remote Sensing Letters 11(12), 2014.
    """

    def __init__(self, block: int = 8, step: int = 4) -> None:
        if (not all(isinstance(side, int) and not isinstance(side, bool) for side in (block, step))
                or not 0 < step <= block or (block - step) % 2):
            raise ConfigError(f'block={block!r}, step={step!r}: whole numbers, 0 < step <= block, with an even '
                              'difference are expected.')
        self.block, self.step = block, step

    def __call__(self, image: np.ndarray) -> np.ndarray:
        block, step = self.block, self.step
        extra = [max(block - side, (block - side) % step) for side in image.shape]
        padded = np.pad(image, [(0, count) for count in extra], mode='edge')
        blocks = np.lib.stride_tricks.sliding_window_view(padded, (block, block))[::step, ::step]
        base = image.min()
        largest, mean = blocks.max(axis=(2, 3)), (blocks - base).mean(axis=(2, 3)) + base
        _, around = neighbours(np.pad(mean, 1, mode='edge'), 1)
        measure = largest * mean / np.maximum(around.max(axis=0), 1)
        measure -= measure.min()
        rows, columns = (np.clip((np.arange(side) - (block - step) // 2) // step, 0, count - 1)
                         for side, count in zip(image.shape, measure.shape, strict=True))
        return measure[np.ix_(rows, columns)]


@METHODS.register_module()
class MPCM:
    r"""Multiscale patch-based contrast measure.

    .. math:: d_i = T - B_i, \qquad R = \max(0, \max_s \min_{i=1}^{4} d_i\, d_{i+4})

    ``T`` is the mean of the cell around a pixel, ``B_1 ... B_8`` those of its neighbour cells, ``i`` and ``i + 4``
    opposite ones.

    Args:
        cells: Sides of the cell, one a scale.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        The product of two negative differences is positive: a dark spot responds as a bright one does, which the paper
        means to. The border is mirrored.

    References:
        Wei, You, Li: Multiscale patch-based contrast measure for small infrared target detection, Pattern
        Recognition 58, 2016.
    """

    def __init__(self, cells: Sequence[int] = (3, 5, 7, 9)) -> None:
        self.cells = check_sizes('cells', cells)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        response = np.zeros_like(image)
        for cell in self.cells:
            centre, around = neighbours(box_mean(image, cell, margin=cell), cell)
            difference = centre - around
            response = np.maximum(response, (difference[:4] * difference[4:]).min(axis=0))
        return response


@METHODS.register_module()
class HBMLCM:
    r"""High-boost-based multiscale local contrast measure.

    .. math:: H = I \max(0, I - \bar I), \qquad d_s = |m_s - b_s|, \qquad R = (\max_s d_s - \min_s d_s)^2

    ``\bar I`` is the local mean, ``m_s`` the mean of ``H`` in the inner window of size ``s``, ``b_s`` its mean in the
    outer window without the inner one.

    Args:
        inner: Sides of the inner window, one a scale; at least two.
        outer: Side of the outer window, the same for all scales.
        boost: Side of the window of the local mean.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        The paper gives no side for the local mean; 9 is our choice (public implementations have 9 and 5). The border
        is mirrored.

    References:
        Shi, Wei, Yao, Pan, Xiao: High-boost-based multiscale local contrast measure for infrared small target
        detection, IEEE Geoscience and Remote Sensing Letters 15(1), 2018.
    """

    def __init__(self, inner: Sequence[int] = (3, 5, 7, 9), outer: int = 15, boost: int = 9) -> None:
        self.inner, self.outer = check_sizes('inner', inner), odd_size('outer', outer)
        self.boost = odd_size('boost', boost)
        if len(self.inner) < 2 or outer <= max(inner):
            raise ConfigError(f'inner={inner}, outer={outer}: at least two inner windows, all smaller than the outer '
                              'one, are expected.')

    def __call__(self, image: np.ndarray) -> np.ndarray:
        boosted = image * np.maximum(image - box_mean(image, self.boost), 0)
        contrasts = [np.abs(box_mean(boosted, size) - ring_mean(boosted, self.outer, size)) for size in self.inner]
        return (np.max(contrasts, axis=0) - np.min(contrasts, axis=0)) ** 2
