"""Tell from the image alone in which region its brightest local spot stands."""

from typing import ClassVar

import numpy as np
from scipy import ndimage

from irstd_toolbox import hookimpl
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors import Scene, TextPriorProvider

NO_SPOT = 'No bright spot stands out in the infrared image.'


class BrightestProvider(TextPriorProvider):
    """Name the ninth of the image that holds the pixel of the largest local contrast.

    The contrast of a pixel is the mean of the ``spot x spot`` box around it less the largest such mean ``distance``
    pixels away in the eight directions, so that an edge or a large bright area has none:

    .. math::
        c(p) = \\bar I(p) - \\max_{q \\in N_8(p)} \\bar I(q)

    Args:
        spot: Side of the box in pixels, odd; about a target's.
        distance: Distance of the boxes that it is compared with; not below ``spot``, or they overlap.
        threshold: Least contrast, in grey levels of 0..255, that counts as a spot.

    Raises:
        ConfigError: If ``spot`` is not odd, ``distance`` is smaller, or ``threshold`` is negative or no number.

    Example:
        >>> image = np.zeros((30, 30), np.float32)
        >>> image[4, 25] = 255
        >>> BrightestProvider().describe(Scene(image, mask=None, image_id='a'))
        'The brightest spot stands in the upper right region of the infrared image.'
    """

    uses_ground_truth: ClassVar[bool] = False

    def __init__(self, spot: int = 3, distance: int = 5, threshold: float = 1.0) -> None:
        if not (isinstance(spot, int) and isinstance(distance, int) and spot % 2 == 1 and 0 < spot <= distance):
            raise ConfigError(f'brightest: spot={spot!r}, distance={distance!r}; expected an odd whole number and one '
                              'that is not smaller.')
        if not (isinstance(threshold, int | float) and threshold >= 0):
            raise ConfigError(f'brightest: threshold={threshold!r}; expected a number from 0.')
        self.spot, self.threshold = spot, threshold
        self.around = np.zeros((2 * distance + 1, 2 * distance + 1), dtype=bool)
        self.around[::distance, ::distance] = True
        self.around[distance, distance] = False

    def describe(self, scene: Scene) -> str:
        mean = ndimage.uniform_filter(scene.image.astype(np.float64), self.spot)
        contrast = mean - ndimage.maximum_filter(mean, footprint=self.around)
        row, col = np.unravel_index(contrast.argmax(), contrast.shape)
        if contrast[row, col] < self.threshold:
            return NO_SPOT
        height, width = contrast.shape
        words = [('upper', '', 'lower')[3 * row // height], ('left', '', 'right')[3 * col // width]]
        region = ' '.join(word for word in words if word) or 'central'
        return f'The brightest spot stands in the {region} region of the infrared image.'


@hookimpl
def register_text_prior_providers(register) -> None:
    register(BrightestProvider, name='brightest')
