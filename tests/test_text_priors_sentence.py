"""Sentences stay true when the image is turned or mirrored."""

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors import Scene, build_provider, transform_sentence
from irstd_toolbox.text_priors.sentence import OPS

ARRAY_OPS = {
    'identity': lambda a: a,
    'hflip': lambda a: a[:, ::-1],
    'vflip': lambda a: a[::-1],
    'rot90': np.rot90,
    'rot180': lambda a: a[::-1, ::-1],
    'rot270': lambda a: np.rot90(a, -1),
    'transpose': lambda a: a.T,
    'anti_transpose': lambda a: a[::-1, ::-1].T,
}
INVERSE = {op: op for op in OPS} | {'rot90': 'rot270', 'rot270': 'rot90'}
PROVIDERS = [('quadrant', {}), ('quadrant', {'targets': 'all'}), ('quadrant', {'targets': 'union'}),
             *(('mask_caption', {'seed': seed}) for seed in range(2))]


def scene_of(seed: int, shape: tuple[int, int] = (31, 44), targets: int | None = None) -> Scene:
    """Targets of unequal areas, each off the lines of the grids."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 90, shape).astype(np.float32)
    mask = np.zeros(shape, np.uint8)
    for side in range(1, 1 + (1 + seed % 5 if targets is None else targets)):
        row, col = random.integers(0, shape[0] - side), random.integers(0, shape[1] - side)
        mask[row:row + side, col:col + side] = 1
        image[row:row + side, col:col + side] += 60
    return Scene(image, mask, f'XDU{seed}')


def turned(scene: Scene, op: str) -> Scene:
    return Scene(ARRAY_OPS[op](scene.image).copy(), ARRAY_OPS[op](scene.mask).copy(), scene.image_id)


def on_a_midline(scene: Scene) -> bool:
    """Whether a quadrant's own tie rule decides: such a centroid belongs to both sides."""
    groups = [(target.rows, target.cols) for target in scene.targets()]
    groups.append(tuple(map(np.concatenate, zip(*groups, strict=True))))
    return any(2 * place.mean() == length - 1
               for group in groups for place, length in zip(group, scene.image.shape, strict=True))


def parts(sentence: str) -> list[str]:
    """The sentence with the order of a list of places taken out."""
    return sorted(sentence.replace(',', '').replace('.', '').replace(':', '').split())


@pytest.mark.parametrize('op', OPS)
@pytest.mark.parametrize(('name', 'options'), PROVIDERS)
def test_the_turned_sentence_states_what_is_said_of_the_turned_scene(name, options, op):
    provider = build_provider(name, options)
    compared = 0
    for seed in range(20):
        scene = scene_of(seed)
        if name == 'quadrant' and on_a_midline(scene):
            continue
        compared += 1
        expected = provider.describe(turned(scene, op))
        found = transform_sentence(provider.describe(scene), op)
        assert parts(found) == parts(expected) if options.get('targets') == 'all' else found == expected
    assert compared >= 12


@pytest.mark.parametrize('op', OPS)
@pytest.mark.parametrize(('name', 'options'), PROVIDERS)
def test_an_operation_and_its_inverse_give_a_providers_sentence_back(name, options, op):
    provider = build_provider(name, options)
    for seed in range(10):
        sentence = provider.describe(scene_of(seed))
        assert transform_sentence(transform_sentence(sentence, op), INVERSE[op]) == sentence


@pytest.mark.parametrize(('twice', 'once'), [
    (('rot90', 'rot90'), 'rot180'), (('rot90', 'rot180'), 'rot270'), (('hflip', 'vflip'), 'rot180'),
    (('hflip', 'rot90'), 'transpose'), (('transpose', 'hflip'), 'rot270'), (('vflip', 'rot90'), 'anti_transpose')])
def test_operations_compose_as_they_do_on_arrays(twice, once):
    first, second = twice
    array = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(ARRAY_OPS[second](ARRAY_OPS[first](array)), ARRAY_OPS[once](array))
    for place in ('upper-left', 'upper-right', 'lower-left', 'lower-right', 'upper-center', 'center-right', 'center'):
        sentence = f'A target in the {place} part.'
        assert transform_sentence(transform_sentence(sentence, first), second) == transform_sentence(sentence, once)


HFLIP = [
    ('A target on the left.', 'A target on the right.'),
    ('To the right of the mast.', 'To the left of the mast.'),
    ('Near the rightmost edge, moving left.', 'Near the leftmost edge, moving right.'),
    ('From left to right.', 'From right to left.'),
    ('A right-to-left streak', 'A left-to-right streak'),
    ('between the left and right banks', 'between the right and left banks'),
    ('TOP LEFT corner', 'TOP RIGHT corner'),
    ('Upper Right', 'Upper Left'),
    ('in the left-upper corner', 'in the upper-right corner'),
    ('in the left upper corner', 'in the upper right corner'),
    ('the upper left-hand corner', 'the upper right-hand corner'),
    ('slightly left of center', 'slightly right of center'),
    ('an eastern, north-eastern or Northeastern wind', 'a western, north-western or Northwestern wind'),
    ('drifting westwards in the SW', 'drifting eastwards in the SE'),
    ('in the center right of the image', 'in the center left of the image'),
    ('left-center of the frame', 'right-center of the frame'),
    ('above the clouds, below the moon', 'above the clouds, below the moon'),
    ('a horizontal streak at the top', 'a horizontal streak at the top'),
    ('to the right above the horizon', 'to the left above the horizon'),
    ('the bottom right, and left of it', 'the bottom left, and right of it'),
    ('at the upper\u2011left.', 'at the upper-right.'),
    ('left\u2010of\u2013center', 'right-of-center'),
    ('On the right-hand side, all the way across.', 'On the left-hand side, all the way across.'),
    ('one third of the way up, to the left', 'one third of the way up, to the right'),
    ('in the left third along the shore', 'in the right third along the shore'),
    ("THE TARGET'S LEFT EDGE", "THE TARGET'S RIGHT EDGE"),
    ('to the north-northwest, a leftover', 'to the north-northeast, a leftover'),
]


@pytest.mark.parametrize(('sentence', 'expected'), HFLIP)
def test_a_horizontal_flip_exchanges_left_and_right(sentence, expected):
    assert transform_sentence(sentence, 'hflip') == expected


VFLIP = [
    ('an upper target', 'a lower target'),
    ('A lower part', 'An upper part'),
    ('Above the horizon, over the sea.', 'Below the horizon, beneath the sea.'),
    ('beneath the clouds', 'over the clouds'),
    ('near the bottom-left', 'near the top-left'),
    ('the uppermost, topmost row', 'the lowermost, bottommost row'),
    ('north of the coast, in the southeastern corner', 'south of the coast, in the northeastern corner'),
    ('drifting downward', 'drifting upward'),
    ('on top of the building', 'below the building'),
    ('on the right', 'on the right'),
    ('near the left-lower corner', 'near the upper-left corner'),
]


@pytest.mark.parametrize(('sentence', 'expected'), VFLIP)
def test_a_vertical_flip_exchanges_up_and_down(sentence, expected):
    assert transform_sentence(sentence, 'vflip') == expected


TRANSPOSE = [
    ('an upper-center target', 'a center-left target'),
    ('in the center-left part', 'in the upper-center part'),
    ('in the top right corner', 'in the bottom left corner'),
    ('in the upper right corner', 'in the lower left corner'),
    ('above the horizon', 'to the left of the horizon'),
    ('Below it', 'To the right of it'),
    ('To the left of the mast', 'Above the mast'),
    ('just right of center', 'just below center'),
    ('to the left of the image', 'to the top of the image'),
    ('on the left', 'on the top'),
    ('the left edge', 'the upper edge'),
    ('the right-hand side', 'the lower side'),
    ('the top of the image', 'the left of the image'),
    ('in the region above.', 'in the region to the left.'),
    ('a horizontal band', 'a vertical band'),
    ('vertically stretched', 'horizontally stretched'),
    ('in the north', 'in the west'),
    ('in the northeast', 'in the southwest'),
    ('the leftmost spot', 'the uppermost spot'),
]


@pytest.mark.parametrize(('sentence', 'expected'), TRANSPOSE)
def test_a_transposition_exchanges_the_axes(sentence, expected):
    assert transform_sentence(sentence, 'transpose') == expected


def test_a_counter_clockwise_turn_brings_the_top_to_the_left():
    assert transform_sentence('at the top edge', 'rot90') == 'at the left edge'
    assert transform_sentence('at the right edge', 'rot90') == 'at the upper edge'
    assert transform_sentence('at the top edge', 'rot270') == 'at the right edge'


UNHARMED = [
    'A bright, upright mast.', 'Overall a brightly lit, rightful scene.', 'The target is right at the horizon.',
    'right above the sea', 'a wake left behind by the ship', 'The ship left a trail.', 'a right angle', 'leftover heat',
    'the mark has been left out', 'the right size', 'in the center of the image', 'right next to the tower',
]


@pytest.mark.parametrize('sentence', UNHARMED)
def test_words_that_name_no_side_are_left_alone_by_a_horizontal_flip(sentence):
    assert transform_sentence(sentence, 'hflip') == sentence


@pytest.mark.parametrize('sentence', [
    'of lower contrast', 'over 20 pixels large', 'clutter spread over the image', 'all over the scene',
    'above average brightness', 'above the noise floor', 'a top-down view', 'made up of clouds', 'a close-up',
    'under cloudy conditions', 'the target falls within the center', 'a brighter, rooftop spot', 'below 5 pixels'])
def test_words_that_name_no_height_are_left_alone_by_a_vertical_flip(sentence):
    assert transform_sentence(sentence, 'vflip') == sentence


@pytest.mark.parametrize('sentence', [
    'at (120, 45)', 'at [ 12.5, 30 ]', 'at x = 12', 'x: 3, y: 4', 'its coordinates', 'at 120, 45', 'at pixel 120',
    '12 pixels from the left edge', '30% from the left', 'about 20 percent', "at 2 o'clock", 'two o’clock',
    'turning clockwise', 'counterclockwise', 'in the second quadrant', 'in quadrant IV', 'quadrant 2', 'Q3',
    'in the 2nd quadrant', 'tilted by 30 degrees', '45° from the axis', 'in the first row', 'to starboard',
    '目标位于左上角', 'цель слева', 'in the topleft corner', 'a bottomright speck', 'on the lefthand side',
    'a Centerleft spot', 'W of the mast', 'in the eastern sky, heading due W',
    'at the N. edge', 'to the NNW of the cloud', 'in the sw corner', 'a northnorthwest wind', 'an eastbound ship',
    'one third of the way across the image', 'two-thirds along the horizon',
    'along the x\u2011axis'])
@pytest.mark.parametrize('op', [op for op in OPS if op != 'identity'])
def test_content_that_no_exchange_of_words_keeps_true_is_given_up(sentence, op):
    assert transform_sentence(sentence, op) is None


@pytest.mark.parametrize('sentence', ['The track left there.', 'Moved right.', 'It is right.'])
def test_a_side_whose_sense_is_not_settled_is_given_up_only_when_sides_change(sentence):
    assert transform_sentence(sentence, 'hflip') is None
    assert transform_sentence(sentence, 'vflip') == sentence


@pytest.mark.parametrize('sentence', ['high in the sky', 'a rising plume', 'further up', 'higher than the rest'])
def test_words_of_height_are_given_up_only_when_up_and_down_change(sentence):
    assert transform_sentence(sentence, 'vflip') is None
    assert transform_sentence(sentence, 'hflip') == sentence


@pytest.mark.parametrize('sentence', [
    'a tall mast', 'an upright post', '3x5 pixels large', 'two rows', 'going left', 'above left of it',
    'three times as wide as it is high', 'wider than it is long', 'longer than it’s wide', 'longer than wide',
    'three pixels wide', 'wider than the cloud', 'twice as wide as the cloud'])
def test_words_of_shape_are_given_up_when_the_axes_change(sentence):
    assert transform_sentence(sentence, 'rot90') is None


@pytest.mark.parametrize('sentence', [
    'a wide field of view', 'its contrast is high', 'visible as long as it is hot', 'per se a long, narrow streak'])
def test_words_that_compare_no_axes_survive_a_turn(sentence):
    assert transform_sentence(sentence, 'rot90') == sentence


def test_a_square_size_survives_a_turn():
    assert transform_sentence('3x3 pixels large', 'rot90') == '3x3 pixels large'


def test_the_identity_changes_nothing_not_even_what_others_give_up():
    assert transform_sentence('At (120, 45), left-lower.', 'identity') == 'At (120, 45), left-lower.'


def test_an_unknown_operation_lists_the_known_ones():
    with pytest.raises(ConfigError, match="'flip' is not an operation on sentences.*hflip"):
        transform_sentence('left', 'flip')
