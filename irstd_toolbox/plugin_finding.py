"""Where plugins are found: in this package, in installed distributions, in folders. Nothing is imported by finding."""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from irstd_toolbox.errors import PluginError

__all__ = ['BUILT_IN', 'Found', 'Plugin', 'any_but_ours', 'blocked', 'built_in', 'in_folder', 'installed', 'lasting']

GROUP = 'irstd_toolbox'
BUILT_IN = {name: f'irstd_toolbox.text_priors.providers.{name}' for name in ('anthropic', 'hf_local', 'openai')}
"""Our own modules that come in by the door of everybody's, by their names as plugins."""
Found = tuple['Plugin', Callable[[], object]]
# Files beside a plugin that are none: a copy-me package brings its own test.
_BESIDE = re.compile(r'_.*|test_.*|conftest|setup')


@dataclass(frozen=True)
class Plugin:
    """One plugin that was found, and what became of it.

    Args:
        name: The entry point's name, or the file's without its suffix.
        source: The folder it was found in, ``entry point`` or ``built in``.
        distribution: The installed distribution that brought it, None for a folder's.
        version: That distribution's version.
        registered: What it added, as ``slot: name``.
        reason: Why it was not loaded, in one line; None if it was.
    """

    name: str
    source: str
    distribution: str | None = None
    version: str | None = None
    registered: tuple[str, ...] = ()
    reason: str | None = None

    def __str__(self) -> str:
        origin = f'{self.distribution} {self.version}' if self.distribution else self.source
        return f'plugin {self.name!r} ({origin})'


def blocked() -> set[str]:
    """The names in ``IRSTD_DISABLE_PLUGINS``."""
    return {word.strip() for word in os.environ.get('IRSTD_DISABLE_PLUGINS', '').split(',') if word.strip()}


def lasting() -> list[str]:
    """The folders in ``IRSTD_PLUGINS``."""
    return [folder for folder in os.environ.get('IRSTD_PLUGINS', '').split(os.pathsep) if folder]


def any_but_ours(folders: Sequence[str]) -> bool:
    """Whether there is a plugin to load beside this package's own, in ``folders`` or by what lasts."""
    return bool(folders) or ('all' not in blocked() and bool(lasting() or installed()))


def built_in() -> list[Found]:
    """Our own."""
    return [(Plugin(name, 'built in'), partial(importlib.import_module, module)) for name, module in BUILT_IN.items()]


def installed() -> list[Found]:
    """What installed distributions announce, sorted; one with damaged metadata does not hide the others."""
    found: dict[tuple[str, str], Found] = {}
    for distribution in importlib.metadata.distributions():
        place = str(getattr(distribution, '_path', distribution))
        try:
            for point in distribution.entry_points:
                if point.group == GROUP:
                    name = distribution.metadata['Name'] or place
                    plugin = Plugin(point.name, 'entry point', name, distribution.version)
                    found.setdefault((re.sub(r'[-_.]+', '-', name).lower(), point.name), (plugin, point.load))
        except Exception as error:  # others' files: the standard library raises whatever comes
            if _mentions_us(distribution):
                found[place, ''] = Plugin('entry_points.txt', place), _failing(
                    f'the metadata cannot be read ({type(error).__name__}: {error}); reinstall the distribution')
    return [found[key] for key in sorted(found)]


def _mentions_us(distribution: importlib.metadata.Distribution) -> bool:
    """Whether damaged metadata was meant for this package."""
    with contextlib.suppress(OSError, UnicodeError):
        return f'[{GROUP}]' in (distribution.read_text('entry_points.txt') or '')
    return False


def in_folder(path: str | os.PathLike, origin: str) -> Iterator[Found]:
    """The plugins of a folder; finding none in a folder that was named is a failure of its own."""
    folder, empty = Path(path).expanduser().resolve(), True
    if not folder.is_dir():
        raise PluginError(f'no plugin folder at {path} (named by {origin}): expected an existing folder that '
                          'holds NAME.py or NAME/__init__.py; correct the path')
    for entry in sorted(folder.iterdir()):
        file = entry / '__init__.py' if entry.is_dir() else entry
        name = entry.name.removesuffix('.py')
        if file.suffix == '.py' and file.is_file() and not _BESIDE.fullmatch(name):
            empty = False
            yield Plugin(name, str(folder)), partial(_import_file, name, file, folder)
    if empty:
        yield Plugin(folder.name, str(folder)), _failing('the folder holds neither NAME.py nor NAME/__init__.py')


def _failing(reason: str) -> Callable[[], object]:
    """The loader of what was found and cannot be loaded."""
    def load() -> object:
        raise PluginError(reason)
    return load


def _import_file(name: str, file: Path, folder: Path) -> object:
    """Import ``file`` under its plain name, so that a worker process can import it by that name too."""
    if not name.isidentifier():
        raise PluginError(f'{file.name} cannot be imported: expected a name of letters, digits and _; rename it')
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last, so that nothing of the folder hides an installed module
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(name)
    if spec is None or Path(spec.origin or '').resolve() != file.resolve():
        raise PluginError(f'the module name {name!r} belongs to {spec and spec.origin}; rename {file}')
    return importlib.import_module(name)
