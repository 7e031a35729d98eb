"""A checkpoint for others: weights and where they come from in one file that holds data only."""

import json
from pathlib import Path

import torch
from safetensors.torch import save

from ..errors import CheckpointError
from ..evaluation.files import check_targets, write_atomically
from .checkpoint import META_KEY, file_sha256, read_checkpoint
from .hooks import STAMP, stamp_of
from .weights_only import halved

__all__ = ['publish']

_META = ('epoch', 'iter', 'seed', STAMP)


def publish(checkpoint: Path, out: Path, half: bool = False) -> dict:
    """Write the weights of a checkpoint as ``.safetensors``, and beside them a ``.json`` with their hash.

    Args:
        checkpoint: What ``tools/train.py`` wrote, ``best.pth`` for example.
        out: The file to write.
        half: Store float32 weights as float16, where none becomes infinite.

    Returns:
        The content of the ``.json``: ``sha256`` and ``bytes`` of the file, ``source_sha256``, ``precision``
        (``'half'`` if there are float16 weights in it, else ``'single'``), and the checkpoint's epoch, seed and stamp.

    Raises:
        CheckpointError: If the checkpoint cannot be read, holds other things than tensors, or ``out`` is no
            ``.safetensors``.
        ConfigError: If ``out`` cannot be written.

    Note:
        Optimizer, schedules and log stay behind: the file is for testing and for ``load_from``, not for ``--resume``.
    """
    if out.suffix != '.safetensors':
        raise CheckpointError(f'{out}: a name that ends in .safetensors is expected.')
    check_targets(out)
    content = read_checkpoint(checkpoint)
    weights = content['state_dict']
    others = [name for name, value in weights.items() if not torch.is_tensor(value)]
    if others:
        raise CheckpointError(f'{checkpoint}: {others[0]} is no tensor, and .safetensors holds tensors alone. Publish '
                              'the .pth.')
    weights = {name: value.detach().contiguous().clone() for name, value in (halved(weights) if half else
                                                                            weights).items()}
    meta = {key: content['meta'][key] for key in _META if key in content['meta']}
    precision = 'half' if any(value.dtype == torch.float16 for value in weights.values()) else 'single'
    if precision == 'half':
        meta[STAMP] = dict(stamp_of(meta), precision='half')
    write_atomically(out, save(weights, metadata={META_KEY: json.dumps(meta)}))
    about = dict(file=out.name, sha256=file_sha256(out), bytes=out.stat().st_size,
                 source_sha256=file_sha256(checkpoint), precision=precision, **meta)
    write_atomically(out.with_suffix('.json'), json.dumps(about, indent=2).encode())
    return about
