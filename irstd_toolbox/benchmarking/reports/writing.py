"""From ``benchmark.json`` to reports: Markdown, CSV, LaTeX and one HTML page."""

from pathlib import Path

from irstd_toolbox.evaluation.files import write_atomically

from . import latex, markdown, page, spreadsheet
from .benchmark_file import Benchmark, read_benchmark
from .evidence import compare_ablations, gather, protocol_of
from .grouping import Group, groups_of
from .machine import describe_machine
from .other_tables import ablation_sections, cost_sections, cross_sections, protocol_sections, run_sections
from .pictures import picture_sections
from .result_tables import result_sections, stray_references
from .tables import Section

__all__ = ['document_section', 'write_reports']


def write_reports(folder: str | Path, *, figures: bool = True) -> list[Path]:
    """Write ``report.md``, ``report.csv``, ``report.tex`` and ``report.html`` beside ``benchmark.json``.

    Args:
        folder: The benchmark's.
        figures: Whether the rows' predictions are read, for curves, pictures and the paired tests of ablations.

    Returns:
        The files, each there whole or as it was before.

    Raises:
        DataError: If the file is missing or a field is not as expected; the message names the field.
    """
    folder = Path(folder)
    benchmark = read_benchmark(folder)
    groups = groups_of(benchmark.rows)
    gathered = gather(groups, folder) if figures else {}
    sections = _tables(benchmark, groups, compare_ablations(groups, gathered))
    pictures = picture_sections(gathered)
    rules = {group.first.protocol_sha256: protocol.rules() if (protocol := protocol_of(group.first, folder)) else None
             for group in groups}
    last = [*run_sections(benchmark), *protocol_sections(groups, rules)]
    texts = {
        'report.md': markdown.report(benchmark, [*sections, *last]), 'report.csv': spreadsheet.report(benchmark),
        'report.tex': latex.report(benchmark, sections),
        'report.html': page.report(benchmark, [*sections, *pictures, *last])}
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in texts]


def document_section(folder: str | Path) -> str:
    """The tables of a benchmark as Markdown for ``docs/results.md``: no pictures, no paths of a machine.

    Predictions are not read, so paired tests are left to ``tools/compare.py``.

    Raises:
        DataError: As :func:`write_reports`.
    """
    benchmark = read_benchmark(folder)
    groups = groups_of(benchmark.rows)
    sections = _tables(benchmark, groups, {})
    return f'{markdown.escape(describe_machine(benchmark))}\n\n{markdown.sections_text(sections, 3)}\n'


def _tables(benchmark: Benchmark, groups: list[Group], compared: dict) -> list[Section]:
    return [*result_sections(benchmark, groups), *stray_references(benchmark),
            *ablation_sections(groups, compared), *cross_sections(groups), *cost_sections(benchmark)]
