"""IRSTDMetric: agreement with the scored files, several processes, and what it logs."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.metrics import IRSTDMetric
from irstd_toolbox.evaluation.prediction_io import encode, read_prediction, write_prediction
from irstd_toolbox.evaluation.protocols import Protocol, get, resolve
from irstd_toolbox.evaluation.results import measure, result_table, score_image, summarise, to_json
from irstd_toolbox.inference.testing import _evaluator
from irstd_toolbox.registry import METRICS, SCOPE

PROTOCOLS = ('canonical', 'rpcanet', 'lgnet')


def draw(number: int) -> tuple[str, np.ndarray, np.ndarray]:
    """Id, logits and mask of a sample; every third has no target."""
    rng = np.random.default_rng(number)
    shape = (40 + number, 60 - number)
    truth = np.zeros(shape, dtype=bool)
    if number % 3:
        row, column = rng.integers(5, 30, 2)
        truth[row : row + 4, column : column + 5] = True
    logits = rng.normal(-6, 3, shape) + 9 * np.roll(truth, (1, 1), (0, 1))
    return f'scene_{number}', logits.astype(np.float32), truth


def sample(image_id: str, logits: np.ndarray, truth: np.ndarray | None) -> SegDataSample:
    """A sample as the segmentor returns it."""
    result = SegDataSample(metainfo={'image_id': image_id})
    result.seg_logits = PixelData(data=torch.from_numpy(logits)[None])
    if truth is not None:
        result.gt_sem_seg = PixelData(data=torch.from_numpy(truth.astype(np.uint8))[None])
    return result


def evaluate(metric: IRSTDMetric, numbers: range) -> dict[str, float]:
    """What the test loop does."""
    evaluator = Evaluator([metric])
    for number in numbers:
        evaluator.process([sample(*draw(number))], {})
    return evaluator.evaluate(len(numbers))


def test_the_registry_builds_it() -> None:
    assert isinstance(METRICS.build({'type': 'IRSTDMetric'}), IRSTDMetric)


def test_written_files_score_exactly_as_the_logits_did(tmp_path: Path) -> None:
    metric = IRSTDMetric(PROTOCOLS)
    evaluate(metric, range(6))
    scores = []
    for number in range(6):
        image_id, logits, truth = draw(number)
        write_prediction(tmp_path / f'{image_id}.png', encode(logits))
        scores.append(score_image(image_id, read_prediction(tmp_path / f'{image_id}.png'), truth, resolve(PROTOCOLS)))
    assert to_json(metric.results_json) == to_json(summarise(scores, resolve(PROTOCOLS)))


def test_the_first_protocol_is_logged_without_its_name_and_further_ones_with_it() -> None:
    metric = IRSTDMetric(PROTOCOLS)
    logged = evaluate(metric, range(6))
    for key in ('IoU', 'nIoU', 'Pd', 'Fa'):
        assert logged[f'irstd/{key}'] == metric.results_json['protocols']['canonical'][key]
        assert logged[f'irstd/lgnet/{key}'] == metric.results_json['protocols']['lgnet'][key]


def test_a_positive_logit_below_float32_sigmoid_resolution_counts_as_target() -> None:
    truth = np.zeros((8, 8), dtype=bool)
    truth[2:4, 2:4] = True
    metric = IRSTDMetric()
    metric.process({}, [sample('a', np.where(truth, 1e-9, -1e-9).astype(np.float32), truth).to_dict()])
    assert metric.evaluate(1)['irstd/IoU'] == 1


def test_half_precision_logits_are_scored() -> None:
    image_id, logits, truth = draw(1)
    half = sample(image_id, logits, truth)
    half.seg_logits = PixelData(data=torch.from_numpy(logits)[None].bfloat16())
    metric = IRSTDMetric()
    metric.process({}, [half.to_dict()])
    assert metric.evaluate(1)['irstd/Pd'] == 1


def test_the_set_is_identified_by_what_is_said_about_it() -> None:
    metric = IRSTDMetric(about={'dataset': 'own', 'split': 'test'})
    evaluate(metric, range(2))
    fingerprint = metric.results_json['fingerprint']
    assert (fingerprint['dataset'], fingerprint['split'], fingerprint['images']) == ('own', 'test', 2)


@pytest.mark.parametrize('protocol', [Protocol('four', '', connectivity=4), Protocol('half', '', size=(4, 4))])
def test_targets_of_the_fingerprint_are_8_connected_regions_of_native_masks(protocol: Protocol) -> None:
    truth = np.zeros((8, 8), dtype=bool)
    truth[[0, 1, 6], [0, 1, 6]] = True  # two neighbours by a corner, and one that halving by centres loses
    found = score_image('a', np.zeros(protocol.size or (8, 8)), truth, [protocol])
    assert found.targets == 2 != found.counts[protocol.name].targets
    assert (found.foreground_pixels, found.pixels) == (3, 64)


def test_false_regions_are_counted_per_image_and_empty_images_have_no_region_at_all() -> None:
    truth, blank = np.eye(16, dtype=bool), np.zeros((16, 16), dtype=bool)
    speck = blank.copy()
    speck[12, 2] = True
    protocol = get('canonical')
    scores = [score_image('', prediction.astype(float), mask, [protocol]) for prediction, mask in (
        (truth | speck, truth), (speck, blank), (blank, blank), (truth, truth))]
    assert measure(protocol, [one.counts['canonical'] for one in scores])['false_alarm_regions_per_image'] == 2 / 4
    assert summarise(scores, [protocol])['counts']['canonical']['empty_images'] == 1


def test_a_table_puts_what_a_protocols_own_tables_lack_into_brackets() -> None:
    truth, protocols = np.eye(16, dtype=bool), resolve(['canonical', 'dnanet'])
    table = result_table(summarise([score_image('a', truth.astype(float), truth, protocols)], protocols))
    ours, theirs = next(list(column.cells) for column in table.columns if column.header == 'nIoU')
    assert ours == '100.00' and (theirs[0], theirs[-1]) == ('(', ')')


def test_a_second_evaluation_starts_anew() -> None:
    metric = IRSTDMetric()
    assert evaluate(metric, range(3)) == evaluate(metric, range(3))
    assert metric.results_json['counts']['canonical']['images'] == 3


def test_two_processes_give_the_result_of_one_and_exchange_no_files(
    tmp_path: Path, two_processes: Callable, monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')

    def work(rank: int) -> None:
        torch.distributed.init_process_group('gloo')
        metric = IRSTDMetric(PROTOCOLS)
        evaluator = Evaluator([metric])
        for number in (0, 2, 4) if rank == 0 else (1, 3, 0):  # the sampler pads the last round with the first sample
            evaluator.process([sample(*draw(number))], {})
        (tmp_path / f'logged{rank}.json').write_text(json.dumps(evaluator.evaluate(5)))
        if rank == 0:
            (tmp_path / 'results.json').write_text(to_json(metric.results_json))
        torch.distributed.destroy_process_group()

    two_processes(work)
    alone = IRSTDMetric(PROTOCOLS)
    logged = evaluate(alone, range(5))
    assert (tmp_path / 'results.json').read_text() == to_json(alone.results_json)
    assert [json.loads((tmp_path / f'logged{rank}.json').read_text()) for rank in (0, 1)] == [logged, logged]
    assert not list((tmp_path / 'here').iterdir())


@pytest.mark.parametrize(('told', 'about'), [({}, dict(dataset='own')), (dict(about=dict(split='x')), dict(split='x'))])
def test_a_test_says_of_which_set_it_is_unless_its_config_does(told: dict, about: dict) -> None:
    init_default_scope(SCOPE)
    dataset = SimpleNamespace(metainfo=dict(dataset='own', split=None))
    evaluator = _evaluator(Config(dict(test_evaluator=dict(type='IRSTDMetric', **told))), dataset, ())
    assert evaluator.metrics[0].about == about and evaluator.metrics[0].dataset_meta == dataset.metainfo


def test_a_sample_without_a_mask_is_an_error_that_names_it() -> None:
    image_id, logits, _ = draw(1)
    with pytest.raises(DataError, match='scene_1: there is no mask to score against'):
        IRSTDMetric().process({}, [sample(image_id, logits, None).to_dict()])


def test_nan_logits_are_an_error_that_names_the_image() -> None:
    image_id, logits, truth = draw(1)
    logits[0, 0] = np.nan
    with pytest.raises(DataError, match='scene_1: 1 of 2419 logits are nan'):
        IRSTDMetric().process({}, [sample(image_id, logits, truth).to_dict()])


def test_a_prediction_that_is_not_native_is_an_error_that_names_the_image() -> None:
    image_id, logits, truth = draw(1)
    with pytest.raises(DataError, match="scene_1: the prediction is 59x40 .*'canonical' expects 59x41"):
        IRSTDMetric().process({}, [sample(image_id, logits, truth).to_dict() | {
            'seg_logits': {'data': torch.from_numpy(logits[1:])[None]}}])


def test_an_unknown_protocol_is_an_error_at_once() -> None:
    with pytest.raises(ConfigError, match="'canonic' is no known protocol"):
        IRSTDMetric(protocols=('canonic',))


def test_one_protocol_is_taken_without_a_list_around_it() -> None:
    assert [IRSTDMetric(one).protocols[0].name for one in ('lgnet', get('lgnet'), {'name': 'own'})] == [
        'lgnet', 'lgnet', 'own']


def test_the_samples_of_a_model_are_counted_as_they_are() -> None:
    image_id, logits, truth = draw(1)
    predicted = sample(image_id, logits, truth)
    predicted.seg_logits.data.requires_grad_()
    metric = IRSTDMetric()
    metric.process(None, [predicted])
    assert metric.evaluate(1)['irstd/Pd'] == 1


@pytest.mark.parametrize('factor', [255, -1])
def test_a_mask_of_other_values_is_an_error_that_names_the_image(factor: int) -> None:
    image_id, logits, truth = draw(1)
    with pytest.raises(DataError, match='scene_1: the mask holds values from .*; expected 1 on targets'):
        IRSTDMetric().process({}, [sample(image_id, logits, truth).to_dict() | {
            'gt_sem_seg': {'data': torch.from_numpy(truth * factor)[None]}}])
