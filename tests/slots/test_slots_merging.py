"""What came back is merged: whole or not at all, the newer and the wholer of two, failures said."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from irstd_toolbox.errors import DataError
from irstd_toolbox.slots import states, unpacking
from irstd_toolbox.slots.gathering import Limits
from irstd_toolbox.slots.packing import read_note
from irstd_toolbox.slots.plan import Plan, Run
from irstd_toolbox.slots.running import Slot, Timing
from irstd_toolbox.slots.unpacking import status_of, unpack
from irstd_toolbox.training.checkpoint import read_checkpoint


@pytest.mark.parametrize(('files', 'mib', 'count'), [(8, 0.1, 4), (20, 0.03, 11)])
def test_a_state_in_parts_is_the_same_file_again(
        tmp_path: Path, gather: Callable, files: int, mib: float, count: int) -> None:
    gather(tmp_path, Limits(files, mib, 64))
    parts = {path.name for path in (tmp_path / 'out').iterdir()}
    assert parts == {f'slot_0001.part{i}of{count}' for i in range(1, count + 1)}
    assert all(path.stat().st_size <= mib * 2**20 for path in (tmp_path / 'out').iterdir())
    unpack(tmp_path / 'out', tmp_path / 'results')
    before, after = (folder / 'epoch_2.pth' for folder in (tmp_path / 'home' / 'runs' / 'one',
                                                           tmp_path / 'results' / 'one'))
    assert before.read_bytes() == after.read_bytes()


def test_where_the_whole_state_does_not_fit_weights_come_back_in_half_precision(tmp_path: Path,
                                                                                gather: Callable) -> None:
    gather(tmp_path, Limits(8, 16, 0.3))
    assert unpack(tmp_path / 'out', tmp_path / 'results')['one']['state'] == 'weights only'
    before, after = (read_checkpoint(folder / 'epoch_2.pth') for folder in (
        tmp_path / 'home' / 'runs' / 'one', tmp_path / 'results' / 'one'))
    assert torch.equal(after['state_dict']['weight'], before['state_dict']['weight'].half())
    assert after['optimizer'] == dict(state={}, param_groups=[dict(params=[0], lr=0.1)])
    assert after['meta']['irstd_toolbox'] == dict(precision='half', resumed='weights only')


def test_a_missing_part_changes_nothing_in_the_results(tmp_path: Path, gather: Callable) -> None:
    gather(tmp_path, Limits(8, 0.1, 64))
    (tmp_path / 'out' / 'slot_0001.part2of4').unlink()
    with pytest.raises(DataError, match='of gathering 1 3 of 4 parts are there'):
        unpack(tmp_path / 'out', tmp_path / 'results')
    with pytest.raises(DataError, match='holds no files slot_N.partIofK. Give the folder that --out'):
        unpack(tmp_path / 'home', tmp_path / 'results')
    assert not (tmp_path / 'results').exists()


def test_a_changed_part_is_refused(tmp_path: Path, gather: Callable) -> None:
    gather(tmp_path, Limits(8, 0.1, 64))
    part = tmp_path / 'out' / 'slot_0001.part2of4'
    part.write_bytes(part.read_bytes()[:-9] + b'different')
    with pytest.raises(DataError, match='was changed on its way'):
        unpack(tmp_path / 'out', tmp_path / 'results')


@pytest.mark.parametrize('place', ['deflated', 'directory'])
def test_a_damaged_list_of_contents_is_refused(tmp_path: Path, gather: Callable, place: str) -> None:
    gather(tmp_path, Limits())
    part, = (tmp_path / 'out').iterdir()
    data = bytearray(part.read_bytes())
    at = data.index(b'bundle.json') + 30 if place == 'deflated' else data.rindex(b'PK\1\2')
    data[at:at + 2] = bytes(255 - value for value in data[at:at + 2])
    part.write_bytes(data)
    with pytest.raises(DataError, match='bundle.json was changed on its way. Fetch the files again'):
        unpack(tmp_path / 'out', tmp_path / 'results')
    assert not (tmp_path / 'results').exists()


@pytest.mark.parametrize(('part', 'value'), [
    ('slot', 1), ('runs', []), ('runs', {'one': {'status': 'training', 'epoch': '3', 'epochs': 9}}),
    ('contents', {'one.records.zip': {'run': 'one', 'kind': 'records'}})])
def test_a_list_of_contents_with_values_of_another_kind_is_refused(
        tmp_path: Path, gather: Callable, part: str, value: Any) -> None:
    gather(tmp_path, Limits())
    path = tmp_path / 'out' / 'slot_0001.part1of1'
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, 'w') as file:
        for name, data in content.items():
            told = json.dumps({**json.loads(data), part: value}) if name == 'bundle.json' else data
            file.writestr(name, told)
    with pytest.raises(DataError, match='bundle.json was changed on its way. Fetch the files again'):
        unpack(tmp_path / 'out', tmp_path / 'results')
    assert not (tmp_path / 'results').exists()


@pytest.mark.parametrize('text', [
    '{"status": "trai', '[]', '{"status": "training"}', '{"status": "training", "epoch": "3", "epochs": 9}',
    '{"status": "training", "epoch": 3, "epochs": 9, "slots": 1}'])
def test_a_damaged_note_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / 'one').mkdir()
    (tmp_path / 'one' / 'run.json').write_text(text)
    with pytest.raises(DataError, match=r'one/run\.json is damaged.*unpack again'):
        status_of(tmp_path)


def test_a_name_that_lies_elsewhere_is_refused(tmp_path: Path, gather: Callable) -> None:
    gather(tmp_path, Limits(8, 16, 64)).gather({'../one': dict(status='training', epoch=3, epochs=9)})
    with pytest.raises(DataError, match=r"'\.\./one' is no name of a run"):
        unpack(tmp_path / 'out', tmp_path / 'results')
    assert not (tmp_path / 'one').exists() and not (tmp_path / 'results').exists()


def test_a_kill_between_two_gatherings_leaves_the_older_one(tmp_path: Path, gather: Callable) -> None:
    gather(tmp_path, Limits(8, 0.1, 64))
    (tmp_path / 'out' / 'slot_0002.part1of4').write_bytes(b'a newer one, not complete')
    assert unpack(tmp_path / 'out', tmp_path / 'results')['one']['epoch'] == 2


def test_what_came_back_of_two_slots_is_not_taken_for_one(tmp_path: Path, gather: Callable) -> None:
    (tmp_path / 'all').mkdir()
    for day in ('one', 'two'):
        gather(tmp_path / day, Limits())
        (tmp_path / day / 'out').rename(tmp_path / 'all' / day)
    with pytest.raises(DataError, match='of 2 slots, in .*all/one, .*all/two. Unpack one after the other'):
        unpack(tmp_path / 'all', tmp_path / 'results')
    assert not (tmp_path / 'results').exists()


def test_a_new_gathering_takes_the_place_of_the_old_one(tmp_path: Path, gather: Callable,
                                                        write_run: Callable) -> None:
    gatherer = gather(tmp_path, Limits())
    assert not gatherer.gather({'one': dict(status='training', epoch=2, epochs=9)})
    write_run(tmp_path / 'home', epoch=3)
    assert gatherer.gather({'one': dict(status='training', epoch=3, epochs=9)})
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['slot_0002.part1of1']
    gather(tmp_path, Limits(), epoch=3)  # by another call for the slot
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['slot_0003.part1of1']


def test_a_file_that_has_changed_since_the_last_gathering_is_gathered_anew(tmp_path: Path, gather: Callable) -> None:
    status, gatherer = {'one': dict(status='training', epoch=2, epochs=9)}, gather(tmp_path, Limits())
    (tmp_path / 'home' / 'runs' / 'one' / 'train.csv').write_text('iter\n1\n2\n')
    assert gatherer.gather(status)
    unpack(tmp_path / 'out', tmp_path / 'results')
    assert (tmp_path / 'results' / 'one' / 'train.csv').read_text() == 'iter\n1\n2\n'


def test_a_file_that_would_be_written_outside_of_its_run_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        archive.writestr('../other/train.csv', 'x')
    with pytest.raises(DataError, match='other/train.csv would be written outside'):
        unpacking._extract(stream.getvalue(), tmp_path / 'one')
    assert list(tmp_path.iterdir()) == []


def test_an_older_slot_does_not_undo_a_newer_one(tmp_path: Path, gather: Callable) -> None:
    gather(tmp_path / 'new', Limits(), epoch=5)
    gather(tmp_path / 'old', Limits(), epoch=2)
    for which in ('new', 'new', 'old'):
        unpack(tmp_path / which / 'out', tmp_path / 'results')
    note = read_note(tmp_path / 'results' / 'one')
    assert (note['epoch'], note['slots']) == (5, ['s5', 's2'])
    assert [path.name for path in (tmp_path / 'results' / 'one').glob('*.pth')] == ['epoch_5.pth']


@pytest.mark.parametrize('trained, before, now', [(False, 'training', 'training'), (True, 'trained', 'finished')])
def test_an_exact_state_stays_where_the_same_comes_back_as_weights_alone(
        tmp_path: Path, gather: Callable, write_run: Callable, trained: bool, before: str, now: str) -> None:
    home = write_run(tmp_path / 'home', trained=trained)
    for status, room in ((before, 64), (now, 0.3)):
        gather(tmp_path, Limits(8, 16, room), status=status)
        note = unpack(tmp_path / 'out', tmp_path / 'results')['one']
    assert (note['status'], note['state']) == (now, 'exact')
    assert (tmp_path / 'results' / 'one' / 'epoch_2.pth').read_bytes() == (home / 'epoch_2.pth').read_bytes()


@pytest.mark.parametrize('epoch, room, state', [(2, 64, 'exact'), (3, 0.3, 'weights only')])
def test_weights_that_are_wholer_or_of_a_later_epoch_replace_what_is_there(
        tmp_path: Path, gather: Callable, epoch: int, room: float, state: str) -> None:
    gather(tmp_path / 'first', Limits(8, 16, 0.3 if state == 'exact' else 64))
    gather(tmp_path / 'second', Limits(8, 16, room), epoch=epoch)
    for which in ('first', 'second'):
        note = unpack(tmp_path / which / 'out', tmp_path / 'results')['one']
    assert (note['epoch'], note['state']) == (epoch, state)
    assert [path.name for path in (tmp_path / 'results' / 'one').glob('*.pth')] == [f'epoch_{epoch}.pth']


def test_a_training_that_ended_without_a_best_checkpoint_is_tested_with_its_last(
        tmp_path: Path, gather: Callable, write_run: Callable) -> None:
    folder = write_run(tmp_path / 'home', trained=True)
    run = Run('one', 'c', 2)
    slot = Slot(Plan((run,)), tmp_path / 'home', tmp_path, None, Timing(0.0, 10), 1, 1)
    assert str(folder / 'epoch_2.pth') in slot._command(run, 'test')
    gather(tmp_path, Limits(), status='trained')
    assert unpack(tmp_path / 'out', tmp_path / 'results')['one']['state'] == 'exact'
    assert states.checkpoints(tmp_path / 'results' / 'one', run) == [tmp_path / 'results' / 'one' / 'epoch_2.pth']


def test_a_training_whose_weights_did_not_come_back_is_not_taken_for_trained(
        tmp_path: Path, gather: Callable, write_run: Callable) -> None:
    write_run(tmp_path / 'home', epoch=9, trained=True, size=9000)
    gather(tmp_path, Limits(8, 16, 0.3), epoch=9, status='failed', error='test ended with status 2')
    note = unpack(tmp_path / 'out', tmp_path / 'results')['one']
    assert (note['status'], note['epoch'], note['error']) == ('failed', 0, 'test ended with status 2')
    assert sorted(path.name for path in (tmp_path / 'results' / 'one').iterdir()) == ['run.json', 'train.csv']


def test_a_failure_of_a_later_slot_is_said_and_its_log_is_kept(
        tmp_path: Path, gather: Callable, write_run: Callable) -> None:
    folder, results = write_run(tmp_path / 'home', trained=True), tmp_path / 'results'
    gather(tmp_path, Limits(), slot='s1', status='trained')
    unpack(tmp_path / 'out', results)
    (folder / 'logs').mkdir()
    (folder / 'logs' / 'test_1.log').write_text('error: the reason')
    gather(tmp_path, Limits(), slot='s2', status='failed', error='test ended with status 2')
    note = unpack(tmp_path / 'out', results)['one']
    assert (note['status'], note['error']) == ('trained', 'test ended with status 2')
    assert (results / 'one' / 'logs' / 'test_1.log').read_text() == 'error: the reason'
    gather(tmp_path, Limits(), slot='s3', status='finished')
    assert 'error' not in unpack(tmp_path / 'out', results)['one']


def test_the_list_of_contents_says_which_machine_it_was(tmp_path: Path, gather: Callable) -> None:
    gather(tmp_path, Limits())
    with zipfile.ZipFile(tmp_path / 'out' / 'slot_0001.part1of1') as file:
        about = json.loads(file.read('bundle.json'))
    assert (about['slot'], about['generation']) == ('s2', 1)
