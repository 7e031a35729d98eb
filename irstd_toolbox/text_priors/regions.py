"""What a description claims: the regions that it puts targets in, how many it counts, whether it cites coordinates."""

import re
from dataclasses import dataclass

from irstd_toolbox.text_priors.claims import Count, cites_coordinates, count_said
from irstd_toolbox.text_priors.mentions import Mention, find_mentions, names_place, normalise, segments
from irstd_toolbox.text_priors.senses import ARTICLES, Words

__all__ = ['Reading', 'Region', 'read_description_text', 'read_regions']


@dataclass(frozen=True)
class Region:
    """A part of the image, as far as words name it.

    Args:
        vertical: ``'upper'``, ``'center'``, ``'lower'``, or None if nothing is said.
        horizontal: ``'left'``, ``'center'``, ``'right'``, or None.

    Example:
        >>> str(Region('upper', 'left')), str(Region('center', 'center')), str(Region(None, 'right'))
        ('upper-left', 'center', 'right')
    """

    vertical: str | None
    horizontal: str | None

    def __str__(self) -> str:
        if self.vertical == self.horizontal:
            return self.vertical or 'none'
        if 'center' in (self.vertical, self.horizontal) and None in (self.vertical, self.horizontal):
            return f'{"vertical" if self.vertical else "horizontal"} center'
        return '-'.join(name for name in (self.vertical, self.horizontal) if name)


@dataclass(frozen=True)
class Reading:
    """What a description claims.

    Args:
        regions: Where it puts targets, in its own order, each once.
        count: How many targets it counts; None if it does not say.
        spread: Whether it says that targets are spread out, so that the regions are not meant as all of them.
        coordinates: Whether it cites coordinates, pixel positions or boxes.
    """

    regions: tuple[Region, ...]
    count: Count | None
    spread: bool
    coordinates: bool


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FRAMES = _set('field fov frame image imagery photo photograph picture scene screen view')
_PLACES = _set('''
    area areas background border boundary corner corners edge end extremity foreground half halves hand hemisphere
    limit line margin part parts periphery point portion portions position quadrant quadrants quarter region regions
    section sections sector side sides third thirds zone''')
_SUBJECTS = _set('''
    target targets object objects spot spots dot dots speck blob signature signatures hotspot aircraft airplane plane
    planes helicopter drone drones uav missile bird birds ship ships vessel vessels boat boats vehicle vehicles car it
    they them one ones both another other others first second third fourth largest smallest brightest two three
    four five six seven eight nine ten''')
_SEPARATORS = _set('''
    one two three four five six seven eight nine ten eleven twelve another other others first second third fourth
    fifth largest smallest rest''')
_STOPS = _set('''
    a about above across against along amid among amongst and any are around as at because before behind below beneath
    beside besides between but by contains displays during for from has holds hosts if in including into is it lies
    near next of off on onto or over past shows since sits so slightly than that the there through throughout to
    toward towards under underneath until upon was were when where which while with within without appears just
    very quite relatively close adjacent surrounded''')
_NEGATORS = _set('no not never without neither nor none nothing cannot except unlike')
_MILD = _set('far only just quite exactly necessarily doubt')
_HOLDERS = _set('contains contain has have holds hold shows show is are remains remain appears appear includes')
_EMPTY = _set('no nothing empty free devoid none without not')
_NEAR = _set('near close toward towards')
_SIDES = ('vertical', 'horizontal')
_MOTION = _set('''
    moving moves moved heading headed heads facing faces pointing points traveling travelling travels drifting
    flying flies going oriented''')
_SIZE = re.compile(r'[\s\d×*-]+')
"""Around and within the size of an image, '512x512' or '512 × 512-pixel', whose letters are words."""
_SPREAD = re.compile(
    r'\b(?:spread|scattered|distributed|dispersed)\b[^.;]*?\b(?:over|across|throughout|around|about)\b', re.IGNORECASE)


def read_description_text(text: str) -> Reading:
    """Read all that a description claims.

    Example:
        >>> reading = read_description_text('Two targets: one at the top left, one near (12, 80).')
        >>> [str(region) for region in reading.regions], reading.count.low, reading.coordinates
        (['upper-left'], 2, True)
    """
    regions = read_regions(text)
    return Reading(regions, count_said(text), bool(_SPREAD.search(text)), cites_coordinates(text))


def read_regions(text: str) -> tuple[Region, ...]:
    """The regions of the image that a description puts targets in, in its order, each once.

    Read are upper/lower/top/bottom, left/right, compass points, center/middle and their compounds. Not read are words
    in another sense ("right at the horizon"), places relative to something in the scene ("to the left of the
    tree line", "the upper clouds"), denied ones ("no target in the left half"), directions of motion, and sentences
    without a target where others have one. "Left of center" is ``center-left``, and what is said nearby of one axis
    is joined with what is said of the other ("on the left, near the top").

    Note:
        A reading by words, not by grammar. A landmark's own place in the same clause as the target's ("in the center,
        with clouds at the top") is read as a place of the target.

    Example:
        >>> [str(region) for region in read_regions('In the upper-left quadrant, right above the roof of the house.')]
        ['upper-left']
        >>> read_regions('It is to the left of the tree line.')
        ()
    """
    words = Words(normalise(text))
    found: list[tuple[bool, Region]] = []
    for start, end in segments(words):
        mentions = _kept(words, list(find_mentions(words, start, end)), start, end)
        about_target = any(words.lower(i) in _SUBJECTS for i in range(start, end))
        found += [(about_target, Region(mention.vertical, mention.horizontal)) for mention in _joined(words, mentions)]
    of_targets = [region for about_target, region in found if about_target]
    return tuple(dict.fromkeys(of_targets or [region for _, region in found]))


def _kept(words: Words, mentions: list[Mention], start: int, end: int) -> list[Mention]:
    """Those that are places of the image and not denied."""
    kept: list[Mention] = []
    for mention in reversed(mentions):
        following = kept[0] if kept else None
        if _is_of_image(words, mention, following, end) and not _is_denied(words, mention, start, end) \
                and not _is_other(words, mention):
            kept.insert(0, mention)
    return kept


def _is_of_image(words: Words, mention: Mention, following: Mention | None, end: int) -> bool:
    """Whether the place is one of the image, not of a thing in it ('left of the mast', 'the upper cloud')."""
    i, place = mention.end, mention.end - mention.start > 1 and not mention.weak
    for k in range(i, min(i + 4, end)):
        word = words.lower(k)
        if not _adjoins(words, k) or (word in _STOPS and word != 'of'):
            return place or k == i
        if word == 'of':
            return _is_whole(words, k + 1, following)
        if word in _SUBJECTS or word in _FRAMES:
            return True
        place = place or word in _PLACES or names_place(words, k)
        if word in _PLACES and words.lower(k + 1) != 'of':
            return True
    return place or i >= end


def _is_whole(words: Words, i: int, following: Mention | None) -> bool:
    """Whether the noun that begins at ``i`` is the image, or a place in it that is kept."""
    for k in range(i, min(i + 5, len(words))):
        if k > i and not _adjoins(words, k) and not _SIZE.fullmatch(words.gap(k)):
            return False
        word = words.lower(k)
        if following and following.start == k:
            return True
        if word in _FRAMES:
            return True
        if word in _STOPS and word not in ARTICLES:
            return False
    return False


def _is_denied(words: Words, mention: Mention, start: int, end: int) -> bool:
    """Whether the clause says that there is nothing."""
    for i in range(mention.start - 1, start - 2, -1):
        if i < start or ',' in words.gap(i + 1) or ':' in words.gap(i + 1) or words.lower(i) == 'and':
            break
        word = words.lower(i)
        if (word in _NEGATORS or word.endswith(("n't", 'n’t'))) and words.lower(i + 1) not in _MILD:
            return True
        if (word, words.lower(i + 1)) in (('rather', 'than'), ('instead', 'of'), ('away', 'from'), ('opposite', 'to')):
            return True
    clause = range(max(i, start), mention.start)
    if any(words.lower(k) in _SUBJECTS for k in clause):
        return False
    for k in range(mention.end, min(mention.end + 6, end - 1)):
        if ',' in words.gap(k):
            return False
        if words.lower(k) in _HOLDERS and words.lower(k + 1) in _EMPTY:
            return True
    return False


def _is_other(words: Words, mention: Mention) -> bool:
    """Whether the words say where something goes ('moving left', 'from left to right'), or which target is meant
    ('the leftmost target')."""
    i = mention.start - 1
    if words.lower(mention.start).endswith('most') and words.lower(mention.end) in _SUBJECTS:
        return True
    if words.lower(i) == 'from' and words.lower(mention.end) == 'to':
        return True
    if words.lower(i) == 'to' and 'from' in (words.lower(i - 1), words.lower(i - 2), words.lower(i - 3)):
        return True
    while words.lower(i) in ('to', 'toward', 'towards', 'the'):
        i -= 1
    return words.lower(i) in _MOTION


def _joined(words: Words, mentions: list[Mention]) -> list[Mention]:
    """Neighbours that speak of different axes, as one place ('on the left, near the top').

    A place that is only near another ('on the right, close to the upper corner') adds what it does not contradict.
    """
    joined: list[Mention] = []
    for mention in mentions:
        if joined and _join(words, joined[-1], mention):
            continue
        near = {words.lower(i) for i in range(mention.start - 3, mention.start)} & _NEAR
        if not (near and joined and not _apart(words, joined[-1], mention)):
            joined.append(mention)
    return joined


def _join(words: Words, first: Mention, second: Mention) -> bool:
    between = {words.lower(i) for i in range(first.end, second.start)}
    central = len(first.weak) == 2 or len(second.weak) == 2
    if _apart(words, first, second) or (central and between & {'and', 'or'}):
        return False
    if len(first.weak) == 2 and not second.weak and second.vertical and second.horizontal:
        return False
    said: dict[str, str] = {}
    for side in _SIDES:
        values = {getattr(mention, side) for mention in (first, second) if side not in mention.weak} - {None}
        if len(values) > 1:
            return False
        if values:
            said[side] = values.pop()
    for side in _SIDES:
        setattr(first, side, said.get(side) or getattr(first, side) or getattr(second, side))
    first.weak, first.end = {side for side in _SIDES if getattr(first, side)} - set(said), second.end
    return True


def _apart(words: Words, first: Mention, second: Mention) -> bool:
    """Whether the places are said of different targets ('one on the left, two at the top')."""
    between = {words.lower(i) for i in range(first.end, second.start)}
    return bool(between & _SEPARATORS) or any(
        char.isdigit() for i in range(first.end, second.start + 1) for char in words.gap(i))


def _adjoins(words: Words, i: int) -> bool:
    return bool(words.gap(i)) and words.gap(i).strip() in ('', '-', '/')
