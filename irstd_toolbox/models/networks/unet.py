"""U-Net and its residual form, as infrared benchmarks run them, and the decoders that others build upon.

Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015. The widths, the
batch norms and the padding are those of BasicIRSTD's U-Net and ResUNet.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError
from ...registry import BACKBONES, MODELS
from ..fusion import fusion_block, fusion_of_levels
from ..layers import ConvBNReLU, pyramid, resize, stretch
from .residual import residual_stage

__all__ = ['LogitHead', 'ResidualUDecoder', 'SkipJoin', 'UNetDecoder', 'UNetEncoder', 'double_conv']


class SkipJoin(nn.Module):
    """How a shallow map and the deep map below it become one input: concatenated, or by a fusion block.

    Args:
        low_channels: Channels of the shallow map.
        high_channels: Channels of the deep map. A fusion block takes maps of one shape, so a 1x1 convolution brings it
            to ``low_channels`` where they differ.
        fusion: Config in ``FUSION_BLOCKS``, without ``channels``; None concatenates.

    Shape:
        - low: ``(N, low_channels, H, W)``
        - high: ``(N, high_channels, H, W)``
        - Output: ``(N, out_channels, H, W)``
    """

    def __init__(self, low_channels: int, high_channels: int, fusion: dict | None = None) -> None:
        super().__init__()
        same = fusion is None or low_channels == high_channels
        self.project = nn.Identity() if same else nn.Conv2d(high_channels, low_channels, 1)
        self.block = fusion_block(fusion, low_channels) if fusion else None
        self.out_channels = self.block.out_channels if self.block is not None else low_channels + high_channels

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        if self.block is None:
            return torch.cat([low, high], dim=1)
        return self.block(low, self.project(high), descriptor)


def double_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    """Twice 3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(*ConvBNReLU(in_channels, out_channels, bias=True),
                         *ConvBNReLU(out_channels, out_channels, bias=True))


@BACKBONES.register_module()
class UNetEncoder(nn.Module):
    """The contracting path: two 3x3 convolutions a stage and 2x2 max pooling between stages.

    Args:
        widths: Channels of each stage, finest first.
        in_channels: Channels of the image.

    Shape:
        - Input: ``(N, in_channels, H, W)``, any size
        - Output: list of ``(N, widths[i], ceil(H / 2^i), ceil(W / 2^i))``, finest first

    Note:
        Convolutions are padded, so that maps keep their size, and followed by batch norm; the paper has neither.

    References:
        U-Net, Sec. 2, Fig. 1.
    """

    def __init__(self, widths: tuple[int, ...] = (64, 128, 256, 512, 1024), in_channels: int = 3) -> None:
        super().__init__()
        self.out_channels = list(widths)
        inputs = [in_channels, *widths[:-1]]
        self.stages = nn.ModuleList(double_conv(a, b) for a, b in zip(inputs, widths, strict=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        return pyramid(self.stages, x)


@MODELS.register_module()
class UNetDecoder(nn.Module):
    """The expanding path: doubled by repetition, a 3x3 convolution to the skip's width, joined, two 3x3 convolutions.

    Args:
        in_channels: Channels of the encoder's maps, finest first, at least two.
        fusion: Fusion block in the place of concatenation (config, without ``channels``); None for U-Net's own.
        language_fusion: Fusion block of the deepest level; None to do there as on the other levels.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: list of ``(N, C_i, H_i, W_i)`` without the deepest level, finest first

    Raises:
        ConfigError: If there is one map only.

    References:
        U-Net, Sec. 2, Fig. 1; the paper's transposed convolution is here a repetition and a convolution.
    """

    def __init__(self, in_channels: tuple[int, ...] = (64, 128, 256, 512, 1024), fusion: dict | None = None,
                 language_fusion: dict | None = None) -> None:
        super().__init__()
        _check_levels(in_channels)
        self.out_channels = list(in_channels[:-1])
        self.reduce = nn.ModuleList(
            ConvBNReLU(deep, width, bias=True) for width, deep in zip(self.out_channels, in_channels[1:], strict=True))
        configs = fusion_of_levels(len(self.out_channels), fusion, language_fusion)
        self.joins = nn.ModuleList(
            SkipJoin(width, width, cfg) for width, cfg in zip(self.out_channels, configs, strict=True))
        self.stages = nn.ModuleList(
            double_conv(join.out_channels, width) for join, width in zip(self.joins, self.out_channels, strict=True))

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        x, maps = feats[-1], []
        for i in reversed(range(len(self.stages))):
            x = self.reduce[i](F.interpolate(x, size=feats[i].shape[-2:], mode='nearest'))
            x = self.stages[i](self.joins[i](feats[i], x, descriptor))
            maps.append(x)
        return maps[::-1]


@MODELS.register_module()
class ResidualUDecoder(nn.Module):
    """An expanding path of residual blocks: the deep map stretched to the skip's size, joined, one residual stage.

    Args:
        in_channels: Channels of the encoder's maps, finest first, at least two.
        blocks: Residual blocks of each level but the deepest, finest first.
        attention: Whether blocks weight channels and pixels.
        fusion: See :class:`UNetDecoder`.
        language_fusion: See :class:`UNetDecoder`.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: list of ``(N, C_i, H_i, W_i)`` without the deepest level, finest first

    Raises:
        ConfigError: If ``blocks`` is not one shorter than ``in_channels``, or there is one map only.

    References:
        BasicIRSTD's ResUNet without attention; the plain U-Net of Liu et al., CVPR 2024 (MSHNet), with it.
    """

    def __init__(self, in_channels: tuple[int, ...] = (16, 32, 64, 128), blocks: tuple[int, ...] = (1, 1, 1),
                 attention: bool = False, fusion: dict | None = None, language_fusion: dict | None = None) -> None:
        super().__init__()
        _check_levels(in_channels)
        if len(blocks) != len(in_channels) - 1:
            raise ConfigError(f'{len(blocks)} numbers of blocks for {len(in_channels)} encoder maps; one a level, '
                              'the deepest left out, is expected.')
        self.out_channels = list(in_channels[:-1])
        configs = fusion_of_levels(len(blocks), fusion, language_fusion)
        self.joins = nn.ModuleList(
            SkipJoin(width, deep, cfg)
            for width, deep, cfg in zip(self.out_channels, in_channels[1:], configs, strict=True))
        self.stages = nn.ModuleList(
            residual_stage(join.out_channels, width, count, attention)
            for join, width, count in zip(self.joins, self.out_channels, blocks, strict=True))

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        x, maps = feats[-1], []
        for i in reversed(range(len(self.stages))):
            x = self.stages[i](self.joins[i](feats[i], stretch(x, feats[i].shape[-2:]), descriptor))
            maps.append(x)
        return maps[::-1]


def _check_levels(in_channels: tuple[int, ...]) -> None:
    if len(in_channels) < 2:
        raise ConfigError(f'in_channels={tuple(in_channels)} has {len(in_channels)} level; a U needs at least 2.')


@MODELS.register_module()
class LogitHead(nn.Module):
    """One logit map from the finest map by a 1x1 convolution.

    Args:
        in_channels: Channels of the finest map.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - size: ``(H, W)`` of the logits
        - Output: ``[(N, 1, H, W)]``, logits

    References:
        U-Net, Sec. 2: the 1x1 convolution at the end.
    """

    def __init__(self, in_channels: int = 64) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 1, 1)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        return [resize(self.conv(feats[0]), size)]
