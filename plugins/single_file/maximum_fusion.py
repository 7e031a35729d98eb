"""A plugin in one file, a fusion block: ``--plugins plugins/single_file`` and ``fusion=dict(type='MaximumFusion')``."""

import torch
from torch import Tensor, nn

from irstd_toolbox import hookimpl


class MaximumFusion(nn.Module):
    """Keep the larger of the two maps at every place, each scaled by one learned weight a channel.

    .. math::
        F_c = \\max(a_c X_{l,c},\\ b_c X_{h,c})

    Args:
        channels: Channels ``C`` of both maps.

    Shape:
        - low, high: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``

    Example:
        >>> low, high = torch.zeros(1, 2, 1, 1), torch.tensor([[[[-1.0]], [[1.0]]]])
        >>> MaximumFusion(channels=2)(low, high).flatten().tolist()
        [0.0, 1.0]
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = channels
        self.low_scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.high_scale = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        return torch.maximum(self.low_scale * low, self.high_scale * high)


@hookimpl
def register_fusion_blocks(register) -> None:
    register(MaximumFusion)
