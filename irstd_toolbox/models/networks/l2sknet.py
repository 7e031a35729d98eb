"""L2SKNet: learnable kernels of the form "centre minus neighbours", on a small U-Net or pyramid."""

import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import BACKBONES, MODELS
from ..fusion import fusion_blocks
from ..layers import BatchNorm, ConvBNReLU, chain, resize
from .acm import ResidualBlock
from .unet import double_conv

__all__ = ['DilatedSaliencyKernel', 'FactorisedSaliencyKernel', 'L2SKHead', 'L2SKNeck', 'L2SKResidualEncoder',
           'SaliencyStage']

SCALES = (((9, 2), (5, 2), (3, 2), (3, 1)), ((5, 2), (3, 2), (3, 1)), ((3, 2), (3, 1)), ((3, 1),))
"""``(kernel size, dilation)`` of the branches of each level, finest first."""


def _gate(channels: int) -> nn.Sequential:
    """One weight a channel in 0..1 from the map's global average, through a quarter of the channels."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(channels, channels // 4, 1, bias=False), BatchNorm(channels // 4), nn.ReLU(inplace=True),
        nn.Conv2d(channels // 4, channels, 1, bias=False), BatchNorm(channels), nn.Sigmoid())


class DilatedSaliencyKernel(nn.Module):
    r"""LLSKM: what the kernel's sum sees at the centre, minus what the kernel sees, plus a weighted centre tap.

    .. math::
        Y = W_{sum} X - W * X + \theta(X) \circ W_c X

    ``W_sum`` is the sum of the ``k x k`` taps of ``W`` and ``W_c`` its middle one, both as 1x1 convolutions. On a flat
    image the first two terms cancel.

    Args:
        channels: Channels ``C``, at least 4.
        kernel_size: Odd ``k``.
        dilation: Distance of the taps.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``

    References:
        Wu et al., Saliency at the Helm: Steering Infrared Small Target Detection With Learnable Kernels, IEEE TGRS,
        doi 10.1109/TGRS.2024.3521947.
    """

    def __init__(self, channels: int, kernel_size: int, dilation: int = 1) -> None:
        super().__init__()
        self.middle = kernel_size // 2
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=dilation * self.middle, dilation=dilation,
                              bias=False)
        self.gate = _gate(channels)

    def forward(self, x: Tensor) -> Tensor:
        taps, middle = self.conv.weight, slice(self.middle, self.middle + 1)
        summed, centre = F.conv2d(x, taps.sum((2, 3), keepdim=True)), F.conv2d(x, taps[:, :, middle, middle])
        return summed - self.conv(x) + self.gate(x) * centre


class FactorisedSaliencyKernel(nn.Module):
    r"""LLSKM of two 1-D kernels, a row and then a column: the light form, marked * in the paper's tables.

    ``Y`` as in :class:`DilatedSaliencyKernel` with, for each pair of channels, the taps
    :math:`W^{oi}_{ab} = \mathrm{row}^{oi}_a\, \mathrm{column}^{oi}_b`.

    Args:
        channels: Channels ``C``, at least 4.
        kernel_size: Odd ``k``; where the dilated form has ``k`` taps at distance ``d``, this has ``d (k - 1) + 1``.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``

    Note:
        ``W * X`` is the column after the row, whose taps are sums over the channels between them, while ``W_sum`` and
        ``W_c`` take the product of each pair alone, as in the public code. So the first two terms cancel on a flat
        image with one channel only. The authors' module also holds a full ``k x k`` kernel that nothing reads; it
        is left out (507,904 parameters in all).

    References:
        Wu et al., doi 10.1109/TGRS.2024.3521947.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.middle = kernel_size // 2
        self.row = nn.Conv2d(channels, channels, (1, kernel_size), padding=(0, self.middle))
        self.column = nn.Conv2d(channels, channels, (kernel_size, 1), padding=(self.middle, 0))
        self.gate = _gate(channels)

    def forward(self, x: Tensor) -> Tensor:
        row, column, middle = self.row.weight, self.column.weight, slice(self.middle, self.middle + 1)
        summed = F.conv2d(x, row.sum((2, 3), keepdim=True) * column.sum((2, 3), keepdim=True))
        centre = F.conv2d(x, row[..., middle] * column[:, :, middle])
        return summed - self.column(self.row(x)) + self.gate(x) * centre


class SaliencyStage(nn.Module):
    """Saliency kernels of several scales side by side, their sum mixed by a 3x3 convolution.

    Args:
        channels: Channels ``C``, at least 4.
        scales: ``(kernel size, dilation)`` of each branch; one branch alone is not mixed.
        factorised: Whether the kernels are pairs of 1-D ones of the same extent.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``
    """

    def __init__(self, channels: int, scales: tuple[tuple[int, int], ...], factorised: bool = False) -> None:
        super().__init__()
        check_least(self, 4, channels=channels)
        kernels = (FactorisedSaliencyKernel(channels, dilation * (size - 1) + 1) if factorised
                   else DilatedSaliencyKernel(channels, size, dilation) for size, dilation in scales)
        self.branches = nn.ModuleList(
            nn.Sequential(kernel, BatchNorm(channels), nn.LeakyReLU(0.1, inplace=True)) for kernel in kernels)
        self.mix = ConvBNReLU(channels, channels) if len(scales) > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(sum(branch(x) for branch in self.branches))


@BACKBONES.register_module()
class L2SKResidualEncoder(nn.Module):
    """The pyramid's encoder: two residual blocks a level, the first of stride 2 from the second level on.

    Args:
        widths: Channels of the levels, finest first.
        in_channels: Channels of the image.

    Shape:
        - Input: ``(N, in_channels, H, W)``, any size
        - Output: list of ``(N, C_i, ceil(H / 2^i), ceil(W / 2^i))``, finest first
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128), in_channels: int = 3) -> None:
        super().__init__()
        self.out_channels = list(widths)
        self.stages = nn.ModuleList(
            nn.Sequential(ResidualBlock(below, width, 2 if i else 1), ResidualBlock(width, width, 1))
            for i, (below, width) in enumerate(zip((in_channels, *widths), widths, strict=False)))

    def forward(self, x: Tensor) -> list[Tensor]:
        return chain(self.stages, x)


@MODELS.register_module()
class L2SKNeck(nn.Module):
    """Saliency kernels on every level, then the way up.

    Args:
        form: ``'unet'``: nearest up-sampling, a 3x3 convolution, concatenation, two 3x3 convolutions;
            ``'fpn'``: bilinear up-sampling, a 1x1 convolution, addition.
        in_channels: Channels of the encoder's maps, finest first; four of them.
        factorised: Whether the kernels are pairs of 1-D ones.
        fusion: Fusion block of every level (config, without ``channels``); None for the form's own.
        language_fusion: Fusion block of the deepest level; None to use ``fusion`` there as well.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: list of ``(N, out_i, H_i, W_i)``, finest first

    Raises:
        ConfigError: If the form is not known, or there are not as many maps as levels of kernels.

    References:
        Wu et al., doi 10.1109/TGRS.2024.3521947; the names of the paper's forms are L2SKNet-UNet, -FPN, -UNet*, -FPN*.
    """

    def __init__(self, form: str = 'unet', in_channels: tuple[int, ...] = (16, 32, 64, 128), factorised: bool = False,
                 fusion: dict | None = None, language_fusion: dict | None = None) -> None:
        super().__init__()
        if form not in ('unet', 'fpn') or len(in_channels) != len(SCALES):
            raise ConfigError(f"form={form!r} with {len(in_channels)} maps: choose 'unet' or 'fpn', with {len(SCALES)} "
                              'maps.')
        unet = form == 'unet'
        self.nearest = unet
        self.saliency = nn.ModuleList(
            SaliencyStage(c, scales, factorised) for c, scales in zip(in_channels, SCALES, strict=True))
        fusion = fusion or dict(type='SumFusion', merge='concat' if unet else 'sum')
        uppers = tuple(in_channels[:-1])
        self.fusions = fusion_blocks(uppers, fusion, language_fusion)
        widths = uppers if unet else [block.out_channels for block in self.fusions]
        self.out_channels = [*widths, in_channels[-1]]
        self.projections = nn.ModuleList(
            ConvBNReLU(below, c, bias=True) if unet
            else nn.Sequential(nn.Conv2d(below, c, 1), BatchNorm(c), nn.ReLU(inplace=True))
            for below, c in zip(self.out_channels[1:], uppers, strict=True))
        self.decoders = nn.ModuleList(
            double_conv(block.out_channels, c) if unet else nn.Identity()
            for block, c in zip(self.fusions, uppers, strict=True))

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        *lows, x = [stage(x) for stage, x in zip(self.saliency, feats, strict=True)]
        maps = [x]
        for i in reversed(range(len(lows))):
            size = lows[i].shape[-2:]
            high = self.projections[i](F.interpolate(x, size=size, mode='nearest') if self.nearest else resize(x, size))
            x = self.decoders[i](self.fusions[i](lows[i], high, descriptor))
            maps.append(x)
        return maps[::-1]


@MODELS.register_module()
class L2SKHead(nn.Module):
    """Logits of the finest map: one 1x1 convolution, or a 3x3 one, dropout and a 1x1 one.

    Args:
        in_channels: Channels of the finest map.
        hidden: Channels between the two convolutions; 0 for one convolution alone (the U-Net's head).
        dropout: Share of ``hidden`` that is dropped in training.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - size: ``(H, W)`` of the logits
        - Output: ``[(N, 1, H, W)]``, logits
    """

    def __init__(self, in_channels: int = 16, hidden: int = 0, dropout: float = 0.1) -> None:
        super().__init__()
        self.hidden = nn.Sequential(ConvBNReLU(in_channels, hidden), nn.Dropout(dropout)) if hidden else nn.Identity()
        self.predict = nn.Conv2d(hidden or in_channels, 1, 1)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        return [resize(self.predict(self.hidden(feats[0])), size)]
