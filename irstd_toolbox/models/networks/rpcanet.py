r"""RPCANet: robust principal component analysis, its iterations unfolded into a network.

Wu et al., "RPCANet: Deep Unfolding RPCA Based Infrared Small Target Detection", WACV 2024, arXiv 2311.00917.
An image is read as :math:`D = B + T`, a low-rank background and a sparse target; each stage updates both, and
restores the image from them, by convolutions in the place of proximal operators.
"""

import torch
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import MODELS
from ..layers import BatchNorm
from ..logit_maps import LogitMaps
from .residual import xavier_

__all__ = ['ConvStack', 'RPCANet', 'UnfoldingStage', 'require_grey']


def require_grey(x: Tensor, name: str) -> None:
    """Refuse inputs that are not one grey channel.

    Raises:
        ConfigError: If ``x`` is not ``(N, 1, H, W)``.
    """
    if x.ndim != 4 or x.shape[1] != 1:
        raise ConfigError(f'{name} splits one grey channel into background and target; the input is '
                          f'{tuple(x.shape)}, (N, 1, H, W) is expected. Set data_preprocessor channels=1.')


class ConvStack(nn.Sequential):
    """3x3 convolutions from one channel to ``channels``, ``layers`` times on that width, and back to one channel.

    Args:
        channels: Width inside.
        layers: Convolutions of the full width.
        norm: Whether batch norm stands before each ReLU.

    Shape:
        - Input, output: ``(N, 1, H, W)``

    Example:
        >>> sum(p.numel() for p in ConvStack(32, 6, norm=False).parameters())
        56097
    """

    def __init__(self, channels: int, layers: int, norm: bool) -> None:
        parts: list[nn.Module] = []
        for i in range(layers + 1):
            parts.append(nn.Conv2d(channels if i else 1, channels, 3, padding=1))
            parts += [BatchNorm(channels)] if norm else []
            parts.append(nn.ReLU(inplace=True))
        super().__init__(*parts, nn.Conv2d(channels, 1, 3, padding=1))


class UnfoldingStage(nn.Module):
    r"""One iteration: background, target, restored image.

    .. math::
        B_k &= x + \mathcal{B}(x), & x &= D_{k-1} - T_{k-1} \\
        T_k &= y - \varepsilon\, \mathcal{T}(y), & y &= T_{k-1} + D_{k-1} - B_k \\
        D_k &= \mathcal{D}(B_k + T_k)

    Args:
        channels: Width of the three stacks of convolutions.
        background_layers: Layers of :math:`\mathcal{B}`, with batch norm.
        target_layers: Layers of :math:`\mathcal{T}`, without: batch norm would even out what stands out.
        image_layers: Layers of :math:`\mathcal{D}`, with batch norm.

    Shape:
        - image, target: ``(N, 1, H, W)``
        - Output: restored image and target, ``(N, 1, H, W)`` each

    Note:
        :math:`\varepsilon` is one learned number a stage, 0.01 at the start, as in the authors' code.
    """

    def __init__(self, channels: int, background_layers: int, target_layers: int, image_layers: int) -> None:
        super().__init__()
        self.background = ConvStack(channels, background_layers, norm=True)
        self.target = ConvStack(channels, target_layers, norm=False)
        self.epsilon = nn.Parameter(torch.tensor([0.01]))
        self.image = ConvStack(channels, image_layers, norm=True)

    def forward(self, image: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        rest = image - target
        background = rest + self.background(rest)
        candidate = target + image - background
        target = candidate - self.epsilon * self.target(candidate)
        return self.image(background + target), target


@MODELS.register_module()
class RPCANet(nn.Module):
    """Unfolding stages in a row, no two sharing weights; the last one's target is the prediction.

    Args:
        stages: Iterations, at least 1.
        channels: Width inside the stages.
        background_layers: See :class:`UnfoldingStage`.
        target_layers: See :class:`UnfoldingStage`.
        image_layers: See :class:`UnfoldingStage`.

    Shape:
        - x: ``(N, 1, H, W)``, any size
        - Output: ``[T]``, logits ``(N, 1, H, W)``, with ``extras['reconstruction']``, the image that the last
          stage restores, ``(N, 1, H, W)``, for :class:`~irstd_toolbox.models.losses.ReconstructionLoss`

    Raises:
        ConfigError: If there is no stage, or the input has more than one channel.

    Note:
        The first target is zero. The target map serves as logit, as in the authors' code, though it was set up as
        an intensity: it is positive where a target is. The last restored image reaches the loss alone.

    References:
        Wu et al., RPCANet, WACV 2024. Numbers of layers and starting values are the authors' code's.

    Example:
        >>> sum(p.numel() for p in RPCANet().parameters())
        679896
    """

    def __init__(self, stages: int = 6, channels: int = 32, background_layers: int = 3, target_layers: int = 6,
                 image_layers: int = 3) -> None:
        super().__init__()
        check_least(self, 1, stages=stages)
        check_least(self, 0, background_layers=background_layers, target_layers=target_layers,
                    image_layers=image_layers)
        self.stages = nn.ModuleList(
            UnfoldingStage(channels, background_layers, target_layers, image_layers) for _ in range(stages))
        xavier_(self)

    def forward(self, x: Tensor, descriptor: Tensor | None = None) -> LogitMaps:
        require_grey(x, type(self).__name__)
        image, target = x, torch.zeros_like(x)
        for stage in self.stages:
            image, target = stage(image, target)
        return LogitMaps([target], reconstruction=image)
