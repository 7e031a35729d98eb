"""A report as CSV: a line a row, with every figure as exactly as a float64 prints."""

import csv
import io
import json

from .benchmark_file import Benchmark, Cost, Reference, Row
from .grouping import cautions, is_fair
from .seeds import figure

__all__ = ['report']

_TEXTS = ('name', 'group', 'config', 'trained_on', 'tested_on', 'split', 'list', 'leaked', 'protocol',
          'protocol_sha256', 'ids_sha256', 'images', 'targets', 'selection', 'trained_before', 'text_at_test',
          'oracle_threshold', 'iterations')
_COST = ('parameters', 'macs_256', 'macs_512', 'size')


def report(benchmark: Benchmark) -> str:
    """The whole file; fractions, undefined values empty (``nan`` within a list), published figures at the end."""
    metrics = list(dict.fromkeys(
        name for one in (*benchmark.rows, *benchmark.references) for name in one.values))
    lines = [_ours(row) for row in benchmark.rows] + [_theirs(one) for one in benchmark.references]
    figures = [f'{metric}_{what}' for metric in metrics for what in ('mean', 'std', 'n', 'values')]
    times = [f'{device}_ms_{part}' for device in ('cpu', 'gpu') for part in ('p5', 'p50', 'p95')]
    columns = ['kind', *_TEXTS, 'threshold', 'fair', 'cautions', 'failed', 'source', 'seeds', *figures,
               *(f'cost_{name}' for name in (*_COST, *times, 'memory_mib', 'gpu_memory_mib'))]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval='', lineterminator='\n')
    writer.writeheader()
    writer.writerows({key: _plain(value) for key, value in line.items()} for line in lines)
    return text.getvalue()


def _ours(row: Row) -> dict[str, object]:
    line = {'kind': 'row', **{name: getattr(row, name) for name in _TEXTS}, 'fair': is_fair(row),
            'cautions': '; '.join(cautions(row)), 'failed': row.failed,
            'threshold': None if row.threshold is None else json.dumps(dict(row.threshold)),
            'seeds': ' '.join(str(seed) for seed in row.seeds if seed is not None)}
    for metric, values in row.values.items():
        line |= _figures(metric, values)
    return line | (_cost(row.cost) if row.cost else {})


def _theirs(one: Reference) -> dict[str, object]:
    line = {'kind': 'published', 'name': one.name, 'tested_on': one.dataset, 'protocol': one.protocol,
            'source': one.source, 'fair': False}
    for metric, value in one.values.items():
        line |= _figures(metric, (value,))
    return line


def _figures(metric: str, values: tuple) -> dict[str, object]:
    one = figure(values)
    listed = ' '.join('nan' if value is None else repr(float(value)) for value in values)
    return {f'{metric}_mean': one.mean, f'{metric}_std': one.std, f'{metric}_n': one.n, f'{metric}_values': listed}


def _cost(cost: Cost) -> dict[str, object]:
    found = {f'cost_{name}': getattr(cost, name) for name in (*_COST, 'memory_mib', 'gpu_memory_mib')}
    for device, times in (('cpu', cost.cpu_ms), ('gpu', cost.gpu_ms)):
        found |= {f'cost_{device}_ms_{part}': value
                  for part, value in zip(('p5', 'p50', 'p95'), times or (), strict=False)}
    return found


def _plain(value: object) -> object:
    if value is None:
        return ''
    if isinstance(value, bool):
        return int(value)
    return repr(value) if isinstance(value, float) else value
