"""Rules that say from which response on a pixel is a target.

A rule is a class in ``THRESHOLDS``: ``rule(response)`` gives the threshold of an image, and a pixel is a target where
its response is above. An image whose responses are all equal has no target under any rule. ``describe()`` gives the
rule's name, parameters and origin for ``results.json``.
"""

import math
from typing import Any

import numpy as np

from ...errors import ConfigError
from ...registry import THRESHOLDS
from ..threshold_files import is_oracle, read_threshold_file

__all__ = ['AdaptiveThreshold', 'BestThreshold', 'FixedThreshold', 'build_threshold']


@THRESHOLDS.register_module()
class FixedThreshold:
    r"""A share of the image's range of responses: the same value on every map that is scaled to 0..1.

    .. math:: t = \min R + s (\max R - \min R)

    Args:
        share: ``s``, between 0 and 1.

    Note:
        The largest response of an image is always a target, in images without one as well.

    Example:
        >>> FixedThreshold(0.5)(np.array([[1.0, 5.0]]))
        3.0
    """

    def __init__(self, share: float = 0.5) -> None:
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
            raise ConfigError(f'share={share!r}: 0 <= share < 1 is expected, a share of the range of responses.')
        self.share = share

    def __call__(self, response: np.ndarray) -> float:
        low, high = float(response.min()), float(response.max())
        return low + self.share * (high - low) if low < high else high

    def describe(self) -> dict[str, Any]:
        """Name, parameters and origin."""
        return dict(rule='FixedThreshold', share=self.share, origin='the config')


@THRESHOLDS.register_module()
class AdaptiveThreshold:
    r"""Mean plus ``k`` standard deviations of the image's responses.

    .. math:: t = \mu(R) + k\, \sigma(R)

    Args:
        k: Above 0.

    Note:
        By Chebyshev's inequality at most ``1 / (1 + k^2)`` of an image's pixels are above: 3.8 % for ``k = 5``.

    Example:
        >>> AdaptiveThreshold(1.0)(np.array([[0.0, 4.0]]))
        4.0
    """

    def __init__(self, k: float) -> None:
        if isinstance(k, bool) or not isinstance(k, int | float) or not 0 < k < math.inf:
            raise ConfigError(f'k={k!r}: a finite number of standard deviations above 0 is expected.')
        self.k = k

    def __call__(self, response: np.ndarray) -> float:
        high = float(response.max())
        return float(response.mean() + self.k * response.std()) if response.min() < high else high

    def describe(self) -> dict[str, Any]:
        """Name, parameters and origin."""
        return dict(rule='AdaptiveThreshold', k=self.k, origin='the config')


@THRESHOLDS.register_module()
class BestThreshold:
    """One value for all images, the one of the highest IoU on a list of images that is named.

    Args:
        value: The threshold, at least 0.
        origin: How it was found; ``tools/tune_threshold.py`` writes data set, split, number of images and IoU.
        scale: ``'response'``: the value is a response; ``'range'``: it is a share of the range of an image's
            responses, as in :class:`FixedThreshold`.

    Note:
        If the list is the test list, what is measured there is an upper bound for this rule and no test: ``oracle`` is
        true in the result.
    """

    def __init__(self, value: float, origin: dict | str, scale: str = 'response') -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise ConfigError(f'value={value!r}: a finite number of at least 0 is expected.')
        if scale not in ('response', 'range'):
            raise ConfigError(f"scale={scale!r} is not known. Choose 'response' or 'range'.")
        self.value, self.origin, self.scale = float(value), origin, scale

    def __call__(self, response: np.ndarray) -> float:
        low, high = float(response.min()), float(response.max())
        value = self.value if self.scale == 'response' else low + self.value * (high - low)
        return value if low < high else max(value, high)

    def describe(self) -> dict[str, Any]:
        """Name, value and origin, and whether the value was chosen on the test list."""
        return dict(rule='BestThreshold', value=self.value, scale=self.scale, origin=self.origin,
                    oracle=is_oracle(self.origin))


def build_threshold(rule: dict | str) -> Any:
    """The rule of a config, or of the JSON file that ``tools/tune_threshold.py`` writes.

    Raises:
        ConfigError: If the file is missing or holds no rule.
    """
    if not isinstance(rule, str):
        return THRESHOLDS.build(rule)
    value, scale, origin = read_threshold_file(rule)
    return BestThreshold(value, origin, scale)
