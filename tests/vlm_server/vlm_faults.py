"""What the loopback server can do wrong, by name, and what it records of each request."""

import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

# Name -> HTTP status, OpenAI's type and code, Anthropic's type and error_code.
ERRORS: dict[str, tuple[int, str, str | None, str, str | None]] = {
    'rate_limit': (429, 'requests', 'rate_limit_exceeded', 'rate_limit_error', None),
    'quota': (429, 'insufficient_quota', 'insufficient_quota', 'rate_limit_error', 'enforced_spend_limit_reached'),
    'payment': (402, 'billing_error', 'billing_hard_limit_reached', 'billing_error', None),
    'credit': (400, 'billing_error', 'billing_not_active', 'invalid_request_error', 'credit_balance_too_low'),
    'auth': (401, 'invalid_request_error', 'invalid_api_key', 'authentication_error', None),
    'permission': (403, 'invalid_request_error', 'unsupported_country_region_territory', 'permission_error', None),
    'not_found': (404, 'invalid_request_error', 'model_not_found', 'not_found_error', None),
    'bad_request': (400, 'invalid_request_error', 'invalid_value', 'invalid_request_error', None),
    'image_too_large': (400, 'invalid_request_error', 'image_too_large', 'invalid_request_error',
                        'image_dimensions_too_large'),
    'too_large': (413, 'invalid_request_error', 'request_too_large', 'request_too_large', None),
    'echo': (400, 'invalid_request_error', None, 'invalid_request_error', None),
    'unprocessable': (422, 'invalid_request_error', None, 'invalid_request_error', None),
    'request_timeout': (408, 'timeout', None, 'timeout_error', None),
    'conflict': (409, 'conflict', None, 'conflict_error', None),
    'server': (500, 'server_error', None, 'api_error', None),
    'unavailable': (503, 'server_error', None, 'api_error', None),
    'overloaded': (529, 'server_error', 'server_overloaded', 'overloaded_error', None),
}
# Name -> HTTP status and body, as local servers and proxies answer without the vendors' error object.
BODIES: dict[str, tuple[int, str]] = {
    'error_text': (400, '{"error": "This model takes no images."}'),
    'error_typed': (400, '{"error": "This model takes no images.", "error_type": "validation"}'),
    'detail': (400, '{"detail": "This model takes no images."}'),
    'detail_list': (422, '{"detail": [{"loc": ["body"], "msg": "This model takes no images."}]}'),
    'plain': (400, 'This model takes no images.'),
    'no_body': (400, ''),
    'loading': (200, '{"error": "This model takes no images."}'),
}
TRANSPORT = ('slow', 'cut', 'reset', 'malformed', 'html', 'html_502', 'array', 'redirect')
ANSWERS = ('refusal', 'refusal_prose', 'truncated', 'reasoning_only', 'empty', 'content_filter', 'too_long',
           'no_choices', 'failed', 'text')
BATCHES = ('fail', 'expire', 'all_failed', 'never')
LINES = ('missing', 'duplicate', 'expired', 'canceled')
PROSE = 'As an AI assistant, I am unable to do this task.'
LONG = ' '.join(['The small target lies in the upper left region of the infrared image.'] * 6)
CUT = 'The small target lies in the'


class Refused(Exception):
    """The request is not as the vendor wants it: an error of the table above, with a message of its own."""

    def __init__(self, fault: str, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.fault, self.message, self.param, self.code = fault, message, param, code


@dataclass
class Image:
    """An image as the server got it."""

    sha256: str
    size: tuple[int, int]
    png: bytes | None = field(repr=False)
    options: dict[str, Any]


@dataclass
class Recorded:
    """One request, or one line of a batch.

    Args:
        kind: 'ask', 'batch_line', 'batch_create', 'batch_status', 'batch_list', 'batch_results', 'batch_cancel',
            'batch_delete', 'models', 'count', 'file_create', 'file_content', 'file_delete' or 'unknown'.
        dialect: 'openai' or 'anthropic'.
        body: Its JSON; None where there is none.
        images: Of every turn, in order; the last one is the image that is asked about.
        fault: What went wrong by script, or 'refused' for a request that was not as it should be.
        billed: Whether it was answered, well or not, so that a vendor would charge for it.
    """

    kind: str
    dialect: str
    method: str = 'POST'
    path: str = ''
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    images: list[Image] = field(default_factory=list)
    model: str | None = None
    system: str | None = None
    task: str | None = None
    custom_id: str | None = None
    fault: str = 'ok'
    billed: bool = False

    @property
    def image(self) -> Image | None:
        return self.images[-1] if self.images else None


Script = Iterable[str] | Callable[[Recorded], str | None]


class Faults:
    """Which fault comes next, for each kind of request: a list (then 'ok' for ever), or a function of the request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scripts: dict[str, Any] = {}

    def script(self, faults: Script, at: str = 'ask') -> None:
        if not callable(faults):
            faults = list(faults)
            for fault in faults:
                check(fault)
        with self._lock:
            self._scripts[at] = faults

    def next(self, record: Recorded) -> str:
        with self._lock:
            script = self._scripts.get(record.kind)
            if callable(script):
                return check(script(record) or 'ok')
            return script.pop(0) if script else 'ok'


def check(fault: str) -> str:
    name = fault.partition(':')[0]
    if name not in {'ok', *ERRORS, *BODIES, *TRANSPORT, *ANSWERS, *BATCHES, *LINES}:
        raise ValueError(f'the server knows no fault {fault!r}')
    return fault


def describe(sha256: str) -> str:
    """What the server says of an image: a region and a shade that depend on the image's bytes alone."""
    number = int(hashlib.sha256(sha256.encode()).hexdigest(), 16)
    vertical, horizontal = ('upper', 'middle', 'lower')[number % 3], ('left', 'central', 'right')[number // 3 % 3]
    ground = ('clouds', 'sea', 'hills', 'buildings')[number // 9 % 4]
    return f'The small target lies in the {vertical} {horizontal} region of the image, above {ground}.'
