"""Where in a description a place of the image may be named: its sentences, and the words that make one place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from irstd_toolbox.text_priors.directions import DOWN, LEFT, UP, WORDS
from irstd_toolbox.text_priors.senses import AFTER_ADVERB, CENTERS, Sense, Words, axis, sense_of

__all__ = ['Mention', 'find_mentions', 'names_place', 'normalise', 'segments']

_NOT_PLACES = ('upward', 'upwards', 'northward', 'northwards', 'northerly', 'above', 'over')
_COMPASS = re.compile(r'(north|south)(east|west)(?:|ern|ernmost)')
_ABBREVIATIONS = {'NE': ('upper', 'right'), 'NW': ('upper', 'left'), 'SE': ('lower', 'right'), 'SW': ('lower', 'left')}
_CENTERED = ('centered', 'centred', 'centrally')
_CUTS = frozenset(('while', 'whereas', 'although', 'though', 'but'))
_HARD = re.compile(r'[;!?]|\.(?:\s|$)|\.\W')
_CENTER = (r"(?:the\s+)?(?:very\s+|exact\s+|(?:image|frame|scene)(?:['’]s)?\s+)*"
           r'(?:cent(?:er|re)|middle|midpoint|midline)')
_BESIDE = r'\s+and\s+(?:slightly\s+)?(?:to\s+the\s+)?(left|right)\s+of\s+'
# Phrases around the center become the one form that the reader knows: 'left of center'.
_REWRITES = (
    (rf'\b(?:above|over){_BESIDE}{_CENTER}\b', r'upper \1 of center'),
    (rf'\b(?:below|beneath){_BESIDE}{_CENTER}\b', r'lower \1 of center'),
    (rf'\babove\s+{_CENTER}\b', 'upper of center'),
    (rf'\bbelow\s+{_CENTER}\b', 'lower of center'),
    (rf'\bof\s+{_CENTER}\b', 'of center'),
)


@dataclass
class Mention:
    """Words that name a place: ``start`` to ``end`` (exclusive); the weak axes give way to what is said elsewhere."""

    start: int
    end: int
    vertical: str | None = None
    horizontal: str | None = None
    weak: set[str] = field(default_factory=set)


def normalise(text: str) -> str:
    """Bring the ways of speaking of the image's center into one form.

    Example:
        >>> normalise('just above and to the left of the image center')
        'just upper left of center'
    """
    for pattern, form in _REWRITES:
        text = re.sub(pattern, form, text, flags=re.IGNORECASE)
    return text


def segments(words: Words) -> Iterator[tuple[int, int]]:
    """Sentences, and their parts before and after a 'while' or 'but'."""
    start = 0
    for i in range(1, len(words) + 1):
        if i == len(words) or _HARD.search(words.gap(i)) or words.lower(i) in _CUTS:
            yield start, i
            start = i


def _term(words: Words, i: int) -> tuple[str | None, str | None, bool] | None:
    """What word ``i`` says: vertical, horizontal, and whether it is a word for the center; None if nothing."""
    word = words.lower(i)
    if word in _CENTERED:
        only = words.before(i)
        return (None if only == 'horizontally' else 'center'), (None if only == 'vertically' else 'center'), True
    if word in CENTERS:
        return 'center', 'center', True
    glued = _COMPASS.fullmatch(word)
    if words[i] in _ABBREVIATIONS:
        return *_ABBREVIATIONS[words[i]], False
    if glued:
        return ('upper' if glued[1] == 'north' else 'lower'), ('right' if glued[2] == 'east' else 'left'), False
    family, direction = WORDS.get(word, (None, None))
    if family is None or family in _NOT_PLACES or _is_adverb(words, i):
        return None
    vertical = {UP: 'upper', DOWN: 'lower'}.get(direction)
    return vertical, None if vertical else 'left' if direction == LEFT else 'right', False


def _is_adverb(words: Words, i: int) -> bool:
    if words.lower(i) == 'right' and axis(words.before(i)) == 'center' and words.after(i) in AFTER_ADVERB \
            and words.gap(i) == ' ':
        return True  # 'in the center right at the horizon'
    return sense_of(words, i) is not Sense.DIRECTION


def find_mentions(words: Words, start: int, end: int) -> Iterator[Mention]:
    """Neighbouring words that name one place together, as one."""
    i = start
    while i < end:
        term = _term(words, i)
        if term is None:
            i += 1
            continue
        mention = Mention(i, i + 1, *term[:2], weak={'vertical', 'horizontal'} if term[2] else set())
        i += 1
        while i < end and words.gap(i) in (' ', '-', '/') and (term := _term(words, i)) and _add(mention, term):
            i += 1
            mention.end = i
        yield mention


def _add(mention: Mention, term: tuple[str | None, str | None, bool]) -> bool:
    """Let a further word narrow ``mention``, unless it contradicts it."""
    vertical, horizontal, center = term
    if center:
        mention.vertical, mention.horizontal = mention.vertical or vertical, mention.horizontal or horizontal
        return True
    for side, value in (('vertical', vertical), ('horizontal', horizontal)):
        if value and getattr(mention, side) not in (None, value) and side not in mention.weak:
            return False
    for side, value in (('vertical', vertical), ('horizontal', horizontal)):
        if value:
            setattr(mention, side, value)
            mention.weak.discard(side)
    if mention.weak and vertical and horizontal is None or horizontal and vertical is None:
        mention.weak.clear()  # 'center left' is said of both axes
    return True


def names_place(words: Words, i: int) -> bool:
    """Whether word ``i`` is one that names a place."""
    return _term(words, i) is not None
