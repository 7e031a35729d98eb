"""The lines of a batch's results: in any order, missing, repeated, failed; each image ends with one outcome."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from irstd_toolbox.errors import UserError
from irstd_toolbox.text_priors.vlm.batch_remote import Remote
from irstd_toolbox.text_priors.vlm.batch_reports import Ingestion
from irstd_toolbox.text_priors.vlm.batch_state import Item, Shard
from irstd_toolbox.text_priors.vlm.delivery import Desk
from irstd_toolbox.text_priors.vlm.judge import REASONS, judge
from irstd_toolbox.text_priors.vlm.secrets import redact
from irstd_toolbox.text_priors.vlm.types import Answer, ProviderError

__all__ = ['Intake', 'fetch']

RANK = ('failed', 'rejected', 'kept', 'written')
"""Of two outcomes of an image, from lines that came twice or were fetched twice, the later in this order stands."""


async def fetch(remote: Remote, shard: Shard, desk: Desk, report: Ingestion, advance: Callable[[str, str], None]
                ) -> str | None:
    """Deliver every answer of a batch that has ended.

    Args:
        remote: The vendor.
        shard: What was asked.
        desk: Judges, caches and writes.
        report: Takes down what became of each image.
        advance: Called with each id and what became of it.

    Returns:
        Why there are no answers, if the vendor no longer has them.

    Raises:
        ProviderError: If the results could not be fetched to their end; what came was delivered.
    """
    intake, attempt, left = Intake(shard, desk), 1, 'pending'
    desk.suffix = shard.suffix
    try:
        while True:
            intake.restart()
            try:
                async for custom_id, result in remote.provider.batch_results(shard.remote_id):
                    intake.take(custom_id, result)
            except ProviderError as error:
                if error.kind != 'not_found':
                    await remote.pause(error, attempt)
                    attempt += 1
                    continue
                left = 'missing'
                return f'the results are not there any more ({redact(error.message)})'
            left = 'missing'
            return None
    finally:
        intake.close(report, left, advance)


class Intake:
    """Takes the results of one batch, line by line.

    Args:
        shard: What was asked.
        desk: Judges, caches and writes.
    """

    def __init__(self, shard: Shard, desk: Desk) -> None:
        self.shard, self.desk = shard, desk
        self.outcomes: dict[str, tuple[str, str]] = {}
        self.seen: Counter = Counter()
        self._answered: set[str] = set()
        self._usage: Counter = Counter()
        self._models: Counter = Counter()

    def restart(self) -> None:
        """Note that the results are fetched from their beginning again."""
        self.seen.clear()

    def take(self, custom_id: str, result: Answer | ProviderError) -> None:
        """Deliver one line."""
        self.seen[custom_id] += 1
        item = self.shard.items.get(custom_id)
        if item is None:
            if self.seen[custom_id] == 1:
                self.desk.audit.append('batch_stray_line', label=self.shard.label, custom_id=custom_id)
            return
        if isinstance(result, ProviderError):
            self._take_failure(item, result)
            return
        answer = replace(result, model=self.shard.identity.get('model') or result.model)
        if custom_id not in self._answered:
            self._answered.add(custom_id)
            self._usage.update({name: count for name, count in vars(answer.usage).items() if count is not None})
        source = 'batch'
        cached = self.desk.cache.get(item.key)
        if cached and judge(cached, self.shard.word_limit).ok:  # a repeated line, or one of an ingestion that died
            answer, source = cached, 'cache'
        for image_id in item.images:
            self._note(image_id, *self._deliver(image_id, item, answer, source))
            source = 'shared' if source == 'batch' else source

    def close(self, report: Ingestion, left: str, advance: Callable[[str, str], None]) -> None:
        """Put every image of the batch into the report.

        Args:
            left: What an image is that no line named: ``'missing'``, or ``'pending'`` if not all lines were fetched.
            advance: Called with each id and what became of it.
        """
        for image_id in self.shard.images:
            outcome, detail = self.outcomes.get(image_id, (left, ''))
            kind = getattr(report, outcome)
            if isinstance(kind, dict):
                kind[image_id] = detail
            else:
                kind.append(image_id)
            advance(image_id, outcome)
        for custom_id, count in self.seen.items():
            if custom_id in self.shard.items:
                report.duplicates += count - 1
            else:
                report.strays += count
        report.usage = dict(self._usage + Counter(report.usage))
        report.models = dict(self._models + Counter(report.models))

    def _take_failure(self, item: Item, failure: ProviderError) -> None:
        for image_id in item.images:
            if image_id not in self.outcomes:
                self.desk.audit.append('failed', image_id=image_id, kind=failure.kind, message=failure.message,
                                       status=failure.status, request_id=failure.request_id)
            self._note(image_id, 'failed', redact(str(failure)))

    def _deliver(self, image_id: str, item: Item, answer: Answer, source: str) -> tuple[str, str]:
        try:
            if self.desk.standing(image_id, item.key).state == 'done':
                return 'kept', ''
            delivery = self.desk.deliver(image_id, answer, item.key, self.shard.word_limit,
                                         item.replaces.get(image_id), source, **item.facts)
        except UserError as error:
            return 'failed', redact(str(error))
        if delivery.outcome == 'rejected':
            return 'rejected', f'{delivery.reason}: {REASONS[delivery.reason]}: {delivery.text[:80]!r}'
        if delivery.outcome == 'written':
            self._models[answer.resolved_model or answer.model] += 1
        return delivery.outcome, ''

    def _note(self, image_id: str, outcome: str, detail: str) -> None:
        before = self.outcomes.get(image_id, (RANK[0], ''))[0]
        if RANK.index(outcome) >= RANK.index(before):
            self.outcomes[image_id] = (outcome, detail)
