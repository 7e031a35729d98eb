"""Everything that can be found wrong before a run leaves a trace on disk."""

import warnings
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from torch import nn

from ..errors import ConfigError, DataError, check_least
from ..registry import DATASETS, HOOKS, METRICS, MODELS, OPTIM_WRAPPERS, OPTIMIZERS, SCOPE, check_kinds, unregistered
from .compiling import compile_options, network_parts, try_compiler
from .config_edits import optim_wrappers
from .determinism import own_random
from .panel_hook import PanelHook
from .schedule_checks import as_list, check_counting, check_length, check_schedules, counts_iterations, per_step
from .stamp import listed_as

__all__ = ['Preflight', 'check_language', 'preflight']

_LOOKED_AT = 8


class Preflight:
    """What a config builds.

    Args:
        model: The model, initialised at random.
        datasets: The data sets by ``'train'``, ``'val'``.
    """

    def __init__(self, model: nn.Module, datasets: dict[str, Any]) -> None:
        self.model, self.datasets = model, datasets


def preflight(config: Config, on_test: bool = False) -> Preflight:
    """Build the data sets, the model, the metrics and the hooks of a training config.

    Args:
        config: The config of a run, edited.
        on_test: Whether the best checkpoint may be chosen on the test list.

    Raises:
        DataError: If a data set is missing or not as expected.
        ConfigError: If there is nothing to train on or no length of time to train for, the learning rate is none, or
            validation would use test images without ``on_test``, a schedule cannot be stepped, or checkpoints or a
            schedule count epochs in a training that counts iterations.
        KeyError: If a name is not registered; lists those that are.
    """
    init_default_scope(SCOPE)
    datasets = {}
    for part in ('train', 'val'):
        loader = config.get(f'{part}_dataloader')
        if loader:
            datasets[part] = _build_dataset(loader)
    if 'train' not in datasets:
        raise ConfigError('The config has no train_dataloader, so there is nothing to train on. Methods without '
                          'parameters are run by tools/test.py.')
    _check_batches(config, len(datasets['train']))
    check_length(config)
    if 'val' in datasets and not on_test:
        _check_selection(config, datasets['val'])
    if 'val' in datasets:
        _check_targets(datasets['val'])
    model = MODELS.build(config.model)
    check_language(model, datasets['train'])
    blocks = [type(part).__name__ for part in model.modules() if hasattr(part, 'descriptor_dim')
              and type(part).__module__.startswith(f'{SCOPE}.models')]  # one of a plugin may do without
    if blocks and getattr(model, 'target_descriptor', None) is None:
        raise ConfigError(f'{blocks[0]} waits for a target descriptor, and the model has none. Set '
                          'model.neck.language_fusion=None, too, or give it a target_descriptor.')
    if hasattr(model, 'load'):  # GroundedSAM's networks, whose weights are missing now or never
        model.load()
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(f'{config.model.type} has no parameters, so there is nothing to train. Methods without '
                          'parameters are run by tools/test.py, without a checkpoint.')
    if not config.get('train_cfg'):
        raise ConfigError('The config has no train_cfg, so nothing says how long to train. Put a file of '
                          'configs/_base_/schedules/ into its _base_.')
    options = compile_options(config)
    if options is not None:
        network_parts(model)
        try_compiler(options)
    encoder = getattr(getattr(model, 'target_descriptor', None), 'holder', None)
    if encoder is not None:
        encoder.fingerprint  # noqa: B018 - missing encoder weights show here, not at the first iteration
    if hasattr(getattr(model, 'encoder', None), 'load'):  # ContrastiveCLIP's, likewise
        model.encoder.load()
    for evaluator in as_list(config.get('val_evaluator')):
        METRICS.build(evaluator)
    for hook in [*config.get('default_hooks', {}).values(), *config.get('custom_hooks', ())]:
        if isinstance(hook, dict):
            built = HOOKS.build({key: value for key, value in hook.items() if key != 'priority'})
            if isinstance(built, PanelHook) and 'val' in datasets:
                built.choose(datasets['val'])
    for wrapper in optim_wrappers(config):
        _check_name(OPTIM_WRAPPERS, wrapper.get('type', 'OptimWrapper'))
        _check_name(OPTIMIZERS, wrapper.optimizer.type)
        _check_rate(wrapper.optimizer.get('lr', 0.0))
        _check_optimizer(wrapper)
    check_schedules(config, len(datasets['train']))
    if counts_iterations(config.train_cfg):
        check_counting(config)
    return Preflight(model, datasets)


def check_language(model: nn.Module, dataset: Any) -> None:
    """Warn where the training samples bring a target descriptor no sentence, or no scene.

    Args:
        model: Warned of if it has a ``target_descriptor``.
        dataset: The training data; the first samples with a description go through its pipeline.
    """
    descriptor = getattr(model, 'target_descriptor', None)
    if descriptor is None:
        return
    reads = getattr(descriptor, 'text', 'never') != 'never'
    if reads and not dataset.metainfo.get('descriptions', {}).get('images', 1):
        warnings.warn('The model reads descriptions in training, and no training image has one: it learns without '
                      'language. Write them with tools/annotate.py, or say model.target_descriptor.text=never.',
                      stacklevel=3)
    if not hasattr(dataset, 'get_data_info'):
        return
    told = [place for place in range(len(dataset)) if dataset.get_data_info(place).get('description')]
    with own_random(0):
        samples = [dataset[place]['data_samples'] for place in told[:_LOOKED_AT] or range(min(len(dataset), 1))]
    if reads and told and samples and not any(sample.metainfo.get('description') for sample in samples):
        warnings.warn(f'The model reads descriptions in training, and the pipeline drops them: of {len(samples)} '
                      'samples none kept its own. RandomCrop drops them unless told to describe the window: set its '
                      "description=dict(type='quadrant'), or say model.target_descriptor.text=never.", stacklevel=3)
    if samples and not any('clip_image' in sample for sample in samples):
        warnings.warn('The model has a target_descriptor, and the training pipeline brings no clip_image: the scene is '
                      'then the augmented input. Put LoadClipImage after LoadImage into the pipelines.', stacklevel=3)


def _build_dataset(loader: ConfigDict) -> Any:
    """The data set of a loader; what it would keep in memory is checked, and kept by the one that training builds."""
    options = dict(loader.dataset)
    kept = options.pop('in_memory', False)
    dataset = DATASETS.build(options)
    if kept:
        dataset.plan_keeping(kept)
    if isinstance(kept, str) and loader.get('num_workers', 0):
        raise ConfigError(f'dataset.in_memory={kept!r} keeps the images on that device, where the {loader.num_workers} '
                          'workers of the loader cannot reach them. Set its num_workers=0.')
    return dataset


def _check_name(registry: Any, name: Any) -> None:
    if isinstance(name, str) and registry.get(name) is None:
        raise KeyError(unregistered(name, registry))


def _check_batches(config: Config, images: int) -> None:
    batch = per_step(config)
    if config.train_dataloader.get('drop_last', False) and images < batch:
        raise ConfigError(f'The training list has {images} images, fewer than one batch of {batch}, and drop_last '
                          'drops incomplete batches: an epoch would have no iteration. Lower '
                          'train_dataloader.batch_size.')


def _check_rate(rate: Any) -> None:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < float('inf'):
        raise ConfigError(f'optimizer.lr={rate!r}: a finite number of at least 0 is expected.')


def _check_optimizer(wrapper: ConfigDict) -> None:
    """Make the optimizer of a wrapper for one number: the engine makes it after the run has left a trace."""
    kind = wrapper.get('type', 'OptimWrapper')
    check_kinds(OPTIM_WRAPPERS.get(kind) if isinstance(kind, str) else kind, wrapper)
    made = OPTIMIZERS.build(dict(wrapper.optimizer, params=[nn.Parameter(torch.zeros(1))]))
    check_least(made, 0, weight_decay=wrapper.optimizer.get('weight_decay', 0))


def _check_targets(validation: Any) -> None:
    """Warn of a validation list without a target: IoU is undefined where nothing is found, and 0 where anything is."""
    if not hasattr(validation, 'found'):
        return
    infos = (validation.get_data_info(place) for place in range(len(validation)))
    if not any(validation.found.truth(info['image_id']).any() for info in infos if info['mask_path']):
        warnings.warn(f'None of the {len(validation)} validation images has a target, so that IoU can choose no '
                      'checkpoint: hold more out, or other images (holdout and seed of the data sets), or choose by '
                      'false alarms (default_hooks.checkpoint.save_best=irstd/Fa, rule=less).', stacklevel=3)


def _paths(dataset: Any) -> set[str]:
    return {str(dataset.get_data_info(i).get('img_path')) for i in range(len(dataset))}


def _check_selection(config: Config, validation: Any) -> None:
    """Refuse a validation on test images that nobody asked for."""
    shared = 0
    if listed_as(validation) != 'test' and config.get('test_dataloader'):
        try:
            shared = len(_paths(validation) & _paths(DATASETS.build(config.test_dataloader.dataset)))
        except DataError as error:
            warnings.warn(f'The test list cannot be read, so nothing says whether validation uses its images: {error}',
                          stacklevel=2)
    if listed_as(validation) == 'test' or shared:
        raise ConfigError('val_dataloader reads the test list' + (f' in part ({shared} images)' if shared else '')
                          + ': the best checkpoint would be chosen on test images. Validate on images carved from the '
                          "training list (split='trainval', holdout=0.1, part='holdout'), or say so with "
                          '--select-on-test, which is written into checkpoints and results.')
