"""From arrays to the tensors and the data sample that a model takes."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox.datasets.transforms.arguments import image_of
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import TRANSFORMS

__all__ = ['PackInputs']

META_KEYS = ('image_id', 'img_path', 'mask_path', 'ori_shape', 'img_shape', 'description')


@TRANSFORMS.register_module()
class PackInputs(BaseTransform):
    """Pack image, mask, CLIP's copy of the scene and the meta data.

    Args:
        meta_keys: What goes into the sample's ``metainfo``, where the sample has it.

    Shape:
        - inputs: ``(1, H, W)``, float32, 0..255
        - data_samples.gt_sem_seg.data: ``(1, H, W)`` in training, ``(1, *ori_shape)`` in testing; uint8 of {0, 1}
        - data_samples.clip_image: ``(S, S)``, uint8

    Raises:
        ConfigError: If ``meta_keys`` is no list of names, the image is missing or not 2-D, or the mask is neither of
            its size nor of the native size.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        if isinstance(meta_keys, str) or not all(isinstance(key, str) for key in meta_keys):
            raise ConfigError(f"PackInputs: meta_keys={meta_keys!r}; expected a list of names, such as ('image_id', "
                              "'description').")
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        image, mask = image_of('PackInputs', results), results.get('gt_mask')
        sample = SegDataSample(metainfo={key: results[key] for key in self.meta_keys if key in results})
        if mask is not None:
            native = tuple(results.get('ori_shape', image.shape))
            if mask.shape not in (image.shape, native):
                raise ConfigError(f'PackInputs got a mask of shape {mask.shape}; expected {image.shape}, the '
                                  f"input's, or {native}, the native one."
                                  ' Put LoadTargetMask before whatever changes the image.')
            sample.gt_sem_seg = PixelData(data=_tensor(mask)[None])
        if results.get('clip_image') is not None:
            sample.clip_image = _tensor(results['clip_image'])
        return {'inputs': _tensor(image)[None], 'data_samples': sample}


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.require(array, requirements=['C', 'W']))
