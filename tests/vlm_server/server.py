"""A loopback HTTP server that speaks two vendors' dialects, records every request and goes wrong by script.

Used as a module (``VLMServer()``, a context manager) and as a program, for what must live in another process::

    python tests/vlm_server/server.py --port 0 --script rate_limit:0.1,ok,cut --latency 0.05

prints its port in one line and serves until it is killed. OpenAI's base URL is ``http://127.0.0.1:PORT/v1``,
Anthropic's ``http://127.0.0.1:PORT``. The faults' names are in ``vlm_faults.py``; one may be followed by ``:DETAIL``:
``rate_limit:2`` sends ``Retry-After: 2``, ``slow:0.5`` answers after half a second, ``text:WORDS`` answers WORDS,
``failed:CODE`` is a Responses failure. Scripts are consumed by asks, or by the kind that ``at`` names.
A program's records are at GET ``/_requests``; POST ``/_script`` with {"faults": [...], "at": "ask"} scripts it.
"""

import argparse
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import vlm_anthropic
import vlm_openai
import vlm_routes
from vlm_faults import BODIES, ERRORS, TRANSPORT, Faults, Recorded, Refused, Script, describe

MODELS = ('gpt-4o-test', 'gpt-6-test', 'claude-test', 'local-test')
BY_DIALECT = {'openai': vlm_openai, 'anthropic': vlm_anthropic}


@dataclass
class Reply:
    """What goes back; a ``fault`` of the transport's spoils it on its way."""

    status: int
    body: bytes
    kind: str = 'application/json'
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = 'ok'

    @classmethod
    def of(cls, value: Any, status: int = 200, **headers: str) -> 'Reply':
        return cls(status, json.dumps(value).encode(), headers=headers)


class VLMServer:
    """The server; all settings may be changed while it runs.

    Args:
        port: 0 for any free one.
        latency: Seconds before any answer of a model.
        keep_images: Whether the records keep the images' bytes, not their hash and size alone.
    """

    def __init__(self, port: int = 0, latency: float = 0.0, keep_images: bool = True) -> None:
        self.latency, self.keep_images = latency, keep_images
        self.models: set[str] = set(MODELS)
        self.keys: set[str] | None = None
        """The keys that are let in; None: any but none."""
        self.extra_fields: set[str] = set()
        """More fields that chat completions take, as local servers do."""
        self.say: Callable[[Recorded], str] = lambda record: describe(record.image.sha256)
        self.batch_polls = 0
        """How many times a batch says that it is in progress before it ends."""
        self.page_limit = 100
        """Of lists of batches, whatever the client asks for."""
        self.requests: list[Recorded] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.faults, self.lock = Faults(), threading.RLock()
        self.connections = self.answering = self.most_at_once = 0
        self.script = self.faults.script
        self._ids = itertools.count(1)
        server = self

        class Handler(_Handler):
            owner = server

        self._http = _HTTPServer(('127.0.0.1', port), Handler)
        self.port = self._http.server_address[1]
        self.url_anthropic = f'http://127.0.0.1:{self.port}'
        self.url_openai = f'{self.url_anthropic}/v1'

    def __enter__(self) -> 'VLMServer':
        threading.Thread(target=self._http.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def asks(self) -> list[Recorded]:
        """The records of single questions to a model."""
        return [record for record in self.requests if record.kind == 'ask']

    @property
    def billed(self) -> list[str]:
        """The hash of every image that an answer was made for, once an answer, online or in a batch."""
        return [record.image.sha256 for record in self.requests if record.billed]

    def new_id(self, prefix: str) -> str:
        return f'{prefix}_{next(self._ids):06d}'

    def record(self, record: Recorded) -> None:
        with self.lock:
            self.requests.append(record)

    def respond(self, record: Recorded, raw: bytes) -> Reply:
        """Check the key, route, apply the script."""
        dialect = BY_DIALECT[record.dialect]
        try:
            key = record.headers.get('authorization', '').removeprefix('Bearer ') or record.headers.get('x-api-key', '')
            if not key or (self.keys is not None and key not in self.keys):
                raise Refused('auth', 'Incorrect API key provided.' if key else 'You did not provide an API key.')
            handler = vlm_routes.find(record)
            reply = handler(self, record, raw)
        except Refused as error:
            record.fault = record.fault if record.fault != 'ok' else 'refused'
            return self.failure(record, error.fault, error.message, error.param, error.code)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            record.fault = 'refused'
            body = dialect.error_body('bad_request', f'The body cannot be read: {type(error).__name__}: {error}')
            return Reply.of(body, 400, **self._headers(record))
        reply.headers.update(self._headers(record))
        return reply

    def failure(self, record: Recorded, fault: str, message: str | None = None, param: str | None = None,
                code: str | None = None) -> Reply:
        """An error of the table, in the record's dialect; ``rate_limit:2`` and others carry Retry-After."""
        name, _, wait = fault.partition(':')
        body = BY_DIALECT[record.dialect].error_body(name, message or f'The script says {name}.', param, code)
        headers = self._headers(record) | ({'retry-after': wait} if wait else {})
        return Reply.of(body, ERRORS[name][0], **headers)

    def _headers(self, record: Recorded) -> dict[str, str]:
        return {'x-request-id' if record.dialect == 'openai' else 'request-id': self.new_id('req')}

    def scripted(self, record: Recorded, make: Callable[[str], Any]) -> Reply:
        """Take the next fault of the record's kind, and ``make`` the body of a 200 unless it is an error."""
        fault = record.fault = self.faults.next(record)
        name, _, detail = fault.partition(':')
        if name == 'echo':
            return self.failure(record, fault, f'You sent {record.headers}.')
        if name in ERRORS:
            return self.failure(record, fault)
        if name in BODIES:
            status, body = BODIES[name]
            return Reply(status, body.encode(), 'application/json' if body.startswith('{') else 'text/plain')
        if name == 'slow':
            time.sleep(float(detail or 0.5))
        reply = Reply.of(make(fault))
        if name in ('malformed', 'array'):
            reply.body = reply.body[:-2] + b',,' if name == 'malformed' else b'[' + reply.body + b']'
        elif name.startswith('html'):
            page = b'<!DOCTYPE html><html><body>Please sign in to this network.</body></html>'
            reply = Reply(502 if name == 'html_502' else 200, page, 'text/html')
        elif name == 'redirect':
            reply.status, reply.headers['location'] = 307, f'{self.url_openai}/chat/completions'
        reply.fault = fault if name in TRANSPORT else 'ok'
        return reply

    def run_line(self, record: Recorded, forced: str | None) -> tuple[int, dict[str, Any], str]:
        """One line of a batch: status, body and the fault of the line; ``forced`` comes before the script."""
        dialect = BY_DIALECT[record.dialect]
        self.record(record)
        try:
            dialect.validate(self, record, record.path)
        except Refused as error:
            record.fault = 'refused'
            return ERRORS[error.fault][0], dialect.error_body(error.fault, error.message, error.param, error.code), ''
        record.fault = forced or self.faults.next(record)
        name = record.fault.partition(':')[0]
        if name in ('expired', 'canceled'):
            return 0, {}, name
        if name in ERRORS:
            return ERRORS[name][0], dialect.error_body(name, f'The script says {name}.'), name
        record.billed = True
        return 200, dialect.answer(self, record, record.fault, record.path), name


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no event."""


class _Handler(BaseHTTPRequestHandler):
    owner: VLMServer
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    timeout = 60

    def setup(self) -> None:
        super().setup()
        self.owner.connections += 1

    def _any(self) -> None:
        raw = self.rfile.read(int(self.headers.get('content-length') or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path.startswith('/_'):
            self._send(self._control(raw))
            return
        dialect = 'anthropic' if 'anthropic-version' in headers else 'openai'
        body = None
        if headers.get('content-type', '').startswith('application/json') and raw:
            try:
                body = json.loads(raw)
            except ValueError:
                body = None
        record = Recorded('unknown', dialect, self.command, self.path, headers, body)
        self.owner.record(record)
        self._send(self.owner.respond(record, raw))

    do_GET = do_POST = do_DELETE = _any

    def _control(self, raw: bytes) -> Reply:
        if self.path == '/_script':
            self.owner.script(**json.loads(raw))
            return Reply.of({})
        names = ('kind', 'dialect', 'method', 'path', 'model', 'task', 'system', 'custom_id', 'fault', 'billed')
        return Reply.of([{**{name: getattr(record, name) for name in names},
                          'images': [image.sha256 for image in record.images]} for record in self.owner.requests])

    def _send(self, reply: Reply) -> None:
        if reply.fault == 'reset':
            self.close_connection = True
            return
        body = reply.body
        headers = {'content-type': reply.kind, 'content-length': str(len(body)), **reply.headers}
        head = [f'HTTP/1.1 {reply.status} X', *(f'{name}: {value}' for name, value in headers.items()), '', '']
        if reply.fault == 'cut':
            body, self.close_connection = body[:len(body) // 2], True
        self.wfile.write('\r\n'.join(head).encode() + body)

    def log_message(self, *_: object) -> None:
        """Silent: the records say it all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--script', default='', help='faults of the first questions, with commas between them')
    parser.add_argument('--latency', type=float, default=0.0, help='seconds')
    parser.add_argument('--keep-images', action='store_true')
    args = parser.parse_args()
    with VLMServer(args.port, args.latency, args.keep_images) as server:
        faults: Script = [fault for fault in args.script.split(',') if fault]
        server.script(faults)
        print(server.port, flush=True)
        threading.Event().wait()


if __name__ == '__main__':
    main()
