r"""RPCANet++: unfolded robust PCA with a memory of the background and a contrast prior for the target.

Wu et al., "RPCANet++: Deep Interpretable Robust PCA for Sparse Object Segmentation", 2025, arXiv 2508.04190.
In the paper's order: the background approximation module (BAM) with its memory-augmented module (MAM), the object
extraction module (OEM) with its deep contrast prior module (DCPM), the image restoration module (IRM).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import MODELS
from ..layers import BatchNorm, ConvBNReLU
from ..logit_maps import LogitMaps
from .residual import xavier_
from .rpcanet import ConvStack, require_grey

__all__ = ['BackgroundModule', 'CentreSurround', 'ContrastPrior', 'Memory', 'RPCANetPlus', 'RememberingStage']

State = tuple[Tensor, Tensor]


class Memory(nn.Module):
    r"""A convolutional LSTM cell that carries background features from stage to stage.

    .. math::
        c' = f \odot c + i \odot j,\quad h' = o \odot \tanh(c'),\quad
        f, i, o = \sigma(W_x x + W_h h),\quad j = \tanh(W_x x + W_h h)

    Args:
        channels: Channels ``C`` of the map and of the memory.
        first: Whether this is the first stage's cell, which has nothing to forget: ``c' = i * j, h' = o * c'``.

    Shape:
        - x: ``(N, C, H, W)``
        - state: ``(h, c)``, ``(N, C, H, W)`` each; None at the first stage
        - Output: ``(h', c')``

    Note:
        The first cell's output has no tanh, as in the authors' code. That code also gives the first cell the five
        convolutions that only a memory needs and never uses them; ours leaves them out, which meets the 1.435 M and
        2.915 M parameters that the authors publish.
    """

    def __init__(self, channels: int, first: bool = False) -> None:
        super().__init__()
        self.from_input = nn.ModuleDict(
            {gate: nn.Conv2d(channels, channels, 3, padding=1) for gate in ('ioj' if first else 'fioj')})
        self.from_state = None if first else nn.ModuleDict(
            {gate: nn.Conv2d(channels, channels, 3, padding=1) for gate in 'fioj'})

    def forward(self, x: Tensor, state: State | None) -> State:
        gates = {gate: conv(x) for gate, conv in self.from_input.items()}
        if self.from_state is None:
            cell = gates['i'].sigmoid() * gates['j'].tanh()
            return gates['o'].sigmoid() * cell, cell
        hidden, cell = state
        gates = {gate: value + self.from_state[gate](hidden) for gate, value in gates.items()}
        cell = gates['f'].sigmoid() * cell + gates['i'].sigmoid() * gates['j'].tanh()
        return gates['o'].sigmoid() * cell.tanh(), cell


class _Residual(nn.Module):
    """Convolution, ReLU, convolution, and the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.convs(x)


class BackgroundModule(nn.Module):
    """BAM: the background from the image without its target, with a memory between two residual blocks.

    Args:
        channels: Width inside.
        first: See :class:`Memory`.

    Shape:
        - rest: ``(N, 1, H, W)``
        - state: see :class:`Memory`
        - Output: background ``(N, 1, H, W)``, and the new state
    """

    def __init__(self, channels: int, first: bool) -> None:
        super().__init__()
        self.head = ConvBNReLU(1, channels, bias=True)
        self.before = _Residual(channels)
        self.memory = Memory(channels, first)
        self.after = _Residual(channels)
        self.tail = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, rest: Tensor, state: State | None) -> tuple[Tensor, State]:
        state = self.memory(self.before(self.head(rest)), state)
        return rest + self.tail(self.after(state[0])), state


class CentreSurround(nn.Module):
    r"""How much a pixel differs from the weighted window around it, with a gate a channel on the pixel.

    .. math::
        y(p) = \theta \odot \Big(\sum_q w_q\Big)\, x(p) - \sum_q w_q\, x(p + q),\quad
        \theta = \sigma(\mathrm{MLP}(\mathrm{GAP}(x)))

    Args:
        channels: Channels ``C``.
        kernel_size: Side of the window, odd.
        reduction: By how much the gate's hidden layer is narrower.

    Shape:
        - Input, output: ``(N, C, H, W)``
    """

    def __init__(self, channels: int, kernel_size: int = 17, reduction: int = 4) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, bias=False)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // reduction, 1), BatchNorm(channels // reduction), nn.ReLU(inplace=True),
            nn.Conv2d(channels // reduction, channels, 1), BatchNorm(channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        centre = F.conv2d(x, self.conv.weight.sum(dim=(2, 3), keepdim=True))
        return self.gate(x) * centre - self.conv(x)


class ContrastPrior(nn.Sequential):
    """DCPM: a map of local contrast.

    Args:
        channels: Width inside.
        kernel_size: See :class:`CentreSurround`.

    Shape:
        - Input, output: ``(N, 1, H, W)``
    """

    def __init__(self, channels: int, kernel_size: int = 17) -> None:
        super().__init__(
            nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(inplace=True),
            CentreSurround(channels, kernel_size), BatchNorm(channels), nn.LeakyReLU(0.1, inplace=True),
            nn.Conv2d(channels, 1, 3, padding=1))


class RememberingStage(nn.Module):
    r"""One iteration of RPCANet++.

    .. math::
        B_k, s_k &= \mathrm{BAM}(D_{k-1} - T_{k-1}, s_{k-1}) \\
        T_k &= y - \varepsilon\, \mathcal{T}(y + \mathrm{DCPM}(y)), & y &= T_{k-1} + D_{k-1} - B_k \\
        D_k &= \mathcal{D}(B_k + T_k)

    Args:
        channels: Width inside.
        target_layers: See :class:`~.rpcanet.UnfoldingStage`.
        image_layers: See :class:`~.rpcanet.UnfoldingStage`.
        window: See :class:`CentreSurround`.
        first: See :class:`Memory`.

    Shape:
        - image, target: ``(N, 1, H, W)``
        - state: see :class:`Memory`
        - Output: restored image, target, new state
    """

    def __init__(self, channels: int, target_layers: int, image_layers: int, window: int, first: bool) -> None:
        super().__init__()
        self.background = BackgroundModule(channels, first)
        self.prior = ContrastPrior(channels, window)
        self.target = ConvStack(channels, target_layers, norm=False)
        self.epsilon = nn.Parameter(torch.tensor([0.01]))
        self.image = ConvStack(channels, image_layers, norm=True)

    def forward(self, image: Tensor, target: Tensor, state: State | None) -> tuple[Tensor, Tensor, State]:
        background, state = self.background(image - target, state)
        candidate = target + image - background
        target = candidate - self.epsilon * self.target(candidate + self.prior(candidate))
        return self.image(background + target), target, state


@MODELS.register_module()
class RPCANetPlus(nn.Module):
    """Stages in a row that hand on image, target and memory; the last one's target is the prediction.

    Args:
        stages: Iterations; the authors publish 3, 6 and 9 (S3, S6, S9).
        channels: Width inside the stages.
        target_layers: See :class:`~.rpcanet.UnfoldingStage`.
        image_layers: See :class:`~.rpcanet.UnfoldingStage`.
        window: Side of the contrast prior's window, odd.

    Shape:
        - x: ``(N, 1, H, W)``, any size
        - Output: ``[T]``, logits ``(N, 1, H, W)``, with ``extras['reconstruction']`` as :class:`~.rpcanet.RPCANet`

    Raises:
        ConfigError: If ``window`` is even, or the input has more than one channel.

    References:
        Wu et al., RPCANet++, arXiv 2508.04190, 2025. Numbers of layers and starting values are the authors'
        code's.

    Example:
        >>> sum(p.numel() for p in RPCANetPlus(stages=3).parameters())
        1434551
    """

    def __init__(self, stages: int = 6, channels: int = 32, target_layers: int = 6, image_layers: int = 3,
                 window: int = 17) -> None:
        super().__init__()
        check_least(self, 1, stages=stages)
        check_least(self, 0, target_layers=target_layers, image_layers=image_layers)
        if window % 2 == 0:
            raise ConfigError(f'window={window} has no centre. Give an odd side.')
        self.stages = nn.ModuleList(
            RememberingStage(channels, target_layers, image_layers, window, first=i == 0) for i in range(stages))
        xavier_(self)

    def forward(self, x: Tensor, descriptor: Tensor | None = None) -> LogitMaps:
        require_grey(x, type(self).__name__)
        image, target, state = x, torch.zeros_like(x), None
        for stage in self.stages:
            image, target, state = stage(image, target, state)
        return LogitMaps([target], reconstruction=image)
