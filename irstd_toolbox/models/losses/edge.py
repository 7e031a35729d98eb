"""The loss of an edge map against the edges of the mask."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...registry import MODELS
from .pixel import BCELoss
from .region import SoftIoULoss

__all__ = ['EdgeLoss', 'gradient_magnitude']


def gradient_magnitude(x: Tensor) -> Tensor:
    r"""Length of each pixel's central difference, channel by channel; outside the image is 0.

    .. math::
        \sqrt{(x_{r+1,c} - x_{r-1,c})^2 + (x_{r,c+1} - x_{r,c-1})^2 + 10^{-6}}

    Shape:
        - Input and output: ``(N, C, H, W)``

    Note:
        The differences are not halved, and the constant under the root, which keeps its slope finite, leaves 0.001
        where nothing changes: both as in ISNet's code.

    Example:
        >>> step = torch.tensor([[[[0., 0., 4.], [0., 0., 4.], [0., 0., 4.]]]])
        >>> gradient_magnitude(step)[0, 0, 1].round(decimals=2).tolist()
        [0.0, 4.0, 0.0]
    """
    padded = F.pad(x, (1, 1, 1, 1))
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    right = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    return torch.sqrt(down**2 + right**2 + 1e-6)


@MODELS.register_module()
class EdgeLoss(nn.Module):
    r"""Cross-entropy and soft IoU of an edge map against the gradient of the mask.

    .. math::
        L = a\,\mathrm{BCE}(e, g) + b\,\mathrm{SoftIoU}(e, g),\quad g = \min(1, |\nabla m|)

    Reads a network's ``edge`` logits, once a step, beside the losses of its logit maps.

    Args:
        bce_weight: ``a``.
        iou_weight: ``b``.

    Shape:
        - edge: ``(N, 1, H, W)``, logits
        - mask: ``(N, 1, H, W)``, 1 target and 0 background
        - Output: scalar

    Raises:
        ConfigError: If the shapes differ.

    Note:
        On diagonal edges the gradient is the root of 2, against which cross-entropy falls without end as the
        probability nears 1; it is cut at 1 here. The published code takes the sigmoid of the edge map once more
        inside the IoU, which then cannot fall to 0; here it is taken once, with the field's smoothing of 1.

    References:
        Zhang et al., ISNet: Shape Matters for Infrared Small Target Detection, CVPR 2022; weights and terms: the code
        in BasicIRSTD.

    Example:
        >>> mask = torch.zeros(1, 1, 5, 5); mask[..., 2, 2] = 1
        >>> ideal = (200 * gradient_magnitude(mask) - 100).clamp(-100, 100)
        >>> EdgeLoss()(ideal, mask).item() < 1.1
        True
    """

    reads = 'edge'

    def __init__(self, bce_weight: float = 10.0, iou_weight: float = 1.0) -> None:
        super().__init__()
        self.bce, self.iou = BCELoss(loss_weight=bce_weight), SoftIoULoss(loss_weight=iou_weight)

    def forward(self, edge: Tensor, mask: Tensor, inputs: Tensor | None = None) -> Tensor:
        target = gradient_magnitude(mask.float()).clamp(max=1)
        return self.bce(edge, target) + self.iou(edge, target)
