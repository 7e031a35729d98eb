"""Folders that are there whole or not at all, and what the doctor writes into them."""

import contextlib
import glob
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from irstd_toolbox.datasets.imaging import align_mask, read_pixels, to_mask
from irstd_toolbox.diagnosis.audit import Audit
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.files import check_folder
from irstd_toolbox.unfinished import remove_unfinished

__all__ = ['check_out', 'check_outside', 'fresh_folder', 'usable', 'write_image', 'write_list', 'write_mask']


def check_outside(out: str | Path, root: Path) -> Path:
    """The absolute path of what is to be written, if it does not lie in the data set.

    Raises:
        ConfigError: If it does.
    """
    target = Path(out).expanduser().absolute()
    if target.resolve().is_relative_to(root.resolve()):
        raise ConfigError(f'{out}: lies in the data set {root}, and nothing is ever written there. '
                          'Give a place elsewhere.')
    return target


def check_out(out: str | Path, root: Path) -> Path:
    """The folder to write, if it may be written.

    Args:
        out: Missing or empty, neither inside the data set nor around it.
        root: The data set.

    Raises:
        ConfigError: If it is not so, or lies below a file or where nothing may be written.
    """
    target = check_outside(out, root)
    if root.resolve().is_relative_to(target.resolve()):
        raise ConfigError(f'{out}: lies around the data set {root}, and nothing is ever written there. '
                          'Give a folder elsewhere.')
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigError(f'{out}: there is something already; expected a folder that is missing or empty. '
                          'Remove it, or give another.')
    check_folder(target)
    return target


@contextlib.contextmanager
def fresh_folder(out: str | Path, root: Path) -> Iterator[Path]:
    """Fill a folder beside ``out`` and move it there at the end; what interrupts the filling takes it away again.

    A folder of this name that a killed process was filling is removed.

    Raises:
        ConfigError: As :func:`check_out`, or if the system does not let the folder be made.
    """
    target = check_out(out, root).resolve()
    draft = target.with_name(f'.{target.name}.{os.getpid()}.part')
    remove_unfinished(target.parent, f'.{glob.escape(target.name)}.*.part')
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(f'{out} cannot be made ({error.strerror}). Give a folder elsewhere.') from error
    try:
        yield draft
        if target.exists():
            target.rmdir()
        os.replace(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def usable(audit: Audit) -> list[str]:
    """Ids whose image and mask can be read; of a data set without masks, those whose image can."""
    return [key for key, one in audit.facts.items() if not one.errors and (one.mask or not audit.layout.masks)]


def write_mask(audit: Audit, image_id: str, path: Path) -> None:
    """Write the mask of an image as one 8-bit channel of 0 and 255, at the image's size."""
    source, shape = audit.layout.masks[image_id], audit.facts[image_id].shape
    mask = to_mask(read_pixels(source), name=str(source))
    _write_png(path, (mask if mask.shape == shape else align_mask(mask, shape)) * np.uint8(255))


def write_image(source: Path, folder: Path, image_id: str) -> Path:
    """Put an image below a folder as ``ID.png``: a copy, or the same pixels; floats and integers beyond 16 bits, which
    PNG does not hold, keep their file."""
    path = folder / f'{image_id}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix.lower() != '.png':
        pixels = read_pixels(source)
        if pixels.dtype == bool:
            pixels = pixels * np.uint8(255)
        if pixels.dtype in (np.uint8, np.uint16):
            _write_png(path, pixels[..., ::-1] if pixels.ndim == 3 else pixels)
            return path
        path = path.with_name(f'{path.stem}{source.suffix}')
    shutil.copyfile(source, path)
    return path


def write_list(path: Path, ids: Iterable[str]) -> None:
    """Write a split list: one id a line, LF, a last line break."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(''.join(f'{one}\n' for one in ids).encode())


def _write_png(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode('.png', np.ascontiguousarray(pixels))
    if not done:
        raise DataError(f'{path}: {pixels.shape} values of {pixels.dtype} cannot be written as PNG.')
    path.write_bytes(data.tobytes())
