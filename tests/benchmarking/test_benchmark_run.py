"""A benchmark from end to end with tools that pretend to train: rows, what a second run does, failures."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from irstd_toolbox.evaluation.protocols import get
from irstd_toolbox.evaluation.results import hash_ids

Benchmark, Calls = Callable[..., int], Callable[[], list[list[str]]]


def rows_of(out: Path) -> list[dict]:
    return json.loads((out / 'benchmark.json').read_text())['rows']


@pytest.fixture
def words(tmp_path, network, formula, roots) -> list[str]:
    """The command of a cross-data-set benchmark of a network and a formula."""
    return [str(network), str(formula), '--train', '--cross', '--datasets', f'A={roots["A"]}', f'B={roots["B"]}',
            '--out', str(tmp_path / 'out')]


def test_a_matrix_has_its_rows_and_those_without_leaked_images(benchmark_tool: Benchmark, true_worker, words, tmp_path):
    assert benchmark_tool(*words) == 0
    rows = rows_of(tmp_path / 'out')
    found = [(row['name'], row['trained_on'], row['tested_on'], row['list'], row['leaked'], row['images'])
             for row in rows]
    assert found == [
        ('network', 'A', 'A', 'official', 0, 2),
        ('network', 'A', 'B', 'official', 1, 3), ('network', 'A', 'B', 'without leakage', 0, 2),
        ('network', 'B', 'A', 'official', 0, 2), ('network', 'B', 'B', 'official', 0, 3),
        ('formula', None, 'A', 'official', 0, 2),
        ('formula', None, 'B', 'official', 0, 3), ('formula', None, 'B', 'without leakage', 0, 2)]
    # The pretended test misses b3, the first image of the list, which is the one that A trains on.
    assert [row['values']['Pd'] for row in rows[1:3]] == [[2 / 3], [1.0]]
    assert rows[1]['ids_sha256'] == hash_ids(['b3', 'b4', 'b5']) and rows[2]['ids_sha256'] == hash_ids(['b4', 'b5'])
    clean = tmp_path / 'out' / rows[2]['folders'][0]
    assert sorted(path.name for path in (clean / 'predictions').iterdir()) == ['b4.png', 'b5.png']
    assert json.loads((clean / 'results.json').read_text())['fingerprint']['images'] == 2


def test_a_shortened_list_is_called_so(benchmark_tool: Benchmark, formula, tmp_path):
    formula.write_text(f"{formula.read_text()}test_dataloader['dataset']['indices'] = 1\n")
    assert benchmark_tool(formula, '--out', tmp_path / 'out') == 0
    row, = rows_of(tmp_path / 'out')
    assert (row['list'], row['images']) == ('shortened', 1)


def test_a_row_holds_what_the_contract_says(benchmark_tool: Benchmark, network, tmp_path, roots):
    assert benchmark_tool(network, '--train', '--seeds', 3, 4, '--out', tmp_path / 'out') == 0
    row, = rows_of(tmp_path / 'out')
    assert row == dict(
        name='network', group=None, config=str(network), trained_on='A', tested_on='A', split='test', list='official',
        leaked=0, protocol='canonical', protocol_sha256=get('canonical').fingerprint(),
        ids_sha256=hash_ids(['a4', 'a5']), images=2, targets=2, reports=['IoU', 'nIoU', 'Pd', 'Fa'], seeds=[3, 4],
        values=row['values'], selection='holdout', trained_before=None, text_at_test=False, oracle_threshold=False,
        threshold=None, iterations=7, cost=None, data_root=str(roots['A']), layout=None, failed=None,
        folders=['runs/network/A/seed_3/test/A', 'runs/network/A/seed_4/test/A'])
    assert row['values']['IoU'] == [0.5, 0.5] and row['values']['Fa'] == [0.0, 0.0]


def test_a_layout_that_the_config_tells_is_read_and_passed_on(benchmark_tool: Benchmark, formula, tmp_path, roots):
    (roots['A'] / 'images').rename(roots['A'] / 'pics')
    layout = dict(images='pics', masks='masks', splits=dict(test='test.txt'))
    formula.write_text(f"{formula.read_text()}test_dataloader['dataset']['layout'] = {layout!r}\n")
    assert benchmark_tool(formula, '--out', tmp_path / 'out') == 0
    assert rows_of(tmp_path / 'out')[0]['layout'] == layout


def test_the_file_says_where_it_comes_from(benchmark_tool: Benchmark, formula, tmp_path):
    benchmark_tool(formula, '--out', tmp_path / 'out')
    content = json.loads((tmp_path / 'out' / 'benchmark.json').read_text())
    assert content['command'] == ['tools/benchmark.py', str(formula), '--out', str(tmp_path / 'out'), '--repeats', '0']
    assert content['format'] == 1 and set(content['machine']) == {'cpu', 'cores', 'gpu', 'torch'}
    assert content['rows'][0]['seeds'] == [None] and content['rows'][0]['selection'] == 'none'


def test_several_protocols_are_scored_by_one_test(benchmark_tool: Benchmark, formula, tmp_path, calls: Calls):
    benchmark_tool(formula, '--protocol', 'canonical', 'basicirstd', '--out', tmp_path / 'out')
    assert [row['protocol'] for row in rows_of(tmp_path / 'out')] == ['canonical', 'basicirstd']
    assert len(calls()) == 1


def test_what_is_finished_is_not_done_again(benchmark_tool: Benchmark, words, tmp_path, calls: Calls, capsys):
    benchmark_tool(*words)
    assert [name for name, *_ in calls()].count('train') == 2
    before = rows_of(tmp_path / 'out')
    assert benchmark_tool(*words) == 0
    assert calls() == [] and rows_of(tmp_path / 'out') == before
    assert 'jobs were done before and still hold' in capsys.readouterr().err


def test_a_folder_that_moved_still_holds(benchmark_tool: Benchmark, network, tmp_path, calls: Calls):
    benchmark_tool(network, '--train', '--out', tmp_path / 'out')
    calls()
    (tmp_path / 'out').rename(tmp_path / 'moved')
    assert benchmark_tool(network, '--train', '--out', tmp_path / 'moved') == 0
    assert calls() == []


class TestStale:

    @pytest.fixture(autouse=True)
    def first(self, benchmark_tool: Benchmark, network, tmp_path, calls: Calls, capsys):
        self.words = [network, '--train', '--out', tmp_path / 'out']
        benchmark_tool(*self.words)
        calls()
        capsys.readouterr()

    def test_another_option_trains_anew_and_says_which(self, benchmark_tool, calls, capsys):
        benchmark_tool(*self.words, '--cfg-options', 'train_cfg.max_epochs=3')
        told = capsys.readouterr().err
        assert 'train network on A, seed 0 (anew, since this changed: config.train_cfg.max_epochs 2 -> 3)' in told
        train, = calls()  # its weights are the same, so its test holds
        assert train[0] == 'train' and '--resume' not in train

    def test_other_weights_are_tested_anew(self, benchmark_tool, calls, tools):
        import torch
        torch.save(dict(state_dict={}, meta=dict(iter=8, epoch=1)), tools / 'weights.pth')
        benchmark_tool(*self.words, '--cfg-options', 'train_cfg.max_epochs=3')
        assert [name for name, *_ in calls()] == ['train', 'test']

    def test_another_test_pipeline_tests_anew_and_does_not_train(self, benchmark_tool, calls):
        benchmark_tool(*self.words, '--cfg-options', 'test_dataloader.batch_size=2')
        assert [name for name, *_ in calls()] == ['test']

    def test_another_protocol_tests_anew_and_does_not_train(self, benchmark_tool, calls):
        benchmark_tool(*self.words, '--protocol', 'basicirstd')
        assert [name for name, *_ in calls()] == ['test']

    def test_another_training_list_trains_anew(self, benchmark_tool, calls, roots, capsys):
        (roots['A'] / 'trainval.txt').write_text('a0\na1\na2\n')
        benchmark_tool(*self.words)
        assert [name for name, *_ in calls()] == ['train']
        assert 'data.train_dataloader.images 3 -> 2' in capsys.readouterr().err

    def test_another_seed_leaves_the_first(self, benchmark_tool, calls):
        benchmark_tool(*self.words, '--seeds', 0, 1)
        assert [(name, words[words.index('--seed') + 1]) for name, *words in calls() if name == 'train'] == [
            ('train', '1')]

    def test_a_result_whose_file_is_gone_is_done_again(self, benchmark_tool, calls, tmp_path):
        (tmp_path / 'out' / 'runs' / 'network' / 'A' / 'seed_0' / 'test' / 'A' / 'results.json').unlink()
        benchmark_tool(*self.words)
        assert [name for name, *_ in calls()] == ['test']

    def test_a_record_cut_off_is_no_record(self, benchmark_tool, calls, tmp_path):
        record = tmp_path / 'out' / 'runs' / 'network' / 'A' / 'seed_0' / 'train' / 'job.json'
        record.write_bytes(record.read_bytes()[:100])
        benchmark_tool(*self.words)
        assert [name for name, *_ in calls()] == ['train']


class TestFailing:

    @pytest.fixture
    def broken(self, network, tmp_path) -> Path:
        path = tmp_path / 'broken.py'
        path.write_text(network.read_text() + "\nremark = 'BROKEN'\n")
        return path

    def test_a_training_that_fails_is_a_failed_row_and_the_rest_goes_on(self, benchmark_tool, broken, network, tmp_path,
                                                                       capsys):
        assert benchmark_tool(broken, network, '--train', '--out', tmp_path / 'out') == 1
        failed, fine = rows_of(tmp_path / 'out')
        assert failed['failed'] == 'could not train broken on A, seed 0: the loss is no finite number'
        assert failed['values'] == {} and failed['images'] is None
        assert fine['failed'] is None and fine['values']['IoU'] == [0.5]
        assert 'failed: train broken on A, seed 0: the loss is no finite number (log: ' in capsys.readouterr().err

    def test_a_failed_job_is_tried_again_from_where_it_was(self, benchmark_tool, broken, tmp_path, calls):
        benchmark_tool(broken, '--train', '--out', tmp_path / 'out')
        calls()
        benchmark_tool(broken, '--train', '--out', tmp_path / 'out')
        train, = calls()
        assert '--resume' in train

    def test_a_seed_that_fails_leaves_the_others_their_row(self, benchmark_tool, network, tmp_path, tools):
        text = (tools / 'train.py').read_text()
        (tools / 'train.py').write_text(text.replace("'BROKEN' in config", "words[words.index('--seed') + 1] == '1'"))
        assert benchmark_tool(network, '--train', '--seeds', 0, 1, 2, '--out', tmp_path / 'out') == 1
        fine, failed = rows_of(tmp_path / 'out')
        assert fine['seeds'] == [0, 2] and len(fine['values']['IoU']) == 2 and fine['failed'] is None
        assert failed['seeds'] == [1] and 'the loss is no finite number' in failed['failed']


def test_given_weights_are_tested_and_nothing_is_trained(benchmark_tool, network, tmp_path, tools, calls):
    assert benchmark_tool(network, '--checkpoint', f'network={tools / "weights.pth"}', '--out', tmp_path / 'out') == 0
    assert [name for name, *_ in calls()] == ['test']
    row, = rows_of(tmp_path / 'out')
    assert row['seeds'] == [5] and row['trained_on'] == 'A' and row['iterations'] == 7


def test_a_test_made_elsewhere_is_scored_from_its_predictions(
        benchmark_tool, true_worker, network, tmp_path, tools, calls):
    assert benchmark_tool(network, '--checkpoint', f'network={tools / "weights.pth"}', '--out', tmp_path / 'there') == 0
    calls()
    there, = rows_of(tmp_path / 'there')
    brought = tmp_path / 'brought'
    shutil.copytree(tmp_path / 'there' / there['folders'][0], brought)
    told = json.loads((brought / 'results.json').read_text())
    (brought / 'results.json').write_text(json.dumps(dict(told, protocols={})))  # figures are ours, not what it says
    suite = tmp_path / 'suite.py'
    suite.write_text("entries = [dict(config='network.py', name='N', tested=[dict(folder='brought', seed=3)])]\n"
                     "protocols = ['canonical', 'lgnet']")
    assert benchmark_tool('--suite', suite, '--out', tmp_path / 'out') == 0
    assert calls() == []
    row, other = rows_of(tmp_path / 'out')
    assert row['values'] == there['values'] and row['values']['IoU'][0] < 1
    assert row['seeds'] == [3] and row['selection'] == 'holdout' and row['trained_on'] == 'A' and not row['failed']
    assert other['protocol'] == 'lgnet' and 0 < other['values']['IoU'][0] < 1

    missed, found = sorted((brought / 'predictions').iterdir())
    shutil.copy(missed, found)
    assert benchmark_tool('--suite', suite, '--out', tmp_path / 'out') == 0
    assert rows_of(tmp_path / 'out')[0]['values']['IoU'] == [0.0]
    found.unlink()
    assert benchmark_tool('--suite', suite, '--out', tmp_path / 'out') == 1
    assert found.stem in rows_of(tmp_path / 'out')[0]['failed']


def test_a_row_names_the_folder_of_its_data_set_among_several(benchmark_tool, formula, roots, tmp_path):
    suite = tmp_path / 'suite.py'
    suite.write_text("entries = [dict(config='formula.py', name='mine'), dict(config='formula.py', name='another')]\n"
                     f"datasets = [dict(name='night', root={str(roots['A'].parent)!r}, dataset='A')]")
    assert benchmark_tool('--suite', suite, '--entries', 'm*', '--out', tmp_path / 'out') == 0
    row, = rows_of(tmp_path / 'out')
    assert (row['tested_on'], row['data_root']) == ('night', str(roots['A']))


def test_references_are_fractions_beside_our_rows(benchmark_tool, formula, tmp_path):
    suite = tmp_path / 'suite.py'
    suite.write_text("entries = [dict(config='formula.py', name='F', references=[dict(source='its paper, Table 4', "
                     "protocol='not stated', dataset='A', IoU=73.3, Fa=4.09)])]")
    benchmark_tool('--suite', suite, '--out', tmp_path / 'out')
    assert json.loads((tmp_path / 'out' / 'benchmark.json').read_text())['references'] == [dict(
        name='F', source='its paper, Table 4', protocol='not stated', dataset='A',
        values=dict(IoU=0.733, Fa=4.09e-06))]


def test_trainings_that_chose_on_the_test_list_are_told_so(benchmark_tool, network, tmp_path, calls):
    benchmark_tool(network, '--train', '--select-on-test', '--out', tmp_path / 'out')
    assert '--select-on-test' in calls()[0]
