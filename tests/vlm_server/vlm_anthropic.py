"""Anthropic's dialect: messages, token counts, models and message batches, as strict as the vendor is."""

import json
import re
from typing import TYPE_CHECKING, Any

from vlm_faults import CUT, ERRORS, LONG, PROSE, Recorded, Refused
from vlm_openai import read_image

if TYPE_CHECKING:
    from server import VLMServer

BODY = {'model', 'max_tokens', 'system', 'messages', 'thinking', 'output_config', 'cache_control', 'metadata',
        'service_tier', 'stop_sequences'}
SAMPLING = {'temperature', 'top_p', 'top_k'}
CUSTOM_ID = re.compile(r'[a-zA-Z0-9_-]{1,64}')
SIDE = 8000


def bad(message: str, fault: str = 'bad_request') -> Refused:
    return Refused(fault, message)


def error_body(fault: str, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    *_, kind, known = ERRORS[fault]
    details = {'details': {'error_code': known}} if known else {}
    return {'type': 'error', 'error': {'type': kind, 'message': message, **details}, 'request_id': 'req_body'}


def validate(server: 'VLMServer', record: Recorded, path: str) -> None:
    """Hold a body against the endpoint's rules; the images, the prompt and the model go into the record."""
    body = record.body
    version = record.headers.get('anthropic-version', '')
    for name in sorted(set(body) - BODY - (SAMPLING if version < '2026' else set())):
        raise bad(f'{name}: Extra inputs are not permitted')
    record.model = body.get('model')
    if record.model not in server.models:
        raise bad(f'model: {record.model}', 'not_found')
    if not path.endswith('count_tokens') and not isinstance(body.get('max_tokens'), int):
        raise bad('max_tokens: Field required')
    turns = body.get('messages')
    if not isinstance(turns, list) or not turns or turns[0].get('role') != 'user':
        raise bad('messages: first message must use the "user" role')
    if turns[-1].get('role') != 'user':
        raise bad('This model does not support assistant message prefill.')
    system = body.get('system')
    record.system = system if system is None or isinstance(system, str) else ''.join(part['text'] for part in system)
    for index, turn in enumerate(turns):
        role, content = turn.get('role'), turn.get('content')
        if role != ('user', 'assistant')[index % 2]:
            raise bad(f'messages.{index}: roles must alternate')
        for part in [{'type': 'text', 'text': content}] if isinstance(content, str) else content:
            read_part(server, record, f'messages.{index}', role, part)
    if not record.images:
        raise bad('messages: no image')


def read_part(server: 'VLMServer', record: Recorded, place: str, role: str, part: dict[str, Any]) -> None:
    kind = part.get('type')
    if kind == 'text' and set(part) <= {'type', 'text', 'cache_control'}:
        if not part['text']:
            raise bad(f'{place}: text content blocks must be non-empty')
        if role == 'user':
            record.task = part['text']
        return
    if kind != 'image' or role != 'user' or not set(part) <= {'type', 'source', 'transformations', 'cache_control'}:
        raise bad(f'{place}: Input tag {kind!r} found using \'type\' does not match any of the expected tags')
    source, options = part['source'], {key: part[key] for key in part if key not in ('type', 'source')}
    if source.get('type') != 'base64' or source.get('media_type') != 'image/png' or len(source) != 3:
        raise bad(f'{place}.source: expected base64 and image/png')
    if options.get('transformations', {}).get('oversized_image', 'error') not in ('error', 'downscale'):
        raise bad(f'{place}.transformations.oversized_image: Input should be "downscale" or "error"')
    image = read_image(source['data'], options, server.keep_images)
    if max(image.size) > SIDE:
        raise bad(f'{place}: image dimensions exceed max allowed size: {SIDE} pixels', 'image_too_large')
    record.images.append(image)


def answer(server: 'VLMServer', record: Recorded, fault: str, path: str) -> dict[str, Any]:
    """The body of a 200."""
    name, _, detail = fault.partition(':')
    text = {'refusal_prose': PROSE, 'too_long': LONG, 'truncated': CUT, 'text': detail}.get(name, server.say(record))
    stop = {'truncated': 'max_tokens', 'reasoning_only': 'max_tokens', 'refusal': 'refusal',
            'content_filter': 'refusal'}.get(name, 'end_turn')
    content: list[dict[str, Any]] = [{'type': 'text', 'text': text, 'citations': None}]
    if name == 'reasoning_only':
        content = [{'type': 'thinking', 'thinking': 'The image shows', 'signature': 'x'}]
    elif name in ('refusal', 'content_filter', 'empty', 'no_choices'):
        content = []
    details = {'type': 'refusal', 'category': 'general_harms', 'explanation': 'No.'} if stop == 'refusal' else None
    return {'id': server.new_id('msg'), 'type': 'message', 'role': 'assistant', 'model': f'{record.model}-20260101',
            'content': content, 'stop_reason': stop, 'stop_sequence': None, 'stop_details': details,
            'container': None, 'context_management': None,
            'usage': {'input_tokens': 361, 'cache_creation_input_tokens': 5, 'cache_read_input_tokens': 64,
                      'output_tokens': 10 + len(text.split()), 'output_tokens_details': {'thinking_tokens': 7}
                      if name == 'reasoning_only' else None, 'service_tier': 'standard'}}


def model_info(name: str) -> dict[str, Any]:
    return {'id': name, 'type': 'model', 'display_name': name, 'created_at': '2026-01-01T00:00:00Z',
            'lifecycle': 'active'}


def check_requests(requests: Any) -> None:
    """What the vendor refuses a whole batch for; wrong params only fail their own line."""
    ids = [request.get('custom_id') for request in requests]
    for index, custom_id in enumerate(ids):
        if not isinstance(custom_id, str) or not CUSTOM_ID.fullmatch(custom_id):
            raise bad(f"requests.{index}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if set(requests[index]) != {'custom_id', 'params'}:
            raise bad(f'requests.{index}: Extra inputs are not permitted')
    if not ids or len(set(ids)) < len(ids):
        raise bad('requests: custom_id must be unique, and there must be one or more')


def run_batch(server: 'VLMServer', requests: list[dict[str, Any]], headers: dict[str, str], fault: str
              ) -> tuple[dict[str, int], list[bytes]]:
    """Run a batch's lines; the counts and the lines of its results."""
    counts, rows = dict.fromkeys(('processing', 'succeeded', 'errored', 'canceled', 'expired'), 0), []
    for index, request in enumerate(requests):
        record = Recorded('batch_line', 'anthropic', path='/v1/messages', body=request['params'], headers=headers,
                          custom_id=request['custom_id'])
        late = fault == 'expire' and index >= (len(requests) + 1) // 2
        forced = 'expired' if late else 'server' if fault in ('fail', 'all_failed') else None
        status, body, line_fault = server.run_line(record, forced)
        if line_fault in ('expired', 'canceled'):
            result: dict[str, Any] = {'type': line_fault}
        elif status == 200:
            result = {'type': 'succeeded', 'message': body}
        else:
            result = {'type': 'errored', 'error': body}
        counts[result['type']] += 1
        row = json.dumps({'custom_id': request['custom_id'], 'result': result}).encode()
        rows += [row] * {'missing': 0, 'duplicate': 2}.get(line_fault, 1)
    return counts, rows[::-1]
