"""tools/tune_threshold.py for networks: the probability of the highest IoU, where it is chosen and where it is used."""

import json
import math
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.curves import DEFAULT_LEVELS, CurveCounter
from irstd_toolbox.evaluation.functional import count_image
from irstd_toolbox.evaluation.protocols import get
from irstd_toolbox.inference import Predictor
from irstd_toolbox.inference.tuning import _bounded, _check_takes_threshold, _odds, _tested_on, tune_probability
from irstd_toolbox.training.checkpoint import file_sha256, read_checkpoint
from irstd_toolbox.training.publishing import publish


@pytest.fixture(scope='module')
def config_of(trained: Path) -> Path:
    return trained.parent / 'tiny.py'


@pytest.fixture(scope='module')
def written(config_of, lively, load_tool, tmp_path_factory):
    """Probabilities of the five test images at 0.5, and their masks."""
    out = tmp_path_factory.mktemp('plain')
    load_tool('test').main([str(config_of), str(lively), '--out', str(out), '--probabilities', 'npy'])
    probabilities = np.stack([np.load(out / 'predictions' / f'scene_{i}.npy') for i in range(8, 13)])
    truth = np.stack([cv2.imread(str(config_of.parent / 'data/masks' / f'scene_{i}.png'), 0) > 0 for i in range(8, 13)])
    return probabilities, truth


def iou(probabilities, truth, threshold):
    predicted = probabilities > threshold
    return (predicted & truth).sum() / (predicted | truth).sum()


def test_no_other_threshold_has_a_higher_iou(config_of, lively, written):
    found = tune_probability(str(config_of), str(lively), 'test')
    others = [iou(*written, threshold) for threshold in np.unique(written[0])[:-1]]
    # The search tells odds apart that differ by 0.1 %.
    assert found['origin']['IoU'] == pytest.approx(max(others), rel=0.01) and max(others) > 1.1 * iou(*written, 0.5)
    assert iou(*written, found['value']) == pytest.approx(found['origin']['IoU'], rel=0.01)


def test_for_a_limit_of_false_alarms_no_other_threshold_finds_more_targets(config_of, lively, written, load_tool,
                                                                           tmp_path, capsys):
    def pd_and_fa(threshold):
        counts = [count_image(one > threshold, truth) for one, truth in zip(*written, strict=True)]
        return tuple(sum(map(attrgetter(part), counts)) / sum(map(attrgetter(whole), counts)) for part, whole in
                     (('matched', 'targets'), ('false_alarm_pixels', 'pixels')))
    levels = DEFAULT_LEVELS[1:-1:6]
    reached = [pd_and_fa((level + 0.5) / 65535) for level in levels]
    limit = sorted(fa for pd, fa in reached if pd)[len(reached) // 3]
    load_tool('tune_threshold').main([str(config_of), str(lively), '--split', 'test', '--max-fa', str(limit), '--out',
                                      str(tmp_path / 'threshold.json')])
    found = json.loads((tmp_path / 'threshold.json').read_text())
    origin = found['origin']
    assert (origin['Pd'], origin['Fa']) == pytest.approx(pd_and_fa(found['value'])) and origin['Fa'] <= limit
    others = [(pd, iou(*written, (level + 0.5) / 65535)) for level, (pd, fa) in zip(levels, reached, strict=True)
              if fa <= limit]
    assert (origin['Pd'], origin['IoU']) >= max(others)
    assert origin['IoU'] == pytest.approx(iou(*written, found['value']))
    assert f', Pd {origin["Pd"] * 100:.2f}, Fa {origin["Fa"] * 1e6:.2f}e-6 on 5 images' in capsys.readouterr().out


@pytest.mark.parametrize(('place', 'told'), [(7, 'one does at 0.125'), (None, 'none does at any')])
def test_a_limit_that_no_threshold_keeps_is_named(place, told):
    counter = CurveCounter(get('canonical'))
    counter.add(np.array([[0.9, 0, 0, 0, 0, 0, 0, 0.4]]), np.array([[x == place for x in range(8)]]))
    with pytest.raises(DataError, match=f'finds a target of the list at an Fa of 0.1 or less, {told}. Raise --max-fa'):
        _bounded(counter, 0.1)


@pytest.mark.parametrize(('limit', 'low', 'high', 'pd', 'fa'), [
    (0, 0.7, 0.9, 0.5, 0), (0.02, 0.7, 0.9, 0.5, 0), (0.025, 0.3, 0.5, 1, 0.025), (0.9, 0.3, 0.5, 1, 0.025)])
def test_within_the_limit_as_many_targets_are_found_as_can_be(limit, low, high, pd, fa):
    probabilities, counter = np.zeros((1, 40)), CurveCounter(get('canonical'))
    probabilities[0, [5, 15, 25, 35]] = 0.9, 0.7, 0.5, 0.3  # targets are the first and the third
    counter.add(probabilities, np.isin(np.arange(40), (5, 25))[None])
    value, reached = _bounded(counter, limit)
    assert low < value < high and (reached['Pd'], reached['Fa']) == (pd, fa)


def test_of_thresholds_that_find_as_many_targets_that_of_the_highest_iou_is_taken():
    counter = CurveCounter(get('canonical'))
    counter.add(np.array([[0, 0.6, 0.9, 0.2]]), np.array([[False, True, True, False]]))
    value, reached = _bounded(counter, 0.1)
    assert 0.2 < value < 0.6 and reached == dict(IoU=1.0, Pd=1.0, Fa=0.0, max_Fa=0.1)


def test_odds_tell_probabilities_near_0_and_1_apart_and_are_finite():
    found = _odds(torch.tensor([[-math.inf, -25, 0, 25, math.inf]]))[0]
    assert found == pytest.approx(np.exp([-30, -25, 0, 25, 30]))


@pytest.mark.parametrize(('root', 'tested', 'oracle'), [
    ('data', ['a', 'b'], True), ('data', ['b'], False), ('data', None, False), ('other', ['a'], False)])
def test_only_images_that_the_config_tests_on_make_an_oracle(root, tested, oracle):
    def ids(split):
        if tested is None:
            raise DataError('There is no such list.')
        return tested if split == 'test' else ['a']
    dataset = SimpleNamespace(found=SimpleNamespace(ids=ids), data_root='data')
    config = dict(test_dataloader=dict(dataset=dict(data_root=root, split='test')))
    assert _tested_on(['a'], dataset, config) is oracle
    foreign = [SimpleNamespace(metainfo=dict(split=split)) for split in ('test', 'val')]  # data sets of another class
    assert [_tested_on(['a'], one, config) for one in foreign] == [True, False]


def test_by_default_it_is_chosen_on_what_was_held_out_and_the_origin_says_so(config_of, lively, load_tool, tmp_path,
                                                                             capsys):
    path = tmp_path / 'threshold.json'
    load_tool('tune_threshold').main([str(config_of), str(lively), '--out', str(path)])
    found = json.loads(path.read_text())
    origin = found['origin']
    assert found['scale'] == 'probability' and 0 < found['value'] < 1
    assert (origin['split'], origin['part'], origin['images']) == ('trainval', 'holdout', 2)
    assert (origin['model'], origin['checkpoint']) == ('IRSTDSegmentor', file_sha256(lively))
    said = capsys.readouterr().out
    assert f'of probability: IoU {origin["IoU"] * 100:.2f} on 2 images of data, trainval, holdout' in said


def test_a_list_of_the_test_data_set_may_be_named(config_of, lively):
    origin = tune_probability(str(config_of), str(lively), 'trainval', images=3)['origin']
    assert (origin['split'], origin['images']) == ('trainval', 3) and 'part' not in origin


def test_the_origin_names_the_views_that_are_averaged_and_others_are_warned_of(config_of, lively, tmp_path):
    plain, mirrored = (tune_probability(str(config_of), str(lively), 'test', options)
                       for options in ([], ['model.views.mirrored=True']))
    assert 'views' not in plain['origin'] and mirrored['value'] != plain['value']
    assert mirrored['origin']['views'] == dict(mirrored=True, turned=False, scales=[1.0])
    path = tmp_path / 'threshold.json'
    path.write_text(json.dumps(mirrored))
    options = [f'model.threshold={path}']
    with pytest.warns(UserWarning, match=r"chosen with model\.views={'mirrored': True.*; the model has None and gives"):
        Predictor(config_of, lively, 'cpu', options)
    Predictor(config_of, lively, 'cpu', [*options, 'model.views.mirrored=True'])


def test_masks_and_figures_follow_the_threshold_and_the_result_names_it(config_of, lively, load_tool, tmp_path, written,
                                                                        capsys):
    path = tmp_path / 'threshold.json'
    load_tool('tune_threshold').main([str(config_of), str(lively), '--split', 'test', '--out', str(path)])
    assert 'upper bound (oracle)' in capsys.readouterr().out
    load_tool('test').main([str(config_of), str(lively), '--out', str(tmp_path), '--cfg-options',
                            f'model.threshold={path}'])
    assert 'upper bound (oracle)' in capsys.readouterr().out
    chosen, results = json.loads(path.read_text()), json.loads((tmp_path / 'results.json').read_text())
    masks = np.stack([cv2.imread(str(tmp_path / 'masks' / f'scene_{i}.png'), 0) > 0 for i in range(8, 13)])
    assert np.array_equal(masks, written[0] > chosen['value'])
    assert results['threshold'] == dict(rule='ProbabilityThreshold', value=chosen['value'], origin=chosen['origin'],
                                        oracle=True)
    assert results['protocols']['canonical']['IoU'] == pytest.approx(chosen['origin']['IoU'], rel=0.01)


def test_the_configs_own_threshold_plays_no_part(config_of, lively):
    plain, told = (tune_probability(str(config_of), str(lively), options=options)
                   for options in ([], ['model.threshold=0.9']))
    assert plain == told


def test_a_threshold_is_taken_with_the_published_copy_of_its_weights_and_not_with_a_rounded_one(
        config_of, lively, tmp_path):
    path = tmp_path / 'threshold.json'
    path.write_text(json.dumps(dict(value=0.3, scale='probability', origin=dict(checkpoint=file_sha256(lively)))))
    single, half, older = (tmp_path / f'{name}.safetensors' for name in ('single', 'half', 'older'))
    publish(lively, single)
    publish(lively, half, half=True)
    older.write_bytes(save(read_checkpoint(lively)['state_dict'], {'irstd_toolbox': '{"epoch": 3}'}))
    options = [f'model.threshold={path}']
    assert Predictor(config_of, single, 'cpu', options).threshold == 0.3
    for other in (half, older):
        with pytest.raises(ConfigError, match='was chosen for weights of SHA-256'):
            Predictor(config_of, other, 'cpu', options)
    assert Predictor(config_of, older, 'cpu').meta == dict(epoch=3)  # as files were published before


def test_a_threshold_for_other_weights_is_refused(config_of, lively, trained, load_tool, tmp_path):
    path = tmp_path / 'threshold.json'
    load_tool('tune_threshold').main([str(config_of), str(lively), '--out', str(path)])
    with pytest.raises(ConfigError, match='was chosen for weights of SHA-256 .* Choose one for them'):
        load_tool('test').main([str(config_of), str(trained / 'best.pth'), '--out', str(tmp_path / 'out'),
                                '--cfg-options', f'model.threshold={path}'])
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(('text', 'told'), [
    (None, 'holds no threshold .FileNotFoundError'), ('{', 'holds no threshold'), ('{"value": 1}', 'no threshold'),
    ('{"value": 14.7, "scale": "response", "origin": {}}', "of scale 'response', that of a model-driven method"),
    ('{"value": 7, "scale": "probability", "origin": {}}', 'a probability above 0 and below 1 is expected')])
def test_what_is_no_threshold_of_a_network_is_refused(config_of, lively, load_tool, tmp_path, text, told):
    path = tmp_path / 'threshold.json'
    if text is not None:
        path.write_text(text)
    image = config_of.parent / 'data/images/scene_8.png'
    with pytest.raises(ConfigError, match=told):
        load_tool('predict').main([str(config_of), str(lively), str(image), '--out', str(tmp_path / 'out'),
                                   '--cfg-options', f'model.threshold={path}'])


def test_predictions_of_another_size_than_the_masks_are_named(config_of, lively):
    with pytest.raises(DataError, match=r'scene_\d+: the response is \(16, 16\), the mask \(20, 24\)'):
        tune_probability(str(config_of), str(lively), options=['model.output_size=network'])


def test_a_formula_has_no_weights_to_give_and_a_limit_of_false_alarms_is_a_fraction(load_tool):
    for checkpoint in ([], ['best']):
        with pytest.raises(ConfigError, match='--max-fa 10: a fraction of pixels, 0 <= FA < 1, is expected'):
            load_tool('tune_threshold').main(['configs/baselines/top_hat_nuaa_sirst.py', *checkpoint, '--max-fa', '10'])
    with pytest.raises(ConfigError, match='is of a formula, which has no weights. Leave the CHECKPOINT out'):
        load_tool('tune_threshold').main(['configs/baselines/top_hat_nuaa_sirst.py', 'best'])


def test_a_formula_is_computed_on_no_other_device(load_tool):
    with pytest.raises(ConfigError, match='--device'):  # of a machine without a GPU that there is none
        load_tool('tune_threshold').main(['configs/baselines/top_hat_nuaa_sirst.py', '--device', 'cuda'])


def test_a_network_that_diverged_gets_no_threshold(config_of, lively, load_tool, tmp_path):
    content = read_checkpoint(lively)
    next(value for name, value in content['state_dict'].items() if 'decode_head' in name).fill_(float('nan'))
    torch.save(content, tmp_path / 'diverged.pth')
    with pytest.raises(DataError, match='logits are nan; expected numbers. The network diverged'):
        load_tool('tune_threshold').main([str(config_of), str(tmp_path / 'diverged.pth'), '--out',
                                          str(tmp_path / 'threshold.json')])
    assert not (tmp_path / 'threshold.json').exists()


def test_a_model_that_takes_no_threshold_is_refused_before_any_work(config_of):
    with pytest.raises(ConfigError, match='tiny.py is of GroundedSAM, whose constructor takes no threshold'):
        tune_probability(str(config_of), 'no.pth', options=['model.type=GroundedSAM',
                                                            'val_dataloader.dataset.data_root=nowhere'])
    _check_takes_threshold(SimpleNamespace(model=dict(type=lambda **options: None)))  # which may hand it on


def test_a_config_without_validation_names_what_is_missing(config_of, lively, tmp_path):
    path = config_of.with_name('no_validation.py')
    path.write_text(config_of.read_text() + 'del val_dataloader\n')
    with pytest.raises(ConfigError, match='has no val_dataloader, so there is no list to choose on'):
        tune_probability(str(path), str(lively))
