"""Data-parallel training and testing, on GPUs (NCCL) and without one (gloo)."""

import atexit
import os
from datetime import timedelta

import torch
from torch import distributed

from ..errors import ConfigError

__all__ = ['LAUNCHERS', 'start', 'wrapper_config']

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def start(launcher: str, timeout: float = 1800.0) -> None:
    """Join the process group of ``launcher``; afterwards the Runner finds it and makes none of its own.

    The engine selects a GPU before it opens any group, which fails on a machine without one.

    Args:
        launcher: ``'none'``, ``'pytorch'`` (torchrun), ``'slurm'`` or ``'mpi'``.
        timeout: Seconds that a process waits for the others.

    Raises:
        ConfigError: If torchrun's variables are missing, or slurm or mpi is to run without a GPU.
    """
    if launcher == 'none' or distributed.is_initialized():
        return
    if launcher == 'pytorch':
        if 'LOCAL_RANK' not in os.environ:
            raise ConfigError('--launcher pytorch expects to be started by torchrun, which sets LOCAL_RANK. Run '
                              'python -m torch.distributed.run --nproc_per_node=N tools/train.py CONFIG '
                              '--launcher pytorch')
        if not torch.cuda.is_available():
            distributed.init_process_group('gloo', timeout=timedelta(seconds=timeout))
            atexit.register(_leave)
            return
    elif not torch.cuda.is_available():
        raise ConfigError(f'--launcher {launcher} needs GPUs and torch sees none. Use torchrun and --launcher pytorch.')
    from mmengine.dist import init_dist
    init_dist(launcher, backend='nccl', timeout=timeout)


def _leave() -> None:
    """Leave the group: gloo's threads, if the interpreter ends before they do, abort the process now and then."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def wrapper_config(find_unused_parameters: bool) -> dict:
    """The ``model_wrapper_cfg`` of a data-parallel model on this machine's devices.

    Args:
        find_unused_parameters: Whether some parameters get no gradient in some iterations.
    """
    config = dict(type='MMDistributedDataParallel', find_unused_parameters=find_unused_parameters)
    # Left alone, the engine passes LOCAL_RANK as a GPU's number.
    return config if torch.cuda.is_available() else dict(config, device_ids=None)
