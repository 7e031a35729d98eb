"""What the page says of a prediction, computed without a browser."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from irstd_toolbox.app import analysis
from irstd_toolbox.app.analysis import analyse, detect, language_use, read_truth
from irstd_toolbox.app.words import HEADERS, problem, summary, table
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.inference import Detection


def _model(text: str, uses_text: bool, context: int = 5) -> SimpleNamespace:
    encoder = SimpleNamespace(count_tokens=lambda sentence: len(sentence.split()) + 2, context_length=context)
    return SimpleNamespace(target_descriptor=SimpleNamespace(
        text=text, uses_text=uses_text, frozen=True, holder=SimpleNamespace(encoder=encoder)))


class _Predictor:
    """Notes the sentence that it is given."""

    device = 'cpu'

    def __init__(self, model: SimpleNamespace) -> None:
        self.model, self.told = model, 'nothing'

    def predict(self, path: Path, description: str | None) -> None:
        self.told = description


def test_a_row_gives_place_area_peak_and_mean(found: Detection) -> None:
    first, second = analyse('a.png', found, 0.5).rows
    assert (first.number, first.target.centroid, first.target.area) == (1, (2.5, 1.0), 2)
    assert first.target.box == (2, 1, 4, 2)
    assert (first.target.score, first.mean) == pytest.approx((0.9, 0.8))
    assert (second.number, second.target.area, second.verdict) == (2, 1, None)


def test_a_pixel_at_the_threshold_is_no_target(found: Detection) -> None:
    assert len(analyse('a.png', found, float(found.probability[6, 9])).rows) == 1


def test_another_threshold_decides_anew(found: Detection) -> None:
    high = analyse('a.png', found, 0.8)
    assert [row.target.area for row in high.rows] == [1]
    assert high.found.mask.sum() == 1


@pytest.mark.parametrize('threshold', [-0.1, 1.0])
def test_a_threshold_that_decides_nothing_is_refused(found: Detection, threshold: float) -> None:
    with pytest.raises(ConfigError, match='0 <= T < 1'):
        analyse('a.png', found, threshold)


def test_verdicts_follow_the_centroid_rule(found: Detection, truth: np.ndarray) -> None:
    assert [row.verdict for row in analyse('a.png', found, 0.5, truth).rows] == ['hit', 'false alarm']


def test_metrics_are_counted_as_the_canonical_protocol_does(found: Detection, truth: np.ndarray) -> None:
    counts = analyse('a.png', found, 0.5, truth).counts
    assert (counts.intersection, counts.union) == (1, 4)  # 3 predicted, 2 true, 1 in both
    assert (counts.matched, counts.targets, counts.false_alarm_pixels) == (1, 2, 1)


def test_without_a_ground_truth_nothing_is_judged(found: Detection) -> None:
    assert analyse('a.png', found, 0.5).counts is None


def test_the_table_rounds_to_what_can_be_read(found: Detection, truth: np.ndarray) -> None:
    rows = table(analyse('a.png', found, 0.5, truth))
    assert rows == [[1, 1.0, 2.5, 2, 0.9, 0.8, '2, 1, 4, 2', 'hit'], [2, 6.0, 9.0, 1, 0.6, 0.6, '9, 6, 10, 7',
                                                                      'false alarm']]
    assert len(HEADERS) == len(rows[0])


def test_a_centroid_keeps_two_decimals() -> None:
    probability = np.float32([[0.9, 0.0], [0.9, 0.9]])
    row, = table(analyse('a.png', Detection(probability, probability, probability > 0.5, []), 0.5))
    assert row[1:3] == [0.67, 0.33]


def test_the_table_has_no_verdicts_without_a_ground_truth(found: Detection) -> None:
    assert {len(row) for row in table(analyse('a.png', found, 0.5))} == {len(HEADERS) - 1}


@pytest.mark.parametrize('part', [
    '<strong>2 targets</strong> above 0.5 in a.png (12x8', '25.0 % (1 of 4 pixels)', '50.0 % (1 of 2 targets)',
    '10416.7e-6 (1 of 96 pixels)', 'Missed at</dt><dd>row 5.0, column 2.0<'])
def test_the_summary_gives_the_metrics_of_the_image(found: Detection, truth: np.ndarray, part: str) -> None:
    assert part in summary(analyse('a.png', found, 0.5, truth))


def test_an_iou_without_pixels_is_called_undefined(found: Detection) -> None:
    assert '<dd>undefined (0 of 0 pixels)' in summary(analyse('a.png', found, 0.99, np.zeros((8, 12), bool)))


def test_a_file_name_is_no_markup(found: Detection) -> None:
    assert '<img' not in summary(analyse('<img src=x onerror=alert(1)>.png', found, 0.5))


def test_a_message_is_no_markup_and_tells_no_folder() -> None:
    said = problem('/home/me/<b>.png: cannot be read', '/home/me/<b>.png')
    assert said == '<p class="problem" role="alert">&lt;b&gt;.png: cannot be read</p>'


def test_a_mask_is_read_as_target_and_background(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'm.png'), np.array([[0, 255]], np.uint8))
    assert read_truth(tmp_path / 'm.png', (1, 2)).tolist() == [[False, True]]


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'm.png'), np.zeros((4, 5), np.uint8))
    with pytest.raises(DataError, match=r'the mask is 5x4, the image 12x8 \(width x height\)'):
        read_truth(tmp_path / 'm.png', (8, 12))


@pytest.mark.parametrize('model, use', [
    (SimpleNamespace(target_descriptor=None), 'none'), (SimpleNamespace(), 'none'), (_model('never', False), 'none'),
    (_model('train', False), 'training only'), (_model('train_and_test', True), 'read')])
def test_whether_a_sentence_counts(model: SimpleNamespace, use: str) -> None:
    assert language_use(model) == use


@pytest.mark.parametrize('model, told', [
    (_model('train_and_test', True), 'a dim target'), (_model('train', False), None),
    (SimpleNamespace(target_descriptor=None), None)])
def test_a_sentence_reaches_only_a_model_that_reads_it(model: SimpleNamespace, told: str | None,
                                                       scene: tuple[Path, Path]) -> None:
    predictor = _Predictor(model)
    detect(predictor, scene[0], ' a dim target ')  # 5 tokens, as many as are read
    assert predictor.told == told


def test_an_image_of_more_pixels_than_the_page_takes_is_refused(
        scene: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = _Predictor(_model('never', False))
    monkeypatch.setattr(analysis, 'MAX_PIXELS', 72 * 96)
    detect(predictor, scene[0])
    monkeypatch.setattr(analysis, 'MAX_PIXELS', 72 * 96 - 1)
    with pytest.raises(DataError, match=r'the image is 96x72 \(width x height\); the page takes .* up to 6,911 pixels'):
        detect(predictor, scene[0])


def test_a_blank_sentence_is_none(scene: tuple[Path, Path]) -> None:
    predictor = _Predictor(_model('train_and_test', True))
    detect(predictor, scene[0], ' \n')
    assert predictor.told is None


def test_a_sentence_that_would_be_cut_is_refused(scene: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match=r'The sentence has 6 tokens; the encoder reads 5'):
        detect(_Predictor(_model('train_and_test', True)), scene[0], 'one two three four')
