"""tools/forensics.py: what it prints for published figures, and what it refuses."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError


@pytest.fixture
def say(load_tool: Callable[[str], ModuleType], capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch,
        ) -> Callable[..., str]:
    """What the tool prints, in one line."""
    monkeypatch.setenv('COLUMNS', '200')
    tool = load_tool('forensics')
    def call(*argv: object) -> str:
        capsys.readouterr()
        tool.main([str(argument) for argument in argv])
        return ' '.join(capsys.readouterr().out.split())
    return call


def test_a_fraction_its_protocol_and_its_false_alarm_pixels_are_shown(say) -> None:
    shown = say('93.88', '--fa', '15.03', '--dataset', 'IRSTD-1K')
    assert 'dnanet, stretch256_pil │ pooled │ 294 │ 276/294 │ 2.5 % │ 198 px' in shown


def test_what_cannot_be_is_hidden_unless_asked_for(say) -> None:
    assert 'canonical' not in say('93.88', '--dataset', 'IRSTD-1k')
    assert 'canonical, basicirstd, sctransnet, shooting │ pooled │ 297 │ impossible' in say(
        '93.88', '--dataset', 'IRSTD-1k', '--all')


def test_a_figure_that_nothing_produces_is_called_so(say) -> None:
    shown = say('99.99', '--dataset', 'SIRST-V2')
    assert 'Pd 99.99: 0 of 1 countings can produce it' in shown and 'no count of targets at all' in shown


def test_the_targets_of_a_data_set_are_counted(say, tmp_path: Path) -> None:
    for name in ('images', 'masks'):
        (tmp_path / 'own' / name).mkdir(parents=True)
        for number in range(3):
            picture = np.zeros((32, 32), np.uint8)
            picture[4, 4] = picture[20, 20] = 255
            cv2.imwrite(str(tmp_path / 'own' / name / f'{number}.png'), picture)
    shown = say('83.33', '--data-root', tmp_path / 'own', '--split', 'all')
    assert 'own, all │ canonical, basicirstd, sctransnet, shooting │ pooled │ 6 │ 5/6 │' in shown
    assert '0.5 of 3 images lost' in shown


@pytest.mark.parametrize(('argv', 'error', 'message'), [
    (['93.88', '--dataset', 'nowhere'], DataError, 'those of NUAA-SIRST, IRSTD-1k, NUDT-SIRST, SIRST-V2'),
    (['high', '--dataset', 'IRSTD-1k'], ConfigError, "'high' is no figure"),
    (['93.88', '--fa', '1e-5', '--dataset', 'IRSTD-1k'], ConfigError, "'1e-5' is no figure")])
def test_bad_input_is_refused(say, argv: list[str], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        say(*argv)


def test_a_data_set_has_to_be_named(say) -> None:
    with pytest.raises(SystemExit):
        say('93.88')


def test_no_name_is_cut_off_where_the_output_is_narrow(say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('COLUMNS', '60')
    assert 'canonical, basicirstd, sctransnet, shooting │' in say('93.88', '--dataset', 'IRSTD-1k', '--all')


def test_a_list_without_its_data_is_refused(say, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        say('93.88', '--dataset', 'IRSTD-1k', '--split', 'trainval')
    assert '--split trainval needs --data-root' in capsys.readouterr().err


def test_an_empty_fa_is_no_figure(say) -> None:
    with pytest.raises(ConfigError, match="'' is no figure"):
        say('93.88', '--dataset', 'IRSTD-1k', '--fa', '')
