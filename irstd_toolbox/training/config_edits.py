"""From a config file and a command line to the config of one run; every way in which that fails is explained."""

import argparse
import copy
import difflib
import re
import traceback
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from mmengine import registry as engine_registry
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.logging import MMLogger
from mmengine.registry import Registry

from .. import registry
from ..errors import ConfigError
from .progress import hushed

__all__ = [
    'apply_options', 'as_loaded', 'load_config', 'load_model_config', 'merge_options', 'optim_wrappers',
    'select_on_test', 'set_amp', 'set_seed', 'set_workers', 'work_folder']

_IMPORTS = '. custom_imports finds by dotted names, my_package.parts, what is installed and what lies in PYTHONPATH.'
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def load_config(path: str, options: Sequence[str] = ()) -> Config:
    """Read a config and apply ``KEY=VALUE`` options to it.

    Args:
        path: A Python config in mmengine's style.
        options: As on the command line, ``optim_wrapper.optimizer.lr=1e-4``.

    Raises:
        ConfigError: If the file or one of its bases is missing or no valid config, or an option changes nothing.
    """
    file = Path(path)
    if file.is_dir():
        raise ConfigError(f'{path} is a folder: the path of one .py config is expected, such as '
                          'configs/lgnet_irstd1k.py.')
    if not file.is_file():
        near = difflib.get_close_matches(file.name, [other.name for other in file.parent.glob('*.py')], n=3, cutoff=0.5)
        raise ConfigError(f'There is no config {path}. ' + (f'In its folder are {", ".join(near)}.' if near else
                          'Give the path of a .py file, such as configs/lgnet_irstd1k.py.'))
    if file.suffix != '.py':
        raise ConfigError(f'{path} is no config: a .py file is expected. The order is CONFIG, then CHECKPOINT.')
    try:
        with hushed(MMLogger.get_current_instance()):  # the engine tells of every environment variable it reads
            config = Config.fromfile(str(file))
    except SyntaxError as error:
        where = error.filename if error.filename and not error.filename.startswith('<') else path
        raise ConfigError(f'{where} is not valid Python: {error.msg}, line {error.lineno}.') from error
    except FileNotFoundError as error:
        raise ConfigError(f'{path} builds on a file that is missing: {error}. Mend its _base_.') from error
    except (Exception, SystemExit) as error:  # a config is a program and may raise anything
        first: BaseException = error
        while isinstance(before := first.__cause__ or first.__context__, ImportError):
            first = before
        place = traceback.extract_tb(first.__traceback__)[-1]
        own = Path(place.filename).is_file() and not {'mmengine', 'importlib'} & {*Path(place.filename).parts}
        told = isinstance(first, ImportError | TypeError) and 'custom_imports' in file.read_text('utf-8')
        hint = f' ({place.filename}, line {place.lineno})' if own else _IMPORTS if told else ''
        raise ConfigError(f'{path} cannot be read as a config: {type(first).__name__}: {first}{hint}') from error
    _warn_of_names(config)
    return as_loaded(config, options)


def _warn_of_names(config: Config) -> None:
    """Warn of names that a file sets and nothing reads, if they resemble one that is read or were MMSegmentation's."""
    text = Path(config.filename).read_text(encoding='utf-8')
    for name in sorted(config.keys() - _READ):
        meant = _FORMER.get(name) or next(iter(difflib.get_close_matches(name, sorted(_READ), 1, 0.85)), None)
        own = rf'\b{re.escape(name)}\b'
        if meant and re.search(rf'^{own}\s*=(?!=)', text, re.M) and not re.search(rf'{own}(?!\s*=(?!=))', text):
            warnings.warn(f'{config.filename}: nothing reads {name}, so that it changes nothing. Is {meant} meant?',
                          stacklevel=3)


def as_loaded(config: Config, options: Sequence[str] = ()) -> Config:
    """A copy of a config that was read already, as :func:`load_config` gives it.

    Of a pure-Python config it has what a classic one has: names for registered classes, nothing that was imported.

    Raises:
        ConfigError: If an option changes nothing.
    """
    whole = copy.copy(config)
    for name, value in list(whole.items()):
        if isinstance(value, ModuleType) or callable(value):
            whole.pop(name)
    whole = copy.deepcopy(whole)
    _name_types(whole)
    apply_options(whole, options)
    return whole


def _name_types(node: Any) -> None:
    for key, value in list(node.items()) if isinstance(node, dict | Config) else enumerate(node):
        if key == 'type' and callable(value) and any(one.get(value.__name__) is value for one in _registries()):
            node[key] = value.__name__
        elif isinstance(value, dict | list | tuple):
            _name_types(value)


def _registries() -> list[Registry]:
    return [one for module in (registry, engine_registry) for one in vars(module).values() if isinstance(one, Registry)]


def load_model_config(path: str, options: Sequence[str] = ()) -> ConfigDict:
    """The ``model`` of a config, read as :func:`load_config` reads it.

    Raises:
        ConfigError: As :func:`load_config`, or if the config has no model.
    """
    model = load_config(path, options).get('model')
    if not isinstance(model, dict):
        raise ConfigError(f'{path} has no model. Put a file of configs/_base_/models/ into its _base_, or give it '
                          'model=dict(type=...).')
    return model


def apply_options(config: Config, options: Sequence[str]) -> None:
    """Set ``KEY=VALUE`` pairs; the parent of each key has to exist, so that a misspelt one is noticed.

    Raises:
        ConfigError: If an option is not of this form or its place in the config does not exist.
    """
    options = [options] if isinstance(options, str) else options
    for option in options:
        if not re.match(r'[\w.\-]+=', option):
            raise ConfigError(f'--cfg-options {option!r} is not of the form KEY=VALUE, such as '
                              'train_dataloader.batch_size=4.')
        _require_place(config, option.partition('=')[0])
    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='+', action=DictAction)
    for option in options:
        try:
            read = parser.parse_args(['--options', option]).options
        except (AssertionError, RecursionError) as error:  # the engine's, at brackets that do not close and at calls
            raise ConfigError(f'--cfg-options {option!r} cannot be read. Values are numbers, words, and [lists] and '
                              '(tuples) of these; what holds a dict is written into a config.') from error
        key, _, value = option.partition('=')
        if isinstance(read[key], str):  # the engine takes the spaces out of a path or a prompt
            read[key] = value.strip(' \'"')
        config.merge_from_dict(read)


def merge_options(config: Config, options: Mapping[str, Any]) -> None:
    """As :func:`apply_options`, with the values of a Python file in place of texts.

    Raises:
        ConfigError: If the place of an option in the config does not exist.
    """
    for key in options:
        _require_place(config, key)
    if options:
        config.merge_from_dict(dict(options))


def _require_place(config: Config, key: str) -> None:
    node: Any = config
    *parents, last = key.split('.')
    first = (parents or [last])[0]
    if first in config and first not in _READ and not _is_for_own_code(config, first):
        raise ConfigError(f'--cfg-options {key} would change nothing: {first} is a name within the config file, whose '
                          'value its parts have already. Set what has it, such as train_cfg.max_epochs or '
                          'train_dataloader.dataset.data_root, or write a config that has this one as its _base_.')
    for depth, part in enumerate(parents):
        if isinstance(node, list | tuple) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        elif isinstance(node, dict | Config) and part in node:
            node = node[part]
        elif '.'.join(parents[:depth + 1]) in _SECTIONS or part == 'clip_grad' and 'optimizer' in node:
            return
        else:
            raise ConfigError(_unknown(key, '.'.join(parents[:depth + 1]), part, node))
    # A new leaf is an argument that the config leaves at its default; at the top nothing reads an unknown name.
    if not parents and last not in node and last not in _RUNNER_KEYS:
        raise ConfigError(_unknown(key, last, last, node))
    if not isinstance(node, dict | Config | list | tuple):
        raise ConfigError(f'--cfg-options {key}: {".".join(parents)} is {node!r} and has no parts.')


def _is_for_own_code(config: Config, name: str) -> bool:
    """Whether imported code may read a name at the top: no file of the config uses it, whose parts would have it."""
    uses = re.compile(rf'\b{re.escape(name)}\b(?!\s*=(?!=))')
    return bool(config.get('custom_imports') and config.text and not uses.search(config.text))


_SECTIONS = ('compile', 'model.views', 'model.windows')
"""What has parts of its own though no config of ours sets it; so has ``clip_grad`` of an optimizer wrapper."""
_RUNNER_KEYS = ('work_dir', 'load_from', 'resume', 'launcher', 'auto_scale_lr', 'model_wrapper_cfg', 'randomness',
                'find_unused_parameters', 'sync_bn', 'experiment_name', 'compile', 'channels_last', 'val_dataloader',
                'val_cfg', 'val_evaluator')
_READ = {'model', 'data_preprocessor', 'train_dataloader', 'test_dataloader', 'train_cfg', 'test_cfg', 'test_evaluator',
         'optim_wrapper', 'param_scheduler', 'default_hooks', 'custom_hooks', 'env_cfg', 'log_processor', 'log_level',
         'visualizer', 'default_scope', *_RUNNER_KEYS}
"""What the Runner or a tool reads of a config; other names at its top were for its own use."""
_FORMER = {'optimizer': 'optim_wrapper.optimizer', 'optimizer_config': 'optim_wrapper', 'lr_config': 'param_scheduler',
           'runner': 'train_cfg', 'evaluation': 'val_evaluator', 'checkpoint_config': 'default_hooks.checkpoint',
           'log_config': 'default_hooks.logger'}


def _unknown(key: str, place: str, part: str, node: Any) -> str:
    if isinstance(node, list | tuple) and node:
        return f'--cfg-options {key}: the config has no {place}. There are 0 to {len(node) - 1}.'
    known = [str(name) for name in node] if isinstance(node, dict | Config) else []
    near = difflib.get_close_matches(part, known, n=3)
    hint = f'Did you mean {" or ".join(near)}?' if near else f'There are {", ".join(sorted(known)) or "no parts"}.'
    return f'--cfg-options {key}: the config has no {place}. {hint}'


def set_amp(config: Config, dtype: str) -> None:
    """Train in ``dtype`` (``'bf16'``, ``'fp16'``, or ``'auto'`` for what this machine does best).

    Raises:
        ConfigError: If the config has an optimizer wrapper that is not the engine's plain one or ours.
    """
    from .amp import best_dtype
    for wrapper in optim_wrappers(config) if config.get('optim_wrapper') else ():
        kind = wrapper.get('type', 'OptimWrapper')
        name = kind if isinstance(kind, str) else kind.__name__
        if name.rpartition('.')[2] not in ('OptimWrapper', 'AmpOptimWrapper', 'AmpWrapper'):
            raise ConfigError(f'--amp replaces the optimizer wrapper OptimWrapper; the config has {name}.')
        wrapper.pop('loss_scale', None)
        wrapper.update(type='AmpWrapper', dtype=best_dtype() if dtype == 'auto' else dtype)


def optim_wrappers(config: Config) -> list[ConfigDict]:
    """The config's optimizer wrapper; of a model with several, each of those that stand beside its constructor.

    Raises:
        ConfigError: If there is none.
    """
    wrapper = config.get('optim_wrapper')
    if not wrapper:
        raise ConfigError('The config has no optim_wrapper, so nothing would train the parameters. Put a file of '
                          'configs/_base_/schedules/ into its _base_.')
    return [wrapper] if 'optimizer' in wrapper else [part for part in wrapper.values() if isinstance(part, dict)]


def work_folder(config: Config) -> Path:
    """Where a config's checkpoints are: its ``work_dir``, or ``work_dirs/NAME``."""
    return Path(config.get('work_dir') or Path('work_dirs', Path(config.filename).stem))


def set_seed(config: Config, seed: int | None) -> None:
    """Give the run a seed: ``seed``, or the config's, or a new one that all processes share.

    Raises:
        ConfigError: If the seed is none that numpy takes.
    """
    from mmengine.dist import sync_random_seed
    randomness = dict(config.get('randomness') or {})
    if seed is not None:
        randomness['seed'] = seed
    if randomness.get('seed') is None:
        randomness['seed'] = sync_random_seed()
    if not isinstance(randomness['seed'], int) or not 0 <= randomness['seed'] < 2**32:
        raise ConfigError(f'The seed is {randomness["seed"]!r}; a whole number from 0 to {2**32 - 1} is expected. '
                          'Change --seed, or randomness.seed of the config.')
    config.randomness = randomness


def set_workers(config: Config) -> None:
    """Drop ``persistent_workers`` and ``prefetch_factor`` where there is no worker: torch refuses the pair.

    Raises:
        ConfigError: If a loader's ``num_workers`` or ``batch_size`` is not the number of something.
    """
    for name in _LOADERS:
        loader = config.get(name)
        if not loader:
            continue
        for key, least in (('num_workers', 0), ('batch_size', 1)):
            told = loader.get(key, least)
            if isinstance(told, bool) or not isinstance(told, int) or told < least:
                raise ConfigError(f'{name}.{key}={told!r}: a whole number from {least} is expected.')
        if not loader.get('num_workers', 0):
            loader.pop('persistent_workers', None)
            loader.pop('prefetch_factor', None)


def select_on_test(config: Config) -> None:
    """Validate on the test list and train on the whole training list, as most papers do.

    Raises:
        ConfigError: If the config has no test data set or no validation.
    """
    if not config.get('test_dataloader') or not config.get('val_cfg'):
        raise ConfigError('--select-on-test needs a config with test_dataloader and val_cfg.')
    config.val_dataloader = ConfigDict(config.test_dataloader).copy()
    dataset = config.train_dataloader.dataset
    for one in (dataset, dataset.get('dataset', {}), *dataset.get('datasets', ())):  # those within a wrapper, too
        for key in ('holdout', 'part'):
            one.pop(key, None)
