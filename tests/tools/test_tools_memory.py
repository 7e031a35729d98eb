"""What the tools say where a memory does not hold what a model computes."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from irstd_toolbox.errors import DataError
from irstd_toolbox.inference import Predictor
from irstd_toolbox.inference.memory import predict_batch
from irstd_toolbox.models import IRSTDSegmentor

Tool = Callable[[str], ModuleType]
FULL = torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.')
SAMPLES = [SimpleNamespace(metainfo=dict(img_path='sea.png', image_id='sea')),
           SimpleNamespace(metainfo=dict(img_path=None, image_id='array'))]


def _model(error: Exception, **windows: object) -> SimpleNamespace:
    def fail(batch: dict) -> None:
        raise error
    return SimpleNamespace(test_step=fail, data_preprocessor=SimpleNamespace(device='cpu'), **windows)


@pytest.mark.parametrize('error', [
    FULL, MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you tried to ..."),
    RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`')])
def test_every_lack_of_memory_is_one_message(error: Exception) -> None:
    with pytest.raises(DataError, match='sea.png, array: the memory of cpu does not hold .* of this size, 2 at once'):
        predict_batch(_model(error), dict(data_samples=SAMPLES))


@pytest.mark.parametrize(('windows', 'remedy'), [
    (dict(), r'Take a machine with more\.$'),
    (dict(windows=None), 'or let it see windows, --cfg-options model.windows.size=256'),
    (dict(windows=object()), 'or let it see smaller windows, --cfg-options model.windows.size=256')])
def test_windows_are_advised_where_a_model_has_them(windows: dict, remedy: str) -> None:
    with pytest.raises(DataError, match=remedy):
        predict_batch(_model(FULL, **windows), dict(data_samples=SAMPLES))


def test_another_failure_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match='The size of tensor a must match'):
        predict_batch(_model(RuntimeError('The size of tensor a must match')), dict(data_samples=SAMPLES))


@pytest.mark.parametrize('name', ['Predictor', 'test', 'tune_threshold'])
def test_whatever_predicts_says_it(trained: Path, lively: Path, load_tool: Tool, monkeypatch: pytest.MonkeyPatch,
                                   tmp_path: Path, name: str) -> None:
    monkeypatch.setattr(IRSTDSegmentor, 'test_step', lambda self, batch: _model(FULL).test_step(batch))
    config, out = str(trained.parent / 'tiny.py'), tmp_path / 'out'
    with pytest.raises(DataError, match=r'scene_\d+.png.*: the memory of cpu does not hold .* let it see windows'):
        if name == 'Predictor':
            Predictor(config, lively, 'cpu').predict(trained.parent / 'data/images/scene_8.png')
        else:
            load_tool(name).main([config, str(lively), '--out', str(out)])
    assert not out.exists()
