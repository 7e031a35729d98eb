"""Where a run keeps what it must remember: a hidden folder beside the descriptions, which one process writes."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.vlm.audit import AuditLog
from irstd_toolbox.text_priors.vlm.cache import AnswerCache
from irstd_toolbox.text_priors.vlm.delivery import Desk
from irstd_toolbox.unfinished import remove_unfinished

__all__ = ['hold', 'open_desk', 'run_dir']


def run_dir(descriptions_folder: str | os.PathLike) -> Path:
    """The folder beside the descriptions that holds ``cache/``, ``audit.jsonl`` and ``batches.json``."""
    return Path(descriptions_folder).absolute().parent / '.annotation'


@contextlib.contextmanager
def hold(descriptions_folder: str | os.PathLike, batches: bool = False) -> Iterator[None]:
    """Keep other processes from writing the same descriptions.

    The hold ends with the process, however it ends. What killed ones have left half written is removed.

    Args:
        descriptions_folder: Of the descriptions.
        batches: Whether to keep out those too that write a folder beside it: these share one record of batches.

    Raises:
        ConfigError: If another process holds it, or the record's folder cannot be written to.
    """
    try:
        import fcntl
    except ImportError:  # not a POSIX system: nobody is kept out
        yield
        return
    folder = run_dir(descriptions_folder)
    locks = {'lock': fcntl.LOCK_EX if batches else fcntl.LOCK_SH}
    if not batches:
        locks[f'lock.{Path(descriptions_folder).absolute().name}'] = fcntl.LOCK_EX
    with contextlib.ExitStack() as files:
        for name, kind in locks.items():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                file = files.enter_context(open(folder / name, 'a'))
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                other = 'writes another folder of descriptions' if batches else 'works on batches'
                raise ConfigError(
                    f'{folder} is in use: another process annotates this data set, or {other} in {folder.parent}. '
                    'Wait for it, stop it, or give a folder elsewhere (--out).') from None
            except OSError as error:
                raise ConfigError(f'{folder} cannot be written to ({error.strerror}); it is expected to keep the '
                                  'record of who describes what. Give another folder for the descriptions (--out).'
                                  ) from None
        for pattern in ('**/.*.txt.*.tmp', f'.{store.PROVENANCE}.*.tmp'):
            remove_unfinished(descriptions_folder, pattern)
        yield


def open_desk(descriptions_folder: str | os.PathLike, suffix: str = store.SUFFIXES[0]) -> Desk:
    """A desk over the folder's cache and audit log, under a new run's name. Whoever writes takes :func:`hold` first.

    Raises:
        ConfigError: If ``suffix`` is not one of the store's, before anything is paid that could not be written.
    """
    store.check_suffix(suffix)
    folder = run_dir(descriptions_folder)
    run = f'{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}'
    return Desk(Path(descriptions_folder), AnswerCache(folder / 'cache'), AuditLog(folder / 'audit.jsonl', run), suffix)
