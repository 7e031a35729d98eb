"""A vendor's batches, asked with patience; no batch is made twice because an answer went astray."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from irstd_toolbox.errors import UserError
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.secrets import redact
from irstd_toolbox.text_priors.vlm.types import ITEM_FAILS, RETRIED, RUN_STOPS, BatchProvider, ProviderError

__all__ = ['LONGEST', 'NotMade', 'Remote']

T = TypeVar('T')

LONGEST = 60.0
"""Seconds. A vendor that asks to wait longer is asked by the next call of the verb; batches take hours anyway."""
NOT_MADE = (*RUN_STOPS, *ITEM_FAILS, 'rate_limit')
"""Failures of a creation after which there is surely no batch; after others there may be one."""


class NotMade(Exception):
    """The vendor has no such batch, for the reason in ``cause``."""

    def __init__(self, cause: ProviderError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Remote:
    """Calls to the vendor.

    Args:
        provider: Who knows the vendor's dialect.
        limits: How often a call is tried, and how long a wait between may be.
        grace: Seconds that the vendor is given to list a batch that it may have made.
    """

    def __init__(self, provider: BatchProvider, limits: Limits, grace: float) -> None:
        self.provider, self.limits, self.grace = provider, limits, grace

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """The result of a call that may be repeated without harm.

        Raises:
            ProviderError: If it failed for good.
        """
        attempt = 1
        while True:
            try:
                return await _plainly(call)
            except ProviderError as error:
                await self.pause(error, attempt)
                attempt += 1

    async def pause(self, error: ProviderError, attempt: int) -> None:
        """Wait before the call that failed ``attempt`` times is made again.

        Raises:
            ProviderError: That same error, if the call is not to be made again.
        """
        wait = self.limits.delay(attempt) if error.retry_after is None else error.retry_after
        if error.kind not in RETRIED or attempt >= self.limits.attempts or wait > min(LONGEST, self.limits.max_wait):
            raise error
        await asyncio.sleep(wait)

    async def find(self, label: str, known: Sequence[str]) -> str | None:
        """The id of the batch made under ``label``; None if it is not there after the grace either.

        Args:
            known: Remote ids that are of other labels.

        Raises:
            ProviderError: If it could not be found out; some vendors do not tell while a batch runs.
        """
        found = await self.ask(lambda: self.provider.batch_find(label, known))
        if found is None and self.grace > 0:
            await asyncio.sleep(self.grace)
            found = await self.ask(lambda: self.provider.batch_find(label, known))
        return found

    async def create(self, lines: Sequence[dict[str, Any]], label: str, known: Sequence[str]) -> str:
        """Make a batch; its id. Where the vendor's answer went astray, the batch is looked for before a second try.

        Args:
            known: Remote ids that are of other labels.

        Raises:
            NotMade: If there is no batch.
            ProviderError: If it could not be found out whether there is one.
        """
        attempt = 1
        while True:
            try:
                return await _plainly(lambda: self.provider.batch_submit(lines, label))
            except ProviderError as error:
                failure = error
            if failure.kind not in NOT_MADE:
                found = await self.find(label, known)
                if found is not None:
                    return found
            try:
                await self.pause(failure, attempt)
            except ProviderError as error:
                raise NotMade(error) from None
            attempt += 1


async def _plainly(call: Callable[[], Awaitable[T]]) -> T:
    """Await a call; what a user has to mend, such as a missing key, is a failure of the provider too."""
    try:
        return await call()
    except UserError as error:
        raise ProviderError('config', redact(str(error))) from None
