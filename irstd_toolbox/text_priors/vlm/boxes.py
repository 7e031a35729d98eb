"""Boxes that a model names in an answer: reading them, tolerant of prose and of ways to write them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ['Box', 'Parsed', 'parse_boxes']

Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixel edges: the whole of a W x H image is (0, 0, W, H)."""

_CORNERS = (('x1', 'y1', 'x2', 'y2'), ('xmin', 'ymin', 'xmax', 'ymax'), ('x_min', 'y_min', 'x_max', 'y_max'),
            ('left', 'top', 'right', 'bottom'))
_SIZES = ('width', 'height'), ('w', 'h')
_WITH_SIZE = tuple(
    ((*point, *size), share)
    for points, share in (((('x', 'y'), ('left', 'top')), 0), ((('x_center', 'y_center'), ('cx', 'cy')), 0.5))
    for point in points for size in _SIZES)
"""Names of a point and a size, and the share of the size that lies before the point: a corner, or the centre."""
_PAIRS = {'top_left': ('x1', 'y1'), 'bottom_right': ('x2', 'y2'), 'center': ('cx', 'cy'), 'size': ('w', 'h')}
"""Names of a list of two numbers, to the names of each."""
_NUMBER = r'-?\d+(?:\.\d+)?'
_SCORES = re.compile(r'''
    ((?:scores?|conf(?:s|idences?)?|prob(?:s|ability|abilities)?|certaint(?:y|ies)|likelihoods?|logits?|classes|ranks
    | (?<![a-z])(?:class_?)?ids?)["'*`]*\s*[:=]\s*)
    (?:\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\] | \([^()]*\))''', re.IGNORECASE | re.VERBOSE)
_FOUR = re.compile(rf'[\[(]\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*[\])]')


@dataclass(frozen=True)
class Parsed:
    """What an answer says.

    Args:
        boxes: In pixels of the image; empty if it says that there are none. None if it says nothing about boxes.
        scale: ``'pixels'`` or ``'unit'``, as the numbers were taken.
        invalid: Boxes without area inside the image, which are left out.
    """

    boxes: tuple[Box, ...] | None
    scale: str = 'pixels'
    invalid: int = 0


def parse_boxes(text: str, width: int, height: int) -> Parsed:
    """Read boxes out of an answer.

    JSON is looked for anywhere in the text, code fences included. A box is four numbers ``[x1, y1, x2, y2]``, two
    corners ``[[x1, y1], [x2, y2]]``, or an object with corners (x1 y1 x2 y2, xmin ymin xmax ymax, left top right
    bottom, or the lists top_left bottom_right), with a corner and a size (x y width height, x y w h) or with a centre
    and a size (x_center y_center width height, cx cy w h, or the lists center size). Numbers of an object under other
    names are no box. Without any JSON, four numbers in brackets count. Lists of scores, confidences, ids and the like
    are no boxes.

    Coordinates are pixels, unless all of the answer's lie in 0..1 and at least one is no whole number: then they are
    parts of width and height. No other scale is guessed; of 0..1000 pixels are taken. Corners are put in order, and
    boxes are cut at the image's border.

    Args:
        width: Of the image that was sent.
        height: Of the image that was sent.

    Example:
        >>> parse_boxes('Here: ```json\\n{"boxes": [[10, 20, 14, 25]]}\\n```', 64, 48).boxes
        ((10.0, 20.0, 14.0, 25.0),)
        >>> parse_boxes('[[0.5, 0.25, 1, 0.5]]', 64, 48).boxes, parse_boxes('{"boxes": []}', 64, 48).boxes
        (((32.0, 12.0, 64.0, 24.0),), ())
    """
    text = _SCORES.sub(r'\1null', text)
    found, empty = [], False
    for value in _json_values(text):
        boxes = list(_boxes(value))
        found += boxes
        empty = empty or (not boxes and _is_empty(value))
    if not found and not empty:
        found = [tuple(map(float, match)) for match in _FOUR.findall(text)]
    if not found:
        return Parsed(() if empty else None)
    numbers = [number for box in found for number in box]
    unit = max(numbers) <= 1 and min(numbers) >= 0 and any(number != int(number) for number in numbers)
    factors = (width, height) * 2 if unit else (1, 1, 1, 1)
    kept = []
    for box in found:
        x1, y1, x2, y2 = (number * factor for number, factor in zip(box, factors, strict=True))
        cut = (max(min(x1, x2), 0.0), max(min(y1, y2), 0.0), min(max(x1, x2), float(width)),
               min(max(y1, y2), float(height)))
        if cut[0] < cut[2] and cut[1] < cut[3]:
            kept.append(cut)
    return Parsed(tuple(kept), 'unit' if unit else 'pixels', len(found) - len(kept))


def _json_values(text: str) -> Iterator[Any]:
    """Every JSON object or array in a text, the outermost."""
    decoder, i = json.JSONDecoder(), 0
    while match := re.compile(r'[\[{]').search(text, i):
        try:
            value, i = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            i = match.start() + 1
        else:
            yield value


def _boxes(value: Any) -> Iterator[tuple[float, ...]]:
    if isinstance(value, dict):
        box = _named_box(value)
        if box is None:
            for item in value.values():
                yield from _boxes(item)
        else:
            yield box
    elif isinstance(value, list):
        if len(value) == 4 and _are_numbers(value):
            yield tuple(map(float, value))
        elif len(value) == 2 and all(isinstance(corner, list) and len(corner) == 2 for corner in value) \
                and _are_numbers(value[0] + value[1]):
            yield tuple(map(float, value[0] + value[1]))
        else:
            for item in value:
                yield from _boxes(item)


def _named_box(value: dict[str, Any]) -> tuple[float, ...] | None:
    lower = {str(key).lower(): item for key, item in value.items()}
    for name, parts in _PAIRS.items():
        if isinstance(lower.get(name), list) and len(lower[name]) == 2:
            lower |= zip(parts, lower[name], strict=True)
    for names in _CORNERS:
        if _are_numbers([lower.get(name) for name in names]):
            return tuple(float(lower[name]) for name in names)
    for names, share in _WITH_SIZE:
        if _are_numbers([lower.get(name) for name in names]):
            x, y, width, height = (float(lower[name]) for name in names)
            x1, y1 = x - share * width, y - share * height
            box = x1, y1, x1 + width, y1 + height
            in_parts = all(0 <= number <= 1 for number in (x, y, width, height))
            return tuple(min(max(edge, 0.0), 1.0) for edge in box) if in_parts else box
    return None


def _are_numbers(values: list[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 for value in values)


def _is_empty(value: Any) -> bool:
    return value == [] or (isinstance(value, dict) and any(item == [] for item in value.values()))
