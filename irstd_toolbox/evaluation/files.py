"""Files that are there whole or not at all."""

import os
from pathlib import Path

__all__ = ['write_atomically']


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` and move it there; an interrupted write leaves the old file, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        draft.write_bytes(data)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
