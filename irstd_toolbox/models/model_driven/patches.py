"""An image as overlapping patches, and back: what the low-rank methods decompose."""

import numpy as np

from ...errors import ConfigError, check_least

__all__ = ['OVERLAPS', 'PatchGrid', 'PatchModel']

OVERLAPS = ('mean', 'median', 'overwrite')
_BLOCK = 4_000_000  # values that are sorted at once, which bounds the memory of large images


class PatchGrid:
    """The places of a sliding window over an image.

    The window starts at ``0, step, 2 * step, ...`` and, unless ``border`` is false, also where it ends with the image.
    Patches are numbered down the columns, the order of MATLAB: the row changes first.

    Args:
        shape: ``(H, W)``.
        size: Side of a patch; along an axis on which two do not fit side by side, half of the axis, rounded up.
        step: Pixels between two patches.
        border: Whether the last rows and columns are covered when the steps do not reach them.

    Note:
        A patch as large as the image would be a matrix of one column, whose best approximation of rank one is the image
        itself, targets included. Half an axis gives at least two places on it.

    Example:
        >>> grid = PatchGrid((5, 9), size=4, step=2)
        >>> grid.rows.tolist(), grid.columns.tolist()
        ([0, 2], [0, 2, 4, 5])
        >>> image = np.arange(45.0).reshape(5, 9)
        >>> grid.split(image).shape, np.array_equal(grid.join(grid.split(image), 'median'), image)
        ((8, 3, 4), True)
    """

    def __init__(self, shape: tuple[int, int], size: int, step: int, border: bool = True) -> None:
        self.shape = shape
        self.height, self.width = (min(size, (side + 1) // 2) for side in shape)
        self.rows, self.columns = (_starts(side - length, step, border)
                                   for side, length in zip(shape, (self.height, self.width), strict=True))

    def split(self, image: np.ndarray) -> np.ndarray:
        """``(H, W)`` to the patches ``(P, h, w)``."""
        windows = np.lib.stride_tricks.sliding_window_view(image, (self.height, self.width))
        chosen = windows[np.ix_(self.rows, self.columns)].swapaxes(0, 1)
        return np.ascontiguousarray(chosen.reshape(-1, self.height, self.width))

    def join(self, patches: np.ndarray, overlap: str) -> np.ndarray:
        """The patches ``(P, h, w)`` to ``(H, W)``; pixels that no patch covers are 0.

        Args:
            patches: In the order of :meth:`split`.
            overlap: Which of the values that several patches give a pixel: their ``'mean'``, their ``'median'``
                (between the middle two of an even number), or that of the last patch, ``'overwrite'``.
        """
        if overlap == 'mean':
            return self._mean(patches)
        image = np.zeros(self.shape)
        bottom, right = self.rows[-1] + self.height, self.columns[-1] + self.width
        if overlap == 'overwrite':
            row, column = (np.searchsorted(starts, np.arange(end), side='right') - 1
                           for starts, end in ((self.rows, bottom), (self.columns, right)))
            image[:bottom, :right] = self._values(patches, np.arange(bottom)[:, None], row[:, None],
                                                  np.arange(right), column)
            return image
        block = max(1, _BLOCK // (right * self._most(self.rows, self.height) * self._most(self.columns, self.width)))
        for top in range(0, bottom, block):
            lines = np.arange(top, min(top + block, bottom))
            image[lines, :right] = self._median(patches, lines, np.arange(right))
        return image

    def _mean(self, patches: np.ndarray) -> np.ndarray:
        total, count = np.zeros(self.shape), np.zeros(self.shape)
        for number, patch in enumerate(patches):
            column, row = divmod(number, len(self.rows))
            place = np.s_[self.rows[row]:self.rows[row] + self.height,
                          self.columns[column]:self.columns[column] + self.width]
            total[place] += patch
            count[place] += 1
        return total / np.maximum(count, 1)

    def _median(self, patches: np.ndarray, lines: np.ndarray, across: np.ndarray) -> np.ndarray:
        row, inside_row = _covering(self.rows, self.height, lines)
        column, inside_column = _covering(self.columns, self.width, across)
        values = self._values(patches, lines[:, None, None, None], row[:, None, :, None],
                              across[:, None, None], column[:, None, :])
        covered = inside_row[:, None, :, None] & inside_column[:, None, :]
        values = np.sort(np.where(covered, values, np.inf).reshape(len(lines), len(across), -1), axis=-1)
        count = inside_row.sum(axis=1)[:, None] * inside_column.sum(axis=1)
        lower, upper = (np.take_along_axis(values, index[..., None], axis=-1)[..., 0]
                        for index in ((count - 1) // 2, count // 2))
        return (lower + upper) / 2

    def _values(self, patches: np.ndarray, y: np.ndarray, row: np.ndarray, x: np.ndarray,
                column: np.ndarray) -> np.ndarray:
        """What the patches at ``(row, column)`` of the grid say of the pixels ``(y, x)``; arrays that broadcast."""
        down = np.clip(y - self.rows[row], 0, self.height - 1)
        right = np.clip(x - self.columns[column], 0, self.width - 1)
        return patches[column * len(self.rows) + row, down, right]

    @staticmethod
    def _most(starts: np.ndarray, length: int) -> int:
        return int((np.searchsorted(starts, starts + length) - np.arange(len(starts))).max())


def _starts(last: int, step: int, border: bool) -> np.ndarray:
    starts = np.arange(0, last + 1, step)
    return np.append(starts, last) if border and starts[-1] != last else starts


def _covering(starts: np.ndarray, length: int, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which windows of one axis cover each pixel.

    Shape:
        - Output: two arrays ``(len(pixels), K)``: numbers of windows, and whether the window covers the pixel
    """
    first = np.searchsorted(starts, pixels - length, side='right')
    last = np.searchsorted(starts, pixels, side='right')
    window = first[:, None] + np.arange((last - first).max())
    return np.minimum(window, len(starts) - 1), window < last[:, None]


class PatchModel:
    """What the low-rank methods share: the image is cut into patches, their targets are put together again.

    A subclass gives :meth:`targets`. Where the joined targets are negative the response is 0.

    Args:
        patch: Side of a patch.
        step: Pixels between two patches, at most ``patch``.
        overlap: How overlapping patches are joined, see :meth:`PatchGrid.join`.
        svd: ``'gram'`` decomposes through the Gram matrix of the shorter side, ``'svd'`` by LAPACK's singular value
            decomposition; see :func:`~.singular_values.map_singular_values`.
        tolerance: At which relative error, or what else the method measures, its iterations end.
        max_iterations: After how many they end in any case.
        border: See :class:`PatchGrid`.

    Raises:
        ConfigError: If a size, a number or a name is not as described.
    """

    def __init__(self, patch: int, step: int, overlap: str, svd: str, tolerance: float, max_iterations: int,
                 border: bool = True) -> None:
        if isinstance(max_iterations, bool) or not isinstance(max_iterations, int) or max_iterations < 1:
            raise ConfigError(f'max_iterations={max_iterations!r}: a whole number from 1 is expected.')
        check_least(self, 0, tolerance=tolerance)
        if not isinstance(patch, int) or not isinstance(step, int) or not 1 <= step <= patch or patch < 2:
            raise ConfigError(f'patch={patch}, step={step}: a patch of at least 2 pixels and a step between 1 and it, '
                              'whole numbers, are expected; with a larger step, pixels between patches would be lost.')
        if overlap not in OVERLAPS:
            raise ConfigError(f'overlap={overlap!r} is not known. Choose one of {", ".join(OVERLAPS)}.')
        if svd not in ('gram', 'svd'):
            raise ConfigError(f"svd={svd!r} is not known. Choose 'gram' or 'svd'.")
        self.patch, self.step, self.overlap, self.svd, self.border = patch, step, overlap, svd, border
        self.tolerance, self.max_iterations = tolerance, max_iterations

    def __call__(self, image: np.ndarray) -> np.ndarray:
        if image.min() == image.max():
            return np.zeros_like(image)
        grid = PatchGrid(image.shape, self.patch, self.step, self.border)
        return np.maximum(grid.join(self.targets(image, grid), self.overlap), 0)

    def targets(self, image: np.ndarray, grid: PatchGrid) -> np.ndarray:
        """The targets' part of every patch, ``(P, h, w)``, in grey levels."""
        raise NotImplementedError
