"""MSHNet's multi-scale head, what supervises it, and its warm-up."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models import IRSTDSegmentor, SoftIoULoss
from irstd_toolbox.models.networks.mshnet import MultiScaleHead

WIDTHS = (4, 8, 12)
WARM = 6


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def feats() -> list[torch.Tensor]:
    return [torch.randn(2, width, 16 // 2**i, 24 // 2**i) for i, width in enumerate(WIDTHS)]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> MessageHub:
    own = MessageHub.get_instance(request.node.name)
    monkeypatch.setattr(MessageHub, 'get_current_instance', classmethod(lambda cls: own))
    monkeypatch.setattr(own, '_runtime_info', {})  # later tests, for whom it is the current one, meet it empty
    return own


def test_the_prediction_convolves_all_scales_stretched_to_the_finest(feats: list) -> None:
    head = MultiScaleHead(WIDTHS)
    prediction, *sides = head(feats, (16, 24))
    s = [torch.einsum('c,nchw->nhw', conv.weight[0, :, 0, 0], x)[:, None] + conv.bias
         for conv, x in zip(head.sides, feats, strict=True)]
    torch.testing.assert_close(sides, s)
    stacked = torch.cat([s[0], *(F.interpolate(s[i], scale_factor=2**i, mode='bilinear', align_corners=True)
                                 for i in (1, 2))], 1)
    torch.testing.assert_close(prediction, F.conv2d(stacked, head.final.weight, head.final.bias, padding=1))


def model(warm_epochs: int = 0) -> IRSTDSegmentor:
    return IRSTDSegmentor(
        backbone=dict(type='ResidualEncoder', widths=(4, 8, 12, 16), blocks=(1, 1, 1, 1), stem=True),
        neck=dict(type='ResidualUDecoder', in_channels=(4, 8, 12, 16), blocks=(1, 1, 1), attention=True),
        decode_head=dict(type='MultiScaleHead', in_channels=WIDTHS, warm_epochs=warm_epochs),
        loss=dict(type='SLSLoss', warm_epochs=warm_epochs), supervision='mean')


def samples() -> tuple[torch.Tensor, list[SegDataSample]]:
    mask = torch.zeros(2, 1, 16, 24)
    mask[0, 0, 4:7, 6:9] = 1
    made = [SegDataSample(gt_sem_seg=PixelData(data=m.byte())) for m in mask]
    return mask, made


def test_every_scale_is_held_against_the_mask_max_pooled_to_it_and_all_count_alike() -> None:
    net, images = model(), torch.randn(2, 3, 16, 24)
    mask, data = samples()
    maps = net.eval()(images)
    losses = net(images, data, mode='loss')
    targets = [mask, mask, F.max_pool2d(mask, 2), F.max_pool2d(mask, 4)]
    expected = [net.losses[0](logits, target) / 4 for logits, target in zip(maps, targets, strict=True)]
    torch.testing.assert_close([losses[f'loss_{i}'] for i in range(4)], expected)


@pytest.mark.parametrize(('stage', 'epoch', 'warm'), [
    ('train', 0, True), ('train', WARM - 1, True), ('train', WARM, False), ('val', WARM - 1, True),
    ('val', WARM, False), ('val', None, False), ('test', 0, False), (None, 0, False), (None, None, False)])
def test_the_finest_map_alone_predicts_in_the_warm_epochs_of_a_training_run(feats, hub, stage, epoch, warm) -> None:
    hub.update_info_dict({key: value for key, value in (('loop_stage', stage), ('epoch', epoch)) if value is not None})
    head = MultiScaleHead(WIDTHS, warm_epochs=WARM)
    maps = head(feats, (16, 24))
    if warm:
        torch.testing.assert_close(maps, [head.sides[0](feats[0])])
    else:
        assert len(maps) == 1 + len(WIDTHS)


def test_warming_up_trains_by_plain_iou_and_leaves_the_multi_scale_convolutions_alone(hub) -> None:
    hub.update_info_dict(dict(loop_stage='train', epoch=0))
    net, images = model(warm_epochs=WARM), torch.randn(2, 3, 16, 24)
    mask, data = samples()
    losses = net(images, data, mode='loss')
    torch.testing.assert_close(losses, {'loss_0': SoftIoULoss()(net(images)[0], mask)})
    losses['loss_0'].backward()
    idle = [name for name, p in net.decode_head.named_parameters() if p.grad is None]
    assert idle == ['sides.1.weight', 'sides.1.bias', 'sides.2.weight', 'sides.2.bias', 'final.weight', 'final.bias']


def test_without_warm_up_the_epoch_is_not_asked_for(feats, hub) -> None:
    hub.update_info_dict(dict(loop_stage='train', epoch=0))
    assert len(MultiScaleHead(WIDTHS)(feats, (16, 24))) == 1 + len(WIDTHS)


def test_a_warm_up_of_fewer_than_no_epochs_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'MultiScaleHead\(warm_epochs=-1\): a number of at least 0'):
        MultiScaleHead(WIDTHS, warm_epochs=-1)
