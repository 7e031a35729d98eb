"""What a config names of training; importing this module registers it, and has the engine read checkpoints safely."""

from mmengine.runner.checkpoint import CheckpointLoader

from . import (  # noqa: F401
    amp,
    anneal_hook,
    clip_hooks,
    deadline_hook,
    determinism,
    hooks,
    loops,
    optimizers,
    panel_hook,
    progress,
    separate_optimizers,
    stamp,
    weights_only,
)
from .checkpoint import SCHEMES, read_checkpoint

CheckpointLoader.register_scheme(prefixes=SCHEMES, loader=read_checkpoint, force=True)
