"""Losses of the overlap of two regions."""

import torch
from torch import Tensor

from ...registry import MODELS
from .base import MapLoss, positive

__all__ = ['DiceLoss', 'SoftIoULoss', 'areas']


def areas(probabilities: Tensor, mask: Tensor, per_image: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """Soft areas of the overlap, of the prediction and of the mask: ``(N,)`` each, or ``()`` over the whole batch."""
    dims = (1, 2, 3) if per_image else (0, 1, 2, 3)
    return (probabilities * mask).sum(dims), probabilities.sum(dims), mask.sum(dims)


@MODELS.register_module()
class SoftIoULoss(MapLoss):
    r"""One minus the intersection over union of probabilities and mask.

    .. math::
        L = 1 - \frac{\sum p g + s}{\sum p + \sum g - \sum p g + s}

    Args:
        smooth: ``s``. The field's 1 also defines the loss of an image without a target, ``A / (A + 1)`` for a
            predicted area ``A``, and so teaches such images to stay empty.
        per_image: Average the loss of each image (acm-pytorch), or sum over the batch first (the authors' code of ACM,
            BasicIRSTD), which lets large targets outweigh small ones.
        loss_weight: Factor of the result.

    Shape:
        - logits, mask: ``(N, 1, H, W)``
        - Output: scalar

    Raises:
        ConfigError: If ``smooth`` is not positive, or a shape is wrong.

    Note:
        Known in the field to end all black now and then; watch it, or begin with BCE.

    References:
        Rahman and Wang, Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation, ISVC 2016;
        Dai et al., Asymmetric Contextual Modulation for Infrared Small Target Detection, WACV 2021.

    Example:
        >>> mask = torch.zeros(1, 1, 4, 4); mask[..., 1, 1] = 1
        >>> round(SoftIoULoss()(200 * mask - 100, mask).item(), 6)
        0.0
    """

    def __init__(self, smooth: float = 1.0, per_image: bool = True, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.smooth, self.per_image = positive(self, 'smooth', smooth), per_image

    def loss(self, logits: Tensor, mask: Tensor) -> Tensor:
        overlap, predicted, true = areas(torch.sigmoid(logits), mask, self.per_image)
        return (1 - (overlap + self.smooth) / (predicted + true - overlap + self.smooth)).mean()


@MODELS.register_module()
class DiceLoss(MapLoss):
    r"""One minus the Dice coefficient of probabilities and mask, foreground only.

    .. math::
        L = 1 - \frac{2 \sum p g + s}{\sum p + \sum g + s}

    Args:
        smooth: ``s``, see :class:`SoftIoULoss`.
        per_image: Average the loss of each image, or sum over the batch first.
        loss_weight: Factor of the result.

    Shape:
        - logits, mask: ``(N, 1, H, W)``
        - Output: scalar

    Raises:
        ConfigError: If ``smooth`` is not positive, or a shape is wrong.

    Note:
        Areas in the denominator are sums of probabilities; the paper sums their squares.

    References:
        Milletari et al., V-Net, 3DV 2016, Sec. 3.
    """

    def __init__(self, smooth: float = 1.0, per_image: bool = True, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        self.smooth, self.per_image = positive(self, 'smooth', smooth), per_image

    def loss(self, logits: Tensor, mask: Tensor) -> Tensor:
        overlap, predicted, true = areas(torch.sigmoid(logits), mask, self.per_image)
        return (1 - (2 * overlap + self.smooth) / (predicted + true + self.smooth)).mean()
