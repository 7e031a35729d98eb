"""ACM's asymmetric contextual modulation and the two symmetric forms of its ablation."""

from torch import Tensor, nn

from ...errors import check_least
from ...registry import FUSION_BLOCKS
from ..layers import BatchNorm

__all__ = ['AsymBiFusion', 'BiGlobalFusion', 'BiLocalFusion', 'ContextGate', 'initialise']


def initialise(module: nn.Module) -> None:
    """Draw the 2-D convolutions inside ``module`` as the authors' code does.

    Normal, of variance ``2 / (1 + 0.25^2)`` over the mean of fan in and fan out (MXNet's MSRAPrelu); biases at 0.
    """
    gain = nn.init.calculate_gain('leaky_relu', 0.25)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_normal_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class ContextGate(nn.Sequential):
    r"""Weights of channels from a bottleneck of two 1x1 convolutions, over the whole map or pixel by pixel.

    .. math::
        G(X) = \sigma(\mathrm{BN}(W_2\, \mathrm{ReLU}(\mathrm{BN}(W_1 X')))),\quad
        X' = \mathrm{GAP}(X)\ \text{or}\ X

    Args:
        channels: Channels ``C`` of the map.
        reduction: The bottleneck has ``C / reduction`` channels, at least one.
        pooled: Whether the map is averaged over its pixels first.

    Shape:
        - Input: ``(N, C, H, W)``
        - Output: ``(N, C, 1, 1)`` if pooled, else ``(N, C, H, W)``; in 0..1

    References:
        Dai et al., Asymmetric Contextual Modulation for Infrared Small Target Detection, WACV 2021.
    """

    def __init__(self, channels: int, reduction: int, pooled: bool) -> None:
        check_least(self, 1, reduction=reduction)
        inner = max(1, channels // reduction)
        super().__init__(
            *[nn.AdaptiveAvgPool2d(1)] * pooled,
            nn.Conv2d(channels, inner, 1),
            BatchNorm(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, channels, 1),
            BatchNorm(channels),
            nn.Sigmoid())


@FUSION_BLOCKS.register_module()
class AsymBiFusion(nn.Module):
    r"""The deep map weights the shallow one by its global context, the shallow map weights the deep one pixel by pixel.

    .. math::
        Z = \mathrm{ReLU}(\mathrm{BN}(\mathrm{Conv}_{3 \times 3}(2\, G(X_h) \odot X_l + 2\, L(X_l) \odot X_h)))

    ``G`` is a pooled :class:`ContextGate`, ``L`` one that is not.

    Args:
        channels: Channels ``C`` of both maps.
        reduction: See :class:`ContextGate`.

    Shape:
        - low, high: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``

    Note:
        The factor 2, which keeps the scale of a sum when the gates stand at 1/2, and the closing convolution are of the
        authors' code. Its batch norms run at MXNet's momentum 0.9, which is PyTorch's 0.1.

    References:
        Dai et al., Asymmetric Contextual Modulation for Infrared Small Target Detection, WACV 2021.

    Example:
        >>> import torch
        >>> AsymBiFusion(channels=8)(torch.rand(2, 8, 16, 16), torch.rand(2, 8, 16, 16)).shape
        torch.Size([2, 8, 16, 16])
    """

    top_down_pooled = True
    bottom_up_pooled = False

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.out_channels = channels
        self.top_down = ContextGate(channels, reduction, self.top_down_pooled)
        self.bottom_up = ContextGate(channels, reduction, self.bottom_up_pooled)
        self.post = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), BatchNorm(channels), nn.ReLU(inplace=True))
        initialise(self)

    def forward(self, low: Tensor, high: Tensor, descriptor: Tensor | None = None) -> Tensor:
        return self.post(2 * self.top_down(high) * low + 2 * self.bottom_up(low) * high)


@FUSION_BLOCKS.register_module()
class BiLocalFusion(AsymBiFusion):
    """:class:`AsymBiFusion` with both weights pixel by pixel, a row of the paper's ablation.

    Args:
        channels: Channels ``C`` of both maps.
        reduction: See :class:`ContextGate`.

    Shape:
        - low, high: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``
    """

    top_down_pooled = False


@FUSION_BLOCKS.register_module()
class BiGlobalFusion(AsymBiFusion):
    """:class:`AsymBiFusion` with both weights from global context, a row of the paper's ablation.

    Args:
        channels: Channels ``C`` of both maps.
        reduction: See :class:`ContextGate`.

    Shape:
        - low, high: ``(N, C, H, W)``
        - Output: ``(N, C, H, W)``
    """

    bottom_up_pooled = True
