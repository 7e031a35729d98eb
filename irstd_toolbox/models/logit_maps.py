"""What a decode head or a whole network returns."""

from torch import Tensor

__all__ = ['LogitMaps']


class LogitMaps(list):
    """Logit maps, the prediction first, and other tensors that a loss reads.

    A plain list serves as well for networks without such tensors.

    Args:
        maps: ``(N, 1, H, W)`` each; side maps may be smaller.
        extras: By name, such as ``edge=...``; a loss with ``reads = 'edge'`` gets it.

    Example:
        >>> import torch
        >>> maps = LogitMaps([torch.zeros(1, 1, 4, 4)], edge=torch.ones(1, 1, 4, 4))
        >>> len(maps), list(maps.extras)
        (1, ['edge'])
    """

    def __init__(self, maps: list[Tensor], **extras: Tensor) -> None:
        super().__init__(maps)
        self.extras = extras
