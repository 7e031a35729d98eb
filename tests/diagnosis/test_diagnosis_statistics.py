"""What is measured of a target, by hand, and how targets are counted."""

import math
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from irstd_toolbox.datasets.layouts import Layout
from irstd_toolbox.diagnosis import constants
from irstd_toolbox.diagnosis.constants import Known, compare
from irstd_toolbox.diagnosis.figures import histograms
from irstd_toolbox.diagnosis.reading import between
from irstd_toolbox.diagnosis.statistics import EDGES, SPIE, Target, find_targets, histogram, summarise


def target(share=0.001, contrast=0.1, snr=1.0, area=10):
    return Target('a', 0.0, 0.0, (0, 0, 1, 1), area, share, contrast, snr)


@pytest.fixture
def scene():
    """A background of 100 and 104 by turns (mean 102, deviation 2), two targets of 2x1 and 2x3 pixels."""
    gray = np.tile([100.0, 104.0], (60, 30)).astype(np.float32)
    mask = np.zeros(gray.shape, np.uint8)
    mask[10, 20:22] = mask[40:43, 30:32] = 1
    gray[10, 20:22], gray[40:43, 30:32] = 112, 105
    return gray, mask


def test_a_target_has_its_place_box_area_and_share(scene):
    first, second = find_targets('a', *scene)
    assert (first.x, first.y, first.box, first.area, first.share) == (20.5, 10.0, (20, 10, 2, 1), 2, 2 / 3600)
    assert (second.x, second.y, second.box, second.area) == (30.5, 41.0, (30, 40, 2, 3), 6)


def test_a_target_is_measured_against_its_neighbourhood(scene):
    first, second = find_targets('a', *scene)
    assert (first.snr, first.contrast) == (5.0, pytest.approx(10 / 102))
    assert (second.snr, second.contrast) == (1.5, pytest.approx(3 / 102))


def test_another_target_is_no_part_of_a_neighbourhood(scene):
    gray, mask = scene
    gray[10, 25], mask[10, 25] = 250, 1
    first, other, _ = find_targets('a', gray, mask)
    assert (first.area, first.snr, first.contrast, other.area) == (2, 5.0, pytest.approx(10 / 102), 1)


def test_diagonal_neighbours_are_one_target():
    assert len(find_targets('a', np.full((9, 9), 5, np.float32), np.eye(9, dtype=np.uint8))) == 1


def test_a_target_that_does_not_differ_from_a_flat_neighbourhood_has_no_contrast_and_no_snr():
    one, = find_targets('a', np.zeros((9, 9), np.float32), np.eye(9, dtype=np.uint8))
    assert (one.contrast, one.snr) == (0.0, 0.0)


def test_a_target_over_black_has_infinite_contrast_and_snr():
    one, = find_targets('a', np.eye(9, dtype=np.float32), np.eye(9, dtype=np.uint8))
    assert (one.contrast, one.snr) == (math.inf, math.inf)


def test_an_image_without_target_has_none(scene):
    assert find_targets('a', scene[0], np.zeros_like(scene[1])) == ()


def test_a_target_is_small_and_dim_below_all_bounds_and_not_at_any():
    assert target().is_spie
    assert [target(**{key: bound}).is_spie for key, bound in SPIE.items()] == [False, False, False]


def test_the_bounds_are_those_the_field_quotes():
    assert SPIE == {'share': 0.0015, 'contrast': 0.15, 'snr': 1.5}


def test_a_value_belongs_to_the_bin_whose_lower_edge_it_reaches():
    assert histogram([-9, 0, 0.9, 1, 5, math.inf, -math.inf], (-math.inf, 0, 1, math.inf)) == [2, 2, 3]


def test_every_bound_is_an_edge_of_its_histogram():
    assert all(bound in EDGES[key] for key, bound in SPIE.items())


def test_infinite_values_are_counted_apart_from_quantiles_but_in_the_histogram():
    summary = summarise([target(contrast=0.1), target(contrast=0.3), target(contrast=math.inf)])
    one = summary['contrast']
    assert (one['minimum'], one['median'], one['maximum'], one['mean'], one['infinite']) == (
        0.1, pytest.approx(0.2), 0.3, pytest.approx(0.2), 1)
    assert sum(one['histogram']) == 3 and one['below_bound'] == 1
    assert summarise([target(contrast=SPIE['contrast'])])['contrast']['below_bound'] == 0


def test_quantiles_are_those_of_their_names():
    one = summarise([target(area=area) for area in range(101)])['area']
    assert [one[name] for name in ('minimum', 'p5', 'median', 'p95', 'maximum')] == [0, 5, 50, 95, 100]


def test_targets_below_80_of_256x256_pixels_are_counted():
    summary = summarise([target(share=80 / 65536), target(share=79 / 65536), target(share=0.0014, snr=2)])
    assert summary['spie'] == {'targets': 3, 'all_bounds': 2, 'below_80_of_256x256': 1}


def test_a_line_stands_at_the_bound_and_shares_are_in_percent():
    share = histograms(summarise([target()]), 'own').axes[1]
    assert [line.get_xdata()[0] for line in share.lines] == [EDGES['share'].index(SPIE['share'])]
    assert share.get_xticklabels()[EDGES['share'].index(SPIE['share'])].get_text() == '0.15'
    assert share.get_title() == "1 of 1 below SPIE's 0.15 %"


def test_no_targets_have_no_figures():
    summary = summarise([])
    assert summary['area']['median'] is None and sum(summary['area']['histogram']) == 0


@pytest.mark.parametrize(('values', 'dtype', 'greys'), [
    ([0, 255], np.uint8, ()), ([0, 1], np.uint8, ()), ([0, 0], np.uint8, ()), ([False, True], bool, ()),
    ([0, 65535], np.uint16, ()), ([0, 200], np.uint8, (200,)), ([1, 255], np.uint8, (1,)),
    ([0, 255, 65535], np.uint16, (255,)), ([0, 0.5, 1], np.float32, (0.5,))])
def test_values_between_background_and_full_scale_are_greys(values, dtype, greys):
    assert between(np.array([values], dtype)) == greys


def test_of_a_colour_mask_the_brightest_channel_counts():
    assert between(np.array([[[128, 0, 0], [0, 0, 255]]], np.uint8)) == (128,)


@pytest.mark.parametrize(('figures', 'verdict', 'wrong'), [
    (('NUAA-SIRST', 'test', 86, 109, 3374), 'match', []),
    (('NUAA-SIRST', 'test', 214, 263, 8388), 'match', []),
    (('NUAA-SIRST', 'test', 86, 108, 3374), 'mismatch', ['108 targets, known are 109']),
    (('NUAA-SIRST', 'all', 426, 532, 17000), 'mismatch', ['426 images, known are 427']),
    (('NUDT-SIRST', 'all', 1327, 1863, 5), 'match', []),
    (('NUAA-SIRST', 'val', 85, 1, 1), 'unknown', []), (('mine', 'all', 86, 109, 3374), 'unknown', [])])
def test_figures_are_held_against_the_known_ones_of_the_same_split(figures, verdict, wrong):
    assert compare(*figures) == (verdict, wrong)


def test_trainval_and_train_are_held_against_the_training_lists_and_val_against_none(root, examined, monkeypatch):
    monkeypatch.setattr(constants, 'KNOWN', (
        Known('own', 'training', 6, 7), Known('own', 'training', 5, 5, 60), Known('own', 'test', 2, 2)))
    for name, ids in (('train', range(5)), ('val', (5,))):
        (root / f'{name}.txt').write_text(''.join(f'scene_{number}\n' for number in ids))
    found = examined(root)
    assert {one.name: one.verdict for one in found.splits} == {
        'all': 'unknown', 'trainval': 'mismatch', 'train': 'match', 'val': 'unknown', 'test': 'match'}
    assert [one.items for one in found.findings] == [('trainval: 6 targets, known are 7',)]


@pytest.mark.parametrize(('published', 'verdict'), [(8, 'match'), (9, 'mismatch')])
def test_a_verdict_by_the_number_of_images_alone_is_of_all_images(root, examined, monkeypatch, published, verdict):
    monkeypatch.setattr(Layout, 'card', SimpleNamespace(images=published))
    assert {one.name: one.verdict for one in examined(root).splits} == {
        'all': verdict, 'trainval': 'unknown', 'test': 'unknown'}


def test_a_target_that_aligning_loses_is_not_counted_and_leaves_its_mask_empty(root, examined):
    mask = np.zeros((80, 96), np.uint8)
    mask[8, 8] = 255  # of two rows and columns the second is kept
    cv2.imwrite(str(root / 'masks/scene_3.png'), mask)
    result = examined(root)
    whole = result.splits[0]
    assert (whole.images, whole.targets, whole.foreground, whole.empty) == (8, 7, 84, 1)
    assert {one.kind: one.items for one in result.findings} == {
        'size-mismatch': ('scene_3: image 48x40, mask 96x80; 1 target pixels become 0',), 'empty-mask': ('scene_3',)}


def test_the_hash_of_a_split_is_of_the_ids_that_have_an_image(root, examined):
    before = [one.ids_sha256 for one in examined(root).splits]
    with open(root / 'test.txt', 'a') as file:
        file.write('scene_99\n')
    assert [one.ids_sha256 for one in examined(root).splits] == before


def test_without_lists_no_image_is_unlisted(root, found):
    for name in ('trainval.txt', 'test.txt'):
        (root / name).unlink()
    assert found(root) == {}
