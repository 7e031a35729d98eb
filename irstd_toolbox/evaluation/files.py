"""Files that are there whole or not at all."""

import contextlib
import os
from pathlib import Path

from irstd_toolbox.errors import ConfigError

__all__ = ['check_folder', 'check_targets', 'write_atomically']


def check_targets(*paths: str | os.PathLike | None) -> None:
    """Refuse files that could not be written, before the work whose outcome they are to hold.

    Args:
        paths: The files; None is none.

    Raises:
        ConfigError: If one is a folder, lies below a file or where nothing may be written, or two are the same.
    """
    targets = [Path(path) for path in paths if path is not None]
    for number, path in enumerate(targets):
        if path.is_dir():
            raise ConfigError(f'{path} is a folder; expected the name of the file to write.')
        check_folder(path.absolute().parent)
        if path.resolve() in [other.resolve() for other in targets[:number]]:
            raise ConfigError(f'{path} is named for two outputs; give each its own file.')


def check_folder(path: Path) -> None:
    """Refuse a folder that could not be made, before the work whose outcome it is to hold.

    Raises:
        ConfigError: If it is a file or lies below one, or a link to nothing, or if nothing may be written there.
    """
    there = next(one for one in (path.absolute(), *path.absolute().parents) if os.path.lexists(one))
    if not there.is_dir():
        what = 'a file' if there.exists() else f'a link to {os.readlink(there)}, which is not there'
        raise ConfigError(f'{path} cannot be a folder: {there} is {what}. Name another folder.')
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f'Nothing can be written into {path}: {there} is not writable; expected a folder that is. '
                          'Name another folder, or change its permissions.')


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` and move it there; an interrupted write leaves the old file, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        draft.write_bytes(data)
        os.replace(draft, path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):  # such as a name too long, which would hide the first error
            draft.unlink()
