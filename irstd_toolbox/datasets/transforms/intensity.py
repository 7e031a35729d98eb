"""Transforms of the levels alone: where things are does not change, so neither do mask and sentence."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from irstd_toolbox.datasets.transforms.arguments import as_probability, as_range, image_of
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import TRANSFORMS

__all__ = ['RandomBlur', 'RandomIntensity']


@TRANSFORMS.register_module()
class RandomIntensity(BaseTransform):
    r"""Another gain, offset, gamma and noise of the sensor.

    .. math::
        y = 255 \left( \frac{\operatorname{clip}(g x + b,\, 0,\, 255)}{255} \right)^{\gamma},
        \qquad z = \operatorname{clip}(y + n,\, 0,\, 255), \quad n \sim \mathcal N(0, \sigma^2)

    with g, b, gamma and sigma uniform in their ranges. CLIP's copy of the scene is not touched.

    Args:
        gain: Range of g, from 0.
        bias: Range of b, in levels.
        gamma: Range of gamma, above 0.
        noise: Range of sigma, in levels, from 0.
        prob: Probability of doing it at all.

    Raises:
        ConfigError: If a range is not ``(smallest, largest)`` within its bounds, or ``prob`` not a probability.
    """

    def __init__(self, gain: Sequence[float] = (0.8, 1.2), bias: Sequence[float] = (-20.0, 20.0),
                 gamma: Sequence[float] = (0.8, 1.25), noise: Sequence[float] = (0.0, 4.0), prob: float = 0.5) -> None:
        self.gain = as_range('RandomIntensity', 'gain', gain, low=0)
        self.bias = as_range('RandomIntensity', 'bias', bias)
        self.gamma = as_range('RandomIntensity', 'gamma', gamma, low=0)
        self.noise = as_range('RandomIntensity', 'noise', noise, low=0)
        self.prob = as_probability('RandomIntensity', 'prob', prob)
        if self.gamma[0] == 0:
            raise ConfigError(f'RandomIntensity: gamma={gamma!r}; expected a range above 0, such as (0.8, 1.25).')

    def transform(self, results: dict) -> dict:
        image = image_of('RandomIntensity', results)
        if np.random.random_sample() >= self.prob:
            return results
        gain, bias, gamma, sigma = (np.random.uniform(*ends) for ends in (self.gain, self.bias, self.gamma, self.noise))
        levels = 255 * ((gain * image + bias).clip(0, 255) / 255) ** gamma
        if sigma > 0:
            levels = levels + np.random.normal(0, sigma, image.shape)
        results['img'] = levels.clip(0, 255).astype(np.float32)
        return results


@TRANSFORMS.register_module()
class RandomBlur(BaseTransform):
    """Gaussian blur of a random width; the border is mirrored about its outermost pixels.

    Args:
        sigma: Range of the standard deviation, in pixels, from 0; below 0.01 nothing is done.
        prob: Probability of doing it at all.

    Raises:
        ConfigError: If ``sigma`` is not ``(smallest, largest)``, or ``prob`` not a probability.

    Note:
        A blur takes contrast from point targets: of a single bright pixel, 16 % remains at a sigma of 1 and 4 % at 2.
    """

    def __init__(self, sigma: Sequence[float] = (0.0, 1.0), prob: float = 0.5) -> None:
        self.sigma = as_range('RandomBlur', 'sigma', sigma, low=0)
        self.prob = as_probability('RandomBlur', 'prob', prob)

    def transform(self, results: dict) -> dict:
        image = image_of('RandomBlur', results)
        if np.random.random_sample() >= self.prob:
            return results
        sigma = np.random.uniform(*self.sigma)
        if sigma >= 0.01:
            results['img'] = cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
        return results
