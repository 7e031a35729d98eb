"""The losses against their equations written out in numpy, their slopes, and their edges."""

import math

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.models.losses import BCELoss, DiceLoss, FocalLoss, SLSLoss, SoftIoULoss
from irstd_toolbox.registry import MODELS

ALL = [BCELoss(), BCELoss(pos_weight=5.), SoftIoULoss(), SoftIoULoss(per_image=False), DiceLoss(),
       DiceLoss(per_image=False), FocalLoss(), FocalLoss(gamma=0.5, alpha=None), SLSLoss()]
every_loss = pytest.mark.parametrize('loss', ALL, ids=lambda loss: type(loss).__name__)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 1, 5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.fixture
def mask() -> torch.Tensor:
    mask = torch.zeros(2, 1, 5, 7, dtype=torch.uint8)
    mask[0, 0, 1:3, 2:4] = 1
    mask[1, 0, 4, 6] = 1
    return mask


def arrays(logits: torch.Tensor, mask: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    return 1 / (1 + np.exp(-logits[:, 0].numpy())), mask[:, 0].numpy().astype(float)


def test_bce_is_the_equation(logits, mask):
    p, g = arrays(logits, mask)
    expected = -np.mean(g * np.log(p) + (1 - g) * np.log(1 - p))
    assert BCELoss()(logits, mask).item() == pytest.approx(expected, abs=1e-12)


def test_bce_weighs_target_pixels(logits, mask):
    p, g = arrays(logits, mask)
    expected = -np.mean(3 * g * np.log(p) + (1 - g) * np.log(1 - p))
    assert BCELoss(pos_weight=3.)(logits, mask).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(('gamma', 'alpha'), [(2., .25), (0.5, .75), (2., None)])
def test_focal_loss_is_the_equation(logits, mask, gamma, alpha):
    p, g = arrays(logits, mask)
    q = np.where(g == 1, p, 1 - p)
    a = 1 if alpha is None else np.where(g == 1, alpha, 1 - alpha)
    expected = -np.mean(a * (1 - q) ** gamma * np.log(q))
    assert FocalLoss(gamma, alpha)(logits, mask).item() == pytest.approx(expected, abs=1e-12)


def test_focal_loss_without_modulation_is_bce(logits, mask):
    torch.testing.assert_close(FocalLoss(gamma=0., alpha=None)(logits, mask), BCELoss()(logits, mask))


def test_soft_iou_is_averaged_over_images(logits, mask):
    p, g = arrays(logits, mask)
    each = [1 - ((a * b).sum() + 1) / (a.sum() + b.sum() - (a * b).sum() + 1) for a, b in zip(p, g, strict=True)]
    assert SoftIoULoss()(logits, mask).item() == pytest.approx(np.mean(each), abs=1e-12)


def test_soft_iou_can_be_taken_over_the_batch(logits, mask):
    p, g = arrays(logits, mask)
    expected = 1 - ((p * g).sum() + 0.5) / (p.sum() + g.sum() - (p * g).sum() + 0.5)
    assert SoftIoULoss(smooth=0.5, per_image=False)(logits, mask).item() == pytest.approx(expected, abs=1e-12)


def test_dice_is_averaged_over_images(logits, mask):
    p, g = arrays(logits, mask)
    each = [1 - (2 * (a * b).sum() + 1) / (a.sum() + b.sum() + 1) for a, b in zip(p, g, strict=True)]
    assert DiceLoss()(logits, mask).item() == pytest.approx(np.mean(each), abs=1e-12)


def test_dice_can_be_taken_over_the_batch(logits, mask):
    p, g = arrays(logits, mask)
    expected = 1 - (2 * (p * g).sum() + 1) / (p.sum() + g.sum() + 1)
    assert DiceLoss(per_image=False)(logits, mask).item() == pytest.approx(expected, abs=1e-12)


def sls(p: np.ndarray, g: np.ndarray, smooth: float, weight: float) -> float:
    """One image, as the paper's equations read, pixel by pixel."""
    overlap, a_p, a_g = (p * g).sum(), p.sum(), g.sum()
    variance = np.var([a_p, a_g])
    w = (min(a_p, a_g) + variance + smooth) / (max(a_p, a_g) + variance + smooth)
    scale = 1 - w * (overlap + smooth) / (a_p + a_g - overlap + smooth)
    polar = []
    for area in (p, g):
        x = sum(area[i, j] * (j + .5) for i in range(area.shape[0]) for j in range(area.shape[1])) / area.sum()
        y = sum(area[i, j] * (i + .5) for i in range(area.shape[0]) for j in range(area.shape[1])) / area.sum()
        polar.append((math.sqrt(x * x + y * y), math.atan(y / x)))
    (d_p, theta_p), (d_g, theta_g) = polar
    return scale + weight * (1 - min(d_p, d_g) / max(d_p, d_g) + 4 / math.pi**2 * (theta_p - theta_g) ** 2)


@pytest.mark.parametrize(('smooth', 'weight'), [(1., 1.), (1e-6, 1.), (1., .3)])
def test_sls_is_the_papers_equations(logits, mask, smooth, weight):
    expected = np.mean([sls(a, b, smooth, weight) for a, b in zip(*arrays(logits, mask), strict=True)])
    loss = SLSLoss(location_weight=weight, smooth=smooth)
    assert loss(logits, mask).item() == pytest.approx(expected, abs=1e-12)


def moments(p: np.ndarray, g: np.ndarray) -> float:
    """The location term of one image as the authors' code computes it, pixel by pixel."""
    height, width = p.shape
    polar = []
    for area in (p, g):
        x = sum(area[i, j] * j / width for i in range(height) for j in range(width)) / (height * width)
        y = sum(area[i, j] * i / height for i in range(height) for j in range(width)) / (height * width)
        polar.append((math.sqrt(x * x + y * y + 1e-8), math.atan(y / (x + 1e-8))))
    (d_p, theta_p), (d_g, theta_g) = polar
    return 1 - min(d_p, d_g) / (max(d_p, d_g) + 1e-8) + 4 / math.pi**2 * (theta_p - theta_g) ** 2


def test_sls_by_moments_is_the_authors_code(logits, mask):
    pairs = list(zip(*arrays(logits, mask), strict=True))
    expected = np.mean([sls(a, b, 1., 0.) + moments(a, b) for a, b in pairs])
    assert SLSLoss(centre='moment')(logits, mask).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('warm', [False, True])
def test_of_hdnet_an_image_counts_as_its_share_of_target_pixels(logits, mask, warm):
    pairs = list(zip(*arrays(logits, mask), strict=True))
    terms = [SoftIoULoss()(logits[i:i + 1], mask[i:i + 1]).item() if warm else sls(a, b, 1., 0.)
             for i, (a, b) in enumerate(pairs)]
    areas = np.array([b.sum() for _, b in pairs])
    places = 0 if warm else np.mean([moments(a, b) for a, b in pairs])
    expected = (np.array(terms) * areas / areas.sum()).sum() + places
    loss = SLSLoss(centre='moment', image_weight='area', warm_epochs=int(warm)).train()
    hub = MessageHub.get_current_instance()
    hub.update_info('epoch', 0)
    try:
        assert len(set(areas)) > 1 and loss(logits, mask).item() == pytest.approx(expected, abs=1e-6)
    finally:
        hub.pop_info('epoch')


@pytest.mark.parametrize('given', [dict(centre='code'), dict(image_weight='none')])
def test_a_reading_of_sls_that_is_none_is_refused(given):
    with pytest.raises(ConfigError, match='mean or moment, and equal or area, are expected'):
        SLSLoss(**given)


def test_sls_tells_distances_apart_where_iou_cannot():
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 10, 10] = 1
    near, far = torch.full((2, 1, 1, 32, 32), -100.)
    near[..., 10, 12] = 100
    far[..., 28, 3] = 100
    torch.testing.assert_close(SoftIoULoss()(near, mask), SoftIoULoss()(far, mask))
    assert SLSLoss()(near, mask) < SLSLoss()(far, mask) - 0.1


@pytest.mark.parametrize(('epoch', 'training', 'warm'), [(0, True, True), (4, True, True), (5, True, False),
                                                         (0, False, False)])
def test_sls_is_plain_iou_while_it_warms_up(logits, mask, epoch, training, warm):
    loss = SLSLoss(warm_epochs=5).train(training)
    hub = MessageHub.get_current_instance()
    hub.update_info('epoch', epoch)
    try:
        reference = SoftIoULoss() if warm else SLSLoss()
        torch.testing.assert_close(loss(logits, mask), reference(logits, mask))
    finally:
        hub.pop_info('epoch')


@every_loss
def test_it_falls_when_a_target_pixels_logit_rises(loss, logits, mask):
    x = logits.clone().requires_grad_()
    loss(x, mask).backward()
    assert (x.grad[mask == 1] < 0).all()


@pytest.mark.parametrize('loss', ALL[:-1], ids=lambda loss: type(loss).__name__)
def test_it_falls_when_a_background_pixels_logit_falls(loss, logits, mask):
    x = logits.clone().requires_grad_()
    loss(x, mask).backward()
    assert (x.grad[mask == 0] > 0).all()


@every_loss
def test_its_slope_is_that_of_finite_differences(loss, logits, mask):
    assert torch.autograd.gradcheck(lambda x: loss(x, mask), logits.clone().requires_grad_())


@every_loss
@pytest.mark.parametrize('value', [-100., 0., 100.])
@pytest.mark.parametrize('target', [False, True], ids=['empty mask', 'one target'])
def test_it_and_its_slope_are_finite_at_extremes(loss, value, target):
    x = torch.full((2, 1, 8, 8), value, requires_grad=True)
    mask = torch.zeros(2, 1, 8, 8)
    mask[0, 0, 3, 4] = target
    result = loss(x, mask)
    result.backward()
    assert result.isfinite()
    assert x.grad.isfinite().all()


@every_loss
def test_an_empty_image_teaches_the_network_to_stay_silent(loss):
    x = torch.full((1, 1, 8, 8), -1., requires_grad=True)
    loss(x, torch.zeros(1, 1, 8, 8)).backward()
    assert (x.grad > 0).all()


@every_loss
def test_a_perfect_prediction_costs_nothing(loss, mask):
    assert loss(200. * mask - 100, mask).item() == pytest.approx(0, abs=1e-6)


@every_loss
def test_it_is_computed_in_single_precision_under_autocast(loss, mask):
    x = torch.randn(2, 1, 5, 7, generator=torch.Generator().manual_seed(0))
    with torch.autocast('cpu', torch.bfloat16):
        result = loss(x, mask)
    assert result.dtype == torch.float32
    assert torch.equal(result, loss(x, mask))


@every_loss
def test_half_precision_logits_give_a_single_precision_loss(loss, mask):
    assert loss(torch.zeros(2, 1, 5, 7, dtype=torch.bfloat16), mask).dtype == torch.float32


@pytest.mark.parametrize('kind', [BCELoss, SoftIoULoss, DiceLoss, FocalLoss, SLSLoss])
def test_the_weight_scales_the_result(kind, logits, mask):
    torch.testing.assert_close(kind(loss_weight=0.3)(logits, mask), 0.3 * kind()(logits, mask))


@pytest.mark.parametrize('name', ['BCELoss', 'SoftIoULoss', 'DiceLoss', 'FocalLoss', 'SLSLoss'])
def test_its_bare_name_in_a_config_is_ours(name):
    assert type(MODELS.build(dict(type=name))).__module__.startswith('irstd_toolbox.models.losses')


@every_loss
@pytest.mark.parametrize(('a', 'b'), [((2, 1, 4, 4), (2, 4, 4)), ((2, 1, 4, 4), (2, 1, 4, 5)), ((2, 2, 4, 4),) * 2,
                                      ((0, 1, 4, 4),) * 2, ((4, 4),) * 2])
def test_a_wrong_shape_is_an_error(loss, a, b):
    with pytest.raises(ConfigError, match=r'takes logits and mask of one shape \(N, 1, H, W\), got'):
        loss(torch.zeros(a), torch.zeros(b))


@pytest.mark.parametrize('levels', [255, -1])
def test_a_mask_of_other_levels_is_an_error_also_after_an_empty_one(logits, mask, levels):
    loss = FocalLoss()
    loss(logits, 0 * mask)
    with pytest.raises(DataError, match='FocalLoss: the mask holds values from .*; expected 1 on targets'):
        loss(logits, mask.long() * levels)


@pytest.mark.parametrize(('make', 'message'), [
    (lambda: BCELoss(pos_weight=0.), 'must be positive'), (lambda: FocalLoss(gamma=-1.), 'must not be negative'),
    (lambda: FocalLoss(alpha=2.), 'lies in 0..1')])
def test_a_wrong_option_is_an_error(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize('kind', [SoftIoULoss, DiceLoss, SLSLoss])
@pytest.mark.parametrize('smooth', [0, 0.0, -1.0, math.nan, '1'])
def test_a_loss_of_regions_that_an_empty_image_would_make_nan_is_refused(kind, smooth):
    with pytest.raises(ConfigError, match=rf'{kind.__name__}\(smooth={smooth!r}\): a number above 0 is expected'):
        kind(smooth=smooth)


@pytest.mark.parametrize(('kind', 'name'), [
    *((kind, 'loss_weight') for kind in (BCELoss, SoftIoULoss, DiceLoss, FocalLoss, SLSLoss)),
    (SLSLoss, 'location_weight'), (SLSLoss, 'warm_epochs')])
@pytest.mark.parametrize('value', [-1, math.nan, '1', None])
def test_a_loss_that_would_train_away_from_the_masks_is_refused(kind, name, value):
    with pytest.raises(ConfigError, match=rf'{kind.__name__}\({name}={value!r}\): a number of at least 0 is expected'):
        kind(**{name: value})


@pytest.mark.parametrize('make', [
    lambda: BCELoss(pos_weight=math.inf), lambda: FocalLoss(gamma=math.nan), lambda: SoftIoULoss(smooth=math.inf),
    lambda: SLSLoss(location_weight=math.nan), lambda: DiceLoss(loss_weight=math.inf)])
def test_a_number_that_is_not_finite_is_refused(make):
    with pytest.raises(ConfigError, match='finite'):
        make()


def test_a_batch_without_targets_has_a_loss_of_places_alone_where_images_count_by_their_targets(logits):
    expected = np.mean([moments(p, np.zeros(p.shape)) for p in arrays(logits, logits)[0]])
    loss = SLSLoss(centre='moment', image_weight='area')
    assert loss(logits, torch.zeros(logits.shape)).item() == pytest.approx(expected, abs=1e-12)
