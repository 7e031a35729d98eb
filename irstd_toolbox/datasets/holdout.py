"""Carve a validation part from a training list.

Loads neither torch nor mmengine.
"""

import hashlib
from collections.abc import Sequence

from irstd_toolbox.errors import ConfigError, DataError

__all__ = ['PARTS', 'carve']

PARTS = ('fit', 'holdout')
"""What is trained on, and what is held out for validation."""


def carve(ids: Sequence[str], fraction: float, part: str, seed: int = 0) -> tuple[str, ...]:
    """One of the two parts of ``ids``, in their order.

    Held out are the ``round(fraction * n)`` ids (at least 1, at most n - 1) whose SHA-256 of ``'SEED:ID'`` is least.
    So the parts depend on the ids and the seed alone: not on their order, the process, the rank or the machine.

    Args:
        fraction: Share to hold out, from 0 (``'fit'`` is everything) to below 1.
        part: ``'fit'`` or ``'holdout'``.

    Raises:
        ConfigError: If ``fraction`` or ``part`` is not as said, or nothing is held out and ``'holdout'`` asked for.
        DataError: If there are fewer than two ids to divide.

    Example:
        >>> ids = [f'Misc_{number}' for number in range(10)]
        >>> carve(ids, 0.2, 'holdout'), len(carve(ids, 0.2, 'fit'))
        (('Misc_1', 'Misc_9'), 8)
    """
    if part not in PARTS:
        raise ConfigError(f'part is {part!r}; expected one of {", ".join(PARTS)}.')
    if not 0 <= fraction < 1:
        raise ConfigError(f'holdout is {fraction}; expected a share from 0 to below 1, for example 0.1.')
    if fraction == 0:
        if part == 'holdout':
            raise ConfigError("part='holdout' of holdout=0 is nothing. Set holdout, for example to 0.1, or take the "
                              "whole list, part='fit'.")
        return tuple(ids)
    if len(ids) < 2:
        raise DataError(f'holdout={fraction} of {len(ids)} images leaves one part empty; expected two images or more. '
                        'Set holdout=0 or give a longer list.')
    count = min(max(round(fraction * len(ids)), 1), len(ids) - 1)
    held = set(sorted(ids, key=lambda image_id: _digest(image_id, seed))[:count])
    return tuple(image_id for image_id in ids if (image_id in held) == (part == 'holdout'))


def _digest(image_id: str, seed: int) -> bytes:
    return hashlib.sha256(f'{seed}:{image_id}'.encode()).digest()
