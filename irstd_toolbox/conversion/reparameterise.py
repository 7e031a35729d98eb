"""From a checkpoint of trained branches to one of the layers that they fuse into."""

import io
from pathlib import Path

import torch
from torch import nn

from ..errors import ConfigError
from ..evaluation.files import write_atomically
from ..registry import MODELS
from ..training.checkpoint import file_sha256, load_weights
from .writing import check_out

__all__ = ['deploy', 'reparameterise_file']


def deploy(model: nn.Module) -> int:
    """Call the ``deploy()`` of every module of ``model`` that has one, and count them.

    Args:
        model: Changed in place. A module's ``deploy()`` replaces its branches by what they amount to in test mode.

    Raises:
        ConfigError: If there is no such module, or none had branches left.
    """
    before = list(model.state_dict())
    modules = [module for module in model.modules() if callable(getattr(module, 'deploy', None))]
    for module in modules:
        module.deploy()
    if list(model.state_dict()) == before:
        raise ConfigError(f'{type(model).__name__} has ' + ('only deployed modules' if modules else
                          'no module with a deploy() method') + ', so there is nothing to re-parameterise. Give the '
                          'config that the checkpoint was trained with.')
    return len(modules)


def reparameterise_file(config: dict, checkpoint: Path, out: Path) -> dict[str, int]:
    """Load ``checkpoint`` into the model of ``config``, deploy it and write ``out``, whole or not at all.

    Args:
        config: The config's ``model``, in the form that was trained.
        checkpoint: Its checkpoint.
        out: Gets the weights of the deployed form, and of ``checkpoint`` what it says about itself.

    Returns:
        ``modules``: how many were deployed; ``before``, ``after``: parameters.

    Raises:
        ConfigError: As :func:`deploy` does, or if ``out`` cannot be written.
        CheckpointError: As :func:`~irstd_toolbox.conversion.writing.check_out` and :func:`load_weights` do.
    """
    check_out(out, checkpoint)
    model = MODELS.build(config).eval()
    meta = load_weights(model, checkpoint)['meta']
    meta.pop('source_sha256', None)  # of a published file: the weights written here are no longer its source's
    before = sum(parameter.numel() for parameter in model.parameters())
    modules = deploy(model)
    about = dict(file=checkpoint.name, sha256=file_sha256(checkpoint))
    buffer = io.BytesIO()
    torch.save(dict(state_dict=model.state_dict(), meta=dict(meta, reparameterised=about)), buffer)
    write_atomically(out, buffer.getvalue())
    return dict(modules=modules, before=before, after=sum(parameter.numel() for parameter in model.parameters()))
