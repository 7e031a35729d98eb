"""UIU-Net: residual U-blocks in a U-Net, with interactive-cross attention between encoder and decoder.

Wu, Hong and Chanussot, "UIU-Net: U-Net in U-Net for Infrared Small Object Detection", IEEE TIP 32, 2023.
Encoder and decoder are :class:`RSUEncoder` and :class:`RSUDecoder` with the widths of U2-Net
(configs/_base_/models/uiunet.py); here is what those lack, the fusion block and the output block.
"""

import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...registry import FUSION_BLOCKS, MODELS
from ..layers import BatchNorm, resize

__all__ = ['InteractiveCrossAttention', 'SideOutputHead']


@FUSION_BLOCKS.register_module()
class InteractiveCrossAttention(nn.Module):
    r"""Channels of the shallow map weighted by the deep one, positions of the deep map by the shallow one.

    With :math:`H = \mathrm{ReLU}(\mathrm{BN}(\mathrm{Conv}_1(X_h)))` and one shared
    :math:`P = \mathrm{ReLU} \circ \mathrm{BN} \circ \mathrm{Conv}_3`:

    .. math::
        c = \sigma(\mathrm{MLP}(\mathrm{GAP}(H))),\quad
        s = \sigma(\mathrm{Conv}_3([\mathrm{mean}(Q), \max(Q)])),\
        Q = \mathrm{ReLU}(\mathrm{BN}(\mathrm{Conv}_1(c \odot X_l)))

        F = [P(2\, c \odot X_l),\; P(2\, s \odot H)]

    The MLP is two 1x1 convolutions with batch norm; mean and maximum run over channels.

    Args:
        channels: Channels ``C`` of both maps.
        reduction: ``C / reduction`` channels in the MLP and in ``Q``.

    Shape:
        - low, high: ``(N, C, H, W)``
        - Output: ``(N, 2C, H, W)``

    Raises:
        ConfigError: If ``reduction`` leaves no channel.

    Note:
        Layers, their order and the factor 2 are those of the released code. As there, the two halves share one ``P``
        with its batch norm, whose running statistics therefore move twice a step.

    References:
        Wu et al., UIU-Net, interactive-cross attention (IC-A) module.

    Example:
        >>> block = InteractiveCrossAttention(channels=8)
        >>> block(torch.rand(2, 8, 16, 16), torch.rand(2, 8, 16, 16)).shape
        torch.Size([2, 16, 16, 16])
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        width = channels // reduction
        if width < 1:
            raise ConfigError(f'{channels} channels over reduction={reduction} leave none. Give a smaller reduction.')
        self.out_channels = 2 * channels
        self.project = nn.Sequential(nn.Conv2d(channels, channels, 1), BatchNorm(channels), nn.ReLU(inplace=True))
        self.channel = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, width, 1), BatchNorm(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, channels, 1), BatchNorm(channels), nn.Sigmoid())
        self.squeeze = nn.Sequential(nn.Conv2d(channels, width, 1), BatchNorm(width), nn.ReLU(inplace=True))
        self.spatial = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        self.post = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), BatchNorm(channels), nn.ReLU(inplace=True))

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        high = self.project(high)
        low = self.channel(high) * low
        squeezed = self.squeeze(low)
        pooled = torch.cat([squeezed.mean(dim=1, keepdim=True), squeezed.amax(dim=1, keepdim=True)], dim=1)
        position = self.spatial(pooled).sigmoid()
        return torch.cat([self.post(2 * low), self.post(2 * position * high)], dim=1)


@MODELS.register_module()
class SideOutputHead(nn.Module):
    r"""U2-Net's output block: a logit map of every level, and their mixture as the prediction.

    .. math::
        s_i = \mathrm{up}(\mathrm{Conv}_3(D_i)),\quad \mathrm{final} = \mathrm{Conv}_1([s_1, \dots, s_L])

    Args:
        in_channels: Channels of the maps, finest first.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - size: ``(H, W)`` of the logits
        - Output: ``[final, s_1, ..., s_L]``, each ``(N, 1, H, W)``, logits

    References:
        Qin et al., U2-Net, Pattern Recognition 2020, Sec. 3.2; used by UIU-Net and by ILNet's L form.

    Example:
        >>> head = SideOutputHead(in_channels=(4, 8))
        >>> [tuple(x.shape) for x in head([torch.rand(1, 4, 6, 8), torch.rand(1, 8, 3, 4)], (6, 8))]
        [(1, 1, 6, 8), (1, 1, 6, 8), (1, 1, 6, 8)]
    """

    def __init__(self, in_channels: tuple[int, ...] = (64, 64, 128, 256, 512, 512)) -> None:
        super().__init__()
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 3, padding=1) for width in in_channels)
        self.final = nn.Conv2d(len(in_channels), 1, 1)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        sides = [resize(side(x), size) for side, x in zip(self.sides, feats, strict=True)]
        return [self.final(torch.cat(sides, dim=1)), *sides]
