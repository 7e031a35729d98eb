"""Reports of a benchmark: ``benchmark.json`` as Markdown, CSV, LaTeX and one self-contained HTML page."""

from .writing import document_section, write_reports

__all__ = ['document_section', 'write_reports']
