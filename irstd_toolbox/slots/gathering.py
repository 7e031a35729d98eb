"""What comes back from a slot: everything that fits, the most needed first, as few files of a bounded size."""

import errno
import hashlib
import io
import json
import os
import shutil
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.slots import states
from irstd_toolbox.slots.plan import Run

__all__ = ['Gatherer', 'Limits', 'choose']

MIB = 2**20
_FRAME = 65536
"""Bytes kept free for the list of contents."""
INDEX = 'bundle.json'
KEPT = '.keep'
"""Stands in the place of a run for folders that every slot takes along; no run can be named so."""


@dataclass(frozen=True)
class Limits:
    """What a slot takes back.

    Args:
        files: How many files.
        file_mib: Of how many MiB each.
        total_mib: Of how many MiB together.
    """

    files: int = 8
    file_mib: float = 16.0
    total_mib: float = 64.0

    @property
    def file_bytes(self) -> int:
        """Bytes of one file."""
        return int(self.file_mib * MIB)

    @property
    def room(self) -> int:
        """Bytes for contents."""
        return min(int(self.total_mib * MIB), self.files * self.file_bytes) - _FRAME

    def check(self) -> 'Limits':
        """Itself.

        Raises:
            ConfigError: If nothing fits.
        """
        if self.files < 1 or self.room < _FRAME:
            raise ConfigError(f'{self.files} files of {self.file_mib} MiB, {self.total_mib} MiB together, are too '
                              'little to bring anything back; give --files, --file-mib and --total-mib more.')
        return self


def choose(sizes: dict[str, dict[str, int | None]], room: int) -> dict[str, list[str]]:
    """Decide what comes back of each run.

    Records first, then of every run in turn the small checkpoints, then predictions, then folders that every slot takes
    along, then whole checkpoints in the place of the small ones.

    Args:
        sizes: Run, the most urgent first, to kind (``'records'``, ``'weights only'``, ``'predictions'``, ``'exact'``)
            to bytes, None where there is no such thing; and :data:`KEPT` to name to bytes.
        room: Bytes for all of it.

    Returns:
        Run to kinds, in that order.

    Example:
        >>> choose({'a': {'records': 1, 'weights only': 3, 'predictions': None, 'exact': 9}}, 10)
        {'a': ['records', 'exact']}
        >>> choose({'a': {'records': 1, 'weights only': 3, 'predictions': None, 'exact': 9}}, 9)
        {'a': ['records', 'weights only']}
    """
    chosen: dict[str, list[str]] = {run: [] for run in sizes}
    runs = {run: kinds for run, kinds in sizes.items() if run != KEPT}
    wanted = [(kind, run) for kind in ('records', states.SMALL_LEVEL, 'predictions') for run in runs]
    wanted += [(name, KEPT) for name in sizes.get(KEPT, {})] + [(states.WHOLE_LEVEL, run) for run in runs]
    for kind, run in wanted:
        cost = sizes[run].get(kind)
        if cost is None:
            continue
        replaced = kind == states.WHOLE_LEVEL and states.SMALL_LEVEL in chosen[run]
        saved = sizes[run][states.SMALL_LEVEL] if replaced else 0
        if cost - saved > room:
            continue
        room -= cost - saved
        if replaced:
            chosen[run].remove(states.SMALL_LEVEL)
        chosen[run].append(kind)
    return chosen


class Gatherer:
    """Keeps the files in ``out`` up to date with what the runs have done.

    Args:
        runs: The runs, the most urgent first.
        home: The slot's folder, with ``runs/`` and ``keep/``.
        out: Where the files go that come back.
        limits: How many and how large they may be.
        about: What else the list of contents says.

    Note:
        A gathering is written beside ``out`` and moved there, the new files first and the old ones away afterwards. A
        kill between those moves leaves more files than allowed for that moment, of which the newest complete gathering
        counts.
    """

    def __init__(self, runs: Sequence[Run], home: Path, out: Path, limits: Limits, about: dict[str, Any]) -> None:
        self.runs, self.home, self.out, self.limits, self.about = runs, home, out, limits.check(), about
        self.store = home / 'gathering'
        shutil.rmtree(self.store, ignore_errors=True)
        self.store.mkdir(parents=True)
        out.mkdir(parents=True, exist_ok=True)
        self.generation = max([_generation(path) for path in out.glob('slot_*.part*')], default=0)
        self.known: dict[str, tuple] = {}
        self.seen: tuple = ()

    def gather(self, status: dict[str, dict]) -> bool:
        """Bring ``out`` up to date; False if nothing has changed.

        Args:
            status: Run to what is known of it; goes into the list of contents.
        """
        sizes = {run.name: self._archives(run) for run in self.runs if (self.home / 'runs' / run.name).is_dir()}
        kept = {folder.name: self._archive(KEPT, folder.name, folder, files)
                for folder in sorted((self.home / 'keep').glob('*'))
                for files in [sorted(path for path in folder.rglob('*') if path.is_file())] if files}
        chosen = choose({**sizes, KEPT: kept}, self.limits.room)
        now = (json.dumps([chosen, status], sort_keys=True), tuple(sorted(self.known.items())))
        if now == self.seen:
            return False
        self._write(chosen, status)
        self.seen = now
        return True

    def _archives(self, run: Run) -> dict[str, int | None]:
        """Bring the archives of one run up to date; their sizes."""
        folder = self.home / 'runs' / run.name
        sizes: dict[str, int | None] = {}
        try:
            kept = states.checkpoints(folder, run)
        except CheckpointError:
            kept = []
        predictions = sorted(path for path in folder.glob('test/predictions/**/*') if path.is_file())
        for kind, files in (('records', states.records(folder)), (states.SMALL_LEVEL, kept),
                            ('predictions', predictions), (states.WHOLE_LEVEL, kept)):
            sizes[kind] = self._archive(run.name, kind, folder, files) if files else None
        return sizes

    def _archive(self, run: str, kind: str, folder: Path, files: list[Path]) -> int | None:
        path = self._place(run, kind)
        try:
            key = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
            if self.known.get(path.name) != key:
                if kind == states.WHOLE_LEVEL and sum(size for *_, size in key) > 2 * self.limits.room:
                    return None  # compression does not halve weights
                path.write_bytes(states.archive(folder, files, small=kind == states.SMALL_LEVEL))
                self.known[path.name] = key
        except (FileNotFoundError, CheckpointError):  # replaced meanwhile; the next gathering has it
            pass
        return path.stat().st_size if path.is_file() else None

    def _place(self, run: str, kind: str) -> Path:
        return self.store / f'{run}.{kind.replace(" ", "_")}.zip'

    def _write(self, chosen: dict[str, list[str]], status: dict[str, dict]) -> None:
        contents, stream = {}, io.BytesIO()
        self.generation += 1
        with zipfile.ZipFile(stream, 'w') as file:
            for run, kinds in chosen.items():
                for kind in kinds:
                    data = self._place(run, kind).read_bytes()
                    name = f'{run}.{kind.replace(" ", "_")}.zip'
                    contents[name] = dict(run=run, kind=kind, sha256=hashlib.sha256(data).hexdigest())
                    file.writestr(zipfile.ZipInfo(name), data)
            about = dict(self.about, format=1, generation=self.generation, written=time.time(), contents=contents,
                         runs=status)
            file.writestr(zipfile.ZipInfo(INDEX), json.dumps(about), zipfile.ZIP_DEFLATED)
        data = stream.getvalue()
        pieces = [data[at:at + self.limits.file_bytes] for at in range(0, len(data), self.limits.file_bytes)]
        drafts = []
        for number, piece in enumerate(pieces, start=1):
            draft = self.store / f'slot_{self.generation:04d}.part{number}of{len(pieces)}'
            draft.write_bytes(piece)
            drafts.append(draft)
        for draft in drafts:
            _move(draft, self.out / draft.name)
        for path in self.out.glob('slot_*.part*'):
            if _generation(path) < self.generation:
                path.unlink()


def _generation(path: Path) -> int:
    digits = path.name.removeprefix('slot_').partition('.')[0]
    return int(digits) if digits.isdigit() else 0


def _move(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        draft = target.with_name(f'{target.name}.draft')  # another file system
        shutil.move(source, draft)
        os.replace(draft, target)
