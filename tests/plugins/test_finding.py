"""Where plugins are found, that they load once a process, and what other processes see of them."""

import subprocess
import sys
from textwrap import dedent

import pytest

from irstd_toolbox import plugins
from irstd_toolbox.errors import PluginError
from irstd_toolbox.plugins import load_plugins


def test_a_named_folder_adds_its_providers(folder, put, good, providers):
    put(folder, 'pa', good('Mine', 'mine'))
    report = load_plugins([folder])
    assert providers() == ['mine']
    assert [(plugin.name, plugin.registered) for plugin in report.loaded] == [('pa', ('text-prior provider: mine',))]


@pytest.mark.parametrize('slot', plugins.SLOTS)
def test_each_of_the_five_hooks_fills_its_own_registry(folder, slot, put, registered):
    put(folder, 'pb', f'''
        from irstd_toolbox import hookimpl
        from irstd_toolbox.evaluation import Protocol

        class Thing:
            pass

        @hookimpl
        def {slot}(register):
            register({"Protocol('Thing', 'a test')" if slot == 'register_protocols' else 'Thing'})
    ''')
    load_plugins([folder])
    assert registered() == {name: ['Thing'] if name == slot else [] for name in plugins.SLOTS}


def test_an_installed_distribution_is_found_by_its_entry_point(install, good, providers):
    install('irstd-pc', 'pc', good('Mine', 'mine'))
    loaded, = load_plugins().loaded
    assert providers() == ['mine']
    assert (loaded.name, loaded.distribution, loaded.version) == ('pc', 'irstd-pc', '1.2')


def test_a_package_in_a_folder_is_a_plugin(folder, put, good, providers):
    (folder / 'pd').mkdir()
    put(folder / 'pd', '__init__', 'from .hooks import register_text_prior_providers\n')
    put(folder / 'pd', 'hooks', good('Mine', 'mine'))
    load_plugins([folder])
    assert providers() == ['mine']


def test_an_environment_variable_names_folders(folder, tmp_path, monkeypatch, put, good, providers):
    second = tmp_path / 'second'
    second.mkdir()
    put(folder, 'pe1', good('One', 'one'))
    put(second, 'pe2', good('Two', 'two'))
    monkeypatch.setenv('IRSTD_PLUGINS', f'{folder}:{second}')
    load_plugins()
    assert providers() == ['one', 'two']


def test_the_current_folder_is_not_searched_by_itself(folder, monkeypatch, put, good, providers):
    put(folder, 'pf', good('Mine', 'mine'))
    monkeypatch.chdir(folder)
    monkeypatch.setenv('IRSTD_PLUGINS', ':')
    load_plugins()
    assert providers() == []


def test_helpers_and_tests_beside_a_plugin_are_not_run(folder, put, good):
    put(folder, 'pg', good('Mine', 'mine'))
    for name in ('_helper', 'test_pg', 'conftest', 'setup'):
        put(folder, name, 'raise RuntimeError("this file is no plugin")')
    report = load_plugins([folder])
    assert [plugin.name for plugin in report.loaded] == ['pg'] and not report.failed


def test_a_plugin_imports_its_helper(folder, put, good, providers):
    put(folder, '_ph', good('Mine', 'mine'))
    put(folder, 'ph', 'from _ph import register_text_prior_providers')
    load_plugins(str(folder))
    assert providers() == ['mine']


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(PluginError, match=r'no plugin folder at .*missing \(named by the caller\): expected .*NAME.py'):
        load_plugins([tmp_path / 'missing'])


def test_a_folder_of_the_environment_that_does_not_exist_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv('IRSTD_PLUGINS', str(tmp_path / 'missing'))
    with pytest.raises(PluginError, match=r'missing \(named by IRSTD_PLUGINS\)'):
        load_plugins()


def test_a_file_in_the_place_of_a_folder_is_an_error(folder, put):
    put(folder, 'pi', '')
    with pytest.raises(PluginError, match=r'no plugin folder at .*pi\.py'):
        load_plugins([folder / 'pi.py'])


def test_a_named_folder_without_a_plugin_is_reported(folder):
    failed, = load_plugins([folder]).failed
    assert failed.reason == 'the folder holds neither NAME.py nor NAME/__init__.py'


def test_loading_twice_loads_once(folder, put, good):
    put(folder, 'pj', good('Mine', 'mine'))
    first, second = load_plugins([folder]), load_plugins([folder])
    assert first == second and len(second.loaded) == 1 and not second.failed


def test_a_failed_plugin_is_reported_once(folder, caplog, put):
    put(folder, 'pk', 'import a_module_nobody_has')
    load_plugins([folder])
    load_plugins([folder])
    assert len(caplog.records) == 1


def test_an_installed_plugin_whose_folder_is_named_too_is_loaded_once(install, tmp_path, good):
    install('irstd-pl', 'pl', good('Mine', 'mine'))
    report = load_plugins([tmp_path / 'site-packages'])
    assert [plugin.distribution for plugin in report.loaded] == ['irstd-pl'] and not report.failed


@pytest.mark.parametrize('word', ['pm1', 'irstd-pm1'])
def test_a_plugin_is_blocked_by_its_name_or_its_distributions(install, monkeypatch, word, good, providers):
    install('irstd-pm1', 'pm1', good('One', 'one'))
    install('irstd-pm2', 'pm2', good('Two', 'two'))
    monkeypatch.setenv('IRSTD_DISABLE_PLUGINS', f'other, {word}')
    report = load_plugins()
    assert providers() == ['two'] and [plugin.name for plugin in report.disabled] == ['pm1']
    assert 'pm1' not in sys.modules


def test_all_blocks_everything_but_the_folders_that_a_call_names(
        install, folder, tmp_path, monkeypatch, put, good, providers):
    install('irstd-pn1', 'pn1', good('One', 'one'))
    lasting = tmp_path / 'lasting'
    lasting.mkdir()
    put(lasting, 'pn2', good('Two', 'two'))
    put(folder, 'pn3', good('Three', 'three'))
    monkeypatch.setenv('IRSTD_PLUGINS', str(lasting))
    monkeypatch.setenv('IRSTD_DISABLE_PLUGINS', 'all')
    report = load_plugins([folder])
    assert providers() == ['three'] and [plugin.name for plugin in report.disabled] == ['pn1', 'pn2']


def test_the_manager_imports_neither_torch_nor_a_component(folder, put, good):
    put(folder, 'py_', good('Mine', 'mine'))
    heavy = ('torch', 'cv2', 'openai', 'anthropic', 'transformers', 'httpx2', 'irstd_toolbox.models',
             'irstd_toolbox.evaluation')
    code = f'''
import sys
from irstd_toolbox.plugins import load_plugins
report = load_plugins({str(folder)!r})
print(report)
print([name for name in {heavy} if name in sys.modules])
'''
    shown = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-2:] == [f"plugin 'py_' ({folder}): text-prior provider: mine", '[]']


def test_a_spawned_worker_unpickles_an_object_of_a_folders_plugin(folder, tmp_path, put, good):
    put(folder, 'pz', good('Mine', 'mine'))
    script = tmp_path / 'script.py'
    script.write_text(dedent(f'''
        import multiprocessing

        from irstd_toolbox.plugins import load_plugins

        if __name__ == '__main__':
            load_plugins({str(folder)!r})
            from irstd_toolbox.registry import TEXT_PRIOR_PROVIDERS
            provider = TEXT_PRIOR_PROVIDERS.module_dict['mine']()
            with multiprocessing.get_context('spawn').Pool(1) as pool:
                print(pool.apply(repr, [provider]))
    '''))
    shown = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    assert shown.startswith('<pz.Mine object')
