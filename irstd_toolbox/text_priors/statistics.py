"""Statistics of descriptions: the paper's count of words a split, and described against true regions."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.agreement import position
from irstd_toolbox.text_priors.regions import Region, read_regions
from irstd_toolbox.text_priors.scene import find_targets
from irstd_toolbox.text_priors.tables import render

__all__ = ['WORDS', 'Confusion', 'WordCounts', 'confuse_regions', 'count_split_words']

WORDS = ('left', 'right', 'center', 'lower', 'upper')
"""The words of the paper's Table 1, in its order."""

_GRIDS = {
    'thirds': ((1 / 3, 2 / 3), ('upper', 'center', 'lower'), ('left', 'center', 'right')),
    'halves': ((0.5,), ('upper', 'lower'), ('left', 'right'))}


@dataclass(frozen=True)
class WordCounts:
    """How often the words of the paper's Table 1 occur.

    Args:
        dataset: Its name.
        images: Split to its number of images.
        described: Split to the number of them with a description.
        occurrences: Split to word to how often it occurs.
        containing: Split to word to the number of descriptions that hold it at least once.
    """

    dataset: str
    images: Mapping[str, int]
    described: Mapping[str, int]
    occurrences: Mapping[str, Mapping[str, int]]
    containing: Mapping[str, Mapping[str, int]]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {'dataset': self.dataset, 'images': dict(self.images), 'described': dict(self.described),
                'occurrences': {split: dict(counts) for split, counts in self.occurrences.items()},
                'containing': {split: dict(counts) for split, counts in self.containing.items()}}

    def table(self) -> str:
        """A row a split and way of counting."""
        rows = [[f'{self.dataset} {split}', self.images[split], self.described[split], way,
                 *(counts[split][word] for word in WORDS)]
                for split in self.images
                for way, counts in (('occurrences', self.occurrences), ('descriptions', self.containing))]
        return render(['split', 'images', 'described', 'counted', *WORDS], rows)


def count_split_words(
        descriptions: Mapping[str, str], splits: Mapping[str, Iterable[str]], dataset: str = '') -> WordCounts:
    """Count the words left, right, center, lower and upper, split by split.

    A word is a run of letters; case does not matter, 'upper-left' holds 'upper' and 'left', and neither 'leftmost'
    nor 'centre' is one of the five.

    Args:
        descriptions: Id to text.
        splits: Split to its ids.
        dataset: What the table calls the data set.

    Note:
        Two counts are given, because the paper does not say whether its Table 1 counts occurrences or descriptions.

    References:
        LGNet, Table 1.

    Example:
        >>> counts = count_split_words({'a': 'Upper-left, left of center.', 'b': 'Right!'}, {'train': ['a', 'b']})
        >>> counts.occurrences['train'], counts.containing['train']['left']
        ({'left': 2, 'right': 1, 'center': 1, 'lower': 0, 'upper': 1}, 1)
    """
    images, described, occurrences, containing = {}, {}, {}, {}
    for split, ids in splits.items():
        ids = list(ids)
        found = [_words(descriptions[image_id]) for image_id in ids if image_id in descriptions]
        images[split], described[split] = len(ids), len(found)
        occurrences[split] = {word: sum(counts[word] for counts in found) for word in WORDS}
        containing[split] = {word: sum(counts[word] > 0 for counts in found) for word in WORDS}
    return WordCounts(dataset, images, described, occurrences, containing)


def _words(text: str) -> Counter:
    letters = ''.join(char if char.isalpha() else ' ' for char in text.lower())
    return Counter(letters.split())


@dataclass(frozen=True)
class Confusion:
    """Described region against true region, over the images with one target.

    Args:
        grid: ``'thirds'`` or ``'halves'``.
        regions: Described region, ``'none'`` or ``'several'``, to true cell of the grid to number of images.
        left_out: Why images are not in it, to how many.
    """

    grid: str
    regions: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, int]

    @property
    def columns(self) -> tuple[str, ...]:
        """The cells of the grid, row by row."""
        _, rows, cols = _GRIDS[self.grid]
        return tuple(str(Region(row, col)) for row in rows for col in cols)

    @property
    def total(self) -> int:
        """Images in the matrix."""
        return sum(sum(row.values()) for row in self.regions.values())

    def axis(self, side: str) -> dict[str, dict[str, int]]:
        """Described against true on one axis, ``'vertical'`` or ``'horizontal'``; ``'unsaid'`` where nothing is said.

        Its sums tell whether a majority of one side is the data's or the describer's.
        """
        names = _GRIDS[self.grid][1 if side == 'vertical' else 2]
        cells = {str(Region(row, col)): row if side == 'vertical' else col
                 for row in _GRIDS[self.grid][1] for col in _GRIDS[self.grid][2]}
        said = (*_GRIDS['thirds'][1 if side == 'vertical' else 2], 'unsaid', 'several')
        matrix = {name: dict.fromkeys(names, 0) for name in said}
        for described, row in self.regions.items():
            name = _SIDES[side].get(described, 'unsaid') if described != 'several' else 'several'
            for cell, number in row.items():
                matrix[name][cells[cell]] += number
        return matrix

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {'grid': self.grid, 'total': self.total, 'left_out': dict(self.left_out),
                'regions': {described: dict(row) for described, row in self.regions.items()},
                'vertical': self.axis('vertical'), 'horizontal': self.axis('horizontal')}

    def table(self) -> str:
        """The matrix, its two axes, and what is not in it."""
        parts = [_matrix('described \\ true', self.regions, self.columns)]
        for side in ('vertical', 'horizontal'):
            matrix = self.axis(side)
            rows = {name: row for name, row in matrix.items() if sum(row.values())}
            parts.append(_matrix(f'{side}: described \\ true', rows, tuple(next(iter(matrix.values())))))
        left_out = ', '.join(f'{number} {reason}' for reason, number in self.left_out.items()) or 'none'
        parts.append(f'{self.total} images of one target; left out: {left_out}')
        return '\n\n'.join(parts)


def confuse_regions(
        descriptions: Mapping[str, str], load_mask: Callable[[str], np.ndarray | None],
        grid: str = 'thirds') -> Confusion:
    """Compare the region that each description names with where the target is.

    Images with one 8-connected target are compared, by its centroid; the others are left out and counted. A centroid
    on a border of thirds belongs to the middle, on a border of halves to upper or left.

    Args:
        load_mask: Gives the mask of an id, target 1; None where there is none.
        grid: ``'thirds'``: nine true cells; ``'halves'``: four.

    Raises:
        ConfigError: If ``grid`` is neither.
    """
    if grid not in _GRIDS:
        raise ConfigError(f'grid {grid!r}; expected one of {", ".join(_GRIDS)}.')
    counts: Counter = Counter()
    left_out: Counter = Counter()
    for image_id, text in descriptions.items():
        mask = load_mask(image_id)
        targets = [] if mask is None else find_targets(mask)
        if len(targets) != 1:
            left_out['without mask' if mask is None else 'of several targets' if targets else 'without target'] += 1
            continue
        regions = read_regions(text)
        described = 'none' if not regions else 'several' if len(regions) > 1 else str(regions[0])
        y, x = position(targets[0], mask.shape)
        cell = Region(_cell(y, *_GRIDS[grid][:2]), _cell(x, _GRIDS[grid][0], _GRIDS[grid][2]))
        counts[described, str(cell)] += 1
    empty = Confusion(grid, {}, {})
    present = {described for described, _ in counts}
    names = [name for name in _ROWS if name in present]
    return Confusion(grid, {name: {cell: counts[name, cell] for cell in empty.columns} for name in names},
                     dict(left_out))


def _cell(value: float, borders: tuple[float, ...], names: tuple[str, ...]) -> str:
    if len(borders) == 1:
        return names[0] if value <= borders[0] else names[1]
    return names[0] if value < borders[0] else names[2] if value > borders[1] else names[1]


def _every_region() -> list[Region]:
    sides = ('upper', 'center', 'lower', None), ('left', 'center', 'right', None)
    return [Region(vertical, horizontal) for vertical in sides[0] for horizontal in sides[1]]


_ROWS = (*(str(region) for region in _every_region() if region != Region(None, None)), 'none', 'several')
_SIDES = {
    'vertical': {str(region): region.vertical for region in _every_region() if region.vertical},
    'horizontal': {str(region): region.horizontal for region in _every_region() if region.horizontal}}


def _matrix(title: str, rows: Mapping[str, Mapping[str, int]], columns: tuple[str, ...]) -> str:
    body = [[name, *(row[column] for column in columns), sum(row.values())] for name, row in rows.items()]
    sums = [sum(row[column] for row in rows.values()) for column in columns]
    return render([title, *columns, 'sum'], [*body, ['sum', *sums, sum(sums)]])
