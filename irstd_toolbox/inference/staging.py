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
def staged(folder: Path, names: Sequence[str], record: str, owned: Callable[[Path], bool] = Path.is_file,
           ) -> Iterator[Path]:
    """A folder whose files move into ``folder`` at the end, in the place of a run's before; after an error none does.

    Args:
        folder: Where the files go.
        names: The folders in it that a run fills.
        record: The file in it that says what a run gave.
        owned: Whether such a file is of a run.

    Raises:
        ConfigError: See :func:`check_place`.
    """
    existed, stage = folder.is_dir(), folder / _STAGE
    if is_main_process():
        check_place(folder, names, record, owned)
        shutil.rmtree(stage, ignore_errors=True)
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


def check_place(folder: Path, names: Sequence[str], record: str,
                owned: Callable[[Path], bool] = Path.is_file) -> None:
    """Refuse a folder in which results would replace what is not of a run before; arguments as of :func:`staged`.

    Raises:
        ConfigError: If it holds such, or cannot be made.
    """
    check_folder(folder)
    if owned(folder / record) or (folder / _STAGE).is_dir():
        return
    strange = [name for name in names if (folder / name).is_dir() and any((folder / name).iterdir())]
    if strange:
        raise ConfigError(f'{folder} holds {strange[0]}/, but no {record} of a run before: it would be replaced. Name '
                          'another folder, or move it away.')
