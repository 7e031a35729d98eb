"""Files that a tool is to write are refused before its work, where they could not be written."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.evaluation.files import check_targets

WORK = {
    'check_dataset': ['nowhere', '--json'], 'compare': ['none', 'nothing', '--out'],
    'convert_weights': ['configs/baselines/acm_fpn_nuaa_sirst.py', 'none.pkl', '--from', 'acm-pytorch', '--out'],
    'evaluate': ['nowhere', 'nothing', '--out'], 'publish': ['none.pth'],
    'reparameterise': ['configs/baselines/repisd_nuaa_sirst.py', 'none.pth'],
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


@pytest.mark.parametrize('tool', WORK)
def test_a_tool_asks_where_its_result_goes_before_it_reads_anything(
    tool: str, load_tool: Callable[[str], ModuleType], tmp_path: Path,
) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigError, match='file is a file. Name another folder'):
        load_tool(tool).main([*WORK[tool], str(tmp_path / 'file' / 'a.safetensors')])
