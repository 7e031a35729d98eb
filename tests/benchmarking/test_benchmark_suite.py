"""Suite files and command lines: what is read, and what is refused before anything starts."""

from pathlib import Path

import pytest
import torch

from irstd_toolbox.benchmarking.checking import check
from irstd_toolbox.benchmarking.collecting import fraction
from irstd_toolbox.benchmarking.planning import Choices
from irstd_toolbox.benchmarking.suite import (
    DataSet,
    Entry,
    FinishedTest,
    Suite,
    add_configs,
    named_roots,
    only_entries,
    read_suite,
    with_checkpoints,
)
from irstd_toolbox.errors import CheckpointError, ConfigError, DataError


def suite_file(folder: Path, text: str) -> Path:
    path = folder / 'suites' / 'mine.py'
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def refused(suite: Suite, tmp_path: Path, train: bool = True, **choices) -> str:
    with pytest.raises(ConfigError) as caught:
        check(suite, Choices(tmp_path / 'out', **choices), train)
    return str(caught.value)


class TestReading:

    def test_paths_are_relative_to_the_file(self, tmp_path, network):
        suite = read_suite(suite_file(tmp_path, "entries = [dict(config='../network.py')]"))
        entry, = suite.entries
        assert entry.config.resolve() == network.resolve() and entry.name == 'network'

    def test_every_key_has_its_place(self, tmp_path):
        suite = read_suite(suite_file(tmp_path, '''
title = 'Mine'
entries = [dict(config='a.py', name='A', group='Table 1', options={'x.y': (1, 2)}, describe=dict(provider='quadrant'),
                references=[dict(source='s', protocol='p', dataset='d', IoU=50.0)], checkpoint='a.pth')]
options = {'train_cfg.max_epochs': 2}
seeds = [0, 4]
protocols = ['acm']
datasets = [dict(name='made', synthesize=['--train', 4]), dict(name='kept', root='data', train='t1', test='t2')]
cross = True
'''))
        entry, = suite.entries
        assert suite.title == 'Mine' and suite.seeds == (0, 4) and suite.protocols == ('acm',) and suite.cross
        assert entry.options == {'x.y': (1, 2)} and entry.checkpoints == (tmp_path / 'suites' / 'a.pth',)
        assert suite.options == {'train_cfg.max_epochs': 2} and entry.references[0]['IoU'] == 50.0
        assert suite.datasets[0] == DataSet('made', synthesize=('--train', '4'))
        assert suite.datasets[1] == DataSet('kept', Path('data'), train='t1', test='t2')

    def test_tests_made_elsewhere_are_one_a_seed(self, tmp_path):
        text = "entries = [dict(config='a.py', tested=[dict(folder='../t0', seed=0), dict(folder='../t1', seed=1)])]"
        entry, = read_suite(suite_file(tmp_path, text)).entries
        assert [(one.folder.resolve(), one.seed) for one in entry.tested] == [
            (tmp_path / 't0', 0), (tmp_path / 't1', 1)]

    @pytest.mark.parametrize('tested', ["[dict(folder='t')]", "[dict(folder='t', seed=0, epoch=3)]", "'t'"])
    def test_a_test_made_elsewhere_needs_folder_and_seed(self, tmp_path, tested):
        with pytest.raises(ConfigError, match='folder and seed|a list of dicts'):
            read_suite(suite_file(tmp_path, f"entries = [dict(config='a.py', tested={tested})]"))

    def test_keys_that_are_not_known_are_refused_all_at_once(self, tmp_path):
        path = suite_file(tmp_path, "entires = []\nentries = [dict(config='a.py', colour=1)]\n"
                                    "datasets = [dict(name='d', root='r', size=3)]")
        with pytest.raises(ConfigError, match='a suite has no entires.*an entry has no colour.*a data set has no size'):
            read_suite(path)

    @pytest.mark.parametrize(('text', 'message'), [
        ('seeds = 3', 'seeds of a suite is 3; a list of whole numbers'),
        ('entries = [3]', r'entries is \[3\]; a list of dicts is expected'),
        ("protocols = 'acm'", "protocols of a suite is 'acm'; a list of texts"),
        ("options = ['a=1']", 'options of a suite is .*; a dict is expected'),
        ("entries = [dict(config='a.py', options=['a=1'])]", 'options of an entry is .*; a dict is expected'),
        ("entries = [dict(config='a.py', describe='caption')]", "describe of an entry is 'caption'; a dict"),
        ("entries = [dict(config='a.py', describe=dict(provider='p', options='--style few_shot'))]",
         "options of describe is '--style few_shot'; a list is expected"),
        ("entries = [dict(config='a.py', tested=3)]", 'tested of an entry is 3; a list of dicts'),
        ("entries = [dict(config='a.py', references=[dict(protocol='p', IoU=70.0)])]",
         'a reference has no source and no dataset'),
        ("entries = [dict(config='a.py', references=[dict(source='s', dataset='d', protocol='p')])]",
         'a reference has no metric, such as IoU=73.3'),
        ("entries = [dict(config='a.py', references=[dict(source='s', dataset='d', IoU='73.3 %', Pd=True)])]",
         "IoU of a reference is '73.3 %'; a number in percent .*; Pd of a reference is True; a number"),
        ("datasets = [dict(name='d', root=3)]", 'root of a data set is 3; a text is expected')])
    def test_values_of_another_kind_are_refused(self, tmp_path, text, message):
        with pytest.raises(ConfigError, match=f'mine.py is no suite: {message}'):
            read_suite(suite_file(tmp_path, text))

    def test_a_data_set_is_either_found_or_made(self, tmp_path):
        with pytest.raises(ConfigError, match='needs a name and either root or synthesize'):
            read_suite(suite_file(tmp_path, "datasets = [dict(name='d', root='r', synthesize=[])]"))

    def test_configs_on_the_command_line_are_further_entries(self):
        suite = add_configs(Suite(entries=(Entry(Path('a.py'), 'A'),)), ['b.py'])
        assert [entry.name for entry in suite.entries] == ['A', 'b']

    @pytest.mark.parametrize(('told', 'names'), [
        ([], ['A [1]', 'A [2]', 'B']), (['B', 'A [1]'], ['A [1]', 'B']), (['A*'], ['A [1]', 'A [2]'])])
    def test_entries_are_chosen_by_name_or_pattern_in_the_order_of_the_suite(self, told, names):
        suite = Suite(entries=tuple(Entry(Path('a.py'), name) for name in ('A [1]', 'A [2]', 'B')))
        assert [entry.name for entry in only_entries(suite, told).entries] == names
        with pytest.raises(ConfigError, match=r'--entries C: a name or pattern of an entry is expected, of A \[1\], A'):
            only_entries(suite, [*told, 'C'])

    def test_weights_belong_to_an_entry_by_name_or_by_config(self):
        suite = Suite(entries=(Entry(Path('a.py'), 'A'), Entry(Path('b.py'), 'B')))
        told = with_checkpoints(suite, ['A=1.pth', 'A=2.pth', 'b.py=3.pth'])
        assert [entry.checkpoints for entry in told.entries] == [(Path('1.pth'), Path('2.pth')), (Path('3.pth'),)]

    def test_the_folder_of_a_training_is_its_best_checkpoint(self, tmp_path):
        (tmp_path / 'run').mkdir()
        suite = Suite(entries=(Entry(Path('a.py'), 'A'),))
        with pytest.raises(CheckpointError, match='run holds no best checkpoint'):
            with_checkpoints(suite, [f'A={tmp_path / "run"}'])
        for name in ('best_IoU_epoch_1.pth', 'epoch_2.pth'):
            torch.save({}, tmp_path / 'run' / name)
        best = tmp_path / 'run' / 'best_IoU_epoch_1.pth'
        assert with_checkpoints(suite, [f'A={tmp_path / "run"}']).entries[0].checkpoints == (best,)
        text = "entries = [dict(config='../a.py', checkpoint=['../run', '../b.pth'])]"
        found = read_suite(suite_file(tmp_path, text)).entries[0].checkpoints
        assert [path.resolve() for path in found] == [best.resolve(), (tmp_path / 'b.pth').resolve()]

    def test_weights_of_nobody_are_refused(self):
        with pytest.raises(ConfigError, match='--checkpoint C=1.pth: NAME=FILE is expected, .* one of A'):
            with_checkpoints(Suite(entries=(Entry(Path('a.py'), 'A'),)), ['C=1.pth'])

    def test_lists_of_a_folder_are_named_behind_the_root(self, roots):
        found, = named_roots([f'old={roots["A"]}@idx_320'])
        assert found == DataSet('old', roots['A'], None, 'idx_320/trainval', 'idx_320/test')

    def test_a_root_that_is_not_there_is_refused(self, tmp_path):
        with pytest.raises(DataError, match='no folder .*nowhere'):
            named_roots([f'A={tmp_path / "nowhere"}'])
        with pytest.raises(ConfigError, match='--datasets A: NAME=ROOT is expected'):
            named_roots(['A'])


class TestRefusing:

    def test_an_empty_suite(self, tmp_path):
        assert 'There is no entry' in refused(Suite(), tmp_path)

    def test_two_entries_whose_folders_would_be_one(self, tmp_path, network):
        suite = Suite(entries=(Entry(network, 'a b'), Entry(network, 'a_b')))
        assert "2 entries are called 'a_b'" in refused(suite, tmp_path)

    def test_everything_that_is_wrong_is_in_one_message(self, tmp_path, network):
        suite = Suite(entries=(Entry(tmp_path / 'netwrk.py', 'N'), Entry(network, 'M', options={'train_cgf.x': 1})),
                      protocols=('mine',), seeds=(1, 1), cross=True)
        message = refused(suite, tmp_path)
        for part in ('5 things are wrong', 'N: There is no config', 'In its folder are network.py',
                     'Did you mean train_cfg', "'mine' is no known protocol", '--seeds [1, 1]',
                     '--cross needs two or more data sets'):
            assert part in message

    def test_a_number_or_a_place_that_is_none(self, tmp_path, network):
        (tmp_path / 'out').touch()
        suite = Suite(entries=(Entry(network, 'N'),), protocols=())
        for repeats, size in ((-1, 16), (0, 15)):
            message = refused(suite, tmp_path, repeats=repeats, size=size)
            assert f'--repeats {repeats} --size {size}: at least 0 and 16 are expected' in message
        assert 'out is a file; a folder is expected' in message and 'There is no protocol; name one' in message

    def test_an_option_of_the_suite_that_has_no_place(self, tmp_path, network):
        suite = Suite(entries=(Entry(network, 'N'),), options={'nothing.x': 1})
        assert 'the config has no nothing' in refused(suite, tmp_path)

    def test_an_option_of_the_command_line_that_has_no_place(self, tmp_path, network):
        suite = Suite(entries=(Entry(network, 'N'),))
        assert 'the config has no nothing' in refused(suite, tmp_path, options=('nothing.x=1',))

    def test_options_of_the_suite_are_not_asked_of_methods_without_training(self, tmp_path, formula):
        suite = Suite(entries=(Entry(formula, 'F'),), options={'train_cfg.max_epochs': 1})
        check(suite, Choices(tmp_path / 'out'), False)

    def test_a_network_without_training_and_weights(self, tmp_path, network):
        message = refused(Suite(entries=(Entry(network, 'N'),)), tmp_path, train=False)
        assert 'N has to be trained: give --train, or its weights by --checkpoint N=FILE' in message

    def test_one_checkpoint_is_not_two_seeds(self, tmp_path, network):
        for name in ('one', 'copy', 'other'):
            torch.save(dict(state_dict={}, meta=dict(iter=len(name) % 4)), tmp_path / f'{name}.pth')
        one, copy, other = (tmp_path / f'{name}.pth' for name in ('one', 'copy', 'other'))
        copy.write_bytes(one.read_bytes())
        for second in (one, copy):
            suite = Suite(entries=(Entry(network, 'N', checkpoints=(one, other, second)),))
            assert f'N: {second} and {one} are one checkpoint' in refused(suite, tmp_path, train=False)
        check(Suite(entries=(Entry(network, 'N', checkpoints=(one, other)),)), Choices(tmp_path / 'out'), False)

    def test_a_protocol_that_is_named_twice(self, tmp_path, formula):
        suite = Suite(entries=(Entry(formula, 'F'),), protocols=('lgnet', 'canonical', 'lgnet'))
        assert '--protocol lgnet canonical lgnet: each protocol once' in refused(suite, tmp_path, train=False)

    def test_weights_that_are_not_there(self, tmp_path, network):
        suite = Suite(entries=(Entry(network, 'N', checkpoints=(tmp_path / 'none.pth',)),))
        assert 'none.pth does not exist' in refused(suite, tmp_path, train=False)

    def test_weights_of_a_formula(self, tmp_path, formula):
        torch.save(dict(state_dict={}, meta={}), tmp_path / 'w.pth')
        suite = Suite(entries=(Entry(formula, 'F', checkpoints=(tmp_path / 'w.pth',)),))
        assert 'it has no weights, and a checkpoint is given' in refused(suite, tmp_path, train=False)

    def test_tests_made_elsewhere_that_are_not_there_or_not_alone(self, tmp_path, network, roots):
        (tmp_path / 'half').mkdir()
        (tmp_path / 'half' / 'results.json').write_text('{}')
        tests = FinishedTest(tmp_path / 'half', 0), FinishedTest(tmp_path / 'none', 0)
        suite = Suite(entries=(Entry(network, 'N', tested=tests),), datasets=(DataSet('A', roots['A']),))
        message = refused(suite, tmp_path, train=False)
        for part in ('stand alone', 'half has no predictions;', 'none has no results.json and no predictions;',
                     'two of its tests have one seed'):
            assert part in message

    @pytest.mark.parametrize('content', ['{"fingerprint": 3}', '[]', '{"finger'])
    def test_results_of_another_tool(self, tmp_path, network, content):
        (tmp_path / 'test' / 'predictions').mkdir(parents=True)
        (tmp_path / 'test' / 'results.json').write_text(content)
        suite = Suite(entries=(Entry(network, 'N', tested=(FinishedTest(tmp_path / 'test', 0),)),))
        assert 'results.json is not what tools/test.py writes' in refused(suite, tmp_path, train=False)

    def test_a_seed_that_is_no_number(self, tmp_path, network):
        suite = Suite(entries=(Entry(network, 'N', tested=(FinishedTest(tmp_path, '0'),)),))
        assert "the seed of" in refused(suite, tmp_path, train=False)

    def test_a_test_made_elsewhere_of_a_formula(self, tmp_path, formula):
        suite = Suite(entries=(Entry(formula, 'F', tested=(FinishedTest(tmp_path, 0),)),))
        assert 'for a method with weights' in refused(suite, tmp_path, train=False)

    def test_a_list_that_the_data_set_does_not_have(self, tmp_path, network, roots):
        suite = Suite(entries=(Entry(network, 'N'),), datasets=(DataSet('A', roots['A'], train='idx_320/trainval'),))
        assert "no split 'idx_320/trainval'" in refused(suite, tmp_path)

    def test_data_of_a_config_that_is_not_there(self, tmp_path, network, roots):
        network.write_text(network.read_text().replace(str(roots['A']), str(tmp_path / 'gone')))
        assert 'gone' in refused(Suite(entries=(Entry(network, 'N'),)), tmp_path)

    def test_labels_of_its_own_on_another_data_set(self, tmp_path, network, roots):
        entry = Entry(network, 'N', options={'train_dataloader.dataset.data_root': str(roots['B'])})
        check(Suite(entries=(entry,)), Choices(tmp_path / 'out'), True)
        message = refused(Suite(entries=(entry,), datasets=(DataSet('A', roots['A']),)), tmp_path)
        assert 'what it would train on of another data set is not known' in message

    def test_a_provider_that_is_not_known(self, tmp_path, network):
        suite = Suite(entries=(Entry(network, 'N', describe=dict(provider='nobody')),))
        assert "provider 'nobody', which is not known. Known: " in refused(suite, tmp_path)

    def test_descriptions_of_images_whose_folders_the_config_alone_tells(self, tmp_path, network):
        suite = Suite(entries=(Entry(network, 'N', describe=dict(provider='quadrant')),))
        check(suite, Choices(tmp_path / 'out'), True)
        network.write_text(f"{network.read_text()}\ntest_dataloader['dataset']['layout'] = dict(images='images')\n")
        assert 'Write that layout to irstd_layout.json in the data set' in refused(suite, tmp_path)


@pytest.mark.parametrize(('name', 'value', 'expected'), [
    ('IoU', 73.3, 0.733), ('IoU', 70, 0.7), ('Fa', 4.09, 4.09e-6), ('Fa', 4.09e-6, 4.09e-12), ('IoU', 1e17, 1e15),
    ('Fa_pooled', 12, 12e-6), ('pixel_FPR', 12, 12e-6), ('false_alarm_regions_per_image', 0.5, 0.5), ('mine', 5, 0.05)])
def test_a_published_figure_is_read_in_the_unit_in_which_it_is_shown(name, value, expected):
    assert fraction(name, value) == expected
