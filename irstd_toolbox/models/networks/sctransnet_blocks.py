"""The spatial-channel cross transformer block of SCTransNet: attention between channels of all levels."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ['ChannelCrossAttention', 'ChannelNorm', 'ComplementaryFeedForward', 'CrossTransformerBlock']


class ChannelNorm(nn.LayerNorm):
    """Layer norm of every pixel's channels, ``(N, C, H, W)``."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def _spatial(channels: int, groups: int) -> nn.Sequential:
    """A 1x1 convolution and a 3x3 one in groups, which embeds the neighbourhood; no biases."""
    return nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False),
                         nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False))


class ChannelCrossAttention(nn.Module):
    r"""SSCA: every level's channels look at the channels of all levels, one head.

    .. math::
        O_i = P_i\, \mathrm{softmax}\left(\psi\left(\frac{\hat Q_i \hat K^\top}{\sqrt{C}}\right)\right) V

    ``Q_i`` is ``(C_i, HW)``, ``K`` and ``V`` are ``(C, HW)`` with :math:`C = \sum C_i`; the hat divides each row by its
    norm, ``psi`` is an instance norm of the whole ``C_i x C`` matrix, ``P_i`` a 1x1 convolution.

    Args:
        channels: ``C_i`` of the levels, even numbers.

    Shape:
        - levels: list of ``(N, C_i, H, W)``
        - joint: ``(N, C, H, W)``, all levels
        - Output: list of ``(N, C_i, H, W)``

    Note:
        Queries are embedded in groups of two channels, keys and values depth-wise: the authors' code.

    References:
        Yuan et al., SCTransNet, IEEE TGRS 2024, arXiv 2401.15583.

    Example:
        >>> levels = [torch.rand(1, 2, 4, 4), torch.rand(1, 4, 4, 4)]
        >>> [tuple(x.shape) for x in ChannelCrossAttention((2, 4))(levels, torch.cat(levels, 1))]
        [(1, 2, 4, 4), (1, 4, 4, 4)]
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        total = sum(channels)
        self.scale = 1 / math.sqrt(total)
        self.queries = nn.ModuleList(_spatial(c, c // 2) for c in channels)
        self.key, self.value = _spatial(total, total), _spatial(total, total)
        self.projections = nn.ModuleList(nn.Conv2d(c, c, 1, bias=False) for c in channels)

    def forward(self, levels: list[Tensor], joint: Tensor) -> list[Tensor]:
        key = F.normalize(self.key(joint).flatten(2), dim=-1)
        value = self.value(joint).flatten(2)
        mixed = []
        for x, query, project in zip(levels, self.queries, self.projections, strict=True):
            scores = F.normalize(query(x).flatten(2), dim=-1) @ key.transpose(1, 2) * self.scale
            weights = F.instance_norm(scores[:, None])[:, 0].softmax(dim=-1)
            mixed.append(project((weights @ value).view_as(x)))
        return mixed


class ComplementaryFeedForward(nn.Module):
    """CFN: two depth-wise kernels on halves of ``int(2.66 C)`` channels each, then a weight a channel.

    Args:
        channels: Channels ``C``.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``

    References:
        Yuan et al., SCTransNet, IEEE TGRS 2024, arXiv 2401.15583; channel weights: Wang et al., ECA-Net, CVPR 2020.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = int(channels * 2.66)
        self.widen = nn.Conv2d(channels, 2 * hidden, 1, bias=False)
        self.fine = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False)
        self.coarse = nn.Conv2d(hidden, hidden, 5, padding=2, groups=hidden, bias=False)
        self.narrow = nn.Conv2d(2 * hidden, channels, 1, bias=False)
        self.weights = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.widen(x).chunk(2, dim=1)
        x = self.narrow(F.relu(torch.cat([self.fine(first), self.coarse(second)], dim=1)))
        return x * self.weights(x.mean((2, 3))[:, None]).sigmoid()[:, 0, :, None, None]


class CrossTransformerBlock(nn.Module):
    """SCTB: attention across levels and a feed-forward network for each, both with norms before and residuals.

    Args:
        channels: Channels ``C_i`` of the levels.

    Shape:
        - Input: list of ``(N, C_i, H, W)``
        - Output: list of ``(N, C_i, H, W)``

    References:
        Yuan et al., SCTransNet, IEEE TGRS 2024, arXiv 2401.15583.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.level_norms = nn.ModuleList(ChannelNorm(c) for c in channels)
        self.joint_norm = ChannelNorm(sum(channels))
        self.attention = ChannelCrossAttention(channels)
        self.forward_norms = nn.ModuleList(ChannelNorm(c) for c in channels)
        self.forwards = nn.ModuleList(ComplementaryFeedForward(c) for c in channels)

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        joint = self.joint_norm(torch.cat(levels, dim=1))
        normed = [norm(x) for norm, x in zip(self.level_norms, levels, strict=True)]
        levels = [x + mixed for x, mixed in zip(levels, self.attention(normed, joint), strict=True)]
        return [x + feed(norm(x)) for x, norm, feed in zip(levels, self.forward_norms, self.forwards, strict=True)]
