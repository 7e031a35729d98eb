"""A trained network as one ONNX file, which runs without this toolbox and without torch."""

import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ..errors import ConfigError
from ..evaluation.files import check_targets, write_atomically
from ..models.onnx_network import EXTRA, LevelsToLogits, check_network, open_session
from ..registry import SCOPE
from ..training.checkpoint import META_KEY, file_sha256
from ..training.progress import hushed
from ..training.publishing import meta_for_others
from .predictor import load_model

__all__ = ['export_onnx']

TRACED = (2, 96, 128)
CHECKED = (1, 96, 128), (2, 150, 100)
TOLERANCE = 1e-3
"""Of the largest logit."""


def export_onnx(config: Config, checkpoint: str | os.PathLike | None, out: Path,
                shape: Sequence[int] | None = None) -> dict[str, Any]:
    """Write a network of a config as ONNX, and hold what the file computes against the network.

    The file takes ``image`` ``(N, 1, H, W)``, float32 levels 0..255, with language also ``scene`` ``(N, S, S)``, uint8,
    and gives ``logits`` ``(N, 1, H, W)``: :class:`.onnx_network.LevelsToLogits`. Its metadata
    ``irstd_toolbox`` is JSON: ``config``, ``threshold``, ``pipeline`` (the test pipeline between file and network) and
    the checkpoint's ``meta``.

    Args:
        config: Its model and its test pipeline count.
        checkpoint: Weights of the model.
        out: The ``.onnx`` to write.
        shape: ``(H, W)`` of a file for one image of one size, which some compilers for devices need; None for any
            number of images of any size.

    Returns:
        ``sha256`` and ``bytes`` of the file, ``opset``, ``difference``, the largest of logits between file and network
        on random images, and ``largest``, of the network's logits there.

    Raises:
        ConfigError: If packages are missing, the config is of no network or of one that cannot be exported, or the
            file computes other logits.
        CheckpointError: If the checkpoint does not fit.
    """
    if out.suffix != '.onnx':
        raise ConfigError(f'{out}: a name that ends in .onnx is expected.')
    check_targets(out)
    init_default_scope(SCOPE)
    check_network(config.model)
    if checkpoint is not None and Path(checkpoint).suffix == '.onnx':
        raise ConfigError(f'{checkpoint} is an exported file itself. Give the weights that it was made of.')
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter asks for it
    except ImportError as error:
        raise ConfigError(f'Networks are exported by onnx and onnxscript: {error}. {EXTRA}') from error
    model, meta = load_model(config, checkpoint, torch.device('cpu'))
    graph = LevelsToLogits(model).eval()
    with torch.no_grad():
        content = _traced(graph, shape).model_proto
        about = dict(config=str(config.filename), threshold=model.threshold.value if model.threshold else 0.5,
                     pipeline=_pipeline(config), meta=meta_for_others(meta, checkpoint))
        entry = content.metadata_props.add()
        entry.key, entry.value = META_KEY, json.dumps(about)
        onnx.checker.check_model(content)
        data = content.SerializeToString()
        difference, largest = _compared(graph, data, [(1, *shape)] if shape else CHECKED)
    if not difference <= TOLERANCE * largest:
        raise ConfigError(f'The exported file computes other logits than the network: they differ by {difference:.3g} '
                          f'where the largest is {largest:.3g}. Nothing was written; another release of torch or '
                          'onnxscript may export it.')
    write_atomically(out, data)
    return dict(sha256=file_sha256(out), bytes=len(data), opset=content.opset_import[0].version,
                difference=difference, largest=largest)


def _inputs(graph: LevelsToLogits, batch: int, height: int, width: int) -> tuple[torch.Tensor, ...]:
    """Random levels, and scenes where the network reads some."""
    generator = torch.Generator().manual_seed(batch)
    inputs = [torch.rand(batch, 1, height, width, generator=generator) * 255]
    if graph.descriptor is not None:
        side = graph.descriptor.image_size
        inputs.append(torch.randint(256, (batch, side, side), dtype=torch.uint8, generator=generator))
    return tuple(inputs)


def _traced(graph: LevelsToLogits, shape: Sequence[int] | None) -> Any:
    """The graph as torch's exporter gives it."""
    hint = '' if shape else ' Give --shape HEIGHT WIDTH to export it for images of one size.'
    for part in graph.modules() if shape is None else ():
        if reason := getattr(part, 'bound_to_size', None):
            raise ConfigError(f'{type(part).__name__} cannot be exported for images of any size: {reason}.{hint}')
    inputs = _inputs(graph, *((1, *shape) if shape else TRACED))
    graph(*inputs)  # loads what is loaded at the first use, and says what is wrong before torch's exporter does
    names, free = ['image', 'scene'][:len(inputs)], torch.export.Dim.DYNAMIC
    dynamic = None if shape else tuple([{0: free, 2: free, 3: free}, {0: free}][:len(inputs)])
    solver = logging.getLogger('torch.fx.experimental.symbolic_shapes')  # pages of what it cannot solve
    try:
        with warnings.catch_warnings(), hushed(solver, logging.ERROR):
            warnings.simplefilter('ignore')
            return torch.onnx.export(graph, inputs, dynamo=True, input_names=names, output_names=['logits'],
                                     dynamic_shapes=dynamic, external_data=False, verbose=False,
                                     custom_translation_table=_translations())
    except Exception as error:  # of torch's exporter and onnxscript, many kinds
        cause = error.__cause__ or error
        reason = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
        raise ConfigError(f'torch {torch.__version__} cannot export this network ({type(cause).__name__}: '
                          f'{reason[:200]}).{hint}') from error


def _translations() -> dict[Callable, Callable]:
    """What torch's exporter does not know: torchvision's deformable convolution, whose offsets ONNX orders alike."""
    if 'torchvision' not in sys.modules:
        return {}
    from onnxscript import opset20 as op

    def deformed(x, weight, offset, mask, bias, stride_h: int, stride_w: int, pad_h: int, pad_w: int,  # noqa: ANN001, ANN202
                 dilation_h: int, dilation_w: int, groups: int, offset_groups: int, use_mask: bool):
        return op.DeformConv(x, weight, offset, bias, mask if use_mask else None, strides=[stride_h, stride_w],
                             pads=[pad_h, pad_w] * 2, dilations=[dilation_h, dilation_w], group=groups,
                             offset_group=offset_groups)
    return {torch.ops.torchvision.deform_conv2d.default: deformed}


def _compared(graph: LevelsToLogits, data: bytes, sizes: Sequence[Sequence[int]]) -> tuple[float, float]:
    """The largest difference of logits between the file and the network, and the largest logit."""
    session, difference, largest = open_session(data), 0.0, 0.0
    for size in sizes:
        inputs = _inputs(graph, *size)
        expected = graph(*inputs).numpy()
        feed = {one.name: value.numpy() for one, value in zip(session.get_inputs(), inputs, strict=True)}
        try:
            got = session.run(None, feed)[0]
        except Exception as error:  # onnxruntime's own kinds
            raise ConfigError(f'onnxruntime cannot run what torch {torch.__version__} exported of this network '
                              f'({str(error).splitlines()[0][:200]}). Nothing was written. Where images of any size '
                              'were asked for, give --shape HEIGHT WIDTH.') from error
        difference = np.maximum(difference, np.abs(got - expected).max())  # which keeps NaN, as max() does not
        largest = np.maximum(largest, np.abs(expected).max())
    return float(difference), float(largest)


def _pipeline(config: Config) -> list[dict]:
    loader = config.get('test_dataloader')
    return [dict(step) for step in loader.dataset.pipeline] if loader else []
