"""Many images as batches, cheaper and later: send them, look, fetch what is there; nothing is sent or paid twice.

Every verb may be repeated after a crash at any moment. A shard is on record before the vendor is asked to make its
batch; if the process dies before the vendor's answer is on record too, the next call looks for the batch under its
label before the images are sent again. The record is ``batches.json`` in the folder that :func:`.session.run_dir`
names; one process at a time works on it, and none annotates a folder beside meanwhile.
"""

import asyncio
import concurrent.futures
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.annotation import now
from irstd_toolbox.text_priors.vlm.annotate import record_run
from irstd_toolbox.text_priors.vlm.batch_reports import Cancellation, Cleanup, Ingestion, Overview, Submission
from irstd_toolbox.text_priors.vlm.batch_selection import Budget
from irstd_toolbox.text_priors.vlm.batch_state import Shard
from irstd_toolbox.text_priors.vlm.batch_work import Batches
from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.secrets import guard_logging
from irstd_toolbox.text_priors.vlm.session import hold, open_desk
from irstd_toolbox.text_priors.vlm.types import BatchProvider, PreparedImage

__all__ = ['cancel', 'cleanup', 'ingest', 'status', 'submit']

T = TypeVar('T')
Advance = Callable[[str, str], None]

GRACE = 30.0
"""Seconds that a vendor is given to list a batch that it may have made."""


def submit(
        ids: Iterable[str], folder: Path, provider: BatchProvider, prepare: Callable[[str], PreparedImage],
        question: Question | None = None, limits: Limits | None = None, prices: Prices | None = None,
        suffix: str = store.SUFFIXES[0], overwrite: bool = False, record: Mapping[str, Any] | None = None,
        grace: float = GRACE, advance: Advance = lambda image_id, outcome: None) -> Submission:
    """Send what is neither described, nor in the cache, nor on its way; cached answers are written at once.

    Args:
        ids: Image ids.
        folder: Of the descriptions.
        provider: Who gets the batches.
        prepare: Gives the image of an id, or raises a ``UserError``; called when its turn comes.
        question: How to ask; None for the paper's system prompt.
        limits: How often a call to the vendor is tried; bounds of requests and, by estimate, of cost.
        prices: For cost, those of batches; None for unknown.
        suffix: File name of a new description after its id.
        overwrite: Ask about described images too, unless the description answers the same question. One that is edited
            before the answer comes stays.
        record: More for ``provenance.json``: provider, options, data set, split, leakage.
        grace: See ``GRACE``.
        advance: Called with each id that was dealt with and what became of it.

    Raises:
        ConfigError: If another process works on the folder, the suffix is not one, or there is a limit of cost and
            what a request to this model costs cannot be estimated.
        DataError: If the record of batches is damaged.
    """
    question, limits = question or Question(), limits or Limits()
    record = dict(record or {}) | {'prompt': question.record()}
    budget = Budget(str(provider.identity().get('model', '')), limits, prices)
    with _batches(folder, provider, limits, grace, advance, suffix) as batches:
        write = None

        def begin(report: Submission) -> None:
            nonlocal write
            write = record_run(batches.desk, provider, record | {'started': now()})
            write(report.as_run())

        report = _run(batches.submit(ids, prepare, question, record, budget, overwrite, begin))
        if write:
            write(report.as_run(), finished=now())
        return report


def status(folder: Path, provider: BatchProvider, limits: Limits | None = None, grace: float = GRACE) -> Overview:
    """Ask the vendor where every open batch stands.

    Raises:
        ConfigError: If another process works on the folder.
        DataError: If the record of batches is damaged.
    """
    with _batches(folder, provider, limits, grace) as batches:
        return _run(batches.status())


def ingest(
        folder: Path, provider: BatchProvider, limits: Limits | None = None, prices: Prices | None = None,
        grace: float = GRACE, advance: Advance = lambda image_id, outcome: None) -> Ingestion:
    """Fetch the answers of batches that have ended, expired or been cancelled, and write descriptions.

    What was asked counts, not the provider's options now: prompt, limit of words and file names are on record.

    Args:
        folder: Of the descriptions.
        provider: Who has the batches.
        limits: How often a call to the vendor is tried.
        prices: For cost, those of batches; None for unknown.
        grace: See ``GRACE``.
        advance: Called with each id that was dealt with and what became of it.

    Raises:
        ConfigError: If another process works on the folder.
        DataError: If a record is damaged.
    """
    with _batches(folder, provider, limits, grace, advance) as batches:
        write = None

        def begin(shards: list[Shard], report: Ingestion) -> None:
            nonlocal write
            write = record_run(batches.desk, provider, _about(shards) | {'started': now()})
            write(report.as_run(prices))

        report = _run(batches.ingest(begin))
        if write:
            write(report.as_run(prices), finished=now())
        return report


def cancel(folder: Path, provider: BatchProvider, limits: Limits | None = None, grace: float = GRACE) -> Cancellation:
    """Ask the vendor to stop all batches that run. Their images stay pending until they are ingested.

    A batch that may have been made, which the vendor did not tell, stays open: call again later.

    Raises:
        ConfigError: If another process works on the folder.
        DataError: If the record of batches is damaged.
    """
    with _batches(folder, provider, limits, grace) as batches:
        return _run(batches.cancel())


def cleanup(folder: Path, provider: BatchProvider, limits: Limits | None = None, grace: float = GRACE) -> Cleanup:
    """Have the vendor delete what it keeps of the batches that are done with.

    Raises:
        ConfigError: If another process works on the folder.
        DataError: If the record of batches is damaged.
    """
    with _batches(folder, provider, limits, grace) as batches:
        return _run(batches.cleanup())


@contextlib.contextmanager
def _batches(folder: Path, provider: BatchProvider, limits: Limits | None, grace: float,
             advance: Advance = lambda image_id, outcome: None, suffix: str = store.SUFFIXES[0]) -> Iterator[Batches]:
    guard_logging()
    with hold(folder, batches=True):
        desk = open_desk(folder, suffix)
        try:
            yield Batches(provider, desk, limits or Limits(), grace, advance)
        finally:
            desk.audit.close()


def _about(shards: list[Shard]) -> dict[str, Any]:
    """What a run's record says of the batches whose answers it wrote; what they have in common only once."""
    common = shards[0].record if all(shard.record == shards[0].record for shard in shards) else {}
    told = [{'label': shard.label, 'remote_id': shard.remote_id, 'identity': shard.identity,
             **({} if common else {'record': shard.record})} for shard in shards]
    identity = shards[0].identity if all(shard.identity == shards[0].identity for shard in shards) else None
    return common | {'identity': identity, 'batches': told}


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, inside a running loop too."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
