"""tools/check_dataset.py: exit status, report, JSON, histograms, outputs."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.diagnosis.exporting import FORMATS
from irstd_toolbox.diagnosis.findings import KINDS
from irstd_toolbox.errors import ConfigError, DataError


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('check_dataset')


@pytest.fixture
def main(tool):
    return lambda *argv: tool.main([*map(str, argv), '--workers', '1'])


def test_a_clean_data_set_exits_with_0_and_a_defect_with_1(root, main, capsys):
    assert main(root) == 0
    out = capsys.readouterr().out
    assert 'clean: no defects; notes: 0.' in out
    share, = (line.replace('│', ' ').split() for line in out.splitlines() if 'share of the image' in line)
    assert share[-9:] == [*['0.6250'] * 5, '0.15', '0', 'of', '8']  # 12 of 40x48 pixels
    (root / 'masks/scene_0.png').unlink()
    assert main(root) == 1
    out = capsys.readouterr().out
    assert 'kinds of defects: 1, of which --fix OUT mends 1; notes: 0.' in out
    assert 'missing-mask (1)\n  scene_0\n' in out


def test_notes_alone_exit_with_0(root, main, capsys):
    (root / 'README').write_text('about')
    assert main(root) == 0
    assert 'clean: no defects; notes: 1.' in capsys.readouterr().out


def test_what_cannot_be_read_exits_with_2_and_one_paragraph(tmp_path, repository):
    done = subprocess.run([sys.executable, repository / 'tools/check_dataset.py', tmp_path / 'nowhere'],
                          capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ''
    assert done.stderr.startswith('error: data set nowhere: looked for it at ') and 'Traceback' not in done.stderr


def test_a_data_set_that_cannot_be_mended_is_refused_before_it_is_examined(root, main, capsys, tmp_path):
    (root / 'masks').rename(tmp_path / 'labels')
    (root / 'irstd_layout.json').write_text('{"images": "images", "masks": "../labels"}')
    with pytest.raises(ConfigError, match='lies outside the data set'):
        main(root, '--fix', tmp_path / 'out')
    assert capsys.readouterr().out == '' and not (tmp_path / 'out').exists()


def test_the_report_names_at_most_a_hundred_items_and_json_all(root, main, capsys, tmp_path):
    (root / 'test.txt').write_text(''.join(f'scene_{number}\n' for number in range(6, 128)))
    assert main(root, '--json', tmp_path / 'report.json') == 1
    out = capsys.readouterr().out
    assert 'scene_107' in out and 'scene_108' not in out and 'and 20 more (--json has all)' in out.replace('\n  ', ' ')
    report = json.loads((tmp_path / 'report.json').read_text())
    assert len(report['findings'][0]['items']) == 120


def test_json_has_layout_splits_findings_statistics_and_targets(root, main, tmp_path):
    main(root, '--json', tmp_path / 'deep' / 'report.json')
    report = json.loads((tmp_path / 'deep' / 'report.json').read_text())
    assert (report['dataset'], report['layout']['id'], report['clean'], report['findings']) == ('own', 'L6', True, [])
    assert [one['name'] for one in report['splits']] == ['all', 'trainval', 'test']
    assert len(report['splits'][0]['ids_sha256']) == 64
    assert report['statistics']['area']['median'] == 12 and sum(report['statistics']['area']['histogram']) == 8
    assert len(report['targets']) == 8 and report['targets'][0]['box'] == [4, 12, 4, 3]


def test_levels_are_averaged_image_by_image_and_those_that_cannot_be_read_do_not_count(root, main, tmp_path, capsys):
    ids = (root / 'test.txt').read_text().split()
    small = np.array([[0, 200], [0, 200]], np.uint8)  # of mean 100 and deviation 100, counting as much as the others
    cv2.imwrite(str(root / 'images' / f'{ids[0]}.png'), small)
    (root / 'images' / f'{ids[1]}.png').write_bytes(b'no image')
    levels = [small.astype(float), *(cv2.imread(str(root / 'images' / f'{one}.png'), cv2.IMREAD_GRAYSCALE).astype(float)
                                     for one in ids[2:])]
    main(root, '--json', tmp_path / 'report.json')
    test = json.loads((tmp_path / 'report.json').read_text())['splits'][2]
    assert test['mean'] == pytest.approx(sum(one.mean() for one in levels) / len(levels))
    assert test['std'] == pytest.approx(sum(one.std() for one in levels) / len(levels))
    assert f'{test["mean"]:.3f}' in capsys.readouterr().out


def test_histograms_are_drawn(root, main, tmp_path):
    main(root, '--out', tmp_path / 'figures')
    with Image.open(tmp_path / 'figures' / 'targets.png') as picture:
        assert picture.size == (1074, 750) and len(set(picture.convert('L').tobytes())) > 10


def test_a_copy_and_two_exports_are_written_at_once(root, main, tmp_path, capsys):
    (root / 'masks/scene_0.xml').write_text('<box/>')
    assert main(root, '--fix', tmp_path / 'a', '--export', 'coco', tmp_path / 'b',
                '--export', 'points', tmp_path / 'c') == 0
    assert {path.name for path in tmp_path.iterdir()} == {'own', 'a', 'b', 'c'}
    assert not (tmp_path / 'a/masks/scene_0.xml').exists()
    assert '8 images as coco' in capsys.readouterr().err


def test_against_a_list_that_was_trained_on_is_a_defect(root, main, tmp_path, capsys):
    (tmp_path / 'trainval_old.txt').write_text('scene_7\n')
    assert main(root, '--against', tmp_path / 'trainval_old.txt') == 1
    assert 'scene_7 (test) is scene_7 (training) of ' in capsys.readouterr().out


@pytest.mark.parametrize(('argv', 'error', 'message'), [
    (['--export', 'voc', '{}/out'], ConfigError, "'voc' is not known"),
    (['--fix', '{}/own/out'], ConfigError, 'nothing is ever written there'),
    (['--fix', '{}/out', '--export', 'coco', '{}/out'], ConfigError, 'two outputs go to one folder'),
    (['--fix', '{}/out/a', '--export', 'coco', '{}/out'], ConfigError, 'or one into the other'),
    (['--fix', '{}/own/test.txt/out'], ConfigError, 'nothing is ever written there'),
    (['--fix', '{}/file/out'], ConfigError, 'file is a file'),
    (['--out', '{}/file'], ConfigError, 'file is a file'),
    (['--out', '{}/own/figures'], ConfigError, 'nothing is ever written there'),
    (['--json', '{}/own/report.json'], ConfigError, 'nothing is ever written there'),
    (['--json', '{}/out/targets.png', '--out', '{}/out'], ConfigError, 'named for two outputs'),
    (['--against', '{}/nowhere'], DataError, 'looked for it at')])
def test_wrong_options_are_refused_before_anything_is_read(root, main, tmp_path, monkeypatch, argv, error, message):
    from irstd_toolbox.diagnosis import reading
    monkeypatch.setattr(reading, 'inspect', None)
    (tmp_path / 'file').write_text('')
    with pytest.raises(error, match=message):
        main(root, *(one.format(tmp_path) for one in argv))


def test_the_help_names_the_forms_that_there_are(tool):
    assert tuple(FORMATS) == tool.FORMATS


def test_the_docs_name_every_kind_of_finding_and_every_form(repository):
    text = (repository / 'docs/datasets.md').read_text(encoding='utf-8')
    assert [kind for kind in KINDS if f'`{kind}`' not in text] == []
    assert [form for form in FORMATS if f'`{form}`' not in text] == []
