"""ISNet: ACM's trunk with fusion along two orientations, and a branch that draws the target's edge.

Zhang et al., "ISNet: Shape Matters for Infrared Small Target Detection", CVPR 2022. The network is BasicIRSTD's copy,
which calls the two-orientation block TTOA. In the authors' own code that block's deformable convolutions are modulated,
and image and gradient have three channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import check_odd
from ...registry import FUSION_BLOCKS, MODELS
from ..layers import BatchNorm, resize, stretch
from ..logit_maps import LogitMaps
from ..losses.edge import gradient_magnitude
from .acm import ACMBackbone, ACMHead, ACMUNetNeck

__all__ = ['ISNet', 'DeformableLine', 'EdgeBlock', 'EdgeBranch', 'SideGate', 'TwoOrientationFusion']


class DeformableLine(nn.Module):
    """A deformable convolution along one axis: every tap is shifted by an offset that the map itself gives.

    Args:
        channels: Channels of input and output.
        kernel_size: ``(1, k)`` along the rows, ``(k, 1)`` along the columns, ``k`` odd.

    Shape:
        - Input and output: ``(N, channels, H, W)``

    Note:
        Offsets start at 0, where this is the plain convolution. Torchvision computes it; PyTorch's counter of
        operations has no entry for it and counts the convolution of the offsets alone.

    References:
        Dai et al., Deformable Convolutional Networks, ICCV 2017.
    """

    def __init__(self, channels: int, kernel_size: tuple[int, int]) -> None:
        from torchvision.ops import DeformConv2d  # 1.2 s, which no other network should wait for

        super().__init__()
        padding = kernel_size[0] // 2, kernel_size[1] // 2
        self.offset = nn.Conv2d(channels, 2 * kernel_size[0] * kernel_size[1], kernel_size, padding=padding)
        self.conv = DeformConv2d(channels, channels, kernel_size, padding=padding)
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        offset, kind = self.offset(x), self.conv.weight.dtype
        return self.conv(x.to(kind), offset.to(kind)).to(x.dtype)  # torchvision's CPU kernel has no bfloat16


@FUSION_BLOCKS.register_module()
class TwoOrientationFusion(nn.Module):
    r"""TOAA: the deep map's attention along columns and along rows weighs the shallow map, and the deep one is added.

    .. math::
        F = \sum_{d \in \{\text{col}, \text{row}\}} h + \sigma(\mathrm{DCN}_d(h)) \odot l,\quad
        h = P(X_h),\ l = P(X_l)

    where P, two 1x1 convolutions to half of the channels and back without an activation, is one for both maps.

    Args:
        channels: Channels of both maps, at least 2.
        kernel_size: Taps of each deformable convolution, odd.

    Shape:
        - low, high: ``(N, channels, H, W)``
        - Output: ``(N, channels, H, W)``

    Note:
        The paper's abstract draws the attention from low-level features; in BasicIRSTD the argument of that name
        receives the enlarged deep map. This follows the code, so that its weights mean the same here.

    References:
        Zhang et al., ISNet, CVPR 2022; kernels, their axes and P: the code in BasicIRSTD.

    Example:
        >>> TwoOrientationFusion(8)(torch.rand(1, 8, 4, 6), torch.rand(1, 8, 4, 6)).shape
        torch.Size([1, 8, 4, 6])
    """

    def __init__(self, channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        check_odd(self, kernel_size=kernel_size)
        self.out_channels = channels
        self.prepare = nn.Sequential(nn.Conv2d(channels, channels // 2, 1), nn.Conv2d(channels // 2, channels, 1))
        self.column = DeformableLine(channels, (kernel_size, 1))
        self.row = DeformableLine(channels, (1, kernel_size))

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        low, high = self.prepare(low), self.prepare(high)
        return 2 * high + (self.column(high).sigmoid() + self.row(high).sigmoid()) * low


class SideGate(nn.Module):
    r"""Weigh the pixels of an edge map's features by a side map of the trunk.

    .. math::
        y = \mathrm{Conv}_{1\times1}(x \odot (1 + \alpha)),\quad \alpha = \sigma(\mathrm{BN}(
        \mathrm{Conv}_{1\times1}(\mathrm{ReLU}(\mathrm{Conv}_{1\times1}(\mathrm{BN}([x, s]))))))

    Args:
        channels: Channels of the features.

    Shape:
        - x: ``(N, channels, H, W)``
        - side: ``(N, 1, H, W)``
        - Output: ``(N, channels, H, W)``

    References:
        Takikawa et al., Gated-SCNN: Gated Shape CNNs for Semantic Segmentation, ICCV 2019.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(BatchNorm(channels + 1), nn.Conv2d(channels + 1, channels + 1, 1),
                                   nn.ReLU(inplace=True), nn.Conv2d(channels + 1, 1, 1), BatchNorm(1), nn.Sigmoid())
        self.conv = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor, side: Tensor) -> Tensor:
        return self.conv(x * (1 + self.weigh(torch.cat([x, side], dim=1))))


class EdgeBlock(nn.Module):
    r"""The block that Taylor's finite differences inspired: three steps of a recurrence over differences.

    .. math::
        \Delta_0 = \mathrm{ReLU}(f_1(u_0)),\quad u_1 = \mathrm{ReLU}(u_0 + f_1(u_0)),\quad
        u_2 = \mathrm{ReLU}(f_2(u_1)),\quad u_3 = 3 \Delta_0 + u_2 + \mathrm{gate}(u_2, s)

    with ``f`` two 3x3 convolutions with batch norm and a ReLU between.

    Args:
        channels: Channels of the features.

    Shape:
        - x: ``(N, channels, H, W)``
        - side: ``(N, 1, H, W)``
        - Output: ``(N, channels, H, W)``

    Note:
        The code takes for :math:`u_2` the second residual block's change alone, without :math:`u_1`; so does this.

    References:
        Zhang et al., ISNet, CVPR 2022 (TFD-inspired edge block); the terms: the code in BasicIRSTD.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = self._change(channels), self._change(channels)
        self.gate = SideGate(channels)

    @staticmethod
    def _change(channels: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), BatchNorm(channels), nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), BatchNorm(channels))

    def forward(self, x: Tensor, side: Tensor) -> Tensor:
        change = self.first(x)
        second = F.relu(self.second(F.relu(x + change)))
        return 3 * F.relu(change) + second + self.gate(second, side)


class EdgeBranch(nn.Module):
    """The edge map, from the image's gradient and from side maps of the trunk, the deepest first.

    Args:
        in_channels: Channels of the image.
        side_channels: Channels of the trunk's maps, in the order of their use.
        channels: Channels inside.

    Shape:
        - x: ``(N, in_channels, H, W)``
        - sides: list of ``(N, side_channels[i], H_i, W_i)``
        - Output: ``(N, 1, H, W)``, logits
    """

    def __init__(self, in_channels: int, side_channels: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.widen = nn.Conv2d(in_channels, channels, 1)
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in side_channels)
        self.blocks = nn.ModuleList(EdgeBlock(channels) for _ in side_channels)
        self.fuse = nn.Conv2d(channels, 1, 1, bias=False)

    def forward(self, x: Tensor, sides: list[Tensor]) -> Tensor:
        edge = self.widen(gradient_magnitude(x))
        for side, project, block in zip(sides, self.sides, self.blocks, strict=True):
            edge = block(edge, stretch(project(side), x.shape[-2:]))
        return self.fuse(edge)


@MODELS.register_module()
class ISNet(nn.Module):
    """The infrared shape network.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the trunk's stages, finest first.
        blocks: Residual blocks of each stage, on the way down and up.
        edge_channels: Channels of the edge branch.
        fusion: Config in ``FUSION_BLOCKS``; None for :class:`TwoOrientationFusion`.
        dropout: Share of values dropped before the last convolution, in training.

    Shape:
        - x: ``(N, in_channels, H, W)``, any size
        - descriptor: ``(N, D)`` for a fusion that reads it, or None
        - Output: ``[prediction]``, ``(N, 1, H, W)``, logits, with ``extras['edge']``, ``(N, 1, H, W)``, logits

    Note:
        The code in BasicIRSTD constructs layers that its forward pass never uses (three residual blocks, three gates,
        shuffle attention, a second head and others); they are in its 1,089,537 parameters and not here. Convolutions
        of the trunk and the branch start from a normal distribution of deviation 0.02 as in the published script, whose
        norms do too, with shifts of deviation 1, which is read as a slip: they start at one and zero here. Offsets
        start at 0, and the transposed convolutions as ACM's; the script draws the offsets' convolutions, too, and
        leaves the transposed ones as PyTorch makes them.

    References:
        Zhang et al., ISNet, CVPR 2022.
    """

    def __init__(self, in_channels: int = 1, channels: tuple[int, ...] = (16, 32, 64), blocks: int = 4,
                 edge_channels: int = 64, fusion: dict | None = None, dropout: float = 0.1) -> None:
        super().__init__()
        self.backbone = ACMBackbone(in_channels, channels, blocks)
        self.neck = ACMUNetNeck(channels, blocks, fusion or dict(type='TwoOrientationFusion'))
        self.edge = EdgeBranch(in_channels, channels[::-1], edge_channels)
        self.head = ACMHead(channels[0], dropout)
        for name, layer in self.named_modules():
            if isinstance(layer, nn.Conv2d) and not name.endswith('offset'):
                nn.init.normal_(layer.weight, std=0.02)
        for block in self.edge.blocks:
            nn.init.xavier_normal_(block.gate.conv.weight)

    def forward(self, x: Tensor, descriptor: Tensor | None = None) -> LogitMaps:
        size = tuple(x.shape[-2:])
        feats = self.backbone(x)
        up = self.neck(feats, descriptor)
        edge = self.edge(x, [feats[-1], *up[::-1]])
        fine = resize(up[0], size)
        return LogitMaps(self.head([fine * (1 + edge.sigmoid())], size), edge=edge)
