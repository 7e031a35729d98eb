"""Tables beside the results: ablations, train on A and test on B, costs, runs and the rules of protocols."""

import json
from collections.abc import Mapping, Sequence

from irstd_toolbox.evaluation.significance import METRICS, Comparison
from irstd_toolbox.evaluation.units import scale_of, unit_of

from .benchmark_file import Benchmark, Cost, Row
from .grouping import Group
from .result_tables import SPREAD, metric_cell, metric_column, name_cell, seeds_cell
from .seeds import DASH, figure
from .tables import Block, Cell, Column, Notes, Section, Table

__all__ = ['ablations_of', 'ablation_sections', 'cost_sections', 'cross_sections', 'protocol_sections', 'run_sections']

_HOW = 'python tools/compare.py FOLDER_A FOLDER_B --data-root DATA'


def ablations_of(group: Group) -> dict[tuple[str, str | None], list[Row]]:
    """Rows of a comparable group by their ``group`` and what they were trained on, where there are at least two."""
    found: dict[tuple[str, str | None], list[Row]] = {}
    for row in group.rows:
        if row.group is not None:
            found.setdefault((row.group, row.trained_on), []).append(row)
    return {key: rows for key, rows in found.items() if len(rows) > 1}


def ablation_sections(
    groups: Sequence[Group], compared: Mapping[tuple[int, int], Mapping[str, Comparison]],
) -> list[Section]:
    """Every ablation with the differences to its first row.

    Args:
        groups: All comparable groups.
        compared: Paired tests by the identities (:func:`id`) of first and other row, where they were made.
    """
    tables = []
    for group in groups:
        for (name, trained_on), rows in ablations_of(group).items():
            title = f'{name}: {group.title}'
            if trained_on not in (None, group.first.tested_on):
                title += f', trained on {trained_on}'
            tables.append(_ablation(title, rows, group.metrics))
            pairs = [(row, compared[id(rows[0]), id(row)]) for row in rows[1:] if (id(rows[0]), id(row)) in compared]
            if pairs:
                tables.append(_tests(title, rows[0], pairs))
    if not tables:
        return []
    tests = ('Paired tests stand below the tables whose predictions were read; for any two runs: ' if compared else
             'For paired tests of any two runs: ')
    return [Section('Ablations', [
        f'Δ is the difference of means to the first row, in points of the unit. {tests}{_HOW}.'], tables)]


def _ablation(title: str, rows: Sequence[Row], metrics: Sequence[str]) -> Table:
    notes, lines = Notes(), []
    base = {metric: figure(rows[0].values.get(metric, ())).mean for metric in metrics}
    for number, row in enumerate(rows):
        cells = []
        for metric in metrics:
            one = figure(row.values.get(metric, ()))
            cells.append(metric_cell(one, metric))
            if number and None not in (one.mean, base[metric]):
                delta = (one.mean - base[metric]) * scale_of(metric)
                cells.append(Cell(f'{delta:+.2f}', delta))
            else:
                cells.append(Cell(DASH))
        lines.append([name_cell(row, notes), *cells, seeds_cell(row)])
    columns = [Column('Method')]
    for metric in metrics:
        columns += [metric_column(metric), Column(f'Δ {metric}', numeric=True, falling=metric_column(metric).falling)]
    remarks = [SPREAD] if any(len(row.seeds) > 1 for row in rows) else []
    return Table(title, [*columns, Column('seeds', numeric=True)], [Block(lines)], notes.listed, remarks)


def _tests(title: str, base: Row, tests: Sequence[tuple[Row, Mapping[str, Comparison]]]) -> Table:
    def cell(one: Comparison, metric: str) -> Cell:
        if one.p_permutation != one.p_permutation:
            return Cell(DASH)
        low, high = (bound * scale_of(metric) for bound in (one.difference.low, one.difference.high))
        return Cell(f'{one.p_permutation:.4f} [{low:+.2f}, {high:+.2f}]', one.p_permutation)

    metrics = [metric for metric in METRICS if metric in base.reports]
    lines = [[Cell(row.name), *(cell(found[metric], metric) for metric in metrics)] for row, found in tests]
    return Table(
        f'{title}: paired tests', [Column('Method'), *(Column(f'{metric}: p [Δ]', numeric=True) for metric in metrics)],
        [Block(lines)], remarks=[
            f'Against {base.name}: p of the paired permutation test and 95 % bootstrap interval of the difference '
            'over the test images, first seed of each; 10000 resamples, not corrected for the number of tests.'])


def cross_sections(groups: Sequence[Group]) -> list[Section]:
    """Train on A, test on B: a matrix a metric and protocol, where rows were trained on more than one data set."""
    by_protocol: dict[tuple, list[Group]] = {}
    for group in groups:
        by_protocol.setdefault((group.first.protocol, group.first.protocol_sha256), []).append(group)
    tables = [table for of_protocol in by_protocol.values() if (table := _matrix(of_protocol))]
    return [Section('Train on A, test on B', [
        'A column is one test list; columns are different images, and a row is not ranked across them.'], tables)] \
        if tables else []


def _matrix(groups: Sequence[Group]) -> Table | None:
    """One block of rows a metric; methods of which only one combination is there are left out."""
    cells: dict[tuple[str, str], dict[int, Row]] = {}
    for place, group in enumerate(groups):
        for row in group.rows:
            if row.trained_on is not None:
                cells.setdefault((row.name, row.trained_on), {}).setdefault(place, row)
    several = {name for name, _ in cells if sum(len(line) for key, line in cells.items() if key[0] == name) > 1}
    cells = {key: line for key, line in cells.items() if key[0] in several}
    if len({trained_on for _, trained_on in cells}) < 2:
        return None
    notes, blocks, places = Notes(), [], range(len(groups))
    for metric in dict.fromkeys(name for group in groups for name in group.metrics):
        blocks.append(Block([[Cell(name), Cell(trained_on), *(
            _crossed(line[place], metric, notes) if place in line else Cell(DASH) for place in places)]
            for (name, trained_on), line in cells.items()], unit_of(metric)))
    named = [group.title.rsplit(', protocol', 1)[0] for group in groups]
    heads = [title if named.count(title) == 1 else group.title for title, group in zip(named, groups, strict=True)]
    columns = [Column('Method'), Column('trained on'), *(Column(head, numeric=True, falling=True) for head in heads)]
    spread = any(len(row.seeds) > 1 for line in cells.values() for row in line.values())
    return Table(f'Protocol {groups[0].first.protocol}', columns, blocks, notes.listed, [SPREAD] if spread else [])


def _crossed(row: Row, metric: str, notes: Notes) -> Cell:
    one = metric_cell(figure(row.values.get(metric, ())), metric)
    return Cell(one.text, one.sort, notes=name_cell(row, notes).notes)


def cost_sections(benchmark: Benchmark) -> list[Section]:
    """What each method costs; one line a name and config, however many lists it was tested on."""
    costs: dict[tuple[str, str], Cost] = {}
    for row in benchmark.rows:
        if row.cost is not None:
            costs.setdefault((row.name, row.config), row.cost)
    if not costs:
        return []
    columns = [Column('Method'), Column('config'), *(Column(title, numeric=True) for title in (
        'parameters, M', 'GMACs at 256', 'GMACs at 512', 'size', 'CPU, ms', 'GPU, ms', 'memory, MiB',
        'GPU memory, MiB'))]
    # Layers are counted; a formula has none, which is not to say that it costs nothing.
    lines = [[Cell(name), Cell(config), _number(cost.parameters, 1e6, 3), _number(cost.macs_256 or None, 1e9, 3),
              _number(cost.macs_512 or None, 1e9, 3), _number(cost.size, 1, 0), _times(cost.cpu_ms),
              _times(cost.gpu_ms), _number(cost.memory_mib, 1, 0), _number(cost.gpu_memory_mib, 1, 0)]
             for (name, config), cost in costs.items()]
    return [Section('Cost', tables=[Table('Cost of one image', columns, [Block(lines)], remarks=[
        'Latency is the median, in brackets percentiles 5 and 95; latency and memory are those of one image of '
        'size x size.'])])]


def _number(value: float | None, unit: float, digits: int) -> Cell:
    return Cell(DASH) if value is None else Cell(f'{value / unit:.{digits}f}', value)


def _times(times: tuple[float, float, float] | None) -> Cell:
    return Cell(DASH) if times is None else Cell(f'{times[1]:.1f} [{times[0]:.1f}, {times[2]:.1f}]', times[1])


def run_sections(benchmark: Benchmark) -> list[Section]:
    """How every row came about; rows that differ in their protocol alone are one line."""
    columns = [Column('Method'), *map(Column, (
        'config', 'trained on', 'tested on', 'list', 'seeds', 'checkpoint chosen on')),
        Column('iterations', numeric=True), *map(Column, ('threshold', 'result', 'protocols'))]
    protocols: dict[tuple[Cell, ...], list[str]] = {}
    for row in benchmark.rows:
        line = (Cell(row.name), Cell(row.config), Cell(row.trained_on or DASH), Cell(row.tested_on),
                Cell(f'{row.split}, {row.list}'), Cell(DASH if row.seeds == (None,) else ' '.join(map(str, row.seeds))),
                Cell(row.selection or DASH), _number(row.iterations, 1, 0), Cell(_rule(row.threshold)),
                Cell('done' if row.failed is None else f'failed: {row.failed}'))
        protocols.setdefault(line, []).append(row.protocol)
    lines = [[*line, Cell(', '.join(names))] for line, names in protocols.items()]
    return [Section('Runs', tables=[Table('How each row came about', columns, [Block(lines)])])]


def _rule(threshold: Mapping | None) -> str:
    return DASH if threshold is None else ', '.join(f'{key} {value}' for key, value in threshold.items())


def protocol_sections(groups: Sequence[Group], rules: Mapping[str, Mapping | None]) -> list[Section]:
    """What was counted, in full: the hash of every list, and the rules of every protocol.

    Args:
        groups: All comparable groups.
        rules: Hash to rules, None where they are not known.
    """
    columns = [Column('list'), *(Column(title, numeric=True) for title in ('images', 'targets')), Column('ids SHA-256')]
    lists = {group.list_key: group.first for group in groups if group.first.ids_sha256}
    named = dict.fromkeys((group.first.protocol, group.first.protocol_sha256) for group in groups)
    lines = [[Cell(f'{row.tested_on}, {row.split}, {row.list}'), _number(row.images, 1, 0), _number(row.targets, 1, 0),
              Cell(row.ids_sha256)] for row in lists.values()]
    laws = [[Cell(name), Cell(_law(rules.get(sha))), Cell(sha)] for name, sha in named if sha]
    tables = [Table('Test lists', columns, [Block(lines)]),
              Table('Protocols', [*map(Column, ('protocol', 'rules', 'rules SHA-256'))], [Block(laws)])]
    return [Section('What was counted', tables=tables)] if lines else []


def _law(rules: Mapping | None) -> str:
    if rules is None:
        return 'not known here: no protocol of this name and hash, and no results.json'
    return ', '.join(f'{key} {value if isinstance(value, str) else json.dumps(value)}' for key, value in rules.items())
