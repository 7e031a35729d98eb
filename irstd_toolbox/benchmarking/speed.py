"""How fast a config trains and predicts, in several ways of running it: precision, memory layout, compiler, data."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from ..errors import ConfigError
from ..registry import MODELS
from .cost import percentiles, scene_for, timed, timed_on_gpu

__all__ = ['STAND_IN', 'WORDS', 'compiler_of', 'parse_way', 'predicting', 'steps_config', 'timed_steps',
           'training_arguments']

WORDS = ('fp32', 'bf16', 'channels_last', 'compile', 'graphs', 'resident')
"""What a way of running is made of; docs/speed.md says what each is."""

_COMPILERS: dict[str, dict[str, Any]] = {'compile': {}, 'graphs': dict(mode='reduce-overhead')}

STAND_IN = dict(
    type='OpenCLIPEncoder', pretrained='random', model=dict(
        embed_dim=512, vision_cfg=dict(image_size=224, layers=1, width=64, head_width=32, patch_size=32),
        text_cfg=dict(context_length=77, vocab_size=49408, width=64, heads=2, layers=1)))
"""A small untrained CLIP that reads scenes of CLIP's own size. A frozen encoder runs once for each scene of a training,
so a steady state has no part of its time, only of that of looking its embeddings up."""


def parse_way(text: str) -> tuple[str, ...]:
    """``'bf16+compile'`` as its words.

    Raises:
        ConfigError: If a word is not known, or two exclude each other.
    """
    words = tuple(text.split('+'))
    unknown = [word for word in words if word not in WORDS]
    if unknown:
        raise ConfigError(f'{text}: {unknown[0]!r} is not known; expected words of {", ".join(WORDS)}, joined by +.')
    for first, second in (('fp32', 'bf16'), ('compile', 'graphs')):
        if first in words and second in words:
            raise ConfigError(f'{text}: {first} and {second} exclude each other.')
    return words


def compiler_of(words: Sequence[str]) -> dict[str, Any] | None:
    """The arguments of :func:`torch.compile` that a way of running has; None for no compiler.

    Example:
        >>> compiler_of(('bf16', 'graphs')), compiler_of(('bf16',))
        ({'mode': 'reduce-overhead'}, None)
    """
    return next((_COMPILERS[word] for word in words if word in _COMPILERS), None)


def steps_config(config: Config, data: Path, size: int, batch: int, epochs: int, workers: int) -> Config:
    """A config's training on other images of one size, without validation, with every step in its log.

    Args:
        config: It has a network, a loss, an optimizer and a training pipeline.
        data: A data set with a training list.
        size: Side of what the network sees.
        batch: Images a step.
        epochs: How many.
        workers: Of the loader.
    """
    made = Config(config.to_dict())
    pipeline = [_sized(step, size) for step in made.train_dataloader.dataset.pipeline]
    made.train_dataloader = dict(
        made.train_dataloader, batch_size=batch, num_workers=workers, persistent_workers=workers > 0, drop_last=True,
        dataset=dict(type='IRSTDDataset', data_root=str(data), split='trainval', pipeline=pipeline, in_memory=True))
    for name in ('val_dataloader', 'val_cfg', 'val_evaluator', 'test_dataloader', 'test_cfg', 'test_evaluator'):
        made[name] = None
    made.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs)
    made.param_scheduler = []
    made.default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=epochs),
                              logger=dict(type='LoggerHook', interval=1))
    made.log_processor = dict(type='LogProcessor', by_epoch=True, window_size=1)
    made.custom_hooks = [dict(type='EpochSeedHook'), dict(type='NaNGuardHook')]
    made.visualizer = dict(type='IRSTDVisualizer', name='visualizer', vis_backends=[dict(type='LocalVisBackend')])
    if made.model.get('target_descriptor'):
        width = MODELS.build(made.model.target_descriptor.encoder).dim
        made.model.target_descriptor.encoder = dict(STAND_IN, model=dict(STAND_IN['model'], embed_dim=width))
    return made


def _sized(step: dict, side: int) -> dict:
    """A transform with its size, where it has one, replaced; CLIP's copy of the scene becomes the stand-in's."""
    if step['type'] == 'LoadClipImage':
        return dict(step, size=STAND_IN['model']['vision_cfg']['image_size'])
    if 'size' not in step:
        return dict(step)
    return dict(step, size=side if isinstance(step['size'], int) else (side, side))


def training_arguments(words: Sequence[str], device: str) -> list[str]:
    """What a way of running is to tools/train.py."""
    options = ['channels_last=True'] if 'channels_last' in words else []
    compiler = compiler_of(words)
    if compiler is not None:
        options += [f'compile.{key}={value}' for key, value in compiler.items()] or ['compile=True']
    if 'resident' in words:
        options += [f'train_dataloader.dataset.in_memory={device}', 'train_dataloader.num_workers=0']
    precision = ['--amp', 'bf16'] if 'bf16' in words else []
    return [*precision, *(['--cfg-options', *options] if options else [])]


def timed_steps(run: Path) -> dict[str, Any]:
    """What the log of a finished training of :func:`steps_config` tells of its steps, the first epoch left out.

    Returns:
        ``steps``, how many; ``ms``, percentiles of the wall time of one; ``data_ms``, those of the part of it that was
        spent waiting for data; ``gpu_memory_mib``, the largest amount allocated, None without a GPU.

    Raises:
        ConfigError: If there is but one epoch.
    """
    log = sorted(run.glob('*/vis_data/scalars.json'))[-1]
    rows = [row for row in map(json.loads, log.read_text().splitlines()) if 'data_time' in row]
    later = [row for row in rows if row['epoch'] > 1]
    if not later:
        raise ConfigError(f'{log} has steps of one epoch alone, which compiles and warms up; expected at least 2.')
    memory = [row['memory'] for row in rows if 'memory' in row]
    return dict(steps=len(later), ms=percentiles([row['time'] * 1e3 for row in later]),
                data_ms=percentiles([row['data_time'] * 1e3 for row in later]),
                gpu_memory_mib=max(memory) if memory else None)


def predicting(model: dict, words: Sequence[str], size: int, batch: int, repeats: int,
               device: str) -> dict[str, Any]:
    """Time the network of a model, and the image tower of its CLIP, on one batch.

    Args:
        model: A config's ``model``. The weights are untrained, those of CLIP too; its size is the config's.
        words: A way of running.
        size: Side of the image.
        batch: Images.
        repeats: Timed passes.
        device: ``'cuda'``: time between events; ``'cpu'``: CPU time.

    Returns:
        Percentiles in milliseconds a batch: ``network``, and ``image_tower``, None without language.

    Note:
        With one embedding kept for each scene, as in a second pass over the same images, the network is all there is.
    """
    watch = timed_on_gpu if device == 'cuda' else timed
    network = MODELS.build(model).eval()
    descriptor, network.target_descriptor = network.target_descriptor, None
    network.to(device)
    image = scene_for(network, size).to(device).expand(batch, -1, -1, -1).contiguous()
    vector = None if descriptor is None else torch.rand(batch, descriptor.dim, device=device)
    compiler = compiler_of(words)
    if 'channels_last' in words:
        network.to(memory_format=torch.channels_last)
    # Compiled as one: without gradients, parts of their own would overwrite each other's outputs in their CUDA graphs.
    forward = network.logit_maps if compiler is None else torch.compile(network.logit_maps, **compiler)
    found = dict(network=_watched(lambda: forward(image, vector), watch, words, repeats, device), image_tower=None)
    if descriptor is not None:
        encoder = MODELS.build(dict(model['target_descriptor']['encoder'], pretrained='random'))
        encoder.build()
        encoder.to(device).eval()
        if 'channels_last' in words:
            encoder.to(memory_format=torch.channels_last)
        if compiler is not None:
            encoder.clip.visual.compile(**compiler)
        scenes = torch.zeros(batch, encoder.image_size, encoder.image_size, dtype=torch.uint8)
        found['image_tower'] = _watched(lambda: encoder.encode_images(scenes), watch, words, repeats, device)
    return found


def _watched(forward: Callable[[], object], watch: Callable, words: Sequence[str], repeats: int,
             device: str) -> dict[str, float]:
    def call() -> None:
        with torch.autocast(device, torch.bfloat16, enabled='bf16' in words):  # anew, for it keeps the weights it cast
            forward()

    with torch.no_grad():  # graphs of inference tensors cannot be recorded
        return percentiles(watch(call, repeats))
