"""Predictions averaged over views of an image: mirrored, turned, resized (test-time augmentation)."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import ConfigError
from .layers import resize

__all__ = ['AS_IT_IS', 'Symmetry', 'Views', 'mean_logits', 'read_section']


@dataclass(frozen=True)
class Symmetry:
    """A mirroring of the last two axes of a tensor, after which they may change places.

    Args:
        axes: The axes that are reversed, of -2 (rows) and -1 (columns).
        transposed: Whether rows become columns then.

    Example:
        >>> turn = Symmetry((-1,), transposed=True)
        >>> turn.apply(torch.tensor([[1, 2], [3, 4]])).tolist()
        [[2, 4], [1, 3]]
        >>> turn.undo(turn.apply(torch.tensor([[1, 2], [3, 4]]))).tolist()
        [[1, 2], [3, 4]]
    """

    axes: tuple[int, ...] = ()
    transposed: bool = False

    def apply(self, x: Tensor) -> Tensor:
        """``(..., H, W)`` to its view, ``(..., W, H)`` if transposed."""
        x = x.flip(self.axes) if self.axes else x
        return x.transpose(-2, -1) if self.transposed else x

    def undo(self, x: Tensor) -> Tensor:
        """The view back to ``(..., H, W)``."""
        x = x.transpose(-2, -1) if self.transposed else x
        return x.flip(self.axes) if self.axes else x


AS_IT_IS = Symmetry()


class Views:
    """The views of an image whose predictions are averaged.

    Args:
        mirrored: The image, mirrored in each direction and in both: 4 views.
        turned: The same of the image with rows and columns exchanged: twice as many.
        scales: Factors of the size at which the network sees each of them.

    Attributes:
        count: How many there are.

    Raises:
        ConfigError: If an option is not of its kind, a scale is not positive, or the image itself is the only view.

    Note:
        Averaged are probabilities, as MMSegmentation's ``SegTTAModel`` does, from logits without a loss of precision.
        Each view of the scene has its own descriptor.

    Example:
        >>> Views(mirrored=True, scales=(1.0, 1.5)).count
        8
    """

    def __init__(self, mirrored: bool = False, turned: bool = False, scales: Sequence[float] = (1.0,)) -> None:
        if not isinstance(scales, list | tuple) or not scales or not all(map(_positive, scales)):
            raise ConfigError(f'scales={scales!r} of the views: positive numbers are expected, such as (1.0, 1.5).')
        if not isinstance(mirrored, bool) or not isinstance(turned, bool):
            raise ConfigError(f'views with mirrored={mirrored!r}, turned={turned!r}: True or False is expected.')
        self.mirrored, self.turned, self.scales = mirrored, turned, tuple(map(float, scales))
        self.symmetries = [Symmetry(axes, transposed)
                           for transposed in (False, True)[:1 + self.turned]
                           for axes in ((), (-1,), (-2,), (-2, -1))[:4 if self.mirrored else 1]]
        self.count = len(self.symmetries) * len(self.scales)
        if self.count == 1 and self.scales == (1.0,):
            raise ConfigError('views of the image as it is alone: there is nothing to average. Set mirrored=True, '
                              'turned=True or scales, or leave model.views out.')

    def describe(self) -> dict[str, Any]:
        """What ``results.json`` says of them."""
        return dict(mirrored=self.mirrored, turned=self.turned, scales=list(self.scales))

    def average(self, inputs: Tensor, divisor: int, network: Callable[[Tensor, Symmetry], Tensor]) -> Tensor:
        """The logits of the mean probability over all views.

        Args:
            inputs: ``(N, C, H, W)``.
            divisor: Height and width of a scaled view are multiples of it.
            network: A view and its symmetry to the view's logits ``(N, 1, H', W')``.

        Returns:
            ``(N, 1, H, W)``.
        """
        return mean_logits(self._logits(inputs, divisor, network))

    def _logits(self, inputs: Tensor, divisor: int, network: Callable[[Tensor, Symmetry], Tensor]) -> Iterator[Tensor]:
        for symmetry in self.symmetries:
            view = symmetry.apply(inputs)
            size = view.shape[-2:]
            for scale in self.scales:
                seen = _scaled(view, [max(round(side * scale / divisor), 1) * divisor for side in size])
                yield symmetry.undo(resize(network(seen, symmetry), size))


def _positive(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < float('inf')


def _scaled(x: Tensor, size: Sequence[int]) -> Tensor:
    if x.shape[-2:] == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=False, antialias=True)


def mean_logits(logits: Iterator[Tensor] | Sequence[Tensor]) -> Tensor:
    """The logits of the mean of the probabilities that ``logits``, tensors of one shape, stand for.

    Example:
        >>> round(mean_logits([torch.logit(torch.tensor(0.2)), torch.logit(torch.tensor(0.6))]).sigmoid().item(), 6)
        0.4
    """
    target = background = None
    for logit in logits:
        true, false = F.logsigmoid(logit.float()), F.logsigmoid(-logit.float())
        target = true if target is None else torch.logaddexp(target, true)
        background = false if background is None else torch.logaddexp(background, false)
    return target - background


def read_section(kind: type, told: dict | None, example: str) -> Any:
    """What a config tells of ``kind`` in a section of its name, built; None if it tells nothing.

    Args:
        kind: :class:`Views` or :class:`.windows.Windows`.
        told: Its arguments.
        example: For the message, such as ``'mirrored=True'``.

    Raises:
        ConfigError: If an argument is not known or missing, or ``kind`` refuses one.
    """
    if told is None:
        return None
    name, options = kind.__name__.lower(), inspect.signature(kind).parameters
    required = {option for option, parameter in options.items() if parameter.default is parameter.empty}
    if not isinstance(told, dict) or set(told) - set(options) or required - set(told):
        raise ConfigError(f'{name}={told!r}: options {", ".join(options)} are expected, such as '
                          f'model.{name}.{example}.')
    return kind(**told)
