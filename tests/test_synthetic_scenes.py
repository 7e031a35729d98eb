"""Synthetic scenes: what the targets are, what the sensor does, and that only seed and index matter."""

import numpy as np
import pytest
from numpy.random import SeedSequence
from scipy import ndimage

from irstd_toolbox.datasets.synthetic import KINDS, SceneOptions, make_scene, mask_of, measure, profile
from irstd_toolbox.datasets.synthetic import scene as synthetic_scene
from irstd_toolbox.datasets.synthetic.scene import _draw
from irstd_toolbox.datasets.synthetic.targets import Shape
from irstd_toolbox.errors import ConfigError

SIZE = (128, 128)
SHAPES = {
    'point': Shape('point', 0.9),
    'extended': Shape('extended', 0.9, length=3.0, breadth=1.5, angle=0.7),
    'moving': Shape('moving', 0.9, length=2.5, angle=2.1),
}


@pytest.fixture(scope='module')
def scenes():
    return [make_scene(3, (0, index), SceneOptions(size=SIZE)) for index in range(24)]


def by_hand(image, target, everything):
    """SNR and contrast written out pixel by pixel: the second implementation of `measure`."""
    rows, columns = np.nonzero(target)
    others = np.argwhere(everything)
    values = []
    for y in range(max(rows.min() - 10, 0), min(rows.max() + 11, image.shape[0])):
        for x in range(max(columns.min() - 10, 0), min(columns.max() + 11, image.shape[1])):
            if np.abs(others - (y, x)).max(axis=1).min() > 3:
                values.append(float(image[y, x]))
    rise = np.mean([float(v) for v in image[target]]) - np.mean(values)
    return rise / np.std(values), rise / np.mean(values), np.std(values)


@pytest.mark.parametrize('kind', KINDS)
def test_the_centroid_of_a_profile_is_the_sub_pixel_position_asked(kind):
    p = profile(SHAPES[kind], 20.3, 17.85, (41, 36))
    rows, columns = np.indices(p.shape)
    assert (p * rows).sum() / p.sum() == pytest.approx(20.3, abs=1e-6)
    assert (p * columns).sum() / p.sum() == pytest.approx(17.85, abs=1e-6)


def test_a_point_is_the_gaussian_integrated_over_each_pixel():
    p = profile(SHAPES['point'], 7.3, 6.6, (15, 14))
    fine = (np.arange(15 * 40) + 0.5) / 40 - 0.5
    gaussian = np.exp(-((fine[:, None] - 7.3) ** 2 + (fine[None, : 14 * 40] - 6.6) ** 2) / (2 * 0.9**2))
    pixels = gaussian.reshape(15, 40, 14, 40).mean(axis=(1, 3))
    np.testing.assert_allclose(p, pixels / pixels.max(), atol=1e-4)


def test_a_track_spreads_along_its_direction_only():
    shape = SHAPES['moving']
    p = profile(shape, 20.0, 20.0, (41, 41))
    rows, columns = np.indices(p.shape) - 20.0
    along = columns * np.cos(shape.angle) + rows * np.sin(shape.angle)
    across = rows * np.cos(shape.angle) - columns * np.sin(shape.angle)
    point = 0.9**2 + 1 / 12  # Gaussian and pixel
    assert (p * across**2).sum() / p.sum() == pytest.approx(point, abs=1e-4)
    track = np.mean((np.linspace(-1, 1, 9) * 2.5) ** 2)
    assert (p * along**2).sum() / p.sum() == pytest.approx(point + track, abs=1e-4)


def test_the_mask_is_the_disc_within_the_half_width_of_the_point_spread():
    mask = mask_of(profile(Shape('point', 8.0), 60.0, 60.0, (121, 121)))
    assert mask.sum() == pytest.approx(np.pi * 2 * np.log(2) * 8.0**2, rel=0.01)


def test_a_narrow_point_in_the_middle_of_a_pixel_is_a_cross_of_five():
    mask = mask_of(profile(SHAPES['point'], 10.0, 10.0, (21, 21)))
    assert np.argwhere(mask).tolist() == [[9, 10], [10, 9], [10, 10], [10, 11], [11, 10]]


def test_measure_agrees_with_a_count_pixel_by_pixel(scenes):
    scene = next(s for s in scenes if len(s.targets) > 1)
    for target in scene.targets:
        snr, contrast, _ = by_hand(scene.image, target.mask, scene.mask)
        assert measure(scene.image, target.mask, scene.mask).snr == pytest.approx(snr, rel=1e-9)
        assert target.measured.contrast == pytest.approx(contrast, rel=1e-9)


def test_measure_leaves_a_second_target_near_by_out_of_the_background():
    image = np.tile([100.0, 102.0], (41, 21))[:, :41]
    one, two = np.zeros(image.shape, bool), np.zeros(image.shape, bool)
    one[20, 20] = two[20, 29] = True
    image[one], image[two] = 111.0, 250.0
    assert measure(image, one, one | two).background_mean == pytest.approx(101.0, abs=0.1)
    assert measure(image, one).background_mean > 101.2


@pytest.mark.parametrize(('row', 'column'), [(18, 30), (42, 30), (30, 18), (30, 42)])
def test_measure_leaves_out_the_skirt_of_a_target_just_outside_of_the_neighbourhood(row, column):
    image, one, other = np.full((61, 61), 100.0), np.zeros((61, 61), bool), np.zeros((61, 61), bool)
    image[row - 3:row + 4, column - 3:column + 4] = 200.0
    one[30, 30] = other[row, column] = True
    assert measure(image, one, one | other).background_mean == 100.0


@pytest.mark.parametrize('place', [(0, 0), (0, 40), (40, 20), (2, 38)])
def test_measure_works_at_the_border(place):
    image = np.random.default_rng(0).normal(100, 3, (41, 41))
    target = np.zeros(image.shape, bool)
    target[place] = True
    snr, contrast, _ = by_hand(image, target, target)
    assert (measure(image, target).snr, measure(image, target).contrast) == pytest.approx((snr, contrast))


def test_measure_takes_what_is_not_target_where_the_guard_leaves_nothing():
    image = np.arange(25.0).reshape(5, 5)
    target = image == 12
    assert (measure(image, target).background_mean, measure(image, ~target).mean) == (12.0, 12.0)
    assert measure(image, target).background_std == pytest.approx(np.std(np.delete(np.arange(25.0), 12)))


@pytest.mark.parametrize(('level', 'snr'), [(90.0, -np.inf), (100.0, 0.0), (110.0, np.inf)])
def test_over_a_flat_neighbourhood_the_snr_is_infinite_in_the_direction_of_the_target(level, snr):
    image = np.full((41, 41), 100.0)
    image[20, 20] = level
    target = np.zeros(image.shape, bool)
    target[20, 20] = True
    assert measure(image, target).snr == snr


def test_every_target_has_the_snr_asked_within_half_a_code(scenes):
    for scene in scenes:
        for target in scene.targets:
            snr, _, deviation = by_hand(scene.image, target.mask, scene.mask)
            assert abs(snr - target.asked_snr) <= 0.5 / deviation + 0.02
            assert 4.0 <= target.asked_snr <= 12.0


@pytest.mark.parametrize(('bits', 'off'), [(8, lambda snr, deviation: 0.5 / deviation),
                                           (16, lambda snr, deviation: 0.003 * snr)])
def test_the_snr_is_as_near_to_what_was_asked_as_the_documentation_says(bits, off):
    options = SceneOptions(size=SIZE, bits=bits, snr=(12.0, 25.0), max_contrast=0.6)
    for scene in (make_scene(1, index, options) for index in range(20)):
        for target in scene.targets:
            snr, _, deviation = by_hand(scene.image, target.mask, scene.mask)
            assert abs(snr - target.asked_snr) <= off(snr, deviation)


def test_every_target_obeys_the_area_and_contrast_of_spie(scenes):
    for scene in scenes:
        for target in scene.targets:
            assert target.mask.sum() < 0.0015 * SIZE[0] * SIZE[1]
            assert 0 < by_hand(scene.image, target.mask, scene.mask)[1] < 0.15


def test_the_mask_shows_each_target_as_one_region_at_its_place(scenes):
    for scene in scenes:
        labels, count = ndimage.label(scene.mask, np.ones((3, 3)))
        assert count == len(scene.targets)
        centroids = np.array(ndimage.center_of_mass(scene.mask, labels, range(1, count + 1)))
        for target in scene.targets:
            assert np.hypot(*(centroids - (target.y, target.x)).T).min() < 0.75


def test_no_target_lies_in_the_neighbourhood_of_another_nor_at_the_border(scenes):
    for scene in scenes:
        for target in scene.targets:
            rows, columns = np.nonzero(target.mask)
            box = np.s_[max(rows.min() - 10, 0):rows.max() + 11, max(columns.min() - 10, 0):columns.max() + 11]
            assert (scene.mask & ~target.mask)[box].sum() == 0
            assert min(target.y, target.x, SIZE[0] - 1 - target.y, SIZE[1] - 1 - target.x) >= 5.5


def test_image_and_background_differ_around_the_targets_only(scenes):
    for scene in scenes:
        change = scene.image.astype(int) - scene.background
        assert change.min() == 0
        assert (change[scene.mask] > 0).mean() > 0.95
        far = ndimage.distance_transform_edt(~scene.mask) > 6
        assert not change[far].any()


def test_same_seed_and_index_give_the_same_bytes():
    first, second = (make_scene(5, 2, SceneOptions(size=SIZE)) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()
    assert first.record() == second.record()


@pytest.mark.parametrize(('seed', 'index'), [(6, 2), (5, 6), (5, (1, 2))])
def test_another_seed_index_or_split_gives_another_scene(seed, index):
    options = SceneOptions(size=SIZE)
    assert (make_scene(5, 2, options).image != make_scene(seed, index, options).image).mean() > 0.5


def test_the_kinds_of_clutter_take_turns(scenes):
    assert [scene.clutter for scene in scenes[:5]] == ['buildings', 'cloud', 'ground', 'sea', 'buildings']


def test_scenes_have_between_one_and_three_targets_of_every_kind(scenes):
    assert {len(scene.targets) for scene in scenes} == {1, 2, 3}
    assert {target.shape.kind for scene in scenes for target in scene.targets} == set(KINDS)


def test_an_empty_image_is_the_background_of_the_one_with_targets():
    full, empty = (make_scene(3, 1, SceneOptions(size=SIZE, empty=share)) for share in (0.0, 1.0))
    assert not empty.mask.any() and empty.targets == ()
    np.testing.assert_array_equal(empty.image, full.background)
    assert full.mask.any()


def test_the_share_of_empty_images_is_as_asked():
    options = SceneOptions(size=(64, 64), targets=(1, 1), clutter=('cloud',), empty=0.3)
    empty = [not make_scene(0, index, options).targets for index in range(60)]
    assert abs(np.mean(empty) - 0.3) < 3 * 0.059  # deviations of a binomial of 60


def test_sixteen_bits_show_the_same_scene_more_finely():
    coarse, fine = (make_scene(3, 1, SceneOptions(size=SIZE, bits=bits)) for bits in (8, 16))
    assert fine.image.dtype == np.uint16
    np.testing.assert_allclose(fine.background / 257.0, coarse.background, atol=0.51)
    for target in fine.targets:
        snr, _, _ = by_hand(fine.image, target.mask, fine.mask)
        assert snr == pytest.approx(target.asked_snr, abs=0.01)


def test_a_higher_contrast_bound_is_used():
    options = SceneOptions(size=SIZE, snr=(20.0, 30.0), max_contrast=0.6)
    contrasts = [t.measured.contrast for i in range(4) for t in make_scene(0, i, options).targets]
    assert np.median(contrasts) > 0.15 and max(contrasts) < 0.6


@pytest.mark.parametrize('size', [(64, 64), (65, 211), (300, 97)])
def test_scenes_of_any_size_keep_the_bounds(size):
    for index in range(4):
        scene = make_scene(0, index, SceneOptions(size=size, targets=(1, 2)))
        assert scene.image.shape == size
        assert all(t.mask.sum() < 0.0015 * size[0] * size[1] for t in scene.targets)


def test_no_global_threshold_finds_the_targets(scenes):
    image, mask = (np.stack([getattr(s, name) for s in scenes]) for name in ('image', 'mask'))
    best = max(((image >= t) & mask).sum() / ((image >= t) | mask).sum() for t in range(256))
    assert best < 0.3


@pytest.mark.parametrize(('options', 'message'), [
    ({'size': (40, 128)}, r'size is \(40, 128\); expected height and width between 64'),
    ({'clutter': ('cloud', 'forest')}, r"clutter is .*'forest'.*buildings, cloud, ground, sea"),
    ({'clutter': 'cloud'}, "clutter is 'cloud'; expected one or several"),
    ({'kinds': ()}, r'kinds is \(\); expected one or several of point, extended, moving'),
    ({'snr': (12.0, 4.0)}, r'snr is \(12.0, 4.0\); expected two numbers LOW <= HIGH'),
    ({'snr': (float('nan'), 4.0)}, 'snr is .*expected two numbers'),
    ({'snr': 5.0}, 'snr is 5.0; expected two numbers LOW <= HIGH'), ({'noise': '12'}, "noise is '12'; expected two"),
    ({'vignetting': (None, 0.1)}, r'vignetting is \(None, 0.1\); expected two numbers'),
    ({'empty': 'never'}, "empty is 'never'; expected a number between 0.0 and 1.0"),
    ({'targets': (0, 2)}, r'targets is \(0, 2\)'),
    ({'targets': (1.5, 3)}, r'targets is \(1.5, 3\); expected whole numbers'),
    ({'size': (64.5, 64)}, r'size is \(64.5, 64\); expected whole numbers'),
    ({'size': 64}, 'size is 64; expected whole numbers'),
    ({'empty': 1.5}, 'empty is 1.5; expected a number between 0.0 and 1.0'),
    ({'bits': 12}, 'bits is 12; expected 8 or 16'),
])
def test_an_option_out_of_range_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        SceneOptions(**options)


@pytest.mark.parametrize(('seed', 'index'), [(0, -1), (-1, 0), (0, ()), (0, 1.5), ('a', 0), (0, (1, -2))])
def test_a_scene_without_a_number_is_refused(seed, index):
    with pytest.raises(ConfigError, match='index.*; expected whole numbers'):
        make_scene(seed, index)


def test_numbers_of_numpy_are_numbers():
    options = SceneOptions(size=(np.int64(64), np.int32(64)))
    assert options == SceneOptions(size=(64, 64)) and type(options.size[0]) is int
    np.testing.assert_array_equal(make_scene(np.int64(0), np.int64(6), options).image, make_scene(0, 6, options).image)


def test_more_targets_than_have_room_are_refused_with_a_remedy():
    with pytest.raises(ConfigError, match='No place for 12 targets.*fewer targets'):
        make_scene(0, 0, SceneOptions(size=(64, 64), targets=(12, 12)))


def test_a_lower_gain_lowers_contrast_about_the_mean_and_noise_alike(monkeypatch):
    seen = []
    monkeypatch.setattr(synthetic_scene, 'sense', lambda rng, painted, noise, *_: seen.append(
        (painted.mean(), painted.std(), noise)) or painted)
    monkeypatch.setattr(synthetic_scene, '_place', lambda *_: () if len(seen) == 3 else None)
    scene = _draw(SeedSequence(0).spawn(4), 'cloud', SceneOptions(size=(64, 64)))
    mean, deviation, noise = zip(*seen, strict=True)
    assert mean == pytest.approx([mean[0]] * 3)
    assert [value / values[0] for values in (deviation, noise) for value in values] == pytest.approx([1, .8, .64] * 2)
    assert (scene.gain, scene.noise) == pytest.approx((.64, noise[0]))


def test_a_small_scene_without_a_place_is_drawn_anew():
    options = SceneOptions(size=(64, 64))
    first = [SeedSequence(0, spawn_key=(index,)).spawn(4) for index in (14, 23, 6)]
    assert [_draw(streams, options.clutter[index % len(options.clutter)], options) is None
            for index, streams in zip((14, 23, 6), first, strict=True)] == [True, True, False]
    assert all(len(make_scene(0, index, options).targets) >= options.targets[0] for index in (14, 23))
