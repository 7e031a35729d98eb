"""Predictions averaged over views, and put together from windows: the mean, and what each of them is told."""

import copy
import itertools

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.complexity import complexity
from irstd_toolbox.models.views import Views, mean_logits
from irstd_toolbox.models.windows import Windows
from irstd_toolbox.registry import MODELS

PLAIN = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', channels=1, divisor=4),
    backbone=dict(type='RSUEncoder', in_channels=1, stages=((3, 4, 8), (3, 4, 8))),
    neck=dict(type='RSUDecoder', in_channels=(8, 8), stages=((3, 4, 8), (3, 4, 8), ('2F', 4, 8))),
    decode_head=dict(type='GatedOutputHead', in_channels=(8, 8, 8), shallow=1, prior=None),
    loss=dict(type='BCELoss'))
TOLD = dict(
    PLAIN,
    neck=dict(PLAIN['neck'], language_fusion=dict(type='LanguageFusion', descriptor_dim=32, hidden=(8,))),
    target_descriptor=dict(type='TargetDescriptor', cache_dir=None, encoder=dict(
        type='OpenCLIPEncoder', pretrained='random', model=dict(
            embed_dim=32, vision_cfg=dict(image_size=32, layers=1, width=32, head_width=16, patch_size=16),
            text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1)))))


def build(config: dict = PLAIN, **changes: object) -> torch.nn.Module:
    torch.manual_seed(0)
    return MODELS.build(copy.deepcopy(dict(config, **changes))).eval()


def predict(model: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Probabilities ``(N, H, W)`` of samples that carry nothing but a mask."""
    mask = PixelData(data=torch.zeros(1, *inputs.shape[-2:], dtype=torch.uint8))
    with torch.no_grad():
        found = model(inputs, [SegDataSample(gt_sem_seg=mask) for _ in inputs], 'predict')
    return torch.stack([one.seg_logits.data[0] for one in found]).sigmoid()


def test_of_a_model_that_finds_no_targets_nothing_is_counted() -> None:
    with pytest.raises(ConfigError, match='ContrastiveCLIP is not counted here'):
        complexity(dict(type='ContrastiveCLIP', encoder=dict(type='OpenCLIPEncoder', model='ViT-B-16-quickgelu')))


def test_the_views_of_a_picture_are_the_eight_symmetries_of_the_square() -> None:
    image = np.arange(6).reshape(2, 3)
    views = [view.apply(torch.from_numpy(image.copy())).numpy() for view in Views(True, True).symmetries]
    group = [np.rot90(one, turns) for one, turns in itertools.product((image, image.T), range(4))]
    assert sorted(map(repr, views)) == sorted(map(repr, map(np.ascontiguousarray, group)))


@pytest.mark.parametrize('view', Views(True, True).symmetries, ids=str)
def test_a_view_is_undone(view: object) -> None:
    x = torch.rand(2, 1, 3, 5)
    assert torch.equal(view.undo(view.apply(x)), x)


@pytest.mark.parametrize(('logits', 'expected'), [
    ([40.0, -40.0], 0.0), ([30.0, 30.0], 30.0), ([-50.0, -50.0, -50.0], -50.0),
    ([1.0, -2.0], np.log((0.731058578630005 + 0.119202922022118) / (0.268941421369995 + 0.880797077977882)))])
def test_the_mean_is_of_probabilities_and_keeps_what_is_near_0_and_1(logits: list[float], expected: float) -> None:
    assert mean_logits([torch.tensor(one) for one in logits]).item() == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_mirrored_predictions_are_the_mean_of_four_mirrored_back() -> None:
    inputs = torch.randn(2, 1, 16, 24, generator=torch.manual_seed(1))
    model = build()
    with torch.no_grad():
        each = [model(inputs.flip(axes))[0].flip(axes).sigmoid() for axes in ((), (2,), (3,), (2, 3))]
    assert (each[0] - each[1]).abs().max() > 5e-3  # the network is not symmetric itself
    torch.testing.assert_close(predict(build(views=dict(mirrored=True)), inputs), torch.stack(each).mean(0)[:, 0])


def test_turned_and_scaled_predictions_come_back_to_the_pixels_of_the_image() -> None:
    inputs = torch.randn(1, 1, 16, 24, generator=torch.manual_seed(1))
    model = build(views=dict(turned=True, scales=(1.0, 1.3)))
    seen = []
    model.backbone.register_forward_hook(lambda _, args, __: seen.append(tuple(args[0].shape[-2:])))
    found = predict(model, inputs)
    assert seen == [(16, 24), (20, 32), (24, 16), (32, 20)]  # multiples of 4 next to 20.8 and 31.2
    resize = torch.nn.functional.interpolate
    plain, each = build(), []
    with torch.no_grad():
        for view in (inputs, inputs.transpose(2, 3)):
            size = [4 * round(side * 1.3 / 4) for side in view.shape[2:]]
            large = resize(view, size, mode='bilinear', antialias=True)
            for logits in (plain(view)[0], resize(plain(large)[0], view.shape[2:], mode='bilinear')):
                each.append((logits if view is inputs else logits.transpose(2, 3)).sigmoid())
    torch.testing.assert_close(found, torch.stack(each).mean(0)[:, 0])


def test_each_view_of_the_scene_has_its_own_descriptor_at_all_scales() -> None:
    model = build(TOLD, views=dict(mirrored=True, scales=(1.0, 0.5)))
    scenes = []
    model.target_descriptor.register_forward_hook(lambda _, args, __: scenes.append(args[0][0]))
    predict(model, torch.rand(1, 1, 32, 32) * 200)
    assert len(scenes) == 4
    assert len({scene.numpy().tobytes() for scene in scenes}) == 4
    assert all(torch.equal(scene, scenes[0].flip(axes))
               for scene, axes in zip(scenes, ((), (-1,), (-2,), (-2, -1)), strict=True))


def test_sentences_at_test_are_not_held_against_mirrored_views() -> None:
    told = dict(TOLD['target_descriptor'], text='train_and_test')
    with pytest.raises(ConfigError, match='Descriptions at test are of the image as it is'):
        build(TOLD, target_descriptor=told, views=dict(mirrored=True))
    assert build(TOLD, target_descriptor=told, views=dict(scales=(1.0, 2.0))).views.count == 2


def test_training_and_plain_logits_have_no_views() -> None:
    inputs = torch.rand(1, 1, 16, 16)
    samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.ones(1, 16, 16)))]
    plain, viewed = build(), build(views=dict(turned=True))
    with torch.no_grad():
        torch.testing.assert_close(viewed(inputs, samples, 'loss'), plain(inputs, samples, 'loss'), rtol=0, atol=0)
        torch.testing.assert_close(viewed(inputs)[0], plain(inputs)[0], rtol=0, atol=0)


def test_operations_are_counted_of_every_view() -> None:
    plain, viewed = (complexity(dict(PLAIN, **views), (64, 64)) for views in (
        {}, dict(views=dict(mirrored=True, scales=(1.0, 0.5)))))
    assert viewed['macs'] == pytest.approx(plain['macs'] * 4 * (1 + 0.25), rel=1e-4)
    assert viewed['parameters'] == plain['parameters']


@pytest.mark.parametrize(('views', 'message'), [
    (True, 'options mirrored, turned, scales are expected'),
    (dict(flip=True), 'options mirrored, turned, scales are expected'),
    (dict(mirrored='yes'), "mirrored='yes', turned=False: True or False is expected"),
    (dict(scales=2), r'scales=2 of the views: positive numbers are expected'),
    (dict(scales=(1, 0)), 'positive numbers are expected'), (dict(scales=()), 'positive numbers are expected'),
    (dict(scales=(float('inf'),)), 'positive numbers are expected'),
    (dict(scales=(1.0, True)), 'positive numbers are expected'),
    (dict(), 'there is nothing to average'), (dict(mirrored=False), 'there is nothing to average')])
def test_views_that_are_none_are_refused(views: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(views=views)


@pytest.mark.parametrize(('side', 'window', 'stride', 'starts'), [
    (12, 4, 4, [0, 4, 8]), (13, 4, 4, [0, 4, 8, 9]), (12, 4, 3, [0, 3, 6, 8]), (4, 4, 4, [0]), (3, 4, 2, [0]),
    (5, 4, 1, [0, 1])])
def test_windows_begin_every_stride_and_the_last_ends_with_the_image(
        side: int, window: int, stride: int, starts: list[int]) -> None:
    assert Windows.starts(side, window, stride) == starts


@pytest.mark.parametrize('seed', range(20))
def test_no_pixel_is_left_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    side, window = rng.integers(1, 60, 2)
    stride = rng.integers(1, window + 1)
    starts = Windows.starts(side, window, stride)
    seen = {pixel for start in starts for pixel in range(start, min(start + window, side))}
    assert seen == set(range(side))


def test_a_pixel_has_the_mean_probability_of_its_windows_by_how_far_from_their_edges_it_is() -> None:
    inputs = torch.randn(2, 1, 16, 28, generator=torch.manual_seed(1))
    plain = build()
    weight = torch.tensor([[min(row + 1, 8 - row) * min(column + 1, 16 - column) for column in range(16)]
                           for row in range(8)])
    total, weights, count = torch.zeros(2, 16, 28), torch.zeros(16, 28), torch.zeros(16, 28)
    with torch.no_grad():
        for top in (0, 6, 8):
            for left in (0, 9, 12):
                place = (..., slice(top, top + 8), slice(left, left + 16))
                total[place] += weight * plain(inputs[:, :, top:top + 8, left:left + 16])[0].sigmoid()[:, 0]
                weights[place] += weight
                count[place] += 1
    assert count.min() == 1 and count.max() == 6
    torch.testing.assert_close(predict(build(windows=dict(size=(8, 16), stride=(6, 9))), inputs), total / weights)
    assert (predict(plain, inputs) - total / weights).abs().max() > 5e-3  # the network sees further than a window


@pytest.mark.parametrize('logit', [-60.0, -1.5, 0.0, 40.0])
def test_what_is_near_0_and_1_is_kept(logit: float) -> None:
    inputs = torch.zeros(1, 1, 8, 12)
    found = Windows(8, 3).assemble(inputs, lambda window: torch.full_like(window, logit))
    torch.testing.assert_close(found, torch.full((1, 1, 8, 12), logit), rtol=1e-5, atol=1e-5)


def test_logits_of_half_precision_are_averaged_in_single() -> None:
    half = torch.tensor([[1.5, -3.0], [-2.5, 0.75]])
    found = mean_logits([one.bfloat16() for one in half])
    torch.testing.assert_close(found, torch.logit(half.sigmoid().mean(0)), rtol=1e-5, atol=1e-5)
    windows = Windows(4).assemble(torch.zeros(1, 1, 4, 7), lambda window: torch.full_like(window, 1.5).bfloat16())
    assert found.dtype == windows.dtype == torch.float32
    torch.testing.assert_close(windows, torch.full((1, 1, 4, 7), 1.5), rtol=1e-5, atol=1e-5)


def test_a_view_that_is_made_smaller_is_averaged_and_has_at_least_the_divisor_a_side() -> None:
    seen, inputs = [], torch.rand(1, 1, 8, 100)
    Views(scales=(0.5, 0.1)).average(inputs, 4, lambda view, _: (seen.append(view), view)[1])
    assert [tuple(view.shape[-2:]) for view in seen] == [(4, 48), (4, 8)]
    halves = Views(scales=(0.5,)).average(inputs, 2, lambda view, _: (seen.append(view), view)[1])
    triangle = torch.tensor([1., 3., 3., 1.]) / 8  # over two of the smaller pixels; away from the border
    expected = torch.einsum('i,ij,j->', triangle, inputs[0, 0, 1:5, 1:5], triangle)
    assert halves.shape == inputs.shape and seen[-1][0, 0, 1, 1].item() == pytest.approx(expected.item(), rel=1e-5)


def test_every_view_is_seen_through_windows() -> None:
    model = build(windows=dict(size=8, stride=8), views=dict(turned=True, scales=(2.0,)))
    seen = []
    model.backbone.register_forward_hook(lambda _, args, __: seen.append(tuple(args[0].shape[-2:])))
    found = predict(model, torch.randn(1, 1, 8, 12, generator=torch.manual_seed(1)))
    assert found.shape == (1, 8, 12)
    assert seen == [(8, 8)] * 2 * (2 * 3)


def test_every_window_is_told_of_the_whole_scene() -> None:
    model, told = build(TOLD, windows=dict(size=16, stride=16)), []
    model.neck.register_forward_hook(lambda _, args, __: told.append(args[1]))
    scenes = []
    model.target_descriptor.register_forward_hook(lambda _, args, __: scenes.append(args[0]))
    predict(model, torch.rand(1, 1, 32, 32) * 200)
    assert len(scenes) == 1 and len(told) == 4
    assert all(torch.equal(one, told[0]) for one in told)


def test_training_and_plain_logits_have_no_windows() -> None:
    inputs = torch.rand(1, 1, 16, 16)
    samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.ones(1, 16, 16)))]
    plain, windowed = build(), build(windows=dict(size=8))
    with torch.no_grad():
        torch.testing.assert_close(windowed(inputs, samples, 'loss'), plain(inputs, samples, 'loss'), rtol=0, atol=0)
        torch.testing.assert_close(windowed(inputs)[0], plain(inputs)[0], rtol=0, atol=0)


def test_operations_are_counted_of_every_window() -> None:
    plain, windowed = (complexity(dict(PLAIN, **more), (64, 64))
                       for more in ({}, dict(windows=dict(size=32, stride=16))))
    assert windowed['macs'] == pytest.approx(plain['macs'] / 4 * 9, rel=1e-4)


@pytest.mark.parametrize(('windows', 'message'), [
    (True, 'options size, stride are expected, such as model.windows.size=512'),
    (dict(), 'options size, stride are expected'), (dict(stride=4), 'options size, stride are expected'),
    (dict(crop=8), 'options size, stride are expected'), (dict(size=8, crop=8), 'options size, stride are expected'),
    (dict(size=0), 'windows with size=0: pixels are expected'), (dict(size=True), 'windows with size=True'),
    (dict(size=8.0), 'windows with size=8.0'), (dict(size=(8, 8, 8)), 'windows with size='),
    (dict(size='8'), "windows with size='8'"), (dict(size=8, stride=-1), 'windows with stride=-1'),
    (dict(size=8, stride=9), 'a stride above the size leaves pixels out'),
    (dict(size=(8, 12), stride=(8, 13)), 'a stride above the size leaves pixels out'),
    (dict(size=10), r'windows of 10x10: multiples of 4 are expected, data_preprocessor.divisor')])
def test_windows_that_are_none_are_refused(windows: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(windows=windows)
