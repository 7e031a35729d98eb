"""RDIAN: four receptive fields beside each other, and attention where a pixel differs from all that surrounds it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import check_odd
from ...registry import MODELS
from ..layers import BatchNorm, resize
from .acm import ACMHead

__all__ = ['RDIAN', 'BottleneckBlock', 'ConvolutionalAttention', 'DirectionAttention']

# Neighbours two pixels away, as (row, column); the second four lie opposite to the first four, in the same order.
DIRECTIONS = ((-2, -2), (-2, 0), (-2, 2), (0, 2), (2, 2), (2, 0), (2, -2), (0, -2))


def _conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False),
        BatchNorm(out_channels), nn.LeakyReLU())


class DirectionAttention(nn.Module):
    r"""A weight for every pixel from its differences to eight neighbours two pixels away.

    .. math::
        D_k(p) = x(p) - x(p + o_k),\quad M = \sigma\left(\sum_{k=1}^{4} D_k \odot D_{k+4}\right)

    where :math:`o_{k+4} = -o_k`: a product is positive where the pixel lies above, or below, both of two opposite
    neighbours, and negative on a slope between them. Nothing here is learnt. Pixels outside the image are 0.

    Shape:
        - Input: ``(N, C, H, W)``; the mean over channels is taken, which is the image itself where it is grey
        - Output: ``(N, 1, H, W)``, in 0..1

    References:
        Sun et al., Receptive-Field and Direction Induced Attention Network for Infrared Dim Small Target Detection
        With a Large-Scale Dataset IRDST, IEEE TGRS 61, 2023; the kernels: the authors' code.

    Example:
        >>> DirectionAttention()(torch.zeros(1, 1, 3, 3)).unique().tolist()
        [0.5]
    """

    def __init__(self) -> None:
        super().__init__()
        kernels = torch.zeros(len(DIRECTIONS), 1, 5, 5)
        kernels[:, :, 2, 2] = 1
        for kernel, (row, column) in zip(kernels, DIRECTIONS, strict=True):
            kernel[0, 2 + row, 2 + column] = -1
        self.register_buffer('kernels', kernels, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        ahead, behind = F.conv2d(x.mean(dim=1, keepdim=True), self.kernels, padding=2).chunk(2, dim=1)
        return (ahead * behind).sum(dim=1, keepdim=True).sigmoid()


class BottleneckBlock(nn.Module):
    """Two convolutions, to half of the channels and back, and the input added.

    Args:
        channels: Channels of input and output.
        kernel_size: Kernel of both convolutions, odd.

    Shape:
        - Input and output: ``(N, channels, H, W)``
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        check_odd(self, kernel_size=kernel_size)
        self.layers = nn.Sequential(_conv(channels, channels // 2, kernel_size),
                                    _conv(channels // 2, channels, kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x) + x


class ConvolutionalAttention(nn.Module):
    """CBAM: a weight for every channel, then one for every pixel.

    Args:
        channels: Channels of the map.
        reduction: What the channels are divided by between the two layers of the channel attention.

    Shape:
        - Input and output: ``(N, channels, H, W)``

    References:
        Woo et al., CBAM: Convolutional Block Attention Module, ECCV 2018.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.channel = nn.Sequential(nn.Linear(channels, channels // reduction), nn.ReLU(inplace=True),
                                     nn.Linear(channels // reduction, channels))
        self.spatial = nn.Sequential(nn.Conv2d(2, 1, 7, padding=3, bias=False), BatchNorm(1, momentum=0.01))

    def forward(self, x: Tensor) -> Tensor:
        weights = self.channel(x.mean(dim=(2, 3))) + self.channel(x.amax(dim=(2, 3)))
        x = x * weights.sigmoid()[..., None, None]
        pooled = torch.cat([x.amax(dim=1, keepdim=True), x.mean(dim=1, keepdim=True)], dim=1)
        return x * self.spatial(pooled).sigmoid()


@MODELS.register_module()
class RDIAN(nn.Module):
    """The receptive-field and direction induced attention network.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the first convolution, which keeps the size, and of the rest, at half the size.
        plan: ``(kernel, blocks)`` of each receptive field.
        reduction: See :class:`ConvolutionalAttention`.
        dropout: Share of values dropped before the last convolution, in training.

    Shape:
        - x: ``(N, in_channels, H, W)``, any size
        - descriptor: not used
        - Output: ``[prediction]``, ``(N, 1, H, W)``, logits

    Note:
        The authors' 200 frozen parameters, eight 5x5 kernels, are a constant here, so this network has 216,558
        parameters where theirs is counted with 216,758. Convolutions start from a normal distribution of deviation
        0.02 as in the authors' script; its norms do too, with shifts of deviation 1, which is read as a slip: they
        start at one and zero here.

    References:
        Sun et al., IEEE TGRS 61, 2023; layers, kernel sizes and order: the authors' code.

    Example:
        >>> sum(p.numel() for p in RDIAN().parameters())
        216558
    """

    def __init__(self, in_channels: int = 1, channels: tuple[int, int] = (16, 32),
                 plan: tuple[tuple[int, int], ...] = ((1, 1), (3, 2), (5, 2), (7, 2)), reduction: int = 32,
                 dropout: float = 0.1) -> None:
        super().__init__()
        fine, coarse = channels
        self.direction = DirectionAttention()
        self.shallow = _conv(in_channels, fine, 3)
        self.down = _conv(fine, coarse, 3, stride=2)
        self.fields = nn.ModuleList(nn.Sequential(*(BottleneckBlock(coarse, kernel) for _ in range(blocks)))
                                    for kernel, blocks in plan)
        self.merge = _conv(len(plan) * coarse, coarse, 3)
        self.attention = ConvolutionalAttention(coarse, reduction)
        self.skip = _conv(fine, coarse, 1)
        self.head = ACMHead(coarse, dropout)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.02)

    def forward(self, x: Tensor, descriptor: Tensor | None = None) -> list[Tensor]:
        shallow = self.shallow(x)
        deep = self.down(shallow * (1 + self.direction(x)))
        deep = self.attention(self.merge(torch.cat([field(deep) for field in self.fields], dim=1)))
        size = tuple(x.shape[-2:])
        return self.head([F.relu(resize(deep, size) + self.skip(shallow))], size)
