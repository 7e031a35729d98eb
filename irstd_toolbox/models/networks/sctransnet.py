"""SCTransNet: a residual U-Net whose skips exchange channels through cross transformers."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import BACKBONES, FUSION_BLOCKS, MODELS
from ..fusion import fusion_blocks
from ..layers import BatchNorm, ConvBNReLU, pyramid, resize, stretch
from .sctransnet_blocks import ChannelNorm, CrossTransformerBlock

__all__ = ['ChannelCrossFusion', 'SCTransEncoder', 'SCTransHead', 'SCTransNeck']


def start_as_the_paper(module: nn.Module) -> None:
    """Kaiming's normal weights (fan in) for convolutions and linear layers, batch norms scaled by about one."""
    for part in module.modules():
        if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight, a=0, mode='fan_in')
        elif isinstance(part, BatchNorm):
            nn.init.normal_(part.weight, 1.0, 0.02)
            nn.init.zeros_(part.bias)


class ResidualStage(nn.Module):
    """Two 3x3 convolutions with batch norm beside a shortcut, leaky ReLUs (slope 0.01).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; the shortcut is a 1x1 convolution where they differ.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, out_channels, H, W)``
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(in_channels, out_channels, 3, padding=1), BatchNorm(out_channels)
        self.conv2, self.bn2 = nn.Conv2d(out_channels, out_channels, 3, padding=1), BatchNorm(out_channels)
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1), BatchNorm(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        out = F.leaky_relu(self.bn1(self.conv1(x)))
        return F.leaky_relu(self.bn2(self.conv2(out)) + self.shortcut(x))


@BACKBONES.register_module()
class SCTransEncoder(nn.Module):
    """Five residual stages with 2x2 max pooling between them.

    Args:
        channels: Channels of the stages, finest first.
        in_channels: Channels of the image.

    Shape:
        - Input: ``(N, in_channels, H, W)``, any size
        - Output: list of ``(N, C_i, ceil(H / 2^i), ceil(W / 2^i))``, finest first

    References:
        Yuan et al., SCTransNet, IEEE TGRS 2024, arXiv 2401.15583.
    """

    def __init__(self, channels: tuple[int, ...] = (32, 64, 128, 256, 256), in_channels: int = 3) -> None:
        super().__init__()
        self.out_channels = list(channels)
        self.stages = nn.ModuleList(
            ResidualStage(below, width) for below, width in zip((in_channels, *channels), channels, strict=False))
        start_as_the_paper(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        return pyramid(self.stages, x)


@FUSION_BLOCKS.register_module()
class ChannelCrossFusion(nn.Module):
    r"""CCA: the skip's channels weighted by the averages of both maps, then both side by side.

    .. math::
        \left[\mathrm{ReLU}\left(E \cdot \sigma(w)\right), D\right],\quad
        w = \tfrac{1}{2}\left(A\,\mathrm{GAP}(E) + B\,\mathrm{GAP}(D)\right)

    Args:
        channels: Channels ``C`` of both maps.

    Shape:
        - low, high: ``(N, C, H, W)``, the skip ``E`` and the decoder's map ``D``
        - Output: ``(N, 2C, H, W)``

    References:
        Wang et al., UCTransNet, AAAI 2022; used by SCTransNet.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.out_channels = 2 * channels
        self.low_weights, self.high_weights = nn.Linear(channels, channels), nn.Linear(channels, channels)
        start_as_the_paper(self)

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        weights = (self.low_weights(low.mean((2, 3))) + self.high_weights(high.mean((2, 3)))) / 2
        return torch.cat([F.relu(low * weights.sigmoid()[..., None, None]), high], dim=1)


@MODELS.register_module()
class SCTransNeck(nn.Module):
    """Cross transformers over all skips at once, then the decoder.

    Each of the upper encoder maps becomes tokens at the stride of the lowest map; blocks mix the channels of all
    levels; what comes out is brought back to the level's size and added to twice the encoder's map.

    Args:
        in_channels: Channels of the encoder's maps, finest first; the last two are equal.
        blocks: Number of cross transformer blocks.
        fusion: Fusion block of every level (config, without ``channels``).
        language_fusion: Fusion block of the deepest level; None to use ``fusion`` there as well.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: decoder maps ``(N, out_i, H_i, W_i)``, finest first, the last the encoder's lowest map itself

    Raises:
        ConfigError: If the channels do not fit together.

    Note:
        The authors' code declares position embeddings and 16 attention weights a block that its forward pass never
        reads (122,944 of 11,325,939 parameters). They are left out. Without them any size works: a map that patches
        do not fill is padded with zeros at the bottom and the right, which changes nothing at multiples of 16.
        The map is added twice, once inside the authors' transformer and once outside; here as there.

    References:
        Yuan et al., SCTransNet, IEEE TGRS 2024, arXiv 2401.15583.
    """

    def __init__(self, in_channels: tuple[int, ...] = (32, 64, 128, 256, 256), blocks: int = 4,
                 fusion: dict | None = None, language_fusion: dict | None = None) -> None:
        super().__init__()
        check_least(self, 0, blocks=blocks)
        skips = tuple(in_channels[:-1])
        if not skips or in_channels[-1] != skips[-1]:
            raise ConfigError(f'in_channels={tuple(in_channels)}: the lowest two maps are fused, so they need the same '
                              'channels. Change the last stage of the backbone.')
        self.patches = [2**(len(skips) - i) for i in range(len(skips))]
        self.embeddings = nn.ModuleList(nn.Conv2d(c, c, p, stride=p) for c, p in zip(skips, self.patches, strict=True))
        self.blocks = nn.ModuleList(CrossTransformerBlock(skips) for _ in range(blocks))
        self.norms = nn.ModuleList(ChannelNorm(c) for c in skips)
        self.reconstructions = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, c, 1), BatchNorm(c), nn.ReLU(inplace=True)) for c in skips)
        widths = (skips[0], *skips[:-1])
        self.out_channels = [*widths, in_channels[-1]]
        fusion = fusion or dict(type='ChannelCrossFusion')
        self.fusions = fusion_blocks(skips, fusion, language_fusion)
        self.decoders = nn.ModuleList(
            nn.Sequential(ConvBNReLU(block.out_channels, c, bias=True), ConvBNReLU(c, c, bias=True))
            for block, c in zip(self.fusions, widths, strict=True))
        for part in (self.embeddings, self.blocks, self.reconstructions, self.decoders):
            start_as_the_paper(part)

    def mix(self, skips: list[Tensor]) -> list[Tensor]:
        """The encoder's maps after the transformers, sizes and channels kept."""
        tokens = [embed(_fill(x, patch))
                  for embed, x, patch in zip(self.embeddings, skips, self.patches, strict=True)]
        for block in self.blocks:
            tokens = block(tokens)
        mixed = []
        for i, x in enumerate(skips):
            grown = F.interpolate(self.norms[i](tokens[i]), scale_factor=self.patches[i], mode='bilinear')
            mixed.append(self.reconstructions[i](grown)[..., :x.shape[2], :x.shape[3]] + 2 * x)
        return mixed

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        *skips, x = feats
        mixed, maps = self.mix(skips), [x]
        for i in reversed(range(len(mixed))):
            high = F.interpolate(x, size=mixed[i].shape[-2:], mode='nearest')
            x = self.decoders[i](self.fusions[i](mixed[i], high, descriptor))
            maps.append(x)
        return maps[::-1]


def _fill(x: Tensor, patch: int) -> Tensor:
    """``x`` with zeros at the bottom and the right, so that whole patches cover it."""
    bottom, right = -x.shape[2] % patch, -x.shape[3] % patch
    return F.pad(x, (0, right, 0, bottom)) if bottom or right else x


@MODELS.register_module()
class SCTransHead(nn.Module):
    """The finest map's prediction, a side map for each deeper one, and a linear combination of all.

    Args:
        in_channels: Channels of the neck's maps, finest first.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - size: ``(H, W)`` of the logits
        - Output: ``[prediction, combination, *side maps]``, each ``(N, 1, H, W)``, logits

    Note:
        The prediction is the finest map's; the combination is supervised with the side maps and then dropped, as the
        authors' test mode does. Side maps are resampled with aligned corners, as theirs.
    """

    def __init__(self, in_channels: tuple[int, ...] = (32, 32, 64, 128, 256)) -> None:
        super().__init__()
        self.predict = nn.Conv2d(in_channels[0], 1, 1)
        self.sides = nn.ModuleList(nn.Conv2d(c, 1, 1) for c in in_channels[1:])
        self.combine = nn.Conv2d(len(in_channels), 1, 1)
        start_as_the_paper(self)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        prediction = resize(self.predict(feats[0]), size)
        sides = [stretch(side(x), size) for side, x in zip(self.sides, feats[1:], strict=True)]
        return [prediction, self.combine(torch.cat([*sides, prediction], dim=1)), *sides]
