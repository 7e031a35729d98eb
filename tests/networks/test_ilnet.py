"""ILNet: DODA, the two branches of IPOF and the gate of the representative block, by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.networks.ilnet import DynamicAggregation, IPOFFusion, RepresentativeHead


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


class TestDynamicAggregation:

    @pytest.mark.parametrize(('channels', 'width', 'times'), [(4, 1, 2), (8, 3, 3), (16, 3, 3), (32, 3, 3), (64, 3, 3),
                                                              (128, 5, 4), (256, 5, 4)])
    def test_width_and_depth_grow_with_the_channels(self, channels: int, width: int, times: int) -> None:
        layer = DynamicAggregation(channels)
        assert (layer.conv.kernel_size[0], layer.times) == (width, times)

    def test_one_kernel_slides_again_and_again_over_the_channels(self) -> None:
        torch.manual_seed(0)
        layer = DynamicAggregation(8)
        left, middle, right = layer.conv.weight.flatten()
        x = torch.randn(2, 8)
        mixed = x
        for _ in range(3):
            padded = F.pad(mixed, (1, 1))
            mixed = left * padded[:, :-2] + middle * padded[:, 1:-1] + right * padded[:, 2:]
        torch.testing.assert_close(layer(x), x + sigmoid(mixed))


@pytest.fixture
def block() -> IPOFFusion:
    torch.manual_seed(0)
    block = IPOFFusion(channels=64)
    for name, value in block.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if 'var' in name else torch.randn_like(value) * 0.5)
    return block.eval()


def pointwise(layers: torch.nn.Sequential, x: Tensor) -> Tensor:
    """Twice a 1x1 convolution, batch norm and ReLU, as sums."""
    for conv, norm in ((layers[0], layers[1]), (layers[3], layers[4])):
        x = torch.einsum('oc,nchw->nohw', conv.weight[..., 0, 0], x)
        scale = norm.weight / torch.sqrt(norm.running_var + 1e-5)
        x = ((x - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]).clamp(min=0)
    return x


def layer_norm(x: Tensor, norm: torch.nn.LayerNorm) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    normed = centred / torch.sqrt(centred.square().mean(1, keepdim=True) + 1e-5)
    return normed * norm.weight[:, 0, 0] + norm.bias[:, 0, 0]


class TestIPOFFusion:

    def test_the_channel_branch_by_hand(self, block: IPOFFusion) -> None:
        low, high = torch.randn(2, 64, 4, 5), torch.randn(2, 64, 4, 5)
        score = torch.exp(pointwise(block.position, high))
        where = score / score.sum((2, 3), keepdim=True)
        context = (where * pointwise(block.value, low)).sum((2, 3))
        first, norm_1, _, second, norm_2 = block.excite
        hidden = layer_norm(block.aggregate(context) @ first.weight[..., 0, 0].T + first.bias, norm_1).clamp(min=0)
        expected = sigmoid(layer_norm(hidden @ second.weight[..., 0, 0].T + second.bias, norm_2))
        torch.testing.assert_close(block.channel_weight(low, high)[..., 0, 0], expected)

    def test_the_spatial_branch_by_hand(self, block: IPOFFusion) -> None:
        low, high = torch.randn(2, 64, 4, 5), torch.randn(2, 64, 4, 5)
        score = torch.exp(block.aggregate(pointwise(block.query, high).mean((2, 3))))
        which = score / score.sum(1, keepdim=True)
        product = (which[..., None, None] * pointwise(block.key, low)).sum(1, keepdim=True)
        centred = product - product.mean((2, 3), keepdim=True)
        expected = sigmoid(centred / torch.sqrt(centred.square().mean((2, 3), keepdim=True) + 1e-5))
        torch.testing.assert_close(block.position_weight(low, high), expected)

    def test_channels_weigh_the_shallow_map_and_positions_the_deep_one(self, block: IPOFFusion) -> None:
        low, high = torch.randn(2, 64, 4, 5), torch.randn(2, 64, 4, 5)
        merged = low * block.channel_weight(low, high) + high * block.position_weight(low, high)
        conv, norm = block.expand[0], block.expand[1]
        torch.testing.assert_close(block(low, high), norm(conv(merged)).relu())

    def test_both_branches_share_one_aggregation(self, block: IPOFFusion) -> None:
        low, high = torch.randn(2, 64, 4, 5), torch.randn(2, 64, 4, 5)
        before = block.channel_weight(low, high), block.position_weight(low, high)
        block.aggregate.conv.weight.data += 1
        after = block.channel_weight(low, high), block.position_weight(low, high)
        assert not before[0].equal(after[0]) and not before[1].equal(after[1])

    def test_with_eight_channels_the_channel_weights_do_not_depend_on_the_image(self) -> None:
        torch.manual_seed(0)
        block = IPOFFusion(channels=8).eval()
        one, other = (block.channel_weight(*torch.randn(2, 1, 8, 4, 5)) for _ in range(2))
        torch.testing.assert_close(one, other, rtol=0, atol=0)

    @pytest.mark.parametrize('channels', [6, 9])
    def test_channels_that_cannot_be_halved_or_squeezed_are_refused(self, channels: int) -> None:
        with pytest.raises(ConfigError, match=f'even number of channels, at least 8; got {channels}'):
            IPOFFusion(channels=channels)


class TestRepresentativeHead:

    @pytest.fixture
    def head(self) -> RepresentativeHead:
        torch.manual_seed(0)
        return RepresentativeHead(in_channels=(3, 3, 5), votes=(4, 2, 1), shallow=2)

    @pytest.fixture
    def feats(self) -> list[Tensor]:
        torch.manual_seed(1)
        return [torch.randn(2, 3, 8, 12), torch.randn(2, 3, 4, 6), torch.randn(2, 5, 2, 3)]

    def test_the_gate_scales_the_deep_votes_alone(self, head: RepresentativeHead, feats: list[Tensor]) -> None:
        def up(x: Tensor) -> Tensor:
            return F.interpolate(x, (8, 12), mode='bilinear', align_corners=False)
        a, b = head.gate.weight.flatten()
        gate = sigmoid(a * up(head.saliency(feats[0])) + b * up(head.saliency(feats[1])) + head.gate.bias)
        votes = [up(vote(x)) for vote, x in zip(head.votes, feats, strict=True)]
        stacked = torch.cat([votes[0], votes[1], gate * votes[2]], dim=1)
        expected = (head.final.weight[0] * stacked).sum(1, keepdim=True) + head.final.bias
        torch.testing.assert_close(head(feats, (8, 12))[0], expected)

    def test_side_maps_have_convolutions_of_their_own(self, head: RepresentativeHead, feats: list[Tensor]) -> None:
        before = head(feats, (8, 12))
        torch.nn.init.zeros_(head.sides[2].weight)
        torch.nn.init.constant_(head.sides[2].bias, 7)
        final, _, _, coarse = head(feats, (8, 12))
        torch.testing.assert_close(coarse, torch.full_like(coarse, 7))
        torch.testing.assert_close(final, before[0], rtol=0, atol=0)

    def test_finer_levels_have_more_votes(self) -> None:
        votes = [vote.out_channels for vote in RepresentativeHead().votes]
        assert votes == [16, 8, 4, 2, 1, 1] and sum(votes) == 32

    def test_shallow_maps_of_different_widths_are_refused(self) -> None:
        with pytest.raises(ConfigError, match=r'shallow maps share a convolution, but in_channels=\(3, 4, 5\)'):
            RepresentativeHead(in_channels=(3, 4, 5), votes=(1, 1, 1))

    def test_votes_for_another_number_of_maps_are_refused(self) -> None:
        with pytest.raises(ConfigError, match='6 entries of votes for 2 maps'):
            RepresentativeHead(in_channels=(3, 3), shallow=2)


def test_the_widths_formula_holds_for_channels_that_are_no_power_of_two() -> None:
    layer = DynamicAggregation(48)
    assert layer.conv.kernel_size[0] == 3 and layer.times == 1 + math.ceil(1 + (math.log2(48) - 2) / 4)
