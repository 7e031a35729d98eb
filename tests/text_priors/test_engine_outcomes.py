"""What becomes of every image of a run, whatever the provider does; providers are scripted here."""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.vlm import session
from irstd_toolbox.text_priors.vlm.annotate import annotate
from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.types import (
    Answer,
    PreparedImage,
    Prompt,
    ProviderError,
    Usage,
    VisionLanguageProvider,
)

IDS = [f'XDU{number}' for number in range(6)]
REFUSED = Answer('As an AI assistant, I am unable to do this task.', 'fake', 'fake-1', 'stop')


def words(image_id: str) -> str:
    return f'The small target of {image_id} is at the left.'


class Fake(VisionLanguageProvider):
    """Answers by ``script(image_id, n)``: an answer, an error to raise, or None for a good answer; n counts from 0."""

    remote = False

    def __init__(self, script: Callable[[str, int], Any] = lambda image_id, n: None, seconds: float = 0.0,
                 model: str = 'fake') -> None:
        self.script, self.seconds, self.model = script, seconds, model
        self.asked: list[str] = []
        self.times: list[float] = []
        self.now = self.most = self.checks = self.closed = 0

    def identity(self) -> dict[str, Any]:
        return {'provider': 'fake', 'model': self.model}

    async def check(self) -> None:
        self.checks += 1
        if isinstance(problem := self.script('check', 0), Exception):
            raise problem

    async def close(self) -> None:
        self.closed += 1

    async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
        count = self.asked.count(image.image_id)
        self.asked.append(image.image_id)
        self.times.append(time.monotonic())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
            said = self.script(image.image_id, count)
        finally:
            self.now -= 1
        if isinstance(said, BaseException):
            raise said
        return said or Answer(words(image.image_id), self.model, f'{self.model}-1', 'stop', Usage(100, 20))


def prepare(image_id: str) -> PreparedImage:
    pixels = np.frombuffer(hashlib.sha256(image_id.encode()).digest()[:16], np.uint8)
    return prepare_array(pixels.reshape(4, 4), image_id)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / 'data' / 'descriptions'


@pytest.fixture
def run(folder: Path) -> Callable:
    def start(provider: Fake, ids: list[str] = IDS, **options: Any) -> Any:
        limits = Limits(**{'concurrency': 3, 'first_delay': 0.01} | options.pop('limits', {}))
        return annotate(ids, folder, provider, options.pop('prepare', prepare), limits=limits, **options)
    return start


def texts(folder: Path) -> dict[str, str]:
    return {path.name.removesuffix('.description.txt'): path.read_text() for path in folder.glob('*.txt')}


def events(folder: Path, name: str) -> list[dict]:
    lines = (session.run_dir(folder) / 'audit.jsonl').read_text().splitlines()
    return [event for event in map(json.loads, lines) if event['event'] == name]


def all_written(folder: Path, ids: list[str] = IDS) -> bool:
    return texts(folder) == {image_id: words(image_id) + '\n' for image_id in ids}


def failing(kind: str, times: int = 1, only: str | None = None, **more: Any) -> Callable[[str, int], Any]:
    def script(image_id: str, n: int) -> Any:
        return ProviderError(kind, 'so scripted', **more) if n < times and only in (None, image_id) else None
    return script


def test_every_image_is_asked_about_once_and_described(run, folder):
    provider = Fake()
    report = run(provider)
    assert all_written(folder) and report.exit_code == 0 and sorted(report.written) == IDS
    assert Counter(provider.asked) == Counter(IDS) and provider.checks == provider.closed == 1
    assert report.calls == 6 and report.usage == {'input_tokens': 600, 'output_tokens': 120}
    assert report.models == {'fake-1': 6} and report.cost is None and report.stop is None


def test_as_many_at_a_time_as_told_and_as_the_provider_allows(run):
    provider = Fake(seconds=0.2)
    run(provider, limits={'concurrency': 4})
    assert provider.most == 4


def test_the_provider_can_lower_the_concurrency(run):
    provider = Fake(seconds=0.01)
    provider.max_concurrency = 1
    run(provider, limits={'concurrency': 4})
    assert provider.most == 1


def test_an_image_is_read_when_its_turn_comes(run):
    read, provider = [], Fake(seconds=0.05)
    def slowly(image_id: str) -> PreparedImage:
        read.append((image_id, len(provider.asked)))
        return prepare(image_id)
    run(provider, prepare=slowly, limits={'concurrency': 2})
    assert all(asked >= position - 1 for position, (_, asked) in enumerate(read))


def test_it_can_be_called_inside_a_running_loop(run, folder):
    async def notebook() -> None:
        assert run(Fake()).exit_code == 0
    asyncio.run(notebook())
    assert all_written(folder)


@pytest.mark.parametrize('kind', ['server', 'timeout', 'connection', 'invalid_response'])
def test_a_passing_failure_costs_attempts(run, folder, kind):
    provider = Fake(failing(kind, times=2, only='XDU1'))
    assert run(provider, limits={'attempts': 3}).exit_code == 0
    assert all_written(folder) and provider.asked.count('XDU1') == 3


def test_an_image_whose_attempts_are_used_up_is_listed_and_the_others_are_described(run, folder):
    provider = Fake(failing('server', times=99, only='XDU1'))
    report = run(provider, limits={'attempts': 3})
    assert report.exit_code == 3 and report.failed == {'XDU1': 'server: so scripted (3 attempts)'}
    assert all_written(folder, [image_id for image_id in IDS if image_id != 'XDU1'])
    assert provider.asked.count('XDU1') == 3 and report.unasked == []


@pytest.mark.parametrize('kind', ['rate_limit', 'overloaded'])
def test_throttling_costs_no_attempts(run, folder, kind):
    provider = Fake(failing(kind, times=4, only='XDU1', retry_after=0.01))
    assert run(provider, limits={'attempts': 1}).exit_code == 0
    assert all_written(folder) and provider.asked.count('XDU1') == 5


def test_throttling_for_longer_than_told_ends_the_image_if_others_get_through(run, folder):
    provider = Fake(failing('rate_limit', times=999, only='XDU1', retry_after=0.05), seconds=0.01)
    report = run(provider, limits={'max_wait': 0.12, 'concurrency': 2})
    assert report.exit_code == 3 and list(report.failed) == ['XDU1']
    assert 'throttled for' in report.failed['XDU1'] and 'the limit is 0.12 s' in report.failed['XDU1']
    assert all_written(folder, [image_id for image_id in IDS if image_id != 'XDU1'])


def test_throttling_of_everybody_for_longer_than_told_stops_the_run(run, folder):
    provider = Fake(failing('rate_limit', times=999, retry_after=0.05))
    report = run(provider, limits={'max_wait': 0.12})
    assert report.exit_code == 4 and 'Run the same command later' in report.stop.message
    assert sorted(report.unasked) == IDS and texts(folder) == {} and len(provider.asked) <= 12


@pytest.mark.parametrize('kind', ['rate_limit', 'server'])
def test_a_server_that_asks_to_wait_longer_than_told_stops_the_run_at_once(run, kind):
    provider, start = Fake(failing(kind, times=999, retry_after=3600)), time.monotonic()
    report = run(provider)
    assert report.exit_code == 4 and 'the server asks to wait 3600 s, and the limit is 600 s' in report.stop.message
    assert len(provider.asked) <= 3 and time.monotonic() - start < 5


def test_retry_after_makes_all_workers_wait(run, folder):
    refused = []

    def script(image_id: str, n: int) -> Any:
        if image_id == 'XDU0' and n == 0:
            refused.append(time.monotonic())
            return ProviderError('rate_limit', 'slower', retry_after=0.3)
        return None
    provider = Fake(script, seconds=0.01)
    run(provider, limits={'concurrency': 2})
    waited = [at - refused[0] for at in provider.times if at > refused[0]]
    assert all_written(folder) and min(waited) >= 0.3


def test_a_passing_failure_holds_up_its_own_image_only(run, folder):
    provider = Fake(failing('server', only='XDU0'))
    run(provider, limits={'concurrency': 2, 'first_delay': 0.8})
    assert provider.asked[-1] == 'XDU0' and provider.asked.count('XDU0') == 2 and all_written(folder)


@pytest.mark.parametrize('kind', ['bad_request', 'too_large'])
def test_an_image_that_cannot_be_asked_about_fails_alone_and_at_once(run, folder, kind):
    provider = Fake(failing(kind, times=99, only='XDU1'))
    report = run(provider)
    assert report.exit_code == 3 and report.failed == {'XDU1': f'{kind}: so scripted'}
    assert provider.asked.count('XDU1') == 1
    assert all_written(folder, [image_id for image_id in IDS if image_id != 'XDU1'])


@pytest.mark.parametrize(('kind', 'cause'), [
    ('auth', 'the key is not accepted'), ('permission', 'the key may not do this'), ('billing', 'account cannot pay'),
    ('not_found', 'the model or the address does not exist'), ('config', 'the request cannot be made')])
def test_what_nobody_can_pass_stops_the_run_at_once_with_its_cause(run, folder, kind, cause):
    ids = [f'{number}' for number in range(50)]
    provider = Fake(lambda image_id, n: ProviderError(kind, 'so scripted') if image_id == '4' else None)
    report = run(provider, ids, limits={'concurrency': 2})
    assert report.exit_code == 4 and report.stop.kind == 'fatal'
    assert cause in report.stop.message and 'so scripted' in report.stop.message
    assert len(provider.asked) <= 7 and {'4', '20', '49'} <= set(report.unasked)
    assert sorted([*texts(folder), *report.unasked], key=int) == ids


def test_what_was_under_way_when_the_run_stopped_is_still_written(run, folder):
    class Uneven(Fake):
        async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
            answer = await super().ask(image, prompt)
            while len(self.asked) < 3:
                await asyncio.sleep(0.01)
            if image.image_id == 'XDU0':
                raise ProviderError('auth', 'no')
            await asyncio.sleep(0.2)
            return answer
    report = run(Uneven(), limits={'concurrency': 3})
    assert sorted(report.written) == ['XDU1', 'XDU2'] and all_written(folder, ['XDU1', 'XDU2'])
    assert report.exit_code == 4 and report.unasked == ['XDU0', 'XDU3', 'XDU4', 'XDU5']


def test_what_is_under_way_for_longer_than_the_grace_is_given_up(run):
    provider, start = Fake(lambda image_id, n: ProviderError('auth', 'no') if image_id == 'XDU0' else None), time.time()
    class Stuck(Fake):
        async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
            self.seconds = 0.05 if image.image_id == 'XDU0' else 60
            return await super().ask(image, prompt)
    report = run(Stuck(provider.script), limits={'grace': 0.1})
    assert report.exit_code == 4 and sorted(report.unasked) == IDS and time.time() - start < 5


@pytest.mark.parametrize('kind', ['auth', 'not_found'])
def test_the_check_before_the_first_image_stops_the_run_before_anything_is_sent(run, kind):
    provider = Fake(lambda image_id, n: ProviderError(kind, 'so checked') if image_id == 'check' else None)
    report = run(provider)
    assert report.exit_code == 4 and 'so checked' in report.stop.message and provider.asked == [] and report.calls == 0


def test_a_check_that_fails_in_passing_does_not_matter(run, folder):
    run(Fake(lambda image_id, n: ProviderError('server', 'busy') if image_id == 'check' else None))
    assert all_written(folder)


def test_ten_refusals_alike_in_a_row_stop_the_run(run):
    ids = [f'{number}' for number in range(40)]
    provider = Fake(failing('bad_request', times=99))
    report = run(provider, ids, limits={'concurrency': 2})
    assert report.exit_code == 4 and '10 requests in a row were refused alike: bad_request' in report.stop.message
    assert 10 <= len(provider.asked) <= 12 and len(report.failed) + len(report.unasked) == 40


@pytest.mark.parametrize('say', [
    lambda image_id, n: ProviderError('bad_request', f'about {image_id[-1]}'),
    lambda image_id, n: ProviderError('bad_request', 'alike') if int(image_id) % 10 else None])
def test_refusals_with_another_reason_or_an_answer_between_them_do_not(run, say):
    ids = [f'{number}' for number in range(40)]
    provider = Fake(lambda image_id, n: None if image_id == 'check' else say(image_id, n))
    assert run(provider, ids, limits={'concurrency': 1}).exit_code == 3 and len(provider.asked) == 40


@pytest.mark.parametrize(('bad', 'reason'), [
    (REFUSED, 'refusal'), (Answer('', 'fake', finish='refusal'), 'refusal'), (Answer('', 'fake'), 'empty'),
    (Answer('The small', 'fake', finish='length'), 'truncated'), (Answer('left ' * 51, 'fake'), 'too_long'),
    (Answer('<p>left</p>', 'fake', finish='stop'), 'unclean')])
def test_what_is_no_description_is_listed_and_neither_written_nor_cached(run, folder, bad, reason):
    report = run(Fake(lambda image_id, n: bad if image_id == 'XDU1' else None))
    assert report.exit_code == 3 and report.rejected['XDU1'].startswith(f'{reason}: ') and 'XDU1' not in texts(folder)
    assert len(list((session.run_dir(folder) / 'cache').rglob('*.json'))) == 5
    assert [event['reason'] for event in events(folder, 'rejected')] == [reason]
    assert run(Fake()).exit_code == 0 and all_written(folder)


def test_a_defect_of_a_third_partys_provider_fails_the_image_and_not_the_run(run, folder):
    report = run(Fake(lambda image_id, n: ZeroDivisionError('oops') if image_id == 'XDU1' else None))
    assert 'a defect of the provider: ZeroDivisionError: oops' in report.failed['XDU1'] and report.exit_code == 3
    report = run(Fake(lambda image_id, n: ConfigError('the SDK is not installed')))
    assert report.exit_code == 4 and 'the SDK is not installed' in report.stop.message


def test_an_image_that_cannot_be_read_fails_alone(run, folder):
    def broken(image_id: str) -> PreparedImage:
        if image_id == 'XDU1':
            raise DataError('XDU1.png: cannot be decoded')
        return prepare(image_id)
    report = run(Fake(), prepare=broken)
    assert report.failed == {'XDU1': 'XDU1.png: cannot be decoded'} and len(texts(folder)) == 5


def test_images_that_are_the_same_are_asked_about_once(run, folder):
    provider = Fake(seconds=0.05)
    report = run(provider, prepare=lambda image_id: prepare_array(np.zeros((4, 4)), image_id))
    assert len(provider.asked) == 1 and sorted(report.written) == IDS and len(set(texts(folder).values())) == 1


def test_images_that_are_the_same_share_a_refusal_and_a_failure_too(run):
    same = {'prepare': lambda image_id: prepare_array(np.zeros((4, 4)), image_id), 'limits': {'concurrency': 2}}
    provider = Fake(lambda image_id, n: REFUSED, seconds=0.01)
    assert sorted(run(provider, **same).rejected) == IDS and len(provider.asked) == 1
    provider = Fake(failing('too_large', times=99), seconds=0.01)
    assert sorted(run(provider, **same).failed) == IDS and len(provider.asked) == 1


def test_no_more_requests_than_told_repetitions_included(run, folder):
    provider = Fake(failing('server', only='XDU0'))
    report = run(provider, limits={'max_calls': 4})
    assert len(provider.asked) == report.calls == 4 and len(texts(folder)) == 3 and report.exit_code == 3
    assert report.stop.kind == 'budget' and 'the limit of 4 requests is reached' in report.stop.message
    assert run(provider).exit_code == 0 and all_written(folder)


@pytest.mark.parametrize('concurrency', [1, 3])
def test_no_more_money_than_told_requests_under_way_included(run, concurrency):
    class Uneven(Fake):
        async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
            self.seconds = 0.2 * (concurrency > 1) * len(self.asked)
            return await super().ask(image, prompt)
    prices = Prices(input=1000, output=5000)  # 0.2 an answer
    report = run(Uneven(), prices=prices, limits={'max_cost': 0.7, 'concurrency': concurrency})
    assert report.cost == pytest.approx(0.6) and len(report.written) == 3 and report.exit_code == 3
    assert report.stop.kind == 'budget' and 'would pass the limit of 0.7; ' in report.stop.message


def test_answers_that_are_not_counted_cost_what_is_estimated(run):
    provider = Fake(lambda image_id, n: Answer(words(image_id), 'gpt-4o', None, 'stop'), model='gpt-4o')
    report = run(provider, prices=Prices(10, 10), limits={'max_cost': 0.005, 'concurrency': 1})
    assert 1 <= len(provider.asked) < 6 and 0 < report.cost <= 0.005 and report.stop.kind == 'budget'


def test_a_limit_of_money_that_cannot_be_kept_stops_the_run(run):
    provider = Fake(lambda image_id, n: Answer(words(image_id), 'fake', None, 'stop'))
    report = run(provider, prices=Prices(10, 10), limits={'max_cost': 0.002, 'concurrency': 1})
    assert provider.asked == ['XDU0'] and report.cost is None
    assert 'counts no tokens, so the limit of 0.002 cannot be kept' in report.stop.message


@pytest.mark.parametrize('said', ['a sentence', Answer(None, 'fake', None, 'stop')])
def test_what_is_no_answer_fails_the_image_and_not_the_run(run, said):
    report = run(Fake(lambda image_id, n: said if image_id == 'XDU0' else None))
    assert 'a defect of the provider: TypeError: ask returned' in report.failed['XDU0'] and len(report.written) == 5


def test_a_full_disk_stops_the_run_with_its_cause(run, folder, monkeypatch):
    def full(self: Any, key: str, answer: Answer) -> None:
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr('irstd_toolbox.text_priors.vlm.cache.AnswerCache.put', full)
    report = run(Fake())
    assert report.exit_code == 4 and 'No space left on device' in report.stop.message and texts(folder) == {}


def test_limits_out_of_range_are_refused():
    for wrong in ({'concurrency': 0}, {'attempts': 0}, {'max_wait': -1}, {'max_cost': float('nan')}):
        with pytest.raises(ConfigError, match=f'{next(iter(wrong))} is .*; expected'):
            Limits(**wrong)


def test_every_step_is_in_the_audit_log_and_no_image_is(run, folder):
    run(Fake(failing('server', only='XDU1')), ['XDU1'])
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
