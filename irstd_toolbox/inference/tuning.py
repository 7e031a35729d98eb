"""Responses of a method over a list of images, and the threshold of the highest IoU on it."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..errors import ConfigError, DataError
from ..evaluation import protocols
from ..evaluation.curves import CurveCounter
from ..evaluation.prediction_io import FULL_SCALE, check_numbers
from ..models.model_driven import ModelDrivenDetector
from ..registry import DATASETS, MODELS, SCOPE
from ..training.checkpoint import file_sha256
from ..training.config_edits import load_config
from .memory import predict_batch
from .predictor import checkpoint_of, load_model, pick_device

__all__ = ['Scored', 'ThresholdSearch', 'detector_of', 'list_of', 'responses_of', 'tune_probability', 'tune_threshold']

_DROPPED_BITS = 42  # of a float64's 52 bits of mantissa; 10 stay, which tell values 0.1 % apart
_KEYS = 1 << (63 - _DROPPED_BITS)


@dataclass(frozen=True, eq=False)
class Scored:
    """One image of a list.

    Args:
        image_id: Its id.
        response: Of the method.
        truth: Its mask.

    Shape:
        - response: ``(H, W)`` float64
        - truth: ``(H, W)`` bool
    """

    image_id: str
    response: np.ndarray
    truth: np.ndarray


class ThresholdSearch:
    """The threshold of the highest IoU over images that are shown one by one.

    Responses are counted by the first 21 bits of their float64 form, so that thresholds 0.1 % apart are told apart
    whatever the scale of the responses, in memory that does not grow with the number of images.

    Example:
        >>> search = ThresholdSearch()
        >>> search.add(np.array([[1.0, 2.0, 8.0, 9.0]]), np.array([[False, False, True, True]]))
        >>> value, iou = search.best()
        >>> 2.0 < value < 8.0, iou
        (True, 1.0)
    """

    def __init__(self) -> None:
        self.counts = np.zeros((2, _KEYS), np.int64)  # of background and target pixels

    def add(self, response: np.ndarray, truth: np.ndarray) -> None:
        """Count an image.

        Shape:
            - response: ``(H, W)``, at least 0
            - truth: ``(H, W)`` bool
        """
        keys = np.ascontiguousarray(response, np.float64).view(np.int64) >> _DROPPED_BITS
        for counts, chosen in zip(self.counts, (keys[~truth], keys[truth]), strict=True):
            found, numbers = np.unique(chosen, return_counts=True)
            counts[found] += numbers

    def best(self) -> tuple[float, float]:
        """The threshold and its IoU; where several are equally good, the one in the middle.

        Raises:
            DataError: If no threshold finds a target pixel.
        """
        targets = self.counts[1].sum()
        background, hit = self.counts[:, ::-1].cumsum(axis=1)[:, ::-1]
        iou = hit / np.maximum(background + targets, 1)
        iou[0] = 0  # a response of 0 is never a target
        first = int(iou.argmax())
        if not iou[first]:
            raise DataError('No threshold finds a target pixel: the list has no targets, or the method answers none of '
                            'them. Choose another list or method.')
        change = np.flatnonzero(iou[first:] != iou[first])
        key = first + (int(change[0]) - 1 if change.size else 0) // 2
        edge = np.array([key << _DROPPED_BITS], np.int64).view(np.float64)[0]
        return float(np.nextafter(edge, 0)), float(iou[first])


def detector_of(config: Config) -> ModelDrivenDetector:
    """The model of a config.

    Raises:
        ConfigError: If it is not a model-driven detector.
    """
    init_default_scope(SCOPE)
    if config.model.get('type') != 'ModelDrivenDetector':
        raise ConfigError(f'{config.filename} is of {config.model.get("type")}; a ModelDrivenDetector is expected. '
                          'The threshold of a network is chosen with its weights: give a CHECKPOINT.')
    return load_model(config, None, torch.device('cpu'))[0]


def responses_of(model: ModelDrivenDetector, dataset: Any, images: int | None = None) -> Iterator[Scored]:
    """The responses to the images of a data set, and their masks.

    Args:
        model: The model.
        dataset: The data set, :func:`list_of` a config.
        images: How many, evenly spaced; None for all.

    Raises:
        DataError: If a mask is missing or not of the size of the response.
    """
    def respond(batch: dict) -> np.ndarray:
        prepared = model.data_preprocessor(batch, False)
        return model.responses(prepared['inputs'], prepared['data_samples'])[0]

    yield from _scored(dataset, images, respond)


def _scored(dataset: Any, images: int | None, respond: Callable[[dict], np.ndarray]) -> Iterator[Scored]:
    count = min(images or len(dataset), len(dataset))
    for place in np.linspace(0, len(dataset) - 1, count).round().astype(int):
        batch = {key: [value] for key, value in dataset[int(place)].items()}
        sample = batch['data_samples'][0]
        image_id = sample.metainfo['image_id']
        if 'gt_sem_seg' not in sample:
            raise DataError(f'{image_id} has no mask, and without it nothing can be measured. Put LoadTargetMask into '
                            'the test pipeline.')
        truth = sample.gt_sem_seg.data[0].numpy() == 1
        response = respond(batch)
        if truth.shape != response.shape:
            raise DataError(f'{image_id}: the response is {response.shape}, the mask {truth.shape}; one size is '
                            "expected. Let the pipeline load the mask at the file's size, and predictions have it "
                            "(model.output_size='native'); formulas do without Resize.")
        yield Scored(image_id, response, truth)


def list_of(config: Config, split: str) -> Any:
    """The test data set of a config with another list."""
    init_default_scope(SCOPE)
    return DATASETS.build(dict(config.test_dataloader.dataset, split=split))


def tune_threshold(path: str, split: str = 'trainval', options: Sequence[str] = (), *,
                   images: int | None = None, max_fa: float | None = None) -> dict[str, Any]:
    """Choose the threshold of the highest IoU, or of the highest Pd at a bounded Fa, on a list.

    Args:
        path: A config of a :class:`ModelDrivenDetector`; its own threshold rule plays no part.
        split: The list.
        options: ``KEY=VALUE`` over the config.
        images: How many images, evenly spaced over the list; None for all.
        max_fa: As of :func:`tune_probability`.

    Returns:
        ``value`` and ``scale`` of the better of two rules, one response for all images and one share of the range of
        an image's responses, with ``max_fa`` of the latter; and ``origin`` as of :func:`tune_probability`.

    Raises:
        ConfigError: If the config is not one of a model-driven method, or ``max_fa`` is no number between 0 and 1.
        DataError: If the data set or masks are missing, or no threshold finds a target, or none at such an Fa.
    """
    _check_bound(max_fa)
    config = load_config(path, options)
    model, dataset = detector_of(config), list_of(config, split)
    searches, ids = dict(response=ThresholdSearch(), range=ThresholdSearch()), []
    if max_fa is not None:
        searches = dict(range=CurveCounter(protocols.get('canonical')))
    for scored in responses_of(model, dataset, images):
        raised = scored.response - scored.response.min()
        maps = dict(response=scored.response, range=raised / max(raised.max(), np.finfo(float).tiny))
        for scale, search in searches.items():
            search.add(maps[scale], scored.truth)
        ids.append(scored.image_id)
    if max_fa is None:
        found = {name: search.best() for name, search in searches.items()}
        scale = max(found, key=lambda name: found[name][1])
        value, reached = found[scale][0], dict(IoU=found[scale][1])
    else:
        scale, (value, reached) = 'range', _bounded(searches['range'], max_fa)
    return dict(value=value, scale=scale, origin=dict(
        method=config.model.method.to_dict(), dataset=dataset.metainfo['dataset'], split=split, images=len(ids),
        **reached, oracle=_tested_on(ids, dataset, config)))


def tune_probability(path: str, checkpoint: str, split: str | None = None, options: Sequence[str] = (), *,
                     images: int | None = None, device: str | None = None,
                     max_fa: float | None = None) -> dict[str, Any]:
    """Choose the probability of the highest IoU, or of the highest Pd at a bounded Fa, of a network's predictions.

    Args:
        path: A config of a network; its own threshold plays no part.
        checkpoint: A file, ``'best'`` or ``'last'`` of the config's work folder.
        split: A list of the test data set; None for the list that the training was validated on.
        options: ``KEY=VALUE`` over the config.
        images: How many images, evenly spaced over the list; None for all.
        device: ``'cpu'``, ``'cuda'``; None for a GPU if there is one.
        max_fa: The highest Fa, a fraction of pixels, under the protocol ``canonical``; None to choose by IoU.

    Returns:
        ``value``, a probability; ``scale``, ``'probability'``; and ``origin``: model, SHA-256 of the weights, data set,
        split and, of a list that is carved from it, part; views and windows, if any; number of images, the IoU
        there, with ``max_fa`` also it, Pd and Fa, and ``oracle``, whether some of them are tested on.

    Raises:
        ConfigError: If the config is of a formula or of a model without a threshold, has no such data set, or
            ``max_fa`` is no number between 0 and 1.
        CheckpointError: If the checkpoint cannot be read safely or does not fit.
        DataError: If the data set or masks are missing, or no threshold finds a target, or none at such an Fa.
    """
    _check_bound(max_fa)
    config = load_config(path, options)
    if config.model.get('type') == 'ModelDrivenDetector':
        raise ConfigError(f'{path} is of a formula, which has no weights. Leave the CHECKPOINT out.')
    init_default_scope(SCOPE)
    _check_takes_threshold(config)
    config.model.pop('threshold', None)
    key = 'val_dataloader' if split is None else 'test_dataloader'
    if not config.get(key):
        raise ConfigError(f'{path} has no {key}, so there is no list to choose on.')
    dataset = DATASETS.build(config[key].dataset) if split is None else list_of(config, split)
    checkpoint = checkpoint_of(config, checkpoint)
    model = load_model(config, checkpoint, pick_device(device))[0]
    tally, ids = ThresholdSearch() if max_fa is None else CurveCounter(protocols.get('canonical')), []
    with torch.inference_mode():
        for scored in _scored(dataset, images, lambda batch: _odds(predict_batch(model, batch)[0].seg_logits.data[0])):
            odds = scored.response
            tally.add(odds if max_fa is None else odds / (1 + odds), scored.truth)
            ids.append(scored.image_id)
    if max_fa is None:
        odds, iou = tally.best()
        value, reached = odds / (1 + odds), dict(IoU=iou)
    else:
        value, reached = _bounded(tally, max_fa)
    about = dataset.metainfo
    more = dict(dict(part=about['part']) if about.get('holdout') else {}, **getattr(model, 'test_options', {}))
    return dict(value=value, scale='probability', origin=dict(
        model=config.model.type, checkpoint=file_sha256(checkpoint), dataset=about.get('dataset'),
        split=about.get('split'), **more, images=len(ids), **reached,
        oracle=_tested_on(ids, dataset, config)))


def _check_bound(max_fa: float | None) -> None:
    if max_fa is not None and not 0 <= max_fa < 1:
        raise ConfigError(f'--max-fa {max_fa:g}: a fraction of pixels, 0 <= FA < 1, is expected, such as 1e-5.')


def _bounded(counter: CurveCounter, max_fa: float) -> tuple[float, dict[str, float]]:
    """The threshold of the highest Pd, of equals of the highest IoU, at an Fa of at most ``max_fa``; what it gives."""
    curve, pixels = counter.targets(), counter.pixels()
    finds = (curve.pd > 0) & (curve.levels < FULL_SCALE)
    allowed = np.flatnonzero(finds & (curve.fa <= max_fa))
    if not allowed.size:
        least = f'one does at {curve.fa[finds].min():.3g}' if finds.any() else 'none does at any'
        raise DataError(f'No threshold finds a target of the list at an Fa of {max_fa:g} or less, {least}. Raise '
                        '--max-fa, or choose on a list of more images.')
    hits, false = (counts[FULL_SCALE - curve.levels] for counts in (pixels.hits, pixels.false))
    iou = hits / (pixels.hits[-1] + false)
    best = max(allowed, key=lambda place: (curve.pd[place], iou[place]))
    return (float(curve.levels[best]) + 0.5) / FULL_SCALE, dict(  # levels are rounded probabilities
        IoU=float(iou[best]), Pd=float(curve.pd[best]), Fa=float(curve.fa[best]), max_Fa=max_fa)


def _tested_on(ids: Sequence[str], dataset: Any, config: Config) -> bool:
    """Whether images of a data set are on the list of the same data that the config tests on, whatever it is called."""
    tested = (config.get('test_dataloader') or {}).get('dataset', {})
    if not hasattr(dataset, 'found'):  # of another class than ours: its name is all that is known
        return dataset.metainfo.get('split') == 'test'
    if Path(tested.get('data_root', '')).resolve() != Path(dataset.data_root).resolve():
        return False
    try:
        return not set(ids).isdisjoint(dataset.found.ids(tested.get('split', 'trainval')))
    except DataError:  # there is no such list
        return False


def _check_takes_threshold(config: Config) -> None:
    kind = config.model.get('type')
    built = MODELS.get(kind) if isinstance(kind, str) else kind
    taken = inspect.signature(built).parameters.values() if built is not None else ()  # building an unknown one says so
    if taken and not any(one.name == 'threshold' or one.kind is one.VAR_KEYWORD for one in taken):
        raise ConfigError(f'{config.filename} is of {kind}, whose constructor takes no threshold, so that a chosen one '
                          'could not be used. Give a config of a model that takes one, such as IRSTDSegmentor.')


def _odds(logits: torch.Tensor) -> np.ndarray:
    """``p / (1 - p)``, which tells probabilities apart near 1 as well as near 0."""
    values = logits.double().cpu().numpy()
    check_numbers(values)
    return np.exp(values.clip(-30, 30))
