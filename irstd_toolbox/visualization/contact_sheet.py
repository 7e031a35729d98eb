"""A contact sheet: many small pictures of one method on a page, each with its circles and numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from irstd_toolbox.errors import ConfigError

from .curve_figures import PAGE
from .findings import COLOURS, Finding, as_mask, as_picture, find
from .insets import circle, inset, shared_insets

__all__ = ['Tile', 'contact_sheet', 'worst_first']

_LINE, _GAP = 0.15, 0.06


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a contact sheet.

    Args:
        name: The image's id.
        image: The image.
        gt: Ground truth; None where there is none.
        prediction: Predicted mask; None circles the targets alone.
        caption: The line below the name; None for IoU and numbers of hits and errors.

    Shape:
        - image: ``(H, W)``, ``(1, H, W)`` or ``(H, W, 3)``
        - gt, prediction: ``(H, W)``
    """

    name: str
    image: np.ndarray = field(repr=False)
    gt: np.ndarray | None = field(repr=False)
    prediction: np.ndarray | None = field(repr=False)
    caption: str | None = None


def worst_first(ious: dict[str, float]) -> list[str]:
    """Image ids by rising IoU, those without any (nothing there, nothing predicted) last, equal ones by their name.

    Example:
        >>> worst_first({'a': 0.5, 'b': float('nan'), 'd': 0.0, 'c': 0.0})
        ['c', 'd', 'a', 'b']
    """
    return sorted(ious, key=lambda name: (math.inf if math.isnan(ious[name]) else ious[name], name))


def contact_sheet(
    tiles: Sequence[Tile], *, columns: int = 4, width: float = PAGE, title: str = '', insets: int = 1,
) -> Figure:
    """Draw the tiles row by row, each as the image with circles below its name and caption.

    Args:
        tiles: In the order in which they shall stand.
        columns: In a row.
        width: Inches.
        title: A line above.
        insets: Greatest number of enlarged windows in a tile; misses come first.

    Raises:
        ConfigError: If there is no tile.
        DataError: If sizes differ, or a mask holds probabilities.
    """
    if not tiles:
        raise ConfigError('A contact sheet of no image; expected at least one.')
    columns = min(columns, len(tiles))
    rows = [tiles[start:start + columns] for start in range(0, len(tiles), columns)]
    side = (width - _GAP * (columns + 1)) / columns
    # A row is as high as its tallest picture; none is taller than one and a half times its width.
    heights = [min(max(side * _aspect(tile) for tile in row), 1.5 * side) for row in rows]
    total = sum(heights) + len(rows) * (2 * _LINE + _GAP) + (1 + bool(title)) * 1.2 * _LINE
    figure = Figure(figsize=(width, total), dpi=300, facecolor='white')
    top = total - bool(title) * 1.2 * _LINE
    for row, height in zip(rows, heights, strict=True):
        top -= 2 * _LINE
        for column, tile in enumerate(row):
            axes = figure.add_axes((((column + 1) * _GAP + column * side) / width, (top - height) / total,
                                    side / width, height / total), xticks=[], yticks=[], anchor='N')
            _draw(axes, tile, insets)
        top -= height + _GAP
    if title:
        figure.text(0.5, 1 - 0.6 * _LINE / total, title, ha='center', va='center', fontsize=8,
                    parse_math=False)
    judged = any(tile.prediction is not None for tile in tiles)
    names = {kind: kind for kind in ('hit', 'miss', 'false alarm')} if judged else {'region': 'target'}
    figure.legend(handles=[Patch(facecolor=COLOURS[kind], edgecolor='black', linewidth=0.4, label=name)
                           for kind, name in names.items()],
                  loc='lower center', ncols=3, fontsize=6.5, frameon=False, borderpad=0.1, handlelength=0.9,
                  handleheight=0.9, bbox_to_anchor=(0.5, 0.0))
    return figure


def _aspect(tile: Tile) -> float:
    height, width = as_picture(tile.image).shape
    return height / width


def _draw(axes: Axes, tile: Tile, insets: int) -> None:
    grey = as_picture(tile.image)
    gt = as_mask(tile.gt, grey.shape, f'ground truth of {tile.name}')
    prediction = as_mask(tile.prediction, grey.shape, f'prediction of {tile.name}')
    findings = find(prediction, gt)
    low, high = np.percentile(grey, (0.1, 99.9))
    axes.imshow(grey, cmap='gray', interpolation='antialiased', vmin=low, vmax=max(high, low + 1))
    for found in findings:
        circle(axes, found, grey.shape)
    for window, place in shared_insets([findings], grey.shape, insets):
        inset(axes, grey, window, place)
    caption = _score(gt, prediction, findings) if tile.caption is None else tile.caption
    axes.set_title(f'{_short(tile.name)}\n{caption}', fontsize=5.5, pad=1.5, parse_math=False)


def _score(gt: np.ndarray | None, prediction: np.ndarray | None, findings: list[Finding]) -> str:
    if gt is None or prediction is None:
        return f'regions {len(findings)}'
    union = np.count_nonzero(gt | prediction)
    counts = [sum(found.verdict == kind for found in findings) for kind in ('hit', 'miss', 'false alarm')]
    iou = f'IoU {np.count_nonzero(gt & prediction) / union:.3f}' if union else 'empty'
    return f'{iou}  {counts[0]} hit, {counts[1]} missed, {counts[2]} false'


def _short(name: str) -> str:
    return name if len(name) <= 28 else f'{name[:12]}…{name[-15:]}'
