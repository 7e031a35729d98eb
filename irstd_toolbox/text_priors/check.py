"""A report on the quality of a folder of descriptions."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors import clip_tokens, store
from irstd_toolbox.text_priors.agreement import VERDICTS, agrees, count_agrees
from irstd_toolbox.text_priors.listing import list_folder
from irstd_toolbox.text_priors.regions import read_description_text
from irstd_toolbox.text_priors.scene import find_targets
from irstd_toolbox.text_priors.tables import render
from irstd_toolbox.text_priors.vlm.judge import clean, count_words, judge
from irstd_toolbox.text_priors.vlm.session import open_desk
from irstd_toolbox.text_priors.vlm.types import Answer

__all__ = ['BROKEN', 'NOTED', 'CheckReport', 'Entry', 'check_descriptions']

BROKEN = {
    'ambiguous': 'has two files',
    'unreadable': 'is not UTF-8 text',
    'empty': 'says nothing',
    'unclean': 'is not one clean line of prose',
    'refusal': 'declines to answer',
}
"""What must be mended before anything is trained on the folder."""

NOTED = {
    'no_region': 'names no region and does not deny targets',
    'too_long': 'is over the limit of words',
    'over_77_tokens': 'is cut by CLIP',
    'coordinates': 'cites coordinates or boxes',
}
"""What a reader should know and may accept."""

ORIGINS = {
    'recorded': 'as a provider or an import wrote it',
    'edited': 'edited since',
    'unknown': 'not on record: by hand, or brought from elsewhere',
}
"""What the audit log beside the folder says of who wrote a text."""


@dataclass(frozen=True)
class Entry:
    """One description.

    Args:
        image_id: Its image.
        files: Names of its files.
        text: Cleaned; ``''`` where it cannot be read or is ambiguous.
        problems: Keys of ``BROKEN`` and ``NOTED``.
        regions: What it names, as ``'upper-left'``.
        agreement: See :func:`.agrees`; unknown without a mask.
        said: How many targets it counts, in words as ``'2 or more'``; None if it does not.
        targets: How many the mask has; None without a mask.
        count: ``'agree'``, ``'disagree'`` or ``'unknown'``.
        words: Its words.
        tokens: Its CLIP tokens, both marks included; None if unknown.
        repeats: Other images that have the same text.
        origin: Key of ``ORIGINS``; other line ends are no edit.
    """

    image_id: str
    files: tuple[str, ...]
    text: str = ''
    problems: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    agreement: str = 'unknown'
    said: str | None = None
    targets: int | None = None
    count: str = 'unknown'
    words: int = 0
    tokens: int | None = None
    repeats: int = 0
    origin: str = 'unknown'


@dataclass(frozen=True)
class CheckReport:
    """What :func:`check_descriptions` found.

    Args:
        folder: The folder.
        entries: One a description.
        missing: Ids without a description.
        orphans: Names of text files that belong to no image.
        masks_failed: Id to why its mask could not be read.
        tokens_unknown: Why tokens are not counted; ``''`` if they are.
        uses_ground_truth: What the record beside the descriptions says; None if it does not say.
        leakage: Likewise: sentences made from the masks of test images.
    """

    folder: Path
    entries: tuple[Entry, ...]
    missing: tuple[str, ...] = ()
    orphans: tuple[str, ...] = ()
    masks_failed: dict[str, str] = field(default_factory=dict)
    tokens_unknown: str = ''
    uses_ground_truth: bool | None = None
    leakage: bool | None = None

    @property
    def broken(self) -> tuple[Entry, ...]:
        """The descriptions that must be mended."""
        return tuple(entry for entry in self.entries if set(entry.problems) & set(BROKEN))

    @property
    def status(self) -> int:
        """0, or 1 if a description is broken. Disagreement with a mask is no breakage."""
        return int(bool(self.broken))

    def totals(self) -> dict[str, Any]:
        """Counts over the folder."""
        problems = Counter(problem for entry in self.entries for problem in entry.problems)
        readable = [entry for entry in self.entries if entry.text]
        words = [entry.words for entry in readable]
        tokens = [entry.tokens for entry in readable if entry.tokens is not None]
        agreement, count = (Counter(getattr(entry, name) for entry in self.entries) for name in ('agreement', 'count'))
        return {
            'descriptions': len(self.entries), 'missing': len(self.missing), 'orphans': len(self.orphans),
            'broken': len(self.broken), 'distinct_texts': len({entry.text.casefold() for entry in readable}),
            'most_repeated': max((entry.repeats + 1 for entry in readable), default=0),
            'agreement': {verdict: agreement[verdict] for verdict in VERDICTS},
            'count': {verdict: count[verdict] for verdict in VERDICTS if verdict != 'partial'},
            'words_mean': round(sum(words) / len(words), 2) if words else None, 'words_max': max(words, default=None),
            'tokens_max': max(tokens, default=None),
            'problems': {problem: problems[problem] for problem in (*BROKEN, *NOTED)},
            'origin': {origin: sum(entry.origin == origin for entry in self.entries) for origin in ORIGINS},
        }

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self) | {'folder': str(self.folder), 'status': self.status, 'totals': self.totals()}

    def table(self, shown: int = 10) -> str:
        """For a reader: totals, and the first ``shown`` descriptions of each problem."""
        totals = self.totals()
        source = {None: 'not recorded', True: 'the ground truth', False: 'not the ground truth'}
        rows = [
            ['descriptions', totals['descriptions']], ['missing', totals['missing']],
            ['orphan files', totals['orphans']], ['broken', totals['broken']],
            ['distinct texts', totals['distinct_texts']],
            ['images with the most frequent text', totals['most_repeated']],
            ['words, mean / most', f'{totals["words_mean"]} / {totals["words_max"]}'],
            ['CLIP tokens, most', 'unknown' if totals['tokens_max'] is None else totals['tokens_max']],
            *([f'region {verdict}', number] for verdict, number in totals['agreement'].items()),
            *([f'number {verdict}', number] for verdict, number in totals['count'].items()),
            *([(BROKEN | NOTED)[problem], number] for problem, number in totals['problems'].items()),
            *([ORIGINS[origin], number] for origin, number in totals['origin'].items())]
        lines = [render([str(self.folder), ''], rows), f'written from: {source[self.uses_ground_truth]}'
                 + ('; LEAKAGE: test images were described from their masks' if self.leakage else '')]
        if self.tokens_unknown:
            lines.append(f'CLIP tokens unknown: {self.tokens_unknown}')
        lists = {'missing': self.missing, 'orphan': self.orphans, 'mask unreadable': tuple(self.masks_failed)} | {
            (BROKEN | NOTED)[problem]: tuple(entry.image_id for entry in self.entries if problem in entry.problems)
            for problem in (*BROKEN, *NOTED)} | {
            'region disagrees': tuple(entry.image_id for entry in self.entries if entry.agreement == 'disagree'),
            ORIGINS['edited']: tuple(entry.image_id for entry in self.entries if entry.origin == 'edited')}
        lines += [f'{name}: {", ".join(ids[:shown])}{f", and {len(ids) - shown} more" if len(ids) > shown else ""}'
                  for name, ids in lists.items() if ids]
        return '\n'.join(lines)


def check_descriptions(
        folder: str | os.PathLike, ids: Iterable[str] | None = None,
        load_mask: Callable[[str], np.ndarray | None] | None = None, word_limit: int | None = 50,
        count_tokens: Callable[[str], int] | None = None, others: Iterable[str] = ()) -> CheckReport:
    """Look at every description of a folder, and at the masks where there are any.

    This reports and changes nothing. Do not filter by ``agreement``, and do not ask a model again until it agrees: a
    text that was chosen because it matches the mask tells the mask's content, which is leakage of the ground truth
    even if the model never saw a mask. What must be mended (``CheckReport.broken``) is found without masks.

    Args:
        folder: The descriptions, or a data set's root above them.
        ids: The images that should have one; None takes those that the files name, and then nothing is missing.
        load_mask: Gives the mask of an id, target 1, at the size of its image; None where there is none.
        word_limit: More words are noted; None notes nothing.
        count_tokens: CLIP tokens of a text, both marks included. None takes open_clip's tokenizer.
        others: More images of the data set, whose descriptions are passed over here, and are no orphans.

    Raises:
        DataError: If there is no such folder, or the record beside the descriptions is damaged.
    """
    listing = list_folder(folder, ids, others)
    reason = ''
    if count_tokens is None:
        count_tokens, reason = clip_tokens.find_counter()
    masks_failed: dict[str, str] = {}
    entries, written = [], open_desk(listing.folder).written()
    for image_id, paths in listing.files.items():
        entry = _read(image_id, paths, listing.folder, word_limit, count_tokens)
        if image_id in written:
            entry['origin'] = 'recorded' if _digest(paths) == written[image_id][1] else 'edited'
        if entry['text'] and load_mask is not None:
            try:
                entry |= _compare(entry['text'], load_mask(image_id))
            except DataError as error:
                masks_failed[image_id] = str(error)
        entries.append(entry)
    repeats = Counter(entry['text'].casefold() for entry in entries)
    record = store.read_provenance(listing.folder) or {}
    return CheckReport(
        listing.folder,
        tuple(Entry(**entry, repeats=repeats[entry['text'].casefold()] - 1 if entry['text'] else 0)
              for entry in entries),
        listing.missing, tuple(path.relative_to(listing.folder).as_posix() for path in listing.orphans), masks_failed,
        reason, record.get('uses_ground_truth'), record.get('leakage'))


def _read(image_id: str, paths: tuple[Path, ...], folder: Path, word_limit: int | None,
          count_tokens: Callable[[str], int] | None) -> dict[str, Any]:
    """All that the text alone tells."""
    entry: dict[str, Any] = {
        'image_id': image_id, 'files': tuple(path.relative_to(folder).as_posix() for path in paths), 'text': ''}
    if len(paths) > 1:
        return entry | {'problems': ('ambiguous',)}
    try:
        raw = paths[0].read_bytes().decode('utf-8-sig')
    except UnicodeDecodeError:
        return entry | {'problems': ('unreadable',)}
    text = clean(raw)
    verdict = judge(Answer(raw, '', finish='stop'), None).reason
    if verdict == 'empty':
        return entry | {'problems': ('empty',)}
    words, tokens, reading = count_words(text), count_tokens and count_tokens(text), read_description_text(text)
    found = {
        'unclean': verdict == 'unclean' or raw.strip() != text,
        'refusal': verdict == 'refusal',
        'no_region': not reading.regions and not (reading.count and reading.count.high == 0),
        'too_long': word_limit is not None and words > word_limit,
        'over_77_tokens': tokens is not None and tokens > clip_tokens.CLIP_TOKENS,
        'coordinates': reading.coordinates}
    return entry | {
        'text': text, 'problems': tuple(problem for problem, there in found.items() if there), 'words': words,
        'tokens': tokens, 'regions': tuple(str(region) for region in reading.regions),
        'said': None if reading.count is None else str(reading.count)}


def _digest(paths: tuple[Path, ...]) -> str:
    """SHA-256 of a description's text as it would be written."""
    text = store.clean_text(paths[0].read_bytes().decode('utf-8-sig', 'replace')) if len(paths) == 1 else ''
    return hashlib.sha256(f'{text}\n'.encode()).hexdigest()


def _compare(text: str, mask: np.ndarray | None) -> dict[str, Any]:
    """What the mask tells about the text."""
    if mask is None:
        return {}
    reading, targets = read_description_text(text), find_targets(mask)
    return {'targets': len(targets), 'agreement': agrees(reading, targets, mask.shape),
            'count': count_agrees(reading, targets)}
