"""Networks that do not come apart, extra outputs, and which maps a loss is applied to."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models import IRSTDSegmentor, LogitMaps
from irstd_toolbox.registry import MODELS


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of one weight, with a side map of half the size and an edge map, and a loss that reads the latter."""
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.tensor(2.0))

        def forward(self, x: Tensor, descriptor: Tensor | None = None) -> LogitMaps:
            logits = self.gain * x[:, :1]
            return LogitMaps([logits, F.avg_pool2d(logits, 2)], edge=logits + 1)

    class ReadingLoss(nn.Module):
        reads = 'edge'

        def forward(self, extra: Tensor, mask: Tensor, inputs: Tensor) -> Tensor:
            return (extra - 2 * inputs[:, :1] - 1).abs().sum() + mask.sum()

    for name, module in (('Whole', Whole), ('ReadingLoss', ReadingLoss)):
        monkeypatch.setitem(MODELS.module_dict, name, module)


def segmentor(**changes: object) -> IRSTDSegmentor:
    return MODELS.build(dict(dict(
        type='IRSTDSegmentor', network=dict(type='Whole'), loss=dict(type='BCELoss'),
        data_preprocessor=dict(type='IRSTDDataPreprocessor', channels=1)), **changes))


INPUTS = torch.linspace(-1, 1, 16).view(1, 1, 4, 4)
MASK = torch.zeros(1, 1, 4, 4)
MASK[0, 0, 1, 2] = 1


def losses(model: IRSTDSegmentor) -> dict[str, float]:
    found = model(INPUTS, [SegDataSample(gt_sem_seg=PixelData(data=MASK[0].byte()))], mode='loss')
    return {name: value.item() for name, value in found.items()}


def by_hand() -> tuple[float, float]:
    final = F.binary_cross_entropy_with_logits(2 * INPUTS, MASK).item()
    half = torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]])
    return final, F.binary_cross_entropy_with_logits(F.avg_pool2d(2 * INPUTS, 2), half).item()


def test_a_whole_network_stands_for_backbone_neck_and_head():
    maps = segmentor()(INPUTS)
    torch.testing.assert_close(maps[0], 2 * INPUTS)


def test_a_small_side_map_is_held_against_the_mask_max_pooled_to_its_size():
    assert losses(segmentor()) == pytest.approx(dict(loss_0=by_hand()[0], loss_1=by_hand()[1]))


def test_mean_supervision_averages_over_the_maps():
    final, side = by_hand()
    assert losses(segmentor(supervision='mean')) == pytest.approx(dict(loss_0=final / 2, loss_1=side / 2))


def test_final_supervision_leaves_side_maps_out():
    assert losses(segmentor(supervision='final')) == pytest.approx(dict(loss_0=by_hand()[0]))


def test_a_loss_that_reads_an_extra_gets_it_with_mask_and_inputs_once():
    found = losses(segmentor(loss=[dict(type='BCELoss'), dict(type='ReadingLoss')]))
    assert found == pytest.approx(dict(loss_0=by_hand()[0], loss_1=by_hand()[1], loss_edge=1.0))


def test_a_loss_that_reads_an_extra_may_be_the_only_one():
    model = segmentor(loss=dict(type='ReadingLoss'))
    assert losses(model) == pytest.approx(dict(loss_edge=1.0))
    found = model(INPUTS, [SegDataSample(gt_sem_seg=PixelData(data=MASK[0].byte()))], mode='loss')
    assert model.parse_losses(found)[0].item() == pytest.approx(1.0)


def test_training_without_a_loss_is_refused():
    with pytest.raises(ConfigError, match=r"no loss.*model\.loss=dict\(type='BCELoss'\)"):
        losses(segmentor(loss=None))


def test_a_loss_whose_extra_the_network_lacks_names_what_there_is(monkeypatch):
    model = segmentor(loss=dict(type='ReadingLoss'))
    monkeypatch.setattr(type(model.losses[0]), 'reads', 'contour')
    with pytest.raises(ConfigError, match="reads 'contour', but the network gives edge"):
        losses(model)


@pytest.mark.parametrize('changes', [
    dict(network=None), dict(backbone=dict(type='RSUEncoder')), dict(network=None, backbone=dict(type='RSUEncoder')),
], ids=['nothing', 'both', 'no head'])
def test_a_segmentor_is_of_parts_or_whole(changes):
    with pytest.raises(ConfigError, match='or of one network that stands for all three'):
        segmentor(**changes)


def test_a_supervision_that_is_not_known_names_the_choices():
    with pytest.raises(ConfigError, match="Choose 'sum', 'mean' or 'final'"):
        segmentor(supervision='first')
