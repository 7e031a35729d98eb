"""A plan, the source, wheels, data and the states of earlier slots, packed for the next slot."""

import io
import json
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.evaluation.files import write_atomically
from irstd_toolbox.slots import states
from irstd_toolbox.slots.boxes import Item, write_boxes
from irstd_toolbox.slots.data import pack_data
from irstd_toolbox.slots.plan import Run, read_plan

__all__ = ['Packed', 'kept_place', 'pack', 'read_note', 'write_note']

_FOLDERS = ('irstd_toolbox', 'tools', 'configs', 'plugins')
NOTE = 'run.json'


class Packed:
    """What was packed.

    Args:
        boxes: The folders to carry.
        items: What they hold.
        finished: Names of runs that need no slot any more.
    """

    def __init__(self, boxes: list[Path], items: list[Item], finished: list[str]) -> None:
        self.boxes, self.items, self.finished = boxes, items, finished


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
        ConfigError: If the plan is wrong, everything is finished, or the boxes do not hold it all.
        DataError: If a data set cannot be read.
    """
    plan = read_plan(plan_file, source)
    finished = [run.name for run in plan.runs if states.is_tested(results / run.name)]
    left = tuple(run for run in plan.runs if run.name not in finished)
    if not left:
        raise ConfigError(f'every run of {plan_file} is finished in {results}; there is nothing to pack.')
    plan = replace(plan, runs=left)
    items = [Item('plan.json', 'plan', json.dumps(plan.to_json()).encode()),
             Item('source.zip', 'source', _source(source))]
    items += [Item(f'state_{run.name}.zip', 'state', data) for run in left for data in [_state(results, run)] if data]
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
        if read_note(results / run.name) is None:
            write_note(results / run.name, dict(status='waiting', epoch=0, epochs=run.epochs, slots=[]))
    return Packed(boxes, items, finished)


def read_note(folder: Path) -> dict | None:
    """What is known of a run in the results; None if nothing is."""
    path = folder / NOTE
    return json.loads(path.read_text()) if path.is_file() else None


def write_note(folder: Path, note: dict) -> None:
    """Keep what is known of a run."""
    write_atomically(folder / NOTE, json.dumps(note, indent=2).encode())


def kept_place(results: Path, name: str) -> Path:
    """Where a folder that every slot takes along lies between two slots, as an archive."""
    return results / '.keep' / f'{name}.zip'


def _state(results: Path, run: Run) -> bytes | None:
    """What an unfinished run goes on from."""
    folder = results / run.name
    if not folder.is_dir():
        return None
    files = [*states.checkpoints(folder, run), *states.records(folder)]
    return states.archive(folder, files) if states.epoch_of(folder) or states.is_trained(folder) else None


def _source(source: Path) -> bytes:
    """The code; published weights, larger than all of it, are carried by ``files`` of a plan where they are wanted."""
    files = [path for name in _FOLDERS for path in sorted((source / name).rglob('*'))
             if path.is_file() and path.suffix != '.safetensors' and not {'__pycache__', 'work_dirs'} & set(path.parts)]
    return _zipped(files, source)


def _tree(place: Path) -> bytes:
    files = sorted(path for path in place.rglob('*') if path.is_file()) if place.is_dir() else [place]
    return _zipped(files, place if place.is_dir() else place.parent)


def _zipped(files: list[Path], root: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.writestr(zipfile.ZipInfo(path.relative_to(root).as_posix()), path.read_bytes(),
                             zipfile.ZIP_DEFLATED, 9)
    return stream.getvalue()

