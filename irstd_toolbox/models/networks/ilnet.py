"""ILNet: residual U-blocks whose fusion favours the shallow maps, in three sizes.

Li et al., "ILNet: Low-level Matters for Salient Infrared Small Target Detection", arXiv 2309.13646 (IEEE TAES 2025).
Encoder and decoder are :class:`RSUEncoder` and :class:`RSUDecoder` (configs/_base_/models/ilnet_*.py); the L form ends
in :class:`SideOutputHead`. Here are the fusion block (IPOF) with its aggregation (DODA), and the output block of S and
M (RB).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError
from ...registry import FUSION_BLOCKS, MODELS
from ..fusion import FusionBlock
from ..layers import BatchNorm, resize

__all__ = ['DynamicAggregation', 'IPOFFusion', 'RepresentativeHead']


class DynamicAggregation(nn.Module):
    r"""DODA: a 1-D convolution over channels, applied again and again with one kernel; more channels, more of it.

    With kernel :math:`w` of width :math:`k` and :math:`n` applications:

    .. math::
        y = x + \sigma(w * \dots * w * x),\quad
        k = \left\lfloor \tfrac{\log_2 C + 1}{2} \right\rfloor_{\text{made odd}},\quad
        n = 1 + \left\lceil 1 + \tfrac{\log_2 C - 2}{4} \right\rceil

    An even width is raised by one.

    Args:
        channels: Channels ``C``.

    Shape:
        - Input: ``(N, C)``
        - Output: ``(N, C)``

    Note:
        The released code applies the convolution once more than the number of layers it derives; so does this.

    References:
        ILNet, dynamic one-dimensional aggregation layers (DODA).

    Example:
        >>> [(DynamicAggregation(c).conv.kernel_size[0], DynamicAggregation(c).times) for c in (4, 32, 64)]
        [(1, 2), (3, 3), (3, 3)]
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        octaves = math.log2(channels)
        width = int((octaves + 1) / 2)
        width += 1 - width % 2
        self.times = 1 + math.ceil(1 + (octaves - 2) / 4)
        self.conv = nn.Conv1d(1, 1, width, padding=width // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mixed = x[:, None]
        for _ in range(self.times):
            mixed = self.conv(mixed)
        return x + mixed[:, 0].sigmoid()


def _pointwise(*widths: int) -> nn.Sequential:
    """1x1 convolutions through ``widths``, each with batch norm and ReLU."""
    layers: list[nn.Module] = []
    for before, after in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Conv2d(before, after, 1, bias=False), BatchNorm(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


@FUSION_BLOCKS.register_module()
class IPOFFusion(FusionBlock):
    r"""Interactive polarized orthogonal fusion: weights of the shallow map's channels, of the deep map's positions.

    With DODA :math:`A`, shared by both branches, and pointwise maps :math:`f` to :math:`C/2` channels
    (:math:`f_p` to one):

    .. math::
        L = X_l \odot \sigma(\mathrm{MLP}(A(f_v(X_l)\, \mathrm{softmax}_{HW}(f_p(X_h)))))

        H = X_h \odot \sigma(\mathrm{LN}_{HW}(\mathrm{softmax}_C(A(\mathrm{GAP}(f_q(X_h))))^T f_k(X_l)))

        F = \mathrm{ReLU}(\mathrm{BN}(\mathrm{Conv}_3(L + H)))

    The MLP is two 1x1 convolutions, to ``C / 8`` and to ``C`` channels, each with layer norm.

    Args:
        channels: Channels ``C`` of both maps, at least 8.
        merge: See :class:`FusionBlock`; the paper's is ``'expand'``.

    Shape:
        - low, high: ``(N, C, H, W)``
        - Output: ``(N, out_channels, H, W)``, ``out_channels`` is ``2C`` by default

    Raises:
        ConfigError: If ``channels`` is below 8 or odd.

    Note:
        Which map takes which part follows the released code: its block is written for (E, D) and called with the
        deep map as E and the encoder's as D. At ``C = 8`` (ILNet-S) the MLP's hidden layer is one unit, whose layer
        norm is constant: there the channel weights do not depend on the image.

    References:
        ILNet, interactive polarized orthogonal fusion (IPOF) module.

    Example:
        >>> block = IPOFFusion(channels=16)
        >>> block(torch.rand(2, 16, 12, 12), torch.rand(2, 16, 12, 12)).shape
        torch.Size([2, 32, 12, 12])
    """

    def __init__(self, channels: int, merge: str = 'expand') -> None:
        super().__init__(channels, merge)
        if channels < 8 or channels % 2:
            raise ConfigError(f'IPOF needs an even number of channels, at least 8; got {channels}.')
        half, hidden = channels // 2, channels // 8
        self.position = _pointwise(channels, half, 1)
        self.value = _pointwise(channels, half, half)
        self.excite = nn.Sequential(
            nn.Conv2d(half, hidden, 1), nn.LayerNorm([hidden, 1, 1]), nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1), nn.LayerNorm([channels, 1, 1]))
        self.query = _pointwise(channels, half, half)
        self.key = _pointwise(channels, half, half)
        self.aggregate = DynamicAggregation(half)

    def channel_weight(self, low: Tensor, high: Tensor) -> Tensor:
        """Of the shallow map: ``(N, C, 1, 1)``, in 0..1."""
        where = self.position(high).flatten(2).softmax(dim=2)
        context = (self.value(low).flatten(2) @ where.transpose(1, 2))[..., 0]
        return self.excite(self.aggregate(context)[..., None, None]).sigmoid()

    def position_weight(self, low: Tensor, high: Tensor) -> Tensor:
        """Of the deep map: ``(N, 1, H, W)``, in 0..1."""
        which = self.aggregate(self.query(high).mean(dim=(2, 3))).softmax(dim=1)
        score = which[:, None] @ self.key(low).flatten(2)
        return F.layer_norm(score, score.shape[1:]).view(low.shape[0], 1, *low.shape[2:]).sigmoid()

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        return self.merge(low * self.channel_weight(low, high), high * self.position_weight(low, high))


@MODELS.register_module()
class RepresentativeHead(nn.Module):
    r"""RB, the output block of ILNet-S and -M: shallow levels vote with more maps, and gate the deep levels' votes.

    .. math::
        g = \sigma(\mathrm{Conv}_1([\mathrm{up}(q(D_1)), \mathrm{up}(q(D_2)), \mathrm{up}(q(D_3))])),\quad
        v_i = \mathrm{up}(\mathrm{Conv}_3(D_i)) \cdot (g\ \text{if}\ i > 3)

        \mathrm{final} = \mathrm{Conv}_1([v_1, \dots, v_6])

    with one 3x3 convolution :math:`q` for the three shallow levels. The side maps :math:`s_i` that the loss sees have
    convolutions of their own.

    Args:
        in_channels: Channels of the maps, finest first; those of the shallow levels are equal.
        votes: Maps ``v_i`` that each level has in the final convolution.
        shallow: How many of the finest levels are shallow.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - size: ``(H, W)`` of the logits
        - Output: ``[final, s_1, ..., s_6]``, each ``(N, 1, H, W)``, logits

    Raises:
        ConfigError: If ``votes`` has another length than ``in_channels``, or the shallow levels differ in channels.

    Note:
        The released code brings the gate's maps to 512x512 whatever the input; here it is the size of the logits,
        which is the same function at 512 and works at any size. A batch norm that it applies to the logits at test
        only, and that is never trained, is left out; conversion folds it into the final convolution.

    References:
        ILNet, representative block (RB).

    Example:
        >>> head = RepresentativeHead(in_channels=(4, 4, 8), votes=(4, 2, 1), shallow=2)
        >>> [len(x) for x in head([torch.rand(2, c, 8, 8) for c in (4, 4, 8)], (8, 8))]
        [2, 2, 2, 2]
    """

    def __init__(self, in_channels: tuple[int, ...] = (64, 64, 64, 64, 64, 64),
                 votes: tuple[int, ...] = (16, 8, 4, 2, 1, 1), shallow: int = 3) -> None:
        super().__init__()
        if len(votes) != len(in_channels):
            raise ConfigError(f'{len(votes)} entries of votes for {len(in_channels)} maps; give one for each.')
        if len(set(in_channels[:shallow])) != 1:
            raise ConfigError(f'The {shallow} shallow maps share a convolution, but in_channels={tuple(in_channels)} '
                              'gives them different widths, or there are none. Make them equal.')
        self.shallow = shallow
        self.sides = nn.ModuleList(nn.Conv2d(width, 1, 3, padding=1) for width in in_channels)
        self.votes = nn.ModuleList(
            nn.Conv2d(width, count, 3, padding=1) for width, count in zip(in_channels, votes, strict=True))
        self.saliency = nn.Conv2d(in_channels[0], 1, 3, padding=1)
        self.gate = nn.Conv2d(shallow, 1, 1)
        self.final = nn.Conv2d(sum(votes), 1, 1)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        sides = [resize(side(x), size) for side, x in zip(self.sides, feats, strict=True)]
        shallow = [resize(self.saliency(x), size) for x in feats[:self.shallow]]
        gate = self.gate(torch.cat(shallow, dim=1)).sigmoid()
        votes = [resize(vote(x), size) for vote, x in zip(self.votes, feats, strict=True)]
        votes[self.shallow:] = [gate * x for x in votes[self.shallow:]]
        return [self.final(torch.cat(votes, dim=1)), *sides]
