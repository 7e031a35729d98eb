"""Ask about one image until there is an answer: the one layer of repetitions, with its two budgets."""

import asyncio
import logging
import time

from irstd_toolbox.errors import UserError
from irstd_toolbox.text_priors.vlm.audit import AuditLog
from irstd_toolbox.text_priors.vlm.cost import Estimate, Prices, estimate
from irstd_toolbox.text_priors.vlm.judge import REASONS
from irstd_toolbox.text_priors.vlm.pace import Brake, Limits, Stopper
from irstd_toolbox.text_priors.vlm.report import Report
from irstd_toolbox.text_priors.vlm.secrets import redact
from irstd_toolbox.text_priors.vlm.types import (
    ITEM_FAILS,
    RUN_STOPS,
    Answer,
    PreparedImage,
    Prompt,
    ProviderError,
    VisionLanguageProvider,
)

__all__ = ['Asker', 'NoAnswer', 'Stopped']

ALIKE = 10
"""So many requests refused alike in a row stop the run, images whose attempts are used up, or answers cut short."""
_ALIKE_AT_FIRST = 3
"""Of such images, before anything was answered at all: nobody is there."""
_THROTTLED = ('rate_limit', 'overloaded')
_REMEDIES = {
    'auth': 'the key is not accepted. Check the environment variable that holds it',
    'permission': 'the key may not do this. Use another key, or ask the owner of the account',
    'billing': 'the account cannot pay. Top it up or raise its limit',
    'not_found': 'the model or the address does not exist. Check the options model and base_url',
    'config': 'the request cannot be made. Check the options'}
_logger = logging.getLogger('irstd_toolbox')


class NoAnswer(Exception):
    """There is no answer for this image; the run goes on."""


class Stopped(Exception):
    """The run stops before this image was answered for."""


class Asker:
    """Asks, waits and asks again on behalf of all workers of a run.

    Being throttled is not the image's fault and costs it waiting time; other passing failures cost it attempts. What
    nobody can pass, such as a wrong key, stops the run.

    Args:
        provider: Whom to ask.
        limits: Pace and bounds.
        prices: For cost; None for unknown.
        word_limit: For the estimate of an answer's length.
        audit: Where failures are recorded.
        report: Where requests and tokens are counted.
        stopper: Tells when the run stops, and is told.
    """

    def __init__(self, provider: VisionLanguageProvider, limits: Limits, prices: Prices | None, word_limit: int | None,
                 audit: AuditLog, report: Report, stopper: Stopper) -> None:
        self.provider, self.limits, self.prices, self.word_limit = provider, limits, prices, word_limit
        self.audit, self.report, self.stopper = audit, report, stopper
        self._brake = Brake(limits)
        self._checked: asyncio.Task | None = None
        self._alike: tuple[str, int] = ('', 0)
        self._cut = 0
        self._spent: tuple[str, int] = ('', 0)
        self._answered, self._answers, self._in_flight = 0.0, 0, 0

    async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
        """The answer, good or not.

        Raises:
            NoAnswer: If the image cannot be asked about, or its attempts or its waiting time are used up.
            Stopped: If the run stops first.
        """
        model = str(self.provider.identity().get('model', ''))
        failures, waited, since = 0, 0.0, time.monotonic()
        while True:
            expected = estimate(model, image, prompt, self.word_limit)
            await self._ready(expected)
            sent = time.monotonic()
            try:
                answer = await self._send(image, prompt)
            except ProviderError as error:
                self._record(image, error)
                self._stop_if_hopeless(error)
                if error.kind in _THROTTLED:
                    delay = self._brake.press(sent, error.retry_after)
                    waited += delay
                    if waited > self.limits.max_wait:
                        self._give_up(error, waited, since)
                else:
                    failures += 1
                    if failures >= self.limits.attempts:
                        self._stop_if_nobody_answers(error)
                        raise NoAnswer(f'{redact(str(error))} ({failures} attempts)') from None
                    delay = self.limits.delay(failures) if error.retry_after is None else error.retry_after
                    await self.stopper.sleep(delay)
            else:
                self._brake.release()
                self._alike, self._spent, self._answered = ('', 0), ('', 0), time.monotonic()
                self._count(answer, expected)
                return answer

    async def _send(self, image: PreparedImage, prompt: Prompt) -> Answer:
        self.report.calls += 1
        self._in_flight += 1
        try:
            answer = await self.provider.ask(image, prompt)
            if not isinstance(answer, Answer):
                raise TypeError(f'ask returned {answer!r:.80}; expected an Answer')
            return answer
        except ProviderError:
            raise
        except UserError as error:
            raise ProviderError('config', str(error)) from None
        except Exception as error:  # a third party's provider
            _logger.debug('the provider raised what it must not', exc_info=True)
            raise ProviderError('bad_request', f'a defect of the provider: {type(error).__name__}: {error}') from None
        finally:
            self._in_flight -= 1

    async def _ready(self, expected: Estimate) -> None:
        """Return when the next request may be sent."""
        if not self.stopper.reason:
            self._checked = self._checked or asyncio.create_task(self._check())
            await asyncio.shield(self._checked)
        await self._brake.wait(self.stopper)
        if self.stopper.reason:
            raise Stopped
        limits, spent = self.limits, self.report.cost
        bounded = limits.max_cost is not None and self.prices
        if limits.max_calls is not None and self.report.calls >= limits.max_calls:
            self._stop('budget', f'the limit of {limits.max_calls} requests is reached')
        if bounded and spent is None:
            self._stop('budget', f'the server counts no tokens, so the limit of {limits.max_cost:g} cannot be kept. '
                                 'Limit the requests in its place (--max-calls)')
        if bounded:
            each = spent / self._answers if self._answers else expected.cost(self.prices) or 0.0
            if spent + each * (self._in_flight + 1) > limits.max_cost:
                self._stop('budget', f'the next request would pass the limit of {limits.max_cost:g}; {spent:.4g} is '
                                     'spent')

    async def _check(self) -> None:
        """Ask the provider once whether key and model are right; what may pass by itself does not matter here."""
        try:
            await self.provider.check()
        except ProviderError as error:
            if error.kind in RUN_STOPS:
                self._record(None, error)
                self.stopper.stop('fatal', _cause(error))
        except UserError as error:
            self.stopper.stop('fatal', redact(str(error)))
        except Exception as error:  # a third party's provider
            _logger.debug('the provider raised what it must not', exc_info=True)
            self.stopper.stop('fatal', redact(f'a defect of the provider: check: {type(error).__name__}: {error}'))

    def _stop_if_hopeless(self, error: ProviderError) -> None:
        if error.kind in RUN_STOPS:
            self._stop('fatal', _cause(error))
        if error.kind in ITEM_FAILS:
            text, count = self._alike
            self._alike = (str(error), count + 1 if text == str(error) else 1)
            if self._alike[1] >= ALIKE:
                self.stopper.stop('fatal', f'{ALIKE} requests in a row were refused alike: {redact(str(error))}')
            raise NoAnswer(redact(str(error)))
        if error.retry_after is not None and error.retry_after > self.limits.max_wait:
            self._stop('fatal', f'{redact(str(error))}; the server asks to wait {error.retry_after:.0f} s, and the '
                                f'limit is {self.limits.max_wait:g} s. Run the same command later')

    def _stop_if_nobody_answers(self, error: ProviderError) -> None:
        text, count = self._spent
        self._spent = (str(error), count + 1 if text == str(error) else 1)
        if self._spent[1] >= (ALIKE if self._answers else _ALIKE_AT_FIRST):
            self._stop('fatal', f'{self._spent[1]} images in a row used up their attempts alike: {redact(str(error))}. '
                                'See that the server runs, and run the same command again')

    def _give_up(self, error: ProviderError, waited: float, since: float) -> None:
        """End an image that was throttled for too long; if nobody else got through either, end the run."""
        text = f'{redact(str(error))} (throttled for {waited:.0f} s; the limit is {self.limits.max_wait:g} s)'
        if self._answered < since:
            self._stop('fatal', f'{text}. Run the same command later')
        raise NoAnswer(text)

    def _stop(self, kind: str, message: str) -> None:
        self.stopper.stop(kind, message)
        raise Stopped

    def _record(self, image: PreparedImage | None, error: ProviderError) -> None:
        self.audit.append('error', image_id=image and image.image_id, kind=error.kind, message=error.message,
                          retry_after=error.retry_after, status=error.status, request_id=error.request_id)

    def _count(self, answer: Answer, expected: Estimate) -> None:
        self._answers += 1
        self._cut = self._cut + 1 if answer.finish == 'length' else 0
        if self._cut >= ALIKE:
            self.stopper.stop('fatal', f'{ALIKE} answers in a row: {REASONS["truncated"]}')
        self.report.usage.update({name: count for name, count in vars(answer.usage).items() if count is not None})
        if self.prices and self.report.cost is not None:
            cost = self.prices.of(answer.usage)
            cost = expected.cost(self.prices) if cost is None else cost
            self.report.cost = None if cost is None else self.report.cost + cost


def _cause(error: ProviderError) -> str:
    return f'{_REMEDIES[error.kind]} ({redact(error.message)})'
