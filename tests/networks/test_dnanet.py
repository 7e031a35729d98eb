"""DNANet's triangle and its feature pyramid fusion against their definitions."""

import pytest
import torch
from torch import nn

from irstd_toolbox.models.fusion import LanguageFusion, SumFusion
from irstd_toolbox.models.networks.dnanet import DeepSupervisionHead, DenseNestedNeck
from irstd_toolbox.models.networks.residual import ResidualEncoder

WIDTHS = (4, 8, 12, 16, 20)


def up(x: torch.Tensor, factor: float = 2) -> torch.Tensor:
    return nn.functional.interpolate(x, scale_factor=factor, mode='bilinear', align_corners=True)


def down(x: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(x, size=[side // 2 for side in x.shape[2:]], mode='bilinear', align_corners=True)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def feats() -> list[torch.Tensor]:
    return [torch.randn(1, width, 32 // 2**i, 48 // 2**i) for i, width in enumerate(WIDTHS)]


@pytest.fixture
def neck() -> DenseNestedNeck:
    return DenseNestedNeck(WIDTHS, (1, 1, 1, 1)).eval()


def watch(neck: DenseNestedNeck) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """What goes into the blocks of each node, and what comes out."""
    seen = {}
    for name, node in neck.nodes.items():
        node.stage.register_forward_hook(lambda _, given, out, name=name: seen.update({name: (given[0], out)}))
    return seen


@pytest.mark.parametrize(('blocks', 'parameters'), [
    ((1, 1, 1, 1, 1), 2_612_196), ((1, 2, 2, 2, 2), 4_696_888), ((1, 3, 4, 6, 3), 8_792_702)],
    ids=['ResNet-10', 'ResNet-18', 'ResNet-34'])
def test_each_depth_has_its_parameters(blocks: tuple, parameters: int) -> None:
    parts = ResidualEncoder(blocks=blocks), DenseNestedNeck(blocks=blocks[:-1]), DeepSupervisionHead()
    assert sum(p.numel() for part in parts for p in part.parameters()) == parameters


def test_a_node_takes_its_row_the_map_below_and_the_map_above_in_this_order(neck, feats) -> None:
    seen = watch(neck)
    neck(feats)
    out = {name: pair[1] for name, pair in seen.items()}
    out.update({f'{i}_0': x for i, x in enumerate(feats)})
    expected = {
        '0_1': [out['0_0'], up(out['1_0'])],
        '1_1': [out['1_0'], up(out['2_0']), down(out['0_1'])],
        '2_1': [out['2_0'], up(out['3_0']), down(out['1_1'])],
        '3_1': [out['3_0'], up(out['4_0']), down(out['2_1'])],
        '0_2': [out['0_0'], out['0_1'], up(out['1_1'])],
        '1_2': [out['1_0'], out['1_1'], up(out['2_1']), down(out['0_2'])],
        '2_2': [out['2_0'], out['2_1'], up(out['3_1']), down(out['1_2'])],
        '0_3': [out['0_0'], out['0_1'], out['0_2'], up(out['1_2'])],
        '1_3': [out['1_0'], out['1_1'], out['1_2'], up(out['2_2']), down(out['0_3'])],
        '0_4': [out['0_0'], out['0_1'], out['0_2'], out['0_3'], up(out['1_3'])],
    }
    assert set(seen) == set(expected)
    for name, parts in expected.items():
        torch.testing.assert_close(seen[name][0], torch.cat(parts, 1), msg=f'node {name}')


def test_the_neck_gives_the_finest_row_and_then_the_pyramid(neck, feats) -> None:
    seen = watch(neck)
    maps = neck(feats)
    expected = [seen[name][1] for name in ('0_1', '0_2', '0_3', '0_4', '1_3', '2_2', '3_1')]
    assert all(a is b for a, b in zip(maps, [*expected, feats[4]], strict=True))
    assert [x.shape[1] for x in maps] == neck.out_channels


def test_the_prediction_fuses_the_pyramid_at_the_finest_size_deepest_first(neck, feats) -> None:
    head = DeepSupervisionHead(WIDTHS).eval()
    maps = neck(feats)
    x04, x13, x22, x31, x40 = maps[3:]
    first, second, third, fourth = head.reduce
    stacked = torch.cat([up(fourth(x40), 16), up(third(x31), 8), up(second(x22), 4), up(first(x13)), x04], 1)
    torch.testing.assert_close(head(maps, (32, 48))[0], head.final(head.fuse(stacked)))


def test_side_maps_are_1x1_convolutions_of_the_first_three_nodes_of_the_finest_row(neck, feats) -> None:
    head = DeepSupervisionHead(WIDTHS).eval()
    maps = neck(feats)
    _, *sides = head(maps, (32, 48))
    assert len(sides) == 3
    for side, x, conv in zip(sides, maps[:3], head.sides, strict=True):
        torch.testing.assert_close(side[:, 0], torch.einsum('c,nchw->nhw', conv.weight[0, :, 0, 0], x) + conv.bias)


def test_a_fusion_block_stands_where_the_last_map_of_the_row_meets_the_one_below(feats) -> None:
    neck = DenseNestedNeck(WIDTHS, (1, 1, 1, 1), fusion=dict(type='SumFusion')).eval()
    seen = watch(neck)
    neck(feats)
    fused = seen['1_1'][1] + neck.nodes['1_2'].join.project(up(seen['2_1'][1]))
    torch.testing.assert_close(seen['1_2'][0], torch.cat([feats[1], fused, down(seen['0_2'][1])], 1))


def test_language_fusion_joins_the_two_deepest_encoder_maps_alone(feats) -> None:
    neck = DenseNestedNeck(WIDTHS, (1, 1, 1, 1), language_fusion=dict(type='LanguageFusion', descriptor_dim=6)).eval()
    blocks = {name: node.join.block for name, node in neck.nodes.items() if node.join.block is not None}
    assert list(blocks) == ['3_1'] and isinstance(blocks['3_1'], LanguageFusion)
    seen, descriptor = watch(neck), torch.randn(1, 6)
    neck(feats, descriptor)
    node = neck.nodes['3_1']
    expected = node.join.block(feats[3], node.join.project(up(feats[4])), descriptor)
    torch.testing.assert_close(seen['3_1'][0], torch.cat([expected, down(seen['2_1'][1])], 1))


def test_language_fusion_may_stand_beside_another_fusion() -> None:
    neck = DenseNestedNeck(WIDTHS, (1, 1, 1, 1), dict(type='SumFusion'), dict(type='LanguageFusion'))
    assert {type(neck.nodes[name].join.block) for name in neck.nodes if name != '3_1'} == {SumFusion}


def test_a_plan_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match='5 encoder maps and 5 numbers of blocks'):
        DenseNestedNeck(WIDTHS, (1, 1, 1, 1, 1))
