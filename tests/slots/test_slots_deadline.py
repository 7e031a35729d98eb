"""Trainings end in good time, and lose nothing when they are ended."""

import csv
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook as EngineCheckpointHook
from mmengine.runner import EpochBasedTrainLoop

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.training.checkpoint import read_checkpoint
from irstd_toolbox.training.deadline_hook import DeadlineHook, Stopped


class Clock:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _ended_after(until: float, epoch_time: float, val_time: float, val_interval: int = 2, epochs: int = 10,
                 begin: int = 1, compiling: float = 0.0) -> int:
    """The epoch after which a training of a fake clock ends."""
    clock, hook = Clock(), None
    hook = DeadlineHook(until, margin=5.0, clock=clock)
    loop = SimpleNamespace(stop_training=False, val_begin=begin, val_interval=val_interval, max_epochs=epochs)
    runner = SimpleNamespace(train_loop=loop, val_loop=object(), epoch=0, max_epochs=epochs, train_dataloader=[0] * 4,
                             logger=SimpleNamespace(info=lambda text: None))
    while runner.epoch < epochs and not loop.stop_training:
        hook.before_train_epoch(runner)
        for step in range(4):
            clock.now += epoch_time / 4 + (0.0 if runner.epoch or step else compiling)
            hook.after_train_iter(runner, step)
        hook.after_train_epoch(runner)
        runner.epoch += 1
        if runner.epoch % val_interval == 0 and runner.epoch >= begin:
            hook.before_val_epoch(runner)
            clock.now += val_time
            hook.after_val_epoch(runner)
    assert clock.now <= until or runner.epoch == 1
    return runner.epoch


@pytest.mark.parametrize('until, ended', [
    (1000.0, 10),  # 10 epochs of 10 s and 5 validations of 4 s are 120 s
    (62.0, 4),     # after 4 epochs and 2 validations it is 48 s; a fifth epoch ends at 58 s, and 5 s stay free
    (64.0, 5),     # 58 + 5 fit now
    (3.0, 1)])     # the first is not interrupted
def test_a_training_ends_after_the_last_epoch_that_fits(until: float, ended: int) -> None:
    assert _ended_after(until, 10.0, 4.0) == ended


def test_the_validation_of_the_next_epoch_counts() -> None:
    # After epoch 3 (34 s with one validation of 4 s) the fourth would end at 44 s and its validation at 48 s.
    assert _ended_after(52.9, 10.0, 4.0) == 3
    assert _ended_after(53.0, 10.0, 4.0) == 4


def test_validations_begin_and_the_last_epoch_has_one() -> None:
    assert _ended_after(52.9, 10.0, 4.0, begin=5) == 4  # 40 s, and a fifth epoch would end at 50 s
    # After epoch 4 and its validation (48 s) the fifth, which is the last, would end at 58 s and its own at 62 s.
    assert _ended_after(66.9, 10.0, 4.0, epochs=5) == 4
    assert _ended_after(67.0, 10.0, 4.0, epochs=5) == 5


def test_a_run_is_checkpointed_by_epochs_and_gives_the_signal_back() -> None:
    hook, saver, before = DeadlineHook(0.0), EngineCheckpointHook(by_epoch=False), signal.getsignal(signal.SIGTERM)
    hook.before_run(SimpleNamespace(train_loop=object.__new__(EpochBasedTrainLoop), hooks=[hook, saver]))
    assert saver.by_epoch and hook.savers == [saver] and signal.getsignal(signal.SIGTERM) == hook._ask
    hook.close(None)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_validation_never_seen_is_taken_to_last_as_long_as_an_epoch() -> None:
    # After epoch 1 (10 s) the second and its validation are taken for 20 s.
    assert _ended_after(34.9, 10.0, 1.0) == 1
    assert _ended_after(35.0, 10.0, 1.0) == 2


def test_a_first_epoch_that_waited_for_a_compiler_is_no_measure() -> None:
    # The first ends at 110 s, the next at 120 and 130 s.
    assert _ended_after(135.0, 10.0, 0.0, 99, 20, compiling=100.0) == 3
    assert _ended_after(134.9, 10.0, 0.0, 99, 20, compiling=100.0) == 2
    assert _ended_after(124.9, 10.0, 0.0, 99, 20, compiling=100.0) == 1


def test_a_slow_epoch_is_forgotten_after_five() -> None:
    clock = Clock()
    hook = DeadlineHook(1e9, clock=clock)
    loop = SimpleNamespace(stop_training=False, val_begin=1, val_interval=99, max_epochs=99)
    runner = SimpleNamespace(train_loop=loop, val_loop=None, epoch=0, max_epochs=99)
    for seconds in (2.0, 30.0, 2.0, 2.0, 2.0, 2.0, 3.0):
        hook.before_train_epoch(runner)
        clock.now += seconds
        hook.after_train_epoch(runner)
    assert list(hook.epoch_times) == [2.0, 2.0, 2.0, 2.0, 3.0]


def test_a_training_that_does_not_count_epochs_is_refused() -> None:
    with pytest.raises(ConfigError, match='EpochBasedTrainLoop'):
        DeadlineHook(0.0).before_run(SimpleNamespace(train_loop=object(), hooks=[]))


def test_being_asked_ends_at_the_next_iteration_but_not_before_a_whole_epoch_is_saved() -> None:
    hook = DeadlineHook(1e12)
    runner = SimpleNamespace(train_dataloader=[0, 1, 2])
    hook._ask()
    hook.after_train_iter(runner, 2)
    with pytest.raises(Stopped):
        hook.after_train_iter(runner, 1)


def _finish(process: BaseProcess) -> None:
    process.join(timeout=300)
    assert process.exitcode == 0


def _saved(work: Path) -> list[str]:
    return sorted(path.name for path in work.glob('epoch_*.pth'))


def _equal(first: Path, second: Path) -> bool:
    ours, theirs = (read_checkpoint(path) for path in (first, second))
    weights = all(torch.equal(ours['state_dict'][name], theirs['state_dict'][name]) for name in ours['state_dict'])
    states = [checkpoint['optimizer']['state'] for checkpoint in (ours, theirs)]
    moments = all(torch.equal(value, states[1][key][name]) if torch.is_tensor(value) else value == states[1][key][name]
                  for key, entry in states[0].items() for name, value in entry.items())
    return weights and moments and states[0].keys() == states[1].keys() and len(states[0]) > 0


class Saver(EngineCheckpointHook):
    """Notes after which epochs it would save."""

    def __init__(self) -> None:
        super().__init__(interval=99)
        self.epochs: list[int] = []

    def after_train_epoch(self, runner: SimpleNamespace) -> None:
        if self.every_n_epochs(runner, self.interval):
            self.epochs.append(runner.epoch + 1)


def test_short_epochs_are_checkpointed_some_seconds_apart_and_the_last_one_always() -> None:
    clock, saver = Clock(), Saver()
    hook = DeadlineHook(23.5, margin=1.0, apart=5.0, clock=clock)
    loop = SimpleNamespace(stop_training=False, val_begin=1, val_interval=99, max_epochs=99)
    runner = SimpleNamespace(train_loop=loop, val_loop=None, epoch=0, max_epochs=99, train_dataloader=[0],
                             logger=SimpleNamespace(info=lambda text: None))
    hook.savers = [saver]
    while not loop.stop_training:
        hook.before_train_epoch(runner)
        clock.now += 2.0
        hook.after_train_iter(runner, 0)
        saver.after_train_epoch(runner)
        hook.after_train_epoch(runner)
        runner.epoch += 1
    assert saver.epochs == [1, 4, 7, 10, 11] and runner.epoch == 11  # at 2, 8, 14 and 20 s, and at 22 s, the last


def test_a_signal_in_mid_epoch_keeps_the_checkpoint_and_resuming_repeats_an_uninterrupted_run(
        train: Callable, paused: Path, tmp_path: Path) -> None:
    numbers, patience = (signal.SIGTERM, signal.SIGKILL), time.monotonic() + 120
    works = [tmp_path / number.name for number in numbers]
    processes = [train(work, '--minutes', '30') for work in works]
    while any(_saved(work) != ['epoch_2.pth'] for work in works) and time.monotonic() < patience:
        time.sleep(0.02)  # an outdated checkpoint goes after its successor came
    for process, number in zip(processes, numbers, strict=True):
        os.kill(process.pid, number)
    paused.touch()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, -signal.SIGKILL]
    _finish(train(tmp_path / 'whole'))
    for work in works:
        assert _saved(work) == ['epoch_2.pth']
        _finish(train(work, '--resume'))
        assert _equal(tmp_path / 'whole' / 'epoch_4.pth', work / 'epoch_4.pth')


def test_a_training_without_time_ends_after_its_first_epoch(
        train: Callable, tmp_path: Path) -> None:
    _finish(train(tmp_path / 'work', '--minutes', '0.01'))
    assert _saved(tmp_path / 'work') == ['epoch_1.pth']


def test_an_annealed_training_ends_with_its_schedule_and_its_last_validation(
        train: Callable, ticking: None, tmp_path: Path) -> None:
    work = tmp_path / 'work'
    _finish(train(work, '--minutes', '2', '--anneal', '--cfg-options', 'train_cfg.max_epochs=20000',
                  'train_cfg.val_interval=20000', 'param_scheduler.0.end=20000'))
    last, = _saved(work)
    epoch = last.removeprefix('epoch_').removesuffix('.pth')
    assert [row['epoch'] for row in csv.DictReader((work / 'val.csv').open())] == [epoch]
    schedule, = read_checkpoint(work / last)['param_schedulers']
    assert schedule['_global_step'] > 0.8 * schedule['end'] and int(epoch) < 1000
