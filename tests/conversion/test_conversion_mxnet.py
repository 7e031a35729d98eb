"""MXNet's files of arrays: small ones that MXNet 1.9.1 wrote, and damaged ones."""

import base64
import zlib
from pathlib import Path

import pytest
import torch

from irstd_toolbox.conversion.mxnet_files import is_mxnet_file
from irstd_toolbox.conversion.reading import read_weights
from irstd_toolbox.errors import CheckpointError

# Written by mxnet.nd.save: a matrix, half precision and whole numbers, without and with NumPy's shapes; an array that
# has no name; a row-sparse one.
NAMED = ('eNoTYmRAAcxQ+uSvyT9BNBMUI8uhaQEBewaGBiA+AMQMDgwMCg4w/YxI+mH6wHw7hgPIdjCiqYHRbEDMjmY/B5RO1CtP'
         'zUzPKGGB8jMSc9JYoezk/NK8EgDp7BSu')
NUMPY_SHAPES = ('eNoTYmRAAcxQ+tSvyT9BNBMUI8uhaQEBewaGBiA+AMQMDgwMCg4w/YxI+mH6wHw7hgPIdjCiqYHRbEDMjmY/B5RO'
                '1CtPzUzPKGGB8jMSc9JYoezk/NK8EgDrlxSx')
UNNAMED = 'eNoTYmRAATDuyV+Tf8L4TGhyYL4dwwGYHgCcEgRo'
SPARSE = 'eNoTYmRAATDuyV+Tf4LYTEhyTEg0E5oYsjFsUD5CrMEeSDgwoqmF0eUAke8E8Q=='


def content(written: str) -> bytes:
    return zlib.decompress(base64.b64decode(written))


def file(folder: Path, data: bytes) -> Path:
    (folder / 'some.params').write_bytes(data)
    return folder / 'some.params'


@pytest.mark.parametrize('written', [NAMED, NUMPY_SHAPES], ids=['classic', 'numpy_shapes'])
def test_names_shapes_types_and_values_are_those_that_mxnet_wrote(tmp_path: Path, written: str) -> None:
    path = file(tmp_path, content(written))
    found = read_weights(path)
    assert is_mxnet_file(path)
    expected = {'a.weight': torch.tensor([[0, 0.5, 1], [1.5, 2, 2.5]]), 'half': torch.tensor([1.5, -2]).half(),
                'count': torch.tensor([[7]])}
    assert list(found) == list(expected)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_every_beginning_of_a_file_is_refused_as_cut_off(tmp_path: Path) -> None:
    whole = content(NAMED)
    for length in range(8, len(whole)):
        with pytest.raises(CheckpointError, match=f'some.params ends after {length} bytes'):
            read_weights(file(tmp_path, whole[:length]))


@pytest.mark.parametrize(('at', 'value', 'words'), [
    (24, b'\xc8\xfa\x93\xf9', 'array 0 begins with 0xf993fac8; dense arrays of MXNet 1.0 and later are expected'),
    (32, b'\xff\xff\xff\xff', r'array 0 has 4294967295 dimensions \(\) of type'),
    (36, b'\xff' * 8, r'array 0 has 2 dimensions \(-1, 3\) of type 0'),
    (60, b'\x0c', r'array 0 has 2 dimensions \(2, 3\) of type 12'),
    (36, b'\xff' * 7 + b'\x7f', 'ends after 221 bytes'),
], ids=['old_array', 'dimensions', 'side', 'type', 'too_large'])
def test_a_damaged_array_is_named(tmp_path: Path, at: int, value: bytes, words: str) -> None:
    whole = content(NAMED)
    with pytest.raises(CheckpointError, match=words):
        read_weights(file(tmp_path, whole[:at] + value + whole[at + len(value):]))


@pytest.mark.parametrize(('written', 'words'), [(UNNAMED, 'holds 1 arrays and 0 names'),
                                                (SPARSE, 'array 0 is of storage type 1')], ids=['unnamed', 'sparse'])
def test_arrays_that_are_no_named_weights_are_refused(tmp_path: Path, written: str, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        read_weights(file(tmp_path, content(written)))
