"""Which images a submission sends: none that is described, answered, on its way, or the same as another."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from irstd_toolbox.errors import ConfigError, UserError
from irstd_toolbox.text_priors.vlm.batch_reports import Submission
from irstd_toolbox.text_priors.vlm.batch_state import BatchState, Item
from irstd_toolbox.text_priors.vlm.cost import Estimate, Prices, estimate, image_tokens
from irstd_toolbox.text_priors.vlm.delivery import Desk
from irstd_toolbox.text_priors.vlm.judge import judge
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.secrets import redact
from irstd_toolbox.text_priors.vlm.shards import Request, TooLarge
from irstd_toolbox.text_priors.vlm.types import BatchProvider, PreparedImage

__all__ = ['Budget', 'Selection']


class Spent(Exception):
    """The next request would pass a limit."""


@dataclass
class Budget:
    """What a submission may send, by estimate: what it costs is known when it is answered.

    Args:
        model: Who is asked.
        limits: Their ``max_calls`` and ``max_cost``.
        prices: For cost; None for unknown.

    Raises:
        ConfigError: If ``max_cost`` is given and what a request costs cannot be estimated.
    """

    model: str
    limits: Limits
    prices: Prices | None
    requests: int = 0
    cost: float = 0.0

    def __post_init__(self) -> None:
        if self.limits.max_cost is not None and (self.prices is None or image_tokens(self.model, 1, 1) is None):
            unknown = 'prices are not given' if self.prices is None else "its tokens of an image are not known"
            raise ConfigError(f'max_cost is {self.limits.max_cost:g}, and the cost of a batch by {self.model!r} cannot '
                              f'be estimated, because {unknown}. Nothing was sent. Limit it by --max-calls instead.')

    def spend(self, expected: Estimate) -> None:
        """Count a request.

        Raises:
            Spent: If a limit would be passed; then it is not counted.
        """
        cost = self.cost + (expected.cost(self.prices) or 0.0)
        if self.limits.max_calls is not None and self.requests >= self.limits.max_calls:
            raise Spent(f'the limit of {self.limits.max_calls} requests is reached')
        if self.limits.max_cost is not None and cost > self.limits.max_cost:
            raise Spent(f'the next request would pass the limit of {self.limits.max_cost:g}; those before it are '
                        f'estimated at {self.cost:.4g}')
        self.requests, self.cost = self.requests + 1, cost


class Selection:
    """Goes through the images of a submission, one by one as their turn comes.

    Args:
        provider: Whose answers are asked for.
        desk: Knows what is written and cached, and writes cached answers.
        state: Of batches on record.
        report: Takes down what became of each image that is not sent.
        prepare: Gives the image of an id, or raises a ``UserError``.
        question: How to ask.
        overwrite: Whether described images are asked about.
        budget: Bounds of requests and cost.
        advance: Called with each id and what became of it.
        begin: Called with the report before the first description is written from the cache.
    """

    def __init__(self, provider: BatchProvider, desk: Desk, state: BatchState, report: Submission,
                 prepare: Callable[[str], PreparedImage], question: Question, overwrite: bool, budget: Budget,
                 advance: Callable[[str, str], None], begin: Callable[[Submission], None]) -> None:
        self.provider, self.desk, self.state, self.report = provider, desk, state, report
        self.prepare, self.question, self.overwrite = prepare, question, overwrite
        self.budget, self.advance, self.begin = budget, advance, begin
        self.items: dict[str, Item] = {}
        """By key, the requests of this submission and of batches that are still to answer."""
        self._pending: set[str] = set()
        self._pending_keys: set[str] = set()
        self._asked: list[str] = []

    def requests(self, ids: Iterable[str]) -> Iterator[Request]:
        """What is to be sent for ``ids``."""
        for shard in self.state.shards:
            if shard.open:
                if shard.folder == self.desk.folder.name:
                    self._pending.update(shard.images)
                    self.items |= {item.key: item for item in shard.items.values()}
                else:
                    self._pending_keys.update(item.key for item in shard.items.values())
        for image_id in ids:
            try:
                outcome, request = self._weigh(image_id)
            except Spent as limit:
                self.report.stopped = str(limit)
                return
            except UserError as error:
                outcome, request = 'failed', None
                self.report.failed[image_id] = redact(str(error))
                self.desk.audit.append('failed', image_id=image_id, message=str(error))
            if request:
                yield request
            self.advance(image_id, outcome)

    def refuse(self, parcel: TooLarge, limit: int) -> None:
        """Take down a request that fits no batch."""
        for image_id in self.items.pop(parcel.key).images:
            self.report.failed[image_id] = (
                f'its request has {parcel.bytes} bytes, and a batch takes {limit}; ask about it online')

    def close(self, ids: Iterable[str]) -> None:
        """Take down what was sent of ``ids`` and what was not dealt with."""
        report = self.report
        on_record = {image_id for shard in self.state.shards if shard.open for image_id in shard.images}
        report.submitted = [image_id for image_id in self._asked if image_id in on_record]
        dealt_with = {*report.submitted, *report.pending, *report.kept, *report.written, *report.failed}
        report.unsent = [image_id for image_id in ids if image_id not in dealt_with]

    def _weigh(self, image_id: str) -> tuple[str, Request | None]:
        report, desk = self.report, self.desk
        if image_id in self._pending:
            report.pending.append(image_id)
            return 'pending', None
        standing = desk.standing(image_id)
        if standing.state != 'open' and not self.overwrite:
            report.kept.append(image_id)
            return 'kept', None
        image = self.prepare(image_id)
        prompt = self.question.prompt(image)
        key = desk.cache.key(self.provider.identity(), prompt, image)
        if desk.standing(image_id, key).state == 'done':
            report.kept.append(image_id)
            return 'kept', None
        facts = {'prompt': prompt.sha256, 'image': image.sha256, 'steps': list(image.steps)}
        cached = desk.cache.get(key)
        limit = self.question.limit
        if cached and judge(cached, limit).ok:
            if not report.models:
                self.begin(report)
            delivery = desk.deliver(image_id, cached, key, limit, standing.sha256, source='cache', **facts)
            model = cached.resolved_model or cached.model
            report.models[model] = report.models.get(model, 0) + 1
            getattr(report, delivery.outcome).append(image_id)
            return delivery.outcome, None
        if key in self._pending_keys:
            report.pending.append(image_id)
            return 'pending', None
        known = key in self.items
        if not known:
            self.budget.spend(estimate(str(self.provider.identity().get('model', '')), image, prompt, limit))
        item = self.items.setdefault(key, Item(key, [], {}, facts))
        item.images.append(image_id)
        if standing.sha256:
            item.replaces[image_id] = standing.sha256
        self._asked.append(image_id)
        if known:
            self.state.save()  # the request may be on record already
            return 'submitted', None
        return 'submitted', Request(image, prompt, key)
