"""Files that a tool is to write are refused before its work, where they could not be written."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.evaluation.files import check_folder, check_targets, write_atomically
from irstd_toolbox.inference.documents import is_targets_document
from irstd_toolbox.inference.staging import staged

WORK = {
    'check_dataset': ['nowhere', '--json'], 'compare': ['none', 'nothing', '--out'],
    'convert_weights': ['configs/baselines/acm_fpn_nuaa_sirst.py', 'none.pkl', '--from', 'acm-pytorch', '--out'],
    'evaluate': ['nowhere', 'nothing', '--out'], 'label_points': ['nowhere', '--out'], 'publish': ['none.pth'],
    'reparameterise': ['configs/baselines/repisd_nuaa_sirst.py', 'none.pth'],
    'slots': ['pack', 'none.py', '--results', 'nowhere', '--out'],
    'tune_threshold': ['configs/baselines/mpcm_nuaa_sirst.py', '--cfg-options', 'data_root=nowhere', '--out']}


def test_files_that_can_be_written_are_taken(tmp_path: Path) -> None:
    (tmp_path / 'old.json').write_text('{}')
    check_targets(tmp_path / 'old.json', None, str(tmp_path / 'new' / 'folder' / 'a.json'))
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize(('names', 'message'), [
    (['.'], 'is a folder; expected the name of the file'), (['old.json/a.json'], 'old.json is a file'),
    (['old.json/below/a.json'], 'old.json is a file'), (['a.json', 'sub/../a.json'], 'is named for two outputs')])
def test_files_that_cannot_be_written_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    (tmp_path / 'old.json').write_text('{}')
    with pytest.raises(ConfigError, match=message):
        check_targets(*(tmp_path / name for name in names))


@pytest.mark.parametrize('name', ['disk', 'disk/work_dirs/acm'])
def test_a_folder_below_a_link_to_nothing_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / 'disk').symlink_to('/nowhere/disk')
    with pytest.raises(ConfigError, match=f'{tmp_path}/disk is a link to /nowhere/disk, which is not there'):
        check_folder(tmp_path / name)


@pytest.mark.parametrize('name', ['', 'new', 'new/below'])
def test_a_folder_where_nothing_may_be_written_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(os, 'access', lambda *args: asked.append(args))
    with pytest.raises(ConfigError, match=f'{tmp_path} is not writable; expected a folder that is. Name another'):
        check_folder(tmp_path / name)
    with pytest.raises(ConfigError, match=f'{tmp_path} is not writable'):
        check_targets(tmp_path / name / 'a.json')
    assert asked == [(tmp_path, os.W_OK | os.X_OK)] * 2


def test_a_write_that_fails_names_the_file_and_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    (tmp_path / 'a.json').write_text('old')
    monkeypatch.setattr(Path, 'write_bytes', full)
    with pytest.raises(OSError, match='No space left') as caught:
        write_atomically(tmp_path / 'a.json', b'new')
    assert caught.value.filename == str(tmp_path / 'a.json')
    assert (tmp_path / 'a.json').read_text() == 'old'


@pytest.mark.parametrize('tool', WORK)
def test_a_tool_asks_where_its_result_goes_before_it_reads_anything(
    tool: str, load_tool: Callable[[str], ModuleType], tmp_path: Path,
) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigError, match='file is a file. Name another folder'):
        load_tool(tool).main([*WORK[tool], str(tmp_path / 'file' / 'a.safetensors')])


def test_a_record_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / 'targets.json').write_text('{"my": "annotations"}')
    with (pytest.raises(ConfigError, match='holds another targets.json, but no targets.json of a run before'),
          staged(tmp_path, ('masks',), 'targets.json', is_targets_document)):
        pass
    assert (tmp_path / 'targets.json').read_text() == '{"my": "annotations"}'


def test_a_table_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / 'targets.csv').write_text('mine')
    with (pytest.raises(ConfigError, match='holds targets.csv, but no targets.json of a run before'),
          staged(tmp_path, ('masks', 'targets.csv'), 'targets.json', is_targets_document)):
        pass
    assert (tmp_path / 'targets.csv').read_text() == 'mine'


def test_two_processes_do_not_write_into_one_folder(tmp_path: Path) -> None:
    place = tmp_path / 'out', ('masks',), 'results.json', Path.is_file
    with staged(*place) as stage:
        write_atomically(stage / 'masks' / 'a.png', b'first')
        with pytest.raises(ConfigError, match='out is in use: another process writes its results'), staged(*place):
            pass
    assert [path.name for path in (tmp_path / 'out').rglob('*')] == ['masks', 'a.png']


def test_what_a_killed_run_left_does_not_pass_for_the_next_ones(tmp_path: Path) -> None:
    for name in ('.unfinished/masks/killed.png', 'masks/moved.png'):
        write_atomically(tmp_path / name, b'old')
    with staged(tmp_path, ('masks',), 'results.json', Path.is_file) as stage:
        write_atomically(stage / 'masks' / 'a.png', b'new')
    assert [path.name for path in tmp_path.rglob('*')] == ['masks', 'a.png']


def test_results_that_are_moved_in_part_have_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt('stopped')

    (tmp_path / 'results.json').write_text('of a run before')
    monkeypatch.setattr(os, 'replace', fail)
    with (pytest.raises(KeyboardInterrupt, match='stopped'),
          staged(tmp_path, ('masks',), 'results.json', Path.is_file) as stage):
        (stage / 'a.png').write_bytes(b'new')
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_taken_and_is_there_after_an_error(tmp_path: Path) -> None:
    (tmp_path / 'masks').mkdir()
    for folder in (tmp_path, tmp_path / 'masks'):
        with (pytest.raises(KeyboardInterrupt, match='stopped'),
              staged(folder, ('masks',), 'results.json', Path.is_file)):
            raise KeyboardInterrupt('stopped')
    assert list(tmp_path.iterdir()) == [tmp_path / 'masks']
