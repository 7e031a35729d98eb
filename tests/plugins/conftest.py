"""A process in which nothing is loaded yet, folders and distributions to load from."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from mmengine.registry import Registry

from irstd_toolbox import plugin_finding, plugins
from irstd_toolbox.evaluation.protocols import BUILT_IN, PROTOCOLS


@pytest.fixture(autouse=True)
def process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What a new process has: nothing loaded, empty registries, our protocols alone, and no plugins of our own."""
    known = dict(PROTOCOLS)
    monkeypatch.setattr(plugins, '_loader', plugins._Loader())
    monkeypatch.setattr(plugin_finding, 'BUILT_IN', {})
    monkeypatch.setattr(plugins, 'SLOTS', {
        slot: Registry(registry.name, scope='irstd_toolbox') if isinstance(registry, Registry) else registry
        for slot, registry in plugins.SLOTS.items()})
    monkeypatch.setattr(sys, 'path', [*sys.path])
    monkeypatch.delenv('IRSTD_DISABLE_PLUGINS', raising=False)
    monkeypatch.delenv('IRSTD_PLUGINS', raising=False)
    yield
    PROTOCOLS.clear()
    PROTOCOLS.update(known)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, '__file__', None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'folder').mkdir()
    return tmp_path / 'folder'


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What pip leaves in site-packages: the module and its metadata; importlib.metadata finds the rest by itself."""
    site = tmp_path / 'site-packages'
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def add(distribution: str, module: str, code: str, entry_points: str | None = None) -> None:
        (site / f'{module}.py').write_text(dedent(code))
        metadata = site / f'{distribution.replace("-", "_")}-1.2.dist-info'
        metadata.mkdir()
        (metadata / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n')
        (metadata / 'entry_points.txt').write_text(entry_points or f'[irstd_toolbox]\n{module} = {module}\n')
    return add


@pytest.fixture
def put() -> Callable[[Path, str, str], None]:
    """Write ``code`` as a module into a folder."""
    def write(folder: Path, name: str, code: str) -> None:
        (folder / f'{name}.py').write_text(dedent(code))
    return write


@pytest.fixture
def good() -> Callable[[str, str], str]:
    """The code of a plugin that registers one provider."""
    def code(cls: str, name: str) -> str:
        return dedent(f'''
            from irstd_toolbox import hookimpl

            class {cls}:
                pass

            @hookimpl
            def register_text_prior_providers(register):
                register({cls}, name={name!r})
        ''')
    return code


@pytest.fixture
def registered() -> Callable[[], dict[str, list[str]]]:
    """The names in every slot, our protocols aside."""
    return lambda: {slot: [name for name in registry.module_dict if name not in BUILT_IN]
                    for slot, registry in plugins.SLOTS.items()}


@pytest.fixture
def providers() -> Callable[[], list[str]]:
    """The registered providers' names."""
    return lambda: sorted(plugins.SLOTS['register_text_prior_providers'].module_dict)
