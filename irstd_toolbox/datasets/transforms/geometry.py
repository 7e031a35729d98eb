"""Transforms that stretch, scale, mirror and turn; each says what it does to the sentence."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image
from scipy import ndimage

from irstd_toolbox.datasets.transforms.arguments import (
    as_length,
    as_probability,
    as_range,
    as_size,
    image_of,
    mask_of,
)
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import TRANSFORMS
from irstd_toolbox.text_priors.sentence import OPS, transform_sentence

__all__ = ['RandomFlip', 'RandomRotate90', 'RandomScale', 'Resize', 'apply_op', 'resize_image', 'resize_mask']

_ARRAY_OPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    'identity': lambda array: array,
    'hflip': np.fliplr,
    'vflip': np.flipud,
    'rot90': np.rot90,
    'rot180': lambda array: np.rot90(array, 2),
    'rot270': lambda array: np.rot90(array, 3),
    'transpose': np.transpose,
    'anti_transpose': lambda array: np.rot90(array, 2).T,
}


def apply_op(results: dict, op: str) -> dict:
    """Mirror or turn image, mask, CLIP's copy of the scene and sentence alike.

    Args:
        op: One of the eight operations of :func:`.transform_sentence`.

    Raises:
        ConfigError: If it is none.
    """
    if op not in _ARRAY_OPS:
        raise ConfigError(f'{op!r} is not an operation on images; expected one of {", ".join(OPS)}.')
    for key in ('img', 'gt_mask', 'clip_image'):
        if results.get(key) is not None:
            results[key] = np.ascontiguousarray(_ARRAY_OPS[op](results[key]))
    results['img_shape'] = results['img'].shape
    if results.get('description') is not None:
        results['description'] = transform_sentence(results['description'], op)
    return results


def resize_image(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Stretch to ``shape``: bilinear about pixel centres, averaged over the covered pixels where it shrinks.

    Example:
        >>> resize_image(np.array([[0, 100]], np.float32), (1, 4)).tolist()
        [[0.0, 25.0, 75.0, 100.0]]
    """
    return np.array(Image.fromarray(image).resize(shape[::-1], Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Stretch to ``shape``, every pixel from the nearest one by pixel centres.

    Example:
        >>> resize_mask(np.array([[1, 0, 0, 1]], np.uint8), (1, 2)).tolist()
        [[0, 1]]
    """
    return np.array(Image.fromarray(mask).resize(shape[::-1], Image.Resampling.NEAREST))


class _Resizing(BaseTransform):
    """What Resize and RandomScale share."""

    def __init__(self) -> None:
        self._warned = False

    def resize(self, results: dict, shape: tuple[int, int]) -> dict:
        """Stretch image and mask to ``shape``."""
        owner = type(self).__name__
        image, mask = image_of(owner, results), mask_of(owner, results)
        results['img'], results['img_shape'] = resize_image(image, shape), shape
        if mask is not None:
            results['gt_mask'] = resize_mask(mask, shape)
            self._report_lost_targets(owner, mask, results, shape)
        return results

    def _report_lost_targets(self, owner: str, mask: np.ndarray, results: dict, shape: tuple[int, int]) -> None:
        shrinks = shape[0] < mask.shape[0] or shape[1] < mask.shape[1]
        if self._warned or not shrinks or not mask.any():
            return
        labels, count = ndimage.label(mask, np.ones((3, 3)), output=np.int32)
        lost = count - np.count_nonzero(np.unique(resize_mask(labels, shape)))
        if lost:
            self._warned = True
            warnings.warn(
                f'{owner}: {lost} of {count} targets of {results.get("image_id", "an image")} have no pixel left after '
                f'{mask.shape[0]}x{mask.shape[1]} became {shape[0]}x{shape[1]} (height x width). They count as '
                'background in training. Choose a larger size to keep them. Said once.', stacklevel=4)


@TRANSFORMS.register_module()
class Resize(_Resizing):
    """Stretch the image to one size, whatever its aspect ratio; the mask too, where it is loaded already.

    The sentence stays: a stretch moves nothing to another side.

    Args:
        size: ``(height, width)``, or one int for both.

    Raises:
        ConfigError: If ``size`` is not that, or mask and image differ in size.

    Note:
        The image is resampled by Pillow's bilinear filter, as the loaders of ACM, DNANet and their descendants do:
        between pixel centres where it grows; where it shrinks, a triangle over all pixels covered, so that a target of
        one pixel becomes fainter but never falls between two samples, as it can with OpenCV's bilinear. The mask takes
        the nearest pixel about pixel centres. OpenCV's default for masks and mmseg's counts from corners instead and
        shifts targets of a few pixels by half a pixel against the image (mean IoU 0.73 on NUAA-SIRST).
        A nearest mask that shrinks can lose a target of one or two pixels. It is not put back, for that would not be
        the mask that the image shows; the transform warns once, with the image's id.
    """

    fixed = True

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = as_size('Resize', size)

    def transform(self, results: dict) -> dict:
        return self.resize(results, self.size)


@TRANSFORMS.register_module()
class RandomScale(_Resizing):
    r"""Scale the image so that its long side becomes a random length; the aspect ratio stays, and the sentence.

    .. math:: \text{long} \sim U\{\lceil a\, s \rceil, \dots, \lfloor b\, s \rfloor\}

    Args:
        size: The length ``s`` that the range refers to.
        ratio: ``(a, b)``.

    Raises:
        ConfigError: If ``size`` is not a positive int, or ``ratio`` not an increasing pair above 0.

    Note:
        The paper does not list its augmentations; scaling the long side by 0.5 to 2 and then cropping is what ACM and
        its descendants do. Resampling and lost targets: see :class:`Resize`.
    """

    def __init__(self, size: int, ratio: Sequence[float] = (0.5, 2.0)) -> None:
        super().__init__()
        self.size = as_length('RandomScale', size)
        low, high = as_range('RandomScale', 'ratio', ratio, low=0)
        self.longest, self.shortest = int(np.floor(high * self.size)), int(np.ceil(low * self.size))
        if not 1 <= self.shortest <= self.longest:
            raise ConfigError(f'RandomScale: ratio={ratio!r} of size={size} leaves no long side of a pixel or more; '
                              'expected for example (0.5, 2.0).')

    def transform(self, results: dict) -> dict:
        height, width = image_of('RandomScale', results).shape
        scale = np.random.randint(self.shortest, self.longest + 1) / max(height, width)
        return self.resize(results, (max(1, round(height * scale)), max(1, round(width * scale))))


@TRANSFORMS.register_module()
class RandomFlip(BaseTransform):
    """Mirror image, mask, CLIP's copy and sentence, left to right and upside down, each by its own chance.

    A sentence that cannot be kept true becomes None (:func:`.transform_sentence`).

    Args:
        horizontal: Probability of exchanging left and right.
        vertical: Probability of exchanging top and bottom.

    Raises:
        ConfigError: If one is not a probability, or mask and image differ in size.

    Note:
        The paper does not say what became of its sentences under flips. "Left" is false after one, so they change here.
    """

    rigid = True

    def __init__(self, horizontal: float = 0.5, vertical: float = 0.0) -> None:
        self.horizontal = as_probability('RandomFlip', 'horizontal', horizontal)
        self.vertical = as_probability('RandomFlip', 'vertical', vertical)

    def transform(self, results: dict) -> dict:
        image_of('RandomFlip', results)
        mask_of('RandomFlip', results)
        for op, probability in (('hflip', self.horizontal), ('vflip', self.vertical)):
            if np.random.random_sample() < probability:
                apply_op(results, op)
        return results


@TRANSFORMS.register_module()
class RandomRotate90(BaseTransform):
    """Turn image, mask, CLIP's copy and sentence by 90, 180 or 270 degrees, each as likely.

    A sentence that cannot be kept true becomes None (:func:`.transform_sentence`).

    Args:
        prob: Probability of turning at all.

    Raises:
        ConfigError: If ``prob`` is not a probability, or mask and image differ in size.
    """

    rigid = True

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = as_probability('RandomRotate90', 'prob', prob)

    def transform(self, results: dict) -> dict:
        image_of('RandomRotate90', results)
        mask_of('RandomRotate90', results)
        if np.random.random_sample() < self.prob:
            apply_op(results, ('rot90', 'rot180', 'rot270')[np.random.randint(3)])
        return results
