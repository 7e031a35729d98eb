"""From an image of any size and depth to a probability map and a list of targets, without a data set around it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from ..datasets.imaging import read_image, to_gray
from ..errors import CheckpointError, ConfigError, DataError
from ..evaluation.prediction_io import decode, encode
from ..evaluation.regions import find_regions
from ..models.clip_weights import read_note
from ..models.onnx_network import in_place_of, open_session
from ..models.probability_threshold import ProbabilityThreshold
from ..registry import MODELS, SCOPE, TRANSFORMS
from ..training.amp import predicting_in
from ..training.checkpoint import META_KEY, file_sha256, find_checkpoint, load_weights
from ..training.config_edits import as_loaded, load_config, work_folder
from ..training.stamp import check_own
from .memory import predict_batch

__all__ = ['Detection', 'Predictor', 'Target', 'checkpoint_of', 'find_targets', 'load_model', 'pick_device']


@dataclass(frozen=True)
class Target:
    """One predicted target, in pixels of the image file.

    Args:
        centroid: ``(x, y)``, the mean over its pixels; the centre of the top left pixel is (0, 0).
        box: ``(left, top, right, bottom)``; the last two are the first column and row outside.
        area: Its number of pixels.
        score: Its largest probability.
    """

    centroid: tuple[float, float]
    box: tuple[int, int, int, int]
    area: int
    score: float


@dataclass(frozen=True, eq=False)
class Detection:
    """What a model sees in one image.

    Args:
        image: The grey image, 0..255.
        probability: Of every pixel to belong to a target.
        mask: Where the probability exceeds the threshold.
        targets: The 8-connected regions of the mask, in raster order.

    Shape:
        - image, probability: ``(H, W)`` float32, at the image's own size
        - mask: ``(H, W)`` bool
    """

    image: np.ndarray
    probability: np.ndarray
    mask: np.ndarray
    targets: list[Target]


def find_targets(mask: np.ndarray, probability: np.ndarray) -> list[Target]:
    """The 8-connected regions of a mask as targets.

    Shape:
        - mask: ``(H, W)`` bool
        - probability: ``(H, W)``

    Raises:
        DataError: If the two are not of one size.

    Example:
        >>> mask = np.zeros((3, 4), bool); mask[1, 1:3] = True
        >>> find_targets(mask, mask * 0.75)
        [Target(centroid=(1.5, 1.0), box=(1, 1, 3, 2), area=2, score=0.75)]
    """
    if mask.ndim != 2 or mask.shape != probability.shape:
        raise DataError(f'The mask has shape {mask.shape}, the probability {probability.shape}; expected (H, W) of '
                        'both. Take them from one image.')
    regions = find_regions(mask)
    targets = []
    for place, area, (row, column) in zip(
            regions.places(mask.shape[1]), regions.areas, regions.centroids, strict=True):
        rows, columns = place.T
        box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        score = float(probability[rows, columns].max())
        targets.append(Target((float(column), float(row)), tuple(map(int, box)), int(area), score))
    return targets


def pick_device(device: str | None) -> torch.device:
    """``device``, or a GPU if there is one.

    Raises:
        ConfigError: If there is no such device.
    """
    try:
        chosen = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        torch.empty(0, device=chosen).cpu()  # which the meta device, that holds no values, refuses
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f'--device {device} cannot be used: {str(error).splitlines()[0]} Use cpu'
                          + (' or cuda.' if torch.cuda.is_available() else '; torch sees no GPU.')) from error
    return chosen


def checkpoint_of(config: Config, checkpoint: str | None) -> str | None:
    """A checkpoint as it was given, or the file that ``'best'`` or ``'last'`` of the config's work folder is.

    Raises:
        CheckpointError: If there is no such file in the work folder, or it is another config's.
    """
    if checkpoint not in ('best', 'last'):
        return checkpoint
    found = find_checkpoint(work_folder(config), checkpoint)
    check_own(config, found)
    return str(found)


def load_model(config: Config, checkpoint: str | os.PathLike | None, device: torch.device,
               amp: str | None = None) -> tuple[Any, dict]:
    """The model of a config with all the weights of a checkpoint, ready to predict, and the checkpoint's ``meta``.

    A checkpoint that ends in ``.onnx``, of ``tools/export.py``, stands in the place of the network; the rest is as the
    config says.

    ``channels_last=True`` in the config lays out the weights of convolutions, and with them the maps, in that way. That
    the model can predict in ``amp`` is checked; the caller does so by :func:`.amp.predicting_in`.

    Raises:
        CheckpointError: If the checkpoint cannot be read safely, does not fit, or is missing though there are weights.
        ConfigError: If the config's threshold was chosen for other weights, or ``amp`` is not for this model or device.
    """
    predicting_in(amp, device)
    if checkpoint is not None and Path(checkpoint).suffix == '.onnx':
        return _load_onnx(config, Path(checkpoint), device, amp)
    model = MODELS.build(config.model)
    if checkpoint is not None:
        if hasattr(model, 'load'):  # GroundedSAM, which has no weights before
            model.load()
        meta = load_weights(model, checkpoint)['meta']
        _check_threshold(model, checkpoint, meta)
    elif any(True for _ in model.parameters()):
        raise CheckpointError(f'The model of {config.filename} has weights, so a CHECKPOINT is needed. Train it with '
                              f'python tools/train.py {config.filename}')
    elif amp:
        raise ConfigError(f'{config.filename} is of a formula, which computes in double precision. Leave --amp out.')
    else:
        meta = {}
    if config.get('channels_last'):
        model = model.to(memory_format=torch.channels_last)
    return model.to(device).eval(), meta


def _load_onnx(config: Config, file: Path, device: torch.device, amp: str | None) -> tuple[Any, dict]:
    """An exported file as the model of its config."""
    if amp:
        raise ConfigError(f'{file} computes in the precision that it was exported in. Leave --amp out.')
    session = open_session(file, device.type)
    model = MODELS.build(in_place_of(config.model, session))
    note = session.get_modelmeta().custom_metadata_map.get(META_KEY, '{}')
    meta = read_note(note, 'meta', file)
    _check_threshold(model, file, meta)
    return model.to(device).eval(), meta


def _check_threshold(model: Any, checkpoint: str | os.PathLike, meta: dict) -> None:
    if isinstance(getattr(model, 'threshold', None), ProbabilityThreshold):
        model.threshold.check_weights(file_sha256(checkpoint), meta)
        model.threshold.warn_of_others(getattr(model, 'test_options', {}))


class Predictor:
    """Predicts with a trained model on paths and arrays.

    Args:
        config: A config or its path; its test pipeline prepares the images. A config that is given stays as it is.
        checkpoint: Weights; None for a method without.
        device: ``'cpu'``, ``'cuda:1'``; None for a GPU if there is one.
        options: ``KEY=VALUE`` over the config.
        amp: ``'bf16'``, ``'fp16'`` or ``'auto'`` for mixed precision.

    Attributes:
        threshold: Probability above which a pixel is target unless told otherwise: the config's, or 0.5.

    Raises:
        ConfigError: If the config is wrong, its test pipeline does not begin with LoadImage, or the device lacks the
            precision.
        CheckpointError: If the checkpoint cannot be read safely or does not fit.
    """

    def __init__(self, config: str | os.PathLike | Config, checkpoint: str | os.PathLike | None = None,
                 device: str | None = None, options: Sequence[str] = (), amp: str | None = None) -> None:
        if isinstance(config, Config):
            self.config = as_loaded(config, options)
        elif isinstance(config, str | os.PathLike):
            self.config = load_config(str(config), options)
        else:
            raise ConfigError(f'The config is of type {type(config).__name__}; the path of a .py config or a Config of '
                              'mmengine is expected. Make one of a dict by Config(dict(model=..., ...)).')
        init_default_scope(SCOPE)
        self.device, self.amp = pick_device(device), amp
        self.model, self.meta = load_model(self.config, checkpoint, self.device, amp)
        self.pipeline = _without_files(self.config)
        own = getattr(self.model, 'threshold', None)
        # A model with a threshold of its own lowers its logits by it; probabilities here are the network's.
        self.threshold, self._lowered = (own.value, own.logit) if isinstance(own, ProbabilityThreshold) else (0.5, 0.0)

    def predict(self, source: str | os.PathLike | np.ndarray, threshold: float | None = None,
                description: str | None = None) -> Detection:
        """Find the targets in one image.

        Args:
            source: An image file of any depth, or its pixels.
            threshold: Pixels above this probability are target; None for :attr:`threshold`.
            description: A sentence about the scene, for models that use one at test.

        Shape:
            - source: ``(H, W)`` or ``(H, W, C)`` if it is an array, of any numeric type

        Raises:
            DataError: If the source is no single image, it cannot be read, or the memory does not hold what the model
                computes on it.
            ConfigError: If the threshold is no number in 0 <= T < 1.

        Note:
            Colour is read as RGB, where OpenCV gives BGR. Of arrays, 8 bits are taken as levels 0..255, booleans as 0
            and 255; others, float and uint16 among them, are stretched to 0..255 (:func:`.imaging.to_gray`). So is what
            :func:`.imaging.read_image` gave, whose levels are floats: give the path, or ``image.astype('uint8')``.
        """
        if threshold is not None and not (isinstance(threshold, Real) and 0 <= threshold < 1):
            raise ConfigError(f'The threshold is {threshold!r}; a number in 0 <= T < 1 is expected, since a pixel is '
                              'target where p > T.')
        named = isinstance(source, str | os.PathLike)
        if not named and not isinstance(source, np.ndarray):
            raise DataError(f'predict got a {type(source).__name__}; one image at a time is expected, as its path or '
                            'as a numpy array of its pixels. Call it for each of several; np.asarray makes an array of '
                            "Pillow's images and of torch's tensors on the CPU.")
        image = read_image(source) if named else to_gray(source)
        sample = self.pipeline(dict(
            img=image, ori_shape=image.shape, img_shape=image.shape, description=description, mask_path=None,
            image_id=Path(source).stem if named else 'array', img_path=str(source) if named else None))
        batch = dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']])
        with torch.inference_mode(), predicting_in(self.amp, self.device):
            logits = predict_batch(self.model, batch)[0].seg_logits.data[0].float().cpu().numpy()
        probability = decode(encode(logits + self._lowered)).astype(np.float32)
        if probability.shape != image.shape:
            raise ConfigError(f'The model predicts {probability.shape} for an image of {image.shape}. Predictions are '
                              "drawn and measured at the image's own size: set model.output_size='native'.")
        mask = decode(encode(logits)) > 0.5 if threshold is None else probability > threshold
        return Detection(image, probability, mask, find_targets(mask, probability))


def _without_files(config: Config) -> Compose:
    """The test pipeline between the loaded image and the model."""
    loader = config.get('test_dataloader')
    steps: list[Mapping] = list(loader.dataset.pipeline) if loader else []
    if not steps or steps[0].get('type') != 'LoadImage':
        raise ConfigError(f'{config.filename}: test_dataloader.dataset.pipeline has to begin with LoadImage.')
    return Compose([TRANSFORMS.build(step) for step in steps[1:]])
