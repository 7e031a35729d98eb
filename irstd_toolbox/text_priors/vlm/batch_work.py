"""The verbs on batches: send, look, fetch, stop, clean up; each of them step by step, so that any may be the last."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Any

from irstd_toolbox.text_priors.vlm.batch_intake import fetch
from irstd_toolbox.text_priors.vlm.batch_remote import NotMade, Remote
from irstd_toolbox.text_priors.vlm.batch_reports import (
    UNKNOWN,
    Cancellation,
    Cleanup,
    Ingestion,
    Overview,
    Report,
    ShardReport,
    Submission,
)
from irstd_toolbox.text_priors.vlm.batch_selection import Budget, Selection
from irstd_toolbox.text_priors.vlm.batch_state import BatchState, Shard
from irstd_toolbox.text_priors.vlm.delivery import Desk
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.secrets import redact
from irstd_toolbox.text_priors.vlm.session import run_dir
from irstd_toolbox.text_priors.vlm.shards import Request, TooLarge, bounds, pack
from irstd_toolbox.text_priors.vlm.types import (
    ITEM_FAILS,
    RUN_STOPS,
    BatchProvider,
    BatchStatus,
    PreparedImage,
    ProviderError,
)

__all__ = ['Batches']

WHERE = ('provider', 'endpoint', 'api')
"""The keys of a provider's identity that say who has a batch; other options do not matter for fetching it."""


class Batches:
    """The batches of one folder of descriptions.

    Nothing is printed. What fails at the vendor is in the report; a ``DataError`` says that the record of batches is
    damaged. Whoever calls holds the folder, see :func:`.session.hold`.

    Args:
        provider: Who gets the batches; its connections are released at the end of every verb.
        desk: Judges, caches and writes.
        limits: How often a call to the vendor is tried, and how long a wait between may be.
        grace: Seconds that the vendor is given to list a batch that it may have made.
        advance: Called with each id that was dealt with and what became of it.
    """

    def __init__(self, provider: BatchProvider, desk: Desk, limits: Limits, grace: float,
                 advance: Callable[[str, str], None]) -> None:
        self.provider, self.desk, self.limits, self.advance = provider, desk, limits, advance
        self.remote = Remote(provider, limits, grace)

    async def submit(self, ids: Iterable[str], prepare: Callable[[str], PreparedImage], question: Question,
                     record: dict[str, Any], budget: Budget, overwrite: bool,
                     begin: Callable[[Submission], None]) -> Submission:
        """See :func:`.batch.submit`.

        Args:
            begin: Called before the first description is written from the cache, if there is one.
        """
        report, ids = Submission(), list(dict.fromkeys(ids))
        async with self._work(report) as state:
            selection = Selection(self.provider, self.desk, state, report, prepare, question, overwrite,
                                  budget, self.advance, begin)
            try:
                report.lost, report.recovered = await self._recover(state)
                await self._send(state, selection, selection.requests(ids), record)
            finally:
                selection.close(ids)
        return report

    async def status(self) -> Overview:
        """Ask the vendor where every open batch stands."""
        report = Overview()
        async with self._work(report) as state:
            for shard in state.shards:
                report.shards.append(await self._look(state, shard))
        return report

    async def ingest(self, begin: Callable[[list[Shard], Ingestion], None]) -> Ingestion:
        """See :func:`.batch.ingest`.

        Args:
            begin: Called with the batches that have ended, if there are any, before the first description is written.
        """
        report, ended = Ingestion(), []
        async with self._work(report) as state:
            await self._recover(state, report)
            for shard in [shard for shard in state.shards if shard.open]:
                standing = await self._look(state, shard)
                if standing.state == 'ended':
                    ended.append((shard, standing))
                    continue
                if standing.state == 'failed':
                    self._fail(state, shard, standing.message or 'the vendor does not say why')
                    report.failed |= dict.fromkeys(shard.images, f'its batch failed: {shard.message}')
                else:
                    report.pending += shard.images
                report.shards.append(standing)
            if ended:
                begin([shard for shard, _ in ended], report)
            for shard, standing in ended:
                gone = await fetch(self.remote, shard, self.desk, report, self.advance)
                if gone:
                    self._fail(state, shard, gone)
                else:
                    shard.state = 'ingested'
                    state.save()
                    self._log('batch_ingested', shard)
                report.shards.append(replace(standing, state=shard.state, message=gone))
        return report

    async def cancel(self) -> Cancellation:
        """See :func:`.batch.cancel`."""
        report = Cancellation()
        async with self._work(report) as state:
            await self._recover(state)
            for shard in [shard for shard in state.shards if shard.open and self._ours(shard)]:
                standing = await self._look(state, shard)
                if standing.state == 'running':
                    await self.remote.ask(lambda shard=shard: self.provider.batch_cancel(shard.remote_id))
                    self._log('batch_cancelled', shard)
                    report.cancelled.append(shard.label)
                elif standing.state == 'ended':
                    report.ended.append(shard.label)
                elif standing.state == 'submitting':
                    report.unclear.append(shard.label)
                    report.stopped = (f'it is not known whether {", ".join(report.unclear)} was made '
                                      f'({standing.message}); look again later')
                else:
                    self._fail(state, shard, standing.message or standing.state)
                    report.dropped.append(shard.label)
                    if standing.state == 'unknown':
                        report.unknown[shard.label] = f'{shard.remote_id} {UNKNOWN}'
        return report

    async def cleanup(self) -> Cleanup:
        """Have the vendor delete what it keeps of the batches that are done with."""
        report = Cleanup()
        async with self._work(report) as state:
            for shard in [shard for shard in state.shards if self._ours(shard) and not shard.cleaned]:
                if shard.open:
                    report.open.append(shard.label)
                    continue
                try:
                    await self.remote.ask(lambda shard=shard: self.provider.batch_cleanup(shard.remote_id))
                except ProviderError as error:
                    if error.kind != 'not_found':
                        raise
                shard.cleaned = True
                state.save()
                self._log('batch_cleaned', shard)
                report.cleaned.append(shard.label)
        return report

    @contextlib.asynccontextmanager
    async def _work(self, report: Report) -> AsyncIterator[BatchState]:
        """A provider's failure ends the work and goes into the report."""
        try:
            yield BatchState(run_dir(self.desk.folder))
        except ProviderError as error:
            report.stopped, report.fatal = redact(str(error)), error.kind in RUN_STOPS + ITEM_FAILS
            self._log_error(error)
        finally:
            with contextlib.suppress(Exception):
                await self.provider.close()

    async def _check(self) -> None:
        """Find out whether key and model are right; what may pass by itself does not matter here."""
        try:
            await self.remote.ask(self.provider.check)
        except ProviderError as error:
            if error.kind in RUN_STOPS:
                raise

    async def _recover(self, state: BatchState, report: Ingestion | None = None) -> tuple[list[str], list[str]]:
        """Find out what became of batches whose creation was interrupted; those that were not made are dropped.

        Those that the vendor does not tell about yet stay as they are.

        Returns:
            Labels of the dropped, labels of the found.
        """
        lost, found = [], []
        for shard in [shard for shard in state.shards if shard.state == 'submitting' and self._ours(shard)]:
            try:
                remote_id = await self.remote.find(shard.label, _known(state))
            except ProviderError as error:
                if error.kind in RUN_STOPS:
                    raise
                shard.message = redact(str(error))
                self._log_error(error)
                continue
            if remote_id is not None:
                self._submitted(state, shard, remote_id, 'batch_recovered')
                found.append(shard.label)
                continue
            state.shards.remove(shard)
            state.save()
            self._log('batch_lost', shard)
            lost.append(shard.label)
            if report:
                report.failed |= dict.fromkeys(shard.images, 'its batch was never made; submit it again')
        return lost, found

    async def _send(self, state: BatchState, selection: Selection, requests: Iterable[Request],
                    record: dict[str, Any]) -> None:
        limits = bounds(self.provider.batch_limits)
        for parcel in pack(requests, limits, self.provider.batch_line):
            if isinstance(parcel, TooLarge):
                selection.refuse(parcel, limits.bytes)
                continue
            if not selection.report.shards:
                await self._check()
            shard = Shard(
                parcel.label, self.provider.identity(), self.desk.folder.name, self.desk.suffix,
                selection.question.limit, record, time.time(),
                {custom_id: selection.items[key] for custom_id, key in parcel.keys.items()})
            await self._create(state, shard, parcel.lines)
            parcel.lines.clear()  # before the next shard is filled
            selection.report.shards.append(_describe(shard, 'running'))

    async def _create(self, state: BatchState, shard: Shard, lines: list[dict[str, Any]]) -> None:
        state.shards.append(shard)
        state.save()
        self._log('batch_submitting', shard)
        try:
            remote_id = await self.remote.create(lines, shard.label, _known(state))
        except NotMade as refusal:
            state.shards.remove(shard)
            state.save()
            self._log('batch_refused', shard, message=str(refusal))
            raise refusal.cause from None
        self._submitted(state, shard, remote_id, 'batch_submitted')

    def _submitted(self, state: BatchState, shard: Shard, remote_id: str, event: str) -> None:
        shard.remote_id, shard.state, shard.message = remote_id, 'submitted', None
        state.save()
        self._log(event, shard)

    async def _look(self, state: BatchState, shard: Shard) -> ShardReport:
        """Ask where a batch stands."""
        if not shard.open:
            return _describe(shard, shard.state)
        if not self._ours(shard):
            who = ' '.join(str(shard.identity[key]) for key in WHERE if key in shard.identity)
            return _describe(shard, 'elsewhere', message=f'{who}, for {shard.folder}')
        if shard.remote_id is None:
            return _describe(shard, 'submitting')
        try:
            status = await self.remote.ask(lambda: self.provider.batch_status(shard.remote_id))
        except ProviderError as error:
            if error.kind != 'not_found':
                raise
            return _describe(shard, 'unknown', message=redact(str(error)))
        if status.state != 'running' and shard.remote_state != status.remote_state:
            shard.remote_state = status.remote_state
            state.save()
            self._log('batch_ended', shard, done=status.done, total=status.total, message=status.message)
        return _describe(shard, status.state, status)

    def _fail(self, state: BatchState, shard: Shard, message: str) -> None:
        """Put on record that nothing more will come; the images are free again."""
        shard.state, shard.message = 'failed', redact(message)
        state.save()
        self._log('batch_failed', shard, message=message)

    def _ours(self, shard: Shard) -> bool:
        identity = self.provider.identity()
        return shard.folder == self.desk.folder.name and all(
            shard.identity.get(key) == identity.get(key) for key in WHERE)

    def _log(self, event: str, shard: Shard, **fields: Any) -> None:
        self.desk.audit.append(event, label=shard.label, remote_id=shard.remote_id, images=len(shard.images), **fields)

    def _log_error(self, error: ProviderError) -> None:
        self.desk.audit.append('error', kind=error.kind, message=error.message, status=error.status,
                               retry_after=error.retry_after, request_id=error.request_id)


def _known(state: BatchState) -> list[str]:
    return [shard.remote_id for shard in state.shards if shard.remote_id is not None]


def _describe(shard: Shard, state: str, status: BatchStatus | None = None, message: str | None = None) -> ShardReport:
    if status:
        return ShardReport(shard.label, state, len(shard.images), shard.remote_id, status.remote_state, status.done,
                           status.total, message or status.message)
    return ShardReport(shard.label, state, len(shard.images), shard.remote_id, shard.remote_state,
                       message=message or shard.message)
