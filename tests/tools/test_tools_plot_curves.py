"""tools/plot_curves.py on folders: figures with their data, agreement with tools/evaluate.py, errors."""

import csv

import cv2
import numpy as np
import pytest

from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.curves import CurveCounter
from irstd_toolbox.evaluation.folders import name_folders
from irstd_toolbox.evaluation.protocols import get
from irstd_toolbox.visualization.curve_figures import roc3d_figure


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Four images with a mask, and two methods' predictions of them, of which one is 8 bit and one .npy."""
    root = tmp_path_factory.mktemp('curves')
    rng = np.random.default_rng(0)
    for folder in ('own/images', 'own/masks', 'sharp', 'runs/blunt/predictions'):
        (root / folder).mkdir(parents=True)
    for number in range(4):
        mask = np.zeros((24, 32), np.uint8)
        mask[5 + number:8 + number, 10:13] = 255
        noise = rng.random((24, 32)) ** 3
        cv2.imwrite(str(root / f'own/images/s{number}.png'), rng.integers(0, 99, (24, 32), dtype=np.uint8))
        cv2.imwrite(str(root / f'own/masks/s{number}.png'), mask)
        cv2.imwrite(str(root / f'sharp/s{number}.png'), np.uint8(100 * noise + 150 * (mask > 0)))
        np.save(root / f'runs/blunt/predictions/s{number}.npy', 0.6 * noise + 0.4 * (mask > 0) * rng.random((24, 32)))
    for split in ('trainval', 'test'):
        (root / f'own/{split}.txt').write_text('s0\ns1\ns2\ns3')
    return root


@pytest.fixture(scope='module')
def main(load_tool):
    tool = load_tool('plot_curves')
    return lambda *argv: tool.main([str(argument) for argument in argv])


@pytest.fixture(scope='module')
def drawn(main, data):
    out = data / 'out'
    main(data / 'sharp=Sharp one', data / 'runs/blunt/predictions', data / 'own', '--width', 2, '--out', out)
    return out


def rows(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize('kind', ['roc', 'pr', 'pd_fa', 'roc3d'])
def test_each_figure_lies_beside_its_data(drawn, kind):
    assert cv2.imread(str(drawn / f'{kind}.png')).shape[1] == 600
    assert {row['method'] for row in rows(drawn / f'{kind}.csv')} == {'Sharp one', 'blunt'}


def test_the_summary_holds_pd_and_fa_of_the_protocols_own_threshold(drawn, data, load_tool):
    import json
    load_tool('evaluate').main([str(data / 'sharp'), str(data / 'own'), '--out', str(data / 'results.json')])
    metrics = json.loads((data / 'results.json').read_text())['protocols']['canonical']
    summary = rows(drawn / 'summary.csv')[0]
    assert (summary['method'], float(summary['Pd']), float(summary['Fa'])) == (
        'Sharp one', metrics['Pd'], metrics['Fa'])


def test_the_exact_curve_holds_every_level(main, data):
    main(data / 'sharp', data / 'own', '--kinds', 'pd_fa', '--exact', '--out', data / 'exact')
    assert len(rows(data / 'exact/pd_fa.csv')) == 65536
    assert not (data / 'exact/roc.png').exists()


def test_a_figure_may_be_a_pdf_of_another_width(main, data):
    main(data / 'sharp', data / 'own', '--kinds', 'pr', '--format', 'pdf', '--width', '7.16', '--out', data / 'pdf')
    assert b'/MediaBox [ 0 0 515.52' in (data / 'pdf/pr.pdf').read_bytes()


def test_two_methods_of_one_name_are_refused(main, data):
    with pytest.raises(ConfigError, match="Two methods are called 'sharp'"):
        main(data / 'sharp', f'{data}/runs/blunt/predictions=sharp', data / 'own', '--out', data / 'never')


def test_a_folder_without_a_prediction_names_the_image(main, data):
    (data / 'part').mkdir(exist_ok=True)
    (data / 'part/s0.png').write_bytes((data / 'sharp/s0.png').read_bytes())
    with pytest.raises(DataError, match='part has no prediction for 3 of 4 images: s1, s2, s3'):
        main(data / 'part', data / 'own', '--out', data / 'never')


def test_the_folder_above_the_predictions_names_them(main, data):
    with pytest.raises(DataError, match=f'blunt has no prediction .* of the split; name {data}/runs/blunt/predictions'):
        main(data / 'runs/blunt', data / 'own', '--out', data / 'never')


def test_a_prediction_of_another_size_names_its_file(main, data):
    (data / 'small').mkdir(exist_ok=True)
    for number in range(4):
        cv2.imwrite(str(data / f'small/s{number}.png'), np.zeros((9, 9), np.uint8))
    with pytest.raises(DataError, match=r'small/s0.png: the prediction is 9x9'):
        main(data / 'small', data / 'own', '--out', data / 'never')


@pytest.mark.parametrize(('options', 'text'), [
    (['--protocol', 'nonsense'], 'no known protocol'), (['--fa-range', '1', '0.1'], '--fa-range is 1 0.1')])
def test_an_impossible_option_is_refused_before_anything_is_written(main, data, options, text):
    with pytest.raises(ConfigError, match=text):
        main(data / 'sharp', data / 'own', '--out', data / 'never', *options)
    assert not (data / 'never').exists()


def test_0_1_masks_are_said_to_be(load_tool, data, tmp_path, recwarn):
    from rich.console import Console
    cv2.imwrite(str(tmp_path / 's0.png'), cv2.imread(str(data / 'own/masks/s0.png'), -1) // 255)
    files = {'ones': {'s0': tmp_path / 's0.png'}, 'sharp': {'s0': data / 'sharp/s0.png'}}
    counters = {name: CurveCounter(get('canonical'), [32767]) for name in files}
    load_tool('plot_curves').count_all(counters, files, detect(data / 'own'), ('s0',), Console(stderr=True))
    said, = (str(one.message) for one in recwarn)
    assert said.startswith('ones: every prediction that is not blank holds only 0 and 1 in 8 bit')


def test_a_method_without_a_false_positive_is_drawn_without_a_warning(recwarn):
    truth = np.zeros((8, 8), bool)
    truth[2:4, 2:4] = True
    counter = CurveCounter(get('canonical'), [32767])
    counter.add(truth * 1.0, truth)
    figure = roc3d_figure({'perfect': counter.pixels()})
    assert not recwarn.list and figure.axes[2].get_yscale() == 'log' and figure.axes[2].get_ylim() == (1e-7, 1)


def test_out_may_not_be_a_file(main, data):
    with pytest.raises(ConfigError, match='is a file. Name another folder'):
        main(data / 'sharp', data / 'own', '--out', data / 'own/test.txt')


def test_a_method_may_not_be_called_as_a_path():
    with pytest.raises(ConfigError, match='without a slash'):
        name_folders([('a/b', 'folder')])


def test_names_in_brackets_stand_in_the_table(main, data, tmp_path, capsys):
    main(data / 'sharp=ours [text]', data / 'own', '--out', tmp_path, '--kinds', 'roc')
    assert 'ours [text] ' in capsys.readouterr().out
