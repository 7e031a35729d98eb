"""Attention blocks and the encoder of DNANet's family against their equations."""

import pytest
import torch

from irstd_toolbox.models.layers import stretch
from irstd_toolbox.models.networks.residual import (
    ChannelAttention,
    ResidualBlock,
    ResidualEncoder,
    SpatialAttention,
)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_channel_attention_adds_what_the_mean_and_the_maximum_of_each_channel_say() -> None:
    attention, x = ChannelAttention(32, reduction=2), torch.randn(2, 32, 5, 3)
    w1, w2 = attention.fc1.weight[..., 0, 0], attention.fc2.weight[..., 0, 0]
    logits = sum((pooled @ w1.T).clamp(min=0) @ w2.T for pooled in (x.mean((2, 3)), x.flatten(2).max(2).values))
    torch.testing.assert_close(attention(x)[..., 0, 0], 1 / (1 + torch.exp(-logits)))


def test_channel_attention_reduces_sixteenfold_to_at_least_one_channel() -> None:
    assert ChannelAttention(64).fc1.out_channels == 4
    assert ChannelAttention(8).fc1.out_channels == 1


def test_spatial_attention_weighs_the_mean_and_the_maximum_over_channels_in_a_window_of_7() -> None:
    attention, x = SpatialAttention(), torch.randn(1, 4, 9, 9)
    weight = attention.conv.weight[0]
    window = x[0, :, 1:8, 2:9]  # around row 4, column 5
    logit = (window.mean(0) * weight[0]).sum() + (window.max(0).values * weight[1]).sum()
    torch.testing.assert_close(attention(x)[0, 0, 4, 5], torch.sigmoid(logit))


def test_a_block_attends_to_channels_then_to_pixels_before_the_residual_is_added() -> None:
    block, x = ResidualBlock(4, 4).eval(), torch.randn(1, 4, 6, 5)
    y = block.bn2(block.conv2(block.bn1(block.conv1(x)).clamp(min=0)))
    y = y * block.channel(y)
    y = y * block.spatial(y)
    torch.testing.assert_close(block(x), (y + x).clamp(min=0))


def test_a_block_that_changes_channels_projects_its_residual() -> None:
    block, x = ResidualBlock(3, 5, attention=False).eval(), torch.randn(1, 3, 4, 4)
    y = block.bn2(block.conv2(block.bn1(block.conv1(x)).clamp(min=0)))
    projection, norm = block.shortcut
    torch.testing.assert_close(block(x), (y + norm(projection(x))).clamp(min=0))


def test_stretching_puts_corners_on_corners() -> None:
    x = torch.arange(12.).view(1, 1, 3, 4)
    small = stretch(x, (2, 2))
    assert small.flatten().tolist() == [0, 3, 8, 11]
    assert stretch(x, (3, 4)) is x


def test_the_encoder_pools_between_stages_and_not_before_the_first() -> None:
    net, x = ResidualEncoder((4, 8), (1, 1)).eval(), torch.randn(1, 3, 6, 4)
    first, second = net(x)
    torch.testing.assert_close(first, net.stages[0](x))
    torch.testing.assert_close(second, net.stages[1](first.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))))


def test_a_stem_is_a_1x1_convolution_before_the_first_stage() -> None:
    net, x = ResidualEncoder((4,), (1,), stem=True).eval(), torch.randn(1, 3, 4, 4)
    mixed = torch.einsum('oc,nchw->nohw', net.stem.weight[..., 0, 0], x) + net.stem.bias[:, None, None]
    torch.testing.assert_close(net(x)[0], net.stages[0](mixed))


def test_xavier_draws_convolutions_with_the_deviation_of_their_fans() -> None:
    weight = ResidualEncoder((64,), (2,)).stages[0][1].conv1.weight
    assert weight.std().item() == pytest.approx((2 / (64 * 9 + 64 * 9)) ** 0.5, rel=0.02)


@pytest.mark.parametrize(('widths', 'blocks', 'words'), [
    ((4, 8), (1,), '2 widths and 1 numbers of blocks'), ((4,), (0,), 'A stage of 0 residual blocks')])
def test_a_plan_that_does_not_fit_is_refused(widths: tuple, blocks: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ResidualEncoder(widths, blocks)
