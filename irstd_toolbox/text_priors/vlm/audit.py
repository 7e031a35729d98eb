"""What happened, in order and for good: one JSON line an event, on the disk before the next thing is done."""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from irstd_toolbox.text_priors.vlm.secrets import redact

__all__ = ['AuditLog']

_OF_WRITTEN = ('image_id', 'key', 'sha256', 'model')


class AuditLog:
    """An append-only file of events.

    A process that dies while it writes leaves a torn last line. It is closed when the file is next opened, so that
    it spoils no other, and it is passed over when the file is read. Known keys are replaced before a line is written;
    bytes are refused.

    Args:
        path: Made with its folder when the first event comes.
        run: What tells the events of this run from those of others; a field of every line.
    """

    def __init__(self, path: str | os.PathLike, run: str | None = None) -> None:
        self.path, self.run = Path(path), run
        self._file: int | None = None

    def append(self, event: str, **fields: Any) -> None:
        """Write one event; it is on the disk when this returns.

        Raises:
            TypeError: If a field is no plain JSON value.
        """
        line = {'time': datetime.now(timezone.utc).isoformat(timespec='milliseconds'), 'run': self.run, 'event': event}
        text = redact(json.dumps(line | fields, ensure_ascii=False, separators=(',', ':')))
        if self._file is None:
            self._file = self._open()
        os.write(self._file, text.encode() + b'\n')
        os.fsync(self._file)

    def read(self) -> Iterator[dict[str, Any]]:
        """Every event that is whole, its values of their kinds, in order; none if there is no file."""
        if not self.path.is_file():
            return
        with open(self.path, 'rb') as file:
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if _is_event(event):
                    yield event

    def close(self) -> None:
        """Release the file; the next event opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        torn = False
        if self.path.is_file() and self.path.stat().st_size:
            with open(self.path, 'rb') as file:
                file.seek(-1, os.SEEK_END)
                torn = file.read(1) != b'\n'
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if torn:
            os.write(descriptor, b'\n')
        return descriptor


def _is_event(line: Any) -> bool:
    needed = ('event', *(_OF_WRITTEN if isinstance(line, dict) and line.get('event') == 'written' else ()))
    return isinstance(line, dict) and all(isinstance(line.get(name), str) for name in needed) and all(
        isinstance(line.get(name), str | None) for name in ('run', 'resolved_model'))
