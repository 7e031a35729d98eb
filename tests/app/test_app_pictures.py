"""Numbers and enlarged windows of the page's pictures."""

import itertools

import numpy as np
import pytest

from irstd_toolbox.app import pictures
from irstd_toolbox.app.analysis import Analysis, analyse
from irstd_toolbox.inference import Detection


def _made(*squares: tuple[int, int, int]) -> Analysis:
    """Targets of 100x100 pixels, squares of row, column and side, beside a ground truth of the first."""
    probability, truth = np.zeros((100, 100), np.float32), np.zeros((100, 100), bool)
    for row, column, side in squares:
        probability[row:row + side, column:column + side] = 0.9
    row, column, side = squares[0]
    truth[row:row + side, column:column + side] = True
    return analyse('a.png', Detection(probability * 200, probability, probability > 0.5, []), 0.5, truth)


def test_no_number_covers_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, 'to_rgb', lambda figure: figure)
    figure = pictures.marked_picture(_made((50, 60, 1), (52, 60, 1), (50, 62, 1), (52, 62, 1)))
    figure.canvas.draw()
    texts = figure.axes[0].texts
    assert [text.get_text() for text in texts] == ['1', '2', '3', '4']
    boxes = [text.get_window_extent() for text in texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert all(box.x0 >= 0 and box.x1 <= 1050 and box.y0 >= 0 and box.y1 <= 1050 for box in boxes)


def test_both_pictures_enlarge_the_same_windows_those_of_the_largest_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(pictures, 'inset', lambda axes, picture, window, place: seen.append((window, place)))
    analysis = _made(*[(10 + 16 * number, 50, 1 + number) for number in range(5)])
    pictures.marked_picture(analysis)
    marked, seen = seen, []
    pictures.difference_picture(analysis)
    assert marked == seen and len(marked) == 4
    assert [window for window, _ in marked][1:] == [(69, 45, 84, 60), (52, 44, 67, 59), (36, 44, 51, 59)]
