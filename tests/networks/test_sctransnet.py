"""SCTransNet's attention, feed-forward, fusion and head against their definitions."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from irstd_toolbox.models.layers import BatchNorm
from irstd_toolbox.models.networks.sctransnet import ChannelCrossFusion, SCTransEncoder, SCTransHead, SCTransNeck
from irstd_toolbox.models.networks.sctransnet_blocks import (
    ChannelCrossAttention,
    ChannelNorm,
    ComplementaryFeedForward,
    CrossTransformerBlock,
)

OFFICIAL, UNREAD_POSITIONS, UNREAD_WEIGHTS = 11_325_939, 256 * (32 + 64 + 128 + 256), 4 * 16


def embed(layers: torch.nn.Sequential, x: Tensor) -> Tensor:
    """``(C, HW)``: a 1x1 and a 3x3 convolution of one image."""
    first, second = layers
    mixed = torch.einsum('oi,ihw->ohw', first.weight[:, :, 0, 0], x)
    return F.conv2d(mixed[None], second.weight, padding=1, groups=second.groups)[0].flatten(1)


def attention_by_loops(block: ChannelCrossAttention, levels: list[Tensor], joint: Tensor) -> list[Tensor]:
    """SSCA of one image, channel by channel."""
    key, value = embed(block.key, joint[0]), embed(block.value, joint[0])
    total = len(key)
    out = []
    for x, query, project in zip(levels, block.queries, block.projections, strict=True):
        rows = embed(query, x[0])
        scores = torch.stack([torch.stack([(q @ k) / (q.norm() * k.norm()) / math.sqrt(total) for k in key])
                              for q in rows])
        scores = (scores - scores.mean()) / (scores.var(unbiased=False) + 1e-5).sqrt()
        mixed = torch.zeros_like(rows)
        for i, row in enumerate(scores):
            weights = row.exp() / row.exp().sum()
            for j in range(total):
                mixed[i] += weights[j] * value[j]
        out.append((project.weight[:, :, 0, 0] @ mixed).view_as(x))
    return out


def test_attention_lets_each_levels_channels_look_at_the_channels_of_all() -> None:
    torch.manual_seed(0)
    block = ChannelCrossAttention((4, 2, 6)).eval()
    levels = [torch.randn(1, c, 5, 3) for c in (4, 2, 6)]
    joint = torch.randn(1, 12, 5, 3)
    torch.testing.assert_close(block(levels, joint), attention_by_loops(block, levels, joint))


def test_attention_of_one_image_does_not_depend_on_the_others_in_the_batch() -> None:
    torch.manual_seed(0)
    block, levels, joint = ChannelCrossAttention((4, 2)), [torch.randn(2, 4, 3, 3), torch.randn(2, 2, 3, 3)], None
    joint = torch.cat(levels, 1)
    alone = block([x[1:] for x in levels], joint[1:])
    torch.testing.assert_close([x[1:] for x in block(levels, joint)], alone)


def test_the_norm_is_over_the_channels_of_each_pixel() -> None:
    x = torch.tensor([[1., 3.], [10., 30.]]).T.reshape(1, 2, 1, 2)  # pixels (1, 3) and (10, 30)
    torch.testing.assert_close(ChannelNorm(2)(x).flatten().tolist(), [-1., -1., 1., 1.], rtol=0, atol=1e-4)


def test_the_feed_forward_network_gives_each_half_its_kernel_and_each_channel_its_weight() -> None:
    torch.manual_seed(0)
    block, x = ComplementaryFeedForward(3), torch.randn(1, 3, 6, 5)
    hidden = int(3 * 2.66)
    wide = F.conv2d(x, block.widen.weight)
    fine = F.conv2d(wide[:, :hidden], block.fine.weight, padding=1, groups=hidden).relu()
    coarse = F.conv2d(wide[:, hidden:], block.coarse.weight, padding=2, groups=hidden).relu()
    out = F.conv2d(torch.cat([fine, coarse], 1), block.narrow.weight)
    a, b, c = block.weights.weight[0, 0]
    m = F.pad(out.mean((2, 3))[0], (1, 1))
    weights = torch.stack([a * m[i] + b * m[i + 1] + c * m[i + 2] for i in range(3)]).sigmoid()
    torch.testing.assert_close(block(x), out * weights[None, :, None, None])


def test_a_block_adds_attention_and_then_the_feed_forward_network_to_its_input() -> None:
    torch.manual_seed(0)
    block, levels = CrossTransformerBlock((2, 4)).eval(), [torch.randn(1, 2, 3, 3), torch.randn(1, 4, 3, 3)]
    joint = block.joint_norm(torch.cat(levels, 1))
    attended = block.attention([norm(x) for norm, x in zip(block.level_norms, levels, strict=True)], joint)
    middle = [x + y for x, y in zip(levels, attended, strict=True)]
    expected = [x + f(n(x)) for x, f, n in zip(middle, block.forwards, block.forward_norms, strict=True)]
    torch.testing.assert_close(block(levels), expected)


def test_the_fusion_weights_the_skips_channels_by_the_averages_of_both_maps() -> None:
    torch.manual_seed(0)
    block, low, high = ChannelCrossFusion(3), torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    first = low.mean((2, 3)) @ block.low_weights.weight.T + block.low_weights.bias
    second = high.mean((2, 3)) @ block.high_weights.weight.T + block.high_weights.bias
    weighted = low / (1 + torch.exp(-(first + second) / 2))[..., None, None]
    torch.testing.assert_close(block(low, high), torch.cat([weighted.clamp(min=0), high], 1))


@pytest.fixture
def neck() -> SCTransNeck:
    torch.manual_seed(0)
    return SCTransNeck((2, 4, 6, 6), blocks=2).eval()


def test_a_transformer_that_says_nothing_leaves_twice_the_encoders_map(neck: SCTransNeck) -> None:
    for part in neck.reconstructions:
        torch.nn.init.zeros_(part[1].weight)
    skips = [torch.randn(1, 2, 16, 8), torch.randn(1, 4, 8, 4), torch.randn(1, 6, 4, 2)]
    torch.testing.assert_close(neck.mix(skips), [2 * x for x in skips])


def test_maps_that_patches_do_not_fill_are_padded_with_zeros(neck: SCTransNeck) -> None:
    sizes, full = [(13, 9), (7, 5), (4, 3)], [(16, 16), (8, 8), (4, 4)]
    skips = [torch.randn(1, c, *size) for c, size in zip((2, 4, 6), sizes, strict=True)]
    padded = [F.pad(x, (0, w - x.shape[3], 0, h - x.shape[2])) for x, (h, w) in zip(skips, full, strict=True)]
    expected = [x[..., :h, :w] for x, (h, w) in zip(neck.mix(padded), sizes, strict=True)]
    torch.testing.assert_close(neck.mix(skips), expected)


def test_patches_of_all_levels_are_as_large_in_the_image(neck: SCTransNeck) -> None:
    assert [embedding.stride[0] * 2**i for i, embedding in enumerate(SCTransNeck().embeddings)] == [16] * 4
    assert [embedding.kernel_size[0] for embedding in neck.embeddings] == [8, 4, 2]


def test_the_head_predicts_from_the_finest_map_and_combines_all() -> None:
    torch.manual_seed(0)
    head, feats = SCTransHead((2, 3, 4)), [torch.randn(1, 2, 8, 8), torch.randn(1, 3, 4, 4), torch.randn(1, 4, 2, 2)]
    prediction, combination, *sides = head(feats, (8, 8))
    torch.testing.assert_close(prediction, F.conv2d(feats[0], head.predict.weight, head.predict.bias))
    weights = head.combine.weight[0, :, 0, 0]
    by_hand = weights[0] * sides[0] + weights[1] * sides[1] + weights[2] * prediction + head.combine.bias
    torch.testing.assert_close(combination, by_hand)
    small = F.conv2d(feats[1], head.sides[0].weight, head.sides[0].bias)[0, 0, 0]
    aligned = 4 / 7 * small[0] + 3 / 7 * small[1]  # corner on corner: the second of 8 pixels lies at 3 / 7 of 4
    torch.testing.assert_close(sides[0][0, 0, 0, 1], aligned)


def test_the_parameters_are_the_official_ones_without_those_that_nothing_reads() -> None:
    parts = SCTransEncoder(in_channels=1), SCTransNeck(), SCTransHead()
    own = sum(p.numel() for part in parts for p in part.parameters())
    assert own == OFFICIAL - UNREAD_POSITIONS - UNREAD_WEIGHTS == 11_202_995


def test_weights_start_as_the_papers() -> None:
    torch.manual_seed(0)
    neck = SCTransNeck()
    conv = neck.embeddings[3].weight
    assert conv.std().item() == pytest.approx(math.sqrt(2 / (256 * 4)), rel=0.01)
    scales = torch.cat([part.weight.flatten() for part in neck.modules() if isinstance(part, BatchNorm)])
    assert scales.std().item() == pytest.approx(0.02, rel=0.1)


def test_lowest_maps_of_different_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r'in_channels=\(32, 64, 128\): the lowest two maps are fused'):
        SCTransNeck((32, 64, 128))
