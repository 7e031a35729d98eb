"""Images as they go out."""

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from irstd_toolbox.datasets.imaging import read_image
from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors.vlm import images
from irstd_toolbox.text_priors.vlm.images import prepare_array, prepare_file


def sent(prepared: images.PreparedImage) -> Image.Image:
    image = Image.open(io.BytesIO(prepared.png))
    image.load()
    return image


def test_a_grey_file_goes_out_pixel_for_pixel(tmp_path, infrared):
    pixels = infrared(1)
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    prepared = prepare_file(tmp_path / 'a.png', 'a')
    assert sent(prepared).mode == 'L' and sent(prepared).format == 'PNG' and prepared.steps == ()
    np.testing.assert_array_equal(np.asarray(sent(prepared)), pixels)
    assert (prepared.image_id, prepared.width, prepared.height) == ('a', 64, 48)


def test_three_equal_channels_go_out_as_grey_and_that_is_recorded(tmp_path, infrared):
    pixels = infrared(1)
    Image.fromarray(np.dstack([pixels] * 3)).save(tmp_path / 'a.png')
    prepared = prepare_file(tmp_path / 'a.png', 'a')
    assert sent(prepared).mode == 'L' and prepared.steps == ('three equal channels to one, pixel-identical',)
    np.testing.assert_array_equal(np.asarray(sent(prepared)), pixels)


def test_colour_stays_colour(tmp_path, infrared):
    pixels = np.dstack([infrared(seed) for seed in range(3)])
    Image.fromarray(pixels).save(tmp_path / 'a.bmp')
    prepared = prepare_file(tmp_path / 'a.bmp', 'a')
    assert prepared.steps == ()
    np.testing.assert_array_equal(np.asarray(sent(prepared)), pixels)


def test_one_differing_level_in_one_channel_keeps_the_colour(tmp_path, infrared):
    pixels = np.dstack([infrared(1)] * 3)
    pixels[5, 6, 1] ^= 1
    Image.fromarray(pixels).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(np.asarray(sent(prepare_file(tmp_path / 'a.png', 'a'))), pixels)


@pytest.mark.parametrize('name', ['a.png', 'a.tif'])
def test_sixteen_bits_are_mapped_by_the_data_sets_conversion(tmp_path, infrared, name):
    deep = infrared(1).astype(np.uint16) * 7 + 3000
    Image.fromarray(deep).save(tmp_path / name)
    prepared = prepare_file(tmp_path / name, 'a', read=read_image)
    np.testing.assert_array_equal(np.asarray(sent(prepared)), np.rint(read_image(tmp_path / name)))
    assert prepared.steps == ('deep levels mapped to 0..255 by datasets.imaging.to_gray, rounded',)
    assert len(np.unique(np.asarray(sent(prepared)))) > 50


def test_deep_colour_is_noticed_although_pillow_shows_eight_bits(tmp_path, infrared):
    import cv2
    deep = np.dstack([infrared(seed).astype(np.uint16) * 200 for seed in range(3)])
    cv2.imwrite(str(tmp_path / 'a.png'), deep)
    assert Image.open(tmp_path / 'a.png').mode == 'RGB'
    with pytest.raises(DataError, match='more than 8 bits a channel'):
        prepare_file(tmp_path / 'a.png', 'a')
    np.testing.assert_array_equal(np.asarray(sent(prepare_file(tmp_path / 'a.png', 'a', read_image))),
                                  np.rint(read_image(tmp_path / 'a.png')))


def test_deep_files_are_refused_without_a_mapping(tmp_path):
    Image.fromarray(np.full((4, 4), 900, np.uint16)).save(tmp_path / 'a.png')
    with pytest.raises(DataError, match=r'a\.png: more than 8 bits a channel; expected 8, or a function'):
        prepare_file(tmp_path / 'a.png', 'a')


def test_metadata_does_not_go_out(tmp_path, infrared):
    info = PngImagePlugin.PngInfo()
    info.add_text('Author', 'Jane-Doe-Canary')
    exif = Image.Exif()
    exif[0x010e] = 'Canary-Place'
    Image.fromarray(infrared(1)).save(tmp_path / 'a.png', pnginfo=info, exif=exif, icc_profile=b'Canary-Profile')
    assert b'Canary' in (tmp_path / 'a.png').read_bytes()
    prepared = prepare_file(tmp_path / 'a.png', 'a')
    assert b'Canary' not in prepared.png and sent(prepared).info == {}


def test_an_orientation_tag_turns_nothing(tmp_path, infrared):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(infrared(1)).save(tmp_path / 'a.png', exif=exif)
    np.testing.assert_array_equal(np.asarray(sent(prepare_file(tmp_path / 'a.png', 'a'))), infrared(1))


def test_transparency_is_dropped_and_palettes_are_expanded_on_record(tmp_path, infrared):
    pixels = np.dstack([infrared(1)] * 3 + [np.zeros((48, 64), np.uint8)])
    Image.fromarray(pixels, 'RGBA').save(tmp_path / 'a.png')
    prepared = prepare_file(tmp_path / 'a.png', 'a')
    assert prepared.steps[0] == 'transparency dropped'
    np.testing.assert_array_equal(np.asarray(sent(prepared)), infrared(1))
    Image.fromarray(pixels[..., :3]).quantize(200).save(tmp_path / 'p.png')
    prepared = prepare_file(tmp_path / 'p.png', 'p')
    assert prepared.steps[0] == 'P to RGB'
    np.testing.assert_array_equal(np.asarray(sent(prepared).convert('RGB')),
                                  np.asarray(Image.open(tmp_path / 'p.png').convert('RGB')))


def test_of_several_frames_the_first_goes_out_on_record(tmp_path, infrared):
    frames = [Image.fromarray(infrared(seed)) for seed in range(3)]
    frames[0].save(tmp_path / 'a.tif', save_all=True, append_images=frames[1:])
    prepared = prepare_file(tmp_path / 'a.tif', 'a')
    assert prepared.steps == ('first of 3 frames',)
    np.testing.assert_array_equal(np.asarray(sent(prepared)), infrared(0))


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    Image.new('1', (10_000, 6_000)).save(tmp_path / 'a.png')
    monkeypatch.setattr(Image.Image, 'load', lambda self: pytest.fail('decoded'))
    with pytest.raises(DataError, match='10000x6000 is more than 50,000,000 pixels'):
        prepare_file(tmp_path / 'a.png', 'a')


def test_what_pillow_itself_takes_for_a_bomb_is_refused_too(tmp_path):
    Image.new('1', (20_000, 10_000)).save(tmp_path / 'a.png')
    with pytest.raises(DataError, match='more than 50,000,000 pixels'):
        prepare_file(tmp_path / 'a.png', 'a')


@pytest.mark.parametrize(('content', 'words'), [
    (b'no image', 'cannot be decoded'), (b'', 'cannot be decoded'), (None, 'no such file')])
def test_a_file_that_is_no_image_is_an_error_that_names_it(tmp_path, content, words):
    if content is not None:
        (tmp_path / 'a.png').write_bytes(content)
    with pytest.raises(DataError, match=rf'a\.png: {words}'):
        prepare_file(tmp_path / 'a.png', 'a')


def test_a_truncated_file_is_an_error(tmp_path, infrared):
    Image.fromarray(infrared(1)).save(tmp_path / 'a.png')
    (tmp_path / 'a.png').write_bytes((tmp_path / 'a.png').read_bytes()[:900])
    with pytest.raises(DataError, match='cannot be decoded'):
        prepare_file(tmp_path / 'a.png', 'a')


def test_nothing_is_resized_unless_asked_and_then_by_whole_pixels(infrared):
    pixels = infrared(1)
    assert (prepare_array(pixels, 'a').width, prepare_array(pixels, 'a').height) == (64, 48)
    large = prepare_array(pixels, 'a', upscale=True)
    assert (large.width, large.height) == (320, 240) and large.steps == ('every pixel repeated 5x5',)
    np.testing.assert_array_equal(np.asarray(sent(large)), np.kron(pixels, np.ones((5, 5), np.uint8)))
    assert prepare_array(np.zeros((200, 300)), 'a', upscale=True).steps == ()


def test_an_array_is_rounded_on_record(infrared):
    prepared = prepare_array(np.array([[0.4, 254.6]]), 'a')
    assert np.asarray(sent(prepared)).tolist() == [[0, 255]] and prepared.steps == ('rounded to whole levels',)
    assert prepare_array(infrared(1).astype(np.float32), 'a').steps == ()


@pytest.mark.parametrize(('array', 'words'), [
    (np.zeros((2, 2, 3)), r'shape \(2, 2, 3\); expected \(H, W\)'), (np.zeros((0, 2)), 'expected .* not empty'),
    (np.full((2, 2), 256), 'values from 256 to 256; expected 0..255'), (np.full((2, 2), -1), 'expected 0..255'),
    (np.full((2, 2), np.nan), 'expected 0..255, finite')])
def test_an_array_of_another_kind_is_refused(array, words):
    with pytest.raises(DataError, match=words):
        prepare_array(array, 'a')


def test_the_same_pixels_give_the_same_bytes_whatever_file_they_come_from(tmp_path, infrared):
    Image.fromarray(infrared(1)).save(tmp_path / 'a.png', compress_level=1)
    Image.fromarray(np.dstack([infrared(1)] * 3)).save(tmp_path / 'b.bmp')
    assert prepare_file(tmp_path / 'a.png', 'a').sha256 == prepare_file(tmp_path / 'b.bmp', 'b').sha256
    assert prepare_array(infrared(1), 'c').sha256 == prepare_file(tmp_path / 'a.png', 'a').sha256


def test_real_images_go_out_as_the_data_set_reads_them(real_data):
    for path in sorted((real_data('NUAA-SIRST') / 'images').iterdir())[:5]:
        pixels = np.asarray(sent(prepare_file(path, 'a')))
        with Image.open(path) as file:
            np.testing.assert_array_equal(pixels if pixels.ndim == 3 else np.dstack([pixels] * 3),
                                          np.asarray(file.convert('RGB')))
