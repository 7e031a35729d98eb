"""Images that a data set shares with another one, or with a list that something was trained on."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.diagnosis.duplicates import Fingerprint, equal_pairs, near_pairs
from irstd_toolbox.diagnosis.findings import Finding, found
from irstd_toolbox.diagnosis.lists import Family, families, read_quietly
from irstd_toolbox.diagnosis.reading import ImageFacts, examine

__all__ = ['Other', 'leak_findings', 'read_other', 'sides']


@dataclass(frozen=True)
class Other:
    """What a data set is held against.

    Args:
        name: What the report calls it.
        sides: Id to ``training``, ``test`` or, on no list, ``unlisted``.
        fingerprints: Id to fingerprint; None where there is a list alone, and ids are compared.
    """

    name: str
    sides: Mapping[str, str]
    fingerprints: Mapping[str, Fingerprint] | None = None


def read_other(path: str | Path, workers: int | None = None,
               watch: Callable[[Iterable[ImageFacts], int], Iterable[ImageFacts]] | None = None) -> Other:
    """Read a data set, or a list: one whose name starts with ``test`` is tested on, any other trained on.

    Args:
        workers: Threads.
        watch: Wraps the images as they are read, given their number; for a progress bar.

    Raises:
        DataError: If there is neither, or it cannot be read.
    """
    path = Path(path).expanduser()
    if path.is_file():
        side = 'test' if path.stem.startswith('test') else 'training'
        return Other(str(path), dict.fromkeys(read_quietly(path), side))
    layout = detect(path)
    facts = examine(layout, with_masks=False, workers=workers)
    prints = {one.image_id: one.fingerprint for one in (watch(facts, len(layout.images)) if watch else facts)
              if one.fingerprint}
    return Other(layout.name, sides(layout.images, families(layout)), prints)


def sides(ids: Iterable[str], groups: Sequence[Family]) -> dict[str, str]:
    """Id to the side that the first family of lists has it on: ``training``, ``test`` or ``unlisted``."""
    training, test = (set(groups[0].training), set(groups[0].test)) if groups else (set(), set())
    return {one: 'test' if one in test else 'training' if one in training else 'unlisted' for one in ids}


def leak_findings(own: Mapping[str, str], prints: Mapping[str, Fingerprint], other: Other) -> list[Finding]:
    """Shared images: a leak if one side trains on them and the other tests on them, else a note.

    Against a data set the images are compared, whatever their ids; against a list the ids.

    Args:
        own: Id to the side that it is on.
        prints: Id to its fingerprint.
        other: What to hold it against.
    """
    leaks, others = [], Counter()
    for ours, theirs, how in _shared(own, prints, other):
        here, there = own[ours], other.sides[theirs]
        if {here, there} == {'training', 'test'}:
            leaks.append(f'{ours} ({here}) is {theirs} ({there}) of {other.name}, {how}')
        else:
            others[f'{here} here, {there} in {other.name}'] += 1
    return found('leak', leaks) + found('shared-images', [f'{text}: {count}' for text, count in others.items()])


def _shared(own: Mapping[str, str], prints: Mapping[str, Fingerprint], other: Other) -> list[tuple[str, str, str]]:
    if other.fingerprints is None:
        return [(one, one, 'by its id') for one in own if one in other.sides]
    ours, theirs = list(prints), list(other.fingerprints)
    first, second = list(prints.values()), list(other.fingerprints.values())
    equal = [(ours[i], theirs[j], 'equal') for i, j in equal_pairs(first, second)]
    return equal + [(ours[pair.first], theirs[pair.second], f'{pair.bits} bits, cosine {pair.cosine:.4f}')
                    for pair in near_pairs(first, second)]
