"""The commands that are made for one process, for several, for Slurm and for several GPUs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from irstd_toolbox.benchmarking.jobs import Job
from irstd_toolbox.benchmarking.launching import Launch, guarded, slots_of, words_of
from irstd_toolbox.benchmarking.runner import run_jobs
from irstd_toolbox.errors import ConfigError

TOOLS = Path('tools')


def test_a_training_in_one_process_is_the_tool_itself():
    words = Launch(tools=TOOLS).training('c.py', '--seed', 1)
    assert words == [sys.executable, 'tools/train.py', 'c.py', '--seed', '1']


def test_torchrun_starts_the_processes_of_a_training_and_of_nothing_else():
    launch = Launch('pytorch', 4, tools=TOOLS)
    assert launch.training('c.py') == [
        sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=4', 'tools/train.py', 'c.py',
        '--launcher', 'pytorch']
    assert launch.tool('test.py', 'c.py') == [sys.executable, 'tools/test.py', 'c.py']


def test_slurm_starts_a_training_in_as_many_tasks_and_a_test_in_one():
    launch = Launch('slurm', 2, words_of("--partition='my gpus' --gres=gpu:2"), TOOLS)
    front = ['srun', '--job-name=irstd_benchmark']
    rest = ['--kill-on-bad-exit=1', '--partition=my gpus', '--gres=gpu:2', sys.executable, '-u']
    assert launch.training('c.py') == [*front, '--ntasks=2', *rest, 'tools/train.py', 'c.py', '--launcher', 'slurm']
    assert launch.tool('test.py', 'c.py') == [*front, '--ntasks=1', *rest, 'tools/test.py', 'c.py']
    assert launch.module('m', 't.json') == [*front, '--ntasks=1', *rest, '-m', 'm', 't.json']


def test_what_needs_no_gpu_does_not_go_through_slurm():
    launch = Launch('slurm', tools=TOOLS)
    assert launch.tool('annotate.py', 'DATA', here=True) == [sys.executable, 'tools/annotate.py', 'DATA']


def test_plugins_are_told_to_the_tools():
    launch = Launch(tools=TOOLS, plugins=('mine',))
    assert launch.training('c.py')[-2:] == ['--plugins', 'mine']
    assert launch.tool('synthesize.py', 'out', plugins=False) == [sys.executable, 'tools/synthesize.py', 'out']


@pytest.mark.parametrize(('arguments', 'said'), [
    (dict(launcher='mpi'), '--launcher mpi: one of none, pytorch, slurm'),
    (dict(processes=0), '--nproc 0'),
    (dict(processes=2), '--nproc 2 needs --launcher pytorch or slurm'),
    (dict(srun=('-p', 'x')), '--srun-args needs --launcher slurm')])
def test_words_that_do_not_fit_the_launcher_are_refused(arguments, said):
    with pytest.raises(ConfigError, match=said):
        Launch(**arguments)


def test_every_gpu_has_a_slot_of_its_own():
    assert [slot['CUDA_VISIBLE_DEVICES'] for slot in slots_of(['0', '3'], 1, 1)] == ['0', '3']
    assert [slot['CUDA_VISIBLE_DEVICES'] for slot in slots_of(['0', '3'], 2, 1)] == ['0', '3', '0', '3']


def test_processors_are_divided_among_jobs_that_run_side_by_side(monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr(os, 'cpu_count', lambda: 8)
    assert slots_of([], 1, 1) == [{}]
    assert slots_of([], 3, 1) == [{'OMP_NUM_THREADS': '2'}] * 3
    assert {slot['OMP_NUM_THREADS'] for slot in slots_of(['0', '1'], 2, 1)} == {'2'}
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    assert slots_of([], 3, 1) == [{}] * 3


@pytest.mark.parametrize(('arguments', 'said'), [
    ((['0'], 0, 1), '--jobs 0'), ((['0', '0'], 1, 1), 'every GPU once'),
    ((['0', '1', '2'], 1, 2), 'are 3, which do not divide into trainings of 2')])
def test_slots_that_cannot_be_are_refused(arguments, said):
    with pytest.raises(ConfigError, match=said):
        slots_of(*arguments)


class Script(Job):
    """Runs a Python script and keeps what it wrote into ``result.json``."""

    def __init__(self, folder: Path, script: str, after=()) -> None:
        super().__init__(folder.name, folder, after)
        self.script = script

    def inputs(self):
        return dict(script=self.script)

    def command(self, launch, continued):
        return launch.training(self.script, self.folder / 'result.json')

    def result(self):
        return json.loads((self.folder / 'result.json').read_text())


NOTE = '''
import json, os, sys, time
start = time.time()
time.sleep(0.2)
words = dict(argv=sys.argv[1:], gpu=os.environ.get('CUDA_VISIBLE_DEVICES'), ntasks=os.environ.get('NTASKS'),
             start=start, end=time.time())
with open(sys.argv[2], 'w') as file:
    json.dump(words, file)
'''


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """A folder of tools whose train.py notes how it was called."""
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools' / 'train.py').write_text(NOTE)
    return tmp_path / 'tools'


def test_a_gpu_runs_one_job_at_a_time_and_all_gpus_run(tmp_path, note):
    jobs = [Script(tmp_path / f'job{number}', 'c.py') for number in range(6)]
    run_jobs(jobs, Launch(tools=note), slots_of(['4', '7'], 1, 1), tmp_path, lambda *_: None)
    assert [job.state for job in jobs] == ['done'] * 6
    assert {job.outcome['gpu'] for job in jobs} == {'4', '7'}
    for gpu in '47':
        spans = sorted((job.outcome['start'], job.outcome['end']) for job in jobs if job.outcome['gpu'] == gpu)
        assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))


def test_through_srun_the_job_runs_where_slurm_puts_it(tmp_path, note, monkeypatch):
    srun = tmp_path / 'bin' / 'srun'
    srun.parent.mkdir()
    srun.write_text(f'''#!{sys.executable}
import os, sys
words = sys.argv[1:]
mine = [word for word in words if word.startswith('--')][:4]
os.environ['NTASKS'] = ' '.join(mine)
place = words.index({sys.executable!r})
os.execv(words[place], words[place:])
''')
    srun.chmod(0o755)
    monkeypatch.setenv('PATH', f'{srun.parent}{os.pathsep}{os.environ["PATH"]}')
    job = Script(tmp_path / 'job', 'c.py')
    run_jobs([job], Launch('slurm', 2, ('--partition=x',), note), [{}], tmp_path, lambda *_: None)
    assert job.state == 'done', job.error
    assert job.outcome['ntasks'] == '--job-name=irstd_benchmark --ntasks=2 --kill-on-bad-exit=1 --partition=x'
    assert job.outcome['argv'] == ['c.py', str(tmp_path / 'job' / 'result.json'), '--launcher', 'slurm']


def test_a_command_that_is_not_there_fails_its_job(tmp_path, note, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    job = Script(tmp_path / 'job', 'c.py')
    run_jobs([job], Launch('slurm', 1, (), note), [{}], tmp_path, lambda *_: None)
    assert job.state == 'failed' and 'No such file' in job.error


@pytest.mark.skipif(sys.platform != 'linux', reason='the signal at the death of a parent is Linux\'s')
def test_a_job_ends_with_the_benchmark_that_is_killed(tmp_path):
    child = os.fork()
    if not child:
        script = f'import os, time; open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid())); time.sleep(60)'
        subprocess.Popen(guarded([sys.executable, '-c', script]))
        time.sleep(60)
        os._exit(0)
    until = time.monotonic() + 60
    while not ((tmp_path / 'pid').exists() and (tmp_path / 'pid').read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pid = int((tmp_path / 'pid').read_text())
    while Path(f'/proc/{pid}').exists() and time.monotonic() < until:
        if ') Z ' in Path(f'/proc/{pid}/stat').read_text():
            break
        time.sleep(0.02)
    else:
        assert not Path(f'/proc/{pid}').exists()
