"""tools/analyze_logs.py: a row a training, a line in the figure, both in a document."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import pytest

from irstd_toolbox.errors import ConfigError, DataError


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two trainings: one that still rises, one that has fallen from its best."""
    made = []
    for name, values in (('rising', (0.2, 0.4, 0.6, 0.8)), ('falling', (0.1, 0.9, 0.7, 0.5))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / 'val.csv').write_text('iter,epoch,irstd/IoU,irstd/Fa\n' + ''.join(
            f'{10 * epoch},{epoch},{value},{value * 1e-5}\n' for epoch, value in enumerate(values, 1)))
        made.append(folder)
    return made


@pytest.fixture
def say(load_tool: Callable[[str], ModuleType], capsys: pytest.CaptureFixture) -> Callable[..., list[str]]:
    """The cells of what the tool prints, a row each."""
    def call(*argv: object) -> list[str]:
        capsys.readouterr()
        load_tool('analyze_logs').main([str(word) for word in argv])
        return [' '.join(line.replace('│', ' ').replace('┃', ' ').split())
                for line in capsys.readouterr().out.splitlines() if line[0] in '│┃']
    return call


def test_each_training_has_a_row_with_its_best_and_how_it_got_there(say, folders: list[Path]) -> None:
    head, *rows = say(folders[0], f'{folders[1]}=other')
    assert head == 'training epochs IoU, % at a half IoU, % at three quarters IoU, % at the end best its epoch'
    assert rows == ['rising 4 40.00 60.00 80.00 80.00 4', 'other 4 90.00 70.00 50.00 90.00 2']


def test_the_best_false_alarm_rate_is_the_least(say, folders: list[Path]) -> None:
    head, row = say(folders[1], '--key', 'irstd/Fa')
    assert 'Fa, 1e-6 at a half' in head and row == 'falling 4 9.00 7.00 5.00 1.00 1'


@pytest.mark.parametrize(('key', 'head', 'row'), [
    ('lgnet/Fa_pooled', 'Fa_pooled, 1e-6 at the end best its epoch', 'it 2 30.00 30.00 10.00 10.00 2'),
    ('mmseg/mIoU', 'mIoU, % at the end best its epoch', 'it 2 0.00 0.00 0.00 0.00 1'),
    ('false_alarm_regions_per_image', 'false_alarm_regions_per_image at the end', 'it 2 3e-05 3e-05 1e-05 1e-05 2'),
    ('mine', 'mine at the end best its epoch', 'it 2 3e-05 3e-05 1e-05 – –')])
def test_each_metric_has_its_unit(say, tmp_path: Path, key: str, head: str, row: str) -> None:
    (tmp_path / 'it').mkdir()
    (tmp_path / 'it' / 'val.csv').write_text(f'iter,epoch,{key}\n1,1,3e-5\n2,2,1e-5\n')
    heads, cells = say(tmp_path / 'it', '--key', key)
    assert head in heads and cells == row


def test_a_figure_whose_name_has_a_space_is_a_link(say, folders: list[Path], tmp_path: Path) -> None:
    document = tmp_path / 'results.md'
    document.write_text('<!-- trainings -->\n<!-- /trainings -->\n')
    say(folders[0], '--out', tmp_path / 'my figures' / 'a.png', '--document', document)
    assert '![IoU, % over epochs](my%20figures/a.png)' in document.read_text()


def test_table_and_figure_go_into_the_document(say, folders: list[Path], tmp_path: Path) -> None:
    document, figure = tmp_path / 'results.md', tmp_path / 'images' / 'trainings.png'
    document.write_text('before\n<!-- own -->\n<!-- /own -->\nafter\n')
    say(folders[0], f'{folders[1]}=a|b', '--out', figure, '--width', '7.16', '--document', document, '--section', 'own')
    text = document.read_text()
    assert text.startswith('before\n<!-- own -->\n```bash')
    assert '| rising | 4 | 40.00 | 60.00 | 80.00 | 80.00 | 4 |' in text
    assert '| a\\|b | 4 | 90.00 |' in text
    assert '![IoU, % over epochs](images/trainings.png)' in text and text.endswith('<!-- /own -->\nafter\n')
    assert cv2.imread(str(figure)).shape[1] > 2000


def test_a_line_goes_through_the_values_with_a_mark_on_the_best(folders: list[Path]) -> None:
    from irstd_toolbox.training.logs import read_curve
    from irstd_toolbox.visualization.curve_figures import epochs_figure

    curve = read_curve(folders[1], 'irstd/IoU')
    axes, = epochs_figure({'one': (curve.epochs, curve.values, curve.best)}, 'IoU').axes
    line, mark = axes.get_lines()
    assert line.get_xydata().tolist() == [[1, 0.1], [2, 0.9], [3, 0.7], [4, 0.5]]
    assert mark.get_xydata().tolist() == [[2, 0.9]] and axes.get_ylabel() == 'IoU'


@pytest.mark.parametrize(('options', 'error', 'message'), [
    (('--out', 'curves.jpg'), ConfigError, 'expected a name that ends in .png, .pdf, .svg'),
    (('--document', 'none.md'), DataError, 'none.md does not exist'),
    (('--key', 'mIoU'), DataError, "no value of 'mIoU'; its logs have irstd/IoU, irstd/Fa")])
def test_what_cannot_be_drawn_is_refused(say, folders: list[Path], options: tuple, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        say(folders[0], *options)


def test_two_trainings_of_one_name_are_refused(say, folders: list[Path]) -> None:
    with pytest.raises(ConfigError, match="Two methods are called 'rising'"):
        say(folders[0], f'{folders[1]}=rising')
