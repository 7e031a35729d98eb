"""From ``benchmark.json`` to reports: Markdown, CSV, LaTeX and one HTML page."""

import re
from pathlib import Path

from irstd_toolbox.evaluation.files import write_atomically
from irstd_toolbox.evaluation.sections import find_section, replace_section

from . import latex, markdown, page, spreadsheet
from .benchmark_file import Benchmark, read_benchmark
from .evidence import compare_ablations, gather, protocol_of
from .grouping import Group, groups_of
from .machine import describe_machine
from .other_tables import ablation_sections, cost_sections, cross_sections, protocol_sections, run_sections
from .pictures import curve_sections, draw_curves, picture_sections
from .result_tables import result_sections, stray_references
from .tables import Picture, Section

__all__ = ['write_reports']


def write_reports(folder: str | Path, *, figures: bool = True, document: Path | None = None,
                  section: str = 'benchmark') -> list[Path]:
    """Write ``report.md``, ``report.csv``, ``report.tex`` and ``report.html`` beside ``benchmark.json``.

    Args:
        folder: The benchmark's.
        figures: Whether the rows' predictions are read, for curves, pictures and the paired tests of ablations.
        document: A Markdown file that takes over tables, the command and, as files of ``images/`` beside it, curves; no
            paired tests, no path of this machine.
        section: Where in the document: see :func:`.sections.replace_section`.

    Returns:
        The files, each there whole or as it was before.

    Raises:
        DataError: If the file is missing, a field is not as expected (the message names it), or the document lacks the
            section.
    """
    if document:
        find_section(document, section)
    folder = Path(folder)
    benchmark = read_benchmark(folder)
    groups = groups_of(benchmark.rows)
    gathered = gather(groups, folder) if figures else {}
    sections = _tables(benchmark, groups, compare_ablations(groups, gathered))
    curves = draw_curves(gathered)
    pictures = picture_sections(gathered, curves)
    rules = {group.first.protocol_sha256: protocol.rules() if (protocol := protocol_of(group.first, folder)) else None
             for group in groups}
    last = [*run_sections(benchmark), *protocol_sections(groups, rules)]
    texts = {
        'report.md': markdown.report(benchmark, [*sections, *last]), 'report.csv': spreadsheet.report(benchmark),
        'report.tex': latex.report(benchmark, sections),
        'report.html': page.report(benchmark, [*sections, *pictures, *last])}
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    written = [folder / name for name in texts]
    if document:
        told = [*_tables(benchmark, groups, {}), *curve_sections(gathered, curves)]
        written += _write_document(document, section, benchmark, told)
    return written


def _write_document(document: Path, name: str, benchmark: Benchmark, sections: list[Section]) -> list[Path]:
    """The section of a document, and its pictures: ``images/NAME--1--pd_over_fa.png`` and so on."""
    images, pictures = document.parent / 'images', {}

    def place(picture: Picture) -> str:
        file = f'{name}--{len(pictures) + 1}--{re.sub("[^a-z0-9]+", "_", picture.title.lower())}.png'
        pictures[images / file] = picture.png
        return f'images/{file}'

    text = f'{markdown.escape(describe_machine(benchmark))}\n\n{markdown.sections_text(sections, 3, place)}\n'
    for path, png in pictures.items():
        write_atomically(path, png)
    replace_section(document, name, benchmark.command, text)
    own = re.compile(rf'{re.escape(name)}--\d+--\w+\.png')
    for path in images.glob('*.png'):
        if own.fullmatch(path.name) and path not in pictures:
            path.unlink()
    return [document, *pictures]


def _tables(benchmark: Benchmark, groups: list[Group], compared: dict) -> list[Section]:
    return [*result_sections(benchmark, groups), *stray_references(benchmark),
            *ablation_sections(groups, compared), *cross_sections(groups), *cost_sections(benchmark)]
