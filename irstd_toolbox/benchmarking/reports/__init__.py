"""Reports of a benchmark: ``benchmark.json`` as Markdown, CSV, LaTeX and one self-contained HTML page."""

from .writing import write_reports

__all__ = ['write_reports']
