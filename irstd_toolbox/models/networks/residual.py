"""Residual stages with channel and spatial attention: what DNANet, MSHNet and the residual U-Net share.

The attention is CBAM's: Woo et al., "CBAM: Convolutional Block Attention Module", ECCV 2018.
"""

import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...registry import BACKBONES
from ..layers import BatchNorm, pyramid

__all__ = ['ChannelAttention', 'ResidualBlock', 'ResidualEncoder', 'SpatialAttention', 'residual_stage', 'xavier_']


def xavier_(module: nn.Module) -> None:
    """Draw the weights of all convolutions in ``module`` from Xavier's normal distribution; biases stay."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_normal_(layer.weight)


class ChannelAttention(nn.Module):
    r"""One weight a channel, from its mean and its maximum over the image.

    .. math::
        M = \sigma(W_2\,\mathrm{ReLU}(W_1 \bar{x}) + W_2\,\mathrm{ReLU}(W_1 \hat{x}))

    Args:
        channels: Channels ``C``.
        reduction: ``W_1`` maps to ``C / reduction`` channels, at least one.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, C, 1, 1)``, in 0..1

    References:
        CBAM, Sec. 3, Eq. 2.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.fc1 = nn.Conv2d(channels, hidden, 1, bias=False)
        self.fc2 = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        return torch.sigmoid(sum(self.fc2(torch.relu(self.fc1(p))) for p in pooled))


class SpatialAttention(nn.Module):
    r"""One weight a pixel, from the mean and the maximum over its channels.

    .. math::
        M = \sigma(\mathrm{Conv}_{7 \times 7}([\mathrm{mean}_c\,x, \max_c x]))

    Args:
        kernel_size: Side of the kernel, odd.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, 1, H, W)``, in 0..1

    References:
        CBAM, Sec. 3, Eq. 3.
    """

    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
        return torch.sigmoid(self.conv(pooled))


class ResidualBlock(nn.Module):
    r"""Two 3x3 convolutions with batch norm, channel and then spatial attention, and the residual path.

    .. math::
        y = \mathrm{ReLU}(M_s \odot (M_c \odot f(x)) + g(x))

    ``g`` is the identity, or a 1x1 convolution with batch norm where the channels change.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        attention: False leaves both weights out.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, out_channels, H, W)``

    Example:
        >>> ResidualBlock(3, 16)(torch.rand(1, 3, 8, 8)).shape
        torch.Size([1, 16, 8, 8])
    """

    def __init__(self, in_channels: int, out_channels: int, attention: bool = True) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.bn1 = BatchNorm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.bn2 = BatchNorm(out_channels)
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1), BatchNorm(out_channels))
        self.channel = ChannelAttention(out_channels) if attention else None
        self.spatial = SpatialAttention() if attention else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.channel is not None:
            y = self.channel(y) * y
            y = self.spatial(y) * y
        return torch.relu(y + self.shortcut(x))


def residual_stage(in_channels: int, out_channels: int, blocks: int, attention: bool = True) -> nn.Sequential:
    """``blocks`` residual blocks, the first of which changes the channels."""
    if blocks < 1:
        raise ConfigError(f'A stage of {blocks} residual blocks changes nothing. Give at least 1.')
    return nn.Sequential(*(ResidualBlock(out_channels if i else in_channels, out_channels, attention)
                           for i in range(blocks)))


@BACKBONES.register_module()
class ResidualEncoder(nn.Module):
    """Stages of residual blocks with 2x2 max pooling between them; the first keeps the image's size.

    Args:
        widths: Channels of each stage, finest first.
        blocks: Residual blocks of each stage. After the first stage's one block, ``(1, 1, 1, 1)`` is what DNANet calls
            ResNet-10, ``(2, 2, 2, 2)`` ResNet-18 and ``(3, 4, 6, 3)`` ResNet-34.
        in_channels: Channels of the image.
        attention: Whether blocks weight channels and pixels.
        stem: Whether a 1x1 convolution brings the image to the first stage's width before it (MSHNet).
        xavier: Whether convolutions start from Xavier's normal distribution (DNANet), or as PyTorch draws them.

    Shape:
        - Input: ``(N, in_channels, H, W)``, any size
        - Output: list of ``(N, widths[i], ceil(H / 2^i), ceil(W / 2^i))``, finest first

    Raises:
        ConfigError: If ``widths`` and ``blocks`` differ in length, or a stage has no block.

    Note:
        Odd sizes are rounded up where the published code, which takes multiples of 16 only, would round down.

    References:
        Li et al., Dense Nested Attention Network for Infrared Small Target Detection, TIP 2023.

    Example:
        >>> maps = ResidualEncoder((8, 16), (1, 2))(torch.rand(1, 3, 33, 20))
        >>> [tuple(x.shape) for x in maps]
        [(1, 8, 33, 20), (1, 16, 17, 10)]
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128, 256), blocks: tuple[int, ...] = (1, 2, 2, 2, 2),
                 in_channels: int = 3, attention: bool = True, stem: bool = False, xavier: bool = True) -> None:
        super().__init__()
        if len(widths) != len(blocks):
            raise ConfigError(f'{len(widths)} widths and {len(blocks)} numbers of blocks; give one of each a stage.')
        self.out_channels = list(widths)
        self.stem = nn.Conv2d(in_channels, widths[0], 1) if stem else nn.Identity()
        inputs = [widths[0] if stem else in_channels, *widths[:-1]]
        self.stages = nn.ModuleList(residual_stage(*row, attention)
                                    for row in zip(inputs, widths, blocks, strict=True))
        if xavier:
            xavier_(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        return pyramid(self.stages, self.stem(x))
