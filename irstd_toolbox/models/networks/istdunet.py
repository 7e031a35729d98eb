"""ISTDU-Net: a U-Net whose encoder weighs groups of feature maps and whose skips see the whole image.

Hou et al., "ISTDU-Net: Infrared Small-Target Detection U-Net", IEEE GRSL 19, 2022.
In the order of the path: encoder of split-attention blocks (backbone), skips through external attention and sums on the
way up (neck), output block (head).
"""

import math

import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import BACKBONES, MODELS
from ..fusion import fusion_blocks
from ..layers import BatchNorm, chain, resize

__all__ = ['ExternalAttention', 'ISTDUDecoder', 'ISTDUEncoder', 'ISTDUHead', 'SplitAttentionBottleneck',
           'SplitAttentionConv']


class SplitAttentionConv(nn.Module):
    r"""Two grouped 3x3 convolutions of one map, added under weights that compete for every channel.

    With the two branches :math:`U_r` and ``groups`` separate pathways of channels:

    .. math::
        V = \sum_r a_r \odot U_r,\quad a = \mathrm{softmax}_r(\mathrm{MLP}(\mathrm{GAP}(U_1 + U_2)))

    Args:
        channels: Channels ``C`` of input and output.
        groups: Pathways; each has weights from its own channels alone.
        branches: Branches that compete.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``

    References:
        Zhang et al., ResNeSt: Split-Attention Networks, arXiv 2004.08955, Sec. 3.
    """

    def __init__(self, channels: int, groups: int = 4, branches: int = 2) -> None:
        super().__init__()
        self.groups, self.branches = groups, branches
        hidden = max(channels * branches // 4, 32)
        self.conv = nn.Sequential(
            nn.Conv2d(channels, branches * channels, 3, padding=1, groups=branches * groups, bias=False),
            BatchNorm(branches * channels), nn.ReLU(inplace=True))
        self.attend = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, groups=groups), BatchNorm(hidden), nn.ReLU(inplace=True),
            nn.Conv2d(hidden, branches * channels, 1, groups=groups))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).unflatten(1, (self.branches, -1))
        score = self.attend(x.sum(dim=1).mean(dim=(2, 3), keepdim=True))
        # A pathway holds the scores of all its branches together; the maps stand branch by branch.
        weight = score.unflatten(1, (self.groups, self.branches, -1)).softmax(dim=2).transpose(1, 2).flatten(2, 3)
        return (weight * x).sum(dim=1)


class SplitAttentionBottleneck(nn.Module):
    """1x1, split-attention 3x3 and 1x1 convolution around a shortcut; a stride averages after the 3x3.

    Args:
        in_channels: Channels of the input.
        width: Channels of the 3x3 convolution; the output has four times as many.
        stride: 1 or 2.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, 4 width, ceil(H / stride), ceil(W / stride))``
    """

    def __init__(self, in_channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.reduce = nn.Sequential(nn.Conv2d(in_channels, width, 1, bias=False), BatchNorm(width),
                                    nn.ReLU(inplace=True))
        self.split = SplitAttentionConv(width)
        self.pool = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else nn.Identity()
        self.widen = nn.Sequential(nn.Conv2d(width, 4 * width, 1, bias=False), BatchNorm(4 * width))
        self.shortcut = None
        if stride > 1 or in_channels != 4 * width:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False),
                nn.Conv2d(in_channels, 4 * width, 1, bias=False), BatchNorm(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.widen(self.pool(self.split(self.reduce(x)))) + shortcut)


@BACKBONES.register_module()
class ISTDUEncoder(nn.Module):
    """A stem at full size and four stages of split-attention bottlenecks, the last three halving.

    Args:
        in_channels: Channels of the image.
        widths: Channels of the 3x3 convolutions of each stage.
        depths: Bottlenecks of each stage.
        stem_channels: Channels of the stem.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: list of ``(N, 4 widths[i], ceil(H / 2^i), ceil(W / 2^i))``, finest first

    Note:
        The stem's first layer is a batch norm of the image without weights, as in the released code.

    References:
        Hou et al., ISTDU-Net, down-sampling with feature map groups.

    Example:
        >>> import torch
        >>> maps = ISTDUEncoder(widths=(16, 16), depths=(1, 1)).eval()(torch.rand(1, 3, 33, 20))
        >>> [tuple(x.shape) for x in maps]
        [(1, 64, 33, 20), (1, 64, 17, 10)]
    """

    def __init__(self, in_channels: int = 3, widths: tuple[int, ...] = (16, 32, 64, 128),
                 depths: tuple[int, ...] = (1, 2, 4, 8), stem_channels: int = 16) -> None:
        super().__init__()
        if len(widths) != len(depths):
            raise ConfigError(f'{len(widths)} widths for {len(depths)} depths; give one of each for every stage.')
        check_least(self, 1, depths=min(depths, default=0))
        self.out_channels = [4 * width for width in widths]
        self.stem = nn.Sequential(
            BatchNorm(in_channels, affine=False), nn.Conv2d(in_channels, stem_channels, 3, padding=1, bias=False),
            BatchNorm(stem_channels), nn.ReLU(inplace=True))
        self.stages = nn.ModuleList()
        before = stem_channels
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            blocks = [SplitAttentionBottleneck(before if j == 0 else 4 * width, width, 2 if i and j == 0 else 1)
                      for j in range(depth)]
            self.stages.append(nn.Sequential(*blocks))
            before = 4 * width
        _start_by_outputs(self.stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        return chain(self.stages, self.stem(x))


class ExternalAttention(nn.Module):
    r"""Attention of all positions to a memory that is learned and the same for every image.

    With memories :math:`M_k, M_v` of ``S`` slots:

    .. math::
        A = \mathrm{softmax}_{HW}(M_k\, \mathrm{Conv}(X)),\quad
        \hat A_{sp} = A_{sp} / \textstyle\sum_{s'} A_{s'p},\quad
        Y = X + \mathrm{BN}(\mathrm{Conv}(M_v \hat A))

    Args:
        channels: Channels ``C``.
        slots: Slots ``S`` of the memories.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``

    Note:
        The released code makes the second memory the transpose of the first at the start, in one storage, which moving
        the network to a GPU parts. Here it starts as a copy.

    References:
        Guo et al., Beyond Self-attention: External Attention using Two Linear Layers, arXiv 2105.02358; used by
        ISTDU-Net as the fully connected layer of its skips.
    """

    def __init__(self, channels: int, slots: int = 64) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels, channels, 1)
        self.keys = nn.Conv1d(channels, slots, 1, bias=False)
        self.values = nn.Conv1d(slots, channels, 1, bias=False)
        self.out = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), BatchNorm(channels))
        _start_by_outputs(self)
        self.keys.weight.data = self.values.weight.data.transpose(0, 1).clone()

    def forward(self, x: Tensor) -> Tensor:
        attention = self.keys(self.project(x).flatten(2)).softmax(dim=2)
        attention = attention / (attention.sum(dim=1, keepdim=True) + 1e-9)
        return x + self.out(self.values(attention).view_as(x))


@MODELS.register_module()
class ISTDUDecoder(nn.Module):
    """Every encoder map through external attention; upwards, the map below narrowed, resized and fused with it.

    Args:
        in_channels: Channels of the encoder's maps, finest first.
        slots: See :class:`ExternalAttention`.
        fusion: Fusion block of every level (config, without ``channels``); the paper's is the sum.
        language_fusion: Fusion block of the deepest fused level; None to use ``fusion`` there as well.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: list of one map ``(N, C_1, H_1, W_1)``; other widths with a fusion that widens (``out_channels``)

    Raises:
        ConfigError: If there are fewer than two maps.

    References:
        Hou et al., ISTDU-Net, skip connections with a fully connected layer.
    """

    def __init__(self, in_channels: tuple[int, ...] = (64, 128, 256, 512), slots: int = 64, fusion: dict | None = None,
                 language_fusion: dict | None = None) -> None:
        super().__init__()
        if len(in_channels) < 2:
            raise ConfigError(f'in_channels={tuple(in_channels)}: a decoder needs two maps at least.')
        self.skips = nn.ModuleList(ExternalAttention(width, slots) for width in in_channels)
        self.fusions = fusion_blocks(in_channels[:-1], fusion or dict(type='SumFusion'), language_fusion)
        below = [*(block.out_channels for block in self.fusions[1:]), in_channels[-1]]
        self.narrow = nn.ModuleList(
            nn.Sequential(nn.Conv2d(wide, width, 1, bias=False), BatchNorm(width), nn.ReLU(inplace=True))
            for wide, width in zip(below, in_channels, strict=False))
        self.out_channels = [self.fusions[0].out_channels]

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        skips = [skip(x) for skip, x in zip(self.skips, feats, strict=True)]
        x = skips[-1]
        for i in reversed(range(len(self.narrow))):
            x = self.fusions[i](skips[i], resize(self.narrow[i](x), skips[i].shape[-2:]), descriptor)
        return [x]


@MODELS.register_module()
class ISTDUHead(nn.Module):
    """A 3x3 convolution to a quarter of the channels, batch norm, ReLU and a 1x1 convolution.

    Args:
        in_channels: Channels of the finest map.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first; only the first is read
        - size: ``(H, W)`` of the logits
        - Output: ``[prediction]``, ``(N, 1, H, W)``, logits

    Note:
        The authors' network has a second head of this form for a map of target points, and is trained by both;
        BasicIRSTD builds that head and never calls it. Here there is none: 9,265 parameters fewer.
    """

    def __init__(self, in_channels: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, in_channels // 4, 3, padding=1, bias=False), BatchNorm(in_channels // 4),
            nn.ReLU(inplace=True), nn.Conv2d(in_channels // 4, 1, 1))

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        return [resize(self.layers(feats[0]), size)]


def _start_by_outputs(module: nn.Module) -> None:
    """He's initialisation by the outputs of a kernel, groups not counted: variance ``2 / (k^2 C_out)``."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            nn.init.normal_(layer.weight, 0, math.sqrt(2 / (math.prod(layer.kernel_size) * layer.out_channels)))
