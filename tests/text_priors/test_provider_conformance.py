"""The conformance kit passes our providers and finds each fault of a bad one."""

import base64
import json

import numpy as np
import pytest

from irstd_toolbox.text_priors import MaskCaptionProvider, QuadrantProvider, ReplayProvider, TextPriorProvider
from irstd_toolbox.text_priors.testing import check_provider, make_scenes
from irstd_toolbox.text_priors.vlm.types import Answer, BatchProvider, ProviderError, VisionLanguageProvider


@pytest.mark.parametrize('kind', ['openai', 'openai_chat', 'openai_compatible', 'anthropic'])
def test_our_online_providers_conform(vlm_server, make_provider, key_canary, kind):
    check_provider(make_provider(kind), key=key_canary, sent=lambda: json.dumps(vlm_server.asks[-1].body), broken=[
        make_provider(kind, model='nobody'), make_provider(kind, base_url='http://127.0.0.1:9')])


@pytest.mark.parametrize('provider', [QuadrantProvider(), MaskCaptionProvider(3)], ids=['quadrant', 'mask_caption'])
def test_our_offline_providers_conform(provider):
    check_provider(provider)


def test_replay_conforms(tmp_path):
    for scene in make_scenes():
        (tmp_path / f'{scene.image_id}.txt').write_text(f'A target in {scene.image_id}.')
    check_provider(ReplayProvider(tmp_path))


class Good(TextPriorProvider):
    uses_ground_truth = False
    text = 'It is there.'

    def describe(self, scene):
        return self.text


class Cheat(Good):
    def describe(self, scene):
        return 'No mask.' if scene.mask is None else f'{int(scene.mask.sum())} pixels.'


class Wants(Good):
    def describe(self, scene):
        return f'{len(scene.targets())} targets.'


class Claims(Good):
    uses_ground_truth = True


class Hesitates(Good):
    def __init__(self):
        self.uses_ground_truth = 'no'


class Spoils(Good):
    def describe(self, scene):
        scene.image[0, 0] += 1
        return self.text


class Fickle(Good):
    def describe(self, scene):
        self.count = getattr(self, 'count', 0) + 1
        return f'Answer {self.count}.'


class Forgets(Good):
    def __init__(self):
        self.text = 'It is here.'

    def __getstate__(self):
        return {'text': 'Lost.'}


class Says(Good):
    def __init__(self, text):
        self.text = text


@pytest.mark.parametrize(('provider', 'problem'), [
    (Cheat(), 'depends on the mask, and uses_ground_truth is False'),
    (Wants(), 'wants the mask, and uses_ground_truth is False'),
    (Claims(), 'needs no mask, and uses_ground_truth is True'),
    (Hesitates(), "uses_ground_truth is 'no'; expected True or False"),
    (Spoils(), 'changed the scene'), (Fickle(), 'something else the second time'), (Forgets(), 'a pickled copy says'),
    (Says(None), 'returned NoneType; expected str'), (Says('a\nb'), 'expected one line'),
    (Says(' a'), 'expected one line'), (Says(''), 'expected one line'),
    (Says('word ' * 50 + 'word'), 'returned 51 words; expected at most 50')])
def test_a_fault_of_an_offline_provider_is_found(provider, problem):
    with pytest.raises(AssertionError, match=problem):
        check_provider(provider)


def test_what_is_no_provider_is_told():
    with pytest.raises(AssertionError, match='is no TextPriorProvider'):
        check_provider(object())


def examples(image, prompt):
    """The images of a question, and what is said of the example ones."""
    shown = [base64.b64encode(one.png).decode() for one in (image, *(shot.image for shot in prompt.shots))]
    return shown, [shot.text for shot in prompt.shots]


class Asker(VisionLanguageProvider):
    """Keeps what a model would get."""

    name, role, extra, failure, leak = 'asker', True, {}, None, None
    count = 0

    def identity(self):
        return {'provider': self.name, 'model': 'm', **self.extra}

    async def ask(self, image, prompt):
        if self.failure:
            raise self.failure
        self.body = json.dumps([prompt.system if self.role else None, prompt.task, *examples(image, prompt)])
        if self.leak:
            import logging
            logging.getLogger('asker').debug('sent with %s', self.leak)
        return Answer('It lies at the left.', 'm', finish='stop')


def asker(kind=Asker, **changed):
    made = kind()
    vars(made).update(changed)
    return made


KEY = 'key-0123456789'


def test_a_provider_that_keeps_the_contract_conforms():
    made = asker()
    check_provider(made, key=KEY, sent=lambda: made.body, broken=[asker(failure=ProviderError('auth', 'no'))])
    check_provider(batches := Packs(), key=KEY, sent=lambda: batches.body)


class Grows(Asker):
    def identity(self):
        self.count += 1
        return {'provider': 'a', 'model': 'm', 'count': self.count}


class Remembers(Asker):
    async def ask(self, image, prompt):
        from dataclasses import replace
        self.system = prompt.system or self.system
        return await super().ask(image, replace(prompt, system=self.system))


class Mumbles(Asker):
    async def ask(self, image, prompt):
        await super().ask(image, prompt)
        return 'It lies at the left.'


class Changes(Asker):
    def __setstate__(self, state):
        self.name = 'another'


class Packs(Asker, BatchProvider):
    dropped, extra = '', {'endpoint': 'http://127.0.0.1'}
    batch_submit = batch_find = batch_status = batch_results = batch_cancel = batch_cleanup = None

    def batch_line(self, custom_id, image, prompt):
        line = dict(id=custom_id, task=prompt.task, system=prompt.system, shown=examples(image, prompt))
        return {name: value for name, value in line.items() if name != self.dropped}


class Shrinks(Asker):
    async def ask(self, image, prompt):
        from dataclasses import replace
        smaller = replace(image, png=image.png[:-1])
        return await super().ask(smaller, prompt)


@pytest.mark.parametrize(('made', 'problem'), [
    (asker(role=False), "the system 'You are an expert in fulmars.' of a few_shot prompt did not reach"),
    (Shrinks(), 'the bytes of scene_0 in a few_shot prompt did not reach the model'),
    (asker(extra={'array': np.zeros(2)}), r'identity\(\) is no JSON'),
    (asker(extra={'pair': (1, 2)}), r'identity\(\) does not survive JSON'),
    (asker(extra={'model': None}), "names no 'provider' or no 'model'"),
    (asker(uses_ground_truth=True), 'uses_ground_truth is True; expected False of a provider that shows a model'),
    (Remembers(), "a prompt without a system's role brought an earlier one along"),
    (Mumbles(), r"ask\(\) returned 'It lies at the left.'; expected an Answer"),
    (Changes(), 'a pickled copy has another identity'),
    (asker(Packs, dropped='id'), r'batch_line\(\) does not hold the custom id'),
    (asker(Packs, dropped='task'), r"batch_line\(\): the task '.*' of a few_shot prompt did not reach"),
    (asker(Packs, extra={}), "names no 'endpoint'; expected it, as str, of a provider that makes batches"),
    (Grows(), r'identity\(\) changed by asking'), (asker(extra={'key': KEY}), 'the key is in the identity'),
    (asker(note=KEY), 'the key is in a pickle'), (asker(leak=KEY), 'the key is in the logs')])
def test_a_fault_of_one_that_asks_a_model_is_found(made, problem):
    with pytest.raises(AssertionError, match=problem):
        check_provider(made, key=KEY, sent=lambda: made.body)


def chained():
    try:
        raise RuntimeError(f'Bearer {KEY}')
    except RuntimeError as cause:
        error = ProviderError('auth', 'no')
        error.__cause__ = cause
        return error


@pytest.mark.parametrize(('failure', 'problem'), [
    (RuntimeError('x'), r'ask\(\) raised RuntimeError; expected ProviderError alone'),
    (ProviderError('auth', f'bad key {KEY}'), 'the key is in a ProviderError of kind auth'),
    (chained(), "raised from the SDK's exception"), (None, 'given as broken answered')])
def test_a_failure_that_is_not_as_it_should_be_is_found(failure, problem):
    with pytest.raises(AssertionError, match=problem):
        check_provider(asker(), key=KEY, broken=[asker(failure=failure)])
