"""A data set as one small archive: what its pictures show and its texts say, in its own folders."""

import hashlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from irstd_toolbox.datasets.imaging import IMAGE_SUFFIXES
from irstd_toolbox.datasets.layouts import LAYOUT_FILE, Layout, detect
from irstd_toolbox.datasets.scanning import walk
from irstd_toolbox.errors import DataError
from irstd_toolbox.slots.pixels import Shrunk, restore, shrink

__all__ = ['expand_data', 'pack_data']

_TEXTS = ('.txt', '.json', '.jsonl', '.csv')
_INDEX = 'files.json'


def pack_data(root: Path, watch: Callable[[Iterable], Iterable] = iter) -> bytes:
    """The images, masks, lists and descriptions below ``root`` as an archive.

    Args:
        root: The data set's folder.
        watch: Wraps the files as they are packed; for a progress bar.

    Raises:
        DataError: If ``root`` is no data set, a file of it cannot be read, or one would stay behind.

    Note:
        Other files, hidden ones and ``__MACOSX`` stay behind; :func:`.layouts.detect` passes them over too. Links to
        folders are followed. :data:`.layouts.LAYOUT_FILE` tells paths below the folder in the archive.
    """
    layout = detect(root)
    files = sorted(place / name for place, _, names in walk(root) for name in names if _wanted(place / name))
    _demand_all(layout, files, root)
    stream, index = io.BytesIO(), {}
    with zipfile.ZipFile(stream, 'w') as archive, ThreadPoolExecutor(2) as pool:
        for path, stored in zip(watch(files), pool.map(_stored, files), strict=True):
            name, data = path.relative_to(root).as_posix(), stored.data
            if layout.told and path == layout.root / LAYOUT_FILE:
                data = json.dumps(layout.retold()).encode()
            index[name] = stored.how
            method = zipfile.ZIP_DEFLATED if path.suffix.lower() in _TEXTS else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name), data, method)
        archive.writestr(zipfile.ZipInfo(_INDEX), json.dumps(index), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def expand_data(archive: Path, root: Path) -> int:
    """Write the files of an archive of :func:`pack_data`, once for each archive, in the place of what was in ``root``.

    Returns:
        How many files the data set has.

    Raises:
        DataError: If the archive is damaged.
    """
    done, digest = root / '.expanded', hashlib.sha256(archive.read_bytes()).hexdigest()
    with zipfile.ZipFile(archive) as file:
        try:
            index = dict(json.loads(file.read(_INDEX)))
            if set(index) - set(file.namelist()):
                raise KeyError
        except (KeyError, ValueError, TypeError):
            raise DataError(f'{archive} is no packed data set; it lacks {_INDEX}, or what that names. Pack it again.'
                            ) from None
        if not done.is_file() or done.read_text() != digest:
            shutil.rmtree(root, ignore_errors=True)  # a file of an earlier archive would be read as one of this
            with ThreadPoolExecutor(8) as pool:
                written = [pool.submit(restore, Shrunk(how, file.read(name)), root / name)
                           for name, how in index.items()]
            for future in written:
                future.result()
            done.write_text(digest)
    return len(index)


def _wanted(path: Path) -> bool:
    return not path.name.startswith('.') and path.suffix.lower() in (*IMAGE_SUFFIXES, *_TEXTS) and path.is_file()


def _demand_all(layout: Layout, files: Iterable[Path], root: Path) -> None:
    """Refuse to leave a file behind that the data set is read from."""
    packed = {os.path.abspath(path) for path in files}
    left = [path for path in layout.files if path.is_file() and os.path.abspath(path) not in packed]
    if left:
        raise DataError(f'{left[0]}: would stay behind ({len(left)} such files of the data set). Expected all below '
                        f'{root}, in no hidden folder, lists as .txt. Move them there, or link their folder there.')


def _stored(path: Path) -> Shrunk:
    return Shrunk('file', path.read_bytes()) if path.suffix.lower() in _TEXTS else shrink(path)
