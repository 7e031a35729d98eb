"""Loading, intensity and packing, by value."""

import numpy as np
import pytest
import torch
from PIL import Image

from irstd_toolbox.datasets.transforms import (
    LoadClipImage,
    LoadImage,
    LoadTargetMask,
    PackInputs,
    RandomBlur,
    RandomIntensity,
    Resize,
)
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.registry import TRANSFORMS


@pytest.fixture
def sample(tmp_path):
    pixels = np.arange(35, dtype=np.uint8).reshape(5, 7)
    mask = np.zeros((5, 7), np.uint8)
    mask[1, 2] = mask[4, 6] = 255
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    Image.fromarray(mask).save(tmp_path / 'a_mask.png')
    return {'image_id': 'a', 'img_path': str(tmp_path / 'a.png'), 'mask_path': str(tmp_path / 'a_mask.png'),
            'description': 'A target on the left.'}


def run(sample, *transforms):
    for transform in transforms:
        sample = transform(sample)
    return sample


def test_an_image_is_loaded_as_2d_floats_of_its_levels(sample):
    loaded = run(sample, LoadImage())
    np.testing.assert_array_equal(loaded['img'], np.arange(35).reshape(5, 7))
    assert loaded['img'].dtype == np.float32
    assert loaded['ori_shape'] == loaded['img_shape'] == (5, 7)


def test_a_mask_is_loaded_as_0_and_1(sample):
    mask = run(sample, LoadImage(), LoadTargetMask())['gt_mask']
    assert mask.dtype == np.uint8 and mask.shape == (5, 7)
    assert np.argwhere(mask == 1).tolist() == [[1, 2], [4, 6]] and mask.sum() == 2


def test_a_mask_loaded_after_resize_stays_native(sample):
    loaded = run(sample, LoadImage(), Resize(size=(10, 14)), LoadTargetMask())
    assert loaded['img'].shape == loaded['img_shape'] == (10, 14)
    assert loaded['gt_mask'].shape == loaded['ori_shape'] == (5, 7)


def test_a_mask_of_another_size_is_brought_to_the_image(sample, tmp_path):
    large = np.zeros((10, 14), np.uint8)
    large[2:4, 4:6] = 255
    Image.fromarray(large).save(tmp_path / 'a_mask.png')
    with pytest.warns(UserWarning, match='resampled'):
        mask = run(sample, LoadImage(), LoadTargetMask())['gt_mask']
    assert np.argwhere(mask).tolist() == [[1, 2]]


def test_a_sample_without_a_mask_passes(sample):
    sample['mask_path'] = None
    packed = run(sample, LoadImage(), LoadTargetMask(), PackInputs())
    assert 'gt_sem_seg' not in packed['data_samples']


def test_a_missing_mask_is_an_error(sample):
    sample['mask_path'] += '.gone'
    with pytest.raises(DataError, match='no such file'):
        run(sample, LoadImage(), LoadTargetMask())


def test_a_mask_before_the_image_is_an_error(sample):
    with pytest.raises(ConfigError, match='put LoadImage before it'):
        run(sample, LoadTargetMask())


def test_clips_copy_is_the_whole_scene_squashed_with_antialiasing(sample):
    sample['img_path'] = sample['img_path'].replace('a.png', 'b.png')
    pixels = np.zeros((90, 160), np.uint8)
    pixels[:, 80:] = 200
    Image.fromarray(pixels).save(sample['img_path'])
    image = run(sample, LoadImage(), LoadClipImage(size=8))['clip_image']
    assert image.dtype == np.uint8 and image.shape == (8, 8)
    assert (image[:, :3] < 20).all() and (image[:, 5:] > 180).all()
    np.testing.assert_array_equal(image, image[:1].repeat(8, axis=0))


def test_clips_copy_averages_what_is_finer_than_its_pixels(sample):
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:, ::2] = 200
    Image.fromarray(pixels).save(sample['img_path'])
    image = run(sample, LoadImage(), LoadClipImage(size=8))['clip_image']
    np.testing.assert_allclose(image[:, 1:-1], 100, atol=3)


def test_clips_copy_is_bicubic_which_overshoots_beside_an_edge(sample):
    Image.fromarray(np.array([[50] * 4 + [200] * 4] * 8, np.uint8)).save(sample['img_path'])
    image = run(sample, LoadImage(), LoadClipImage(size=32))['clip_image']
    assert image.min() < 45 and image.max() > 205 and image[0, 0] == 50 and image[0, -1] == 200


def test_clips_copy_keeps_a_target_in_the_corner_that_a_centre_cut_would_lose(sample):
    pixels = np.zeros((64, 256), np.uint8)
    pixels[:8, :8] = 255
    Image.fromarray(pixels).save(sample['img_path'])
    image = run(sample, LoadImage(), LoadClipImage(size=32))['clip_image']
    assert image[:4, 0].min() > 100 and image[8:].max() == 0 and image[:, 4:].max() == 0


def test_a_scene_of_clips_size_is_not_changed(sample):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8)
    Image.fromarray(pixels).save(sample['img_path'])
    np.testing.assert_array_equal(run(sample, LoadImage(), LoadClipImage(size=16))['clip_image'], pixels)


def test_clips_copy_is_refused_once_the_image_is_resized(sample):
    with pytest.raises(ConfigError, match='Put it right after LoadImage'):
        run(sample, LoadImage(), Resize(size=4), LoadClipImage())


def test_one_pixel_goes_through(sample, tmp_path):
    Image.fromarray(np.full((1, 1), 7, np.uint8)).save(sample['img_path'])
    Image.fromarray(np.full((1, 1), 255, np.uint8)).save(sample['mask_path'])
    packed = run(sample, LoadImage(), LoadClipImage(size=4), LoadTargetMask(), Resize(size=3), PackInputs())
    torch.testing.assert_close(packed['inputs'], torch.full((1, 3, 3), 7.0))
    assert packed['data_samples'].gt_sem_seg.data.tolist() == [[[1, 1, 1]] * 3]
    assert packed['data_samples'].clip_image.tolist() == [[7] * 4] * 4


# Packing

def test_a_packed_sample_holds_tensors_and_meta_data(sample):
    packed = run(sample, LoadImage(), LoadClipImage(size=4), LoadTargetMask(), PackInputs())
    inputs, data = packed['inputs'], packed['data_samples']
    torch.testing.assert_close(inputs, torch.arange(35.0).reshape(1, 5, 7))
    assert data.gt_sem_seg.data.shape == (1, 5, 7) and data.gt_sem_seg.data.dtype == torch.uint8
    assert data.gt_sem_seg.data[0].nonzero().tolist() == [[1, 2], [4, 6]]
    assert data.clip_image.shape == (4, 4) and data.clip_image.dtype == torch.uint8
    assert data.metainfo == {
        'image_id': 'a', 'img_path': sample['img_path'], 'mask_path': sample['mask_path'], 'ori_shape': (5, 7),
        'img_shape': (5, 7), 'description': 'A target on the left.'}
    assert 'clip_image' in data.keys()  # noqa: SIM118 - a data field, so that .to(device) moves it


def test_mirrored_arrays_can_be_packed():
    image, mask = np.arange(6, dtype=np.float32).reshape(2, 3), np.eye(2, 3, dtype=np.uint8)
    packed = PackInputs()({'img': image[:, ::-1], 'gt_mask': mask[::-1]})
    assert packed['inputs'].tolist() == [[[2, 1, 0], [5, 4, 3]]]
    assert packed['data_samples'].gt_sem_seg.data.tolist() == [[[0, 1, 0], [1, 0, 0]]]


def test_arrays_that_may_not_be_written_are_copied():
    image, mask = np.zeros((2, 2), np.float32), np.zeros((2, 2), np.uint8)
    image.flags.writeable = mask.flags.writeable = False
    PackInputs()({'img': image, 'gt_mask': mask})['inputs'].fill_(1)
    assert image.sum() == 0


def test_a_mask_of_neither_size_is_not_packed():
    with pytest.raises(ConfigError, match=r'mask of shape \(3, 3\); expected \(4, 4\).*\(8, 8\)'):
        PackInputs()({'img': np.zeros((4, 4), np.float32), 'ori_shape': (8, 8), 'gt_mask': np.zeros((3, 3), np.uint8)})


def test_an_image_with_channels_is_refused():
    with pytest.raises(ConfigError, match=r'shape \(4, 4, 3\); expected \(H, W\)'):
        PackInputs()({'img': np.zeros((4, 4, 3), np.float32)})


def test_transforms_are_built_by_name():
    assert isinstance(TRANSFORMS.build(dict(type='Resize', size=8)), Resize)


# Intensity

def intensity(image, **kwargs):
    fixed = dict(gain=(1, 1), bias=(0, 0), gamma=(1, 1), noise=(0, 0), prob=1.0)
    return RandomIntensity(**(fixed | kwargs))({'img': np.array(image, np.float32)})['img']


def test_intensity_follows_its_equation():
    found = intensity([[0, 100, 200]], gain=(1.2, 1.2), bias=(-20, -20), gamma=(2, 2))
    # 1.2 x - 20 = -20, 100, 220; squared on the scale 0..1
    np.testing.assert_allclose(found, [[0, 255 * (100 / 255) ** 2, 255 * (220 / 255) ** 2]], rtol=1e-6)
    assert found.dtype == np.float32


def test_intensity_stays_within_the_scale():
    np.random.seed(0)
    found = intensity(np.tile([0, 255], (50, 50)), gain=(2, 2), bias=(-30, 30), noise=(50, 50))
    assert found.min() == 0 and found.max() == 255


def test_noise_has_the_standard_deviation_asked_for():
    np.random.seed(0)
    found = intensity(np.full((200, 200), 128), noise=(5, 5))
    assert found.std() == pytest.approx(5, rel=0.03) and found.mean() == pytest.approx(128, abs=0.1)


def test_parameters_are_drawn_within_their_ranges():
    np.random.seed(0)
    found = [intensity([[100]], gain=(0.5, 1.5))[0, 0] for _ in range(200)]
    assert 50 <= min(found) < 55 and 145 < max(found) <= 150


def test_blur_of_a_point_is_the_gaussian():
    image = np.zeros((21, 21), np.float32)
    image[10, 10] = 100
    found = RandomBlur(sigma=(1.5, 1.5), prob=1)({'img': image})['img']
    axis = np.exp(-np.arange(-10, 11) ** 2 / (2 * 1.5 ** 2))
    expected = 100 * np.outer(axis, axis) / axis.sum() ** 2
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert image[10, 10] == 100 and found.dtype == np.float32


def test_blur_leaves_a_flat_image_flat_to_the_border():
    found = RandomBlur(sigma=(2, 2), prob=1)({'img': np.full((3, 3), 9, np.float32)})['img']
    np.testing.assert_allclose(found, 9, rtol=1e-6)


@pytest.mark.parametrize('transform', [RandomIntensity(prob=0), RandomBlur(prob=0), RandomBlur(sigma=(0, 0), prob=1)])
def test_nothing_is_done_with_probability_0_or_width_0(transform):
    image = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(transform({'img': image.copy()})['img'], image)


def test_seeding_numpy_repeats_the_draws():
    def draw():
        np.random.seed(3)
        return RandomBlur(prob=1)(RandomIntensity(prob=1)({'img': np.eye(9, dtype=np.float32) * 99}))['img']
    np.testing.assert_array_equal(draw(), draw())


@pytest.mark.parametrize(('build', 'words'), [
    (lambda: RandomIntensity(gain=(2, 1)), r'gain=\(2, 1\); expected \(smallest, largest\)'),
    (lambda: RandomIntensity(gamma=(0, 1)), 'gamma=.*above 0'), (lambda: RandomIntensity(noise=5), 'noise=5'),
    (lambda: RandomIntensity(prob=2), 'prob=2; expected a probability'), (lambda: RandomBlur(sigma=(-1, 1)), 'below 0'),
    (lambda: LoadClipImage(size=0), 'size=0; expected a positive int'),
    (lambda: LoadClipImage(size=(224, 336)), r'size=\(224, 336\); expected a positive int'),
    (lambda: PackInputs(meta_keys='description'), "meta_keys='description'; expected a list of names"),
    (lambda: PackInputs(meta_keys=(1,)), r'meta_keys=\(1,\); expected a list of names')])
def test_a_wrong_argument_is_an_error_that_says_what_is_expected(build, words):
    with pytest.raises(ConfigError, match=words):
        build()
