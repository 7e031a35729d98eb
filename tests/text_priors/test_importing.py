"""Existing descriptions into a data set."""

import json

import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.importing import import_descriptions, read_lines
from irstd_toolbox.text_priors.vlm.session import hold

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


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_imported_under_the_papers_names(source, tmp_path):
    target = tmp_path / 'data' / 'descriptions'
    report = import_descriptions(source, IDS, target)
    assert names(target) == ['Misc_1-description.txt', 'Misc_2-description.txt', 'provenance.json']
    assert store.read_description(target, 'Misc_2') == 'On the right.'
    assert (report.written, report.unknown, report.missing) == (['Misc_1', 'Misc_2'], ['Misc_9'], [])


def test_images_of_another_list_are_told_apart_from_unknown_ones(source, tmp_path):
    report = import_descriptions(source, IDS[:1], tmp_path / 'descriptions', others=IDS)
    assert (report.written, report.others, report.unknown) == (['Misc_1'], ['Misc_2', 'Misc_3'], ['Misc_9'])
    assert '2 of other images of the data set, such as Misc_2: --split all' in report.table()
    record, = store.read_provenance(tmp_path / 'descriptions')['runs']
    assert record['counts']['others'] == 2 and record['counts']['unknown'] == 1


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
    assert record['runs'][1]['counts'] == {'written': 2, 'same': 0, 'kept': 0, 'rejected': 1, 'others': 0, 'unknown': 1}
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
    with hold(target), pytest.raises(ConfigError, match='in use'):
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


@pytest.mark.parametrize(('record', 'word', 'says'), [
    ({'uses_ground_truth': True, 'leakage': True}, False, 'from the ground truth, and'),
    ({'leakage': True}, False, 'from the ground truth, and'),
    ({'uses_ground_truth': False, 'leakage': False}, True, 'not from the ground truth, and')])
def test_a_word_that_contradicts_the_record_is_refused(source, tmp_path, record, word, says):
    store.write_provenance(source, {**record, 'runs': []})
    with pytest.raises(ConfigError, match=f'says that its texts are {says} --from-ground-truth says the contrary'):
        import_descriptions(source, IDS, tmp_path / 'd', uses_ground_truth=word)
    assert not (tmp_path / 'd').exists()


@pytest.mark.parametrize('told', [None, False])
def test_a_word_that_the_record_does_not_contradict_is_recorded(source, tmp_path, told):
    store.write_provenance(source, {'uses_ground_truth': told, 'leakage': False, 'runs': []})
    report = import_descriptions(source, IDS, tmp_path / 'd', test_ids=['Misc_2'], uses_ground_truth=False)
    assert (report.uses_ground_truth, report.leakage) == (False, False)


def test_a_folder_is_not_imported_into_itself(source):
    with pytest.raises(DataError, match='is the folder to write to'):
        import_descriptions(source, IDS, source)


def test_an_empty_source_is_an_error(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='holds no descriptions'):
        import_descriptions(tmp_path / 'empty', IDS, tmp_path / 'descriptions')
