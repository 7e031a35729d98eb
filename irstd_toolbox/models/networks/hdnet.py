"""HDNet: MSHNet whose encoder begins each stage with dilated contrast filters, and whose output the image's high
frequencies scale.

Xu et al., "HDNet: A Hybrid Domain Network With Multiscale High-Frequency Information Enhancement for Infrared
Small-Target Detection", TGRS 63, 2025.
"""

import torch
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import BACKBONES, MODELS
from ..layers import BatchNorm, ConvBNReLU, pyramid, stretch
from .mshnet import MultiScaleHead
from .residual import ResidualBlock
from .unet import ResidualUDecoder

__all__ = ['AtrousContrastBlock', 'ContrastEncoder', 'HDNet', 'high_pass']


class AtrousContrastBlock(nn.Module):
    r"""A quarter of the channels as they are, the others through 3x3 filters that start as local contrast.

    With :math:`x = \mathrm{BN}(\mathrm{Conv}_{1 \times 1})` in quarters :math:`x_0, \ldots, x_3`, depthwise filters
    ``K``, and ``K'`` of dilation 2:

    .. math::
        y_0 = x_0,\quad
        y_1 = \mathrm{ReLU}(\mathrm{BN}(K_1 x_1)),\quad
        y_2 = \mathrm{ReLU}(\mathrm{BN}(K'_2 (x_2 + y_1))),\quad
        y_3 = \mathrm{ReLU}(\mathrm{BN}(K_3 t + K'_4 t)),\; t = x_3 + y_2

        y = \mathrm{ReLU}(x + \mathrm{ReLU}(\mathrm{BN}(\mathrm{Conv}_{3 \times 3}[y_0, \ldots, y_3])))

    ``K_1`` and ``K'_2`` start as centre minus mean of the ring of 8, ``K_3`` as the mean of 9 and ``K'_4`` as minus the
    mean of the ring; all are trained.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output, a multiple of 4.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, out_channels, H, W)``

    Raises:
        ConfigError: If ``out_channels`` is no multiple of 4.

    Note:
        The published module also holds a channel and a spatial attention that it does not call; they are left out.

    References:
        HDNet, multiscale atrous contrast (MAC) convolution.

    Example:
        >>> AtrousContrastBlock(3, 16)(torch.rand(1, 3, 8, 8)).shape
        torch.Size([1, 16, 8, 8])
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        if out_channels % 4:
            raise ConfigError(f'{out_channels} channels cannot be quartered. Give a multiple of 4.')
        part = out_channels // 4
        self.enter = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), BatchNorm(out_channels))
        ring = torch.full((3, 3), -1 / 8)
        ring[1, 1] = 0
        centre = torch.zeros(3, 3)
        centre[1, 1] = 1
        self.contrast = nn.Sequential(_depthwise(part, ring + centre), BatchNorm(part))
        self.wide_contrast = nn.Sequential(_depthwise(part, ring + centre, dilation=2), BatchNorm(part))
        self.mean = _depthwise(part, torch.full((3, 3), 1 / 9))
        self.wide_ring = _depthwise(part, ring, dilation=2)
        self.norm = BatchNorm(part)
        self.fuse = ConvBNReLU(out_channels, out_channels, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        y0, x1, x2, x3 = x.chunk(4, dim=1)
        y1 = torch.relu(self.contrast(x1))
        y2 = torch.relu(self.wide_contrast(x2 + y1))
        t = x3 + y2
        y3 = torch.relu(self.norm(self.mean(t) + self.wide_ring(t)))
        return torch.relu(self.fuse(torch.cat([y0, y1, y2, y3], dim=1)) + x)


def _depthwise(channels: int, kernel: Tensor, dilation: int = 1) -> nn.Conv2d:
    """A 3x3 filter a channel, each starting as ``kernel``."""
    conv = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=channels)
    with torch.no_grad():
        conv.weight.copy_(kernel.expand_as(conv.weight))
    return conv


@BACKBONES.register_module()
class ContrastEncoder(nn.Module):
    """Stages of a contrast block and residual blocks with 2x2 max pooling between them, after a 1x1 convolution.

    Args:
        widths: Channels of each stage, finest first; multiples of 4.
        blocks: Blocks of each stage, the contrast block counted.
        in_channels: Channels of the image.

    Shape:
        - Input: ``(N, in_channels, H, W)``, any size
        - Output: list of ``(N, widths[i], ceil(H / 2^i), ceil(W / 2^i))``, finest first

    Raises:
        ConfigError: If ``widths`` and ``blocks`` differ in length, a width is no multiple of 4 or a stage has no block.

    Note:
        Odd sizes are rounded up where the published code, which takes multiples of 16 only, would round down.

    References:
        HDNet, encoder.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128, 256), blocks: tuple[int, ...] = (1, 2, 2, 2, 2),
                 in_channels: int = 3) -> None:
        super().__init__()
        if len(widths) != len(blocks):
            raise ConfigError(f'{len(widths)} widths and {len(blocks)} numbers of blocks; give one of each a stage.')
        for count in blocks:
            check_least(self, 1, blocks=count)
        self.out_channels = list(widths)
        self.stem = nn.Conv2d(in_channels, widths[0], 1)
        self.stages = nn.ModuleList(
            nn.Sequential(AtrousContrastBlock(before, width), *(ResidualBlock(width, width) for _ in range(count - 1)))
            for before, width, count in zip([widths[0], *widths[:-1]], widths, blocks, strict=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        return pyramid(self.stages, self.stem(x))


def high_pass(x: Tensor, share: float) -> Tensor:
    r"""Magnitude of ``x`` without its lowest frequencies, as many as hold ``share`` of its energy.

    With signed frequencies :math:`(u, v)` of the Fourier transform ``X``, the low ones are
    :math:`-c \le u, v < c`, ``c`` being the least of :math:`1, \ldots, \min(H, W) / 2 - 1` for which
    :math:`\sum_\mathrm{low} |X|^2 \ge \mathrm{share} \cdot \sum |X|^2`, or 5 where there is none. They are set to 0
    and the result is transformed back. Each image has its own ``c``.

    Args:
        x: Real maps.
        share: Of energy, within 0..1.

    Shape:
        - x, output: ``(N, 1, H, W)``

    Note:
        ``c`` is not differentiated. The published code tries the values of ``c`` one after another; here the energies
        of all rings between them are summed at once.

    References:
        HDNet, dynamic high-pass filter (DHPF).

    Example:
        >>> high_pass(torch.ones(1, 1, 16, 16), 0.5).abs().max() < 1e-6
        tensor(True)
    """
    height, width = x.shape[-2:]
    spectrum = torch.fft.fft2(x.float())
    # The least c with -c <= u < c, of frequencies in the order 0, 1, ..., -2, -1.
    rows, columns = (torch.arange(size, device=x.device) for size in (height, width))
    rows, columns = torch.minimum(rows + 1, height - rows), torch.minimum(columns + 1, width - columns)
    ring = torch.maximum(rows[:, None], columns)
    power = spectrum.abs().detach().square().flatten(1)
    energy = power.new_zeros(x.shape[0], torch.sym_max(height, width) // 2 + 2)
    energy = energy.index_add_(1, ring.flatten(), power).cumsum(1)
    tried = energy[:, 1:torch.sym_max(torch.sym_min(height, width) // 2, 1)]
    enough = tried >= share * energy[:, -1:]
    cutoff = torch.where(enough.any(1), enough.float().argmax(1) + 1, 5) if tried.shape[1] else \
        torch.full((x.shape[0],), 5, device=x.device)
    high = torch.view_as_real(spectrum) * (ring > cutoff[:, None, None, None])[..., None]
    return torch.fft.ifft2(torch.view_as_complex(high)).abs()


@MODELS.register_module()
class HDNet(nn.Module):
    r"""The whole network: the prediction of MSHNet's head, scaled by a gate from the image's high frequencies.

    .. math::
        g_L = B(x),\quad
        g_i = \mathcal{H}_{e_i}\big(g_{i+1} (1 + \sigma(\mathcal{U}(s_i)))\big), \; i = L - 1, \ldots, 0,\quad
        p' = p\,(1 + \sigma(g_0))

    with the side maps ``s_i`` stretched to the image, a residual block ``B`` to one channel, and :func:`high_pass`
    with shares ``e``. While training warms up, ``s_0`` alone is given, as in :class:`MultiScaleHead`.

    Args:
        widths: Channels of each stage, finest first; multiples of 4.
        blocks: Blocks of each stage.
        in_channels: Channels of the image.
        shares: Of energy that the filter at each side map takes off, finest first.
        warm_epochs: Epochs, from the start of training, that are warm-up.

    Shape:
        - x: ``(N, in_channels, H, W)``, any size
        - Output: ``[p', s_0, ..., s_{L-1}]``, logits, ``p'`` of ``(N, 1, H, W)``, ``s_i`` of
          ``(N, 1, ceil(H / 2^i), ceil(W / 2^i))``; ``[s_0]`` while warming up

    Raises:
        ConfigError: If there is not one share, a number from 0, for each stage but the deepest.

    References:
        HDNet, overall structure.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 64, 128, 256), blocks: tuple[int, ...] = (1, 2, 2, 2, 2),
                 in_channels: int = 3, shares: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8), warm_epochs: int = 0) -> None:
        super().__init__()
        if len(shares) != len(widths) - 1:
            raise ConfigError(f'{len(shares)} shares of energy for {len(widths)} stages; expected {len(widths) - 1}, '
                              'one for each but the deepest.')
        for share in shares:
            check_least(self, 0, shares=share)
        self.shares = tuple(shares)
        self.encoder = ContrastEncoder(widths, blocks, in_channels)
        self.decoder = ResidualUDecoder(widths, blocks[:-1], attention=True)
        self.head = MultiScaleHead(widths[:-1], warm_epochs)
        self.entry = ResidualBlock(in_channels, 1)

    def forward(self, x: Tensor, descriptor: Tensor | None = None) -> list[Tensor]:
        size = x.shape[-2:]
        prediction, *sides = self.head(self.decoder(self.encoder(x)), size)
        if not sides:
            return [prediction]
        gate = self.entry(x)
        for side, share in zip(reversed(sides), reversed(self.shares), strict=True):
            gate = high_pass(gate * (1 + torch.sigmoid(stretch(side, size))), share)
        return [prediction * (1 + torch.sigmoid(gate)), *sides]
