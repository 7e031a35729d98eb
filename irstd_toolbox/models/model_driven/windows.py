"""Statistics of windows around every pixel, which the model-driven methods are made of.

Beyond the border an image goes on as its mirror image, the outermost pixel repeated (numpy's ``symmetric``). Means are
taken of ``image - image.min()`` and the minimum is added afterwards: over a flat image they are then its grey value to
the last bit, and no rounding noise is left where two of them are subtracted.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from ...errors import ConfigError

__all__ = ['box_mean', 'check_sizes', 'largest_means', 'lines', 'neighbours', 'odd_size', 'pad', 'ring_mean']

_ROW_BLOCK = 4_000_000  # values that are sorted at once, which bounds the memory of large images
_AROUND = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))


def odd_size(name: str, size: int) -> int:
    """``size`` if a window of it has a centre.

    Raises:
        ConfigError: If it is not an odd number of at least 3.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 3 or size % 2 == 0:
        raise ConfigError(f'{name}={size!r}: a window has an odd size of at least 3 pixels, so that it has a centre.')
    return size


def check_sizes(name: str, sizes: Sequence[int]) -> tuple[int, ...]:
    """Window sizes, one a scale.

    Raises:
        ConfigError: If it is no list, there is none in it or one is not odd.
    """
    if not isinstance(sizes, list | tuple) or not sizes:
        raise ConfigError(f'{name}={sizes!r}: a list of at least one window size is expected.')
    return tuple(odd_size(name, size) for size in sizes)


def pad(image: np.ndarray, margin: int) -> np.ndarray:
    """``(H, W)`` to ``(H + 2 * margin, W + 2 * margin)``, mirrored.

    Example:
        >>> pad(np.array([[1, 2, 3]]), 2)[0].tolist()
        [2, 1, 1, 2, 3, 3, 2]
    """
    return np.pad(image, margin, mode='symmetric')


def box_mean(image: np.ndarray, size: int, margin: int = 0) -> np.ndarray:
    """Mean of the ``size x size`` window around every pixel, and around those up to ``margin`` beyond the border.

    Shape:
        - image: ``(H, W)``
        - Output: ``(H + 2 * margin, W + 2 * margin)``
    """
    base, radius = image.min(), size // 2
    padded = pad(image - base, radius + margin)
    total = cv2.boxFilter(padded, cv2.CV_64F, (size, size), normalize=False, borderType=cv2.BORDER_REPLICATE)
    # The filter's running sums may leave -1e-14 where all values are 0.
    inner = np.maximum(total[radius:total.shape[0] - radius, radius:total.shape[1] - radius], 0)
    return inner / size ** 2 + base


def ring_mean(image: np.ndarray, outer: int, inner: int) -> np.ndarray:
    """Mean of what the window of size ``outer`` holds outside the window of size ``inner``."""
    base = image.min()
    raised = image - base
    total = box_mean(raised, outer) * outer ** 2 - box_mean(raised, inner) * inner ** 2
    return total / (outer ** 2 - inner ** 2) + base


def neighbours(padded: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """A map's values and those ``step`` away in the eight directions.

    Args:
        padded: A map with a margin of ``step``.
        step: The distance in each axis.

    Shape:
        - padded: ``(H + 2 * step, W + 2 * step)``
        - Output: ``(H, W)``, and ``(8, H, W)``: clockwise from the upper left, so that ``i`` and ``i + 4`` are opposite
    """
    height, width = (side - 2 * step for side in padded.shape)
    around = [padded[row * step:row * step + height, column * step:column * step + width] for row, column in _AROUND]
    return padded[step:step + height, step:step + width], np.stack(around)


def lines(image: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """The ``size`` pixels of the lines through every pixel: horizontal, vertical, and the two diagonals, in turn.

    Shape:
        - Output: four of ``(size, H, W)``; one at a time bounds the memory of large images
    """
    radius, (height, width) = size // 2, image.shape
    padded, steps = pad(image, radius), range(-radius, radius + 1)
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        yield np.stack([padded[radius + down * step:radius + down * step + height,
                               radius + right * step:radius + right * step + width] for step in steps])


def largest_means(image: np.ndarray, size: int, counts: Sequence[int], margin: int = 0) -> np.ndarray:
    """Means of the largest pixels of the ``size x size`` window around every pixel.

    Args:
        image: The image.
        size: Of the window.
        counts: Over how many of the largest pixels to average; each gives one map.
        margin: How far beyond the border windows are centred.

    Shape:
        - Output: ``(len(counts), H + 2 * margin, W + 2 * margin)``
    """
    base, most = image.min(), max(counts)
    padded = pad(image - base, size // 2 + margin)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    height, width = windows.shape[:2]
    means = np.empty((len(counts), height, width))
    rows = max(1, _ROW_BLOCK // (width * size ** 2))
    for start in range(0, height, rows):
        block = windows[start:start + rows].reshape(-1, size ** 2)
        if most < size ** 2:
            block = np.partition(block, size ** 2 - most, axis=1)[:, -most:]
        sums = np.sort(block, axis=1)[:, ::-1].cumsum(axis=1)
        for mean, count in zip(means, counts, strict=True):
            mean[start:start + rows] = sums[:, count - 1].reshape(-1, width) / count
    return means + base
