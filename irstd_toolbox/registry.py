"""The registries. This module imports no component, so anything may import it.

Four slots are open to plugins: ``BACKBONES``, ``FUSION_BLOCKS``, ``TEXT_PRIOR_PROVIDERS`` and
``METRICS``; a fifth, named protocols, holds values: :data:`irstd_toolbox.evaluation.PROTOCOLS`.
``METHODS`` and ``THRESHOLDS`` hold the model-driven methods and the rules that make a
decision of their responses. The others are children of mmengine's (and mmseg's) registries, through
which the Runner finds our components by name; ``mmseg.NAME`` and ``mmengine.NAME`` still reach theirs.
Components register when a registry is first asked (``locations``), never on ``import irstd_toolbox``.
"""

import reprlib
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Union, get_args, get_origin, get_type_hints

import mmengine.registry as engine
import mmseg.registry as mmseg
from mmengine.registry import Registry, build_from_cfg, build_model_from_cfg

from .errors import ConfigError, UserError

SCOPE = 'irstd_toolbox'
_KINDS = {bool: 'True or False', int: 'a whole number', float: 'a number', str: 'text', NoneType: 'None'}


def _build(cfg: dict, *args, registry: Registry, construct=build_from_cfg, **kwargs):
    """Build ``cfg``, naming the alternatives when ``type`` is not a registered name.

    Raises:
        KeyError: If ``cfg['type']`` is a bare name that nobody registered.
        ConfigError: See :func:`check_kinds`; what the component itself refuses comes first, since it says more, but not
            what torch or Python say of a value of the wrong kind.
    """
    name = cfg.get('type') if isinstance(cfg, dict) else None
    if isinstance(name, str) and '.' not in name and not _registered(registry, name):
        raise KeyError(unregistered(name, registry))
    try:
        built = construct(cfg, *args, registry=registry, **kwargs)
    except Exception as error:
        made = registry.get(name) if isinstance(name, str) else name
        if isinstance(made, type) and not isinstance(error, UserError):
            check_kinds(made, cfg)
        raise
    if isinstance(cfg, dict):
        check_kinds(type(built), cfg)
    return built


def check_kinds(made: type, cfg: Mapping) -> None:
    """Hold a config's values against the annotations of the class that is made of it.

    Compared are bool, int, float, str, None and unions of these alone. Python takes any value for a bool, so that
    ``bias='no'`` would be true; a number that is not whole may pass for a count. 0 and 1 do for a bool, a whole number
    for a float.

    Raises:
        ConfigError: If a value is of none of the kinds that its argument is annotated with.
    """
    try:
        hints = {name: hint for base in reversed(made.__mro__) for name, hint in get_type_hints(base.__init__).items()}
    except (AttributeError, NameError, TypeError):  # annotations that cannot be read bind nobody
        return
    for name in [name for name in cfg if name in hints]:
        kinds = get_args(hints[name]) if get_origin(hints[name]) in (Union, UnionType) else (hints[name],)
        if all(kind in _KINDS for kind in kinds) and not any(_is_of(kind, cfg[name]) for kind in kinds):
            raise ConfigError(f'{made.__name__}({name}={reprlib.repr(cfg[name])}): '
                              f'{" or ".join(_KINDS[kind] for kind in kinds)} is expected.')


def _is_of(kind: type, value: object) -> bool:
    if kind in (int, float):
        return isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    return isinstance(value, kind) or (kind is bool and isinstance(value, int) and value in (0, 1))


def _registered(registry: Registry, name: str) -> bool:
    """Whether ``registry`` or one it descends from holds a name; its own ``get`` would import a module so called."""
    registry.import_from_location()
    while registry is not None and name not in registry.module_dict:
        registry = registry.parent
    return registry is not None


def unregistered(name: str, registry: Registry) -> str:
    """What is said of a name that nobody registered."""
    return (f'{name!r} is not a registered {registry.name}. Registered: {", ".join(known(registry)) or "none"}. What '
            'is in a plugin comes by --plugins DIR, what is in a module by custom_imports of the config.')


def known(registry: Registry) -> list[str]:
    """The names that ``registry`` itself holds once its components have registered, sorted."""
    registry.import_from_location()
    return sorted(registry.module_dict)


class _OursFirst(Registry):
    """Holds our components before anybody else's: a name of ours clashes, or is replaced by ``force``, at once."""

    def _register_module(self, module: Callable, module_name: str | list[str] | None = None,
                         force: bool = False) -> None:
        if not getattr(module, '__module__', '').startswith(f'{SCOPE}.'):
            for location in self._locations:
                import_module(location)
        super()._register_module(module, module_name, force)


def _slot(name: str, *locations: str) -> Registry:
    """A namespace of our own, which configs and command lines address by bare names."""
    return _OursFirst(name, build_func=_build, scope=SCOPE, locations=[f'{SCOPE}.{place}' for place in locations])


def _child(name: str, parent: Registry, *locations: str, construct=build_from_cfg) -> Registry:
    """Our child of an mmengine or mmseg registry, for what the Runner looks up itself."""
    return _OursFirst(
        name, build_func=partial(_build, construct=construct), parent=parent, scope=SCOPE,
        locations=[f'{SCOPE}.{place}' for place in locations])


# Slots are roots of their own: mmengine allows one child a scope under a parent.
BACKBONES = _slot('backbone', 'models')
FUSION_BLOCKS = _slot('fusion block', 'models')
TEXT_PRIOR_PROVIDERS = _slot('text-prior provider', 'text_priors')
METHODS = _slot('model-driven method', 'models')
THRESHOLDS = _slot('threshold rule', 'models')
METRICS = _child('metric', mmseg.METRICS, 'evaluation.metrics', 'evaluation.retrieval')

MODELS = _child('model', mmseg.MODELS, 'models', construct=build_model_from_cfg)
DATASETS = _child('dataset', mmseg.DATASETS, 'datasets.dataset')
TRANSFORMS = _child('transform', mmseg.TRANSFORMS, 'datasets.transforms')
HOOKS = _child('hook', mmseg.HOOKS, 'training')
LOOPS = _child('loop', mmseg.LOOPS, 'training')
OPTIMIZERS = _child('optimizer', mmseg.OPTIMIZERS, 'training')
OPTIM_WRAPPERS = _child('optimizer wrapper', mmseg.OPTIM_WRAPPERS, 'training')
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    'optimizer wrapper constructor', mmseg.OPTIM_WRAPPER_CONSTRUCTORS, 'training')
VISUALIZERS = _child('visualizer', mmseg.VISUALIZERS, 'visualization')
VISBACKENDS = _child('visualizer backend', mmseg.VISBACKENDS, 'visualization')

# Nothing of ours lives in these yet; without them the engine warns, once a registry, about an unknown scope.
_MIRRORS = {
    name: _child(parent.name, parent)
    for name, parent in vars(engine).items()
    if isinstance(parent, Registry) and name.isupper() and SCOPE not in getattr(mmseg, name, parent).children
    for parent in [getattr(mmseg, name, parent)]
}
