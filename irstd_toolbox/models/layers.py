"""Layers that more than one network uses."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigError

__all__ = ['BatchNorm', 'ConvBNReLU', 'ResidualUBlock', 'chain', 'halve', 'pool', 'pyramid', 'resize', 'stretch']


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resampling of ``(N, C, H, W)`` to ``size``, half-pixel centres; the map itself when it has that size.

    The result has the precision of ``x``. Mixed precision on a GPU interpolates in float32; what is added to such a map
    or stacked with it would be float32 too, and be converted back for the next convolution.
    """
    if x.shape[-2:] == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=False).to(x.dtype)


def stretch(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resampling of ``(N, C, H, W)`` to ``size`` that puts corner pixels on corner pixels.

    Other than :func:`resize`, it shifts the map's content by up to half a pixel a step; weights that were trained with
    it need it. The precision is that of ``x``, too.

    Example:
        >>> stretch(torch.tensor([[[[0., 3.]]]]), (1, 4)).flatten().tolist()
        [0.0, 1.0, 2.0, 3.0]
    """
    if x.shape[-2:] == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=True).to(x.dtype)


def halve(x: Tensor) -> Tensor:
    """2x2 max pooling that keeps a last odd row or column, so that any size down to 1x1 works."""
    return F.max_pool2d(x, 2, ceil_mode=True)


def pool(x: Tensor, grid: tuple[int, int], kind: str) -> Tensor:
    """Adaptive pooling of ``(N, C, H, W)`` to ``grid``, ``kind`` is ``'avg'`` or ``'max'``.

    ONNX has no operator for it: to be exported, window ``i`` of ``n`` of a side ``L`` is told by its borders,
    ``floor(i L / n)`` and ``ceil((i + 1) L / n)``.
    """
    if not torch.compiler.is_exporting():
        return (F.adaptive_avg_pool2d if kind == 'avg' else F.adaptive_max_pool2d)(x, grid)
    for dim, parts in ((2, grid[0]), (3, grid[1])):
        length, index = x.shape[dim], torch.arange(parts, device=x.device)[:, None]
        place = torch.arange(length, device=x.device)
        inside = (place >= index * length // parts) & (place < ((index + 1) * length + parts - 1) // parts)
        windows = x.movedim(dim, -1).unsqueeze(-2)  # (N, C, the other side, 1, L)
        if kind == 'max':
            x = windows.masked_fill(~inside, -torch.inf).amax(-1)
        else:
            x = (windows * inside).sum(-1) / inside.sum(1)
        x = x.movedim(-1, dim)
    return x


def chain(stages: Iterable[nn.Module], x: Tensor) -> list[Tensor]:
    """What each of ``stages`` makes of what the one before it made, the first of ``x``."""
    maps = []
    for stage in stages:
        x = stage(x)
        maps.append(x)
    return maps


def pyramid(stages: Iterable[nn.Module], x: Tensor) -> list[Tensor]:
    """What each of ``stages`` makes of ``x``, one after the other with :func:`halve` between them, finest first."""
    maps = []
    for stage in stages:
        x = stage(halve(x) if maps else x)
        maps.append(x)
    return maps


class BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm of maps ``(N, C, H, W)`` or pooled vectors ``(N, C)`` that also trains on one value a channel.

    One value has no variance: then the running statistics normalise it and are left as they are,
    where the stock layers raise. It happens to pooled vectors in a batch of one and to small images
    at the bottom of a U.

    Example:
        >>> norm = BatchNorm(4)
        >>> norm(torch.ones(1, 4)).shape, int(norm.num_batches_tracked)
        (torch.Size([1, 4]), 0)
    """

    def _check_input_dim(self, x: Tensor) -> None:
        if x.ndim not in (2, 4):
            raise ConfigError(f'Batch norm got a tensor of shape {tuple(x.shape)}; (N, C) or (N, C, H, W) is expected.')

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.numel() == self.num_features:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(x)


class ConvBNReLU(nn.Sequential):
    """3x3 convolution, batch norm and ReLU; the size is kept.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        dilation: Dilation, and padding with it.
        bias: Whether the convolution has a bias, which the batch norm after it makes redundant.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, out_channels, H, W)``
    """

    def __init__(self, in_channels: int, out_channels: int, dilation: int = 1, bias: bool = False) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=bias),
            BatchNorm(out_channels),
            nn.ReLU(inplace=True))


class ResidualUBlock(nn.Module):
    """A small U-Net with a residual path: RSU-L, or RSU-LF, which dilates instead of pooling.

    Args:
        height: Layers ``L`` of the small U-Net, at least 2. The last one is dilated, not pooled.
        in_channels: Channels of the input.
        mid_channels: Channels inside.
        out_channels: Channels of the output.
        dilated: Whether all layers keep the size and dilate by 1, 2, 4, ... (RSU-4F).
        bias: See :class:`ConvBNReLU`.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, out_channels, H, W)``

    References:
        Qin et al., U2-Net, Pattern Recognition 2020, Sec. 3.1, Fig. 2; used by LGNet, Sec. 3.2.

    Example:
        >>> block = ResidualUBlock(7, 3, 16, 64)
        >>> sum(p.numel() for p in block.parameters())
        66880
    """

    def __init__(self, height: int, in_channels: int, mid_channels: int, out_channels: int,
                 dilated: bool = False, bias: bool = False) -> None:
        super().__init__()
        if height < 2:
            raise ConfigError(f'A residual U-block of height {height} has no inner level. Give a height of at least 2.')
        self.dilated = dilated
        rates = [2**i for i in range(height)] if dilated else [1] * (height - 1) + [2]
        self.project = ConvBNReLU(in_channels, out_channels, bias=bias)
        self.down = nn.ModuleList(
            ConvBNReLU(out_channels if i == 0 else mid_channels, mid_channels, rate, bias)
            for i, rate in enumerate(rates))
        self.up = nn.ModuleList(
            ConvBNReLU(2 * mid_channels, mid_channels if i else out_channels, rates[i], bias)
            for i in reversed(range(height - 1)))

    def forward(self, x: Tensor) -> Tensor:
        x = identity = self.project(x)
        skips = []
        for i, layer in enumerate(self.down):
            pooled = 0 < i < len(self.down) - 1 and not self.dilated
            x = layer(halve(x) if pooled else x)
            skips.append(x)
        skips.pop()
        for layer in self.up:
            skip = skips.pop()
            x = layer(torch.cat([resize(x, skip.shape[-2:]), skip], dim=1))
        return x + identity
