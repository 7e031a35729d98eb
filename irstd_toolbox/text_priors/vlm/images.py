"""Images as they go out: lossless PNG at native size, stripped of metadata; whatever else is done is recorded."""

import io
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors.vlm.types import PreparedImage

__all__ = ['MAX_PIXELS', 'SMALL_SIDE', 'prepare_array', 'prepare_file']

MAX_PIXELS = 50_000_000
"""Larger images are refused before they are decoded."""

SMALL_SIDE = 200
"""Vendors advise against images with a side below this."""

_PathLike = str | os.PathLike
_DEEP = 'deep levels mapped to 0..255 by datasets.imaging.to_gray, rounded'


def prepare_array(
        array: np.ndarray, image_id: str, upscale: bool = False, steps: tuple[str, ...] = ()) -> PreparedImage:
    """An image on the scale 0..255 as a grey PNG.

    Args:
        upscale: Repeat pixels (a whole number of times, nearest) until both sides have ``SMALL_SIDE``.
        steps: What was done to the pixels before.

    Shape:
        - array: ``(H, W)``

    Raises:
        DataError: If the array has another shape, holds more than ``MAX_PIXELS`` or values outside 0..255.

    Example:
        >>> prepare_array(np.full((2, 3), 7.4), 'a').steps
        ('rounded to whole levels',)
    """
    if array.ndim != 2 or 0 in array.shape:
        raise DataError(f'{image_id}: an array of shape {array.shape}; expected (H, W), not empty.')
    _refuse_size(image_id, array.shape[1], array.shape[0])
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 255:
        raise DataError(f'{image_id}: values from {array.min()} to {array.max()}; expected 0..255, finite. '
                        'Map the image first (datasets.imaging.to_gray does).')
    levels = np.rint(array).astype(np.uint8)
    if not np.array_equal(levels, array):
        steps = (*steps, 'rounded to whole levels')
    return _encode(levels, image_id, upscale, steps)


def prepare_file(path: _PathLike, image_id: str, read: Callable[[Path], np.ndarray] | None = None,
                 upscale: bool = False) -> PreparedImage:
    """An image file as a PNG of the same pixels.

    Eight-bit grey and colour stay as they are. Colour with three equal channels goes out as grey, which is
    pixel-identical and smaller. Orientation tags, gamma and profiles are not applied, and are not sent. Of several
    frames the first is sent.

    Args:
        read: Maps a file of more than 8 bits to ``(H, W)`` on 0..255 (``datasets.imaging.read_image``); without it
            such a file is refused, since every plain conversion clips or truncates it.
        upscale: See :func:`prepare_array`.

    Raises:
        DataError: If the file cannot be read, holds more than ``MAX_PIXELS``, or is deep and there is no ``read``.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            with Image.open(path) as source:
                _refuse_size(str(path), *source.size)
                deep = _is_deep(path, source)
                if not deep:
                    levels, steps = _eight_bit(source)
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f'{path}: more than {MAX_PIXELS:,} pixels. Cut the image into tiles first.') from None
    except FileNotFoundError:
        raise DataError(f'{path}: no such file. Check the folder of images.') from None
    except Exception as error:  # whatever a damaged file makes the decoder raise
        raise DataError(f'{path}: cannot be decoded ({type(error).__name__}: {error}). Export the file anew.') from None
    if not deep:
        return _encode(levels, image_id, upscale, steps)
    if read is None:
        raise DataError(f'{path}: more than 8 bits a channel; expected 8, or a function that maps such files '
                        '(read=datasets.imaging.read_image).')
    return prepare_array(np.rint(read(path)), image_id, upscale, steps=(_DEEP,))


def _refuse_size(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise DataError(f'{name}: {width}x{height} is more than {MAX_PIXELS:,} pixels. Cut the image into tiles first.')


def _is_deep(path: Path, source: Image.Image) -> bool:
    """Whether a channel has more than 8 bits; of deep colour PNGs Pillow would silently keep the high byte."""
    with open(path, 'rb') as file:
        head = file.read(26)
    return source.mode[:1] in 'IF' or (head[:8] == b'\x89PNG\r\n\x1a\n' and head[24:25] == b'\x10')


def _eight_bit(source: Image.Image) -> tuple[np.ndarray, tuple[str, ...]]:
    steps = []
    if getattr(source, 'n_frames', 1) > 1:
        steps.append(f'first of {source.n_frames} frames')
        source.seek(0)
    source.load()
    mode = source.mode
    if mode in ('LA', 'RGBA', 'PA', 'La', 'RGBa') or (mode in ('P', 'L', 'RGB') and 'transparency' in source.info):
        steps.append('transparency dropped')
    if mode in ('1', 'L'):
        return np.asarray(source.convert('L')), tuple(steps)
    if mode in ('LA', 'La'):
        return np.asarray(source)[..., 0], tuple(steps)
    if mode not in ('RGB', 'RGBA', 'RGBX'):
        steps.append(f'{mode} to RGB')
    levels = np.asarray(source if mode in ('RGB', 'RGBA', 'RGBX') else source.convert('RGB'))[..., :3]
    if (levels == levels[..., :1]).all():
        return levels[..., 0], (*steps, 'three equal channels to one, pixel-identical')
    return levels, tuple(steps)


def _encode(levels: np.ndarray, image_id: str, upscale: bool, steps: tuple[str, ...]) -> PreparedImage:
    height, width = levels.shape[:2]
    factor = math.ceil(SMALL_SIDE / min(height, width)) if upscale else 1
    if factor > 1:
        _refuse_size(image_id, width * factor, height * factor)
        levels = levels.repeat(factor, axis=0).repeat(factor, axis=1)
        steps = (*steps, f'every pixel repeated {factor}x{factor}')
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels)).save(buffer, 'PNG', compress_level=6)
    return PreparedImage(image_id, buffer.getvalue(), levels.shape[1], levels.shape[0], steps)
