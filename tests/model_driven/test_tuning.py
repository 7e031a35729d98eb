"""The threshold of the highest IoU on a list, and the table of model-driven methods."""

import json

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.inference import tuning
from irstd_toolbox.inference.tuning import Scored, ThresholdSearch, detector_of, list_of, responses_of, tune_threshold
from irstd_toolbox.training.config_edits import load_config


def iou(response, truth, threshold):
    predicted = response > threshold
    return (predicted & truth).sum() / (predicted | truth).sum()


def test_the_search_finds_the_best_of_all_thresholds():
    rng = np.random.default_rng(0)
    truth = rng.random((3, 40, 40)) < 0.05
    response = rng.lognormal(0, 1, truth.shape) * np.where(truth, 3.0, 1.0)
    search = ThresholdSearch()
    for image, mask in zip(response, truth, strict=True):
        search.add(image, mask)
    value, found = search.best()
    assert found == pytest.approx(iou(response, truth, value))
    assert found >= max(iou(response, truth, threshold) for threshold in response.ravel()[::7]) - 2e-3


@pytest.mark.parametrize('scale', [1e-9, 1.0, 1e9])
def test_the_search_works_at_any_scale_of_responses(scale):
    search = ThresholdSearch()
    search.add(np.array([[1.0, 1.1, 1.2, 3.0]]) * scale, np.array([[False, False, True, True]]))
    value, found = search.best()
    assert found == 1 and value == pytest.approx(1.15 * scale, rel=0.01)  # in the middle of those that are as good


def test_a_response_is_above_the_threshold_that_is_chosen_for_it():
    search, least = ThresholdSearch(), 1 + 2 ** -10  # what the search tells apart
    search.add(np.array([[1.0, least]]), np.array([[False, True]]))
    assert 1 <= search.best()[0] < least


def test_a_response_of_zero_is_never_a_target():
    search = ThresholdSearch()
    search.add(np.array([[0.0, 0.0, 5.0]]), np.array([[True, True, True]]))
    value, found = search.best()
    assert found == pytest.approx(1 / 3) and 0 < value < 5


def test_a_list_without_targets_is_an_error():
    search = ThresholdSearch()
    search.add(np.ones((3, 3)), np.zeros((3, 3), bool))
    with pytest.raises(DataError, match='No threshold finds a target pixel'):
        search.best()


def test_the_training_list_is_the_default_and_the_origin_says_so(config):
    found = tune_threshold(str(config))
    origin = found['origin']
    assert (origin['split'], origin['images'], origin['method']) == ('trainval', 6, dict(type='TopHat', size=5))
    assert origin['IoU'] > 0.9
    assert tune_threshold(str(config), images=2)['origin']['images'] == 2


def test_fewer_images_are_spaced_evenly_over_the_list(config):
    loaded = load_config(str(config))
    model, dataset = detector_of(loaded), list_of(loaded, 'trainval')
    every, three = ([scored.image_id for scored in responses_of(model, dataset, images)] for images in (None, 3))
    assert len(every) == 6 and three == [every[0], every[2], every[5]]


@pytest.mark.parametrize(('responses', 'scale', 'low', 'high'), [
    ([([10, 15, 20], 1), ([100, 150, 200], 1), ([3, 3, 3], 0)], 'range', 0.5, 1),
    ([([1, 2, 9], 1), ([1, 2, 4], 0)], 'response', 4, 9)])
def test_the_better_of_two_rules_is_taken(config, monkeypatch, responses, scale, low, high):
    scored = [Scored(str(number), np.array([values], float), np.array([[0, 0, last]]) > 0)
              for number, (values, last) in enumerate(responses)]
    monkeypatch.setattr(tuning, 'responses_of', lambda *_: scored)
    found = tune_threshold(str(config))
    assert (found['scale'], found['origin']['IoU']) == (scale, 1) and low < found['value'] < high


def test_a_tuned_threshold_improves_the_test_and_is_stored(config, load_tool, tmp_path):
    path = tmp_path / 'threshold.json'
    load_tool('tune_threshold').main([str(config), '--out', str(path)])
    load_tool('test').main([str(config), '--out', str(tmp_path), '--cfg-options', f'model.threshold={path}'])
    found, chosen = json.loads((tmp_path / 'results.json').read_text()), json.loads(path.read_text())
    assert found['threshold'] == dict(rule='BestThreshold', **chosen, oracle=False)
    assert found['protocols']['canonical']['IoU'] > 0.9


@pytest.mark.parametrize(('limit', 'pd', 'fa', 'low', 'high'), [(0.125, 1, 0.125, 0, 0.4), (0.1, 0.5, 0.0625, 0.5, 1)])
def test_for_a_limit_of_false_alarms_a_share_of_the_range_finds_most(config, monkeypatch, limit, pd, fa, low, high):
    found = np.array([[[0, 10, 0, 0, 0, 0, 0, 20]], [[5, 5, 5, 25, 5, 5, 5, 13]]], float)  # targets at the end
    truth = np.arange(8)[None] == 7
    monkeypatch.setattr(tuning, 'responses_of', lambda *_: [Scored(str(one), one, truth) for one in found])
    chosen = tune_threshold(str(config), max_fa=limit)
    assert (chosen['scale'], chosen['origin']['Pd'], chosen['origin']['Fa']) == ('range', pd, fa)
    assert low <= chosen['value'] < high
    with pytest.raises(DataError, match='at an Fa of 0.01 or less, one does at 0.0625'):
        tune_threshold(str(config), max_fa=0.01)


def test_for_a_limit_of_false_alarms_the_test_has_the_figures_of_the_choice(config, load_tool, tmp_path):
    path = tmp_path / 'threshold.json'
    load_tool('tune_threshold').main([str(config), '--split', 'test', '--max-fa', '3e-3', '--out', str(path)])
    load_tool('test').main([str(config), '--out', str(tmp_path), '--cfg-options', f'model.threshold={path}'])
    told = json.loads(path.read_text())
    figures = json.loads((tmp_path / 'results.json').read_text())['protocols']['canonical']
    assert (told['scale'], told['origin']['max_Fa']) == ('range', 3e-3)
    assert all(figures[name] == pytest.approx(told['origin'][name]) for name in ('IoU', 'Pd', 'Fa'))


def test_a_threshold_of_the_test_list_is_called_an_oracle(config, load_tool, tmp_path, capsys):
    path = tmp_path / 'threshold.json'
    load_tool('tune_threshold').main([str(config), '--split', 'test', '--out', str(path)])
    assert 'upper bound (oracle)' in capsys.readouterr().out
    load_tool('test').main([str(config), '--out', str(tmp_path), '--cfg-options', f'model.threshold={path}'])
    assert 'upper bound (oracle)' in capsys.readouterr().out
    found = json.loads((tmp_path / 'results.json').read_text())
    assert found['threshold']['oracle'] is True
    # The search's IoU is the test's: both count the same pixels.
    assert found['protocols']['canonical']['IoU'] == pytest.approx(found['threshold']['origin']['IoU'])


@pytest.mark.parametrize(('ids', 'oracle'), [(('scene_1', 'scene_7'), True), (('scene_1',), False)])
def test_any_list_with_test_images_makes_an_oracle(config, tmp_path, ids, oracle):
    (tmp_path / 'mine.txt').write_text('\n'.join(ids))
    assert tune_threshold(str(config), str(tmp_path / 'mine.txt'))['origin']['oracle'] is oracle


def test_a_network_has_no_threshold_to_tune(tmp_path):
    path = tmp_path / 'net.py'
    path.write_text("model = dict(type='IRSTDSegmentor')\n")
    with pytest.raises(ConfigError, match='is of IRSTDSegmentor; a ModelDrivenDetector is expected.*give a CHECKPOINT'):
        tune_threshold(str(path))


def test_the_table_has_the_figures_of_the_test_tool_by_both_rules(config, load_tool, tmp_path, capsys):
    document = tmp_path / 'results.md'
    other = '<!-- model-driven -->\nof another list\n<!-- /model-driven -->'
    document.write_text(f'Before.\n\n{other}\n\n<!-- mine -->\nearlier\n<!-- /mine -->\n\nAfter.\n')
    tool = load_tool('benchmark_model_driven')
    arguments = [str(config.with_name('t*.py')), '--timed', '2', '--out', str(tmp_path / 'rows'), '--document',
                 str(document), '--section', 'mine']
    tool.main(arguments)
    written = document.read_text()
    assert 'earlier' not in written and 'Before.' in written and 'After.' in written and other in written
    assert f"python tools/benchmark_model_driven.py '{config.with_name('t*.py')}'" in written
    by_config, best = json.loads((tmp_path / 'rows/tiny.json').read_text())['rows']
    load_tool('test').main([str(config), '--out', str(tmp_path)])
    tested = json.loads((tmp_path / 'results.json').read_text())
    assert by_config['metrics'] == tested['protocols']['canonical']
    assert by_config['threshold'] == tested['threshold']
    assert best['threshold']['origin']['split'] == 'trainval'
    assert f'| {by_config["metrics"]["IoU"] * 100:.2f} |' in capsys.readouterr().out
    tool.main([*arguments, '--keep'])
    assert document.read_text() == written


@pytest.fixture
def measured(config, load_tool, monkeypatch):
    """The tool, which notes what it is to measure in place of measuring it, and that list."""
    tool, calls = load_tool('benchmark_model_driven'), []
    monkeypatch.setattr(tool, 'measure', lambda *told: calls.append(told) or [dict(config=told[0])])
    monkeypatch.setattr(tool, 'table', str)
    return tool, calls


def test_a_kept_file_of_other_options_another_config_or_cut_short_is_measured_again(config, measured, tmp_path):
    tool, calls = measured
    other = tmp_path / 'tiny.py'
    other.write_text(config.read_text())
    for path, options in ((config, []), (config, ['--timed', '3']), (config, ['--timed', '3', '--tune-images', '2']),
                          (other, ['--timed', '3', '--tune-images', '2'])):
        for _ in range(2):  # the second time it is kept
            tool.main([str(path), '--out', str(tmp_path / 'rows'), '--keep', *options])
    assert calls == [(str(config), None, 10), (str(config), None, 3), (str(config), 2, 3), (str(other), 2, 3)]
    (tmp_path / 'rows/tiny.json').write_text('[{"config": "t')
    tool.main([str(other), '--out', str(tmp_path / 'rows'), '--keep'])
    assert calls[4:] == [(str(other), None, 10)]


def test_two_configs_of_one_name_are_refused_before_anything_is_measured(config, measured, tmp_path):
    tool, calls = measured
    other = tmp_path / 'tiny.py'
    other.write_text(config.read_text())
    with pytest.raises(ConfigError, match='would both be written to .*tiny.json; expected configs of different names'):
        tool.main([str(config), str(other), '--out', str(tmp_path / 'rows')])
    assert not calls and not (tmp_path / 'rows').exists()


def test_configs_of_networks_are_left_out_of_the_table(load_tool, tmp_path):
    path = tmp_path / 'net.py'
    path.write_text("model = dict(type='IRSTDSegmentor')\n")
    with pytest.raises(ConfigError, match='No config of a model-driven method among .*net.py'):
        load_tool('benchmark_model_driven').main([str(path)])
