"""Where an accepted answer becomes a description: the one place, for answers online, cached and from batches."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.vlm.audit import AuditLog
from irstd_toolbox.text_priors.vlm.cache import AnswerCache
from irstd_toolbox.text_priors.vlm.judge import judge
from irstd_toolbox.text_priors.vlm.types import Answer

__all__ = ['Delivery', 'Desk', 'Standing']


@dataclass(frozen=True)
class Delivery:
    """What became of an answer.

    Args:
        outcome: ``'written'``, ``'kept'`` (a description is there that must stay) or ``'rejected'``.
        reason: The judge's reason; ``'ok'`` unless rejected.
        text: The cleaned answer.
    """

    outcome: str
    reason: str
    text: str


@dataclass(frozen=True)
class Standing:
    """How an image stands before it is asked about.

    Args:
        state: ``'open'`` (no description), ``'done'`` (the file is as this toolbox wrote it for the same question),
            ``'other'`` (as it wrote it for another question) or ``'edited'`` (not as it wrote it: somebody else did).
        sha256: Of the file; None if there is none.
    """

    state: str
    sha256: str | None = None


@dataclass
class Desk:
    """Judges answers and writes descriptions; what it writes is known again by key and content.

    Args:
        folder: Of the descriptions.
        cache: Where accepted answers go before they are written, so that they survive whatever happens in between.
        audit: Where every step is recorded; which descriptions are ours is read from it.
        suffix: File name of a new description after its id.
    """

    folder: Path
    cache: AnswerCache
    audit: AuditLog
    suffix: str = store.SUFFIXES[0]
    _ours: dict[str, tuple[str, str, str | None]] | None = field(default=None, init=False, repr=False)

    def standing(self, image_id: str, key: str | None = None, note: bool = True) -> Standing:
        """How ``image_id`` stands with respect to the question ``key``; None never finds it ``'done'``.

        A description that was written just before the process died is not on record; it is known by the cached
        answer, and put on record if ``note``.

        Raises:
            DataError: If the image has two descriptions.
        """
        path = store.find_description(self.folder, image_id)
        if path is None:
            return Standing('open')
        sha256 = _digest(path)
        ours = self.written().get(image_id)
        if ours and ours[1] == sha256:
            return Standing('done' if ours[0] == key else 'other', sha256)
        answer = self.cache.get(key) if key else None
        if answer and _bytes(judge(answer, None).text) == path.read_bytes():
            if note:
                self.record(image_id, path, key, 'recovered', answer.model, answer.resolved_model)
            return Standing('done', sha256)
        return Standing('edited', sha256)

    def deliver(self, image_id: str, answer: Answer, key: str, word_limit: int | None, replaces: str | None = None,
                source: str = 'online', **facts: Any) -> Delivery:
        """Judge an answer; if it may be written, cache it, write it and record it, in this order.

        Args:
            key: Of the question, see :meth:`.AnswerCache.key`.
            word_limit: See :func:`.judge`.
            replaces: SHA-256 of the description that may be overwritten. Any other that is there stays.
            source: ``'online'``, ``'batch'``, ``'cache'`` (which is not put there again) or ``'shared'`` (the answer to
                the same question about another image).
            facts: More for the record, plain values.

        Raises:
            DataError: If the image has two descriptions, or its id is none.
            OSError: If the disk refuses.
        """
        verdict = judge(answer, word_limit)
        if verdict.ok and source != 'cache':
            self.cache.put(key, answer)
        common = {'image_id': image_id, 'key': key, 'source': source}
        if source in ('online', 'batch'):
            self.audit.append('answer', **common, **facts, verdict=verdict.reason, **answer.to_dict())
        if not verdict.ok:
            self.audit.append('rejected', **common, reason=verdict.reason, text=answer.text)
            return Delivery('rejected', verdict.reason, verdict.text)
        path = store.find_description(self.folder, image_id)
        if path is not None and _digest(path) != replaces:
            self.audit.append('kept', **common, file=path.name)
            return Delivery('kept', 'ok', verdict.text)
        path = store.write_description(self.folder, image_id, verdict.text, self.suffix, overwrite=path is not None)
        self.record(image_id, path, key, source, answer.model, answer.resolved_model)
        return Delivery('written', 'ok', verdict.text)

    def written(self) -> dict[str, tuple[str, str, str | None]]:
        """By image id: key, SHA-256 of the file and run of what was last written for it."""
        if self._ours is None:
            self._ours = {}
            for event in self.audit.read():
                if event['event'] == 'written' and event.get('folder') == self._folder():
                    self._ours[event['image_id']] = (event['key'], event['sha256'], event.get('run'))
        return self._ours

    def record(self, image_id: str, path: Path, key: str, source: str, model: str,
               resolved_model: str | None = None) -> None:
        """Put a description on record that was written as it is now; arguments as of :meth:`deliver`."""
        ours, sha256 = self.written(), _digest(path)
        self.audit.append('written', image_id=image_id, key=key, source=source, folder=self._folder(),
                          file=path.name, sha256=sha256, model=model, resolved_model=resolved_model)
        ours[image_id] = (key, sha256, self.audit.run)

    def _folder(self) -> str:
        """The folder's name alone: a data set may be moved."""
        return os.path.basename(os.path.abspath(self.folder))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _bytes(text: str) -> bytes:
    return (text + '\n').encode()
