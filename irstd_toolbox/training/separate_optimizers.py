"""Several optimizers, each of one part of the model, for adversarial training."""

from mmengine.model import is_model_wrapper
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapperDict
from torch import nn

from ..errors import ConfigError
from ..registry import OPTIM_WRAPPER_CONSTRUCTORS

__all__ = ['SeparateOptimizers']


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class SeparateOptimizers:
    """Build one optimizer wrapper for each named part of the model.

    Args:
        optim_wrapper_cfg: By name, an optimizer wrapper's config with ``part``, the path of the module within the
            model; the name itself where there is no ``part``.
        paramwise_cfg: Of the engine's signature; goes into a wrapper's own config.

    Raises:
        ConfigError: If a part does not exist, a trainable parameter has no optimizer, or the model is data-parallel.

    Example:
        >>> model = nn.ModuleDict(dict(a=nn.Linear(1, 1), b=nn.Linear(1, 1)))
        >>> wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
        >>> sorted(SeparateOptimizers(dict(a=wrapper, second=dict(wrapper, part='b')))(model).keys())
        ['a', 'second']
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        self.configs = {name: dict(cfg) for name, cfg in optim_wrapper_cfg.items()}

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        if is_model_wrapper(model):
            raise ConfigError('Training with several optimizers runs in one process; the model is data-parallel. Start '
                              'without --launcher.')
        modules = dict(model.named_modules())
        wrappers, covered = {}, set()
        for name, config in self.configs.items():
            path = config.pop('part', name)
            if path not in modules:
                raise ConfigError(f'optim_wrapper.{name}: the model has no part {path!r}. Its parts are '
                                  f'{", ".join(child for child, _ in model.named_children())}, and theirs.')
            wrappers[name] = DefaultOptimWrapperConstructor(config, config.pop('paramwise_cfg', None))(modules[path])
            covered.update(map(id, modules[path].parameters()))
        left = [name for name, value in model.named_parameters() if value.requires_grad and id(value) not in covered]
        if left:
            raise ConfigError(f'{len(left)} parameters have no optimizer, {left[0]} first. Give each part of the model '
                              'a wrapper in optim_wrapper.')
        return OptimWrapperDict(**wrappers)
