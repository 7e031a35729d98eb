"""ALCNet: local contrast by cyclic shifts of feature maps, fused from fine to coarse under bottom-up attention.

Dai et al., "Attentional Local Contrast Networks for Infrared Small Target Detection", TGRS 2021, arXiv 2012.08573.
The backbone is ACM's with the full-size stem, the head is ACM's. "ALCNet" in BasicIRSTD, LESPS and tables after them
is another network, which has no contrast operator: ``askc_fpn.py``.
"""

import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...registry import FUSION_BLOCKS, MODELS
from ..fusion import fusion_blocks
from ..layers import BatchNorm, stretch
from .acm import projection
from .acm_fusion import ContextGate, initialise

__all__ = ['ALCNetNeck', 'BottomUpLocalFusion', 'multiscale_patch_contrast', 'patch_contrast']

HALF_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1))
"""Four of the eight directions; the other four are opposite to them."""


def patch_contrast(x: Tensor, shift: int) -> Tensor:
    r"""How much each value stands out from its surroundings, along the direction in which it does so least.

    .. math::
        c_d(x)_p = \min_{u} (x_{p + d u} - x_p)(x_{p - d u} - x_p),\quad
        u \in \{(-1, -1), (-1, 0), (-1, 1), (0, 1)\}

    A target has both differences of one sign in every direction, an edge has one direction along which it is flat.

    Args:
        x: ``(N, C, H, W)``.
        shift: Distance ``d`` to the compared values.

    Returns:
        ``(N, C, H, W)``.

    Note:
        Positions are cyclic, as in the authors' code, whose shift fails on a map that is smaller than ``d``. Here
        positions are taken modulo the map's size, so such a map is compared at ``d mod H`` and ``d mod W``; on larger
        ones both are the same. The default network's maps are all larger from 68x68 images up.

    References:
        Dai et al., Attentional Local Contrast Networks for Infrared Small Target Detection, TGRS 2021.

    Example:
        >>> x = torch.zeros(1, 1, 5, 5); x[0, 0, 2, 2] = 3
        >>> patch_contrast(x, 1)[0, 0, 2].tolist()
        [0.0, 0.0, 9.0, 0.0, 0.0]
    """
    pairs = []
    for dy, dx in HALF_RING:
        ahead = torch.roll(x, (shift * dy, shift * dx), dims=(2, 3))
        behind = torch.roll(x, (-shift * dy, -shift * dx), dims=(2, 3))
        pairs.append((ahead - x) * (behind - x))
    return torch.stack(pairs).amin(dim=0)


def multiscale_patch_contrast(x: Tensor, shifts: tuple[int, ...]) -> Tensor:
    """The largest :func:`patch_contrast` of several distances, value by value; ``(N, C, H, W)`` to the same."""
    return torch.stack([patch_contrast(x, shift) for shift in shifts]).amax(dim=0)


@FUSION_BLOCKS.register_module()
class BottomUpLocalFusion(nn.Module):
    r"""Bottom-up attention: the shallow map says, pixel by pixel, how much of the deep one is let through (BLAM).

    .. math::
        Z = L(\mathrm{BN}(X_l)) \odot \mathrm{BN}(X_h) + \mathrm{BN}(X_l)

    ``L`` is ACM's gate without pooling.

    Args:
        channels: Channels ``C`` of both maps.
        reduction: The gate's bottleneck has ``C / reduction`` channels; 1 as in the released weight.

    Shape:
        - low, high: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``

    References:
        Dai et al., Attentional Local Contrast Networks for Infrared Small Target Detection, TGRS 2021.
    """

    def __init__(self, channels: int, reduction: int = 1) -> None:
        super().__init__()
        self.out_channels = channels
        self.low_norm = BatchNorm(channels)
        self.high_norm = BatchNorm(channels)
        self.bottom_up = ContextGate(channels, reduction, pooled=False)
        initialise(self.bottom_up)

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        low = self.low_norm(low)
        return self.bottom_up(low) * self.high_norm(high) + low


@MODELS.register_module()
class ALCNetNeck(nn.Module):
    """The local contrast of every map, brought to one width and fused from the deepest up.

    Args:
        in_channels: Channels of the backbone's maps, finest first; the first is the width of all contrast maps.
        shifts: Distances of :func:`patch_contrast`, in pixels of each map.
        fusion: Fusion block of every level (config in ``FUSION_BLOCKS``, without ``channels``).
        language_fusion: Fusion block of the deepest level; None to use ``fusion`` there as well.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - descriptor: ``(N, D)`` or None
        - Output: list of the fused maps, ``C_0`` channels, finest first, one fewer than ``feats``

    Raises:
        ConfigError: If there are not two maps, no shift, or a shift below 1.

    Note:
        The shifts 13 and 17, of which the larger contrast counts, are those under which the released weight scores best
        (``scale_mode='Multiple'`` of the authors' code). The finest map is not projected. A fusion block that widens
        its maps is followed by a projection back; the paper's does not.

    References:
        Dai et al., Attentional Local Contrast Networks for Infrared Small Target Detection, TGRS 2021.

    Example:
        >>> maps = ALCNetNeck()([torch.rand(2, 16, 20, 20), torch.rand(2, 32, 10, 10), torch.rand(2, 64, 5, 5)])
        >>> [tuple(x.shape) for x in maps]
        [(2, 16, 20, 20), (2, 16, 10, 10)]
    """

    def __init__(self, in_channels: tuple[int, ...] = (16, 32, 64), shifts: tuple[int, ...] = (13, 17),
                 fusion: dict | None = None, language_fusion: dict | None = None) -> None:
        super().__init__()
        if len(in_channels) < 2 or not shifts or not all(isinstance(shift, int) and shift > 0 for shift in shifts):
            raise ConfigError(f'in_channels={tuple(in_channels)}, shifts={tuple(shifts)}: two maps at least and one '
                              'shift of 1 or more, a whole number, are expected.')
        self.shifts = tuple(shifts)
        width, levels = in_channels[0], len(in_channels) - 1
        self.project = nn.ModuleList(projection(deep, width, bias=False) for deep in in_channels[1:])
        self.fusions = fusion_blocks((width,) * levels, fusion or dict(type='BottomUpLocalFusion'), language_fusion)
        self.narrow = nn.ModuleList(
            nn.Identity() if block.out_channels == width else projection(block.out_channels, width, bias=False)
            for block in self.fusions)
        self.out_channels = [width] * levels

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        contrasts = [multiscale_patch_contrast(x, self.shifts) for x in feats]
        contrasts[1:] = [project(x) for project, x in zip(self.project, contrasts[1:], strict=True)]
        high, maps = contrasts[-1], []
        for low, fuse, narrow in reversed(list(zip(contrasts[:-1], self.fusions, self.narrow, strict=True))):
            high = narrow(fuse(low, stretch(high, low.shape[-2:]), descriptor))
            maps.append(high)
        return maps[::-1]
