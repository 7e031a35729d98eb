"""What came back from slots, checked and merged into one folder of results."""

import hashlib
import io
import json
import re
import struct
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.files import write_atomically
from irstd_toolbox.slots import states
from irstd_toolbox.slots.gathering import INDEX, KEPT
from irstd_toolbox.slots.packing import is_note, kept_place, read_note, write_note
from irstd_toolbox.slots.plan import is_name

__all__ = ['status_of', 'unpack']

_PART = re.compile(r'slot_(\d+)\.part(\d+)of(\d+)')
_LEVELS = (None, states.SMALL_LEVEL, states.WHOLE_LEVEL)
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)
"""What an archive with changed bytes raises, wherever they are."""


def unpack(came_back: Path, results: Path) -> dict[str, dict[str, Any]]:
    """Merge what a slot has given back; unpacking it again changes nothing.

    Args:
        came_back: The folder with the files ``slot_N.partIofK``.
        results: Gets a folder a run, which is a work folder of ``tools/train.py`` with ``test/`` and ``run.json``.

    Returns:
        Run to what is known of it now.

    Raises:
        DataError: If there is no complete gathering, or one was changed on its way.
    """
    joined = _joined(came_back)
    try:
        archive = zipfile.ZipFile(io.BytesIO(joined))
        about = json.loads(archive.read(INDEX))
        if not _is_index(about):
            raise ValueError
    except KeyError:
        raise DataError(f'{came_back}: the files are no gathering of a slot; they lack {INDEX}.') from None
    except _DAMAGED:
        raise DataError(f'{came_back}: {INDEX} was changed on its way. Fetch the files again.') from None
    kinds: dict[str, dict[str, bytes]] = defaultdict(dict)
    for name, content in about['contents'].items():
        try:
            data = archive.read(name)
        except (KeyError, *_DAMAGED):
            data = b''
        if hashlib.sha256(data).hexdigest() != content['sha256']:
            raise DataError(f'{came_back}: {name} was changed on its way. Fetch the files again.')
        kinds[content['run']][content['kind']] = data
    kept = kinds.pop(KEPT, {})
    strange = [name for name in (*about['runs'], *kept) if not is_name(name)]
    if strange:
        raise DataError(f'{came_back}: {strange[0]!r} is no name of a run or a folder, and would be written elsewhere; '
                        'nothing is taken.')
    for name, content in kept.items():
        write_atomically(kept_place(results, name), content)
    for run, note in about['runs'].items():
        _merge(results / run, note, kinds[run], about['slot'])
    return {run: read_note(results / run) for run in about['runs']}


def status_of(results: Path) -> dict[str, dict[str, Any]]:
    """What is known of every run in a folder of results."""
    notes = {folder.name: read_note(folder) for folder in sorted(results.iterdir()) if folder.is_dir()} \
        if results.is_dir() else {}
    return {run: note for run, note in notes.items() if note is not None}


def _is_index(about: Any) -> bool:
    """Whether a value is the list of contents of a gathering."""
    parts = [about.get(key) for key in ('contents', 'runs')] if isinstance(about, dict) else [None]
    return all(isinstance(part, dict) for part in parts) and isinstance(about.get('slot'), str) and all(
        map(is_note, about['runs'].values())) and all(
        isinstance(one, dict) and all(isinstance(one.get(key), str) for key in ('run', 'kind', 'sha256'))
        for one in about['contents'].values())


def _merge(folder: Path, note: dict, kinds: dict[str, bytes], slot: str) -> None:
    known = read_note(folder) or dict(status='waiting', epoch=0, epochs=note['epochs'], slots=[])
    level = next((kind for kind in (states.WHOLE_LEVEL, states.SMALL_LEVEL) if kind in kinds), None)
    newer = (note['epoch'], _rank(note)) >= (known['epoch'], _rank(known))
    newer = newer and (level is not None or note['status'] != 'trained')  # trained, and its weights are lost
    merged = dict(known, **note) if newer else dict(known)
    better = newer and level is not None and _better(folder, known, note, level, kinds)
    if better:
        states.remove_checkpoints(folder)
        _extract(kinds[level], folder)
        merged['state'] = level
    elif newer and note['status'] != 'finished' and not states.is_trained(folder):
        merged['epoch'] = min(note['epoch'], states.epoch_of(folder))  # nothing of its later epochs came back
    if newer:
        _extract(kinds.get('records'), folder, lambda name: better or name != states.TRAINED)
        _extract(kinds.get('predictions'), folder)
        if note['status'] != 'failed':
            merged.pop('error', None)
    elif note['epoch'] == known['epoch']:
        _extract(kinds.get('records'), folder, lambda name: name.startswith('logs/'))
        if 'error' in note and known['status'] != 'finished' and slot >= max(known.get('slots', ()), default=''):
            merged['error'] = note['error']  # a test failed in a later slot than that of the training
    merged['slots'] = list(dict.fromkeys([*known.get('slots', []), slot]))
    write_note(folder, merged)


def _rank(note: dict) -> int:
    return {'trained': 1, 'finished': 2}.get(note['status'], 0)


def _better(folder: Path, known: dict, note: dict, level: str, kinds: dict[str, bytes]) -> bool:
    """Whether weights that came back are of later epochs than those that are there, or not less whole."""
    trained = states.is_trained(folder)
    epoch = known['epoch'] if trained else states.epoch_of(folder)
    ended = 'records' in kinds and states.TRAINED in zipfile.ZipFile(io.BytesIO(kinds['records'])).namelist()
    later = (note['epoch'], ended) > (epoch, trained)
    return later or _LEVELS.index(level) >= _LEVELS.index(known.get('state'))


def _extract(data: bytes | None, folder: Path, wanted: Callable[[str], bool] = bool) -> None:
    if data is None:
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in filter(wanted, archive.namelist()):
            target = (folder / name).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise DataError(f'{name} would be written outside {folder}; nothing of it is taken.')
            write_atomically(target, archive.read(name))


def _joined(folder: Path) -> bytes:
    """The newest gathering that is complete."""
    found: dict[int, dict[int, Path]] = defaultdict(dict)
    wanted: dict[int, int] = {}
    places: set[Path] = set()
    for path in sorted(folder.rglob('slot_*.part*')):
        match = _PART.fullmatch(path.name)
        if match:
            generation, number, count = map(int, match.groups())
            found[generation][number], wanted[generation] = path, count
            places.add(path.parent)
    if len(places) > 1:
        raise DataError(f'{folder} holds what came back of {len(places)} slots, in '
                        f'{", ".join(map(str, sorted(places)))}. Unpack one after the other.')
    if not found:
        raise DataError(f'{folder} holds no files slot_N.partIofK. Give the folder that --out of the slot was.')
    for generation in sorted(found, reverse=True):
        parts = found[generation]
        if len(parts) == wanted[generation]:
            data = b''.join(parts[number].read_bytes() for number in sorted(parts))
            if zipfile.is_zipfile(io.BytesIO(data)):
                return data
    latest = max(found)
    raise DataError(f'{folder}: of gathering {latest} {len(found[latest])} of {wanted[latest]} parts are there and '
                    'whole. Fetch the others; the results are as they were.')
