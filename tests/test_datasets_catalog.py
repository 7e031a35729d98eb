"""Names of data sets, finding the named one among others, and what is said when it is not there."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets.catalog import CATALOG, find_card
from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.errors import DataError


@pytest.fixture
def make(tmp_path):
    """Write files below a folder: an image for PNG names, the given or else some text for others."""
    def write(folder: str, *names: str, test: str | None = None) -> Path:
        root = tmp_path / folder
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == '.png':
                Image.fromarray(np.zeros((1, 1), dtype=np.uint8)).save(path)
            else:
                path.write_text('a target in the center')
        if test:
            (root / 'test.txt').write_text(test)
        return root
    return write


@pytest.fixture
def parent(make):
    make('data/NUAA-SIRST', 'images/Misc_1.png', 'masks/Misc_1.png', test='Misc_1')
    return make('data/irstd1k/extracted', 'IRSTD1k_Img/XDU0.png', 'IRSTD1k_Label/XDU0.png', test='XDU0').parents[1]


def test_of_a_folder_of_data_sets_the_named_one_is_taken(make, parent):
    make('data/IRSTD-1K', 'images/XDU0.png', 'masks/XDU0.png', test='XDU0')
    assert detect(parent, name='SIRST').name == 'NUAA-SIRST'
    assert detect(parent, name='irstd-1k').root.name == 'IRSTD-1K'


def test_a_folder_of_data_sets_without_a_name_is_refused(make, parent):
    make('data/IRSTD-1K', 'images/XDU0.png', 'masks/XDU0.png', test='XDU0')
    with pytest.raises(DataError, match=r'holds several data sets \(IRSTD-1K, NUAA-SIRST\).*Give the folder of one'):
        detect(parent)


def test_another_data_set_is_never_taken_for_the_named_one(make):
    root = make('data/NUAA-SIRST', 'images/Misc_1.png', 'masks/Misc_1.png').parent
    with pytest.raises(DataError, match='data set NUDT-SIRST: looked for it at .*which holds none of its images'):
        detect(root, name='NUDT-SIRST')


def test_both_langir_subsets_in_one_folder_must_be_told_apart(make):
    for subset in ('IRSTD-1k', 'SIRST'):
        root = make(f'LangIR/LangIR_{subset}', 'images/1.png', 'masks/1.png', 'descriptions/1.txt', test='1').parent
    with pytest.raises(DataError, match='holds several data sets .LangIR_IRSTD-1k, LangIR_SIRST.'):
        detect(root, name='LangIR')
    assert detect(root, name='LangIR_SIRST').name == 'LangIR-SIRST'


def test_folders_that_only_wrap_the_data_set_are_gone_through(make):
    root = make('download/a/b', 'IRSTD1k_Img/XDU0.png', 'IRSTD1k_Label/XDU0.png').parents[1]
    found = detect(root)
    assert (found.layout, found.root, found.name) == ('L7', root / 'a/b', 'IRSTD-1k')
    assert f'found below {root}' in found.describe()


@pytest.mark.parametrize('card', CATALOG, ids=lambda card: card.name)
def test_missing_data_says_which_where_what_is_expected_and_who_publishes_it(tmp_path, card):
    with pytest.raises(DataError, match='looked for it at') as caught:
        detect(tmp_path / 'absent', name=card.name)
    place = f'data set {card.name}: looked for it at {tmp_path / "absent"}, which does not exist'
    assert all(part in str(caught.value) for part in (place, card.tree, card.home, 'give its folder as data_root'))


def test_missing_langir_names_both_subsets(tmp_path):
    with pytest.raises(DataError, match='data set LangIR-IRSTD-1k / LangIR-SIRST: .*no public download'):
        detect(tmp_path / 'absent', name='LangIR')


def test_missing_data_of_an_unknown_name_says_what_a_folder_of_ones_own_needs(tmp_path):
    with pytest.raises(DataError, match='data set mine: .*Expected there: images/ID.png, masks/ID.png'):
        detect(tmp_path / 'mine')


@pytest.mark.parametrize('names', [[], ['images/readme.md'], ['readme.md']], ids=['empty', 'no image', 'text'])
def test_a_folder_without_images_is_missing_data(make, tmp_path, names):
    (tmp_path / 'mine').mkdir()
    with pytest.raises(DataError, match='which holds none of its images'):
        detect(make('mine', *names))


@pytest.mark.parametrize(('spelling', 'name'), [
    ('SIRST', 'NUAA-SIRST'), ('SIRST-v1', 'NUAA-SIRST'), ('sirstv1', 'NUAA-SIRST'), ('nuaa_sirst', 'NUAA-SIRST'),
    ('IRSTD-1K', 'IRSTD-1k'), ('IRSTD1k', 'IRSTD-1k'), ('irstd_1k', 'IRSTD-1k'), ('nudt_sirst', 'NUDT-SIRST'),
    ('SIRSTv2', 'SIRST-V2'), ('sirst_aug', 'SIRST-AUG'), ('LangIR_SIRST', 'LangIR-SIRST'), ('MDvsFA', 'NUST-SIRST')])
def test_the_spellings_of_a_name_mean_one_data_set(spelling, name):
    assert find_card(spelling).name == name


def test_no_two_data_sets_share_a_spelling():
    assert all(find_card(spelling) is card for card in CATALOG for spelling in (card.name, *card.aliases))
