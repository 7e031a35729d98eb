"""U-Net and ResUNet: what meets on a level, and the figures of their public forms."""

import pytest
import torch
from torch import nn

from irstd_toolbox.models.fusion import LanguageFusion, SumFusion
from irstd_toolbox.models.networks.residual import ResidualEncoder
from irstd_toolbox.models.networks.unet import LogitHead, ResidualUDecoder, SkipJoin, UNetDecoder, UNetEncoder


def count(*parts: nn.Module) -> int:
    return sum(p.numel() for part in parts for p in part.parameters())


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def feats() -> list[torch.Tensor]:
    return [torch.randn(1, 4, 8, 12), torch.randn(1, 8, 4, 6), torch.randn(1, 16, 2, 3)]


def test_unet_has_the_parameters_of_basicirstds() -> None:
    assert count(UNetEncoder(in_channels=1), UNetDecoder(), LogitHead(64)) == 34_525_889


def test_resunet_has_the_parameters_of_basicirstds() -> None:
    encoder = ResidualEncoder((16, 32, 64, 128), (1, 2, 2, 2), in_channels=1, attention=False)
    assert count(encoder, ResidualUDecoder(), LogitHead(16)) == 904_785


def test_the_unet_decoder_repeats_pixels_reduces_and_puts_the_skip_first(feats: list) -> None:
    neck = UNetDecoder((4, 8, 16)).eval()
    x = feats[2]
    for i in (1, 0):
        x = neck.reduce[i](x.repeat_interleave(2, 2).repeat_interleave(2, 3))
        x = neck.stages[i](torch.cat([feats[i], x], 1))
    torch.testing.assert_close(neck(feats)[0], x)


def test_the_residual_decoder_stretches_and_puts_the_skip_first(feats: list) -> None:
    neck = ResidualUDecoder((4, 8, 16), (1, 1)).eval()
    up = nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)
    deep = neck.stages[1](torch.cat([feats[1], up(feats[2])], 1))
    fine = neck.stages[0](torch.cat([feats[0], up(deep)], 1))
    torch.testing.assert_close(neck(feats), [fine, deep])


def test_a_join_projects_the_deep_map_for_a_fusion_block_only() -> None:
    low, high = torch.randn(1, 4, 3, 3), torch.randn(1, 8, 3, 3)
    plain, fused = SkipJoin(4, 8), SkipJoin(4, 8, dict(type='SumFusion'))
    torch.testing.assert_close(plain(low, high), torch.cat([low, high], 1))
    torch.testing.assert_close(fused(low, high), low + fused.project(high))
    assert (plain.out_channels, fused.out_channels) == (12, 4)


@pytest.mark.parametrize('decoder', [UNetDecoder, lambda c, **k: ResidualUDecoder(c, (1, 1), **k)],
                         ids=['UNetDecoder', 'ResidualUDecoder'])
def test_language_reaches_the_deepest_level_alone(decoder: callable, feats: list) -> None:
    language = dict(type='LanguageFusion', descriptor_dim=6)
    neck = decoder((4, 8, 16), fusion=dict(type='SumFusion'), language_fusion=language).eval()
    assert [type(join.block) for join in neck.joins] == [SumFusion, LanguageFusion]
    one, other = neck(feats, torch.zeros(1, 6)), neck(feats, torch.ones(1, 6))
    assert not torch.allclose(one[1], other[1])


def test_the_head_is_a_1x1_convolution_of_the_finest_map(feats: list) -> None:
    head = LogitHead(4)
    expected = torch.einsum('c,nchw->nhw', head.conv.weight[0, :, 0, 0], feats[0]) + head.conv.bias
    torch.testing.assert_close(head(feats, (8, 12))[0][:, 0], expected)


@pytest.mark.parametrize(('build', 'words'), [
    (lambda: UNetDecoder((4,)), r'in_channels=\(4,\) has 1 level'),
    (lambda: ResidualUDecoder((4, 8, 16), (1,)), '1 numbers of blocks for 3 encoder maps')])
def test_a_plan_that_does_not_fit_is_refused(build: callable, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        build()
