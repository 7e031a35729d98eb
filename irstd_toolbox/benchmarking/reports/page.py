"""A report as one HTML page that holds everything it shows and asks no other machine for anything."""

import base64
import shlex
from collections.abc import Iterator, Sequence
from html import escape

from .benchmark_file import Benchmark
from .machine import describe_machine
from .page_parts import POLICY, SCRIPT, STYLE
from .tables import Block, Cell, Column, Section, Table

__all__ = ['report']

_MARKS = {'best': '<strong>{}</strong>', 'second': '<u>{}</u>', '': '{}'}


def report(benchmark: Benchmark, sections: Sequence[Section]) -> str:
    """The whole page: readable without its script, which sorts tables by a column."""
    title = escape(benchmark.title)
    failed = sum(row.failed is not None for row in benchmark.rows)
    count = f'{len(benchmark.rows)} rows' + (f', {failed} of them failed' if failed else '')
    links = ''.join(f'<li><a href="#s{number}">{escape(section.title)}</a></li>'
                    for number, section in enumerate(sections))
    body = '\n'.join(_section(number, section) for number, section in enumerate(sections))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title}</title>
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{count}. {escape(describe_machine(benchmark))}</p>
<pre tabindex="0">{escape(shlex.join(['python', *benchmark.command]))}</pre>
<nav aria-label="Contents"><ul>{links}</ul></nav>
</header>
<main>
{body}
</main>
<script>
{SCRIPT}</script>
</body>
</html>
"""


def _section(number: int, section: Section) -> str:
    parts = [f'<section id="s{number}">', f'<h2>{escape(section.title)}</h2>']
    parts += [f'<p>{escape(text)}</p>' for text in section.paragraphs]
    for table in section.tables:
        parts += _table(table, '' if table.title == section.title else f'<caption>{escape(table.title)}</caption>')
    if section.pictures:
        parts.append('<div class="pictures">')
        for picture in section.pictures:
            data, title = base64.b64encode(picture.png).decode(), escape(picture.title)
            parts.append(f'<figure><img alt="{title}" src="data:image/png;base64,{data}">'
                         f'<figcaption>{title}</figcaption></figure>')
        parts.append('</div>')
    return '\n'.join([*parts, '</section>'])


def _table(table: Table, caption: str) -> Iterator[str]:
    yield f'<div class="scroll" role="region" aria-label="{escape(table.title)}" tabindex="0">'
    yield '<table>'
    yield f'{caption}<thead><tr>{"".join(map(_heading, table.columns))}</tr></thead>'
    for block in table.blocks:
        yield from _block(block, table.columns)
    yield '</table></div>'
    if table.notes:
        yield '<ul class="notes">'
        yield from (f'<li><sup>{letter}</sup> {escape(text)}</li>' for letter, text in table.notes)
        yield '</ul>'
    yield from (f'<p class="remark">{escape(text)}</p>' for text in table.remarks)


def _heading(column: Column) -> str:
    first = 'descending' if column.falling else 'ascending'
    return f'<th scope="col" data-first="{first}"{_kind(column)}>{escape(column.title)}</th>'


def _kind(column: Column) -> str:
    return ' class="number"' if column.numeric else ''


def _block(block: Block, columns: Sequence[Column]) -> Iterator[str]:
    yield '<tbody>'
    if block.heading:
        yield (f'<tr class="heading"><th scope="rowgroup" colspan="{len(columns)}">{escape(block.heading)}</th></tr>')
    for row in block.rows:
        cells = ''.join(_cell(cell, column, place == 0)
                        for place, (cell, column) in enumerate(zip(row, columns, strict=True)))
        yield f'<tr>{cells}</tr>'
    yield '</tbody>'


def _cell(cell: Cell, column: Column, names_row: bool) -> str:
    notes = f' <sup>{" ".join(cell.notes)}</sup>' if cell.notes else ''
    text = _MARKS[cell.mark].format(escape(cell.text).replace('/', '/<wbr>')) + notes  # where paths may be broken
    key = ''
    if column.numeric:
        key = f' data-sort="{"" if cell.sort is None else repr(float(cell.sort))}"'
    tag, scope = ('th', ' scope="row"') if names_row else ('td', '')
    return f'<{tag}{scope}{_kind(column)}{key}>{text}</{tag}>'
