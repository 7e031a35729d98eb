"""A protocol of one's own, registered once by a plugin, in every tool that takes one."""

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from irstd_toolbox import evaluation, plugin_finding
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.protocols import Protocol, get, register
from irstd_toolbox.plugins import load_plugins

CODE = '''
    from irstd_toolbox import hookimpl
    from irstd_toolbox.evaluation.protocols import Protocol

    @hookimpl
    def register_protocols(register):
        register(Protocol('mycompany', 'acceptance', ('Pd', 'Fa'), below=2, average='image'))
        register(Protocol('twice', 'at twice the size', size=(40, 48)))
'''
CONFIG = '''
default_scope = 'irstd_toolbox'
model = dict(type='ModelDrivenDetector', method=dict(type='TopHat', size=5), threshold=dict(type='FixedThreshold'))
pipeline = [dict(type='LoadImage'), dict(type='LoadTargetMask'), dict(type='PackInputs')]
test_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(
    type='IRSTDDataset', data_root='{root}', split='test', pipeline=pipeline))
test_evaluator = dict(type='IRSTDMetric')
'''
# Each writes into ``out``; {0} is the folder of the test's files, {1} the protocol.
TOOLS = {
    'benchmark': '{0}/formula.py --protocol {1} --repeats 0 --out {0}/out',
    'compare': '{0}/exact {0}/near --data-root {0}/data --protocol {1} --resamples 5 --out {0}/out/compared.json',
    'evaluate': '{0}/near {0}/data --out {0}/out/results.json --per-image {0}/out/counts.csv --protocol canonical {1}',
    'plot_curves': '{0}/near {0}/data --protocol {1} --kinds pd_fa --out {0}/out',
    'test': '{0}/formula.py --protocol {1} --out {0}/out'}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two images of 20x24 with a target of 2x3; ``near`` finds one of them two pixels beside it, ``exact`` does not."""
    for folder in ('data/images', 'data/masks', 'exact', 'near'):
        (tmp_path / folder).mkdir(parents=True)
    for name, beside in (('a', 0), ('b', 2)):
        mask, found = np.zeros((2, 20, 24), np.uint8)
        mask[8:10, 6:9] = found[8:10, 6 + beside:9 + beside] = 255
        for folder in ('data/images', 'data/masks', 'exact'):
            cv2.imwrite(str(tmp_path / folder / f'{name}.png'), mask)
        cv2.imwrite(str(tmp_path / 'near' / f'{name}.png'), found)
    for split in ('trainval', 'test'):
        (tmp_path / 'data' / f'{split}.txt').write_text('a\nb\n')
    (tmp_path / 'formula.py').write_text(CONFIG.replace('{root}', str(tmp_path / 'data')))
    return tmp_path


@pytest.fixture
def call(load_tool: Callable, place: Path, folder: Path, put: Callable) -> Callable[..., Path]:
    """``call('evaluate', 'mycompany')`` calls a tool with the plugin; gives the folder that it writes into."""
    def run(tool: str, protocol: str, plugged: bool = True) -> Path:
        put(folder, 'my_protocols', CODE)
        more = ['--plugins', str(folder)] if plugged else []
        load_tool(tool).main([*TOOLS[tool].format(place, protocol).split(), *more])
        return place / 'out'
    return run


def test_every_tool_that_takes_a_protocol_is_held_to_this(repository: Path) -> None:
    texts = {path.stem: path.read_text() for path in (repository / 'tools').glob('*.py')}
    assert [name for name, text in sorted(texts.items()) if "'--protocol'" in text] == sorted(TOOLS)
    assert [name for name, text in texts.items() if "'--plugins'" in text] == []  # console.add_plugins alone
    reading = {name for name, text in texts.items() if 'import PROTOCOLS' in text or 'import at_image_size' in text}
    assert reading == {'draw', 'forensics'} and all('add_plugins(' in texts[name] for name in {*TOOLS, *reading})


@pytest.mark.parametrize('tool', TOOLS)
def test_a_name_that_nobody_has_is_refused_with_those_there_are(call: Callable, place: Path, tool: str) -> None:
    with pytest.raises(ConfigError, match="'nobody' is no known protocol; expected one of acm, .*mycompany.* One of a "
                                          'plugin comes by --plugins DIR'):
        call(tool, 'nobody')
    assert not (place / 'out').exists()


@pytest.mark.parametrize('tool', TOOLS)
def test_without_the_plugin_its_protocol_is_unknown(call: Callable, tool: str) -> None:
    with pytest.raises(ConfigError, match="'mycompany' is no known protocol"):
        call(tool, 'mycompany', plugged=False)


def test_evaluate_counts_by_it_and_records_its_rules(call: Callable) -> None:
    results = json.loads((call('evaluate', 'mycompany') / 'results.json').read_text())
    assert [results['protocols'][name]['Pd'] for name in ('canonical', 'mycompany')] == [1.0, 0.5]
    assert results['protocols']['mycompany']['Fa'] == (0 + 6 / 480) / 2
    told = results['fingerprint']['protocols']['mycompany']
    assert (told['reports'], told['rules']['below'], told['rules']['average']) == (['Pd', 'Fa'], 2.0, 'image')
    assert told['sha256'] == get('mycompany').fingerprint()


def test_compare_compares_by_it(call: Callable) -> None:
    compared = json.loads((call('compare', 'mycompany') / 'compared.json').read_text())
    assert compared['about']['protocol_sha256'] == get('mycompany').fingerprint()
    assert [compared['metrics']['Pd'][side] for side in ('first', 'second')] == [1.0, 0.5]


def test_curves_are_drawn_by_it(call: Callable) -> None:
    with open(call('plot_curves', 'mycompany') / 'summary.csv', newline='') as file:
        row, = csv.DictReader(file)
    assert (float(row['Pd']), float(row['Fa'])) == (0.5, 0.00625)


def test_a_test_counts_by_it(call: Callable) -> None:
    results = json.loads((call('test', 'mycompany') / 'results.json').read_text())
    assert list(results['protocols']) == ['mycompany']
    assert results['fingerprint']['protocols']['mycompany']['sha256'] == get('mycompany').fingerprint()


def test_forensics_looks_at_it_and_says_at_what_it_cannot(
        load_tool: Callable, folder: Path, put: Callable, capsys: pytest.CaptureFixture) -> None:
    put(folder, 'my_protocols', CODE)
    load_tool('forensics').main(['99.50', '--dataset', 'IRSTD-1k', '--all', '--plugins', str(folder)])
    shown = ' '.join(capsys.readouterr().out.split())
    assert 'IRSTD-1k, 201 images │ mycompany │ image │ 297 │' in shown
    assert 'Not looked at: twice. The targets of these lists by their rules are not built in; give --data-root' in shown


def test_predictions_of_its_size_are_drawn(load_tool: Callable, place: Path, folder: Path, put: Callable) -> None:
    put(folder, 'my_protocols', CODE)
    for path in (place / 'near').iterdir():
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path), 0), (48, 40), interpolation=cv2.INTER_NEAREST))
    words = [str(place / 'data'), '--predictions', str(place / 'near'), '--kinds', 'worst', '--worst', '1', '--insets',
             '0', '--out', str(place / 'out')]
    with pytest.raises(DataError, match='a.png: the prediction is 48x40'):
        load_tool('draw').main(words)
    load_tool('draw').main([*words, '--plugins', str(folder)])
    assert (place / 'out' / 'iou.csv').read_text() == 'image_id,near\na,1.000000\nb,0.200000\n'


def test_what_was_counted_by_it_is_read_without_it(
        call: Callable, load_tool: Callable, place: Path, capsys: pytest.CaptureFixture) -> None:
    out = call('evaluate', 'mycompany')
    del evaluation.PROTOCOLS['mycompany'], evaluation.PROTOCOLS['twice']
    (out / 'results.json').rename(place / 'near' / 'results.json')
    words = ['--data-root', str(place / 'data'), '--resamples', '5']
    compare = load_tool('compare').main
    compare([str(place / 'near'), str(place / 'exact'), *words])
    assert '2 images, canonical;' in capsys.readouterr().out
    compare([str(out / 'counts.csv'), str(out / 'counts.csv')])
    with pytest.raises(ConfigError, match="'mycompany' is no known protocol; .* plugin comes by --plugins DIR"):
        compare([str(out / 'counts.csv'), str(out / 'counts.csv'), '--protocol', 'mycompany'])
    (out / 'counts.csv').write_text(''.join(
        line for line in (out / 'counts.csv').read_text().splitlines(keepends=True) if ',canonical,' not in line))
    with pytest.raises(ConfigError, match="was not counted under 'canonical', but under mycompany"):
        compare([str(out / 'counts.csv'), str(out / 'counts.csv')])


def test_the_plugin_may_be_the_first_that_imports_our_protocols(
        folder: Path, put: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, 'protocols', evaluation.protocols)
    monkeypatch.delitem(sys.modules, 'irstd_toolbox.evaluation.protocols')
    put(folder, 'my_protocols', CODE)
    loaded, = load_plugins([folder]).loaded
    assert loaded.registered == ('protocol: mycompany', 'protocol: twice')
    assert sorted({*evaluation.protocols.PROTOCOLS} - {*evaluation.PROTOCOLS}) == ['mycompany', 'twice']


@pytest.mark.parametrize(('folders', 'lasting', 'disabled', 'any_'), [
    ([], '', '', False), (['mine'], '', 'all', True), ([], 'mine', '', True), ([], 'mine', 'other', True),
    ([], 'mine', 'all', False)])
def test_the_engine_is_loaded_for_plugins_alone(
        folders: list, lasting: str, disabled: str, any_: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_finding, 'installed', list)
    monkeypatch.setenv('IRSTD_PLUGINS', lasting)
    monkeypatch.setenv('IRSTD_DISABLE_PLUGINS', disabled)
    assert plugin_finding.any_but_ours(folders) is any_


@pytest.mark.parametrize('changes', [dict(below=2), dict(threshold=0), dict(connectivity=8.0),
                                     dict(below=np.float32(2), threshold=np.float64(0.5))], ids=str)
def test_equal_rules_have_one_fingerprint_whatever_the_kind_of_number(changes: dict) -> None:
    same = {key: int(value) if key == 'connectivity' else float(value) for key, value in changes.items()}
    one, other = Protocol('one', 'a test', **changes), Protocol('other', 'a test', **same)
    assert one.fingerprint() == other.fingerprint()


@pytest.mark.parametrize('name', ['', None, ['a']], ids=repr)
def test_a_protocol_without_a_name_is_an_error(name: object) -> None:
    with pytest.raises(ConfigError, match='name is .*; expected a text'):
        Protocol(name, 'a test')


@pytest.mark.parametrize('made', [dict(name='mine'), Protocol], ids=['dict', 'class'])
def test_only_a_protocol_can_be_registered(made: object) -> None:
    with pytest.raises(ConfigError, match='is to be a protocol; expected Protocol'):
        register(made)
