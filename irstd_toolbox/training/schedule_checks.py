"""How long a training lasts, and what moves its rate: checked before a run leaves a trace on disk."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import IterBasedTrainLoop
from torch import nn

from ..errors import ConfigError, check_least
from ..registry import LOOPS, check_kinds

__all__ = ['as_list', 'check_counting', 'check_length', 'check_schedules', 'counts_iterations', 'per_step']


def as_list(value: Any) -> list:
    """A list of what a config gives alone, as a list, or not at all."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def per_step(config: Config) -> int:
    """Images of a step, over all processes."""
    return config.train_dataloader.get('batch_size', 1) * get_world_size()


def check_length(config: Config) -> None:
    """Refuse lengths and intervals of a training that are no counts.

    Raises:
        ConfigError: If there is one.
    """
    for key in ('max_epochs', 'max_iters', 'val_begin', 'val_interval'):
        told = (config.get('train_cfg') or {}).get(key)
        if told is not None and (isinstance(told, bool) or not isinstance(told, int) or told < 1):
            raise ConfigError(f'train_cfg.{key}={told!r}: a whole number from 1 is expected.')
    for key, of_all in (('interval', 'no checkpoint but the best'), ('max_keep_ckpts', 'keeping all')):
        told = ((config.get('default_hooks') or {}).get('checkpoint') or {}).get(key, -1)
        if isinstance(told, bool) or not isinstance(told, int) or told < 1 and told != -1:
            raise ConfigError(f'default_hooks.checkpoint.{key}={told!r}: a whole number from 1 is expected, or -1 for '
                              f'{of_all}.')


def counts_iterations(loop: dict) -> bool:
    """Whether a ``train_cfg`` is of a training that counts iterations.

    Raises:
        ConfigError: If it does not say by exactly one of ``type`` and ``by_epoch``.
    """
    if ('type' in loop) == ('by_epoch' in loop):
        raise ConfigError(f'train_cfg={dict(loop)}: exactly one of type and by_epoch is expected, such as '
                          "dict(type='EpochBasedTrainLoop', max_epochs=400).")
    kind = LOOPS.get(loop.type) if isinstance(loop.get('type'), str) else loop.get('type')
    return issubclass(kind, IterBasedTrainLoop) if isinstance(kind, type) else not loop.get('by_epoch', True)


def check_counting(config: Config) -> None:
    """Refuse what waits for the end of an epoch where the engine's loop ends none before the training.

    Raises:
        ConfigError: If checkpoints or a schedule do.
    """
    saver = (config.get('default_hooks') or {}).get('checkpoint') or {}
    if saver.get('by_epoch', True) and saver.get('interval', -1) != -1:
        raise ConfigError('train_cfg counts iterations and default_hooks.checkpoint epochs, so that nothing would be '
                          'saved before the end: set default_hooks.checkpoint.by_epoch=False and its interval in '
                          'iterations.')
    for one in _schedules(config):
        by_validation = getattr(PARAM_SCHEDULERS.get(one.get('type')), 'need_val_args', False)
        if one.get('by_epoch', True) and not (one.get('convert_to_iter_based', False) or by_validation):
            raise ConfigError(f'train_cfg counts iterations and param_scheduler {one.get("type")} epochs, so that the '
                              'rate would stay where it begins: give it by_epoch=False and its begin and end in '
                              'iterations, or convert_to_iter_based=True.')


def _schedules(config: Config) -> list[dict]:
    told = config.get('param_scheduler') or []
    if isinstance(told, dict) and 'type' not in told:  # lists by the name of their optimizer
        told = [one for several in told.values() for one in as_list(several)]
    return [one for one in as_list(told) if isinstance(one, dict)]


def check_schedules(config: Config, images: int) -> None:
    """Step each schedule at its beginning: the engine first does so after an epoch. Warn of one that is cut off.

    Args:
        config: The config of a run.
        images: Length of the training list.

    Raises:
        ConfigError: If one cannot be stepped, or has values of another kind or range.
    """
    length = max(images // per_step(config), 1)
    epochs = config.train_cfg.get('max_epochs', 1)
    _check_ends(config, _schedules(config), images)
    for one in _schedules(config):
        end = epochs if one.get('by_epoch', True) else config.train_cfg.get('max_iters', epochs * length)
        optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(1))])  # has every value that schedules move
        schedule = PARAM_SCHEDULERS.build(
            {'end': end, **one}, default_args=dict(optimizer=optimizer, epoch_length=length))
        if getattr(schedule, 'need_val_args', False):
            continue
        schedule._global_step = schedule.begin
        optimizer.step()
        try:
            for _ in range(2):
                schedule.step()
        except Exception as error:
            arguments = ', '.join(f'{name}={value!r}' for name, value in one.items() if name != 'type')
            raise ConfigError(f'param_scheduler: {one["type"]}({arguments}) cannot be stepped ({type(error).__name__}: '
                              f'{error}).') from error
        check_kinds(type(schedule), one)
        least = {name: one[name] for name in ('gamma', 'eta_min') if one.get(name) is not None}
        check_least(schedule, 0, **least)  # at a negative rate the loss would rise
        check_least(schedule, 1, step_size=one.get('step_size', 1))


def _check_ends(config: Config, schedules: Sequence[dict], images: int) -> None:
    """Warn of schedules that training ends before, as where its epochs alone were made fewer."""
    hooks = [hook.get('type') for hook in config.get('custom_hooks', ()) if isinstance(hook, dict)]
    if 'AnnealHook' in hooks:
        return
    epochs, iterations = config.train_cfg.get('max_epochs'), config.train_cfg.get('max_iters')
    if epochs:
        iterations = epochs * -(-images // per_step(config))
    late = []
    for one in schedules:
        last, unit = (epochs, 'epochs') if one.get('by_epoch', True) else (iterations, 'steps')
        if last and one.get('end') and one['end'] > last:
            late.append((one['end'], f'Training ends after {last} {unit}, param_scheduler after {one["end"]}: its rate '
                                     'is cut off on its way. Set its ends, too, or give --minutes M --anneal.'))
    if late:
        warnings.warn(max(late)[1], stacklevel=4)
