"""What a killed process leaves: files and folders under a hidden name whose last part but one is its number."""

import os
import shutil
from pathlib import Path

__all__ = ['remove_unfinished']


def remove_unfinished(folder: str | os.PathLike, pattern: str) -> None:
    """Remove what dead processes have left half written; what a living one writes stays.

    Args:
        folder: Where to look; it need not be there.
        pattern: Of the hidden names, as :meth:`pathlib.Path.glob` reads it, such as ``'.out.*.part'``.

    Note:
        A living process of another machine is taken for a dead one: of a folder that machines share, name in the
        pattern what this one alone is to write.
    """
    for path in Path(folder).glob(pattern):
        process = path.name.split('.')[-2]
        if process.isdecimal() and not _lives(int(process)):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    """Whether there is such a process; True where that is not known."""
    try:
        if os.name == 'posix':  # elsewhere this would end it
            os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user, or no number of a process
        pass
    return True
