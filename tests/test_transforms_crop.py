"""Random windows, by value."""

from collections import Counter

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from PIL import Image

from irstd_toolbox.datasets.transforms import RandomCrop
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import TRANSFORMS
from irstd_toolbox.text_priors import Scene, build_provider, find_targets


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


def origin(found: dict, width: int) -> tuple[int, int]:
    """Where the window's corner was, from its level."""
    return divmod(int(found['img'][0, 0]) - 1, width)


def test_a_window_is_cut_alike_from_image_and_mask():
    np.random.seed(0)
    for _ in range(50):
        whole = with_targets((9, 13), (3, 5, 5, 8))
        image, mask = whole['img'].copy(), whole['gt_mask'].copy()
        found = RandomCrop(size=(4, 6))(whole)
        top, left = origin(found, 13)
        np.testing.assert_array_equal(found['img'], image[top:top + 4, left:left + 6])
        np.testing.assert_array_equal(found['gt_mask'], mask[top:top + 4, left:left + 6])
        assert found['img_shape'] == (4, 6) and found['ori_shape'] == (9, 13)


def test_every_window_that_holds_the_target_whole_is_drawn_and_no_other():
    np.random.seed(0)
    seen = {origin(RandomCrop(size=(4, 6))(with_targets((9, 13), (3, 5, 5, 8))), 13) for _ in range(600)}
    assert seen == {(top, left) for top in (1, 2, 3) for left in (2, 3, 4, 5)}


def test_targets_that_fit_into_one_window_are_all_kept():
    np.random.seed(0)
    for _ in range(60):
        found = RandomCrop(size=16)(with_targets((64, 64), (20, 20, 22, 22), (30, 31, 33, 34), (24, 28, 25, 29)))
        assert sorted(target.area for target in find_targets(found['gt_mask'])) == [1, 4, 9]


def test_targets_far_apart_are_each_drawn_and_never_cut():
    np.random.seed(0)
    areas = set()
    for _ in range(100):
        found = RandomCrop(size=12)(with_targets((60, 60), (1, 1, 3, 3), (30, 30, 33, 33), (50, 56, 54, 60)))
        targets = find_targets(found['gt_mask'])
        assert len(targets) == 1
        areas.add(targets[0].area)
    assert areas == {4, 9, 16}


def test_another_target_is_not_cut_where_it_can_be_helped():
    np.random.seed(0)
    seen = set()
    for _ in range(60):  # windows around the first from column 7 on would cut the second
        found = RandomCrop(size=(8, 8))(with_targets((20, 30), (10, 10, 12, 12), (8, 14, 12, 21)))
        seen.add(tuple(target.area for target in find_targets(found['gt_mask'])))
    assert seen == {(4,), (28,)}


@pytest.mark.parametrize(('boxes', 'area', 'columns'), [
    (((3, 5, 5, 7), (3, 10, 5, 16)), 4, {0, 1, 2}), (((3, 13, 5, 15), (3, 4, 5, 10)), 4, {10, 11, 12})])
def test_a_target_that_begins_where_the_window_ends_is_not_cut(boxes, area, columns):
    np.random.seed(0)
    found = [RandomCrop(size=8)(with_targets((8, 20), *boxes)) for _ in range(120)]
    assert {origin(one, 20)[1] for one in found if one['gt_mask'].sum() == area} == columns


def test_a_target_larger_than_the_window_fills_it():
    np.random.seed(0)
    for _ in range(30):
        assert RandomCrop(size=3)(with_targets((12, 12), (2, 3, 9, 10)))['gt_mask'].all()


def test_without_keeping_every_window_is_as_likely():
    np.random.seed(0)
    crop = RandomCrop(size=(3, 3), keep_targets=False)
    seen = [origin(crop(with_targets((4, 5), (0, 0, 1, 1))), 5) for _ in range(3000)]
    counts = [seen.count((top, left)) / 3000 for top in (0, 1) for left in (0, 1, 2)]
    np.testing.assert_allclose(counts, 1 / 6, atol=0.03)


@pytest.mark.parametrize('mask', [None, np.zeros((4, 5))])
def test_a_scene_without_targets_is_cut_anywhere(mask):
    np.random.seed(0)
    seen = {origin(RandomCrop(size=3)(sample(np.arange(1, 21).reshape(4, 5), mask)), 5) for _ in range(200)}
    assert seen == {(top, left) for top in (0, 1) for left in (0, 1, 2)}


def test_a_smaller_image_is_padded_at_bottom_and_right():
    found = RandomCrop(size=(3, 4), pad_value=9)(sample([[1, 2], [3, 4]], [[0, 1], [0, 0]]))
    assert found['img'].tolist() == [[1, 2, 9, 9], [3, 4, 9, 9], [9, 9, 9, 9]]
    assert found['gt_mask'].tolist() == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found['img'].dtype == np.float32 and found['gt_mask'].dtype == np.uint8


def test_an_image_smaller_one_way_is_cut_the_other():
    np.random.seed(0)
    for _ in range(20):
        found = RandomCrop(size=(4, 3))(with_targets((2, 9), (0, 7, 1, 8)))
        assert found['img'].shape == (4, 3) and found['gt_mask'].sum() == 1 and not found['img'][2:].any()


def test_one_pixel_is_padded():
    assert RandomCrop(size=2)(sample([[7]], [[1]]))['gt_mask'].tolist() == [[1, 0], [0, 0]]


@pytest.mark.parametrize('shape', [(9, 9), (3, 3), (4, 9), (9, 3)])
def test_a_window_that_is_not_the_frame_drops_the_sentence_but_not_clips_copy(shape):
    scene = np.eye(4, dtype=np.uint8)
    found = RandomCrop(size=4)(with_targets(shape, (0, 0, 1, 1), description='In the upper left.', clip_image=scene))
    assert found['description'] is None and found['clip_image'] is scene


def test_clips_copy_may_show_the_window():
    np.random.seed(0)
    clip = np.zeros((3, 3), np.uint8)
    found = RandomCrop(size=(6, 6), keep_targets=False, clip='window')(
        sample(np.random.uniform(0, 255, (9, 13)), clip_image=clip))
    expected = Image.fromarray(np.rint(found['img']).astype(np.uint8)).resize((3, 3), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found['clip_image'], np.array(expected))
    whole = RandomCrop(size=(9, 13), clip='window')(sample(np.ones((9, 13)), clip_image=clip))
    assert whole['clip_image'] is clip
    assert 'clip_image' not in RandomCrop(size=4, clip='window')(sample(np.ones((9, 9))))


def test_a_window_that_is_the_frame_changes_nothing():
    whole = with_targets((4, 4), (0, 0, 1, 1), description='In the upper left.')
    found = RandomCrop(size=4, description=dict(type='mask_caption'))(whole)
    assert found['description'] == 'In the upper left.' and found['img'] is whole['img']


def test_a_provider_tells_the_sentence_anew_of_the_window():
    np.random.seed(0)
    sentences = set()
    for _ in range(40):
        found = RandomCrop(size=4, description=dict(type='quadrant'))(
            with_targets((16, 16), (8, 8, 9, 9), description='In the upper left.'))
        row, col = np.argwhere(found['gt_mask'])[0]
        place = f'{"upper" if row < 2 else "lower"}-{"left" if col < 2 else "right"}'
        assert found['description'] == f'The small target lies in the {place} quadrant of the infrared image.'
        sentences.add(place)
    assert sentences == {'upper-left', 'upper-right', 'lower-left', 'lower-right'}


def test_the_provider_sees_the_cropped_image():
    np.random.seed(1)
    found = RandomCrop(size=6, description=dict(type='mask_caption', seed=2))(
        with_targets((20, 20), (9, 9, 11, 11), description='x'))
    scene = Scene(found['img'], found['gt_mask'], 'a')
    assert found['description'] == build_provider('mask_caption', {'seed': 2}).describe(scene)


def test_a_sample_without_a_sentence_gets_none():
    found = RandomCrop(size=4, description=dict(type='quadrant'))(with_targets((9, 9), (1, 1, 2, 2)))
    assert found['description'] is None


def test_a_sample_without_a_mask_loses_its_sentence():
    found = RandomCrop(size=4, description=dict(type='quadrant'))(sample(np.zeros((9, 9)), description='upper left'))
    assert found['description'] is None


@pytest.mark.parametrize('share', [0.0, 0.5, 0.9])
def test_a_window_without_a_target_is_drawn_anew_as_often_as_told(share):
    # One of 25 windows holds the target: p. It is taken with P = p + (1 - p) share P.
    np.random.seed(0)
    crop, draws = RandomCrop(size=4, keep_targets=False, redraw_empty=share), 1500
    kept = sum(int(crop(with_targets((8, 8), (0, 0, 1, 1)))['gt_mask'].any()) for _ in range(draws)) / draws
    expected = 0.04 / (1 - share * 0.96)
    assert abs(kept - expected) < 3 * np.sqrt(expected * (1 - expected) / draws)


def test_an_image_without_a_target_is_cut_where_it_was_without_redrawing():
    seen = []
    for share in (0.0, 0.9):
        np.random.seed(0)
        crop = RandomCrop(size=4, keep_targets=False, redraw_empty=share)
        seen.append([origin(crop(with_targets((9, 9))), 9) for _ in range(20)])
    assert seen[0] == seen[1] and len(set(seen[0])) > 5


@pytest.mark.parametrize('data', ['irstd1k', 'nuaa_sirst'])
def test_the_recipe_of_basicirstd_gives_each_position_of_a_square_as_often(data, repository):
    steps = Config.fromfile(repository / f'configs/_base_/datasets/{data}_native_crop256.py').train_pipeline[2:-1]
    assert steps[0].redraw_empty == 0.5
    turn = Compose([TRANSFORMS.build(step) for step in steps])
    np.random.seed(0)
    image = np.arange(256 * 256).reshape(256, 256)
    seen = Counter(tuple(turn(sample(image))['img'][[0, 0, -1], [0, -1, 0]]) for _ in range(1600))
    assert len(seen) == 8 and all(abs(count - 200) < 44 for count in seen.values())  # 3.3 deviations


@pytest.mark.parametrize(('arguments', 'words'), [
    (dict(size=4, redraw_empty=0.5), 'redraw_empty=0.5 with keep_targets=True; expected a probability below 1'),
    (dict(size=4, redraw_empty=1, keep_targets=False), 'redraw_empty=1 with keep_targets=False; expected a probabil'),
    (dict(size=4, redraw_empty=-1), 'redraw_empty=-1; expected a probability'),
    (dict(size=0), 'size=0'), (dict(size=4, pad_value=300), 'pad_value=300; expected a level'),
    (dict(size=4, description='keep'), "description='keep'; expected 'drop'"),
    (dict(size=4, clip='both'), "clip='both'; expected 'scene' or 'window'"),
    (dict(size=4, description=dict(type='quadrnt')), "'quadrnt' is not a registered")])
def test_a_wrong_argument_is_refused(arguments, words):
    with pytest.raises(ConfigError, match=words):
        RandomCrop(**arguments)


def test_a_provider_that_does_not_look_at_the_window_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='does not read the mask, so it would not describe the window'):
        RandomCrop(size=4, description=dict(type='replay', folder=str(tmp_path)))


def test_no_real_target_is_lost_or_cut_by_windows_of_128(real_data):
    from irstd_toolbox.datasets.layouts import detect
    layout = detect(real_data('NUAA-SIRST'))
    np.random.seed(0)
    for image_id in layout.ids('val'):
        mask = (np.asarray(Image.open(layout.masks[image_id]).convert('L')) > 0).astype(np.uint8)
        found = RandomCrop(size=128)(sample(mask, mask))['gt_mask']
        areas = sorted(target.area for target in find_targets(mask))
        kept = [target.area for target in find_targets(found)]
        assert kept and all(area in areas for area in kept)
