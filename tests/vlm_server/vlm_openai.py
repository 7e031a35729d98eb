"""OpenAI's dialect: Responses, Chat Completions, models, files and batches, as strict as the vendor is."""

import base64
import binascii
import hashlib
import io
import json
import re
from typing import TYPE_CHECKING, Any

from PIL import Image as Pillow
from vlm_faults import CUT, ERRORS, LONG, PROSE, Image, Recorded, Refused

if TYPE_CHECKING:
    from server import VLMServer

REASONING = re.compile(r'o\d|gpt-([5-9]|\d\d)')
URL = re.compile(r'data:image/png;base64,([A-Za-z0-9+/=]+)')
RESPONSES = {'model', 'instructions', 'input', 'max_output_tokens', 'store', 'image', 'reasoning', 'temperature',
             'top_p', 'service_tier', 'prompt_cache_key', 'metadata', 'safety_identifier'}
CHAT = {'model', 'messages', 'max_completion_tokens', 'max_tokens', 'seed', 'temperature', 'top_p', 'reasoning_effort',
        'store', 'service_tier', 'metadata'}
DETAILS = {'low', 'high', 'auto', 'original'}
ENDPOINTS = {'/v1/responses', '/v1/chat/completions'}


def bad(message: str, param: str | None = None, code: str = 'invalid_value') -> Refused:
    return Refused('bad_request', message, param, code)


def error_body(fault: str, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    _, kind, known, *_ = ERRORS[fault]
    return {'error': {'message': message, 'type': kind, 'param': param, 'code': code or known}}


def read_image(encoded: str, options: dict[str, Any], keep: bool) -> Image:
    try:
        png = base64.b64decode(encoded, validate=True)
        with Pillow.open(io.BytesIO(png)) as opened:
            opened.load()
            kind, size = opened.format, opened.size
    except (binascii.Error, OSError, SyntaxError) as error:
        raise bad(f'The image data you provided does not represent a valid image ({error}).', code='invalid_image'
                  ) from None
    if kind != 'PNG':
        raise bad(f'The media type says image/png, the data is {kind}.', code='invalid_image_format')
    return Image(hashlib.sha256(png).hexdigest(), size, png if keep else None, options)


def validate(server: 'VLMServer', record: Recorded, path: str) -> None:
    """Hold a body against the endpoint's rules; the images, the prompt and the model go into the record."""
    body = record.body
    chat = path.endswith('/chat/completions')
    known = (CHAT | server.extra_fields) if chat else RESPONSES
    for name in sorted(set(body) - known):
        raise bad(f"Unknown parameter: '{name}'.", name, 'unknown_parameter')
    record.model = body.get('model')
    if record.model not in server.models:
        raise Refused('not_found', f'The model `{record.model}` does not exist or you do not have access to it.')
    if REASONING.match(record.model):
        if body.get('temperature', 1) != 1:
            raise bad("Unsupported value: 'temperature' does not support this value with this model. Only the default "
                      '(1) value is supported.', 'temperature', 'unsupported_value')
        if 'max_tokens' in body:
            raise bad("Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                      "'max_completion_tokens' instead.", 'max_tokens', 'unsupported_parameter')
    elif 'reasoning' in body or 'reasoning_effort' in body:
        raise bad("Unsupported parameter: 'reasoning' is not supported with this model.", 'reasoning',
                  'unsupported_parameter')
    turns = body.get('messages' if chat else 'input')
    if not isinstance(turns, list) or not turns:
        raise bad('Missing the turns.', 'messages' if chat else 'input', 'missing_required_parameter')
    record.system = body.get('instructions')
    for index, turn in enumerate(turns):
        role, content = turn.get('role'), turn.get('content')
        if role not in ('system', 'user', 'assistant'):
            raise bad(f"Invalid value: '{role}'.", f'[{index}].role')
        parts = [{'type': 'text' if chat else 'output_text' if role == 'assistant' else 'input_text', 'text': content}
                 ] if isinstance(content, str) else content
        for part in parts:
            read_part(server, record, role, part, chat)
    if not record.images or turns[-1]['role'] != 'user':
        raise bad('The last turn holds no image.', 'input')


def read_part(server: 'VLMServer', record: Recorded, role: str, part: dict[str, Any], chat: bool) -> None:
    kind = part.get('type')
    if role == 'user' and kind == ('image_url' if chat else 'input_image'):
        holder = part.get('image_url') if chat else part
        url = holder.get('url' if chat else 'image_url')
        found = URL.fullmatch(url if isinstance(url, str) else '')
        if not found:
            raise bad('Invalid image URL: expected data:image/png;base64,...', 'image_url', 'invalid_image_url')
        if holder.get('detail', 'auto') not in DETAILS:
            raise bad(f"Invalid value: '{holder['detail']}'.", 'detail')
        options = {key: value for key, value in holder.items() if key not in ('url', 'image_url', 'type')}
        record.images.append(read_image(found[1], options, server.keep_images))
        return
    text = 'text' if chat else 'output_text' if role == 'assistant' else 'input_text'
    if kind != text:
        raise bad(f"Invalid value: '{kind}'. Supported values are: '{text}'.", 'content')
    if role == 'user':
        record.task = part['text']
    elif role == 'system':
        record.system = part['text']


def answer(server: 'VLMServer', record: Recorded, fault: str, path: str) -> dict[str, Any]:
    """The body of a 200."""
    name, _, detail = fault.partition(':')
    text = {'refusal_prose': PROSE, 'too_long': LONG, 'truncated': CUT, 'text': detail}.get(name, server.say(record))
    if name in ('empty', 'reasoning_only', 'refusal', 'content_filter'):
        text = ''
    cut = name in ('truncated', 'reasoning_only')
    made = 10 + len(text.split())
    thought = 900 if name == 'reasoning_only' else 0
    resolved = f'{record.model}-2026-01-01'
    if path.endswith('/chat/completions'):
        finish = 'length' if cut else 'content_filter' if name == 'content_filter' else 'stop'
        message: dict[str, Any] = {'role': 'assistant', 'content': text or None, 'refusal': None}
        if name == 'refusal':
            message['refusal'] = 'I cannot help with that.'
        if name == 'empty':
            message['content'] = ''
        choice = {'index': 0, 'finish_reason': finish, 'message': message, 'logprobs': None}
        return {'id': server.new_id('chatcmpl'), 'object': 'chat.completion', 'created': 1, 'model': resolved,
                'choices': [] if name == 'no_choices' else [choice],
                'usage': {'prompt_tokens': 320, 'completion_tokens': made + thought,
                          'total_tokens': 320 + made + thought, 'prompt_tokens_details': {'cached_tokens': 64},
                          'completion_tokens_details': {'reasoning_tokens': thought}}}
    part = {'type': 'output_text', 'text': text, 'annotations': [], 'logprobs': []}
    if name == 'refusal':
        part = {'type': 'refusal', 'refusal': 'I cannot help with that.'}
    message = {'type': 'message', 'id': server.new_id('msg'), 'role': 'assistant', 'content': [part],
               'status': 'incomplete' if cut else 'completed'}
    output = [{'type': 'reasoning', 'id': server.new_id('rs'), 'summary': []}, message]
    if name in ('reasoning_only', 'no_choices', 'content_filter', 'failed'):
        output = output[:1] if name == 'reasoning_only' else []
    reason = 'max_output_tokens' if cut else 'content_filter' if name == 'content_filter' else None
    status = 'incomplete' if reason else 'failed' if name == 'failed' else 'completed'
    failure = {'code': detail or 'server_error', 'message': 'It did not work.'} if name == 'failed' else None
    return {'id': server.new_id('resp'), 'object': 'response', 'created_at': 1, 'model': resolved, 'status': status,
            'error': failure, 'incomplete_details': {'reason': reason} if reason else None, 'metadata': {},
            'instructions': record.system, 'output': output, 'parallel_tool_calls': True, 'temperature': 1.0,
            'tool_choice': 'auto', 'tools': [], 'top_p': 1.0,
            'usage': {'input_tokens': 320, 'input_tokens_details': {'cached_tokens': 64, 'cache_write_tokens': 0},
                      'output_tokens': made + thought, 'output_tokens_details': {'reasoning_tokens': thought},
                      'total_tokens': 320 + made + thought}}


def form_fields(headers: dict[str, str], raw: bytes) -> dict[str, bytes]:
    """The fields of a multipart/form-data body."""
    found = re.search('boundary="?([^";]+)', headers.get('content-type', ''))
    if not found:
        raise bad('Expected multipart/form-data.')
    fields = {}
    for part in raw.split(b'--' + found[1].encode())[1:-1]:
        head, _, value = part.partition(b'\r\n\r\n')
        fields[re.search(rb' name="([^"]*)"', head)[1].decode()] = value.removesuffix(b'\r\n')
    return fields


def run_batch(server: 'VLMServer', data: bytes, endpoint: str, fault: str) -> dict[str, Any]:
    """Run the lines of a batch's input; its status and the lines of its two files."""
    if fault == 'fail':
        return {'status': 'failed', 'errors': [{'code': 'token_limit_exceeded', 'line': None, 'param': None,
                                                'message': 'Enqueued token limit reached.'}], 'output': [], 'error': []}
    lines, errors = [json.loads(line) for line in data.splitlines()], []
    for number, line in enumerate(lines, start=1):
        if set(line) != {'custom_id', 'method', 'url', 'body'} or line['method'] != 'POST' or line['url'] != endpoint:
            errors.append({'code': 'invalid_request', 'line': number, 'param': None, 'message': 'A wrong line.'})
    if len({line.get('custom_id') for line in lines}) < len(lines):
        errors.append({'code': 'duplicate_custom_id', 'line': None, 'param': None, 'message': 'A custom_id twice.'})
    if len({line.get('body', {}).get('model') for line in lines}) != 1:
        errors.append({'code': 'mismatched_model', 'line': 1, 'param': None, 'message': 'More models than one.'})
    if errors:
        return {'status': 'failed', 'errors': errors, 'output': [], 'error': []}
    output, failed, done = [], [], 0
    for index, line in enumerate(lines):
        record = Recorded('batch_line', 'openai', path=endpoint, body=line['body'], custom_id=line['custom_id'])
        row = {'id': server.new_id('batch_req'), 'custom_id': line['custom_id'], 'response': None, 'error': None}
        late = fault == 'expire' and index >= (len(lines) + 1) // 2
        status, body, line_fault = server.run_line(record, 'expired' if late else 'server' if fault == 'all_failed'
                                                   else None)
        if line_fault in ('expired', 'canceled'):
            row['error'] = {'code': 'batch_expired' if line_fault == 'expired' else 'batch_cancelled',
                            'message': 'This request could not be executed before the completion window expired.'}
        else:
            row['response'] = {'status_code': status, 'request_id': server.new_id('req'), 'body': body}
            done += status == 200
        copies = {'missing': 0, 'duplicate': 2}.get(line_fault, 1)
        (output if row['response'] and status == 200 else failed).extend([row] * copies)
    return {'status': 'expired' if fault == 'expire' else 'completed', 'errors': None, 'output': output[::-1],
            'error': failed[::-1], 'counts': {'total': len(lines), 'completed': done, 'failed': len(lines) - done}}
