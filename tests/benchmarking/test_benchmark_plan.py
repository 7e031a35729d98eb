"""Which steps a suite has, and how configs are bound to data sets."""

from pathlib import Path

import pytest

from irstd_toolbox.benchmarking.configs import bind, is_trained, list_digest, resolve, text_at_test, write_config
from irstd_toolbox.benchmarking.planning import Choices, make_plan, pairs
from irstd_toolbox.benchmarking.steps import Compare, Cost, Describe, Rescore, Synthesize, Train
from irstd_toolbox.benchmarking.steps import Test as Testing
from irstd_toolbox.benchmarking.suite import DataSet, Entry, Suite
from irstd_toolbox.training.config_edits import load_config


def config_of(path: Path, **options):
    return resolve(Entry(path, 'N', options=options), {})


def plan_of(tmp_path: Path, *entries: Entry, **suite):
    return make_plan(Suite(entries=entries, **suite), Choices(tmp_path / 'out', repeats=0))


def titles(plan, kind: type) -> list[str]:
    return [job.title for job in plan.jobs if isinstance(job, kind)]


def test_without_cross_each_data_set_is_tested_by_what_was_trained_on_it():
    a, b = DataSet('A'), DataSet('B')
    assert pairs([a, b], False) == [(a, a), (b, b)]


def test_every_pair_is_tested_and_every_training_is_done_once(tmp_path, network, roots):
    datasets = tuple(DataSet(name, root) for name, root in roots.items())
    plan = plan_of(tmp_path, Entry(network, 'N'), datasets=datasets, cross=True, seeds=(0, 1))
    assert titles(plan, Train) == [f'train N on {name}, seed {seed}' for name in 'AB' for seed in (0, 1)]
    assert len(titles(plan, Testing)) == 8
    assert [(row.trained.name, row.tested.name) for row in plan.rows] == [
        ('A', 'A'), ('A', 'B'), ('B', 'A'), ('B', 'B')]


def test_a_method_without_training_is_tested_once_a_data_set(tmp_path, formula, roots):
    datasets = tuple(DataSet(name, root) for name, root in roots.items())
    plan = plan_of(tmp_path, Entry(formula, 'F'), datasets=datasets, cross=True, seeds=(0, 1, 2))
    assert titles(plan, Testing) == ['test F on A', 'test F on B'] and titles(plan, Compare) == []


def test_an_entry_is_measured_once_for_all_its_rows_where_it_is_measured(tmp_path, network, roots):
    datasets = tuple(DataSet(name, root) for name, root in roots.items())
    suite = Suite(entries=(Entry(network, 'N'), Entry(network, 'M')), datasets=datasets)
    plan = make_plan(suite, Choices(tmp_path / 'out', repeats=3, size=64))
    assert titles(plan, Cost) == ['measure N', 'measure M'] and [row.cost.title for row in plan.rows] == [
        'measure N', 'measure N', 'measure M', 'measure M']
    first = plan.rows[0].cost
    assert first.task() | {'config': ''} == dict(config='', size=64, repeats=3)
    assert first.inputs().items() >= dict(size=64, repeats=3).items()


def test_lists_are_compared_once_whatever_the_number_of_entries(tmp_path, network, formula):
    plan = plan_of(tmp_path, Entry(network, 'N'), Entry(network, 'M'), Entry(formula, 'F'))
    assert len(titles(plan, Compare)) == 1
    assert titles(plan, Rescore) == [f'score again without leaked images: {title}' for title in titles(plan, Testing)]


def test_a_shortened_list_is_compared_and_scored_as_it_is_tested(tmp_path, network, formula):
    short = Entry(network, 'N', options={'test_dataloader.dataset.indices': 1})
    plan = plan_of(tmp_path, short, Entry(network, 'M'), Entry(formula, 'F'))
    assert [job.tested.get('indices') for job in plan.jobs if isinstance(job, Compare)] == [1, None]
    assert [[leaks.tested.get('indices') for leaks in row.rescored] for row in plan.rows] == [[1], [None], [None]]


def test_data_that_is_made_is_made_once_and_first(tmp_path, network, formula):
    made = DataSet('made', synthesize=('--train', '4'))
    plan = plan_of(tmp_path, Entry(formula, 'F'), Entry(network, 'N'), datasets=(made,))
    assert titles(plan, Synthesize) == ['make made'] and isinstance(plan.jobs[0], Synthesize)
    assert plan.jobs[0].root == (tmp_path / 'out' / 'data' / 'made' / 'made').resolve()


def test_steps_come_after_what_they_need(tmp_path, network, formula):
    made = DataSet('made', synthesize=('--train', '4'))
    plan = plan_of(tmp_path, Entry(formula, 'F'), Entry(network, 'N'), datasets=(made,))
    for place, job in enumerate(plan.jobs):
        assert all(other in plan.jobs[:place] for other in job.after)


class TestBinding:

    def test_training_and_test_get_their_roots_and_lists(self, network):
        a, b = DataSet('A', Path('a'), train='idx_320/trainval'), DataSet('B', Path('b'), test='idx_427/test')
        bound = bind(config_of(network), a, b, {})
        found = {loader: (bound[f'{loader}_dataloader'].dataset.data_root, bound[f'{loader}_dataloader'].dataset.split)
                 for loader in ('train', 'val', 'test')}
        assert found == dict(train=('a', 'idx_320/trainval'), val=('a', 'idx_320/trainval'), test=('b', 'idx_427/test'))

    def test_a_config_keeps_its_lists_where_none_are_named(self, network):
        config = config_of(network, **{f'{part}_dataloader.dataset.split': part for part in ('train', 'val')})
        bound = bind(config, DataSet('A', Path('a')), DataSet('A', Path('a')), {})
        assert (bound.train_dataloader.dataset.split, bound.val_dataloader.dataset.split) == ('train', 'val')

    def test_the_config_itself_is_left_as_it_was(self, network, roots):
        config = config_of(network)
        bind(config, DataSet('A', Path('a')), DataSet('A', Path('a')), {})
        assert config.train_dataloader.dataset.data_root == str(roots['A'])

    @pytest.mark.parametrize(('text', 'place'), [('train', None), ('train_and_test', 'words')])
    def test_descriptions_are_read_at_test_where_the_model_reads_them(self, network, text, place):
        network.write_text(f"{network.read_text()}\nmodel['target_descriptor'] = dict(text={text!r})\n")
        one = DataSet('A', Path('a'))
        bound = bind(config_of(network), one, one, {'A': Path('words')})
        assert bound.train_dataloader.dataset.description_dir == 'words'
        assert bound.test_dataloader.dataset.get('description_dir') == place

    def test_a_written_config_is_the_same_config(self, network, tmp_path):
        config = config_of(network)
        write_config(config, tmp_path / 'own' / 'network.py')
        assert load_config(str(tmp_path / 'own' / 'network.py')).to_dict() == config.to_dict()


class TestDescribing:

    @pytest.fixture
    def reading(self, network) -> Path:
        network.write_text(f"{network.read_text()}\nmodel['target_descriptor'] = dict(text='train')\n")
        return network

    def test_the_training_list_is_described_once_for_all_that_ask_alike(self, tmp_path, reading):
        ask = dict(provider='quadrant', options=['--split-words'])
        plan = plan_of(tmp_path, Entry(reading, 'N', describe=ask), Entry(reading, 'M', describe=ask))
        job, = (job for job in plan.jobs if isinstance(job, Describe))
        assert job.title == 'describe A (trainval) by quadrant'
        assert all(job in train.after for train in plan.jobs if isinstance(train, Train))

    def test_another_provider_writes_elsewhere(self, tmp_path, reading):
        plan = plan_of(tmp_path, *(Entry(reading, name, describe=dict(provider=name))
                                   for name in ('quadrant', 'mask_caption')))
        places = {job.place for job in plan.jobs if isinstance(job, Describe)}
        assert len(places) == 2

    def test_the_test_list_is_described_for_models_that_read_it(self, tmp_path, network):
        network.write_text(f"{network.read_text()}\nmodel['target_descriptor'] = dict(text='train_and_test')\n")
        plan = plan_of(tmp_path, Entry(network, 'N', describe=dict(provider='quadrant')))
        assert titles(plan, Describe) == ['describe A (trainval) by quadrant', 'describe A (test) by quadrant']
        assert text_at_test(config_of(network))

    def test_a_model_without_text_has_nothing_described(self, tmp_path, network):
        assert titles(plan_of(tmp_path, Entry(network, 'N', describe=dict(provider='quadrant'))), Describe) == []

    def test_an_edited_description_changes_what_a_training_depends_on(self, reading, roots):
        before = list_digest(config_of(reading), 'train_dataloader')
        (roots['A'] / 'descriptions').mkdir()
        for name in ('a0', 'a1', 'a2', 'a3'):
            (roots['A'] / 'descriptions' / f'{name}.description.txt').write_text('A target.')
        after = list_digest(config_of(reading), 'train_dataloader')
        assert before['images'] == after['images'] == 3 and before['sha256'] != after['sha256']


def test_a_config_without_a_training_loop_is_not_trained(network, formula):
    assert is_trained(config_of(network)) and not is_trained(config_of(formula))
