"""The report on a folder of descriptions."""

import json

import numpy as np
import pytest

from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors import agreement, store
from irstd_toolbox.text_priors.check import BROKEN, check_descriptions
from irstd_toolbox.text_priors.listing import list_folder, read_all
from irstd_toolbox.text_priors.regions import read_description_text
from irstd_toolbox.text_priors.scene import find_targets


def mask_of(*pixels, shape=(100, 100)):
    mask = np.zeros(shape, np.uint8)
    for row, col in pixels:
        mask[row, col] = 1
    return mask


def verdict(text, *pixels):
    mask = mask_of(*pixels)
    return agreement.agrees(read_description_text(text), find_targets(mask), mask.shape)


@pytest.fixture
def folder(tmp_path):
    def write(**texts):
        place = tmp_path / 'descriptions'
        place.mkdir(exist_ok=True)
        for image_id, text in texts.items():
            (place / f'{image_id}.txt').write_bytes(text if isinstance(text, bytes) else text.encode())
        return place
    return write


def check(place, ids=None, **options):
    return check_descriptions(place, ids, count_tokens=lambda text: len(text.split()) + 2, **options)


def problems(report):
    return {entry.image_id: entry.problems for entry in report.entries}


@pytest.mark.parametrize(('row', 'expected'), [(0, 'agree'), (59, 'agree'), (60, 'disagree'), (99, 'disagree')])
def test_upper_holds_down_to_a_tenth_below_the_midline(row, expected):
    assert verdict('A target in the upper part.', (row, 7)) == expected


@pytest.mark.parametrize(('col', 'expected'), [(99, 'agree'), (40, 'agree'), (39, 'disagree')])
def test_right_holds_up_to_a_tenth_left_of_the_midline(col, expected):
    assert verdict('A target on the right.', (7, col)) == expected


@pytest.mark.parametrize(('row', 'expected'), [(22, 'partial'), (23, 'agree'), (76, 'agree'), (77, 'partial')])
def test_the_center_is_the_middle_third_and_a_tenth(row, expected):
    assert verdict('A target in the center.', (row, 50)) == expected


@pytest.mark.parametrize(('text', 'expected'), [
    ('A target at the upper left.', 'agree'), ('A target at the upper right.', 'partial'),
    ('A target at the lower right.', 'disagree'), ('A target near a cloud.', 'unknown')])
def test_one_axis_of_two_is_partial(text, expected):
    assert verdict(text, (10, 10)) == expected


@pytest.mark.parametrize(('text', 'expected'), [
    ('Two targets: one at the upper left, one at the lower right.', 'agree'),
    ('Two targets: one at the upper left, one at the lower left.', 'partial'),
    ('A target at the upper left.', 'partial'),
    ('Targets are spread over the image, the largest at the upper left.', 'agree')])
def test_every_region_needs_a_target_and_every_target_a_region(text, expected):
    assert verdict(text, (10, 10), (90, 90)) == expected


def test_a_region_without_a_target_is_partial():
    assert verdict('Two targets: one at the upper left, one at the lower right.', (10, 10)) == 'partial'


def test_an_empty_mask_agrees_with_a_denial_alone():
    assert verdict('No target is visible.') == 'agree'
    assert verdict('A target on the left.') == 'disagree'
    assert verdict('No target is visible.', (1, 1)) == 'disagree'


def test_regions_are_relative_to_the_image():
    mask = mask_of((5, 150), shape=(40, 200))
    reading = read_description_text('A target at the upper right.')
    assert agreement.agrees(reading, find_targets(mask), mask.shape) == 'agree'


def test_touching_corners_are_one_target_in_the_count(folder):
    place = folder(a='One target on the left.', b='Two targets on the left.', c='On the left.')
    report = check(place, load_mask=lambda _: mask_of((4, 4), (5, 5)))
    assert [(entry.targets, entry.count) for entry in report.entries] == [(1, 'agree'), (1, 'disagree'), (1, 'unknown')]


def test_a_good_folder_has_status_0_whatever_the_masks_say(folder):
    report = check(folder(a='A target on the left.'), ['a'], load_mask=lambda _: mask_of((1, 99)))
    assert (report.status, report.entries[0].agreement) == (0, 'disagree')


@pytest.mark.parametrize(('content', 'problem'), [
    (b'', 'empty'), (b' \n', 'empty'), (b'N/A\n', 'empty'), (b'\xff\xfe\x00', 'unreadable'),
    (b'A target\non the left.', 'unclean'), ('A target\u202e on the left.'.encode(), 'unclean'),
    (b'**A target** on the left.', 'unclean'), (b'{"text": "A target on the left."}', 'unclean'),
    (b'As an AI assistant, I am unable to do this task.', 'refusal')])
def test_a_broken_description_gives_status_1(folder, content, problem):
    report = check(folder(a=content, b='A target on the left.'))
    assert problem in problems(report)['a'] and problem in BROKEN
    assert (report.status, [entry.image_id for entry in report.broken]) == (1, ['a'])


def test_line_end_and_byte_order_mark_are_clean(folder):
    assert problems(check(folder(a='\ufeffA target on the left.\r\n'))) == {'a': ()}


def test_two_files_of_one_image_are_ambiguous(folder):
    place = folder(a='A target on the left.')
    store.write_description(place.parent / 'x', 'a', 'Another.')
    (place.parent / 'x' / 'a.description.txt').rename(place / 'a-description.txt')
    report = check(place, ['a'])
    assert (problems(report), report.status) == ({'a': ('ambiguous',)}, 1)
    assert report.entries[0].files == ('a-description.txt', 'a.txt')


def test_what_is_only_noted_does_not_change_the_status(folder):
    place = folder(
        far='A target.', long='left ' * 51, most='left ' * 75, cut='left ' * 76, box='On the left, at (1, 2).',
        none='No target.')
    report = check(place)
    assert problems(report) == {'box': ('coordinates',), 'cut': ('too_long', 'over_77_tokens'), 'far': ('no_region',),
                                'long': ('too_long',), 'most': ('too_long',), 'none': ()}
    assert report.status == 0


def test_the_limit_of_words_is_an_option(folder):
    place = folder(a='left ' * 51)
    assert problems(check(place, word_limit=51)) == problems(check(place, word_limit=None)) == {'a': ()}


def test_missing_and_orphan_files_are_named(folder):
    report = check(folder(a='Left.', old='Right.'), ['a', 'b'])
    assert (report.missing, report.orphans) == (('b',), ('old.txt',))
    assert [entry.image_id for entry in report.entries] == ['a']


def test_descriptions_of_other_images_are_passed_over(folder):
    report = check(folder(a='Left.', b='Right.', old='Right.'), ['a'], others=['a', 'b', 'c'])
    assert ([entry.image_id for entry in report.entries], report.missing, report.orphans) == (['a'], (), ('old.txt',))


def test_the_same_text_of_several_images_is_counted(folder):
    report = check(folder(a='On the left.', b='on the LEFT.', c='On the right.'))
    assert [entry.repeats for entry in report.entries] == [1, 1, 0]
    assert (report.totals()['distinct_texts'], report.totals()['most_repeated']) == (2, 2)


def test_an_unreadable_mask_is_reported_and_the_text_still_checked(folder):
    def load(image_id):
        raise DataError('broken mask')
    report = check(folder(a='On the left.'), load_mask=load)
    assert (report.masks_failed, report.entries[0].regions) == ({'a': 'broken mask'}, ('left',))


def test_leakage_is_told(folder):
    place = folder(a='On the left.')
    store.write_provenance(place, {'uses_ground_truth': True, 'leakage': True, 'runs': []})
    report = check(place)
    assert (report.uses_ground_truth, report.leakage) == (True, True)
    assert 'LEAKAGE' in report.table()


def test_unknown_tokens_come_with_the_reason(folder, monkeypatch):
    monkeypatch.setattr('irstd_toolbox.text_priors.clip_tokens.find_counter', lambda: (None, 'no tokenizer'))
    report = check_descriptions(folder(a='On the left.'))
    assert (report.entries[0].tokens, report.tokens_unknown) == (None, 'no tokenizer')


def test_totals_and_table_agree(folder):
    report = check(folder(a='A target on the left.', b=b''), ['a', 'b', 'c'], load_mask=lambda _: mask_of((1, 1)))
    totals = json.loads(json.dumps(report.to_dict()))['totals']
    assert totals['agreement'] == {'agree': 1, 'partial': 0, 'disagree': 0, 'unknown': 1}
    assert (totals['words_mean'], totals['tokens_max'], totals['problems']['empty']) == (5.0, 7, 1)
    assert 'says nothing: b' in report.table() and 'missing: c' in report.table()


def test_ids_come_from_the_file_names_if_none_are_given(folder):
    place = folder(**{'a.description': 'x', 'b-description': 'x', 'c_description': 'x', 'd': 'x'})
    assert list(list_folder(place).files) == ['a', 'b', 'c', 'd']


def test_ids_in_folders_are_found(folder):
    place = folder()
    store.write_description(place, '44/1', 'Left.')
    assert list(list_folder(place, ['44/1']).files) == ['44/1']
    assert read_all(place) == ({'44/1': 'Left.'}, {})


def test_a_root_stands_for_its_folder_and_no_folder_is_an_error(folder):
    place = folder(a='Left.')
    assert list_folder(place.parent).folder == place
    with pytest.raises(DataError, match='is not a folder. Expected a folder of descriptions'):
        list_folder(place / 'nowhere')


def test_read_all_tells_why_a_text_is_not_read(folder):
    texts, failed = read_all(folder(a='Left.', b=b'\xff'))
    assert texts == {'a': 'Left.'}
    assert 'is not UTF-8' in failed['b']
