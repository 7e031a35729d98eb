"""The coarsest language prior: which quadrant of the image holds the target, told from the mask."""

from typing import ClassVar

import numpy as np

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import TEXT_PRIOR_PROVIDERS
from irstd_toolbox.text_priors.provider import TextPriorProvider
from irstd_toolbox.text_priors.scene import Scene

__all__ = ['EMPTY_SENTENCE', 'QuadrantProvider', 'quadrant_of']

EMPTY_SENTENCE = 'No small target is visible in the infrared image.'
"""What the providers that read the mask say of a scene without targets."""

_RULES = ('largest', 'all', 'union')
_ORDER = ('upper-left', 'upper-right', 'lower-left', 'lower-right')


@TEXT_PRIOR_PROVIDERS.register_module(name='quadrant')
class QuadrantProvider(TextPriorProvider):
    r"""Name the quadrant that holds the centroid of the target.

    With pixel centres at integers, pixels :math:`P`, and an image of :math:`H \times W`,

    .. math::
        \text{left} \iff \frac{1}{|P|} \sum_{(r, c) \in P} c \le \frac{W - 1}{2}, \qquad
        \text{upper} \iff \frac{1}{|P|} \sum_{(r, c) \in P} r \le \frac{H - 1}{2},

    decided in integers, so a centroid on a midline is upper or left exactly. A scene without targets gets
    ``EMPTY_SENTENCE``.

    Args:
        targets: ``'largest'``: one of four sentences, for the target of the largest area (8-connected; equal areas:
            the brighter one, then the first in reading order). ``'all'``: the quadrants of all targets, upper before
            lower and left before right. ``'union'``: the quadrant of the centroid of all target pixels together.

    Raises:
        ConfigError: If ``targets`` is none of the three.

    Note:
        The paper names the four quadrants but no rule for several targets, for midlines or for empty masks; those
        above are this toolbox's.

    References:
        Chib and Singh, LGNet, Sec. 5.6.4.

    Example:
        >>> import numpy as np
        >>> mask = np.eye(4, dtype=np.uint8)[::-1] * np.array([0, 0, 0, 1], dtype=np.uint8)
        >>> QuadrantProvider().describe(Scene(np.zeros((4, 4), np.float32), mask, 'a'))
        'The small target lies in the upper-right quadrant of the infrared image.'
    """

    uses_ground_truth: ClassVar[bool] = True

    def __init__(self, targets: str = 'largest') -> None:
        if targets not in _RULES:
            raise ConfigError(f'quadrant: targets={targets!r}; expected one of {", ".join(_RULES)}.')
        self.rule = targets

    def describe(self, scene: Scene) -> str:
        targets = scene.targets()
        if not targets:
            return EMPTY_SENTENCE
        shape = scene.image.shape
        if self.rule == 'largest' or len(targets) == 1:
            quadrant = quadrant_of(targets[0].rows, targets[0].cols, shape)
            return f'The small target lies in the {quadrant} quadrant of the infrared image.'
        if self.rule == 'union':
            rows, cols = scene.mask.nonzero()
            quadrant = quadrant_of(rows, cols, shape)
            return f'The center of the small targets lies in the {quadrant} quadrant of the infrared image.'
        found = {quadrant_of(target.rows, target.cols, shape) for target in targets}
        *others, last = [quadrant for quadrant in _ORDER if quadrant in found]
        if not others:
            return f'The small targets lie in the {last} quadrant of the infrared image.'
        return f'The small targets lie in the {", ".join(others)} and {last} quadrants of the infrared image.'


def quadrant_of(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> str:
    """The quadrant of a set of pixels by its centroid; on a midline upper or left.

    Shape:
        - rows, cols: ``(area,)``, integers

    Example:
        >>> quadrant_of([0], [2], (3, 3)), quadrant_of([2], [1], (3, 3))
        ('upper-right', 'lower-left')
    """
    count, (height, width) = len(rows), shape
    vertical = 'upper' if 2 * int(np.sum(rows)) <= (height - 1) * count else 'lower'
    horizontal = 'left' if 2 * int(np.sum(cols)) <= (width - 1) * count else 'right'
    return f'{vertical}-{horizontal}'
