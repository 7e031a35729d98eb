"""Run the steps of a benchmark: each when those before it are done, several at a time, each once."""

import fcntl
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..console import explain
from ..errors import ConfigError, UserError
from .jobs import LOG, Job, last_error
from .launching import Launch, guarded

__all__ = ['locked', 'run_jobs']

_PAUSE = 0.05
_GRACE = 10.0


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a benchmark's folder against other benchmarks; the system lets go of it however this process ends.

    Raises:
        ConfigError: If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / '.lock', 'a+') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise ConfigError(f'{folder} is in use by another benchmark (process {file.read().strip() or "unknown"}). '
                              'Wait for it, end it, or choose another --out.') from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@dataclass(eq=False)
class _Running:
    job: Job
    process: subprocess.Popen
    slot: Mapping[str, str]
    inputs: dict[str, Any]
    log: Path
    offset: int
    started: float


def run_jobs(jobs: Sequence[Job], launch: Launch, slots: Sequence[Mapping[str, str]], out: Path,
             tell: Callable[[Job, str], None]) -> None:
    """Bring every job to ``done`` or ``failed``.

    Args:
        jobs: In the order in which they start; all that one needs come before it.
        launch: How commands are made.
        slots: Variables of every job that may run at a time.
        out: The benchmark's folder, which is no part of what a result depends on.
        tell: Called with a job and what happens to it: ``'kept'``, ``'idle'``, ``'new'``, ``'continued'``,
            ``'stale: WHY'``, ``'done'`` or ``'failed: WHY'``.
    """
    free, running = list(slots), []
    ready: dict[Job, dict[str, Any]] = {}
    try:
        while any(job.state in ('waiting', 'running') for job in jobs):
            for job in jobs:
                if job.state == 'waiting':
                    _advance(job, ready, out, tell)
                if job.state == 'waiting' and job in ready and free:
                    running += _start(job, launch, free, ready.pop(job), tell)
            for one in list(running):
                if one.process.poll() is not None:
                    running.remove(one)
                    free.append(one.slot)
                    _finish(one, tell)
            if running:
                time.sleep(_PAUSE)
    finally:
        _stop([one.process for one in running])


def _advance(job: Job, ready: dict[Job, dict[str, Any]], out: Path, tell: Callable[[Job, str], None]) -> None:
    """Fail a job whose need failed; ask one whose needs are done what it depends on, and whether it has been done."""
    lost = next((other for other in job.after if other.state == 'failed'), None)
    if lost is not None:
        _fail(job, lost.error if lost.error.startswith('could not ') else f'could not {lost.title}: {lost.error}', tell)
        return
    if job in ready or any(other.state != 'done' for other in job.after):
        return
    if job.idle:
        job.state = 'done'
        tell(job, 'idle')
        return
    try:
        inputs = _portable(job.inputs(), out)
    except Exception as error:  # a data set or a component may refuse in its own way
        _fail(job, _in_words(error), tell)
        return
    verdict, why = job.look(inputs)
    if verdict == 'done':
        job.state, job.kept = 'done', True
        tell(job, 'kept')
        return
    ready[job] = dict(inputs=inputs, verdict=verdict, why=why)


def _portable(inputs: dict[str, Any], out: Path) -> dict[str, Any]:
    """``inputs`` with paths relative to the benchmark's folder, so that the folder may move."""
    return json.loads(json.dumps(inputs).replace(json.dumps(f'{out.resolve()}{os.sep}')[1:-1], ''))


def _in_words(error: Exception) -> str:
    text = str(error) if isinstance(error, UserError) else explain(error)
    return (text or f'{type(error).__name__}: {error}').strip().replace('\n', ' ')


def _fail(job: Job, why: str, tell: Callable[[Job, str], None]) -> None:
    job.state, job.error = 'failed', why
    tell(job, f'failed: {why}')


def _start(job: Job, launch: Launch, free: list[Mapping[str, str]], about: dict[str, Any],
           tell: Callable[[Job, str], None]) -> list[_Running]:
    verdict, inputs = about['verdict'], about['inputs']
    try:
        job.begin(verdict, inputs)
        command = job.command(launch, verdict == 'continued')
    except (OSError, UserError) as error:
        _fail(job, _in_words(error), tell)
        return []
    tell(job, f'stale: {about["why"]}' if verdict == 'stale' else verdict)
    slot, log = free.pop(0), job.folder / LOG
    with log.open('a', encoding='utf-8') as file:
        file.write(f'$ {" ".join(command)}\n')
        file.flush()
        offset = file.tell()
        process = subprocess.Popen(guarded(command), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                   env=dict(os.environ, **slot))
    job.state = 'running'
    return [_Running(job, process, slot, inputs, log, offset, time.monotonic())]


def _finish(one: _Running, tell: Callable[[Job, str], None]) -> None:
    job, status, seconds = one.job, one.process.returncode, round(time.monotonic() - one.started, 1)
    why = None
    if status:
        with one.log.open(encoding='utf-8', errors='replace') as file:
            file.seek(one.offset)
            why = last_error(file.read())
        why = f'ended by signal {-status}; before that: {why}' if status < 0 else why
    else:
        try:
            job.outcome = job.result()
        except (OSError, ValueError, KeyError, UserError) as error:
            why = f'it ended well, but left nothing to read: {_in_words(error)}'
    if why is None:
        job.write('done', one.inputs, seconds=seconds)
        job.state = 'done'
        tell(job, 'done')
    else:
        job.outcome = {}
        job.write('failed', one.inputs, seconds=seconds, error=why)
        _fail(job, why, tell)


def _stop(processes: Sequence[subprocess.Popen]) -> None:
    """End what still runs, as after Ctrl-C."""
    for process in processes:
        process.terminate()
    until = time.monotonic() + _GRACE
    for process in processes:
        try:
            process.wait(max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
