"""Existing descriptions into a data set, and a data set into the LangIR layout."""

import json
import os

import cv2
import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import langir, store
from irstd_toolbox.text_priors.importing import import_descriptions, read_lines
from irstd_toolbox.text_priors.vlm.session import hold, run_dir

IDS = ['Misc_1', 'Misc_2', 'Misc_3']
RUN = {'provider': 'quadrant', 'uses_ground_truth': True}


@pytest.fixture
def source(tmp_path):
    """A folder of descriptions under all four names, one of them of an image that is not ours."""
    place = tmp_path / 'theirs'
    place.mkdir()
    for name, text in {'Misc_1.description.txt': 'On the left.', 'Misc_2-description.txt': 'On the\nright.',
                       'Misc_3_description.txt': "I'm sorry, but I can't assist with that.",
                       'Misc_9.txt': 'At the top.'}.items():
        (place / name).write_text(text)
    return place


@pytest.fixture
def lines(tmp_path):
    def write(*entries):
        path = tmp_path / 'theirs.jsonl'
        path.write_text('\n'.join(entry if isinstance(entry, str) else json.dumps(entry) for entry in entries))
        return path
    return write


@pytest.fixture
def pixels(tmp_path):
    """Id to image and id to mask, as the official NUAA-SIRST names them."""
    images, masks = {}, {}
    for number, image_id in enumerate(IDS):
        images[image_id] = tmp_path / 'in' / f'{image_id}.png'
        masks[image_id] = tmp_path / 'in' / f'{image_id}_pixels0.png'
        images[image_id].parent.mkdir(exist_ok=True)
        cv2.imwrite(str(images[image_id]), np.full((4, 4), number, np.uint8))
        cv2.imwrite(str(masks[image_id]), np.eye(4, dtype=np.uint8) * 255)
    return images, masks


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_imported_under_the_papers_names(source, tmp_path):
    target = tmp_path / 'data' / 'descriptions'
    report = import_descriptions(source, IDS, target)
    assert names(target) == ['Misc_1-description.txt', 'Misc_2-description.txt', 'provenance.json']
    assert store.read_description(target, 'Misc_2') == 'On the right.'
    assert (report.written, report.unknown, report.missing) == (['Misc_1', 'Misc_2'], ['Misc_9'], [])


def test_a_refusal_is_not_imported_and_is_told(source, tmp_path):
    report = import_descriptions(source, IDS, tmp_path / 'descriptions')
    assert report.rejected['Misc_3'].startswith('refusal')
    assert (report.status, 'rejected: Misc_3' in report.table()) == (3, True)


def test_json_lines_are_imported(lines, tmp_path):
    path = lines({'id': 'XDU1', 'text': 'At the top.', 'model': 'x'}, '', {'id': 'XDU7', 'text': 'At the bottom.'})
    report = import_descriptions(path, ['XDU1', 'XDU2'], tmp_path / 'descriptions')
    assert names(tmp_path / 'descriptions') == ['XDU1.description.txt', 'provenance.json']
    assert (report.written, report.unknown, report.missing) == (['XDU1'], ['XDU7'], ['XDU2'])


@pytest.mark.parametrize(('line', 'message'), [
    ('{"id": "a"', 'line 2: not JSON'), ('["a", "b"]', 'line 2: expected'), ('{"id": "a", "text": 5}', 'both strings'),
    ('{"id": "x", "text": "Other."}', "a second, different text of 'x'"),
    ('{"id": "../a", "text": "b"}', 'not an image id')])
def test_a_bad_line_stops_before_anything_is_written(lines, tmp_path, line, message):
    with pytest.raises(DataError, match=message):
        import_descriptions(lines({'id': 'x', 'text': 'Left.'}, line), ['x', 'a'], tmp_path / 'descriptions')
    assert not (tmp_path / 'descriptions').exists()


def test_equal_lines_of_one_image_count_once(lines):
    assert read_lines(lines({'id': 'x', 'text': 'Left.'}, {'id': 'x', 'text': 'Left.'})) == {'x': 'Left.'}


def test_a_description_that_is_there_is_kept_unless_told(source, tmp_path):
    target = tmp_path / 'descriptions'
    store.write_description(target, 'Misc_1', 'By hand.')
    store.write_description(target, 'Misc_2', 'On the right.', '.txt')
    report = import_descriptions(source, IDS, target)
    assert (report.kept, report.same, report.written) == (['Misc_1'], ['Misc_2'], [])
    assert import_descriptions(source, IDS, target, overwrite=True).written == ['Misc_1']
    assert names(target) == ['Misc_1.description.txt', 'Misc_2.txt', 'provenance.json']


def test_the_import_is_added_to_the_record_and_holds_that_of_the_source(source, tmp_path):
    theirs = {'uses_ground_truth': False, 'leakage': False, 'runs': [{'provider': 'x', 'uses_ground_truth': False}]}
    store.write_provenance(source, theirs)
    store.write_provenance(tmp_path / 'descriptions', {'uses_ground_truth': False, 'leakage': False, 'runs': [
        {'provider': 'anthropic', 'uses_ground_truth': False}]})
    import_descriptions(source, IDS, tmp_path / 'descriptions')
    record = store.read_provenance(tmp_path / 'descriptions')
    assert [run['provider'] for run in record['runs']] == ['anthropic', 'import']
    assert record['runs'][1]['source_record'] == theirs
    assert record['runs'][1]['counts'] == {'written': 2, 'same': 0, 'kept': 0, 'rejected': 1, 'unknown': 1}
    assert (record['uses_ground_truth'], record['runs'][1]['source']) == (False, 'theirs')
    assert record['runs'][1]['finished']


def test_an_import_that_replaces_everything_forgets_earlier_runs_and_one_of_a_part_does_not(lines, tmp_path):
    target = tmp_path / 'data' / 'descriptions'
    texts = [{'id': image_id, 'text': f'On the left of {image_id}.'} for image_id in IDS]
    import_descriptions(lines(*texts), IDS, target, uses_ground_truth=True)
    for count, origins in ((1, [True, False]), (3, [False])):
        new = [{'id': one['id'], 'text': f'{count}: {one["text"]}'} for one in texts[:count]]
        import_descriptions(lines(*new), IDS, target, uses_ground_truth=False, overwrite=True)
        assert [run['uses_ground_truth'] for run in store.read_provenance(target)['runs']] == origins


def test_an_image_with_two_descriptions_is_told_and_the_others_are_imported(source, tmp_path):
    target = tmp_path / 'data' / 'descriptions'
    target.mkdir(parents=True)
    for suffix in store.SUFFIXES[:2]:
        (target / f'Misc_1{suffix}').write_text('Twice.')
    report = import_descriptions(source, IDS, target)
    assert 'has 2 descriptions' in report.rejected['Misc_1'] and report.written == ['Misc_2']
    assert store.read_provenance(target)['runs'][-1]['finished']


def test_nothing_is_imported_while_another_process_annotates_the_data_set(source, tmp_path):
    target = tmp_path / 'data' / 'descriptions'
    with hold(run_dir(target)), pytest.raises(ConfigError, match='in use'):
        import_descriptions(source, IDS, target)
    assert not target.exists()


def test_an_unknown_origin_is_recorded_as_unknown(source, tmp_path):
    report = import_descriptions(source, IDS, tmp_path / 'descriptions')
    assert store.read_provenance(tmp_path / 'descriptions')['uses_ground_truth'] is None
    assert 'nobody says' in report.table()


def test_texts_from_masks_of_test_images_are_refused(source, tmp_path):
    store.write_provenance(source, {'uses_ground_truth': True, 'leakage': False, 'runs': []})
    with pytest.raises(ConfigError, match=r'1 of its 4 texts describe test images \(the first: Misc_2\)'):
        import_descriptions(source, IDS, tmp_path / 'descriptions', test_ids=['Misc_2'])
    assert not (tmp_path / 'descriptions').exists()


def test_the_caller_can_say_that_texts_are_from_masks(lines, tmp_path):
    with pytest.raises(ConfigError, match='written from the ground truth'):
        import_descriptions(lines({'id': 'a', 'text': 'On the left.'}), ['a'], tmp_path / 'd', uses_ground_truth=True,
                            test_ids=['a'])


def test_allowed_leakage_is_labelled(source, tmp_path):
    store.write_provenance(source, {'uses_ground_truth': True, 'leakage': False, 'runs': []})
    report = import_descriptions(source, IDS, tmp_path / 'descriptions', test_ids=['Misc_2'],
                                 allow_ground_truth_on_test=True)
    assert store.read_provenance(tmp_path / 'descriptions')['leakage'] is True
    assert report.leakage and 'LEAKAGE' in report.table()


def test_training_texts_from_masks_are_no_leakage(source, tmp_path):
    store.write_provenance(source, {'uses_ground_truth': True, 'leakage': True, 'runs': []})
    import_descriptions(source, ['Misc_1', 'Misc_2'], tmp_path / 'descriptions', test_ids=['Misc_8'])
    record = store.read_provenance(tmp_path / 'descriptions')
    assert (record['uses_ground_truth'], record['leakage']) == (True, False)


def test_test_texts_of_a_model_beside_training_texts_from_masks_are_no_leakage(source, tmp_path):
    store.write_provenance(source, {'uses_ground_truth': True, 'leakage': False, 'runs': [
        {'uses_ground_truth': True}, {'uses_ground_truth': False}]})
    assert not import_descriptions(source, IDS, tmp_path / 'descriptions', test_ids=['Misc_2']).leakage


def test_a_record_that_says_leakage_is_believed(source, tmp_path):
    store.write_provenance(source, {'uses_ground_truth': True, 'leakage': True, 'runs': [
        {'uses_ground_truth': True}, {'uses_ground_truth': False}]})
    with pytest.raises(ConfigError, match='written from the ground truth'):
        import_descriptions(source, IDS, tmp_path / 'descriptions', test_ids=['Misc_2'])


def test_the_callers_word_beats_the_record(source, tmp_path):
    store.write_provenance(source, {'uses_ground_truth': True, 'leakage': True, 'runs': []})
    report = import_descriptions(source, IDS, tmp_path / 'd', test_ids=['Misc_2'], uses_ground_truth=False)
    assert (report.uses_ground_truth, report.leakage) == (False, False)


def test_a_folder_is_not_imported_into_itself(source):
    with pytest.raises(DataError, match='is the folder to write to'):
        import_descriptions(source, IDS, source)


def test_an_empty_source_is_an_error(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='holds no descriptions'):
        import_descriptions(tmp_path / 'empty', IDS, tmp_path / 'descriptions')


def export(pixels, source, root, **options):
    return langir.export_langir(*pixels, source, {'trainval': IDS[:2], 'test': IDS[2:]}, root, **options)


@pytest.fixture
def described(tmp_path):
    place = tmp_path / 'texts'
    for image_id in IDS[:2]:
        store.write_description(place, image_id, 'On the left.')
    store.write_provenance(place, {'uses_ground_truth': True, 'leakage': False, 'runs': [RUN]})
    return place


def test_an_export_has_the_papers_layout(pixels, described, tmp_path):
    root = tmp_path / 'LangIR_SIRST'
    report = export(pixels, described, root)
    assert names(root) == ['descriptions', 'images', 'masks', 'test.txt', 'trainval.txt']
    assert names(root / 'images') == ['Misc_1.png', 'Misc_2.png', 'Misc_3.png']
    assert names(root / 'masks') == ['Misc_1-pixels0.png', 'Misc_2-pixels0.png', 'Misc_3-pixels0.png']
    assert names(root / 'descriptions') == ['Misc_1-description.txt', 'Misc_2-description.txt', 'provenance.json']
    assert (root / 'trainval.txt').read_text() == 'Misc_1\nMisc_2\n'
    assert (report.images, report.described, report.linked, report.splits) == (3, 2, 0, {'trainval': 2, 'test': 1})
    assert (root / 'images' / 'Misc_2.png').read_bytes() == pixels[0]['Misc_2'].read_bytes()


def test_an_export_is_read_back_as_langir(pixels, described, tmp_path):
    from irstd_toolbox.datasets.layouts import detect
    export(pixels, described, tmp_path / 'LangIR_SIRST')
    layout = detect(tmp_path / 'LangIR_SIRST')
    assert (layout.layout, layout.name) == ('L14', 'LangIR-SIRST')
    assert (list(layout.masks), list(layout.descriptions)) == (IDS, IDS[:2])
    assert (layout.ids('trainval'), layout.ids('test')) == (('Misc_1', 'Misc_2'), ('Misc_3',))


def test_other_ids_take_the_names_of_the_other_subset(tmp_path):
    assert langir.naming_of(['XDU1', 'Misc_1']) == langir.Naming('.description.txt', '')


def test_links_are_made_where_asked_and_copies_otherwise(pixels, described, tmp_path):
    assert export(pixels, described, tmp_path / 'a', link=True).linked == 6
    assert os.path.samefile(tmp_path / 'a' / 'images' / 'Misc_1.png', pixels[0]['Misc_1'])
    assert not os.path.samefile(tmp_path / 'a' / 'descriptions' / 'Misc_1-description.txt',
                                described / 'Misc_1.description.txt')


def test_a_disk_without_links_gets_copies(pixels, described, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError('cross-device link')
    monkeypatch.setattr(os, 'link', refuse)
    assert export(pixels, described, tmp_path / 'a', link=True).linked == 0
    assert (tmp_path / 'a' / 'masks' / 'Misc_3-pixels0.png').is_file()


def test_the_record_travels_with_the_export(pixels, described, tmp_path):
    export(pixels, described, tmp_path / 'a')
    record = store.read_provenance(tmp_path / 'a' / 'descriptions')
    assert record['runs'] == [RUN]
    assert (record['uses_ground_truth'], record['leakage'], record['exported']['descriptions']) == (True, False, 2)


def test_described_test_images_make_the_export_leakage(pixels, described, tmp_path):
    store.write_description(described, 'Misc_3', 'On the left.')
    assert export(pixels, described, tmp_path / 'a').leakage
    assert store.read_provenance(tmp_path / 'a' / 'descriptions')['leakage'] is True


def test_an_interrupted_export_leaves_no_data_set_and_the_next_one_succeeds(pixels, described, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr('shutil.copyfile', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            export(pixels, described, tmp_path / 'a')
    assert not (tmp_path / 'a').exists()
    (tmp_path / '.a.partial' / 'images').mkdir(exist_ok=True)
    (tmp_path / '.a.partial' / 'images' / 'stale.png').write_bytes(b'')
    export(pixels, described, tmp_path / 'a')
    assert 'stale.png' not in names(tmp_path / 'a' / 'images')
    assert not (tmp_path / '.a.partial').exists()


@pytest.mark.parametrize(('splits', 'message'), [
    ({'trainval': IDS, 'test': IDS[2:]}, '1 ids are in trainval and in test, the first Misc_3'),
    ({'trainval': IDS, 'test': ['Misc_7']}, '1 of 4 ids have no image, the first Misc_7'),
    ({'trainval': IDS}, 'expected trainval and test'), ({'trainval': IDS, 'test': []}, 'neither empty')])
def test_wrong_lists_are_refused(pixels, described, tmp_path, splits, message):
    with pytest.raises(DataError, match=message):
        langir.export_langir(*pixels, described, splits, tmp_path / 'a')


def test_an_existing_data_set_is_never_overwritten(pixels, described, tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'mine.txt').write_text('x')
    with pytest.raises(DataError, match='exists. Expected no such folder'):
        export(pixels, described, tmp_path / 'a')
    assert names(tmp_path / 'a') == ['mine.txt']


@pytest.mark.parametrize('root', ['.', '../here'])
def test_the_current_folder_is_refused(pixels, described, tmp_path, monkeypatch, root):
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    with pytest.raises(DataError, match=r'/here is the folder that this runs in.*Expected another one'):
        export(pixels, described, root)
    assert names(tmp_path / 'here') == [] and not list(tmp_path.glob('.*'))


@pytest.mark.parametrize('root', ['b', '../here/b', 'a/../b'])
def test_a_folder_named_from_the_current_one_is_made_there(pixels, described, tmp_path, monkeypatch, root):
    (tmp_path / 'here' / 'a').mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'here')
    export(pixels, described, root)
    assert (tmp_path / 'here' / 'b' / 'trainval.txt').is_file() and names(tmp_path / 'here') == ['a', 'b']
