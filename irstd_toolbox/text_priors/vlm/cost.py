"""Tokens and money, told before they are spent as estimates, and after as the vendor counted."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.vlm.types import PreparedImage, Prompt, Usage

__all__ = ['Estimate', 'Prices', 'estimate', 'image_tokens']

_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_WORD = 1.35
_WORDS_WITHOUT_LIMIT = 120


@dataclass(frozen=True)
class Prices:
    """Of a million tokens, as the user looked them up; the toolbox knows none.

    Args:
        input: Price of a million input tokens.
        output: Price of a million output tokens, reasoning included.
    """

    input: float
    output: float

    @classmethod
    def from_option(cls, value: Any) -> 'Prices | None':
        """From ``dict(input=..., output=...)``; None stays None.

        Raises:
            ConfigError: If it is anything else.
        """
        if value is None:
            return None
        fits = isinstance(value, Mapping) and set(value) == {'input', 'output'} and all(
            isinstance(price, int | float) and not isinstance(price, bool) and price >= 0 and math.isfinite(price)
            for price in value.values())
        if not fits:
            raise ConfigError(f'prices={value!r}; expected the prices of a million tokens, '
                              "such as prices=\"{'input': 2.5, 'output': 10}\".")
        return cls(float(value['input']), float(value['output']))

    @property
    def free(self) -> bool:
        """Whether nothing costs anything, however many tokens it has."""
        return not (self.input or self.output)

    def of(self, usage: Usage) -> float | None:
        """What an answer cost; tokens read from the vendor's cache are counted at full price. None if not counted."""
        if self.free:
            return 0.0
        if usage.input_tokens is None and usage.output_tokens is None:
            return None
        return ((usage.input_tokens or 0) * self.input + (usage.output_tokens or 0) * self.output) / 1e6


@dataclass(frozen=True)
class Estimate:
    """Tokens of one request, before it is sent.

    Args:
        input_tokens: Words and images; None where the model's way of counting images is not known.
        output_tokens: The sentence alone, without reasoning.
    """

    input_tokens: int | None
    output_tokens: int

    def cost(self, prices: Prices | None) -> float | None:
        """In the currency of the prices; None for unknown."""
        if prices is None or self.input_tokens is None and not prices.free:
            return None
        return prices.of(Usage(self.input_tokens, self.output_tokens))


def image_tokens(model: str, width: int, height: int) -> int | None:
    """Estimated tokens of an image, from what vendors and measurements published; None for models not known here.

    =================  ==================================================================
    ``claude-``        ``ceil(w/28) * ceil(h/28)``
    ``gpt-5.6``, 6     ``ceil(w/32) * ceil(h/32) * 1.2``
    ``gpt-4o``, 4.1    85 + 170 for each tile of 512, high detail, the shorter side at most 768
    =================  ==================================================================

    Example:
        >>> [image_tokens(model, 512, 512) for model in ('claude-sonnet-5-5', 'gpt-6-sol', 'gpt-4o', 'llava')]
        [361, 308, 255, None]
    """
    if model.startswith('claude'):
        return math.ceil(width / 28) * math.ceil(height / 28)
    if re.match(r'gpt-(?:5\.6|6)', model):
        return math.ceil(math.ceil(width / 32) * math.ceil(height / 32) * 1.2)
    if re.match(r'gpt-4(?:o|\.1)(?!-mini|-nano)', model):
        scale = min(1.0, 2048 / max(width, height), 768 / min(width, height))
        return 85 + 170 * math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    return None


def estimate(model: str, image: PreparedImage, prompt: Prompt, word_limit: int | None) -> Estimate:
    """Tokens of a request and of an answer of full length."""
    images = [image_tokens(model, sent.width, sent.height) for sent in (image, *(shot.image for shot in prompt.shots))]
    text = len(prompt.system or '') + len(prompt.task) * (1 + len(prompt.shots)) + sum(
        len(shot.text) for shot in prompt.shots)
    words = word_limit or _WORDS_WITHOUT_LIMIT
    known = None not in images
    return Estimate(sum(images) + math.ceil(text / _CHARACTERS_PER_TOKEN) if known else None,
                    math.ceil(words * _TOKENS_PER_WORD))
