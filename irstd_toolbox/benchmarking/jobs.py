"""One step of a benchmark: what it depends on, its record on disk, and whether that record still holds."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..evaluation.differences import differences
from ..evaluation.files import write_atomically

__all__ = ['Job', 'key_of', 'last_error', 'read_record']

RECORD, LOG = 'job.json', 'log.txt'
_SHOWN = 3


def key_of(inputs: Any) -> str:
    """SHA-256 of what a result depends on."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a job; None if there is none that can be read."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
    kinds = dict(key=str, state=str, inputs=dict)
    whole = isinstance(found, dict) and all(isinstance(found.get(key), kind) for key, kind in kinds.items())
    return found if whole else None


def last_error(text: str) -> str:
    """The line of a log that says why: the last that begins with ``error:``, else the last that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith('error: ')]
    return (told or lines or ['no output'])[-1].removeprefix('error: ')


class Job:
    """One step: a command whose result is kept in a folder with the hash of all that it depends on.

    The record ``job.json`` is written before the command starts and again after it ended, each time whole or not at
    all. A folder without a record, or with one of other inputs, is emptied before the job begins.

    Args:
        title: For people.
        folder: Of the job alone.
        after: Jobs that have to be done before.
    """

    def __init__(self, title: str, folder: Path, after: Sequence['Job'] = ()) -> None:
        self.title, self.folder, self.after = title, folder, tuple(after)
        self.state = 'waiting'  # then running, done or failed
        self.error: str | None = None
        self.outcome: dict[str, Any] = {}
        self.kept = False  # whether an earlier run had done it
        self.key = ''

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, known when all jobs before are done."""
        return False

    def inputs(self) -> dict[str, Any]:
        """Plain values that the result depends on; asked for when all jobs before are done."""
        raise NotImplementedError

    def command(self, launch: Any, continued: bool) -> list[str]:
        """Write what the command reads, and give the words of the command.

        Args:
            launch: Where it will run.
            continued: Whether an earlier run had begun it with the same inputs.
        """
        raise NotImplementedError

    def result(self) -> dict[str, Any]:
        """What the command gave, as plain values."""
        raise NotImplementedError

    def intact(self) -> bool:
        """Whether the files that :attr:`outcome` speaks of are there."""
        return True

    def look(self, inputs: dict[str, Any]) -> tuple[str, str]:
        """Compare the record with ``inputs``: ``'done'``, ``'continued'``, ``'stale'`` or ``'new'``, and why stale.

        Example:
            >>> Job('nothing', Path('missing')).look({})
            ('new', '')
        """
        self.key = key_of(inputs)
        record = read_record(self.folder)
        if record is None:
            return 'new', ''
        if record['key'] != self.key:
            changed = differences(record['inputs'], json.loads(json.dumps(inputs)))
            more = f' and {len(changed) - _SHOWN} more' if len(changed) > _SHOWN else ''
            return 'stale', '; '.join(changed[:_SHOWN]) + more
        return ('done' if record['state'] == 'done' and self._holds(record) else 'continued'), ''

    def _holds(self, record: dict[str, Any]) -> bool:
        """Whether a record's result is as it was written, and its files are there and can be read."""
        self.outcome = record.get('result') or {}
        try:
            return record.get('result_key') in (None, key_of(self.outcome)) and self.intact()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # of another kind, or such a file is
            return False

    def begin(self, verdict: str, inputs: dict[str, Any]) -> None:
        """Empty the folder unless the job goes on, and record that it begins."""
        self.outcome = {}
        if verdict in ('new', 'stale'):
            shutil.rmtree(self.folder, ignore_errors=True)
        self.write('started', inputs)

    def write(self, state: str, inputs: dict[str, Any], **more: Any) -> None:
        """Write the record."""
        content = dict(title=self.title, key=self.key, state=state, **more, result=self.outcome,
                       result_key=key_of(self.outcome), inputs=inputs)
        write_atomically(self.folder / RECORD, (json.dumps(content, indent=2) + '\n').encode())
