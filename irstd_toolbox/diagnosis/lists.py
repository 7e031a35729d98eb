"""Split lists as files: what is wrong with them, and which of them belong together."""

import re
import warnings
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from irstd_toolbox.datasets.inventory import Layout
from irstd_toolbox.datasets.splits import clean_line, read_list
from irstd_toolbox.diagnosis.findings import Finding, found
from irstd_toolbox.errors import DataError

__all__ = ['TRAINING', 'Family', 'families', 'list_findings', 'read_quietly']

TRAINING = ('trainval', 'train', 'val')
"""Bases of lists that are trained or chosen on; the others are ``test`` and ``trainvaltest``."""

_NAME = re.compile(r'(?:(?P<folder>.+)/)?(?P<base>trainvaltest|trainval|train|val|test)(?:_(?P<suffix>.+))?')


@dataclass
class Family:
    """The splits that are meant to be used together.

    Args:
        name: Empty for those that the plain names mean; else their folder or suffix, such as ``idx_320``.
        splits: Base (``trainval``, ``test``) to its ids.
        names: Base to the split's whole name.
    """

    name: str
    splits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def training(self) -> tuple[str, ...]:
        """All ids that are trained or chosen on, each once."""
        return tuple(dict.fromkeys(one for base in TRAINING for one in self.splits.get(base, ())))

    @property
    def test(self) -> tuple[str, ...]:
        """All ids that are tested on."""
        return self.splits.get('test', ())


def families(layout: Layout) -> list[Family]:
    """The families of splits, that of the plain names first; lists that cannot be read are left out."""
    result: dict[str, Family] = {}
    seen: set[Path] = set()
    named = [(parts, name, source) for name, source in layout.splits.items() if (parts := _NAME.fullmatch(name))]
    for parts, name, source in sorted(named, key=lambda one: one[0]['base'] != one[1]):
        if isinstance(source, Path) and source.resolve() in seen:
            continue
        if isinstance(source, Path):
            seen.add(source.resolve())
        try:
            ids = read_quietly(source) if isinstance(source, Path) else source
        except DataError:
            continue
        key = '/'.join(filter(None, [parts['folder'], parts['suffix']]))
        family = result.setdefault(key, Family(key))
        family.splits[parts['base']], family.names[parts['base']] = ids, name
    return list(result.values())


def list_findings(layout: Layout) -> list[Finding]:
    """What is wrong with the lists, each as a file and each against the images and the other lists."""
    wrong: dict[str, list[str]] = {
        kind: [] for kind in ('list-unreadable', 'list-crlf', 'list-no-final-newline', 'list-decoration',
                              'list-unknown-id', 'list-repeated-id')}
    for path in layout.lists:
        name = (layout.inside(path) or path).as_posix()
        try:
            ids = read_quietly(path, layout.images)
        except DataError:
            wrong['list-unreadable'].append(name)
            continue
        data = path.read_bytes()
        if b'\r' in data:
            wrong['list-crlf'].append(name)
        if not data.endswith(b'\n'):
            wrong['list-no-final-newline'].append(name)
        lines = data.decode('utf-8-sig').splitlines()
        cleaned = [clean_line(line, layout.images) for line in lines]
        if data.startswith(b'\xef\xbb\xbf') or not all(lines) or cleaned != lines:
            wrong['list-decoration'].append(name)
        counts = Counter(cleaned)
        wrong['list-unknown-id'] += [f'{name}: {one}' for one in ids if one not in layout.images]
        wrong['list-repeated-id'] += [f'{name}: {one}' for one in ids if counts[one] > 1]
    findings = [one for kind, items in wrong.items() for one in found(kind, items)]
    return findings + _overlaps(families(layout), layout)


def read_quietly(path: Path, known: Container[str] = ()) -> tuple[str, ...]:
    """The ids of a list, without the warning about those listed twice."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        return read_list(path, known)


def _overlaps(groups: Sequence[Family], layout: Layout) -> list[Finding]:
    """Ids on both sides of one family, and across two families."""
    shared, across = [], []
    for family in groups:
        label = f'{family.name}: ' if family.name else ''
        for title, first, second in (('training and test', family.training, family.test),
                                     ('train and val', family.splits.get('train', ()), family.splits.get('val', ()))):
            both = set(first) & set(second)
            shared += [f'{label}{one} ({title})' for one in layout.images if one in both]
        for other in groups:
            both = set(family.test) & set(other.training) if other is not family else set()
            if both:
                across.append(f'{len(both)} of {len(family.test)} ids of {family.names["test"]} are trained on by '
                              f'{", ".join(other.names[base] for base in TRAINING if base in other.names)}')
    return found('split-overlap', shared) + found('cross-list-overlap', across)
