"""Training: optimizers, mixed precision, hooks and checkpoints.

A name is imported when it is first asked for, since each loads torch and the engine, which takes seconds and is nothing
for a tool that only reads a config. ``.components`` imports all, which registers them.
"""

from importlib import import_module
from typing import Any

_NAMES = {
    'amp': ('AmpWrapper',),
    'anneal_hook': ('AnnealHook',),
    'checkpoint': ('load_weights', 'read_checkpoint'),
    'clip_hooks': ('ExportCLIPHook', 'StartValidationHook'),
    'deadline_hook': ('DeadlineHook',),
    'determinism': ('irstd_worker_init',),
    'hooks': ('CheckpointHook', 'CollapseGuardHook', 'EpochSeedHook', 'NaNGuardHook'),
    'loops': ('IterBasedTrainLoop',),
    'optimizers': ('DecoupledAdagrad', 'build_adan'),
    'panel_hook': ('PanelHook',),
    'progress': ('CSVLoggerHook', 'ProgressHook'),
    'separate_optimizers': ('SeparateOptimizers',),
    'stamp': ('StampHook',),
    'weights_only': ('FreshOptimizerHook',),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'.{_HOMES[name]}', __name__), name)


def __dir__() -> list[str]:
    return __all__
