"""What a row says of weights that were not trained here: what they were trained and chosen on, and how."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def rows_of(out: Path) -> list[dict]:
    return json.loads((out / 'benchmark.json').read_text())['rows']


@pytest.fixture(scope='module')
def elsewhere() -> list[Path]:
    """The folder of the one test that all of these begin with, once there is one."""
    return []


@pytest.fixture
def given(benchmark_tool: Callable[..., int], network, tmp_path, tools, elsewhere) -> Callable[..., dict]:
    """``given(*changes)``: the row of one test a change that were made elsewhere, whose results say so."""
    def make(*changes: dict) -> dict:
        if not elsewhere:
            words = [network, '--checkpoint', f'network={tools / "weights.pth"}', '--out', tmp_path / 'there']
            assert benchmark_tool(*words) == 0
            elsewhere.append(tmp_path / 'there' / rows_of(tmp_path / 'there')[0]['folders'][0])
        tested = []
        for seed, change in enumerate(changes):
            place = tmp_path / f'brought_{seed}'
            shutil.copytree(elsewhere[0], place)
            results = json.loads((place / 'results.json').read_text())
            results['checkpoint'] |= change.pop('checkpoint', {})
            (place / 'results.json').write_text(json.dumps(results | change))
            tested.append(dict(folder=str(place), seed=seed))
        suite = tmp_path / 'suite.py'
        suite.write_text(f"entries = [dict(config='network.py', tested={tested})]")
        assert benchmark_tool('--suite', suite, '--out', tmp_path / 'out') == 0
        row, = rows_of(tmp_path / 'out')
        return row
    return make


def test_a_threshold_of_any_seed_may_be_of_the_test_list(given):
    fair, unfair = dict(value=0.3, oracle=False), dict(value=0.4, oracle=True)
    row = given(dict(threshold=fair), dict(threshold=unfair))
    assert row['oracle_threshold'] and row['threshold'] == dict(by_seed=[fair, unfair])


def test_one_threshold_of_all_seeds_is_told_once(given):
    rule = dict(value=0.3, oracle=False)
    row = given(dict(threshold=rule), dict(threshold=rule))
    assert not row['oracle_threshold'] and row['threshold'] == rule


@pytest.mark.parametrize(('lists', 'told'), [
    (('none', 'night', 'holdout'), 'night'), (('night', None), 'not known'), ((None, 'test'), 'test')])
def test_of_seeds_chosen_on_different_lists_the_one_of_most_concern_is_told(given, lists, told):
    chosen = [dict(checkpoint=dict(selection=name and dict(on=name))) for name in lists]
    assert given(*chosen)['selection'] == told


@pytest.mark.parametrize(('names', 'told'), [(['B'], ('B', None)), (['A', 'B'], ('A, B', None)), (['A'], ('A', 0))])
def test_weights_say_themselves_what_they_were_trained_on(given, true_worker, names, told):
    row = given(dict(checkpoint=dict(trained_on=[dict(dataset=name, split='train', images=9) for name in names])))
    assert (row['trained_on'], row['leaked']) == told


def test_images_that_are_validated_on_and_tested_on_are_not_told_as_trained_on(
        benchmark_tool, true_worker, network, tmp_path, tools):
    network.write_text(network.read_text() + '\nval_dataloader = test_dataloader\n')
    assert benchmark_tool(network, '--checkpoint', f'network={tools / "weights.pth"}', '--out', tmp_path / 'out') == 0
    assert [row['leaked'] for row in rows_of(tmp_path / 'out')] == [0]


@pytest.mark.parametrize(('origin', 'config', 'told'), [
    (dict(trained_before=[dict(dataset='B', split='train', images=9)]), '', 'B (train, 9 images)'),
    (dict(trained_before=[]), "load_from = 'own.pth'", None),
    ({}, "load_from = 'work_dirs/other.pth'", 'what other.pth was trained on, which is not recorded')])
def test_a_row_says_what_the_weights_that_it_began_with_were_trained_on(given, network, origin, config, told):
    network.write_text(f'{network.read_text()}\n{config}\n')
    assert given(dict(checkpoint=origin))['trained_before'] == told
