"""The doctor on the two real data sets. Skipped where the data is absent."""

from dataclasses import replace

import pytest

from irstd_toolbox.datasets.imaging import read_pixels
from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.diagnosis.audit import audit
from irstd_toolbox.diagnosis.reading import between, examine


@pytest.fixture(scope='module')
def nuaa(real_data):
    layout = detect(real_data('NUAA-SIRST'))
    return audit(layout, examine(layout, workers=1))


@pytest.fixture(scope='module')
def irstd1k_test(real_data):
    """The test list of IRSTD-1k and the three training images that show the same scenes, alone."""
    layout = detect(real_data('IRSTD-1k'))
    ids = {*layout.ids('test'), 'XDU264', 'XDU494', 'XDU495'}
    part = replace(layout, images={one: path for one, path in layout.images.items() if one in ids},
                   masks={one: path for one, path in layout.masks.items() if one in ids},
                   splits={'trainval': ('XDU264', 'XDU494', 'XDU495'), 'test': layout.ids('test')})
    return audit(part, examine(part, workers=1))


def items(result, kind):
    return next((one.items for one in result.findings if one.kind == kind), ())


def test_misc_111_is_the_one_mask_of_nuaa_sirst_of_another_size(nuaa):
    assert items(nuaa, 'size-mismatch') == (
        'Misc_111: image 325x220, mask 592x400; 121 target pixels become 35',)


def test_nuaa_sirst_has_the_defects_of_the_docs_and_no_others(nuaa):
    assert {one.kind: len(one.items) for one in nuaa.findings} == {
        'size-mismatch': 1, 'list-no-final-newline': 10, 'cross-list-overlap': 2, 'image-modes': 3,
        'unequal-channels': 159, 'mask-modes': 2, 'foreign-file': 1}
    assert items(nuaa, 'image-modes') == ('L: 268', 'RGB: 122', 'P: 37')
    assert items(nuaa, 'foreign-file') == ('masks/*.xml (427)',)
    assert items(nuaa, 'cross-list-overlap') == (
        '43 of 86 ids of test are trained on by idx_320/trainval, idx_320/train, idx_320/val',
        '77 of 96 ids of idx_320/test are trained on by trainval, train, val')


def test_the_figures_of_nuaa_sirst_are_the_known_ones(nuaa):
    figures = {one.name: (one.images, one.targets, one.foreground, one.verdict) for one in nuaa.splits}
    assert figures['all'] == (427, 533, 17521, 'match')
    assert figures['test'] == (86, 109, 3374, 'match')
    assert figures['idx_320/test'] == (96, 102, 3156, 'match')


def test_26_of_533_targets_of_nuaa_sirst_are_not_small_and_1_is_small_and_dim(nuaa):
    one = nuaa.statistics
    assert (one['spie']['targets'] - one['share']['below_bound'], one['spie']['all_bounds']) == (26, 1)
    assert one['area']['median'] == 20


def test_irstd1k_has_85_grey_masks(real_data):
    masks = detect(real_data('IRSTD-1k')).masks
    grey = [one for one, path in masks.items() if between(read_pixels(path))]
    assert (len(grey), grey[0], grey[-1]) == (85, 'XDU0', 'XDU655')


def test_the_test_list_of_irstd1k_has_13_grey_masks_and_4_scenes_of_the_training_list(irstd1k_test):
    assert len(items(irstd1k_test, 'grey-mask')) == 13
    assert [text.split(',')[0] for text in items(irstd1k_test, 'near-duplicate-across-splits')] == [
        'XDU264 (training) ~ XDU231 (test)', 'XDU264 (training) ~ XDU416 (test)', 'XDU494 (training) ~ XDU258 (test)',
        'XDU495 (training) ~ XDU49 (test)']


def test_the_figures_of_the_test_list_of_irstd1k_are_the_known_ones(irstd1k_test):
    test = next(one for one in irstd1k_test.splits if one.name == 'test')
    assert (test.images, test.targets, test.foreground, test.verdict) == (201, 297, 14534, 'match')
