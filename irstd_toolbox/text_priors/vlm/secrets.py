"""Keys: taken from the environment by name, and replaced wherever they turn up in text."""

import logging
import os
import re
from collections.abc import Mapping
from typing import Any

from irstd_toolbox.errors import ConfigError

__all__ = ['guard_logging', 'key_from_environment', 'redact', 'refuse_keys', 'remember']

PLACEHOLDER = '[key removed]'
_SHORTEST = 8
_known: set[str] = set()
_CHATTY = ('openai', 'anthropic', 'httpx', 'httpcore', 'httpx2', 'httpcore2')
_SHAPED = re.compile(r'''
    \b(?:sk|pk|rk)-[\w-]{16,} | \bsk_(?:live|test)_\w{16,} | \bhf_[A-Za-z0-9]{20,} | \bgsk_\w{20,} | \bAIza[\w-]{30,}
    | \bgh[pousr]_\w{20,} | \bxox[abp]-[\w-]{10,} | \bAKIA[0-9A-Z]{16}\b | \bBearer\s+[\w.~+/-]{16,}
    | \beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}
    ''', re.VERBOSE)
_NAMED = re.compile(r'(?:^|_)(?:api_?key|key|token|secret|password|authorization|credentials?)$', re.IGNORECASE)


def key_from_environment(name: str) -> str:
    """The key in the environment variable ``name``; it is remembered, so that :func:`redact` knows it.

    Raises:
        ConfigError: If ``name`` is no name of a variable (perhaps the key itself), or the variable is not set.
    """
    if not re.fullmatch(r'[A-Za-z_]\w*', name) or _SHAPED.search(name):
        raise ConfigError('api_key_env holds no name of an environment variable; expected one such as OPENAI_API_KEY. '
                          'Put the key into the environment, and its name here.')
    key = os.environ.get(name, '').strip()
    if not key:
        raise ConfigError(f'the environment variable {name} is not set; expected the key of the service. '
                          f'Run: export {name}=...')
    if not key.isprintable() or not key.isascii() or ' ' in key:
        raise ConfigError(f'the environment variable {name} holds white space or characters that no key has. '
                          'Set it anew.')
    remember(key)
    return key


def remember(secret: str) -> None:
    """Have :func:`redact` replace ``secret`` from now on; words shorter than 8 characters are left alone."""
    if len(secret) >= _SHORTEST:
        _known.add(secret)


def redact(text: str) -> str:
    """``text`` without the keys that are known."""
    for secret in _known:
        text = text.replace(secret, PLACEHOLDER)
    return text


def refuse_keys(options: Mapping[str, Any]) -> None:
    """Stop options or configs that hold a key, which would be written into records.

    Raises:
        ConfigError: If a value looks like a key, or is text under a name such as ``api_key``. The value is not shown.
    """
    for name, value in _leaves(options):
        last = name.rpartition('.')[2]
        named = isinstance(value, str) and _NAMED.search(last) and value not in ('', 'EMPTY')
        if named or (isinstance(value, str) and _SHAPED.search(value)) or _SHAPED.search(last):
            raise ConfigError(f'--options: {"an option" if _SHAPED.search(last) else name} looks like a key; expected '
                              'none, since options are written into records. Put the key into an environment variable '
                              'and give its name by api_key_env.')


def _leaves(value: Any, name: str = '') -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [leaf for key, item in value.items() for leaf in _leaves(item, f'{name}.{key}' if name else str(key))]
    if isinstance(value, list | tuple | set):
        return [leaf for item in value for leaf in _leaves(item, name)]
    return [(name, value)]


class _Redacting(logging.Filter):
    """Takes known keys out of a record's message, arguments and traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not _known:
            return True
        message = record.getMessage()
        if redact(message) != message:
            record.msg, record.args = redact(message), ()
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        return True


def guard_logging() -> None:
    """Keep keys, prompts and images out of the logs at any level.

    The SDKs' and their HTTP libraries' loggers, which log whole requests at DEBUG, are held at WARNING, and known keys
    are replaced in every record of theirs, of ours, and of every handler of the root logger.
    """
    for name in _CHATTY:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        _install(logger)
    _install(logging.getLogger('irstd_toolbox'))
    for handler in logging.getLogger().handlers:
        _install(handler)


def _install(place: logging.Logger | logging.Handler) -> None:
    if not any(isinstance(present, _Redacting) for present in place.filters):
        place.addFilter(_Redacting())
