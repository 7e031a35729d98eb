"""AGPCNet's attention inside and between patches against loops, its fusion and neck against their formulas."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.inference.exporting import export_onnx
from irstd_toolbox.models.layers import pool
from irstd_toolbox.models.networks.agpcnet import AGPCHead, AsymmetricFusion, ContextPyramidNeck, UnpooledResNet
from irstd_toolbox.models.networks.agpcnet_blocks import (
    AttentionGuidedContextBlock,
    ContextPyramid,
    GlobalContextAttention,
    NonLocal,
)
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.config_edits import load_config

OFFICIAL_PARAMETERS = 12_360_461


def awake(module: nn.Module) -> nn.Module:
    """In test mode, with every parameter away from the values that hide it at the start."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, mean=0.2, std=0.5)
    return module.eval()


def conv1x1(conv: nn.Conv2d, pixel: Tensor) -> Tensor:
    return conv.weight[:, :, 0, 0] @ pixel + conv.bias


def attend_by_loop(block: NonLocal, x: Tensor) -> Tensor:
    """``(C, H, W)``, one pixel after another."""
    pixels = x.flatten(1).unbind(1)
    out = []
    for here in pixels:
        query = conv1x1(block.query, here)
        scores = torch.stack([query @ conv1x1(block.key, there) for there in pixels]).softmax(0)
        heard = sum(score * conv1x1(block.value, there) for score, there in zip(scores, pixels, strict=True))
        out.append(here + block.gamma * heard)
    return torch.stack(out, 1).view_as(x)


def edges(length: int, patches: int) -> list[int]:
    return [i * (length // patches) for i in range(patches)] + [length]


def test_non_local_attention_is_a_softmax_over_all_pixels() -> None:
    block, x = awake(NonLocal(8, 2)), torch.randn(2, 8, 3, 4)
    torch.testing.assert_close(block(x), torch.stack([attend_by_loop(block, image) for image in x]))


@pytest.mark.parametrize(('scale', 'size'), [(2, (4, 6)), (3, (7, 8)), (3, (6, 8)), (1, (3, 5)), (4, (5, 11))], ids=str)
def test_patches_attend_within_themselves_and_are_weighed_one_by_one(scale: int, size: tuple[int, int]) -> None:
    block, x = awake(AttentionGuidedContextBlock(8, scale)), torch.randn(2, 8, *size)
    weights, expected = block.between(x, (scale, scale)), torch.zeros_like(x)
    rows, columns = edges(size[0], scale), edges(size[1], scale)
    for i in range(scale):
        for j in range(scale):
            here = ..., slice(rows[i], rows[i + 1]), slice(columns[j], columns[j + 1])
            for n in range(2):
                expected[n][here] = attend_by_loop(block.inside, x[n][here]) * weights[n, :, i, j, None, None]
    torch.testing.assert_close(block.context(x), expected)


def test_for_images_of_any_size_it_is_refused_before_anything_is_traced(repository: Path, tmp_path: Path) -> None:
    config = load_config(str(repository / 'configs' / 'baselines' / 'agpcnet_irstd1k.py'))
    torch.save(dict(state_dict=MODELS.build(config.model).state_dict()), tmp_path / 'start.pth')
    with pytest.raises(ConfigError, match=r'ContextBlock cannot .* any size: its patches .* Give --shape HEIGHT WIDTH'):
        export_onnx(config, tmp_path / 'start.pth', tmp_path / 'network.onnx')


def test_a_map_smaller_than_the_scale_has_one_patch_a_pixel() -> None:
    block, x = awake(AttentionGuidedContextBlock(8, scale=10)), torch.randn(1, 8, 3, 2)
    alone = x + block.inside.gamma * F.conv2d(x, block.inside.value.weight, block.inside.value.bias)
    torch.testing.assert_close(block.context(x), alone * block.between(x, (3, 2)))


def test_the_weights_between_patches_come_from_their_maxima() -> None:
    gca, x = GlobalContextAttention(4).eval(), torch.randn(1, 4, 6, 6)
    gca.weigh = nn.Identity()
    maxima = x.view(1, 4, 2, 3, 2, 3).amax(dim=(3, 5))
    torch.testing.assert_close(gca(x, (2, 2)), maxima)  # its attention starts at gamma = 0
    nn.init.ones_(gca.attention.gamma)
    torch.testing.assert_close(gca(x, (2, 2))[0], attend_by_loop(gca.attention, maxima[0]))


@pytest.mark.parametrize(('kind', 'expected'), [('avg', F.adaptive_avg_pool2d), ('max', F.adaptive_max_pool2d)])
def test_pooling_to_be_exported_is_adaptive_pooling(kind: str, expected: Callable,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    x, grids = torch.randn(2, 3, 7, 12) - 2, ((3, 5), (7, 6), (1, 1))
    monkeypatch.setattr(torch.compiler, 'is_exporting', lambda: True)
    for grid in grids:
        torch.testing.assert_close(pool(x, grid, kind), expected(x, grid))


def test_a_context_block_starts_as_a_rectifier_and_adds_its_context_by_beta() -> None:
    block, x = AttentionGuidedContextBlock(8, scale=2).eval(), torch.randn(1, 8, 5, 5)
    torch.testing.assert_close(block(x), x.relu())
    nn.init.constant_(block.beta, 0.5)
    torch.testing.assert_close(block(x), (x + 0.5 * block.mix(block.context(x))).relu())


def test_the_pyramid_sets_all_scales_beside_the_reduced_map() -> None:
    pyramid, x = awake(ContextPyramid(32, scales=(3, 2), reductions=(4, 4))), torch.randn(1, 32, 6, 6)
    reduced = pyramid.reduce(x)
    beside = torch.cat([reduced, pyramid.blocks[0](reduced), pyramid.blocks[1](reduced)], 1)
    assert [block.scale for block in pyramid.blocks] == [3, 2]
    torch.testing.assert_close(pyramid(x), pyramid.expand(beside))


def test_asymmetric_fusion_weighs_pixels_by_the_shallow_and_channels_by_the_deep_map() -> None:
    block, low, high = awake(AsymmetricFusion(8)), torch.randn(2, 8, 5, 4), torch.randn(2, 8, 5, 4)

    def weigh(layers: nn.Sequential, x: Tensor) -> Tensor:
        x = layers[1](F.conv2d(x, layers[0].weight, layers[0].bias)).relu()
        return layers[4](F.conv2d(x, layers[3].weight, layers[3].bias)).sigmoid()

    pixels = weigh(block.pixel_weights, low)
    channels = weigh(block.channel_weights, high.flatten(2).mean(2)[..., None, None])
    mixed = block.mix[1](F.conv2d(low + high, block.mix[0].weight, block.mix[0].bias, padding=1)).relu()
    assert pixels.shape[2:] == (5, 4) and channels.shape[2:] == (1, 1)
    torch.testing.assert_close(block(low, high), mixed * channels * pixels)


def test_the_neck_enlarges_projects_and_fuses_from_the_deepest_map_up() -> None:
    neck = awake(ContextPyramidNeck((8, 16, 64), scales=(2,)))
    feats = [torch.randn(1, 8, 9, 12), torch.randn(1, 16, 5, 6), torch.randn(1, 64, 3, 3)]

    def enlarged(x: Tensor, low: Tensor) -> Tensor:
        return F.interpolate(x, size=low.shape[2:], mode='bilinear', align_corners=True)

    deep = neck.pyramid(feats[2])
    middle = neck.fusions[1](feats[1], neck.projections[1](enlarged(deep, feats[1])))
    fine = neck.fusions[0](feats[0], neck.projections[0](enlarged(middle, feats[0])))
    torch.testing.assert_close(neck(feats), [fine, middle, deep])


def test_the_neck_takes_other_fusion_blocks_and_a_language_fusion_for_the_deepest() -> None:
    neck = ContextPyramidNeck((8, 16, 64), fusion=dict(type='SumFusion', merge='concat'),
                              language_fusion=dict(type='LanguageFusion', descriptor_dim=12)).eval()
    feats = [torch.randn(1, 8, 8, 8), torch.randn(1, 16, 4, 4), torch.randn(1, 64, 2, 2)]
    maps = neck(feats, torch.randn(1, 12))
    assert [x.shape[1] for x in maps] == neck.out_channels == [16, 16, 64]


def test_the_stem_keeps_the_size_and_nothing_is_pooled() -> None:
    net = UnpooledResNet((1, 1, 1, 1), (4, 8, 16, 32)).eval()
    x = torch.randn(1, 3, 24, 16)
    assert net.stem(x).shape[2:] == net.stages[0](net.stem(x)).shape[2:] == (24, 16)
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in net.modules())


def test_another_number_of_stages_than_four_is_refused() -> None:
    with pytest.raises(ValueError, match=r'blocks=\(2, 2\).*four stages are expected'):
        UnpooledResNet((2, 2))


def test_the_network_has_the_official_number_of_parameters() -> None:
    parts = UnpooledResNet(), ContextPyramidNeck(), AGPCHead()
    assert sum(p.numel() for part in parts for p in part.parameters()) == OFFICIAL_PARAMETERS


def test_a_pyramid_without_a_scale_is_refused() -> None:
    with pytest.raises(ValueError, match='one scale or more is expected'):
        ContextPyramidNeck(scales=())
