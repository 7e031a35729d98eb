"""Threshold rules by value, and logits whose sign is the decision."""

import json

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.evaluation.prediction_io import decode, encode
from irstd_toolbox.models.model_driven import AdaptiveThreshold, BestThreshold, FixedThreshold
from irstd_toolbox.models.model_driven.detector import to_logits
from irstd_toolbox.models.model_driven.thresholds import build_threshold
from irstd_toolbox.registry import THRESHOLDS

RESPONSE = np.array([[2.0, 4.0], [4.0, 10.0]])
RULES = [FixedThreshold(0.25), AdaptiveThreshold(2.0), BestThreshold(3.0, 'a test'), BestThreshold(0.1, 'x', 'range')]


def test_the_fixed_rule_takes_a_share_of_the_range():
    assert FixedThreshold(0.25)(RESPONSE) == 2 + 0.25 * 8


def test_the_adaptive_rule_takes_mean_and_k_deviations():
    assert AdaptiveThreshold(0.5)(RESPONSE) == pytest.approx(5 + 0.5 * 3)  # squares 9 + 1 + 1 + 25, over 4


def test_the_best_rule_takes_its_value_as_a_response_or_as_a_share():
    assert BestThreshold(3.0, 'a test')(RESPONSE) == 3
    assert BestThreshold(0.5, 'a test', 'range')(RESPONSE) == 6


@pytest.mark.parametrize('rule', RULES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize('value', [0.0, 0.1, 7.3])
def test_an_image_of_equal_responses_has_no_target(rule, value):
    response = np.full((13, 17), value)
    assert not (to_logits(response, rule(response)) > 0).any()


@pytest.mark.parametrize('rule', RULES, ids=lambda rule: type(rule).__name__)
def test_a_rule_says_its_name_and_origin_in_json(rule):
    described = json.loads(json.dumps(rule.describe()))
    assert described['rule'] == type(rule).__name__ and described['origin']


def test_the_rules_say_their_parameters():
    assert FixedThreshold(0.25).describe()['share'] == 0.25
    assert AdaptiveThreshold(2.0).describe()['k'] == 2.0
    assert BestThreshold(3.0, 'a').describe()['value'] == 3.0


@pytest.mark.parametrize(('split', 'oracle'), [('trainval', False), ('test', True)])
def test_a_value_chosen_on_the_test_list_is_an_oracle(split, oracle):
    assert BestThreshold(3.0, dict(split=split)).describe()['oracle'] is oracle


@pytest.mark.parametrize('threshold', [1.0, 1.9999999999999996, 0.1, 37.3, 1e-12])
def test_the_logit_is_positive_exactly_above_the_threshold(threshold):
    response = np.array([np.nextafter(threshold, 0), threshold, np.nextafter(threshold, 99), 0.0, 1e300])
    logits = to_logits(response, threshold).astype(np.float32)
    assert (logits > 0).tolist() == [False, False, True, False, True]
    assert (decode(encode(logits)) > 0.5).tolist() == [False, False, True, False, True]


def test_the_probability_is_the_responses_share_of_response_and_threshold():
    response = np.array([0.5, 2.0, 6.0])
    np.testing.assert_allclose(1 / (1 + np.exp(-to_logits(response, 2.0))), response / (response + 2))


def test_the_logits_keep_the_order_of_the_responses():
    response = np.sort(np.random.default_rng(0).lognormal(0, 4, 5000))
    assert (np.diff(to_logits(response, 3.0)) >= 0).all()


def test_a_threshold_of_zero_takes_all_that_responds():
    assert to_logits(np.array([0.0, 1e-30]), 0.0).tolist() == [-16.0, 16.0]


def test_a_rule_is_built_from_a_config_or_from_a_file(tmp_path):
    assert build_threshold(dict(type='AdaptiveThreshold', k=3.0)).k == 3
    (tmp_path / 'threshold.json').write_text(json.dumps(dict(value=4.5, scale='range', origin=dict(split='trainval'))))
    rule = build_threshold(str(tmp_path / 'threshold.json'))
    assert (rule.value, rule.scale, rule.origin) == (4.5, 'range', dict(split='trainval'))


def test_an_unknown_rule_lists_the_known_ones():
    with pytest.raises(KeyError, match='not a registered threshold rule. Registered: AdaptiveThreshold, BestThreshold'):
        THRESHOLDS.build(dict(type='Otsu'))


@pytest.mark.parametrize('content', [
    None, 'no json', '{"value": 3}', '[1]', '{"value": 3, "scale": "range", "origin": ["a list"]}',
    '{"value": 3, "scale": "range", "origin": {"checkpoint": 12}}'])
def test_a_file_that_holds_no_threshold_is_refused(content, tmp_path):
    path = tmp_path / 'threshold.json'
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match='threshold.json holds no threshold .*tune_threshold'):
        build_threshold(str(path))


@pytest.mark.parametrize(('build', 'message'), [
    (lambda: FixedThreshold(1.0), '0 <= share < 1'), (lambda: FixedThreshold(-0.1), '0 <= share < 1'),
    (lambda: FixedThreshold('a'), "share='a': 0 <= share"),
    (lambda: AdaptiveThreshold(0), 'k=0: a finite number of standard deviations above 0'),
    (lambda: AdaptiveThreshold('a'), "k='a': a finite"), (lambda: AdaptiveThreshold(float('inf')), 'k=inf'),
    (lambda: BestThreshold(-1.0, 'x'), 'value=-1.0: a finite number'),
    (lambda: BestThreshold(float('nan'), 'x'), 'value=nan'),
    (lambda: BestThreshold(1.0, 'x', 'image'), "scale='image'"),
])
def test_an_impossible_parameter_is_refused(build, message):
    with pytest.raises(ConfigError, match=message):
        build()
