"""Ask a model about many images at a time, so that no image is lost or described wrongly and no answer paid again."""

import asyncio
import concurrent.futures
import contextlib
import logging
import signal
from collections.abc import Callable, Iterable, Iterator

from irstd_toolbox.errors import UserError
from irstd_toolbox.text_priors.vlm.asking import Asker, NoAnswer, Stopped
from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.delivery import Delivery, Desk
from irstd_toolbox.text_priors.vlm.judge import REASONS, judge
from irstd_toolbox.text_priors.vlm.pace import Limits, Stopper
from irstd_toolbox.text_priors.vlm.report import Report, Stop
from irstd_toolbox.text_priors.vlm.secrets import redact
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, VisionLanguageProvider

__all__ = ['Engine', 'Limits', 'Report', 'Stop']

_logger = logging.getLogger('irstd_toolbox')


class Engine:
    """One run over many images.

    Workers take image ids from one iterator, so that an image is read when its turn comes. Images that are the same
    pixel for pixel are asked about once. An accepted answer is in the cache before it is a description, so what has
    come in is not paid again, even if the process is killed. A request that times out, or is under way when the process
    is killed, may be paid without bringing anything, and again when it is repeated.

    Args:
        provider: Whom to ask.
        desk: Judges, caches and writes.
        prepare: Gives the image of an id, or raises a ``UserError``; called in a thread.
        prompt: Gives the prompt for an image.
        word_limit: That answers are held to.
        limits: Pace and bounds.
        prices: For cost; None for unknown.
        overwrite: Replace descriptions that are there, unless they answer the same question already.
        advance: Called with each id that was dealt with and what became of it.
    """

    def __init__(self, provider: VisionLanguageProvider, desk: Desk, prepare: Callable[[str], PreparedImage],
                 prompt: Callable[[PreparedImage], Prompt], word_limit: int | None, limits: Limits | None = None,
                 prices: Prices | None = None, overwrite: bool = False,
                 advance: Callable[[str, str], None] = lambda image_id, outcome: None) -> None:
        self.provider, self.desk, self.prepare, self.prompt = provider, desk, prepare, prompt
        self.word_limit, self.limits, self.prices = word_limit, limits or Limits(), prices
        self.overwrite, self.advance = overwrite, advance
        self.report = Report(cost=0.0 if prices else None)
        self._grace = provider.timeout if self.limits.grace is None else self.limits.grace
        self._flights: dict[str, asyncio.Future[Answer]] = {}

    def run(self, ids: Iterable[str]) -> Report:
        """Work through ``ids`` and return when all is done or the run has stopped; inside a running loop, too."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.run_async(ids))
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self.run_async(ids)).result()

    async def run_async(self, ids: Iterable[str]) -> Report:
        """:meth:`run` for callers that have a loop."""
        self._stopper = Stopper()
        self._asker = Asker(self.provider, self.limits, self.prices, self.word_limit, self.desk.audit, self.report,
                            self._stopper)
        ids = list(dict.fromkeys(ids))
        queue, report = iter(ids), self.report
        count = max(1, min(self.limits.concurrency, self.provider.max_concurrency, len(ids)))
        with self._signals():
            workers = [asyncio.create_task(self._work(queue)) for _ in range(count)]
            try:
                await self._watch(workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
                with contextlib.suppress(Exception):
                    await self.provider.close()
        for worker in workers:
            if not worker.cancelled() and worker.exception():
                raise worker.exception()
        done = {*report.written, *report.kept, *report.rejected, *report.failed}
        report.unasked = [image_id for image_id in ids if image_id not in done]
        report.stop = self._stopper.reason if report.unasked else None
        return report

    async def _watch(self, workers: list[asyncio.Task]) -> None:
        """Wait for the workers; once the run stops, or one of them breaks, no longer than the grace."""
        stopped = asyncio.create_task(self._stopper.stopped())
        working = set(workers)
        while working and not stopped.done():
            done, _ = await asyncio.wait({*working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            working -= done
            if any(task is not stopped and task.exception() for task in done):
                self._stopper.stop('fatal', 'an error of the toolbox')
        if working:
            await asyncio.wait(working, timeout=self._grace)
        stopped.cancel()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C stops the run once what is under way has come in; a second one ends it as usual."""
        loop, taken = asyncio.get_running_loop(), []

        def interrupt(number: int) -> None:
            self._stopper.stop('interrupted', 'interrupted; the same command goes on from here')
            loop.remove_signal_handler(number)
            _logger.warning('interrupted: waiting at most %.0f s for answers under way. Interrupt again to lose them',
                            self._grace)
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread, or Windows
                loop.add_signal_handler(number, interrupt, number)
                taken.append(number)
        try:
            yield
        finally:
            for number in taken:
                loop.remove_signal_handler(number)

    async def _work(self, queue: Iterator[str]) -> None:
        for image_id in queue:
            if self._stopper.reason:
                return
            try:
                outcome = await self._one(image_id)
            except Stopped:
                return
            except (NoAnswer, UserError) as error:
                self.report.failed[image_id] = redact(str(error))
                self.desk.audit.append('failed', image_id=image_id, message=str(error))
                outcome = 'failed'
            except OSError as error:
                self._stopper.stop('fatal', f'{error}. Make room or mend the disk, then run the same command')
                return
            self.advance(image_id, outcome)

    async def _one(self, image_id: str) -> str:
        image = await asyncio.to_thread(self.prepare, image_id)
        prompt = self.prompt(image)
        key = self.desk.cache.key(self.provider.identity(), prompt, image)
        standing = self.desk.standing(image_id, key)
        if standing.state == 'done' or (standing.state != 'open' and not self.overwrite):
            self.report.kept.append(image_id)
            return 'kept'
        answer, source = await self._answer(key, image, prompt)
        delivery = self.desk.deliver(
            image_id, answer, key, self.word_limit, replaces=standing.sha256, source=source, prompt=prompt.sha256,
            image=image.sha256, steps=list(image.steps))
        return self._note(image_id, delivery, answer, source)

    async def _answer(self, key: str, image: PreparedImage, prompt: Prompt) -> tuple[Answer, str]:
        """From the cache, from the worker that asks the same, or from the model; and which of these."""
        if key in self._flights:
            return await asyncio.shield(self._flights[key]), 'shared'
        if (cached := self.desk.cache.get(key)) and judge(cached, self.word_limit).ok:
            return cached, 'cache'
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        flight.add_done_callback(lambda done: done.exception())  # nobody may be waiting
        try:
            answer = await self._asker.ask(image, prompt)
        except BaseException as error:
            flight.set_exception(error if isinstance(error, Exception) else Stopped())
            raise
        flight.set_result(answer)
        return answer, 'online'

    def _note(self, image_id: str, delivery: Delivery, answer: Answer, source: str) -> str:
        if delivery.outcome == 'rejected':
            self.report.rejected[image_id] = f'{delivery.reason}: {REASONS[delivery.reason]}: {delivery.text[:80]!r}'
        else:
            getattr(self.report, delivery.outcome).append(image_id)
            self.report.models[answer.resolved_model or answer.model] += 1
            if source == 'cache':
                self.report.from_cache.append(image_id)
        return delivery.outcome
