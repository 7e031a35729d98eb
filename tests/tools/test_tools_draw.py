"""tools/draw.py on folders: which images are drawn, the figures of each kind, errors."""

import csv
import sys

import cv2
import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.visualization import comparison


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Nine images, four in the test list; ``a`` misses ever more of the target, ``b`` only that of the first."""
    root = tmp_path_factory.mktemp('draw')
    rng = np.random.default_rng(0)
    for folder in ('own/images', 'own/masks', 'a', 'b'):
        (root / folder).mkdir(parents=True)
    for number in range(9):
        mask = np.zeros((24, 32), np.uint8)
        mask[5:9, 10:14] = 255
        cv2.imwrite(str(root / f'own/images/s{number}.png'), rng.integers(0, 99, (24, 32), dtype=np.uint8))
        cv2.imwrite(str(root / f'own/masks/s{number}.png'), mask)
        cv2.imwrite(str(root / f'b/s{number}.png'), mask * (number > 0))
        mask[5:5 + number] = 0
        cv2.imwrite(str(root / f'a/s{number}.png'), mask)
    for split in ('trainval', 'test'):
        (root / f'own/{split}.txt').write_text('s0\ns1\ns2\ns3')
    return root


@pytest.fixture
def main(load_tool, data):
    tool = load_tool('draw')
    given = (data / 'own', '--predictions', data / 'a', f'B={data}/b', '--width', 1)
    return lambda *argv: tool.main([str(argument) for argument in (*given, *argv)])


def written(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file())


def test_a_method_called_as_the_scene_is_refused(load_tool, data, tmp_path):
    with pytest.raises(ConfigError, match="A method is called 'image', as the scene beside it is"):
        load_tool('draw').main([str(data / 'own'), '--predictions', f'image={data / "a"}', '--kinds', 'surface',
                                '--out', str(tmp_path)])


def test_each_kind_is_written_for_an_image_that_is_named(main, tmp_path):
    main('--ids', 's2', '--out', tmp_path)
    assert written(tmp_path) == ['difference/s2.png', 'iou.csv', 'panel/s2.png', 'surface/s2.png', 'worst_B.png',
                                 'worst_a.png']


def test_the_images_of_the_lowest_mean_iou_are_drawn(main, tmp_path):
    main('--worst', 2, '--kinds', 'difference', '--out', tmp_path)
    # Means over the methods: s0 (1 + 0) / 2, s1 (0.75 + 1) / 2, s2 (0.5 + 1) / 2, s3 (0.25 + 1) / 2.
    assert written(tmp_path) == ['difference/s0.png', 'difference/s3.png', 'iou.csv']


def test_all_draws_the_whole_split(main, tmp_path):
    main('--all', '--split', 'all', '--kinds', 'difference', '--out', tmp_path)
    assert len(written(tmp_path / 'difference')) == 9


def test_the_table_holds_every_images_iou(main, tmp_path):
    main('--kinds', 'difference', '--worst', 1, '--out', tmp_path)
    with open(tmp_path / 'iou.csv', newline='') as file:
        rows = list(csv.reader(file))
    assert rows[0] == ['image_id', 'a', 'B']
    assert [[row[0], *map(float, row[1:])] for row in rows[1:]] == [
        ['s0', 1, 0], ['s1', 0.75, 1], ['s2', 0.5, 1], ['s3', 0.25, 1]]


def test_a_threshold_decides_what_is_predicted(load_tool, data, tmp_path):
    (data / 'dim').mkdir(exist_ok=True)
    cv2.imwrite(str(data / 'dim/s1.png'), cv2.imread(str(data / 'a/s1.png'), -1) // 255 * 100)
    options = ['--ids', 's1', '--kinds', 'difference', '--width', '1', '--out', str(tmp_path)]
    load_tool('draw').main([str(data / 'own'), '--predictions', str(data / 'dim'), '--threshold', '0.3', *options])
    assert 's1,0.750000' in (tmp_path / 'iou.csv').read_text()


def test_only_images_that_are_named_need_a_prediction(load_tool, data, tmp_path):
    (data / 'one').mkdir(exist_ok=True)
    (data / 'one/s1.png').write_bytes((data / 'b/s1.png').read_bytes())
    options = [str(data / 'own'), '--predictions', str(data / 'one'), '--kinds', 'worst', '--width', '1']
    options += ['--out', str(tmp_path)]
    load_tool('draw').main([*options, '--ids', 's1'])
    with pytest.raises(DataError, match='one has no prediction for 3 of 4 images'):
        load_tool('draw').main(options)


def test_an_id_outside_of_the_split_is_refused(main, tmp_path):
    with pytest.raises(ConfigError, match="--ids names 'nobody', which is not in the split 'test'"):
        main('--ids', 's1', 'nobody', '--out', tmp_path)


def test_a_prediction_of_another_size_names_its_file(load_tool, data, tmp_path):
    (data / 'small').mkdir(exist_ok=True)
    cv2.imwrite(str(data / 'small/s0.png'), np.zeros((8, 9), np.uint8))
    with pytest.raises(DataError, match=r'small/s0.png: the prediction is 9x8 \(width x height\), its image 32x24'):
        load_tool('draw').main([str(data / 'own'), '--predictions', str(data / 'small'), '--ids', 's0',
                                '--out', str(tmp_path)])


def test_an_image_of_one_row_has_its_other_figures_and_the_next_image_all(load_tool, data, tmp_path, capsys):
    root = tmp_path / 'own'
    for folder in ('images', 'masks'):
        (root / folder).mkdir(parents=True)
        cv2.imwrite(str(root / folder / 'thin.png'), np.eye(1, 40, dtype=np.uint8) * 255)
        cv2.imwrite(str(root / folder / 'whole.png'), np.eye(24, 32, dtype=np.uint8) * 255)
    (root / 'test.txt').write_text('thin\nwhole')
    load_tool('draw').main([str(root), '--predictions', f'M={root / "masks"}', '--kinds', 'panel', 'surface', '--width',
                            '1', '--out', str(tmp_path / 'out')])
    assert written(tmp_path / 'out') == ['iou.csv', 'panel/thin.png', 'panel/whole.png', 'surface/whole.png']
    said = capsys.readouterr()
    assert 'warning: thin is of 40x1, too thin for a surface' in ' '.join(said.err.split())
    assert '3 figures and iou.csv are in' in said.out


@pytest.fixture
def panels(monkeypatch):
    """What the tool hands to ``comparison`` as method to mask, and as probabilities."""
    module, calls = sys.modules[comparison.__module__], []
    def record(image, gt, masks, probabilities=None, **options):
        calls.append((masks, probabilities))
        return comparison(image, gt, masks, probabilities=probabilities, **options)
    monkeypatch.setattr(module, 'comparison', record)
    return calls


def test_a_prediction_at_a_protocols_size_is_resized_and_said_to_be(load_tool, data, tmp_path, panels, capsys):
    (data / 'square').mkdir(exist_ok=True)
    mask = cv2.imread(str(data / 'b/s1.png'), -1)
    cv2.imwrite(str(data / 'square/s1.png'), cv2.resize(mask, (256, 256), interpolation=cv2.INTER_NEAREST))
    load_tool('draw').main([str(data / 'own'), '--predictions', str(data / 'square'), '--ids', 's1', '--kinds', 'panel',
                            '--width', '1', '--out', str(tmp_path)])
    (masks, probabilities), = panels
    assert probabilities is None and list(masks) == ['square (from 256x256)']
    np.testing.assert_array_equal(masks['square (from 256x256)'], mask > 0)
    assert 'square: predictions of 256x256 are resized to their images' in ' '.join(capsys.readouterr().err.split())


def test_0_1_masks_are_said_to_be(load_tool, data, tmp_path, capsys):
    (data / 'ones').mkdir(exist_ok=True)
    cv2.imwrite(str(data / 'ones/s1.png'), cv2.imread(str(data / 'b/s1.png'), -1) // 255)
    load_tool('draw').main([str(data / 'own'), '--predictions', str(data / 'b'), str(data / 'ones'), '--ids', 's1',
                            '--kinds', 'difference', '--width', '1', '--out', str(tmp_path)])
    said = ' '.join(capsys.readouterr().err.split())
    assert 'warning: ones: every prediction that is not blank holds only 0 and 1' in said
    assert said.count('warning') == 1


def test_probabilities_are_shown_beside_the_masks_when_asked_for(main, tmp_path, panels):
    main('--ids', 's1', '--kinds', 'panel', '--probability', '--out', tmp_path)
    masks, probabilities = panels[0]
    assert list(probabilities) == list(masks) == ['a', 'B']
    assert probabilities['B'].max() == 1.0


def test_an_impossible_threshold_is_refused(main, tmp_path):
    with pytest.raises(ConfigError, match='--threshold is 1'):
        main('--out', tmp_path, '--threshold', '1')
    assert written(tmp_path) == []
