"""Files of a folder to ids: which files are images, which mask and which description belong to which image.

Loads neither torch nor mmengine.
"""

import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from irstd_toolbox.datasets.imaging import IMAGE_SUFFIXES
from irstd_toolbox.errors import DataError

__all__ = [
    'DESCRIPTION_SUFFIXES', 'MASK_SUFFIXES', 'PROVENANCE', 'find_folder', 'has_images', 'in_natural_order',
    'index_descriptions', 'index_images', 'pair', 'walk']

MASK_SUFFIXES = ('', '_pixels0', '-pixels0', '_mask', '-mask', '_label', '_gt')
"""What may stand between a mask's id and its extension."""

DESCRIPTION_SUFFIXES = ('.description', '-description', '_description', '')
"""What may stand between a description's id and ``.txt``."""

PROVENANCE = 'provenance.json'
"""The record beside descriptions, as :mod:`irstd_toolbox.text_priors.store` writes it."""


def find_folder(root: Path, names: Iterable[str]) -> Path | None:
    """The first of ``names`` (``annotations/masks`` goes down two levels) below ``root``; case does not matter."""
    for name in names:
        place: Path | None = root
        for part in name.split('/'):
            place = _child(place, part)
            if place is None:
                break
        else:
            return place
    return None


def has_images(folder: Path) -> bool:
    """Whether there is an image in ``folder`` itself."""
    return any(path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.') for path in folder.iterdir())


def walk(folder: Path, nested: bool = True) -> Iterator[tuple[Path, list[str], list[str]]]:
    """``folder`` and every one below it: its path, the names of its hidden folders, those of its files.

    Hidden folders (``__MACOSX`` is one) are not gone into. Links to folders are followed, but not back into a folder
    that they lie in.

    Args:
        nested: Whether to go into sub-folders.

    Raises:
        DataError: If a folder cannot be listed.
    """
    for place, folders, files in os.walk(folder, onerror=_refuse, followlinks=True):
        folders[:] = [name for name in folders if not _leads_back(Path(place, name))]
        hidden = [name for name in folders if name == '__MACOSX' or name.startswith('.')]
        folders[:] = sorted(set(folders) - set(hidden)) if nested else []
        yield Path(place), hidden, sorted(files)


def index_images(folder: Path, nested: bool = True) -> tuple[dict[str, Path], Counter]:
    """Every image below ``folder`` by id, and how many other files were passed over, by kind.

    An id is the path below ``folder`` without extension, with ``/`` between folders and letters composed (NFC), which
    archives made on a Mac have in parts. Hidden files (``._Misc_1.png``)
    and ``__MACOSX`` are never images. Folders are gone through as :func:`walk` does.

    Args:
        nested: Whether to go into sub-folders.

    Raises:
        DataError: If the folder cannot be listed, a name is no text, or two files have one id.
    """
    found: dict[str, Path] = {}
    ignored: Counter = Counter()
    for place, hidden, files in walk(folder, nested):
        ignored.update(f'{name}/' for name in hidden)
        for name in files:
            path = place / name
            if name.startswith('.'):
                ignored['hidden files'] += 1
            elif path.suffix.lower() not in IMAGE_SUFFIXES:
                ignored[path.suffix or 'files without extension'] += 1
            else:
                image_id = unicodedata.normalize('NFC', path.relative_to(folder).with_suffix('').as_posix())
                if any('\udc80' <= letter <= '\udcff' for letter in image_id):  # bytes that are no letter
                    raise DataError(f'{os.fsencode(path)!r}: the name is no text in {sys.getfilesystemencoding()}, so '
                                    'that no list or record can hold it; unpacked archives have such. Rename it.')
                if image_id in found:
                    raise DataError(f'{found[image_id]} and {path.name}: two files for one image id {image_id!r}. '
                                    'Keep one of them.')
                found[image_id] = path
    return in_natural_order(found), ignored


def pair(ids: Iterable[str], candidates: Mapping[str, Path], suffixes: Iterable[str]) -> tuple[dict[str, Path], str]:
    """Give every id its file among ``candidates`` (by stem), where there is one.

    Where the names of two files fit one id, the suffix that fits more ids of the folder wins.

    Returns:
        Id to file, and the suffix of most.
    """
    ids = list(ids)
    counts = Counter({suffix: sum(image_id + suffix in candidates for image_id in ids) for suffix in suffixes})
    order = [suffix for suffix, count in counts.most_common() if count]
    files = {
        image_id: candidates[image_id + suffix]
        for image_id in ids
        for suffix in [next((suffix for suffix in order if image_id + suffix in candidates), None)]
        if suffix is not None}
    return files, order[0] if order else ''


def index_descriptions(folder: Path) -> dict[str, Path]:
    """Every ``.txt`` below ``folder`` by its path without that extension, found and composed as images are."""
    return {
        unicodedata.normalize('NFC', (place / name).relative_to(folder).as_posix()[:-len('.txt')]): place / name
        for place, _, files in walk(folder) for name in files if name.endswith('.txt') and not name.startswith('.')}


def in_natural_order(items: Mapping[str, Path]) -> dict[str, Path]:
    """Sorted so that ``Misc_2`` comes before ``Misc_10``.

    Example:
        >>> list(in_natural_order({'Misc_10': Path('b'), 'Misc_2': Path('a')}))
        ['Misc_2', 'Misc_10']
    """
    def key(image_id: str) -> tuple:
        parts = re.split(r'(\d+)', image_id)
        return [(int(part), '') if part.isdigit() and part.isascii() else (-1, part) for part in parts], image_id
    return {image_id: items[image_id] for image_id in sorted(items, key=key)}


def _leads_back(folder: Path) -> bool:
    return folder.is_symlink() and folder.resolve() in {above.resolve() for above in folder.parents}


def _child(folder: Path, name: str) -> Path | None:
    exact = folder / name
    if exact.is_dir():
        return exact
    return next((entry for entry in sorted(folder.iterdir()) if entry.name.lower() == name.lower() and entry.is_dir()),
                None)


def _refuse(error: OSError) -> None:
    raise DataError(f'{error.filename}: the folder cannot be listed ({error.strerror}). Check that it is there and '
                    'may be read.') from error
