"""Every layout of docs/datasets.md is recognised, with its images, masks, descriptions and splits."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets import indexing
from irstd_toolbox.datasets.layouts import LAYOUTS, detect
from irstd_toolbox.datasets.scanning import DESCRIPTION_SUFFIXES, PROVENANCE
from irstd_toolbox.datasets.splits import clean_line
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import store

PIXEL = np.zeros((1, 1), dtype=np.uint8)


@pytest.fixture
def make(tmp_path):
    """Write files below a folder: an image for image names, the given or else empty text for others."""
    def write(folder: str, *names: str, **lists: str) -> Path:
        root = tmp_path / folder
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in ('.png', '.bmp', '.jpg'):
                Image.fromarray(PIXEL).save(path)
            else:
                path.write_text('a target in the center\n')
        for name, text in lists.items():
            path = root / f'{name.replace("__", "/")}.txt'
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return root
    return write


def _names(found):
    """What was found, as names below its folder."""
    below = {image_id: path.relative_to(found.root).as_posix() for image_id, path in found.images.items()}
    masks = {image_id: path.relative_to(found.root).as_posix() for image_id, path in found.masks.items()}
    return below, masks


def test_official_sirst_is_l1_and_idx_427_gives_the_unqualified_splits(make):
    root = make('sirst', *(f'images/Misc_{n}.png' for n in (1, 2, 10)),
                'masks/Misc_1.xml', 'masks/__MACOSX/._Misc_1.png',
                *(f'masks/Misc_{n}_pixels0.png' for n in (1, 2, 10)), 'masks/._Misc_2_pixels0.png',
                idx_427__trainval='Misc_1\nMisc_2', idx_427__test='Misc_10', idx_320__test='Misc_2')
    found = detect(root)
    assert (found.layout, found.name) == ('L1', 'NUAA-SIRST')
    assert list(found.images) == ['Misc_1', 'Misc_2', 'Misc_10']
    assert _names(found)[1]['Misc_2'] == 'masks/Misc_2_pixels0.png'
    assert found.ids('trainval', require_masks=True) == ('Misc_1', 'Misc_2')
    assert (found.ids('test'), found.ids('idx_320/test'), found.ids('idx_427/test')) == (
        ('Misc_10',), ('Misc_2',), ('Misc_10',))
    assert dict(found.ignored) == {'.xml': 1, '__MACOSX/': 1, 'hidden files': 1}


def test_open_sirst_v2_is_l2_and_its_full_lists_give_the_unqualified_splits(make):
    root = make('open-sirst-v2', 'mixed/Misc_1.png', 'mixed/wide_2.png', 'images/targets/Misc_1.png',
                'annotations/masks/Misc_1_pixels0.png', 'annotations/masks/Misc_1_pixels0.xml',
                'annotations/masks/wide_2_pixels0.png', splits__test_full='wide_2', splits__test_v1='Misc_1',
                splits__train_v1='Misc_1')
    found = detect(root)
    assert (found.layout, found.name) == ('L2', 'SIRST-V2')
    assert _names(found) == (
        {'Misc_1': 'mixed/Misc_1.png', 'wide_2': 'mixed/wide_2.png'},
        {'Misc_1': 'annotations/masks/Misc_1_pixels0.png', 'wide_2': 'annotations/masks/wide_2_pixels0.png'})
    assert (found.ids('test'), found.ids('test_v1'), found.ids('train')) == (('wide_2',), ('Misc_1',), ('Misc_1',))


def test_sirstdevkit_is_l3(make):
    root = make('SIRSTdevkit-master', 'PNGImages/Misc_1.png', 'SIRST/BinaryMask/Misc_1_pixels0.png',
                'SIRST/PaletteMask/Misc_1.png', Splits__test_v2='Misc_1')
    found = detect(root, name='DenseSIRST')
    assert found.layout == 'L3'
    assert _names(found)[1] == {'Misc_1': 'SIRST/BinaryMask/Misc_1_pixels0.png'}
    assert found.ids('test') == ('Misc_1',)


def test_basicirstd_is_l4_and_its_lists_tell_the_name(make):
    root = make('anything', 'images/1.png', 'masks/1.png', 'images/2.bmp', 'masks/2.bmp',
                **{'img_idx__train_NUDT-SIRST': '1\r\n2', 'img_idx__test_NUDT-SIRST': '2\r\n'})
    found = detect(root)
    assert (found.layout, found.name) == ('L4', 'NUDT-SIRST')
    assert (found.ids('train'), found.ids('test')) == (('1', '2'), ('2',))
    assert found.resolve('trainval').note == 'there is no trainval list; the train list stands in'


def test_lists_named_after_the_data_set_in_its_own_folder_are_l4_too(make):
    root = make('NUAA-SIRST', 'images/Misc_1.png', 'masks/Misc_1.png', **{'test_NUAA-SIRST': 'Misc_1'})
    found = detect(root)
    assert (found.layout, found.ids('test')) == ('L4', ('Misc_1',))


def test_of_several_data_sets_lists_the_own_one_counts(make):
    root = make('SIRST3', 'images/Misc_1.png', 'images/XDU0.png', 'masks/Misc_1.png', 'masks/XDU0.png',
                img_idx__test_SIRST3='Misc_1\nXDU0', **{'img_idx__test_NUAA-SIRST': 'Misc_1'})
    found = detect(root)
    assert (found.layout, found.name, found.ids('test')) == ('L13', 'SIRST3', ('Misc_1', 'XDU0'))
    assert detect(root, name='NUAA-SIRST').ids('test') == ('Misc_1',)


def test_dnanet_is_l5(make):
    found = detect(make('NUDT-SIRST', 'images/000001.png', 'masks/000001.png', **{'50_50__test': '000001\r\n'}))
    assert (found.layout, found.ids('test')) == ('L5', ('000001',))


def test_isnet_is_l6(make):
    found = detect(make('data', 'images/XDU0.png', 'masks/XDU0.png', trainval='XDU0.png\n', test='XDU0'))
    assert (found.layout, found.name, found.ids('trainval')) == ('L6', 'IRSTD-1k', ('XDU0',))


def test_irstd1k_as_zipped_is_l7_with_the_lists_beside_it(make):
    found = detect(make('IRSTD-1k', 'IRSTD1k_Img/XDU0.png', 'IRSTD1k_Label/XDU0.png', test='XDU0'))
    assert (found.layout, found.name, found.ids('test', require_masks=True)) == ('L7', 'IRSTD-1k', ('XDU0',))


def test_folders_for_lists_are_l8(make):
    found = detect(make('sirst_aug', *(f'{part}/{kind}/{name}.png' for part, name in (('trainval', 'a'), ('test', 'b'))
                                       for kind in ('images', 'masks'))))
    assert (found.layout, found.name) == ('L8', 'SIRST-AUG')
    assert (found.ids('trainval'), found.ids('test'), found.ids('train')) == (('a',), ('b',), ('a',))
    assert found.resolve('test').source == 'the folder test/'


def test_one_id_in_two_folders_carries_its_folder(make):
    files = [f'{part}/{kind}/1.png' for part in ('train', 'test') for kind in ('images', 'masks')]
    found = detect(make('mine', *files))
    assert found.ids('test', require_masks=True) == ('test/1',)
    assert _names(found)[1]['test/1'] == 'test/masks/1.png'


def test_masks_called_mask_beside_img_idx_are_l9(make):
    found = detect(make('SIRST-AUG', 'images/000000.png', 'masks/000000_mask.png', img_idx__test='000000'))
    assert (found.layout, found.ids('test', require_masks=True)) == ('L9', ('000000',))


def test_mdvsfa_is_l10(make):
    found = detect(make('MDvsFA', 'training/000000_1.png', 'training/000000_2.png', 'test_org/00000.png',
                        'test_gt/00000.png'))
    assert (found.layout, found.name) == ('L10', 'NUST-SIRST')
    assert _names(found) == ({'00000': 'test_org/00000.png', '000000': 'training/000000_1.png'},
                             {'00000': 'test_gt/00000.png', '000000': 'training/000000_2.png'})
    assert (found.ids('train'), found.ids('test')) == (('000000',), ('00000',))


def test_irdst_is_l11_and_keeps_sub_folders_in_the_ids(make):
    found = detect(make('IRDST', 'images/44/1(814).bmp', 'masks/44/1(814).bmp', real__test='/44/1(814)\n'))
    assert (found.layout, found.ids('test', require_masks=True)) == ('L11', ('44/1(814)',))


def test_nudt_sirst_sea_is_l12(make):
    found = detect(make('sea', 'images/14-05-03.png', 'masks/14-05-03.png', **{'idx_4961+847__test': '14-05-03'}))
    assert (found.layout, found.name, found.ids('test')) == ('L12', 'NUDT-SIRST-Sea', ('14-05-03',))


@pytest.mark.parametrize(('folder', 'image_id', 'mask', 'text', 'name'), [
    ('LangIR_IRSTD-1k', 'XDU0', 'XDU0.png', 'descriptions/XDU0.description.txt', 'LangIR-IRSTD-1k'),
    ('LangIR_SIRST', 'Misc_1', 'Misc_1-pixels0.png', 'descriptions/Misc_1-description.txt', 'LangIR-SIRST'),
    ('LangIR_SIRST', 'Misc_1', 'Misc_1_pixels0.png', 'description/Misc_1_description.txt', 'LangIR-SIRST'),
    ('copy', 'Misc_1', 'Misc_1.png', 'description/Misc_1.txt', 'NUAA-SIRST'),
])
def test_langir_is_l14_under_any_of_its_file_names(make, folder, image_id, mask, text, name):
    root = make(folder, f'images/{image_id}.png', f'masks/{mask}', text, trainval=image_id, test=image_id)
    found = detect(root)
    assert (found.layout, found.name) == ('L14', name)
    assert found.ids('test', require_masks=True) == (image_id,)
    assert found.descriptions == {image_id: root / text}


def test_descriptions_and_their_record_are_called_as_the_store_calls_them():
    assert tuple(f'{suffix}.txt' for suffix in DESCRIPTION_SUFFIXES) == store.SUFFIXES
    assert PROVENANCE == store.PROVENANCE


def test_descriptions_beside_another_layout_are_found_and_do_not_change_it(make):
    found = detect(make('NUAA-SIRST', 'images/Misc_1.png', 'masks/Misc_1_pixels0.png',
                        'descriptions/Misc_1.description.txt', idx_427__test='Misc_1'))
    assert (found.layout, list(found.descriptions), found.ids('test')) == ('L1', ['Misc_1'], ('Misc_1',))


@pytest.mark.parametrize(('names', 'masks'), [
    (['img/a.png', 'gt/a.png'], {'a': 'gt/a.png'}),
    (['Images/a.png', 'Labels/a_label.png'], {'a': 'Labels/a_label.png'}),
    (['a.png', 'a_mask.png', 'b.png'], {'a': 'a_mask.png'}),
    (['images/a.png'], {}),
    (['a.png', 'b.jpg'], {}),
], ids=['img and gt', 'capitals', 'side by side', 'images only', 'flat'])
def test_a_folder_of_ones_own_is_read_with_or_without_masks(make, names, masks):
    found = detect(make('mine', *names))
    assert (found.layout, found.name, _names(found)[1]) == ('own', 'mine', masks)
    assert 'a' in found.ids('all')
    assert 'a_mask' not in found.ids('all')


def test_images_and_masks_in_the_folder_itself_have_descriptions_below_it(make):
    root = make('mine', 'a.png', 'a_mask.png', 'b.png', 'descriptions/a.txt')
    assert detect(root).descriptions == {'a': root / 'descriptions/a.txt'}


def test_own_lists_are_found_in_the_root_and_in_splits(make):
    files = 'images/a.png', 'masks/a.png', 'images/b.png', 'masks/b.png'
    assert detect(make('one', *files, train='a', val='b')).ids('val') == ('b',)
    assert detect(make('two', *files, splits__train='a', splits__test='b')).ids('test') == ('b',)


def test_a_layout_may_be_insisted_on(make):
    root = make('both', 'images/a.png', 'masks/a.png', 'images/b.png', 'masks/b.png', test='b',
                **{'50_50__test': 'a', 'img_idx__test': 'a'})
    assert [detect(root, layout=layout).layout for layout in ('auto', 'L4', 'L5', 'L6')] == ['L4', 'L4', 'L5', 'L6']
    assert (detect(root, layout='L6').ids('test'), detect(root, layout='L5').ids('test')) == (('b',), ('a',))


def test_a_layout_that_is_not_there_is_refused_naming_what_is(make):
    root = make('IRSTD-1k', 'IRSTD1k_Img/XDU0.png', 'IRSTD1k_Label/XDU0.png')
    with pytest.raises(DataError, match='layout L5 was asked for .*reads as L7 or own'):
        detect(root, layout='L5')


def test_an_unknown_layout_lists_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match="layout 'L99' is not known. Known: auto, L1, L2, .*own"):
        detect(tmp_path, layout='L99')


def test_links_to_folders_are_followed_but_not_round_and_round(make, tmp_path):
    root = make('own', 'images/a.png', 'masks/a.png', 'images/deep/c.png', 'descriptions/a.txt')
    for name, file in (('images', 'b.png'), ('masks', 'b.png'), ('descriptions', 'b.txt')):
        (root / name / 'seq').symlink_to(make('elsewhere', f'{name}/{file}') / name)
    (root / 'images/deep/up').symlink_to(root / 'images')
    (tmp_path / 'elsewhere/images/back').symlink_to(root / 'images')
    (root / 'descriptions/back').symlink_to(root / 'descriptions')
    found = detect(root)
    assert list(found.images) == ['a', 'deep/c', 'seq/b']
    assert list(found.masks) == list(found.descriptions) == ['a', 'seq/b']


def test_letters_in_parts_are_those_in_one(make):
    whole, parts = 'W\u00e4rme', 'Wa\u0308rme'
    found = detect(make('mine', f'images/{parts}.png', f'masks/{whole}.png', f'descriptions/{parts}.txt'))
    assert list(found.images) == list(found.masks) == list(found.descriptions) == [whole]
    assert found.images[whole].is_file() and clean_line(f'{parts}.png') == whole


def test_two_files_of_one_image_id_are_refused(make):
    with pytest.raises(DataError, match="two files for one image id 'a'. Keep one"):
        detect(make('mine', 'images/a.png', 'images/a.bmp', 'masks/a.png'))


def test_a_name_that_is_no_text_is_refused(make):
    with pytest.raises(DataError, match=r"\\xcf\\xf1\.png': the name is no text in utf-8.*Rename it"):
        detect(make('mine', os.fsdecode(b'images/\xcf\xf1.png')))


def test_masks_that_fit_no_image_are_said(make):
    text = detect(make('mine', 'images/a.png', 'masks/truth_a.png')).describe()
    assert 'none is named as a mask of these images (ID, ID_pixels0' in text


def test_images_without_mask_and_masks_without_image_are_said(make):
    text = detect(make('mine', 'images/a.png', 'images/b.png', 'masks/a.png', 'masks/c.png')).describe()
    assert '1 images have no mask, the first b' in text
    assert '1 masks have no image' in text


def test_the_description_of_a_layout_is_one_line_with_what_matters(make):
    root = make('NUAA-SIRST', 'images/Misc_1.png', 'masks/Misc_1_pixels0.png', 'masks/Misc_1.xml',
                idx_427__test='Misc_1')
    assert detect(root).describe() == (
        f'NUAA-SIRST at {root}: layout L1 ({LAYOUTS["L1"]}); 1 images, 1 masks; splits test; ignored 1 .xml; '
        'masks are named ID_pixels0; NUAA-SIRST was published with 427 images')


def test_masks_beside_their_images_in_the_folder_of_images_are_no_images(make):
    found = detect(make('mine', *(f'images/f{n}{mark}.png' for n in range(2) for mark in ('', '_mask'))))
    assert list(found.images) == ['f0', 'f1'] and found.masks['f1'].name == 'f1_mask.png'
    assert not detect(make('plain', 'images/f0.png')).masks


@pytest.mark.parametrize(('folder', 'ids', 'why'), [
    ('NUAA-SIRST', ('Misc_1',), 'the folder is called so'),
    ('data', [f'XDU{n}' for n in range(1001)], 'all 1001 ids are as its own')])
def test_a_name_that_folder_or_ids_contradict_is_refused(make, monkeypatch, folder, ids, why):
    root = make(folder, 'images/a.png')
    monkeypatch.setattr(indexing, 'index_images', lambda *_: (dict.fromkeys(ids, root / 'images/a.png'), Counter()))
    with pytest.raises(DataError, match=f'{why}.*, and SIRST-V2 was asked for. Give the folder of SIRST-V2, or name='):
        detect(root, 'SIRST-V2')
    detect(root, 'LangIR-SIRST')


def test_images_of_ones_own_under_a_data_sets_name_are_warned_of(make):
    root = make('mine', 'images/a.png')
    with pytest.warns(UserWarning, match="is taken for IRSTD-1k, as told, though ids such as 'a' are not its own"):
        detect(root, 'IRSTD-1k')
