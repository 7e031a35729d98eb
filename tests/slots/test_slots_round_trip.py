"""Pack, run, unpack, and pack again: two slots give what one uninterrupted training gives."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.slots.gathering import KEPT, Gatherer, Limits, choose
from irstd_toolbox.slots.packing import pack, read_note, write_note
from irstd_toolbox.slots.plan import read_plan
from irstd_toolbox.slots.running import prepare
from irstd_toolbox.slots.start import receive
from irstd_toolbox.slots.unpacking import status_of, unpack
from irstd_toolbox.training.checkpoint import find_checkpoint, read_checkpoint


@pytest.fixture
def plan(tmp_path: Path, tiny: Path) -> Path:
    """Two trainings of the tiny config."""
    path = tmp_path / 'plan.py'
    path.write_text(f"""runs = [
    dict(name='one', config='configs/tiny.py', seed=0),
    dict(name='two', config='configs/tiny.py', seed=1, options=['train_cfg.max_epochs=1'], checkpoint='last')]
data = dict(tiny={str(tiny)!r})
environment = dict(SLOT_HOME='{{home}}', PYTHONPATH='{{home}}/site:{{home}}/source:{{home}}/files/extra')
files = dict(extra={str(tmp_path / 'source' / 'pausing.py')!r})
""")
    return path


def _slot(box: Path, home: Path, out: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, str(box / 'start.py'), '--home', str(home), '--out', str(out), '--reserve', '8',
               '--every', '0.3', '--at-once', '2', '--threads', '1', *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))


def test_two_slots_side_by_side_repeat_an_uninterrupted_training(
        plan: Path, source: Path, wheel: Path, tmp_path: Path, train: Callable, paused: Path) -> None:
    results, runs = tmp_path / 'results', tmp_path / 'home_1' / 'runs'
    box, = pack(plan, results, tmp_path / 'boxes', source=source, wheels=wheel, limit_mib=2).boxes
    first = _slot(box, tmp_path / 'home_1', tmp_path / 'out_1', '--minutes', '30')
    awaited, patience = (runs / 'one' / 'epoch_2.pth', runs / 'two' / 'trained'), time.monotonic() + 300
    while first.poll() is None and time.monotonic() < patience and not all(path.is_file() for path in awaited):
        time.sleep(0.1)
    first.send_signal(signal.SIGTERM)
    output, _ = first.communicate(timeout=120)  # training one waits, and does not end when it is asked to
    paused.touch()
    assert first.returncode == 0, output
    assert (tmp_path / 'home_1' / 'site' / 'slot_marker.py').is_file()
    found = unpack(tmp_path / 'out_1', results)
    assert [(note['epoch'], note['state']) for note in found.values()] == [(2, 'exact'), (1, 'exact')], output
    assert found['one']['status'] == 'training' and found['two']['status'] in ('trained', 'finished'), output

    box, = pack(plan, results, tmp_path / 'boxes', source=source, limit_mib=2).boxes
    second = _slot(box, tmp_path / 'home_2', tmp_path / 'out_2', '--minutes', '30')
    whole = train(tmp_path / 'whole', '--seed', '0')
    output, _ = second.communicate(timeout=300)
    whole.join(timeout=300)
    assert second.returncode == 0, output
    assert {note['status'] for note in unpack(tmp_path / 'out_2', results).values()} == {'finished'}
    assert len(read_note(results / 'one')['slots']) == 2
    assert [len(list((results / name / 'test' / 'predictions').glob('*.png'))) for name in ('one', 'two')] == [5, 5]
    ours, theirs = (find_checkpoint(folder, 'best') for folder in (results / 'one', tmp_path / 'whole'))
    assert ours.name == theirs.name
    ours, theirs = (read_checkpoint(path)['state_dict'] for path in (ours, theirs))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    last = read_checkpoint(tmp_path / 'home_2' / 'runs' / 'one' / 'epoch_4.pth')['state_dict']
    theirs = read_checkpoint(tmp_path / 'whole' / 'epoch_4.pth')['state_dict']
    assert all(torch.equal(last[name], theirs[name]) for name in last)
    with pytest.raises(ConfigError, match='every run of .* is finished'):
        pack(plan, results, tmp_path / 'boxes', source=source)


def test_the_source_is_carried_without_published_weights(tmp_path: Path, plan: Path, source: Path) -> None:
    (source / 'configs' / 'weights.safetensors').write_bytes(bytes(9))
    items = pack(plan, tmp_path / 'results', tmp_path / 'boxes', source=source).items
    carried, = (item.data for item in items if item.name == 'source.zip')
    with zipfile.ZipFile(io.BytesIO(carried)) as archive:
        names = archive.namelist()
    assert {'configs/tiny.py', 'tools/train.py'} < set(names) and 'configs/weights.safetensors' not in names


def test_weights_that_a_run_begins_with_go_along_and_others_are_named(
        tmp_path: Path, plan: Path, source: Path) -> None:
    run, options = tmp_path / 'plan.py', "options=['load_from={}']"
    (source / 'configs' / 'weights.safetensors').write_bytes(bytes(9))
    run.write_text(f"runs = [dict(config='configs/tiny.py', {options.format('configs/weights.safetensors')})]\n")
    items = pack(run, tmp_path / 'results', tmp_path / 'boxes', source=source).items
    carried, = (item.data for item in items if item.name == 'source.zip')
    assert 'configs/weights.safetensors' in zipfile.ZipFile(io.BytesIO(carried)).namelist()
    for weights, words in ((tmp_path / 'plan.py', 'does not go along'), ('configs/none.pth', 'is not there')):
        run.write_text(f"runs = [dict(config='configs/tiny.py', {options.format(weights)})]\n")
        with pytest.raises(ConfigError, match=f'begins with load_from={weights}, which {words}'):
            read_plan(run, source)
    run.write_text(run.read_text() + "environment = dict(WEIGHTS='{home}/files')\n")
    assert read_plan(run, source).runs[0].start is None


def test_a_source_below_a_folder_of_results_is_carried(tmp_path: Path, source: Path) -> None:
    place = shutil.move(source, tmp_path / 'work_dirs' / 'clone')
    (tmp_path / 'plan.py').write_text("runs = [dict(config='configs/tiny.py')]\n")
    items = pack(tmp_path / 'plan.py', tmp_path / 'results', tmp_path / 'boxes', source=Path(place)).items
    carried, = (item.data for item in items if item.name == 'source.zip')
    assert 'configs/tiny.py' in zipfile.ZipFile(io.BytesIO(carried)).namelist()


def test_an_empty_folder_is_carried_and_a_linked_one_refused(tmp_path: Path, source: Path) -> None:
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'plan.py').write_text(
        f"runs = [dict(config='configs/tiny.py')]\nfiles = dict(d={str(tmp_path / 'empty')!r})\n")
    box, = pack(tmp_path / 'plan.py', tmp_path / 'results', tmp_path / 'boxes', source=source).boxes
    receive(box, tmp_path / 'home')
    prepare(tmp_path / 'home')
    assert (tmp_path / 'home' / 'files' / 'd').is_dir()
    (tmp_path / 'empty' / 'sub').symlink_to(source)
    with pytest.raises(ConfigError, match='sub is a link to a folder, whose files would not go along'):
        pack(tmp_path / 'plan.py', tmp_path / 'results', tmp_path / 'boxes', source=source)


@pytest.mark.parametrize('limit', [float('nan'), float('inf'), 0.0])
def test_a_limit_that_is_none_is_refused(tmp_path: Path, source: Path, limit: float) -> None:
    with pytest.raises(ConfigError, match='a finite number of MiB above 0 is expected'):
        pack(tmp_path / 'plan.py', tmp_path / 'results', tmp_path / 'boxes', source=source, limit_mib=limit)


def test_a_kept_folder_comes_back_and_goes_along_with_the_next_slot(
        tmp_path: Path, plan: Path, source: Path) -> None:
    plan.write_text(plan.read_text() + "keep = ['exact']\n")  # a name that stands for something else of a run
    results = tmp_path / 'results'
    boxes = [pack(plan, results, tmp_path / 'boxes', source=source, limit_mib=2)]
    for number, made in enumerate(('first', 'second'), start=1):
        home = tmp_path / f'home_{number}'
        (home / 'items').mkdir(parents=True)
        for item in boxes[-1].items:
            (home / 'items' / item.name).write_bytes(item.data)
        read = prepare(home)
        kernels = home / 'keep' / 'exact' / 'a' / 'kernel'
        assert kernels.is_file() == (number == 2) and (number == 1 or kernels.read_text() == 'first')
        kernels.parent.mkdir(exist_ok=True)
        kernels.write_text(made)
        assert prepare(home).keep == ('exact',) and kernels.read_text() == made  # an earlier call's stay
        gatherer = Gatherer(read.runs, home, tmp_path / f'out_{number}', Limits(), dict(slot=f's{number}'))
        assert gatherer.gather({}) and not gatherer.gather({})
        unpack(tmp_path / f'out_{number}', results)
        assert (results / '.keep').is_dir() and '.keep' not in status_of(results)
        boxes.append(pack(plan, results, tmp_path / 'boxes', source=source, limit_mib=2))
    kept, = (item for item in boxes[-1].items if item.kind == 'keep')
    assert zipfile.ZipFile(io.BytesIO(kept.data)).read('a/kernel') == b'second'


def test_kept_folders_come_before_whole_checkpoints_and_after_all_else() -> None:
    sizes = {'a': {'records': 1, 'weights only': 3, 'predictions': 2, 'exact': 9}, KEPT: {'exact': 4}}
    assert choose(sizes, 10) == {'a': ['records', 'weights only', 'predictions'], KEPT: ['exact']}
    assert choose(sizes, 9) == {'a': ['records', 'weights only', 'predictions'], KEPT: []}
    assert choose(sizes, 16) == {'a': ['records', 'predictions', 'exact'], KEPT: ['exact']}


def test_status_tells_what_is_left(tmp_path: Path, plan: Path, source: Path) -> None:
    pack(plan, tmp_path / 'results', tmp_path / 'boxes', source=source)
    assert {name: (note['status'], note['epochs']) for name, note in status_of(tmp_path / 'results').items()} == {
        'one': ('waiting', 4), 'two': ('waiting', 1)}


def test_a_name_stands_for_one_run_alone(tmp_path: Path, plan: Path, source: Path) -> None:
    results, text = tmp_path / 'results', plan.read_text()
    for _ in range(2):
        pack(plan, results, tmp_path / 'boxes', source=source)
    for _ in range(2):
        for old, new, difference in (
                ('seed=0', 'seed=5', 'seed 0 -> 5'), ("'last'", "'best'", 'checkpoint last -> best'),
                ('max_epochs=1', 'max_epochs=2', r"epochs 1 -> 2; options \['train_cfg.max_epochs=1'\] -> "),
                ('seed=0', "seed=0, train=['--amp', 'bf16']", r"train \[\] -> \['--amp', 'bf16'\]")):
            plan.write_text(text.replace(old, new))
            with pytest.raises(ConfigError, match=f'is of another run than .*{difference}.*another name, or remove'):
                pack(plan, results, tmp_path / 'boxes', source=source)
        for name in ('one', 'two'):
            (results / name / 'test').mkdir(exist_ok=True)
            (results / name / 'test' / 'results.json').touch()


def test_results_that_do_not_say_what_their_run_was_are_taken_as_they_are(
        tmp_path: Path, plan: Path, source: Path) -> None:
    folder = tmp_path / 'results' / 'one'
    known = dict(status='training', epoch=3, epochs=7, slots=['s1'])
    write_note(folder, known)
    pack(plan, tmp_path / 'results', tmp_path / 'boxes', source=source)
    note = read_note(folder)
    assert note.pop('run')['config'] == 'configs/tiny.py' and note == known


def test_a_run_whose_weights_are_lost_is_left_out_and_named(tmp_path: Path, plan: Path, source: Path) -> None:
    results = tmp_path / 'results'
    for name in ('one', 'two'):
        packed = pack(plan, results, tmp_path / 'boxes', source=source)
        (results / name / 'trained').touch()
    assert list(packed.lost) == ['one']
    assert 'one holds no last checkpoint' in packed.lost['one'] and 'to train it anew' in packed.lost['one']
    about = json.loads(next(item.data for item in packed.items if item.name == 'plan.json'))
    assert [run['name'] for run in about['runs']] == ['two']
    with pytest.raises(ConfigError, match='one holds no last .*two holds no last'):
        pack(plan, results, tmp_path / 'boxes', source=source)


def test_a_config_named_from_the_root_is_named_from_the_source_there(tmp_path: Path, source: Path) -> None:
    (tmp_path / 'plan.py').write_text(f"runs = [dict(config='{source}/configs/tiny.py')]\n")
    assert read_plan(tmp_path / 'plan.py', source).runs[0].config == 'configs/tiny.py'


@pytest.mark.parametrize('entry, message', [
    ("dict(config='configs/none.py')", 'There is no config'),
    ("dict(config='configs/tiny.py', sead=1)", 'a run holds sead'),
    ("dict(config='configs/tiny.py', name='a b')", "'a b' cannot name a run"),
    ("dict(config='../outside.py')", 'lies outside'),
    ("dict(config='mine.py')", 'only irstd_toolbox, tools, configs, plugins go along'),
    ("dict(config='configs/tiny.py', checkpoint='first')", 'best or last is expected'),
    ("dict(config='configs/tiny.py', options=['default_hooks.checkpoint.save_best=[irstd/IoU,irstd/nIoU]'])",
     "one each by irstd/IoU, irstd/nIoU. Give the run checkpoint='last', or one figure"),
    ("dict(config='configs/tiny.py', minutes=0)", 'a number above 0 is expected'),
    ("dict(config='configs/tiny.py', minutes=True)", 'minutes=True; a number above 0 is expected'),
    ("dict(config='configs/tiny.py', name=3)", '3 cannot name a run'),
    ("dict(config='configs/tiny.py', seed='a')", "seed='a'; a whole number from 0 to 4294967295"),
    ("dict(config='configs/tiny.py', seed=-1)", 'seed=-1; a whole number from 0'),
    ("dict(config='configs/tiny.py', train='--amp bf16')", "train='--amp bf16'; a list of texts is expected"),
    ("dict(config='configs/tiny.py', test=['--panels', 3])", 'a list of texts is expected, an argument each'),
    ("dict(config='configs/tiny.py'), dict(config='configs/tiny.py')", '1 names stand for two runs')])
def test_a_wrong_plan_is_refused_where_it_is_packed(tmp_path: Path, source: Path, entry: str, message: str) -> None:
    (tmp_path / 'plan.py').write_text(f'runs = [{entry}]\n')
    with pytest.raises(ConfigError, match=message):
        read_plan(tmp_path / 'plan.py', source)


@pytest.mark.parametrize('more, message', [
    ("keep = 'cache'", "keep='cache'; a list of texts is expected"),
    ("data = ['tiny']", 'data=.* a dict is expected'),
    ("rums = []", 'holds rums; expected are runs, and data, files'),
    ("data = {'a b': '.'}", "'a b' cannot name a folder"),
    ("files = dict(weights=3)", 'weights is to come from 3, which does not exist')])
def test_a_plan_whose_folders_are_not_as_described_is_refused(
        tmp_path: Path, source: Path, more: str, message: str) -> None:
    (tmp_path / 'plan.py').write_text(f"runs = [dict(config='configs/tiny.py')]\n{more}\n")
    with pytest.raises(ConfigError, match=message):
        read_plan(tmp_path / 'plan.py', source)
