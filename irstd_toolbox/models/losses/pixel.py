"""Losses that are means over pixels."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ConfigError
from ...registry import MODELS
from .base import MapLoss

__all__ = ['BCELoss', 'FocalLoss']


@MODELS.register_module()
class BCELoss(MapLoss):
    r"""Binary cross-entropy, mean over all pixels.

    .. math::
        L = -\frac{1}{P} \sum_i \left[ w\, g_i \log p_i + (1 - g_i) \log(1 - p_i) \right],\quad p_i = \sigma(x_i)

    Args:
        pos_weight: Weight ``w`` of target pixels.
        loss_weight: Factor of the result.

    Shape:
        - logits, mask: ``(N, 1, H, W)``
        - Output: scalar

    Raises:
        ConfigError: If ``pos_weight`` is not positive, or a shape is wrong.

    Note:
        LGNet's Eq. 4 is printed without the minus sign; with it it is this loss at ``w = 1``.

    References:
        LGNet, Sec. 3.5, Eq. 4.

    Example:
        >>> round(BCELoss()(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)).item(), 4)
        0.6931
    """

    def __init__(self, pos_weight: float = 1.0, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        if not 0 < pos_weight < math.inf:
            raise ConfigError(f'pos_weight={pos_weight} must be positive and finite.')
        self.pos_weight = pos_weight

    def loss(self, logits: Tensor, mask: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(logits, mask, pos_weight=logits.new_tensor(self.pos_weight))


@MODELS.register_module()
class FocalLoss(MapLoss):
    r"""Cross-entropy in which pixels that are right already count less, mean over all pixels.

    .. math::
        L = -\frac{1}{P} \sum_i \alpha_i (1 - q_i)^{\gamma} \log q_i,\quad
        (q_i, \alpha_i) = (p_i, \alpha)\ \text{on targets},\ (1 - p_i, 1 - \alpha)\ \text{elsewhere}

    Args:
        gamma: Exponent of the modulation; 0 gives cross-entropy.
        alpha: Weight of target pixels, background gets ``1 - alpha``; None weighs both with 1.
        loss_weight: Factor of the result.

    Shape:
        - logits, mask: ``(N, 1, H, W)``
        - Output: scalar

    Raises:
        ConfigError: If ``gamma`` is negative, ``alpha`` outside 0..1, or a shape is wrong.

    Note:
        The paper divides by the number of anchors assigned to objects, which a pixel map does not have; the mean over
        pixels keeps images without a target in the loss.

    References:
        Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, Eq. 5.
    """

    def __init__(self, gamma: float = 2.0, alpha: float | None = 0.25, loss_weight: float = 1.0) -> None:
        super().__init__(loss_weight)
        if not 0 <= gamma < math.inf or (alpha is not None and not 0 <= alpha <= 1):
            raise ConfigError(f'gamma={gamma} must not be negative or infinite, and alpha={alpha} lies in 0..1 or is '
                              'None.')
        self.gamma, self.alpha = gamma, alpha

    def loss(self, logits: Tensor, mask: Tensor) -> Tensor:
        wrong = logits * (1 - 2 * mask)  # the logit of the other class
        # (1 - q)^gamma through its logarithm: a power of a vanishing base has no finite slope for gamma < 1.
        terms = torch.exp(self.gamma * F.logsigmoid(wrong)) * F.softplus(wrong)
        if self.alpha is not None:
            terms = terms * (self.alpha * mask + (1 - self.alpha) * (1 - mask))
        return terms.mean()
