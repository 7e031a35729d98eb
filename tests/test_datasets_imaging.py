"""Files of every mode and depth become one channel of 0..255, or a mask of 0 and 1; damaged ones a clear error."""

import struct
import subprocess
import sys
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets.imaging import image_shape, read_image, read_mask, read_pixels, to_gray, to_mask
from irstd_toolbox.errors import DataError

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (77, 77, 77)
LUMA = [[76, 150], [29, 77]]  # 0.299 * 255, 0.587 * 255, 0.114 * 255, rounded; grey stays


@pytest.fixture
def colours():
    return np.array([[RED, GREEN], [BLUE, GREY]], dtype=np.uint8)


def _png(path, width, height, depth, kind, rows):
    """A PNG written by hand, for what Pillow cannot write."""
    def chunk(tag, data):
        return struct.pack('>I', len(data)) + tag + data + struct.pack('>I', zlib.crc32(tag + data))
    head = struct.pack('>IIBBBBB', width, height, depth, kind, 0, 0, 0)
    pixels = zlib.compress(b''.join(b'\0' + row for row in rows))
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', pixels) + chunk(b'IEND', b''))
    return path


def test_an_8_bit_grey_image_keeps_its_levels(tmp_path):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(levels).save(tmp_path / 'a.png')
    image = read_image(tmp_path / 'a.png')
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, levels)


def test_colours_become_their_bt601_luma(tmp_path, colours):
    Image.fromarray(colours).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png'), LUMA)


def test_grey_stored_as_colour_equals_grey(tmp_path):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(np.dstack([levels] * 3)).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png'), levels)


def test_alpha_is_ignored(tmp_path, colours):
    alpha = np.array([[0, 9], [128, 255]], dtype=np.uint8)
    Image.fromarray(np.dstack([colours, alpha])).save(tmp_path / 'rgba.png')
    Image.fromarray(np.dstack([colours[..., 0], alpha])).save(tmp_path / 'la.png')
    np.testing.assert_array_equal(read_image(tmp_path / 'rgba.png'), LUMA)
    np.testing.assert_array_equal(read_image(tmp_path / 'la.png'), colours[..., 0])


def test_a_palette_is_expanded_to_its_colours_not_its_indices(tmp_path):
    indexed = Image.fromarray(np.array([[0, 1], [2, 3]], dtype=np.uint8), mode='P')
    indexed.putpalette([*RED, *GREEN, *BLUE, *GREY])
    indexed.save(tmp_path / 'a.png')
    assert Image.open(tmp_path / 'a.png').mode == 'P'
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png'), LUMA)


def test_a_1_bit_image_becomes_0_and_255(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png'), [[255, 0]])


def test_a_gamma_chunk_does_not_change_the_pixels(tmp_path, colours):
    Image.fromarray(colours).save(tmp_path / 'plain.png')
    data = (tmp_path / 'plain.png').read_bytes()
    gamma = b'gAMA' + struct.pack('>I', 100000)
    (tmp_path / 'gamma.png').write_bytes(
        data[:33] + struct.pack('>I', 4) + gamma + struct.pack('>I', zlib.crc32(gamma)) + data[33:])
    assert Image.open(tmp_path / 'gamma.png').info['gamma'] == 1.0
    np.testing.assert_array_equal(read_image(tmp_path / 'gamma.png'), LUMA)


@pytest.mark.parametrize('suffix', ['bmp', 'tif', 'png'])
def test_lossless_formats_give_the_same_image(tmp_path, colours, suffix):
    Image.fromarray(colours).save(tmp_path / f'a.{suffix}')
    np.testing.assert_array_equal(read_image(tmp_path / f'a.{suffix}'), LUMA)


@pytest.mark.parametrize('name', ['a.png', 'a.tif'])
@pytest.mark.parametrize('channels', [3, 4])
def test_the_low_byte_of_deep_colour_counts(tmp_path, name, channels):
    deep = np.zeros((8, 8, channels), dtype=np.uint16)
    deep[2, 3], deep[4, 5, 2] = 200, 100  # the high byte of every pixel is 0; OpenCV's last colour is red
    cv2.imwrite(str(tmp_path / name), deep)
    image = read_image(tmp_path / name)
    assert image[2, 3] == 255 and np.count_nonzero(image) == 2
    assert read_pixels(tmp_path / name)[4, 5].tolist() == [100, 0, 0]


def test_a_deep_coloured_mask_of_0_and_1_keeps_its_target(tmp_path):
    mask = np.zeros((8, 8, 3), dtype=np.uint16)
    mask[2, 3] = 1
    cv2.imwrite(str(tmp_path / 'a.tif'), mask)
    assert read_mask(tmp_path / 'a.tif').sum() == 1


def test_deep_colour_keeps_red_and_blue_apart(tmp_path):
    rows = [struct.pack('>6H', 60000, 0, 0, 0, 0, 60000)]
    image = read_image(_png(tmp_path / 'a.png', 2, 1, 16, 2, rows))
    assert image[0, 0] > image[0, 1]


def test_deep_grey_with_alpha_is_read_by_its_grey(tmp_path):
    rows = [struct.pack('>4H', 300, 65535, 500, 0)]
    np.testing.assert_array_equal(read_image(_png(tmp_path / 'a.png', 2, 1, 16, 4, rows)), [[0, 255]])


def test_a_float_image_is_mapped_like_a_deep_one(tmp_path):
    ramp = np.linspace(-3, 5, 100, dtype=np.float32).reshape(10, 10)
    Image.fromarray(ramp).save(tmp_path / 'a.tif')
    np.testing.assert_allclose(read_image(tmp_path / 'a.tif'), to_gray(ramp.astype(np.float64)), atol=1e-3)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match='scene 3: holds values that are not finite'):
        to_gray(np.array([[0.0, np.nan]]), name='scene 3')


@pytest.mark.parametrize('shape', [(4,), (0, 3), (2, 2, 5), (2, 2, 2, 2)])
def test_an_array_that_is_no_image_is_refused(shape):
    with pytest.raises(DataError, match=r'expected \(H, W\) or \(H, W, C\)'):
        to_gray(np.zeros(shape, dtype=np.uint8))


def test_an_array_of_no_numbers_is_refused():
    with pytest.raises(DataError, match='values of type complex128'):
        to_gray(np.zeros((2, 2), dtype=complex))


def test_an_image_of_one_pixel_is_read(tmp_path):
    Image.new('L', (1, 1), 42).save(tmp_path / 'a.png')
    assert read_image(tmp_path / 'a.png').tolist() == [[42.0]]


def test_the_shape_is_read_as_height_width(tmp_path):
    Image.new('L', (5, 3)).save(tmp_path / 'a.png')
    assert image_shape(tmp_path / 'a.png') == (3, 5)


@pytest.mark.parametrize('reader', [read_image, read_mask, image_shape])
@pytest.mark.parametrize(('content', 'reason'), [(b'', r'is empty \(0 bytes\)'), (b'no image', 'cannot be decoded')])
def test_a_file_that_is_no_image_is_an_error_that_names_it(tmp_path, reader, content, reason):
    path = tmp_path / 'XDU7.png'
    path.write_bytes(content)
    with pytest.raises(DataError, match=f'XDU7.png: {reason}.*fetch or export the file anew'):
        reader(path)


@pytest.mark.parametrize('depth', [np.uint8, np.uint16])
@pytest.mark.parametrize('share', [0.3, 0.9])
def test_a_truncated_png_is_an_error(tmp_path, depth, share):
    path = tmp_path / 'a.png'
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(depth)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:int(share * path.stat().st_size)])
    with pytest.raises(DataError, match='cannot be decoded'):
        read_image(path)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(DataError, match='no such file'):
        read_image(tmp_path / 'absent.png')
    with pytest.raises(DataError, match='is a folder'):
        read_image(tmp_path)


@pytest.mark.parametrize('error', [MemoryError, AttributeError])
def test_what_is_no_fault_of_the_file_is_not_said_of_it(tmp_path, monkeypatch, error):
    def broken(_):
        raise error('of something else')

    Image.new('L', (4, 3)).save(tmp_path / 'a.png')
    monkeypatch.setattr(Image, 'open', broken)
    with pytest.raises(error, match='of something else'):
        read_image(tmp_path / 'a.png')


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    path = _png(tmp_path / 'a.png', 60000, 60000, 8, 0, [b''])
    with pytest.raises(DataError, match='a.png.*exceeds limit.*cut it into tiles'):
        read_image(path)


@pytest.mark.parametrize(('pixels', 'expected'), [
    (np.array([[False, True]]), [[0, 1]]),
    (np.array([[0, 1]], dtype=np.uint8), [[0, 1]]),
    (np.array([[0, 255]], dtype=np.uint8), [[0, 1]]),
    (np.array([[0, 1, 127, 128, 254, 255]], dtype=np.uint8), [[0, 0, 0, 1, 1, 1]]),
    (np.array([[0, 255]], dtype=np.uint16), [[0, 1]]),
    (np.array([[0, 255, 32767, 32768, 65535]], dtype=np.uint16), [[0, 0, 0, 1, 1]]),
    (np.array([[0.0, 0.5, 0.51, 1.0]]), [[0, 0, 1, 1]]),
    (np.array([[[0, 0, 0], [128, 0, 0], [255, 255, 255]]], dtype=np.uint8), [[0, 1, 1]]),
    (np.array([[[0, 0, 128], [0, 200, 0], [0, 0, 127]]], dtype=np.uint8), [[1, 1, 0]]),
    (np.array([[[0, 0, 0, 255], [255, 255, 255, 0]]], dtype=np.uint8), [[0, 1]]),
    (np.array([[[255, 0], [0, 255]]], dtype=np.uint8), [[1, 0]]),
    (np.zeros((1, 2), dtype=np.uint8), [[0, 0]]),
], ids=['bool', '0/1', '0/255', 'grey edge', '16-bit 0/255', '16-bit', 'float', 'colour', 'green and blue',
        'alpha', 'grey and alpha', 'empty'])
def test_a_mask_is_what_lies_above_half_of_full_scale(pixels, expected):
    mask = to_mask(pixels)
    assert mask.dtype == np.uint8
    assert mask.tolist() == expected


@pytest.mark.parametrize('high', [2, 38, 127, 256, 32767])
def test_a_mask_of_labels_rather_than_target_and_background_is_refused(high):
    with pytest.raises(DataError, match=f'its largest value is {high}, below half of'):
        to_mask(np.array([[0, high]]), name='m.png')


@pytest.mark.parametrize('values', [[0, 65536], [-1, 255]])
def test_a_mask_beyond_16_bits_is_refused(values):
    with pytest.raises(DataError, match='expected 0/1, 0/255 or 0/65535'):
        to_mask(np.array([values]))


@pytest.mark.parametrize('mode', ['1', 'L', 'P', 'RGB', 'RGBA'])
def test_a_mask_file_of_any_mode_reads_the_same(tmp_path, mode):
    truth = np.zeros((6, 5), dtype=np.uint8)
    truth[2:4, 1:3] = 1
    mask = Image.fromarray(truth * np.uint8(255)).convert('L' if mode == 'RGBA' else mode)
    (mask.convert(mode) if mode == 'RGBA' else mask).save(tmp_path / 'm.png')
    np.testing.assert_array_equal(read_mask(tmp_path / 'm.png'), truth)


def test_a_palette_mask_of_dark_red_is_target(tmp_path):
    mask = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode='P')
    mask.putpalette([0, 0, 0, 128, 0, 0])  # its luma, 38, would be background
    mask.save(tmp_path / 'm.png')
    assert read_mask(tmp_path / 'm.png').tolist() == [[0, 1]]


def test_a_mask_of_another_size_is_aligned_by_pixel_centres_with_a_warning(tmp_path):
    mask = np.zeros((6, 9), dtype=np.uint8)
    mask[4, 7] = 255
    Image.fromarray(mask).save(tmp_path / 'm.png')
    with pytest.warns(UserWarning, match='m.png: the mask is 9x6, its image 3x2'):
        aligned = read_mask(tmp_path / 'm.png', shape=(2, 3))
    # Output (1, 2) covers rows 3..5 and columns 6..8; their centre is (4, 7), the corner (3, 6) is background.
    assert aligned.tolist() == [[0, 0, 0], [0, 0, 1]]


def test_the_warning_about_a_size_comes_once_a_file(tmp_path):
    Image.new('L', (4, 4)).save(tmp_path / 'm.png')
    with pytest.warns(UserWarning, match='m.png'):
        read_mask(tmp_path / 'm.png', shape=(2, 2))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        read_mask(tmp_path / 'm.png', shape=(2, 2))


def test_a_mask_of_another_size_is_an_error_where_none_may_be_aligned(tmp_path):
    Image.new('L', (4, 3)).save(tmp_path / 'm.png')
    with pytest.raises(DataError, match='the mask is 4x3, its image 2x1'):
        read_mask(tmp_path / 'm.png', shape=(1, 2), align=False)
    assert read_mask(tmp_path / 'm.png', shape=(3, 4), align=False).shape == (3, 4)


def test_looking_at_a_data_set_needs_neither_torch_nor_mmengine_and_leaves_the_log_of_opencv_as_it_is():
    code = ('import cv2, sys; level = cv2.utils.logging.getLogLevel();'
            'from irstd_toolbox.datasets import holdout, imaging, layouts;'
            'print([name for name in ("torch", "mmengine", "mmseg") if name in sys.modules],'
            'cv2.utils.logging.getLogLevel() == level)')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[] True'
