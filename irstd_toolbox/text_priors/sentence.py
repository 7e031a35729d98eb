"""Keep a sentence true when its image is turned or mirrored."""

import re
import unicodedata

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors import senses
from irstd_toolbox.text_priors.directions import (
    OPS,
    UNVOUCHED,
    UNVOUCHED_BY_AXIS_SWAP,
    UNVOUCHED_BY_VERTICAL,
    WORDS,
    counterpart,
    swaps_axes,
)
from irstd_toolbox.text_priors.senses import CENTERS, Sense, Words
from irstd_toolbox.text_priors.store import plain_hyphens

__all__ = ['OPS', 'transform_sentence']

_SIZE = re.compile(r'(\d+)\s*[x×]\s*(\d+)')
_AXES = {'horizontal': 'vertical', 'horizontally': 'vertically'}
_AXES |= {other: word for word, other in _AXES.items()}
_COMPASS = re.compile(r'(north|south)(east|west)(|ern|ernmost|erly|wards?)')
_ABBREVIATIONS = {'NE': 'northeast', 'NW': 'northwest', 'SE': 'southeast', 'SW': 'southwest'}
_SPELLED = {word: short for short, word in _ABBREVIATIONS.items()}
_BESIDE = {'above', 'over'}


def transform_sentence(sentence: str, op: str) -> str | None:
    """The sentence that describes ``op`` of the image, given the one that describes the image.

    Exchanged are left/right, upper/lower, top/bottom, above/below, over/beneath, north/south/east/west and their
    derivatives and compounds (leftmost, downward, northeastern, upper-left), and horizontal/vertical. Compounds come
    out with the vertical word first. Case and everything else stay; hyphens become plain ones, and 'a' or 'an' follows
    the new word.

    Args:
        sentence: An English sentence.
        op: One of ``OPS``: 'identity', 'hflip', 'vflip', 'rot90' (counter-clockwise, as ``numpy.rot90``), 'rot180',
            'rot270', 'transpose', 'anti_transpose'.

    Returns:
        The new sentence, or None where it cannot be vouched for: coordinates, percentages, clock positions and
        angles, numbered quadrants, rows or columns, parts of the way across; glued words (topleft, eastbound) and
        compass letters but NE, NW, SE and SW; letters that are not Latin; words of height (rising, overhead) when up
        and down change; comparisons of width and height when the axes change; and any word of direction whose sense
        its neighbours do not settle.

    Raises:
        ConfigError: If ``op`` is none of the eight.

    Note:
        A word is left alone where its neighbours show another sense ("right at the horizon", "left behind", "lower
        contrast", "over 20 pixels", "top-down"); 'bright', 'upright' or 'overall' are other words. Where neither sense
        is shown ("the track left there") the sentence is given up rather than guessed. Under an operation that swaps
        the axes "above the clouds" becomes "to the left of the clouds" and back again.
        The words are those of English. A sentence in another language of Latin letters is returned unchanged.

    Example:
        >>> transform_sentence('An upper-left target, right above the sea.', 'vflip')
        'A lower-left target, right below the sea.'
        >>> transform_sentence('The target is at (120, 45).', 'hflip') is None
        True
    """
    if op not in OPS:
        raise ConfigError(f'{op!r} is not an operation on sentences; expected one of {", ".join(OPS)}.')
    if op == 'identity':
        return sentence
    sentence = plain_hyphens(sentence)
    if not _vouched(sentence, op):
        return None
    words = Words(sentence)
    position = 0
    while position < len(words):
        taken = _compound(words, position, op) or _phrase(words, position, op) or _word(words, position, op)
        if not taken:
            return None
        position += taken
    return words.text()


def _vouched(sentence: str, op: str) -> bool:
    latin = sentence.isascii() or all(
        unicodedata.name(char, '').startswith('LATIN') for char in sentence if char.isalpha())
    if UNVOUCHED.search(sentence) or not latin:
        return False
    if OPS[op]['up'] != 'up' and UNVOUCHED_BY_VERTICAL.search(sentence):
        return False
    if not swaps_axes(op):
        return True
    return not UNVOUCHED_BY_AXIS_SWAP.search(sentence) and all(
        first == second for first, second in _SIZE.findall(sentence))


def _compound(words: Words, i: int, op: str) -> int:
    """Two neighbouring words that make one place ('upper left', 'north-east', 'center-right'); words taken or 0."""
    if i + 1 >= len(words) or words.gap(i + 1) not in (' ', '-'):
        return 0
    pair = words.lower(i), words.lower(i + 1)
    kinds = [senses.axis(word) for word in pair]
    if None in kinds or kinds[0] == kinds[1]:
        return 0
    if kinds[0] == 'center' and senses.axis(words.lower(i + 2)) not in (None, 'center', kinds[1]):
        return 0  # 'center upper left': the place is 'upper left'
    if 'center' in kinds and words.lower(i + 1) == 'right' and words.lower(i + 2) in senses.AFTER_ADVERB \
            and words.gap(i + 1) == ' ':
        return 0  # 'in the center right at the horizon'
    families = [WORDS[word][0] for word in pair if word in WORDS and word not in ('left', 'right')]
    family = families[0] if families else None
    turned = [word if word in CENTERS else counterpart(word, op, family if word in ('left', 'right') else None)
              for word in pair]
    order = {'vertical': 0, 'center': 1, 'horizontal': 2}
    if 'center' not in kinds or swaps_axes(op):
        turned.sort(key=lambda word: order[senses.axis(word)])
    words.replace(i, turned[0])
    words.replace(i + 1, turned[1])
    return 2


def _phrase(words: Words, i: int, op: str) -> int:
    """Phrases whose words change together; number of words taken, or 0."""
    if words.match(i, 'on top of'):
        if OPS[op]['up'] == 'up':
            return 3
        words.merge(i, 3, counterpart('above', op).replace('left of', 'to the left of').replace(
            'right of', 'to the right of'))
        return 3
    if not swaps_axes(op):
        return 0
    for side in ('left', 'right'):
        for phrase in (f'to the {side} of', f'on the {side} of', f'{side} of'):
            count = len(phrase.split())
            substantive = words.lower(i - 1) in senses.ARTICLES or words.names_frame(i + count)
            if words.match(i, phrase) and not substantive:
                words.merge(i, count, counterpart(side, op, 'above'))
                return count
    return 0


def _word(words: Words, i: int, op: str) -> int:
    """A single word; 1 when done, 0 when the sentence must be given up."""
    word = words.lower(i)
    glued = _COMPASS.fullmatch(_ABBREVIATIONS.get(words[i], word))
    if glued:
        _compass(words, i, op, glued)
    elif word in _AXES and swaps_axes(op):
        words.replace(i, _AXES[word])
    elif word in ('up', 'down') and OPS[op]['up'] != 'up':
        return int(senses.is_idiom(words, i))
    elif word in WORDS and counterpart(word, op) != word:
        sense = senses.sense_of(words, i)
        if sense is Sense.UNSURE:
            return 0
        return _turn(words, i, op) if sense is Sense.DIRECTION else 1
    return 1


def _compass(words: Words, i: int, op: str, match: re.Match) -> None:
    """'northeastern' and its like, and NE, NW, SE, SW."""
    parts = [counterpart(match[1], op), counterpart(match[2], op)]
    parts.sort(key=lambda part: part in ('east', 'west'))
    turned = ''.join(parts)
    words.replace(i, _SPELLED[turned] if words[i] in _ABBREVIATIONS else turned + match[3])


def _turn(words: Words, i: int, op: str) -> int:
    """Exchange a word that is known to be a direction."""
    word = words.lower(i)
    family, _ = WORDS[word]
    turned = counterpart(word, op)
    if swaps_axes(op) and family in _BESIDE:
        if words.after(i) in ('left', 'right'):
            return 0  # 'above left of the mast'
        turned = f'to the {turned}' if words.has_object(i) else f'to the {turned.removesuffix(" of")}'
    elif swaps_axes(op) and word in ('left', 'right'):
        place = senses.noun_or_adjective(words, i)
        if place is None:
            return 0  # 'moving left': no plain counterpart
        turned = counterpart(word, op, 'top' if place == 'noun' else 'upper')
        if words.lower(i + 1) == 'hand' and words.gap(i + 1) in (' ', '-'):
            words.drop(i + 1)  # 'right-hand side' -> 'upper side'
    words.replace(i, turned)
    return 1
