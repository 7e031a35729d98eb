"""Results that come to their places together, and never beside those of a run before."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmengine.dist import barrier, is_main_process

from ..errors import ConfigError
from ..evaluation.files import check_folder

__all__ = ['check_place', 'staged']

_STAGE = '.unfinished'


@contextmanager
def staged(folder: Path, names: Sequence[str], record: str, owned: Callable[[Path], bool]) -> Iterator[Path]:
    """A folder whose files move into ``folder`` at the end, in the place of a run's before; after an error none does.

    Args:
        folder: Where the files go.
        names: The folders in it that a run fills, and the files that it writes.
        record: The file in it that says what a run gave.
        owned: Whether such a file is of a run.

    Raises:
        ConfigError: See :func:`check_place`, or if another process writes there.
    """
    existed, stage, held = folder.is_dir(), folder / _STAGE, None
    if is_main_process():
        check_place(folder, names, record, owned)
        held = _hold(stage)
    barrier()
    try:
        yield stage
        barrier()
        if is_main_process():
            (folder / record).unlink(missing_ok=True)
            for name in names:  # of a run before, maybe of other images
                shutil.rmtree(folder / name, ignore_errors=True)
            for file in sorted(file for file in stage.rglob('*') if file.is_file()):
                place = folder / file.relative_to(stage)
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, place)
    finally:
        if is_main_process():
            shutil.rmtree(stage, ignore_errors=True)
            if not existed and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
            if held is not None:
                os.close(held)


def _hold(stage: Path) -> int | None:
    """Make an empty folder and keep other processes out of it, until the descriptor that is given back is closed."""
    stage.mkdir(parents=True, exist_ok=True)
    held = None
    try:
        import fcntl
        held = os.open(stage, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise ConfigError(f'{stage.parent} is in use: another process writes its results there. Wait for it, or name '
                          'another folder.') from None
    except (ImportError, OSError):  # no POSIX system, or a file system without locks: nobody is kept out
        pass
    for path in stage.iterdir():  # of a run that was killed
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return held


def check_place(folder: Path, names: Sequence[str], record: str, owned: Callable[[Path], bool]) -> None:
    """Refuse a folder in which results would replace what is not of a run before; arguments as of :func:`staged`.

    Raises:
        ConfigError: If it holds such, or cannot be made.
    """
    check_folder(folder)
    if owned(folder / record) or (folder / _STAGE).is_dir():
        return
    strange = [f'{name}/' if (folder / name).is_dir() else name for name in names
               if (folder / name).is_file() or (folder / name).is_dir() and any((folder / name).iterdir())]
    if (folder / record).exists():
        strange.append(f'another {record}')
    if strange:
        raise ConfigError(f'{folder} holds {strange[0]}, but no {record} of a run before: it would be replaced. Name '
                          'another folder, or move it away.')
