"""What providers behind a network have in common: address, key, client, and failures that hold nothing secret."""

import asyncio
import contextlib
import importlib
import importlib.util
import ipaddress
import json
import os
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.providers.failures import from_exception
from irstd_toolbox.text_priors.providers.options import OptionsProvider, ProviderOptions
from irstd_toolbox.text_priors.vlm.secrets import guard_logging, key_from_environment
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, ProviderError

__all__ = ['RemoteOptions', 'RemoteProvider', 'is_loopback', 'require_sdk']

HIDDEN = frozenset({'base_url', 'api_key_env', 'timeout', 'allow_insecure'})
_AMBIENT = ('OPENAI_CUSTOM_HEADERS', 'OPENAI_ORG_ID', 'OPENAI_PROJECT_ID', 'ANTHROPIC_CUSTOM_HEADERS')
"""What the SDKs would send from the environment, to any server, and in the place of the key that was named."""


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine; 0.0.0.0, which servers print as theirs, is.

    Example:
        >>> is_loopback('http://127.0.0.1:8000/v1'), is_loopback('http://localhost'), is_loopback('http://10.0.0.1')
        (True, True, False)
    """
    host = urlsplit(url).hostname or ''
    try:
        return host == 'localhost' or (address := ipaddress.ip_address(host)).is_loopback or address.is_unspecified
    except ValueError:
        return False


def require_sdk(module: str, extra: str) -> None:
    """Find out, without importing it, whether an SDK is there.

    Raises:
        ConfigError: If it is not.
    """
    if importlib.util.find_spec(module) is None:
        raise ConfigError(f"the package {module!r} is not installed; expected it for this provider. "
                          f"Run: pip install 'irstd-toolbox[{extra}]'")


@contextlib.contextmanager
def _without_ambient_headers() -> Iterator[None]:
    hidden = {name: os.environ.pop(name) for name in _AMBIENT if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


class RemoteOptions(ProviderOptions):
    """Where to ask, and as whom.

    Args:
        base_url: The server's address; variables of the environment such as ``OPENAI_BASE_URL`` and
            ``OPENAI_CUSTOM_HEADERS`` do not count.
        api_key_env: NAME of the environment variable that holds the key.
        timeout: Seconds that one question may take.
        allow_insecure: Send images and key over plain http to another machine.
    """

    base_url: str
    api_key_env: str | None
    timeout: float = Field(60.0, gt=0)
    allow_insecure: bool = False

    @field_validator('api_key_env')
    @classmethod
    def _is_a_name(cls, value: str | None) -> str | None:
        if value is not None and not (value.isidentifier() and value.isascii() and value == value.upper()):
            raise ValueError('expected the NAME of an environment variable, in capitals, not a key')
        return value

    @field_validator('base_url')
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ('http', 'https') or not parts.hostname or parts.query or parts.fragment:
            raise ValueError('expected http://HOST/PATH or https://HOST/PATH')
        if parts.username is not None:
            raise ValueError('expected no user or password in the address; keys come from the environment')
        return value.rstrip('/')

    @model_validator(mode='after')
    def _is_safe(self) -> 'RemoteOptions':
        if urlsplit(self.base_url).scheme == 'http' and not is_loopback(self.base_url) and not self.allow_insecure:
            raise ValueError(f'base_url={self.base_url}: plain http to another machine shows key and images to '
                             'everybody between; expected https, or allow_insecure=True')
        return self


class RemoteProvider(OptionsProvider):
    """A provider whose model is behind a vendor's SDK.

    A client belongs to the event loop that it was made in, so it is made when first needed and never pickled.
    """

    options: RemoteOptions
    sdk: ClassVar[str]
    """The package, and the extra that installs it."""
    SILENT = HIDDEN

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        require_sdk(self.sdk, self.sdk)
        self.remote, self.timeout = not is_loopback(self.options.base_url), self.options.timeout
        self._client: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), '_client': None, '_loop': None}

    @property
    def host(self) -> str:
        """Who is asked, for messages."""
        return urlsplit(self.options.base_url).netloc

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), 'endpoint': self.options.base_url}

    async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
        path, body = self.request(image, prompt)
        started = time.perf_counter()
        answered, request_id = await self.post(path, body, self.options.timeout)
        return replace(self.parse(answered), request_id=request_id, latency_s=time.perf_counter() - started)

    @abstractmethod
    def request(self, image: PreparedImage, prompt: Prompt) -> tuple[str, dict[str, Any]]:
        """Path and body of a question, the same online and in a batch."""

    @abstractmethod
    def parse(self, body: dict[str, Any]) -> Answer:
        """The answer in a body, the same online and in a batch.

        Raises:
            ProviderError: If the body is no answer.
        """

    @abstractmethod
    def _make_client(self, sdk: ModuleType, key: str) -> Any:
        """The SDK's asynchronous client, without retries of its own."""

    def http_client(self) -> dict[str, Any]:
        """For a server on this machine, a client past the environment's proxies, which cannot be sent elsewhere."""
        if self.remote:
            return {}
        import httpx2

        limits = httpx2.Limits(max_connections=256, max_keepalive_connections=self.max_concurrency)
        encrypted = urlsplit(self.options.base_url).scheme == 'https'
        return {'http_client': httpx2.AsyncClient(
            trust_env=False, follow_redirects=False, verify=encrypted, limits=limits, timeout=self.options.timeout)}

    async def close(self) -> None:
        client, loop, self._client = self._client, self._loop, None
        if client is not None and loop is asyncio.get_running_loop():
            await client.close()

    async def post(self, path: str, body: dict[str, Any], seconds: float | None = None
                   ) -> tuple[dict[str, Any], str | None]:
        """POST ``body``; the object that came back and the request's id."""
        return self._json(await self.reach(
            lambda client, response: client.post(path, body=body, cast_to=response), seconds))

    async def get(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        """GET an object."""
        options = {'params': query} if query else {}
        return self._json(await self.reach(
            lambda client, response: client.get(path, cast_to=response, options=options)))[0]

    async def delete(self, path: str) -> None:
        """DELETE what may be gone already."""
        try:
            await self.reach(lambda client, response: client.delete(path, cast_to=response))
        except ProviderError as error:
            if error.status != 404:
                raise

    async def reach(self, call: Callable[[Any, type], Awaitable[Any]], seconds: float | None = None) -> Any:
        """Await ``call(client, response type)``.

        Raises:
            ProviderError: Whatever went wrong; nothing of the SDK's exception, which holds the key, hangs on to it.
        """
        sdk = failure = None
        try:
            sdk = importlib.import_module(self.sdk)
            import httpx2

            return await asyncio.wait_for(call(self._connect(sdk), httpx2.Response), seconds)
        except ImportError as error:
            failure = ProviderError('config', f'the package {self.sdk!r} cannot be imported ({error})')
        except ConfigError as error:
            failure = ProviderError('auth', str(error))
        except Exception as error:
            failure = self._told(from_exception(error, sdk, self.host))
        raise failure  # out of the handlers, so that no context is kept

    def _told(self, failure: ProviderError) -> ProviderError:
        """A refused key, with the name of the variable that it came from."""
        if failure.kind != 'auth':
            return failure
        name = self.options.api_key_env
        told = f'refuses the key in the environment variable {name}' if name else 'wants a key; name one by api_key_env'
        return ProviderError('auth', f'{self.host} {told}', failure.retry_after, failure.status, failure.request_id)

    def _connect(self, sdk: ModuleType) -> Any:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            name = self.options.api_key_env
            key = key_from_environment(name) if name else None
            guard_logging()  # after the import: the SDKs set up their loggers then
            with _without_ambient_headers():
                self._client, self._loop = self._make_client(sdk, key or 'EMPTY'), loop
        return self._client

    def _json(self, response: Any) -> tuple[dict[str, Any], str | None]:
        request_id = response.headers.get('request-id') or response.headers.get('x-request-id')
        try:
            body = json.loads(response.content)
        except ValueError:  # malformed, or the page of a network that wants a login
            body = None
        if not isinstance(body, dict):
            raise ProviderError('invalid_response', f'{self.host} answered something else than a JSON object',
                                status=response.status_code, request_id=request_id)
        return body, request_id
