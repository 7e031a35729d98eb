"""MSHNet's scale and location sensitive loss."""

import math

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from torch import Tensor

from ...errors import check_least
from ...registry import MODELS
from .base import MapLoss, positive
from .region import areas

__all__ = ['SLSLoss']


@MODELS.register_module()
class SLSLoss(MapLoss):
    r"""IoU weighted by how far the areas differ, and the distance of the centres in polar coordinates.

    With areas :math:`A_p, A_g`, :math:`V = ((A_p - A_g) / 2)^2` their variance, and the centres
    :math:`c = (d, \theta)` of prediction and mask, seen from the image's upper left corner:

    .. math::
        L_S = 1 - w\,\mathrm{IoU},\quad w = \frac{\min(A_p, A_g) + V}{\max(A_p, A_g) + V}

        L_L = 1 - \frac{\min(d_p, d_g)}{\max(d_p, d_g)} + \frac{4}{\pi^2} (\theta_p - \theta_g)^2

        L = L_S + \lambda L_L

    averaged over the images.

    Args:
        location_weight: ``lambda``; the paper adds both with 1.
        smooth: Added to numerator and denominator of IoU and of ``w``, positive; the paper has none. Without it an
            image without a target has a constant loss, or none (0 / 0).
        warm_epochs: Epochs, from the start of training, in which the plain soft IoU loss is used instead (``w = 1``,
            no ``L_L``); the epoch is the Runner's.
        loss_weight: Factor of the result.

    Shape:
        - logits, mask: ``(N, 1, H, W)``
        - Output: scalar

    Raises:
        ConfigError: If ``smooth`` is not positive, another number is negative, or a shape is wrong.

    Note:
        Readings. The sets of pixels are taken softly: areas are sums of probabilities, and a centre is the mean of
        pixel positions weighted by probability, which is defined (and has a slope) however small all probabilities
        are. Positions are of pixel centres, half a pixel from the corner at least, so no distance is 0. Several
        targets have one common centre, as in the paper. An image without a target has no centre and no ``L_L``.

    References:
        Liu et al., Infrared Small Target Detection with Scale and Location Sensitivity, CVPR 2024
        (arXiv 2403.19366).

    Example:
        >>> mask = torch.zeros(1, 1, 8, 8); mask[..., 2, 3:5] = 1
        >>> round(SLSLoss()(200 * mask - 100, mask).item(), 6)
        0.0
    """

    def __init__(self, location_weight: float = 1.0, smooth: float = 1.0, warm_epochs: int = 0,
                 loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_least(self, 0, location_weight=location_weight, warm_epochs=warm_epochs)
        self.location_weight, self.warm_epochs = location_weight, warm_epochs
        self.smooth = positive(self, 'smooth', smooth)

    def loss(self, logits: Tensor, mask: Tensor) -> Tensor:
        overlap, predicted, true = areas(torch.sigmoid(logits), mask)
        iou = (overlap + self.smooth) / (predicted + true - overlap + self.smooth)
        if self._warming():
            return (1 - iou).mean()
        spread = ((predicted - true) / 2) ** 2 + self.smooth
        scale = (torch.minimum(predicted, true) + spread) / (torch.maximum(predicted, true) + spread)
        return (1 - scale * iou + self.location_weight * self._location(logits, mask, true)).mean()

    def _warming(self) -> bool:
        if not self.warm_epochs or not self.training:
            return False
        return MessageHub.get_current_instance().get_info('epoch', 0) < self.warm_epochs

    def _location(self, logits: Tensor, mask: Tensor, true: Tensor) -> Tensor:
        """``L_L`` of each image, ``(N,)``; 0 where there is no target."""
        height, width = logits.shape[-2:]
        # Shares of the whole: p / sum(p) through logarithms, since all p may be too small for a float.
        predicted = torch.softmax(F.logsigmoid(logits).flatten(1), dim=1).view_as(logits)
        present = true > 0
        target = mask / torch.where(present, true, 1)[:, None, None, None]
        d_p, theta_p = self._centre(predicted, height, width)
        d_g, theta_g = self._centre(target, height, width)
        d_g = torch.where(present, d_g, d_p.detach())
        distance = 1 - torch.minimum(d_p, d_g) / torch.maximum(d_p, d_g)
        return (distance + 4 / math.pi**2 * (theta_p - theta_g) ** 2) * present

    @staticmethod
    def _centre(shares: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Distance and angle, ``(N,)`` each, of the mean position under ``shares`` ``(N, 1, H, W)``, which sum to 1."""
        rows = torch.arange(height, dtype=shares.dtype, device=shares.device) + 0.5
        columns = torch.arange(width, dtype=shares.dtype, device=shares.device) + 0.5
        y, x = shares.sum((1, 3)) @ rows, shares.sum((1, 2)) @ columns
        return torch.hypot(x, y), torch.atan2(y, x)
