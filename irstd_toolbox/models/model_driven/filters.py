"""Filters: the image less a background that a filter estimates, or its band-pass response.

Where the response would be negative it is 0: targets are brighter than what surrounds them.
"""

import functools
from collections.abc import Sequence

import cv2
import numpy as np
from scipy.ndimage import gaussian_laplace

from ...errors import ConfigError
from ...registry import METHODS
from .windows import lines, odd_size

__all__ = ['MSLoG', 'MaxMean', 'MaxMedian', 'TopHat']


@METHODS.register_module()
class TopHat:
    r"""White top-hat: what an opening by a flat square removes.

    .. math:: R = I - ((I \ominus S) \oplus S)

    Args:
        size: Side of the square ``S``; a bright region narrower than it is removed by the opening.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        Pixels beyond the border take no part in the erosion and the dilation.

    References:
        Tom, Peli, Leung, Bondaryk: Morphology-based algorithm for point target detection in infrared backgrounds,
        SPIE 1954, 1993. Size 5 as in the public ISTD-python.

    Example:
        >>> image = np.full((9, 9), 50.0); image[4, 4] = 90.0
        >>> TopHat()(image)[4].tolist()
        [0.0, 0.0, 0.0, 0.0, 40.0, 0.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, size: int = 5) -> None:
        self.kernel = np.ones((odd_size('size', size),) * 2, np.uint8)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return image - cv2.dilate(cv2.erode(image, self.kernel), self.kernel)


@METHODS.register_module()
class MaxMedian:
    r"""The image less the largest of four medians.

    .. math:: R = \max(0, I - \max_{l=1}^{4} \operatorname{median}(L_l))

    ``L_l`` are the pixels of the horizontal, the vertical and the two diagonal lines through a pixel: an edge of any of
    these directions is in one of the medians and leaves the response.

    Args:
        size: Pixels of a line.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        A median forgets a target that covers less than half of its line. The border is mirrored.

    References:
        Deshpande, Er, Venkateswarlu, Chan: Max-mean and max-median filters for detection of small targets, SPIE 3809,
        1999. Size 15 as in the public ISTD-python, whose second diagonal, however, overwrites the first.
    """

    def __init__(self, size: int = 15) -> None:
        self.size = odd_size('size', size)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return np.maximum(image - functools.reduce(np.maximum, map(_median, lines(image, self.size))), 0)


def _median(line: np.ndarray) -> np.ndarray:
    """Over the first axis of ``(size, H, W)``, which is left in another order."""
    line.partition(len(line) // 2, axis=0)
    return line[len(line) // 2].copy()


@METHODS.register_module()
class MaxMean:
    r"""The image less the largest of four means.

    .. math:: R = \max(0, I - \max_{l=1}^{4} \operatorname{mean}(L_l))

    Args:
        size: Pixels of a line; the lines are those of :class:`MaxMedian`.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        The border is mirrored.

    References:
        As :class:`MaxMedian`.
    """

    def __init__(self, size: int = 15) -> None:
        self.size = odd_size('size', size)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        raised = image - image.min()
        means = map(functools.partial(np.mean, axis=0), lines(raised, self.size))
        return np.maximum(raised - functools.reduce(np.maximum, means), 0)


@METHODS.register_module()
class MSLoG:
    r"""Scale-normalised Laplacian of Gaussian, the largest over several scales.

    .. math:: R = \max(0, \max_\sigma -\sigma^2 \nabla^2 (G_\sigma * I))

    Args:
        sigmas: Standard deviations of the Gaussian in pixels; a disc of radius ``r`` answers most at ``r / sqrt(2)``.

    Shape:
        - image: ``(H, W)``
        - Output: the same

    Note:
        The scales are ours: they match discs of radius 1.4 to 4.2 pixels. The paper picks one scale a target by its
        signal-to-clutter ratio; ours is the maximum over scales, as in later comparisons. The border is mirrored.

    References:
        Kim, Lee: Scale invariant small target detection by optimizing signal-to-clutter ratio in heterogeneous
        background for infrared search and track, Pattern Recognition 45, 2012.
    """

    def __init__(self, sigmas: Sequence[float] = (1.0, 1.5, 2.0, 2.5, 3.0)) -> None:
        if not isinstance(sigmas, list | tuple) or not sigmas or not all(
                isinstance(sigma, int | float) and 0 < sigma < float('inf') for sigma in sigmas):
            raise ConfigError(f'sigmas={sigmas!r}: a list of at least one standard deviation above 0 is expected.')
        self.sigmas = tuple(sigmas)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        raised = image - image.min()
        scales = [-sigma ** 2 * gaussian_laplace(raised, sigma, mode='reflect') for sigma in self.sigmas]
        return np.maximum(np.max(scales, axis=0), 0)
