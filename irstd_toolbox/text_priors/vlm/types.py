"""What passes between a vision-language model's provider and whoever asks it: images, prompts, answers, failures."""

import asyncio
import hashlib
import json
import reprlib
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.provider import TextPriorProvider
from irstd_toolbox.text_priors.scene import Scene

__all__ = [
    'Answer', 'BatchLimits', 'BatchProvider', 'BatchStatus', 'PreparedImage', 'Prompt', 'ProviderError', 'Shot',
    'Usage', 'VisionLanguageProvider',
]

RETRIED = ('rate_limit', 'overloaded', 'server', 'timeout', 'connection', 'invalid_response')
ITEM_FAILS = ('bad_request', 'too_large')
RUN_STOPS = ('auth', 'permission', 'billing', 'not_found', 'config')
FINISHES = ('stop', 'length', 'refusal', 'content_filter', 'unknown')


class ProviderError(Exception):
    """One attempt to ask a model failed; holds plain values only, so that no key hides in it, pickled or not.

    Args:
        kind: One of ``RETRIED`` (try again), ``ITEM_FAILS`` (this image cannot be asked) or ``RUN_STOPS`` (nobody can).
        message: What happened, without request bodies or headers.
        retry_after: Seconds that the server asked to wait, None if it did not; 0 and less count as None.
        status: HTTP status, None where there was none.
        request_id: The vendor's id of the request, None if unknown.
    """

    def __init__(self, kind: str, message: str, retry_after: float | None = None, status: int | None = None,
                 request_id: str | None = None) -> None:
        if kind not in RETRIED + ITEM_FAILS + RUN_STOPS:
            raise ValueError(f'{kind!r} is no kind of provider error.')
        retry_after = retry_after if retry_after is not None and retry_after > 0 else None
        super().__init__(kind, message, retry_after, status, request_id)
        self.kind, self.message, self.retry_after = kind, message, retry_after
        self.status, self.request_id = status, request_id

    def __str__(self) -> str:
        return f'{self.kind}: {self.message}'


@dataclass(frozen=True)
class PreparedImage:
    """An image as it goes out: a lossless PNG.

    Args:
        image_id: The id that the description is stored under.
        png: The bytes sent.
        width: Pixels of the PNG.
        height: Pixels of the PNG.
        steps: What was done to the file's pixels, in words, for the audit log; empty if nothing.
    """

    image_id: str
    png: bytes = field(repr=False)
    width: int
    height: int
    steps: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the bytes sent."""
        return hashlib.sha256(self.png).hexdigest()


@dataclass(frozen=True)
class Shot:
    """An example of a few-shot prompt: an image of the training split and its description."""

    image: PreparedImage
    text: str


@dataclass(frozen=True)
class Prompt:
    """A rendered prompt.

    Args:
        style: ``'zero_shot'``, ``'few_shot'``, ``'system'``, or what a tool made itself, such as ``'boxes'``.
        task: The user's words.
        system: The system's role; None for none.
        shots: Examples, earlier turns of the conversation.
    """

    style: str
    task: str
    system: str | None = None
    shots: tuple[Shot, ...] = ()

    @property
    def sha256(self) -> str:
        """Of everything rendered, the examples' bytes included."""
        shots = [(shot.image.sha256, shot.text) for shot in self.shots]
        return hashlib.sha256(json.dumps([self.style, self.system, self.task, shots]).encode()).hexdigest()


@dataclass(frozen=True)
class Usage:
    """Tokens as the vendor counted them; None where it did not say.

    Raises:
        TypeError: If a number is none.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __post_init__(self) -> None:
        for name, count in vars(self).items():
            if count is not None and not isinstance(count, int):
                raise TypeError(f'{name} of an answer is {type(count).__name__}; expected int, or None')


@dataclass(frozen=True)
class Answer:
    """What a model answered, good or not; whether it may be written as a description is judged elsewhere.

    Args:
        text: Its words as they came, without its thoughts, ``''`` if there were none.
        model: The model that was asked.
        resolved_model: The model that answered, as the vendor names it.
        finish: ``'stop'``, ``'length'``, ``'refusal'``, ``'content_filter'`` or ``'unknown'``.
        usage: Tokens.
        request_id: The vendor's id.
        latency_s: Seconds from sending to answer; None for batch answers.

    Raises:
        TypeError: If ``text`` is no str or ``usage`` no :class:`Usage`.
        ValueError: If ``finish`` is another word.
    """

    text: str
    model: str
    resolved_model: str | None = None
    finish: str = 'unknown'
    usage: Usage = Usage()
    request_id: str | None = None
    latency_s: float | None = None

    def __post_init__(self) -> None:
        for name, kind in (('text', str), ('usage', Usage)):
            if not isinstance(value := getattr(self, name), kind):
                raise TypeError(f'{name} of an answer is {type(value).__name__}; expected {kind.__name__}')
        if self.finish not in FINISHES:
            raise ValueError(f'{self.finish!r} is no way for an answer to finish; expected one of {FINISHES}.')

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


class VisionLanguageProvider(TextPriorProvider):
    """A provider that asks a vision-language model, which sees the image and never the mask.

    Subclasses define :meth:`ask`, one attempt without retries, and :meth:`identity`. Retries, pace, caching,
    judging and writing are the engine's.
    """

    uses_ground_truth = False
    remote: ClassVar[bool] = True
    """Whether images leave this machine."""
    max_concurrency: ClassVar[int] = 64
    timeout: ClassVar[float] = 60.0
    """Seconds that :meth:`ask` may take. A run that stops waits so long for answers under way, which are paid."""
    free: ClassVar[bool] = False
    """Whether asking costs no money, as with a model on a machine of one's own."""

    @abstractmethod
    async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
        """Ask once.

        Raises:
            ProviderError: And nothing else, whatever happened.
        """

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What can change the answer, as plain JSON values: provider, endpoint, model, options; no key."""

    async def check(self) -> None:
        """Find out before the first image whether key and model are right; nothing by default.

        Raises:
            ProviderError: If they are not.
        """

    async def close(self) -> None:
        """Release connections; nothing by default."""

    def describe(self, scene: Scene) -> str:
        """Describe one scene with the default prompt, outside of any engine.

        Raises:
            ConfigError: If :meth:`ask` returns no :class:`Answer`.
            DataError: If the answer is no description.
            ProviderError: As :meth:`ask` raises it.
        """
        from irstd_toolbox.text_priors.vlm.images import prepare_array
        from irstd_toolbox.text_priors.vlm.judge import accept
        from irstd_toolbox.text_priors.vlm.prompts import render

        async def once() -> Answer:
            try:
                return await self.ask(prepare_array(scene.image, scene.image_id), render('system'))
            finally:
                await self.close()

        answer = asyncio.run(once())
        if not isinstance(answer, Answer):
            raise ConfigError(f'{type(self).__name__}.ask() returned {reprlib.repr(answer)}; expected an Answer with '
                              'text and model.')
        return accept(answer, word_limit=50)


@dataclass(frozen=True)
class BatchLimits:
    """What one batch may hold: bytes of its file and lines."""

    bytes: int
    lines: int


@dataclass(frozen=True)
class BatchStatus:
    """Where a remote batch stands.

    Args:
        state: ``'running'``, ``'ended'`` (results, perhaps partial, can be fetched) or ``'failed'`` (there are none).
        remote_state: The vendor's own word.
        done: Requests finished in any way.
        total: Requests in the batch.
        message: Why it failed.
    """

    state: str
    remote_state: str
    done: int = 0
    total: int = 0
    message: str | None = None


class BatchProvider(VisionLanguageProvider):
    """A provider whose vendor takes many requests as one batch, cheaper and later."""

    batch_limits: ClassVar[BatchLimits]

    @abstractmethod
    def batch_line(self, custom_id: str, image: PreparedImage, prompt: Prompt) -> dict[str, Any]:
        """One request of a batch, as JSON values; ``custom_id`` matches ``[A-Za-z0-9_-]{1,64}``."""

    @abstractmethod
    async def batch_submit(self, lines: Sequence[dict[str, Any]], label: str) -> str:
        """Create a remote batch that :meth:`batch_find` can find by ``label``; its remote id."""

    @abstractmethod
    async def batch_find(self, label: str, known: Sequence[str] = ()) -> str | None:
        """The remote id of a batch submitted under ``label``, None if there is none.

        Args:
            known: Remote ids that are accounted for and need not be looked into.

        Raises:
            ProviderError: Also if the vendor does not tell yet, with ``retry_after``.
        """

    @abstractmethod
    async def batch_status(self, remote_id: str) -> BatchStatus:
        """Where the batch stands."""

    @abstractmethod
    def batch_results(self, remote_id: str) -> AsyncIterator[tuple[str, Answer | ProviderError]]:
        """``(custom_id, answer or failure)`` in any order, perhaps with lines missing or twice."""

    @abstractmethod
    async def batch_cancel(self, remote_id: str) -> None:
        """Ask the vendor to stop the batch; what it has done can still be fetched."""

    @abstractmethod
    async def batch_cleanup(self, remote_id: str) -> None:
        """Delete the files that the batch left with the vendor."""
