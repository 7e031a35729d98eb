"""The fusions of the descriptor against their equations, by hand, and LGNet built with each of them."""

import copy

import pytest
import torch
from torch import nn

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.descriptor_fusion import (
    AdditiveLanguageFusion,
    ConcatLanguageFusion,
    CrossAttentionFusion,
    FiLMFusion,
    GatedLanguageFusion,
)
from irstd_toolbox.models.fusion import LanguageFusion, descriptor_projection
from irstd_toolbox.registry import FUSION_BLOCKS

BLOCKS = (AdditiveLanguageFusion, ConcatLanguageFusion, CrossAttentionFusion, FiLMFusion, GatedLanguageFusion)
C, D, SIZE = 4, 6, (5, 3)


@pytest.fixture
def given() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return dict(low=torch.randn(2, C, *SIZE), high=torch.randn(2, C, *SIZE), descriptor=torch.randn(2, D))


def build(kind: type[nn.Module], **options: object) -> nn.Module:
    torch.manual_seed(1)
    return kind(C, descriptor_dim=D, **dict(dict(hidden=(5,)), **options))


def projected(block: nn.Module, descriptor: torch.Tensor) -> torch.Tensor:
    first, _, last = block.projection
    return torch.relu(descriptor @ first.weight.T + first.bias) @ last.weight.T + last.bias


def pixelwise(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A 1x1 convolution as a matrix product."""
    mixed = torch.einsum('oc,nchw->nohw', layer.weight[..., 0, 0], x)
    return mixed if layer.bias is None else mixed + layer.bias[:, None, None]


def test_a_projection_has_a_relu_between_any_two_of_its_layers() -> None:
    layers, x = descriptor_projection(3, 4, 5, 2), torch.randn(7, 3)
    expected = x
    for number, layer in enumerate(one for one in layers if isinstance(one, nn.Linear)):
        expected = (torch.relu(expected) if number else expected) @ layer.weight.T + layer.bias
    torch.testing.assert_close(layers(x), expected)


def test_addition_shifts_every_pixel_by_the_projected_descriptor(given: dict) -> None:
    block = build(AdditiveLanguageFusion)
    shift = projected(block, given['descriptor'])[..., None, None]
    torch.testing.assert_close(block(**given), given['low'] + given['high'] + shift)


def test_concatenation_mixes_the_map_and_the_descriptor_then_norms_and_cuts_at_zero(given: dict) -> None:
    block = build(ConcatLanguageFusion).eval()
    weight = block.mix[0].weight[..., 0, 0]
    of_map = torch.einsum('oc,nchw->nohw', weight[:, :C], given['low'] + given['high'])
    of_text = (projected(block, given['descriptor']) @ weight[:, C:].T)[..., None, None]
    torch.testing.assert_close(block(**given), torch.relu((of_map + of_text) / (1 + 1e-5)**0.5))


def test_the_gate_weights_each_element_by_its_pixel_and_the_descriptor(given: dict) -> None:
    block = build(GatedLanguageFusion)
    vector = projected(block, given['descriptor'])[..., None, None]
    expected = sum(torch.sigmoid(pixelwise(gate, given[name]) + vector) * given[name]
                   for name, gate in (('low', block.low_gate), ('high', block.high_gate)))
    torch.testing.assert_close(block(**given), expected)


def test_film_scales_and_shifts_each_channel(given: dict) -> None:
    block = build(FiLMFusion)
    nn.init.normal_(block.projection[-1].weight)
    nn.init.normal_(block.projection[-1].bias)
    both = projected(block, given['descriptor'])
    scale, shift = both[:, :C, None, None], both[:, C:, None, None]
    torch.testing.assert_close(block(**given), (1 + scale) * (given['low'] + given['high']) + shift)


def test_untrained_film_is_the_sum_of_the_maps(given: dict) -> None:
    torch.testing.assert_close(build(FiLMFusion)(**given), given['low'] + given['high'], rtol=0, atol=0)


def test_a_pixel_attends_to_the_null_token_and_to_those_of_the_descriptor(given: dict) -> None:
    block = build(CrossAttentionFusion, tokens=3)
    out, (n, i, j) = block(**given), (1, 2, 0)
    pixel = (given['low'] + given['high'])[n, :, i, j]
    place = torch.tensor([(i + 0.5) / SIZE[0], (j + 0.5) / SIZE[1]]) * 2 - 1
    tokens = torch.stack([block.null, *projected(block, given['descriptor'])[n].split(C)])
    query = block.query.weight[..., 0, 0] @ torch.cat([pixel, place]) + block.query.bias
    scores = (tokens @ block.key.weight.T) @ query / C**0.5
    weights = scores.exp() / scores.exp().sum()
    attended = weights @ (tokens @ block.value.weight.T)
    torch.testing.assert_close(out[n, :, i, j], pixel + block.out.weight[..., 0, 0] @ attended + block.out.bias)


@pytest.mark.parametrize('tokens', [1, 4])
def test_attention_differs_from_pixel_to_pixel_even_with_one_token_of_the_descriptor(given: dict, tokens: int) -> None:
    block = build(CrossAttentionFusion, tokens=tokens, coordinates=False)
    added = block(**given) - given['low'] - given['high']
    assert added.std(dim=(2, 3)).min() > 1e-4


def test_only_coordinates_tell_equal_pixels_apart(given: dict) -> None:
    flat = dict(given, low=torch.ones(2, C, *SIZE), high=torch.ones(2, C, *SIZE))
    blind, placed = (build(CrossAttentionFusion, coordinates=value)(**flat) for value in (False, True))
    assert blind.std(dim=(2, 3)).max() < 1e-6
    assert min(placed.std(dim=axis).min() for axis in (2, 3)) > 1e-5


def test_the_descriptor_becomes_four_tokens_unless_told_otherwise() -> None:
    assert build(CrossAttentionFusion).projection[-1].out_features == 4 * C


def test_attention_without_a_token_is_refused() -> None:
    with pytest.raises(ConfigError, match='tokens=0; cross-attention needs at least one'):
        build(CrossAttentionFusion, tokens=0)


@pytest.mark.parametrize('kind', BLOCKS, ids=lambda kind: kind.__name__)
class TestDropIn:

    @pytest.mark.parametrize('merge', ['sum', 'expand', 'concat', 'low'])
    def test_it_has_the_channels_of_language_fusion(self, kind, merge, given):
        block, expected = build(kind, merge=merge), LanguageFusion(C, D, merge=merge)(**given).shape
        assert block(**given).shape == expected == (2, block.out_channels, *SIZE)

    def test_it_takes_the_place_of_language_fusion_by_name_alone(self, kind, given):
        config = dict(type=kind.__name__, channels=C, descriptor_dim=D, hidden=())
        assert isinstance(FUSION_BLOCKS.build(config), kind)

    @pytest.mark.parametrize('descriptor', [None, torch.zeros(2, D + 1), torch.zeros(1, D)], ids=['no', 'dim', 'batch'])
    def test_a_descriptor_of_another_shape_is_refused(self, kind, given, descriptor):
        with pytest.raises(ConfigError, match=rf'The descriptor is .*; language fusion needs \(2, {D}\)'):
            build(kind)(**dict(given, descriptor=descriptor))

    def test_the_descriptor_reaches_the_output_and_every_parameter_learns(self, kind, given):
        block = build(kind)
        optimizer = torch.optim.SGD(block.parameters(), lr=0.1)
        weights = torch.randn(2, C, *SIZE)
        for _ in range(2):  # FiLM's hidden layers wait one step for its last one
            optimizer.zero_grad()
            (block(**given) * weights).sum().backward()
            optimizer.step()
        assert [name for name, value in block.named_parameters() if not value.grad.abs().sum() > 0] == []
        block.eval()
        other = block(**dict(given, descriptor=given['descriptor'] + 1))
        assert not torch.allclose(block(**given), other)

    def test_a_whole_batch_is_a_batch_of_each(self, kind, given):
        block = build(kind).eval()
        alone = block(**{key: value[1:] for key, value in copy.deepcopy(given).items()})
        torch.testing.assert_close(block(**given)[1:], alone)


@pytest.mark.parametrize('block', [
    dict(type='ChannelFusion'), dict(type='LanguageFusion', descriptor_dim=D),
    dict(type='LanguageFusion', descriptor_dim=D, shared_projection=False),
    dict(type='GatedLanguageFusion', descriptor_dim=D)], ids=['channel', 'language', 'two projections', 'gated'])
def test_a_block_that_gives_the_shallow_map_has_no_parameter_without_a_gradient(block):
    built = FUSION_BLOCKS.build(dict(block, channels=C, merge='low'))
    built(torch.rand(2, C, 6, 5), torch.rand(2, C, 6, 5), torch.rand(2, D)).square().sum().backward()
    assert [name for name, parameter in built.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize('kind', [*BLOCKS, LanguageFusion], ids=lambda kind: kind.__name__)
def test_traced_of_a_batch_of_two_a_block_computes_one_of_three(kind, given):
    block, free = build(kind).eval(), {0: torch.export.Dim.DYNAMIC}
    traced = torch.export.export(block, (), given, dynamic_shapes=dict.fromkeys(given, free), strict=False).module()
    more = {name: torch.cat([value, value[:1]]) for name, value in given.items()}
    torch.testing.assert_close(traced(**more), block(**more))
