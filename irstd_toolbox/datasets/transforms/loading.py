"""From files to arrays."""

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from irstd_toolbox.datasets.imaging import read_image, read_mask
from irstd_toolbox.datasets.transforms.arguments import as_length, image_of
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import TRANSFORMS

__all__ = ['LoadClipImage', 'LoadImage', 'LoadTargetMask', 'clip_copy']


@TRANSFORMS.register_module()
class LoadImage(BaseTransform):
    """Read ``img_path`` by the toolbox's one conversion (:func:`.imaging.read_image`).

    Adds ``img``, float32 ``(H, W)`` on the scale 0..255, and ``ori_shape`` and ``img_shape``, both ``(H, W)``.

    Raises:
        DataError: If the file is missing or cannot be decoded.
    """

    fixed = True

    def transform(self, results: dict) -> dict:
        image = read_image(results['img_path'])
        results['img'] = image
        results['ori_shape'] = results['img_shape'] = image.shape
        return results


@TRANSFORMS.register_module()
class LoadClipImage(BaseTransform):
    """Keep the whole scene, squashed to CLIP's square, before anything crops it.

    Adds ``clip_image``, uint8 ``(size, size)``: ``img`` rounded to 8 bits and resampled by Pillow's bicubic filter,
    antialiased. Crops and resizes of the image leave it alone; flips and rotations turn it with the image.

    Args:
        size: CLIP's input size.

    Raises:
        ConfigError: If ``size`` is not a positive int, or there is no image yet, or it has been resized or cropped
            already.

    Note:
        CLIP's own preparation resizes the short side and cuts the centre out. A target near the border would not be
        in the cut, so the scene is stretched instead. The aspect ratio changes (by 1.44 at the median of NUAA-SIRST,
        not at all on the square images of IRSTD-1k and NUDT-SIRST); nothing is lost.
    """

    fixed = True

    def __init__(self, size: int = 224) -> None:
        self.size = as_length('LoadClipImage', size)

    def transform(self, results: dict) -> dict:
        image = image_of('LoadClipImage', results)
        if image.shape != tuple(results['ori_shape']):
            raise ConfigError(f'LoadClipImage got an image of {image.shape}, natively {results["ori_shape"]}; expected '
                              'the whole scene. Put it right after LoadImage.')
        results['clip_image'] = clip_copy(image, self.size)
        return results


def clip_copy(image: np.ndarray, size: int) -> np.ndarray:
    """What CLIP sees of levels 0..255: rounded to 8 bits, stretched to ``(size, size)`` by Pillow's bicubic filter."""
    levels = Image.fromarray(np.rint(image.clip(0, 255)).astype(np.uint8))
    return np.array(levels.resize((size, size), Image.Resampling.BICUBIC))


@TRANSFORMS.register_module()
class LoadTargetMask(BaseTransform):
    """Read ``mask_path`` as target 1, background 0 (:func:`.imaging.read_mask`), at the image's native size.

    Adds ``gt_mask``, uint8 of ``ori_shape``; nothing if ``mask_path`` is None. In training it stands before whatever
    changes the image's geometry, so that the mask changes alike; in testing after Resize, so that it stays native.

    Raises:
        DataError: If the file is missing, or cannot be read as a mask.
        ConfigError: If no image was loaded before.
    """

    fixed = True

    def transform(self, results: dict) -> dict:
        if results.get('mask_path') is None:
            return results
        if 'ori_shape' not in results:
            raise ConfigError('LoadTargetMask needs the native size of the image; put LoadImage before it.')
        results['gt_mask'] = read_mask(results['mask_path'], shape=tuple(results['ori_shape']))
        return results
