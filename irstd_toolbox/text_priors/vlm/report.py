"""What became of a run over many images, and why it stopped, for whoever prints or records it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

__all__ = ['Report', 'Stop']


@dataclass(frozen=True)
class Stop:
    """Why a run ended before its last image.

    Args:
        kind: ``'fatal'`` (nothing can be asked until the cause is mended), ``'budget'`` or ``'interrupted'``.
        message: The cause and what to do.
    """

    kind: str
    message: str


@dataclass
class Report:
    """What became of a run.

    Args:
        written: Ids described.
        kept: Ids whose description stays.
        rejected: By id, the judge's reason: the answer was no description.
        failed: By id, why there was no answer.
        unasked: Ids not dealt with because the run stopped.
        stop: Why it stopped; None if it came to its end.
        pending: Ids that a batch under way is to answer for; by id, its label.
        calls: Requests sent.
        from_cache: Ids described from answers that were paid earlier.
        usage: Tokens as the vendor counted them, in sum.
        cost: Of the answers, estimated where their tokens were not counted; None if unknown, as it is without prices.
        models: How many answers each model gave, by the vendor's name of it.
    """

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    unasked: list[str] = field(default_factory=list)
    stop: Stop | None = None
    pending: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    from_cache: list[str] = field(default_factory=list)
    usage: Counter = field(default_factory=Counter)
    cost: float | None = None
    models: Counter = field(default_factory=Counter)

    @property
    def exit_code(self) -> int:
        """0 all done, 3 some images without a description, 4 stopped by the provider, 130 interrupted."""
        if self.stop and self.stop.kind in ('interrupted', 'fatal'):
            return {'interrupted': 130, 'fatal': 4}[self.stop.kind]
        return 3 if self.stop or self.rejected or self.failed or self.unasked or self.pending else 0

    def counts(self) -> dict[str, Any]:
        """Images by what became of them, rejections by reason too."""
        reasons = Counter(text.partition(':')[0] for text in self.rejected.values())
        return {'written': len(self.written), 'kept': len(self.kept), 'from_cache': len(self.from_cache),
                'rejected': len(self.rejected), 'failed': len(self.failed), 'unasked': len(self.unasked),
                'pending': len(self.pending), 'rejected_by_reason': dict(reasons)}
