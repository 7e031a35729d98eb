"""AGPCNet: attention inside patches and between them at several scales, and asymmetric fusion on the way up."""

from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import BACKBONES, FUSION_BLOCKS, MODELS
from ..fusion import fusion_blocks
from ..layers import BatchNorm, chain, stretch
from .agpcnet_blocks import ContextPyramid, bottleneck, projection, start_as_published

__all__ = ['AGPCHead', 'AsymmetricFusion', 'ContextPyramidNeck', 'UnpooledResNet']


@BACKBONES.register_module()
class UnpooledResNet(nn.Module):
    """A ResNet of basic blocks whose 7x7 stem keeps the size and which has no max pooling.

    Args:
        blocks: Basic blocks of each of the four stages; (2, 2, 2, 2) is ResNet-18, (3, 4, 6, 3) ResNet-34.
        channels: Channels of each stage.
        in_channels: Channels of the image.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: list of ``(N, channels[i], H / 2^i, W / 2^i)``, ``i = 1, 2, 3``, rounded up

    Raises:
        ConfigError: If ``blocks`` and ``channels`` do not name four stages each.

    Note:
        The authors load ImageNet weights and overwrite them by this same initialisation: training is from scratch.

    References:
        Zhang et al., Attention-Guided Pyramid Context Networks for Detecting Infrared Small Target Under Complex
        Background, IEEE TAES 59(4), 2023 (arXiv 2111.03580); the stem and its stride: the authors' code.

    Example:
        >>> import torch
        >>> [tuple(x.shape) for x in UnpooledResNet((1, 1, 1, 1), (4, 8, 16, 32))(torch.zeros(1, 3, 16, 24))]
        [(1, 8, 8, 12), (1, 16, 4, 6), (1, 32, 2, 3)]
    """

    def __init__(self, blocks: tuple[int, ...] = (2, 2, 2, 2), channels: tuple[int, ...] = (64, 128, 256, 512),
                 in_channels: int = 3) -> None:
        super().__init__()
        if len(blocks) != 4 or len(channels) != 4:
            raise ConfigError(f'blocks={tuple(blocks)} and channels={tuple(channels)}: four stages are expected, '
                              'such as (2, 2, 2, 2) and (64, 128, 256, 512).')
        check_least(self, 1, blocks=min(blocks))
        self.out_channels = list(channels[1:])
        self.stem = nn.Sequential(nn.Conv2d(in_channels, channels[0], 7, padding=3, bias=False),
                                  BatchNorm(channels[0]), nn.ReLU(inplace=True))
        widths = [channels[0], *channels]
        self.stages = nn.ModuleList(self._stage(widths[i], widths[i + 1], n, min(i, 1) + 1)
                                    for i, n in enumerate(blocks))
        start_as_published(self)

    @staticmethod
    def _stage(in_channels: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
        from torchvision.models.resnet import BasicBlock  # 1.2 s, which no other network should wait for

        shortcut = None
        if stride > 1 or in_channels != channels:
            shortcut = nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False), BatchNorm(channels))
        first = BasicBlock(in_channels, channels, stride, shortcut, norm_layer=BatchNorm)
        return nn.Sequential(first, *(BasicBlock(channels, channels, norm_layer=BatchNorm) for _ in range(1, blocks)))

    def forward(self, x: Tensor) -> list[Tensor]:
        return chain(self.stages, self.stem(x))[1:]


@FUSION_BLOCKS.register_module()
class AsymmetricFusion(nn.Module):
    r"""AFM: the shallow map weighs pixels, the deep map weighs channels, and both weigh the sum.

    .. math::
        F = P(X_l) \odot C(\mathrm{GAP}(X_h)) \odot \mathrm{ReLU}(\mathrm{BN}(\mathrm{Conv}_{3\times3}(X_l + X_h)))

    where P and C are 1x1 convolutions to a quarter of the channels and back, with batch norms and a sigmoid.

    Args:
        channels: Channels of both maps, at least 4.

    Shape:
        - low, high: ``(N, channels, H, W)``
        - Output: ``(N, channels, H, W)``

    Note:
        The projection of the deep map to the shallow one's channels, which the authors count to this block, is the
        neck's (:class:`ContextPyramidNeck`), so that any two maps of one shape can be fused.

    References:
        Zhang et al., IEEE TAES 59(4), 2023.

    Example:
        >>> import torch
        >>> AsymmetricFusion(8)(torch.rand(1, 8, 4, 6), torch.rand(1, 8, 4, 6)).shape
        torch.Size([1, 8, 4, 6])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        check_least(self, 4, channels=channels)
        self.out_channels = channels
        self.pixel_weights = bottleneck(channels)
        self.channel_weights = bottleneck(channels)
        self.mix = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), BatchNorm(channels),
                                 nn.ReLU(inplace=True))
        start_as_published(self)

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        weights = self.channel_weights(high.mean(dim=(2, 3), keepdim=True)) * self.pixel_weights(low)
        return self.mix(low + high) * weights


@MODELS.register_module()
class ContextPyramidNeck(nn.Module):
    """AGPCNet's neck: the context pyramid on the deepest map, then fusion with one shallower map after another.

    Args:
        in_channels: Channels of the backbone's maps, finest first.
        scales: See :class:`ContextPyramid`.
        reductions: See :class:`ContextPyramid`.
        fusion: Config in ``FUSION_BLOCKS``; None for :class:`AsymmetricFusion`.
        language_fusion: Config of the deepest fusion, where it is to use the descriptor.

    Shape:
        - feats: list of ``(N, in_channels[i], H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: list of ``(N, out_channels[i], H_i, W_i)``, finest first, the pyramid's map last

    References:
        Zhang et al., IEEE TAES 59(4), 2023; ``agpcnet_1`` of the authors' code has the default scales.
    """

    def __init__(self, in_channels: tuple[int, ...] = (128, 256, 512), scales: tuple[int, ...] = (10, 6, 5, 3),
                 reductions: tuple[int, int] = (16, 4), fusion: dict | None = None,
                 language_fusion: dict | None = None) -> None:
        super().__init__()
        fusion = fusion or dict(type='AsymmetricFusion')
        self.pyramid = ContextPyramid(in_channels[-1], scales, reductions)
        self.fusions = fusion_blocks(in_channels[:-1], fusion, language_fusion)
        self.out_channels = [*(block.out_channels for block in self.fusions), in_channels[-1]]
        self.projections = nn.ModuleList(
            projection(deep, width) for deep, width in zip(self.out_channels[1:], in_channels[:-1], strict=True))
        for part in (self.pyramid, self.projections):
            start_as_published(part)

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        maps = [self.pyramid(feats[-1])]
        for low, project, fuse in zip(feats[-2::-1], self.projections[::-1], self.fusions[::-1], strict=True):
            maps.append(fuse(low, project(stretch(maps[-1], low.shape[-2:])), descriptor))
        return maps[::-1]


@MODELS.register_module()
class AGPCHead(nn.Module):
    """One logit map from the finest map: 3x3 to a quarter of the channels, dropout, 1x1, up to the image's size.

    Args:
        in_channels: Channels of the finest map.
        dropout: Share of values dropped in training.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first; the first is used
        - size: ``(H, W)`` of the logits
        - Output: ``[prediction]``, ``(N, 1, H, W)``, logits

    References:
        Zhang et al., IEEE TAES 59(4), 2023.
    """

    def __init__(self, in_channels: int = 128, dropout: float = 0.1) -> None:
        super().__init__()
        width = in_channels // 4
        self.layers = nn.Sequential(nn.Conv2d(in_channels, width, 3, padding=1), BatchNorm(width),
                                    nn.ReLU(inplace=True), nn.Dropout(dropout), nn.Conv2d(width, 1, 1))
        start_as_published(self)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        return [stretch(self.layers(feats[0]), size)]
