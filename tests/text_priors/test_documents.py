"""What the documents on language priors show is what the code does."""

import re
import shlex
import subprocess
import sys

import pytest


@pytest.fixture(scope='module')
def provider_page(repository):
    return re.findall(r'```python\n(.*?)```', (repository / 'docs' / 'add_a_provider.md').read_text('utf-8'), re.DOTALL)


@pytest.fixture(scope='module')
def annotate(load_tool):
    return load_tool('annotate')


def test_the_providers_of_the_page_pass_the_test_of_the_page(provider_page, tmp_path):
    horizon, kit, lookout, its_test, _ = provider_page
    (tmp_path / 'horizon.py').write_text(horizon)
    (tmp_path / 'test_horizon.py').write_text(f'from horizon import HorizonProvider\n{kit}')
    (tmp_path / 'lookout.py').write_text(lookout)
    (tmp_path / 'test_lookout.py').write_text(its_test)
    done = subprocess.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider'], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)
    assert '2 passed' in done.stdout, done.stdout + done.stderr


def test_every_command_of_the_page_is_one(repository, annotate):
    page = (repository / 'docs' / 'language_priors.md').read_text('utf-8')
    commands = [shlex.split(line, comments=True)[2:] for line in page.splitlines()
                if line.startswith('python tools/annotate.py')]
    assert len(commands) > 15
    shown = {annotate.parse(command).do for command in commands}
    assert shown == set(annotate.VERBS) - {'batch-cancel', 'batch-cleanup'}


def test_every_option_that_the_page_names_exists(repository, annotate, capsys):
    page = (repository / 'docs' / 'language_priors.md').read_text('utf-8')
    with pytest.raises(SystemExit):
        annotate.parse(['--help'])
    known = set(re.findall(r'--[a-z][a-z-]+', capsys.readouterr().out))
    assert set(re.findall(r'(?<![\w-])--[a-z][a-z-]+', page)) - known == set()
