"""Image files made small, without a change in any pixel that the toolbox reads."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from irstd_toolbox.datasets.imaging import read_pixels
from irstd_toolbox.errors import DataError

__all__ = ['Shrunk', 'restore', 'shrink', 'squeezed']

_WEBP_SIDE = 16383
_BITS = 'bits'
AS_IT_IS = 'file'
"""How of a file that is stored byte by byte."""


@dataclass(frozen=True)
class Shrunk:
    """A file as it is stored.

    Args:
        how: ``'file'`` (its own bytes), ``'png'``, ``'webp'``, or ``'bits'`` (a PNG of one bit a pixel that stands for
            0 and 255).
        data: The bytes.
    """

    how: str
    data: bytes


def squeezed(pixels: np.ndarray) -> np.ndarray:
    """``pixels`` with one channel where all three are equal: grey either way, for images and masks alike.

    Shape:
        - pixels: ``(H, W)`` or ``(H, W, 3)``
        - Output: ``(H, W)``, or ``pixels``
    """
    if pixels.ndim == 3 and (pixels[..., :1] == pixels[..., 1:]).all():
        return pixels[..., 0]
    return pixels


def shrink(path: Path) -> Shrunk:
    """The smallest of: the file itself, an optimised PNG, a lossless WebP, a PNG of one bit a pixel.

    Every candidate is decoded again and dropped if one pixel differs from what :func:`.imaging.read_pixels` gives of
    the file. Values of more than 8 bits keep their file.

    Raises:
        DataError: If the file cannot be read.
    """
    pixels = squeezed(read_pixels(path))
    candidates = [Shrunk(AS_IT_IS, path.read_bytes())]
    if pixels.dtype in (np.uint8, bool):
        candidates += [one for one in _encoded(pixels) if np.array_equal(_decoded(one), pixels)]
    return min(candidates, key=lambda one: len(one.data))


def restore(stored: Shrunk, path: Path) -> Path:
    """Write a stored file for the toolbox to read: with its own bytes, or as a PNG that is quick to decode.

    Args:
        stored: The file.
        path: Its place; the extension becomes ``.png`` where the bytes are new.

    Returns:
        The path that was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if stored.how == AS_IT_IS:
        path.write_bytes(stored.data)
        return path
    path = path.with_suffix('.png')
    Image.fromarray(_decoded(stored)).save(path, 'PNG', compress_level=1)
    return path


def _encoded(pixels: np.ndarray) -> list[Shrunk]:
    image = Image.fromarray(pixels)
    found = [Shrunk('png', _bytes(image, 'PNG', optimize=True))]
    if pixels.dtype == bool:
        return found
    if pixels.ndim == 2 and np.isin(pixels, (0, 255)).all():
        found.append(Shrunk(_BITS, _bytes(Image.fromarray(pixels > 0), 'PNG', optimize=True)))
    elif max(pixels.shape) <= _WEBP_SIDE:
        found.append(Shrunk('webp', _bytes(image.convert('RGB'), 'WEBP', lossless=True, quality=80, method=4)))
    return found


def _bytes(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def _decoded(stored: Shrunk) -> np.ndarray:
    with Image.open(io.BytesIO(stored.data)) as image:
        pixels = np.asarray(image)
    if stored.how == _BITS:
        return pixels.astype(np.uint8) * np.uint8(255)
    if stored.how not in ('png', 'webp'):
        raise DataError(f'{stored.how!r} is no way to store an image; pack the data again with this version.')
    return squeezed(pixels)
