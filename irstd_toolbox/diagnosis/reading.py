"""One look at every file of a data set: sizes, modes, mask levels, targets, fingerprint."""

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from irstd_toolbox.datasets.imaging import align_mask, read_pixels, to_gray, to_mask
from irstd_toolbox.datasets.inventory import Layout
from irstd_toolbox.diagnosis.duplicates import Fingerprint, fingerprint
from irstd_toolbox.diagnosis.statistics import Target, find_targets
from irstd_toolbox.errors import DataError

__all__ = ['ImageFacts', 'MaskFacts', 'between', 'examine', 'in_threads', 'inspect']

_MOST_THREADS = 8


@dataclass(frozen=True)
class MaskFacts:
    """What one mask file holds.

    Args:
        mode: Pillow's name of the pixel format, or channels and type where it has none.
        shape: Its own ``(H, W)``.
        greys: Its values that are neither background nor full scale.
        foreground: Target pixels at its own size.
        aligned: Target pixels at the image's size.
    """

    mode: str
    shape: tuple[int, int]
    greys: tuple[float, ...]
    foreground: int
    aligned: int


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """What one image and its mask hold.

    Args:
        image_id: The id.
        mode: As of :class:`MaskFacts`; empty if the image cannot be read.
        shape: ``(H, W)``; ``(0, 0)`` if the image cannot be read.
        mean: Of its grey levels.
        std: Their standard deviation.
        equal_channels: Whether all colour channels are the same.
        fingerprint: What tells it from others; None if the image cannot be read.
        mask: None if there is no mask, or it cannot be read.
        targets: Its targets.
        errors: The message of every file of it that cannot be read.
    """

    image_id: str
    mode: str = ''
    shape: tuple[int, int] = (0, 0)
    mean: float = 0.0
    std: float = 0.0
    equal_channels: bool = True
    fingerprint: Fingerprint | None = None
    mask: MaskFacts | None = None
    targets: tuple[Target, ...] = ()
    errors: tuple[str, ...] = ()


def inspect(layout: Layout, image_id: str, with_mask: bool = True) -> ImageFacts:
    """Look at one image, and its mask if there is one."""
    path = layout.images[image_id]
    try:
        pixels = read_pixels(path)
        gray, mode = to_gray(pixels, name=str(path)), _mode(path, pixels)
    except DataError as error:
        return ImageFacts(image_id, errors=(str(error),))
    equal = pixels.ndim == 2 or not (
        (pixels[..., 0] != pixels[..., 1]).any() or (pixels[..., 1] != pixels[..., -1]).any())
    facts = functools.partial(ImageFacts, image_id, mode, gray.shape, float(gray.mean(dtype=np.float64)),
                              float(gray.std(dtype=np.float64)), bool(equal), fingerprint(gray))
    if not with_mask or image_id not in layout.masks:
        return facts()
    path = layout.masks[image_id]
    try:
        pixels = read_pixels(path)
        mask = to_mask(pixels, name=str(path))
        aligned = mask if mask.shape == gray.shape else align_mask(mask, gray.shape)
        about = MaskFacts(_mode(path, pixels), mask.shape, between(pixels), int(mask.sum()), int(aligned.sum()))
    except DataError as error:
        return facts(errors=(str(error),))
    return facts(about, find_targets(image_id, gray, aligned))


def examine(layout: Layout, with_masks: bool = True, workers: int | None = None) -> Iterator[ImageFacts]:
    """Look at every image, in the order of the layout."""
    return in_threads(functools.partial(inspect, layout, with_mask=with_masks), layout.images, workers)


def in_threads(work: Callable, items: Iterable[str], workers: int | None = None) -> Iterator:
    """``work(item)`` of every item, in order; decoding files and summing arrays leave Python's lock free.

    Args:
        workers: Threads; None takes one a processor, at most 8.
    """
    with ThreadPoolExecutor(workers or min(os.cpu_count() or 1, _MOST_THREADS)) as pool:
        yield from pool.map(work, items)


def between(pixels: np.ndarray) -> tuple[float, ...]:
    """The values of a mask that are neither 0 nor full scale, which is the smallest of 1, 255 and 65535 that holds all.

    Shape:
        - pixels: ``(H, W)``, or ``(H, W, C)``, of which the brightest channel counts

    Example:
        >>> between(np.array([[0, 255, 7]], np.uint8)), between(np.array([[0, 1]], np.uint8))
        ((7,), ())
    """
    if pixels.dtype == bool:
        return ()
    if pixels.ndim == 3:
        pixels = pixels.max(axis=2)
    values = np.flatnonzero(np.bincount(pixels.ravel(), minlength=256)) if pixels.dtype == np.uint8 \
        else np.unique(pixels)
    full = next((scale for scale in (1, 255, 65535) if values[-1] <= scale), values[-1])
    return tuple(values[(values != 0) & (values != full)].tolist())


def _mode(path: Path, pixels: np.ndarray) -> str:
    try:
        with Image.open(path) as source:
            return source.mode
    except UnidentifiedImageError:
        return f'{"RGB" if pixels.ndim == 3 else "L"} {pixels.dtype}'
