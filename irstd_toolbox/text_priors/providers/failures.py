"""What went wrong at a vendor, told in the toolbox's own kinds, without keys or headers."""

import asyncio
import datetime
import email.utils
import json
import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from irstd_toolbox.text_priors.vlm.secrets import redact
from irstd_toolbox.text_priors.vlm.types import ProviderError

__all__ = ['fault_of', 'from_error', 'from_exception', 'from_status', 'retry_after', 'say']

LONGEST = 300
BILLING = {'insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active', 'billing_error',
           'enforced_spend_limit_reached', 'contract_spend_limit_reached', 'credit_balance_too_low'}
NO_MODEL = {'model_not_found', 'model_not_available'}
TOO_LARGE = {'image_too_large', 'image_file_too_large', 'image_dimensions_too_large', 'request_too_large',
             'context_length_exceeded', 'string_above_max_length'}
UNSUPPORTED = {'unknown_parameter', 'unsupported_parameter', 'unsupported_value'}
OVERLOADED = {'overloaded_error', 'server_overloaded', 'slow_down'}
CODES = {
    'authentication_error': 401, 'invalid_api_key': 401, 'permission_error': 403, 'not_found_error': 404,
    'rate_limit_error': 429, 'rate_limit_exceeded': 429, 'invalid_request_error': 400, 'api_error': 500,
    'server_error': 500, 'timeout_error': 504, 'overloaded_error': 529, 'billing_error': 402, 'request_too_large': 413,
}
"""Codes of failures that come without a status, to the status they would have."""
KINDS = {401: 'auth', 402: 'billing', 403: 'permission', 404: 'not_found', 408: 'timeout', 409: 'server',
         413: 'too_large', 429: 'rate_limit', 503: 'overloaded', 504: 'timeout', 529: 'overloaded'}


def say(text: object) -> str:
    """Somebody's words in one line, not too many, and without keys."""
    line = ' '.join(redact(str(text)).split())
    return line if len(line) <= LONGEST else f'{line[:LONGEST]}...'


def retry_after(headers: Mapping[str, str], now: datetime.datetime | None = None) -> float | None:
    """Seconds to wait as ``retry-after-ms`` or ``retry-after`` (seconds or a date) says, None if neither does.

    No time at all, or a date that has passed, says nothing.

    Example:
        >>> retry_after({'retry-after-ms': '1500'}), retry_after({'retry-after': '3'}), retry_after({})
        (1.5, 3.0, None)
    """
    for name, unit in (('retry-after-ms', 1e-3), ('retry-after', 1.0)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) * unit
        except ValueError:
            try:
                date = email.utils.parsedate_to_datetime(text)
            except (TypeError, ValueError):
                continue
            date = date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)
            seconds = (date - (now or datetime.datetime.now(datetime.timezone.utc))).total_seconds()
        if math.isfinite(seconds) and seconds > 0:
            return seconds
    return None


def from_status(status: int, error: Any, where: str, headers: Mapping[str, str] | None = None,
                request_id: str | None = None) -> ProviderError:
    """The failure that an HTTP status and the vendor's error object tell.

    Args:
        error: What :func:`fault_of` the body says; None if there was no body.
        where: Who answered, for the message.
    """
    message = _explanation(error) or 'without an explanation'
    error = error if isinstance(error, Mapping) else {}
    details = error.get('details')
    codes = {str(error.get(name)) for name in ('code', 'type', 'error_code')}
    codes |= {str(details.get('error_code'))} if isinstance(details, Mapping) else set()
    kind = _kind(status, codes, message)
    if kind == 'auth':
        message = 'the key was refused'  # vendors repeat parts of it
    elif isinstance(error.get('param'), str) and error['param'] not in message:
        message += f' (parameter {say(error["param"])})'
    return ProviderError(kind, f'{where} answered {status}: {message}', retry_after(headers or {}), status, request_id)


def fault_of(body: Any) -> Any:
    """What a body tells of a failure: what is under ``error``, or all of it if nothing is."""
    return body.get('error') or body if isinstance(body, Mapping) else body


def _explanation(error: Any) -> str:
    """The words of an error object or of a body: its message, error or detail, else its beginning; '' without any."""
    if isinstance(error, Mapping):
        words = (error.get(name) for name in ('message', 'error', 'detail'))
        error = next((said for said in words if isinstance(said, str)), error)
    return say(error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)) if error else ''


def _kind(status: int, codes: set[str], message: str) -> str:
    if codes & BILLING or 'credit balance is too low' in message:
        return 'billing'
    if codes & NO_MODEL:
        return 'not_found'
    if codes & TOO_LARGE:
        return 'too_large'
    if codes & OVERLOADED and status >= 500:
        return 'overloaded'
    if status in (400, 422) and (codes & UNSUPPORTED or 'Extra inputs are not permitted' in message):
        return 'config'
    if status in KINDS:
        return KINDS[status]
    if status >= 500:
        return 'server'
    return 'bad_request' if status >= 400 else 'invalid_response'


def from_error(error: Any, where: str) -> ProviderError:
    """The failure of an error object that came without a status of its own, as in a batch or in a body of a 200."""
    message = _explanation(error) or 'a failure without an explanation'
    error = error if isinstance(error, Mapping) else {}
    for code in (error.get('code'), error.get('type')):
        if isinstance(code, int) and 400 <= code < 600:  # as routers to several vendors answer
            return from_status(code, error, where)
        if isinstance(code, str) and code in CODES:
            return from_status(CODES[code], error, where)
    codes = {str(error.get('code')), str(error.get('type'))}
    kind = next((kind for known, kind in ((BILLING, 'billing'), (NO_MODEL, 'not_found'), (TOO_LARGE, 'too_large'),
                                          (UNSUPPORTED, 'config')) if codes & known), 'bad_request')
    return ProviderError(kind, f'{where}: {message}')


def from_exception(error: Exception, sdk: ModuleType, where: str) -> ProviderError:
    """The failure that an exception of an SDK, or of what is below it, tells."""
    import httpx2

    if isinstance(error, sdk.APIStatusError):
        headers = error.response.headers
        return from_status(error.status_code, fault_of(error.body), where, headers,
                           error.request_id or headers.get('x-request-id'))
    if isinstance(error, sdk.APITimeoutError | httpx2.TimeoutException | TimeoutError | asyncio.TimeoutError):
        return ProviderError('timeout', f'{where} did not answer in time')
    if isinstance(error, sdk.APIConnectionError | httpx2.HTTPError | OSError):
        cause = error.__cause__ or error  # only its class: its words may hold what was sent
        return ProviderError('connection', f'the connection to {where} failed ({type(cause).__name__})')
    if isinstance(error, ValueError):
        return ProviderError('invalid_response', f'{where} answered something else than JSON')
    return ProviderError('config', f'asking {where} failed: {type(error).__name__}: {say(error)}')
