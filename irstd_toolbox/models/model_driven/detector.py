"""A model-driven method and a threshold rule in the place of a network."""

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from ...errors import ConfigError
from ...registry import METHODS, MODELS
from ..layers import resize
from ..logit_maps import LogitMaps
from .thresholds import build_threshold

__all__ = ['ModelDrivenDetector', 'to_logits']

_LARGEST = 16.0  # sigmoid(16) is full scale in a 16-bit prediction


def to_logits(response: np.ndarray, threshold: float) -> np.ndarray:
    r"""Logits whose sign is the decision and whose order is the response's.

    .. math:: \ell = \log \frac{R}{t}, \qquad \text{so that} \quad p = \frac{R}{R + t}

    At the threshold the probability is 0.5. For one threshold it says the same in every image, and curves over the
    written probabilities are curves over the response.

    Args:
        response: At least 0.
        threshold: At least 0.

    Shape:
        - response: any
        - Output: the same, within -16 and 16

    Example:
        >>> to_logits(np.array([0.0, 1.0, 2.0, 6.0]), 2.0).round(2).tolist()
        [-16.0, -0.69, 0.0, 1.1]
    """
    if threshold <= 0:
        return np.where(response > 0, _LARGEST, -_LARGEST)
    # A quotient of neighbouring numbers rounds to the one above or below 1, so that the sign is exact.
    with np.errstate(divide='ignore', over='ignore'):
        return np.clip(np.log(response / threshold), -_LARGEST, _LARGEST)


@MODELS.register_module()
class ModelDrivenDetector(BaseModel):
    """Detect targets by a formula; nothing is learned.

    Args:
        method: Config in ``METHODS``.
        threshold: Config in ``THRESHOLDS``, or the path of a JSON file that ``tools/tune_threshold.py`` wrote.
        data_preprocessor: Config of :class:`IRSTDDataPreprocessor`; None for one grey channel, 0..255.

    Shape:
        - inputs: ``(N, C, H, W)``; the first channel is read
        - ``mode='tensor'``: a list of one map ``(N, 1, H, W)``, logits
        - ``mode='predict'``: the samples with ``seg_logits`` and ``pred_sem_seg``, ``(1, H, W)`` each, at the size of
          the image file; computed on each image without its padding

    Raises:
        ConfigError: In training, since there is nothing to train.

    Note:
        Computed on the CPU in double precision, image by image. On the meta device, on which parameters and operations
        are counted, nothing is computed.
    """

    target_descriptor = None

    def __init__(self, method: dict, threshold: dict | str, data_preprocessor: dict | None = None) -> None:
        super().__init__(MODELS.build(data_preprocessor or dict(type='IRSTDDataPreprocessor', channels=1)))
        self.method, self.threshold = METHODS.build(method), build_threshold(threshold)

    @property
    def threshold_rule(self) -> dict:
        """Name, parameters and origin of the threshold rule, for ``results.json``."""
        return self.threshold.describe()

    def responses(self, inputs: Tensor, samples: list[SegDataSample] | None = None) -> list[np.ndarray]:
        """The response ``(H_i, W_i)`` of each image of a batch ``(N, C, H, W)``, padding removed."""
        images = self.data_preprocessor.denormalise(inputs)[:, 0].double().cpu().numpy()
        paddings = [sample.metainfo.get('padding', (0, 0)) for sample in samples] if samples else [(0, 0)] * len(images)
        return [self.method(np.ascontiguousarray(image[:image.shape[0] - bottom, :image.shape[1] - right]))
                for image, (bottom, right) in zip(images, paddings, strict=True)]

    def logit_maps(self, inputs: Tensor, descriptor: Tensor | None = None) -> LogitMaps:
        """``(N, C, H, W)`` to one logit map ``(N, 1, H, W)``; the descriptor is not used."""
        if inputs.is_meta:
            return LogitMaps([inputs[:, :1]])
        return LogitMaps([torch.stack([self._logits(response) for response in self.responses(inputs)]).to(inputs)])

    def forward(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None,
                mode: str = 'tensor') -> LogitMaps | list[SegDataSample]:
        if mode == 'loss':
            raise ConfigError(f'{type(self.method).__name__} is a formula, so there is nothing to train. Run it with '
                              'python tools/test.py CONFIG, without a checkpoint.')
        if mode != 'predict':
            return self.logit_maps(inputs)
        samples = data_samples or [SegDataSample() for _ in inputs]
        for response, sample in zip(self.responses(inputs, samples), samples, strict=True):
            logits = self._logits(response)
            size = tuple(sample.metainfo.get('ori_shape', response.shape))[:2]
            if size != response.shape:
                logits = resize(logits[None], size)[0]
            sample.seg_logits = PixelData(data=logits)
            sample.pred_sem_seg = PixelData(data=(logits > 0).byte())
        return samples

    def _logits(self, response: np.ndarray) -> Tensor:
        return torch.from_numpy(to_logits(response, self.threshold(response)))[None].float()
