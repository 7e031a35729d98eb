"""Generated tables inside Markdown files."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError
from .files import write_atomically

__all__ = ['find_section', 'replace_section']


def find_section(path: Path, name: str) -> tuple[str, str]:
    """What stands before and after the section between the lines ``<!-- name -->`` and ``<!-- /name -->`` of a file.

    Args:
        path: A Markdown file.
        name: Of the section.

    Raises:
        DataError: If the file is missing or does not hold the two lines, in this order.
    """
    begin, end = f'<!-- {name} -->\n', f'<!-- /{name} -->'
    if not path.is_file():
        raise DataError(f'{path} does not exist. Make it, with the lines {begin.strip()} and {end} where the table '
                        'belongs.')
    head, found, rest = path.read_text(encoding='utf-8').partition(begin)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise DataError(f'{path} has no section {name!r}. Write the lines {begin.strip()} and {end} where the table '
                        'belongs.')
    return head + begin, end + tail


def replace_section(path: Path, name: str, command: Sequence[str], text: str) -> None:
    """Put a command and what it gave into the section of a file.

    Args:
        path: A Markdown file.
        name: Of the section.
        command: The words after ``python``.
        text: The new content below the command.

    Raises:
        DataError: As :func:`find_section`.
    """
    head, tail = find_section(path, name)
    section = f'```bash\n{shlex.join(["python", *command])}\n```\n\n{text.strip()}'
    write_atomically(path, f'{head}{section}\n{tail}'.encode())
