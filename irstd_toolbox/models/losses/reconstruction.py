"""The loss of an image that a network restores from its parts."""

import torch
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import MODELS

__all__ = ['ReconstructionLoss']


@MODELS.register_module()
class ReconstructionLoss(nn.Module):
    r"""Mean squared difference between the restored image and the network's input.

    .. math::
        L = \frac{1}{N H W} \sum (\hat{D} - D)^2

    Computed in float32 (float64 stays), also under autocast.

    Args:
        loss_weight: Factor of the result.

    Shape:
        - reconstruction, inputs: ``(N, 1, H, W)``
        - mask: not read
        - Output: scalar

    Raises:
        ConfigError: If the weight is negative, or the two shapes differ.

    Note:
        The authors' code weighs it by 0.1 for RPCANet and by 0.01 for RPCANet++, beside a soft IoU loss.

    References:
        Wu et al., RPCANet, WACV 2024.

    Example:
        >>> loss = ReconstructionLoss(loss_weight=0.1)
        >>> round(loss(torch.ones(1, 1, 2, 2), None, 3 * torch.ones(1, 1, 2, 2)).item(), 6)
        0.4
    """

    reads = 'reconstruction'
    """Name of the extra output that the segmentor hands to this loss."""

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        check_least(self, 0, loss_weight=loss_weight)
        self.loss_weight = loss_weight

    def forward(self, reconstruction: Tensor, mask: Tensor | None, inputs: Tensor) -> Tensor:
        if reconstruction.shape != inputs.shape:
            raise ConfigError(f'The restored image is {tuple(reconstruction.shape)}, the input {tuple(inputs.shape)}; '
                              'ReconstructionLoss compares them pixel by pixel. Give the data_preprocessor the '
                              'channels that the network restores.')
        with torch.autocast(inputs.device.type, enabled=False):
            dtype = torch.float64 if inputs.dtype == torch.float64 else torch.float32
            return self.loss_weight * (reconstruction.to(dtype) - inputs.to(dtype)).square().mean()
