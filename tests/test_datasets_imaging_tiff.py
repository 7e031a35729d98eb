"""TIFF files of colours that Pillow does not know are decoded by OpenCV; damaged ones stay an error."""

import struct

import cv2
import numpy as np
import pytest

from irstd_toolbox.datasets.imaging import image_shape, read_image, read_pixels, to_gray
from irstd_toolbox.errors import DataError


@pytest.mark.parametrize('kind', [np.float32, np.float64, np.int32, np.uint32])
def test_deep_colours_that_pillow_does_not_know_are_read_by_their_luma(tmp_path, kind):
    colours = (np.random.default_rng(0).random((6, 9, 3)) * 100000).astype(kind)
    cv2.imwrite(str(tmp_path / 'a.tif'), colours[..., ::-1])
    np.testing.assert_array_equal(read_pixels(tmp_path / 'a.tif'), colours)
    np.testing.assert_array_equal(read_image(tmp_path / 'a.tif'), to_gray(colours))
    assert image_shape(tmp_path / 'a.tif') == (6, 9)


@pytest.mark.parametrize('kept', [8, 100, -1])
def test_a_damaged_one_is_an_error_that_names_it(tmp_path, kept):
    cv2.imwrite(str(tmp_path / 'a.tif'), np.ones((6, 9, 3), np.float32))
    (tmp_path / 'a.tif').write_bytes((tmp_path / 'a.tif').read_bytes()[:kept])
    for read in (read_pixels, image_shape):
        with pytest.raises(DataError, match='a.tif: cannot be decoded'):
            read(tmp_path / 'a.tif')


@pytest.mark.parametrize(('planes', 'samples', 'words'), [
    (2, 3, '3 samples of 16 bits in planes of their own'), (1, 2, '2 samples of 16 bits a pixel')])
def test_samples_that_no_decoder_here_puts_together_are_refused(tmp_path, planes, samples, words):
    data = np.arange(6 * 9 * samples, dtype='<u2').tobytes()
    each = len(data) // (samples if planes == 2 else 1)
    counts = samples if planes == 2 else 1
    tags = [(256, 4, [9]), (257, 4, [6]), (258, 3, [16] * samples), (259, 3, [1]), (262, 3, [2 if samples == 3 else 1]),
            (273, 4, [0] * counts), (277, 3, [samples]), (278, 4, [6]), (279, 4, [each] * counts), (284, 3, [planes])]
    extra, entries, at = b'', b'', 8 + 2 + 12 * len(tags) + 4
    room = sum(4 * len(values) for _, _, values in tags)
    for tag, kind, values in tags:
        values = [at + room + each * number for number in range(counts)] if tag == 273 else values
        packed = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            packed, extra = struct.pack('<I', at + len(extra)), extra + packed
        entries += struct.pack('<HHI', tag, kind, len(values)) + packed.ljust(4, b'\0')
    (tmp_path / 'a.tif').write_bytes(b'II*\0' + struct.pack('<IH', 8, len(tags)) + entries + bytes(4)
                                     + extra.ljust(room, b'\0') + data)
    with pytest.raises(DataError, match=f'a.tif: cannot be decoded: a TIFF of {words} is not read'):
        read_pixels(tmp_path / 'a.tif')


@pytest.mark.parametrize('depth', [8, 16])
def test_a_file_that_says_0_is_white_is_turned_at_each_depth(tmp_path, depth):
    stored = np.arange(54).reshape(6, 9).astype(f'<u{depth // 8}')
    tags = [(256, 4, 9), (257, 4, 6), (258, 3, depth), (259, 3, 1), (262, 3, 0), (273, 4, 8), (277, 3, 1), (278, 4, 6),
            (279, 4, stored.nbytes)]
    entries = b''.join(struct.pack('<HHII', tag, kind, 1, value) for tag, kind, value in tags)
    (tmp_path / 'a.tif').write_bytes(struct.pack('<2sHI', b'II', 42, 8 + stored.nbytes) + stored.tobytes()
                                     + struct.pack('<H', len(tags)) + entries + struct.pack('<I', 0))
    np.testing.assert_array_equal(read_pixels(tmp_path / 'a.tif'), 2 ** depth - 1 - stored)
