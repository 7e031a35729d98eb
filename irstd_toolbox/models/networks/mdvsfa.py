"""MDvsFA-cGAN: one generator avoids misses, one avoids false alarms, a discriminator makes them agree."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapperDict
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ...errors import ConfigError, check_least
from ...registry import MODELS
from ..layers import BatchNorm, chain, halve
from ..segmentor import IRSTDSegmentor

__all__ = ['ContextAggregation', 'MDvsFA', 'MDvsFADiscriminator', 'MDvsFAGenerators', 'UContextAggregation',
           'miss_and_alarm']


def _layer(in_channels: int, out_channels: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation),
                         BatchNorm(out_channels), nn.LeakyReLU(0.2, inplace=True))


class ContextAggregation(nn.Module):
    """G1: dilated 3x3 convolutions in a row, widest where the dilation is largest, and a 1x1 one.

    Args:
        width: Channels of the first layer.
        in_channels: Channels of the image.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, 1, H, W)``, a mask when clamped to 0..1
    """

    def __init__(self, width: int = 64, in_channels: int = 1) -> None:
        super().__init__()
        factors, dilations = (1, 1, 2, 4, 8, 4, 2, 1), (1, 1, 2, 4, 8, 4, 2, 1)
        widths = [in_channels, *(factor * width for factor in factors)]
        self.layers = nn.Sequential(*(_layer(below, above, dilation) for below, above, dilation
                                      in zip(widths, widths[1:], dilations, strict=False)))
        self.predict = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.predict(self.layers(x))


class UContextAggregation(nn.Module):
    """G2: 3x3 convolutions with dilations 1, 2, ..., 64, ..., 2, 1, joined across as in a U-Net; no pooling.

    Args:
        width: Channels of every layer.
        in_channels: Channels of the image.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``(N, 1, H, W)``, a mask when clamped to 0..1
    """

    def __init__(self, width: int = 64, in_channels: int = 1) -> None:
        super().__init__()
        self.down = nn.ModuleList(_layer(width if i else in_channels, width, 2**i) for i in range(7))
        self.turn = _layer(width, width, 2**5)
        self.up = nn.ModuleList(_layer(2 * width, width, 2**i) for i in reversed(range(5)))
        self.predict = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = chain(self.down, x)
        x = self.turn(skips[-1])
        for layer, skip in zip(self.up, skips[-2:0:-1], strict=True):
            x = layer(torch.cat([skip, x], dim=1))
        return self.predict(x)


@MODELS.register_module()
class MDvsFAGenerators(nn.Module):
    r"""Both generators; the prediction is the mean of their masks.

    .. math::
        p = \tfrac{1}{2}\left(\mathrm{clamp}_{0,1}(G_1(x)) + \mathrm{clamp}_{0,1}(G_2(x))\right)

    Args:
        width: Channels of the generators' first layers.
        in_channels: Channels of the image.

    Shape:
        - Input: ``(N, in_channels, H, W)``
        - Output: ``[(N, 1, H, W)]``, the logit of ``p``, which is cut to 1e-6 .. 1 - 1e-6 first, in float32 at least

    Note:
        The generators have no sigmoid: their outputs are masks once clamped, as in both public codes.

    References:
        Wang et al., Miss Detection vs. False Alarm: Adversarial Learning for Small Object Segmentation in Infrared
        Images, ICCV 2019.

    Example:
        >>> sum(p.numel() for p in MDvsFAGenerators().parameters())
        3768322
    """

    def __init__(self, width: int = 64, in_channels: int = 1) -> None:
        super().__init__()
        self.miss, self.alarm = ContextAggregation(width, in_channels), UContextAggregation(width, in_channels)

    def masks(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The masks of both generators, ``(N, 1, H, W)`` in 0..1."""
        return self.miss(x).clamp(0, 1), self.alarm(x).clamp(0, 1)

    def forward(self, x: Tensor, descriptor: Tensor | None = None) -> list[Tensor]:
        first, second = (mask if mask.dtype == torch.float64 else mask.float() for mask in self.masks(x))
        return [((first + second) / 2).logit(eps=1e-6)]


@MODELS.register_module()
class MDvsFADiscriminator(nn.Module):
    """Tell true masks from those of either generator, given the image.

    Args:
        in_channels: Channels of image and mask together.
        side: Side of the square that the features are averaged to before the linear layers.

    Shape:
        - Input: ``(M, in_channels, H, W)``, image and mask, both in -1..1
        - Output: probabilities ``(M, 3)`` of truth, G1, G2; features ``(M, 1, ceil(H / 4), ceil(W / 4))``

    Note:
        The paper's patches of 128x128 give features of 32x32, which are not changed. For other sizes the averaging
        is ours.

    References:
        Wang et al., ICCV 2019.
    """

    def __init__(self, in_channels: int = 2, side: int = 32) -> None:
        super().__init__()
        check_least(self, 1, side=side)
        self.side = side
        self.features = nn.Sequential(_layer(in_channels, 24), _layer(24, 24), _layer(24, 24), _layer(24, 1))
        self.classify = nn.Sequential(
            nn.Linear(side * side, 128), BatchNorm(128), nn.Tanh(), nn.Linear(128, 64), BatchNorm(64), nn.Tanh(),
            nn.Linear(64, 3), BatchNorm(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(halve(halve(x)))
        return self.classify(F.adaptive_avg_pool2d(features, self.side).flatten(1)).softmax(dim=1), features


def miss_and_alarm(prediction: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    r"""Miss detection and false alarm: squared errors on targets and elsewhere, both over all pixels.

    .. math::
        MD = \frac{1}{P} \sum_i g_i (p_i - g_i)^2,\quad FA = \frac{1}{P} \sum_i (1 - g_i) (p_i - g_i)^2

    Example:
        >>> miss, alarm = miss_and_alarm(torch.tensor([0.5, 1.0]), torch.tensor([1.0, 0.0]))
        >>> miss.item(), alarm.item()
        (0.125, 0.5)
    """
    error = (prediction - mask).square()
    return (error * mask).mean(), (error * (1 - mask)).mean()


def _taken_for(probabilities: Tensor, kind: int) -> Tensor:
    """Cross-entropy of the three outputs, each on its own, against "this is a mask of that kind" (0 truth, 1, 2)."""
    wanted = F.one_hot(torch.tensor(kind, device=probabilities.device), 3).to(probabilities).expand_as(probabilities)
    return F.binary_cross_entropy_with_logits(probabilities, wanted)


@MODELS.register_module()
class MDvsFA(IRSTDSegmentor):
    r"""The generators under adversarial training: three updates an iteration, each of its own part.

    .. math::
        L_D &= \ell(D(x, g), e_0) + \ell(D(x, G_1), e_1) + \ell(D(x, G_2), e_2) \\
        L_{G_1} &= 100\,(\lambda_1 MD + FA) + 10\,\ell(D(x, G_1), e_0) + L_{gc} \\
        L_{G_2} &= 100\,(MD + \lambda_2 FA) + 10\,\ell(D(x, G_2), e_0) + L_{gc}

    ``l`` is the cross-entropy of the discriminator's outputs and ``L_gc`` the mean squared distance between its
    features of both generators' masks. Tested as any segmentor, without the discriminator.

    Args:
        network: Config of :class:`MDvsFAGenerators`.
        discriminator: Config of :class:`MDvsFADiscriminator`.
        miss_weight: ``lambda_1``.
        alarm_weight: ``lambda_2``.
        segmentation_weight: Weight of the terms with ``MD`` and ``FA``.
        adversarial_weight: Weight of the discriminator's judgement.
        consistency_weight: Weight of ``L_gc``.
        data_preprocessor: Config of :class:`IRSTDDataPreprocessor`, one channel, -1..1.
        output_size: As in :class:`IRSTDSegmentor`; so are the three that follow.
        threshold: Probability above which a pixel is a target, or the path of a file with it.
        views: Arguments of :class:`.views.Views`, over which ``mode='predict'`` averages; None for the image alone.
        windows: Arguments of :class:`.windows.Windows`, which are seen in its place; None for the image as it is.

    Raises:
        ConfigError: If samples come without a mask, training has not one optimizer for each part, or the threshold,
            the views or the windows are none.

    Note:
        Weights are those of the PyTorch code in the authors' repository, which also normalises by batch norms; the
        TensorFlow code has ``lambda_2 = 1``. As there, the cross-entropy takes softmax probabilities for logits, and
        parts that are not updated run in eval mode.

    References:
        Wang et al., Miss Detection vs. False Alarm: Adversarial Learning for Small Object Segmentation in Infrared
        Images, ICCV 2019.
    """

    def __init__(self, network: dict, discriminator: dict, miss_weight: float = 100.0, alarm_weight: float = 10.0,
                 segmentation_weight: float = 100.0, adversarial_weight: float = 10.0, consistency_weight: float = 1.0,
                 data_preprocessor: dict | None = None, output_size: str = 'native',
                 threshold: float | str | None = None, views: dict | None = None, windows: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(network=network, data_preprocessor=data_preprocessor, output_size=output_size,
                         threshold=threshold, views=views, windows=windows, init_cfg=init_cfg)
        check_least(self, 0, miss_weight=miss_weight, alarm_weight=alarm_weight,
                    segmentation_weight=segmentation_weight, adversarial_weight=adversarial_weight,
                    consistency_weight=consistency_weight)
        self.discriminator = MODELS.build(discriminator)
        self.balances = ((miss_weight, 1.0), (1.0, alarm_weight))
        self.weights = (segmentation_weight, adversarial_weight, consistency_weight)

    def judge(self, inputs: Tensor, mask: Tensor, found: tuple[Tensor, Tensor],
              ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The discriminator's probabilities ``(N, 3)`` and features for the truth and both generators' masks."""
        pairs = [torch.cat([inputs, 2 * one - 1], dim=1) for one in (mask, *found)]
        probabilities, features = self.discriminator(torch.cat(pairs))
        return probabilities.chunk(3), features.chunk(3)

    def discriminator_loss(self, inputs: Tensor, mask: Tensor, found: tuple[Tensor, Tensor]) -> Tensor:
        """``L_D``, from images ``(N, C, H, W)``, the truth and both generators' masks ``(N, 1, H, W)``."""
        judged, _ = self.judge(inputs, mask, found)
        return sum(_taken_for(probabilities, kind) for kind, probabilities in enumerate(judged))

    def generator_loss(self, which: int, inputs: Tensor, mask: Tensor, found: tuple[Tensor, Tensor]) -> Tensor:
        """``L_G1`` (``which`` = 0) or ``L_G2`` (1), from the same."""
        judged, features = self.judge(inputs, mask, found)
        errors = miss_and_alarm(found[which], mask)
        terms = (sum(weight * error for weight, error in zip(self.balances[which], errors, strict=True)),
                 _taken_for(judged[1 + which], 0), (features[1] - features[2]).square().mean())
        return sum(weight * term for weight, term in zip(self.weights, terms, strict=True))

    def train_step(self, data: dict, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Update the discriminator, then G1, then G2; returns the three losses and their sum."""
        steps = dict(discriminator=(self.discriminator, self.discriminator_loss),
                     miss=(self.network.miss, lambda *given: self.generator_loss(0, *given)),
                     alarm=(self.network.alarm, lambda *given: self.generator_loss(1, *given)))
        if not isinstance(optim_wrapper, OptimWrapperDict) or set(optim_wrapper.keys()) != set(steps):
            raise ConfigError('MDvsFA is trained by three optimizers, discriminator, miss and alarm; the config has '
                              'others. Take the optim_wrapper of configs/_base_/schedules/mdvsfa_adam.py.')
        data = self.data_preprocessor(data, True)
        inputs, mask = data['inputs'], _masks(data['data_samples'], data['inputs'])
        losses = {}
        for name, (part, loss_of) in steps.items():
            with self._alone(part), optim_wrapper[name].optim_context(part):
                loss = loss_of(inputs, mask, self.network.masks(inputs))
            optim_wrapper[name].update_params(loss)
            losses[f'loss_{name}'] = loss.detach()
        return dict(loss=sum(losses.values()), **losses)

    @contextmanager
    def _alone(self, part: nn.Module) -> Iterator[None]:
        """Gradients reach ``part`` alone, and its batch norms alone learn."""
        parts = (self.discriminator, self.network.miss, self.network.alarm)
        for other in parts:
            other.train(other is part).requires_grad_(other is part)
        try:
            yield
        finally:
            for other in parts:
                other.train().requires_grad_(True)

    def _losses(self, maps: list[Tensor], inputs: Tensor, samples: list[SegDataSample]) -> dict[str, Tensor]:
        given = inputs, _masks(samples, inputs), self.network.masks(inputs)
        return dict(loss_discriminator=self.discriminator_loss(*given), loss_miss=self.generator_loss(0, *given),
                    loss_alarm=self.generator_loss(1, *given))


def _masks(samples: list[SegDataSample], inputs: Tensor) -> Tensor:
    """The samples' masks, ``(N, 1, H, W)`` of the inputs' type."""
    bare = [sample.metainfo.get('image_id', 'A sample') for sample in samples if 'gt_sem_seg' not in sample]
    if bare:
        raise ConfigError(f'{bare[0]} came to training without a mask. Put LoadTargetMask into the training pipeline.')
    return torch.stack([sample.gt_sem_seg.data for sample in samples]).to(inputs)
