"""From a list of images to one normalised batch."""

import math

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import PixelData

from ..errors import ConfigError
from ..registry import MODELS

__all__ = ['IRSTDDataPreprocessor']


@MODELS.register_module()
class IRSTDDataPreprocessor(BaseDataPreprocessor):
    """Pad images to one size, normalise them and repeat the grey channel.

    Args:
        mean: Grey value, 0..255, that becomes 0; also what padding becomes.
        std: Grey values that become 1.
        channels: Channels of the output, the grey one repeated.
        divisor: Height and width are padded to a multiple of this, at the bottom and the right.

    Shape:
        - data['inputs']: list of ``(1, H_i, W_i)`` float, or one ``(N, 1, H, W)`` tensor
        - Output: ``dict(inputs=(N, channels, H, W), data_samples=...)``; each sample's metainfo gains
          ``padding = (bottom, right)``; in training its mask is padded with background

    Raises:
        ConfigError: If an argument is not as expected, an input has not exactly one channel, or a mask in training is
            not of its image's size.
    """

    def __init__(self, mean: float = 0.0, std: float = 1.0, channels: int = 3, divisor: int = 1) -> None:
        super().__init__()
        for name, value in (('mean', mean), ('std', std)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ConfigError(f'IRSTDDataPreprocessor({name}={value!r}): one number is expected, a grey level; '
                                  'images have one channel.')
        for name, value in (('channels', channels), ('divisor', divisor)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise ConfigError(f'IRSTDDataPreprocessor({name}={value!r}): a whole number is expected.')
        if not (0 < std < math.inf and math.isfinite(mean)):
            raise ConfigError(f'mean={mean}, std={std}: finite numbers, the second above 0, are expected.')
        if channels < 1 or divisor < 1:
            raise ConfigError(f'channels={channels}, divisor={divisor}: both have to be positive.')
        self.mean, self.std, self.channels, self.divisor = float(mean), float(std), channels, divisor

    def forward(self, data: dict, training: bool = False) -> dict:
        data = self.cast_data(data)
        images, samples = list(data['inputs']), data.get('data_samples')
        for image in images:
            if image.ndim != 3 or image.shape[0] != 1:
                raise ConfigError(f'An input has shape {tuple(image.shape)}; (1, H, W) is expected, one grey channel. '
                                 'End the pipeline with PackInputs.')
        height, width = (math.ceil(max(x.shape[axis] for x in images) / self.divisor) * self.divisor for axis in (1, 2))
        padded = []
        for i, image in enumerate(images):
            bottom, right = height - image.shape[1], width - image.shape[2]
            padded.append(self.normalise(image, bottom, right))
            if samples is not None:
                samples[i].set_metainfo(dict(padding=(bottom, right)))
                if training and 'gt_sem_seg' in samples[i]:
                    mask = samples[i].gt_sem_seg.data
                    if mask.shape[1:] != image.shape[1:]:
                        raise ConfigError(
                            f'{samples[i].metainfo.get("image_id", "A sample")}: the mask is '
                            f'{mask.shape[1]}x{mask.shape[2]} and the image {image.shape[1]}x{image.shape[2]}; one '
                            'size is expected in training. LoadTargetMask stands before Resize in a training pipeline.')
                    samples[i].gt_sem_seg = PixelData(data=F.pad(mask, (0, right, 0, bottom)))
        return dict(data, inputs=torch.stack(padded).expand(-1, self.channels, -1, -1), data_samples=samples)

    def normalise(self, levels: torch.Tensor, bottom: int, right: int) -> torch.Tensor:
        """``(..., H, W)`` grey levels, 0..255, to normalised ones with so many rows and columns of 0 after them."""
        return F.pad((levels.float() - self.mean) / self.std, (0, right, 0, bottom))

    def denormalise(self, inputs: torch.Tensor) -> torch.Tensor:
        """``(N, C, H, W)`` network inputs back to grey values ``(N, 1, H, W)``, 0..255."""
        return (inputs[:, :1] * self.std + self.mean).clamp(0, 255)
