"""What a result can hold beside its protocols: hIoU with its errors, and SCRG, BSF and CG."""

from collections.abc import Iterable, Mapping

import numpy as np
from rich.table import Table

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation import hierarchical
from irstd_toolbox.evaluation.background import Clutter, measure_clutter, summarise_clutter
from irstd_toolbox.evaluation.hierarchical import HierarchicalCounts

__all__ = ['EXTRAS', 'ExtraCounter', 'extra_tables']

EXTRAS = ('hIoU', 'SCRG')
"""hIoU with its error analysis; SCRG with BSF and CG."""

_SEGMENTATION = ('seg_IoU', 'seg_merging', 'seg_interference', 'seg_perception')
_LOCATION = ('loc_IoU', 'loc_m2s', 'loc_s2m', 'loc_interference', 'loc_perception')


class ExtraCounter:
    """Count the extras of a set, one image at a time, at each image's native size.

    Args:
        names: Of :data:`EXTRAS`.
        threshold: Of hIoU; predicted where a probability is above it. SCRG takes the probabilities as they are.

    Raises:
        ConfigError: If a name is not known.
    """

    def __init__(self, names: Iterable[str], threshold: float = 0.5) -> None:
        self.names = tuple(dict.fromkeys(names))
        unknown = [name for name in self.names if name not in EXTRAS]
        if unknown:
            raise ConfigError(f'{unknown[0]!r} is no extra; expected any of {", ".join(EXTRAS)}.')
        self.threshold = threshold
        self.hierarchical: list[HierarchicalCounts] = []
        self.clutter: list[Clutter] = []

    @property
    def needs_image(self) -> bool:
        """Whether :meth:`add` reads the image."""
        return 'SCRG' in self.names

    def add(self, probabilities: np.ndarray, truth: np.ndarray, image: np.ndarray | None = None) -> None:
        """Count one image.

        Args:
            probabilities: The prediction, 0..1.
            truth: Its mask.
            image: Its grey values, where :attr:`needs_image`.

        Shape:
            - probabilities, image: (H, W)
            - truth: (H, W) bool

        Raises:
            DataError: If the prediction is not of the mask's size.
        """
        if self.names and probabilities.shape != truth.shape:
            sizes = ['x'.join(map(str, one.shape[::-1])) for one in (probabilities, truth)]
            raise DataError(f'the prediction is {sizes[0]} (width x height), its image {sizes[1]}; {self.names[0]} is '
                            'counted at the size of the image. Write predictions of that size, or leave --extra out.')
        if 'hIoU' in self.names:
            self.hierarchical.append(hierarchical.count_hierarchical(probabilities > self.threshold, truth))
        if self.needs_image:
            self.clutter += measure_clutter(image, probabilities, truth)

    def results(self) -> dict[str, dict[str, float]]:
        """Extra to its figures: fractions, ``nan`` where undefined.

        ``hIoU`` holds :func:`~.hierarchical.error_analysis`, its threshold and the numbers of targets, regions and
        matches; ``SCRG`` holds :func:`~.background.summarise_clutter`.
        """
        found = {}
        if 'hIoU' in self.names:
            counts = hierarchical.total(self.hierarchical)
            found['hIoU'] = {**hierarchical.error_analysis(counts), 'threshold': self.threshold,
                             'targets': counts.targets, 'regions': counts.regions, 'matched': counts.matched}
        if self.needs_image:
            found['SCRG'] = summarise_clutter(self.clutter)
        return found


def extra_tables(extras: Mapping[str, Mapping[str, float]]) -> list[Table]:
    """A table for people of each extra that :meth:`ExtraCounter.results` gave."""
    tables = []
    if 'hIoU' in extras:
        figures = extras['hIoU']
        headings = ('IoU', 'merging', 'interference', 'perception', 'm2s', 's2m')
        table = _table('hIoU', headings,
                       f'percent; {figures["matched"]} pairs of {figures["targets"]} targets and {figures["regions"]} '
                       f'regions; hIoU {_cell(100 * figures["hIoU"])} is the product of the two IoU.')
        for label, names in (('segmentation', _SEGMENTATION), ('location', _LOCATION)):
            known = {name.partition('_')[2]: _cell(100 * figures[name]) for name in names}
            table.add_row(label, *(known.get(heading, '') for heading in headings))
        tables.append(table)
    if 'SCRG' in extras:
        figures = extras['SCRG']
        table = _table('SCRG, BSF, CG', ('SCRG', 'BSF', 'CG'),
                       f'{figures["targets"]} targets; {figures["flat"]} flat and {figures["undefined"]} undefined '
                       'ones are not in the mean.')
        for label, suffix in (('mean', ''), ('median', '_median')):
            table.add_row(label, *(_cell(figures[name + suffix]) for name in ('SCRG', 'BSF', 'CG')))
        tables.append(table)
    return tables


def _table(title: str, headings: tuple[str, ...], caption: str) -> Table:
    table = Table(title=title, caption=caption)
    table.add_column()
    for heading in headings:
        table.add_column(heading, justify='right', no_wrap=True)
    return table


def _cell(value: float) -> str:
    return '–' if np.isnan(value) else f'{value:.2f}'
