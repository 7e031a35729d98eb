"""Training: optimizers, mixed precision, hooks and checkpoints; importing this package registers them."""

from .amp import AmpWrapper
from .anneal_hook import AnnealHook
from .checkpoint import load_weights, read_checkpoint
from .clip_hooks import ExportCLIPHook, StartValidationHook
from .deadline_hook import DeadlineHook
from .determinism import irstd_worker_init
from .hooks import CheckpointHook, CollapseGuardHook, EpochSeedHook, NaNGuardHook
from .loops import IterBasedTrainLoop
from .optimizers import DecoupledAdagrad, build_adan
from .panel_hook import PanelHook
from .progress import CSVLoggerHook, ProgressHook
from .separate_optimizers import SeparateOptimizers
from .stamp import StampHook
from .weights_only import FreshOptimizerHook

__all__ = [
    'AmpWrapper', 'AnnealHook', 'CSVLoggerHook', 'CheckpointHook', 'CollapseGuardHook', 'DeadlineHook',
    'DecoupledAdagrad', 'EpochSeedHook', 'ExportCLIPHook', 'FreshOptimizerHook', 'IterBasedTrainLoop',
    'NaNGuardHook', 'PanelHook', 'ProgressHook', 'SeparateOptimizers', 'StampHook', 'StartValidationHook', 'build_adan',
    'irstd_worker_init', 'load_weights', 'read_checkpoint',
]
