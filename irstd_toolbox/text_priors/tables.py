"""Plain-text tables for reports."""

from collections.abc import Sequence

__all__ = ['render']


def render(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns of equal width, the first to the left and the others to the right.

    Example:
        >>> print(render(['split', 'left'], [['trainval', 12], ['test', 3]]))
        split     left
        trainval    12
        test         3
    """
    lines = [[str(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return '\n'.join('  '.join(
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip() for line in lines)
