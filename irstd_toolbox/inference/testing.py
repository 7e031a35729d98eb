"""One test run: a model over a data set, its predictions on disk and its metrics."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import track

from ..datasets.imaging import read_image
from ..errors import ConfigError
from ..evaluation.files import write_atomically
from ..evaluation.prediction_io import decode, encode, write_prediction
from ..evaluation.results import write_results
from ..registry import SCOPE
from ..training import distributed
from ..training.amp import best_dtype, predicting_in
from ..training.checkpoint import file_sha256
from ..training.config_edits import load_config, set_workers
from ..training.panel_hook import evenly_spaced
from ..training.stamp import stamp_of
from ..visualization import panel, save
from .documents import is_results_document
from .memory import predict_batch
from .predictor import checkpoint_of, load_model, pick_device
from .staging import staged

__all__ = ['Outputs', 'run_test']

_FOLDERS = ('masks', 'panels', 'predictions')


@dataclass(frozen=True)
class Outputs:
    """Where a test writes and what.

    Args:
        folder: Gets ``predictions/``, ``masks/`` and ``results.json``, in the place of those of a test before.
        probabilities: Suffix of the predictions, ``'.png'`` (16 bit) or ``'.npy'``.
        panels: How many images are drawn into ``panels/``, evenly spaced over the list.
    """

    folder: Path
    probabilities: str = '.png'
    panels: int = 0


def run_test(
    path: str, checkpoint: str | None, outputs: Outputs | None, options: Sequence[str] = (), *,
    protocols: Sequence[str] = (), split: str | None = None, device: str | None = None, launcher: str = 'none',
    amp: str | None = None,
) -> dict | None:
    """Test the model of a config and write what it predicts.

    Args:
        path: The config.
        checkpoint: A file, ``'best'`` or ``'last'`` of the config's work folder; None for a method without weights.
        outputs: What to write; None to measure alone.
        options: ``KEY=VALUE`` over the config.
        protocols: Replace the config's.
        split: Replaces the config's split of the test data set.
        device: ``'cpu'``, ``'cuda'``; None for a GPU if there is one.
        launcher: See :func:`distributed.start`.
        amp: ``'bf16'``, ``'fp16'`` or ``'auto'`` for mixed precision, which ``amp`` of the results then names.

    Returns:
        The content of ``results.json``, in which ``metrics`` holds what test evaluators after the first give; None on
        processes other than the first.

    Raises:
        UserError: If the input is not as it has to be.
    """
    distributed.start(launcher)  # first: loggers of all processes but one are quiet from then on
    config = load_config(path, options)
    init_default_scope(SCOPE)
    if not config.get('test_dataloader') or not config.get('test_evaluator'):
        raise ConfigError(f'{path} has no test_dataloader and test_evaluator, so there is nothing to test on.')
    set_workers(config)
    if split:
        config.test_dataloader.dataset.split = split
    loader = Runner.build_dataloader(config.test_dataloader, seed=0)
    checkpoint = checkpoint_of(config, checkpoint)
    chosen = _own_device(device, launcher)
    model, meta = load_model(config, checkpoint, chosen, amp)
    evaluator = _evaluator(config, loader.dataset, protocols)
    with _staged(outputs) as stage:
        with predicting_in(amp, chosen):
            _predict(model, loader, evaluator, stage)
        values = evaluator.evaluate(len(loader.dataset))
        if not is_main_process():
            return None
        results = dict(evaluator.metrics[0].results_json)
        others = _further(values, evaluator)
        if others:
            results['metrics'] = others
        results.update(checkpoint=_origin(checkpoint, meta), config=str(path), model=_name(config))
        rule = getattr(model, 'threshold_rule', None)
        if rule is not None:
            results['threshold'] = rule
        results.update(getattr(model, 'test_options', {}))
        read = _descriptions_read(model, loader.dataset)
        if read:
            results['descriptions'] = read
        if amp:
            results['amp'] = best_dtype() if amp == 'auto' else amp
        if stage:
            write_results(stage.folder / 'results.json', results)
    return results


@contextmanager
def _staged(outputs: Outputs | None) -> Iterator[Outputs | None]:
    """``outputs`` in a folder of their own, see :func:`.staging.staged`."""
    if outputs is None:
        yield None
        return
    with staged(outputs.folder, _FOLDERS, 'results.json', is_results_document) as folder:
        yield replace(outputs, folder=folder)


def _descriptions_read(model: Any, dataset: Any) -> dict | None:
    """Of a model that reads text at test: how many images have some, and whether it was made from masks."""
    if not getattr(getattr(model, 'target_descriptor', None), 'uses_text', False):
        return None
    return dict(dataset.metainfo.get('descriptions') or {})


def _own_device(device: str | None, launcher: str) -> torch.device:
    if device is None and launcher != 'none' and torch.cuda.is_available():
        device = f'cuda:{os.environ.get("LOCAL_RANK", 0)}'
    return pick_device(device)


def _evaluator(config: Config, dataset: Any, protocols: Sequence[str]) -> Evaluator:
    """The config's evaluator with the protocols asked for; the results say which data set and split they are of."""
    metrics = config.test_evaluator if isinstance(config.test_evaluator, list) else [config.test_evaluator]
    about = dict(dataset=dataset.metainfo.get('dataset'), split=dataset.metainfo.get('split'))
    first = dict(metrics[0])
    if first.get('type') != 'IRSTDMetric':
        raise ConfigError(f'The first test_evaluator is {first.get("type")}; results.json is written by IRSTDMetric.')
    first['about'] = first.get('about') or {key: value for key, value in about.items() if value}
    if protocols:
        first['protocols'] = tuple(protocols)
    evaluator = Evaluator([first, *metrics[1:]])
    evaluator.dataset_meta = dataset.metainfo
    return evaluator


def _further(values: dict, evaluator: Evaluator) -> dict[str, float]:
    """What the metrics after the first give, by their prefixed names."""
    own = f'{evaluator.metrics[0].prefix}/'
    found = {}
    for name, value in values.items():
        if name.startswith(own):
            continue
        if getattr(value, 'ndim', 1) == 0:  # a scalar of numpy or torch
            value = value.item()
        if not isinstance(value, int | float):
            raise ConfigError(f'A test_evaluator gives {name}={value!r}; a number is expected. Mend its '
                              'compute_metrics, or leave it out.')
        found[name] = value
    return found


def _predict(model: Any, loader: Any, evaluator: Evaluator, outputs: Outputs | None) -> None:
    progress = Console(stderr=True)
    batches = track(loader, 'testing', console=progress, transient=True, disable=not is_main_process())
    drawn = set(evenly_spaced(loader.dataset, outputs.panels)) if outputs else set()
    with torch.inference_mode():
        for batch in batches:
            samples = predict_batch(model, batch)
            evaluator.process(data_samples=samples, data_batch=batch)
            for sample in samples if outputs else ():
                _write(sample, outputs, sample.metainfo['image_id'] in drawn)


def _write(sample: Any, outputs: Outputs, draw: bool) -> None:
    name = sample.metainfo['image_id']
    codes = encode(sample.seg_logits.data[0].float().cpu().numpy())
    write_prediction(outputs.folder / 'predictions' / f'{name}{outputs.probabilities}', codes)
    probabilities = decode(codes)
    mask = probabilities > 0.5
    picture = cv2.imencode('.png', mask.astype(np.uint8) * 255)[1].tobytes()
    write_atomically(outputs.folder / 'masks' / f'{name}.png', picture)
    if draw:
        truth = sample.gt_sem_seg.data[0].cpu().numpy() if 'gt_sem_seg' in sample else None
        image = read_image(sample.metainfo['img_path'])
        save(panel(image, truth, mask, probabilities, title=name), outputs.folder / 'panels' / f'{name}.png')


def _origin(checkpoint: str | None, meta: dict) -> dict | None:
    """Which weights, what they were trained on, and how they were chosen."""
    if checkpoint is None:
        return None
    stamp = stamp_of(meta)
    marks = {key: stamp[key] for key in ('trained_on', 'trained_before', 'resumed', 'precision') if key in stamp}
    return dict(path=str(checkpoint), sha256=file_sha256(checkpoint), epoch=meta.get('epoch'),
                selection=stamp.get('selection'), **marks)


def _name(config: Config) -> str:
    """What the model is, in a word: the name of its network, its method or its backbone, where it has one."""
    model = config.model
    return str((model.get('network') or model.get('method') or model.get('backbone') or model).get('type'))
