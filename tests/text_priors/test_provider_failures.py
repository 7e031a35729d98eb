"""What each fault of a server becomes: a kind of error, or an answer that says how it ended."""

import asyncio
import datetime
import json
import pickle
import random
import traceback
from types import SimpleNamespace

import pytest

from irstd_toolbox.text_priors.providers import failures
from irstd_toolbox.text_priors.vlm.types import RETRIED, Answer, ProviderError

EVERY = ['openai', 'openai_chat', 'openai_compatible', 'anthropic']
KINDS = {
    'rate_limit': 'rate_limit', 'quota': 'billing', 'payment': 'billing', 'credit': 'billing', 'auth': 'auth',
    'permission': 'permission', 'not_found': 'not_found', 'bad_request': 'bad_request', 'unprocessable': 'bad_request',
    'image_too_large': 'too_large', 'too_large': 'too_large', 'request_timeout': 'timeout', 'conflict': 'server',
    'server': 'server', 'unavailable': 'overloaded', 'overloaded': 'overloaded', 'slow:1': 'timeout',
    'cut': 'connection', 'reset': 'connection', 'malformed': 'invalid_response', 'html': 'invalid_response',
    'html_502': 'server', 'array': 'invalid_response'}
ENDS = {
    'ok': ('stop', True), 'refusal': ('refusal', False), 'refusal_prose': ('stop', True), 'truncated': ('length', True),
    'reasoning_only': ('length', False), 'empty': ('stop', False), 'too_long': ('stop', True)}


def fails(ask, provider, *given) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(provider, *given)
    return caught.value


@pytest.mark.parametrize('kind', EVERY)
@pytest.mark.parametrize('fault', KINDS)
def test_a_fault_has_its_kind(vlm_server, make_provider, ask, kind, fault):
    vlm_server.script([fault])
    # No limit but where it is what is tested: a machine with other work may take a second to answer.
    error = fails(ask, make_provider(kind, timeout=0.4 if fault.startswith('slow') else 30))
    assert error.kind == KINDS[fault] and '\n' not in str(error) and len(str(error)) < 500
    assert len(vlm_server.asks) == 1  # no retries below ours


@pytest.mark.parametrize('kind', EVERY)
@pytest.mark.parametrize(('fault', 'told'), [
    ('error_text', '400: This model takes no images.'), ('error_typed', '400: This model takes no images.'),
    ('detail', '400: This model takes no images.'), ('plain', '400: This model takes no images.'),
    ('detail_list', '422: {"detail": [{"loc": ["body"], "msg": "This model takes no images."}]}'),
    ('no_body', '400: without an explanation')])
def test_a_servers_words_are_told_whatever_their_form(vlm_server, make_provider, ask, kind, fault, told):
    vlm_server.script([fault])
    error = fails(ask, make_provider(kind))
    assert (error.kind, error.message) == ('bad_request', f'127.0.0.1:{vlm_server.port} answered {told}')


@pytest.mark.parametrize('kind', ['openai', 'openai_chat', 'openai_compatible'])
def test_an_error_in_the_place_of_an_answer_is_told(vlm_server, make_provider, ask, kind):
    vlm_server.script(['loading'])
    error = fails(ask, make_provider(kind))
    assert (error.kind, error.message) == ('bad_request', f'127.0.0.1:{vlm_server.port}: This model takes no images.')


@pytest.mark.parametrize('kind', EVERY)
@pytest.mark.parametrize('fault', ENDS)
def test_an_answer_says_how_it_ended(vlm_server, make_provider, ask, kind, fault):
    vlm_server.script([fault])
    answer = ask(make_provider(kind))
    assert (answer.finish, bool(answer.text)) == ENDS[fault]


@pytest.mark.parametrize(('kind', 'finish'), [
    ('openai', 'content_filter'), ('openai_chat', 'content_filter'), ('anthropic', 'refusal')])
def test_a_filter_is_no_answer_that_may_be_written(vlm_server, make_provider, ask, kind, finish):
    vlm_server.script(['content_filter'])
    assert ask(make_provider(kind)).finish == finish


@pytest.mark.parametrize('kind', EVERY)
@pytest.mark.parametrize(('fault', 'seconds'), [('rate_limit:7', 7), ('rate_limit', None), ('unavailable:0.5', 0.5)])
def test_the_time_to_wait_is_told(vlm_server, make_provider, ask, kind, fault, seconds):
    vlm_server.script([fault])
    error = fails(ask, make_provider(kind))
    assert error.retry_after == seconds and error.status in (429, 503) and error.request_id.startswith('req_')


@pytest.mark.parametrize('kind', EVERY)
def test_nothing_of_the_sdks_exception_hangs_on_to_a_failure(vlm_server, make_provider, ask, kind):
    vlm_server.script(['auth'])
    error = fails(ask, make_provider(kind))
    assert error.__cause__ is None and error.__context__ is None
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert 'AuthenticationError' not in ''.join(traceback.format_exception(error))


@pytest.mark.parametrize('kind', EVERY)
def test_an_unknown_model_is_told_by_check_and_by_ask(make_provider, ask, kind):
    provider = make_provider(kind, model='nobody')
    assert fails(ask, provider).kind == 'not_found'
    with pytest.raises(ProviderError, match='nobody') as caught:
        asyncio.run(provider.check())
    assert caught.value.kind == 'not_found'


@pytest.mark.parametrize('kind', EVERY)
def test_check_passes_without_asking_anything(vlm_server, make_provider, kind):
    asyncio.run(make_provider(kind).check())
    assert [record.kind for record in vlm_server.requests] == ['models']


def test_a_name_without_its_tag_is_found_in_a_local_servers_list(vlm_server, make_provider):
    vlm_server.models.add('llava:latest')
    asyncio.run(make_provider('openai_compatible', model='llava').check())


@pytest.mark.parametrize(('name', 'listed', 'failure'), [
    ('openai_compatible', 'models/llava', None), ('openai_compatible', 'org/llava', None),
    ('openai_compatible', None, 'not_found'), ('openai_compatible', None, 'permission'),
    ('openai_compatible', None, 'bad_request'), ('openai', None, 'permission'), ('anthropic', None, 'not_found'),
    ('anthropic', ['llava'], None)])
def test_a_list_that_cannot_be_had_or_spells_otherwise_stops_nothing(make_provider, monkeypatch, name, listed, failure):
    provider = make_provider(name, model='org/llava:nitro' if listed == 'org/llava' else 'llava')

    async def get(path: str, query: dict | None = None) -> dict:
        if failure:
            raise ProviderError(failure, f'no list for you at {path}')
        return {'data': [{'id': 'other'}, {'id': listed}], 'capabilities': listed}
    monkeypatch.setattr(provider, 'get', get)
    asyncio.run(provider.check())


@pytest.mark.parametrize(('shown', 'kind'), [
    ({'lifecycle': 'retired'}, 'not_found'), ({'capabilities': {'image_input': {'supported': False}}}, 'config')])
def test_a_model_that_is_gone_or_blind_is_told_before_it_is_asked(make_provider, monkeypatch, shown, kind):
    provider = make_provider('anthropic')

    async def get(path: str, query: dict | None = None) -> dict:
        return {'id': 'claude-test', **shown}
    monkeypatch.setattr(provider, 'get', get)
    with pytest.raises(ProviderError) as caught:
        asyncio.run(provider.check())
    assert caught.value.kind == kind


@pytest.mark.parametrize(('kind', 'name'), [
    ('openai', 'OPENAI_API_KEY'), ('openai_chat', 'OPENAI_API_KEY'), ('anthropic', 'ANTHROPIC_API_KEY')])
def test_a_missing_key_and_a_refused_one_name_the_variable(vlm_server, make_provider, ask, monkeypatch, kind, name):
    vlm_server.keys = {'another'}
    refused = fails(ask, make_provider(kind))
    monkeypatch.delenv(name)
    missing = fails(ask, make_provider(kind))
    assert (refused.kind, missing.kind) == ('auth', 'auth') and name in refused.message and name in missing.message
    assert len(vlm_server.requests) == 1


def test_a_local_server_that_wants_a_key_is_told_how(vlm_server, make_provider, ask):
    vlm_server.keys = {'another'}
    assert 'api_key_env' in fails(ask, make_provider('openai_compatible')).message


@pytest.mark.parametrize('kind', EVERY)
def test_a_server_that_is_not_there_is_a_connection_error(make_provider, ask, kind):
    error = fails(ask, make_provider(kind, base_url='http://127.0.0.1:9/v1'))
    assert error.kind == 'connection' and '127.0.0.1:9' in error.message


@pytest.mark.parametrize(('options', 'word'), [
    (dict(model='gpt-6-test', api='chat', temperature=0.5), 'temperature'),
    (dict(model='gpt-4o-test', api='chat', reasoning_effort='low'), 'reasoning')])
def test_an_option_that_the_model_refuses_stops_the_run_and_is_named(make_provider, ask, options, word):
    error = fails(ask, make_provider('openai', **options))
    assert error.kind == 'config' and word in error.message and error.kind not in RETRIED


def test_an_image_that_is_too_large_for_anthropic_is_no_fault_of_the_others(make_provider, ask, prepared):
    assert fails(ask, make_provider('anthropic'), None, prepared(0, (20, 8001))).kind == 'too_large'


@pytest.mark.parametrize(('code', 'kind'), [
    ('rate_limit_exceeded', 'rate_limit'), ('server_error', 'server'), ('image_too_large', 'too_large'),
    ('invalid_image', 'bad_request'), ('model_not_found', 'not_found'), ('insufficient_quota', 'billing')])
def test_a_response_that_failed_has_the_kind_of_its_code(vlm_server, make_provider, ask, code, kind):
    vlm_server.script([f'failed:{code}'])
    assert fails(ask, make_provider('openai')).kind == kind


def test_a_response_that_was_filtered_as_failed_is_an_answer_without_words(vlm_server, make_provider, ask):
    vlm_server.script(['failed:image_content_policy_violation'])
    answer = ask(make_provider('openai'))
    assert (answer.finish, answer.text) == ('content_filter', '')


@pytest.mark.parametrize('kind', ['openai_chat', 'openai_compatible'])
def test_no_choices_is_no_answer(vlm_server, make_provider, ask, kind):
    vlm_server.script(['no_choices'])
    assert fails(ask, make_provider(kind)).kind == 'invalid_response'


@pytest.mark.parametrize(('status', 'error', 'kind'), [
    (400, {'code': 'model_not_found'}, 'not_found'), (429, {'code': 'billing_hard_limit_reached'}, 'billing'),
    (429, {'type': 'rate_limit_error', 'details': {'error_code': 'contract_spend_limit_reached'}}, 'billing'),
    (429, {'type': 'rate_limit_error', 'details': {'error_code': 'ramp_limit_exceeded'}}, 'rate_limit'),
    (400, {'message': 'Your credit balance is too low to access the API.'}, 'billing'),
    (400, {'message': 'temperature: Extra inputs are not permitted'}, 'config'),
    (400, {'code': 'unsupported_value', 'param': 'image'}, 'config'), (500, {'type': 'overloaded_error'}, 'overloaded'),
    (400, {'code': 'context_length_exceeded'}, 'too_large'), (504, None, 'timeout'), (502, 'page', 'server'),
    (418, None, 'bad_request'), (302, None, 'invalid_response'), (404, None, 'not_found')])
def test_status_and_codes_decide_the_kind(status, error, kind):
    made = failures.from_status(status, error, 'host')
    assert made.kind == kind and made.status == status


@pytest.mark.parametrize('made', [
    failures.from_status(401, {'message': 'Incorrect API key: sk-12**90'}, 'host'),
    failures.from_error({'code': 'invalid_api_key', 'message': 'Incorrect API key: sk-12**90'}, 'host')])
def test_what_a_vendor_repeats_of_a_key_is_not_told(made):
    assert (made.kind, made.message) == ('auth', 'host answered 401: the key was refused')


@pytest.mark.parametrize(('error', 'kind', 'status'), [
    ({'code': 429}, 'rate_limit', 429), ({'code': 402}, 'billing', 402), ({'code': 400}, 'bad_request', 400),
    ({'code': 600}, 'bad_request', None), ({'type': 'overloaded_error'}, 'overloaded', 529),
    ({'code': 'server_error'}, 'server', 500), ({'code': 'insufficient_quota'}, 'billing', None),
    ({'code': 'string_above_max_length'}, 'too_large', None), ({'code': 'unknown_parameter'}, 'config', None),
    (None, 'bad_request', None)])
def test_an_error_without_a_status_has_that_of_its_code(error, kind, status):
    made = failures.from_error(error, 'host')
    assert (made.kind, made.status) == (kind, status)


def test_the_parameter_at_fault_is_named():
    made = failures.from_status(400, {'message': 'Not this.', 'param': 'image.detail'}, 'host')
    assert made.message == 'host answered 400: Not this. (parameter image.detail)'


def test_the_timeout_of_asyncio_is_one_where_it_is_no_builtin_either(monkeypatch):
    import openai

    class Late(Exception):
        """What ``asyncio.TimeoutError`` is in Python 3.10."""
    monkeypatch.setattr(asyncio, 'TimeoutError', Late)
    assert failures.from_exception(Late(), openai, 'host').kind == 'timeout'


def test_an_answer_that_comes_in_drops_is_waited_for_no_longer_than_told(make_provider, ask):
    provider = make_provider('openai', timeout=0.05)
    provider._connect = lambda sdk: SimpleNamespace(post=lambda *given, **more: asyncio.sleep(2))
    assert fails(ask, provider).kind == 'timeout'


def test_a_long_explanation_is_cut_to_one_line():
    assert len(failures.from_status(400, {'message': 'data:\n' + 'A' * 100_000}, 'host').message) < 400


@pytest.mark.parametrize(('headers', 'seconds'), [
    ({'retry-after': 'Wed, 21 Oct 2026 07:28:10 GMT'}, 10), ({'retry-after': 'Wed, 21 Oct 2026 07:27:00 GMT'}, None),
    ({'retry-after': 'soon'}, None), ({'retry-after': '-3'}, None), ({'retry-after': 'inf'}, None),
    ({'retry-after': 'nan'}, None), ({'retry-after': '3600'}, 3600),
    ({'retry-after': '0'}, None), ({'retry-after-ms': '0', 'retry-after': '9'}, 9),
    ({'retry-after-ms': '20', 'retry-after': '9'}, 0.02), ({'retry-after-ms': 'x', 'retry-after': '9'}, 9)])
def test_retry_after_is_read_as_seconds_or_as_a_date(headers, seconds):
    now = datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.timezone.utc)
    assert failures.retry_after(headers, now) == seconds


@pytest.mark.parametrize('kind', EVERY)
def test_a_mangled_body_is_an_answer_or_a_provider_error_and_nothing_else(vlm_server, make_provider, ask, kind):
    kept = []
    provider = make_provider(kind)
    read = type(provider).parse
    provider.parse = lambda body: (kept.append(body), read(provider, body))[1]
    ask(provider)
    rng, outcomes = random.Random(0), {Answer: 0, ProviderError: 0}
    for _ in range(400):
        body = json.loads(json.dumps(kept[0]))
        for _ in range(rng.randint(1, 3)):
            mangle(body, rng)
        try:
            outcomes[type(read(provider, body))] += 1
        except ProviderError:
            outcomes[ProviderError] += 1
    assert min(outcomes.values()) > 20


def mangle(body: object, rng: random.Random) -> None:
    """Put something else in the place of one value, or take it away."""
    places = []

    def walk(value: object) -> None:
        for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            places.append((value, key))
            walk(value[key])
    walk(body)
    holder, key = rng.choice(places)
    if isinstance(holder, dict) and rng.random() < 0.3:
        del holder[key]
    else:
        holder[key] = rng.choice([None, 0, 'x', [], {}, [None], {'error': 'x'}, True, 1.5])
