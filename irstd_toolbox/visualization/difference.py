"""Pictures of several methods side by side: as in papers with circles and insets, and as difference maps."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import to_rgb as colour_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from irstd_toolbox.errors import ConfigError

from .curve_figures import PAGE
from .findings import COLOURS, as_mask, as_picture, find
from .insets import circle, inset, shared_insets

__all__ = ['comparison', 'difference', 'difference_map']

_LINE, _GAP = 0.14, 0.05
_LETTER = 0.06
"""Inches: a caption's line, the space between pictures, a wide letter of a caption."""
_DIM = 0.75


def comparison(
    image: np.ndarray, gt: np.ndarray | None, predictions: Mapping[str, np.ndarray], *, width: float = PAGE,
    columns: int = 5, insets: int = 1, title: str = '', probabilities: Mapping[str, np.ndarray] | None = None,
) -> Figure:
    """Image, ground truth and the maps of several methods, with circles and the same enlarged windows in each.

    Circles are blue around hits, yellow and dashed around misses, vermilion around false alarms, and blue around all
    where there is no ground truth. Insets stand inside the pictures, at one place in all of them, where they hide
    neither a target nor a false alarm of any; where there is no such place there is none.

    Args:
        image: The image.
        gt: Ground truth; None if it is not known.
        predictions: Method to predicted mask.
        width: Inches.
        columns: Greatest number of pictures in a row.
        insets: Greatest number of insets in a picture.
        title: A line above.
        probabilities: Method, of those in ``predictions``, to its probabilities 0..1, which follow the mask.

    Shape:
        - image: ``(H, W)``, ``(1, H, W)`` or ``(H, W, 3)``
        - gt, predictions, probabilities: ``(H, W)``

    Raises:
        DataError: If sizes differ, or a mask holds probabilities.
    """
    grey, gt, predictions = _checked(image, gt, predictions)
    truth = [] if gt is None else find(None, gt)
    found = {name: find(prediction, gt) for name, prediction in predictions.items()}
    shown = shared_insets(list(found.values()) or [truth], grey.shape, insets)
    low, high = np.percentile(grey, (0.1, 99.9))
    panels = [('image', grey, truth, {'vmin': low, 'vmax': max(high, low + 1)})]
    panels += [] if gt is None else [('ground truth', gt, truth, {})]
    for name, one in found.items():
        panels.append((name, predictions[name], one, {}))
        if name in (probabilities or {}):
            as_mask(np.asarray(probabilities[name]) > 0, grey.shape, f'probability of {name}')
            label = 'probability' if len(found) == 1 else f'{name}, probability'
            panels.append((label, np.asarray(probabilities[name]).reshape(grey.shape), one, {}))
    figure, axes = _grid([name for name, *_ in panels], columns, width, grey.shape, title)
    for (_, values, one, scale), ax in zip(panels, axes, strict=True):
        scale = scale or {'vmin': 0, 'vmax': 1}
        ax.imshow(values, cmap='gray', interpolation='antialiased', **scale)
        for finding in one:
            circle(ax, finding, grey.shape)
        for window, place in shown:
            inset(ax, values, window, place, **({} if values is grey else scale))
    kinds = ('region',) if gt is None else ('hit', 'miss', 'false alarm')
    _legend(figure, {kind: kind for kind in kinds})
    return figure


def difference_map(image: np.ndarray, prediction: np.ndarray, gt: np.ndarray) -> np.ndarray:
    """The image, dimmed, with every pixel of the two masks in the colour of its verdict.

    Blue: in both; yellow: in the ground truth alone; vermilion: in the prediction alone.

    Shape:
        - image: ``(H, W)``, ``(1, H, W)`` or ``(H, W, 3)``
        - prediction, gt: ``(H, W)``
        - Output: ``(H, W, 3)`` uint8, RGB

    Raises:
        DataError: If sizes differ, or a mask holds probabilities.

    Example:
        >>> gt, prediction = np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]])
        >>> difference_map(np.full((1, 4), 200, np.uint8), prediction, gt)[0].tolist()
        [[86, 180, 233], [240, 228, 66], [213, 94, 0], [150, 150, 150]]
    """
    grey, gt, masks = _checked(image, gt, {'prediction': prediction})
    prediction = masks['prediction']
    picture = np.repeat(np.rint(_DIM * grey)[..., None], 3, axis=2)
    for kind, where in (('hit', gt & prediction), ('miss', gt & ~prediction), ('false alarm', prediction & ~gt)):
        picture[where] = np.rint(np.multiply(colour_rgb(COLOURS[kind]), 255))
    return picture.astype(np.uint8)


def difference(
    image: np.ndarray, gt: np.ndarray, predictions: Mapping[str, np.ndarray], *, width: float = PAGE, columns: int = 4,
    insets: int = 1, title: str = '',
) -> Figure:
    """Difference maps of several methods with their pixel counts, and the same enlarged windows in each.

    Args:
        image: The image.
        gt: Ground truth.
        predictions: Method to predicted mask; at least one.
        width: Inches.
        columns: Greatest number of pictures in a row.
        insets: Greatest number of insets in a picture.
        title: A line above.

    Shape:
        - image, gt, predictions: As for :func:`comparison`

    Raises:
        ConfigError: If there is no method.
        DataError: If sizes differ, or a mask holds probabilities.
    """
    if not predictions:
        raise ConfigError('A difference map of no method; expected the prediction of one or several.')
    grey, gt, predictions = _checked(image, gt, predictions)
    found = [find(prediction, gt) for prediction in predictions.values()]
    shown = shared_insets(found, grey.shape, insets)
    captions = [f'{name}\n{_counted(prediction, gt)}' for name, prediction in predictions.items()]
    figure, axes = _grid(captions, columns, width, grey.shape, title)
    for prediction, ax in zip(predictions.values(), axes, strict=True):
        picture = difference_map(grey, prediction, gt)
        ax.imshow(picture, interpolation='antialiased')
        for window, place in shown:
            inset(ax, picture, window, place)
    _legend(figure, {'hit': 'in both', 'miss': 'missed', 'false alarm': 'false'})
    return figure


def _checked(
    image: np.ndarray, gt: np.ndarray | None, predictions: Mapping[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray | None, dict[str, np.ndarray]]:
    grey = as_picture(image)
    masks = {name: as_mask(mask, grey.shape, f'prediction of {name}') for name, mask in predictions.items()}
    return grey, as_mask(gt, grey.shape, 'ground truth'), masks


def _counted(prediction: np.ndarray, gt: np.ndarray) -> str:
    hit, miss, false = (np.count_nonzero(where) for where in (gt & prediction, gt & ~prediction, prediction & ~gt))
    union = hit + miss + false
    return f'IoU {hit / union:.3f}: {hit} | {miss} | {false} px' if union else 'both empty'


def _grid(
    captions: Sequence[str], columns: int, width: float, size: tuple[int, int], title: str,
) -> tuple[Figure, list]:
    """A figure with pictures of one size, each below its caption, which is as wide as it, and a line for a legend."""
    count = len(captions)
    columns = min(columns, count)
    rows = -(-count // columns)
    side = (width - _GAP * (columns + 1)) / columns
    # A single picture as wide as a page would be taller than the page.
    side = min(side, 4.0 * size[1] / size[0])
    tall = side * size[0] / size[1]
    captions = ['\n'.join(textwrap.fill(line, max(int(side / _LETTER), 1), break_on_hyphens=False)
                          for line in one.split('\n'))
                for one in captions]
    lines = 1 + max(one.count('\n') for one in captions)
    total = rows * (tall + lines * _LINE + _GAP) + (1 + bool(title)) * _LINE + 2 * _GAP
    figure = Figure(figsize=(width, total), dpi=300, facecolor='white')
    axes = []
    for number, caption in enumerate(captions):
        row, column = divmod(number, columns)
        left = (width - columns * side - (columns - 1) * _GAP) / 2 + column * (side + _GAP)
        bottom = total - bool(title) * _LINE - (row + 1) * (tall + lines * _LINE + _GAP)
        axes.append(figure.add_axes((left / width, bottom / total, side / width, tall / total), xticks=[], yticks=[]))
        axes[-1].set_title(caption, fontsize=7, pad=2, parse_math=False)
    if title:
        figure.text(0.5, 1 - _LINE / 2 / total, title, ha='center', va='center', fontsize=8,
                    parse_math=False)
    return figure, axes


def _legend(figure: Figure, names: Mapping[str, str]) -> None:
    handles = [Patch(facecolor=COLOURS[kind], edgecolor='black', linewidth=0.4, label=name)
               for kind, name in names.items()]
    figure.legend(handles=handles, loc='lower center', ncols=len(handles), fontsize=7, frameon=False, borderpad=0.1,
                  handlelength=0.9, handleheight=0.9, bbox_to_anchor=(0.5, 0.0))
