"""tools/browse_dataset.py: its samples are the training's, its table is the masks' counts, errors."""

import csv

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import DATASETS
from irstd_toolbox.training.config_edits import load_config
from irstd_toolbox.training.determinism import SeededSamples
from irstd_toolbox.visualization.contact_sheet import Tile, contact_sheet

CROPPED = '''
_base_ = 'tiny.py'
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImage'), dict(type='LoadTargetMask'), dict(type='RandomCrop', size=(8, 8), keep_targets=False),
    dict(type='PackInputs')]))
'''


@pytest.fixture
def tool(load_tool):
    return load_tool('browse_dataset')


def table(path):
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def test_samples_are_those_that_a_training_of_the_seed_draws(tool, config, tmp_path, monkeypatch):
    shown = []
    show = tool.show
    monkeypatch.setattr(tool, 'show', lambda *told: shown.append(told) or show(*told))
    tool.main([str(config), '--images', '99', '--samples', '2', '--seed', '5', '--out', str(tmp_path / 'out')])
    init_default_scope('irstd_toolbox')
    dataset = DATASETS.build(load_config(str(config)).train_dataloader.dataset)
    drawn = SeededSamples(dataset, 5)
    assert len(shown) == 3 * len(dataset) == 18
    for place in range(len(dataset)):
        for epoch in range(2):
            drawn.epoch.fill_(epoch)
            sample = drawn(place)
            image_id, number, image, gt, _ = shown[3 * place + 1 + epoch]
            assert (image_id, number) == (sample['data_samples'].image_id, str(epoch + 1))
            np.testing.assert_array_equal(image, sample['inputs'].numpy()[0])
            np.testing.assert_array_equal(gt, sample['data_samples'].gt_sem_seg.data.numpy()[0])
    assert not np.array_equal(shown[1][2], shown[2][2])


def test_table_and_summary_count_what_crops_leave_out(tool, config, tmp_path, capsys):
    config.with_name('cropped.py').write_text(CROPPED)
    tool.main([str(config.with_name('cropped.py')), '--images', '6', '--samples', '4', '--out', str(tmp_path / 'out')])
    rows = table(tmp_path / 'out/train.csv')
    files, samples = [row for row in rows if row['sample'] == 'file'], [row for row in rows if row['sample'] != 'file']
    assert [(row['height'], row['width'], row['targets'], row['target_pixels']) for row in files] == [
        ('20', '24', '1', '6')] * 6
    assert len(samples) == 24 and {(row['height'], row['width']) for row in samples} == {('8', '8')}
    empty = sum(row['target_pixels'] == '0' for row in samples)
    cut = min(int(row['smallest_target']) for row in samples if row['targets'] == '1')
    assert 0 < empty < 24 and cut < 6
    said = capsys.readouterr().out
    assert (f'of 24 samples of images with targets {empty} have none, {empty} fewer than their files; the smallest '
            f'target has {cut} pixels, in the files 6') in said
    assert '6 of 6 images: train_1.png and train.csv are in' in said


def test_a_test_sample_keeps_its_mask_at_the_size_of_the_file(tool, config, tmp_path):
    tool.main([str(config), '--part', 'test', '--ids', 'scene_9', '--out', str(tmp_path / 'out'), '--format', 'svg'])
    file, sample = table(tmp_path / 'out/test.csv')
    assert file['image_id'] == sample['image_id'] == 'scene_9'
    assert (sample['height'], sample['width'], sample['target_pixels']) == ('16', '16', '6')
    picture = (tmp_path / 'out/test_1.svg').read_text()
    assert '16x16, targets 1, pixels 6 of 24x20' in picture and 'sample 1' in picture


def test_pages_hold_six_images(tool, config, tmp_path):
    tool.main([str(config), '--images', '5', '--part', 'test', '--out', str(tmp_path / 'one'), '--width', '2'])
    tool.ROWS = 2
    tool.main([str(config), '--images', '5', '--part', 'test', '--out', str(tmp_path / 'three'), '--width', '2'])
    assert [path.name for path in sorted((tmp_path / 'one').iterdir())] == ['test.csv', 'test_1.png']
    assert [path.name for path in sorted((tmp_path / 'three').iterdir())] == [
        'test.csv', 'test_1.png', 'test_2.png', 'test_3.png']


def test_images_without_a_mask_are_shown(tool, config, tmp_path, capsys):
    (config.parent / 'data/masks/scene_9.png').unlink()
    tool.main([str(config), '--part', 'test', '--ids', 'scene_9', '--out', str(tmp_path / 'out'), '--cfg-options',
               'test_dataloader.dataset.require_masks=False'])
    assert [row['targets'] for row in table(tmp_path / 'out/test.csv')] == ['', '']
    assert 'targets' not in capsys.readouterr().out


@pytest.mark.parametrize('arguments, message', [
    (['--ids', 'scene_12'], "'scene_12', which is not among the 6 images of train; expected ids such as 'scene_"),
    (['--cfg-options', 'test_dataloader=None', '--part', 'test'], 'no test_dataloader; it has those of train, val'),
    (['--cfg-options', 'train_dataloader.dataset.pipeline.4.type=LoadImage'], 'gives a dict without inputs'),
])
def test_what_cannot_be_shown_is_refused_before_anything_is_written(tool, config, tmp_path, arguments, message):
    with pytest.raises(ConfigError, match=message):
        tool.main([str(config), *arguments, '--out', str(tmp_path / 'out')])
    assert not (tmp_path / 'out').exists()


def test_samples_that_do_not_tell_their_files_are_refused(tool):
    class Foreign:
        def get_data_info(self, place: int) -> dict:
            return dict(number=place)

    with pytest.raises(ConfigError, match='Samples of Foreign have no image_id or no img_path'):
        tool.choose(Foreign(), tool.parse(['none.py']))


def test_a_sheet_of_targets_alone_speaks_of_no_verdict():
    image, gt = np.zeros((2, 32, 32), np.uint8)
    gt[4:6, 4:6] = 1
    bare, judged = (contact_sheet([Tile('a', image, gt, prediction)]) for prediction in (None, gt))
    words = [[text.get_text() for text in figure.legends[0].get_texts()] for figure in (bare, judged)]
    assert words == [['target'], ['hit', 'miss', 'false alarm']]
    assert bare.axes[0].get_title() == 'a\nregions 1'
    assert contact_sheet([Tile('a', image, None, None, 'as it is')]).axes[0].get_title() == 'a\nas it is'
