"""Boxes from a model: asking, reading, scoring."""

import asyncio
import json

import numpy as np
import pytest

from irstd_toolbox.text_priors.vlm.boxes import parse_boxes
from irstd_toolbox.text_priors.vlm.detection import box_prompt, detect, score_boxes
from irstd_toolbox.text_priors.vlm.engine import Limits
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.types import Answer, ProviderError, VisionLanguageProvider


def mask_of(*boxes, shape=(48, 64)):
    """Targets as (first row, first column, rows, columns)."""
    mask = np.zeros(shape, np.uint8)
    for row, col, rows, cols in boxes:
        mask[row:row + rows, col:col + cols] = 1
    return mask


@pytest.mark.parametrize('text', [
    '[10, 20, 14, 25]', '[[10, 20, 14, 25]]', '{"boxes": [[10, 20, 14, 25]]}', '{"box": [10, 20, 14, 25]}',
    'The target is here:\n```json\n{"targets": [{"bbox_2d": [10, 20, 14, 25], "label": "target"}]}\n```\nDone.',
    '[{"x1": 10, "y1": 20, "x2": 14, "y2": 25}]', '{"xmin": 10, "ymin": 20, "xmax": 14, "ymax": 25}',
    '{"x": 10, "y": 20, "width": 4, "height": 5}', '{"x": 10, "y": 20, "w": 4, "h": 5}', '[[10, 20], [14, 25]]',
    'It lies at (10, 20, 14, 25).', '[14, 25, 10, 20]', 'In [the image] there is {"boxes": [[10.0, 20.0, 14, 25]]}.',
    '{"left": 10, "top": 20, "right": 14, "bottom": 25}', '{"left": 10, "top": 20, "width": 4, "height": 5}',
    '{"x_center": 12, "y_center": 22.5, "width": 4, "height": 5}', '{"cx": 12, "cy": 22.5, "w": 4, "h": 5}',
    '{"center": [12, 22.5], "size": [4, 5]}', '{"Center": [12, 22.5], "width": 4, "height": 5}',
    '{"top_left": [10, 20], "bottom_right": [14, 25]}', '{"a": {"target": [10, 20, 14, 25]}, "b": 3, "c": [7, 8]}'])
def test_a_box_is_read_however_it_is_written(text):
    assert parse_boxes(text, 64, 48).boxes == ((10, 20, 14, 25),)


@pytest.mark.parametrize('text', ['{"boxes": []}', '[]', 'There are none: `{"targets": [], "note": "x"}`'])
def test_an_empty_list_says_that_there_are_none(text):
    assert parse_boxes(text, 64, 48).boxes == ()


@pytest.mark.parametrize('text', [
    '', 'At the upper left.', '{"boxes": "unknown"}', '[1, 2, 3]', '{"boxes": [[10, 20', '[true, false, true, true]',
    '[NaN, 1, 2, 3]', '[1e400, 1, 2, 3]', '{"count": 0, "false": 0, "width": 64, "height": 64}',
    '{"a": 1, "b": 2, "c": 3, "d": 4}', '{"center": [12, 22], "image": [64, 48]}', '{"x": [10, 14], "y": [20, 25]}'])
def test_an_answer_without_boxes_says_nothing(text):
    assert parse_boxes(text, 64, 48).boxes is None


def test_several_boxes_keep_their_order():
    assert parse_boxes('{"boxes": [[1, 2, 3, 4], [5, 6, 7, 8]]} and [9, 10, 11, 12]', 64, 48).boxes == (
        (1, 2, 3, 4), (5, 6, 7, 8), (9, 10, 11, 12))


@pytest.mark.parametrize('text', [
    '{"boxes": [[1, 2, 3, 4], [5, 6, 7, 8]], "scores": [0.7, 0.6, 0.9, 0.8]}',
    '{"box_scores": [[0.7, 0.6, 0.9, 0.8]], "boxes": [[1, 2, 3, 4], [5, 6, 7, 8]]}',
    "{'boxes': [[1, 2, 3, 4], [5, 6, 7, 8]], 'confidences': [0.7, 0.6, 0.9, 0.8], 'ids': [1, 2, 3, 4]}",
    '[[1, 2, 3, 4], [5, 6, 7, 8]]\n**Confidence**: (0.7, 0.6, 0.9, 0.8)',
    '[{"box": [1, 2, 3, 4], "score": 0.9}, {"scored_box": [5, 6, 7, 8], "probabilities": [0.1, 0.2, 0.3, 0.4]}]'])
def test_scores_are_no_boxes(text):
    assert parse_boxes(text, 64, 48).boxes == ((1, 2, 3, 4), (5, 6, 7, 8))


@pytest.mark.parametrize('text', ['{"scores": [0.7, 0.6, 0.9, 0.8]}', 'Scores: [0.7, 0.6, 0.9, 0.8]'])
def test_scores_alone_say_nothing_of_boxes(text):
    assert parse_boxes(text, 64, 48).boxes is None


def test_fractions_are_parts_of_width_and_height():
    parsed = parse_boxes('[[0.25, 0.5, 0.5, 1]]', 64, 48)
    assert (parsed.boxes, parsed.scale) == (((16, 24, 32, 48),), 'unit')


def test_fractions_of_a_box_over_the_border_are_parts_too():
    parsed = parse_boxes('{"cx": 0.0625, "cy": 0.75, "w": 0.25, "h": 0.75}', 64, 48)
    assert (parsed.boxes, parsed.scale) == (((0, 18, 12, 48),), 'unit')


@pytest.mark.parametrize('text', ['[0, 0, 1, 1]', '[[0.5, 0.5, 1, 1], [3, 4, 5, 6]]', '[500, 20, 600, 30]',
                                  '[-0.5, 0.25, 0.5, 1]'])
def test_everything_else_is_pixels(text):
    assert parse_boxes(text, 640, 480).scale == 'pixels'


def test_boxes_are_cut_at_the_border_and_those_without_area_are_counted():
    parsed = parse_boxes('[[-5, 40, 10, 100], [3, 3, 3, 9], [70, 1, 80, 2]]', 64, 48)
    assert (parsed.boxes, parsed.invalid) == (((0, 40, 10, 48),), 2)


def test_a_target_is_hit_by_its_centroid_in_a_box():
    mask = mask_of((10, 20, 3, 3))  # centroid at x 21.5, y 11.5
    assert score_boxes('a', [(21.5, 11.5, 60, 40)], mask).hits == 1
    assert score_boxes('a', [(21.6, 11.5, 60, 40)], mask).hits == 0


def test_a_box_is_centred_if_its_centre_is_in_the_targets_box():
    mask = mask_of((10, 20, 3, 3))  # box (20, 10, 23, 13)
    assert score_boxes('a', [(20, 10, 26, 16)], mask).centred == 1
    assert score_boxes('a', [(20, 10, 26.2, 16)], mask).centred == 0


def test_the_iou_is_that_of_pixel_edges():
    mask = mask_of((10, 20, 4, 4))
    assert score_boxes('a', [(20, 10, 24, 14)], mask).iou == 1
    assert score_boxes('a', [(22, 10, 26, 14)], mask).iou == pytest.approx(8 / 24)
    assert score_boxes('a', [(24, 10, 28, 14)], mask).iou == 0


def test_a_box_over_everything_hits_all_but_counts_for_one_iou():
    score = score_boxes('a', [(0, 0, 64, 48)], mask_of((0, 0, 4, 4), (40, 40, 2, 2)))
    assert (score.targets, score.hits, score.centred, score.false_boxes) == (2, 2, 0, 0)
    assert score.iou == pytest.approx(16 / (64 * 48))


def test_the_assignment_maximises_the_sum_of_ious():
    mask = mask_of((0, 0, 4, 4), (0, 5, 4, 4))
    wide, left = (0, 0, 9, 4), (0, 0, 4, 4)
    assert score_boxes('a', [wide, left], mask).iou == pytest.approx(1 + 16 / 36)


def test_boxes_beside_every_target_are_false():
    score = score_boxes('a', [(30, 30, 32, 32), (0, 0, 4, 4)], mask_of((0, 0, 4, 4)))
    assert (score.boxes, score.hits, score.false_boxes) == (2, 1, 1)
    empty = score_boxes('a', [(30, 30, 32, 32)], mask_of())
    assert (empty.targets, empty.iou, empty.false_boxes) == (0, 0, 1)


def test_a_box_that_is_centred_on_a_target_beside_its_centroid_is_not_false():
    score = score_boxes('a', [(20, 10, 21, 11)], mask_of((10, 20, 3, 3)))  # centroid at x 21.5, y 11.5
    assert (score.hits, score.centred, score.false_boxes) == (0, 1, 0)


class Scripted(VisionLanguageProvider):
    """Answers each image as told; an exception is raised."""

    remote = False

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    async def ask(self, image, prompt):
        await asyncio.sleep(0)
        self.asked.append((image.image_id, prompt))
        answer = self.answers[image.image_id]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(answer, 'm', finish='stop')

    def identity(self):
        return {'provider': 'scripted', 'model': 'm'}


def run(tmp_path, provider, masks, upscale=False):
    def prepare(image_id):
        shape = (48, 64) if masks[image_id] is None else masks[image_id].shape
        return prepare_array(np.full(shape, float(sum(map(ord, image_id)))), image_id, upscale=upscale)
    return detect(provider, list(masks), prepare, masks.get, tmp_path, Limits(attempts=2, first_delay=0))


def test_all_outcomes_count_in_the_rates(tmp_path):
    one = mask_of((10, 20, 4, 4))
    answers = {'a': '{"boxes": [[20, 10, 24, 14]]}', 'b': '{"boxes": []}', 'c': 'At the upper left.',
               'd': "I'm sorry, but I can't assist with that.", 'e': Answer('', 'm', finish='refusal'),
               'f': Answer('{"boxes": [[20, 10', 'm', finish='length'), 'g': '', 'h': ProviderError('server', 'down')}
    report = run(tmp_path, Scripted(answers), dict.fromkeys(answers, one))
    assert [score.outcome for score in report.images] == [
        'boxes', 'none', 'unreadable', 'refusal', 'refusal', 'truncated', 'empty', 'failed']
    totals = report.totals
    assert (totals['targets'], totals['hits'], totals['hit_rate'], totals['mean_iou']) == (8, 1, 1 / 8, 1 / 8)
    assert report.run.failed.keys() == {'h'}
    assert report.run.rejected['c'] == 'unreadable: the answer holds no boxes that can be read'
    assert report.run.rejected.keys() == {'c', 'd', 'e', 'f', 'g'}


def test_images_without_a_mask_are_asked_about_and_not_scored(tmp_path):
    report = run(tmp_path, Scripted({'a': '[]', 'b': '[]'}), {'a': None, 'b': mask_of((1, 1, 1, 1))})
    assert (report.unmasked, [score.image_id for score in report.images]) == (('a',), ['b'])
    assert '1 images without mask' in report.table()


def test_no_answer_about_boxes_is_paid_twice(tmp_path):
    masks = {'a': mask_of((10, 20, 4, 4)), 'b': mask_of()}
    first, second = Scripted({'a': '[20, 10, 24, 14]', 'b': 'No idea.'}), Scripted({'b': '[]'})
    run(tmp_path, first, masks)
    report = run(tmp_path, second, masks)
    assert [image_id for image_id, _ in second.asked] == ['b']
    assert [score.outcome for score in report.images] == ['boxes', 'none']
    assert report.totals['hit_rate'] == 1


def test_the_prompt_tells_the_size_that_was_sent_and_boxes_come_back_to_the_masks(tmp_path):
    mask = mask_of((10, 20, 4, 4), shape=(50, 100))
    provider = Scripted({'a': '[80, 40, 96, 56]'})  # the image goes out four times as large
    report = run(tmp_path, provider, {'a': mask}, upscale=True)
    assert '400 pixels wide and 200 pixels high' in provider.asked[0][1].task
    assert report.images[0].iou == 1


def test_the_prompt_shows_its_own_form_of_answer():
    task = box_prompt(prepare_array(np.zeros((4, 6)), 'a')).task
    assert '{"boxes": [[x1, y1, x2, y2]]}' in task and '{"boxes": []}' in task


def test_no_description_is_written(tmp_path):
    run(tmp_path, Scripted({'a': '[]'}), {'a': mask_of()})
    assert sorted(path.name for path in tmp_path.iterdir()) == ['audit.jsonl', 'cache']


def test_the_report_goes_to_json_and_text(tmp_path):
    report = run(tmp_path, Scripted({'a': '[20, 10, 24, 14]'}), {'a': mask_of((10, 20, 4, 4))})
    assert json.loads(json.dumps(report.to_dict()))['totals']['centre_rate'] == 1
    assert 'hit rate 1.0000 (centroid in a box)' in report.table()


def test_without_targets_there_is_no_rate(tmp_path):
    report = run(tmp_path, Scripted({'a': '[]'}), {'a': mask_of()})
    assert report.totals['hit_rate'] is None
    assert 'hit rate -' in report.table()
