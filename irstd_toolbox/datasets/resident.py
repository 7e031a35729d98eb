"""Images and masks that stay on a device, where they are mirrored and turned."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from torch import Tensor

from irstd_toolbox.datasets.transforms import PackInputs, apply_op
from irstd_toolbox.errors import ConfigError

__all__ = ['ResidentPixels', 'turn']

_ROWS, _COLUMNS = -2, -1
_TENSOR_OPS: dict[str, Callable[[Tensor], Tensor]] = {
    'identity': torch.clone,
    'hflip': lambda x: x.flip(_COLUMNS),
    'vflip': lambda x: x.flip(_ROWS),
    'rot90': lambda x: x.rot90(1, (_ROWS, _COLUMNS)),
    'rot180': lambda x: x.flip(_ROWS, _COLUMNS),
    'rot270': lambda x: x.rot90(3, (_ROWS, _COLUMNS)),
    'transpose': lambda x: x.transpose(_ROWS, _COLUMNS).clone(),
    'anti_transpose': lambda x: x.flip(_ROWS, _COLUMNS).transpose(_ROWS, _COLUMNS),
}


def turn(x: Tensor, op: str) -> Tensor:
    """What :func:`.apply_op` does to an array, done to the last two dimensions of a tensor: a new one.

    Example:
        >>> turn(torch.tensor([[1, 2], [3, 4]]), 'rot90').tolist()
        [[2, 4], [1, 3]]
    """
    return _TENSOR_OPS[op](x)


def _probe() -> np.ndarray:
    """Four different pixels: where they go tells each of the eight operations from the others."""
    return np.arange(4, dtype=np.float32).reshape(2, 2)


_FOUND = {apply_op(dict(img=_probe()), op)['img'].tobytes(): op for op in _TENSOR_OPS}


class ResidentPixels:
    """Keeps images and masks on a device, and lets the pipeline's random steps work there.

    The steps themselves run on a probe of 2x2 pixels, with CLIP's copy of the scene and the sentence as they are; what
    became of the probe is then done to the pixels. So the random numbers drawn, and the samples, are those of the
    pipeline.

    Args:
        device: Such as ``'cuda'``.
        steps: What runs on every sample: steps that say ``rigid = True``, then PackInputs.

    Raises:
        ConfigError: If there is another step among them, or no such device.
    """

    def __init__(self, device: str, steps: Sequence[Callable]) -> None:
        *turning, last = steps or [None]
        others = [type(step).__name__ for step in turning if not getattr(step, 'rigid', False)]
        if others or not isinstance(last, PackInputs):
            raise ConfigError(
                f'in_memory={device!r} mirrors and turns the images on that device and does nothing else there; the '
                f'pipeline has {others[0] if others else "no PackInputs at its end"}. Expected are RandomFlip and '
                'RandomRotate90 after the steps that are the same every time, then PackInputs. Other pipelines take '
                'in_memory=True.')
        try:
            self.device = torch.empty(0, device=device).device
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(f'in_memory={device!r}: {str(error).splitlines()[0]} Expected False, True, or a device '
                              "that torch has here, such as 'cuda'.") from error
        self._pixels: dict[str, tuple[Tensor, Tensor | None]] = {}

    def keep(self, results: dict[str, Any]) -> dict[str, Any]:
        """Move image and mask to the device; ``results`` with probes in their places."""
        image, mask = (None if array is None else torch.tensor(array, device=self.device)[None]
                       for array in (results['img'], results.get('gt_mask')))
        self._pixels[results['image_id']] = image, mask
        masked = {} if mask is None else dict(gt_mask=_probe())
        return results | masked | dict(img=_probe())

    def fill(self, sample: dict[str, Any], image_id: str) -> dict[str, Any]:
        """Put the pixels of an image, turned as the probe was, into a packed sample.

        Shape:
            - inputs: ``(1, H, W)``, on the device
            - data_samples.gt_sem_seg.data: ``(1, H, W)``, on the device
        """
        op = _FOUND[sample['inputs'].numpy().tobytes()]
        image, mask = self._pixels[image_id]
        inputs, packed = turn(image, op), sample['data_samples']
        if mask is not None:
            packed.gt_sem_seg = PixelData(data=turn(mask, op))
        if 'img_shape' in packed.metainfo:
            packed.set_metainfo(dict(img_shape=tuple(inputs.shape[1:])))
        return dict(sample, inputs=inputs, data_samples=packed)
