"""The key reaches the vendor and nobody else: no pickle, log, failure or identity shows it."""

import asyncio
import copy
import io
import json
import logging
import os
import pickle
import traceback

import pytest

from irstd_toolbox.text_priors.vlm.prompts import render
from irstd_toolbox.text_priors.vlm.types import ProviderError

NEEDS_KEY = ['openai', 'openai_chat', 'anthropic']
EVERY = [*NEEDS_KEY, 'openai_compatible']
FAULTS = ['auth', 'echo', 'bad_request', 'rate_limit:1', 'reset', 'cut', 'malformed', 'html', 'server']


@pytest.fixture
def logged():
    """All that is logged at any level, by anybody, SDKs asked to log everything."""
    written, root = io.StringIO(), logging.getLogger()
    handler, level = logging.StreamHandler(written), root.level
    handler.setFormatter(logging.Formatter('%(name)s %(message)s %(pathname)s'))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written.getvalue
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.mark.parametrize('kind', NEEDS_KEY)
def test_the_key_comes_from_the_environment_and_reaches_the_server(vlm_server, make_provider, ask, key_canary, kind):
    ask(make_provider(kind))
    assert vlm_server.asks[0].headers['authorization'] == f'Bearer {key_canary}'


@pytest.mark.parametrize('kind', NEEDS_KEY)
def test_another_variable_can_be_named(vlm_server, make_provider, ask, monkeypatch, kind):
    monkeypatch.setenv('TEAM_KEY', 'team-key-0123456789')
    ask(make_provider(kind, api_key_env='TEAM_KEY'))
    assert vlm_server.asks[0].headers['authorization'] == 'Bearer team-key-0123456789'


@pytest.mark.parametrize('kind', EVERY)
def test_no_header_of_the_environment_is_sent(vlm_server, make_provider, ask, monkeypatch, key_canary, kind):
    for name in ('OPENAI_CUSTOM_HEADERS', 'ANTHROPIC_CUSTOM_HEADERS'):
        monkeypatch.setenv(name, 'Authorization: Bearer other\nX-Gateway: secret\nanthropic-beta: x')
    monkeypatch.setenv('OPENAI_ORG_ID', 'org-secret')
    monkeypatch.setenv('OPENAI_PROJECT_ID', 'proj-secret')
    ask(make_provider(kind))
    sent = vlm_server.asks[0].headers
    assert sent['authorization'] == f'Bearer {key_canary if kind in NEEDS_KEY else "EMPTY"}'
    assert not {'x-gateway', 'anthropic-beta', 'openai-organization', 'openai-project'} & set(sent)
    assert os.environ['OPENAI_ORG_ID'] == 'org-secret'


def test_whose_account_pays_is_told_by_options_and_is_no_part_of_the_answer(vlm_server, make_provider, ask):
    provider = make_provider('openai', organization='org-1', project='proj-1')
    ask(provider)
    sent = vlm_server.asks[0].headers
    assert (sent['openai-organization'], sent['openai-project']) == ('org-1', 'proj-1')
    assert provider.identity() == make_provider('openai').identity()


@pytest.mark.parametrize('kind', NEEDS_KEY)
def test_a_client_that_is_in_use_is_pickled_and_copied_without_its_key(make_provider, prepared, key_canary, kind):
    async def run() -> tuple:
        provider = make_provider(kind)
        await provider.ask(prepared(), render('system'))
        data = pickle.dumps(provider)
        copies = pickle.loads(data), copy.deepcopy(provider)
        return data, [await made.ask(prepared(), render('system')) for made in copies]
    data, answers = asyncio.run(run())
    assert key_canary.encode() not in data and len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize('kind', NEEDS_KEY)
@pytest.mark.parametrize('fault', FAULTS)
def test_no_failure_shows_the_key(vlm_server, make_provider, ask, key_canary, kind, fault):
    vlm_server.script([fault])
    with pytest.raises(ProviderError) as caught:
        ask(make_provider(kind))
    error = caught.value
    assert key_canary not in ''.join([str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)])
    assert key_canary.encode() not in pickle.dumps(error)


@pytest.mark.parametrize('kind', NEEDS_KEY)
def test_neither_key_nor_image_nor_prompt_is_logged_at_debug(
        vlm_server, make_provider, ask, prepared, key_canary, logged, monkeypatch, kind):
    monkeypatch.setenv('OPENAI_LOG', 'debug')
    monkeypatch.setenv('ANTHROPIC_LOG', 'debug')
    vlm_server.script(['ok', 'auth', 'echo'])
    provider = make_provider(kind)
    ask(provider)
    for _ in range(2):
        with pytest.raises(ProviderError):
            ask(provider)
    logging.getLogger('irstd_toolbox').debug('the key is %s', key_canary)
    shown = logged()
    assert 'the key is' in shown  # so that it is known that the log works
    assert key_canary not in shown and 'base64' not in shown and 'Locate the small' not in shown


@pytest.mark.parametrize('kind', NEEDS_KEY)
def test_neither_identity_nor_repr_nor_a_batch_line_shows_the_key(make_provider, prepared, ask, key_canary, kind):
    provider = make_provider(kind)
    ask(provider)
    line = provider.batch_line('run-00001', prepared(), render('system'))
    assert key_canary not in json.dumps([provider.identity(), line]) + repr(provider) + repr(provider.options)


@pytest.mark.parametrize('value', ['two words in a key', 'k\u00e9y-0123456789', 'key-0123456789\x7f'])
@pytest.mark.parametrize('kind', NEEDS_KEY)
def test_what_cannot_be_a_key_is_refused_before_it_is_sent(vlm_server, make_provider, ask, monkeypatch, kind, value):
    monkeypatch.setenv('OPENAI_API_KEY', value)
    monkeypatch.setenv('ANTHROPIC_API_KEY', value)
    with pytest.raises(ProviderError) as caught:
        ask(make_provider(kind))
    assert caught.value.kind == 'auth' and value not in str(caught.value) and not vlm_server.requests


@pytest.mark.parametrize('kind', ['openai', 'anthropic'])
def test_nothing_of_the_tests_reaches_another_machine(make_provider, ask, kind):
    with pytest.raises(ProviderError, match='the connection to 192.0.2.7 failed') as caught:
        ask(make_provider(kind, base_url='https://192.0.2.7/v1', timeout=5))
    assert caught.value.kind == 'connection'


def test_a_redirect_of_a_local_server_is_not_followed(vlm_server, make_provider, ask):
    vlm_server.script(['redirect'])
    with pytest.raises(ProviderError) as caught:
        ask(make_provider('openai_compatible'))
    assert caught.value.kind == 'invalid_response' and len(vlm_server.requests) == 1
