"""Plugins: what an installed distribution, or a folder that is named, adds to the registries.

A plugin is a module that implements one or more of the five hooks below::

    from irstd_toolbox import hookimpl

    @hookimpl
    def register_text_prior_providers(register):
        register(MyProvider, name='mine')

It is found as an entry point of the group ``irstd_toolbox`` of any installed distribution, or as
``NAME.py`` or ``NAME/__init__.py`` in a folder that ``--plugins DIR`` or ``IRSTD_PLUGINS=DIR[:DIR]``
names; never in the current folder by itself. The providers that ask vision-language models
(``openai``, ``anthropic``, ``hf_local``) are plugins of our own, always there, and import no SDK by
being loaded. ``IRSTD_DISABLE_PLUGINS=NAME,...`` blocks plugins by their own name or their
distribution's, ``all`` blocks all but ours and those in folders that the call itself names.

:func:`load_plugins` is the only thing that imports a plugin: ``import irstd_toolbox`` and the
registries never do. Each tool with ``--plugins`` calls it before it builds anything, and so does a script. A worker
process needs no call for what its parent built: forked or spawned, it unpickles a plugin's objects by
their module, because a plugin's folder is on ``sys.path``. A spawned process that itself builds *by
name* starts with empty registries and calls :func:`load_plugins` again.
"""

import importlib
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import pluggy

from irstd_toolbox.errors import PluginError, UserError
from irstd_toolbox.plugin_finding import GROUP, Found, Plugin, blocked, built_in, in_folder, installed, lasting
from irstd_toolbox.registry import BACKBONES, FUSION_BLOCKS, METRICS, TEXT_PRIOR_PROVIDERS, Registry

__all__ = [
    'Plugin', 'PluginReport', 'load_plugins',
    'register_backbones', 'register_fusion_blocks', 'register_metrics', 'register_protocols',
    'register_text_prior_providers']


class _Protocols:
    """The named protocols as a slot: values, not classes. They load OpenCV, so their module is not imported for it."""

    name = 'protocol'
    _locations = (f'{GROUP}.evaluation.protocols',)

    @property
    def module_dict(self) -> dict[str, object]:
        """Those that are known by now."""
        return getattr(sys.modules.get(self._locations[0]), 'PROTOCOLS', {})

    def is_ours(self, name: str) -> bool:
        """Whether a protocol came with this package."""
        return name in sys.modules[self._locations[0]].BUILT_IN

    def register_module(self, name: str, module: object) -> None:
        """Make a protocol known, which has its own name."""
        sys.modules[self._locations[0]].register(module)


SLOTS: dict[str, Registry | _Protocols] = {
    'register_backbones': BACKBONES,
    'register_fusion_blocks': FUSION_BLOCKS,
    'register_text_prior_providers': TEXT_PRIOR_PROVIDERS,
    'register_metrics': METRICS,
    'register_protocols': _Protocols(),
}
_logger = logging.getLogger('irstd_toolbox')
_hookspec = pluggy.HookspecMarker(GROUP)
_REGISTERED_NAME = re.compile(r'[A-Za-z_][\w-]*')


@_hookspec
def register_backbones(register: Callable[..., None]) -> None:
    """Add backbones: call ``register(cls, name=None)`` for each class."""


@_hookspec
def register_fusion_blocks(register: Callable[..., None]) -> None:
    """Add fusion blocks: call ``register(cls, name=None)`` for each class."""


@_hookspec
def register_text_prior_providers(register: Callable[..., None]) -> None:
    """Add text-prior providers: call ``register(cls, name=None)`` for each class."""


@_hookspec
def register_metrics(register: Callable[..., None]) -> None:
    """Add metrics: call ``register(cls, name=None)`` for each class."""


@_hookspec
def register_protocols(register: Callable[..., None]) -> None:
    """Add named protocols: call ``register(protocol)`` for each :class:`~irstd_toolbox.evaluation.Protocol`."""


@dataclass(frozen=True)
class PluginReport:
    """The plugins of this process: those loaded, those that failed and those that were blocked."""

    loaded: tuple[Plugin, ...] = ()
    failed: tuple[Plugin, ...] = ()
    disabled: tuple[Plugin, ...] = ()

    def __str__(self) -> str:
        lines = [f'{plugin}: {", ".join(plugin.registered) or "nothing registered"}' for plugin in self.loaded]
        lines += [f'{plugin}: not loaded: {plugin.reason}' for plugin in self.failed]
        lines += [f'{plugin}: disabled' for plugin in self.disabled]
        return '\n'.join(lines) or 'no plugins'


def load_plugins(folders: str | os.PathLike | Iterable[str | os.PathLike] | None = ()) -> PluginReport:
    """Load our own plugins, then the installed, then those of ``IRSTD_PLUGINS`` and of ``folders``.

    A plugin is loaded once a process, however often this is called. One that cannot be imported, whose
    hook raises, is misspelt or has a wrong argument, or whose names clash is logged in one line (its
    traceback at level ``DEBUG``) and nothing of it stays registered; the others load.

    Args:
        folders: Folders that hold ``NAME.py`` or ``NAME/__init__.py``. Names that begin with ``_`` or
            ``test_``, ``conftest.py`` and ``setup.py`` are no plugins.

    Raises:
        PluginError: If a folder that was named is none.
    """
    if isinstance(folders, str | os.PathLike):
        folders = [folders]
    named = [found for folder in folders or () for found in in_folder(folder, 'the caller')]
    found = [*installed(), *(found for folder in lasting() for found in in_folder(folder, 'IRSTD_PLUGINS'))]
    return _loader.load(built_in(), found, named)


class _Loader:
    """Keeps what was loaded in this process, who registered it and what failed."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(sys.modules[__name__])
        self.done: dict[tuple[str, ...], Plugin | None] = {}
        self.owners: dict[tuple[str, str], Plugin] = {}

    def load(self, ours: list[Found], found: list[Found], named: list[Found]) -> PluginReport:
        """Load those that are new and not blocked, each by itself; ``all`` blocks only the ``found``."""
        stopped, disabled = blocked(), []
        for plugin, load in [*ours, *found, *named]:
            key = (plugin.source, plugin.distribution or '', plugin.name)
            if stopped & {plugin.name, plugin.distribution} or ('all' in stopped and (plugin, load) in found):
                disabled.append(plugin)
            elif key not in self.done:
                self.done[key] = self._attempt(plugin, load)
        plugins = [plugin for plugin in self.done.values() if plugin]
        loaded = tuple(plugin for plugin in plugins if plugin.reason is None)
        return PluginReport(loaded, tuple(plugin for plugin in plugins if plugin.reason), tuple(disabled))

    def _attempt(self, plugin: Plugin, load: Callable[[], object]) -> Plugin | None:
        """Load one plugin whole or not at all; None if its module was loaded already, by another way."""
        before = {slot: set(registry.module_dict) for slot, registry in SLOTS.items()}
        module = None
        try:
            module = load()
            if self.manager.is_registered(module):
                return None
            if added := _added(before):  # a clash with ours would only break the first look-up
                raise PluginError(f'registers {added[0][1]!r} while it is imported: expected register(...) in the hook '
                                  f'{added[0][0]}; remove the decorator or the call')
            return replace(plugin, registered=tuple(self._register(plugin, module)))
        except (Exception, SystemExit) as error:
            self._undo(plugin, module, before)
            kind = '' if isinstance(error, UserError) else f'{type(error).__name__}: '
            failed = replace(plugin, reason=' '.join(f'{kind}{error}'.split()))
            _logger.warning('%s is not loaded: %s', failed, failed.reason)
            _logger.debug('%s', failed, exc_info=error)
            return failed

    def _register(self, plugin: Plugin, module: object) -> Iterator[str]:
        """Check the plugin's hooks and call them; yields what they register."""
        self.manager.register(module, name=f'{plugin.distribution or plugin.source}:{plugin.name}')
        hooks = self.manager.get_hookcallers(module)
        misspelt = sorted(hook.name for hook in hooks if not hook.has_spec())
        if misspelt or not hooks:
            raise PluginError(f'implements {", ".join(misspelt) or "no hook"}: expected one or more of '
                              f'{", ".join(SLOTS)}, each marked with @irstd_toolbox.hookimpl')
        others = self.manager.get_plugins() - {module}
        for hook in hooks:
            names: list[str] = []
            # pluggy would call everybody's and stop at the first that raises.
            self.manager.subset_hook_caller(hook.name, others)(register=self._door(plugin, hook.name, names))
            yield from names

    def _door(self, plugin: Plugin, slot: str, names: list[str]) -> Callable[..., None]:
        """The ``register`` that a hook gets."""
        registry = SLOTS[slot]

        def register(cls: type, name: str | None = None) -> None:
            if not isinstance(cls, type):
                raise PluginError(f'{slot} registers {cls!r}: expected a class')
            add(cls, cls.__name__ if name is None else name)

        def register_protocol(protocol: object) -> None:
            from .evaluation.protocols import Protocol
            if not isinstance(protocol, Protocol):
                raise PluginError(f'{slot} registers {protocol!r}: expected a Protocol')
            add(protocol, protocol.name)

        def add(made: object, name: object) -> None:
            if not isinstance(name, str) or not _REGISTERED_NAME.fullmatch(name):
                raise PluginError(f'{slot} registers {name!r}: expected a name of letters, digits, _ and -')
            for location in registry._locations:  # ours first: a clash must show here, not at their import
                importlib.import_module(location)  # import_from_location() would load torch, to log
            if name in registry.module_dict:
                holder = registry.module_dict[name]
                owner = self.owners.get((slot, name), '.'.join(filter(None, (
                    holder.__module__, getattr(holder, '__qualname__', '')))))
                raise PluginError(f'the {registry.name} {name!r} of {plugin} belongs to {owner} already: rename it, or '
                                  'block one of the two by IRSTD_DISABLE_PLUGINS')
            registry.register_module(name=name, module=made)
            self.owners[slot, name] = plugin
            names.append(f'{registry.name}: {name}')

        return register_protocol if slot == 'register_protocols' else register

    def _undo(self, plugin: Plugin, module: object, before: dict[str, set[str]]) -> None:
        """Take back all that a failed plugin left in the registries."""
        if module is not None and self.manager.is_registered(module):
            self.manager.unregister(module)
        owned = [place for place, owner in self.owners.items() if owner is plugin]
        for slot, name in {*owned, *_added(before)}:
            del SLOTS[slot].module_dict[name]
            self.owners.pop((slot, name), None)


def _added(before: dict[str, set[str]]) -> list[tuple[str, str]]:
    """What others than this package registered since ``before`` (ours may have come in meanwhile, lazily)."""
    return [(slot, name) for slot, registry in SLOTS.items() for name in registry.module_dict
            if name not in before[slot] and not _is_ours(registry, name)]


def _is_ours(registry: Registry | _Protocols, name: str) -> bool:
    if isinstance(registry, _Protocols):
        return registry.is_ours(name)
    return getattr(registry.module_dict[name], '__module__', '').partition('.')[0] == GROUP


_loader = _Loader()
