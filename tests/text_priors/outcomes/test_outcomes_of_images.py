"""What becomes of every image of a run that goes on to its end, whatever the provider does."""

import asyncio
import hashlib
import json
from collections import Counter

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.vlm import session
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Usage

REFUSED = Answer('As an AI assistant, I am unable to do this task.', 'fake', 'fake-1', 'stop')


def test_every_image_is_asked_about_once_and_described(run, fake, all_written, image_ids):
    provider = fake()
    report = run(provider)
    assert all_written() and report.exit_code == 0 and sorted(report.written) == image_ids
    assert Counter(provider.asked) == Counter(image_ids) and provider.checks == provider.closed == 1
    assert report.calls == 6 and report.usage == {'input_tokens': 600, 'output_tokens': 120}
    assert report.models == {'fake-1': 6} and report.cost is None and report.stop is None


def test_as_many_at_a_time_as_told_and_as_the_provider_allows(run, fake):
    provider = fake(seconds=0.2)
    run(provider, limits={'concurrency': 4})
    assert provider.most == 4


def test_the_provider_can_lower_the_concurrency(run, fake):
    provider = fake(seconds=0.01)
    provider.max_concurrency = 1
    run(provider, limits={'concurrency': 4})
    assert provider.most == 1


def test_an_image_is_read_when_its_turn_comes(run, fake, prepare):
    read, provider = [], fake(seconds=0.05)
    def slowly(image_id: str) -> PreparedImage:
        read.append((image_id, len(provider.asked)))
        return prepare(image_id)
    run(provider, prepare=slowly, limits={'concurrency': 2})
    assert all(asked >= position - 1 for position, (_, asked) in enumerate(read))


def test_it_can_be_called_inside_a_running_loop(run, fake, all_written):
    async def notebook() -> None:
        assert run(fake()).exit_code == 0
    asyncio.run(notebook())
    assert all_written()


@pytest.mark.parametrize('kind', ['server', 'timeout', 'connection', 'invalid_response'])
def test_a_passing_failure_costs_attempts(run, kind, fake, failing, all_written):
    provider = fake(failing(kind, times=2, only='XDU1'))
    assert run(provider, limits={'attempts': 3}).exit_code == 0
    assert all_written() and provider.asked.count('XDU1') == 3


def test_an_image_whose_attempts_are_used_up_is_listed_and_the_others_are_described(
    run, fake, failing, all_written, image_ids,
):
    provider = fake(failing('server', times=99, only='XDU1'))
    report = run(provider, limits={'attempts': 3})
    assert report.exit_code == 3 and report.failed == {'XDU1': 'server: so scripted (3 attempts)'}
    assert all_written([image_id for image_id in image_ids if image_id != 'XDU1'])
    assert provider.asked.count('XDU1') == 3 and report.unasked == []


@pytest.mark.parametrize('kind', ['bad_request', 'too_large'])
def test_an_image_that_cannot_be_asked_about_fails_alone_and_at_once(run, kind, fake, failing, all_written, image_ids):
    provider = fake(failing(kind, times=99, only='XDU1'))
    report = run(provider)
    assert report.exit_code == 3 and report.failed == {'XDU1': f'{kind}: so scripted'}
    assert provider.asked.count('XDU1') == 1
    assert all_written([image_id for image_id in image_ids if image_id != 'XDU1'])


@pytest.mark.parametrize(('bad', 'reason'), [
    (REFUSED, 'refusal'), (Answer('', 'fake', finish='refusal'), 'refusal'), (Answer('', 'fake'), 'empty'),
    (Answer('The small', 'fake', finish='length'), 'truncated'), (Answer('left ' * 51, 'fake'), 'too_long'),
    (Answer('<p>left</p>', 'fake', finish='stop'), 'unclean')])
def test_what_is_no_description_is_listed_and_neither_written_nor_cached(
    run, folder, bad, reason, fake, all_written, texts, events,
):
    report = run(fake(lambda image_id, n: bad if image_id == 'XDU1' else None))
    assert report.exit_code == 3 and report.rejected['XDU1'].startswith(f'{reason}: ') and 'XDU1' not in texts()
    assert len(list((session.run_dir(folder) / 'cache').rglob('*.json'))) == 5
    assert [event['reason'] for event in events('rejected')] == [reason]
    assert run(fake()).exit_code == 0 and all_written()


def test_a_defect_of_a_third_partys_provider_fails_the_image_and_not_the_run(run, fake):
    report = run(fake(lambda image_id, n: ZeroDivisionError('oops') if image_id == 'XDU1' else None))
    assert 'a defect of the provider: ZeroDivisionError: oops' in report.failed['XDU1'] and report.exit_code == 3
    report = run(fake(lambda image_id, n: ConfigError('the SDK is not installed')))
    assert report.exit_code == 4 and 'the SDK is not installed' in report.stop.message


def test_an_image_that_cannot_be_read_fails_alone(run, fake, prepare, texts):
    def broken(image_id: str) -> PreparedImage:
        if image_id == 'XDU1':
            raise DataError('XDU1.png: cannot be decoded')
        return prepare(image_id)
    report = run(fake(), prepare=broken)
    assert report.failed == {'XDU1': 'XDU1.png: cannot be decoded'} and len(texts()) == 5


def test_images_that_are_the_same_are_asked_about_once(run, fake, texts, image_ids):
    provider = fake(seconds=0.05)
    report = run(provider, prepare=lambda image_id: prepare_array(np.zeros((4, 4)), image_id))
    assert len(provider.asked) == 1 and sorted(report.written) == image_ids and len(set(texts().values())) == 1


def test_images_that_are_the_same_share_a_refusal_and_a_failure_too(run, fake, failing, image_ids):
    same = {'prepare': lambda image_id: prepare_array(np.zeros((4, 4)), image_id), 'limits': {'concurrency': 2}}
    provider = fake(lambda image_id, n: REFUSED, seconds=0.01)
    assert sorted(run(provider, **same).rejected) == image_ids and len(provider.asked) == 1
    provider = fake(failing('too_large', times=99), seconds=0.01)
    assert sorted(run(provider, **same).failed) == image_ids and len(provider.asked) == 1


@pytest.mark.parametrize(('said', 'told'), [
    (lambda: 'a sentence', "ask returned 'a sentence'; expected an Answer"),
    (lambda: Answer(None, 'fake'), 'text of an answer is NoneType; expected str'),
    (lambda: Answer('Left.', 'fake', usage={'input': 3}), 'usage of an answer is dict; expected Usage'),
    (lambda: Answer('Left.', 'fake', usage=Usage(output_tokens='3')), 'output_tokens of an answer is str; expected')])
def test_what_is_no_answer_fails_the_image_and_not_the_run(run, said, told, fake):
    report = run(fake(lambda image_id, n: said() if image_id == 'XDU0' else None))
    assert f'a defect of the provider: TypeError: {told}' in report.failed['XDU0'] and len(report.written) == 5


def test_every_step_is_in_the_audit_log_and_no_image_is(run, folder, fake, failing, prepare):
    run(fake(failing('server', only='XDU1')), ['XDU1'])
    log = [json.loads(line) for line in (session.run_dir(folder) / 'audit.jsonl').read_text().splitlines()]
    assert [event['event'] for event in log] == ['run_started', 'error', 'answer', 'written', 'run_finished']
    assert len({event['run'] for event in log}) == 1
    answer, written = log[2], log[3]
    image = prepare('XDU1')
    assert (answer['image'], answer['prompt']) == (image.sha256, Question().prompt(image).sha256)
    assert (answer['model'], answer['resolved_model'], answer['verdict']) == ('fake', 'fake-1', 'ok')
    path = store.find_description(folder, 'XDU1')
    assert written['sha256'] == hashlib.sha256(path.read_bytes()).hexdigest() and written['key'] == answer['key']
    assert b'PNG' not in (session.run_dir(folder) / 'audit.jsonl').read_bytes()
