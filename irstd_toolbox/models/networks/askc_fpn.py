"""ASKCResNetFPN: the network that BasicIRSTD, LESPS and tables after them list as "ALCNet".

It has no local contrast operator and so is not ALCNet (see ``alcnet.py``): it is ACM's backbone, modulation and head,
with transposed convolutions up to half the image's size. BasicIRSTD's class is called ``ASKCResNetFPN``.
"""

from torch import Tensor, nn

from ...registry import MODELS
from .acm import ACMUNetNeck
from .acm_fusion import initialise

__all__ = ['ASKCFPNNeck']


@MODELS.register_module()
class ASKCFPNNeck(ACMUNetNeck):
    """ACM's top-down pathway by transposed convolutions, without residual blocks, and one more enlargement.

    Args:
        in_channels: Channels of the backbone's maps, finest first.
        channels: Channels of the enlarged map.
        fusion: Fusion block of every level (config in ``FUSION_BLOCKS``, without ``channels``).
        language_fusion: Fusion block of the deepest level; None to use ``fusion`` there as well.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first, ``H_{i+1} = ceil(H_i / 2)``
        - descriptor: ``(N, D)`` or None
        - Output: ``(N, channels, 2 H_0, 2 W_0)`` and the fused maps, finest first

    Note:
        BasicIRSTD's class also holds two stages of residual blocks (92,928 parameters) that its forward never calls;
        they are left out. It interpolates between levels where a size is not a multiple of 16; here the last row and
        column are cut off, and at multiples of 16 both are the same.

    References:
        BasicIRSTD, its model "ALCNet"; there is no paper of this network.

    Example:
        >>> import torch
        >>> neck = ASKCFPNNeck()
        >>> maps = neck([torch.rand(2, 16, 8, 8), torch.rand(2, 32, 4, 4), torch.rand(2, 64, 2, 2)])
        >>> [tuple(x.shape) for x in maps]
        [(2, 8, 16, 16), (2, 16, 8, 8), (2, 32, 4, 4)]
    """

    def __init__(self, in_channels: tuple[int, ...] = (16, 32, 64), channels: int = 8, fusion: dict | None = None,
                 language_fusion: dict | None = None) -> None:
        super().__init__(in_channels, 0, fusion, language_fusion)
        self.last = nn.ConvTranspose2d(self.out_channels[0], channels, 4, stride=2, padding=1)
        initialise(self.last)
        self.out_channels = [channels, *self.out_channels]

    def forward(self, feats: list[Tensor], descriptor: Tensor | None = None) -> list[Tensor]:
        maps = super().forward(feats, descriptor)
        return [self.last(maps[0]), *maps]
