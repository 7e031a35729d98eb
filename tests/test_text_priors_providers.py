"""What the offline providers say, and how providers are defined and found."""

import re
import subprocess
import sys

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError, PluginError
from irstd_toolbox.registry import TEXT_PRIOR_PROVIDERS
from irstd_toolbox.text_priors import Scene, TextPriorProvider, build_provider, find_targets, store

EMPTY = 'No small target is visible in the infrared image.'


def scene_with(*boxes: tuple[int, int, int, int], shape: tuple[int, int] = (9, 9), level: float = 200.0,
               ground: float = 10.0, image_id: str = 'XDU0') -> Scene:
    """Targets of ``level`` in half-open boxes (row, col, row, col) on a flat ground."""
    mask = np.zeros(shape, np.uint8)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = 1
    return Scene(np.where(mask == 1, level, ground).astype(np.float32), mask, image_id)


# Scene

@pytest.mark.parametrize(('image', 'mask', 'words'), [
    (np.zeros((3, 3, 3)), None, r'shape \(3, 3, 3\); expected \(H, W\)'),
    (np.zeros((0, 3)), None, 'not empty'),
    (np.full((3, 3), np.nan), None, r'not finite \(nan or inf\)'),
    ([[0.0]], None, 'the image is a list; expected a numpy array'), (np.zeros((1, 1)), [[0]], 'the mask is a list'),
    (np.zeros((3, 3)), np.zeros((3, 4)), 'Resample the mask'),
    (np.zeros((3, 3)), np.full((3, 3), 255), 'values up to 255; expected 0 and 1')])
def test_a_scene_refuses_arrays_that_are_not_an_image_with_its_mask(image, mask, words):
    with pytest.raises(DataError, match=words):
        Scene(image, mask, 'a')


def test_targets_touching_at_a_corner_are_one():
    assert [target.area for target in find_targets(np.eye(3, dtype=np.uint8))] == [3]


def test_a_target_inside_the_box_of_another_is_one_of_its_own():
    mask = np.zeros((5, 5), np.uint8)
    mask[0, :] = mask[:, 0] = mask[3, 3] = 1
    assert [(target.area, target.box) for target in find_targets(mask)] == [(9, (0, 0, 5, 5)), (1, (3, 3, 4, 4))]


def test_targets_come_by_area_then_brightness():
    scene = scene_with((0, 0, 1, 1), (3, 3, 5, 5), (7, 7, 8, 8))
    scene.image[7, 7] = 250
    assert [target.box for target in scene.targets()] == [(3, 3, 5, 5), (7, 7, 8, 8), (0, 0, 1, 1)]


# quadrant

@pytest.mark.parametrize(('box', 'place'), [
    ((0, 0, 1, 1), 'upper-left'), ((0, 8, 1, 9), 'upper-right'), ((8, 0, 9, 1), 'lower-left'),
    ((8, 8, 9, 9), 'lower-right'), ((4, 4, 5, 5), 'upper-left'), ((4, 5, 5, 6), 'upper-right'),
    ((5, 4, 6, 5), 'lower-left'), ((3, 3, 6, 7), 'upper-right')])
def test_quadrant_says_one_of_four_sentences_by_the_centroid(box, place):
    expected = f'The small target lies in the {place} quadrant of the infrared image.'
    assert build_provider('quadrant').describe(scene_with(box)) == expected


def test_quadrant_of_an_even_size_splits_between_the_middle_pixels():
    assert 'upper-left' in build_provider('quadrant').describe(scene_with((1, 1, 2, 2), shape=(4, 4)))
    assert 'lower-right' in build_provider('quadrant').describe(scene_with((2, 2, 3, 3), shape=(4, 4)))


def test_quadrant_goes_by_the_largest_target_and_can_name_all_or_their_common_centroid():
    scene = scene_with((0, 0, 2, 2), (8, 8, 9, 9), (8, 0, 9, 1))
    assert 'lies in the upper-left quadrant' in build_provider('quadrant').describe(scene)
    assert 'lie in the upper-left, lower-left and lower-right quadrants' in build_provider(
        'quadrant', {'targets': 'all'}).describe(scene)
    # rows: 0, 0, 8, 8, 8 -> 4.8; columns: 0, 1, 8, 6, 4 -> 3.8
    scene = scene_with((0, 0, 1, 2), (8, 8, 9, 9), (8, 6, 9, 7), (8, 4, 9, 5))
    assert 'The center of the small targets lies in the lower-left' in build_provider(
        'quadrant', {'targets': 'union'}).describe(scene)


def test_quadrant_names_a_quadrant_that_holds_all_targets_once():
    sentence = build_provider('quadrant', {'targets': 'all'}).describe(scene_with((0, 0, 1, 1), (2, 2, 3, 3)))
    assert sentence == 'The small targets lie in the upper-left quadrant of the infrared image.'


def test_quadrant_of_one_pixel_is_upper_left():
    assert 'upper-left' in build_provider('quadrant').describe(Scene(np.ones((1, 1), np.float32), np.ones((1, 1)), 'a'))


def test_quadrant_refuses_an_unknown_rule():
    with pytest.raises(ConfigError, match="targets='biggest'; expected one of largest, all, union"):
        build_provider('quadrant', {'targets': 'biggest'})


# mask_caption

@pytest.mark.parametrize(('box', 'place'), [
    ((0, 0, 1, 1), 'upper-left part'), ((0, 4, 1, 5), 'upper-center part'), ((4, 8, 5, 9), 'center-right part'),
    ((8, 4, 9, 5), 'lower-center part'), ((4, 4, 5, 5), 'the center of'), ((2, 2, 3, 3), 'upper-left part'),
    ((3, 3, 4, 4), 'the center of'), ((2, 2, 4, 4), 'the center of'), ((5, 5, 7, 7), 'the center of'),
    ((6, 6, 7, 7), 'lower-right part')])
def test_mask_caption_places_a_target_in_a_grid_of_thirds_whose_lines_are_the_middles(box, place):
    assert place in build_provider('mask_caption').describe(scene_with(box))


@pytest.mark.parametrize(('side', 'word'), [(1, 'point-like'), (3, 'point-like'), (4, 'small'), (9, 'small'),
                                            (10, 'extended')])
def test_mask_caption_words_the_size_by_the_area(side, word):
    assert word in build_provider('mask_caption').describe(scene_with((20, 20, 20 + side, 20 + side), shape=(50, 50)))


@pytest.mark.parametrize(('level', 'words'), [
    (160, 'much brighter than'), (159, ' brighter than'), (119, 'slightly brighter than'), (104, 'hardly different'),
    (96, 'hardly different'), (90, 'slightly darker than'), (80, ' darker than'), (40, 'much darker than')])
def test_mask_caption_words_the_contrast_by_the_difference_to_the_ring(level, words):
    sentence = build_provider('mask_caption').describe(scene_with((4, 4, 5, 5), level=level, ground=100))
    assert words in sentence and ('much' in words) == ('much' in sentence)
    assert ('slightly' in words) == ('slightly' in sentence)


@pytest.mark.parametrize(('ground', 'spread', 'words'), [
    (20, 0, 'smooth and dark'), (84, 3.9, 'smooth and dark'), (86, 4.1, 'uneven and gray'),
    (169, 11.9, 'uneven and gray'), (171, 12.1, 'cluttered and bright'), (200, 40, 'cluttered and bright')])
def test_mask_caption_words_the_surroundings_by_spread_and_mean(ground, spread, words):
    scene = scene_with((8, 8, 9, 9), shape=(17, 17), ground=ground)  # the ring of 8 pixels is all the rest
    scene.image[:8] += spread
    scene.image[9:] -= spread
    scene.image[8, :8] += spread
    scene.image[8, 9:] -= spread
    ring = scene.image[scene.mask == 0]
    assert (ring.mean(), ring.std()) == pytest.approx((ground, spread), abs=1e-3)
    assert words in build_provider('mask_caption').describe(scene)


@pytest.mark.parametrize(('distance', 'words'), [(8, 'uneven and dark'), (9, 'smooth and dark')])
def test_mask_caption_looks_8_pixels_around_the_targets_box(distance, words):
    scene = scene_with((20, 20, 21, 21), shape=(41, 41))
    scene.image[20 - distance] += 30
    assert words in build_provider('mask_caption').describe(scene)


def test_mask_caption_leaves_other_targets_out_of_the_surroundings():
    scene = scene_with((4, 2, 6, 4), (4, 6, 5, 7), level=255, ground=20)
    assert 'smooth and dark' in build_provider('mask_caption').describe(scene)


def test_mask_caption_counts_the_targets_of_each_place():
    scene = scene_with((0, 0, 2, 2), (2, 0, 3, 1), (8, 8, 9, 9), (0, 2, 1, 3), (8, 4, 9, 5))
    assert len(find_targets(scene.mask)) == 3
    sentence = build_provider('mask_caption').describe(scene)
    assert re.search(r'(?i)three targets.*one in the upper-left part, one in the lower-right part and one in the '
                     r'lower-center part|three targets.*one in the upper-left part, one in the lower-center part and '
                     r'one in the lower-right part', sentence)
    assert 'he largest is' in sentence or 'the largest is' in sentence


def test_mask_caption_says_one_of_them_where_no_target_is_the_largest():
    assert 'largest' not in build_provider('mask_caption').describe(scene_with((0, 0, 1, 1), (8, 8, 9, 9)))


def test_mask_caption_of_many_places_names_that_of_the_largest():
    scene = scene_with((0, 0, 1, 1), (0, 8, 1, 9), (8, 0, 9, 1), (7, 7, 9, 9))
    sentence = build_provider('mask_caption').describe(scene)
    assert 'our targets' in sentence and 'spread over the image, the largest in the lower-right part' in sentence


def test_mask_caption_of_a_scene_that_is_all_target_says_nothing_of_surroundings():
    sentence = build_provider('mask_caption').describe(Scene(np.ones((1, 1), np.float32), np.ones((1, 1)), 'a'))
    assert 'surroundings' not in sentence and 'background' not in sentence and 'point-like target' in sentence


def test_mask_caption_depends_on_seed_and_id_alone_and_phrases_differ():
    scenes = [scene_with((0, 0, 1, 1), image_id=f'XDU{number}') for number in range(40)]
    first, again, other = (
        [build_provider('mask_caption', {'seed': seed}).describe(scene) for scene in scenes] for seed in (0, 0, 1))
    assert first == again and first != other
    assert len(set(first)) == 5


def test_mask_caption_draws_no_random_numbers():
    state = np.random.get_state()[1].copy()
    build_provider('mask_caption').describe(scene_with((0, 0, 1, 1)))
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_mask_caption_refuses_a_seed_that_is_no_integer():
    with pytest.raises(ConfigError, match="seed='a'; expected an integer"):
        build_provider('mask_caption', {'seed': 'a'})


@pytest.mark.parametrize('name', ['quadrant', 'mask_caption'])
def test_an_empty_mask_has_its_own_sentence(name):
    assert build_provider(name).describe(scene_with()) == EMPTY


@pytest.mark.parametrize('name', ['quadrant', 'mask_caption'])
def test_a_provider_that_reads_the_mask_says_so_and_refuses_a_scene_without(name):
    provider = build_provider(name)
    assert provider.uses_ground_truth is True
    with pytest.raises(DataError, match='a: the scene comes without a mask'):
        provider.describe(Scene(np.zeros((2, 2), np.float32), None, 'a'))


def longest_sentences() -> list[str]:
    random = np.random.default_rng(0)
    sentences = []
    for count in (1, 2, 3, 4, 15):
        for seed in range(40):
            mask = np.zeros((60, 60), np.uint8)
            mask.flat[random.choice(3600, count, replace=False)] = 1
            scene = Scene(random.uniform(0, 100, mask.shape).astype(np.float32), mask, f'{seed}')
            sentences += [build_provider('mask_caption', {'seed': seed}).describe(scene),
                          build_provider('quadrant', {'targets': 'all'}).describe(scene)]
    return sentences


def test_no_sentence_has_more_than_50_words_or_clips_77_tokens():
    tokenizer = pytest.importorskip('open_clip.tokenizer').SimpleTokenizer()
    sentences = longest_sentences()
    assert max(len(sentence.split()) for sentence in sentences) <= 50
    assert max(len(tokenizer.encode(sentence)) + 2 for sentence in sentences) < 77


def test_every_sentence_starts_with_a_capital_ends_with_a_stop_and_has_the_right_articles():
    for sentence in longest_sentences():
        assert re.fullmatch(r'[A-Z0-9].*\.', sentence), sentence
        assert not re.search(r'\b[Aa] [aeiou]|\b[Aa]n [^aeiou]|  |\. [a-z]|[{}]', sentence), sentence


# replay

def test_replay_gives_the_stored_sentence_from_the_folder_or_the_root_above_it(tmp_path):
    store.write_description(tmp_path / 'description', 'Misc_1', 'A  target.', suffix='-description.txt')
    scene = Scene(np.zeros((2, 2), np.float32), None, 'Misc_1')
    assert build_provider('replay', {'folder': tmp_path}).describe(scene) == 'A target.'
    assert build_provider('replay', {'folder': str(tmp_path / 'description')}).describe(scene) == 'A target.'


def test_replay_names_what_it_looked_for(tmp_path):
    scene = Scene(np.zeros((2, 2), np.float32), None, 'Misc_1')
    with pytest.raises(DataError, match=r"no description of 'Misc_1'. Looked for Misc_1.description.txt, "):
        build_provider('replay', {'folder': tmp_path}).describe(scene)


def test_replay_refuses_a_folder_that_is_none(tmp_path):
    with pytest.raises(DataError, match='nothing is not a folder'):
        build_provider('replay', {'folder': tmp_path / 'nothing'})


@pytest.mark.parametrize('folder', [2024, None, ['a']])
def test_replay_refuses_a_folder_that_is_no_path(folder):
    with pytest.raises(ConfigError, match=r'replay: folder=.*; expected a path. Write \./'):
        build_provider('replay', {'folder': folder})


@pytest.mark.parametrize(('record', 'used'), [
    ({'uses_ground_truth': True}, True), ({'uses_ground_truth': False}, False), ({'uses_ground_truth': None}, None),
    ({}, None), (None, None)])
def test_replay_says_of_the_ground_truth_what_the_record_says(tmp_path, record, used):
    if record is not None:
        store.write_provenance(tmp_path, record)
    provider = build_provider('replay', {'folder': tmp_path})
    assert (provider.uses_ground_truth, provider.origin_known) == (bool(used), used is not None)


# contract

def test_a_provider_must_say_whether_it_uses_the_ground_truth():
    with pytest.raises(TypeError, match='Silent does not say whether it uses the ground truth'):
        class Silent(TextPriorProvider):
            def describe(self, scene: Scene) -> str:
                return ''


def test_an_unknown_provider_lists_the_known_ones():
    with pytest.raises(ConfigError, match="'quadrnt' is not a registered text-prior provider.*mask_caption.*quadrant"
                                          '.*come by its installation or --plugins DIR'):
        build_provider('quadrnt')


def test_an_unknown_option_lists_the_known_ones():
    with pytest.raises(ConfigError, match="provider 'quadrant': .*'sed'.*Its options: targets: str = 'largest'"):
        build_provider('quadrant', {'sed': 1})


@pytest.mark.parametrize(('base', 'words'), [
    ((TextPriorProvider,), r'Mine does not define describe'), ((), r'Mine is not derived from it')])
def test_a_registered_class_that_is_no_whole_provider_is_an_error_that_says_what_it_lacks(base, words, monkeypatch):
    body = {'uses_ground_truth': False, 'descrbe': lambda self, scene: ''}
    monkeypatch.setitem(TEXT_PRIOR_PROVIDERS.module_dict, 'mine', type('Mine', base, body))
    with pytest.raises(PluginError, match=rf"provider 'mine': .*{words}; expected a complete TextPriorProvider"):
        build_provider('mine')


def test_the_package_makes_providers_without_loading_torch():
    code = ('import sys; from irstd_toolbox.text_priors import annotation, build_provider; build_provider("quadrant"); '
            'sys.exit("torch" in sys.modules)')
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
