"""The words that models are asked with."""

import hashlib
import json

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.vlm import prompts
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.types import Shot

ROLE = 'You are an expert who can locate the small target in the infrared image.'
TASK = ('Locate the small target within the infrared image and respond succinctly within 50 words, detailing the '
        'region where the target is situated.')


def shot(image_id: str, level: int, text: str = 'At the left.') -> Shot:
    return Shot(prepare_array(np.full((4, 4), level), image_id), text)


def test_the_system_prompt_is_the_papers_word_for_word():
    prompt = prompts.render('system')
    assert (prompt.system, prompt.task, prompt.shots) == (ROLE, TASK, ())


def test_the_zero_shot_prompt_is_the_papers_sentence_alone():
    prompt = prompts.render('zero_shot')
    assert (prompt.system, prompt.task) == (None, 'Detect the small target in the infrared image.')


def test_the_few_shot_prompt_is_the_system_prompt_after_examples():
    examples = (shot('a', 1), shot('b', 2))
    prompt = prompts.render('few_shot', shots=examples)
    assert (prompt.system, prompt.task, prompt.shots) == (ROLE, TASK, examples)


def test_without_a_limit_only_the_limit_is_left_out():
    assert prompts.render('system', word_limit=None).task == TASK.replace(' within 50 words', '')
    assert prompts.render('system', word_limit=None).system == ROLE


def test_the_plural_is_in_every_place():
    prompt = prompts.render('system', noun='targets')
    assert prompt.system == ROLE.replace('target', 'targets')
    assert prompt.task == TASK.replace('target', 'targets').replace('targets is', 'targets are')
    assert prompts.render('zero_shot', noun='targets').task == 'Detect the small targets in the infrared image.'


@pytest.mark.parametrize(('arguments', 'words'), [
    ({'style': 'zero-shot'}, "'zero-shot'; expected one of zero_shot, few_shot, system"),
    ({'noun': 'object'}, "'object'; expected one of target, targets"),
    ({'word_limit': 0}, 'word limit 0; expected a whole number from 1'),
    ({'word_limit': True}, 'word limit True'),
    ({'style': 'few_shot'}, "'few_shot' with 0 examples"),
    ({'style': 'system', 'shots': (shot('a', 1),)}, "'system' with 1 examples")])
def test_a_wrong_argument_is_an_error_that_says_what_is_expected(arguments, words):
    with pytest.raises(ConfigError, match=words):
        prompts.render(**arguments)


def test_the_hash_is_of_all_that_is_rendered():
    base = prompts.render('system')
    assert base.sha256 == hashlib.sha256(json.dumps(['system', ROLE, TASK, []]).encode()).hexdigest()
    others = [prompts.render('zero_shot'), prompts.render('system', noun='targets'), prompts.render(word_limit=None),
              prompts.render('few_shot', shots=(shot('a', 1),)), prompts.render('few_shot', shots=(shot('a', 2),)),
              prompts.render('few_shot', shots=(shot('a', 1, 'At the right.'),))]
    assert len({prompt.sha256 for prompt in [base, *others]}) == 7


def test_an_image_is_never_its_own_example_by_id_or_by_content():
    examples = [shot('a', 1), shot('b', 2), shot('c', 3)]
    def chosen(query: Shot) -> list[str]:
        return [example.image.image_id for example in prompts.choose_shots(examples, 2, query.image)]
    assert chosen(shot('z', 9)) == ['a', 'b']
    assert chosen(shot('a', 9)) == ['b', 'c']
    assert chosen(shot('z', 2)) == ['a', 'c']
    with pytest.raises(ConfigError, match='a: 1 examples are left besides the image itself; expected 2'):
        prompts.choose_shots(examples[:2], 2, examples[0].image)


def test_the_order_of_examples_does_not_depend_on_the_order_given():
    ids = [f'XDU{number}' for number in range(20)]
    assert prompts.order_examples(ids) == prompts.order_examples(ids[::-1]) != ids
    without = [image_id for image_id in prompts.order_examples(ids) if image_id != 'XDU7']
    assert prompts.order_examples(set(ids) - {'XDU7'}) == without


def test_a_zero_shot_answer_is_held_to_no_limit_since_none_was_stated():
    assert prompts.Question('zero_shot').limit is None
    assert prompts.Question('system').limit == 50 and prompts.Question('system', word_limit=None).limit is None


def test_a_question_shows_each_image_with_others_and_tells_what_it_is():
    question = prompts.Question('few_shot', examples=(shot('a', 1), shot('b', 2)), shots=1)
    assert [example.image.image_id for example in question.prompt(shot('a', 1).image).shots] == ['b']
    record = question.record()
    assert record['task'] == TASK and record['shots'] == 1 and record['examples'] == ['a', 'b']
    assert record['sha256'] == prompts.render('few_shot', shots=(shot('a', 1),)).sha256
    with pytest.raises(ConfigError, match='3 examples were asked for and 2 are there'):
        prompts.Question('few_shot', examples=question.examples, shots=3)
    with pytest.raises(ConfigError, match='-1 examples were asked for; expected 0 or more'):
        prompts.Question('few_shot', examples=(shot('a', 1),), shots=-1)
