"""A panel: image, ground truth and prediction side by side, every target enlarged below."""

import io
import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb as colour_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.evaluation.files import write_atomically

from .findings import COLOURS, Finding, as_mask, as_picture, find

__all__ = ['panel', 'save', 'to_rgb']

WIDTH, MARGIN, GAP, LINE = 7.16, 0.06, 0.06, 0.16
"""Inches: a page of two columns, the border, the space between pictures, a line of text."""

SUFFIXES = ('.png', '.pdf', '.svg')
_TALLEST = 4.2
_EDGE = [withStroke(linewidth=1.4, foreground='black')]
_URGENCY = {'miss': 0, 'false alarm': 1, 'hit': 2, 'region': 2}


def panel(
    image: np.ndarray, gt: np.ndarray | None = None, prediction: np.ndarray | None = None,
    probability: np.ndarray | None = None, *, title: str = '', insets: int = 8,
) -> Figure:
    """Draw a panel.

    The upper row shows the image, then whichever of ground truth, prediction and probability is given, each with boxes
    around what was found. Below, each box is enlarged without interpolation: first as it is, with the grey range of
    the box, then by pixels: hit in blue, missed in yellow, false in vermilion. The insets stand below the pictures, so
    that they hide nothing.

    Args:
        image: The image.
        gt: Ground truth.
        prediction: Predicted mask.
        probability: Probabilities 0..1.
        title: A line above; an image's id for example.
        insets: Greatest number of insets; misses come first, then false alarms. 0 leaves them out.

    Shape:
        - image: ``(H, W)``, ``(1, H, W)`` or ``(H, W, 3)``
        - gt, prediction, probability: ``(H, W)``

    Returns:
        A figure of 7.16 inches in width, which belongs to no window and needs no closing.

    Raises:
        DataError: If sizes differ, or a mask holds probabilities.
    """
    grey = as_picture(image)
    gt, prediction = as_mask(gt, grey.shape, 'ground truth'), as_mask(prediction, grey.shape, 'prediction')
    findings = find(prediction, gt)
    shown = sorted(sorted(findings, key=lambda found: _URGENCY[found.verdict])[:insets], key=findings.index)
    boxes = [(found.window(grey.shape), found) for found in [*shown, *(f for f in findings if f not in shown)]]
    low, high = np.percentile(grey, (0.1, 99.9))
    maps: list[tuple[str, np.ndarray, dict]] = [('image', grey, {'vmin': low, 'vmax': max(high, low + 1)})]
    if gt is not None:
        maps.append(('ground truth', gt, {'vmin': 0, 'vmax': 1}))
    if prediction is not None:
        maps.append(('prediction', prediction, {'vmin': 0, 'vmax': 1}))
    if probability is not None:
        as_mask(np.asarray(probability) > 0, grey.shape, 'probability')
        maps.append(('probability', np.asarray(probability).reshape(grey.shape), {'vmin': 0, 'vmax': 1}))

    sheet = _Sheet(title, len(maps), grey.shape, len(shown))
    for column, (name, values, scale) in enumerate(maps):
        axes = sheet.map(column)
        axes.imshow(values, cmap='gray', interpolation='nearest' if column == 0 else 'antialiased', **scale)
        axes.set_title(name, fontsize=7, pad=2)
        for number, (box, found) in enumerate(boxes, 1):
            _frame(axes, box, COLOURS[found.verdict])
            if number <= len(shown) and len(shown) > 1:
                _number(axes, number, box, [b for b, _ in boxes], grey.shape, COLOURS[found.verdict])
    verdicts = _verdicts(gt, prediction)
    for place, ((top, left, bottom, right), found) in enumerate(boxes[: len(shown)]):
        above, below = sheet.inset(place)
        above.imshow(grey[top:bottom, left:right], cmap='gray', interpolation='nearest')
        below.imshow(verdicts[top:bottom, left:right], interpolation='nearest')
        for axes in (above, below):
            for spine in axes.spines.values():
                spine.set(color=COLOURS[found.verdict], linewidth=1.2)
        text = found.verdict if found.iou is None else f'hit, IoU {found.iou:.2f}'
        above.set_title(f'{place + 1}  {text}' if len(shown) > 1 else text, fontsize=6, pad=1.5)
    sheet.legend(findings, len(shown), gt is not None and prediction is not None)
    return sheet.figure


def to_rgb(figure: Figure) -> np.ndarray:
    """Render a figure to ``(H, W, 3)`` uint8."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def save(picture: Figure | np.ndarray, path: str | os.PathLike) -> None:
    """Write a panel or an overlay; the file appears whole or not at all.

    Args:
        picture: A figure, or RGB pixels ``(H, W, 3)`` uint8.
        path: Ends in .png, for figures also .pdf or .svg; its folder is made if it is missing.

    Raises:
        ConfigError: If the suffix is another.
    """
    path = Path(path)
    known = SUFFIXES if isinstance(picture, Figure) else SUFFIXES[:1]
    if path.suffix.lower() not in known:
        raise ConfigError(f'{path}: a picture in the format {path.suffix!r}; expected {" or ".join(known)}.')
    data = io.BytesIO()
    if isinstance(picture, Figure):
        FigureCanvasAgg(picture)
        picture.savefig(data, format=path.suffix[1:].lower(), dpi=picture.dpi)
    else:
        from PIL import Image
        Image.fromarray(picture).save(data, format='png')
    write_atomically(path, data.getvalue())


class _Sheet:
    """Where things stand on the page, in inches: title, a row of maps, rows of insets, a legend."""

    def __init__(self, title: str, columns: int, size: tuple[int, int], insets: int) -> None:
        inner = WIDTH - 2 * MARGIN
        self.width = min((inner - GAP * (columns - 1)) / columns, _TALLEST * size[1] / size[0])
        self.height = self.width * size[0] / size[1]
        self.per_row = min(max(insets, 4), 8)
        self.side = min((inner - GAP * (self.per_row - 1)) / self.per_row, 1.0)
        rows = -(-insets // self.per_row)
        head = LINE * (2 if title else 1)
        block = LINE + 2 * self.side + GAP / 2
        total = MARGIN + head + self.height + rows * (block + GAP) + 1.5 * LINE + MARGIN
        self.figure = Figure(figsize=(WIDTH, total), dpi=200, facecolor='white')
        self.total, self.block = total, block
        self.maps_top = total - MARGIN - head
        self.insets_top = self.maps_top - self.height - GAP
        self.map_left = MARGIN + (inner - columns * self.width - GAP * (columns - 1)) / 2
        self.inset_left = MARGIN + (inner - min(insets, self.per_row) * (self.side + GAP) + GAP) / 2
        if title:
            self.figure.text(0.5, 1 - (MARGIN + LINE / 2) / total, title, ha='center', va='center', fontsize=8,
                             parse_math=False)

    def _axes(self, left: float, top: float, width: float, height: float) -> Axes:
        axes = self.figure.add_axes((left / WIDTH, (top - height) / self.total, width / WIDTH, height / self.total))
        axes.set(xticks=[], yticks=[])
        axes.set_anchor('C')
        return axes

    def map(self, column: int) -> Axes:
        """The axes of a picture of the upper row."""
        return self._axes(self.map_left + column * (self.width + GAP), self.maps_top, self.width, self.height)

    def inset(self, place: int) -> tuple[Axes, Axes]:
        """The axes of an inset: pixels above, verdicts below."""
        row, column = divmod(place, self.per_row)
        left = self.inset_left + column * (self.side + GAP)
        top = self.insets_top - row * (self.block + GAP) - LINE
        return (self._axes(left, top, self.side, self.side),
                self._axes(left, top - self.side - GAP / 2, self.side, self.side))

    def legend(self, findings: list[Finding], shown: int, judged: bool) -> None:
        """A last line: how many of each verdict, and how many are enlarged."""
        kinds = ('hit', 'miss', 'false alarm') if judged else ('region',)
        counts = {kind: sum(found.verdict == kind for found in findings) for kind in kinds}
        plural = {'hit': 'hits', 'miss': 'missed', 'false alarm': 'false alarms', 'region': 'regions'}
        handles = [Patch(facecolor=COLOURS[kind], edgecolor='black', linewidth=0.4,
                         label=f'{plural[kind]}: {count}') for kind, count in counts.items()]
        if 0 < shown < len(findings):
            handles.append(Patch(visible=False, label=f'enlarged: {shown} of {len(findings)}'))
        self.figure.legend(
            handles=handles, loc='lower center', ncols=4, fontsize=7, frameon=False, bbox_to_anchor=(0.5, 0.0),
            borderpad=0.2, handlelength=0.9, handleheight=0.9)


def _frame(axes: Axes, box: tuple[int, int, int, int], colour: str) -> None:
    top, left, bottom, right = box
    axes.add_patch(Rectangle(
        (left - 0.5, top - 0.5), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=0.8,
        path_effects=_EDGE))


def _number(
    axes: Axes, number: int, box: tuple[int, int, int, int], boxes: list[tuple[int, int, int, int]],
    size: tuple[int, int], colour: str,
) -> None:
    """Write a box's number outside of it, on the first side where it leaves the image and other boxes alone."""
    top, left, bottom, right = box
    reach = 0.05 * max(size)
    middle = (top + bottom) / 2
    places = [(top - 1, left, 'left', 'bottom', (top - reach, left, top, left + reach)),
              (bottom, left, 'left', 'top', (bottom, left, bottom + reach, left + reach)),
              (middle, right + 1, 'left', 'center', (middle - reach / 2, right, middle + reach / 2, right + reach)),
              (middle, left - 2, 'right', 'center', (middle - reach / 2, left - reach, middle + reach / 2, left))]

    def trouble(place: tuple) -> int:
        t, lo, b, hi = place[-1]
        outside = t < 0 or lo < 0 or b > size[0] or hi > size[1]
        return 100 * outside + sum(t < o[2] and b > o[0] and lo < o[3] and hi > o[1] for o in boxes)

    y, x, ha, va, _ = min(places, key=trouble)
    axes.text(x, y, str(number), color=colour, fontsize=6, ha=ha, va=va, clip_on=True, path_effects=_EDGE)


def _verdicts(gt: np.ndarray | None, prediction: np.ndarray | None) -> np.ndarray:
    """Every pixel in the colour of its verdict, black where neither map has anything; ``(H, W, 3)`` in 0..1."""
    known = [mask for mask in (gt, prediction) if mask is not None]
    if not known:
        return np.zeros((0, 0, 3))
    picture = np.zeros((*known[0].shape, 3))
    if len(known) == 1:
        picture[known[0]] = colour_rgb(COLOURS['region'])
        return picture
    for kind, where in (('hit', gt & prediction), ('miss', gt & ~prediction), ('false alarm', prediction & ~gt)):
        picture[where] = colour_rgb(COLOURS[kind])
    return picture
