"""How fast and how often to ask: the limits of a run, the brake that all workers share, and its reasons to stop."""

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.vlm.report import Stop

__all__ = ['Brake', 'Limits', 'Stopper']

LONGEST_DELAY = 60.0


@dataclass(frozen=True)
class Limits:
    """What a run may take.

    Args:
        concurrency: Requests at a time; the provider may set a lower number.
        attempts: How often an image is asked about when the server fails, the connection breaks or the answer cannot
            be read. Being throttled costs none.
        max_wait: Seconds that throttling may delay an image in all.
        max_cost: In the currency of the prices; None for no limit.
        max_calls: Requests sent, whatever becomes of them; None for no limit.
        first_delay: Seconds before the first repetition; the next wait is twice as long, up to a minute.
        grace: Seconds that requests under way are given when the run stops; None for the provider's time-out, since
            what they bring is paid.

    Raises:
        ConfigError: If a number is out of range.
    """

    concurrency: int = 4
    attempts: int = 5
    max_wait: float = 600.0
    max_cost: float | None = None
    max_calls: int | None = None
    first_delay: float = 1.0
    grace: float | None = None

    def __post_init__(self) -> None:
        for name, least in (('concurrency', 1), ('attempts', 1), ('max_wait', 0), ('max_cost', 0), ('max_calls', 0)):
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise ConfigError(f'{name} is {value}; expected {least} or more.')

    def delay(self, failures: int) -> float:
        """Seconds to wait after the ``failures``-th failure in a row, with up to a quarter more by chance."""
        return min(LONGEST_DELAY, self.first_delay * 2 ** (failures - 1)) * random.uniform(1, 1.25)


class Stopper:
    """Says once, to all who wait, that the run is to stop."""

    def __init__(self) -> None:
        self.reason: Stop | None = None
        self._event = asyncio.Event()

    def stop(self, kind: str, message: str) -> None:
        """Stop; the first reason stays."""
        self.reason = self.reason or Stop(kind, message)
        self._event.set()

    async def sleep(self, seconds: float) -> None:
        """Sleep, or return early when the run stops."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)

    async def stopped(self) -> None:
        """Return when the run stops."""
        await self._event.wait()


class Brake:
    """Makes all workers wait when one of them is throttled.

    Several requests that were under way when the brake was pressed count as one refusal: only a request that was
    sent after the last pause makes the next one longer. The first pause is as long as the server asks; if it refuses
    again after that, the pauses double, whatever it asks, unless it asks for longer ones.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._until = 0.0
        self._refusals = 0

    def press(self, sent: float, retry_after: float | None) -> float:
        """Pause all workers after the refusal of a request that was sent at ``sent``; the seconds they will wait."""
        now, pause = time.monotonic(), retry_after or 0.0
        counts = sent >= self._until or not self._refusals
        self._refusals += counts
        if (counts and self._refusals > 1) or (retry_after is None and now >= self._until):
            pause = max(pause, self._limits.delay(self._refusals))
        self._until = max(self._until, now + pause)
        return self._until - now

    def release(self) -> None:
        """Note that a request got through."""
        self._refusals = 0

    async def wait(self, stopper: Stopper) -> None:
        """Return when the way is free or the run stops; those who wait do not all start at once."""
        while not stopper.reason and (left := self._until - time.monotonic()) > 0:
            await stopper.sleep(left + random.uniform(0, min(0.25, 0.1 * left)))
