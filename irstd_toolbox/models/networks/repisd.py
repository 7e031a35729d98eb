r"""RepISD-Net: a small U whose 3x3 convolutions are trained as four branches and deployed as one.

Wu et al., "RepISD-Net: Learning Efficient Infrared Small-Target Detection Network via Structural
Re-Parameterization", IEEE TGRS 2023. Encoder (backbone), decoder (neck), pyramid pooling and classifier (head).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import BACKBONES, MODELS
from ..fusion import fusion_blocks
from ..layers import BatchNorm, ConvBNReLU, pool, pyramid, resize, stretch
from .residual import xavier_

__all__ = ['CentralDifferenceConv', 'EdgeCompensationBlock', 'RepISDDecoder', 'RepISDEncoder', 'RepISDHead']


class CentralDifferenceConv(nn.Conv2d):
    r"""A 3x3 convolution of the differences to the centre pixel, without a bias.

    .. math::
        y(p) = \sum_q w_q\, (x(p + q) - x(p))

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, out_channels, H, W)``

    Note:
        Outside the image :math:`x(p + q)` is 0. Computed as one plain convolution by :meth:`kernel`; the authors'
        code subtracts a 1x1 convolution with :math:`\sum_q w_q`, which is the same function for more operations.

    References:
        Yu et al., Searching Central Difference Convolutional Networks for Face Anti-Spoofing, CVPR 2020.

    Example:
        >>> conv = CentralDifferenceConv(1, 1)
        >>> bool(conv(torch.ones(1, 1, 5, 5))[0, 0, 1:-1, 1:-1].abs().max() < 1e-6)
        True
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=False)

    def kernel(self) -> Tensor:
        """The kernel of the plain convolution that does the same."""
        return self.weight - F.pad(self.weight.sum(dim=(2, 3), keepdim=True), (1, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel(), padding=1)


def _folded(kernel: Tensor, bias: Tensor | None, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """A convolution and the batch norm after it, in test mode, as the kernel and bias of one, in float64."""
    mean, var, weight, shift = (x.double() for x in (norm.running_mean, norm.running_var, norm.weight, norm.bias))
    scale = weight / torch.sqrt(var + norm.eps)
    return kernel.double() * scale[:, None, None, None], shift + ((0 if bias is None else bias.double()) - mean) * scale


class EdgeCompensationBlock(nn.Module):
    r"""ECB: a plain, a central-difference, a pointwise and, where widths agree, an identity branch, summed.

    .. math::
        y = \mathrm{ReLU}\big(\mathrm{BN}(W_{3\times3} * x) + \mathrm{BN}(\mathrm{CDC}(x))
            + \mathrm{BN}(W_{1\times1} * x) + \mathrm{BN}(x)\big)

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        deploy: Build one 3x3 convolution with a bias in the place of the branches.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, out_channels, H, W)``

    Note:
        The pointwise convolution has a bias, which its batch norm makes redundant; the authors' code has it too but
        forgets it when it fuses, ours does not.

    References:
        Wu et al., RepISD-Net, TGRS 2023; fusion of branches: Ding et al., RepVGG, CVPR 2021.

    Example:
        >>> block = EdgeCompensationBlock(4, 4).eval()
        >>> x = torch.rand(1, 4, 8, 8)
        >>> expected = block(x)
        >>> block.deploy()
        >>> torch.allclose(block(x), expected, atol=1e-5), [name for name, _ in block.named_parameters()]
        (True, ['fused.weight', 'fused.bias'])
    """

    def __init__(self, in_channels: int, out_channels: int, deploy: bool = False) -> None:
        super().__init__()
        self.plain = self.difference = self.pointwise = self.identity = self.fused = None
        if deploy:
            self.fused = nn.Conv2d(in_channels, out_channels, 3, padding=1)
            return
        self.plain = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), BatchNorm(out_channels))
        self.difference = nn.Sequential(CentralDifferenceConv(in_channels, out_channels), BatchNorm(out_channels))
        self.pointwise = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), BatchNorm(out_channels))
        self.identity = BatchNorm(out_channels) if in_channels == out_channels else None

    def forward(self, x: Tensor) -> Tensor:
        if self.fused is not None:
            return torch.relu(self.fused(x))
        total = self.plain(x) + self.difference(x) + self.pointwise(x)
        return torch.relu(total if self.identity is None else total + self.identity(x))

    def branches(self) -> list[tuple[Tensor, Tensor]]:
        """Each branch as the kernel ``(out, in, 3, 3)`` and bias ``(out,)`` of a convolution, in float64."""
        ring = (1, 1, 1, 1)
        plain, plain_norm = self.plain
        difference, difference_norm = self.difference
        pointwise, pointwise_norm = self.pointwise
        found = [_folded(plain.weight, None, plain_norm),
                 _folded(difference.kernel(), None, difference_norm),
                 _folded(F.pad(pointwise.weight, ring), pointwise.bias, pointwise_norm)]
        if self.identity is not None:
            unit = torch.eye(self.identity.num_features, device=plain.weight.device)[:, :, None, None]
            found.append(_folded(F.pad(unit, ring), None, self.identity))
        return found

    @torch.no_grad()
    def deploy(self) -> None:
        """Replace the branches, for good, by the one convolution that does the same in test mode."""
        if self.fused is not None:
            return
        like = self.plain[0].weight
        kernels, biases = zip(*self.branches(), strict=True)
        fused = nn.Conv2d(like.shape[1], like.shape[0], 3, padding=1).to(like)
        fused.weight.copy_(sum(kernels))
        fused.bias.copy_(sum(biases))
        self.fused = fused
        self.plain = self.difference = self.pointwise = self.identity = None


def _pair(in_channels: int, mid_channels: int, out_channels: int, deploy: bool) -> nn.Sequential:
    return nn.Sequential(EdgeCompensationBlock(in_channels, mid_channels, deploy),
                         EdgeCompensationBlock(mid_channels, out_channels, deploy))


@BACKBONES.register_module()
class RepISDEncoder(nn.Module):
    """Two plain convolutions at full size, then pairs of edge compensation blocks with 2x2 max pooling before each.

    Args:
        widths: Channels of each level, finest first.
        in_channels: Channels of the image.
        deploy: See :class:`EdgeCompensationBlock`.

    Shape:
        - Input: ``(N, in_channels, H, W)``, any size
        - Output: list of ``(N, widths[i], ceil(H / 2^i), ceil(W / 2^i))``, finest first

    Note:
        Pooling keeps a last odd row or column; the authors' code drops it and pads later. At multiples of 4 the two
        agree.

    References:
        Wu et al., RepISD-Net, TGRS 2023.
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64, 64), in_channels: int = 3, deploy: bool = False) -> None:
        super().__init__()
        self.out_channels = list(widths)
        self.stem = nn.Sequential(ConvBNReLU(in_channels, widths[0]), ConvBNReLU(widths[0], widths[0]))
        self.stages = nn.ModuleList(
            _pair(fine, coarse, coarse, deploy) for fine, coarse in zip(widths[:-1], widths[1:], strict=True))
        xavier_(self)

    def forward(self, x: Tensor) -> list[Tensor]:
        return pyramid([self.stem, *self.stages], x)


@MODELS.register_module()
class RepISDDecoder(nn.Module):
    """From the deepest map up: stretched to the level above, fused with its map, and a pair of blocks.

    Args:
        in_channels: Channels of the encoder's maps, finest first; the last two equal.
        fusion: Fusion block of every level (config, without ``channels``); by default both maps are kept, one behind
            the other, as in a U-Net.
        language_fusion: Fusion block of the deepest level; None to use ``fusion`` there as well.
        deploy: See :class:`EdgeCompensationBlock`.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: a list of one map, ``(N, C_0, H_0, W_0)``

    Raises:
        ConfigError: If the last two channels differ.

    References:
        Wu et al., RepISD-Net, TGRS 2023.
    """

    def __init__(self, in_channels: tuple[int, ...] = (32, 64, 64), fusion: dict | None = None,
                 language_fusion: dict | None = None, deploy: bool = False) -> None:
        super().__init__()
        if len(in_channels) < 2 or in_channels[-1] != in_channels[-2]:
            raise ConfigError(f'in_channels={tuple(in_channels)}: the last two levels are fused and need equal '
                              'channels. Change the widths of the encoder.')
        levels = in_channels[:-1]
        fusion = fusion or dict(type='SumFusion', merge='concat')
        self.fusions = fusion_blocks(levels, fusion, language_fusion)
        # Each level hands up as many channels as the next finer one has.
        self.stages = nn.ModuleList(
            _pair(block.out_channels, width, levels[max(i - 1, 0)], deploy)
            for i, (block, width) in enumerate(zip(self.fusions, levels, strict=True)))
        self.out_channels = [in_channels[0]]
        xavier_(self.stages)

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        x = feats[-1]
        for i in reversed(range(len(feats) - 1)):
            x = self.stages[i](self.fusions[i](feats[i], stretch(x, feats[i].shape[-2:]), descriptor))
        return [x]


class GridMeans(nn.AdaptiveAvgPool2d):
    """Adaptive average pooling that can be exported for any size."""

    def forward(self, x: Tensor) -> Tensor:
        return pool(x, (self.output_size, self.output_size), 'avg')


@MODELS.register_module()
class RepISDHead(nn.Module):
    """Pyramid pooling over the finest map, and a classifier of one 3x3 and one 1x1 convolution.

    Args:
        in_channels: Channels ``C`` of the finest map, a multiple of the number of ``bins``.
        bins: Sides of the grids that the map is pooled to; each adds ``C / len(bins)`` channels.
        hidden: Channels between the two convolutions.
        dropout: Share of these channels that is dropped in training.

    Shape:
        - feats: list of maps, finest first; the first is read, ``(N, C, H', W')``
        - size: ``(H, W)`` of the logits
        - Output: ``[logits]``, ``(N, 1, H, W)``

    Raises:
        ConfigError: If ``in_channels`` does not divide by the number of ``bins``, or one is below 1.

    Note:
        The authors' code ends in two channels with a sigmoid each and trains and reads the second alone; ours has
        only that one, as a logit.

    References:
        Wu et al., RepISD-Net, TGRS 2023; pyramid pooling: Zhao et al., PSPNet, CVPR 2017.
    """

    def __init__(self, in_channels: int = 32, bins: tuple[int, ...] = (1, 2, 3, 6), hidden: int = 32,
                 dropout: float = 0.1) -> None:
        super().__init__()
        if in_channels % len(bins):
            raise ConfigError(f'{in_channels} channels do not divide by {len(bins)} bins. Change one of them.')
        for side in bins:
            check_least(self, 1, bins=side)
        width = in_channels // len(bins)
        self.pyramid = nn.ModuleList(
            nn.Sequential(GridMeans(side), nn.Conv2d(in_channels, width, 1, bias=False), BatchNorm(width),
                          nn.ReLU(inplace=True)) for side in bins)
        self.classifier = nn.Sequential(
            *ConvBNReLU(2 * in_channels, hidden), nn.Dropout2d(dropout), nn.Conv2d(hidden, 1, 1))
        xavier_(self)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        x = feats[0]
        context = [stretch(branch(x), x.shape[-2:]) for branch in self.pyramid]
        return [resize(self.classifier(torch.cat([x, *context], dim=1)), size)]
