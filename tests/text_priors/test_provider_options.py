"""Options are typed, named when wrong, and never shown; what can change an answer is in the identity, and no more."""

import importlib.util
import inspect

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.text_priors import build_provider
from irstd_toolbox.text_priors.providers.anthropic import AnthropicProvider
from irstd_toolbox.text_priors.providers.hf_local import LocalProvider
from irstd_toolbox.text_priors.providers.openai import CompatibleProvider, OpenAIProvider

SECRET = 'sk-live-0123456789abcdef'
LOCAL = 'http://localhost:8000/v1'


@pytest.mark.parametrize(('name', 'options', 'match'), [
    ('openai', {}, r"provider 'openai': missing a required .*argument: 'model'. Its options: model: str, base_url: "),
    ('openai', {'model': 'm', 'modle': 1}, r"unexpected keyword argument 'modle'. Its options: model: str"),
    ('openai_compatible', {'model': 'm'}, r"missing a required argument: 'base_url'. Its options: "),
    ('anthropic', {'model': 'm', 'temperature': 0}, r"unexpected keyword argument 'temperature'"),
    ('openai', {'model': 'm', 'max_output_tokens': 'many'}, r'max_output_tokens: Input should be a valid integer'),
    ('openai', {'model': 'm', 'detail': 'low'}, r"detail: Input should be 'high' or 'original'"),
    ('openai', {'model': 'm', 'seed': 1}, r"seed: Responses has none; expected api='chat'"),
    ('openai', {'model': ''}, r'model: String should have at least 1 character'),
    ('openai', {'model': 'm', 'temperature': float('nan')}, r'temperature: Input should be '),
    ('hf_local', {'model': 'm', 'dtype': 'int8'}, r"dtype: Input should be 'auto', 'float32'"),
    ('openai_compatible', {'model': 'm', 'base_url': LOCAL, 'extra_body': {'messages': []}},
     r'extra_body: expected none of messages'),
    ('anthropic', {'model': 'm', 'max_output_tokens': 30_000}, r'max_output_tokens: .*less than or equal to 16000')])
def test_an_option_that_is_wrong_is_named_with_all_that_there_are(name, options, match):
    load_plugins()
    with pytest.raises(ConfigError, match=match):
        build_provider(name, options)


@pytest.mark.parametrize('cls', [OpenAIProvider, CompatibleProvider, AnthropicProvider, LocalProvider])
def test_the_constructors_signature_shows_the_options(cls):
    shown = inspect.signature(cls).parameters
    assert list(shown) == list(cls.Options.model_fields) and list(shown)[0] == 'model'
    assert all(option.kind is inspect.Parameter.KEYWORD_ONLY for option in shown.values())


@pytest.mark.parametrize('options', [
    {'api_key': SECRET}, {'api_key_env': SECRET}, {'model': 'm', 'temperature': SECRET}, {SECRET[:2]: SECRET},
    {'base_url': f'https://user:{SECRET}@host/v1'}, {'base_url': f'https://host/v1?key={SECRET}'},
    {'base_url': f'http://host/{SECRET}'} | {'api_key_env': SECRET}])
@pytest.mark.parametrize('cls', [OpenAIProvider, AnthropicProvider])
def test_a_key_in_a_wrong_place_is_refused_and_not_shown(cls, options):
    with pytest.raises(ConfigError) as caught:
        cls(**{'model': 'm', **options})
    assert SECRET not in str(caught.value) and caught.value.__context__ is None


@pytest.mark.parametrize('url', ['http://example.com/v1', 'http://10.0.0.3:8000/v1', 'http://127.0.0.1.evil.com/v1',
                                 'http://localhost.evil.com/v1', 'HTTP://example.com'])
def test_plain_http_to_another_machine_is_refused_unless_allowed(url):
    with pytest.raises(ConfigError, match=r'plain http to another machine.*expected https, or allow_insecure=True'):
        CompatibleProvider(model='m', base_url=url)
    assert CompatibleProvider(model='m', base_url=url, allow_insecure=True).remote is True


@pytest.mark.parametrize('url', ['http://127.0.0.1:1/v1', 'http://localhost:1/v1', 'http://[::1]:1/v1', 'http://127.3.2.1'])
def test_this_machine_is_asked_over_plain_http_and_nothing_leaves_it(url):
    assert CompatibleProvider(model='m', base_url=url).remote is False


@pytest.mark.parametrize('url', ['localhost:8000', 'ftp://localhost/v1', 'https://', 'file:///etc/passwd', ''])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigError, match=r'base_url: expected http://HOST/PATH or https://HOST/PATH'):
        CompatibleProvider(model='m', base_url=url)


def test_the_identity_holds_what_can_change_an_answer():
    made = OpenAIProvider(model='m', api='chat', seed=2, timeout=5, service_tier='flex', api_key_env='OTHER')
    assert made.identity() == {
        'provider': 'openai', 'endpoint': 'https://api.openai.com/v1', 'model': 'm', 'api': 'chat', 'detail': 'high',
        'context_compression': 'disabled', 'max_output_tokens': 1024, 'reasoning_effort': None, 'temperature': None,
        'top_p': None, 'seed': 2}


@pytest.mark.parametrize(('cls', 'options'), [
    (OpenAIProvider, dict(api='chat')), (OpenAIProvider, dict(detail='original')), (OpenAIProvider, dict(model='n')),
    (OpenAIProvider, dict(max_output_tokens=16)), (OpenAIProvider, dict(base_url='https://eu.api.openai.com/v1')),
    (CompatibleProvider, dict(extra_body={'min_p': 0.1})), (AnthropicProvider, dict(effort='low')),
    (LocalProvider, dict(trust_remote_code=True)), (LocalProvider, dict(revision='abc'))])
def test_two_that_may_answer_differently_have_two_identities(cls, options):
    given = {'model': 'm', **({'base_url': LOCAL} if cls is CompatibleProvider else {})}
    assert cls(**given).identity() != cls(**{**given, **options}).identity()


def test_a_slash_at_the_end_of_an_address_does_not_matter():
    assert CompatibleProvider(model='m', base_url=f'{LOCAL}/').identity()['endpoint'] == LOCAL


@pytest.mark.parametrize(('cls', 'package', 'extra'), [
    (OpenAIProvider, 'openai', 'openai'), (AnthropicProvider, 'anthropic', 'anthropic'),
    (LocalProvider, 'transformers', 'hf_local')])
def test_a_missing_sdk_is_told_with_the_extra_that_installs_it(monkeypatch, cls, package, extra):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name, *rest: None if name == package else real(name, *rest))
    with pytest.raises(ConfigError, match=rf"'{package}' is not installed.*pip install 'irstd-toolbox\[{extra}\]'"):
        cls(model='m')


@pytest.mark.parametrize(('options', 'free'), [
    ({'base_url': LOCAL}, True), ({'base_url': 'http://0.0.0.0:8000/v1'}, True),
    ({'base_url': LOCAL, 'api_key_env': 'ROUTER_KEY'}, False),
    ({'base_url': 'https://router.example/v1'}, False)])
def test_asking_a_model_of_ones_own_is_free_and_a_server_that_may_be_paid_is_not(options, free):
    assert CompatibleProvider(model='m', **options).free is free
    assert (OpenAIProvider.free, AnthropicProvider.free, LocalProvider.free) == (False, False, True)


@pytest.mark.parametrize(('options', 'seconds'), [
    ({}, 60), ({'service_tier': 'default'}, 60), ({'service_tier': 'flex'}, 900),
    ({'service_tier': 'flex', 'timeout': 5}, 5)])
def test_the_slow_tier_is_waited_for_longer_unless_told(options, seconds):
    made = OpenAIProvider(model='m', **options)
    assert made.options.timeout == made.timeout == seconds
