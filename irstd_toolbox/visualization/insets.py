"""Circles around what was found, and enlarged insets inside a picture where they hide nothing of it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from .findings import COLOURS, Finding

__all__ = ['circle', 'inset', 'place_insets', 'shared_insets']

Box = tuple[int, int, int, int]
"""Top, left, bottom and right, the last two exclusive."""

_EDGE = [withStroke(linewidth=1.5, foreground='black')]
_FRAME = '#CC79A7'  # no verdict's colour
_SHARES = (0.38, 0.32, 0.26, 0.2)
_URGENCY = {'miss': 0, 'hit': 1, 'region': 1, 'false alarm': 2}


def circle(axes: Axes, found: Finding, size: tuple[int, int]) -> None:
    """Draw a circle in the colour of the verdict, clear of the region, and not smaller than 3 % of the picture.

    Args:
        axes: Shows the picture in pixels.
        found: What to mark.
        size: Height and width of the picture.
    """
    row, column = (found.pixels.min(axis=0) + found.pixels.max(axis=0)) / 2
    axes.add_patch(Circle((column, row), _radius(found, size), fill=False, edgecolor=COLOURS[found.verdict],
                          linewidth=0.9, path_effects=_EDGE, linestyle=(0, (2, 1)) if found.verdict == 'miss' else '-'))


def place_insets(boxes: Sequence[Box], occupied: np.ndarray) -> list[Box]:
    """Find places inside a picture for enlarged insets that cover neither anything marked nor one another.

    Squares of one side for all, the largest of 38, 32, 26 and 20 % of the picture's shorter side at which all find a
    place; corners go before edges, edges before the inside, and of equal places the one nearest to what it enlarges.

    Args:
        boxes: What is enlarged, one each.
        occupied: Pixels that must stay visible.

    Shape:
        - occupied: (H, W) bool

    Returns:
        A place for each box; fewer, from the front, if even the smallest do not all find one.

    Example:
        >>> occupied = np.zeros((100, 100), bool)
        >>> occupied[5:10, 5:10] = True
        >>> place_insets([(5, 5, 10, 10)], occupied)
        [(0, 62, 38, 100)]
    """
    placed: list[Box] = []
    for share in _SHARES:
        side = max(int(share * min(occupied.shape)), 1)
        found = _place(boxes, occupied, side)
        if len(found) == len(boxes):
            return found
        placed = max(placed, found, key=len)
    return placed


def shared_insets(findings: Sequence[Sequence[Finding]], size: tuple[int, int], most: int) -> list[tuple[Box, Box]]:
    """What to enlarge in all of several pictures of one image, and where: the same windows in each.

    Misses come first, then hits, then false alarms; what lies in a window already chosen needs none of its own.

    Args:
        findings: Of each picture.
        size: Height and width of the picture.
        most: Greatest number of insets.

    Returns:
        Window that is enlarged, and place of the inset, of each.
    """
    every = sorted((found for one in findings for found in one), key=lambda found: _URGENCY[found.verdict])
    windows: list[Box] = []
    for found in every:
        window = found.window(size)
        if len(windows) < most and not any(_meet(found.box, other) for other in windows):
            windows.append(window)
    occupied = np.zeros(size, bool)
    for found in every:
        (top, left), (bottom, right) = found.pixels.min(axis=0), found.pixels.max(axis=0)
        row, column, radius = (top + bottom) / 2, (left + right) / 2, _radius(found, size) + 1
        occupied[max(int(row - radius), 0):int(row + radius) + 2,
                 max(int(column - radius), 0):int(column + radius) + 2] = True
    for top, left, bottom, right in windows:
        occupied[top:bottom, left:right] = True
    places = place_insets(windows, occupied)
    return list(zip(windows, places, strict=False))


def inset(axes: Axes, picture: np.ndarray, window: Box, place: Box, **scale: float) -> Axes:
    """Show a window of a picture enlarged at a place inside it, without interpolation, and a line between them.

    Args:
        axes: Shows the picture in pixels.
        picture: Its pixels, grey or RGB.
        window: What to enlarge.
        place: Where.
        **scale: ``vmin`` and ``vmax`` of a grey picture; without them the window's own, else a dim target stays dark.
    """
    height, width = picture.shape[:2]
    top, left, bottom, right = place
    inner = axes.inset_axes((left / width, 1 - bottom / height, (right - left) / width, (bottom - top) / height))
    inner.imshow(picture[window[0]:window[2], window[1]:window[3]], cmap='gray', interpolation='nearest', **scale)
    inner.set(xticks=[], yticks=[])
    for spine in inner.spines.values():
        spine.set(color=_FRAME, linewidth=1.0)
    axes.add_line(Line2D(*zip(*_facing(window, place), strict=True), color=_FRAME, linewidth=0.6))
    return inner


def _radius(found: Finding, size: tuple[int, int]) -> float:
    extent = found.pixels.max(axis=0) - found.pixels.min(axis=0) + 1
    return max(0.75 * float(np.hypot(*extent)) + 2, 0.03 * max(size))


def _place(boxes: Sequence[Box], occupied: np.ndarray, side: int) -> list[Box]:
    height, width = occupied.shape
    rows, columns = (np.unique(np.linspace(0, length - side, 13).astype(int)) for length in (height, width))
    taken, places = occupied.copy(), []
    for box in boxes:
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        free = []
        for row in rows:
            for column in columns:
                if not taken[row:row + side, column:column + side].any():
                    edges = (row in (0, height - side)) + (column in (0, width - side))
                    away = np.hypot(row + side / 2 - middle[0], column + side / 2 - middle[1])
                    free.append((-edges, away, int(row), int(column)))
        if not free:
            break
        _, _, row, column = min(free)
        taken[row:row + side, column:column + side] = True
        places.append((row, column, row + side, column + side))
    return places


def _meet(first: Box, second: Box) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _facing(window: Box, place: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two points (x, y) on the borders of two boxes, on the line between their middles."""
    middles = [((left + right) / 2 - 0.5, (top + bottom) / 2 - 0.5) for top, left, bottom, right in (window, place)]
    delta = np.subtract(middles[1], middles[0])
    points = []
    for (top, left, bottom, right), middle, sign in ((window, middles[0], 1), (place, middles[1], -1)):
        halves = np.array([(right - left) / 2, (bottom - top) / 2])
        reach = np.min(halves / np.maximum(np.abs(delta), 1e-9))
        points.append(tuple(float(value) for value in np.add(middle, sign * reach * delta)))
    return points[0], points[1]
