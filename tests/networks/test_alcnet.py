"""ALCNet's local contrast on images made by hand, and its bottom-up attention by its equation."""

import math

import pytest
import torch
from torch import Tensor, nn

from irstd_toolbox.models.layers import stretch
from irstd_toolbox.models.networks.alcnet import (
    ALCNetNeck,
    BottomUpLocalFusion,
    multiscale_patch_contrast,
    patch_contrast,
)


def by_loops(x: Tensor, shift: int) -> Tensor:
    """The definition, value by value, on an image ``(H, W)``."""
    height, width = x.shape
    out = torch.empty_like(x)
    for i in range(height):
        for j in range(width):
            products = []
            for dy, dx in ((-1, -1), (-1, 0), (-1, 1), (0, 1)):
                ahead = x[(i + shift * dy) % height, (j + shift * dx) % width]
                behind = x[(i - shift * dy) % height, (j - shift * dx) % width]
                products.append((ahead - x[i, j]) * (behind - x[i, j]))
            out[i, j] = min(products)
    return out


def contrast(image: Tensor, shift: int) -> Tensor:
    return patch_contrast(image[None, None], shift)[0, 0]


def test_a_point_stands_out_by_the_product_of_its_two_smallest_differences() -> None:
    image = torch.zeros(7, 7)
    image[3, 3] = 5
    image[3, 5], image[3, 1] = 4, 2  # to the right and left at distance 2: differences -1 and -3
    assert contrast(image, 2)[3, 3] == 3


def test_a_dark_point_stands_out_as_a_bright_one_does() -> None:
    image = torch.randn(9, 9)
    torch.testing.assert_close(contrast(-image, 2), contrast(image, 2))


def test_an_edge_has_no_contrast_since_it_is_flat_along_itself() -> None:
    image = torch.zeros(8, 8)
    image[:, 4:] = 3
    assert (contrast(image, 2) == 0).all()


def test_a_slope_has_negative_contrast() -> None:
    image = torch.arange(9.).repeat(9, 1)
    assert contrast(image, 2)[4, 4] == -4


@pytest.mark.parametrize('shift', [1, 3, 13, 17])
@pytest.mark.parametrize('size', [(20, 18), (9, 12), (3, 17), (1, 1)], ids=str)
def test_positions_are_cyclic_also_on_maps_smaller_than_the_shift(shift: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    image = torch.randn(size)
    torch.testing.assert_close(contrast(image, shift), by_loops(image, shift))


def test_of_several_shifts_the_largest_contrast_counts() -> None:
    x = torch.randn(1, 2, 20, 20)
    one, other = patch_contrast(x, 3), patch_contrast(x, 5)
    torch.testing.assert_close(multiscale_patch_contrast(x, (3, 5)), torch.maximum(one, other))
    assert (one > other).any() and (other > one).any()


def test_the_shallow_map_gates_the_deep_one_and_is_added_whole() -> None:
    block = BottomUpLocalFusion(1).eval()
    for conv in (layer for layer in block.bottom_up if isinstance(layer, nn.Conv2d)):
        nn.init.ones_(conv.weight)
    k = 1 / math.sqrt(1 + 1e-5)
    low, high = torch.tensor([2., -1.]).view(1, 1, 1, 2), torch.tensor([3., 4.]).view(1, 1, 1, 2)
    expected = [k * h / (1 + math.exp(-k * max(0, k * k * a))) + k * a for a, h in ((2, 3), (-1, 4))]
    torch.testing.assert_close(block(low, high).flatten(), torch.tensor(expected))


def test_contrast_is_taken_of_the_backbones_maps_before_they_are_projected() -> None:
    torch.manual_seed(0)
    neck = ALCNetNeck((4, 8, 6), shifts=(2, 3), fusion=dict(type='SumFusion')).eval()
    fine, middle, deep = torch.randn(1, 4, 12, 10), torch.randn(1, 8, 6, 5), torch.randn(1, 6, 3, 3)
    c1, c2, c3 = (torch.maximum(patch_contrast(x, 2), patch_contrast(x, 3)) for x in (fine, middle, deep))
    second = neck.project[0](c2) + stretch(neck.project[1](c3), (6, 5))
    torch.testing.assert_close(neck([fine, middle, deep]), [c1 + stretch(second, (12, 10)), second])


@pytest.mark.parametrize(('options', 'words'), [
    (dict(in_channels=(16,)), 'two maps at least'),
    (dict(shifts=()), 'one shift of 1 or more'),
    (dict(shifts=(0, 3)), r'shifts=\(0, 3\)'),
])
def test_a_plan_that_cannot_work_is_refused(options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ALCNetNeck(**options)
