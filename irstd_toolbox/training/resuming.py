"""What a resumed training takes from its checkpoint, whatever its config says now."""

import inspect
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from mmengine.optim import OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop, Runner

from ..errors import CheckpointError

__all__ = ['check_continues']


def check_continues(runner: Runner, checkpoint: dict, source: str) -> None:
    """Warn of optimizers and schedules with other options, of epochs of other length, and of a training at its end.

    Args:
        runner: With its optimizers and schedules built.
        checkpoint: As :func:`.checkpoint.read_checkpoint` gives it.
        source: Where it comes from, for the message.

    Raises:
        CheckpointError: If the checkpoint is of optimizers or schedules of other kinds, or of other numbers of them.
    """
    remedy = ('Resume with the config of that run and as many processes, or begin anew with its weights, --cfg-options '
              f'load_from={source}, without --resume.')
    kept: dict[str, str] = {}
    for place, own, saved in [*_optimizers(runner, checkpoint), *_schedules(runner, checkpoint)]:
        both = own is not None and saved is not None
        absent = sorted(name for name, value in own.items() if value and name not in saved) if both else []
        if not both or absent:
            without = f', without {", ".join(absent)}' if absent else ''
            raise CheckpointError(f'{source} cannot be resumed from: what it has for {place} is of another kind or '
                                  f'number{without}. {remedy}')
        for name, value in own.items():
            if name in saved and _plain(saved[name]) != _plain(value):
                kept.setdefault(f'{place}.{name}', f'{saved[name]}, not {value}')
    if kept:
        runner.logger.warning('Training goes on as the checkpoint has it, whatever the config says: '
                              f'{"; ".join(map(" ".join, kept.items()))}. {remedy}')
    epoch, steps = checkpoint['meta']['epoch'], checkpoint['meta']['iter']
    by_epoch, length = isinstance(runner.train_loop, EpochBasedTrainLoop), len(runner.train_dataloader)
    if by_epoch and not epoch * length <= steps < (epoch + 1) * length:
        runner.train_loop._max_iters = steps + (runner.max_epochs - epoch) * length
        runner.logger.warning(f'{source} is after epoch {epoch} and {steps} steps, and an epoch has {length} here: the '
                              'number of processes, the batch size or the training list is another. A schedule that '
                              f'counts steps ends earlier or later than the training. {remedy}')
    key, done = ('max_epochs', epoch) if by_epoch else ('max_iters', steps)
    if done >= getattr(runner, key):
        runner.logger.warning(f'{source} is at the end of train_cfg.{key}={getattr(runner, key)} already: nothing is '
                              'left to train. Raise it to go on.')


def _plain(value: Any) -> Any:
    """A list as the tuple of the same values."""
    return tuple(value) if isinstance(value, list) else value


_Pair = tuple[str, dict | None, dict | None]


def _optimizers(runner: Runner, checkpoint: dict) -> Iterator[_Pair]:
    """Options of each group of parameters: its place in the config, this run's and the checkpoint's."""
    wrapper, states = runner.optim_wrapper, checkpoint['optimizer']
    several = isinstance(wrapper, OptimWrapperDict)
    for name, one in wrapper.items() if several else [('', wrapper)]:
        place = f'optim_wrapper.{name}.optimizer' if several else 'optim_wrapper.optimizer'
        saved = (states.get(name, {}) if several else states).get('param_groups', [])
        for groups in zip_longest(one.param_groups, saved):
            yield place, *(group and _of_group(group, _options(one.optimizer)) for group in groups)


def _of_group(group: dict, options: set[str]) -> dict[str, Any]:
    """The options of a group as they were before any schedule."""
    return {name: group.get(f'initial_{name}', value) for name, value in group.items() if name in options - {'params'}}


def _schedules(runner: Runner, checkpoint: dict) -> Iterator[_Pair]:
    """Options of each schedule: its place in the config, this run's and the checkpoint's."""
    own, saved = runner.param_schedulers or [], checkpoint.get('param_schedulers', [])
    if not isinstance(own, dict):
        own, saved = {'': own}, {'': saved}
    for name, schedules in own.items():
        for number, (one, state) in enumerate(zip_longest(schedules, saved.get(name, []))):
            place = '.'.join(filter(None, ('param_scheduler', name, str(number))))
            options = _options(one) - {'last_step', 'optimizer', 'verbose'}
            yield place, one and {key: value for key, value in vars(one).items() if key in options}, state


def _options(made: Any) -> set[str]:
    """The names of the arguments that an object can be made with."""
    return {name for base in type(made).__mro__ for name in inspect.signature(base.__init__).parameters}
