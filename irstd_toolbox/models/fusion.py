"""Fusion blocks: how a shallow map and a deep map become one, with or without the target descriptor.

Every block is called as ``block(low, high, descriptor)``; ``low`` is the finer, shallow map,
``high`` the coarser, deep one, already brought to one size by the neck.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import FUSION_BLOCKS
from .layers import BatchNorm, ConvBNReLU

__all__ = ['ChannelFusion', 'FusionBlock', 'LanguageFusion', 'SumFusion', 'check_descriptor', 'descriptor_projection',
           'fusion_block', 'fusion_blocks', 'fusion_of_levels']


def fusion_of_levels(levels: int, fusion: dict | None, language_fusion: dict | None) -> list[dict | None]:
    """The fusion config of each level of a neck, finest first; the deepest takes ``language_fusion`` if it is given.

    Example:
        >>> fusion_of_levels(3, dict(type='SumFusion'), dict(type='LanguageFusion'))[1:]
        [{'type': 'SumFusion'}, {'type': 'LanguageFusion'}]
    """
    return [fusion] * (levels - 1) + [language_fusion or fusion]


def fusion_block(fusion: dict, channels: int) -> nn.Module:
    """The block of a config for maps of ``channels``.

    Raises:
        ConfigError: If it does not say how many channels it gives.
    """
    block = FUSION_BLOCKS.build(dict(fusion, channels=channels))
    if not hasattr(block, 'out_channels'):
        raise ConfigError(f'{type(block).__name__} has no out_channels, the number of channels that it gives. Set '
                          'self.out_channels in its __init__; a block on FusionBlock has it.')
    return block


def fusion_blocks(channels: Sequence[int], fusion: dict, language_fusion: dict | None) -> nn.ModuleList:
    """One block a level, finest first, of the channels given; see :func:`fusion_of_levels`."""
    configs = fusion_of_levels(len(channels), fusion, language_fusion)
    return nn.ModuleList(fusion_block(cfg, width) for cfg, width in zip(configs, channels, strict=True))


def descriptor_projection(*widths: int) -> nn.Sequential:
    """``F_tar``: linear layers of these widths, ReLU between."""
    layers = []
    for i, (a, b) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        layers += [nn.ReLU(inplace=True)] * (i > 0) + [nn.Linear(a, b)]
    return nn.Sequential(*layers)


def check_descriptor(descriptor: Tensor | None, batch: int, dim: int) -> None:
    """Refuse a descriptor that is not ``(batch, dim)``.

    Raises:
        ConfigError: If it is None or of another shape.
    """
    if descriptor is None or descriptor.shape != (batch, dim):
        got = 'None' if descriptor is None else str(tuple(descriptor.shape))
        raise ConfigError(f'The descriptor is {got}; language fusion needs ({batch}, {dim}). '
                         'Give the model a target_descriptor of that dim, or take language_fusion out of the neck.')


class FusionBlock(nn.Module):
    """What the blocks share: the merging of two weighted maps.

    Args:
        channels: Channels ``C`` of both maps.
        merge: ``'sum'`` adds the maps; ``'expand'`` adds them and widens the sum to ``2C`` by a
            3x3 convolution (ILNet's way); ``'concat'`` keeps both, ``2C``; ``'low'`` returns the weighted
            shallow map alone.

    Raises:
        ConfigError: If ``merge`` is none of these.

    Note:
        LGNet, Sec. 3.3.1 says "added together and passed to the next decoder", which is ``'sum'``;
        Sec. 3.3.2 can be read as the encoder's features alone, which is ``'low'``.
    """

    def __init__(self, channels: int, merge: str = 'sum') -> None:
        super().__init__()
        if merge not in ('sum', 'expand', 'concat', 'low'):
            raise ConfigError(f"merge={merge!r} is not known. Choose 'sum', 'expand', 'concat' or 'low'.")
        self.channels, self.mode = channels, merge
        self.out_channels = 2 * channels if merge in ('expand', 'concat') else channels
        self.expand = ConvBNReLU(channels, 2 * channels, bias=True) if merge == 'expand' else nn.Identity()

    def merge(self, low: Tensor, high: Tensor) -> Tensor:
        """``(N, C, H, W)`` twice to ``(N, out_channels, H, W)``."""
        if self.mode == 'concat':
            return torch.cat([low, high], dim=1)
        return low if self.mode == 'low' else self.expand(low + high)


@FUSION_BLOCKS.register_module()
class SumFusion(FusionBlock):
    """Merge the two maps as they are: the paper's baseline without its fusion block.

    Args:
        channels: Channels ``C`` of both maps.
        merge: See :class:`FusionBlock`.

    Shape:
        - low, high: ``(N, C, H, W)``
        - Output: ``(N, out_channels, H, W)``, ``out_channels`` is ``C`` by default

    References:
        LGNet, Table 6, row "baseline".
    """

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        return self.merge(low, high)


class ChannelGate(nn.Module):
    """One weight a channel from the map's own global average: ``sigmoid(BN(conv(GAP(x))))``.

    Args:
        channels: Channels ``C`` of the map.
        conv: ``'depthwise'`` gives each channel a weight of its own, and the norm a bias; ``'eca'`` slides one
            1-D kernel of width 3 over neighbouring channels.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, C, 1, 1)``, in 0..1

    Note:
        The paper names a depth-wise convolution without a kernel size. On a 1x1 map every size with
        "same" padding uses its centre tap only, so one weight a channel is the same function.
    """

    def __init__(self, channels: int, conv: str) -> None:
        super().__init__()
        if conv not in ('depthwise', 'eca'):
            raise ConfigError(f"conv={conv!r} is not known. Choose 'depthwise' or 'eca'.")
        self.depthwise = conv == 'depthwise'
        self.conv = (nn.Conv1d(channels, channels, 1, groups=channels, bias=False) if self.depthwise
                     else nn.Conv1d(1, 1, 3, padding=1, bias=False))
        self.norm = BatchNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        pooled = x.mean(dim=(2, 3))
        mixed = self.conv(pooled[..., None])[..., 0] if self.depthwise else self.conv(pooled[:, None])[:, 0]
        return self.norm(mixed).sigmoid()[..., None, None]


@FUSION_BLOCKS.register_module()
class ChannelFusion(FusionBlock):
    """Weight each map by its own channel gate, then merge: LGNet's fusion block.

    .. math::
        F = \\sigma(\\mathrm{BN}(\\mathrm{DW}(\\mathrm{GAP}(X_l)))) \\odot X_l
          + \\sigma(\\mathrm{BN}(\\mathrm{DW}(\\mathrm{GAP}(X_h)))) \\odot X_h

    Args:
        channels: Channels ``C`` of both maps.
        conv: See :class:`ChannelGate`; the two gates share nothing.
        merge: See :class:`FusionBlock`.

    Shape:
        - low, high: ``(N, C, H, W)``
        - Output: ``(N, out_channels, H, W)``, ``out_channels`` is ``C`` by default

    References:
        LGNet, Sec. 3.3.2, Fig. 4.

    Example:
        >>> block = ChannelFusion(channels=8)
        >>> block(torch.rand(2, 8, 16, 16), torch.rand(2, 8, 16, 16)).shape
        torch.Size([2, 8, 16, 16])
    """

    def __init__(self, channels: int, conv: str = 'depthwise', merge: str = 'sum') -> None:
        super().__init__(channels, merge)
        self.low_gate = ChannelGate(channels, conv)
        self.high_gate = None if merge == 'low' else ChannelGate(channels, conv)

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        return self.merge(self.low_gate(low) * low, high if self.high_gate is None else self.high_gate(high) * high)


class LanguageGate(nn.Module):
    """One weight a channel from the pooled map interleaved with the projected descriptor.

    Args:
        channels: Channels ``C`` of the map and of the projected descriptor.
        grouping: ``'pairs'``: a group is one interleaved pair (``groups=C``); ``'two'``: two groups, which
            mixes all channels of a half; ``'shared'``: one kernel of two taps for all pairs.

    Shape:
        - x: ``(N, C, H, W)``
        - vector: ``(N, C)``
        - Output: ``(N, C, 1, 1)``, in 0..1
    """

    def __init__(self, channels: int, grouping: str) -> None:
        super().__init__()
        if grouping not in ('pairs', 'two', 'shared'):
            raise ConfigError(f"grouping={grouping!r} is not known. Choose 'pairs', 'two' or 'shared'.")
        if grouping == 'two' and channels % 2:
            raise ConfigError(f"grouping='two' needs an even number of channels, got {channels}.")
        self.shared = grouping == 'shared'
        groups = channels if grouping == 'pairs' else 2
        self.conv = (nn.Conv1d(1, 1, 2, stride=2, bias=False) if self.shared
                     else nn.Conv1d(2 * channels, channels, 1, groups=groups, bias=False))
        self.norm = BatchNorm(channels)

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        pairs = torch.stack([x.mean(dim=(2, 3)), vector], dim=2).flatten(1)
        mixed = self.conv(pairs[:, None])[:, 0] if self.shared else self.conv(pairs[..., None])[..., 0]
        return self.norm(mixed).sigmoid()[..., None, None]


@FUSION_BLOCKS.register_module()
class LanguageFusion(FusionBlock):
    """Fuse two feature maps under attention drawn from the target descriptor.

    Each map is pooled to a vector and interleaved, channel by channel, with the
    projected descriptor; a grouped convolution turns every pair into one weight.

    .. math::
        F(X) = \\sigma(\\mathrm{BN}(\\mathrm{GPConv}(\\mathrm{stack}(v_1, v_2)))) \\odot X,\\quad
        v_1 = \\mathrm{GAP}(X),\\ v_2 = F_{tar}(\\mathrm{TD})

    Args:
        channels: Channels ``C`` of both maps.
        descriptor_dim: Length ``D`` of the descriptor.
        hidden: Widths of the hidden layers of ``F_tar``, ReLU between; empty for one linear layer.
        shared_projection: Whether both maps use one ``F_tar``.
        grouping: See :class:`LanguageGate`.
        merge: See :class:`FusionBlock`.

    Shape:
        - low, high: ``(N, C, H, W)``
        - descriptor: ``(N, D)``
        - Output: ``(N, out_channels, H, W)``, ``out_channels`` is ``C`` by default

    Raises:
        ConfigError: If ``descriptor`` is None or not ``(N, D)``.

    Note:
        "Group size 2" is read as two channels a group, so that a group holds exactly one
        interleaved pair; two groups would undo the interleaving. Eq. 1 has one symbol for the projection,
        so one is shared; its hidden width of 256 is chosen to fit the paper's parameter count.

    References:
        LGNet, Sec. 3.3.1, Eqs. 1-3, Fig. 5.

    Example:
        >>> block = LanguageFusion(channels=8, descriptor_dim=512)
        >>> low, high = torch.rand(2, 8, 16, 16), torch.rand(2, 8, 16, 16)
        >>> block(low, high, torch.rand(2, 512)).shape
        torch.Size([2, 8, 16, 16])
    """

    def __init__(self, channels: int, descriptor_dim: int = 512, hidden: tuple[int, ...] = (256,),
                 shared_projection: bool = True, grouping: str = 'pairs', merge: str = 'sum') -> None:
        super().__init__(channels, merge)
        self.descriptor_dim = descriptor_dim
        widths = (descriptor_dim, *hidden, channels)
        self.low_projection = descriptor_projection(*widths)
        self.high_projection = None if shared_projection or merge == 'low' else descriptor_projection(*widths)
        self.low_gate = LanguageGate(channels, grouping)
        self.high_gate = None if merge == 'low' else LanguageGate(channels, grouping)

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        check_descriptor(descriptor, low.shape[0], self.descriptor_dim)
        low_vector = self.low_projection(descriptor)
        low = self.low_gate(low, low_vector) * low
        if self.high_gate is None:
            return self.merge(low, high)
        high_vector = low_vector if self.high_projection is None else self.high_projection(descriptor)
        return self.merge(low, self.high_gate(high, high_vector) * high)
