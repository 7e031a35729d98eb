"""A data set as one small archive: what its pictures show and its texts say, in its own folders."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from irstd_toolbox.datasets.imaging import IMAGE_SUFFIXES
from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.errors import DataError
from irstd_toolbox.slots.pixels import Shrunk, restore, shrink

__all__ = ['expand_data', 'pack_data']

_TEXTS = ('.txt', '.json', '.jsonl', '.csv')
_INDEX = 'files.json'


def pack_data(root: Path, watch: Callable[[Iterable], Iterable] = iter, threads: int = 2) -> bytes:
    """The images, masks, lists and descriptions below ``root`` as an archive.

    Args:
        root: The data set's folder.
        watch: Wraps the files as they are packed; for a progress bar.
        threads: How many files are packed at a time.

    Raises:
        DataError: If ``root`` is no data set, or a file of it cannot be read.

    Note:
        Other files, hidden ones and ``__MACOSX`` stay behind; :func:`.layouts.detect` passes them over too.
    """
    detect(root)
    files = sorted(path for path in root.rglob('*') if path.is_file() and _wanted(path, root))
    stream, index = io.BytesIO(), {}
    with zipfile.ZipFile(stream, 'w') as archive, ThreadPoolExecutor(threads) as pool:
        for path, stored in zip(watch(files), pool.map(_stored, files), strict=True):
            name = path.relative_to(root).as_posix()
            index[name] = stored.how
            method = zipfile.ZIP_DEFLATED if path.suffix.lower() in _TEXTS else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name), stored.data, method)
        archive.writestr(zipfile.ZipInfo(_INDEX), json.dumps(index), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def expand_data(archive: Path, root: Path, threads: int = 8) -> int:
    """Write the files of an archive of :func:`pack_data`; once for each archive.

    Returns:
        How many files the data set has.

    Raises:
        DataError: If the archive is damaged.
    """
    done, digest = root / '.expanded', hashlib.sha256(archive.read_bytes()).hexdigest()
    with zipfile.ZipFile(archive) as file:
        try:
            index = json.loads(file.read(_INDEX))
        except KeyError:
            raise DataError(f'{archive} is no packed data set; it lacks {_INDEX}. Pack it again.') from None
        if not done.is_file() or done.read_text() != digest:
            with ThreadPoolExecutor(threads) as pool:
                written = [pool.submit(restore, Shrunk(how, file.read(name)), root / name)
                           for name, how in index.items()]
            for future in written:
                future.result()
            done.write_text(digest)
    return len(index)


def _wanted(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    if any(part.startswith('.') or part == '__MACOSX' for part in parts):
        return False
    return path.suffix.lower() in (*IMAGE_SUFFIXES, *_TEXTS)


def _stored(path: Path) -> Shrunk:
    return Shrunk('file', path.read_bytes()) if path.suffix.lower() in _TEXTS else shrink(path)
