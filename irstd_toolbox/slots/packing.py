"""A plan, the source, wheels, data and the states of earlier slots, packed for the next slot."""

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from irstd_toolbox.errors import CheckpointError, ConfigError, DataError
from irstd_toolbox.evaluation.differences import differences
from irstd_toolbox.evaluation.files import write_atomically
from irstd_toolbox.slots import states
from irstd_toolbox.slots.boxes import Item, write_boxes
from irstd_toolbox.slots.data import pack_data
from irstd_toolbox.slots.plan import SOURCE, Run, read_plan

__all__ = ['Packed', 'is_note', 'kept_place', 'pack', 'read_note', 'write_note']

NOTE = 'run.json'
_RUN = ('config', 'options', 'seed', 'epochs', 'train', 'test', 'checkpoint')
"""What of a run its results depend on; kept in its note."""


class Packed:
    """What was packed.

    Args:
        boxes: The folders to carry.
        items: What they hold.
        finished: Names of runs that need no slot any more.
        lost: Name to reason of runs that were left out, as what they would go on from is not there.
    """

    def __init__(self, boxes: list[Path], items: list[Item], finished: list[str], lost: dict[str, str]) -> None:
        self.boxes, self.items, self.finished, self.lost = boxes, items, finished, lost


def pack(plan_file: str | Path, results: Path, out: Path, *, source: Path, wheels: Path | None = None,
         limit_mib: float = 60.0, most: int = 1, watch: Callable[[Iterable], Iterable] = iter) -> Packed:
    """Write the boxes of the next slot.

    Args:
        plan_file: See :func:`.plan.read_plan`.
        results: Where earlier slots' results were unpacked; runs that are finished there are left out, others go on
            from their state. Runs that are new are noted there.
        out: Where the boxes go.
        source: The folder with ``irstd_toolbox``, ``tools`` and ``configs``.
        wheels: A folder of wheels to install.
        limit_mib: MiB of a box.
        most: How many boxes there may be.
        watch: Wraps the files of a data set as they are packed.

    Raises:
        ConfigError: If the plan is wrong, differs from that of the results, everything is finished, or the boxes do
            not hold it all.
        DataError: If a data set or what is known of a run cannot be read.
    """
    if not 0 < limit_mib < math.inf:
        raise ConfigError(f'--limit is {limit_mib}; a finite number of MiB above 0 is expected.')
    plan = read_plan(plan_file, source)
    _check_same(plan.runs, results, plan_file)
    finished = [run.name for run in plan.runs if states.is_tested(results / run.name)]
    carried, lost = _states([run for run in plan.runs if run.name not in finished], results)
    left = tuple(run for run in plan.runs if run.name not in (*finished, *lost))
    if not left:
        raise ConfigError('; '.join(lost.values()) or
                          f'every run of {plan_file} is finished in {results}; there is nothing to pack.')
    plan = replace(plan, runs=left)
    items = [Item('plan.json', 'plan', json.dumps(plan.to_json()).encode()),
             Item('source.zip', 'source', _source(source, {run.start for run in left}))]
    items += [Item(f'state_{name}.zip', 'state', data) for name, data in carried.items()]
    items += [Item(path.name, 'wheel', path.read_bytes()) for path in sorted(wheels.glob('*.whl'))] if wheels else []
    if wheels and not any(item.kind == 'wheel' for item in items):
        raise ConfigError(f'{wheels} holds no wheel (*.whl).')
    items += [Item(f'files_{name}.zip', 'files', _tree(Path(place).expanduser())) for name, place in plan.files.items()]
    items += [Item(f'keep_{name}.zip', 'keep', path.read_bytes()) for name in plan.keep
              for path in [kept_place(results, name)] if path.is_file()]
    items += [Item(f'data_{name}.zip', 'data', pack_data(Path(place).expanduser(), watch))
              for name, place in plan.data.items()]
    boxes = write_boxes(items, out, limit_mib, most, Path(__file__).with_name('start.py'))
    for run in left:
        known = read_note(results / run.name) or dict(status='waiting', epoch=0, epochs=run.epochs, slots=[])
        write_note(results / run.name, dict(known, run=_told(run)))
    return Packed(boxes, items, finished, lost)


def read_note(folder: Path) -> dict | None:
    """What is known of a run in the results; None if nothing is.

    Raises:
        DataError: If the note is damaged.
    """
    path = folder / NOTE
    if not path.is_file():
        return None
    try:
        note = json.loads(path.read_text(encoding='utf-8'))
    except ValueError:
        note = None
    if not is_note(note):
        raise DataError(f'{path} is damaged: an object with status (a text), epoch and epochs (whole numbers) is '
                        'expected, and slots, a list. Remove it, and unpack again what came back last.')
    return note


def is_note(note: Any) -> bool:
    """Whether a value is what is known of a run."""
    kinds = dict(status=str, epoch=int, epochs=int, slots=list, run=dict)
    return isinstance(note, dict) and {'status', 'epoch', 'epochs'} <= set(note) and all(
        isinstance(note[key], kind) for key, kind in kinds.items() if key in note)


def write_note(folder: Path, note: dict) -> None:
    """Keep what is known of a run."""
    write_atomically(folder / NOTE, json.dumps(note, indent=2).encode())


def kept_place(results: Path, name: str) -> Path:
    """Where a folder that every slot takes along lies between two slots, as an archive."""
    return results / '.keep' / f'{name}.zip'


def _told(run: Run) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key in _RUN for value in [getattr(run, key)]}


def _check_same(runs: Iterable[Run], results: Path, plan_file: str | Path) -> None:
    """Refuse a plan that means another run by a name of the results; older results do not say what theirs were."""
    changed = []
    for run in runs:
        note = read_note(results / run.name) or {}
        found = differences(note.get('run', _told(run)), _told(run))
        if found:
            changed.append(f'{results / run.name} is of another run than {run.name} is here ({"; ".join(found)})')
    if changed:
        raise ConfigError(f'{plan_file}: {"; ".join(changed)}. Give it another name, or remove the folder to train '
                          'anew.')


def _states(runs: Iterable[Run], results: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """Run to what it goes on from, where there is anything; and run to why it cannot go on."""
    carried, lost = {}, {}
    for run in runs:
        try:
            state = _state(results, run)
        except CheckpointError as error:
            lost[run.name] = f'{error} Remove {results / run.name} to train it anew.'
            continue
        if state:
            carried[run.name] = state
    return carried, lost


def _state(results: Path, run: Run) -> bytes | None:
    """What an unfinished run goes on from."""
    folder = results / run.name
    if not folder.is_dir():
        return None
    files = [*states.checkpoints(folder, run), *states.records(folder)]
    return states.archive(folder, files) if states.epoch_of(folder) or states.is_trained(folder) else None


def _source(source: Path, starts: Set[str | None]) -> bytes:
    """The code, and of published weights, larger than all of it, those that a run begins with."""
    found = {path: path.relative_to(source) for name in SOURCE for path in sorted((source / name).rglob('*'))}
    files = [path for path, own in found.items()
             if path.is_file() and (path.suffix != '.safetensors' or own.as_posix() in starts)
             and not {'__pycache__', 'work_dirs'} & set(own.parts)]
    return _zipped(files, source)


def _tree(place: Path) -> bytes:
    files = sorted(path for path in place.rglob('*') if path.is_file()) if place.is_dir() else [place]
    linked = [path for path in place.rglob('*') if path.is_symlink() and path.is_dir()]
    if linked:
        raise ConfigError(f'{linked[0]} is a link to a folder, whose files would not go along. Put a copy '
                          'in its place.')
    return _zipped(files, place if place.is_dir() else place.parent)


def _zipped(files: list[Path], root: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.writestr(zipfile.ZipInfo(path.relative_to(root).as_posix()), path.read_bytes(),
                             zipfile.ZIP_DEFLATED, 9)
    return stream.getvalue()

