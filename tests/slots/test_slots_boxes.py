"""Boxes under their limit, put together again; and what is chosen to come back."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.slots import start, states
from irstd_toolbox.slots.boxes import Item, write_boxes
from irstd_toolbox.slots.gathering import Limits, choose
from irstd_toolbox.slots.plan import Plan, Run
from irstd_toolbox.slots.running import prepare

BEGIN = Path(start.__file__)
ITEMS = [Item('plan.json', 'plan', b'{}'), Item('a.bin', 'files', bytes(range(256)) * 800),
         Item('b.bin', 'data', b'\7' * 150_000)]


def test_no_box_is_larger_than_its_limit(tmp_path: Path) -> None:
    boxes = write_boxes(ITEMS, tmp_path, 0.2, 9, BEGIN)
    assert len(boxes) == 4
    assert all(sum(path.stat().st_size for path in box.iterdir()) <= 0.2 * 2**20 for box in boxes)


@pytest.mark.parametrize('order', [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_boxes_are_put_together_again_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    boxes = write_boxes(ITEMS, tmp_path / 'boxes', 0.2, 9, BEGIN)
    for number in order:
        about = start.receive(boxes[number], tmp_path / 'home')
    assert not start.absent(about, tmp_path / 'home')
    start.check(about, tmp_path / 'home')
    assert all((tmp_path / 'home' / 'items' / item.name).read_bytes() == item.data for item in ITEMS)


def test_an_incomplete_set_of_boxes_names_those_to_come(tmp_path: Path) -> None:
    boxes = write_boxes(ITEMS, tmp_path / 'boxes', 0.2, 9, BEGIN)
    run = subprocess.run([sys.executable, boxes[1] / 'start.py', '--home', tmp_path / 'home'], capture_output=True,
                         text=True)
    assert run.returncode == 0
    assert run.stdout.strip() == 'box 2 of 4 is here; still to come: 1, 3, 4'


def test_too_few_boxes_are_refused_with_the_largest_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'do not fit into 1 box of 0\.2 MiB.*b\.bin 0\.1.*allow --boxes 4'):
        write_boxes(ITEMS, tmp_path, 0.2, 1, BEGIN)


def test_a_changed_piece_is_refused(tmp_path: Path) -> None:
    box, = write_boxes(ITEMS, tmp_path / 'boxes', 1, 1, BEGIN)
    (box / 'piece_1').write_bytes(b'cut off')
    with pytest.raises(start.Unusable, match='7 bytes that are not those that were packed'):
        start.receive(box, tmp_path / 'home')


@pytest.mark.parametrize(('part', 'value', 'message'), [
    (None, [], 'TypeError'), ('packing', None, 'packing is None'), ('pieces', [{}], "KeyError: 'file'"),
    ('all_pieces', [dict(item='a.bin', offset='0', box=1)], "offset is '0'"), ('items', ['a.bin'], 'TypeError')])
def test_a_damaged_list_of_a_box_is_refused(tmp_path: Path, part: str | None, value: Any, message: str) -> None:
    box, = write_boxes(ITEMS, tmp_path / 'boxes', 1, 1, BEGIN)
    about = dict(json.loads((box / 'box.json').read_text()), **{part: value}) if part else value
    (box / 'box.json').write_text(json.dumps(about))
    with pytest.raises(start.Unusable, match=rf'box\.json cannot be read \(.*{message}.*Carry the whole folder again'):
        start.receive(box, tmp_path / 'home')
    assert not (tmp_path / 'home').exists()


@pytest.mark.parametrize(('plan', 'message'), [
    ('{', 'Expecting property name'), ('{}', "KeyError: 'runs'"), ('{"runs": [1]}', 'TypeError'),
    ('{"runs": [{"name": "a", "config": "c", "epochs": "9"}]}', r"Run\(epochs='9'\): a whole number is expected")])
def test_a_damaged_plan_is_refused(tmp_path: Path, plan: str, message: str) -> None:
    (tmp_path / 'items').mkdir()
    (tmp_path / 'items' / 'plan.json').write_text(plan)
    with pytest.raises(ConfigError, match=rf'plan\.json is damaged \(.*{message}.*Carry every box again'):
        prepare(tmp_path)


def test_a_new_packing_replaces_what_an_older_one_brought(tmp_path: Path) -> None:
    old = write_boxes(ITEMS, tmp_path / 'old', 0.2, 9, BEGIN)
    new = write_boxes([Item('plan.json', 'plan', b'[]'), *ITEMS[1:]], tmp_path / 'new', 0.2, 9, BEGIN)
    for box in old:
        start.receive(box, tmp_path / 'home')
    about = start.receive(new[0], tmp_path / 'home')
    assert start.absent(about, tmp_path / 'home') == [2, 3, 4]


def test_a_new_packing_sets_the_runs_of_an_older_one_aside(tmp_path: Path, write_run: Callable) -> None:
    home, carried = tmp_path / 'home', write_run(tmp_path / 'newer', epoch=5)
    plan = Item('plan.json', 'plan', json.dumps(Plan((Run('one', 'c', 9),)).to_json()).encode())
    state = Item('state_one.zip', 'state', states.archive(carried, [carried / 'epoch_5.pth']))
    old, = write_boxes([plan], tmp_path / 'old', 1, 1, BEGIN)
    new = write_boxes([plan, state], tmp_path / 'new', 0.3, 9, BEGIN)
    start.receive(old, home)
    write_run(home, epoch=2, trained=True)
    for box in new:
        start.receive(box, home)
    prepare(home)
    assert states.epoch_of(home / 'runs' / 'one') == 5 and not states.is_trained(home / 'runs' / 'one')
    assert states.epoch_of(home / 'runs_1' / 'one') == 2
    write_run(home, epoch=6)
    start.receive(new[0], home)  # another call for the same packing
    prepare(home)
    assert states.epoch_of(home / 'runs' / 'one') == 6 and not (home / 'runs_2').exists()


def test_a_state_that_a_kill_has_cut_is_unpacked_again(
        tmp_path: Path, write_run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    home, carried = tmp_path / 'home', write_run(tmp_path / 'carried', epoch=5, best=True)
    (home / 'items').mkdir(parents=True)
    (home / 'items' / 'plan.json').write_text(json.dumps(Plan((Run('one', 'c', 9),)).to_json()))
    (home / 'items' / 'state_one.zip').write_bytes(states.archive(carried, sorted(carried.glob('*'), reverse=True)))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(zipfile.ZipFile, 'extractall', _extract_but_the_last)
        prepare(home)
    prepare(home)
    assert {path.name for path in (home / 'runs' / 'one').iterdir()} == {path.name for path in carried.iterdir()}
    assert [path.name for path in (home / 'runs').iterdir()] == ['one']


def _extract_but_the_last(archive: zipfile.ZipFile, folder: Path) -> None:
    for name in archive.namelist()[:-1]:
        archive.extract(name, folder)
    raise KeyboardInterrupt


def test_what_is_no_box_is_not_replaced(tmp_path: Path) -> None:
    for name in ('box_notes', 'box_2'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'mine.txt').write_text('mine')
    with pytest.raises(ConfigError, match='box_2 is no box of an earlier packing'):
        write_boxes(ITEMS, tmp_path, 1, 1, BEGIN)
    (tmp_path / 'box_2' / 'mine.txt').rename(tmp_path / 'box_2' / 'piece_0')
    assert [box.name for box in write_boxes(ITEMS, tmp_path, 1, 1, BEGIN)] == ['box_1']
    assert (tmp_path / 'box_notes' / 'mine.txt').read_text() == 'mine' and not (tmp_path / 'box_2').exists()


def test_a_wheel_is_installed_without_a_network(tmp_path: Path, wheel: Path) -> None:
    start.install(sorted(wheel.glob('*.whl')), tmp_path / 'site')
    assert (tmp_path / 'site' / 'slot_marker.py').read_text() == 'HERE = True\n'


def test_other_source_and_other_wheels_take_the_place_of_those_before(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = []
    monkeypatch.setattr(start.subprocess, 'run', lambda command, **_: installed.append(command[-1]) or (
        (tmp_path / 'site').mkdir(), SimpleNamespace(returncode=0))[1])
    for number in ('1', '1', '2'):
        start.install([tmp_path / f'a-{number}.whl'], tmp_path / 'site')
        with zipfile.ZipFile(tmp_path / 'source.zip', 'w') as archive:
            archive.writestr(f'part_{number}', 'x')
        start.unpack(tmp_path / 'source.zip', tmp_path / 'source', number)
    assert installed == [str(tmp_path / 'a-1.whl'), str(tmp_path / 'a-2.whl')]
    assert [path.name for path in (tmp_path / 'source').glob('part_*')] == ['part_2']


def test_a_file_that_is_not_what_was_packed_is_refused(tmp_path: Path) -> None:
    box, = write_boxes(ITEMS, tmp_path / 'boxes', 1, 1, BEGIN)
    about = start.receive(box, tmp_path / 'home')
    (tmp_path / 'home' / 'items' / 'b.bin').write_bytes(b'\7' * 149_999 + b'8')
    with pytest.raises(start.Unusable, match='b.bin is not what was packed. Remove .*home and carry every box again'):
        start.check(about, tmp_path / 'home')


def test_a_wheel_that_pip_cannot_install_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'broken-1.0-py3-none-any.whl').write_bytes(b'no archive')
    with pytest.raises(start.Unusable, match='pip cannot install'):
        start.install([tmp_path / 'broken-1.0-py3-none-any.whl'], tmp_path / 'site')


def test_the_script_that_begins_a_slot_imports_nothing_of_the_toolbox() -> None:
    assert 'irstd_toolbox' not in [line.split()[1].partition('.')[0] for line in BEGIN.read_text().splitlines()
                                   if line.startswith(('import ', 'from '))]


SIZES = {'a': {'records': 1, 'weights only': 4, 'predictions': 3, 'exact': 12},
         'b': {'records': 1, 'weights only': 4, 'predictions': None, 'exact': 12}}


@pytest.mark.parametrize('room, a, b', [
    (1, ['records'], []),
    (6, ['records', 'weights only'], ['records']),
    (10, ['records', 'weights only'], ['records', 'weights only']),
    (13, ['records', 'weights only', 'predictions'], ['records', 'weights only']),
    (21, ['records', 'predictions', 'exact'], ['records', 'weights only']),
    (29, ['records', 'predictions', 'exact'], ['records', 'exact'])])
def test_what_comes_back_is_chosen_by_need_and_room(room: int, a: list[str], b: list[str]) -> None:
    assert choose(SIZES, room) == {'a': a, 'b': b}


def test_there_is_room_for_what_the_files_and_all_of_them_hold() -> None:
    assert Limits(files=3, file_mib=2, total_mib=64).room == 6 * 2**20 - 65536
    assert Limits(files=8, file_mib=16, total_mib=64).room == 64 * 2**20 - 65536


def test_limits_without_room_are_refused() -> None:
    with pytest.raises(ConfigError, match='too little to bring anything back'):
        Limits(files=1, file_mib=0.05).check()


def test_boxes_say_what_they_hold(tmp_path: Path) -> None:
    box, = write_boxes(ITEMS, tmp_path, 1, 1, BEGIN)
    about = json.loads((box / 'box.json').read_text())
    assert [(item['name'], item['kind'], item['size']) for item in about['items']] == [
        ('plan.json', 'plan', 2), ('a.bin', 'files', 204_800), ('b.bin', 'data', 150_000)]
