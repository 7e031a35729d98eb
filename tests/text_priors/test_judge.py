"""Whether an answer may be written."""

import unicodedata

import pytest

from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors.vlm.judge import REASONS, accept, clean, count_words, is_refusal, judge
from irstd_toolbox.text_priors.vlm.types import Answer

GOOD = 'The small target is situated in the upper left region of the image, just above the tree line.'


def answer(text: str, finish: str = 'stop') -> Answer:
    return Answer(text, 'm', finish=finish)


@pytest.mark.parametrize('finish', ['stop', 'unknown'])
def test_a_sentence_passes_unchanged(finish):
    verdict = judge(answer(GOOD, finish), 50)
    assert (verdict.ok, verdict.reason, verdict.text) == (True, 'ok', GOOD)


@pytest.mark.parametrize(('finish', 'text', 'reason'), [
    ('refusal', '', 'refusal'), ('refusal', GOOD, 'refusal'), ('content_filter', GOOD, 'refusal'),
    ('length', 'The small target is', 'truncated'), ('length', '', 'truncated'),
    ('stop', '', 'empty'), ('stop', ' \n\u200b ', 'empty'), ('stop', '...', 'empty'), ('unknown', '', 'empty'),
    *[('stop', text, 'empty') for text in (
        'None', 'N/A', 'Yes.', 'No.', 'Sure!', '**null**', 'Sure! Here is the description:',
        'Of course, here’s a description of the target within 50 words:')]])
def test_how_it_ended_decides_before_the_words_do(finish, text, reason):
    assert judge(answer(text, finish), 50).reason == reason


@pytest.mark.parametrize('text', [
    'As an AI assistant, I am unable to do this task.',
    "I'm sorry, but I can't assist with that request.",
    'I’m sorry, I cannot help with identifying targets in this image right now.',
    "I'm unable to view images directly. Please provide a description.",
    'Sorry, I am not able to process the image.',
    'I cannot locate a small target in this image.',
    "I can't see the image you are referring to.",
    'I do not have the ability to analyze infrared images.',
    "I don't see any image attached.",
    'No infrared image was provided.',
    'Please upload the infrared image so that I can locate the target.',
    'As a language model, I do not perceive pictures, but the target may be on the left.',
    'I must decline this request.',
    "I won't be able to help.",
    "I'm an AI and cannot detect targets.",
    "This request appears related to weapons targeting, which I can't support.",
    "I can't support military targeting.",
    'I can’t discuss that.',
    'Cannot assist with this request.',
    "I'm sorry, but I must respectfully decline.",
    "I'm not going to provide targeting information.",
    'My guidelines do not allow me to assist with target acquisition.',
    'This goes against our usage policies.',
    'The rules do not allow me to do this.',
    "Sorry, but targeting assistance isn't something I can offer.",
    'No image attached.',
    "There doesn't seem to be an image attached to your message.",
    "It looks like the image wasn't uploaded.",
    'Could you upload the image?',
    'We cannot assist with that.',
    "I can't provide that.",
    'I cannot provide a description of a target at the center of this image.',
    'Please share the image with the target in its upper left.',
    'Cannot offer a location. Please provide more context.',
    'I refuse to help.',
    "It isn't possible to locate the target.",
    "It is not possible to determine the target's location in this image.",
    "Unable to determine the target's location.",
    'Cannot locate the small target.',
    'The exact position of the target cannot be determined.',
    "I won't describe where the target is.",
    "I will not identify the target at the center of this image.",
    'I am not willing to locate military targets.',
    'I cannot describe this image.',
    "I'm not comfortable identifying targets in military imagery.",
    'I am really uncomfortable with this.',
    "I don't feel comfortable describing this.",
    "My apologies, but I won't describe military targets.",
    "I'm sorry, but this request falls outside what I can do.",
    'Locating targets is beyond what I am able to do.',
    'I cannot in good conscience locate the target.',
    "It looks like the image didn't upload. Could you try again?",
    'The image failed to load.',
    'Please try again.',
    'I need more information to locate the target.',
    'More context is needed to determine a region.',
    'Your request has been blocked by our content filter.',
    'The prompt was flagged.'])
def test_a_refusal_in_prose_is_one(text):
    assert is_refusal(text) and judge(answer(text), 50).reason == 'refusal'


@pytest.mark.parametrize('text', [
    GOOD,
    'No target is visible in the left half; a faint spot lies at the lower right.',
    'There is no discernible small target in this infrared image.',
    'The target, unable to be resolved as more than a point, lies at the center.',
    'I cannot tell what it is, but the small target lies in the upper right corner.',
    'The small target is located right at the horizon, near the assist vessel.',
    'A small target appears in the middle; it cannot be mistaken for the clouds.',
    'A small target is near the image center; clouds cannot be distinguished from it.',
    'It is not possible to see other objects; the target lies in the upper left.',
    'The target lies on the right-hand side.',
    'A small target above the sea; it is impossible to identify the target type.',
    'A faint target over the ridge, impossible to tell the target from the clutter by its size.',
    'A target above the sea; it is not possible to tell where the clouds end.',
    "It is not possible to determine the target's exact position, but it is near the lower edge.",
    "I can't provide exact coordinates, but the small target is in the upper-left quadrant, near the cloud edge.",
    'While I am unable to provide precise coordinates, the target is located in the upper right region.',
    'The target is at the lower right. I cannot provide more detail.',
    'The small target is at the upper left. Please share a higher-resolution image for a finer location.',
    'I cannot offer 1.5-pixel precision but the target lies near the top.',
    'The sensor cannot provide contrast here; a dim target hangs below the clouds.',
    'There does not appear to be an image artifact beside the small target.',
    'The image is not given to clutter; one bright target is over the sea.',
    'A support vessel lies below the target, which is not attached to it.',
    'No cloud covers the small target above the sea.',
    'Nothing else is visible beside the small target.',
    'None of the clouds hides the target.',
    'No target.',
    'Yes, a small target lies above the hills.',
    'Sure! Here is the description: The target lies above the hills.',
    'Here is a small target above the sea.',
    'Unknown object above the ridge.',
    "I won't describe the clouds, but the target sits in the upper right.",
    'I am not comfortable naming its type; the target lies at the lower left.',
    'Its type is beyond what I can tell, but the target lies in the center.',
    'I need more information for its type. The target is at the left.',
    'The image does not display a target.',
    'A target beyond the tree line, outside the clouds.',
    'The view is blocked and filtered by haze around a faint target.',
    'The image did not lose its contrast around the small target.'])
def test_a_description_is_no_refusal(text):
    assert not is_refusal(text) and judge(answer(text), 50).ok


def test_words_are_counted_as_words_and_nothing_is_cut():
    fifty = ' '.join(['upper-left'] * 50)
    assert count_words(fifty) == 50 and judge(answer(fifty), 50).ok
    verdict = judge(answer(fifty + ' too'), 50)
    assert (verdict.reason, verdict.text) == ('too_long', fifty + ' too')
    assert judge(answer(fifty + ' - — !'), 50).ok and judge(answer(fifty * 9), None).ok


@pytest.mark.parametrize(('raw', 'cleaned'), [
    ('The target\nis at\r\nthe left.', 'The target is at the left.'),
    ('\u202eThe \u200btarget\x00 is\x07 left.\ufeff', 'The target is left.'),
    ('The **small** target is in the *upper* _left_ `region`.', 'The small target is in the upper left region.'),
    ('## Location\n- upper left\n- above the sea', 'Location upper left above the sea'),
    ('"The target is at the left."', 'The target is at the left.'),
    ('“The target is at the left.”', 'The target is at the left.'),
    ('A "target" is at the "left"', 'A "target" is at the "left"'),
    ('Cafe\u0301 at the left.', 'Café at the left.'),
    ('A * b and snake_case_name stay, as 3 * 4 does.', 'A * b and snake_case_name stay, as 3 * 4 does.'),
    ('About 3*3 pixels at the left of the 512*512 image.', 'About 3*3 pixels at the left of the 512*512 image.'),
    ('A **2*3**-pixel target, *left*, of 9*9.', 'A 2*3-pixel target, left, of 9*9.'),
    ('In the *up*per left.', 'In the upper left.'),
    ('> The target is at the left.\n---', 'The target is at the left.')])
def test_the_text_is_one_clean_line_with_every_word(raw, cleaned):
    verdict = judge(answer(raw), 50)
    assert verdict.ok and verdict.text == cleaned == clean(cleaned)
    assert not any(unicodedata.category(char)[0] == 'C' for char in verdict.text)


@pytest.mark.parametrize('text', [
    '```\nThe target is at the left.\n```', '{"region": "upper left"}', '<p>The target is at the left.</p>',
    '<!DOCTYPE html><html><body>Sign in</body></html>', '<think>left?</think> The target is at the left.',
    'The target is at the left.<|im_end|>', '| region |\n|---|\n| left |', '[the target](http://x.y) is at the left',
    'The target is at the le\ufffdt.', '小目标位于图像的左上角。',
    'Zielposition: 左上角区域附近的小目标位于图像之中央区域'])
def test_what_is_no_prose_is_unclean(text):
    assert judge(answer(text), 50).reason == 'unclean'


def test_accept_gives_the_text_or_says_why_not():
    assert accept(answer(f'**{GOOD}**'), 50) == GOOD
    with pytest.raises(DataError, match='refusal: the model declined: .*Nothing was written'):
        accept(answer('I must decline.'), 50)


def test_every_reason_is_explained():
    reasons = {judge(answer(*case), 3).reason for case in [
        ('a b',), ('', 'refusal'), ('',), ('a', 'length'), ('a b c d',), ('<p>a</p>',)]}
    assert reasons == set(REASONS)
