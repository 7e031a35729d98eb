"""ISNet's deformable lines, two-orientation fusion, edge block and edge branch, step by step."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from irstd_toolbox.models.losses.edge import gradient_magnitude
from irstd_toolbox.models.networks.isnet import (
    DeformableLine,
    EdgeBlock,
    EdgeBranch,
    ISNet,
    SideGate,
    TwoOrientationFusion,
)
from irstd_toolbox.registry import MODELS


def awake(module: nn.Module, std: float = 0.3) -> nn.Module:
    """In test mode, with every parameter away from the values that hide it at the start."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, mean=0.1, std=std)
    return module.eval()


@pytest.mark.parametrize('kernel', [(1, 3), (3, 1)], ids=str)
def test_a_deformable_line_starts_as_a_convolution(kernel: tuple[int, int]) -> None:
    line, x = DeformableLine(4, kernel), torch.randn(2, 4, 6, 5)
    expected = F.conv2d(x, line.conv.weight, line.conv.bias, padding=(kernel[0] // 2, kernel[1] // 2))
    torch.testing.assert_close(line(x), expected)


def test_its_offsets_move_every_tap_by_rows_and_columns() -> None:
    line, x = DeformableLine(1, (1, 3)), torch.randn(1, 1, 6, 7)
    nn.init.constant_(line.conv.weight, 1)
    # (row, column) of the left, middle and right tap; the middle one stays.
    line.offset.bias.data = torch.tensor([1., 0., 0., 0., 0., -0.5])
    left = torch.roll(x, (-1, 1), (2, 3))
    right = (torch.roll(x, -1, 3) + x) / 2
    torch.testing.assert_close(line(x)[..., 1:5, 1:6], (left + x + right)[..., 1:5, 1:6])


def test_the_two_orientations_weigh_the_shallow_map_by_the_deep_one() -> None:
    block, low, high = awake(TwoOrientationFusion(8)), torch.randn(2, 8, 6, 5), torch.randn(2, 8, 6, 5)
    shallow, deep = (block.prepare[1](block.prepare[0](x)) for x in (low, high))
    expected = sum(deep + torch.sigmoid(line(deep)) * shallow for line in (block.column, block.row))
    torch.testing.assert_close(block(low, high), expected)


def test_one_orientation_is_a_column_and_the_other_a_row() -> None:
    block = TwoOrientationFusion(8)
    assert block.column.conv.weight.shape == (8, 8, 3, 1) and block.row.conv.weight.shape == (8, 8, 1, 3)


def test_a_side_gate_adds_a_share_of_the_features_where_its_weight_is_high() -> None:
    gate, x, side = awake(SideGate(4)), torch.randn(2, 4, 5, 6), torch.randn(2, 1, 5, 6)
    norm, inner, _, outer, last, _ = gate.weigh
    hidden = F.conv2d(norm(torch.cat([x, side], 1)), inner.weight, inner.bias).relu()
    alpha = last(F.conv2d(hidden, outer.weight, outer.bias)).sigmoid()
    torch.testing.assert_close(gate(x, side), F.conv2d(x + alpha * x, gate.conv.weight))


def change(layers: nn.Sequential, x: Tensor) -> Tensor:
    x = layers[1](F.conv2d(x, layers[0].weight, padding=1)).relu()
    return layers[4](F.conv2d(x, layers[3].weight, padding=1))


def test_the_edge_block_follows_its_recurrence() -> None:
    block, u0, side = awake(EdgeBlock(4)), torch.randn(1, 4, 6, 5), torch.randn(1, 1, 6, 5)
    delta = change(block.first, u0).relu()
    u1 = (u0 + change(block.first, u0)).relu()
    u2 = change(block.second, u1).relu()
    torch.testing.assert_close(block(u0, side), 3 * delta + u2 + block.gate(u2, side))


def test_the_edge_branch_starts_from_the_gradient_and_takes_one_side_map_after_another() -> None:
    branch, x = awake(EdgeBranch(1, (6, 3), 4)), torch.randn(1, 1, 8, 9)
    sides = [torch.randn(1, 6, 2, 3), torch.randn(1, 3, 4, 5)]
    edge = F.conv2d(gradient_magnitude(x), branch.widen.weight, branch.widen.bias)
    for i, side in enumerate(sides):
        logit = F.conv2d(side, branch.sides[i].weight, branch.sides[i].bias)
        edge = branch.blocks[i](edge, F.interpolate(logit, (8, 9), mode='bilinear', align_corners=True))
    torch.testing.assert_close(branch(x, sides), F.conv2d(edge, branch.fuse.weight))


@pytest.fixture
def small() -> ISNet:
    torch.manual_seed(0)
    return ISNet(channels=(8, 16, 32), blocks=1, edge_channels=4).eval()


def test_the_branch_gets_the_deepest_map_and_the_two_on_the_way_up(small: ISNet) -> None:
    seen = {}
    small.edge.register_forward_hook(lambda *args: seen.update(given=args[1][1]))
    x = torch.randn(1, 1, 32, 32)
    small(x)
    feats = small.backbone(x)
    fine, middle = small.neck(feats)
    torch.testing.assert_close(seen['given'], [feats[2], middle, fine])


def test_the_edge_raises_the_features_that_the_head_sees(small: ISNet) -> None:
    seen = {}
    small.head.register_forward_hook(lambda *args: seen.update(given=args[1][0][0]))
    x = torch.randn(1, 1, 32, 32)
    maps = small(x)
    fine = F.interpolate(small.neck(small.backbone(x))[0], (32, 32), mode='bilinear')
    torch.testing.assert_close(seen['given'], fine + maps.extras['edge'].sigmoid() * fine)


def test_another_fusion_can_take_the_place_of_the_two_orientations() -> None:
    net = ISNet(channels=(8, 16, 32), blocks=1, edge_channels=4, fusion=dict(type='SumFusion')).eval()
    assert [type(block).__name__ for block in net.neck.fusions] == ['SumFusion', 'SumFusion']
    assert net(torch.randn(1, 1, 16, 16))[0].shape == (1, 1, 16, 16)


@pytest.fixture
def segmentor() -> nn.Module:
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='IRSTDSegmentor', data_preprocessor=dict(type='IRSTDDataPreprocessor', channels=1),
        network=dict(type='ISNet', channels=(8, 16, 32), blocks=1, edge_channels=4),
        loss=[dict(type='SoftIoULoss'), dict(type='EdgeLoss')]))


def test_training_has_a_loss_of_the_prediction_and_one_of_the_edge(segmentor: nn.Module) -> None:
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.ones(1, 32, 32)))
    losses = segmentor(torch.randn(1, 1, 32, 32), [sample], mode='loss')
    assert set(losses) == {'loss_0', 'loss_edge'}


def test_mixed_precision_runs_on_a_cpu_in_training_and_in_prediction(segmentor: nn.Module) -> None:
    x, sample = torch.randn(1, 1, 32, 32), SegDataSample(gt_sem_seg=PixelData(data=torch.ones(1, 32, 32)))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = segmentor(x, [sample], mode='loss')
    sum(losses.values()).backward()
    line = segmentor.network.neck.fusions[0].column
    assert all(value.grad.isfinite().all() for value in (line.conv.weight, line.offset.weight))
    with torch.no_grad(), torch.autocast('cpu', dtype=torch.bfloat16):
        assert segmentor.eval()(x, mode='predict')[0].seg_logits.data.isfinite().all()


def test_a_deformable_line_answers_in_the_type_that_it_is_asked_in() -> None:
    line, x = awake(DeformableLine(4, (1, 3))), torch.randn(1, 4, 6, 5).bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = line(x)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), line(x.float()), rtol=0.05, atol=0.05)


def test_the_network_is_the_official_one_less_the_layers_that_it_never_uses() -> None:
    # 1,089,537 in BasicIRSTD; tests/conversion holds which layers the difference is.
    assert sum(p.numel() for p in ISNet().parameters()) == 985_810
