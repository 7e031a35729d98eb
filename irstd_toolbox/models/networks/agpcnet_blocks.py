"""AGPCNet's context: attention inside patches, between patches, and at several scales."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ..layers import BatchNorm, pool

__all__ = ['AttentionGuidedContextBlock', 'ContextPyramid', 'GlobalContextAttention', 'NonLocal', 'bottleneck',
           'projection', 'start_as_published']


def projection(in_channels: int, out_channels: int) -> nn.Sequential:
    """1x1 convolution, batch norm and ReLU."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), BatchNorm(out_channels), nn.ReLU(inplace=True))


def bottleneck(channels: int) -> nn.Sequential:
    """Weights in 0..1 from a 1x1 convolution to a quarter of the channels and one back."""
    return nn.Sequential(*projection(channels, channels // 4), nn.Conv2d(channels // 4, channels, 1),
                         BatchNorm(channels), nn.Sigmoid())


def start_as_published(module: nn.Module) -> None:
    """Weights of convolutions normal with the fan of the output; biases and norms stay as PyTorch starts them."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode='fan_out', nonlinearity='relu')


class NonLocal(nn.Module):
    r"""Every pixel attends to every other pixel of its map.

    .. math::
        y = x + \gamma\, V \,\mathrm{softmax}(Q^T K)^T

    with 1x1 convolutions :math:`Q, K, V` of :math:`x` and :math:`\gamma = 0` at the start.

    Args:
        channels: Channels of the map.
        reduction: What the channels of query and key are divided by.

    Shape:
        - Input and output: ``(N, channels, H, W)``
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(channels, channels // reduction, 1)
        self.key = nn.Conv2d(channels, channels // reduction, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        weights = (self.query(x).flatten(2).transpose(1, 2) @ self.key(x).flatten(2)).softmax(dim=-1)
        return x + self.gamma * (self.value(x).flatten(2) @ weights.transpose(1, 2)).unflatten(2, x.shape[-2:])


class GlobalContextAttention(nn.Module):
    """GCA: a weight for every patch and channel, from the patches' maxima attending to each other.

    Args:
        channels: Channels of the map.

    Shape:
        - x: ``(N, channels, H, W)``
        - patches: ``(rows, columns)``
        - Output: ``(N, channels, rows, columns)``, in 0..1

    References:
        Zhang et al., IEEE TAES 59(4), 2023; the 1x1 convolutions behind the attention are those of the authors'
        ``agpcnet_1``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = NonLocal(channels, 1)
        self.weigh = bottleneck(channels)

    def forward(self, x: Tensor, patches: tuple[int, int]) -> Tensor:
        return self.weigh(self.attention(pool(x, patches, 'max')))


def _spans(length: int, patches: int) -> list[tuple[int, int, int]]:
    """Runs of patches of one length, as ``(start, stop, patches)``: the last patch takes what is left over."""
    step = length // patches
    if length == step * patches:
        return [(0, length, patches)]
    cut = step * (patches - 1)
    return [(0, cut, patches - 1), (cut, length, 1)][patches == 1:]


class AttentionGuidedContextBlock(nn.Module):
    r"""AGCB: non-local attention inside each of ``scale`` x ``scale`` patches, weighted between the patches by GCA.

    .. math::
        y = \mathrm{ReLU}\left(x + \beta\, \mathrm{BN}(\mathrm{Conv}_{3\times3}(G \odot \mathrm{NL}(x)))\right)

    Args:
        channels: Channels of the map.
        scale: Patches along each side.
        reduction: See :class:`NonLocal`, inside the patches.

    Shape:
        - Input and output: ``(N, channels, H, W)``

    Note:
        Where a side does not divide, the last patch is the larger one, while GCA pools with PyTorch's overlapping
        windows: both as in the authors' code. A map with fewer pixels along a side than ``scale`` has as many
        patches as pixels there; the authors' code does not run on such a map.

    References:
        Zhang et al., IEEE TAES 59(4), 2023.

    Example:
        >>> AttentionGuidedContextBlock(8, scale=3)(torch.zeros(1, 8, 7, 2)).shape
        torch.Size([1, 8, 7, 2])
    """

    bound_to_size = 'its patches are cut by the size of the image'
    """Why a graph of it is of one size."""

    def __init__(self, channels: int, scale: int, reduction: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.inside = NonLocal(channels, reduction)
        self.between = GlobalContextAttention(channels)
        self.mix = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), BatchNorm(channels))
        self.beta = nn.Parameter(torch.zeros(1))

    def context(self, x: Tensor) -> Tensor:
        """``G * NL(x)``; patches of one size are one batch."""
        height, width = x.shape[-2:]
        patches = min(self.scale, height), min(self.scale, width)
        weights = self.between(x, patches)
        bands, row = [], 0
        for top, bottom, rows in _spans(height, patches[0]):
            parts, column = [], 0
            for left, right, columns in _spans(width, patches[1]):
                tiles = x[..., top:bottom, left:right].unflatten(3, (columns, -1)).unflatten(2, (rows, -1))
                tiles = tiles.permute(0, 2, 4, 1, 3, 5)
                attended = self.inside(tiles.flatten(0, 2)).unflatten(0, tiles.shape[:3]).permute(0, 3, 1, 4, 2, 5)
                weight = weights[..., row:row + rows, column:column + columns]
                parts.append((attended * weight[:, :, :, None, :, None]).flatten(4, 5).flatten(2, 3))
                column += columns
            bands.append(torch.cat(parts, dim=3))
            row += rows
        return torch.cat(bands, dim=2)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.beta * self.mix(self.context(x)))


class ContextPyramid(nn.Module):
    """CPM: context blocks of several scales beside each other.

    Args:
        channels: Channels of the map.
        scales: Patches along a side, a context block each.
        reductions: What the channels are divided by before the blocks, and inside :class:`NonLocal`.

    Shape:
        - Input and output: ``(N, channels, H, W)``

    References:
        Zhang et al., IEEE TAES 59(4), 2023.
    """

    def __init__(self, channels: int, scales: tuple[int, ...] = (10, 6, 5, 3),
                 reductions: tuple[int, int] = (16, 4)) -> None:
        super().__init__()
        if not scales:
            raise ConfigError('ContextPyramid(scales=()): one scale or more is expected, such as (10, 6, 5, 3); '
                              'without any no block looks around.')
        for scale in scales:
            check_least(self, 1, scales=scale)
        width = channels // reductions[0]
        self.reduce = projection(channels, width)
        self.blocks = nn.ModuleList(AttentionGuidedContextBlock(width, scale, reductions[1]) for scale in scales)
        self.expand = projection(width * (len(scales) + 1), channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduce(x)
        return self.expand(torch.cat([x, *(block(x) for block in self.blocks)], dim=1))
