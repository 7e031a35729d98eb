"""ISTDU-Net: split attention and external attention, by hand, and the way up."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.networks.istdunet import (
    ExternalAttention,
    ISTDUDecoder,
    ISTDUEncoder,
    SplitAttentionBottleneck,
    SplitAttentionConv,
)


def randomise(module: torch.nn.Module) -> torch.nn.Module:
    torch.manual_seed(0)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if 'var' in name else torch.randn_like(value) * 0.5)
    return module.eval()


def test_split_attention_by_hand() -> None:
    """Two pathways of two channels; the 3x3 convolutions and the MLP are taken pathway by pathway."""
    layer = randomise(SplitAttentionConv(channels=4, groups=2))
    x = torch.randn(2, 4, 5, 6)
    branches = layer.conv(x)
    first, second = branches[:, :4], branches[:, 4:]
    pooled = (first + second).mean((2, 3))
    into, norm, _, out = layer.attend
    hidden = torch.cat([pooled[:, :2] @ into.weight[:16, :, 0, 0].T, pooled[:, 2:] @ into.weight[16:, :, 0, 0].T], 1)
    hidden = norm(hidden + into.bias).relu()
    score = [hidden[:, 16 * g:16 * g + 16] @ out.weight[4 * g:4 * g + 4, :, 0, 0].T + out.bias[4 * g:4 * g + 4]
             for g in range(2)]
    expected = torch.empty_like(x)
    for g in range(2):
        for c in range(2):
            # Of a pathway's four scores, the first two are the first branch's.
            share = sigmoid(score[g][:, c] - score[g][:, 2 + c])[:, None, None]
            channel = 2 * g + c
            expected[:, channel] = share * first[:, channel] + (1 - share) * second[:, channel]
    torch.testing.assert_close(layer(x), expected)


def test_split_attention_agrees_with_timms() -> None:
    from timm.layers import SplitAttn
    ours = randomise(SplitAttentionConv(channels=16))
    theirs = SplitAttn(16, 16, groups=4, radix=2, norm_layer=torch.nn.BatchNorm2d).eval()
    names = {'conv.0': 'conv', 'conv.1': 'bn0', 'attend.0': 'fc1', 'attend.1': 'bn1', 'attend.3': 'fc2'}
    theirs.load_state_dict({f'{names[name.rpartition(".")[0]]}.{name.rpartition(".")[2]}': value
                            for name, value in ours.state_dict().items()})
    x = torch.randn(2, 16, 7, 9)
    torch.testing.assert_close(ours(x), theirs(x))


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


class TestExternalAttention:

    def test_by_hand(self) -> None:
        layer = randomise(ExternalAttention(channels=3, slots=4))
        x = torch.randn(2, 3, 5, 6)
        score = torch.exp(torch.einsum('sc,nchw->nshw', layer.keys.weight[..., 0], layer.project(x)))
        attention = score / score.sum((2, 3), keepdim=True)
        attention = attention / attention.sum(1, keepdim=True)
        read = torch.einsum('cs,nshw->nchw', layer.values.weight[..., 0], attention)
        torch.testing.assert_close(layer(x), x + layer.out(read))

    def test_both_memories_start_alike_and_are_two(self) -> None:
        layer = ExternalAttention(channels=8, slots=4)
        assert layer.keys.weight[..., 0].T.equal(layer.values.weight[..., 0])
        layer.keys.weight.data += 1
        assert not layer.keys.weight[..., 0].T.equal(layer.values.weight[..., 0])


class TestBottleneck:

    def test_a_stride_averages_after_the_split_convolution_and_in_the_shortcut(self) -> None:
        block = randomise(SplitAttentionBottleneck(8, 16, stride=2))
        x = torch.randn(1, 8, 6, 4)
        main = block.widen(F.avg_pool2d(block.split(block.reduce(x)), 3, 2, padding=1))
        _, conv, norm = block.shortcut
        torch.testing.assert_close(block(x), F.relu(main + norm(conv(F.avg_pool2d(x, 2)))))

    def test_an_equal_width_keeps_its_shortcut_as_it_is(self) -> None:
        block = randomise(SplitAttentionBottleneck(64, 16))
        torch.nn.init.zeros_(block.widen[1].weight)
        torch.nn.init.zeros_(block.widen[1].bias)
        x = torch.randn(1, 64, 6, 4)
        torch.testing.assert_close(block(x), x.relu())


def test_convolutions_start_by_their_outputs() -> None:
    torch.manual_seed(0)
    conv = ISTDUEncoder().stages[3][1].split.conv[0]
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 256)), rel=0.03)


class TestDecoder:

    def test_goes_up_by_sums_of_the_attended_maps(self) -> None:
        neck = randomise(ISTDUDecoder(in_channels=(4, 6, 8), slots=3))
        feats = [torch.randn(1, 4, 8, 8), torch.randn(1, 6, 4, 4), torch.randn(1, 8, 2, 2)]
        fine, middle, deep = (skip(x) for skip, x in zip(neck.skips, feats, strict=True))
        x = middle + F.interpolate(neck.narrow[1](deep), scale_factor=2, mode='bilinear')
        x = fine + F.interpolate(neck.narrow[0](x), scale_factor=2, mode='bilinear')
        torch.testing.assert_close(neck(feats)[0], x)

    def test_takes_a_fusion_that_widens(self) -> None:
        neck = ISTDUDecoder(in_channels=(8, 8, 8), slots=3, fusion=dict(type='SumFusion', merge='concat'),
                            language_fusion=dict(type='LanguageFusion', descriptor_dim=5, merge='concat'))
        feats = [torch.randn(2, 8, size, size) for size in (8, 4, 2)]
        assert neck(feats, torch.randn(2, 5))[0].shape == (2, 16, 8, 8) and neck.out_channels == [16]

    def test_one_map_is_refused(self) -> None:
        with pytest.raises(ConfigError, match='needs two maps at least'):
            ISTDUDecoder(in_channels=(8,))


def test_an_encoder_of_unequal_lists_is_refused() -> None:
    with pytest.raises(ConfigError, match='2 widths for 3 depths'):
        ISTDUEncoder(widths=(4, 8), depths=(1, 1, 1))
