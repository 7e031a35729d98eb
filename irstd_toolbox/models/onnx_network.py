"""Networks as ONNX files: what such a file computes, and a file that stands in a network's place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import CheckpointError, ConfigError, DataError
from ..registry import MODELS
from .data_preprocessor import IRSTDDataPreprocessor
from .segmentor import IRSTDSegmentor
from .target_descriptor import TargetDescriptor

__all__ = ['LevelsToLogits', 'OnnxNetwork', 'SceneAlone', 'check_network', 'in_place_of', 'open_session']

EXTRA = "Run: pip install 'irstd-toolbox[export]'"


class LevelsToLogits(nn.Module):
    """All of a segmentor that predicts: padding and normalisation, the encoder of scenes if it has one, the network.

    What lies around a network stays out: resizing, views, windows, the threshold.

    Args:
        model: An :class:`.IRSTDSegmentor`, ready to predict; with language its encoder is loaded.

    Shape:
        - image: ``(N, 1, H, W)``, float32 levels 0..255
        - scene: ``(N, S, S)``, uint8, the whole scene as :func:`~.datasets.transforms.loading.clip_copy` makes it; for
          models with language
        - Output: ``(N, 1, H, W)``, the prediction's logits

    Raises:
        ConfigError: If the model reads descriptions at test, or normalises or embeds scenes by a class of its own.
    """

    def __init__(self, model: IRSTDSegmentor) -> None:
        super().__init__()
        if type(model.data_preprocessor) is not IRSTDDataPreprocessor:
            raise ConfigError(f'The data_preprocessor is {type(model.data_preprocessor).__name__}; a file for others '
                              'holds the normalisation of IRSTDDataPreprocessor.')
        self.model, self.descriptor = model, model.target_descriptor
        if self.descriptor is None:
            return
        if not isinstance(self.descriptor, TargetDescriptor):
            raise ConfigError(f'The target_descriptor is {type(self.descriptor).__name__}; a file for others embeds '
                              'scenes as TargetDescriptor does.')
        if self.descriptor.frozen:
            self.encoder = self.descriptor.holder.encoder  # a part of this module, though not of the descriptor
        if self.descriptor.uses_text:
            raise ConfigError("The network reads descriptions at test (target_descriptor.text='train_and_test'), and a "
                              "file for others reads images alone. Give --cfg-options model.target_descriptor.text="
                              'train.')

    def forward(self, image: Tensor, scene: Tensor | None = None) -> Tensor:
        known, (height, width) = self.model.data_preprocessor, image.shape[-2:]
        bottom, right = -height % known.divisor, -width % known.divisor
        inputs = known.normalise(image, bottom, right).expand(-1, known.channels, -1, -1)
        descriptor = None if self.descriptor is None else self.descriptor.of_scenes(scene)
        return self.model.logit_maps(inputs, descriptor)[0][..., :height, :width]


def open_session(file: Path | bytes, device: str = 'cpu') -> Any:
    """A session of onnxruntime.

    Args:
        file: The ``.onnx`` file, or its content.
        device: ``'cpu'`` or ``'cuda'``.

    Raises:
        ConfigError: If onnxruntime is not installed, or has no support of that device.
        CheckpointError: If the file is missing, damaged or not of :func:`.exporting.export_onnx`.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigError(f'An .onnx file is run by onnxruntime, which is not installed. {EXTRA}') from error
    provider = 'CUDAExecutionProvider' if device == 'cuda' else 'CPUExecutionProvider'
    if provider not in onnxruntime.get_available_providers():
        raise ConfigError(f'onnxruntime {onnxruntime.__version__} has no {provider} here. Install onnxruntime-gpu in '
                          'the place of onnxruntime, or give --device cpu.')
    if isinstance(file, Path) and not file.is_file():
        raise CheckpointError(f'There is no file {file}. python tools/export.py CONFIG CHECKPOINT {file} writes one.')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    try:
        session = onnxruntime.InferenceSession(str(file) if isinstance(file, Path) else file, options, [provider])
    except Exception as error:
        name = file if isinstance(file, Path) else 'What was exported'
        raise CheckpointError(f'{name} cannot be read as an ONNX model by onnxruntime {onnxruntime.__version__} '
                              f'({str(error).splitlines()[0][:160]}). It is damaged, cut off, another kind of file or '
                              'for a newer onnxruntime. Update onnxruntime, or export it again.') from error
    inputs, outputs = ([value.name for value in values] for values in (session.get_inputs(), session.get_outputs()))
    if inputs not in (['image'], ['image', 'scene']) or outputs != ['logits']:
        raise CheckpointError(f'{file} takes {", ".join(inputs)} and gives {", ".join(outputs)}; image, for networks '
                              "with language scene too, and logits are expected. Give a file of tools/export.py's.")
    return session


@MODELS.register_module()
class OnnxNetwork(nn.Module):
    """An exported file in a network's place; it has no parameters and learns nothing.

    Args:
        session: Of :func:`open_session`.
        preprocessor: What normalised the inputs, whose inverse gives the levels that the file takes.

    Shape:
        - x: ``(N, 1, H, W)``, normalised
        - descriptor: ``(N, S, S)`` scenes of :class:`SceneAlone`, or None
        - Output: ``[(N, 1, H, W)]``, logits

    Raises:
        DataError: If the file is of one size and an image has another.
        RuntimeError: If onnxruntime fails, with its words.
    """

    def __init__(self, session: Any, preprocessor: Mapping) -> None:
        super().__init__()
        self.session, self.known = session, MODELS.build(dict(preprocessor))

    def forward(self, x: Tensor, descriptor: Tensor | None = None) -> list[Tensor]:
        levels = self.known.denormalise(x).float().cpu().numpy()
        feed = dict(image=levels)
        if descriptor is not None:
            feed['scene'] = descriptor.cpu().numpy()
        size = _size(self.session.get_inputs()[0])
        if size and size != list(levels.shape[2:]):
            raise DataError(f'The exported file takes images of {size[0]}x{size[1]} alone, and this one is '
                            f'{levels.shape[2]}x{levels.shape[3]}. Export without --shape, or resize in the test '
                            'pipeline.')
        feeds = [{name: value[i:i + 1] for name, value in feed.items()} for i in range(len(x))] if size else [feed]
        try:
            logits = np.concatenate([self.session.run(['logits'], one)[0] for one in feeds])
        except Exception as error:  # onnxruntime's own kinds
            raise RuntimeError(f'onnxruntime: {error}') from error
        return [torch.from_numpy(logits).to(x.device)]


@MODELS.register_module()
class SceneAlone(nn.Module):
    """In the place of a target descriptor: scenes as they are, for an exported file that embeds them itself.

    Args:
        image_size: Side ``S`` of the scene.
    """

    text, uses_text = 'never', False

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size

    def forward(self, clip_images: list[Tensor], sentences: list[str | None]) -> Tensor:
        """N scenes ``(S, S)`` as ``(N, S, S)``."""
        return torch.stack(list(clip_images))


def _size(image: Any) -> list[int] | None:
    """``[H, W]`` of a file for one image of one size; None of one for any."""
    size = image.shape[2:]
    return size if all(isinstance(side, int) for side in size) else None


def check_network(model: Mapping) -> None:
    """Refuse the config of a model that an exported file cannot stand for.

    Raises:
        ConfigError: If it is of no :class:`.IRSTDSegmentor`.
    """
    kind = MODELS.get(str(model.get('type')))
    if not (isinstance(kind, type) and issubclass(kind, IRSTDSegmentor)):
        raise ConfigError(f'An .onnx file holds the network of an IRSTDSegmentor, and this config is of '
                          f'{model.get("type")}. Give the config of a network.')


def in_place_of(model: Mapping, session: Any) -> dict:
    """The config of a model whose network is an exported file; sizes, threshold, views and windows stay the config's.

    Raises:
        ConfigError: If the config is of no :class:`.IRSTDSegmentor`, or reads scenes where the file does not.
    """
    check_network(model)
    kept = {key: model[key] for key in ('output_size', 'threshold', 'views', 'windows') if key in model}
    preprocessor = dict(model.get('data_preprocessor') or dict(type='IRSTDDataPreprocessor'), channels=1)
    image, *scenes = session.get_inputs()
    if _size(image):
        preprocessor['divisor'] = 1  # the file pads what it was exported for
    if bool(scenes) != bool(model.get('target_descriptor')):
        has = 'reads scenes' if scenes else 'reads no scenes'
        raise ConfigError(f'The exported file {has}, and the config is of a network '
                          f'{"without" if scenes else "with"} language. Give the config that it was exported with.')
    if scenes:
        kept['target_descriptor'] = dict(type='SceneAlone', image_size=scenes[0].shape[-1])
    return dict(kept, type='IRSTDSegmentor', data_preprocessor=preprocessor,
                network=dict(type='OnnxNetwork', session=session, preprocessor=preprocessor))
