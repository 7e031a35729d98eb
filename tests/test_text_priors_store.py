"""Description files and their record."""

import json
import os

import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import store


@pytest.mark.parametrize('suffix', ['.description.txt', '-description.txt', '_description.txt', '.txt'])
def test_all_four_names_are_written_and_read(tmp_path, suffix):
    path = store.write_description(tmp_path / 'descriptions', 'Misc_1', 'A target.', suffix)
    assert path.name == f'Misc_1{suffix}'
    assert path.read_bytes() == b'A target.\n'
    assert store.read_description(tmp_path / 'descriptions', 'Misc_1') == 'A target.'


def test_no_description_is_none(tmp_path):
    assert store.read_description(tmp_path, 'Misc_1') is None
    (tmp_path / 'Misc_10.description.txt').write_text('x')
    assert store.read_description(tmp_path, 'Misc_1') is None


def test_two_descriptions_of_one_image_are_an_error_that_names_both(tmp_path):
    (tmp_path / 'a.txt').write_text('x')
    (tmp_path / 'a-description.txt').write_text('y')
    with pytest.raises(DataError, match=r'a has 2 descriptions.*a-description\.txt, a\.txt'):
        store.read_description(tmp_path, 'a')


@pytest.mark.parametrize('name', ['descriptions', 'description'])
def test_the_folder_is_found_by_either_spelling(tmp_path, name):
    (tmp_path / name).mkdir()
    assert store.find_folder(tmp_path) == tmp_path / name


def test_both_spellings_of_the_folder_are_an_error(tmp_path):
    assert store.find_folder(tmp_path) is None
    (tmp_path / 'descriptions').mkdir()
    (tmp_path / 'description').mkdir()
    with pytest.raises(DataError, match='holds both descriptions/ and description/'):
        store.find_folder(tmp_path)


@pytest.mark.parametrize('image_id', [
    '', '.', '..', '../a', 'a/../b', '/etc/a', 'a//b', 'a/', 'a\\b', 'c:a', 'a\x00', 'a\nb', ' a', 'a ', '\u202ea'])
def test_an_id_that_could_leave_its_folder_is_refused(tmp_path, image_id):
    for use in (store.check_image_id, lambda name: store.read_description(tmp_path, name),
                lambda name: store.write_description(tmp_path, name, 'x')):
        with pytest.raises(DataError, match='is not an image id'):
            use(image_id)
    assert not any(tmp_path.iterdir())


def test_an_id_with_folders_is_stored_below_them(tmp_path):
    path = store.write_description(tmp_path, '44/1(814)', 'A target.')
    assert path == tmp_path / '44' / '1(814).description.txt'
    assert store.read_description(tmp_path, '44/1(814)') == 'A target.'


def test_a_name_of_letters_in_parts_is_found_by_the_id(tmp_path):
    (tmp_path / 'a\u0308.txt').write_text('A target.')
    assert store.read_description(tmp_path, '\u00e4') == 'A target.'


@pytest.mark.parametrize(('raw', 'clean'), [
    ('A\r\ntarget\tin\u2028the\u00a0center. ', 'A target in the center.'),
    ('A \u202etarget\u202c\u200b\ufeff.', 'A target.'), ('Cafe\u0301', 'Café'), ('a\x07b\x00', 'ab'), ('\x1f \x1f', ''),
    ('a \u200b b', 'a b'), ('upper\u2010left, left\u2011of\u2013center', 'upper-left, left-of-center'),
    ('3\u20135 pixels \u2013 small', '3\u20135 pixels \u2013 small'), ('u\u2011\u200bp', 'u-p')])
def test_text_is_one_composed_line_without_control_or_bidi_characters(raw, clean):
    assert store.clean_text(raw) == clean


def test_reading_cleans_what_others_wrote(tmp_path):
    (tmp_path / 'a.txt').write_bytes('\ufeffA target\r\nin the center.\r\n'.encode())
    assert store.read_description(tmp_path, 'a') == 'A target in the center.'


def test_an_empty_or_foreign_file_is_an_error(tmp_path):
    (tmp_path / 'a.txt').write_text(' \n')
    (tmp_path / 'b.txt').write_bytes(b'caf\xe9')
    with pytest.raises(DataError, match=r'a\.txt holds no text'):
        store.read_description(tmp_path, 'a')
    with pytest.raises(DataError, match=r'b\.txt is not UTF-8 text'):
        store.read_description(tmp_path, 'b')


def test_an_existing_description_stays_unless_asked_and_then_keeps_its_name(tmp_path):
    store.write_description(tmp_path, 'a', 'First.', '-description.txt')
    with pytest.raises(DataError, match='exists'):
        store.write_description(tmp_path, 'a', 'Second.')
    assert store.read_description(tmp_path, 'a') == 'First.'
    store.write_description(tmp_path, 'a', 'Second.', overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ['a-description.txt']
    assert store.read_description(tmp_path, 'a') == 'Second.'


@pytest.mark.parametrize('text', [None, 3, b'A target.'])
def test_a_text_that_is_no_str_is_the_providers_fault_and_writes_nothing(tmp_path, text):
    with pytest.raises(DataError, match=f'a: the description is {text!r}; expected a str.*mend the provider'):
        store.write_description(tmp_path, 'a', text)
    assert not any(tmp_path.iterdir())


def test_an_empty_text_or_unknown_suffix_writes_nothing(tmp_path):
    with pytest.raises(DataError, match='an empty description'):
        store.write_description(tmp_path, 'a', ' \u200b\n')
    with pytest.raises(ConfigError, match=r"suffix '\.text'; expected one of \.description\.txt"):
        store.write_description(tmp_path, 'a', 'x', '.text')
    assert not any(tmp_path.iterdir())


def test_a_write_that_fails_leaves_the_old_text_and_no_other_file(tmp_path, monkeypatch):
    store.write_description(tmp_path, 'a', 'First.')

    def broken(source: object, target: object) -> None:
        raise OSError('disk full')
    monkeypatch.setattr(os, 'replace', broken)
    with pytest.raises(OSError, match='disk full'):
        store.write_description(tmp_path, 'a', 'Second.', overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ['a.description.txt']
    assert store.read_description(tmp_path, 'a') == 'First.'


def test_the_record_comes_back_as_written(tmp_path):
    assert store.read_provenance(tmp_path) is None
    store.write_provenance(tmp_path, {'uses_ground_truth': True, 'runs': [{'provider': 'quadrant'}]})
    assert store.read_provenance(tmp_path) == {'uses_ground_truth': True, 'runs': [{'provider': 'quadrant'}]}
    assert json.loads((tmp_path / 'provenance.json').read_text())['uses_ground_truth'] is True


@pytest.mark.parametrize(('text', 'words'), [
    ('{', 'is damaged'), ('[]', 'holds a JSON list; expected an object'),
    ('{"runs": {"provider": "quadrant"}}', r"runs is \{'provider': 'quadrant'\}; a list of objects is expected"),
    ('{"runs": ["quadrant"]}', r"runs is \['quadrant'\]; a list of objects"),
    ('{"uses_ground_truth": "no"}', "uses_ground_truth is 'no'; true, false or null is expected"),
    ('{"runs": [{"leakage": []}]}', r'leakage is \[\]; true, false or null')])
def test_a_damaged_record_is_an_error(tmp_path, text, words):
    (tmp_path / 'provenance.json').write_text(text)
    with pytest.raises(DataError, match=words):
        store.read_provenance(tmp_path)
