"""Every kind of defect is found on what has it, and nothing else is reported."""

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.diagnosis.findings import KINDS

Found = Callable[..., dict[str, tuple[str, ...]]]


def image(root: Path, name: str) -> np.ndarray:
    return cv2.imread(str(root / name), cv2.IMREAD_UNCHANGED)


def save(root: Path, name: str, pixels: np.ndarray) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(root / name), pixels)


def test_a_clean_data_set_has_no_findings_at_all(root, found):
    assert found(root) == {}


def grey_mask(root):
    mask = image(root, 'masks/scene_3.png')
    mask[12, 12:14] = 77
    save(root, 'masks/scene_3.png', mask)
    return {'grey-mask': ('scene_3',)}


def larger_mask(root):
    save(root, 'masks/scene_7.png', np.kron(image(root, 'masks/scene_7.png'), np.ones((2, 2), np.uint8)))
    return {'size-mismatch': ('scene_7: image 48x40, mask 96x80; 48 target pixels become 12',)}


def no_mask(root):
    (root / 'masks/scene_0.png').unlink()
    return {'missing-mask': ('scene_0',)}


def no_image(root):
    for name in ('other_1.png', 'other_2.PNG'):
        shutil.copy(root / 'masks/scene_0.png', root / 'masks' / name)
    return {'orphan-mask': ('masks/other_1.png', 'masks/other_2.PNG')}


def misnamed_masks(root):
    for path in sorted((root / 'masks').iterdir()):
        path.rename(path.with_name(f'truth_{path.name}'))
    return {'orphan-mask': tuple(f'masks/truth_scene_{number}.png' for number in range(8)), 'no-masks': ('own',)}


def foreign_files(root):
    (root / 'masks/scene_0.xml').write_text('<box/>')
    (root / 'README').write_text('about')
    (root / 'images/._scene_0.png').write_bytes(b'\0')
    save(root, 'masks/__MACOSX/scene_0.png', image(root, 'masks/scene_0.png'))
    return {'foreign-file': ('README', 'images/.* (1)', 'masks/*.xml (1)', 'masks/__MACOSX/')}


def foreign_file_behind_a_link(root):
    (root / 'masks').rename(root.with_name('kept'))
    (root / 'masks').symlink_to(root.with_name('kept'))
    (root / 'masks/scene_0.xml').write_text('<box/>')
    return {'foreign-file': ('masks/*.xml (1)',)}


def empty_mask(root):
    save(root, 'masks/scene_2.png', np.zeros((40, 48), np.uint8))
    return {'empty-mask': ('scene_2',)}


def colour_image(root):
    save(root, 'images/scene_1.png', cv2.cvtColor(image(root, 'images/scene_1.png'), cv2.COLOR_GRAY2BGR))
    return {'image-modes': ('L: 7', 'RGB: 1')}


def unequal_channels(root):
    for number in range(8):
        pixels = cv2.cvtColor(image(root, f'images/scene_{number}.png'), cv2.COLOR_GRAY2BGR)
        pixels[0, 0, 2] += number == 5
        pixels[0, 0, 0] += number == 6
        save(root, f'images/scene_{number}.png', pixels)
    return {'unequal-channels': ('scene_5', 'scene_6')}


def one_bit_mask(root):
    Image.open(root / 'masks/scene_4.png').convert('1').save(root / 'masks/scene_4.png')
    return {'mask-modes': ('L: 7', '1: 1')}


def float_colours(root):
    save(root, 'images/scene_1.tif', np.dstack([image(root, 'images/scene_1.png').astype(np.float32) / 7] * 3))
    (root / 'images/scene_1.png').unlink()
    return {'image-modes': ('L: 7', 'RGB float32: 1')}


def equal_in_training(root):
    shutil.copy(root / 'images/scene_1.png', root / 'images/scene_2.png')
    return {'duplicate': ('scene_1 = scene_2',)}


def equal_across(root):
    shutil.copy(root / 'images/scene_1.png', root / 'images/scene_6.png')
    return {'duplicate-across-splits': ('scene_1 (training) = scene_6 (test)',)}


def equal_across_and_the_test_image_first(root):
    (root / 'trainval.txt').write_text(''.join(f'scene_{number}\n' for number in range(2, 8)))
    (root / 'test.txt').write_text('scene_0\nscene_1\n')
    shutil.copy(root / 'images/scene_1.png', root / 'images/scene_6.png')
    return {'duplicate-across-splits': ('scene_6 (training) = scene_1 (test)',)}


def equal_in_val_and_test(root):
    for name, ids in (('train', '01234'), ('val', '5')):
        (root / f'{name}.txt').write_text(''.join(f'scene_{number}\n' for number in ids))
    (root / 'trainval.txt').unlink()
    shutil.copy(root / 'images/scene_5.png', root / 'images/scene_6.png')
    return {'duplicate-across-splits': ('scene_5 (training) = scene_6 (test)',)}


def crlf(root):
    (root / 'test.txt').write_bytes(b'scene_6\r\nscene_7\r\n')
    return {'list-crlf': ('test.txt',)}


def no_last_line_break(root):
    (root / 'test.txt').write_bytes(b'scene_6\nscene_7')
    return {'list-no-final-newline': ('test.txt',)}


def byte_order_mark(root):
    (root / 'test.txt').write_bytes(b'\xef\xbb\xbfscene_6\nscene_7\n')
    return {'list-decoration': ('test.txt',)}


def blank_line(root):
    (root / 'test.txt').write_bytes(b'scene_6\n\nscene_7\n')
    return {'list-decoration': ('test.txt',)}


def extensions(root):
    (root / 'test.txt').write_bytes(b'scene_6.png\nimages/scene_7\n')
    return {'list-decoration': ('test.txt',)}


def unknown_id(root):
    (root / 'test.txt').write_bytes(b'scene_6\nscene_7\nscene_70\n')
    return {'list-unknown-id': ('test.txt: scene_70',)}


def repeated_id(root):
    (root / 'test.txt').write_bytes(b'scene_6\nscene_7\nscene_6\n')
    return {'list-repeated-id': ('test.txt: scene_6',)}


def empty_list(root):
    (root / 'test.txt').write_bytes(b'\n')
    return {'list-unreadable': ('test.txt',), 'unlisted': ('scene_6', 'scene_7')}


def overlap(root):
    (root / 'test.txt').write_bytes(b'scene_6\nscene_7\nscene_5\n')
    return {'split-overlap': ('scene_5 (training and test)',)}


def train_and_val_overlap(root):
    (root / 'train.txt').write_bytes(b'scene_0\nscene_1\n')
    (root / 'val.txt').write_bytes(b'scene_1\nscene_2\n')
    return {'split-overlap': ('scene_1 (train and val)',)}


def two_families(root):
    (root / 'trainval_old.txt').write_bytes(b'scene_0\nscene_6\n')
    (root / 'test_old.txt').write_bytes(b'scene_1\n')
    return {'cross-list-overlap': ('1 of 2 ids of test are trained on by trainval_old',
                                   '1 of 1 ids of test_old are trained on by trainval')}


def unlisted(root):
    (root / 'test.txt').write_bytes(b'scene_7\n')
    return {'unlisted': ('scene_6',)}


@pytest.mark.parametrize('spoil', [
    grey_mask, larger_mask, no_mask, no_image, misnamed_masks, foreign_files, foreign_file_behind_a_link, empty_mask,
    colour_image, unequal_channels, float_colours, one_bit_mask, equal_in_training, equal_across,
    equal_across_and_the_test_image_first, equal_in_val_and_test, crlf, no_last_line_break, byte_order_mark,
    blank_line, extensions, unknown_id, repeated_id, empty_list, overlap, train_and_val_overlap, two_families,
    unlisted], ids=lambda spoil: spoil.__name__)
def test_a_defect_is_found_and_nothing_else(root, found, spoil):
    expected = spoil(root)
    assert found(root) == expected


@pytest.mark.parametrize(('name', 'data'), [('images', b''), ('masks', b'no image')])
def test_a_file_that_cannot_be_read_is_found_and_named(root, found, name, data):
    path = root / name / 'scene_1.png'
    path.write_bytes(data)
    (kind, (text,)), = found(root).items()
    assert kind == 'unreadable' and text.startswith(f'{path}: ')


def test_a_mask_whose_values_cannot_be_told_apart_counts_as_unreadable(root, found):
    save(root, 'masks/scene_1.png', np.full((40, 48), 38, np.uint8))
    (kind, (text,)), = found(root).items()
    assert kind == 'unreadable' and 'target and background cannot be told apart' in text


def test_a_nearly_equal_image_to_test_on_is_found(root, found):
    pixels = image(root, 'images/scene_1.png').astype(np.int64) + 3
    pixels[20, 20] += 9
    save(root, 'images/scene_6.png', pixels.astype(np.uint8))
    (kind, (text,)), = found(root).items()
    assert kind == 'near-duplicate-across-splits'
    assert text.startswith('scene_1 (training) ~ scene_6 (test), ')


def test_a_copy_with_other_figures_than_the_known_ones_is_found(build, found):
    assert found(build('NUAA-SIRST')) == {'constant-mismatch': ('all: 8 images, known are 427',)}


def test_a_copy_of_which_only_the_number_of_images_is_known_is_held_against_that(build, found):
    assert found(build('SIRST-AUG')) == {'constant-mismatch': ('all: 8 images, published are 9070',)}


def test_the_images_of_another_data_set_are_compared_whatever_their_ids(build, found):
    root, other = build(), build('other', seed=1)
    shutil.copy(root / 'images/scene_6.png', other / 'images/scene_0.png')
    shutil.copy(root / 'images/scene_0.png', other / 'images/scene_1.png')
    save(other, 'images/scene_2.png', image(root, 'images/scene_7.png') + np.uint8(3))
    result = found(root, other)
    equal, near = result.pop('leak')
    assert equal == 'scene_6 (test) is scene_0 (training) of other, equal'
    assert near.startswith('scene_7 (test) is scene_2 (training) of other, ') and 'cosine 1.0000' in near
    assert result == {'shared-images': ('training here, training in other: 1',)}


def test_a_data_set_without_shared_images_is_no_leak(build, found):
    assert found(build(), build('other', seed=1)) == {}


@pytest.mark.parametrize(('name', 'leak', 'side'), [
    ('trainval_theirs.txt', 'scene_7 (test)', 'training'), ('test_theirs.txt', 'scene_2 (training)', 'test')])
def test_a_list_is_compared_by_ids_and_its_name_tells_its_side(root, found, tmp_path, name, leak, side):
    listed = tmp_path / name
    listed.write_text('scene_2\nscene_7\n')
    result = found(root, listed)
    assert set(result) == {'leak', 'shared-images'}
    assert result['leak'] == (f'{leak} is {leak.split()[0]} ({side}) of {listed}, by its id',)


def test_what_is_trained_and_tested_on_here_leaks_where_it_is_trained_on(root, found, tmp_path):
    overlap(root)
    (tmp_path / 'train_theirs.txt').write_text('scene_5\n')
    text, = found(root, tmp_path / 'train_theirs.txt')['leak']
    assert text.startswith('scene_5 (test) is scene_5 (training) of ')


def test_findings_of_two_others_are_one_finding(build, found, tmp_path):
    listed = tmp_path / 'train_theirs.txt'
    listed.write_text('scene_7\n')
    root, other = build(), build('other', seed=1)
    shutil.copy(root / 'images/scene_6.png', other / 'images/scene_0.png')
    assert len(found(root, other, listed)['leak']) == 2


def test_defects_come_before_notes_and_every_kind_says_what_it_means():
    weights = [kind.defect for kind in KINDS.values()]
    assert weights == sorted(weights, reverse=True)
    assert all(kind.meaning for kind in KINDS.values())


def test_splits_have_their_figures(root, examined):
    figures = {one.name: (one.images, one.targets, one.foreground, one.empty, one.verdict)
               for one in examined(root).splits}
    assert figures == {'all': (8, 8, 96, 0, 'unknown'), 'trainval': (6, 6, 72, 0, 'unknown'),
                       'test': (2, 2, 24, 0, 'unknown')}


def test_masks_in_folders_of_their_own_below_the_masks_are_orphans_too(root, found):
    for name in ('images', 'masks'):
        (root / name / 'a').mkdir()
        for path in sorted((root / name).glob('*.png')):
            path.rename(root / name / 'a' / path.name)
    for split in ('trainval', 'test'):
        ids = (root / f'{split}.txt').read_text().split()
        (root / f'{split}.txt').write_text(''.join(f'a/{one}\n' for one in ids))
    save(root, 'masks/b/scene_0.png', image(root, 'masks/a/scene_0.png'))
    (root / 'images/a/scene_3.png').rename(root / 'images/scene_3.png')
    assert found(root) == {'orphan-mask': ('masks/a/scene_3.png', 'masks/b/scene_0.png'),
                           'missing-mask': ('scene_3',), 'list-unknown-id': ('trainval.txt: a/scene_3',),
                           'unlisted': ('scene_3',)}
