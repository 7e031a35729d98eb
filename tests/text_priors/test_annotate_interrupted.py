"""``tools/annotate.py`` as a process that is killed or interrupted: what is paid is kept."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irstd_toolbox.text_priors import store


class Server:
    """The loopback server as a process, so that the tool can be another."""

    def __init__(self, file: Path, *arguments: str) -> None:
        self.process = subprocess.Popen([sys.executable, str(file), '--port', '0', *arguments], stdout=subprocess.PIPE,
                                        text=True)
        self.port = int(self.process.stdout.readline().split()[-1])

    def requests(self) -> list[dict]:
        with urllib.request.urlopen(f'http://127.0.0.1:{self.port}/_requests') as answer:
            return json.load(answer)

    def billed(self) -> Counter:
        return Counter(record['images'][-1] if isinstance(record['images'][-1], str) else
                       record['images'][-1]['sha256'] for record in self.requests() if record.get('billed'))


@pytest.fixture
def slow_server(vlm_server_file: Path) -> Iterator[Server]:
    server = Server(vlm_server_file, '--latency', '0.25')
    yield server
    server.process.kill()
    server.process.wait()


SLOW = '''
import time
from irstd_toolbox import hookimpl
from irstd_toolbox.text_priors import TextPriorProvider
class Slow(TextPriorProvider):
    uses_ground_truth = False
    def describe(self, scene):
        time.sleep(0.3)
        return 'Slowly seen.'
@hookimpl
def register_text_prior_providers(register):
    register(Slow, name='slow')
'''


def start(repository: Path, data_root: Path, server: Server, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, str(repository / 'tools' / 'annotate.py'), str(data_root), '--provider', 'openai',
               '--split', 'all', '--options', 'model=gpt-6-test', f'base_url=http://127.0.0.1:{server.port}/v1',
               '--concurrency', '1', *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(texts: Callable[[], dict[str, str]], number: int) -> None:
    deadline = time.monotonic() + 60
    while len(texts()) < number and time.monotonic() < deadline:
        time.sleep(0.01)


def test_killed_and_called_again_it_finishes_and_no_kept_answer_is_paid_again(
        repository, data_root, slow_server, texts):
    process = start(repository, data_root, slow_server)
    wait_for(texts, 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    first, kept = texts(), len(list((data_root / '.annotation' / 'cache').rglob('*.json')))
    assert 2 <= len(first) < 6
    again = start(repository, data_root, slow_server)
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0 and len(texts()) == 6 and first.items() <= texts().items()
    billed = slow_server.billed()
    assert len(billed) == 6 and sum(billed.values()) <= 7 and sum(count == 1 for count in billed.values()) >= kept


def test_an_offline_run_that_was_killed_is_resumed_by_the_same_command(repository, data_root, tmp_path, texts):
    (tmp_path / 'plugins').mkdir()
    (tmp_path / 'plugins' / 'slow_provider.py').write_text(SLOW)
    command = [sys.executable, str(repository / 'tools' / 'annotate.py'), str(data_root), '--provider', 'slow',
               '--split', 'all', '--plugins', str(tmp_path / 'plugins')]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(texts, 1)
    process.kill()
    process.wait()
    first = texts()
    assert 1 <= len(first) < 6 and set(first.values()) == {'Slowly seen.\n'}
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith(f'{6 - len(first)} written, {len(first)} kept')
    assert len(texts()) == 6


def test_the_next_run_counts_what_a_killed_one_wrote_and_removes_what_it_left_half_written(tool, data_root, texts):
    folder = data_root / 'descriptions'
    tool.main([str(data_root), '--provider', 'quadrant'])
    begun = store.read_provenance(folder)['runs'][0] | {'finished': None, 'counts': {'planned': 4, 'written': 0}}
    del begun['stopped']
    store.write_provenance(folder, {'runs': [begun]})
    ended = subprocess.Popen(['true'])
    ended.wait()
    left, living = ([folder / f'.{name}.{process}.tmp' for name in ('XDU0.description.txt', 'provenance.json')]
                    for process in (ended.pid, os.getppid()))
    for path in (*left, *living, folder / '.mine.txt.old.tmp'):
        path.write_text('A tar')
    tool.main([str(data_root), '--provider', 'quadrant', '--split', 'test', '--allow-ground-truth-on-test'])
    killed, _ = store.read_provenance(folder)['runs']
    assert killed['counts'] == {'planned': 4, 'written': 4, 'failed': 0} and killed['stopped'].startswith('killed')
    assert {path.name for path in folder.glob('.*')} == {'.mine.txt.old.tmp', *(path.name for path in living)}


def test_ctrl_c_finishes_what_is_under_way_and_leaves_with_130(repository, data_root, slow_server, texts):
    process = start(repository, data_root, slow_server)
    wait_for(texts, 1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and 'stopped: interrupted' in err and 'Traceback' not in err
    written = len(texts())
    assert 1 <= written < 6 and f'{written} written' in out
    assert sum(slow_server.billed().values()) == written
    run, = store.read_provenance(data_root / 'descriptions')['runs']
    assert run['finished'] and run['counts']['unasked'] == 6 - written and 'interrupted' in run['stopped']


def test_a_second_ctrl_c_ends_at_once(repository, data_root, vlm_server_file):
    server = Server(vlm_server_file, '--latency', '50')
    try:
        process = start(repository, data_root, server)
        while not any(record['kind'] == 'ask' for record in server.requests()):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told = next(line for line in process.stderr if 'interrupted' in line)
        assert 'waiting at most 60 s for answers under way. Interrupt again' in told
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        server.process.kill()
        server.process.wait()
    assert process.returncode == 130 and 'Traceback' not in err
