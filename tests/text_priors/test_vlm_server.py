"""The loopback server is as strict as the vendors are, counts what would be paid, and runs as a program."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from irstd_toolbox.text_priors.vlm.prompts import render


@pytest.fixture
def post(vlm_server) -> Callable[..., tuple[int, dict]]:
    """POST a body by nobody's SDK; status and body of the answer."""
    def send(path: str, body: dict, **headers: str) -> tuple[int, dict]:
        request = urllib.request.Request(f'{vlm_server.url_anthropic}{path}', json.dumps(body).encode(), {
            'content-type': 'application/json', 'authorization': 'Bearer k', **headers})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
    return send


@pytest.fixture
def question(make_provider, prepared) -> Callable[..., tuple[str, dict]]:
    """Path and body of a question that is right, to be spoiled."""
    def make(kind: str, **changes: object) -> tuple[str, dict]:
        path, body = make_provider(kind).request(prepared(), render('system'))
        return path if path.startswith('/v1') else f'/v1{path}', body | changes
    return make


ANTHROPIC = {'anthropic-version': '2026-10-21'}


@pytest.mark.parametrize(('kind', 'changes', 'status', 'word'), [
    ('openai', {'seed': 1}, 400, 'seed'), ('openai', {'model': 'nobody'}, 404, 'nobody'),
    ('openai', {'temperature': 0}, 400, 'temperature'), ('openai', {'input': []}, 400, 'turns'),
    ('openai', {'input': [{'role': 'user', 'content': 'no image'}]}, 400, 'no image'),
    ('openai', {'input': [{'role': 'user', 'content': [{'type': 'text', 'text': 'x'}]}]}, 400, "Invalid value: 'text'"),
    ('openai', {'input': [{'role': 'user', 'content': [
        {'type': 'input_image', 'image_url': 'https://host/a.png'}]}]}, 400, 'Invalid image URL'),
    ('openai', {'input': [{'role': 'user', 'content': [
        {'type': 'input_image', 'image_url': 'data:image/png;base64,AAAA'}]}]}, 400, 'valid image'),
    ('openai_chat', {'max_tokens': 5, 'model': 'gpt-6-test'}, 400, 'max_tokens'),
    ('openai_chat', {'min_p': 1}, 400, 'min_p'),
    ('anthropic', {'temperature': 1.0}, 400, 'Extra inputs are not permitted'),
    ('anthropic', {'model': 'nobody'}, 404, 'nobody'), ('anthropic', {'max_tokens': None}, 400, 'max_tokens'),
    ('anthropic', {'messages': [{'role': 'assistant', 'content': 'x'}]}, 400, 'first message'),
    ('anthropic', {'messages': [{'role': 'user', 'content': [
        {'type': 'image_url', 'image_url': {'url': 'x'}}]}]}, 400, 'expected tags')])
def test_a_request_that_a_vendor_refuses_is_refused(vlm_server, post, question, kind, changes, status, word):
    path, body = question(kind, **changes)
    got, answer = post(path, body, **(ANTHROPIC if kind == 'anthropic' else {}))
    assert got == status and word in answer['error']['message']
    assert not vlm_server.billed and vlm_server.requests[0].fault == 'refused'


@pytest.mark.parametrize('kind', ['openai', 'anthropic'])
def test_a_request_without_a_key_is_refused(post, question, kind):
    path, body = question(kind)
    assert post(path, body, authorization='', **(ANTHROPIC if kind == 'anthropic' else {}))[0] == 401


@pytest.mark.parametrize(('kind', 'path'), [
    ('openai', '/v1/responses/input_tokens'), ('anthropic', '/v1/messages/count_tokens')])
def test_tokens_are_counted_without_an_answer(vlm_server, post, question, kind, path):
    body = {name: value for name, value in question(kind)[1].items() if name != 'max_tokens'}
    status, answer = post(path, body, **(ANTHROPIC if kind == 'anthropic' else {}))
    assert (status, answer['input_tokens']) == (200, 361) and not vlm_server.billed


def test_what_is_billed_is_counted_by_image(vlm_server, make_provider, ask, prepared):
    from irstd_toolbox.text_priors.vlm.types import ProviderError
    provider = make_provider('openai')
    vlm_server.script(['ok', 'server', 'cut', 'reset', 'refusal'])
    for seed in (0, 1, 2, 3, 4):
        try:
            ask(provider, None, prepared(seed))
        except ProviderError:
            continue
    assert vlm_server.billed == [prepared(seed).sha256 for seed in (0, 2, 4)]


def test_a_function_scripts_by_what_is_asked(vlm_server, make_provider, ask, prepared):
    worse = prepared(1).sha256
    vlm_server.script(lambda record: 'truncated' if record.image.sha256 == worse else None)
    finishes = [ask(make_provider('openai'), None, prepared(seed)).finish for seed in (0, 1, 0)]
    assert finishes == ['stop', 'length', 'stop']


def test_a_fault_that_nobody_knows_is_an_error(vlm_server):
    with pytest.raises(ValueError, match="knows no fault 'rate_limti'"):
        vlm_server.script(['rate_limti'])


def test_it_runs_as_a_program(vlm_server_file, make_provider, ask):
    command = [sys.executable, str(vlm_server_file), '--port', '0', '--script', 'truncated,ok']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = f'http://127.0.0.1:{int(process.stdout.readline())}'
            provider = make_provider('openai', base_url=f'{url}/v1')
            assert [ask(provider).finish for _ in range(2)] == ['length', 'stop']
            with urllib.request.urlopen(f'{url}/_requests') as answer:
                assert [record['fault'] for record in json.load(answer)] == ['truncated', 'ok']
        finally:
            process.kill()
