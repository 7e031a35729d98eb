"""What became of a verb on batches, as plain values for whoever prints them."""

from collections import Counter
from dataclasses import dataclass, field

from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.report import Report as RunReport
from irstd_toolbox.text_priors.vlm.report import Stop
from irstd_toolbox.text_priors.vlm.types import Usage

__all__ = ['UNKNOWN', 'Cancellation', 'Cleanup', 'Ingestion', 'Overview', 'Report', 'ShardReport', 'Submission']

DONE, PARTIAL, FATAL = 0, 3, 4
UNKNOWN = ('is not known to the vendor under this key. Under another one it may still run and be billed: cancel it '
           'there, or its images are paid twice')
"""What it means that a vendor does not know a batch."""


@dataclass(frozen=True)
class ShardReport:
    """Where one batch stands.

    Args:
        label: Our name of it.
        state: ``'submitting'`` (not known whether it was made), ``'running'``, ``'ended'`` (to be ingested),
            ``'ingested'``, ``'failed'``, ``'unknown'`` (the vendor does not know it) or ``'elsewhere'`` (another
            provider or endpoint has it, or it is for another folder of descriptions).
        images: Number of images that it asks about.
        remote_id: The vendor's id.
        remote_state: The vendor's own word.
        done: Requests that the vendor has finished in any way; None where it was not asked.
        total: Requests, as the vendor counts them; None where it was not asked.
        message: The reason where it failed or is not known.
    """

    label: str
    state: str
    images: int
    remote_id: str | None = None
    remote_state: str | None = None
    done: int | None = None
    total: int | None = None
    message: str | None = None


@dataclass
class Report:
    """What all verbs report.

    Args:
        stopped: Why the verb ended early; None if it did not.
        fatal: Whether it is useless to go on before that is mended.
    """

    stopped: str | None = None
    fatal: bool = False

    @property
    def exit_code(self) -> int:
        """0 all done, 3 partly, 4 stopped by the provider."""
        return FATAL if self.fatal else PARTIAL if self.stopped or self.partial else DONE

    @property
    def partial(self) -> bool:
        """Whether something remains to be done although nothing stopped."""
        return False


@dataclass
class Submission(Report):
    """What became of a submission.

    Args:
        shards: Batches made.
        submitted: Ids sent.
        pending: Ids that an earlier batch still has to answer for; its answers are to be ingested.
        kept: Ids whose description stays.
        written: Ids described at once from answers in the cache.
        failed: By id, why it could not be sent.
        unsent: Ids not dealt with because it stopped.
        recovered: Labels of batches that an interrupted submission had made.
        lost: Labels of batches that an interrupted submission had not made; their images are sent anew.
        models: How many of the cached answers each model gave, by the vendor's name of it.
    """

    shards: list[ShardReport] = field(default_factory=list)
    submitted: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unsent: list[str] = field(default_factory=list)
    recovered: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    models: dict[str, int] = field(default_factory=dict)

    def as_run(self) -> RunReport:
        """As the report of an online run, for the record of runs."""
        stop = Stop('fatal', self.stopped) if self.stopped else None
        return RunReport(self.written, self.kept, {}, self.failed, self.unsent, stop,
                         dict.fromkeys([*self.pending, *self.submitted], ''), from_cache=self.written,
                         models=Counter(self.models))

    @property
    def partial(self) -> bool:
        """Whether an image could not be sent."""
        return bool(self.failed)


@dataclass
class Overview(Report):
    """Where all batches stand."""

    shards: list[ShardReport] = field(default_factory=list)


@dataclass
class Ingestion(Report):
    """What became of the images of the batches that had ended.

    Args:
        shards: The batches that were open, as they stand now.
        written: Ids described.
        kept: Ids whose description stays.
        rejected: By id, the judge's reason: the answer was no description.
        failed: By id, why there is no answer, or why it could not be written.
        missing: Ids that the results do not name.
        pending: Ids of batches that are still to answer.
        duplicates: Lines that came more than once, each repetition counted.
        strays: Lines with an id that was never sent.
        usage: Tokens of the answers, in sum.
        models: How many descriptions each model wrote, by the vendor's name of it.
    """

    shards: list[ShardReport] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    duplicates: int = 0
    strays: int = 0
    usage: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)

    def as_run(self, prices: Prices | None) -> RunReport:
        """As the report of an online run, for the record of runs."""
        failed = self.failed | dict.fromkeys(self.missing, 'the results do not name it')
        stop = Stop('fatal', self.stopped) if self.stopped else None
        tokens = Usage(self.usage.get('input_tokens'), self.usage.get('output_tokens'))
        return RunReport(
            self.written, self.kept, self.rejected, failed, [], stop, dict.fromkeys(self.pending, ''),
            usage=Counter(self.usage), models=Counter(self.models), cost=prices.of(tokens) if prices else None)


    @property
    def left(self) -> list[str]:
        """Ids that the next submission or online run asks about again."""
        return [*self.rejected, *self.failed, *self.missing]

    @property
    def partial(self) -> bool:
        """Whether images are left or pending."""
        return bool(self.left or self.pending)


@dataclass
class Cancellation(Report):
    """Which batches the vendor was asked to stop.

    Args:
        cancelled: Labels; what these have answered can be ingested once they have ended.
        ended: Labels of batches that had ended; they are to be ingested.
        dropped: Labels of batches that failed or that the vendor does not know: their images are free again.
        unknown: Of the dropped, those that the vendor does not know, and what that means.
        unclear: Labels of batches that may have been made, which the vendor did not tell. They stay open.
    """

    cancelled: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)


@dataclass
class Cleanup(Report):
    """Whose files at the vendor were deleted.

    Args:
        cleaned: Labels.
        open: Labels of batches that are to be ingested first.
    """

    cleaned: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
