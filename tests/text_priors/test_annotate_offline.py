"""``tools/annotate.py`` without a model: offline providers, statistics, import and export."""

import json

import pytest

from irstd_toolbox.datasets.layouts import LAYOUT_FILE, detect
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors import store

TRAIN, TEST = ['XDU0', 'XDU1', 'XDU2', 'XDU3'], ['XDU4', 'XDU5']


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--provider', 'quadrant', '--upscale-small'],
     "--upscale-small changes nothing here: provider 'quadrant' makes no prompt"),
    *[(['--provider', 'quadrant', *told], f"{told[0]} changes nothing here: provider 'quadrant' asks no model") for told
      in (['--attempts', '0'], ['--max-cost', '-1'], ['--concurrency', '4'], ['--max-wait', '1'], ['--max-calls', '9'],
          ['--yes'])],
    (['--do', 'stats', '--attempts', '5'], '--attempts changes nothing here: --do stats asks no model')])
def test_what_only_a_model_would_read_is_refused(tool, data_root, arguments, words):
    with pytest.raises(ConfigError, match=words):
        tool.main([str(data_root), *arguments])
    assert not (data_root / 'descriptions').exists()


@pytest.mark.parametrize(('told', 'folder'), [('', 'descriptions'), (', "descriptions": "words"', 'words')])
def test_descriptions_are_written_where_the_data_set_says_that_they_are(tool, data_root, told, folder):
    (data_root / 'images').rename(data_root / 'pics')
    (data_root / 'words').mkdir()
    (data_root / LAYOUT_FILE).write_text(
        f'{{"images": "pics", "masks": "masks", "splits": {{"trainval": "trainval.txt"}}{told}}}')
    assert tool.main([str(data_root), '--provider', 'quadrant']) == 0
    found = detect(data_root).descriptions
    assert list(found) == TRAIN and {path.parent for path in found.values()} == {data_root / folder}


@pytest.mark.parametrize(('split', 'lists', 'images'), [
    ('trainval', True, {'trainval': 4}), ('test', True, {'test': 2}), ('all', True, {'trainval': 4, 'test': 2}),
    ('all', False, {'all': 6})])
def test_stats_count_the_words_of_the_split_asked_for(tool, data_root, capsys, split, lists, images):
    for image_id in TRAIN + TEST:
        store.write_description(data_root / 'descriptions', image_id, 'On the left.')
    if not lists:
        for name in ('trainval', 'test'):
            (data_root / f'{name}.txt').unlink()
    assert tool.main([str(data_root), '--do', 'stats', '--split', split, '--json']) == 0
    words = json.loads(capsys.readouterr().out)['words']
    assert words['images'] == words['described'] == images
    assert {name: counts['left'] for name, counts in words['occurrences'].items()} == images


def test_check_tells_what_was_edited_from_what_was_written(tool, data_root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('irstd_toolbox.text_priors.clip_tokens.find_counter', lambda: (None, 'not loaded'))
    folder = data_root / 'descriptions'
    store.write_description(folder, 'XDU0', 'By hand.')
    tool.main([str(data_root), '--provider', 'quadrant'])
    store.write_description(tmp_path / 'theirs', 'XDU4', 'On the left.')
    store.write_description(tmp_path / 'theirs', 'XDU5', 'On the left.')
    tool.main([str(data_root), '--do', 'import', '--split', 'test', '--source', str(tmp_path / 'theirs')])
    for image_id, change in (('XDU1', (b'\n', b'\r\n')), ('XDU2', (b'The', b'A')), ('XDU5', (b'left', b'right'))):
        path = store.find_description(folder, image_id)
        path.write_bytes(path.read_bytes().replace(*change))
    capsys.readouterr()
    tool.main([str(data_root), '--do', 'check', '--split', 'all', '--json'])
    report = json.loads(capsys.readouterr().out)
    assert [entry['origin'] for entry in report['entries']] == [
        'unknown', 'recorded', 'edited', 'recorded', 'recorded', 'edited']
    assert report['totals']['origin'] == {'recorded': 3, 'edited': 2, 'unknown': 1}
    tool.main([str(data_root), '--do', 'check', '--split', 'all'])
    assert 'edited since: XDU2, XDU5\n' in capsys.readouterr().out


def test_import_then_export_make_a_langir_data_set(tool, data_root, tmp_path, capsys, texts):
    for image_id in TRAIN:
        store.write_description(tmp_path / 'theirs', image_id, f'At the left of {image_id}.', '_description.txt')
    assert tool.main([str(data_root), '--do', 'import', '--source', str(tmp_path / 'theirs')]) == 0
    assert sorted(texts()) == TRAIN
    assert tool.main([str(data_root), '--do', 'export', '--to', str(tmp_path / 'LangIR')]) == 0
    assert sorted(path.name for path in (tmp_path / 'LangIR').iterdir()) == [
        'descriptions', 'images', 'masks', 'test.txt', 'trainval.txt']
    with pytest.raises(ConfigError, match='needs --source'):
        tool.main([str(data_root), '--do', 'import'])
    with pytest.raises(ConfigError, match='needs --to'):
        tool.main([str(data_root), '--do', 'export'])
