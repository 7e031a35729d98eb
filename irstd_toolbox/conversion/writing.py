"""One file in, one checkpoint out."""

import io
from pathlib import Path

import torch
from torch import Tensor, nn

from ..evaluation.files import check_targets, write_atomically
from ..registry import MODELS
from ..training.checkpoint import check_fits, file_sha256
from .reading import read_weights
from .sources import SOURCES

__all__ = ['convert', 'convert_file']


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
    weights = SOURCES[source].convert(state)
    check_fits(model, weights, origin, weights_only=True)
    return weights


def convert_file(config: dict, source: str, path: Path, out: Path) -> int:
    """Convert ``path`` for the model of ``config``, write ``out`` whole or not at all, and count the tensors.

    Raises:
        CheckpointError: As :func:`convert` and :func:`read_weights` do.
        ConfigError: If ``out`` cannot be written.
    """
    check_targets(out)
    model = MODELS.build(config)
    weights = convert(read_weights(path), source, model, path)
    entry = SOURCES[source]
    about = dict(source=source, repository=entry.repository, licence=entry.licence, file=path.name,
                 sha256=file_sha256(path))
    buffer = io.BytesIO()
    torch.save(dict(state_dict=weights, meta=dict(converted=about)), buffer)
    write_atomically(out, buffer.getvalue())
    return len(weights)
