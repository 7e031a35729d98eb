"""Two configs of one name in two folders, whose trainings go to one work folder unless told otherwise."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from irstd_toolbox.errors import CheckpointError
from irstd_toolbox.training.checkpoint import read_checkpoint
from irstd_toolbox.training.stamp import stamp_of

Tool = Callable[[str], ModuleType]


@pytest.fixture
def namesake(config: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another config, into whose work folder the trained one's checkpoints were written."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, tmp_path / 'work_dirs' / config.stem)
    return config


def _refuses(main: Callable, *arguments: object) -> None:
    with pytest.raises(CheckpointError, match=r'work_dirs/tiny/\w+\.pth is of trained\d/tiny\.py, not of \w+/tiny\.py, '
                                              r'whose trainings go to the same folder\. .* by --work-dir; '):
        main([str(argument) for argument in arguments])


def test_a_checkpoint_names_its_config(trained: Path) -> None:
    assert stamp_of(read_checkpoint(trained / 'best.pth')['meta'])['config'] == f'{trained.parent.name}/tiny.py'


@pytest.mark.parametrize('more', [[], ['--resume']], ids=['anew', 'resumed'])
def test_training_does_not_write_over_anothers(namesake: Path, load_tool: Tool, more: list[str]) -> None:
    before = {path: path.read_bytes() for path in Path('work_dirs').rglob('*') if path.is_file()}
    _refuses(load_tool('train').main, namesake, *more)
    assert {path: path.read_bytes() for path in Path('work_dirs').rglob('*') if path.is_file()} == before


@pytest.mark.parametrize('which', ['best', 'last'])
def test_anothers_best_is_not_taken_for_its_own(namesake: Path, load_tool: Tool, which: str) -> None:
    _refuses(load_tool('test').main, namesake, which, '--out', 'out')
    _refuses(load_tool('predict').main, namesake, which, 'data/images', '--out', 'out')
    _refuses(load_tool('tune_threshold').main, namesake, which, '--out', 'out')
    assert not Path('out').exists()


def test_what_is_named_by_its_path_is_taken(namesake: Path, load_tool: Tool) -> None:
    load_tool('test').main([str(namesake), 'work_dirs/tiny/best.pth', '--out', 'out'])
    assert Path('out/results.json').is_file()


def test_a_folder_told_and_what_says_nothing_of_itself_are_let_through(namesake: Path, load_tool: Tool) -> None:
    load_tool('train').main([str(namesake), '--work-dir', 'work_dirs/tiny'])
    own = read_checkpoint(Path('work_dirs/tiny/epoch_2.pth'))
    assert stamp_of(own['meta'])['config'] == f'{namesake.parent.name}/tiny.py'
    load_tool('test').main([str(namesake), 'last', '--out', 'own'])
    del own['meta']['irstd_toolbox']['config']
    torch.save(own, 'work_dirs/tiny/epoch_2.pth')
    load_tool('test').main([str(namesake), 'last', '--out', 'silent'])
    torch.save(dict(meta=SimpleNamespace()), 'work_dirs/tiny/epoch_2.pth')  # not to be read safely, nor to be needed
    load_tool('train').main([str(namesake), '--cfg-options', 'train_cfg.max_epochs=1'])
