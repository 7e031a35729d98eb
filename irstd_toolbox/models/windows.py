"""Predictions put together from windows of an image (sliding-window inference)."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ConfigError
from .layers import resize

__all__ = ['Windows']


class Windows:
    """Windows that the network sees one after the other, in the place of the image.

    For images larger than a memory holds, and networks that fail on anything larger than they were trained on.

    Args:
        size: Pixels of a window as the network sees it, after the test pipeline's resizing; one number or (height,
            width). An image that is smaller is seen as it is.
        stride: Pixels from one window to the next, likewise; None for two thirds of the size. The last one of a row or
            column ends with the image.

    Raises:
        ConfigError: If a number is not a positive whole one, or windows leave pixels out between them.

    Note:
        Where windows overlap their probabilities are averaged, each by how far from its window's edge the pixel is
        (:meth:`nearness`), since a network sees less of what surrounds a pixel there. MMSegmentation's
        ``mode='slide'`` averages logits, all windows alike.

    Example:
        >>> Windows(128).describe()
        {'size': [128, 128], 'stride': [86, 86]}
        >>> Windows.starts(200, 128, 86)
        [0, 72]
        >>> Windows.nearness(5)
        tensor([1., 2., 3., 2., 1.])
    """

    def __init__(self, size: int | Sequence[int], stride: int | Sequence[int] | None = None) -> None:
        self.size = _pair('size', size)
        self.stride = _pair('stride', [-(-2 * side // 3) for side in self.size] if stride is None else stride)
        if any(step > side for side, step in zip(self.size, self.stride, strict=True)):
            raise ConfigError(f'windows with size={size!r}, stride={stride!r}: a stride above the size leaves pixels '
                              'out between windows. Give a smaller one.')

    def describe(self) -> dict[str, Any]:
        """What ``results.json`` says of them."""
        return dict(size=list(self.size), stride=list(self.stride))

    @staticmethod
    def starts(side: int, window: int, stride: int) -> list[int]:
        """Where windows begin along a side, each within it; one at 0 where the side is no longer than a window."""
        last = max(side - window, 0)
        return [*range(0, last, stride), last]

    @staticmethod
    def nearness(side: int) -> Tensor:
        """The weights of a window's rows, or columns: 1 at both ends, one more with each pixel from there.

        Returns:
            ``(side,)``. A pixel's weight is that of its row times that of its column.
        """
        place = torch.arange(1.0, side + 1)
        return torch.minimum(place, place.flip(0))

    def assemble(self, inputs: Tensor, network: Callable[[Tensor], Tensor]) -> Tensor:
        """The logits of the weighted mean probability over the windows that hold a pixel.

        Args:
            inputs: ``(N, C, H, W)``.
            network: A window ``(N, C, h, w)`` to its logits ``(N, 1, h', w')``.

        Returns:
            ``(N, 1, H, W)``.
        """
        sides = inputs.shape[-2:]
        shape = [min(*pair) for pair in zip(sides, self.size, strict=True)]
        rows, columns = (self.starts(*along) for along in zip(sides, shape, self.stride, strict=True))
        target = inputs.new_full((len(inputs), 1, *sides), -torch.inf, dtype=torch.float32)
        background = target.clone()
        weight = torch.outer(*map(self.nearness, shape)).log().to(target.device)
        for top in rows:
            for left in columns:
                place = (..., slice(top, top + shape[0]), slice(left, left + shape[1]))
                logits = resize(network(inputs[place]), shape).float()
                target[place] = torch.logaddexp(target[place], F.logsigmoid(logits) + weight)
                background[place] = torch.logaddexp(background[place], F.logsigmoid(-logits) + weight)
        return target - background


def _pair(name: str, told: object) -> tuple[int, int]:
    pair = [told, told] if isinstance(told, int) else told
    if not isinstance(pair, list | tuple) or len(pair) != 2 or any(
            isinstance(side, bool) or not isinstance(side, int) or side < 1 for side in pair):
        raise ConfigError(f'windows with {name}={told!r}: pixels are expected, such as 512 or (384, 512).')
    return tuple(pair)
