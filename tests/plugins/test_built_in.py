"""The providers that ask vision-language models are plugins of our own, by the door of everybody's."""

import subprocess
import sys

import pytest

from irstd_toolbox import plugin_finding
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.text_priors import find_provider

MODULES = {name: f'irstd_toolbox.text_priors.providers.{name}' for name in ('anthropic', 'hf_local', 'openai')}
NAMES = ['anthropic', 'hf_local', 'openai', 'openai_compatible']


@pytest.fixture(autouse=True)
def ours(process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``process`` took away."""
    monkeypatch.setattr(plugin_finding, 'BUILT_IN', MODULES)


def test_they_are_loaded_without_being_named(providers):
    report = load_plugins()
    assert providers() == NAMES and not report.failed
    assert [(plugin.name, plugin.source) for plugin in report.loaded] == [
        ('anthropic', 'built in'), ('hf_local', 'built in'), ('openai', 'built in')]


def test_a_strangers_provider_cannot_take_the_name_of_one(folder, put, good, providers):
    put(folder, 'px', good('Mine', 'openai'))
    failed, = load_plugins(folder).failed
    assert "'openai' of plugin 'px'" in failed.reason
    assert "belongs to plugin 'openai' (built in) already" in failed.reason and providers() == NAMES


def test_one_of_them_can_be_blocked(monkeypatch, providers):
    monkeypatch.setenv('IRSTD_DISABLE_PLUGINS', 'anthropic')
    assert [plugin.name for plugin in load_plugins().disabled] == ['anthropic']
    assert providers() == ['hf_local', 'openai', 'openai_compatible']


def test_all_does_not_block_them(monkeypatch, providers):
    monkeypatch.setenv('IRSTD_DISABLE_PLUGINS', 'all')
    load_plugins()
    assert providers() == NAMES


def test_a_broken_one_does_not_stop_the_others(monkeypatch, providers):
    monkeypatch.setattr(plugin_finding, 'BUILT_IN', {'broken': 'irstd_toolbox.text_priors.providers.nobody', **MODULES})
    assert [plugin.name for plugin in load_plugins().failed] == ['broken'] and providers() == NAMES


@pytest.mark.parametrize('sdk', ['openai', 'anthropic', 'transformers', 'httpx2', 'torch'])
def test_neither_loading_nor_listing_nor_making_one_imports_an_sdk(sdk, listed):
    assert sdk not in listed


@pytest.fixture(scope='module')
def listed() -> list[str]:
    """The top-level modules of a process that loaded all, listed them and made one of each."""
    code = '''
import sys
from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.text_priors import build_provider
from irstd_toolbox.registry import TEXT_PRIOR_PROVIDERS
load_plugins()
names = sorted(TEXT_PRIOR_PROVIDERS.module_dict)
assert {'openai', 'openai_compatible', 'anthropic', 'hf_local', 'quadrant'} <= set(names), names
for name in ('openai', 'anthropic', 'hf_local'):
    build_provider(name, {'model': 'm'}).identity()
build_provider('openai_compatible', {'model': 'm', 'base_url': 'http://localhost:1/v1'}).identity()
print(*{name.partition('.')[0] for name in sys.modules})
'''
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout.split()


def test_whoever_asks_before_loading_is_told_to_load(monkeypatch):
    from irstd_toolbox.registry import TEXT_PRIOR_PROVIDERS

    find_provider('quadrant')  # registers those that are no plugins
    monkeypatch.delitem(TEXT_PRIOR_PROVIDERS.module_dict, 'openai', raising=False)
    with pytest.raises(ConfigError, match=r"'openai' is not a registered .*quadrant.*--plugins DIR; in Python, "):
        find_provider('openai')
