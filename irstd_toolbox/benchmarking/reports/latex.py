r"""A report as LaTeX: a document that compiles by itself, whose tables can be copied or taken over one by one."""

import re
import shlex
from collections.abc import Sequence

from .benchmark_file import Benchmark
from .machine import describe_machine
from .tables import Cell, Section, Table

__all__ = ['escape', 'report']

_SPECIAL = {
    '\\': r'\textbackslash{}', '&': r'\&', '%': r'\%', '$': r'\$', '#': r'\#', '_': r'\_', '{': r'\{', '}': r'\}',
    '~': r'\textasciitilde{}', '^': r'\textasciicircum{}', '<': r'\textless{}', '>': r'\textgreater{}',
    '|': r'\textbar{}', '`': r'\textasciigrave{}', '"': r'\textquotedbl{}', "'": r'\textquotesingle{}',
    '[': '{[}', ']': '{]}', '*': '{*}', '–': '--',
    '—': '---', '±': r'$\pm$', '×': r'$\times$', 'Δ': r'$\Delta$', '→': r'$\rightarrow$', '≤': r'$\leq$',
    '≥': r'$\geq$', 'µ': r'$\mu$'}
_MARKS = {'best': r'\textbf{{{}}}', 'second': r'\underline{{{}}}', '': '{}'}
# Two hyphens of an option would become a dash, two commas a quote.
_BETWEEN_TWINS = re.compile('(?<=-)(?=-)|(?<=,)(?=,)')
# What does not fit is made smaller: a table and its notes by the height of a page, of which a caption and a heading
# take a fifth; a table by the width of a line.
_LOW = r'\resizebox*{!}{\ifdim\totalheight>.8\textheight .8\textheight\else\totalheight\fi}{%' '\n' \
       r'\begin{minipage}{\linewidth}\centering'
_NARROW = r'\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%'
_HEAD = r"""% Tables below can be copied; they need booktabs and graphicx.
% Names in other than Latin letters need LuaLaTeX or XeLaTeX and a font that has them.
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{textcomp}
\usepackage[landscape,margin=15mm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}"""


def report(benchmark: Benchmark, sections: Sequence[Section]) -> str:
    """The whole file."""
    command = escape(shlex.join(['python', *benchmark.command]))
    parts = [_HEAD, rf'\section*{{{escape(benchmark.title)}}}',
             rf'\noindent {escape(describe_machine(benchmark))}\par'
             '\n' rf'\noindent\texttt{{{command}}}\par']
    for section in sections:
        if section.tables:
            parts.append(rf'\subsection*{{{escape(section.title)}}}')
            parts += [rf'\noindent {escape(text)}\par' for text in section.paragraphs]
            parts += map(_table, section.tables)
            parts.append(r'\clearpage')
    return '\n\n'.join([*parts, r'\end{document}']) + '\n'


def escape(text: str) -> str:
    r"""A text that LaTeX prints as it is.

    Example:
        >>> print(escape('50% of a_b & {c}'))
        50\% of a\_b \& \{c\}
        >>> escape('--seeds 0–2'), escape('')
        ('-{}-seeds 0--2', '')
    """
    parts = _BETWEEN_TWINS.split(' '.join(text.split()))
    return '{}'.join(''.join(_SPECIAL.get(letter, letter) for letter in part) for part in parts)


def _table(table: Table) -> str:
    count = len(table.columns)
    lines = [r'\begin{table}[!htbp]', r'\centering', rf'\caption{{{escape(table.title)}}}', _LOW, _NARROW,
             rf'\begin{{tabular}}{{{"".join("r" if column.numeric else "l" for column in table.columns)}}}',
             r'\toprule', _line(escape(column.title) for column in table.columns)]
    for block in table.blocks:
        lines.append(r'\midrule')
        if block.heading:
            lines.append(rf'\multicolumn{{{count}}}{{l}}{{\emph{{{escape(block.heading)}}}}} \\')
        lines += [_line(map(_cell, row)) for row in block.rows]
    lines += [r'\bottomrule', r'\end{tabular}}']
    below = [rf'\textsuperscript{{{letter}}} {escape(text)}.' for letter, text in table.notes]
    below += map(escape, table.remarks)
    if below:
        # Ragged: else names of files would be hyphenated.
        lines += [r'\par\smallskip', rf'\parbox{{\linewidth}}{{\footnotesize\raggedright {" ".join(below)}}}']
    return '\n'.join([*lines, r'\end{minipage}}', r'\end{table}'])


def _line(cells: object) -> str:
    return ' & '.join(cells) + r' \\'


def _cell(cell: Cell) -> str:
    notes = rf'\textsuperscript{{{",".join(cell.notes)}}}' if cell.notes else ''
    return _MARKS[cell.mark].format(escape(cell.text)) + notes
