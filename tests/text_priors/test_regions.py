"""What a description claims: regions, number of targets, coordinates, CLIP tokens."""

import sys

import pytest

from irstd_toolbox.text_priors.claims import cites_coordinates, count_said
from irstd_toolbox.text_priors.clip_tokens import CLIP_TOKENS, find_counter
from irstd_toolbox.text_priors.regions import Region, read_description_text, read_regions


def regions(text):
    return ' '.join(map(str, read_regions(text)))


@pytest.mark.parametrize(('text', 'expected'), [
    ('The small target lies in the upper-left quadrant of the infrared image.', 'upper-left'),
    ('The target is in the top right corner, near the edge.', 'upper-right'),
    ('The target is found at the top center of the frame.', 'upper-center'),
    ('The target is located in the left center of the image.', 'center-left'),
    ('The target is at the bottom of the image, centrally.', 'lower-center'),
    ('The target is horizontally centered, in the lower third.', 'lower-center'),
    ('The target is centered in the image.', 'center'),
    ('A bright dot at the right-hand side of the frame.', 'right'),
    ('In the far right of the image.', 'right'),
    ('It lies in the northeast corner of the scene.', 'upper-right'),
    ('A bright spot in the SW.', 'lower-left'),
    ('The target is at the upper\u2011left.', 'upper-left'),
    ('The target lies left\u2010of\u2013center.', 'center-left'),
    ('It is in the southern part of the image.', 'lower'),
    ('A target in the lower frame.', 'lower'),
    ('The small target lies at the upper left of the 512x512 infrared image.', 'upper-left'),
    ('The target is at the lower right of a 640 × 480-pixel image.', 'lower-right'),
    ('A target on the right hand.', 'right'),
    ('The target is horizontally centered.', 'horizontal center'),
    ('The target is vertically centered on the left.', 'center-left'),
])
def test_a_region_is_read_from_each_kind_of_word(text, expected):
    assert regions(text) == expected


@pytest.mark.parametrize(('text', 'expected'), [
    ('The target is on the left, near the top.', 'upper-left'),
    ('The target is towards the bottom and right of the image.', 'lower-right'),
    ('The target is in the upper part of the left half.', 'upper-left'),
    ('The target lies in the middle of the left edge of the image.', 'center-left'),
    ('It is in the center of the image, slightly to the left.', 'center-left'),
    ('It is in the middle right side of the image, close to the top right corner.', 'center-right'),
])
def test_what_is_said_of_two_axes_is_one_region(text, expected):
    assert regions(text) == expected


@pytest.mark.parametrize(('text', 'expected'), [
    ('The target sits slightly left of center.', 'center-left'),
    ('The target is just above the center of the image.', 'upper-center'),
    ('The target is slightly below and to the right of the center.', 'lower-right'),
    ('It is in the lower portion of the image, slightly to the left of the centre.', 'lower-left'),
])
def test_a_side_of_the_center_is_a_region(text, expected):
    assert regions(text) == expected


@pytest.mark.parametrize('text', [
    'The target is to the left of the tree line.',
    'The target is near the left edge of the cloud.',
    'A spot north of the ridge.',
    'The target is on top of the hill.',
    'The target is above the tower to the right of the road.',
    'The target hides behind the upper clouds.',
    'The target is to the left of the 3 ships.',
])
def test_a_place_relative_to_a_landmark_is_no_region(text):
    assert regions(text) == ''


def test_a_region_beside_a_landmark_is_read():
    assert regions('To the left of the tree line, a target is seen in the lower part of the image.') == 'lower'


@pytest.mark.parametrize(('text', 'expected'), [
    ('There is no target in the upper half, but one in the lower left.', 'lower-left'),
    ('The left half contains no targets; one target is in the lower right corner.', 'lower-right'),
    ('The target is not in the left half but in the right half.', 'right'),
    ("The target isn't on the left.", ''),
    ('The target is in the lower part rather than the left part.', 'lower'),
    ('The target, not visible at first, lies in the upper left.', 'upper-left'),
    ('The target is in the upper left with no other objects nearby.', 'upper-left'),
    ('The target is not far from the center.', 'center'),
    ('No small target is visible in the infrared image.', ''),
])
def test_what_is_denied_is_no_region(text, expected):
    assert regions(text) == expected


@pytest.mark.parametrize(('text', 'expected'), [
    ('A target right at the horizon.', ''),
    ('A target left behind the ship.', ''),
    ('A dim target with lower contrast on the right side of the frame.', 'right'),
    ('The aircraft is moving left in the upper right quadrant.', 'upper-right'),
    ('The target moves from left to right.', ''),
    ('The leftmost target is in the center.', 'center'),
])
def test_a_word_in_another_sense_is_no_region(text, expected):
    assert regions(text) == expected


@pytest.mark.parametrize('text', [
    'The upper part of the image is dark sky. The target lies in the lower left.',
    'A target is in the lower left, while the upper half is filled with clouds.',
])
def test_a_sentence_about_the_background_gives_way(text):
    assert regions(text) == 'lower-left'


@pytest.mark.parametrize(('text', 'expected'), [
    ('Two targets: one in the upper-left part and one in the lower right.', 'upper-left lower-right'),
    ('Four targets are visible: two in the upper-left part, one in the center and one in the lower part.',
     'upper-left center lower'),
    ('The first target is at the top; the second at the left.', 'upper left'),
    ('The targets lie in the upper-left, upper-right and lower-left quadrants.', 'upper-left upper-right lower-left'),
    ('The left and right sides each hold a target.', 'left right'),
    ('Targets are in the center, the upper left and the lower right.', 'center upper-left lower-right'),
    ('A target at the upper left, and another target at the upper left.', 'upper-left'),
])
def test_regions_of_several_targets_stay_apart_and_count_once(text, expected):
    assert regions(text) == expected


@pytest.mark.parametrize(('region', 'name'), [
    (Region('center', 'right'), 'center-right'), (Region('center', 'center'), 'center'), (Region(None, 'left'), 'left'),
    (Region('center', None), 'vertical center'), (Region(None, 'center'), 'horizontal center'),
    (Region(None, None), 'none')])
def test_a_region_has_the_name_that_mask_captions_use(region, name):
    assert str(region) == name


@pytest.mark.parametrize(('text', 'expected'), [
    ('Two targets: one on the left, one on the right.', (2, 2)),
    ('The two very small targets', (2, 2)),
    ('A pair of small bright targets', (2, 2)),
    ('There are 13 targets.', (13, 13)),
    ('Several targets are visible.', (2, None)),
    ('The targets are small.', (2, None)),
    ('The small target lies on the left.', (1, 1)),
    ('One target on the left and another target on the right.', (2, 2)),
    ('A target, and several bright spots.', (1, 1)),
    ('A target of 3 pixels.', (1, 1)),
    ('Two aircraft over the sea.', (2, 2)),
    ('No small target is visible in the infrared image.', (0, 0)),
    ('A target and no other targets.', (1, 1)),
    ('A single small target lies in the upper left; no other targets are visible.', (1, 1)),
    ('One small ship on the left. No additional bright objects are present.', (1, 1)),
    ('Targets lie left and right, without any further targets.', (2, None)),
    ('Two targets and no more targets.', (2, 2)),
    ('No more than a few targets are visible.', (2, None)),
    ('A 4 pixel target lies at the left.', (1, 1)),
    ('A 3 by 3 target lies at the left.', (1, 1)), ('A 3 x 3 target lies there.', (1, 1)),
    ('The 3 pixel wide target', (1, 1)),
    ('The 12 px target', (1, 1)),
    ('Two clouds flank a small target.', (1, 1)),
    ('Between two buildings a target is visible.', (1, 1)),
    ('Several clouds flank a target.', (1, 1)),
    ('No clouds hide an infrared target.', (1, 1)),
])
def test_the_number_of_targets_is_read(text, expected):
    count = count_said(text)
    assert (count.low, count.high) == expected


@pytest.mark.parametrize('text', ['On the left.', 'No target in the left half, but one in the right.'])
def test_no_number_is_made_up(text):
    assert count_said(text) is None


@pytest.mark.parametrize('text', [
    'At (120, 45).', 'Its bounding box is small.', 'x = 12.', 'At pixel 30.', 'At 120, 45.', '12 px from the left.',
    'In row 4.', '[1, 2, 3, 4]', 'Its coordinates are unknown.'])
def test_talk_of_coordinates_is_noticed(text):
    assert cites_coordinates(text)


@pytest.mark.parametrize('text', ['It covers 12 pixels.', 'A 3x3 target.', 'Two targets, one of them small.'])
def test_other_numbers_are_no_coordinates(text):
    assert not cites_coordinates(text)


def test_a_spread_is_noticed():
    assert read_description_text('Four targets, spread over the image.').spread
    assert not read_description_text('Four targets.').spread


@pytest.mark.parametrize(('text', 'tokens'), [('target', 3), ('upper-left target', 6), ('a ' * 75, 77), ('', 2)])
def test_clip_tokens_count_both_marks(text, tokens):
    counter, reason = find_counter()
    assert (counter(text), reason, CLIP_TOKENS) == (tokens, '', 77)


def test_without_open_clip_the_reason_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, 'open_clip', None)
    monkeypatch.setitem(sys.modules, 'open_clip.tokenizer', None)
    counter, reason = find_counter()
    assert counter is None
    assert 'open_clip cannot be imported' in reason
