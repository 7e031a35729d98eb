"""What a machine without a network must have already: what the toolbox and the carried wheels need and do not bring."""

import importlib.metadata
import zipfile
from collections.abc import Iterable
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from irstd_toolbox.errors import ConfigError

__all__ = ['needed']


def needed(wheels: Iterable[Path]) -> list[str]:
    """Names of distributions that have to be there, in alphabetical order.

    Args:
        wheels: What is carried.

    Raises:
        ConfigError: If a wheel cannot be read.

    Note:
        Markers are judged by this machine's Python, and extras are left out. What a needed distribution itself needs
        is not looked at: a machine that has it has that too.
    """
    carried, told = set(), importlib.metadata.requires('irstd_toolbox') or []
    for path in wheels:
        try:
            with zipfile.ZipFile(path) as file:
                place = next(name for name in file.namelist() if name.endswith('.dist-info/METADATA'))
                about = HeaderParser().parsestr(file.read(place).decode())
            carried.add(canonicalize_name(about['Name']))
            told += about.get_all('Requires-Dist', [])
        except (OSError, zipfile.BadZipFile, StopIteration, TypeError, UnicodeDecodeError) as error:
            why = str(error) or 'no METADATA'
            raise ConfigError(f'{path} cannot be read as a wheel ({why}). Download it again.') from None
    return sorted({name for name in map(_asked, told) if name} - carried)


def _asked(line: str) -> str | None:
    """The name that a line of requirements asks for here; None if it asks for nothing."""
    try:
        one = Requirement(line)
    except InvalidRequirement:
        return None
    return canonicalize_name(one.name) if one.marker is None or one.marker.evaluate({'extra': ''}) else None
