"""The English words that say where something is in an image, and what turning or mirroring makes of them.

:mod:`.sentence` applies these tables; this module only holds them and answers for single words.
"""

import re

__all__ = ['OPS', 'UNVOUCHED', 'UNVOUCHED_BY_AXIS_SWAP', 'UNVOUCHED_BY_VERTICAL', 'WORDS', 'counterpart', 'swaps_axes']

UP, DOWN, LEFT, RIGHT = 'up', 'down', 'left', 'right'


def _moves(up: str, right: str) -> dict[str, str]:
    opposite = {UP: DOWN, DOWN: UP, LEFT: RIGHT, RIGHT: LEFT}
    return {UP: up, DOWN: opposite[up], RIGHT: right, LEFT: opposite[right]}


OPS: dict[str, dict[str, str]] = {
    'identity': _moves(UP, RIGHT),
    'hflip': _moves(UP, LEFT),
    'vflip': _moves(DOWN, RIGHT),
    'rot90': _moves(LEFT, UP),
    'rot180': _moves(DOWN, LEFT),
    'rot270': _moves(RIGHT, DOWN),
    'transpose': _moves(LEFT, DOWN),
    'anti_transpose': _moves(RIGHT, UP),
}
"""Where each side of the image goes. ``rot90`` is counter-clockwise, as ``numpy.rot90``; ``transpose`` is ``image.T``;
``anti_transpose`` mirrors in the other diagonal."""


def swaps_axes(op: str) -> bool:
    """Whether ``op`` turns rows into columns."""
    return OPS[op][UP] in (LEFT, RIGHT)


# Every family holds one word a direction; a word's counterpart after an operation is of its own family.
_FAMILIES: dict[str, tuple[str, str, str, str]] = {
    'upper': ('upper', 'lower', 'left', 'right'),
    'top': ('top', 'bottom', 'left', 'right'),
    'uppermost': ('uppermost', 'lowermost', 'leftmost', 'rightmost'),
    'topmost': ('topmost', 'bottommost', 'leftmost', 'rightmost'),
    'upward': ('upward', 'downward', 'leftward', 'rightward'),
    'upwards': ('upwards', 'downwards', 'leftwards', 'rightwards'),
    **{f'north{end}': tuple(side + end for side in ('north', 'south', 'west', 'east'))
       for end in ('', 'ern', 'ernmost', 'erly', 'ward', 'wards')},
    'above': ('above', 'below', 'left of', 'right of'),
    'over': ('over', 'beneath', 'left of', 'right of'),
}

WORDS: dict[str, tuple[str, str]] = {
    word: (family, direction)
    for family, words in reversed(_FAMILIES.items())
    for word, direction in zip(words, (UP, DOWN, LEFT, RIGHT), strict=True)
    if ' ' not in word
}
"""Word -> (family, direction). 'left' and 'right' are of the family of 'upper' unless their neighbour is of another."""
WORDS |= {'under': ('over', DOWN), 'underneath': ('over', DOWN), 'atop': ('over', UP)}


def counterpart(word: str, op: str, family: str | None = None) -> str:
    """What a word of ``WORDS`` becomes under ``op``.

    Args:
        family: Take the counterpart from this family instead of the word's own.

    Example:
        >>> counterpart('upper', 'vflip'), counterpart('left', 'transpose', family='top')
        ('lower', 'top')
    """
    own, direction = WORDS[word]
    moved = OPS[op][direction]
    if moved == direction:
        return word
    return _FAMILIES[family or own][(UP, DOWN, LEFT, RIGHT).index(moved)]


_NUMBER = r'\d+(?:\.\d+)?'
_PLACE = '(?:top|bottom|upper|lower|mid|middle|center|centre|left|right)'
_POINT = '(?:north|south|east|west)'

UNVOUCHED = re.compile(rf'''
    \d\s*% | \bper\s?cent\b
    | [(\[<{{]\s*-?{_NUMBER}\s*[,;:]\s*-?\d              # (120, 45)
    | \b(?:at|near|around)\s+{_NUMBER}\s*,\s*\d          # at 120, 45
    | \b[xy]\s*[=:≈~] | \b[xy][-\s](?:axis|coordinate|position|direction)
    | \bcoordinates?\b | \bpixels?\s*\(?\d
    | \d\s*(?:px|pixels?)\s+(?:from|to|away|across|down|up|off|above|below|left|right)\b
    | o\s?['’]\s?clock\b | clockwise\b                   # counter-clockwise, anticlockwise
    | \d\s*(?:°|º|deg\b|degrees?\b) | \b(?:azimuth|bearing)\b
    | \b(?:first|second|third|fourth|1st|2nd|3rd|4th|i{{1,3}}|iv)[-\s]quadrant\b
    | \bquadrants?\s+(?:[1-4]|i{{1,3}}|iv|one|two|three|four)\b | \bq[1-4]\b
    | \b(?:first|second|third|fourth|fifth|last|\d+(?:st|nd|rd|th))\s+(?:row|column)\b
    | \b(?:row|column|cell)\s+(?:\d|one|two|three|four)
    | \bstarboard\b | \bport\s+(?:side|bow|quarter)\b
    | \b{_PLACE}(?:{_PLACE}|hand(?:ed)?|side)+\b         # topleft, righthand
    | \b{_POINT}{{3,}} | \b{_POINT}+(?:bound|side)\b     # northnorthwest, eastbound
    | (?<!['’])\b(?-i:[NESW])\b | (?<!\bper\s)(?-i:\b[NnSs][ew]\b)
    | \b(?:nn[ew]|ss[ew]|e[ns]e|w[ns]w)\b
    | \bof\s+the\s+way\s+(?:across|along|through|into)\b
    | \b(?:an?|one|two|three|four)[-\s](?:thirds?|quarters?|fifths?)\s+(?:across|along|into)\b
    ''', re.IGNORECASE | re.VERBOSE)
"""Content that no exchange of words keeps true once the frame has been turned or mirrored."""

UNVOUCHED_BY_VERTICAL = re.compile(r'''
    \b(?:ascend|descend|ris|fall|climb|hang|soar|div|sink)ing\b
    | \b(?:ascends|descends|rises|climbs|hangs|overhead|aloft|skywards?|upside|underside)\b
    | \bfalls\b(?!\s+(?:in|into|inside|within)\b)
    | \b(?:higher|lower)\s+than\b
    | \bhigh\s+(?:in|on|up|above|over)\b | \blow\s+(?:in|on|down|near|to)\b | \bhigher\s+(?:up|in|on)\b
    ''', re.IGNORECASE | re.VERBOSE)
"""Content that depends on which way is up."""

UNVOUCHED_BY_AXIS_SWAP = re.compile(r'''
    \b(?:rows?|columns?|widths?|heights?|taller|tall|upright|sideways|lengthwise)\b
    | \b(?:wider|broader|narrower)\s+than\b | \bas\s+(?:wide|broad)\b
    | \b(?:as|than)\s+(?:it|they)(?:\s+is|\s+are|['’]s|['’]re)\s+(?:wide|broad|high|long)\b
    | \bthan\s+(?:wide|broad|high|long)\b | \b(?:px|pixels?)[\s-]+(?:wide|broad|high)\b
    ''', re.IGNORECASE | re.VERBOSE)
"""Content that depends on which axis is the vertical one."""
