"""Checks that several transforms share: of their arguments, and of the sample that reaches them."""

import math
from collections.abc import Sequence

import numpy as np

from irstd_toolbox.errors import ConfigError

__all__ = ['as_length', 'as_probability', 'as_range', 'as_size', 'image_of', 'mask_of']


def as_size(owner: str, size: int | Sequence[int]) -> tuple[int, int]:
    """``(H, W)`` from an int (square) or a pair.

    Raises:
        ConfigError: If it is neither, or not positive.

    Example:
        >>> as_size('Resize', 512), as_size('Resize', [240, 320])
        ((512, 512), (240, 320))
    """
    pair = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, Sequence) else ()
    if len(pair) != 2 or not all(map(_is_length, pair)):
        raise ConfigError(f'{owner}: size={size!r}; expected a positive int, or (height, width).')
    return pair


def as_length(owner: str, size: int) -> int:
    """``size``, if it is a positive int.

    Raises:
        ConfigError: If it is not; a pair is none.
    """
    if not _is_length(size):
        raise ConfigError(f'{owner}: size={size!r}; expected a positive int.')
    return size


def _is_length(value: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def as_probability(owner: str, name: str, value: float) -> float:
    """``value``, if it is one.

    Raises:
        ConfigError: If it is not within 0..1.
    """
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f'{owner}: {name}={value!r}; expected a probability, 0 to 1.')
    return float(value)


def as_range(owner: str, name: str, value: Sequence[float], low: float = -np.inf) -> tuple[float, float]:
    """``(smallest, largest)``, both finite and at least ``low``.

    Raises:
        ConfigError: If it is not such a pair.
    """
    pair = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else ()
    if (len(pair) != 2 or not all(isinstance(end, int | float) and math.isfinite(end) for end in pair)
            or not low <= pair[0] <= pair[1]):
        floor = '' if low == -np.inf else f', neither below {low:g}'
        raise ConfigError(f'{owner}: {name}={value!r}; expected (smallest, largest), finite{floor}.')
    return float(pair[0]), float(pair[1])


def image_of(owner: str, results: dict) -> np.ndarray:
    """The sample's image.

    Raises:
        ConfigError: If there is none yet, or it is not 2-D.
    """
    if 'img' not in results:
        raise ConfigError(f'{owner} needs an image; put LoadImage before it in the pipeline.')
    image = results['img']
    if image.ndim != 2:
        raise ConfigError(f'{owner} got an image of shape {image.shape}; expected (H, W). Load it with LoadImage.')
    return image


def mask_of(owner: str, results: dict) -> np.ndarray | None:
    """The sample's mask, None where it has none.

    Raises:
        ConfigError: If its size is not the image's.
    """
    mask = results.get('gt_mask')
    if mask is not None and mask.shape != results['img'].shape:
        raise ConfigError(
            f'{owner} got a mask of shape {mask.shape} and an image of shape {results["img"].shape}; expected the '
            'same. Put LoadTargetMask before whatever changes the image in training, and after Resize in testing.')
    return mask
