"""Image and mask files to arrays: the one conversion that training, inference, scoring and captions share.

Loads neither torch nor mmengine.
"""

import functools
import os
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from irstd_toolbox.errors import DataError

__all__ = [
    'IMAGE_SUFFIXES', 'align_mask', 'image_shape', 'read_image', 'read_mask', 'read_pixels', 'to_gray', 'to_mask']

IMAGE_SUFFIXES = ('.png', '.bmp', '.tif', '.tiff', '.jpg', '.jpeg')
"""What counts as an image when a folder is listed (compared in lower case)."""

_PathLike = str | os.PathLike
_PLAIN = {'1', 'L', 'I', 'I;16', 'I;16B', 'I;16L', 'I;16N', 'F'}
_SCENE = (8.0, 247.0)
_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], np.uint8)
_BITS_PER_SAMPLE, _WHITE, _PLANES = 258, 262, 284
_DAMAGED = (OSError, EOFError, SyntaxError, ValueError, ArithmeticError, LookupError, NotImplementedError, struct.error,
            cv2.error)


def read_image(path: _PathLike) -> np.ndarray:
    """Read an image file of any mode and depth as one channel on the scale 0..255.

    Decoded without gamma, colour management or orientation tags, then converted by :func:`to_gray`. Palettes are
    expanded to their colours and alpha is ignored. Of a file with several pages the first is read.

    Shape:
        - Output: ``(H, W)``, float32

    Raises:
        DataError: If the file is missing, empty, truncated, not an image, or of more pixels than Pillow takes for safe.

    Note:
        OpenCV's ``IMREAD_GRAYSCALE`` honours a PNG's gAMA chunk and then differs by up to 18 levels from the colours
        that the same file decodes to; colour first, luma second gives one answer everywhere.
    """
    return to_gray(read_pixels(path), name=str(path))


def read_mask(path: _PathLike, shape: tuple[int, int] | None = None, align: bool = True) -> np.ndarray:
    """Read a mask file of any mode and depth as target 1, background 0, by the rule of :func:`to_mask`.

    Args:
        shape: ``(H, W)`` of the image that the mask belongs to; None keeps the mask's own size.
        align: Resample a mask of another size (nearest, pixel centres, as Pillow does), warning once a file.
            If False, such a mask is an error.

    Shape:
        - Output: ``shape``, or the file's own ``(H, W)``; uint8

    Raises:
        DataError: If the file cannot be read (see :func:`read_image`), its values cannot be told apart
            (see :func:`to_mask`), or its size differs and ``align`` is False.

    Note:
        NUAA-SIRST's ``Misc_111`` is the known case: image 325x220, mask 592x400 (width x height). Cropping instead
        would move its target to a wrong place.
    """
    mask = to_mask(read_pixels(path), name=str(path))
    if shape is None or mask.shape == tuple(shape):
        return mask
    if not align:
        raise DataError(f'{path}: the mask is {mask.shape[1]}x{mask.shape[0]}, its image {shape[1]}x{shape[0]} (width '
                        'x height). Mend the mask, or read it with align=True to resample it.')
    _warn_about_size(str(path), mask.shape, tuple(shape))
    return align_mask(mask, shape)


def align_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resample a mask to the ``(H, W)`` of its image: nearest, by pixel centres, as Pillow does."""
    return np.asarray(Image.fromarray(mask).resize((shape[1], shape[0]), Image.Resampling.NEAREST))


def read_pixels(path: _PathLike) -> np.ndarray:
    """The pixels of a file as they are filed: neither converted to grey nor scaled.

    Shape:
        - Output: ``(H, W)``, or ``(H, W, 3)`` RGB, in the file's own depth

    Raises:
        DataError: As :func:`read_image`.
    """
    def pixels(source: Image.Image) -> np.ndarray:
        if _is_deep_png(path) or _is_deep_colour(source):  # Pillow would keep the high byte of deep colour only
            return _decode_deep(path)
        source.load()
        pixels = np.asarray(source if source.mode in _PLAIN else source.convert('RGB'))
        white_is_0 = pixels.dtype == np.uint16 and getattr(source, 'tag_v2', {}).get(_WHITE) == 0
        return np.uint16(65535) - pixels if white_is_0 else pixels  # Pillow turns 8 bits by itself
    return _open(path, pixels, lambda decoded: decoded)


def image_shape(path: _PathLike) -> tuple[int, int]:
    """The native ``(H, W)`` of an image or mask file, from its header alone if Pillow knows its pixels.

    Raises:
        DataError: If the file is missing or not an image.
    """
    return _open(path, lambda source: (source.height, source.width), lambda decoded: decoded.shape[:2])


def to_gray(pixels: np.ndarray, name: str = 'image') -> np.ndarray:
    r"""Turn decoded pixels into one channel on the scale 0..255.

    Three or four channels (RGB, alpha ignored) become their luma first,

    .. math:: Y = 0.299 R + 0.587 G + 0.114 B,

    rounded to whole levels for integers (``cv2.cvtColor``). Then

    - 8-bit levels stay as they are; booleans become 0 and 255;
    - deeper integers and floats are mapped linearly: the smallest value becomes 0, the largest 255. Where pixels lie
      beyond all that two neighbours (of eight) both reach, as a stuck sensor pixel does, what two reach comes onto
      8..247, and they linearly beyond: the scene keeps its range, nothing is clipped. A constant image becomes 0.

    Args:
        name: What an error message calls the image.

    Shape:
        - pixels: ``(H, W)`` or ``(H, W, C)`` with C of 1 to 4 (2 is grey and alpha, 4 is RGB and alpha)
        - Output: ``(H, W)``, float32

    Raises:
        DataError: If the array is empty, of another shape, of a type that is not numeric, or has values that are not
            finite.

    References:
        ITU-R BT.601-7, section 2.5.1 (luma).

    Example:
        >>> to_gray(np.array([[[255, 0, 0], [0, 255, 0], [9, 9, 9]]], dtype=np.uint8)).tolist()
        [[76.0, 150.0, 9.0]]
        >>> to_gray(np.array([[1000, 1000, 1000]], dtype=np.uint16)).tolist()
        [[0.0, 0.0, 0.0]]
    """
    pixels = _checked(pixels, name)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    elif pixels.dtype not in (np.uint8, np.uint16):
        pixels = pixels.astype(np.float32)
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY) if pixels.shape[2] > 2 \
            else pixels[..., 0]
    return pixels.astype(np.float32) if pixels.dtype == np.uint8 else _stretch(pixels)


def to_mask(pixels: np.ndarray, name: str = 'mask') -> np.ndarray:
    """Turn decoded pixels into target 1, background 0.

    A pixel is target where its brightest channel (alpha ignored) lies above half of full scale. Full scale is the
    smallest of 1, 255 and 65535 that the mask's values do not exceed, so 0/1, boolean, 0/255, colour and 16-bit
    masks all mean what they look like, and an anti-aliased 8-bit edge is target from 128 on.

    Args:
        name: What an error message calls the mask.

    Shape:
        - pixels: ``(H, W)`` or ``(H, W, C)``
        - Output: ``(H, W)``, uint8

    Raises:
        DataError: If the mask is not all zero and yet nothing lies above half of full scale (for example 0 and 38):
            such values are labels of something else, and dropping them would lose targets in silence. Also if it
            holds negative values, values above 65535 or not finite ones.

    Example:
        >>> to_mask(np.array([[0, 1]], dtype=np.uint8)).tolist(), to_mask(np.array([[1, 127, 128, 255]])).tolist()
        ([[0, 1]], [[0, 0, 1, 1]])
    """
    pixels = _checked(pixels, name)
    if pixels.ndim == 3:
        pixels = pixels[..., :3].max(axis=2) if pixels.shape[2] > 2 else pixels[..., 0]
    low, high = pixels.min(), pixels.max()
    if low < 0 or high > 65535:
        raise DataError(f'{name}: a mask with values {low} to {high}; expected 0/1, 0/255 or 0/65535. '
                        'Save it as an 8-bit image of 0 and 255.')
    full = next(scale for scale in (1, 255, 65535) if high <= scale)
    mask = (pixels > full / 2).astype(np.uint8)
    if high > 0 and not mask.any():
        raise DataError(f'{name}: the mask is not empty, but its largest value is {high}, below half of {full}; '
                        'target and background cannot be told apart. Save it as an 8-bit image of 0 and 255.')
    return mask


def _stretch(pixels: np.ndarray) -> np.ndarray:
    """Map the values of ``pixels`` onto 0..255, see :func:`to_gray`."""
    pixels = np.ascontiguousarray(pixels)
    low, high = float(pixels.min()), float(pixels.max())
    if low == high:
        return np.zeros(pixels.shape, np.float32)
    least = float(np.maximum(pixels, cv2.erode(pixels, _NEIGHBOURS)).min())
    most = float(np.minimum(pixels, cv2.dilate(pixels, _NEIGHBOURS)).max())
    knots, first = np.unique([low, *((least, most) if least < most else (low, high)), high], return_index=True)
    levels = np.array([0.0, *_SCENE, 255.0])[first]
    levels[-1] = 255.0
    return np.interp(pixels, knots, levels).astype(np.float32)


def _checked(pixels: np.ndarray, name: str) -> np.ndarray:
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or (pixels.ndim == 3 and pixels.shape[2] > 4):
        raise DataError(f'{name}: an array of shape {pixels.shape}; expected (H, W) or (H, W, C) with C of 1 to 4.')
    if pixels.dtype != bool and pixels.dtype.kind not in 'uif':
        raise DataError(f'{name}: values of type {pixels.dtype}; expected booleans, integers or floats.')
    if pixels.dtype.kind == 'f' and not np.isfinite(pixels).all():
        raise DataError(f'{name}: holds values that are not finite (nan or inf). Replace them before use.')
    return pixels


def _is_deep_png(path: _PathLike) -> bool:
    with open(path, 'rb') as file:
        head = file.read(26)
    return head[:8] == b'\x89PNG\r\n\x1a\n' and head[24:25] == b'\x10'


def _is_tiff(path: _PathLike) -> bool:
    with open(path, 'rb') as file:
        return file.read(4) in (b'II*\0', b'MM\0*')


def _is_deep_colour(source: Image.Image) -> bool:
    """Whether a TIFF has several samples a pixel, of more than 8 bits."""
    bits = getattr(source, 'tag_v2', {}).get(_BITS_PER_SAMPLE, ())
    return len(bits) > 1 and max(bits) > 8


def _check_samples(path: _PathLike) -> None:
    """Refuse a TIFF whose samples OpenCV would mix up without a word."""
    with open(path, 'rb') as file:
        tags = ImageFileDirectory_v2(file.read(8))
        file.seek(tags.next)
        tags.load(file)
    bits, apart = tags.get(_BITS_PER_SAMPLE, ()), tags.get(_PLANES) == 2
    if len(bits) == 2 or apart and len(bits) > 1:
        raise OSError(f'a TIFF of {len(bits)} samples of {max(bits)} bits '
                      f'{"in planes of their own" if apart else "a pixel"} is not read')


def _decode_deep(path: _PathLike) -> np.ndarray:
    if _is_tiff(path):
        _check_samples(path)
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise OSError('the pixels cannot be decoded')
    return pixels[..., 2::-1] if pixels.ndim == 3 else pixels


def _open(path: _PathLike, use: Callable, use_pixels: Callable):
    """Hand the opened file to ``use``; what its content makes Pillow or OpenCV raise becomes a DataError.

    A TIFF of pixels that Pillow does not know (colours in float or beyond 16 bits) is decoded for ``use_pixels``.
    """
    try:
        try:
            with Image.open(path) as source:
                return use(source)
        except UnidentifiedImageError:
            if not _is_tiff(path):
                raise
            return use_pixels(_decode_deep(path))
    except FileNotFoundError:
        raise DataError(f'{path}: no such file. Check the data set\'s folder, or the list that names it.') from None
    except Image.DecompressionBombError as error:
        raise DataError(f'{path}: {error} If the file is meant to be that large, cut it into tiles first.') from None
    except _DAMAGED as error:
        _refuse(path, error)


def _refuse(path: _PathLike, error: Exception) -> NoReturn:
    if Path(path).is_dir():
        reason = 'is a folder'
    elif isinstance(error, PermissionError):
        reason = 'may not be read (permission denied)'
    elif Path(path).stat().st_size == 0:
        reason = 'is empty (0 bytes)'
    else:
        reason = f'cannot be decoded: {error}'
    raise DataError(f'{path}: {reason}. Expected a readable image ({", ".join(IMAGE_SUFFIXES)}); '
                    'fetch or export the file anew.') from error


@functools.cache
def _warn_about_size(path: str, found: tuple[int, int], wanted: tuple[int, int]) -> None:
    warnings.warn('{}: the mask is {}x{}, its image {}x{} (width x height); the mask was resampled to the image '
                  '(nearest).'.format(path, *found[::-1], *wanted[::-1]), stacklevel=3)
