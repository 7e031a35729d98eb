"""LGNet against the paper's equations and the figures that its plans were made for."""

import math

import pytest
import torch
from torch import nn

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.fusion import ChannelFusion, LanguageFusion, SumFusion
from irstd_toolbox.models.layers import BatchNorm, ConvBNReLU, ResidualUBlock, halve
from irstd_toolbox.models.networks.acm import ACMFPNNeck
from irstd_toolbox.models.networks.lgnet import DECODER_PLAN, ENCODER_PLAN, GatedOutputHead, RSUDecoder, RSUEncoder
from irstd_toolbox.models.networks.unet import UNetDecoder
from irstd_toolbox.registry import FUSION_BLOCKS

ILNET_ENCODER = ((7, 16, 64), (6, 16, 64), (5, 32, 64), (4, 32, 128), ('4F', 32, 128))
ILNET_DECODER = (*DECODER_PLAN[:5], ('4F', 64, 128))
THOP_DECODER = ((7, 16, 64), (6, 32, 64), (5, 32, 64), (4, 32, 64), ('4F', 64, 128), ('4F', 16, 128))
SMALL = dict(encoder=((4, 4, 8), (3, 4, 8)), decoder=((4, 4, 8), (3, 4, 8), ('3F', 4, 8)))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def network_size(encoder: tuple = ENCODER_PLAN, decoder: tuple = DECODER_PLAN, merge: str = 'sum', in_channels: int = 3,
                 kernel_size: int = 1, bias: bool = False, **language: object) -> int:
    backbone = RSUEncoder(encoder, in_channels, bias)
    neck = RSUDecoder(tuple(backbone.out_channels), decoder, dict(type='ChannelFusion', merge=merge),
                      dict(type='LanguageFusion', merge=merge, **language), bias=bias)
    return count(backbone) + count(neck) + count(GatedOutputHead(tuple(neck.out_channels), kernel_size=kernel_size))


@pytest.mark.parametrize(('variant', 'parameters'), [
    ({}, 4_034_065),
    (dict(decoder=THOP_DECODER, merge='expand', hidden=(512,)), 4_056_977),
    (dict(encoder=ILNET_ENCODER, decoder=ILNET_DECODER, hidden=(2048,)), 4_068_817),
    (dict(encoder=ILNET_ENCODER, decoder=ILNET_DECODER, merge='expand', hidden=(), shared_projection=False), 4_032_721),
    (dict(kernel_size=3), 4_038_161),
    (dict(in_channels=1), 4_032_913),
    (dict(bias=True), 4_039_089),
    (dict(hidden=(128,), shared_projection=False), 4_034_193),
    (dict(grouping='two'), 4_034_065 + 32_256),
])
def test_each_plan_has_the_parameters_it_was_made_for(variant: dict, parameters: int) -> None:
    assert network_size(**variant) == parameters


def test_the_default_plan_is_within_one_percent_of_the_papers_4_04_million() -> None:
    assert network_size() == pytest.approx(4.04e6, rel=0.01)


def test_a_residual_u_block_pools_between_its_first_and_last_layer_only_and_dilates_the_last() -> None:
    seen = []
    block = ResidualUBlock(5, 3, 4, 8).eval()
    for layer in block.down:
        layer.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[-1]))
    block(torch.rand(1, 3, 32, 32))
    assert seen == [32, 16, 8, 4, 4]
    assert [layer[0].dilation[0] for layer in (*block.down, *block.up)] == [1, 1, 1, 1, 2, 1, 1, 1, 1]


def test_the_dilated_block_keeps_the_size_and_doubles_the_dilation() -> None:
    block = ResidualUBlock(4, 3, 4, 8, dilated=True)
    assert [layer[0].dilation[0] for layer in block.down] == [1, 2, 4, 8]
    assert [layer[0].dilation[0] for layer in block.up] == [4, 2, 1]


def test_a_residual_u_block_of_height_two_follows_its_definition() -> None:
    torch.manual_seed(0)
    block = ResidualUBlock(2, 3, 4, 8).eval()
    x = torch.rand(1, 3, 9, 7)
    start = block.project(x)
    first = block.down[0](start)
    second = block.down[1](first)
    torch.testing.assert_close(block(x), block.up[0](torch.cat([second, first], 1)) + start)


def test_a_flat_block_is_refused() -> None:
    with pytest.raises(ValueError, match='height 1 has no inner level'):
        ResidualUBlock(1, 3, 4, 8)


def test_halving_keeps_the_last_odd_row_and_column() -> None:
    x = torch.arange(15.).reshape(1, 1, 3, 5)
    assert halve(x).flatten().tolist() == [6, 8, 9, 11, 13, 14]
    assert halve(torch.ones(1, 1, 1, 1)).shape == (1, 1, 1, 1)


def test_the_norm_of_one_value_a_channel_uses_and_keeps_the_running_statistics() -> None:
    norm = BatchNorm(2)
    norm.running_mean.copy_(torch.tensor([1., 2.]))
    norm.running_var.copy_(torch.tensor([4., 9.]))
    out = norm(torch.tensor([[3., 5.]]))
    torch.testing.assert_close(out, torch.tensor([[2 / (4 + 1e-5)**.5, 3 / (9 + 1e-5)**.5]]))
    assert norm.running_mean.tolist() == [1, 2]


def test_the_norm_of_more_values_is_the_stock_one() -> None:
    vectors, maps = torch.rand(5, 3), torch.rand(2, 3, 4, 5)
    torch.testing.assert_close(BatchNorm(3)(vectors), nn.BatchNorm1d(3)(vectors))
    torch.testing.assert_close(BatchNorm(3)(maps), nn.BatchNorm2d(3)(maps))


def test_the_norm_refuses_other_ranks() -> None:
    with pytest.raises(ValueError, match=r'shape \(2, 3, 4\)'):
        BatchNorm(3)(torch.rand(2, 3, 4))


def test_channel_fusion_weights_each_map_by_its_own_average() -> None:
    torch.manual_seed(0)
    block, low, high = ChannelFusion(4).eval(), torch.rand(2, 4, 5, 3), torch.rand(2, 4, 5, 3)

    def gate(gate: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(x.mean((2, 3)) * gate.conv.weight[:, 0, 0] / (1 + 1e-5)**.5)[..., None, None]

    torch.testing.assert_close(block(low, high), gate(block.low_gate, low) * low + gate(block.high_gate, high) * high)


def test_the_eca_reading_mixes_neighbouring_channels() -> None:
    block, x = ChannelFusion(4, conv='eca').eval(), torch.rand(1, 4, 2, 2)
    v = torch.cat([torch.zeros(1), x.mean((2, 3))[0], torch.zeros(1)])
    w = block.low_gate.conv.weight[0, 0]
    logits = torch.stack([(v[c:c + 3] * w).sum() for c in range(4)]) / (1 + 1e-5)**.5
    torch.testing.assert_close(block.low_gate(x)[0, :, 0, 0], torch.sigmoid(logits))


@pytest.fixture
def language() -> tuple[LanguageFusion, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return LanguageFusion(4, descriptor_dim=6, hidden=(5,)).eval(), torch.rand(2, 4, 5, 3), torch.rand(2, 6)


def test_language_fusion_follows_equations_1_to_3(language: tuple) -> None:
    block, low, descriptor = language
    first, _, last = block.low_projection
    v2 = torch.relu(descriptor @ first.weight.T + first.bias) @ last.weight.T + last.bias
    v1, w = low.mean((2, 3)), block.low_gate.conv.weight
    logits = (v1 * w[:, 0, 0] + v2 * w[:, 1, 0]) / (1 + 1e-5)**.5
    expected = torch.sigmoid(logits)[..., None, None] * low
    torch.testing.assert_close(block(low, torch.zeros_like(low), descriptor), expected)


@pytest.mark.parametrize('shared', [True, False])
def test_the_deep_map_has_a_gate_and_where_told_a_projection_of_its_own(shared: bool) -> None:
    torch.manual_seed(0)
    block = LanguageFusion(4, descriptor_dim=6, hidden=(), shared_projection=shared).eval()
    low, high, descriptor = torch.rand(2, 4, 5, 3), torch.rand(2, 4, 5, 3), torch.rand(2, 6)
    expected = 0
    for x, gate, projection in ((low, block.low_gate, block.low_projection), (
            high, block.high_gate, block.low_projection if shared else block.high_projection)):
        a, b = gate.conv.weight[..., 0].T
        logits = (x.mean((2, 3)) * a + projection(descriptor) * b) / (1 + 1e-5)**.5
        expected = expected + torch.sigmoid(logits)[..., None, None] * x
    torch.testing.assert_close(block(low, high, descriptor), expected)


def test_the_shared_reading_uses_one_pair_of_weights_for_all_channels() -> None:
    block = LanguageFusion(4, descriptor_dim=4, hidden=(), grouping='shared').eval()
    low, descriptor = torch.rand(1, 4, 2, 2), torch.rand(1, 4)
    a, b = block.low_gate.conv.weight[0, 0]
    logits = (a * low.mean((2, 3)) + b * block.low_projection(descriptor)) / (1 + 1e-5)**.5
    expected = torch.sigmoid(logits)[..., None, None] * low
    torch.testing.assert_close(block(low, torch.zeros_like(low), descriptor), expected)


def test_the_descriptor_changes_the_fused_map(language: tuple) -> None:
    block, low, descriptor = language
    assert not torch.allclose(block(low, low, descriptor), block(low, low, descriptor + 1))


def test_language_fusion_without_a_descriptor_says_what_to_do(language: tuple) -> None:
    block, low, descriptor = language
    with pytest.raises(ValueError, match=r'The descriptor is None; language fusion needs \(2, 6\)'):
        block(low, low)
    with pytest.raises(ValueError, match=r'The descriptor is \(2, 5\)'):
        block(low, low, descriptor[:, :5])


@pytest.mark.parametrize(('merge', 'expected'), [
    ('sum', lambda low, high: low + high), ('low', lambda low, _: low),
    ('concat', lambda low, high: torch.cat([low, high], 1))])
def test_the_ways_to_merge(merge: str, expected: callable) -> None:
    low, high = torch.rand(1, 4, 3, 3), torch.rand(1, 4, 3, 3)
    torch.testing.assert_close(SumFusion(4, merge)(low, high), expected(low, high))


def test_expanding_widens_the_sum() -> None:
    block = SumFusion(4, 'expand').eval()
    low, high = torch.rand(1, 4, 3, 3), torch.rand(1, 4, 3, 3)
    torch.testing.assert_close(block(low, high), block.expand(low + high))
    assert isinstance(block.expand, ConvBNReLU)
    assert block(low, high).shape[1] == block.out_channels == 8


@pytest.mark.parametrize(('build', 'words'), [
    (lambda: SumFusion(4, 'mean'), "merge='mean' is not known"),
    (lambda: ChannelFusion(4, conv='dense'), "conv='dense' is not known"),
    (lambda: LanguageFusion(4, grouping='three'), "grouping='three' is not known"),
    (lambda: LanguageFusion(3, grouping='two'), 'needs an even number of channels, got 3'),
    (lambda: RSUEncoder((('x', 4, 8),)), "A stage's height is 'x'"),
    (lambda: RSUDecoder((8, 8), SMALL['decoder'][:2]), '2 decoder stages for 2 encoder maps'),
    (lambda: RSUDecoder((8, 16), SMALL['decoder']), 'E2 has 16 channels and D3 has 8'),
    (lambda: RSUDecoder((8, 8), SMALL['decoder'], align='left'), "align='left'"),
    (lambda: GatedOutputHead(prior=1.5), 'prior=1.5 is no share'),
    (lambda: GatedOutputHead(supervise='none'), "supervise='none' is not known"),
])
def test_an_unknown_reading_is_refused_with_the_choices(build: callable, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build()


@pytest.mark.parametrize(('options', 'strides'), [
    ({}, [1, 2, 4]), (dict(bottom_stride=16), [1, 2, 2]), (dict(align='down'), [1, 4, 4])])
def test_the_bottom_may_pool_or_not_and_the_deepest_fusion_align_up_or_down(options: dict, strides: list[int]) -> None:
    neck = RSUDecoder((8, 8), SMALL['decoder'], **options).eval()
    maps = neck(RSUEncoder(SMALL['encoder']).eval()(torch.rand(1, 3, 16, 16)))
    assert [16 // x.shape[-1] for x in maps] == strides


def test_each_decoder_runs_on_the_fusion_of_its_encoder_map_with_the_map_below() -> None:
    torch.manual_seed(0)
    neck = RSUDecoder((8, 8), SMALL['decoder'], language_fusion=dict(type='LanguageFusion', descriptor_dim=6)).eval()
    e1, e2, descriptor = torch.rand(1, 8, 11, 6), torch.rand(1, 8, 6, 3), torch.rand(1, 6)
    d3 = neck.stages[2](nn.functional.max_pool2d(e2, 2, ceil_mode=True))
    up = nn.Upsample(size=(6, 3), mode='bilinear'), nn.Upsample(size=(11, 6), mode='bilinear')
    d2 = neck.stages[1](neck.fusions[1](e2, up[0](d3), descriptor))
    d1 = neck.stages[0](neck.fusions[0](e1, up[1](d2)))
    torch.testing.assert_close(neck([e1, e2], descriptor), [d1, d2, d3])


def test_the_output_block_follows_its_definition() -> None:
    torch.manual_seed(0)
    head = GatedOutputHead((2, 3, 4, 5), shallow=2, prior=None)
    feats = [torch.rand(1, c, 6, 6) for c in (2, 3, 4, 5)]
    final, *sides = head(feats, (6, 6))
    s = [(x * side.weight[0]).sum(1, keepdim=True) + side.bias for x, side in zip(feats, head.sides, strict=True)]
    torch.testing.assert_close(sides, s)
    weight = torch.sigmoid(head.scale.weight[0, 0] * s[0] + head.scale.weight[0, 1] * s[1] + head.scale.bias)
    scaled = [s[0], s[1], weight * s[2], weight * s[3]]
    torch.testing.assert_close(final, sum(f * x for f, x in zip(head.final.weight[0, :, 0, 0], scaled, strict=True))
                               + head.final.bias)


def test_scaling_all_maps_and_supervising_the_scaled_ones() -> None:
    head = GatedOutputHead((2, 3, 4), shallow=1, prior=None, scale_targets='all', supervise='scaled')
    raw = GatedOutputHead((2, 3, 4), shallow=1, prior=None, scale_targets='all')
    raw.load_state_dict(head.state_dict())
    feats = [torch.rand(1, c, 4, 4) for c in (2, 3, 4)]
    sides, scaled = raw(feats, (4, 4))[1:], head(feats, (4, 4))[1:]
    weight = torch.sigmoid(head.scale(sides[0]))
    torch.testing.assert_close(scaled, [weight * s for s in sides])


def test_weights_may_be_drawn_from_the_shallow_features() -> None:
    head = GatedOutputHead((2, 3, 4), shallow=2, prior=None, scale_from='features')
    feats = [torch.rand(1, 2, 4, 4), torch.rand(1, 3, 4, 4), torch.rand(1, 4, 4, 4)]
    final, *sides = head(feats, (4, 4))
    weight = torch.sigmoid(head.scale(torch.cat(feats[:2], 1)))
    torch.testing.assert_close(final, head.final(torch.cat([sides[0], sides[1], weight * sides[2]], 1)))


@pytest.mark.parametrize('scale_targets', ['deep', 'all'])
def test_the_untrained_head_predicts_the_prior_everywhere(scale_targets: str) -> None:
    head = GatedOutputHead((2, 3, 4, 5), shallow=2, prior=0.01, scale_targets=scale_targets)
    maps = head([torch.zeros(1, c, 3, 3) for c in (2, 3, 4, 5)], (3, 3))
    for logits in maps:
        torch.testing.assert_close(logits, torch.full((1, 1, 3, 3), math.log(0.01 / 0.99)))


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (33, 20), (75, 93)])
@pytest.mark.parametrize('training', [True, False])
def test_any_size_works_with_a_batch_of_one(size: tuple[int, int], training: bool) -> None:
    backbone = RSUEncoder(SMALL['encoder'], in_channels=1).train(training)
    language = dict(type='LanguageFusion', descriptor_dim=6)
    neck = RSUDecoder((8, 8), SMALL['decoder'], language_fusion=language).train(training)
    head = GatedOutputHead((8, 8, 8), shallow=1).train(training)
    maps = head(neck(backbone(torch.rand(1, 1, *size)), torch.rand(1, 6)), size)
    assert [tuple(x.shape) for x in maps] == [(1, 1, *size)] * 4
    assert all(torch.isfinite(x).all() for x in maps)


@pytest.mark.parametrize('neck', [
    lambda block: RSUDecoder((4, 4), ((3, 4, 4),) * 3, block), lambda block: UNetDecoder((4, 4), block),
    lambda block: ACMFPNNeck((4, 4), block)], ids=['RSU', 'U', 'FPN'])
def test_a_fusion_block_that_does_not_say_what_it_gives_is_refused(neck, monkeypatch) -> None:
    class Silent(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()

    monkeypatch.setitem(FUSION_BLOCKS.module_dict, 'Silent', Silent)
    with pytest.raises(ConfigError, match=r'Silent has no out_channels.*Set self\.out_channels in its __init__'):
        neck(dict(type='Silent'))
