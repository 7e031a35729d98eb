"""Descriptions on disk: one small text file an image, and a record of who wrote them.

The folder ``descriptions/`` (or ``description/``) of a data set holds one file an image id, under any one of four
names; both of LangIR's two are among them. ``provenance.json`` beside them is the record.
"""

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from irstd_toolbox.errors import ConfigError, DataError

__all__ = [
    'FOLDERS', 'PROVENANCE', 'SUFFIXES', 'check_image_id', 'check_suffix', 'clean_text', 'find_description',
    'find_folder', 'joint_origin', 'plain_hyphens', 'read_description', 'read_provenance', 'write_description',
    'write_provenance']

SUFFIXES = ('.description.txt', '-description.txt', '_description.txt', '.txt')
"""What follows the image id in a description's file name."""

FOLDERS = ('descriptions', 'description')
"""Where a data set keeps them."""

PROVENANCE = 'provenance.json'

_Folder = str | os.PathLike
_HYPHEN = re.compile(r'(?<=[^\W\d_])[\u2010\u2011\u2013](?=[^\W\d_])')


def find_folder(root: _Folder) -> Path | None:
    """The folder of descriptions of the data set at ``root``, or None.

    Raises:
        DataError: If both spellings exist.
    """
    found = [Path(root, name) for name in FOLDERS if Path(root, name).is_dir()]
    if len(found) > 1:
        raise DataError(f'{root} holds both {FOLDERS[0]}/ and {FOLDERS[1]}/; expected one of them. Remove or rename '
                        'one, or say which one is meant.')
    return found[0] if found else None


def check_image_id(image_id: str) -> str:
    """``image_id`` itself, if a path made from it stays below the folder that it is put in.

    An id is a file name without its suffix; where a data set's images lie in folders, those come before it with '/'.

    Raises:
        DataError: If a part is empty, '.' or '..', begins or ends with white space, or holds a backslash, a colon or a
            control character.

    Example:
        >>> check_image_id('Misc_1'), check_image_id('44/1(814)')
        ('Misc_1', '44/1(814)')
    """
    parts = image_id.split('/')
    if any(part != part.strip() or part in ('', '.', '..') for part in parts) or any(
            char in '\\:' or unicodedata.category(char)[0] == 'C' for char in image_id):
        raise DataError(f'{image_id!r} is not an image id; expected the name of an image without its suffix, below '
                        "the folder of images: no '..', backslash, colon, control character or white space at an end. "
                        'Rename the image.')
    return image_id


def check_suffix(suffix: str) -> str:
    """``suffix`` itself, if it is one of ``SUFFIXES``.

    Raises:
        ConfigError: If it is not.
    """
    if suffix not in SUFFIXES:
        raise ConfigError(f'suffix {suffix!r}; expected one of {", ".join(SUFFIXES)}.')
    return suffix


def clean_text(text: str) -> str:
    """One line, composed (NFC), without control, bidirectional, zero-width or unassigned characters; plain hyphens.

    Example:
        >>> clean_text('A target\\n in the\\tcenter.\\u202e ')
        'A target in the center.'
    """
    text = unicodedata.normalize('NFC', ' '.join(text.split()))
    return plain_hyphens(' '.join(''.join(char for char in text if unicodedata.category(char)[0] != 'C').split()))


def plain_hyphens(text: str) -> str:
    """The text with ``-`` for a typographic hyphen (U+2010, U+2011) or an en dash between two letters.

    Example:
        >>> plain_hyphens('upper\\u2011left, 3\\u20135 pixels')
        'upper-left, 3–5 pixels'
    """
    return _HYPHEN.sub('-', text)


def find_description(folder: _Folder, image_id: str) -> Path | None:
    """The file that holds the description of ``image_id``, or None.

    Raises:
        DataError: If there are two, or the id is not one.
    """
    check_image_id(image_id)
    ids = dict.fromkeys((image_id, unicodedata.normalize('NFD', image_id)))  # as archives made on a Mac have it
    found = [path for path in (Path(folder, one + suffix) for one in ids for suffix in SUFFIXES) if path.is_file()]
    if len(found) > 1:
        raise DataError(f'{image_id} has {len(found)} descriptions in {folder}: '
                        f'{", ".join(path.name for path in found)}; expected one. Remove the others.')
    return found[0] if found else None


def read_description(folder: _Folder, image_id: str) -> str | None:
    """The cleaned description of ``image_id``; None if there is none.

    Raises:
        DataError: If there are two, or the file is empty or not UTF-8.
    """
    path = find_description(folder, image_id)
    if path is None:
        return None
    try:
        text = clean_text(path.read_bytes().decode('utf-8-sig'))
    except UnicodeDecodeError as error:
        raise DataError(f'{path} is not UTF-8 text ({error.reason} at byte {error.start}). Save it as UTF-8.') from None
    except OSError as error:
        raise DataError(f'{path} cannot be read: {error.strerror}. Check its permissions.') from None
    if not text:
        raise DataError(f'{path} holds no text; expected one sentence. Write it, or remove the file.')
    return text


def write_description(
        folder: _Folder, image_id: str, text: str, suffix: str = SUFFIXES[0], overwrite: bool = False) -> Path:
    """Write the cleaned description of one image, whole or not at all.

    Args:
        suffix: One of ``SUFFIXES``. An existing description that is overwritten keeps the name that it has, so that
            there is never a moment with two.
        overwrite: Replace an existing description.

    Returns:
        The file written.

    Raises:
        ConfigError: If ``suffix`` is not one.
        DataError: If the text is no str or empty after cleaning, a description exists and ``overwrite`` is False, or
            the id is not one.
    """
    check_suffix(suffix)
    existing = find_description(folder, image_id)
    if existing and not overwrite:
        raise DataError(f'{existing} exists. Expected no description yet; ask for overwriting to replace it.')
    if not isinstance(text, str):
        raise DataError(f'{image_id}: the description is {text!r:.80}; expected a str. Nothing was written; mend the '
                        'provider that gave it.')
    text = clean_text(text)
    if not text:
        raise DataError(f'{image_id}: an empty description; expected one sentence. Nothing was written.')
    path = existing or Path(folder, image_id + suffix)
    _write(path, text + '\n')
    return path


def read_provenance(folder: _Folder) -> dict[str, Any] | None:
    """The record beside the descriptions; None if there is none.

    Raises:
        DataError: If the file is not a JSON object, or what it says of origins is of another kind.
    """
    path = Path(folder, PROVENANCE)
    try:
        record = json.loads(path.read_text('utf-8'))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f'{path} is damaged: {error}. Expected a JSON object; mend or remove the file.') from None
    if not isinstance(record, dict):
        raise DataError(f'{path} holds a JSON {type(record).__name__}; expected an object. Mend or remove the file.')
    runs = record.get('runs', [])
    if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
        raise DataError(f'{path}: runs is {runs!r:.80}; a list of objects is expected. Mend or remove the file.')
    for key in ('uses_ground_truth', 'leakage'):
        wrong = [one[key] for one in (record, *runs) if not isinstance(one.get(key), bool | None)]
        if wrong:
            raise DataError(f'{path}: {key} is {wrong[0]!r:.80}; true, false or null is expected. Mend or remove the '
                            'file.')
    return record


def joint_origin(origins: Iterable[bool | None]) -> bool | None:
    """Whether descriptions of several origins are from the ground truth: True if any are, None if that is not known.

    Example:
        >>> joint_origin([False, None, True]), joint_origin([False, None]), joint_origin([False]), joint_origin([])
        (True, None, False, False)
    """
    origins = set(origins)
    return True if True in origins else None if None in origins else False


def write_provenance(folder: _Folder, record: Mapping[str, Any]) -> Path:
    """Write the record beside the descriptions, whole or not at all."""
    path = Path(folder, PROVENANCE)
    _write(path, json.dumps(record, indent=2, ensure_ascii=False) + '\n')
    return path


def _write(path: Path, text: str) -> None:
    """Write through a hidden file in the same folder that then takes the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with open(hidden, 'w', encoding='utf-8', newline='\n') as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(hidden, path)
    finally:
        hidden.unlink(missing_ok=True)
