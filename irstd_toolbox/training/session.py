"""One training run, from a config's path to its last checkpoint."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import EMAHook

from ..errors import ConfigError
from ..evaluation.files import check_folder
from ..registry import HOOKS
from . import distributed
from .checkpoint import check_fits, check_resumable, read_checkpoint, resolve_resume
from .config_edits import load_config, select_on_test, set_amp, set_seed, set_workers, work_folder
from .deadline_hook import DeadlineHook, Stopped
from .preflight import Preflight, preflight
from .progress import ProgressHook
from .runner import IRSTDRunner
from .stamp import check_own, listed_as, stamp_of

__all__ = ['start_training']


def start_training(
    path: str, options: Sequence[str] = (), *, work_dir: str | None = None, resume: str | None = None,
    amp: str | None = None, seed: int | None = None, on_test: bool = False, launcher: str = 'none',
    until: float | None = None, anneal: bool = False,
) -> Path | None:
    """Train the model of a config; nothing is written before data, model and checkpoint were found to be right.

    Args:
        path: The config.
        options: ``KEY=VALUE`` pairs over it.
        work_dir: Where checkpoints and logs go; None for the config's, or ``work_dirs/CONFIG``.
        resume: ``'auto'`` for the last checkpoint in ``work_dir``, or a checkpoint's path.
        amp: ``'auto'``, ``'bf16'`` or ``'fp16'``.
        seed: Replaces the config's.
        on_test: Choose the best checkpoint on the test list.
        launcher: See :func:`distributed.start`.
        until: When the training has to end, in seconds since 1970; see :class:`DeadlineHook`.
        anneal: Whether the schedules end with that time; see :class:`AnnealHook`.

    Returns:
        The work folder; None on processes other than the first.

    Raises:
        UserError: If the input is not as it has to be, or the loss becomes nan.
    """
    if anneal and until is None:
        raise ConfigError('--anneal ends the schedules with the time of --minutes M, which is not given. Give both, or '
                          'leave --anneal out.')
    distributed.start(launcher)  # first: loggers of all processes but one are quiet from then on
    config = load_config(path, options)
    config.launcher = launcher
    if launcher != 'none' and not config.get('model_wrapper_cfg'):
        config.model_wrapper_cfg = distributed.wrapper_config(config.get('find_unused_parameters', False))
    config.work_dir = work_dir or str(work_folder(config))
    check_folder(Path(config.work_dir))
    before = resolve_resume(config.work_dir)
    if work_dir is None and before:
        check_own(config, before)
    set_workers(config)
    if amp:
        set_amp(config, amp)
    if on_test:
        select_on_test(config)
    _set_start(config, resume, seed, before)
    if anneal:
        config.custom_hooks = [*config.get('custom_hooks', ()), dict(type='AnnealHook')]
    if until is not None:
        config.custom_hooks = [*config.get('custom_hooks', ()), dict(type='DeadlineHook', until=until)]
    built = preflight(config, on_test)
    _check_start(config, built)
    if is_main_process():
        print(_announcement(config, built), flush=True)
    del built
    runner = IRSTDRunner.from_cfg(config)
    try:
        runner.train()
    except Stopped:
        print('training was asked to end; its last checkpoint is kept', flush=True)
    finally:
        for hook in runner.hooks:
            if isinstance(hook, ProgressHook | DeadlineHook):
                hook.close(runner)
    return Path(config.work_dir) if is_main_process() else None


def _set_start(config: Config, resume: str | None, seed: int | None, before: Path | None) -> None:
    """Decide where training starts, and with which seed; ``before`` is the work folder's last checkpoint."""
    resume = resume or ('auto' if config.get('resume') else None)
    found = resume
    if resume == 'auto':
        found = config.get('load_from') if config.get('resume') else None
        found = found or before
        if found is None and is_main_process():
            print(f'{config.work_dir} holds no checkpoint to resume from: training starts at the beginning', flush=True)
    config.resume = bool(found)
    if not found:
        set_seed(config, seed)
        if before and is_main_process():
            print(f'{config.work_dir} holds a training already ({before.name}), whose tables and best checkpoint are '
                  'replaced: --resume would go on with it, --work-dir DIR leaves it', flush=True)
        return
    config.load_from = str(found)
    meta = read_checkpoint(config.load_from)['meta']
    if stamp_of(meta).get('resumed'):
        config.custom_hooks = [*config.get('custom_hooks', ()), dict(type='FreshOptimizerHook')]
    saved = meta.get('seed')
    if seed is not None and saved not in (None, seed):
        raise ConfigError(f'{found} was trained with seed {saved}, --seed says {seed}. A resumed run keeps its seed: '
                          'leave --seed out.')
    set_seed(config, saved if saved is not None else seed)


def _check_start(config: Config, built: Preflight) -> None:
    if config.get('load_from'):
        checkpoint = read_checkpoint(config.load_from)
        check_fits(built.model, checkpoint['state_dict'], config.load_from, weights_only=not checkpoint['meta'])
        if config.resume:
            check_resumable(checkpoint, config.load_from, scheduled=config.get('param_scheduler') is not None,
                            averaged=_averages(config))


def _averages(config: Config) -> bool:
    hooks = [*config.get('default_hooks', {}).values(), *config.get('custom_hooks', ())]
    kinds = [hook['type'] if isinstance(hook, dict) else type(hook) for hook in hooks if hook is not None]
    return any(issubclass(HOOKS.get(kind) if isinstance(kind, str) else kind, EMAHook) for kind in kinds)


def _announcement(config: Config, built: Preflight) -> str:
    train = built.datasets['train']
    described = hasattr(train, 'get_data_info') and sum(
        bool(train.get_data_info(place).get('description')) for place in range(len(train)))
    parts = [f'training on {len(built.datasets["train"])} images'
             + (f' ({described} with a description)' if described else '')]
    if 'val' in built.datasets:
        validation = built.datasets['val']
        parts.append(f'validating on {len(validation)} ({listed_as(validation)})')
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU'
    processes = get_world_size()
    parts.append(f'{processes} processes on {device}' if processes > 1 else device)
    parts.append(f'seed {config.randomness.seed}')
    if config.get('load_from'):
        parts.append(f'{"resuming" if config.resume else "starting"} from {config.load_from}')
    return ', '.join(parts)
