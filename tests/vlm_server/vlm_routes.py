"""Which path does what, in both dialects."""

import datetime
import json
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import vlm_anthropic
import vlm_openai
from vlm_faults import Recorded, Refused

if TYPE_CHECKING:
    from server import Reply, VLMServer

Route = Callable[['VLMServer', Recorded, bytes], 'Reply']


def find(record: Recorded) -> Route:
    """The handler of a request, whose kind it notes."""
    path = urlsplit(record.path).path
    for dialect, method, pattern, kind, handler in ROUTES:
        if dialect in (record.dialect, 'both') and method == record.method and re.fullmatch(pattern, path):
            record.kind = kind
            return handler
    raise Refused('not_found', f'Unknown request URL: {record.method} {path}.', code='unknown_url')


def ask(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    dialect = vlm_openai if record.dialect == 'openai' else vlm_anthropic
    dialect.validate(server, record, record.path)

    def make(fault: str) -> dict[str, Any]:
        with server.lock:
            server.answering += 1
            server.most_at_once = max(server.most_at_once, server.answering)
        time.sleep(server.latency)
        with server.lock:
            server.answering -= 1
        record.billed = fault != 'reset'
        return dialect.answer(server, record, fault, record.path)
    return server.scripted(record, make)


def count(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    (vlm_openai if record.dialect == 'openai' else vlm_anthropic).validate(
        server, record, '/v1/responses' if record.dialect == 'openai' else record.path)
    return server.scripted(record, lambda fault: {'object': 'response.input_tokens', 'input_tokens': 361})


def models(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    def info(name: str) -> dict[str, Any]:
        if record.dialect == 'anthropic':
            return vlm_anthropic.model_info(name)
        return {'id': name, 'object': 'model', 'created': 1, 'owned_by': 'tests'}
    wanted = last(record) if record.path.count('/') > 2 else None
    if wanted is not None and wanted not in server.models:
        raise Refused('not_found', f"The model '{wanted}' does not exist")
    listed = [info(name) for name in sorted(server.models)]
    return server.scripted(record, lambda fault: info(wanted) if wanted else {
        'object': 'list', 'data': listed, 'has_more': False, 'first_id': None, 'last_id': None})


def last(record: Recorded, place: int = 3) -> str:
    return urlsplit(record.path).path.split('/')[place]


def held(table: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    if name not in table:
        raise Refused('not_found', f'No such object: {name}', code='not_found')
    return table[name]


def page(server: 'VLMServer', record: Recorded, key: str, show: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Newest first, ``limit`` at a time (20 unless told)."""
    query = parse_qs(urlsplit(record.path).query)
    rows = [batch for batch in list(server.batches.values())[::-1] if batch['dialect'] == record.dialect]
    if key in query:
        names = [batch['id'] for batch in rows]
        rows = rows[names.index(query[key][0]) + 1:]
    limit = min(int(query.get('limit', ['20'])[0]), server.page_limit)
    shown = [show(batch) for batch in rows[:limit]]
    return {'object': 'list', 'data': shown, 'has_more': len(rows) > limit,
            'first_id': shown[0]['id'] if shown else None, 'last_id': shown[-1]['id'] if shown else None}


def file_create(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    fields = vlm_openai.form_fields(record.headers, raw)
    record.body = {name: value.decode() for name, value in fields.items() if name != 'file'}
    if fields.get('purpose') != b'batch' or 'file' not in fields:
        raise Refused('bad_request', "Missing purpose 'batch' or the file.")

    def make(fault: str) -> dict[str, Any]:
        name = server.new_id('file')
        server.files[name] = {'id': name, 'data': fields['file'], 'purpose': 'batch'}
        return {'id': name, 'object': 'file', 'bytes': len(fields['file']), 'created_at': 1, 'filename': 'shard.jsonl',
                'purpose': 'batch', 'status': 'processed'}
    return server.scripted(record, make)


def file_content(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    data = held(server.files, last(record))['data']
    reply = server.scripted(record, lambda fault: None)
    if reply.body == b'null':
        reply.body, reply.kind = data, 'application/octet-stream'
    return reply


def file_delete(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    name = held(server.files, last(record))['id']

    def make(fault: str) -> dict[str, Any]:
        del server.files[name]
        return {'id': name, 'object': 'file', 'deleted': True}
    return server.scripted(record, make)


def batch_create(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    body = record.body
    if record.dialect == 'openai':
        data = held(server.files, body['input_file_id'])['data']
        if body['endpoint'] not in vlm_openai.ENDPOINTS or body['completion_window'] != '24h':
            raise Refused('bad_request', 'Wrong endpoint or completion_window.')
        if any(len(key) > 64 or len(value) > 512 for key, value in (body.get('metadata') or {}).items()):
            raise Refused('bad_request', 'Metadata too long.')
    else:
        vlm_anthropic.check_requests(body['requests'])

    def make(fault: str) -> dict[str, Any]:
        with server.lock:
            batch = {'id': server.new_id('batch' if record.dialect == 'openai' else 'msgbatch'), 'polls': 0,
                     'created': datetime.datetime.now(datetime.timezone.utc),
                     'dialect': record.dialect, 'fault': fault, 'body': body, 'cancelled': False}
            if record.dialect == 'openai':
                batch['ran'] = vlm_openai.run_batch(server, data, body['endpoint'], fault)
                for name in ('output', 'error'):
                    batch[f'{name}_file_id'] = keep_lines(server, batch['ran'][name])
            else:
                batch['ran'] = vlm_anthropic.run_batch(server, body['requests'], record.headers, fault)
            server.batches[batch['id']] = batch
        return show(server, batch)
    return server.scripted(record, make)


def keep_lines(server: 'VLMServer', rows: list[dict[str, Any]]) -> str | None:
    if not rows:
        return None
    name = server.new_id('file')
    server.files[name] = {'id': name, 'data': b''.join(json.dumps(row).encode() + b'\n' for row in rows)}
    return name


def ended(server: 'VLMServer', batch: dict[str, Any]) -> bool:
    return batch['cancelled'] or (batch['polls'] > server.batch_polls and batch['fault'] != 'never')


def show(server: 'VLMServer', batch: dict[str, Any]) -> dict[str, Any]:
    over = ended(server, batch)
    if batch['dialect'] == 'anthropic':
        counts, rows = batch['ran']
        made = batch['created'].isoformat().replace('+00:00', 'Z')
        waiting = {**dict.fromkeys(counts, 0), 'processing': sum(counts.values())}
        url = f'{server.url_anthropic}/v1/messages/batches/{batch["id"]}/results'
        return {'id': batch['id'], 'type': 'message_batch', 'processing_status': 'ended' if over else 'in_progress',
                'request_counts': counts if over else waiting, 'created_at': made, 'expires_at': made,
                'ended_at': made if over else None,
                'results_url': url if over else None, 'archived_at': None, 'cancel_initiated_at': None}
    ran, body = batch['ran'], batch['body']
    status = ('cancelled' if batch['cancelled'] else ran['status']) if over else 'in_progress'
    return {'id': batch['id'], 'object': 'batch', 'endpoint': body['endpoint'], 'input_file_id': body['input_file_id'],
            'completion_window': '24h', 'created_at': int(batch['created'].timestamp()),
            'status': status, 'metadata': body.get('metadata'),
            'errors': {'object': 'list', 'data': ran['errors']} if over and ran['errors'] else None,
            'output_file_id': batch['output_file_id'] if over else None,
            'error_file_id': batch['error_file_id'] if over else None,
            'request_counts': ran.get('counts', {'total': 0, 'completed': 0, 'failed': 0}) if over else None}


def batch_status(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    batch = held(server.batches, last(record, 3 if record.dialect == 'openai' else 4))

    def make(fault: str) -> dict[str, Any]:
        batch['polls'] += 1
        return show(server, batch)
    return server.scripted(record, make)


def batch_list(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    key = 'after' if record.dialect == 'openai' else 'after_id'
    return server.scripted(record, lambda fault: page(server, record, key, lambda batch: show(server, batch)))


def batch_cancel(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    batch = held(server.batches, last(record, 3 if record.dialect == 'openai' else 4))

    def make(fault: str) -> dict[str, Any]:
        batch['cancelled'] = True
        return show(server, batch)
    return server.scripted(record, make)


def batch_results(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    batch = held(server.batches, last(record, 4))
    if not ended(server, batch):
        raise Refused('bad_request', 'The batch has not ended yet.')
    reply = server.scripted(record, lambda fault: None)
    if reply.body == b'null':
        reply.body, reply.kind = b''.join(row + b'\n' for row in batch['ran'][1]), 'application/x-jsonl'
    return reply


def batch_delete(server: 'VLMServer', record: Recorded, raw: bytes) -> 'Reply':
    name = held(server.batches, last(record, 4))['id']

    def make(fault: str) -> dict[str, Any]:
        del server.batches[name]
        return {'id': name, 'type': 'message_batch_deleted'}
    return server.scripted(record, make)


ONE = r'[\w.%-]+'
ROUTES: list[tuple[str, str, str, str, Route]] = [
    ('openai', 'POST', '/v1/responses', 'ask', ask),
    ('openai', 'POST', '/v1/chat/completions', 'ask', ask),
    ('openai', 'POST', '/v1/responses/input_tokens', 'count', count),
    ('openai', 'POST', '/v1/files', 'file_create', file_create),
    ('openai', 'GET', f'/v1/files/{ONE}/content', 'file_content', file_content),
    ('openai', 'DELETE', f'/v1/files/{ONE}', 'file_delete', file_delete),
    ('openai', 'POST', '/v1/batches', 'batch_create', batch_create),
    ('openai', 'GET', '/v1/batches', 'batch_list', batch_list),
    ('openai', 'GET', f'/v1/batches/{ONE}', 'batch_status', batch_status),
    ('openai', 'POST', f'/v1/batches/{ONE}/cancel', 'batch_cancel', batch_cancel),
    ('anthropic', 'POST', '/v1/messages', 'ask', ask),
    ('anthropic', 'POST', '/v1/messages/count_tokens', 'count', count),
    ('anthropic', 'POST', '/v1/messages/batches', 'batch_create', batch_create),
    ('anthropic', 'GET', '/v1/messages/batches', 'batch_list', batch_list),
    ('anthropic', 'GET', f'/v1/messages/batches/{ONE}', 'batch_status', batch_status),
    ('anthropic', 'GET', f'/v1/messages/batches/{ONE}/results', 'batch_results', batch_results),
    ('anthropic', 'POST', f'/v1/messages/batches/{ONE}/cancel', 'batch_cancel', batch_cancel),
    ('anthropic', 'DELETE', f'/v1/messages/batches/{ONE}', 'batch_delete', batch_delete),
    ('both', 'GET', f'/v1/models(/{ONE})?', 'models', models),
]
