"""Prediction files: quantisation, the accepted forms, and an error that names the file for all others."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation import files
from irstd_toolbox.evaluation.prediction_io import (
    PredictionReader,
    decode,
    encode,
    find_prediction,
    read_prediction,
    write_prediction,
)


def test_decoded_probability_is_above_half_exactly_where_the_logit_is_positive() -> None:
    tiny = np.finfo(np.float32).tiny
    logits = np.concatenate([np.linspace(-1e-4, 1e-4, 2001), [tiny, -tiny, 0.0, -0.0, 1e-9, -1e-9, np.inf, -np.inf]])
    assert ((decode(encode(logits)) > 0.5) == (logits > 0)).all()


def test_codes_are_rounded_probabilities_away_from_the_threshold() -> None:
    logits = np.random.default_rng(0).normal(0, 4, 10000)
    codes = encode(logits)
    expected = np.rint(65535 / (1 + np.exp(-logits)))
    away = (expected != 32767) & (expected != 32768)
    assert (codes[away] == expected[away]).all()


def test_codes_rise_with_the_logits() -> None:
    logits = np.sort(np.random.default_rng(0).normal(0, 10, 10000))
    assert (np.diff(encode(logits).astype(int)) >= 0).all()


def test_float32_and_float64_logits_give_the_same_codes() -> None:
    logits = np.random.default_rng(0).normal(0, 4, 1000).astype(np.float32)
    assert (encode(logits) == encode(logits.astype(np.float64))).all()


def test_nan_logits_are_an_error_with_their_number() -> None:
    with pytest.raises(DataError, match='2 of 4 logits are nan; expected numbers. The network diverged'):
        encode(np.array([np.nan, 0.0, np.nan, 1.0]))


@pytest.mark.parametrize('suffix', ['.png', '.npy'])
def test_written_codes_are_read_back_exactly(tmp_path: Path, suffix: str) -> None:
    codes = np.random.default_rng(0).integers(0, 65536, (17, 23), dtype=np.uint16)
    write_prediction(tmp_path / f'a{suffix}', codes)
    assert (read_prediction(tmp_path / f'a{suffix}') == decode(codes)).all()


def test_a_written_png_has_16_bit(tmp_path: Path) -> None:
    write_prediction(tmp_path / 'a.png', np.full((2, 3), 40000, dtype=np.uint16))
    assert Image.open(tmp_path / 'a.png').mode == 'I;16'
    assert (tmp_path / 'a.png').read_bytes()[24] == 16


def test_an_interrupted_write_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_prediction(tmp_path / 'a.png', np.zeros((2, 2), dtype=np.uint16))
    before = (tmp_path / 'a.png').read_bytes()

    def fail(*_: object) -> None:
        raise KeyboardInterrupt('stopped')
    monkeypatch.setattr(files.os, 'replace', fail)
    with pytest.raises(KeyboardInterrupt, match='stopped'):
        write_prediction(tmp_path / 'a.png', np.ones((2, 2), dtype=np.uint16))
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']
    assert (tmp_path / 'a.png').read_bytes() == before


@pytest.mark.parametrize(('array', 'expected'), [
    (np.array([[0, 51, 255]], dtype=np.uint8), [0, 0.2, 1]),
    (np.array([[0, 13107, 65535]], dtype=np.uint16), [0, 0.2, 1]),
    (np.array([[False, True, True]]), [0, 1, 1]),
])
def test_a_picture_of_1_8_or_16_bit_is_scaled_to_probabilities(
    tmp_path: Path, array: np.ndarray, expected: list[float],
) -> None:
    suffixes = ('.png', '.tif', *(['.BMP'] if array.itemsize == 1 else []))
    for suffix in suffixes:
        Image.fromarray(array).save(tmp_path / f'a{suffix}')
        assert read_prediction(tmp_path / f'a{suffix}')[0].tolist() == pytest.approx(expected), suffix


def test_a_tiff_of_floats_is_read_as_it_is_and_none_of_logits_32_bit_integers_or_several_pages(tmp_path: Path) -> None:
    kept, refused = np.array([[0, 0.25, 1]], np.float32), tmp_path / 'b.tif'
    Image.fromarray(kept).save(tmp_path / 'a.tif')
    assert read_prediction(tmp_path / 'a.tif').tolist() == kept.tolist()
    page = Image.fromarray(kept)
    for picture, more, message in (
            (Image.fromarray(kept - 1), {}, 'holds values from -1 to 0; expected probabilities'),
            (Image.fromarray(np.array([[0, 70000]], np.int32)), {}, 'is a TIFF image of mode I; expected'),
            (page, dict(save_all=True, append_images=[page]), 'is a TIFF image of mode F and 2 pages; expected')):
        picture.save(refused, **more)
        with pytest.raises(DataError, match=f'b.tif {message}'):
            read_prediction(refused)


@pytest.mark.parametrize('dtype', [np.float16, np.float32, np.float64, bool])
def test_an_npy_of_floats_or_booleans_is_read_as_it_is(tmp_path: Path, dtype: type) -> None:
    np.save(tmp_path / 'a.npy', np.array([[0, 1]], dtype=dtype))
    read = read_prediction(tmp_path / 'a.npy')
    assert (read.dtype, read.tolist()) == (np.float64, [[0, 1]])


@pytest.mark.parametrize(('array', 'message'), [
    (np.array([[0.0, 1.01]]), 'holds values from 0 to 1.01; expected probabilities 0..1. Apply the sigmoid'),
    (np.array([[-3.0, 0.5]]), 'holds values from -3 to 0.5; expected probabilities'),
    (np.array([[np.nan, 0.5]]), 'holds 1 nan; expected probabilities'),
    (np.array([[np.inf, 0.5]]), 'holds values from 0.5 to inf; expected'),
    (np.array([[0, 255]], dtype=np.uint8), 'holds uint8; expected probabilities as float, or bool'),
    (np.zeros((1, 2, 2)), r'has shape \(1, 2, 2\); expected one map \(H, W\)'),
    (np.zeros((0, 4)), r'has shape \(0, 4\); expected one map'),
    (np.array([[{}]], dtype=object), 'cannot be read .*; expected a PNG, BMP, TIFF or .npy. Write'),
])
def test_an_npy_that_is_no_probability_map_is_an_error_that_names_the_file(
    tmp_path: Path, array: np.ndarray, message: str,
) -> None:
    np.save(tmp_path / 'bad.npy', array)
    with pytest.raises(DataError, match=f'bad.npy {message}'):
        read_prediction(tmp_path / 'bad.npy')


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'P', 'LA'])
def test_a_coloured_png_is_an_error_that_names_the_file(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / 'bad.png')
    with pytest.raises(DataError, match=f'bad.png is a PNG image of mode {mode}; expected a PNG, BMP or TIFF with one'):
        read_prediction(tmp_path / 'bad.png')


def test_a_jpeg_named_png_is_an_error(tmp_path: Path) -> None:
    Image.new('L', (8, 8)).save(tmp_path / 'bad.png', format='JPEG')
    with pytest.raises(DataError, match='bad.png is a JPEG image'):
        read_prediction(tmp_path / 'bad.png')


@pytest.mark.parametrize('name', ['bad.png', 'bad.npy'])
@pytest.mark.parametrize('content', [b'', b'no image', b'PK\x03\x04'])
def test_a_file_that_is_neither_is_an_error_that_names_it(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f'{name} cannot be read .*Write it again'):
        read_prediction(tmp_path / name)


@pytest.mark.parametrize('name', ['bad.png', 'bad.npy'])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    codes = np.random.default_rng(0).integers(0, 65536, (64, 64), dtype=np.uint16)
    write_prediction(tmp_path / name, codes)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=f'{name} cannot be read'):
        read_prediction(tmp_path / name)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='none.png does not exist; expected a prediction'):
        read_prediction(tmp_path / 'none.png')


@pytest.mark.parametrize('codes', [np.zeros((2, 2)), np.zeros((1, 2, 2), dtype=np.uint16)])
def test_only_a_16_bit_map_is_written(tmp_path: Path, codes: np.ndarray) -> None:
    with pytest.raises(DataError, match=r'to write; expected the uint16 map \(H, W\) that encode\(\) makes'):
        write_prediction(tmp_path / 'a.png', codes)
    assert not list(tmp_path.iterdir())


def test_another_suffix_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written as '.jpg'; expected .png or .npy"):
        write_prediction(tmp_path / 'a.jpg', np.zeros((2, 2), dtype=np.uint16))


def test_a_prediction_is_found_in_either_form_and_in_folders(tmp_path: Path) -> None:
    for name in ('a.png', 'seq/b.npy'):
        write_prediction(tmp_path / name, np.zeros((2, 2), dtype=np.uint16))
    assert find_prediction(tmp_path, 'a') == tmp_path / 'a.png'
    assert find_prediction(tmp_path, 'seq/b') == tmp_path / 'seq' / 'b.npy'
    assert find_prediction(tmp_path, 'c') is None
    for name in ('c.PNG', 'd.tif', 'd.TIF'):  # of two cases of one suffix the lower, as where they are one file
        (tmp_path / name).touch()
    assert [find_prediction(tmp_path, name).name for name in 'cd'] == ['c.PNG', 'd.tif']
    (tmp_path / 'a\u0308.png').touch()
    assert find_prediction(tmp_path, '\u00e4').name == 'a\u0308.png'


def test_two_predictions_for_one_image_are_an_error(tmp_path: Path) -> None:
    for name in ('a.png', 'a.npy'):
        write_prediction(tmp_path / name, np.zeros((2, 2), dtype=np.uint16))
    with pytest.raises(DataError, match='a.png and a.npy are both there; expected one prediction an image'):
        find_prediction(tmp_path, 'a')


@pytest.mark.parametrize(('values', 'warned'), [((0, 1), True), ((0,), False), ((0, 1, 2), False), ((255,), False)])
def test_0_1_masks_are_warned_of_and_others_are_not(tmp_path: Path, values: tuple[int, ...], warned: bool,
                                                    recwarn: pytest.WarningsRecorder) -> None:
    read = PredictionReader('ours')
    for value in values:
        Image.fromarray(np.full((2, 2), value, np.uint8)).save(tmp_path / f'{value}.png')
        assert read(tmp_path / f'{value}.png').max() == value / 255
    read.warn_of_masks()
    assert [str(one.message).startswith('ours: every prediction') for one in recwarn] == [True] * warned
