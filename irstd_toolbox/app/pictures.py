"""The page's pictures: circles and enlarged insets on the image, the probability map, hits and misses by pixel."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from ..visualization.difference import difference_map
from ..visualization.findings import COLOURS, Finding, as_picture, find
from ..visualization.insets import circle, inset, shared_insets
from ..visualization.panels import to_rgb
from .analysis import Analysis

__all__ = ['MOST_CIRCLES', 'difference_picture', 'marked_picture', 'probability_picture']

MOST_CIRCLES, MOST_NUMBERS, MOST_INSETS = 300, 40, 4
_WIDTH, _BAR = 7.0, 0.75  # inches
_PIXELS = (1050, 2100)
_EDGE = [withStroke(linewidth=2, foreground='black')]


def marked_picture(analysis: Analysis) -> np.ndarray:
    """The image with a circle around each target, its number in the table, and up to four enlarged insets.

    Blue: predicted, or a hit; yellow and dashed: missed; vermilion: a false alarm. Insets stand where they hide
    nothing that is circled. Of more than 300 findings the largest are circled, of more than 40 none is numbered.

    Shape:
        - Output: ``(h, w, 3)`` uint8
    """
    grey = as_picture(analysis.found.image)
    findings = _findings(analysis)
    figure, axes = _picture(grey.shape)
    low, high = np.percentile(grey, (0.1, 99.9))
    axes.imshow(grey, cmap='gray', vmin=low, vmax=max(high, low + 1), interpolation='antialiased')
    for found in findings:
        circle(axes, found, grey.shape)
    if len(analysis.rows) <= MOST_NUMBERS:
        _number(axes, analysis)
    for window, place in shared_insets([findings], grey.shape, MOST_INSETS):
        inset(axes, grey, window, place)
    return to_rgb(figure)


def probability_picture(analysis: Analysis) -> np.ndarray:
    """The probabilities on a scale of 0 to 1 that is marked at the threshold.

    Shape:
        - Output: ``(h, w, 3)`` uint8
    """
    size = analysis.found.probability.shape
    figure, axes = _picture(size, bar=_BAR)
    shown = axes.imshow(analysis.found.probability, cmap='viridis', vmin=0, vmax=1, interpolation='antialiased')
    height = figure.get_figheight()
    scale = figure.colorbar(shown, cax=figure.add_axes((
        (_WIDTH - _BAR + 0.12) / _WIDTH, 0.1 / height, 0.16 / _WIDTH, 1 - 0.2 / height)))
    scale.ax.axhline(analysis.threshold, color='white', linewidth=2.5, path_effects=_EDGE)
    scale.ax.tick_params(labelsize=10)
    return to_rgb(figure)


def difference_picture(analysis: Analysis) -> np.ndarray | None:
    """The image dimmed, pixels in both masks blue, missed ones yellow, false ones vermilion; None without a truth.

    Shape:
        - Output: ``(h, w, 3)`` uint8
    """
    if analysis.truth is None:
        return None
    picture = difference_map(analysis.found.image, analysis.found.mask, analysis.truth)
    figure, axes = _picture(picture.shape[:2])
    axes.imshow(picture, interpolation='antialiased')
    for window, place in shared_insets([_findings(analysis)], picture.shape[:2], MOST_INSETS):
        inset(axes, picture, window, place)
    return to_rgb(figure)


def _findings(analysis: Analysis) -> list[Finding]:
    """What is circled and enlarged: the largest first, at most :data:`MOST_CIRCLES`."""
    findings = find(analysis.found.mask, analysis.truth)
    return sorted(findings, key=lambda found: -len(found.pixels))[:MOST_CIRCLES]


def _picture(size: tuple[int, int], bar: float = 0.0) -> tuple[Figure, Axes]:
    """A figure filled by a picture of ``size``, with ``bar`` inches free on its right, not much finer than its pixels.

    What is far longer than wide is shown smaller, in the middle.
    """
    height = min(max((_WIDTH - bar) * size[0] / size[1], 0.8), 1.4 * _WIDTH)
    dots = min(max(size[1], _PIXELS[0]), _PIXELS[1])
    figure = Figure(figsize=(_WIDTH, height), dpi=dots / _WIDTH, facecolor='white')
    axes = figure.add_axes((0, 0, (_WIDTH - bar) / _WIDTH, 1), xticks=[], yticks=[], frame_on=False)
    return figure, axes


def _number(axes: Axes, analysis: Analysis) -> None:
    """Write each target's number outside its circle, towards the picture's inside if it has no other number there."""
    height, width = analysis.found.mask.shape
    reach = 0.035 * max(height, width)
    taken: list[tuple[float, float]] = []
    for row in analysis.rows:
        x, y = row.target.centroid
        left, top, right, bottom = row.target.box
        away = max(reach, 0.55 * float(np.hypot(right - left, bottom - top)) + 2)
        across, down = 1 if x + 2 * away < width else -1, 1 if y - 2 * away < 0 else -1
        sides = [(x + i * away, y + j * away, i, j)
                 for i, j in ((across, down), (-across, down), (across, -down), (-across, -down))
                 if 0 <= x + 2 * i * away < width and 0 <= y + 2 * j * away < height] or [
                     (x + across * away, y + down * away, across, down)]
        free = [min((float(np.hypot(a + i * reach / 2 - c, b + j * reach / 2 - d)) for c, d in taken), default=np.inf)
                for a, b, i, j in sides]
        a, b, i, j = next((side for side, room in zip(sides, free, strict=True) if room > 1.5 * reach),
                          sides[int(np.argmax(free))])
        taken.append((a + i * reach / 2, b + j * reach / 2))
        axes.text(a, b, str(row.number), fontsize=11, weight='bold', color=COLOURS[row.verdict or 'region'],
                  ha='left' if i > 0 else 'right', va='top' if j > 0 else 'bottom', clip_on=True, path_effects=_EDGE)
