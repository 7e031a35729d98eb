"""Which protocols can have produced a published Pd (and Fa): found targets are whole numbers.

A pooled Pd is ``k / N``, with N the targets that a protocol sees in a test list; with two decimals one figure in thirty
or so fits by chance. Where a protocol averages over images, the sums of the images' own fractions are searched,
exactly.
A published Fa, times the pixels of the list, has to be a whole number of pixels likewise.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.protocols import Protocol, fit
from irstd_toolbox.evaluation.regions import find_regions

__all__ = ['Figure', 'Finding', 'GroundTruth', 'Rule', 'count_truth', 'investigate', 'rule_of']

_MOST_SUMS = 10 ** 8  # 12 MB of bits, and 800 MB where each is reached



class Rule(NamedTuple):
    """What of a protocol decides which targets there are; ``rule_of(protocol)`` gives it."""

    size: tuple[int, int] | None = None
    mask_resize: str = ''
    connectivity: int = 8

    def __str__(self) -> str:
        place = 'native' if self.size is None else f'{self.size[1]}x{self.size[0]} {self.mask_resize}'
        return place if self.connectivity == 8 else f'{place}, {self.connectivity}-connected'


def rule_of(protocol: Protocol) -> Rule:
    """The rule of a protocol; how a mask would be resized does not matter where none is.

    Example:
        >>> from irstd_toolbox.evaluation.protocols import get
        >>> str(rule_of(get('canonical'))), str(rule_of(get('dnanet')))
        ('native', '256x256 pil_nearest')
    """
    return Rule(protocol.size, protocol.mask_resize if protocol.size else '', protocol.connectivity)


@dataclass(frozen=True)
class GroundTruth:
    """The targets of a test list under one rule.

    Args:
        dataset: Name in the catalogue.
        split: Which list.
        images: Number of images.
        targets: Number of targets.
        pixels: Of all images; None if not known.
        foreground: Target pixels; None if not known.
        background: Background pixels of the images with targets; None if not known.
        per_image: Targets of an image to number of such images; None if not known.
    """

    dataset: str
    split: str
    images: int
    targets: int
    pixels: int | None = None
    foreground: int | None = None
    background: int | None = None
    per_image: Mapping[int, int] | None = None


def count_truth(dataset: str, split: str, masks: Iterable[np.ndarray], protocols: Sequence[Protocol],
                ) -> dict[Rule, GroundTruth]:
    """Count the targets of real masks under the rules of some protocols.

    Args:
        dataset: Name.
        split: Name.
        masks: Native ones, read once each.
        protocols: Whose rules.

    Shape:
        - masks: (H, W) bool each
    """
    by_rule = {rule_of(protocol): protocol for protocol in protocols}
    rows: dict[Rule, list[tuple[int, int, int]]] = {rule: [] for rule in by_rule}
    for mask in masks:
        for rule, protocol in by_rule.items():
            truth = fit(protocol, mask.astype(np.float64), mask)[1]
            regions = find_regions(truth, rule.connectivity)
            rows[rule].append((len(regions), truth.size, regions.pixels.size))
    found = {}
    for rule, counted in rows.items():
        targets, pixels, foreground = np.array(counted, dtype=np.int64).reshape(-1, 3).T
        numbers, images = np.unique(targets, return_counts=True)
        found[rule] = GroundTruth(
            dataset, split, len(counted), int(targets.sum()), int(pixels.sum()), int(foreground.sum()),
            int((pixels - foreground)[targets > 0].sum()), dict(zip(numbers.tolist(), images.tolist(), strict=True)))
    return found


@dataclass(frozen=True)
class Figure:
    """A published number with the decimals it was printed with.

    Args:
        text: As printed, ``'98.30'`` and not ``98.3``.

    Raises:
        ConfigError: If it is no plain number of at least 0.
    """

    text: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r'\d+(\.\d*)?|\.\d+', self.text, re.ASCII):
            raise ConfigError(f'{self.text!r} is no figure; expected a number as printed, for example 98.30.')

    @property
    def value(self) -> Fraction:
        """What is printed."""
        return Fraction(self.text)

    @property
    def step(self) -> Fraction:
        """One unit of the last decimal."""
        return Fraction(10) ** Decimal(self.text).as_tuple().exponent

    def whole(self, unit: Fraction) -> list[int]:
        """All whole numbers from 0 whose multiple of ``unit`` is printed so, rounded (a tie either way).

        Example:
            >>> Figure('95.06').whole(Fraction(100, 263)), Figure('95.07').whole(Fraction(100, 263))
            ([250], [])
        """
        low, high = (self.value - self.step / 2) / unit, (self.value + self.step / 2) / unit
        return list(range(max(math.ceil(low), 0), math.floor(high) + 1))

    def cut(self, unit: Fraction) -> list[int]:
        """All whole numbers whose multiple of ``unit`` is printed so only where digits are cut off, not rounded.

        Example:
            >>> Figure('88.31').whole(Fraction(100, 291)), Figure('88.31').cut(Fraction(100, 291))
            ([], [257])
        """
        rounded = self.whole(unit)
        numbers = range(math.ceil(self.value / unit), math.ceil((self.value + self.step) / unit))
        return [number for number in numbers if number not in rounded]


@dataclass(frozen=True)
class Finding:
    """What one ground truth says to a published Pd and Fa.

    Args:
        truth: The ground truth.
        average: ``pooled`` or ``image``.
        protocols: The protocols with this rule, average and base of Fa.
        fits: Whether Pd can be produced; None if that takes counts that are not known.
        pd: How: ``277/297``, or for image means ``3.5 of 201 images lost``; with ``(cut off)`` where its digits were
            cut off instead of rounded.
        chance: Share of the figures within one point of Pd, printed with as many decimals, that fit too: rounded, or
            where Pd is cut off rounded or cut off.
        fa_pixels: False-alarm pixels that give Fa: their least and greatest number; empty if none do, None if Fa is not
            given or the base not known.
        fa_cut: Whether they do only where the digits of Fa were cut off.
    """

    truth: GroundTruth
    average: str
    protocols: tuple[str, ...]
    fits: bool | None
    pd: str
    chance: float | None
    fa_pixels: tuple[int, ...] | None = None
    fa_cut: bool = False


def investigate(
    pd: Figure, truths: Mapping[Rule, GroundTruth], protocols: Sequence[Protocol], fa: Figure | None = None,
    variants: Mapping[str, GroundTruth] | None = None,
) -> list[Finding]:
    """Hold a published Pd, and Fa where given, against every protocol that reports Pd.

    Args:
        pd: In percent.
        truths: Ground truth by rule; protocols whose rule is not in it are passed over.
        protocols: Which.
        fa: In units of 1e-6.
        variants: Pooled countings seen in published code that no protocol names.

    Returns:
        One entry a distinguishable group of protocols, in their order.

    Raises:
        ConfigError: If Pd is above 100, or Fa above 1000000.
        DataError: If there is a truth without a target.
    """
    if pd.value > 100:
        raise ConfigError(f'Pd is {pd.text}; expected percent, at most 100.')
    if fa is not None and fa.value > 10 ** 6:
        raise ConfigError(f'Fa is {fa.text}; expected units of 1e-6, at most 1000000, which is every pixel.')
    for truth in truths.values():
        if not truth.targets:
            raise DataError(f'{truth.dataset}, {truth.split}: there is no target, so nothing has a Pd. Choose a list '
                            'with targets.')
    groups: dict[tuple, list[Protocol]] = {}
    for protocol in protocols:
        if 'Pd' in protocol.reports and rule_of(protocol) in truths:
            key = (rule_of(protocol), protocol.average, protocol.false_alarm_base)
            groups.setdefault(key, []).append(protocol)
    findings = []
    for (rule, average, base), members in groups.items():
        truth = truths[rule]
        fits, how, chance = (_image_mean if average == 'image' else _pooled)(pd, truth)
        pixels = truth.pixels if base == 'pixels' else truth.background
        # An image mean of Fa is the pooled one as long as all images are of one size.
        whole, cut = None, False
        if fa is not None and pixels is not None and not (average == 'image' and rule.size is None):
            unit = Fraction(10 ** 6, pixels)
            rounded = fa.whole(unit)
            found = rounded or fa.cut(unit)
            whole, cut = tuple(sorted({*found[:1], *found[-1:]})), bool(found) and not rounded
        names = tuple(member.name for member in members)
        findings.append(Finding(truth, average, names, fits, how, chance, whole, cut))
    for name, truth in (variants or {}).items():
        findings.append(Finding(truth, 'pooled', (name,), *_pooled(pd, truth)))
    return findings


def _pooled(pd: Figure, truth: GroundTruth) -> tuple[bool, str, float]:
    unit = Fraction(100, truth.targets)
    found = [k for k in pd.whole(unit) if k <= truth.targets]
    cut = [] if found else [k for k in pd.cut(unit) if k <= truth.targets]
    how = ' or '.join(f'{k}/{truth.targets}' for k in found or cut) + (' (cut off)' if cut else '')
    return bool(how), how, _share(pd, np.arange(truth.targets + 1) * (100 / truth.targets), bool(cut))


def _image_mean(pd: Figure, truth: GroundTruth) -> tuple[bool | None, str, float | None]:
    """Sums of k/n over images with n targets, in units of 1/L, L the least common multiple of all n."""
    if truth.per_image is None:
        return None, 'targets of each image not known', None
    per_image = {targets: images for targets, images in truth.per_image.items() if targets}
    images, unit = sum(per_image.values()), math.lcm(*per_image)
    if images * unit > _MOST_SUMS:
        return None, f'too many sums to tell, {images * unit:.1e}', None
    # Bit s of ``reached`` is set where s/L images' worth of targets can be found: bounded sums by binary splitting.
    reached = 1
    for targets, count in per_image.items():
        left, part = targets * count, 1
        while left:
            take = min(part, left)
            reached |= reached << (take * unit // targets)
            left, part = left - take, part * 2
    size = images * unit + 1
    bits = np.unpackbits(np.frombuffer(reached.to_bytes(size // 8 + 1, 'little'), np.uint8), bitorder='little')
    sums = np.flatnonzero(bits[:size])
    step = Fraction(100, images * unit)
    found = np.intersect1d(np.array(pd.whole(step), dtype=np.int64), sums)
    cut = np.intersect1d(np.array([] if found.size else pd.cut(step), dtype=np.int64), sums)
    how, is_cut = '', bool(cut.size)
    found = cut if is_cut else found
    if found.size:
        lost = [f'{(images * unit - int(value)) / unit:g}' for value in sorted({found[0], found[-1]}, reverse=True)]
        how = f'{" to ".join(lost)} of {images} images lost' + (' (cut off)' if is_cut else '')
    return bool(found.size), how, _share(pd, sums * (100 / (images * unit)), is_cut)


def _share(pd: Figure, reachable: np.ndarray, cut: bool) -> float:
    """Of the figures within one point of Pd, the share that a reachable value is printed as.

    Args:
        pd: The published figure.
        reachable: All values of Pd that can occur, in percent.
        cut: Whether values are also printed with their digits cut off.
    """
    step, value = float(pd.step), float(pd.value)
    low, high = max(math.ceil((value - 1) / step - 1e-6), 0), math.floor(min(value + 1, 100) / step + 1e-6)
    printed = np.rint(reachable / step)
    printed = np.unique(np.concatenate([printed, np.floor(reachable / step + 1e-9)]) if cut else printed)
    return float(np.count_nonzero((printed >= low) & (printed <= high)) / (high - low + 1))
