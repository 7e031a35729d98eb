"""The reconstruction loss by its equation, and in a segmentor beside another loss."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.losses import ReconstructionLoss
from irstd_toolbox.registry import MODELS


def test_it_is_the_mean_squared_difference_to_the_input() -> None:
    restored, inputs = torch.tensor([[[[1., 2.]]], [[[0., 4.]]]]), torch.tensor([[[[0., 2.]]], [[[3., 2.]]]])
    assert ReconstructionLoss()(restored, None, inputs).item() == pytest.approx((1 + 0 + 9 + 4) / 4)


def test_its_weight_is_a_factor() -> None:
    restored, inputs = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)
    assert ReconstructionLoss(loss_weight=0.01)(restored, None, inputs).item() == pytest.approx(0.01)


def test_it_is_computed_in_float32_under_autocast() -> None:
    restored, inputs = torch.full((1, 1, 2, 2), 300., dtype=torch.bfloat16), torch.zeros(1, 1, 2, 2)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = ReconstructionLoss()(restored, None, inputs)
    assert loss.dtype == torch.float32 and loss.item() == 300. ** 2


def test_an_input_of_other_channels_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'\(1, 1, 4, 4\), the input \(1, 3, 4, 4\)'):
        ReconstructionLoss()(torch.ones(1, 1, 4, 4), None, torch.ones(1, 3, 4, 4))


def test_a_segmentor_holds_the_restored_image_against_its_normalised_input() -> None:
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='IRSTDSegmentor', data_preprocessor=dict(type='IRSTDDataPreprocessor', std=255.0, channels=1),
        network=dict(type='RPCANet', stages=1, channels=2),
        loss=[dict(type='SoftIoULoss'), dict(type='ReconstructionLoss', loss_weight=0.1)])).eval()
    inputs = torch.rand(1, 1, 6, 6)
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.ones(1, 6, 6, dtype=torch.uint8)))
    losses = model(inputs, [sample], mode='loss')
    restored = model.network(inputs).extras['reconstruction']
    assert sorted(losses) == ['loss_0', 'loss_reconstruction']
    torch.testing.assert_close(losses['loss_reconstruction'], 0.1 * (restored - inputs).square().mean())


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'ReconstructionLoss\(loss_weight=-1\): a number of at least 0'):
        ReconstructionLoss(loss_weight=-1)
