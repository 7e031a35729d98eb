"""How many targets a description counts and whether it cites coordinates."""

import re
from dataclasses import dataclass

__all__ = ['Count', 'cites_coordinates', 'count_said']


@dataclass(frozen=True)
class Count:
    """A number of targets as words give it: from ``low`` to ``high``; no ``high`` for 'several'."""

    low: int
    high: int | None

    def holds(self, number: int) -> bool:
        """Whether ``number`` is what was said."""
        return self.low <= number and (self.high is None or number <= self.high)

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f'{self.low} or more'


_NUMBERS = {word: number for number, word in enumerate(
    ('two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'), start=2)}
_NUMBERS |= {'pair': 2, 'couple': 2, 'trio': 3}
_TARGETS = r'targets?'
_OBJECTS = r'(?:objects?|spots?|dots?|hotspots?|aircraft|airplanes?|planes?|helicopters?|drones?|uavs?|missiles?|' \
           r'birds?|ships?|vessels?|boats?|vehicles?)'
_ADJECTIVE = r'(?:(?!(?:of|in|on|at|is|are|and|with|a|an|the|near|to|from|by|for|pixels?|px)\b)[a-z][\w-]*,?\s+)'
_COUNTED = r'(?<!\bby\s)(?<!\bx\s)\b(?=({numbers}|\d+)\s+(?:of\s+)?{adjective}{{0,4}}?{noun}\b)'
_VAGUE = r'\b(?:several|multiple|many|numerous|few|some|various)\s+{adjective}{{0,3}}?{noun}\b'
_NO = r'\b(?:no|not\s+any|without(?:\s+any)?|zero)\s+'
_NONE = _NO + r'(?!other|further|additional|more|second){adjective}{{0,4}}?{noun}\b'
_NO_OTHER = _NO + r'(?:other|further|additional|more)\s+{adjective}{{0,4}}?{noun}\b'
_MORE = re.compile(r'\b(?:another|a\s+second|a\s+third|the\s+other)\b')
_COORDINATES = re.compile(r'''
    [(\[<{]\s*-?\d+(?:\.\d+)?\s*[,;:]\s*-?\d                # (120, 45)
    | \bcoordinates?\b | \bbounding[-\s]?box(?:es)?\b | \bbbox(?:es)?\b
    | \b[xy]\s*[=:≈~]\s*-?\d | \b[xy][-\s](?:axis|coordinate|position)
    | \bpixels?\s*\(?\d | \b(?:row|column)\s+\d
    | \b\d+\s*(?:px|pixels?)\s+(?:from|to|away|across|down|up|off|above|below|left|right)\b
    | \b(?:at|near|around)\s+\d+\s*,\s*\d
    ''', re.IGNORECASE | re.VERBOSE)


def cites_coordinates(text: str) -> bool:
    """Whether a text speaks of coordinates, pixel positions or boxes, which no turned image keeps true.

    Example:
        >>> cites_coordinates('At (120, 45).'), cites_coordinates('It covers 12 pixels.')
        (True, False)
    """
    return bool(_COORDINATES.search(text))


def count_said(text: str) -> Count | None:
    """How many targets a description counts; None if it does not say.

    The largest number before 'targets' counts; without one, 'several targets' or a plural (but of 'no other targets')
    is two or more, and a singular is one, with one more for each 'another'. Where the word target does not occur,
    objects, spots, dots, aircraft, ships and the like stand for it.

    Example:
        >>> str(count_said('Two targets: one on the left, one on the right.')), count_said('On the left.')
        ('2', None)
        >>> str(count_said('A small target, and several bright spots.')), str(count_said('No target is visible.'))
        ('1', '0')
    """
    text = ' '.join(text.lower().split())
    noun = _TARGETS if re.search(rf'\b{_TARGETS}\b', text) else _OBJECTS
    parts = dict(adjective=_ADJECTIVE, noun=noun, numbers='|'.join(_NUMBERS))
    denied = re.compile(_NONE.format(**parts))
    rest = denied.sub(' ', text)
    counted = [_NUMBERS[number] if number in _NUMBERS else int(number)
               for number in re.findall(_COUNTED.format(**parts), rest)]
    if max(counted, default=0) > 1:
        return Count(max(counted), max(counted))
    named = re.findall(rf'\b{noun}\b', re.sub(_NO_OTHER.format(**parts), ' ', rest))
    if re.search(_VAGUE.format(**parts), rest) or any(word.endswith('s') for word in named):
        return Count(2, None)
    if re.search(rf'\b{noun}\b', rest):
        number = 1 + len(_MORE.findall(rest))
        return Count(number, number)
    return Count(0, 0) if rest != text and not re.search(r'\b(?:but|only|except)\b', rest) else None
