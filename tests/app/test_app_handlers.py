"""What happens when something on the page is touched, without a page: results, files, pictures and messages."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.app.analysis import analyse
from irstd_toolbox.app.examples import EXAMPLES
from irstd_toolbox.app.handlers import Handlers, Known, Shown, forget
from irstd_toolbox.app.pictures import MOST_CIRCLES, difference_picture, marked_picture, probability_picture
from irstd_toolbox.app.words import summary
from irstd_toolbox.datasets.imaging import read_image
from irstd_toolbox.errors import DataError
from irstd_toolbox.inference import Detection, Predictor

VERMILION, YELLOW = (213, 94, 0), (240, 228, 66)


@pytest.fixture
def handlers(predictor: Predictor, top_hat: Path, tmp_path: Path) -> Handlers:
    (tmp_path / 'made').mkdir()
    return Handlers(predictor, str(top_hat), None, tmp_path / 'made')


@pytest.fixture(scope='module')
def result(predictor: Predictor, top_hat: Path, scene: tuple[Path, Path],
           tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """The scene beside its mask. Read only."""
    handlers = Handlers(predictor, str(top_hat), None, tmp_path_factory.mktemp('made'))
    return handlers.find(None, str(scene[0]), str(scene[1]), None, 0.5)


def _has(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((picture == colour).all(axis=2).any())


def test_an_image_gives_targets_pictures_and_files(result: Shown) -> None:
    assert (result.analysis.counts.targets, result.known.name) == (2, 'sea.png')
    assert {picture.dtype.name for picture in (result.marked, result.probability, result.difference)} == {'uint8'}
    assert all(path.is_file() for path in result.files.values())


def test_a_deep_image_is_read_as_the_package_reads_it(result: Shown, scene: tuple[Path, Path]) -> None:
    assert np.array_equal(result.known.found.image, read_image(scene[0]))


def test_the_files_are_those_of_predict(handlers: Handlers, scene: tuple[Path, Path], top_hat: Path, tmp_path: Path,
                                        tool: Callable) -> None:
    files = handlers.find(None, str(scene[0]), None, None, 0.4).files
    tool('predict')([str(top_hat), 'none', str(scene[0]), '--out', str(tmp_path), '--threshold', '0.4', '--device',
                     'cpu'])
    assert files['json'].read_bytes() == (tmp_path / 'targets.json').read_bytes()
    assert files['mask'].read_bytes() == (tmp_path / 'masks' / 'sea.png').read_bytes()
    assert json.loads(files['json'].read_text())['images'][0]['targets']


def test_the_probabilities_come_as_sixteen_bit(result: Shown) -> None:
    codes = cv2.imread(str(result.files['probability']), cv2.IMREAD_UNCHANGED)
    assert codes.dtype == np.uint16
    assert np.array_equal((codes / 65535).astype(np.float32), result.known.found.probability)


def test_the_csv_holds_the_table_unrounded(result: Shown) -> None:
    with result.files['csv'].open() as file:
        rows = list(csv.DictReader(file))
    row, own = result.analysis.rows[0], rows[0]
    assert len(rows) == len(result.analysis.rows)
    assert (float(own['column']), float(own['row'])) == row.target.centroid
    assert (float(own['peak']), float(own['mean']), own['verdict']) == (row.target.score, row.mean, row.verdict)
    assert [int(own[side]) for side in ('left', 'top', 'right', 'bottom')] == list(row.target.box)


def test_another_threshold_needs_no_model(handlers: Handlers, scene: tuple[Path, Path],
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    found = handlers.predictor.predict(scene[0])
    monkeypatch.setattr(handlers.predictor, 'predict', None)
    again = handlers.judge(Known('sea.png', found, handlers.folder), None, 0.1)
    assert len(again.analysis.rows) > len(found.targets)
    assert json.loads(again.files['json'].read_text())['threshold'] == 0.1


def test_a_checkpoint_is_hashed_once_however_often_the_slider_moves(
        predictor: Predictor, top_hat: Path, found: Detection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from irstd_toolbox.inference import documents
    checkpoint, hashed = tmp_path / 'a.pth', []
    checkpoint.write_bytes(b'weights')
    real = documents.file_sha256
    monkeypatch.setattr(documents, 'file_sha256', lambda path: hashed.append(path) or real(path))
    handlers = Handlers(predictor, str(top_hat), str(checkpoint), tmp_path)
    for threshold in (0.1, 0.2, 0.3):
        files = handlers.judge(Known('a.png', found, tmp_path), None, threshold).files
    assert hashed == [str(checkpoint)]
    assert json.loads(files['json'].read_text())['checkpoint'] == dict(
        path=str(checkpoint), sha256=hashlib.sha256(b'weights').hexdigest())


def test_no_image_is_a_message(handlers: Handlers) -> None:
    shown = handlers.find(None, None, None, None, 0.5)
    assert (shown.known, shown.analysis) == (None, None)
    assert 'role="alert">There is no image yet' in shown.notice


def test_a_slider_without_an_image_leaves_the_hint(handlers: Handlers) -> None:
    assert 'Choose an image' in handlers.judge(None, None, 0.3).notice


def test_a_broken_file_is_a_message_without_its_folder(handlers: Handlers, tmp_path: Path) -> None:
    (tmp_path / 'broken.png').write_bytes(b'\x89PNG\r\n\x1a\n1234')
    shown = handlers.find(None, str(tmp_path / 'broken.png'), None, None, 0.5)
    assert 'role="alert">broken.png: cannot be decoded' in shown.notice
    assert str(tmp_path) not in shown.notice
    assert shown.analysis is None


@pytest.mark.parametrize('what', ['broken', 'missing', 'defect'])
def test_a_message_in_the_place_of_a_result_leaves_no_file_of_the_last_one(
        handlers: Handlers, scene: tuple[Path, Path], tmp_path: Path, what: str,
        monkeypatch: pytest.MonkeyPatch) -> None:
    before = handlers.find(None, str(scene[0]), None, None, 0.5)
    (tmp_path / 'broken.png').write_bytes(b'1234')
    if what == 'defect':
        monkeypatch.setattr(handlers.predictor, 'predict', None)
    image = {'broken': str(tmp_path / 'broken.png'), 'missing': None, 'defect': str(scene[0])}[what]
    assert handlers.find(before.known, image, None, None, 0.5).known is None
    assert not before.known.folder.exists()


def test_a_mask_of_another_size_is_a_message_beside_the_targets(handlers: Handlers, scene: tuple[Path, Path],
                                                                tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'other.png'), np.zeros((5, 4), np.uint8))
    shown = handlers.find(None, str(scene[0]), str(tmp_path / 'other.png'), None, 0.5)
    assert 'other.png: the mask is 4x5, the image 96x72' in shown.notice
    assert (shown.analysis.truth, shown.difference) == (None, None)


def test_an_image_of_too_many_pixels_is_a_message_before_it_is_decoded(
        handlers: Handlers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers.predictor, 'predict', lambda path, description: pytest.fail('the model was run'))
    Image.new('L', (2049, 2048)).save(tmp_path / 'large.png')
    shown = handlers.find(None, str(tmp_path / 'large.png'), None, None, 0.5)
    assert 'large.png: the image is 2049x2048' in shown.notice and 'up to 4,194,304 pixels' in shown.notice
    assert shown.known is None


def test_a_mask_of_another_size_is_not_decoded(found: Detection, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    from irstd_toolbox.app import analysis
    monkeypatch.setattr(analysis, 'read_mask', lambda path: pytest.fail('the mask was read'))
    Image.new('L', (12, 9)).save(tmp_path / 'mask.png')
    with pytest.raises(DataError, match='the mask is 12x9, the image 12x8'):
        analysis.read_truth(tmp_path / 'mask.png', found.mask.shape)


def test_a_defect_is_logged_and_told_without_its_insides(handlers: Handlers, scene: tuple[Path, Path],
                                                         monkeypatch: pytest.MonkeyPatch,
                                                         caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError('inner words')
    monkeypatch.setattr(handlers.predictor, 'predict', fail)
    shown = handlers.find(None, str(scene[0]), None, None, 0.5)
    assert 'The page failed (RuntimeError)' in shown.notice
    assert 'inner words' not in shown.notice
    assert 'inner words' in caplog.text


def test_another_image_removes_the_files_of_the_first(handlers: Handlers, scene: tuple[Path, Path],
                                                      found: Detection, tmp_path: Path) -> None:
    first = Known('first.png', found, tmp_path / 'first')
    first.folder.mkdir()
    second = handlers.find(first, str(scene[0]), None, None, 0.5)
    assert not first.folder.exists()
    assert second.known.folder.is_dir()


def test_who_has_gone_leaves_no_files(found: Detection, tmp_path: Path) -> None:
    known = Known('first.png', found, tmp_path / 'first')
    known.folder.mkdir()
    (known.folder / 'first_mask.png').touch()
    forget(known)
    forget(None)
    assert not known.folder.exists()


@pytest.mark.parametrize('label', EXAMPLES)
def test_an_example_is_an_image_with_its_mask(handlers: Handlers, label: str) -> None:
    image, mask = (cv2.imread(path, cv2.IMREAD_UNCHANGED) for path in handlers.example(label))
    assert image.dtype == (np.uint16 if '16 bit' in label else np.uint8)
    assert set(np.unique(mask)) == {0, 255}
    assert image.shape == mask.shape


def test_each_click_makes_another_scene(handlers: Handlers) -> None:
    label = next(iter(EXAMPLES))
    first, second = (Path(handlers.example(label)[0]).read_bytes() for _ in range(2))
    assert first != second


def test_the_folder_of_an_example_goes_once_the_page_has_it(handlers: Handlers) -> None:
    for label in EXAMPLES:
        handlers.example(label)
        assert len(list(handlers.folder.rglob('*.png'))) == 2
        handlers.forget_example()
        assert list(handlers.folder.iterdir()) == []


def test_a_judgement_that_fails_leaves_no_folder(handlers: Handlers, scene: tuple[Path, Path]) -> None:
    shown = handlers.find(None, str(scene[0]), None, None, 1.5)
    assert 'The threshold is 1.5' in shown.notice and shown.known is None
    assert list(handlers.folder.iterdir()) == []


def test_misses_and_false_alarms_are_circled_in_their_colours(found: Detection, truth: np.ndarray) -> None:
    picture = marked_picture(analyse('a.png', found, 0.5, truth))
    assert _has(picture, VERMILION)
    assert _has(picture, YELLOW)


def test_without_a_ground_truth_no_colour_of_a_verdict_appears(found: Detection) -> None:
    picture = marked_picture(analyse('a.png', found, 0.5))
    assert not _has(picture, VERMILION)
    assert not _has(picture, YELLOW)


def test_the_difference_colours_pixels_and_is_none_without_a_ground_truth(found: Detection, truth: np.ndarray) -> None:
    assert _has(difference_picture(analyse('a.png', found, 0.5, truth)), VERMILION)
    assert difference_picture(analyse('a.png', found, 0.5)) is None


def test_the_threshold_is_marked_on_the_scale(found: Detection) -> None:
    pictures = [probability_picture(analyse('a.png', found, level)) for level in (0.1, 0.5)]
    assert not np.array_equal(*pictures)


@pytest.mark.parametrize('size', [(1, 1), (1, 40), (300, 4)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    probability = np.full(size, 0.75, np.float32)
    analysis = analyse('a.png', Detection(probability, probability, probability > 0.5, []), 0.5, probability > 0.5)
    for draw in (marked_picture, probability_picture, difference_picture):
        height, width, _ = draw(analysis).shape
        assert 100 <= height <= 1500
        assert width == 1050


def test_of_very_many_findings_the_page_says_how_many_it_circles() -> None:
    probability = np.zeros((60, 60), np.float32)
    probability[::2, ::2] = 0.9
    analysis = analyse('a.png', Detection(probability, probability, probability > 0.5, []), 0.5)
    assert f'The {MOST_CIRCLES} largest of 900 findings are circled' in summary(analysis)
    assert marked_picture(analysis).shape == (1050, 1050, 3)
