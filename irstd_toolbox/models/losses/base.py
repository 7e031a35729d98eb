"""What every loss of a logit map shares: checks, precision, weight."""

import math

import torch
from torch import Tensor, nn

from ...errors import ConfigError, DataError, check_least

__all__ = ['MapLoss', 'positive']


def positive(owner: object, name: str, value: float) -> float:
    """``value``.

    Raises:
        ConfigError: If it is not above 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigError(f'{type(owner).__name__}({name}={value!r}): a number above 0 is expected, and a finite '
                          'one; with 0 an image without a target has no loss (nan). The default is 1.')
    return value


class MapLoss(nn.Module):
    """A loss of logits against a mask; a subclass implements :meth:`loss`.

    Computed in float32 (float64 stays), also under autocast. Masks are looked at until one has a target, which a GPU
    is waited for.

    Args:
        loss_weight: Factor of the result, at least 0: a negative one would train away from the masks.

    Shape:
        - logits: ``(N, 1, H, W)``, before the sigmoid
        - mask: ``(N, 1, H, W)``, 1 target and 0 background, of any type; no level is left out as ignored
        - Output: scalar

    Raises:
        ConfigError: If the weight is negative, or the shapes differ, are not ``(N, 1, H, W)`` or hold nothing.
        DataError: If the mask holds levels beyond 0..1.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        check_least(self, 0, loss_weight=loss_weight)
        self.loss_weight = loss_weight
        self._seen = False

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        if logits.ndim != 4 or logits.shape[1] != 1 or logits.shape != mask.shape or not logits.numel():
            raise ConfigError(f'{type(self).__name__} takes logits and mask of one shape (N, 1, H, W), got '
                              f'{tuple(logits.shape)} and {tuple(mask.shape)}.')
        if not self._seen:
            self._look_at(mask)
        with torch.autocast(logits.device.type, enabled=False):
            logits = logits if logits.dtype == torch.float64 else logits.float()
            return self.loss_weight * self.loss(logits, mask.to(logits.dtype))

    def _look_at(self, mask: Tensor) -> None:
        low, high = mask.min().item(), mask.max().item()
        if low < 0 or high > 1:
            raise DataError(f'{type(self).__name__}: the mask holds values from {low:g} to {high:g}; expected 1 on '
                            'targets and 0 elsewhere. Divide one of 0 and 255 by 255; no level is ignored.')
        self._seen = high > 0

    def loss(self, logits: Tensor, mask: Tensor) -> Tensor:
        """The scalar, from checked tensors of one floating type."""
        raise NotImplementedError
