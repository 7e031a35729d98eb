"""Read other people's weight files without executing anything in them.

Some are state dicts, some whole pickled networks, whose classes are not here and whose code must not run.
"""

import pickle
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ..errors import CheckpointError
from ..training.checkpoint import read_checkpoint
from .mxnet_files import is_mxnet_file, read_mxnet

__all__ = ['read_weights']

# All that building tensors out of a file needs; any other name becomes an inert object.
_ALLOWED = {
    ('collections', 'OrderedDict'): OrderedDict,
    ('torch._utils', '_rebuild_tensor'): torch._utils._rebuild_tensor,
    ('torch._utils', '_rebuild_tensor_v2'): torch._utils._rebuild_tensor_v2,
    ('torch._utils', '_rebuild_parameter'): torch._utils._rebuild_parameter,
}


class _Inert:
    """What an object of an unknown class becomes: it takes its state and does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)

    def __call__(self, *_: Any, **__: Any) -> '_Inert':
        return self

    # Items of unknown lists and dicts are of no interest, but the pickle adds them.
    def append(self, _: Any) -> None:
        pass

    def extend(self, _: Any) -> None:
        pass

    def __setitem__(self, _: Any, __: Any) -> None:
        pass


class _Unpickler(pickle.Unpickler):
    """Finds the classes that a tensor is made of, and an inert one for every other name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if module in ('torch', 'torch.storage') and name.endswith('Storage'):
            return super().find_class(module, name)
        if module == 'torch' and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        return type(name, (_Inert,), {})


_RESTRICTED = SimpleNamespace(
    __name__='pickle', Unpickler=_Unpickler, load=lambda file, **options: _Unpickler(file, **options).load())


def _tensors(module: Any, prefix: str = '') -> Iterator[tuple[str, Tensor]]:
    """The state dict of a pickled network, from the three tables that every ``nn.Module`` keeps."""
    for table in ('_parameters', '_buffers'):
        for name, tensor in (getattr(module, table, None) or {}).items():
            if isinstance(tensor, Tensor):
                yield prefix + name, tensor.detach()
    for name, child in (getattr(module, '_modules', None) or {}).items():
        yield from _tensors(child, f'{prefix}{name}.')


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a weight file by name: a state dict, a checkpoint around one, or a whole pickled network.

    Args:
        path: A ``.pth``, ``.pkl``, ``.pth.tar`` or ``.safetensors`` file, or MXNet's ``.params``.

    Raises:
        CheckpointError: If the file is missing, cannot be read, or holds no tensors.
    """
    if is_mxnet_file(path):
        return read_mxnet(path)
    try:
        found = read_checkpoint(path)['state_dict']
        if all(isinstance(tensor, Tensor) for tensor in found.values()):
            return found
    except CheckpointError as error:
        if not any(words in str(error) for words in ('could execute code', 'names with their tensors, are expected')):
            raise
    try:
        # The restricted unpickler stands in for pickle, so that "not weights only" means: through it.
        content = torch.load(path, map_location='cpu', weights_only=False, pickle_module=_RESTRICTED)
    except Exception as error:
        raise CheckpointError(f'{path} cannot be read ({type(error).__name__}: {error}). A file that torch.save wrote '
                              'is expected.') from error
    # The file itself comes last: beside a state dict may stand a loss, which is a tensor too.
    for candidate in (*(content.values() if isinstance(content, dict) else ()), content):
        found = dict(_tensors(candidate))
        if not found and isinstance(candidate, dict):
            found = {str(name): value for name, value in candidate.items() if isinstance(value, Tensor)}
        if found:
            return {name.removeprefix('module.'): tensor for name, tensor in found.items()}
    raise CheckpointError(f'{path} holds no tensors by name: neither a state dict nor a network. Check the file.')
