"""LGNet: a U-shaped network of residual U-blocks steered by a language prior.

Chib and Singh, "Leveraging Language Prior for Infrared Small Target Detection", arXiv 2507.13113.
In the order of the paper's figure: encoder (backbone), decoder with its fusion blocks (neck), output block (head).
The paper gives no channel widths; ``PLAN`` is ours, found to meet its 4.04 M parameters (docs/lgnet.md).
"""

import math

import torch
from torch import Tensor, nn

from ...errors import ConfigError, check_odd
from ...registry import BACKBONES, MODELS
from ..fusion import fusion_block
from ..layers import ResidualUBlock, halve, pyramid, resize

__all__ = ['GatedOutputHead', 'RSUDecoder', 'RSUEncoder']

Stage = tuple[int | str, int, int]
ENCODER_PLAN: tuple[Stage, ...] = ((7, 16, 64), (6, 32, 64), (5, 32, 64), (4, 32, 128), ('4F', 32, 128))
DECODER_PLAN: tuple[Stage, ...] = (
    (7, 16, 64), (6, 16, 64), (5, 32, 64), (4, 32, 64), ('4F', 64, 128), ('4F', 128, 128))


def _block(stage: Stage, in_channels: int, bias: bool) -> ResidualUBlock:
    """``(height, mid, out)`` as a block; a height such as ``'4F'`` is the dilated form."""
    height, mid, out = stage
    name = str(height)
    if not name.removesuffix('F').isdigit():
        raise ConfigError(f"A stage's height is {height!r}. Write a number, or a number with F for the dilated form.")
    return ResidualUBlock(int(name.removesuffix('F')), in_channels, mid, out, dilated=name.endswith('F'), bias=bias)


@BACKBONES.register_module()
class RSUEncoder(nn.Module):
    """The encoders E1, E2, ...: residual U-blocks with 2x2 max pooling between them.

    Args:
        stages: ``(height, mid channels, out channels)`` of each, finest first.
        in_channels: Channels of the image.
        bias: Whether convolutions carry a bias before their batch norm.

    Shape:
        - Input: ``(N, in_channels, H, W)``, any size
        - Output: list of ``(N, C_i, ceil(H / 2^i), ceil(W / 2^i))``, i = 0, 1, ..., finest first

    Note:
        Grey images are replicated to three channels, as the paper's lineage does; ``in_channels=1`` is the
        same function after the first convolution's weights are summed over their inputs.

    References:
        LGNet, Sec. 3.2, Fig. 3.

    Example:
        >>> maps = RSUEncoder(stages=((4, 4, 8), (4, 4, 8)))(torch.rand(1, 3, 33, 20))
        >>> [tuple(x.shape) for x in maps]
        [(1, 8, 33, 20), (1, 8, 17, 10)]
    """

    def __init__(self, stages: tuple[Stage, ...] = ENCODER_PLAN, in_channels: int = 3, bias: bool = False) -> None:
        super().__init__()
        self.out_channels = [out for *_, out in stages]
        inputs = [in_channels, *self.out_channels[:-1]]
        self.stages = nn.ModuleList(_block(stage, width, bias) for stage, width in zip(stages, inputs, strict=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        return pyramid(self.stages, x)


@MODELS.register_module()
class RSUDecoder(nn.Module):
    """The decoders D6 ... D1 and a fusion block before each of D5 ... D1.

    D6 runs first, on the pooled last encoder map. Then each decoder runs on the fusion of the encoder map
    of its level with the decoder map below, brought to its size.

    Args:
        in_channels: Channels of the encoder's maps, finest first.
        stages: ``(height, mid, out)`` of D1 ... D6, finest first: one more than encoder maps.
        fusion: Fusion block of every level (config, without ``channels``).
        language_fusion: Fusion block of the deepest level, between the last encoder and D6; None to use
            ``fusion`` there as well.
        finest_fusion: Fusion block of the finest level, before D1; None to use ``fusion`` there as well.
        bottom_stride: 32 if D6 runs on the pooled last encoder map, 16 if on the map itself.
        align: ``'up'`` brings D6 to the last encoder's size for the deepest fusion, ``'down'`` pools the encoder's map.
        bias: Whether convolutions carry a bias before their batch norm.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: list of ``(N, out_i, H_i, W_i)`` of D1 ... D6, finest first

    Raises:
        ConfigError: If the number of stages or the channels do not fit the encoder's.

    Note:
        The paper has five encoders and six decoders, and calls D6 an encoder once: it is read as U2-Net's
        deepest block at stride 32. "The last decoder (D6)" is read as the deepest, which runs first.

    References:
        LGNet, Secs. 3.2 and 3.3, Fig. 3.
    """

    def __init__(self, in_channels: tuple[int, ...] = (64, 64, 64, 128, 128), stages: tuple[Stage, ...] = DECODER_PLAN,
                 fusion: dict | None = None, language_fusion: dict | None = None, finest_fusion: dict | None = None,
                 bottom_stride: int = 32, align: str = 'up', bias: bool = False) -> None:
        super().__init__()
        if len(stages) != len(in_channels) + 1:
            raise ConfigError(f'{len(stages)} decoder stages for {len(in_channels)} encoder maps; one more stage than '
                             'maps is expected, the last of them the bottom.')
        if bottom_stride not in (16, 32) or align not in ('up', 'down') or bottom_stride == 16 and align == 'down':
            raise ConfigError(f"bottom_stride={bottom_stride!r}, align={align!r}: choose 32 or 16, and 'up' or, of 32 "
                              "alone, since at 16 both maps are of one size, 'down'.")
        self.pool_bottom, self.align = bottom_stride == 32, align
        self.out_channels = [out for *_, out in stages]
        for i, (width, deeper) in enumerate(zip(in_channels, self.out_channels[1:], strict=True), 1):
            if width != deeper:
                raise ConfigError(f'E{i} has {width} channels and D{i + 1} has {deeper}; fusion adds them, so they '
                                 f'must be equal. Change the plan of encoder stage {i} or decoder stage {i + 1}.')
        configs = [fusion or dict(type='ChannelFusion')] * len(in_channels)
        configs[0] = finest_fusion or configs[0]
        configs[-1] = language_fusion or configs[-1]
        self.fusions = nn.ModuleList(fusion_block(*pair) for pair in zip(configs, in_channels, strict=True))
        widths = [*(block.out_channels for block in self.fusions), in_channels[-1]]
        self.stages = nn.ModuleList(_block(stage, width, bias) for stage, width in zip(stages, widths, strict=True))

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        x = self.stages[-1](halve(feats[-1]) if self.pool_bottom else feats[-1])
        maps = [x]
        for i in reversed(range(len(feats))):
            low = feats[i]
            if i == len(feats) - 1 and self.align == 'down' and self.pool_bottom:
                low = halve(low)
            x = self.stages[i](self.fusions[i](low, resize(x, low.shape[-2:]), descriptor))
            maps.append(x)
        return maps[::-1]


@MODELS.register_module()
class GatedOutputHead(nn.Module):
    """The output block: one logit map a decoder, the shallow ones gating the deep ones, and their combination.

    .. math::
        w = \\sigma(\\mathrm{Conv}([s_1, s_2, s_3])),\\quad
        \\mathrm{final} = \\mathrm{Conv}([s_1, s_2, s_3, w s_4, w s_5, w s_6])

    Args:
        in_channels: Channels of the decoders' maps, finest first.
        shallow: How many of the finest maps are shallow.
        kernel_size: Kernel of the heads that give ``s_i``.
        scale_targets: ``'deep'`` scales the deep maps, ``'all'`` every map.
        scale_from: ``'logits'`` draws the weights from the shallow logit maps, ``'features'`` from the
            shallow decoders' feature maps.
        supervise: ``'raw'`` returns ``s_i`` as side maps, ``'scaled'`` returns them after scaling.
        prior: Share of target pixels that the untrained head predicts; None for PyTorch's initialisation.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - size: ``(H, W)`` of the logits
        - Output: ``[final, s_1, ..., s_6]``, each ``(N, 1, H, W)``, logits

    Raises:
        ConfigError: If an option is not known, ``prior`` is not between 0 and 1, or there are fewer maps than
            ``shallow``.

    Note:
        "Multiply each feature maps by the scaling weights" is read as the deep maps, "the shallow decoder
        outputs" as their logits. The initialisation is not the paper's: heads start at ``logit(prior)``, the
        weights at 1/2, and the final convolution as a mean.

    References:
        LGNet, Sec. 3.4, Fig. 6.

    Example:
        >>> head = GatedOutputHead(in_channels=(4, 4, 4, 4, 8, 8))
        >>> feats = [torch.zeros(1, c, 8, 8) for c in (4, 4, 4, 4, 8, 8)]
        >>> round(head(feats, (8, 8))[0].sigmoid().mean().item(), 4)
        0.01
    """

    def __init__(self, in_channels: tuple[int, ...] = (64, 64, 64, 64, 128, 128), shallow: int = 3,
                 kernel_size: int = 1, scale_targets: str = 'deep', scale_from: str = 'logits', supervise: str = 'raw',
                 prior: float | None = 0.01) -> None:
        super().__init__()
        for name, value, choices in (('scale_targets', scale_targets, ('deep', 'all')),
                                     ('scale_from', scale_from, ('logits', 'features')),
                                     ('supervise', supervise, ('raw', 'scaled'))):
            if value not in choices:
                raise ConfigError(f'{name}={value!r} is not known. Choose {choices[0]!r} or {choices[1]!r}.')
        if prior is not None and not 0 < prior < 1:
            raise ConfigError(f'prior={prior} is no share of pixels. Give a number between 0 and 1, or None.')
        if not 0 < shallow <= len(in_channels):
            raise ConfigError(f'shallow={shallow} of {len(in_channels)} maps. Give a number from 1 to '
                              f'{len(in_channels)}.')
        check_odd(self, kernel_size=kernel_size)
        self.shallow, self.scale_all = shallow, scale_targets == 'all'
        self.from_features, self.scaled_sides = scale_from == 'features', supervise == 'scaled'
        self.sides = nn.ModuleList(nn.Conv2d(c, 1, kernel_size, padding=kernel_size // 2) for c in in_channels)
        self.scale = nn.Conv2d(sum(in_channels[:shallow]) if self.from_features else shallow, 1, 1)
        self.final = nn.Conv2d(len(in_channels), 1, 1)
        if prior is not None:
            self._start_at(prior)

    def _start_at(self, prior: float) -> None:
        for side in self.sides:
            nn.init.constant_(side.bias, math.log(prior / (1 - prior)))
        nn.init.zeros_(self.scale.weight)
        nn.init.zeros_(self.scale.bias)
        full = 0 if self.scale_all else self.shallow
        nn.init.constant_(self.final.weight, 1 / (full + (len(self.sides) - full) / 2))
        nn.init.zeros_(self.final.bias)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        sides = [resize(side(x), size) for side, x in zip(self.sides, feats, strict=True)]
        shallow = [resize(x, size) for x in feats[:self.shallow]] if self.from_features else sides[:self.shallow]
        weight = self.scale(torch.cat(shallow, dim=1)).sigmoid()
        scaled = [weight * s if self.scale_all or i >= self.shallow else s for i, s in enumerate(sides)]
        return [self.final(torch.cat(scaled, dim=1)), *(scaled if self.scaled_sides else sides)]
