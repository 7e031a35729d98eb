"""Tables, sections and pictures of a report before they become Markdown, LaTeX or HTML."""

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ['Block', 'Cell', 'Column', 'Notes', 'Picture', 'Section', 'Table']


@dataclass(frozen=True)
class Cell:
    """One cell.

    Args:
        text: What stands in it.
        sort: By what its column is sorted, if not by the text; None is last.
        mark: ``best``, ``second`` or nothing.
        notes: Letters of footnotes.
    """

    text: str
    sort: float | None = None
    mark: str = ''
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column.

    Args:
        title: Its heading.
        numeric: Aligned to the right, and sorted by number.
        falling: Whether the first click sorts from the highest down.
    """

    title: str
    numeric: bool = False
    falling: bool = False


@dataclass(frozen=True)
class Block:
    """Rows that belong together and are sorted among themselves, under a heading of their own."""

    rows: Sequence[Sequence[Cell]]
    heading: str = ''


@dataclass(frozen=True)
class Table:
    """One table.

    Args:
        title: Its caption.
        columns: From left to right; the first names the row.
        blocks: From top to bottom.
        notes: Letter and text of the footnotes.
        remarks: Sentences below.
    """

    title: str
    columns: Sequence[Column]
    blocks: Sequence[Block]
    notes: Sequence[tuple[str, str]] = ()
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Picture:
    """A picture of the HTML page or of a document.

    Args:
        title: Below it.
        png: The file's bytes.
    """

    title: str
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class Section:
    """Part of a report.

    Args:
        title: Its heading.
        paragraphs: Sentences below.
        tables: Its tables.
        pictures: Its pictures.
    """

    title: str
    paragraphs: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()


class Notes:
    """Footnotes of one table: equal texts share a letter.

    Example:
        >>> notes = Notes()
        >>> notes.mark(['text given at test']), notes.mark(['failed: x', 'text given at test']), notes.listed
        (('a',), ('b', 'a'), [('a', 'text given at test'), ('b', 'failed: x')])
    """

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def mark(self, texts: Sequence[str]) -> tuple[str, ...]:
        """The letters of some texts."""
        return tuple(self._letters.setdefault(text, _letter(len(self._letters))) for text in texts)

    @property
    def listed(self) -> list[tuple[str, str]]:
        """Letter and text of all so far."""
        return [(letter, text) for text, letter in self._letters.items()]


def _letter(number: int) -> str:
    more, last = divmod(number, 26)
    return (_letter(more - 1) if more else '') + chr(ord('a') + last)
