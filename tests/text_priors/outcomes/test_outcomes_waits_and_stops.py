"""When a run waits, and why it stops before its end: throttling, fatal failures, limits of requests and money."""

import asyncio
import time
from typing import Any

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.pace import Limits, Stopper
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, ProviderError


@pytest.mark.parametrize('kind', ['rate_limit', 'overloaded'])
def test_throttling_costs_no_attempts(run, kind, fake, failing, all_written):
    provider = fake(failing(kind, times=4, only='XDU1', retry_after=0.01))
    assert run(provider, limits={'attempts': 1}).exit_code == 0
    assert all_written() and provider.asked.count('XDU1') == 5


def test_throttling_for_longer_than_told_ends_the_image_if_others_get_through(
    run, fake, failing, all_written, image_ids,
):
    provider = fake(failing('rate_limit', times=999, only='XDU1', retry_after=0.05), seconds=0.01)
    report = run(provider, limits={'max_wait': 0.12, 'concurrency': 2})
    assert report.exit_code == 3 and list(report.failed) == ['XDU1']
    assert 'throttled for' in report.failed['XDU1'] and 'the limit is 0.12 s' in report.failed['XDU1']
    assert all_written([image_id for image_id in image_ids if image_id != 'XDU1'])


def test_throttling_of_everybody_for_longer_than_told_stops_the_run(run, fake, failing, texts, image_ids):
    provider = fake(failing('rate_limit', times=999, retry_after=0.05))
    report = run(provider, limits={'max_wait': 0.12})
    assert report.exit_code == 4 and 'Run the same command later' in report.stop.message
    assert sorted(report.unasked) == image_ids and texts() == {} and len(provider.asked) <= 12


@pytest.mark.parametrize('kind', ['rate_limit', 'server'])
def test_a_server_that_asks_to_wait_longer_than_told_stops_the_run_at_once(run, kind, fake, failing):
    provider, start = fake(failing(kind, times=999, retry_after=3600)), time.monotonic()
    report = run(provider)
    assert report.exit_code == 4 and 'the server asks to wait 3600 s, and the limit is 600 s' in report.stop.message
    assert len(provider.asked) <= 3 and time.monotonic() - start < 5


def test_retry_after_makes_all_workers_wait(run, fake, all_written):
    refused = []

    def script(image_id: str, n: int) -> Any:
        if image_id == 'XDU0' and n == 0:
            refused.append(time.monotonic())
            return ProviderError('rate_limit', 'slower', retry_after=0.3)
        return None
    provider = fake(script, seconds=0.01)
    run(provider, limits={'concurrency': 2})
    waited = [at - refused[0] for at in provider.times if at > refused[0]]
    assert all_written() and min(waited) >= 0.3


def test_a_passing_failure_holds_up_its_own_image_only(run, fake, failing, all_written):
    provider = fake(failing('server', only='XDU0'))
    run(provider, limits={'concurrency': 2, 'first_delay': 0.8})
    assert provider.asked[-1] == 'XDU0' and provider.asked.count('XDU0') == 2 and all_written()


@pytest.mark.parametrize(('asked', 'waits'), [(7.0, [7.0, 7.0]), (None, [0.01, 0.02])])
def test_before_it_is_asked_again_a_failing_server_is_given_the_time_that_it_asks_for(
        run, fake, failing, monkeypatch, asked, waits):
    slept = []

    async def sleep(self: Stopper, seconds: float) -> None:
        slept.append(seconds)
    monkeypatch.setattr(Stopper, 'sleep', sleep)
    run(fake(failing('server', times=2, retry_after=asked)), ['XDU0'])
    assert slept == pytest.approx(waits, rel=0.25) and (asked is None or slept == waits)


@pytest.mark.parametrize(('kind', 'cause'), [
    ('auth', 'the key is not accepted'), ('permission', 'the key may not do this'), ('billing', 'account cannot pay'),
    ('not_found', 'the model or the address does not exist'), ('config', 'the request cannot be made')])
def test_what_nobody_can_pass_stops_the_run_at_once_with_its_cause(run, kind, cause, fake, texts):
    ids = [f'{number}' for number in range(50)]
    provider = fake(lambda image_id, n: ProviderError(kind, 'so scripted') if image_id == '4' else None)
    report = run(provider, ids, limits={'concurrency': 2})
    assert report.exit_code == 4 and report.stop.kind == 'fatal'
    assert cause in report.stop.message and 'so scripted' in report.stop.message
    assert len(provider.asked) <= 7 and {'4', '20', '49'} <= set(report.unasked)
    assert sorted([*texts(), *report.unasked], key=int) == ids


def test_what_was_under_way_when_the_run_stopped_is_still_written(run, fake, all_written):
    class Uneven(fake):
        async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
            answer = await super().ask(image, prompt)
            while len(self.asked) < 3:
                await asyncio.sleep(0.01)
            if image.image_id == 'XDU0':
                raise ProviderError('auth', 'no')
            await asyncio.sleep(0.2)
            return answer
    report = run(Uneven(), limits={'concurrency': 3})
    assert sorted(report.written) == ['XDU1', 'XDU2'] and all_written(['XDU1', 'XDU2'])
    assert report.exit_code == 4 and report.unasked == ['XDU0', 'XDU3', 'XDU4', 'XDU5']


def test_what_is_under_way_for_longer_than_the_grace_is_given_up(run, fake, image_ids):
    provider, start = fake(lambda image_id, n: ProviderError('auth', 'no') if image_id == 'XDU0' else None), time.time()
    class Stuck(fake):
        async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
            self.seconds = 0.05 if image.image_id == 'XDU0' else 60
            return await super().ask(image, prompt)
    report = run(Stuck(provider.script), limits={'grace': 0.1})
    assert report.exit_code == 4 and sorted(report.unasked) == image_ids and time.time() - start < 5


@pytest.mark.parametrize('kind', ['auth', 'not_found'])
def test_the_check_before_the_first_image_stops_the_run_before_anything_is_sent(run, kind, fake):
    provider = fake(lambda image_id, n: ProviderError(kind, 'so checked') if image_id == 'check' else None)
    report = run(provider)
    assert report.exit_code == 4 and 'so checked' in report.stop.message and provider.asked == [] and report.calls == 0


def test_a_check_that_fails_in_passing_does_not_matter(run, fake, all_written):
    run(fake(lambda image_id, n: ProviderError('server', 'busy') if image_id == 'check' else None))
    assert all_written()


def test_ten_refusals_alike_in_a_row_stop_the_run(run, fake, failing):
    ids = [f'{number}' for number in range(40)]
    provider = fake(failing('bad_request', times=99))
    report = run(provider, ids, limits={'concurrency': 2})
    assert report.exit_code == 4 and '10 requests in a row were refused alike: bad_request' in report.stop.message
    assert 10 <= len(provider.asked) <= 12 and len(report.failed) + len(report.unasked) == 40


@pytest.mark.parametrize(('good', 'asked'), [('', 10), ('4', 15), ('9 19 29 39', 40)])
def test_ten_answers_in_a_row_cut_by_their_tokens_stop_the_run(run, fake, good, asked):
    good = ('check', *good.split())
    provider = fake(lambda image_id, n: None if image_id in good else Answer('The', 'fake', finish='length'))
    report = run(provider, [f'{number}' for number in range(40)], limits={'concurrency': 1})
    assert len(provider.asked) == asked and len(report.rejected) == asked - len(report.written)
    assert (report.stop is None) == (asked == 40) and len(report.written) == len(good) - 1
    if report.stop:
        assert report.exit_code == 4 and '10 answers in a row' in report.stop.message
        assert 'raise max_output_tokens' in report.stop.message


def test_a_reason_to_stop_that_comes_with_the_last_image_stops_nothing(run, fake, failing):
    report = run(fake(failing('bad_request', times=99)), [f'{number}' for number in range(10)])
    assert report.stop is None and len(report.failed) == 10 and report.exit_code == 3


@pytest.mark.parametrize('say', [
    lambda image_id, n: ProviderError('bad_request', f'about {image_id[-1]}'),
    lambda image_id, n: ProviderError('bad_request', 'alike') if int(image_id) % 10 else None])
def test_refusals_with_another_reason_or_an_answer_between_them_do_not(run, say, fake):
    ids = [f'{number}' for number in range(40)]
    provider = fake(lambda image_id, n: None if image_id == 'check' else say(image_id, n))
    assert run(provider, ids, limits={'concurrency': 1}).exit_code == 3 and len(provider.asked) == 40


def test_no_more_requests_than_told_repetitions_included(run, fake, failing, all_written, texts):
    provider = fake(failing('server', only='XDU0'))
    report = run(provider, limits={'max_calls': 4})
    assert len(provider.asked) == report.calls == 4 and len(texts()) == 3 and report.exit_code == 3
    assert report.stop.kind == 'budget' and 'the limit of 4 requests is reached' in report.stop.message
    assert run(provider).exit_code == 0 and all_written()


@pytest.mark.parametrize('concurrency', [1, 3])
def test_no_more_money_than_told_requests_under_way_included(run, concurrency, fake):
    class Uneven(fake):
        async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
            self.seconds = 0.2 * (concurrency > 1) * len(self.asked)
            return await super().ask(image, prompt)
    prices = Prices(input=1000, output=5000)  # 0.2 an answer
    report = run(Uneven(), prices=prices, limits={'max_cost': 0.7, 'concurrency': concurrency})
    assert report.cost == pytest.approx(0.6) and len(report.written) == 3 and report.exit_code == 3
    assert report.stop.kind == 'budget' and 'would pass the limit of 0.7; ' in report.stop.message


def test_answers_that_are_not_counted_cost_what_is_estimated(run, fake, words):
    provider = fake(lambda image_id, n: Answer(words(image_id), 'gpt-4o', None, 'stop'), model='gpt-4o')
    report = run(provider, prices=Prices(10, 10), limits={'max_cost': 0.005, 'concurrency': 1})
    assert 1 <= len(provider.asked) < 6 and 0 < report.cost <= 0.005 and report.stop.kind == 'budget'


def test_a_limit_of_money_that_cannot_be_kept_stops_the_run(run, fake, words):
    provider = fake(lambda image_id, n: Answer(words(image_id), 'fake', None, 'stop'))
    report = run(provider, prices=Prices(10, 10), limits={'max_cost': 0.002, 'concurrency': 1})
    assert provider.asked == ['XDU0'] and report.cost is None
    assert 'counts no tokens, so the limit of 0.002 cannot be kept' in report.stop.message


def test_a_full_disk_stops_the_run_with_its_cause(run, monkeypatch, fake, texts):
    def full(self: Any, key: str, answer: Answer) -> None:
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr('irstd_toolbox.text_priors.vlm.cache.AnswerCache.put', full)
    report = run(fake())
    assert report.exit_code == 4 and 'No space left on device' in report.stop.message and texts() == {}


def test_limits_out_of_range_are_refused():
    for wrong in ({'concurrency': 0}, {'attempts': 0}, {'max_wait': -1}, {'max_cost': float('nan')}):
        with pytest.raises(ConfigError, match=f'{next(iter(wrong))} is .*; expected'):
            Limits(**wrong)
