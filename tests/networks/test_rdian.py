"""RDIAN's attention of directions on images made by hand, its blocks and its size."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from irstd_toolbox.models.networks.rdian import (
    DIRECTIONS,
    RDIAN,
    BottleneckBlock,
    ConvolutionalAttention,
    DirectionAttention,
)

OFFICIAL_PARAMETERS = 216_758
FIXED_KERNELS = 8 * 5 * 5


def direction_logits(image: Tensor) -> Tensor:
    return torch.logit(DirectionAttention().double()(image[None, None].double()))[0, 0]


def test_a_bright_point_differs_from_all_eight_neighbours_and_its_surrounding_does_not() -> None:
    point = torch.zeros(9, 9)
    point[4, 4] = 1
    expected = torch.zeros(9, 9).double()
    expected[4, 4] = 4
    torch.testing.assert_close(direction_logits(point), expected)


def test_a_dark_point_is_weighed_like_a_bright_one() -> None:
    point = torch.zeros(9, 9)
    point[4, 4] = 1
    torch.testing.assert_close(direction_logits(-point), direction_logits(point))


def test_a_line_is_weighed_less_than_a_point_by_its_own_direction() -> None:
    line = torch.zeros(9, 9)
    line[4] = 1
    assert direction_logits(line)[4, 4].item() == pytest.approx(3)


def test_on_a_slope_opposite_differences_cancel_to_a_negative_sum() -> None:
    ramp = torch.arange(9.).expand(9, 9)
    torch.testing.assert_close(direction_logits(ramp)[2:7, 2:7], torch.full((5, 5), -12.).double())


def test_outside_the_image_is_zero() -> None:
    logits = direction_logits(torch.ones(5, 5))
    # In the corner only the pair along the other diagonal has both neighbours outside.
    assert logits[0, 0].item() == pytest.approx(1) and logits[2, 2].item() == pytest.approx(0)


def test_the_second_four_directions_are_opposite_to_the_first_four() -> None:
    assert [(-row, -column) for row, column in DIRECTIONS[:4]] == list(DIRECTIONS[4:])
    assert len(set(DIRECTIONS)) == 8


def test_the_kernels_are_neither_learned_nor_stored() -> None:
    attention = DirectionAttention()
    assert not list(attention.parameters()) and not attention.state_dict()


def test_a_block_adds_its_input_without_an_activation_behind() -> None:
    torch.manual_seed(0)
    block, x = BottleneckBlock(8, 5).eval(), torch.randn(1, 8, 6, 7)
    y = F.leaky_relu(block.layers[0][1](F.conv2d(x, block.layers[0][0].weight, padding=2)), 0.01)
    y = F.leaky_relu(block.layers[1][1](F.conv2d(y, block.layers[1][0].weight, padding=2)), 0.01)
    torch.testing.assert_close(block(x), y + x)


def test_the_attention_weighs_channels_first_and_pixels_of_the_result_then() -> None:
    torch.manual_seed(0)
    attention, x = ConvolutionalAttention(6, 2).eval(), torch.randn(2, 6, 5, 4)
    first, _, second = attention.channel

    def mlp(v: Tensor) -> Tensor:
        return torch.relu(v @ first.weight.T + first.bias) @ second.weight.T + second.bias

    channels = torch.sigmoid(mlp(x.flatten(2).mean(2)) + mlp(x.flatten(2).max(2).values))
    weighed = x * channels.view(2, 6, 1, 1)
    pooled = torch.stack([weighed.max(1).values, weighed.mean(1)], 1)
    pixels = torch.sigmoid(attention.spatial[1](F.conv2d(pooled, attention.spatial[0].weight, padding=3)))
    torch.testing.assert_close(attention(x), weighed * pixels)


def test_the_direction_attention_is_applied_to_the_first_features_and_added_to_them() -> None:
    torch.manual_seed(0)
    network, seen = RDIAN().eval(), {}
    network.shallow.register_forward_hook(lambda *args: seen.update(shallow=args[2]))
    network.down.register_forward_hook(lambda *args: seen.update(down=args[1][0]))
    x = torch.randn(1, 1, 12, 10)
    network(x)
    torch.testing.assert_close(seen['down'], seen['shallow'] + seen['shallow'] * network.direction(x))


def test_the_network_is_the_official_one_less_its_fixed_kernels() -> None:
    assert sum(p.numel() for p in RDIAN().parameters()) == OFFICIAL_PARAMETERS - FIXED_KERNELS
