"""An audit for people, as tables and lists, and for programs, as JSON."""

import json
import math
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from irstd_toolbox.diagnosis.audit import Audit
from irstd_toolbox.diagnosis.findings import KINDS, Finding

__all__ = ['MOST_ITEMS', 'report', 'to_json', 'verdict']

MOST_ITEMS = 100
"""Items of a finding that the report names; JSON has all."""

_SCALE = {'area': ('area, pixels', 1, 0), 'share': ('share of the image, %', 100, 4), 'contrast': ('contrast', 1, 3),
          'snr': ('SNR', 1, 2)}
_SHORT, _WIDTH = 48, 118
_FIGURES = ('minimum', 'p5', 'median', 'p95', 'maximum')


def report(audit: Audit) -> Iterator[RenderableType]:
    """What to print, part by part: layout, splits, findings, their items, targets, verdict."""
    yield Text(audit.layout.describe())
    yield _split_table(audit)
    if audit.findings:
        yield _finding_table(audit.findings)
        for one in audit.findings:
            yield Text(f'{one.kind} ({len(one.items)})', style='bold')
            yield Text(_named(one))
    if audit.targets:
        yield _target_table(audit)
    yield Text(verdict(audit))


def verdict(audit: Audit) -> str:
    """The last line of the report."""
    notes = len(audit.findings) - len(audit.defects)
    if not audit.defects:
        return f'clean: no defects; notes: {notes}.'
    mended = sum(KINDS[one.kind].mended for one in audit.defects)
    return f'kinds of defects: {len(audit.defects)}, of which --fix OUT mends {mended}; notes: {notes}.'


def to_json(audit: Audit) -> str:
    """All of an audit; infinite values become null.

    ``layout``: what was detected; ``splits``: figures and verdict of every image (``all``) and each split;
    ``findings``: kind, meaning, whether it is a defect and mended by a copy, all items; ``statistics``: quantiles and
    histograms; ``targets``: every target.
    """
    layout = audit.layout
    content = {
        'dataset': layout.name, 'root': str(layout.root),
        'layout': {'id': layout.layout, 'title': layout.title, 'notes': list(layout.notes)},
        'clean': not audit.defects,
        'splits': [asdict(one) for one in audit.splits],
        'findings': [{'kind': one.kind, **asdict(KINDS[one.kind]), 'items': list(one.items)} for one in audit.findings],
        'statistics': audit.statistics,
        'targets': [asdict(target) for target in audit.targets]}
    return json.dumps(_plain(content), indent=1, allow_nan=False) + '\n'


def _split_table(audit: Audit) -> Table:
    table = Table(title='splits', title_justify='left', caption_justify='left', caption=(
        'mean, std: of grey levels, image by image; known: against the figures of a complete copy'))
    table.add_column('split', no_wrap=True)
    for heading in ('images', 'targets', 'target pixels', 'without target', 'mean', 'std'):
        table.add_column(heading, justify='right')
    table.add_column('known')
    for one in audit.splits:
        table.add_row(one.name, *map(str, (one.images, one.targets, one.foreground, one.empty)),
                      *('–' if level is None else f'{level:.3f}' for level in (one.mean, one.std)), one.verdict)
    return table


def _finding_table(findings: Iterable[Finding]) -> Table:
    table = Table(title='findings', title_justify='left')
    table.add_column('weight', no_wrap=True)
    table.add_column('kind', no_wrap=True)
    table.add_column('number', justify='right', no_wrap=True)
    table.add_column('what')
    table.add_column('--fix')
    for one in findings:
        kind = KINDS[one.kind]
        table.add_row('defect' if kind.defect else 'note', one.kind, str(len(one.items)), kind.meaning,
                      'mends' if kind.mended else '')
    return table


def _target_table(audit: Audit) -> Table:
    spie = audit.statistics['spie']
    table = Table(title=f'{spie["targets"]} targets', title_justify='left', caption_justify='left', caption=(
        f'SPIE: {spie["all_bounds"]} of {spie["targets"]} stay below all three bounds; '
        f'{spie["below_80_of_256x256"]} below 80 of 256x256 pixels (0.122 %)'))
    table.add_column('', no_wrap=True)
    for heading in (*_FIGURES, 'bound', 'below it'):
        table.add_column(heading, justify='right', no_wrap=True)
    for key, (title, scale, digits) in _SCALE.items():
        figures = audit.statistics[key]
        cells = ['–' if figures[name] is None else f'{figures[name] * scale:.{digits}f}' for name in _FIGURES]
        bound = [f'{figures["bound"] * scale:g}', f'{figures["below_bound"]} of {spie["targets"]}'] \
            if 'bound' in figures else ['', '']
        table.add_row(title, *cells, *bound)
    return table


def _named(one: Finding) -> str:
    """The items: sentences one a line, ids and names in running text."""
    shown, more = one.items[:MOST_ITEMS], len(one.items) - MOST_ITEMS
    rest = [f'and {more} more (--json has all)'] if more > 0 else []
    if any(len(item) > _SHORT for item in shown):
        return '\n'.join(f'  {item}' for item in (*shown, *rest))
    return textwrap.fill(', '.join((*shown, *rest)), _WIDTH, initial_indent='  ', subsequent_indent='  ',
                         break_long_words=False, break_on_hyphens=False)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
