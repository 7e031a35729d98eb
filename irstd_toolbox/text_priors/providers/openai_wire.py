"""The bodies of OpenAI's two ways to ask, Responses and Chat Completions, and how their answers are read."""

import base64
from collections.abc import Mapping
from typing import Any

from irstd_toolbox.text_priors.providers.failures import from_error
from irstd_toolbox.text_priors.providers.thoughts import after_thoughts
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, ProviderError, Usage

__all__ = ['chat_messages', 'number', 'parse_chat', 'parse_response', 'response_turns', 'word']

INCOMPLETE = {'content_filter': 'content_filter'}
"""Why a response is incomplete; for any other reason it was cut."""
FILTERED = {'image_content_policy_violation', 'bio_policy', 'misalignment_policy_violation'}
FINISHES = {'stop': 'stop', 'length': 'length', 'content_filter': 'content_filter'}


def data_url(image: PreparedImage) -> str:
    """The PNG, bit by bit, in the form that both ways take."""
    return f'data:image/png;base64,{base64.b64encode(image.png).decode()}'


def _detail(detail: str | None) -> dict[str, str]:
    return {} if detail is None else {'detail': detail}


def response_turns(image: PreparedImage, prompt: Prompt, detail: str | None) -> list[dict[str, Any]]:
    """The ``input`` of Responses."""
    def question(shown: PreparedImage) -> dict[str, Any]:
        return {'role': 'user', 'content': [
            {'type': 'input_text', 'text': prompt.task},
            {'type': 'input_image', 'image_url': data_url(shown), **_detail(detail)}]}
    turns = []
    for shot in prompt.shots:
        turns += [question(shot.image), {'role': 'assistant', 'content': shot.text}]
    return [*turns, question(image)]


def chat_messages(image: PreparedImage, prompt: Prompt, detail: str | None) -> list[dict[str, Any]]:
    """The ``messages`` of Chat Completions."""
    def question(shown: PreparedImage) -> dict[str, Any]:
        return {'role': 'user', 'content': [
            {'type': 'text', 'text': prompt.task},
            {'type': 'image_url', 'image_url': {'url': data_url(shown), **_detail(detail)}}]}
    turns = [{'role': 'system', 'content': prompt.system}] if prompt.system else []
    for shot in prompt.shots:
        turns += [question(shot.image), {'role': 'assistant', 'content': shot.text}]
    return [*turns, question(image)]


def parse_response(body: Mapping[str, Any], model: str, where: str) -> Answer:
    """The answer in an object of Responses: of messages with a phase the final answer, never the commentary.

    Raises:
        ProviderError: If the object says that it failed, or is no answer.
    """
    status, output = body.get('status'), body.get('output')
    if body.get('error'):
        if word(body['error'], 'code') not in FILTERED:
            raise from_error(body['error'], where)
        return _answer('', model, body, 'content_filter', _response_usage(body))
    if body.get('object') != 'response' or status not in ('completed', 'incomplete') or not isinstance(output, list):
        raise _no_answer(where, f'status {status!r}')
    messages = [item for item in output if isinstance(item, Mapping) and item.get('type') == 'message']
    final = [item for item in messages if item.get('phase') == 'final_answer']
    text = ''.join(str(part.get('text') or '')
                   for item in final or messages if item.get('phase') != 'commentary'
                   for part in _parts(item) if part.get('type') == 'output_text')
    if any(part.get('type') == 'refusal' for item in messages for part in _parts(item)):
        finish = 'refusal'
    elif status == 'completed':
        finish = 'stop'
    else:
        finish = INCOMPLETE.get(word(body.get('incomplete_details'), 'reason'), 'length')
    return _answer(text, model, body, finish, _response_usage(body))


def parse_chat(body: Mapping[str, Any], model: str, where: str) -> Answer:
    """The answer in an object of Chat Completions; local servers leave out much of it.

    Raises:
        ProviderError: If the object is no answer.
    """
    choices = body.get('choices')
    first = choices[0] if isinstance(choices, list) and choices else None
    if first is None and body.get('error'):
        raise from_error(body['error'], where)
    message = first.get('message') if isinstance(first, Mapping) else None
    if not isinstance(message, Mapping):
        raise _no_answer(where, 'no choices')
    content = message.get('content')
    if isinstance(content, list):
        content = ''.join(str(part.get('text') or '') for part in content if isinstance(part, Mapping))
    finish = 'refusal' if message.get('refusal') else FINISHES.get(word(first, 'finish_reason'), 'unknown')
    usage = _usage(body)
    text = after_thoughts(content) if isinstance(content, str) else ''
    return _answer(text, model, body, finish, Usage(
        number(usage, 'prompt_tokens'), number(usage, 'completion_tokens'),
        number(usage.get('prompt_tokens_details'), 'cached_tokens'),
        number(usage.get('completion_tokens_details'), 'reasoning_tokens')))


def number(counts: Any, name: str) -> int | None:
    """A count of tokens, None where there is none."""
    value = counts.get(name) if isinstance(counts, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def word(thing: Any, name: str) -> str | None:
    """A word under a name of an object, None where there is none."""
    value = thing.get(name) if isinstance(thing, Mapping) else None
    return value if isinstance(value, str) else None


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get('content')
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []


def _usage(body: Mapping[str, Any]) -> Mapping[str, Any]:
    usage = body.get('usage')
    return usage if isinstance(usage, Mapping) else {}


def _response_usage(body: Mapping[str, Any]) -> Usage:
    usage = _usage(body)
    return Usage(number(usage, 'input_tokens'), number(usage, 'output_tokens'),
                 number(usage.get('input_tokens_details'), 'cached_tokens'),
                 number(usage.get('output_tokens_details'), 'reasoning_tokens'))


def _answer(text: str, model: str, body: Mapping[str, Any], finish: str, usage: Usage) -> Answer:
    return Answer(text, model, word(body, 'model'), finish, usage)


def _no_answer(where: str, found: str) -> ProviderError:
    return ProviderError('invalid_response', f'{where} answered an object that is no answer ({found})')
