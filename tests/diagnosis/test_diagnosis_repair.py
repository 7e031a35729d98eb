"""A mended copy has no defect that can be mended; the data set itself stays as it was."""

import os
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets.imaging import image_shape, read_mask
from irstd_toolbox.datasets.layouts import LAYOUT_FILE, detect
from irstd_toolbox.diagnosis import repair as module
from irstd_toolbox.diagnosis import writing
from irstd_toolbox.diagnosis.findings import KINDS
from irstd_toolbox.diagnosis.repair import repair
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors.store import read_provenance


@pytest.fixture
def spoilt(root):
    """A data set with every defect that can be mended, and an image that is on both sides."""
    masks = root / 'masks'
    mask = cv2.imread(str(masks / 'scene_0.png'), cv2.IMREAD_UNCHANGED)
    mask[13, :30] = 90
    cv2.imwrite(str(masks / 'scene_0.png'), mask)
    grown = np.kron(cv2.imread(str(masks / 'scene_1.png'), cv2.IMREAD_UNCHANGED), np.ones((3, 3), np.uint8))
    cv2.imwrite(str(masks / 'scene_1.png'), grown)
    (masks / 'scene_2.png').unlink()
    (masks / 'scene_3.png').write_bytes(b'')
    Image.open(masks / 'scene_4.png').convert('1').save(masks / 'scene_4.bmp')
    (masks / 'scene_4.png').unlink()
    shutil.copy(masks / 'scene_5.png', masks / 'orphan.png')
    shutil.copy(root / 'images/scene_5.png', root / 'images/scene_6.png')
    (masks / 'scene_0.xml').write_text('<box/>')
    (root / 'descriptions').mkdir()
    (root / 'descriptions/scene_0.description.txt').write_text('a target')
    (root / 'descriptions/provenance.json').write_text('{"uses_ground_truth": true}')
    (root / 'trainval.txt').write_bytes(b'\xef\xbb\xbf' + '\r\n'.join(
        ['scene_0.png', *(f'scene_{n}' for n in range(1, 6)), 'scene_5', 'scene_99', '']).encode())
    (root / 'test.txt').write_bytes(b'scene_6\nscene_7')
    (root / 'val.txt').write_bytes(b'scene_2\n')
    (root / 'train_none.txt').write_bytes(b'')
    return root


@pytest.fixture
def mended(spoilt, examined, tmp_path):
    return repair(examined(spoilt), tmp_path / 'mended'), tmp_path / 'mended'


def test_the_fixture_has_every_defect_that_can_be_mended(spoilt, found):
    assert {kind for kind, about in KINDS.items() if about.mended} <= set(found(spoilt))


def test_a_mended_copy_has_only_what_is_the_authors_decision(mended, found):
    assert found(mended[1]) == {'duplicate-across-splits': ('scene_5 (training) = scene_6 (test)',)}


@pytest.mark.filterwarnings('ignore:.*the mask was resampled')
def test_a_mended_copy_is_read_as_the_original_is(spoilt, mended):
    before, after = detect(spoilt), detect(mended[1])
    assert after.layout == before.layout
    assert list(after.images) == ['scene_0', 'scene_1', 'scene_4', 'scene_5', 'scene_6', 'scene_7']
    assert after.ids('trainval') == ('scene_0', 'scene_1', 'scene_4', 'scene_5')
    assert list(after.descriptions) == ['scene_0']
    assert read_provenance(mended[1] / 'descriptions') == {'uses_ground_truth': True}
    for one in after.images:
        assert after.images[one].read_bytes() == before.images[one].read_bytes()
        np.testing.assert_array_equal(
            read_mask(after.masks[one]), read_mask(before.masks[one], image_shape(before.images[one])))


def test_mended_masks_are_8_bit_png_of_0_and_255(mended):
    for path in (mended[1] / 'masks').iterdir():
        with Image.open(path) as mask:
            assert (mask.format, mask.mode, set(np.unique(mask))) == ('PNG', 'L', {0, 255})


def test_the_account_names_what_was_changed_and_left_out(mended):
    account = mended[0]
    assert (account.images, account.resampled, account.binarised, account.left_out) == (
        6, ('scene_1',), ('scene_0',), ('scene_2', 'scene_3'))
    assert (account.lists, account.empty_lists) == (2, ('train_none.txt', 'val.txt'))
    assert account.describe() == ('6 images; masks resampled 1, made binary 1; left out 2 ids; 2 lists, '
                                  'without train_none.txt, val.txt')


def test_lists_end_in_a_line_break_and_have_no_carriage_return(mended):
    assert (mended[1] / 'trainval.txt').read_bytes() == b'scene_0\nscene_1\nscene_4\nscene_5\n'
    assert (mended[1] / 'test.txt').read_bytes() == b'scene_6\nscene_7\n'


def test_the_data_set_itself_is_never_touched(spoilt, examined, tmp_path, state):
    before = state(spoilt)
    repair(examined(spoilt), tmp_path / 'mended')
    assert state(spoilt) == before


def test_an_interrupted_repair_leaves_nothing(root, examined, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt
    monkeypatch.setattr(module, 'write_list', interrupt)
    with pytest.raises(KeyboardInterrupt):
        repair(examined(root), tmp_path / 'out')
    assert [path.name for path in tmp_path.iterdir()] == ['own']


@pytest.mark.parametrize(('out', 'message'), [
    ('own', 'nothing is ever written there'), ('own/mended', 'nothing is ever written there'),
    ('.', 'lies around the data set'), ('full', 'there is something already'), ('file', 'there is something already')])
def test_nothing_is_written_into_or_around_the_data_set_or_over_anything(root, examined, tmp_path, out, message):
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full/kept').write_text('')
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigError, match=message):
        repair(examined(root), tmp_path / out)


@pytest.mark.skipif(not Path('/proc').is_dir(), reason='needs a place where the system makes no folder, /proc')
def test_a_place_where_the_system_makes_no_folder_is_said(root, examined):
    with pytest.raises(ConfigError, match='cannot be made|is not writable'):
        repair(examined(root), '/proc/mended')


def test_an_empty_folder_may_be_filled(root, examined, tmp_path):
    (tmp_path / 'out').mkdir()
    assert repair(examined(root), tmp_path / 'out').images == 8


def test_images_without_any_masks_are_copied(root, examined, tmp_path):
    shutil.rmtree(root / 'masks')
    assert repair(examined(root), tmp_path / 'out').images == 8
    assert len(detect(tmp_path / 'out').images) == 8


def test_a_data_set_that_tells_its_folders_still_does_so_when_it_is_mended(root, examined, found, tmp_path):
    for old, new in (('images', 'pics'), ('masks', 'truth')):
        (root / old).rename(root / new)
    (root / LAYOUT_FILE).write_text('{"images": "pics", "masks": "truth"}')
    assert repair(examined(root), tmp_path / 'out').images == 8 and 'foreign-file' not in found(root)
    mended = detect(tmp_path / 'out')
    assert (len(mended.images), len(mended.masks)) == (8, 8)


def test_a_copy_of_nothing_is_an_error(root, examined, tmp_path):
    for path in (root / 'masks').iterdir():
        path.write_bytes(b'')
    with pytest.raises(DataError, match='nothing would be left'):
        repair(examined(root), tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_what_a_killed_process_left_of_this_copy_is_removed(root, tmp_path):
    ended = subprocess.Popen(['true'])
    ended.wait()
    left = {owner: tmp_path / f'.{name}.{owner}.part' for name, owner in (
        ('[out]', ended.pid), ('[out]', os.getppid()), ('[out]', 'old'))}
    for path in (*left.values(), tmp_path / f'.o.{ended.pid}.part'):
        (path / 'images').mkdir(parents=True)
    with writing.fresh_folder(tmp_path / '[out]', root):
        pass
    assert not left.pop(ended.pid).exists()
    assert all(path.is_dir() for path in (*left.values(), tmp_path / f'.o.{ended.pid}.part'))


def test_a_copy_goes_where_a_link_to_an_empty_folder_leads(root, tmp_path):
    (tmp_path / 'real').mkdir()
    (tmp_path / 'link').symlink_to(tmp_path / 'real')
    with writing.fresh_folder(tmp_path / 'link', root) as draft:
        (draft / 'a').touch()
    assert (tmp_path / 'real' / 'a').is_file() and (tmp_path / 'link').is_symlink()
