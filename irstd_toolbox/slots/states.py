"""What of a training's folder has to survive a slot, whole or made small."""

import io
import zipfile
from pathlib import Path

from irstd_toolbox.errors import CheckpointError
from irstd_toolbox.slots.plan import Run
from irstd_toolbox.training.checkpoint import find_checkpoint, read_checkpoint, resolve_resume
from irstd_toolbox.training.weights_only import small_checkpoint

__all__ = [
    'RESULTS', 'SMALL_LEVEL', 'TRAINED', 'WHOLE_LEVEL', 'archive', 'checkpoints', 'epoch_of', 'is_tested', 'is_trained',
    'mark_trained', 'records', 'remove_checkpoints', 'shrunk', 'tested_checkpoint']

RESULTS = 'test/results.json'
WHOLE_LEVEL, SMALL_LEVEL = 'exact', 'weights only'
TRAINED = 'trained'
_RECORDS = ('train.csv', 'val.csv', TRAINED, RESULTS)


def epoch_of(folder: Path) -> int:
    """How many epochs the last whole checkpoint of a training's folder has seen."""
    found = resolve_resume(folder)
    return int(found.stem.rpartition('_')[2]) if found else 0


def is_trained(folder: Path) -> bool:
    """Whether the training in ``folder`` has ended with its last epoch."""
    return (folder / TRAINED).is_file()


def mark_trained(folder: Path) -> None:
    """Note that the training has ended with its last epoch."""
    (folder / TRAINED).touch()


def is_tested(folder: Path) -> bool:
    """Whether there are results of the test."""
    return (folder / RESULTS).is_file()


def checkpoints(folder: Path, run: Run) -> list[Path]:
    """The checkpoints to keep: of a training that goes on its last and best, otherwise the one that is tested."""
    if is_trained(folder):
        return [tested_checkpoint(folder, run)]
    last = resolve_resume(folder)
    return [*([last] if last else []), *sorted(folder.glob('best_*.pth'))]


def tested_checkpoint(folder: Path, run: Run) -> Path:
    """The checkpoint to test: the one that the run asks for, or the last where no validation has chosen a best one.

    Raises:
        CheckpointError: If there is none at all.
    """
    try:
        return find_checkpoint(folder, run.checkpoint)
    except CheckpointError:
        return find_checkpoint(folder, 'last')


def records(folder: Path) -> list[Path]:
    """The small files beside the checkpoints: tables, logs, results, and what the test wrote beside its pictures."""
    files = [folder / name for name in _RECORDS]
    files += [*sorted(folder.glob('logs/*.log')), *sorted(folder.glob('test/*.csv'))]
    return [file for file in files if file.is_file()]


def shrunk(path: Path) -> bytes:
    """A checkpoint with its weights in half precision and without the optimizer's state."""
    return small_checkpoint(read_checkpoint(path))


def archive(folder: Path, files: list[Path], small: bool = False) -> bytes:
    """Files below ``folder`` as one archive.

    Args:
        folder: What their names are relative to.
        files: The files; checkpoints where ``small``.
        small: Whether to store :func:`shrunk` checkpoints.

    Raises:
        FileNotFoundError: If one disappears meanwhile.
        CheckpointError: If one is damaged.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in files:
            data = shrunk(path) if small else path.read_bytes()
            file.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix()), data, zipfile.ZIP_DEFLATED, 1)
    return stream.getvalue()


def remove_checkpoints(folder: Path) -> None:
    """Take the checkpoints away that newer ones replace."""
    for path in (*folder.glob('epoch_*.pth'), *folder.glob('best*.pth'), folder / 'last_checkpoint'):
        path.unlink(missing_ok=True)

