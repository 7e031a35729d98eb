"""TIFF files of colours that Pillow does not know are decoded by OpenCV; damaged ones stay an error."""

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
