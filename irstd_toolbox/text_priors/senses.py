"""Whether a word that can name a direction does so where it stands: 'right' the side, or 'right' the adverb."""

import re
from enum import Enum

from irstd_toolbox.text_priors.directions import WORDS
from irstd_toolbox.text_priors.store import plain_hyphens

__all__ = [
    'AFTER_ADVERB', 'ARTICLES', 'CENTERS', 'Sense', 'Words', 'axis', 'is_idiom', 'noun_or_adjective', 'sense_of']


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORD = re.compile(r"([^\W\d_]+(?:['’][^\W\d_]+)*)")

ARTICLES = _set('a an extreme far its that the their this very')
CENTERS = _set('center centre central middle mid')
_FRAMES = _set('field frame image photo photograph picture scene screen view')
_FUNCTION_WORDS = _set('''
    a about above across against along among and are around as at before behind below beneath beside between but by
    during for from has in into is it near next of off on onto or over past shows that the there through to toward
    towards under underneath until was were where which while with within''')

# 'right' before one of these is an adverb, unless what stands before it makes it a side.
AFTER_ADVERB = _set('''
    above across after against ahead along alongside among around at away before behind below beneath beside between
    by down here in inside into near next now on onto opposite out outside over past there through under underneath
    up where within''')
_CORRECT = _set('''
    amount angle angled angles answer choice conditions direction distance kind moment number order place size sort
    time way''')
# 'left' before one of these is the verb, unless what stands before it makes it a side.
_AFTER_VERB = _set('''
    a alone an behind by no off only out over the unchanged undetected unlabeled unlabelled unmarked untouched
    visible''')
_POINTERS = _set('''
    the its their far extreme very slightly further farther more to toward towards from between mid both each moving
    moves heading heads facing faces pointing points shifted shifts offset displaced drifting traveling travelling''')
_PLACES = _set('''
    area bank border bottom boundary center central centre corner edge flank half hand hemisphere limit
    lower margin middle most of part portion quadrant quarter region section sector side sides third top upper
    zone aligned''')
_MEASURES = _set('''
    amplitude brightness clutter contrast density emission emissivity energy frequency intensities intensity level
    levels luminance luminosity noise power quality radiance radiation reflectivity resolution response signal
    temperature temperatures thermal value values visibility''')
_QUANTITIES = _set('''
    ambient average freezing half mean noise several three two four five six seven eight nine ten twenty zero
    hundred''')
_SPREAD = _set('all dispersed distributed scattered spread')
_CITED = _set('as described discussed listed mentioned noted seen shown stated')
_IDIOMS = {
    'up': ({'close', 'made', 'lit', 'lights', 'light', 'taken', 'takes', 'taking', 'makes', 'making', 'showing',
            'shows', 'show', 'blown', 'warmed', 'heated', 'broken', 'set'}, {'to', 'close'}),
    'down': ({'top', 'broken', 'cooled', 'slowed'}, {'to'}),
}


class Sense(Enum):
    """What a word means where it stands."""

    DIRECTION = 'direction'
    OTHER = 'other'
    UNSURE = 'unsure'


class Words:
    """A sentence as words and the gaps between them; words can be exchanged while the original stays readable.

    Example:
        >>> words = Words('An upper part.')
        >>> words.replace(1, 'lower')
        >>> words.text(), words.lower(1)
        ('A lower part.', 'upper')
    """

    def __init__(self, sentence: str) -> None:
        parts = _WORD.split(plain_hyphens(sentence))
        self._words, self._gaps = parts[1::2], parts[0::2]
        self._new: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._words)

    def __getitem__(self, i: int) -> str:
        return self._words[i]

    def lower(self, i: int) -> str:
        """The original word in lower case; '' outside the sentence."""
        return self._words[i].lower() if 0 <= i < len(self._words) else ''

    def gap(self, i: int) -> str:
        """What stands between word ``i - 1`` and word ``i``."""
        return self._gaps[i] if 0 <= i < len(self._gaps) else ''

    def before(self, i: int) -> str:
        """The word before, '' if a gap other than one of spaces or a hyphen is between."""
        return self.lower(i - 1) if _joins(self.gap(i)) else ''

    def after(self, i: int) -> str:
        """The word after, likewise."""
        return self.lower(i + 1) if _joins(self.gap(i + 1)) else ''

    def match(self, i: int, phrase: str) -> bool:
        """Whether the words of ``phrase`` stand at ``i``."""
        wanted = phrase.split()
        return all(self.lower(i + k) == word and (k == 0 or self.gap(i + k).strip() == '' != self.gap(i + k))
                   for k, word in enumerate(wanted))

    def names_frame(self, i: int) -> bool:
        """Whether the noun that begins at ``i`` is the image itself ('the whole infrared image')."""
        for k in range(i, min(i + 4, len(self))):
            if k > i and not _joins(self.gap(k)):
                return False
            if self.lower(k) in _FRAMES:
                return True
        return False

    def has_object(self, i: int) -> bool:
        """Whether a noun follows the preposition at ``i``, so that it needs 'of' in its new form."""
        return _joins(self.gap(i + 1)) and self.after(i) not in ('', 'and', 'or', 'but', 'is', 'are', 'which', 'where')

    def replace(self, i: int, word: str) -> None:
        """Exchange word ``i``, in the case that it has."""
        self._new[i] = _in_case(word, self._words[i])

    def merge(self, i: int, count: int, words: str) -> None:
        """Put ``words`` in place of ``count`` words."""
        self.replace(i, words)
        for k in range(i + 1, i + count):
            self.drop(k)

    def drop(self, i: int) -> None:
        """Leave word ``i`` and the gap before it out."""
        self._new[i] = ''

    def text(self) -> str:
        """The sentence with the exchanged words, and the articles before them put right."""
        out = self._gaps[0]
        for i, old in enumerate(self._words):
            word = self._new.get(i, old)
            following = self._new.get(i + 1)
            if old.lower() in ('a', 'an') and following and self.gap(i + 1).isspace():
                article = 'an' if following[0].lower() in 'aeiou' else 'a'
                word = article.upper() if old.isupper() and len(old) > 1 else _in_case(article, old)
            out += word
            out += self._gaps[i + 1] if self._new.get(i + 1) != '' else ''
        return out


def axis(word: str) -> str | None:
    """'vertical', 'horizontal' or 'center' for a word that may be half of a compound place; else None."""
    if word in CENTERS:
        return 'center'
    family, direction = WORDS.get(word, (None, None))
    if family in (None, 'above', 'over', 'upward', 'upwards'):
        return None
    return 'vertical' if direction in ('up', 'down') else 'horizontal'


def sense_of(words: Words, i: int) -> Sense:
    """The sense of a word of ``directions.WORDS``."""
    word = words.lower(i)
    before, after = words.before(i), words.after(i)
    if word in ('left', 'right'):
        return _sense_of_side(words, i, before, after)
    if WORDS[word][0] in ('above', 'over'):
        return _sense_of_preposition(words, i, before, after)
    if word == 'lower' and after in _MEASURES:
        return Sense.OTHER
    if (word, after) in (('top', 'down'), ('bottom', 'up'), ('top', 'view'), ('top', 'speed')):
        return Sense.OTHER
    return Sense.UNSURE if word == 'top' and before == 'on' else Sense.DIRECTION


def _sense_of_side(words: Words, i: int, before: str, after: str) -> Sense:
    word = words.lower(i)
    if word == 'right' and (after in _CORRECT or before == 'all'):
        return Sense.OTHER
    joined = before in ('and', 'or') and axis(words.before(i - 1)) is not None
    if before in _POINTERS or axis(before) or joined or after in _PLACES or (after == 'to' and words.gap(i + 1) == '-'):
        return Sense.DIRECTION
    if after in (AFTER_ADVERB if word == 'right' else _AFTER_VERB):
        return Sense.OTHER
    return Sense.DIRECTION if before in ('at', 'on', 'in') else Sense.UNSURE


def _sense_of_preposition(words: Words, i: int, before: str, after: str) -> Sense:
    if '-' in (words.gap(i).strip(), words.gap(i + 1).strip()):
        return Sense.UNSURE
    word, later = words.lower(i), words.after(i + 1)
    quantity = re.search(r'\d', words.gap(i + 1)) or after in _QUANTITIES or (
        after in ('the', 'an', 'a') and later in _QUANTITIES | {'threshold', 'limit'})
    if quantity or before in _CITED or after in ('mentioned', 'all'):
        return Sense.OTHER
    if word == 'over' and (before in _SPREAD or before == 'left' or after in ('time', 'whole', 'entire')
                           or words.names_frame(i + 1)):
        return Sense.OTHER
    conditions = {words.lower(k) for k in range(i + 1, i + 5)} & {'condition', 'conditions', 'circumstances'}
    return Sense.OTHER if word == 'under' and conditions else Sense.DIRECTION


def is_idiom(words: Words, i: int) -> bool:
    """Whether 'up' or 'down' at ``i`` is part of a phrase that names no direction."""
    befores, afters = _IDIOMS[words.lower(i)]
    return words.before(i) in befores or words.after(i) in afters


def noun_or_adjective(words: Words, i: int) -> str | None:
    """'noun' for 'on the left', 'adjective' for 'the left edge', None for an adverb ('moving left')."""
    before, after = words.before(i), words.after(i)
    if after and after not in _FUNCTION_WORDS:
        return 'adjective'
    if before in ARTICLES | {'from', 'to', 'at', 'on'} or words.gap(i + 1) == '-' or axis(before):
        return 'noun'
    return None


def _joins(gap: str) -> bool:
    return bool(gap) and gap.strip() in ('', '-')


def _in_case(word: str, model: str) -> str:
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[0].upper() + word[1:] if model[0].isupper() else word
