"""Whether what a description claims is true of a mask."""

from collections.abc import Sequence

from irstd_toolbox.text_priors.regions import Reading, Region
from irstd_toolbox.text_priors.scene import Target

__all__ = ['SLACK', 'VERDICTS', 'agrees', 'count_agrees', 'position']

SLACK = 0.1
"""How far beyond its border a side still holds, as a part of the image's height or width."""

VERDICTS = ('agree', 'partial', 'disagree', 'unknown')

_SPANS = {'upper': (0.0, 0.5), 'left': (0.0, 0.5), 'lower': (0.5, 1.0), 'right': (0.5, 1.0), 'center': (1 / 3, 2 / 3)}


def position(target: Target, shape: tuple[int, int]) -> tuple[float, float]:
    """A target's centroid as parts of the image's height and width, pixel centres at halves.

    Example:
        >>> import numpy as np
        >>> position(Target(np.array([0]), np.array([3])), (4, 4))
        (0.125, 0.875)
    """
    height, width = shape
    return (float(target.rows.mean()) + 0.5) / height, (float(target.cols.mean()) + 0.5) / width


def agrees(reading: Reading, targets: Sequence[Target], shape: tuple[int, int], slack: float = SLACK) -> str:
    r"""Whether the regions of a description hold the targets of the mask.

    With the centroid at :math:`(y, x)` in parts of height and width and a slack :math:`s`, upper is true for
    :math:`y \le 1/2 + s`, lower for :math:`y \ge 1/2 - s`, center for :math:`1/3 - s \le y \le 2/3 + s`, and likewise
    left, right and center for :math:`x`.

    Args:
        slack: ``s``.

    Returns:
        - ``'agree'``: every region named holds a target on all axes it names, and every target is in a region named
          (the latter is not asked where the description says that targets are spread out). Also a description that
          counts no target, of an empty mask.
        - ``'partial'``: some of that holds, be it one axis of one region.
        - ``'disagree'``: nothing of it holds.
        - ``'unknown'``: no region is named, and no absence of targets either.

    Example:
        >>> import numpy as np
        >>> from irstd_toolbox.text_priors.regions import read_description_text
        >>> target = Target(np.array([2]), np.array([7]))
        >>> [agrees(read_description_text(f'A target at the {place}.'), [target], (10, 10))
        ...  for place in ('upper right', 'upper left', 'lower left')]
        ['agree', 'partial', 'disagree']
    """
    nothing = reading.count is not None and reading.count.high == 0
    if not reading.regions:
        if nothing:
            return 'disagree' if targets else 'agree'
        return 'unknown'
    if not targets:
        return 'disagree'
    places = [position(target, shape) for target in targets]
    fits = [[_fit(region, place, slack) for place in places] for region in reading.regions]
    held = all(max(row) == 1 for row in fits)
    covered = reading.spread or all(max(column) == 1 for column in zip(*fits, strict=True))
    if held and covered:
        return 'agree'
    return 'partial' if max(max(row) for row in fits) > 0 else 'disagree'


def count_agrees(reading: Reading, targets: Sequence[Target]) -> str:
    """``'agree'`` or ``'disagree'`` on the number of 8-connected targets, ``'unknown'`` if the text does not count."""
    if reading.count is None:
        return 'unknown'
    return 'agree' if reading.count.holds(len(targets)) else 'disagree'


def _fit(region: Region, place: tuple[float, float], slack: float) -> float:
    """The part of the named axes on which ``region`` holds ``place``."""
    said = [(name, value) for name, value in zip((region.vertical, region.horizontal), place, strict=True) if name]
    return sum(_SPANS[name][0] - slack <= value <= _SPANS[name][1] + slack for name, value in said) / len(said)
