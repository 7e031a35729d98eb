"""Read the ``.params`` files of Gluon's ``save_parameters`` without MXNet, whose last release needs an old NumPy.

A file is a list of dense arrays and a list of their names, little-endian throughout.
"""

import math
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import CheckpointError

__all__ = ['is_mxnet_file', 'read_mxnet']

LIST_MAGIC = struct.pack('<Q', 0x112)
ARRAY_MAGICS = (0xF993FAC9, 0xF993FACA)  # of MXNet 1.x, and of arrays whose shapes are NumPy's
DTYPES = {0: '<f4', 1: '<f8', 2: '<f2', 3: 'u1', 4: '<i4', 5: 'i1', 6: '<i8'}
DENSE = 0


class _Bytes:
    """What is left of a file, taken piece by piece."""

    def __init__(self, path: Path) -> None:
        self.path, self.content, self.at = path, path.read_bytes(), 0

    def take(self, size: int) -> bytes:
        if size > len(self.content) - self.at:
            raise CheckpointError(f'{self.path} ends after {len(self.content)} bytes, in the middle of an array or a '
                                  'name. Fetch it again.')
        self.at += size
        return self.content[self.at - size:self.at]

    def numbers(self, kinds: str) -> tuple[int, ...]:
        """Numbers of the kinds that :mod:`struct` names, packed without gaps."""
        return struct.unpack(f'<{kinds}', self.take(struct.calcsize(f'<{kinds}')))


def is_mxnet_file(path: str | Path) -> bool:
    """Whether ``path`` is a file that begins as MXNet's lists of arrays do."""
    path = Path(path)
    if not path.is_file():
        return False
    with path.open('rb') as file:
        return file.read(len(LIST_MAGIC)) == LIST_MAGIC


def _array(data: _Bytes, index: int) -> Tensor:
    magic, kind, dims = data.numbers('IiI')
    if magic not in ARRAY_MAGICS or kind != DENSE:
        found = f'begins with {magic:#x}' if magic not in ARRAY_MAGICS else f'is of storage type {kind}'
        raise CheckpointError(f'{data.path}: array {index} {found}; dense arrays of MXNet 1.0 and later are expected. '
                              'Load the file with MXNet and save its parameters again.')
    shape = data.numbers(f'{dims}q') if dims <= 32 else ()
    _, _, dtype = data.numbers('iii')  # before it the device, which is of no interest
    if dims > 32 or any(side < 0 for side in shape) or dtype not in DTYPES:
        raise CheckpointError(f'{data.path}: array {index} has {dims} dimensions {shape} of type {dtype}, which no '
                              'array of weights has. The file is damaged: fetch it again.')
    kept = np.dtype(DTYPES[dtype])
    values = np.frombuffer(data.take(math.prod(shape) * kept.itemsize), kept)
    return torch.from_numpy(values.reshape(shape).astype(kept.newbyteorder('=')))


def read_mxnet(path: str | Path) -> dict[str, Tensor]:
    """The arrays of a ``.params`` file by name, in the file's order and type.

    Raises:
        CheckpointError: If the file is cut off, damaged, holds sparse arrays or arrays without names.
    """
    data = _Bytes(Path(path))
    data.take(2 * len(LIST_MAGIC))  # the magic number, and one that is kept free
    count, = data.numbers('Q')
    arrays = [_array(data, index) for index in range(count)]
    named, = data.numbers('Q')
    if named != count:
        raise CheckpointError(f'{path} holds {count} arrays and {named} names. A file that save_parameters wrote has a '
                              'name for every array.')
    return {data.take(*data.numbers('Q')).decode('utf-8', 'replace'): array for array in arrays}
