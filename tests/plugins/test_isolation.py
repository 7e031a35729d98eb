"""One broken plugin is reported in one line and leaves nothing behind; the others load."""

import logging
import sys

import pytest
from mmengine.registry import Registry

from irstd_toolbox import plugins
from irstd_toolbox.errors import PluginError
from irstd_toolbox.plugins import load_plugins

TWO_THEN = '''
    from irstd_toolbox import hookimpl

    class First:
        pass

    @hookimpl
    def register_backbones(register):
        register(First)

    @hookimpl
    def register_text_prior_providers(register):
        register(First, name='first')
        {then}
'''
PROTOCOL = '''
    from irstd_toolbox import hookimpl
    from irstd_toolbox.evaluation import Protocol, register
    {before}
    @hookimpl
    def register_protocols(register):
        register(Protocol('first', 'a test'))
        register({made})
'''
BROKEN = {
    'an import error': ('import a_module_nobody_has', "ModuleNotFoundError: No module named 'a_module_nobody_has'"),
    'a syntax error': ('def (', r'SyntaxError: .*line 1'),
    'an exit at import': ('raise SystemExit(3)', 'SystemExit: 3'),
    'a hook that raises': (TWO_THEN.format(then='raise ValueError("out of\\nluck")'), 'ValueError: out of luck'),
    'a hook that exits': (TWO_THEN.format(then='raise SystemExit("bye")'), 'SystemExit: bye'),
    'a wrong argument': (TWO_THEN.replace('register_backbones(register)', 'register_backbones(registry)'),
                         'PluginValidationError: .*registry'),
    'a misspelt hook': (TWO_THEN.replace('register_backbones', 'register_backbone'),
                        'implements register_backbone: expected one or more of register_backbones, '),
    'no hook': ('x = 1', 'implements no hook: expected .*irstd_toolbox.hookimpl'),
    'a function registered': (TWO_THEN.format(then='register(len)'),
                              'registers <built-in function len>: expected a class'),
    'an instance registered': (TWO_THEN.format(then='register(First())'), 'First object.*: expected a class'),
    'a name with a dot': (TWO_THEN.format(then='register(First, name="a.b")'), "registers 'a.b': expected a name"),
    'an empty name': (TWO_THEN.format(then='register(First, name="")'), "registers '': expected a name"),
    'a name that is a number': (TWO_THEN.format(then='register(First, name=1)'), 'registers 1: expected a name'),
    'a name twice': (TWO_THEN.format(then='register(First, name="first")'),
                     r"'first' of plugin 'broken' .* belongs to plugin 'broken' .* already"),
    'a decorator': ('''
        from irstd_toolbox import plugins

        @plugins.SLOTS['register_metrics'].register_module()
        class Early:
            pass
        ''', "registers 'Early' while it is imported: expected register.{5} in the hook register_metrics"),
    'a decorator before an import error': ('''
        from irstd_toolbox import plugins

        @plugins.SLOTS['register_metrics'].register_module()
        class Early:
            pass

        import a_module_nobody_has
        ''', 'ModuleNotFoundError'),
    'a protocol of our name': (PROTOCOL.format(before='', made='Protocol("canonical", "other rules", below=9)'),
                               r"the protocol 'canonical' of plugin 'broken' .* belongs to irstd_toolbox\.evaluation\."
                               'protocols already: rename it'),
    'a protocol with the hash of other rules': (PROTOCOL.format(made='Forged("forged", "a test", below=9)', before='''
    class Forged(Protocol):
        def fingerprint(self):
            return Protocol('canonical', '', empty_niou='skip').fingerprint()
    '''), "Forged.name='forged'.* is to be a protocol; expected Protocol.name, summary, ....* itself, no .*subclass"),
    'a class as a protocol': (PROTOCOL.format(before='', made='Protocol'), 'class .*Protocol.>: expected a Protocol$'),
    'an impossible protocol': (PROTOCOL.format(before='', made='Protocol("second", "", threshold=2)'),
                               "not loaded: Protocol 'second': threshold is 2; expected a probability"),
    'a protocol at import': (PROTOCOL.format(before='register(Protocol("early", "a test"))', made='None'),
                             r"'early' while it is imported: expected register.{5} in the hook register_protocols"),
}


@pytest.mark.parametrize(('code', 'reason'), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_reported_and_leaves_nothing(folder, caplog, code, reason, put, good, registered):
    put(folder, 'a_good_one', good('Before', 'before'))
    put(folder, 'broken', code)
    put(folder, 'good_too', good('After', 'after'))
    report = load_plugins([folder])
    assert [plugin.name for plugin in report.loaded] == ['a_good_one', 'good_too']
    assert [plugin.name for plugin in report.failed] == ['broken']
    assert sorted(name for names in registered().values() for name in names) == ['after', 'before']
    message, = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert '\n' not in message
    with pytest.raises(PluginError, match=reason):
        raise PluginError(message)


def test_a_class_of_ours_that_a_broken_plugin_registered_is_taken_back_too(folder, put):
    put(folder, 'po', '''
        from irstd_toolbox import hookimpl
        from irstd_toolbox.plugins import PluginReport

        @hookimpl
        def register_metrics(register):
            register(PluginReport, name='alias')
            raise ValueError
    ''')
    load_plugins([folder])
    assert not plugins.SLOTS['register_metrics'].module_dict


def test_a_broken_distribution_does_not_stop_the_others(install, good, providers):
    install('irstd-pq1', 'pq1', 'import a_module_nobody_has')
    install('irstd-pq2', 'pq2', good('Mine', 'mine'))
    report = load_plugins()
    assert providers() == ['mine'] and [plugin.distribution for plugin in report.failed] == ['irstd-pq1']


def test_an_entry_point_to_nothing_is_reported(install):
    install('irstd-pr', 'pr', '', '[irstd_toolbox]\npr = pr:absent\n')
    failed, = load_plugins().failed
    assert 'AttributeError' in failed.reason and 'absent' in failed.reason


def test_damaged_metadata_does_not_stop_the_others(install, good, providers):
    install('irstd-ps1', 'ps1', '', '[irstd_toolbox]\nno equals sign\n')
    install('irstd-ps2', 'ps2', good('Mine', 'mine'))
    report = load_plugins()
    assert providers() == ['mine']
    assert 'metadata cannot be read' in report.failed[0].reason


def test_damaged_metadata_of_strangers_is_not_our_business(install):
    install('irstd-pt', 'pt', '', '[console_scripts]\nno equals sign\n')
    assert not load_plugins().failed


def test_a_clash_names_both_plugins(folder, tmp_path, put, good):
    second = tmp_path / 'second'
    second.mkdir()
    put(folder, 'pu1', good('One', 'same'))
    put(second, 'pu2', good('Two', 'same'))
    failed, = load_plugins([folder, second]).failed
    assert "'same' of plugin 'pu2'" in failed.reason and "belongs to plugin 'pu1'" in failed.reason
    assert plugins.SLOTS['register_text_prior_providers'].module_dict['same'].__name__ == 'One'


def test_a_clash_with_a_component_of_ours_names_it(folder, put, good):
    class Builtin:
        pass

    plugins.SLOTS['register_text_prior_providers'].register_module(name='taken', module=Builtin)
    put(folder, 'pv', good('Mine', 'taken'))
    failed, = load_plugins([folder]).failed
    assert 'belongs to ' in failed.reason and 'Builtin' in failed.reason
    assert plugins.SLOTS['register_text_prior_providers'].module_dict['taken'] is Builtin


def test_a_clash_with_a_component_not_yet_imported_is_seen_too(folder, monkeypatch, put, good):
    put(folder, '_pw_ours', '''
        from irstd_toolbox import plugins

        @plugins.SLOTS['register_text_prior_providers'].register_module(name='taken')
        class Builtin:
            pass
    ''')
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setitem(plugins.SLOTS, 'register_text_prior_providers',
                        Registry('text-prior provider', scope='irstd_toolbox', locations=['_pw_ours']))
    put(folder, 'pw', good('Mine', 'taken'))
    failed, = load_plugins([folder]).failed
    assert 'belongs to _pw_ours.Builtin already' in failed.reason


@pytest.mark.parametrize('name', ['json', 'colorsys'])
def test_a_file_named_as_an_installed_module_is_refused_and_hides_nothing(folder, monkeypatch, name, put, good):
    monkeypatch.delitem(sys.modules, 'colorsys', raising=False)  # one that is imported already, and one that is not
    put(folder, name, good('Mine', 'mine'))
    failed, = load_plugins([folder]).failed
    assert f"the module name '{name}' belongs to " in failed.reason and f'rename {folder / name}.py' in failed.reason


def test_a_file_that_cannot_be_a_module_is_refused(folder, put, good):
    put(folder, 'my-plugin', good('Mine', 'mine'))
    failed, = load_plugins([folder]).failed
    assert 'my-plugin.py cannot be imported: expected a name of letters' in failed.reason


def test_an_interrupt_is_not_taken_for_a_broken_plugin(folder, put):
    put(folder, 'px', 'raise KeyboardInterrupt')
    with pytest.raises(KeyboardInterrupt):
        load_plugins([folder])
