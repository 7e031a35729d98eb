"""torch.compile for what a training step computes most of: the network."""

from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from ..errors import ConfigError

__all__ = ['CompilePartsHook', 'compile_options', 'network_parts', 'try_compiler']

_PARTS = ('backbone', 'neck', 'decode_head', 'network')


def compile_options(config: Config) -> dict[str, Any] | None:
    """What a config's ``compile`` asks for, as arguments of :func:`torch.compile`; None where it asks for nothing.

    Raises:
        ConfigError: If it is neither a bool nor a dict.
    """
    found = config.get('compile')
    if found is None or found is False:
        return None
    if found is not True and not isinstance(found, dict):
        raise ConfigError(f'compile={found!r}; expected True, False or the arguments of torch.compile, such as '
                          "dict(mode='reduce-overhead').")
    return {} if found is True else dict(found)


def network_parts(model: nn.Module) -> list[nn.Module]:
    """The parts of a segmentor that are compiled: backbone, neck and decode head, or the network in their place.

    Raises:
        ConfigError: If the model has none of them.
    """
    found = [part for part in (getattr(model, name, None) for name in _PARTS) if isinstance(part, nn.Module)]
    if not found:
        raise ConfigError(f'compile: {type(model).__name__} has no {", ".join(_PARTS[:-1])} or {_PARTS[-1]}, which are '
                          'what is compiled. Take compile out of the config.')
    return found


def try_compiler(options: dict[str, Any]) -> None:
    """Compile a function of one line, so that a machine without a compiler shows before the training.

    Raises:
        ConfigError: If that fails; repeats what the compiler said.
    """
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        torch.compile(lambda x: x.sin() + 1, **options)(torch.ones(2, device=device))
    except Exception as error:  # whatever a backend raises
        said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ConfigError(f'compile={options}: torch.compile does not work here: {said} Install what it names, mend '
                          'the options, or train without.') from error


class CompilePartsHook(Hook):
    """Compile a model's network for training; validation and prediction run it as it is.

    Of the config's ``compile``; the engine's own way compiles the whole step with its losses, optimizer and logs. A
    validation would have everything compiled once more, for its own batch size.

    Args:
        options: Of :func:`torch.compile`.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def before_train(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for part in network_parts(model):
            part.compile(**self.options)
        if runner.val_loop is not None:  # also where a validation fails, what follows runs compiled again
            runner.val_loop.run = torch.compiler.set_stance('force_eager')(runner.val_loop.run)
