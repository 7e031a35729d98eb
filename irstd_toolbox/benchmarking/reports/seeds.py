"""A metric over seeds: mean and deviation, and how they are shown."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from irstd_toolbox.evaluation.units import scale_of

__all__ = ['DASH', 'Figure', 'figure', 'rounded', 'shown']

DASH = '–'
"""What is shown where there is no value."""


@dataclass(frozen=True)
class Figure:
    """A metric of one row over its seeds.

    Args:
        mean: Over the seeds where it is defined; None if it is nowhere.
        std: Sample standard deviation (n - 1) over them; None for fewer than two.
        n: Seeds where it is defined.
        of: All seeds.
    """

    mean: float | None
    std: float | None
    n: int
    of: int


def figure(values: Sequence[float | None]) -> Figure:
    """Mean and sample standard deviation over seeds; None is undefined and left out.

    Example:
        >>> figure([0.5, 0.75, None])
        Figure(mean=0.625, std=0.1767766952966369, n=2, of=3)
    """
    known = [value for value in values if value is not None]
    return Figure(math.fsum(known) / len(known) if known else None,
                  statistics.stdev(known) if len(known) > 1 else None, len(known), len(values))


def shown(one: Figure, metric: str) -> str:
    """Two decimals, with deviation and number of seeds where there is something to say.

    Example:
        >>> shown(figure([0.5, 0.7, None]), 'IoU'), shown(figure([4.09e-6]), 'Fa'), shown(figure([None]), 'Pd')
        ('60.00 ± 14.14 (2 of 3)', '4.09', '–')
    """
    if one.mean is None:
        return DASH
    scale = scale_of(metric)
    spread = '' if one.std is None else f' ± {one.std * scale:.2f}'
    return f'{one.mean * scale:.2f}{spread}' + (f' ({one.n} of {one.of})' if one.n < one.of else '')


def rounded(one: Figure, metric: str) -> float | None:
    """The mean as it is shown: what a reader sees as equal ranks equal."""
    return None if one.mean is None else float(f'{one.mean * scale_of(metric):.2f}')
