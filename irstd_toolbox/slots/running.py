"""The slot itself: trainings and tests side by side on one machine, ended in good time, gathered as they come up."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.slots import states
from irstd_toolbox.slots.data import expand_data
from irstd_toolbox.slots.gathering import Gatherer
from irstd_toolbox.slots.plan import Plan, Run

__all__ = ['Slot', 'Timing', 'prepare']

_LEAST = 15.0
"""Seconds that have to be left for another training or test to be begun."""
_PATIENCE = 6.0
"""Seconds between asking a process to end and ending it."""
_POLL = 0.2


@dataclass(frozen=True)
class Timing:
    """When a slot does what.

    Args:
        began: When it began, in seconds since 1970.
        minutes: How long it lasts.
        reserve: Seconds at its end that belong to the last gathering.
        every: Seconds between two gatherings.
    """

    began: float
    minutes: float
    reserve: float = 20.0
    every: float = 20.0

    @property
    def stop(self) -> float:
        """When the last training ends."""
        return self.began + 60 * self.minutes - self.reserve


@dataclass
class Job:
    """A process at work for a run.

    Args:
        run: The run.
        kind: ``'train'`` or ``'test'``.
        process: The process.
        log: What it prints.
    """

    run: Run
    kind: str
    process: subprocess.Popen
    log: Path


def prepare(home: Path) -> Plan:
    """Unpack data, files and states of a slot's folder that ``start.py`` has filled.

    A run that has a checkpoint here already, from an earlier call, keeps its own.

    Raises:
        ConfigError: If there is no plan, or it is damaged.
        DataError: If a packed data set is damaged.
    """
    items = home / 'items'
    try:
        plan = Plan.from_json(json.loads((items / 'plan.json').read_text()))
    except FileNotFoundError:
        raise ConfigError(f'{items} holds no plan.json. Carry every box, and begin with start.py.') from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f'{items / "plan.json"} is damaged ({type(error).__name__}: {error}). Carry every box again, '
                          'and begin with start.py.') from None
    for name in plan.data:
        expand_data(items / f'data_{name}.zip', home / 'data' / name)
    for name in plan.files:
        _unpack_whole(items / f'files_{name}.zip', home / 'files' / name)
    for name in plan.keep:
        folder, carried = home / 'keep' / name, items / f'keep_{name}.zip'
        if carried.is_file() and not folder.exists():  # an earlier call's is newer
            _unpack_whole(carried, folder)
        folder.mkdir(parents=True, exist_ok=True)
    for run in plan.runs:
        folder, carried = home / 'runs' / run.name, items / f'state_{run.name}.zip'
        if carried.is_file() and not states.epoch_of(folder) and not states.is_trained(folder):
            _unpack_whole(carried, folder)
        folder.mkdir(parents=True, exist_ok=True)
    return plan


def _unpack_whole(archive: Path, folder: Path) -> None:
    """Fill a folder, or leave it as it is: of a state that a kill has cut, one file would pass for all."""
    draft = folder.with_name(f'.{folder.name}')
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)  # of an empty folder the archive holds nothing
    with zipfile.ZipFile(archive) as file:
        file.extractall(draft)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


class Slot:
    """Runs a plan until it is done or the time is up.

    Args:
        plan: The runs, the most urgent first.
        home: The slot's folder.
        source: The folder of the source, with ``tools/``.
        gatherer: Keeps what comes back up to date.
        timing: When what happens.
        at_once: How many processes work side by side.
        threads: Threads of each.
    """

    def __init__(self, plan: Plan, home: Path, source: Path, gatherer: Gatherer, timing: Timing, at_once: int,
                 threads: int) -> None:
        self.plan, self.home, self.source, self.gatherer, self.timing = plan, home, source, gatherer, timing
        self.at_once, self.threads = at_once, threads
        self.jobs: list[Job] = []
        self.failed: dict[str, str] = {}
        self.ended: set[str] = set()
        self.gathered, self.asked, self.stopping = 0.0, False, False

    def work(self) -> dict[str, dict]:
        """Do what can be done; what is known of each run at the end."""
        with self._signals():
            while True:
                self._reap()
                self._begin()
                if not self.jobs:
                    break
                if self.asked or time.time() >= self.timing.stop:
                    self._end_all()
                    break
                if time.time() - self.gathered >= self.timing.every:
                    self._gather()
                time.sleep(_POLL)
        self._gather()
        return self.status()

    def status(self) -> dict[str, dict[str, Any]]:
        """What is known of each run."""
        found = {}
        for run in self.plan.runs:
            folder = self.home / 'runs' / run.name
            trained = states.is_trained(folder)
            epoch = run.epochs if trained and not run.annealed else states.epoch_of(folder)
            word = 'finished' if states.is_tested(folder) else 'trained' if trained else \
                'training' if epoch else 'waiting'
            found[run.name] = dict(status='failed' if run.name in self.failed else word, epoch=epoch, epochs=run.epochs)
            if run.name in self.failed:
                found[run.name]['error'] = self.failed[run.name]
        return found

    def _next(self) -> tuple[Run, str] | None:
        """The next thing to do: a test, else the first run that waits."""
        busy = {job.run.name for job in self.jobs} | set(self.failed) | self.ended
        waiting = [run for run in self.plan.runs if run.name not in busy
                   and not states.is_tested(self.home / 'runs' / run.name)]
        trained = [run for run in waiting if states.is_trained(self.home / 'runs' / run.name)]
        return (trained[0], 'test') if trained else (waiting[0], 'train') if waiting else None

    def _begin(self) -> None:
        while len(self.jobs) < self.at_once and not self.asked and self.timing.stop - time.time() > _LEAST:
            task = self._next()
            if task is None:
                return
            run, kind = task
            try:
                command = self._command(run, kind)
            except CheckpointError as error:
                self.failed[run.name] = str(error)
                continue
            stamp = time.strftime('%Y%m%dT%H%M%S', time.gmtime())
            log = self.home / 'runs' / run.name / 'logs' / f'{kind}_{stamp}.log'
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open('ab') as file:
                process = subprocess.Popen(command, cwd=self.source, env=self._environment(), stdout=file,
                                           stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
            self.jobs.append(Job(run, kind, process, log))
            print(f'{kind} {run.name}', flush=True)

    def _command(self, run: Run, kind: str) -> list[str]:
        folder = self.home / 'runs' / run.name
        options = ['--cfg-options', *run.options] if run.options else []
        if kind == 'test':
            checkpoint = states.tested_checkpoint(folder, run)
            return [sys.executable, 'tools/test.py', run.config, str(checkpoint), '--out', str(folder / 'test'),
                    *run.test, *options]
        left = (self.timing.stop - time.time()) / 60
        minutes = left if run.minutes is None else min(left, run.minutes)
        return [sys.executable, 'tools/train.py', run.config, '--work-dir', str(folder), '--resume', '--seed',
                str(run.seed), '--minutes', f'{minutes:.4f}', *run.train, *options]

    def _environment(self) -> dict[str, str]:
        own = {name: str(value).replace('{home}', str(self.home)) for name, value in self.plan.environment.items()}
        threads = dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), str(self.threads))
        return {**os.environ, **threads, 'IRSTD_DATA_ROOT': str(self.home / 'data'), 'PYTHONUNBUFFERED': '1', **own}

    def _reap(self) -> None:
        for job in [job for job in self.jobs if job.process.poll() is not None]:
            self.jobs.remove(job)
            self._ended(job)

    def _ended(self, job: Job) -> None:
        folder, code = self.home / 'runs' / job.run.name, job.process.returncode
        if job.kind == 'train' and code == 0 and (
                job.run.annealed and not self.stopping or states.epoch_of(folder) >= job.run.epochs):
            states.mark_trained(folder)
        elif job.kind == 'train' and (code == 0 or self.stopping):
            self.ended.add(job.run.name)  # ended in time; the next slot goes on
        elif code and not self.stopping:
            self.failed[job.run.name] = f'{job.kind} ended with status {code}: {_last_words(job.log)}'
            print(f'failed {job.run.name}: {self.failed[job.run.name]}', file=sys.stderr, flush=True)

    def _end_all(self) -> None:
        """Ask every process to end, and end those that do not."""
        self.stopping = True
        for job in self.jobs:
            job.process.terminate()
        until = time.time() + _PATIENCE
        for job in self.jobs:
            with contextlib.suppress(subprocess.TimeoutExpired):
                job.process.wait(max(until - time.time(), 0.01))
        self._kill()
        self._reap()

    def _kill(self) -> None:
        for job in self.jobs:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(job.process.pid, signal.SIGKILL)
            job.process.wait()

    def _gather(self) -> None:
        self.gatherer.gather(self.status())
        self.gathered = time.time()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and Ctrl-C end the slot as its time does; whatever happens, no process is left behind."""
        def ask(*_: Any) -> None:
            self.asked = True
        before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._kill()


def _last_words(log: Path, lines: int = 3) -> str:
    text = log.read_text(errors='replace').strip().splitlines()
    return ' / '.join(text[-lines:])[-500:] or 'it printed nothing'
