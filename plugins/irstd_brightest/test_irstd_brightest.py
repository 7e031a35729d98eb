"""The provider ``brightest``, found as anybody's plugin is."""

from pathlib import Path

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.text_priors import Scene, build_provider, transform_sentence
from irstd_toolbox.text_priors.testing import check_provider

load_plugins(Path(__file__).parent)  # not needed once the plugin is installed


def scene(row: int, col: int, level: float = 200, shape: tuple[int, int] = (60, 90)) -> Scene:
    image = np.full(shape, 40, np.float32)
    image[row, col] = level
    return Scene(image, mask=None, image_id='made')


@pytest.mark.parametrize(('row', 'col', 'region'), [
    (5, 5, 'upper left'), (19, 29, 'upper left'), (20, 30, 'central'), (39, 59, 'central'), (40, 60, 'lower right'),
    (5, 45, 'upper'), (30, 5, 'left'), (59, 89, 'lower right'), (0, 0, 'upper left')])
def test_it_names_the_ninth_that_holds_the_spot(row, col, region):
    sentence = build_provider('brightest', {'spot': 1}).describe(scene(row, col))
    assert sentence == f'The brightest spot stands in the {region} region of the infrared image.'


def test_a_small_spot_wins_over_a_brighter_large_area():
    made = scene(50, 10, level=100)
    made.image[:30, 60:] = 250
    assert 'lower left' in build_provider('brightest').describe(made)


@pytest.mark.parametrize(('threshold', 'found'), [(15.9, True), (16.1, False)])
def test_the_threshold_is_the_difference_of_box_means_in_grey_levels(threshold, found):
    # A pixel of 144 above its surroundings raises the mean of a box of nine by 16.
    sentence = build_provider('brightest', {'threshold': threshold}).describe(scene(30, 45, level=40 + 144))
    assert sentence.startswith('The brightest spot') == found


@pytest.mark.parametrize(('op', 'turn'), [('hflip', np.fliplr), ('vflip', np.flipud), ('rot90', np.rot90)])
def test_its_sentence_can_be_turned_with_the_image(op, turn):
    made, provider = scene(5, 80), build_provider('brightest')
    turned = Scene(np.ascontiguousarray(turn(made.image)), mask=None, image_id='turned')
    assert transform_sentence(provider.describe(made), op) == provider.describe(turned)


def test_a_flat_image_has_no_spot():
    assert build_provider('brightest').describe(scene(3, 3, level=40)) == (
        'No bright spot stands out in the infrared image.')


def test_it_conforms():
    check_provider(build_provider('brightest'))


def test_it_says_that_it_sees_no_mask():
    assert build_provider('brightest').uses_ground_truth is False


@pytest.mark.parametrize('options', [
    {'spot': 2}, {'distance': 2}, {'spot': -1}, {'spot': 'abc'}, {'distance': 5.5}, {'threshold': 'abc'},
    {'threshold': -1}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError, match=rf'brightest: .*{next(iter(options))}=.*; expected an? '):
        build_provider('brightest', options)
