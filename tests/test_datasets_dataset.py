"""IRSTDDataset: what a sample holds, how a validation part is carved, and how it fails."""

import logging
import random
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from PIL import Image
from torch.utils.data import DataLoader

from irstd_toolbox.datasets import dataset
from irstd_toolbox.datasets.dataset import IRSTDDataset
from irstd_toolbox.datasets.holdout import carve
from irstd_toolbox.datasets.imaging import read_image
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.registry import DATASETS

IDS = [f'XDU{number}' for number in range(12)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """The base class collects garbage twice a data set, which takes longer than all the rest."""
    monkeypatch.setattr('mmengine.dataset.base_dataset.gc', SimpleNamespace(collect=int))


@pytest.fixture
def lines(monkeypatch):
    """What is logged, as (level, text)."""
    logged = []
    monkeypatch.setattr('irstd_toolbox.datasets.dataset.print_log',
                        lambda text, logger, level=logging.INFO: logged.append((level, text)))
    return logged


@pytest.fixture
def root(tmp_path):
    """Ten images to train with, two to test with; every image but XDU3 has a description."""
    for folder in ('images', 'masks', 'descriptions'):
        (tmp_path / folder).mkdir()
    for image_id in IDS:
        for folder in ('images', 'masks'):
            Image.fromarray(np.zeros((4, 6), dtype=np.uint8)).save(tmp_path / folder / f'{image_id}.png')
        if image_id != 'XDU3':
            (tmp_path / f'descriptions/{image_id}.description.txt').write_text(f'The target of {image_id}.\r\n')
    (tmp_path / 'trainval.txt').write_text('\n'.join(reversed(IDS[:10])))
    (tmp_path / 'test.txt').write_text('\n'.join(IDS[10:]))
    return tmp_path


def _ids(dataset):
    return [dataset.get_data_info(number)['image_id'] for number in range(len(dataset))]


def test_a_sample_enters_the_pipeline_with_its_paths_and_description(root):
    dataset = DATASETS.build(dict(type='IRSTDDataset', data_root=str(root), split='test'))
    assert dataset[0] == dict(
        image_id='XDU10', img_path=str(root / 'images/XDU10.png'), mask_path=str(root / 'masks/XDU10.png'),
        description='The target of XDU10.', sample_idx=0)


def test_an_image_without_description_has_none(root):
    assert IRSTDDataset(str(root))[6]['description'] is None


def test_the_samples_keep_the_order_of_the_list(root):
    assert _ids(IRSTDDataset(str(root))) == IDS[9::-1]


def test_the_classes_are_background_and_target(root):
    meta = IRSTDDataset(str(root), split='test').metainfo
    assert (meta['classes'], meta['palette']) == (('background', 'target'), [[0, 0, 0], [255, 0, 0]])
    assert (meta['dataset'], meta['layout'], meta['split']) == ('IRSTD-1k', 'L14', 'test')


def test_the_pipeline_runs_on_a_sample(root):
    dataset = IRSTDDataset(str(root), pipeline=[lambda sample: read_image(sample['img_path']).shape])
    assert dataset[0] == (4, 6)


def test_the_first_so_many_samples_can_be_taken(root):
    assert _ids(IRSTDDataset(str(root), indices=3)) == IDS[9:6:-1]


@pytest.mark.parametrize('indices', [-1, 0, True])
def test_a_number_of_samples_that_is_none_is_refused(root, indices):
    with pytest.raises(ConfigError, match=f'indices={indices}: a number of samples from 1, or a list'):
        IRSTDDataset(str(root), indices=indices)


def test_nothing_is_looked_at_before_it_is_asked_for(tmp_path):
    dataset = IRSTDDataset(str(tmp_path / 'absent'), lazy_init=True)
    with pytest.raises(DataError, match='data set absent: looked for it at .*which does not exist'):
        dataset.full_init()


def test_fit_and_holdout_share_nothing_and_leave_nothing_out(root):
    fit, held = (_ids(IRSTDDataset(str(root), holdout=0.3, part=part)) for part in ('fit', 'holdout'))
    assert (len(fit), len(held)) == (7, 3)
    assert sorted(fit + held) == sorted(IDS[:10])


def test_the_holdout_does_not_depend_on_the_order_of_the_list():
    shuffled = random.Random(0).sample(IDS, len(IDS))
    assert set(carve(IDS, 0.25, 'holdout')) == set(carve(shuffled, 0.25, 'holdout'))


def test_the_holdout_is_the_same_on_every_machine():
    # The three least SHA-256 of '0:XDU0' .. '0:XDU11', found with sha256sum.
    assert carve(IDS, 0.25, 'holdout') == ('XDU4', 'XDU5', 'XDU7')


def test_another_seed_holds_out_other_images():
    assert carve(IDS, 0.25, 'holdout', seed=1) != carve(IDS, 0.25, 'holdout', seed=0)


def test_as_many_are_held_out_as_the_share_rounds_to():
    assert [len(carve(IDS, share, 'holdout')) for share in (0.29, 0.3, 0.95)] == [3, 4, 11]


def test_both_parts_keep_an_image_however_small_the_share():
    assert [len(carve('ab', share, part)) for share in (0.01, 0.99) for part in ('fit', 'holdout')] == [1, 1, 1, 1]


def test_without_holdout_everything_is_fit():
    assert carve(IDS, 0.0, 'fit') == tuple(IDS)


@pytest.mark.parametrize(('arguments', 'error', 'text'), [
    ((IDS, 1.0, 'fit'), ConfigError, 'holdout is 1.0; expected a share from 0 to below 1'),
    ((IDS, -0.1, 'fit'), ConfigError, 'holdout is -0.1'),
    ((IDS, 0.0, 'holdout'), ConfigError, "part='holdout' of holdout=0 is nothing"),
    ((IDS, 0.1, 'val'), ConfigError, "part is 'val'; expected one of fit, holdout"),
    ((IDS[:1], 0.1, 'fit'), DataError, 'of 1 images leaves one part empty'),
])
def test_a_part_that_cannot_be_carved_is_an_error(arguments, error, text):
    with pytest.raises(error, match=text):
        carve(*arguments)


def test_descriptions_may_come_from_elsewhere(root, tmp_path_factory):
    words = tmp_path_factory.mktemp('words')
    (words / 'XDU10-description.txt').write_text('Upper left.')
    dataset = IRSTDDataset(str(root), split='test', description_dir=str(words))
    assert [dataset[number]['description'] for number in (0, 1)] == ['Upper left.', None]


def test_a_folder_of_descriptions_may_lie_below_the_data_set(root):
    (root / 'quadrant').mkdir()
    (root / 'quadrant/XDU10.txt').write_text('Lower right.')
    assert IRSTDDataset(str(root), split='test', description_dir='quadrant')[0]['description'] == 'Lower right.'


@pytest.mark.parametrize('told', [True, False, None])
def test_the_data_set_says_how_many_are_described_and_whether_from_masks(root, told):
    if told is not None:
        (root / 'descriptions/provenance.json').write_text(f'{{"uses_ground_truth": {str(told).lower()}}}')
    assert IRSTDDataset(str(root), split='trainval').metainfo['descriptions'] == dict(images=9, uses_ground_truth=told)
    assert IRSTDDataset(str(root), description_dir='descriptions').metainfo['descriptions'] == dict(
        images=9, uses_ground_truth=told)


def test_every_part_of_a_data_set_keeps_a_record_of_its_own(root):
    for part, told in (('train', False), ('test', True)):
        for name in ('images', 'masks'):
            (root / part / name).mkdir(parents=True)
            shutil.copy(root / name / 'XDU1.png', root / part / name / '1.png')
        (root / part / 'descriptions').mkdir()
        (root / part / 'descriptions/1.txt').write_text('Upper left.')
        (root / part / 'descriptions/provenance.json').write_text(f'{{"uses_ground_truth": {str(told).lower()}}}')
    for part, told in (('train', False), ('test', True)):
        dataset = IRSTDDataset(str(root), split=part, layout='L8')
        assert dataset.metainfo['descriptions'] == dict(images=1, uses_ground_truth=told)
        assert dataset[0]['image_id'] == f'{part}/1'


def test_a_folder_of_descriptions_that_is_absent_or_fits_nothing_is_an_error(root, tmp_path_factory):
    with pytest.raises(DataError, match='description_dir: no folder nowhere, neither as it is nor below'):
        IRSTDDataset(str(root), description_dir='nowhere')
    with pytest.raises(DataError, match='no description of any of the 2 images; expected file names such as XDU10'):
        IRSTDDataset(str(root), split='test', description_dir=str(tmp_path_factory.mktemp('words')))


def test_a_description_that_is_not_utf_8_is_an_error_that_names_it(root):
    (root / 'descriptions/XDU10.description.txt').write_bytes(b'\xff\xfe')
    with pytest.raises(DataError, match='XDU10.description.txt is not UTF-8'):
        IRSTDDataset(str(root), split='test')


def test_a_missing_mask_is_an_error_before_training_starts(root):
    (root / 'masks/XDU5.png').unlink()
    with pytest.raises(DataError, match='1 of 10 ids without a mask: XDU5'):
        IRSTDDataset(str(root))


def test_images_to_predict_need_no_masks(root):
    for path in (root / 'masks').iterdir():
        path.unlink()
    dataset = IRSTDDataset(str(root / 'images'), split='all', require_masks=False)
    assert (len(dataset), dataset[0]['image_id'], dataset[0]['mask_path']) == (12, 'XDU0', None)


def test_what_was_detected_is_logged_once_and_the_split_every_time(root, lines):
    for part in ('fit', 'holdout'):
        IRSTDDataset(str(root), holdout=0.1, part=part)
    chosen = f'IRSTD-1k, trainval: 10 images from {root / "trainval.txt"}; part'
    assert [text for _, text in lines[1:]] == [
        f'{chosen} fit: 9; 8 with a description', f'{chosen} holdout: 1; 1 with a description']
    assert lines[0][1].startswith(f'IRSTD-1k at {root}: layout L14 (')


def test_what_was_detected_is_said_again_in_the_log_of_another_run(root, lines, monkeypatch):
    logs = iter(('checks', 'checks', 'training'))
    monkeypatch.setattr(dataset.MMLogger, 'get_current_instance', lambda: SimpleNamespace(instance_name=next(logs)))
    for _ in range(3):
        IRSTDDataset(str(root))
    assert sum('layout L14' in text for _, text in lines) == 2


@pytest.mark.parametrize('part, said', [('holdout', 'taken alone'), ('fit', 'left out')])
def test_a_list_of_validation_of_which_a_part_alone_is_taken_is_warned_of(root, lines, part, said):
    IRSTDDataset(str(root), split='test', holdout=0.5, part=part)
    warned, = (text for level, text in lines if level == logging.WARNING)
    assert warned == (f'IRSTD-1k: of the list test 0.5 is {said}, as held out. To take all of it set '
                      "holdout=0 and part='fit'.")


def test_without_lists_the_way_out_is_told(root):
    for path in root.glob('*.txt'):
        path.unlink()
    with pytest.raises(DataError, match='Write trainval.txt, one id a line, into .*, or take every image, split=all'):
        IRSTDDataset(str(root))


def test_training_images_on_the_test_list_are_warned_of(root, lines):
    (root / 'test.txt').write_text('XDU10\nXDU2\n')
    IRSTDDataset(str(root))
    assert [text.split(';')[0] for level, text in lines if level == logging.WARNING] == [
        'IRSTD-1k: 1 images are on both the trainval and the test list, such as XDU2']


def test_a_broken_test_list_does_not_stop_training(root):
    (root / 'test.txt').write_text('')
    assert len(IRSTDDataset(str(root))) == 10


def test_an_error_in_a_loader_process_stays_a_data_error(root):
    (root / 'images/XDU10.png').write_bytes(b'')
    dataset = IRSTDDataset(str(root), split='test', pipeline=[lambda sample: read_image(sample['img_path'])])
    batches = iter(DataLoader(dataset, num_workers=1, collate_fn=pseudo_collate))
    with pytest.raises(DataError, match=r'XDU10.png: is empty \(0 bytes\)'):
        next(batches)
    batches._shutdown_workers()  # as garbage of the error, it waits for them for 5 s


def test_two_data_sets_are_one_whose_descriptions_are_counted_together(root, tmp_path_factory):
    other = tmp_path_factory.mktemp('other')
    shutil.copytree(root, other / 'mine')
    shutil.rmtree(other / 'mine' / 'descriptions')
    one, two = (dict(type='IRSTDDataset', data_root=str(place), name=None, pipeline=[]) for place in
                (root, other / 'mine'))
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        joined = DATASETS.build(dict(type='ConcatDataset', datasets=[dict(one, holdout=0.2), two]))
        thrice = DATASETS.build(dict(type='ConcatDataset', datasets=[two, one, one]))
    assert len(joined) == 8 + 10 and joined[17]['img_path'].startswith(str(other))
    assert joined.metainfo['descriptions']['images'] == joined.datasets[0].metainfo['descriptions']['images'] >= 7
    assert thrice.metainfo['descriptions']['images'] == 18
