"""Other ways for the target descriptor to enter a fusion: the ablation of LGNet's language fusion.

Each block takes the place of :class:`~irstd_toolbox.models.fusion.LanguageFusion` by name alone. Without the
descriptor's part it is :class:`~irstd_toolbox.models.fusion.SumFusion`, so that two of them differ by how the
descriptor enters, and by nothing else.
"""

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import FUSION_BLOCKS
from .fusion import FusionBlock, check_descriptor, descriptor_projection
from .layers import BatchNorm

__all__ = ['AdditiveLanguageFusion', 'ConcatLanguageFusion', 'CrossAttentionFusion', 'DescriptorFusion', 'FiLMFusion',
           'GatedLanguageFusion']


class DescriptorFusion(FusionBlock):
    """What the blocks of this module share: their arguments, and the projection ``F_tar`` of the descriptor.

    Args:
        channels: Channels ``C`` of both maps.
        descriptor_dim: Length ``D`` of the descriptor.
        hidden: Widths of the hidden layers of ``F_tar``, ReLU between; empty for one linear layer.
        merge: See :class:`~irstd_toolbox.models.fusion.FusionBlock`.

    Shape:
        - low, high: ``(N, C, H, W)``
        - descriptor: ``(N, D)``
        - Output: ``(N, out_channels, H, W)``, ``out_channels`` is ``C`` by default

    Raises:
        ConfigError: If ``descriptor`` is None or not ``(N, D)``.
    """

    def __init__(self, channels: int, descriptor_dim: int = 512, hidden: tuple[int, ...] = (256,),
                 merge: str = 'sum') -> None:
        super().__init__(channels, merge)
        self.descriptor_dim = descriptor_dim
        self.projection = descriptor_projection(descriptor_dim, *hidden, self.width)

    @property
    def width(self) -> int:
        """Length of the projected descriptor ``v``."""
        return self.channels

    def project(self, low: Tensor, descriptor: Tensor | None) -> Tensor:
        """``(N, width)``; an error where the descriptor is missing or of another shape."""
        check_descriptor(descriptor, low.shape[0], self.descriptor_dim)
        return self.projection(descriptor)


@FUSION_BLOCKS.register_module()
class AdditiveLanguageFusion(DescriptorFusion):
    r"""Add the projected descriptor to every pixel of the merged map.

    .. math:: F = M + v, \quad M = X_l + X_h,\ v = F_{tar}(\mathrm{TD})

    Args, shape and errors are those of :class:`DescriptorFusion`.

    Note:
        Ours. A batch norm behind the block takes out what the descriptors of a batch have in common.

    Example:
        >>> block = AdditiveLanguageFusion(channels=8, descriptor_dim=16)
        >>> block(torch.rand(2, 8, 4, 4), torch.rand(2, 8, 4, 4), torch.rand(2, 16)).shape
        torch.Size([2, 8, 4, 4])
    """

    @property
    def width(self) -> int:
        return self.out_channels

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        return self.merge(low, high) + self.project(low, descriptor)[..., None, None]


@FUSION_BLOCKS.register_module()
class ConcatLanguageFusion(DescriptorFusion):
    r"""Lay the projected descriptor beside the merged map at every pixel, and mix both by a 1x1 convolution.

    .. math:: F = \mathrm{ReLU}(\mathrm{BN}(W\,[M; v])), \quad M = X_l + X_h,\ v = F_{tar}(\mathrm{TD})

    Args, shape and errors are those of :class:`DescriptorFusion`.

    Note:
        Ours. Before the norm, ``W [M; v]`` is ``W_1 M + W_2 v``: addition to a map whose channels are mixed, which the
        ReLU then makes more than that. The mixing is a part of the block that
        :class:`~irstd_toolbox.models.fusion.SumFusion` does not have.

    Example:
        >>> block = ConcatLanguageFusion(channels=8, descriptor_dim=16)
        >>> block(torch.rand(2, 8, 4, 4), torch.rand(2, 8, 4, 4), torch.rand(2, 16)).shape
        torch.Size([2, 8, 4, 4])
    """

    def __init__(self, channels: int, descriptor_dim: int = 512, hidden: tuple[int, ...] = (256,),
                 merge: str = 'sum') -> None:
        super().__init__(channels, descriptor_dim, hidden, merge)
        self.mix = nn.Sequential(
            nn.Conv2d(self.out_channels + channels, self.out_channels, 1, bias=False), BatchNorm(self.out_channels),
            nn.ReLU(inplace=True))

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        vector = self.project(low, descriptor)[..., None, None]
        return self.mix(torch.cat([self.merge(low, high), vector.expand(-1, -1, *low.shape[-2:])], dim=1))


@FUSION_BLOCKS.register_module()
class GatedLanguageFusion(DescriptorFusion):
    r"""Weight every element of each map by a gate drawn from its pixel and from the descriptor, then merge.

    .. math:: F(X) = \sigma(W X + b + v) \odot X, \quad v = F_{tar}(\mathrm{TD})

    with another ``W`` (1x1 convolution) and ``b`` for each map. LGNet's gate is one weight a channel, drawn from the
    channel's average; this one is a weight an element.

    Args, shape and errors are those of :class:`DescriptorFusion`.

    Note:
        Ours. The sum inside the sigmoid is that of additive attention gates, which have a further layer and one
        gate a pixel.

    References:
        Additive attention gates: Oktay et al., Attention U-Net, 2018, arXiv 1804.03999.

    Example:
        >>> block = GatedLanguageFusion(channels=8, descriptor_dim=16)
        >>> block(torch.rand(2, 8, 4, 4), torch.rand(2, 8, 4, 4), torch.rand(2, 16)).shape
        torch.Size([2, 8, 4, 4])
    """

    def __init__(self, channels: int, descriptor_dim: int = 512, hidden: tuple[int, ...] = (256,),
                 merge: str = 'sum') -> None:
        super().__init__(channels, descriptor_dim, hidden, merge)
        self.low_gate = nn.Conv2d(channels, channels, 1)
        self.high_gate = None if merge == 'low' else nn.Conv2d(channels, channels, 1)

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        vector = self.project(low, descriptor)[..., None, None]
        low = (self.low_gate(low) + vector).sigmoid() * low
        return self.merge(low, high if self.high_gate is None else (self.high_gate(high) + vector).sigmoid() * high)


@FUSION_BLOCKS.register_module()
class FiLMFusion(DescriptorFusion):
    r"""Scale and shift each channel of the merged map by the descriptor.

    .. math:: F = (1 + \gamma) \odot M + \beta, \quad M = X_l + X_h,\ (\gamma, \beta) = F_{tar}(\mathrm{TD})

    The last layer of ``F_tar`` starts at zero, so the untrained block is the merging alone.

    Args, shape and errors are those of :class:`DescriptorFusion`.

    Note:
        That :math:`\gamma` is told as its difference from 1 is the paper's; the start at exactly zero is ours. The
        hidden layers have no gradient in the first step, and have one from the second on.

    References:
        Perez et al., FiLM: Visual Reasoning with a General Conditioning Layer, AAAI 2018, arXiv 1709.07871.

    Example:
        >>> block, low, high = FiLMFusion(channels=8, descriptor_dim=16), torch.rand(2, 8, 4, 4), torch.rand(2, 8, 4, 4)
        >>> block(low, high, torch.rand(2, 16)).equal(low + high)
        True
    """

    def __init__(self, channels: int, descriptor_dim: int = 512, hidden: tuple[int, ...] = (256,),
                 merge: str = 'sum') -> None:
        super().__init__(channels, descriptor_dim, hidden, merge)
        nn.init.zeros_(self.projection[-1].weight)
        nn.init.zeros_(self.projection[-1].bias)

    @property
    def width(self) -> int:
        return 2 * self.out_channels

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        scale, shift = self.project(low, descriptor)[..., None, None].chunk(2, dim=1)
        return (1 + scale) * self.merge(low, high) + shift


@FUSION_BLOCKS.register_module()
class CrossAttentionFusion(DescriptorFusion):
    r"""Let every pixel of the merged map attend to tokens made of the descriptor.

    .. math::
        F_p = M_p + W_o \sum_{j=0}^{K} a_{pj} W_v t_j, \quad
        a_p = \mathrm{softmax}_j \left( \frac{(W_q [M_p; y_p; x_p] + b_q)^\top W_k t_j}{\sqrt{C}} \right)

    The descriptor is one vector, and a softmax over one key is 1 whatever the query: attention to it would be an
    addition, and neither the query nor the key would ever learn. So ``F_tar`` makes K tokens
    :math:`t_1, \dots, t_K` of length C from it, K readings of one sentence; and beside them stands a learnt token
    :math:`t_0` that no image changes, to which a pixel turns that has no use for the sentence. With K = 1 the softmax
    is a sigmoid of the difference of two scores.

    Args, shape and errors beside these are those of :class:`DescriptorFusion`.

    Args:
        tokens: ``K``.
        coordinates: Whether a query knows the pixel's place, ``y`` and ``x`` from -1 to 1 over the frame. False: it is
            drawn from the map's channels alone.

    Raises:
        ConfigError: If ``tokens`` is below 1.

    Note:
        Ours. The sentence tells a place, and none but this block can treat pixels differently by where they are. Keys
        carry no bias: it would add the same number to all scores of a pixel, which the softmax takes out.

    References:
        Attention: Vaswani et al., Attention Is All You Need, 2017, Sec. 3.2.1. Coordinates beside the channels:
        Liu et al., An Intriguing Failing of Convolutional Neural Networks and the CoordConv Solution, 2018.

    Example:
        >>> block = CrossAttentionFusion(channels=8, descriptor_dim=16)
        >>> block(torch.rand(2, 8, 4, 4), torch.rand(2, 8, 4, 4), torch.rand(2, 16)).shape
        torch.Size([2, 8, 4, 4])
    """

    def __init__(self, channels: int, descriptor_dim: int = 512, hidden: tuple[int, ...] = (256,), tokens: int = 4,
                 coordinates: bool = True, merge: str = 'sum') -> None:
        if tokens < 1:
            raise ConfigError(f'tokens={tokens}; cross-attention needs at least one token of the descriptor.')
        self.tokens, self.coordinates = tokens, coordinates
        super().__init__(channels, descriptor_dim, hidden, merge)
        self.null = nn.Parameter(torch.randn(channels) / channels**0.5)
        self.query = nn.Conv2d(self.out_channels + 2 * coordinates, channels, 1)
        self.key = nn.Linear(channels, channels, bias=False)
        self.value = nn.Linear(channels, channels, bias=False)
        self.out = nn.Conv2d(channels, self.out_channels, 1)

    @property
    def width(self) -> int:
        return self.tokens * self.channels

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        tokens = self.project(low, descriptor).view(low.shape[0], self.tokens, self.channels)
        tokens = torch.cat([self.null.expand(low.shape[0], 1, -1), tokens], dim=1)
        merged = self.merge(low, high)
        scores = torch.einsum('nchw,nkc->nkhw', self.query(self._placed(merged)), self.key(tokens))
        weights = (scores / self.channels**0.5).softmax(dim=1)
        return merged + self.out(torch.einsum('nkhw,nkc->nchw', weights, self.value(tokens)))

    def _placed(self, merged: Tensor) -> Tensor:
        """The map and, beside it, the place of each pixel's centre."""
        if not self.coordinates:
            return merged
        count, _, height, width = merged.shape
        y, x = ((2 * torch.arange(side, device=merged.device, dtype=merged.dtype) + 1) / side - 1
                for side in (height, width))
        return torch.cat([merged, y[:, None].expand(count, 1, height, width), x.expand(count, 1, height, width)], dim=1)
