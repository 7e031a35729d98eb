"""The providers ``openai`` and ``openai_compatible``."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, JsonValue, field_validator, model_validator

from irstd_toolbox import hookimpl
from irstd_toolbox.text_priors.providers.openai_batch import OpenAIBatches
from irstd_toolbox.text_priors.providers.openai_wire import (
    chat_messages,
    parse_chat,
    parse_response,
    response_turns,
)
from irstd_toolbox.text_priors.providers.remote import HIDDEN, RemoteOptions, RemoteProvider
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, ProviderError

__all__ = ['CompatibleOptions', 'CompatibleProvider', 'OpenAIOptions', 'OpenAIProvider']

CHAT = '/chat/completions'
FLEX = 900.0
"""Seconds that the vendor's cheap and slow tier may take, as it recommends."""
Effort = Literal['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']


class OpenAIOptions(RemoteOptions):
    """Options of ``openai``. What is None is not sent, and so left to the vendor.

    Args:
        api: Which way to ask: Responses, or Chat Completions, which alone has a ``seed``.
        detail: In which size the model sees the image; the vendor's ``low`` and ``auto`` lose small targets.
        context_compression: Keeps the service from compressing images; Responses only.
        max_output_tokens: Limit of the answer, reasoning included, which easily takes hundreds.
        reasoning_effort: Reasoning models only.
        temperature: Refused by reasoning models.
        top_p: Refused by reasoning models.
        seed: Chat Completions only.
        service_tier: Price and speed; ``flex`` is slow, and its ``timeout`` is 900 unless told.
        organization: Whose account pays, for keys that belong to several.
        project: Of the organization.
    """

    base_url: str = 'https://api.openai.com/v1'
    api_key_env: str = 'OPENAI_API_KEY'
    api: Literal['responses', 'chat'] = 'responses'
    detail: Literal['high', 'original'] | None = 'high'
    context_compression: Literal['disabled'] | None = 'disabled'
    max_output_tokens: int = Field(1024, ge=16)
    reasoning_effort: Effort | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = None
    service_tier: Literal['auto', 'default', 'flex', 'priority'] | None = None
    organization: str | None = None
    project: str | None = None

    @model_validator(mode='before')
    @classmethod
    def _flex_takes_its_time(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {'timeout': FLEX, **values} if values.get('service_tier') == 'flex' else values

    @model_validator(mode='after')
    def _seed_needs_chat(self) -> 'OpenAIOptions':
        if self.seed is not None and self.api != 'chat':
            raise ValueError("seed: Responses has none; expected api='chat' with it")
        return self


class _OpenAIClient(RemoteProvider):
    """What speaks OpenAI's dialect."""

    sdk = 'openai'

    def _make_client(self, sdk: ModuleType, key: str) -> Any:
        return sdk.AsyncOpenAI(api_key=key, base_url=self.options.base_url, max_retries=0,
                               timeout=self.options.timeout, **self._account(), **self.http_client())

    def _account(self) -> dict[str, str | None]:
        return {}

    async def _listed(self, path: str, *unsaid: str) -> dict[str, Any]:
        """What the server lists at ``path``; nothing if it fails by ``unsaid``, which says nothing of a question."""
        try:
            return await self.get(path)
        except ProviderError as error:
            if error.kind in unsaid:
                return {}
            raise


class OpenAIProvider(_OpenAIClient, OpenAIBatches):
    """Ask a model of OpenAI's.

    Args:
        model: No default: models come and go within a year.

    Raises:
        ConfigError: If an option is unknown, missing or wrong, or the SDK is not installed.

    Note:
        Reasoning models refuse ``temperature``, and Responses has no ``seed``, so answers are not reproducible at the
        vendor. They are reproducible here, from the cache.

    Example:
        >>> OpenAIProvider(model='gpt-6-sol', reasoning_effort='low').identity()['endpoint']
        'https://api.openai.com/v1'
    """

    name = 'openai'
    options: OpenAIOptions
    Options = OpenAIOptions
    SILENT = HIDDEN | {'service_tier', 'organization', 'project'}

    def _account(self) -> dict[str, str | None]:
        return {'organization': self.options.organization, 'project': self.options.project}

    def request(self, image: PreparedImage, prompt: Prompt) -> tuple[str, dict[str, Any]]:
        options = self.options
        sampling = {'temperature': options.temperature, 'top_p': options.top_p, 'service_tier': options.service_tier}
        if options.api == 'chat':
            return CHAT, _sent({
                'model': options.model, 'messages': chat_messages(image, prompt, options.detail),
                'max_completion_tokens': options.max_output_tokens, 'store': False, 'seed': options.seed,
                'reasoning_effort': options.reasoning_effort, **sampling})
        return '/responses', _sent({
            'model': options.model, 'instructions': prompt.system,
            'input': response_turns(image, prompt, options.detail),
            'max_output_tokens': options.max_output_tokens, 'store': False,
            'image': options.context_compression and {'context_compression': options.context_compression},
            'reasoning': options.reasoning_effort and {'effort': options.reasoning_effort}, **sampling})

    def parse(self, body: dict[str, Any]) -> Answer:
        read = parse_chat if self.options.api == 'chat' else parse_response
        return read(body, self.options.model, self.host)

    async def check(self) -> None:
        await self._listed(f"/models/{quote(self.options.model, safe='')}", 'permission')  # a key for questions alone


class CompatibleOptions(RemoteOptions):
    """Options of ``openai_compatible``. What is None is not sent.

    Args:
        base_url: Of any server that speaks Chat Completions, such as ``http://localhost:8000/v1`` (vLLM),
            ``http://localhost:11434/v1`` (Ollama) or ``http://localhost:1234/v1`` (LM Studio).
        api_key_env: None for servers without keys, as local ones are; they get ``EMPTY``.
        max_tokens_name: How the server calls the limit; Ollama knows only ``max_tokens``.
        max_output_tokens: Limit of the answer, reasoning included.
        detail: In which size the model sees the image, for servers that know it.
        extra_body: More fields of the request, for one server's own knobs.
    """

    base_url: str
    api_key_env: str | None = None
    max_tokens_name: Literal['max_tokens', 'max_completion_tokens'] = 'max_tokens'
    max_output_tokens: int = Field(1024, ge=16)
    detail: Literal['high', 'original'] | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = None
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator('extra_body')
    @classmethod
    def _leaves_the_question(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        taken = set(value) & {'model', 'messages', 'stream', 'n', 'max_tokens', 'max_completion_tokens', 'temperature',
                              'top_p', 'seed'}
        if taken:
            raise ValueError(f'expected none of {", ".join(sorted(taken))}, which have options of their own or none')
        return value


class CompatibleProvider(_OpenAIClient):
    """Ask a server that speaks OpenAI's Chat Completions, as vLLM, Ollama, LM Studio and llama.cpp do.

    A server on this machine that wants no key is free; what any other costs is not known without prices.

    Args:
        model: As the server lists it.
        base_url: Its address.

    Raises:
        ConfigError: If an option is unknown, missing or wrong, or the SDK is not installed.

    Example:
        >>> CompatibleProvider(model='qwen', base_url='http://localhost:8000/v1').remote
        False
    """

    name = 'openai_compatible'
    options: CompatibleOptions
    Options = CompatibleOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.free = not self.remote and self.options.api_key_env is None

    def request(self, image: PreparedImage, prompt: Prompt) -> tuple[str, dict[str, Any]]:
        options = self.options
        return CHAT, _sent({
            'model': options.model, 'messages': chat_messages(image, prompt, options.detail),
            options.max_tokens_name: options.max_output_tokens, 'temperature': options.temperature,
            'top_p': options.top_p, 'seed': options.seed, **options.extra_body})

    def parse(self, body: dict[str, Any]) -> Answer:
        return parse_chat(body, self.options.model, self.host)

    async def check(self) -> None:
        rows = (await self._listed('/models', 'permission', 'not_found', 'bad_request')).get('data')
        names = [str(row.get('id')) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        model = self.options.model
        listed = {model, f'{model}:latest', model.partition(':')[0]} & set(names)  # Ollama's tags, routers' variants
        if names and not listed and not any(name.endswith(f'/{model}') for name in names):
            raise ProviderError('not_found', f'{self.host} serves no model {model!r}; it lists {", ".join(names[:20])}')


def _sent(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


@hookimpl
def register_text_prior_providers(register: Callable[..., None]) -> None:
    register(OpenAIProvider, name=OpenAIProvider.name)
    register(CompatibleProvider, name=CompatibleProvider.name)
