"""End a training in good time: after the last whole epoch that fits, or when asked to."""

import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from mmengine.dist import broadcast, get_world_size
from mmengine.hooks import CheckpointHook as EngineCheckpointHook
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from ..errors import ConfigError
from ..registry import HOOKS

__all__ = ['DeadlineHook', 'Stopped', 'deadline_of']

_NEVER = sys.maxsize
_LATELY = 5


class Stopped(Exception):  # noqa: N818 - no error: the training was asked to end
    """The training was asked to end; what was done after the last checkpoint is lost."""


@HOOKS.register_module()
class DeadlineHook(Hook):
    """End the training before the time is up, so that resuming it repeats an uninterrupted one.

    After an epoch whose successor, with its validation and its checkpoint, would not fit into the time that is left,
    training ends as if it were finished. SIGTERM ends it at the next boundary of two iterations; the state is then that
    of the last checkpoint. Whatever the interval of the config, an epoch is checkpointed when the last one is ``apart``
    seconds old, so that a signal loses no more than those and one epoch, and the last one before the end always is.

    Args:
        until: When the time is up, on the clock's scale.
        margin: Seconds that stay free at the end.
        apart: Seconds between two checkpoints. A network of 50 M parameters writes 600 MB, which short epochs would do
            all the time.
        clock: Gives seconds, since 1970 by default.

    Attributes:
        last: Whether the epoch after which the time is up is the training's last, to be validated as such.

    Raises:
        ConfigError: If the training does not count epochs.

    Note:
        The next epoch is taken to last as long as the longest of the last five, checkpoint included, and a validation
        likewise. The first epoch, in which compilers work and kernels are chosen, counts as twice its second half.
        Before the first validation it is taken to last as long as an epoch. Of several processes the first decides for
        all, and SIGTERM ends them after an epoch.
    """

    priority = 'LOWEST'  # after the checkpoint of the epoch

    def __init__(self, until: float, margin: float = 5.0, apart: float = 5.0,
                 clock: Callable[[], float] = time.time) -> None:
        self.end, self.margin, self.apart, self.clock = until, margin, apart, clock
        self.savers: list[EngineCheckpointHook] = []
        self.saved: float | None = None
        self.asked, self.before = False, None
        self.last = False
        self.epoch_times, self.val_times = (deque([], _LATELY) for _ in range(2))
        self.epoch_began = self.val_began = 0.0
        self.half: tuple[float, float] | None = None

    def before_run(self, runner: Runner) -> None:
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ConfigError('A training that is to end in time counts epochs: set '
                              "train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=...).")
        self.savers = [hook for hook in runner.hooks if isinstance(hook, EngineCheckpointHook)]
        for saver in self.savers:
            saver.by_epoch = True
        try:
            self.before = signal.signal(signal.SIGTERM, self._ask)
        except ValueError:  # not in the main thread, which alone gets signals
            self.before = None

    def _ask(self, *_: Any) -> None:
        self.asked = True

    def before_train_epoch(self, runner: Runner) -> None:
        self._end_if_asked()
        self.epoch_began = self.clock()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        if not self.end_of_epoch(runner.train_dataloader, batch_idx):
            self._end_if_asked()
            done, steps = batch_idx + 1, len(runner.train_dataloader)
            if not self.epoch_times and done == steps // 2:
                self.half = self.clock(), steps / (steps - done)
            return
        now = self.clock()
        due = self._agreed(self.asked or self.saved is None or now - self.saved >= self.apart)
        self.saved = now if due else self.saved
        for saver in self.savers:
            saver.interval = 1 if due else _NEVER

    def after_train_epoch(self, runner: Runner) -> None:
        now = self.clock()
        times = [now - self.epoch_began]
        if self.half and not self.epoch_times:
            middle, share = self.half
            times.append((now - middle) * share)
        self.epoch_times.append(min(times))
        done = runner.epoch + 1
        after = _validates(runner, done + 1) or self.last and runner.val_loop is not None
        needed = max(self.epoch_times) + self.margin + (_validates(runner, done) + after) * self._validation_time()
        if self._agreed(self.asked or now + needed > self.end) and done < runner.max_epochs:
            runner.train_loop.stop_training = True
            if self.last:
                runner.train_loop._max_epochs = done
                runner.train_loop.val_begin = min(runner.train_loop.val_begin, done)
            for saver in self.savers:
                if saver.interval == _NEVER:
                    saver.interval = 1
                    saver.after_train_epoch(runner)
            runner.logger.info(f'ending after epoch {done} of {runner.max_epochs}: the next would need about '
                               f'{needed:.0f} s, {self.end - now:.0f} s are left')

    def before_val_epoch(self, runner: Runner) -> None:
        self.val_began = self.clock()

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self._end_if_asked()

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        self.val_times.append(self.clock() - self.val_began)

    def training_ends(self) -> float:
        """When the last epoch has to be over for its validation to fit."""
        return self.end - self.margin - self._validation_time()

    def close(self, runner: Runner) -> None:
        """Give the signal back."""
        if self.before is not None:
            signal.signal(signal.SIGTERM, self.before)
            self.before = None

    def _validation_time(self) -> float:
        return max(self.val_times or self.epoch_times, default=0.0)

    def _end_if_asked(self) -> None:
        if self.asked and get_world_size() == 1:
            raise Stopped

    def _agreed(self, stop: bool) -> bool:
        flag = torch.tensor([int(stop)])
        broadcast(flag)
        return bool(flag.item())


def deadline_of(runner: Runner) -> DeadlineHook | None:
    """The hook that ends a training in time; None where nothing does."""
    return next((hook for hook in runner.hooks if isinstance(hook, DeadlineHook)), None)


def _validates(runner: Runner, epoch: int) -> bool:
    """Whether a validation follows an epoch, counted from 1."""
    loop = runner.train_loop
    return runner.val_loop is not None and epoch >= loop.val_begin and (
        epoch % loop.val_interval == 0 or epoch == loop.max_epochs)
