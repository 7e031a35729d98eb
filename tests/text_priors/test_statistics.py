"""Words a split, and described against true regions."""

import json

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors import MaskCaptionProvider, Scene
from irstd_toolbox.text_priors.statistics import WORDS, confuse_regions, count_split_words

SPLITS = {'trainval': ['a', 'b', 'c'], 'test': ['d']}


def mask_at(row, col, side=9):
    mask = np.zeros((side, side), np.uint8)
    mask[row, col] = 1
    return mask


def test_occurrences_and_descriptions_are_counted_split_by_split():
    counts = count_split_words(
        {'a': 'LEFT, upper-left.', 'b': 'The right half.', 'd': 'Lower center; the center.'}, SPLITS)
    assert counts.occurrences == {'trainval': dict(zip(WORDS, (2, 1, 0, 0, 1), strict=True)),
                                  'test': dict(zip(WORDS, (0, 0, 2, 1, 0), strict=True))}
    assert counts.containing == {'trainval': dict(zip(WORDS, (1, 1, 0, 0, 1), strict=True)),
                                 'test': dict(zip(WORDS, (0, 0, 1, 1, 0), strict=True))}
    assert (counts.images, counts.described) == ({'trainval': 3, 'test': 1}, {'trainval': 2, 'test': 1})


def test_only_whole_words_count():
    counts = count_split_words({'a': 'leftmost bright upright centre centered follower uppermost'}, {'all': ['a']})
    assert set(counts.occurrences['all'].values()) == {0}


def test_any_sense_of_a_word_counts():
    counts = count_split_words({'a': 'Right at the horizon, to the left of the mast.'}, {'all': ['a']})
    assert (counts.occurrences['all']['right'], counts.occurrences['all']['left']) == (1, 1)


def test_the_table_has_the_words_in_the_papers_order():
    table = count_split_words({'a': 'left'}, {'trainval': ['a']}, 'SIRST').table().splitlines()
    assert table[0].split() == ['split', 'images', 'described', 'counted', 'left', 'right', 'center', 'lower', 'upper']
    assert table[1].split() == ['SIRST', 'trainval', '1', '1', 'occurrences', '1', '0', '0', '0', '0']


def test_the_matrix_counts_described_against_true_cells():
    places = {'a': (0, 0), 'b': (0, 8), 'c': (4, 4), 'd': (8, 4)}
    texts = {'a': 'Upper left.', 'b': 'Upper left.', 'c': 'By a cloud.', 'd': 'One on the left, one on the right.'}
    confusion = confuse_regions(texts, lambda image_id: mask_at(*places[image_id]))
    assert {name: {cell: number for cell, number in row.items() if number} for name, row in confusion.regions.items()} \
        == {'upper-left': {'upper-left': 1, 'upper-right': 1}, 'none': {'center': 1}, 'several': {'lower-center': 1}}
    assert confusion.total == 4


def test_each_axis_is_summed_on_its_own():
    confusion = confuse_regions({'a': 'At the top.', 'b': 'On the left.'}, lambda _: mask_at(0, 8))
    vertical, horizontal = confusion.axis('vertical'), confusion.axis('horizontal')
    assert vertical['upper'] == {'upper': 1, 'center': 0, 'lower': 0}
    assert vertical['unsaid'] == {'upper': 1, 'center': 0, 'lower': 0}
    assert horizontal['left'] == {'left': 0, 'center': 0, 'right': 1}
    assert horizontal['unsaid'] == {'left': 0, 'center': 0, 'right': 1}


def test_images_without_exactly_one_target_are_left_out_and_counted():
    masks = {'a': None, 'b': np.zeros((9, 9), np.uint8), 'c': mask_at(0, 0) + mask_at(8, 8), 'd': mask_at(0, 0)}
    confusion = confuse_regions(dict.fromkeys(masks, 'Upper left.'), masks.get)
    assert confusion.left_out == {'without mask': 1, 'without target': 1, 'of several targets': 1}
    assert confusion.total == 1


@pytest.mark.parametrize(('row', 'cell'), [
    (2, 'upper-left'), (3, 'center-left'), (5, 'center-left'), (6, 'lower-left')])
def test_thirds_are_those_of_the_grid(row, cell):
    confusion = confuse_regions({'a': 'On the left.'}, lambda _: mask_at(row, 0))
    assert confusion.regions['left'][cell] == 1


@pytest.mark.parametrize(('rows', 'cell'), [
    ((1, 2), 'upper-left'), ((2, 3), 'center-left'), ((5, 6), 'center-left'), ((6, 7), 'lower-left')])
def test_a_centroid_on_a_line_of_the_grid_belongs_to_the_middle(rows, cell):
    confusion = confuse_regions({'a': 'On the left.'}, lambda _: sum(mask_at(row, 0) for row in rows))
    assert confusion.regions['left'][cell] == 1


@pytest.mark.parametrize(('row', 'cell'), [(4, 'upper-left'), (5, 'lower-left')])
def test_the_middle_of_halves_is_upper(row, cell):
    confusion = confuse_regions({'a': 'On the left.'}, lambda _: mask_at(row, 0), grid='halves')
    assert confusion.columns == ('upper-left', 'upper-right', 'lower-left', 'lower-right')
    assert confusion.regions['left'][cell] == 1


def test_another_grid_is_refused():
    with pytest.raises(ConfigError, match="grid 'quarters'; expected one of thirds, halves"):
        confuse_regions({}, lambda _: None, grid='quarters')


def test_captions_from_masks_lie_on_the_diagonal():
    provider, masks = MaskCaptionProvider(), {f'{row}{col}': mask_at(row, col) for row in range(9) for col in range(9)}
    texts = {name: provider.describe(Scene(mask.astype(np.float32), mask, name)) for name, mask in masks.items()}
    confusion = confuse_regions(texts, masks.get)
    assert confusion.regions == {cell: {other: 9 * (cell == other) for other in confusion.columns}
                                 for cell in confusion.columns}


def test_both_tables_go_to_json_and_text():
    confusion = confuse_regions({'a': 'On the left.'}, lambda _: mask_at(0, 0))
    assert json.loads(json.dumps(confusion.to_dict()))['horizontal']['left']['left'] == 1
    assert '1 images of one target; left out: none' in confusion.table()
    counts = count_split_words({'a': 'left'}, {'trainval': ['a']})
    assert json.loads(json.dumps(counts.to_dict()))['occurrences']['trainval']['left'] == 1
