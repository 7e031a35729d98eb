"""L2SKNet's kernels on hand-made images, and its four forms."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from irstd_toolbox.models.networks.l2sknet import (
    DilatedSaliencyKernel,
    FactorisedSaliencyKernel,
    L2SKHead,
    L2SKNeck,
    L2SKResidualEncoder,
    SaliencyStage,
)
from irstd_toolbox.models.networks.unet import UNetEncoder

UNREAD = sum(c * c * k * k for c, sizes in ((16, (17, 9, 5, 3)), (32, (9, 5, 3)), (64, (5, 3)), (128, (3,)))
             for k in sizes)
"""Full kernels of the authors' factorised modules, which nothing reads."""


def closed(kernel: torch.nn.Module, gate: float) -> torch.nn.Module:
    """``kernel`` with the same weight for each channel's centre tap, whatever the image."""
    norm = kernel.gate[5]
    torch.nn.init.zeros_(norm.weight)
    torch.nn.init.constant_(norm.bias, torch.tensor(gate).logit().item())
    return kernel.eval()


def each_channel_alone(conv: torch.nn.Conv2d, taps: Tensor) -> None:
    with torch.no_grad():
        conv.weight.zero_()
        for c in range(conv.out_channels):
            conv.weight[c, c] = taps


def bright_pixel(size: int = 9) -> Tensor:
    image = torch.zeros(1, 4, size, size)
    image[..., size // 2, size // 2] = 9
    return image


def test_a_mean_kernel_subtracts_the_neighbourhoods_mean_from_the_centre() -> None:
    kernel = closed(DilatedSaliencyKernel(4, 3), gate=0.5)
    each_channel_alone(kernel.conv, torch.full((3, 3), 1 / 9))
    expected = torch.zeros(9, 9)
    expected[3:6, 3:6] = -1
    expected[4, 4] = 9 - 1 + 0.5 * 9 / 9
    torch.testing.assert_close(kernel(bright_pixel())[0, 2], expected)


def test_a_dilated_kernel_looks_at_neighbours_farther_away() -> None:
    kernel = closed(DilatedSaliencyKernel(4, 3, dilation=2), gate=0.5)
    each_channel_alone(kernel.conv, torch.full((3, 3), 1 / 9))
    expected = torch.zeros(9, 9)
    expected[2:7:2, 2:7:2] = -1
    expected[4, 4] = 9 - 1 + 0.5
    torch.testing.assert_close(kernel(bright_pixel())[0, 0], expected)


@pytest.mark.parametrize(('size', 'dilation'), [(3, 1), (5, 2)])
def test_on_a_flat_image_only_the_weighted_centre_tap_remains(size: int, dilation: int) -> None:
    torch.manual_seed(0)
    kernel = closed(DilatedSaliencyKernel(4, size, dilation), gate=0.25)
    out = kernel(torch.full((1, 4, 20, 20), 7.))
    centre = 0.25 * 7 * kernel.conv.weight[:, :, size // 2, size // 2].sum(1)
    inside = dilation * (size // 2)
    torch.testing.assert_close(out[0, :, inside:-inside, inside:-inside],
                               centre[:, None, None].expand(4, 20 - 2 * inside, 20 - 2 * inside), rtol=1e-4, atol=1e-4)


def test_the_gate_weighs_channels_by_their_averages() -> None:
    torch.manual_seed(0)
    kernel, x = DilatedSaliencyKernel(8, 3).eval(), torch.rand(2, 8, 5, 5)
    _, first, _, _, second, _, _ = kernel.gate
    hidden = (x.mean((2, 3)) @ first.weight[:, :, 0, 0].T / (1 + 1e-5)**.5).relu()
    theta = (hidden @ second.weight[:, :, 0, 0].T / (1 + 1e-5)**.5).sigmoid()[..., None, None]
    weight = kernel.conv.weight
    summed, centre = weight.sum((2, 3))[..., None, None], weight[:, :, 1:2, 1:2]
    expected = F.conv2d(x, summed) - F.conv2d(x, weight, padding=1) + theta * F.conv2d(x, centre)
    torch.testing.assert_close(kernel(x), expected)


def test_the_factorised_kernel_is_the_full_one_of_the_outer_product_where_channels_stay_apart() -> None:
    row, column = torch.tensor([1., 2., 4.]), torch.tensor([3., -1., 5.])
    light, full = closed(FactorisedSaliencyKernel(4, 3), gate=0.5), closed(DilatedSaliencyKernel(4, 3), gate=0.5)
    each_channel_alone(light.row, row[None])
    each_channel_alone(light.column, column[:, None])
    torch.nn.init.zeros_(light.row.bias)
    torch.nn.init.zeros_(light.column.bias)
    each_channel_alone(full.conv, column[:, None] * row)
    x = torch.rand(1, 4, 6, 7)
    torch.testing.assert_close(light(x), full(x))


def test_the_factorised_kernels_sum_and_centre_are_products_for_each_pair_of_channels() -> None:
    torch.manual_seed(0)
    kernel, x = closed(FactorisedSaliencyKernel(4, 5), gate=0.5), torch.rand(1, 4, 7, 7)
    pairs = torch.einsum('oib,oia->oiab', kernel.row.weight[:, :, 0], kernel.column.weight[..., 0])
    point = (pairs.sum((2, 3)) + 0.5 * pairs[:, :, 2, 2])[..., None, None]
    torch.testing.assert_close(kernel(x), F.conv2d(x, point) - kernel.column(kernel.row(x)))


def test_factorised_kernels_reach_as_far_as_the_dilated_ones() -> None:
    scales = ((9, 2), (5, 2), (3, 2), (3, 1))
    light, full = SaliencyStage(4, scales, factorised=True), SaliencyStage(4, scales)
    assert [branch[0].row.kernel_size[1] for branch in light.branches] == [17, 9, 5, 3]
    assert [2 * branch[0].conv.padding[0] + 1 for branch in full.branches] == [17, 9, 5, 3]


def test_a_stage_mixes_the_sum_of_its_scales_and_leaves_a_single_one() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 4, 6, 6)
    several, single = SaliencyStage(4, ((3, 2), (3, 1))).eval(), SaliencyStage(4, ((3, 1),)).eval()
    torch.testing.assert_close(several(x), several.mix(several.branches[0](x) + several.branches[1](x)))
    torch.testing.assert_close(single(x), single.branches[0](x))


def feats(sizes: tuple[tuple[int, int], ...] = ((9, 7), (5, 4), (3, 2), (2, 1))) -> list[Tensor]:
    return [torch.rand(1, c, *size) for c, size in zip((4, 8, 12, 16), sizes, strict=True)]


def test_the_pyramid_adds_projected_deeper_maps() -> None:
    torch.manual_seed(0)
    neck = L2SKNeck('fpn', (4, 8, 12, 16)).eval()
    maps = feats()
    salient = [stage(x) for stage, x in zip(neck.saliency, maps, strict=True)]
    x = salient[3]
    for i in (2, 1, 0):
        x = salient[i] + neck.projections[i](F.interpolate(x, size=salient[i].shape[-2:], mode='bilinear'))
    torch.testing.assert_close(neck(maps)[0], x)


def test_the_u_net_puts_nearest_neighbours_of_the_deeper_map_behind_the_skip() -> None:
    torch.manual_seed(0)
    neck = L2SKNeck('unet', (4, 8, 12, 16)).eval()
    maps = feats()
    salient = [stage(x) for stage, x in zip(neck.saliency, maps, strict=True)]
    x = salient[3]
    for i in (2, 1, 0):
        high = neck.projections[i](F.interpolate(x, size=salient[i].shape[-2:], mode='nearest'))
        x = neck.decoders[i](torch.cat([salient[i], high], 1))
    torch.testing.assert_close(neck(maps)[0], x)


@pytest.mark.parametrize(('form', 'factorised', 'official'), [
    ('unet', False, 898_913), ('fpn', False, 1_071_053), ('unet', True, 1_326_753 - UNREAD),
    ('fpn', True, 1_498_893 - UNREAD)])
def test_the_parameters_are_the_official_ones_that_are_read(form: str, factorised: bool, official: int) -> None:
    encoder, hidden = (UNetEncoder, 0) if form == 'unet' else (L2SKResidualEncoder, 4)
    parts = encoder((16, 32, 64, 128), in_channels=1), L2SKNeck(form, factorised=factorised), L2SKHead(hidden=hidden)
    assert sum(p.numel() for part in parts for p in part.parameters()) == official


@pytest.mark.parametrize('form', ['unet', 'fpn'])
def test_another_fusion_may_stand_in_its_place(form: str) -> None:
    neck = L2SKNeck(form, (4, 8, 12, 16), fusion=dict(type='ChannelFusion', merge='expand')).eval()
    assert [x.shape[1] for x in neck(feats())] == neck.out_channels == (
        [4, 8, 12, 16] if form == 'unet' else [8, 16, 24, 16])


@pytest.mark.parametrize(('arguments', 'words'), [
    (('pan',), "form='pan' with 4 maps: choose 'unet' or 'fpn'"), (('fpn', (4, 8)), "form='fpn' with 2 maps")])
def test_an_unknown_form_or_another_depth_is_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        L2SKNeck(*arguments)
