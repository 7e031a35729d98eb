"""Data-parallel training and testing, on GPUs (NCCL) and without one (gloo)."""

import atexit
import os
from datetime import timedelta

import torch
from torch import distributed

from ..errors import ConfigError

__all__ = ['LAUNCHERS', 'start', 'wrapper_config']

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')
_SET = dict(pytorch=('LOCAL_RANK', 'RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'),
            slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'),
            mpi=('OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'MASTER_ADDR'))
"""The variables that a launcher sets, or expects to be set, as the engine reads them."""


def start(launcher: str, timeout: float = 1800.0) -> None:
    """Join the process group of ``launcher``; afterwards the Runner finds it and makes none of its own.

    The engine selects a GPU before it opens any group, which fails on a machine without one.

    Args:
        launcher: ``'none'``, ``'pytorch'`` (torchrun), ``'slurm'`` or ``'mpi'``.
        timeout: Seconds that a process waits for the others.

    Raises:
        ConfigError: If the launcher's variables are missing, or slurm or mpi is to run without a GPU.
    """
    if launcher == 'none' or distributed.is_initialized():
        return
    missing = ', '.join(name for name in _SET[launcher] if name not in os.environ)
    if launcher == 'pytorch':
        if missing:
            raise ConfigError(f'--launcher pytorch expects to be started by torchrun, which sets {missing}. Run '
                              'python -m torch.distributed.run --nproc_per_node=N tools/train.py CONFIG '
                              '--launcher pytorch')
        if not torch.cuda.is_available():
            distributed.init_process_group('gloo', timeout=timedelta(seconds=timeout))
            atexit.register(_leave)
            return
    elif not torch.cuda.is_available():
        raise ConfigError(f'--launcher {launcher} needs GPUs and torch sees none. Use torchrun and --launcher pytorch.')
    elif missing:
        starter = dict(slurm='srun', mpi='mpirun')[launcher]
        raise ConfigError(f'--launcher {launcher} expects to be started by {starter}, with {missing} set. Start it so, '
                          'or use torchrun and --launcher pytorch.')
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
