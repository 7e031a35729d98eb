"""The whole examination of a data set: figures of its splits, findings, statistics of its targets."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from irstd_toolbox.datasets.inventory import Layout
from irstd_toolbox.diagnosis.constants import compare
from irstd_toolbox.diagnosis.duplicates import Fingerprint, equal_pairs, near_pairs
from irstd_toolbox.diagnosis.findings import KINDS, Finding, found
from irstd_toolbox.diagnosis.leakage import Other, leak_findings, sides
from irstd_toolbox.diagnosis.leftovers import leftover_findings
from irstd_toolbox.diagnosis.lists import Family, families, list_findings
from irstd_toolbox.diagnosis.reading import ImageFacts
from irstd_toolbox.diagnosis.statistics import Target, summarise
from irstd_toolbox.evaluation.results import hash_ids

__all__ = ['Audit', 'SplitFigures', 'audit']

_ROLES = {'trainval': 'training', 'train': 'training', 'test': 'test'}


@dataclass(frozen=True)
class SplitFigures:
    """The figures of one split.

    Args:
        name: The split's name; ``all`` is every image.
        images: Ids that have an image.
        targets: 8-connected regions.
        foreground: Target pixels at the images' sizes.
        empty: Masks without target.
        mean: Of the images' mean grey levels, each counting alike: a config's ``data_preprocessor.mean``.
        std: Of the standard deviations of their grey levels, likewise: its ``std``. Both None without images.
        ids_sha256: Hash of the ids, as ``results.json`` has it.
        verdict: Against the known figures: ``match``, ``mismatch``, ``unknown``.
        differences: Every figure that differs from the known one.
    """

    name: str
    images: int
    targets: int
    foreground: int
    empty: int
    mean: float | None
    std: float | None
    ids_sha256: str
    verdict: str
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """All that was found of a data set.

    Args:
        layout: The data set.
        facts: Id to what its image and mask hold.
        splits: Figures of every image and of each split.
        findings: Defects first, in the order of :data:`KINDS`.
        statistics: What the targets are like.
    """

    layout: Layout
    facts: Mapping[str, ImageFacts]
    splits: tuple[SplitFigures, ...]
    findings: tuple[Finding, ...]
    statistics: dict[str, dict]

    @property
    def targets(self) -> list[Target]:
        """All targets, in the order of the images."""
        return [target for one in self.facts.values() for target in one.targets]

    @property
    def defects(self) -> tuple[Finding, ...]:
        """Those of the findings that are defects."""
        return tuple(one for one in self.findings if one.defect)


def audit(layout: Layout, looked_at: Iterable[ImageFacts], others: Sequence[Other] = ()) -> Audit:
    """Put together what was found.

    Args:
        layout: The data set.
        looked_at: What each of its images holds, see :func:`irstd_toolbox.diagnosis.reading.examine`.
        others: What to hold it against.
    """
    facts = {one.image_id: one for one in looked_at}
    groups = families(layout)
    splits = [_figures('all', 'all', tuple(facts), layout, facts)] + [
        _figures(family.names[base], _ROLES.get(base, ''), ids, layout, facts)
        for family in groups for base, ids in family.splits.items()]
    prints = {key: one.fingerprint for key, one in facts.items() if one.fingerprint}
    own = sides(layout.images, groups)
    listed = {one for family in groups for ids in family.splits.values() for one in ids}
    findings = [
        *_file_findings(layout, facts), *leftover_findings(layout), *list_findings(layout),
        *_duplicates(prints, groups),
        *found('unlisted', [one for one in facts if one not in listed] if groups else ()),
        *found('constant-mismatch', [f'{one.name}: {text}' for one in splits for text in one.differences]),
        *(finding for other in others for finding in leak_findings(own, prints, other))]
    items = {kind: tuple(item for one in findings if one.kind == kind for item in one.items) for kind in KINDS}
    targets = [target for one in facts.values() for target in one.targets]
    return Audit(layout, facts, tuple(splits), tuple(one for kind in KINDS for one in found(kind, items[kind])),
                 summarise(targets))


def _figures(name: str, role: str, ids: Sequence[str], layout: Layout, facts: Mapping[str, ImageFacts]) -> SplitFigures:
    here = [facts[one] for one in ids if one in facts]
    masks = [one.mask for one in here if one.mask]
    targets, foreground = sum(len(one.targets) for one in here), sum(mask.aligned for mask in masks)
    verdict, wrong = compare(layout.name, role, len(here), targets, foreground)
    if name == 'all' and verdict == 'unknown' and layout.card and layout.card.images:
        known = layout.card.images
        verdict = 'match' if known == len(here) else 'mismatch'
        wrong = [] if known == len(here) else [f'{len(here)} images, published are {known}']
    levels = [(one.mean, one.std) for one in here if one.mode]
    mean, std = (fmean(values) for values in zip(*levels, strict=True)) if levels else (None, None)
    return SplitFigures(name, len(here), targets, foreground, sum(mask.aligned == 0 for mask in masks), mean, std,
                        hash_ids(one.image_id for one in here), verdict, tuple(wrong))


def _file_findings(layout: Layout, facts: Mapping[str, ImageFacts]) -> list[Finding]:
    """Of every image and its mask."""
    masked = {key: one.mask for key, one in facts.items() if one.mask}
    modes = Counter(one.mode for one in facts.values() if one.mode)
    covers = Counter(mask.mode for mask in masked.values())
    return [
        *found('unreadable', [text for one in facts.values() for text in one.errors]),
        *found('size-mismatch', [
            f'{key}: image {_size(facts[key].shape)}, mask {_size(mask.shape)}; {mask.foreground} target pixels become '
            f'{mask.aligned}' for key, mask in masked.items() if mask.shape != facts[key].shape]),
        *found('grey-mask', [key for key, mask in masked.items() if mask.greys]),
        *found('missing-mask', [key for key in layout.images if key not in layout.masks] if layout.masks else ()),
        *found('no-masks', [] if layout.masks else [layout.name]),
        *found('empty-mask', [key for key, mask in masked.items() if mask.aligned == 0]),
        *found('image-modes', [f'{mode}: {count}' for mode, count in modes.most_common()] if len(modes) > 1 else ()),
        *found('mask-modes', [f'{mode}: {count}' for mode, count in covers.most_common()] if len(covers) > 1 else ()),
        *found('unequal-channels', [key for key, one in facts.items() if not one.equal_channels])]


def _duplicates(prints: Mapping[str, Fingerprint], groups: Sequence[Family]) -> list[Finding]:
    """Equal and nearly equal images across the sides of each family, and equal images elsewhere."""
    equal: dict[tuple[str, str], str] = {}
    near: dict[tuple[str, str], str] = {}
    for family in groups:
        ours, theirs = ([one for one in ids if one in prints] for ids in (family.training, family.test))
        first, second = ([prints[one] for one in ids] for ids in (ours, theirs))
        label = f' ({family.name})' if family.name else ''
        for i, j in equal_pairs(first, second):
            if ours[i] != theirs[j]:
                equal.setdefault((ours[i], theirs[j]), f'{ours[i]} (training) = {theirs[j]} (test){label}')
        for pair in near_pairs(first, second):
            near.setdefault((ours[pair.first], theirs[pair.second]),
                            f'{ours[pair.first]} (training) ~ {theirs[pair.second]} (test){label}, {pair.bits} bits, '
                            f'cosine {pair.cosine:.4f}')
    ids = list(prints)
    rest = [f'{ids[i]} = {ids[j]}' for i, j in equal_pairs([*prints.values()], [*prints.values()])
            if i < j and not {(ids[i], ids[j]), (ids[j], ids[i])} & set(equal)]
    return [*found('duplicate-across-splits', equal.values()), *found('near-duplicate-across-splits', near.values()),
            *found('duplicate', rest)]


def _size(shape: tuple[int, int]) -> str:
    return f'{shape[1]}x{shape[0]}'
