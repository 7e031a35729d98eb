"""The tables of results: one a comparable group, and the published figures."""

from collections.abc import Sequence

from irstd_toolbox.evaluation.units import lower_is_better, scale_of, unit_of

from .benchmark_file import Benchmark, Reference, Row
from .grouping import Group, cautions, is_fair, placings
from .seeds import DASH, Figure, figure, shown
from .tables import Block, Cell, Column, Notes, Section, Table

__all__ = ['SPREAD', 'UNCHECKED', 'metric_cell', 'metric_column', 'name_cell', 'published', 'result_sections',
           'seeds_cell', 'stray_references']

SPREAD = '± is the sample standard deviation over seeds (n - 1); one seed has none.'
UNCHECKED = 'not checked for test images in the training list'
_UNRANKED, _PUBLISHED = 'not ranked', 'published, counted by others: not ranked'
_RANKED = ('Bold: best, underlined: second best of the rows that are ranked (of their means); whether a difference is '
           'more than chance, tools/compare.py says.')


def result_sections(benchmark: Benchmark, groups: Sequence[Group]) -> list[Section]:
    """A section a comparable group."""
    return [Section(group.title, [_about(group)], [_ranked(group, benchmark.references)]) for group in groups]


def stray_references(benchmark: Benchmark) -> list[Section]:
    """Published figures on data sets that no row is tested on."""
    tested = {row.tested_on for row in benchmark.rows}
    strays = [one for one in benchmark.references if one.dataset not in tested]
    if not strays:
        return []
    metrics = tuple(dict.fromkeys(name for one in strays for name in one.values))
    rows = [[name, Cell(one.dataset), *cells] for one in strays for name, *cells in published([one], metrics)]
    columns = [Column('Method'), Column('data set'), *map(metric_column, metrics)]
    return [Section('Published figures', tables=[Table(
        'Published figures on data sets without a row of ours', columns, [Block(rows, _PUBLISHED)])])]


def name_cell(row: Row, notes: Notes) -> Cell:
    """A row's name, with the marks of what is to be known of it."""
    unchecked = [UNCHECKED] if row.leaked is None and row.trained_on and row.failed is None else []
    return Cell(row.name, notes=notes.mark([*cautions(row), *unchecked]))


def metric_cell(one: Figure, metric: str, mark: str = '') -> Cell:
    """A metric over seeds."""
    return Cell(shown(one, metric), None if one.mean is None else one.mean * scale_of(metric), mark)


def metric_column(metric: str) -> Column:
    """The column of a metric: the first click brings the best to the top."""
    return Column(unit_of(metric), numeric=True, falling=not lower_is_better(metric))


def seeds_cell(row: Row) -> Cell:
    """The number of seeds; a dash for a method without training."""
    return Cell(DASH) if row.seeds == (None,) else Cell(str(len(row.seeds)), len(row.seeds))


def published(references: Sequence[Reference], metrics: Sequence[str]) -> list[list[Cell]]:
    """Rows of published figures: name with source and protocol, then the metrics."""
    return [[Cell(f'{one.name} ({one.source}; protocol: {one.protocol})'),
             *(metric_cell(figure([one.values.get(metric)]), metric) for metric in metrics)] for one in references]


def _about(group: Group) -> str:
    row = group.first
    counted = '' if row.images is None else f'{row.images} images, {row.targets} targets; '
    hashes = ', '.join(f'{what} {value[:12]}' for what, value in (
        ('ids', row.ids_sha256), ('rules', row.protocol_sha256)) if value)
    return f'{counted}{row.list} list, protocol {row.protocol}' + (f' ({hashes}).' if hashes else '.')


def _ranked(group: Group, references: Sequence[Reference]) -> Table:
    notes, metrics = Notes(), group.metrics
    elsewhere = any(row.trained_on not in (None, row.tested_on) for row in group.rows)
    marks = {metric: placings(group.rows, metric) for metric in metrics}
    fair, rest = [], []
    # Fair rows first, so that footnotes are lettered from top to bottom.
    for number, row in sorted(enumerate(group.rows), key=lambda entry: not is_fair(entry[1])):
        cells = [metric_cell(figure(row.values.get(metric, ())), metric, marks[metric][number]) for metric in metrics]
        trained = [Cell(row.trained_on or DASH)] if elsewhere else []
        line = [name_cell(row, notes), *trained, *cells, seeds_cell(row), Cell(row.selection or DASH)]
        (fair if is_fair(row) else rest).append(line)
    theirs = [one for one in references if one.dataset == group.first.tested_on and set(one.values) & set(metrics)]
    papers = [[name, *([Cell(DASH)] if elsewhere else []), *cells, Cell(DASH), Cell(DASH)]
              for name, *cells in published(theirs, metrics)]
    columns = [Column('Method'), *([Column('trained on')] if elsewhere else []), *map(metric_column, metrics),
               Column('seeds', numeric=True, falling=True), Column('checkpoint chosen on')]
    blocks = [block for block in (Block(fair), Block(rest, _UNRANKED), Block(papers, _PUBLISHED)) if block.rows]
    ranked = any(mark for column in marks.values() for mark in column)
    return Table(group.title, columns, blocks, notes.listed, [*([_RANKED] if ranked else []), *_spread(group.rows)])


def _spread(rows: Sequence[Row]) -> list[str]:
    return [SPREAD] if any(len(row.seeds) > 1 for row in rows) else []
