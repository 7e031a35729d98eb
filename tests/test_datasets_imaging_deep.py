"""Images of more than 8 bits on the scale 0..255: targets keep their contrast, and single pixels squeeze nothing."""

import cv2
import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets.imaging import read_image, to_gray


def test_deep_pixels_are_mapped_linearly_from_the_least_to_the_greatest_that_two_neighbours_reach(tmp_path):
    levels = np.random.default_rng(0).integers(8000, 9000, (40, 50), dtype=np.uint16)
    levels[10, 10:12], levels[30, 30:32] = (4000, 3000), (12000, 14000)  # two reach 4000 and 12000
    Image.fromarray(levels).save(tmp_path / 'a.png')
    expected = 8 + (levels - 4000.0) / 8000 * (247 - 8)
    expected[10, 11], expected[30, 31] = 0, 255
    np.testing.assert_allclose(read_image(tmp_path / 'a.png'), expected, rtol=1e-6)
    levels[10, 11], levels[30, 31] = 4000, 12000
    np.testing.assert_allclose(to_gray(levels), (levels - 4000.0) / 8000 * 255, rtol=1e-6)


def test_a_deep_copy_of_an_image_has_its_contrast():
    rng = np.random.default_rng(0)
    image = rng.integers(60, 90, (64, 64)).astype(np.uint8)
    image[20:22, 30:33] = 250  # fewer pixels than a tail of 0.2 %
    deep = to_gray(image.astype(np.uint16) * 257)
    contrast = [(one[20:22, 30:33].mean() - one[:18].mean()) / one[:18].std() for one in (image.astype(float), deep)]
    assert contrast[1] == pytest.approx(contrast[0], rel=1e-5)


def test_a_deep_image_in_which_no_two_neighbours_agree_uses_the_whole_scale():
    assert to_gray(np.array([[100, 7000]], np.uint16)).tolist() == [[0, 255]]
    assert to_gray(np.array([[0, 10, 4]], np.uint16)).tolist() == [[0, 255, 102]]


def test_a_stuck_pixel_does_not_squeeze_a_deep_image_nor_does_it_hide_a_target():
    rng = np.random.default_rng(0)
    scene = rng.normal(8000, 50, (128, 128))
    scene[40:42, 50:52] = 9000  # the target: 4 of 16384 pixels, 20 sigma
    scene[100, 7] = 16383
    image = to_gray(scene.round().astype(np.uint16))
    assert image.std() > 10  # 50 levels of 8383 would be 1.5 of 255
    assert image[40:42, 50:52].min() > image[:40].max()
    assert image[100, 7] == 255 > image[40, 50]


@pytest.mark.parametrize('value', [0, 5000, 65535])
def test_a_constant_deep_image_becomes_0(tmp_path, value):
    Image.fromarray(np.full((3, 4), value, dtype=np.uint16)).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(read_image(tmp_path / 'a.png'), np.zeros((3, 4)))


def test_a_deep_image_of_two_levels_uses_the_whole_scale():
    levels = np.repeat(np.array([[7, 900]], dtype=np.uint16), 2000, axis=0)  # the tails hold no values of their own
    assert np.unique(to_gray(levels)).tolist() == [0, 255]


def test_the_luma_of_deep_integers_is_rounded_to_whole_levels():
    colours = np.array([[[0, 0, 0], [3, 0, 0], [0, 10, 0]]] * 2, np.uint16)  # 0, 0.897 and 5.87
    np.testing.assert_allclose(to_gray(colours), [[0, 255 / 6, 255]] * 2, rtol=1e-6)


@pytest.mark.parametrize('lone', [[], [(10, 3000)], [(30, 14000)], [(10, 3000), (30, 14000)]])
def test_the_documented_mapping_without_the_toolbox_is_this_one(lone, repository, tmp_path, monkeypatch):
    text = (repository / 'docs/deployment.md').read_text(encoding='utf-8')
    code = text[text.index('levels = cv2.imread('):text.index('seen = [image.resize')]
    levels = np.random.default_rng(0).integers(8000, 9000, (40, 50), dtype=np.uint16)
    for place, level in lone:
        levels[place, place] = level
    Image.fromarray(levels).save(tmp_path / 'image.png')
    monkeypatch.chdir(tmp_path)
    names = dict(cv2=cv2, np=np, Image=Image)
    exec(code, names)
    np.testing.assert_allclose(np.array(names['image']), to_gray(levels), rtol=1e-6)
