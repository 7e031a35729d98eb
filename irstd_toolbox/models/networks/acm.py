"""ACM: a small residual network, a top-down pathway of contextual modulation, a slim head.

Dai et al., "Asymmetric Contextual Modulation for Infrared Small Target Detection", WACV 2021, arXiv 2009.14530.
Three forms are in use, all of these parts: ``acm_fpn`` and ``acm_unet`` (acm-pytorch: quarter-size maps), ``acm_tiny``
(the authors' released weight: full-size maps), ``acm_basicirstd`` (BasicIRSTD: one channel, three blocks a stage).
The fusion blocks are in ``acm_fusion.py``.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import BACKBONES, MODELS
from ..fusion import fusion_blocks
from ..layers import BatchNorm, chain, resize
from .acm_fusion import AsymBiFusion, BiGlobalFusion, BiLocalFusion, initialise

__all__ = ['ACMBackbone', 'ACMFPNNeck', 'ACMHead', 'ACMUNetNeck', 'AsymBiFusion', 'BiGlobalFusion', 'BiLocalFusion',
           'ResidualBlock', 'projection', 'residual_stage']


def projection(in_channels: int, out_channels: int, bias: bool = True) -> nn.Sequential:
    """1x1 convolution, batch norm and ReLU."""
    layers = nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, bias=bias), BatchNorm(out_channels), nn.ReLU(inplace=True))
    initialise(layers)
    return layers


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, added to the input, which a strided 1x1 convolution fits where it has to.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Stride of the first convolution.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, out_channels, ceil(H / stride), ceil(W / stride))``

    References:
        He et al., Deep Residual Learning for Image Recognition, CVPR 2016, Sec. 4.2 (the networks for CIFAR-10).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            BatchNorm(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            BatchNorm(out_channels))
        self.shortcut = nn.Identity() if stride == 1 and in_channels == out_channels else nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), BatchNorm(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


def residual_stage(in_channels: int, out_channels: int, blocks: int, stride: int = 1) -> nn.Sequential:
    """``blocks`` residual blocks, the first of which may stride and widen; none at all pass the map through."""
    stage = nn.Sequential(*(
        ResidualBlock(out_channels if i else in_channels, out_channels, 1 if i else stride) for i in range(blocks)))
    initialise(stage)
    return stage


@BACKBONES.register_module()
class ACMBackbone(nn.Module):
    """A stem and three stages of residual blocks, the second and third at half the size of the one before.

    Args:
        in_channels: Channels of the image.
        channels: Channels of the stages, finest first; the stem's first convolutions have half of the first.
        blocks: Residual blocks a stage.
        tiny: False: a stem of three convolutions, the first strided, and a strided max pooling, so that the maps start
            at a quarter of the image's size. True: a stem of one convolution, maps at the full size.

    Shape:
        - Input: ``(N, in_channels, H, W)``, any size
        - Output: list of ``(N, C_i, H_i, W_i)``, finest first; ``H_0`` is ``ceil(ceil(H / 2) / 2)``, or ``H`` if tiny,
          and ``H_{i+1} = ceil(H_i / 2)``

    Note:
        The paper's recipe normalises RGB by ImageNet's three means and deviations; the toolbox' preprocessor has one of
        each, for grey. The stem begins with a batch norm over the image, which takes up the difference: in training it
        removes any scale and shift of a channel, and the conversion of trained weights moves the difference into its
        running statistics. That norm has a learnt scale and shift here and in acm-pytorch, none in the authors' code.

    References:
        Dai et al., Asymmetric Contextual Modulation for Infrared Small Target Detection, WACV 2021.

    Example:
        >>> import torch
        >>> [tuple(x.shape) for x in ACMBackbone(blocks=1)(torch.rand(1, 3, 33, 64))]
        [(1, 16, 9, 16), (1, 32, 5, 8), (1, 64, 3, 4)]
    """

    def __init__(self, in_channels: int = 3, channels: tuple[int, ...] = (16, 32, 64), blocks: int = 4,
                 tiny: bool = False) -> None:
        super().__init__()
        check_least(self, 0, blocks=blocks)
        self.out_channels = list(channels)
        width = channels[0]
        plan = [(in_channels, width, 1)] if tiny else [
            (in_channels, width // 2, 2), (width // 2, width // 2, 1), (width // 2, width, 1)]
        layers: list[nn.Module] = [BatchNorm(in_channels)]
        for a, b, stride in plan:
            layers += [nn.Conv2d(a, b, 3, stride, padding=1, bias=False), BatchNorm(b), nn.ReLU(inplace=True)]
        self.stem = nn.Sequential(*layers, *[nn.MaxPool2d(3, 2, padding=1)] * (not tiny))
        initialise(self.stem)
        self.stages = nn.ModuleList(
            residual_stage(before, after, blocks, 2 if i else 1)
            for i, (before, after) in enumerate(zip([width, *channels[:-1]], channels, strict=True)))

    def forward(self, x: Tensor) -> list[Tensor]:
        return chain(self.stages, self.stem(x))


@MODELS.register_module()
class ACMFPNNeck(nn.Module):
    """Top-down pathway by interpolation: enlarge the deep map, project it to the shallow one's channels, fuse them.

    Args:
        in_channels: Channels of the backbone's maps, finest first.
        fusion: Fusion block of every level (config in ``FUSION_BLOCKS``, without ``channels``).
        language_fusion: Fusion block of the deepest level; None to use ``fusion`` there as well.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: list of the fused maps, finest first, one fewer than ``feats``

    Raises:
        ConfigError: If there are not two maps to fuse.

    References:
        Dai et al., Asymmetric Contextual Modulation for Infrared Small Target Detection, WACV 2021 (ACM-FPN).
    """

    def __init__(self, in_channels: tuple[int, ...] = (16, 32, 64), fusion: dict | None = None,
                 language_fusion: dict | None = None) -> None:
        super().__init__()
        self.fusions = _fusions(in_channels, fusion, language_fusion)
        self.out_channels = [block.out_channels for block in self.fusions]
        self.project = nn.ModuleList(
            projection(deep, width)
            for deep, width in zip([*self.out_channels[1:], in_channels[-1]], in_channels[:-1], strict=True))

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        high, maps = feats[-1], []
        for low, project, fuse in reversed(list(zip(feats[:-1], self.project, self.fusions, strict=True))):
            high = project(resize(high, low.shape[-2:]))
            high = fuse(low, high, descriptor)
            maps.append(high)
        return maps[::-1]


@MODELS.register_module()
class ACMUNetNeck(nn.Module):
    """Top-down pathway by transposed convolutions, with residual blocks after each fusion.

    Args:
        in_channels: Channels of the backbone's maps, finest first.
        blocks: Residual blocks after each fusion; 0 for none.
        fusion: Fusion block of every level (config in ``FUSION_BLOCKS``, without ``channels``).
        language_fusion: Fusion block of the deepest level; None to use ``fusion`` there as well.
        project: Whether the enlarged map passes a 1x1 convolution, batch norm and ReLU before its fusion, as in
            acm-pytorch; the authors' code and BasicIRSTD have none here.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first, ``H_{i+1} = ceil(H_i / 2)``
        - descriptor: ``(N, D)`` or None
        - Output: list of the fused maps, finest first, one fewer than ``feats``

    Raises:
        ConfigError: If there are not two maps to fuse.

    Note:
        A transposed convolution doubles the size, so it is one row or column too large where the shallow map's size is
        odd; the last one is cut off, which keeps the two maps aligned.

    References:
        Dai et al., Asymmetric Contextual Modulation for Infrared Small Target Detection, WACV 2021 (ACM-U-Net).
    """

    def __init__(self, in_channels: tuple[int, ...] = (16, 32, 64), blocks: int = 4, fusion: dict | None = None,
                 language_fusion: dict | None = None, project: bool = False) -> None:
        super().__init__()
        check_least(self, 0, blocks=blocks)
        widths = in_channels[:-1]
        self.fusions = _fusions(in_channels, fusion, language_fusion)
        fused = [block.out_channels for block in self.fusions]
        self.stages = nn.ModuleList(
            residual_stage(wide, width, blocks) for wide, width in zip(fused, widths, strict=True))
        self.out_channels = list(widths) if blocks else fused
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(deep, width, 4, stride=2, padding=1)
            for deep, width in zip([*self.out_channels[1:], in_channels[-1]], widths, strict=True))
        initialise(self.enlarge)
        self.project = nn.ModuleList(projection(width, width) if project else nn.Identity() for width in widths)

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        high, maps = feats[-1], []
        for i in reversed(range(len(feats) - 1)):
            height, width = feats[i].shape[-2:]
            high = self.project[i](self.enlarge[i](high)[..., :height, :width])
            high = self.stages[i](self.fusions[i](feats[i], high, descriptor))
            maps.append(high)
        return maps[::-1]


def _fusions(in_channels: tuple[int, ...], fusion: dict | None, language_fusion: dict | None) -> nn.ModuleList:
    if len(in_channels) < 2:
        raise ConfigError(f'in_channels={tuple(in_channels)} names {len(in_channels)} map; a neck fuses two at least. '
                          'Give the channels of all maps of the backbone.')
    return fusion_blocks(in_channels[:-1], fusion or dict(type='AsymBiFusion'), language_fusion)


@MODELS.register_module()
class ACMHead(nn.Module):
    """One logit map from the finest map: 3x3 convolution to a quarter of the channels, batch norm, ReLU, dropout, 1x1.

    Args:
        in_channels: Channels of the finest map.
        dropout: Probability that a value is dropped in training.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first; only the first is used
        - size: ``(H, W)`` of the logits
        - Output: ``[(N, 1, H, W)]``, logits

    References:
        Dai et al., Asymmetric Contextual Modulation for Infrared Small Target Detection, WACV 2021; the layers are the
        FCN head's of the authors' code.
    """

    def __init__(self, in_channels: int = 16, dropout: float = 0.1) -> None:
        super().__init__()
        inner = max(1, in_channels // 4)
        self.block = nn.Sequential(
            nn.Conv2d(in_channels, inner, 3, padding=1, bias=False),
            BatchNorm(inner),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Conv2d(inner, 1, 1))
        initialise(self.block)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        return [resize(self.block(feats[0]), size)]
