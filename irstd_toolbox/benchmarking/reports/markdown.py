"""A report as Markdown."""

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote

from .benchmark_file import Benchmark
from .machine import describe_machine
from .tables import Cell, Picture, Section, Table

__all__ = ['escape', 'line', 'report', 'sections_text']

_MARKS = {'best': '**{}**', 'second': '<ins>{}</ins>', '': '{}'}


def report(benchmark: Benchmark, sections: Sequence[Section]) -> str:
    """The whole file."""
    head = [f'# {escape(benchmark.title)}', f'```bash\n{shlex.join(["python", *benchmark.command])}\n```',
            escape(describe_machine(benchmark))]
    return '\n\n'.join([*head, sections_text(sections, 2)]) + '\n'


def sections_text(sections: Sequence[Section], level: int, place: Callable[[Picture], str] | None = None) -> str:
    """Sections under headings of a level.

    Args:
        sections: What to write.
        level: Of the headings.
        place: Puts a picture somewhere and says where, as the text links it; without it pictures are left out.
    """
    parts = []
    for section in sections:
        parts.append(f'{"#" * level} {escape(section.title)}')
        parts += map(escape, section.paragraphs)
        for table in section.tables:
            if table.title != section.title:
                parts.append(f'**{escape(table.title)}**')
            parts.append(_table(table))
            # Two spaces break a line inside a paragraph.
            parts.append('  \n'.join(f'<sup>{letter}</sup> {escape(text)}' for letter, text in table.notes))
            parts += map(escape, table.remarks)
        if place:
            parts += [f'![{escape(picture.title)}]({quote(place(picture))})' for picture in section.pictures]
    return '\n\n'.join(part for part in parts if part)


def escape(text: str) -> str:
    r"""A text that Markdown and its HTML leave as it is, on one line.

    Example:
        >>> escape('a|b_c <script>')
        'a\\|b\\_c &lt;script>'
    """
    text = ' '.join(text.replace('&', '&amp;').split())
    return re.sub(r'([\\`*_\[\]|#~$])', r'\\\1', text).replace('<', '&lt;')


def _table(table: Table) -> str:
    lines = [line(escape(column.title) for column in table.columns),
             line('---:' if column.numeric else '---' for column in table.columns)]
    for block in table.blocks:
        if block.heading:
            lines.append(line([f'*{escape(block.heading)}*', *[''] * (len(table.columns) - 1)]))
        lines += [line(map(_cell, row)) for row in block.rows]
    return '\n'.join(lines)


def line(cells: Iterable[str]) -> str:
    """A row of a table."""
    return f'| {" | ".join(cells)} |'


def _cell(cell: Cell) -> str:
    notes = f' <sup>{" ".join(cell.notes)}</sup>' if cell.notes else ''
    return _MARKS[cell.mark].format(escape(cell.text)) + notes
