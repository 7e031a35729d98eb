"""Split lists: finding them, reading them and saying which one a split's name means.

Loads neither torch nor mmengine.
"""

import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from irstd_toolbox.datasets.catalog import Card, find_card
from irstd_toolbox.datasets.imaging import IMAGE_SUFFIXES
from irstd_toolbox.errors import DataError

__all__ = ['LIST_FOLDERS', 'Split', 'card_of_lists', 'clean_line', 'default_lists', 'find_lists', 'read_list']

LIST_FOLDERS = (r'idx_\d+', r'idx_\d+\+\d+', 'img_idx', r'\d+_\d+', 'splits', 'real|simulation', r'\.')
"""Folders that hold lists, the data set's own folder last; the first that is there gives the unqualified names."""

_BASES = ('trainvaltest', 'trainval', 'train', 'val', 'test')
_LIST = re.compile(rf'({"|".join(_BASES)})(?:_(.+))?', re.IGNORECASE)


@dataclass(frozen=True)
class Split:
    """The ids of one split and where they come from.

    Args:
        name: What was asked for.
        ids: Without extension, in the order of the list.
        source: The list's path, or the folder that was listed.
        note: What a reader should know, for example that another list stands in; may be empty.
    """

    name: str
    ids: tuple[str, ...]
    source: str
    note: str = ''

    def describe(self) -> str:
        """One line: name, count, source and note."""
        return f'{self.name}: {len(self.ids)} images from {self.source}' + (f' ({self.note})' if self.note else '')


def read_list(path: Path, known: Container[str] = ()) -> tuple[str, ...]:
    """Read a split list: one id a line.

    CRLF, a byte order mark, blank lines, a missing last line break, an image's extension, a leading slash and a
    leading ``images/`` are all taken off. An id that is listed twice counts once, with a warning.

    Args:
        path: The file.
        known: Ids of the data set: a line that is one stays as it is (``f0.jpg`` of ``f0.jpg.png``).

    Raises:
        DataError: If the file is missing, is not text, or names nothing.
    """
    try:
        text = Path(path).read_bytes().decode('utf-8-sig')
    except FileNotFoundError:
        raise DataError(f'{path}: no such split list. Give one id a line, for example XDU0.') from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path}: not a readable UTF-8 text file ({error}). Save it as plain text, one id a line.') \
            from error
    ids = [clean_line(line, known) for line in text.splitlines() if line.strip()]
    if not ids:
        raise DataError(f'{path}: the split list is empty. Give one id a line, for example XDU0.')
    twice = [image_id for image_id, count in Counter(ids).items() if count > 1]
    if twice:
        warnings.warn(f'{path}: {len(twice)} ids are listed more than once and count once, the first being '
                      f'{twice[0]!r}.', stacklevel=2)
    return tuple(dict.fromkeys(ids))


def clean_line(line: str, known: Container[str] = ()) -> str:
    """The id on a line of a list: without surrounding blanks, leading slash, ``images/`` and image extension; composed.

    What is one of ``known`` before all of them are off is an id.

    Example:
        >>> clean_line(' /images/44/1(814).bmp ')
        '44/1(814)'
    """
    text = unicodedata.normalize('NFC', line.strip().replace('\\', '/'))
    text = re.sub(r'^(\./|/)+', '', text)
    inner = re.sub(r'^images/', '', text)
    stem, dot, suffix = inner.rpartition('.')
    short = stem if dot and f'.{suffix.lower()}' in IMAGE_SUFFIXES else inner
    return next((one for one in (text, inner) if one in known), short)


def find_lists(root: Path) -> dict[str, dict[str, Path]]:
    """The lists below ``root``: folder (``'.'`` is ``root``) to stem to file, the preferred folder first.

    Of several folders of one kind (``idx_427``, ``idx_320``) the one of the largest number comes first. Case does not
    matter: the stem of ``Train.txt`` is ``train``.
    """
    names = sorted(['.', *(entry.name for entry in root.iterdir() if entry.is_dir())], key=_number, reverse=True)
    found = {}
    for pattern in LIST_FOLDERS:
        for name in (name for name in names if re.fullmatch(pattern, name, re.IGNORECASE)):
            lists = {_plain(path.stem): path for path in sorted((root / name).iterdir())
                     if path.suffix.lower() == '.txt' and _LIST.fullmatch(path.stem)}
            if lists:
                found[name] = lists
    return found


def default_lists(lists: dict[str, Path], card: Card | None) -> dict[str, Path]:
    """What ``train``, ``val``, ``test``... mean in one folder of lists.

    ``test`` is ``test.txt``; else ``test_NAME.txt`` for a name of this data set; else the suffix that the data set's
    authors use for the whole of it; else the only ``test_*.txt`` there is. Otherwise it means nothing.
    """
    meaning = {}
    for base in _BASES:
        variants = {}
        for stem, path in lists.items():
            found, suffix = _LIST.fullmatch(stem).groups()
            if found == base:
                variants[suffix] = path
        own = [suffix for suffix in variants if suffix and card and card.is_called(suffix)]
        usual = [suffix for suffix in (card.lists if card else ()) if suffix in variants]
        for suffix in (*([None] if None in variants else []), *own, *usual, *(variants if len(variants) == 1 else ())):
            meaning[base] = variants[suffix]
            break
    return meaning


def card_of_lists(lists: dict[str, Path]) -> Card | None:
    """The data set that the lists' names tell (``test_NUDT-SIRST.txt``), if they tell exactly one."""
    cards = {find_card(_LIST.fullmatch(stem).group(2)) for stem in lists} - {None}
    return cards.pop() if len(cards) == 1 else None


def _plain(stem: str) -> str:
    base = _LIST.fullmatch(stem).group(1)
    return base.lower() + stem[len(base):]


def _number(name: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r'\d+', name)))
