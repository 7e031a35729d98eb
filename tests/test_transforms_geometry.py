"""Resizing, mirroring and turning, by value."""

import math
import warnings

import numpy as np
import pytest

from irstd_toolbox.datasets.transforms import (
    RandomBlur,
    RandomFlip,
    RandomIntensity,
    RandomRotate90,
    RandomScale,
    Resize,
    apply_op,
)
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.sentence import OPS


def sample(image, mask=None, description=None, **more) -> dict:
    image = np.array(image, np.float32)
    results = {'image_id': 'a', 'img': image, 'img_shape': image.shape, 'ori_shape': image.shape,
               'description': description} | more
    return results if mask is None else results | {'gt_mask': np.array(mask, np.uint8)}


def with_targets(shape: tuple[int, int], *boxes: tuple[int, int, int, int], **more) -> dict:
    """Every pixel has its own level, so that a window shows where it was cut."""
    mask = np.zeros(shape, np.uint8)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = 1
    return sample(np.arange(1, mask.size + 1).reshape(shape), mask, **more)


# Resize

def test_enlarging_is_bilinear_about_pixel_centres():
    found = Resize(size=(1, 4))(sample([[0, 100]]))
    assert found['img'].tolist() == [[0, 25, 75, 100]]
    assert found['img'].dtype == np.float32 and found['img_shape'] == (1, 4) and found['ori_shape'] == (1, 2)


def test_shrinking_averages_so_that_a_point_never_falls_between_samples():
    for column in range(40):
        image = np.zeros((1, 40))
        image[0, column] = 100
        assert Resize(size=(1, 10))(sample(image))['img'].max() > 5


def test_the_mask_takes_the_nearest_pixel_by_centres_as_pillow_does():
    mask = np.random.default_rng(0).integers(0, 2, (37, 53), dtype=np.uint8)
    for size in ((50, 50), (16, 90), (37, 53), (111, 7)):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            found = Resize(size=size)(sample(mask, mask))['gt_mask']
        rows = np.floor((np.arange(size[0]) + 0.5) * 37 / size[0]).astype(int)
        cols = np.floor((np.arange(size[1]) + 0.5) * 53 / size[1]).astype(int)
        np.testing.assert_array_equal(found, mask[np.ix_(rows, cols)])
        assert found.dtype == np.uint8


def test_image_and_mask_stay_aligned():
    results = with_targets((50, 70), (20, 30, 29, 41))
    results['img'] = results['gt_mask'] * np.float32(255)
    found = Resize(size=(83, 64))(results)
    assert np.abs((found['img'] > 127) ^ (found['gt_mask'] > 0)).mean() < 0.003


def test_resize_keeps_the_sentence_and_clips_copy():
    clip_image = np.eye(4, dtype=np.uint8)
    found = Resize(size=5)(sample(np.zeros((4, 4)), description='On the left.', clip_image=clip_image))
    assert found['description'] == 'On the left.' and found['clip_image'] is clip_image and found['img'].shape == (5, 5)


def test_a_target_lost_by_shrinking_is_reported_once():
    resize = Resize(size=(2, 2))
    with pytest.warns(UserWarning, match='Resize: 1 of 2 targets of a have no pixel left after 8x8 became 2x2'):
        found = resize(with_targets((8, 8), (0, 0, 1, 1), (2, 2, 3, 3)))
    assert found['gt_mask'].sum() == 1
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        resize(with_targets((8, 8), (0, 0, 1, 1)))


def test_a_target_lost_by_shrinking_one_way_is_reported_and_touching_corners_are_one_target():
    scene = with_targets((8, 8), (0, 0, 1, 1), (1, 1, 2, 2), (6, 4, 7, 5))
    with pytest.warns(UserWarning, match='1 of 2 targets of a have no pixel left after 8x8 became 8x4'):
        found = Resize(size=(8, 4))(scene)
    assert np.argwhere(found['gt_mask']).tolist() == [[1, 0]]


def test_no_target_is_reported_where_all_survive():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        Resize(size=(4, 4))(with_targets((8, 8), (0, 0, 2, 2), (6, 6, 8, 8)))
        Resize(size=(16, 16))(with_targets((8, 8), (0, 0, 1, 1)))


def test_a_mask_of_another_size_is_refused_with_the_order_of_the_pipeline():
    with pytest.raises(ConfigError, match='after Resize in testing'):
        Resize(size=4)(sample(np.zeros((4, 4)), np.zeros((8, 8))))


@pytest.mark.parametrize('size', [0, -1, (4,), (4, 0), 2.5, '8', (True, 4)])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(ConfigError, match='expected a positive int, or'):
        Resize(size=size)


def test_one_pixel_becomes_a_flat_image():
    assert Resize(size=(2, 3))(sample([[7]], [[1]]))['img'].tolist() == [[7, 7, 7]] * 2


# RandomScale

def test_scaling_keeps_the_aspect_ratio_and_draws_the_long_side_in_its_range():
    np.random.seed(0)
    scale = RandomScale(size=20, ratio=(0.5, 2))
    shapes = [scale(sample(np.zeros((10, 40))))['img_shape'] for _ in range(300)]
    assert {width for _, width in shapes} == set(range(10, 41))
    assert all(height == max(1, round(width / 4)) for height, width in shapes)


def test_no_long_side_lies_beyond_the_ends_of_the_range():
    np.random.seed(0)
    scale = RandomScale(size=5, ratio=(0.5, 1.1))  # 2.5 to 5.5
    assert {scale(sample(np.zeros((4, 8))))['img_shape'][1] for _ in range(60)} == {3, 4, 5}


def test_scaling_keeps_the_aspect_ratio_of_a_tall_image_too():
    np.random.seed(0)
    shapes = [RandomScale(size=20)(sample(np.zeros((40, 10))))['img_shape'] for _ in range(60)]
    assert all(width == round(height / 4) for height, width in shapes)


def test_what_a_recipe_does_not_tell_is_a_scale_of_half_to_double_and_a_mirroring_of_left_and_right_alone():
    assert (RandomScale(64).shortest, RandomScale(64).longest) == (32, 128)
    assert (RandomFlip().horizontal, RandomFlip().vertical, RandomRotate90().prob) == (0.5, 0, 0.5)
    assert (RandomIntensity().gain, RandomIntensity().bias) == ((0.8, 1.2), (-20, 20))
    assert (RandomIntensity().gamma, RandomIntensity().noise, RandomIntensity().prob) == ((0.8, 1.25), (0, 4), 0.5)
    assert (RandomBlur().sigma, RandomBlur().prob) == ((0, 1), 0.5)


def test_scaling_never_ends_in_nothing():
    assert RandomScale(size=2, ratio=(0.5, 0.5))(sample(np.zeros((1, 100))))['img_shape'] == (1, 1)


def test_scaling_moves_mask_with_image():
    found = RandomScale(size=8, ratio=(1, 1))(with_targets((4, 4), (1, 2, 2, 3)))
    assert np.argwhere(found['gt_mask']).tolist() == [[2, 4], [2, 5], [3, 4], [3, 5]]


@pytest.mark.parametrize('size', [(256, 512), (256, 256), True, 64.0, 0])
def test_a_long_side_that_is_no_int_is_refused(size):
    with pytest.raises(ConfigError, match='RandomScale: size=.*; expected a positive int'):
        RandomScale(size)


@pytest.mark.parametrize('ends', [(0.5, math.inf), (0.5, math.nan)])
@pytest.mark.parametrize('build', [lambda ends: RandomScale(64, ends), lambda ends: RandomIntensity(gain=ends),
                                   lambda ends: RandomIntensity(bias=ends), lambda ends: RandomBlur(ends)])
def test_a_range_without_an_end_is_refused(build, ends):
    with pytest.raises(ConfigError, match=r'expected \(smallest, largest\), finite'):
        build(ends)


@pytest.mark.parametrize('ratio', [(2, 1), (0, 0), (-1, 1), 0.5])
def test_a_ratio_that_is_none_is_refused(ratio):
    with pytest.raises(ConfigError, match='ratio='):
        RandomScale(size=8, ratio=ratio)


# Flip and rotate

IMAGE = np.array([[1, 2, 3], [4, 5, 6]])
TURNED = {
    'identity': [[1, 2, 3], [4, 5, 6]], 'hflip': [[3, 2, 1], [6, 5, 4]], 'vflip': [[4, 5, 6], [1, 2, 3]],
    'rot90': [[3, 6], [2, 5], [1, 4]], 'rot180': [[6, 5, 4], [3, 2, 1]], 'rot270': [[4, 1], [5, 2], [6, 3]],
    'transpose': [[1, 4], [2, 5], [3, 6]], 'anti_transpose': [[6, 3], [5, 2], [4, 1]]}


@pytest.mark.parametrize('op', OPS)
def test_image_mask_and_clips_copy_turn_alike(op):
    found = apply_op(sample(IMAGE, IMAGE % 2, clip_image=np.array([[1, 2], [3, 4]], np.uint8)), op)
    assert found['img'].tolist() == TURNED[op]
    assert found['gt_mask'].tolist() == (np.array(TURNED[op]) % 2).tolist()
    square = np.array([[1, 2], [3, 4]])
    expected = {'identity': square, 'hflip': square[:, ::-1], 'vflip': square[::-1], 'rot90': [[2, 4], [1, 3]],
                'rot180': [[4, 3], [2, 1]], 'rot270': [[3, 1], [4, 2]], 'transpose': square.T,
                'anti_transpose': [[4, 2], [3, 1]]}
    assert found['clip_image'].tolist() == np.array(expected[op]).tolist()
    assert found['img_shape'] == found['img'].shape and found['img'].flags.c_contiguous


@pytest.mark.parametrize('op', OPS)
def test_the_sentence_says_where_the_target_is_in_the_turned_image(op):
    results = with_targets((20, 31), (2, 3, 4, 5))
    results['description'] = 'A target in the upper-left part, near the top left corner.'
    found = apply_op(results, op)
    row, col = np.argwhere(found['gt_mask']).mean(axis=0)
    vertical, horizontal = row < found['img'].shape[0] / 2, col < found['img'].shape[1] / 2
    place = f'{"upper" if vertical else "lower"}-{"left" if horizontal else "right"}'
    corner = f'{"top" if vertical else "bottom"} {"left" if horizontal else "right"}'
    assert found['description'] == f'A target in the {place} part, near the {corner} corner.'


def test_a_sentence_that_cannot_be_kept_true_becomes_none():
    found = RandomFlip(horizontal=1)(sample(IMAGE, description="At 2 o'clock."))
    assert found['description'] is None
    assert RandomFlip(horizontal=0)(sample(IMAGE, description="At 2 o'clock."))['description'] == "At 2 o'clock."


def test_a_flip_of_both_ways_turns_by_180():
    found = RandomFlip(horizontal=1, vertical=1)(sample(IMAGE, description='upper left'))
    assert found['img'].tolist() == TURNED['rot180'] and found['description'] == 'lower right'


def test_flips_come_with_their_probabilities():
    np.random.seed(0)
    flip = RandomFlip(horizontal=0.25, vertical=0.75)
    seen = np.array([flip(sample(IMAGE))['img'][[0, 0, 1], [0, 2, 0]] for _ in range(2000)])
    assert (seen[:, 0] > seen[:, 1]).mean() == pytest.approx(0.25, abs=0.03)
    assert (seen[:, 0] > seen[:, 2]).mean() == pytest.approx(0.75, abs=0.03)


def test_turns_come_with_their_probabilities_and_none_is_preferred():
    np.random.seed(0)
    turn = RandomRotate90(prob=0.6)
    first = [int(turn(sample(IMAGE))['img'][0, 0]) for _ in range(3000)]
    for value, share in ((1, 0.4), (3, 0.2), (6, 0.2), (4, 0.2)):
        assert np.mean(np.array(first) == value) == pytest.approx(share, abs=0.03)


def test_a_turn_leaves_the_native_shape_and_updates_the_current():
    found = apply_op(sample(IMAGE), 'rot90')
    assert found['ori_shape'] == (2, 3) and found['img_shape'] == (3, 2)


def test_an_unknown_operation_is_refused():
    with pytest.raises(ConfigError, match="'flip' is not an operation on images"):
        apply_op(sample(IMAGE), 'flip')


def test_a_flip_of_image_and_native_mask_is_refused():
    with pytest.raises(ConfigError, match='RandomFlip got a mask of shape'):
        RandomFlip()(sample(np.zeros((4, 4)), np.zeros((8, 8))))
