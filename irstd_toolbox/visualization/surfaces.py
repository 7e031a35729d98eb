"""Grey values as 3-D surfaces: an image, the response of a method, a whole picture or a window of it."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import ndimage

from irstd_toolbox.errors import ConfigError, DataError

from .curve_figures import PAGE

__all__ = ['coarsen', 'surfaces']


def coarsen(values: np.ndarray, most: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Reduce a map to at most ``most`` values a side by the maximum of blocks, so that no target vanishes.

    A side is reduced by itself, so that a band of few rows keeps them.

    Returns:
        The map, and height and width of a block.

    Example:
        >>> coarsen(np.array([[0, 1, 0], [0, 0, 0], [7, 0, 2]]), 2)[0].tolist()
        [[1, 0], [7, 2]]
    """
    height, width = block = tuple(-(-side // most) for side in values.shape)
    peaks = ndimage.maximum_filter(values, block, origin=[-(side // 2) for side in block], mode='nearest')
    return peaks[::height, ::width], block


def surfaces(
    maps: Mapping[str, np.ndarray], *, window: tuple[int, int, int, int] | None = None, width: float = PAGE,
    columns: int = 4, most: int = 96, title: str = '', scales: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Draw one surface a map, side by side, all seen from one side.

    Args:
        maps: Name to values: grey levels, probabilities, responses.
        window: Top, left, bottom and right, the last two exclusive; None takes the whole map.
        width: Inches.
        columns: Greatest number in a row.
        most: Greatest number of values a side; of more, blocks are reduced to their maximum.
        title: A line above.
        scales: Name to least and greatest height; what is not in it spans its own values.

    Shape:
        - maps: ``(H, W)``, all of one size

    Raises:
        ConfigError: If there is no map, or the window does not lie in it.
        DataError: If the maps are of different sizes or thinner than 2 pixels, or hold what is no number.
    """
    if not maps:
        raise ConfigError('A figure of no surface; expected one map or several.')
    values = {name: np.asarray(one, np.float64) for name, one in maps.items()}
    sizes = {name: one.shape for name, one in values.items()}
    size = next(iter(sizes.values()))
    if len(size) != 2 or set(sizes.values()) != {size}:
        raise DataError(f'Maps of the sizes {sizes}; expected one size (H, W) for all.')
    if not all(np.isfinite(one).all() for one in values.values()):
        raise DataError('A map holds nan or infinity; expected numbers.')
    if min(size) < 2:
        raise DataError(f'A map of {size[0]}x{size[1]} is no surface; expected at least 2x2 pixels.')
    top, left, bottom, right = window or (0, 0, *size)
    if not (0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]) or min(bottom - top, right - left) < 2:
        raise ConfigError(f'The window {window} (top, left, bottom, right) does not lie in {size}; expected at least '
                          '2x2 pixels inside the map.')
    columns = min(columns, len(values))
    rows = -(-len(values) // columns)
    side, head = width / columns, 0.16 if title else 0.0
    total = rows * 0.88 * side + head
    figure = Figure(figsize=(width, total), dpi=300, facecolor='white')
    for number, (name, one) in enumerate(values.items()):
        row, column = divmod(number, columns)
        axes = figure.add_axes((column / columns, (rows - 1 - row) * 0.88 * side / total, 0.9 / columns,
                                0.86 * side / total), projection='3d')
        shown, (tall, wide) = coarsen(one[top:bottom, left:right], most)
        low, high = (scales or {}).get(name, (shown.min(), shown.max()))
        high = high if high > low else low + 1
        x, y = np.meshgrid(left + wide * np.arange(shown.shape[1]), top + tall * np.arange(shown.shape[0]))
        axes.plot_surface(x, y, shown, cmap='viridis', vmin=low, vmax=high, rstride=1, cstride=1, linewidth=0,
                          antialiased=False, rasterized=True)
        axes.set(xlim=(left, right - 1), ylim=(bottom - 1, top), zlim=(low, high))
        # Without a tick at the last column and row, which would stand on one another.
        for start, stop, set_ticks in ((left, right, axes.set_xticks), (top, bottom, axes.set_yticks)):
            ticks = MaxNLocator(4).tick_values(start, stop - 1)
            set_ticks([tick for tick in ticks if start <= tick <= start + 0.85 * (stop - 1 - start)])
        axes.zaxis.set_major_locator(MaxNLocator(4))
        axes.set_box_aspect(((right - left) / max(bottom - top, right - left),
                             (bottom - top) / max(bottom - top, right - left), 0.6))
        axes.set_title(name, fontsize=7, pad=-4, y=0.98, parse_math=False)
        axes.set_xlabel('column', fontsize=6, labelpad=-9)
        axes.set_ylabel('row', fontsize=6, labelpad=-9)
        axes.tick_params(labelsize=5, pad=-4)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.set_pane_color((1, 1, 1, 0))
        axes.view_init(elev=28, azim=-60)
    if title:
        figure.text(0.5, 1 - head / 2 / total, title, ha='center', va='center', fontsize=8,
                    parse_math=False)
    return figure
