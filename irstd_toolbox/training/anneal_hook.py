"""End the schedules of a training with the time that there is for it."""

from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.optim import _ParamScheduler
from mmengine.runner import Runner

from ..errors import ConfigError, check_least
from ..registry import HOOKS
from .deadline_hook import DeadlineHook, deadline_of

__all__ = ['AnnealHook']


@HOOKS.register_module()
class AnnealHook(Hook):
    """Go through what is left of a config's schedules in the time that is left, however many epochs that makes.

    After each step the schedulers are where the share of the time that is over has them, counted in the iterations and
    epochs that the config names: with half of the time over, a cosine of 600 epochs is at its 300th, whether 20 epochs
    were done or 200 (budgeted training: Li, Yumer, Ramanan, ICLR 2020). None falls behind the epochs that were done.
    Registered beside a :class:`DeadlineHook`, which ends the training at the same time; that end counts as the
    config's last epoch, which is validated and checkpointed.

    Args:
        skip: Steps before the time begins to count; the first of them wait for a compiler and choose kernels.

    Raises:
        ConfigError: If ``skip`` is negative, or there is no DeadlineHook.

    Note:
        A training that goes on in a further slot begins at the share that its schedulers have reached.
    """

    priority = 'VERY_LOW'  # after the schedulers' own step

    def __init__(self, skip: int = 5) -> None:
        check_least(self, 0, skip=skip)
        self.skip = skip
        self.deadline: DeadlineHook | None = None
        self.began, self.first = 0.0, 0.0

    def before_run(self, runner: Runner) -> None:
        self.deadline = deadline_of(runner)
        if self.deadline is None:
            raise ConfigError('A schedule can end with the time only where an end is set: give tools/train.py '
                              '--minutes, too.')
        self.deadline.last = True

    def before_train(self, runner: Runner) -> None:
        if not any(_schedulers(runner)):
            runner.logger.warning('--anneal finds no schedule that goes by time, so the learning rate stays as it is. '
                                  'Give the config a param_scheduler, such as that of '
                                  'configs/_base_/schedules/adan_600e.py.')
        self._begin(runner)

    def _begin(self, runner: Runner) -> None:
        self.began = self.deadline.clock()
        self.first = max((scheduler._global_step / _steps(scheduler, runner) for scheduler in _schedulers(runner)),
                         default=0.0)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        if self.skip:
            self.skip -= 1
            self._begin(runner)
            return
        left = self.deadline.training_ends() - self.began
        over = torch.tensor([(self.deadline.clock() - self.began) / left if left > 0 else 1.0], dtype=torch.float64)
        broadcast(over)
        share = self.first + (1 - self.first) * min(over.item(), 1.0)
        for scheduler in _schedulers(runner):
            while scheduler._global_step < int(share * _steps(scheduler, runner)):
                scheduler.step()


def _schedulers(runner: Runner) -> Iterator[_ParamScheduler]:
    """The schedulers that go by time; those that wait for a metric do not."""
    found = runner.param_schedulers or []
    for several in found.values() if isinstance(found, dict) else [found]:
        yield from (scheduler for scheduler in several if not getattr(scheduler, 'need_val_args', False))


def _steps(scheduler: _ParamScheduler, runner: Runner) -> int:
    """How many steps a scheduler makes in the whole of the config's training."""
    return runner.max_epochs if scheduler.by_epoch else runner.max_iters
