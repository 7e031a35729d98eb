"""The gradient of an image and the edge loss, by hand."""

import math

import pytest
import torch

from irstd_toolbox.models.losses import EdgeLoss
from irstd_toolbox.models.losses.edge import gradient_magnitude


def spot(side: int = 5) -> torch.Tensor:
    mask = torch.zeros(1, 1, side, side)
    mask[..., side // 2, side // 2] = 1
    return mask


def test_a_point_has_four_neighbours_with_a_gradient_of_one_and_none_itself() -> None:
    expected = torch.full((5, 5), 1e-6).sqrt()
    for row, column in ((1, 2), (3, 2), (2, 1), (2, 3)):
        expected[row, column] = math.sqrt(1 + 1e-6)
    torch.testing.assert_close(gradient_magnitude(spot())[0, 0], expected)


def test_the_gradient_is_the_root_of_both_directions_squared() -> None:
    x = torch.tensor([[0., 7, 0], [2, 9, 5], [0, 3, 0]])[None, None]
    assert gradient_magnitude(x)[0, 0, 1, 1].item() == pytest.approx(math.hypot(3 - 7, 5 - 2))


def test_outside_the_image_is_zero() -> None:
    assert gradient_magnitude(torch.ones(1, 1, 3, 3))[0, 0, 0, 0].item() == pytest.approx(math.sqrt(2), abs=1e-6)


def test_channels_do_not_mix() -> None:
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(gradient_magnitude(x)[:, 1:2], gradient_magnitude(x[:, 1:2]))


def test_a_flat_image_has_a_finite_slope() -> None:
    x = torch.zeros(1, 1, 4, 4, requires_grad=True)
    gradient_magnitude(x).sum().backward()
    assert x.grad.isfinite().all()


def test_the_edge_loss_is_ten_cross_entropies_and_a_soft_iou() -> None:
    torch.manual_seed(0)
    edge, mask = torch.randn(2, 1, 6, 7), (torch.rand(2, 1, 6, 7) > 0.7).float()
    target, p = gradient_magnitude(mask).clamp(max=1), edge.sigmoid()
    entropy = -(target * p.log() + (1 - target) * (1 - p).log()).mean()
    overlap, union = (p * target).sum((1, 2, 3)), (p + target - p * target).sum((1, 2, 3))
    iou = (1 - (overlap + 1) / (union + 1)).mean()
    torch.testing.assert_close(EdgeLoss()(edge, mask), 10 * entropy + iou)
    torch.testing.assert_close(EdgeLoss(bce_weight=2, iou_weight=3)(edge, mask), 2 * entropy + 3 * iou)


def test_a_diagonal_edge_counts_as_one_and_not_as_the_root_of_two() -> None:
    mask = torch.zeros(1, 1, 6, 6)
    mask[..., 3:, 3:] = 1
    loss, sure = EdgeLoss(iou_weight=0), 100 * (2 * gradient_magnitude(mask).clamp(max=1) - 1)
    assert gradient_magnitude(mask).max() > 1.4
    # Against the root of 2 every step towards certainty would lower it, below 0 at last.
    assert 0 < loss(sure, mask) < loss(2 * sure, mask)


def test_it_reads_the_edge_and_takes_boolean_masks_and_the_inputs_along() -> None:
    mask = spot()
    assert EdgeLoss.reads == 'edge'
    torch.testing.assert_close(EdgeLoss()(mask, mask.bool(), torch.rand(1, 1, 5, 5)), EdgeLoss()(mask, mask))


def test_edge_and_mask_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r'got \(1, 1, 5, 5\) and \(1, 1, 4, 4\)'):
        EdgeLoss()(spot(5), spot(4))
