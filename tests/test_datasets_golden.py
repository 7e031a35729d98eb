"""The known constants of the two real data sets, each file read once. Skipped where the data is absent."""

import warnings
from collections import Counter

import cv2
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label

from irstd_toolbox.datasets.imaging import read_image, read_mask, to_mask
from irstd_toolbox.datasets.layouts import detect


def _targets(mask):
    """The numbers of 8- and 4-connected regions, and the areas of the former."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = mask[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    regions, eight = label(box, np.ones((3, 3)))
    return np.array([eight, label(box)[1]]), np.bincount(regions.ravel())[1:].tolist()


def _survey(root):
    """Of every image: modes and sizes, whether the mask has greys, target pixels as filed and aligned, targets."""
    found = detect(root)
    facts = {}
    for image_id, path in found.images.items():
        with Image.open(path) as image, Image.open(found.masks[image_id]) as mask:
            modes, shape, values = (image.mode, mask.mode), (image.height, image.width), np.asarray(mask)
        as_filed = to_mask(values)
        aligned = as_filed if as_filed.shape == shape else read_mask(found.masks[image_id], shape)
        targets, areas = _targets(aligned)
        grey = np.count_nonzero(np.bincount(values.ravel())) > 2
        facts[image_id] = dict(
            modes=modes, shape=shape, mask_shape=as_filed.shape, grey=grey, as_filed=int(as_filed.sum()),
            aligned=int(aligned.sum()), targets=targets, areas=areas,
            any_grey_targets=_targets(values > 0)[0] if grey else targets)
    return found, facts


@pytest.fixture(scope='module')
def nuaa(real_data):
    root = real_data('NUAA-SIRST')
    with warnings.catch_warnings():  # of Misc_111's mask, said once a process and perhaps already
        warnings.simplefilter('ignore')
        return _survey(root)


@pytest.fixture(scope='module')
def irstd1k(real_data):
    return _survey(real_data('IRSTD-1k'))


def _total(survey, key, split='all'):
    found, facts = survey
    return sum(facts[image_id][key] for image_id in found.ids(split))


def test_nuaa_sirst_is_detected_as_l1(nuaa):
    found, _ = nuaa
    assert (found.name, found.layout, len(found.images), len(found.masks)) == ('NUAA-SIRST', 'L1', 427, 427)
    assert dict(found.ignored) == {'.xml': 427}


def test_irstd1k_is_detected_as_l7(irstd1k):
    found, _ = irstd1k
    assert (found.name, found.layout, len(found.images), len(found.masks)) == ('IRSTD-1k', 'L7', 1001, 1001)


@pytest.mark.parametrize(('split', 'count'), [
    ('trainval', 341), ('train', 256), ('val', 85), ('test', 86), ('idx_320/trainval', 224), ('idx_320/test', 96)])
def test_nuaa_sirst_has_its_official_splits(nuaa, split, count):
    assert len(nuaa[0].ids(split, require_masks=True)) == count


@pytest.mark.parametrize(('split', 'count'), [('trainval', 800), ('test', 201)])
def test_irstd1k_has_its_published_splits(irstd1k, split, count):
    assert len(irstd1k[0].ids(split, require_masks=True)) == count


def test_no_training_list_shares_an_image_with_its_test_list(nuaa, irstd1k):
    assert nuaa[0].overlap('trainval', 'test') == irstd1k[0].overlap('trainval', 'test') == ()


@pytest.mark.parametrize(('split', 'eight', 'four'), [('all', 533, 533), ('test', 109, 109)])
def test_nuaa_sirst_has_its_targets(nuaa, split, eight, four):
    assert _total(nuaa, 'targets', split).tolist() == [eight, four]


@pytest.mark.parametrize(('split', 'eight', 'four'), [
    ('all', 1492, 1552), ('trainval', 1195, 1245), ('test', 297, 307)])
def test_irstd1k_has_its_targets(irstd1k, split, eight, four):
    assert _total(irstd1k, 'targets', split).tolist() == [eight, four]


def test_irstd1k_has_three_targets_more_where_any_grey_is_target(irstd1k):
    assert _total(irstd1k, 'any_grey_targets').tolist() == [1495, 1555]
    assert _total(irstd1k, 'any_grey_targets', 'test')[0] == 297


@pytest.mark.parametrize(('split', 'as_filed', 'aligned'), [('all', 17607, 17521), ('test', 3460, 3374)])
def test_nuaa_sirst_has_its_target_pixels_before_and_after_misc_111_is_aligned(nuaa, split, as_filed, aligned):
    assert (_total(nuaa, 'as_filed', split), _total(nuaa, 'aligned', split)) == (as_filed, aligned)


def test_misc_111_is_the_only_mask_of_another_size(nuaa, irstd1k):
    facts = nuaa[1] | irstd1k[1]
    assert [image_id for image_id, one in facts.items() if one['mask_shape'] != one['shape']] == ['Misc_111']
    one = facts['Misc_111']
    assert (one['mask_shape'], one['shape'], one['as_filed'], one['aligned']) == ((400, 592), (220, 325), 121, 35)


def test_irstd1k_has_its_target_pixels_under_the_rule_above_127(irstd1k):
    assert (_total(irstd1k, 'aligned'), _total(irstd1k, 'aligned', 'test')) == (74983, 14534)


def test_the_median_target_has_20_and_31_pixels_and_the_largest_330_and_1065(nuaa, irstd1k):
    areas = [[area for one in facts.values() for area in one['areas']] for _, facts in (nuaa, irstd1k)]
    assert [(np.median(one), max(one)) for one in areas] == [(20, 330), (31, 1065)]


def test_irstd1k_has_85_grey_masks_13_of_them_in_the_test_list(irstd1k):
    assert (_total(irstd1k, 'grey'), _total(irstd1k, 'grey', 'test')) == (85, 13)


def test_no_image_is_without_target(nuaa, irstd1k):
    assert min(one['targets'][0] for _, facts in (nuaa, irstd1k) for one in facts.values()) == 1


def test_the_modes_of_the_files_are_those_of_the_docs(nuaa, irstd1k):
    assert Counter(one['modes'] for one in nuaa[1].values()) == {
        ('L', '1'): 268, ('RGB', '1'): 122, ('P', '1'): 36, ('P', 'L'): 1}
    assert Counter(one['modes'] for one in irstd1k[1].values()) == {('RGB', 'L'): 1001}


def test_the_sizes_of_the_images_are_those_of_the_docs(nuaa, irstd1k):
    shapes = {one['shape'] for one in nuaa[1].values()}
    heights, widths = zip(*shapes, strict=True)
    assert (len(shapes), min(widths), max(widths), min(heights), max(heights)) == (381, 135, 456, 96, 388)
    assert {one['shape'] for one in irstd1k[1].values()} == {(512, 512)}


def test_nuaa_sirst_images_are_decoded_in_colour_then_converted_whatever_their_gamma_says(nuaa):
    for path in nuaa[0].images.values():
        colours = cv2.imread(str(path), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(read_image(path), cv2.cvtColor(colours, cv2.COLOR_BGR2GRAY))
