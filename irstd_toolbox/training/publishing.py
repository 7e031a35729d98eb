"""A checkpoint for others: weights and where they come from in one file that holds data only."""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ..errors import CheckpointError, ConfigError
from ..evaluation.files import check_targets, write_atomically
from .checkpoint import META_KEY, file_sha256, read_checkpoint
from .stamp import STAMP, stamp_of
from .weights_only import halved

__all__ = ['meta_for_others', 'publish']

_META = ('epoch', 'iter', 'seed', 'converted', 'reparameterised', STAMP)


def publish(checkpoint: Path, out: Path, half: bool = False) -> dict:
    """Write the weights of a checkpoint as ``.safetensors``, and beside them a ``.json`` with their hash.

    Args:
        checkpoint: What ``tools/train.py`` wrote, ``best.pth`` for example.
        out: The file to write.
        half: Store float32 weights as float16, where none becomes infinite.

    Returns:
        The content of the ``.json``: ``sha256`` and ``bytes`` of the file, ``source_sha256``, ``precision``
        (``'half'`` if there are float16 weights in it, else ``'single'``), and the checkpoint's
        epoch, seed and stamp, and the origin of converted or re-parameterised ones.

    Raises:
        CheckpointError: If the checkpoint cannot be read, holds no weights, or what the format does not take, or
            ``out`` is no ``.safetensors``.
        ConfigError: If ``out``, or the ``.json`` beside it, cannot be written, ``out`` is ``checkpoint``, or the
            ``.json`` is there and not of published weights.

    Note:
        ``source_sha256`` and ``precision`` are in the ``meta`` of the file as well, so that a threshold chosen for the
        source is taken with a copy of single precision (:meth:`.ProbabilityThreshold.check_weights`).

        Optimizer, schedules and log stay behind: the file is for testing and for ``load_from``, not for ``--resume``.
    """
    if out.suffix != '.safetensors':
        raise CheckpointError(f'{out}: a name that ends in .safetensors is expected.')
    if out.resolve() == checkpoint.resolve():
        raise ConfigError(f'{out} is the checkpoint itself; a file beside it is expected. Choose another name.')
    check_targets(out, out.with_suffix('.json'))
    _check_document(out.with_suffix('.json'))
    content = read_checkpoint(checkpoint)
    weights = content['state_dict']
    if not weights:
        raise CheckpointError(f'{checkpoint} holds no weights. Give a checkpoint of a model that learns.')
    others = [name for name, value in weights.items() if not _dense(value)]
    if others:
        raise CheckpointError(f'{checkpoint}: {others[0]} is no dense tensor of real numbers, and .safetensors holds '
                              'those alone. Publish the .pth.')
    weights = {name: value.detach().contiguous().clone() for name, value in (halved(weights) if half else
                                                                            weights).items()}
    meta = meta_for_others(content['meta'], checkpoint)
    precision = 'half' if any(value.dtype == torch.float16 for value in weights.values()) else 'single'
    if precision == 'half':
        meta[STAMP] = dict(stamp_of(meta), precision='half')
    meta['precision'] = precision
    write_atomically(out, save(weights, metadata={META_KEY: json.dumps(meta)}))
    about = dict(file=out.name, sha256=file_sha256(out), bytes=out.stat().st_size, **meta)
    write_atomically(out.with_suffix('.json'), json.dumps(about, indent=2).encode())
    return about


def _check_document(path: Path) -> None:
    try:
        own = not path.exists() or 'source_sha256' in json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, TypeError):
        own = False
    if not own:
        raise ConfigError(f'{path} is not of published weights and would be written over; expected none, or one that '
                          'tools/publish.py wrote. Choose another name, or move it.')


def _dense(value: Any) -> bool:
    return (torch.is_tensor(value) and value.layout == torch.strided
            and not value.is_quantized and not value.is_complex())


def meta_for_others(meta: dict, checkpoint: str | os.PathLike) -> dict:
    """What of a checkpoint's ``meta`` goes along with its weights in another file, as JSON gives it back.

    Beside epoch, seed and stamp it has ``source_sha256``, the checkpoint's, and ``precision``, ``'single'``.

    Raises:
        CheckpointError: If it cannot be written as JSON; numbers of numpy's and torch's can.
    """
    meta = {key: meta[key] for key in _META if key in meta}
    try:
        meta = json.loads(json.dumps(meta, default=lambda value: value.item(), allow_nan=False))
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f'{checkpoint}: what its meta says of {", ".join(meta)} cannot be written as JSON '
                              f'({error}). Publish its state_dict alone.') from error
    return dict(meta, source_sha256=file_sha256(checkpoint), precision='single')
