"""MSHNet's scale and location sensitive loss."""

import math

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from torch import Tensor

from ...errors import ConfigError, check_least
from ...registry import MODELS
from .base import MapLoss, positive
from .region import areas

__all__ = ['SLSLoss']

_TINY = 1e-8  # of the authors' code


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

    The authors' code has other centres: first moments, :math:`(x, y)` of which each is the mean over all pixels of
    probability times coordinate, from 0 to 1 along a side. So :math:`d` grows with the area, and :math:`L_L` also tells
    how far the areas differ. HDNet's code weighs each image by its share of the batch's target pixels.

    Args:
        location_weight: ``lambda``; the paper adds both with 1.
        smooth: Added to numerator and denominator of IoU and of ``w``, positive; the paper has none. Without it an
            image without a target has a constant loss, or none (0 / 0).
        centre: ``'mean'``, the paper's, or ``'moment'``, the authors' code's.
        image_weight: ``'equal'``, or ``'area'``, HDNet's: ``L_S`` of an image counts as its share of target pixels.
        warm_epochs: Epochs, from the start of training, in which the plain soft IoU loss is used instead (``w = 1``,
            no ``L_L``); the epoch is the Runner's.
        loss_weight: Factor of the result.

    Shape:
        - logits, mask: ``(N, 1, H, W)``
        - Output: scalar

    Raises:
        ConfigError: If ``smooth`` is not positive, another number is negative, ``centre`` or ``image_weight`` is none
            of those, or a shape is wrong.

    Note:
        Readings. The sets of pixels are taken softly: areas are sums of probabilities, and a centre is the mean of
        pixel positions weighted by probability, which is defined (and has a slope) however small all probabilities
        are. Positions are of pixel centres, half a pixel from the corner at least, so no distance is 0. Several
        targets have one common centre, as in the paper. An image without a target has no centre and no ``L_L``;
        of its moments it has one, 0, so that there every prediction is 1 away.

    References:
        Liu et al., Infrared Small Target Detection with Scale and Location Sensitivity, CVPR 2024
        (arXiv 2403.19366); its code and that of HDNet.

    Example:
        >>> mask = torch.zeros(1, 1, 8, 8); mask[..., 2, 3:5] = 1
        >>> round(SLSLoss()(200 * mask - 100, mask).item(), 6)
        0.0
    """

    def __init__(self, location_weight: float = 1.0, smooth: float = 1.0, centre: str = 'mean',
                 image_weight: str = 'equal', warm_epochs: int = 0, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        check_least(self, 0, location_weight=location_weight, warm_epochs=warm_epochs)
        if centre not in ('mean', 'moment') or image_weight not in ('equal', 'area'):
            raise ConfigError(f'SLSLoss(centre={centre!r}, image_weight={image_weight!r}): mean or moment, and equal '
                              'or area, are expected.')
        self.location_weight, self.warm_epochs = location_weight, warm_epochs
        self.centre, self.image_weight = centre, image_weight
        self.smooth = positive(self, 'smooth', smooth)

    def loss(self, logits: Tensor, mask: Tensor) -> Tensor:
        overlap, predicted, true = areas(torch.sigmoid(logits), mask)
        iou = (overlap + self.smooth) / (predicted + true - overlap + self.smooth)
        share = true / true.sum().clamp(min=_TINY) if self.image_weight == 'area' else 1 / len(true)
        if self._warming():
            return ((1 - iou) * share).sum()
        spread = ((predicted - true) / 2) ** 2 + self.smooth
        scale = (torch.minimum(predicted, true) + spread) / (torch.maximum(predicted, true) + spread)
        location = self._moments(logits, mask) if self.centre == 'moment' else self._location(logits, mask, true)
        return ((1 - scale * iou) * share).sum() + self.location_weight * location.mean()

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
    def _moments(logits: Tensor, mask: Tensor) -> Tensor:
        """``L_L`` of each image, ``(N,)``, by first moments."""
        places = []
        for weights in (torch.sigmoid(logits), mask.to(logits.dtype)):
            height, width = weights.shape[-2:]
            y, x = (weights.mean(dims) @ torch.arange(side, dtype=weights.dtype, device=weights.device) / side / side
                    for dims, side in (((1, 3), height), ((1, 2), width)))
            places.append((torch.sqrt(x ** 2 + y ** 2 + _TINY), torch.atan(y / (x + _TINY))))
        (d_p, theta_p), (d_g, theta_g) = places
        distance = 1 - torch.minimum(d_p, d_g) / (torch.maximum(d_p, d_g) + _TINY)
        return distance + 4 / math.pi**2 * (theta_p - theta_g) ** 2

    @staticmethod
    def _centre(shares: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Distance and angle, ``(N,)`` each, of the mean position under ``shares`` ``(N, 1, H, W)``, which sum to 1."""
        rows = torch.arange(height, dtype=shares.dtype, device=shares.device) + 0.5
        columns = torch.arange(width, dtype=shares.dtype, device=shares.device) + 0.5
        y, x = shares.sum((1, 3)) @ rows, shares.sum((1, 2)) @ columns
        return torch.hypot(x, y), torch.atan2(y, x)
