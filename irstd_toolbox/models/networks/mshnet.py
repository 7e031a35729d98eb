"""MSHNet: a plain U-Net of attention blocks whose multi-scale head is supervised at every scale.

Liu et al., "Infrared Small Target Detection with Scale and Location Sensitivity", CVPR 2024 (arXiv 2403.19366). The
backbone is :class:`ResidualEncoder` with a stem, the neck :class:`ResidualUDecoder` with attention, the loss
:class:`SLSLoss`.
"""

import torch
from mmengine.logging import MessageHub
from torch import Tensor, nn

from ...errors import check_least
from ...registry import MODELS
from ..layers import resize, stretch

__all__ = ['MultiScaleHead']


@MODELS.register_module()
class MultiScaleHead(nn.Module):
    r"""One logit map a decoder, at its own scale, and the prediction from all of them.

    .. math::
        s_i = \mathrm{Conv}_{1 \times 1}(d_i),\quad
        p = \mathrm{Conv}_{3 \times 3}([s_0, \mathcal{U}(s_1), \ldots, \mathcal{U}(s_{L-1})])

    While training warms up, ``s_0`` alone is given, as the prediction: the other convolutions then get no gradient.

    Args:
        in_channels: Channels of the decoders' maps, finest first.
        warm_epochs: Epochs, from the start of training, that are warm-up; the epoch is the Runner's. Give
            :class:`SLSLoss` the same number.

    Shape:
        - feats: list of ``(N, C_i, H_i, W_i)``, finest first
        - size: ``(H, W)`` of the prediction
        - Output: ``[p, s_0, ..., s_{L-1}]``, logits, ``p`` of ``(N, 1, H, W)``, ``s_i`` of ``(N, 1, H_i, W_i)``;
          ``[s_0]`` while warming up

    Note:
        In the published code a flag, false while ``epoch <= 5``, chooses between ``s_0`` and ``p`` in training and in
        validation, and the loss is plain IoU while it is false; so here. Outside a training run (a test, a prediction)
        the warm-up is over whatever the weights are, as there: a checkpoint from the warm-up then predicts by a final
        convolution that was not trained.

    References:
        MSHNet, multi-scale head.

    Example:
        >>> head = MultiScaleHead((4, 8))
        >>> [tuple(x.shape) for x in head([torch.rand(1, 4, 9, 9), torch.rand(1, 8, 5, 5)], (9, 9))]
        [(1, 1, 9, 9), (1, 1, 9, 9), (1, 1, 5, 5)]
    """

    def __init__(self, in_channels: tuple[int, ...] = (16, 32, 64, 128), warm_epochs: int = 0) -> None:
        super().__init__()
        check_least(self, 0, warm_epochs=warm_epochs)
        self.warm_epochs = warm_epochs
        self.sides = nn.ModuleList(nn.Conv2d(channels, 1, 1) for channels in in_channels)
        self.final = nn.Conv2d(len(in_channels), 1, 3, padding=1)

    def forward(self, feats: list[Tensor], size: tuple[int, int]) -> list[Tensor]:
        if self._warming():
            return [resize(self.sides[0](feats[0]), size)]
        sides = [side(x) for side, x in zip(self.sides, feats, strict=True)]
        stacked = torch.cat([stretch(s, sides[0].shape[-2:]) for s in sides], dim=1)
        return [resize(self.final(stacked), size), *sides]

    def _warming(self) -> bool:
        if not self.warm_epochs:
            return False
        hub = MessageHub.get_current_instance()
        # A training run has a stage and an epoch, also while it validates; a test has no epoch, or is not this stage.
        return (hub.get_info('loop_stage') in ('train', 'val')
                and hub.get_info('epoch', self.warm_epochs) < self.warm_epochs)
