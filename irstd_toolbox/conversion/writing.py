"""One file in, one checkpoint out."""

import io
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import CheckpointError
from ..evaluation.files import check_targets, write_atomically
from ..registry import MODELS
from ..training.checkpoint import check_fits, file_sha256
from .reading import read_weights
from .sources import SOURCES

__all__ = ['check_out', 'convert', 'convert_file']


def convert(state: dict[str, Tensor], source: str, model: nn.Module, origin: str | Path) -> dict[str, Tensor]:
    """``state`` of ``source`` under the names of ``model``.

    Args:
        state: Tensors by official name.
        source: Key of ``SOURCES``.
        model: What the weights are for.
        origin: The file, for messages.

    Raises:
        CheckpointError: If a name is unknown, missing or left over, or a shape differs.
    """
    try:
        weights = SOURCES[source].convert(state)
    except (KeyError, RuntimeError) as error:  # what a source reads by name or joins by shape
        raise CheckpointError(f'{origin} is not what --from {source} converts ({type(error).__name__}: {error}). '
                              'tools/convert_weights.py --list tells the sources.') from error
    check_fits(model, weights, origin, weights_only=True)
    return weights


def check_out(out: Path, given: Path) -> None:
    """Refuse a place for a checkpoint that is to be written of another.

    Raises:
        CheckpointError: If it is the other, or named as of a format that is not written.
        ConfigError: If it cannot be written.
    """
    check_targets(out)
    if out.resolve() == given.resolve():
        raise CheckpointError(f'{out} is what is read, which cannot be had back from what is written. Give another '
                              'path to write to.')
    if out.suffix == '.safetensors':
        raise CheckpointError(f'{out}: a checkpoint as torch.save writes it would go there. Name it .pth, and make '
                              'the other of that: tools/publish.py.')


def convert_file(config: dict, source: str, path: Path, out: Path) -> int:
    """Convert ``path`` for the model of ``config``, write ``out`` whole or not at all, and count the tensors.

    Raises:
        CheckpointError: As :func:`convert`, :func:`read_weights` and :func:`check_out` do.
        ConfigError: If ``out`` cannot be written.
    """
    check_out(out, path)
    model = MODELS.build(config)
    weights = convert(read_weights(path), source, model, path)
    entry = SOURCES[source]
    about = dict(source=source, repository=entry.repository, licence=entry.licence, file=path.name,
                 sha256=file_sha256(path))
    buffer = io.BytesIO()
    torch.save(dict(state_dict=weights, meta=dict(converted=about)), buffer)
    write_atomically(out, buffer.getvalue())
    return len(weights)
