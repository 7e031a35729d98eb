"""What a slot begins, with which words, and what it says of what has ended."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from irstd_toolbox.slots.plan import Plan, Run
from irstd_toolbox.slots.running import Job, Slot, Timing


@pytest.mark.parametrize('own, left', [(None, 10.0), (2.5, 2.5), (30.0, 10.0)])
def test_a_run_with_minutes_of_its_own_takes_no_more_of_the_slot(own: float | None, left: float,
                                                                 tmp_path: Path) -> None:
    run = Run('one', 'c.py', 9, minutes=own)
    slot = Slot(Plan((run,)), tmp_path, tmp_path, None, Timing(time.time(), 10.5, reserve=30.0), 1, 1)
    command = slot._command(run, 'train')
    assert float(command[command.index('--minutes') + 1]) == pytest.approx(left, abs=0.02)


@pytest.mark.parametrize('arguments, epochs, stopping, finished', [
    ((), 9, False, False), ((), 2, True, True), (('--anneal',), 9, False, True), (('--anneal',), 9, True, False)])
def test_a_run_is_finished_with_its_last_epoch_and_an_annealed_one_with_its_time(
        arguments: tuple[str, ...], epochs: int, stopping: bool, finished: bool, tmp_path: Path,
        write_run: Callable) -> None:
    run = Run('one', 'c.py', epochs, train=arguments)
    slot = Slot(Plan((run,)), tmp_path, tmp_path, None, Timing(time.time(), 10), 1, 1)
    write_run(tmp_path, epoch=2)
    slot.stopping = stopping
    slot._ended(Job(run, 'train', SimpleNamespace(returncode=0), tmp_path / 'log'))
    assert slot.status()['one'] == dict(status='trained' if finished else 'training', epoch=2, epochs=epochs)


@pytest.mark.parametrize('kind', ['train', 'test'])
@pytest.mark.parametrize('stopping', [False, True])
def test_a_process_that_was_ended_with_the_slot_has_not_failed(
        kind: str, stopping: bool, tmp_path: Path) -> None:
    slot = Slot(Plan((Run('one', 'c.py', 9),)), tmp_path, tmp_path, None, Timing(time.time(), 10), 1, 1)
    slot.stopping = stopping
    (tmp_path / 'log').write_text('1\n2\n3\nerror: the reason\n')
    slot._ended(Job(slot.plan.runs[0], kind, SimpleNamespace(returncode=-15), tmp_path / 'log'))
    assert slot.failed == ({} if stopping else {
        'one': f'{kind} ended with status -15: 2 / 3 / error: the reason'})


def test_a_test_comes_before_the_next_training_and_none_is_begun_shortly_before_the_end(
        tmp_path: Path, write_run: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[list[str]] = []
    monkeypatch.setattr(subprocess, 'Popen', lambda command, **_: begun.append(command))
    write_run(tmp_path, 'two', trained=True)
    plan = Plan(tuple(Run(name, 'c.py', 2) for name in ('one', 'two', 'three')))
    for minutes in (0.2, 10.0):  # 12 s are too few
        Slot(plan, tmp_path, tmp_path, None, Timing(time.time(), minutes, reserve=0.0), 3, 1)._begin()
        assert len(begun) == (minutes > 1) * 3
    assert [command[1] for command in begun] == ['tools/test.py', 'tools/train.py', 'tools/train.py']


def test_a_process_has_its_threads_and_what_the_plan_sets(tmp_path: Path) -> None:
    plan = Plan((), environment=dict(OMP_NUM_THREADS='7', CACHE='{home}/cache'))
    found = Slot(plan, tmp_path, tmp_path, None, Timing(0.0, 10), 1, 3)._environment()
    assert [found[name] for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')] == ['7', '3', '3']
    assert (found['CACHE'], found['IRSTD_DATA_ROOT']) == (f'{tmp_path}/cache', f'{tmp_path}/data')
