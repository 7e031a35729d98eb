"""The provider ``anthropic``."""

import base64
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field

from irstd_toolbox import hookimpl
from irstd_toolbox.text_priors.providers.anthropic_batch import AnthropicBatches
from irstd_toolbox.text_priors.providers.openai_wire import number, word
from irstd_toolbox.text_priors.providers.remote import HIDDEN, RemoteOptions
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, ProviderError, Usage

__all__ = ['AnthropicOptions', 'AnthropicProvider']

STOPS = {'end_turn': 'stop', 'stop_sequence': 'stop', 'max_tokens': 'length',
         'model_context_window_exceeded': 'length', 'refusal': 'refusal'}


class AnthropicOptions(RemoteOptions):
    """Options of ``anthropic``. What is None is not sent, and so left to the vendor.

    There is no ``temperature``, ``top_p`` or ``top_k``: the API refuses them, at any value, for every model.

    Args:
        base_url: Without ``/v1``, also of another server that speaks Messages.
        max_output_tokens: Limit of the answer, thinking included.
        oversized_image: Keeps the service from shrinking an image that is too large; None for servers that refuse it.
        thinking: None leaves it to the model, and models differ.
        effort: How much the model spends, for models that know it.
        cache_shots: Let the vendor keep the examples of a few-shot prompt between questions, which is cheaper.
    """

    base_url: str = 'https://api.anthropic.com'
    api_key_env: str = 'ANTHROPIC_API_KEY'
    max_output_tokens: int = Field(1024, ge=16, le=16_000)
    oversized_image: Literal['error'] | None = 'error'
    thinking: Literal['disabled', 'adaptive'] | None = None
    effort: Literal['low', 'medium', 'high', 'xhigh', 'max'] | None = None
    cache_shots: bool = True


class AnthropicProvider(AnthropicBatches):
    """Ask a model of Anthropic's.

    Args:
        model: No default: models come and go within a year.

    Raises:
        ConfigError: If an option is unknown, missing or wrong, or the SDK is not installed.

    Example:
        >>> AnthropicProvider(model='claude-sonnet-5-5').identity()['oversized_image']
        'error'
    """

    name = 'anthropic'
    sdk = 'anthropic'
    options: AnthropicOptions
    Options = AnthropicOptions
    SILENT = HIDDEN | {'cache_shots'}

    def _make_client(self, sdk: ModuleType, key: str) -> Any:
        return sdk.AsyncAnthropic(api_key=key, base_url=self.options.base_url, max_retries=0,
                                  timeout=self.options.timeout, **self.http_client())

    def request(self, image: PreparedImage, prompt: Prompt) -> tuple[str, dict[str, Any]]:
        options = self.options
        body: dict[str, Any] = {'model': options.model, 'max_tokens': options.max_output_tokens,
                                'messages': self._turns(image, prompt)}
        if prompt.system:
            body['system'] = prompt.system
        if options.thinking:
            body['thinking'] = {'type': options.thinking}
        if options.effort:
            body['output_config'] = {'effort': options.effort}
        return '/v1/messages', body

    def _turns(self, image: PreparedImage, prompt: Prompt) -> list[dict[str, Any]]:
        turns: list[dict[str, Any]] = []
        for index, shot in enumerate(prompt.shots, start=1):
            words: dict[str, Any] = {'type': 'text', 'text': shot.text}
            if self.options.cache_shots and index == len(prompt.shots):
                words['cache_control'] = {'type': 'ephemeral'}
            turns += [self._question(shot.image, prompt), {'role': 'assistant', 'content': [words]}]
        return [*turns, self._question(image, prompt)]

    def _question(self, image: PreparedImage, prompt: Prompt) -> dict[str, Any]:
        block: dict[str, Any] = {'type': 'image', 'source': {
            'type': 'base64', 'media_type': 'image/png', 'data': base64.b64encode(image.png).decode()}}
        if self.options.oversized_image:
            block['transformations'] = {'oversized_image': self.options.oversized_image}
        return {'role': 'user', 'content': [block, {'type': 'text', 'text': prompt.task}]}

    def parse(self, body: dict[str, Any]) -> Answer:
        content = body.get('content')
        if body.get('type') != 'message' or not isinstance(content, list):
            raise ProviderError('invalid_response', f'{self.host} answered an object that is no message')
        text = ''.join(str(part.get('text') or '') for part in content
                       if isinstance(part, dict) and part.get('type') == 'text')
        usage = body.get('usage')
        parts = [number(usage, name) for name in (
            'input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens')]
        thought = number(usage.get('output_tokens_details'), 'thinking_tokens') if isinstance(usage, dict) else None
        return Answer(
            text, self.options.model, word(body, 'model'), STOPS.get(word(body, 'stop_reason'), 'unknown'),
            Usage(None if parts[0] is None else sum(part or 0 for part in parts), number(usage, 'output_tokens'),
                  parts[2], thought))

    async def check(self) -> None:
        path = f"/v1/models/{quote(self.options.model, safe='')}"
        try:
            model = await self.get(path)
        except ProviderError as error:
            # Other servers of Messages list no models: a 404 of the address alone says nothing of a question.
            if error.kind == 'not_found' and (self.options.model not in error.message or path in error.message):
                return
            raise
        if model.get('lifecycle') == 'retired':
            raise ProviderError('not_found', f'{self.host} has retired the model {self.options.model!r}')
        sees = model.get('capabilities')
        for name in ('image_input', 'supported'):  # other servers list names in place of the vendor's objects
            sees = sees.get(name) if isinstance(sees, dict) else None
        if sees is False:
            raise ProviderError('config', f'the model {self.options.model!r} takes no images')


@hookimpl
def register_text_prior_providers(register: Callable[..., None]) -> None:
    register(AnthropicProvider, name=AnthropicProvider.name)
