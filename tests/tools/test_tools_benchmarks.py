"""The tables of many configs: cost, and training on synthetic scenes."""

import json
from pathlib import Path

import pytest
import torch

from irstd_toolbox.errors import CheckpointError, ConfigError, DataError


def test_the_cost_table_counts_what_complexity_counts(load_tool, config, tmp_path, capsys):
    document = tmp_path / 'costs.md'
    document.write_text('<!-- cost -->\n<!-- /cost -->\n')
    tool = load_tool('benchmark_cost')
    assert tool.main([str(config), '--size', '32', '--repeats', '1', '--document', str(document)]) == 0
    load_tool('complexity').main([str(config), '--json', '--size', '256', '256'])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    row = next(line for line in document.read_text().splitlines() if line.startswith('| tiny'))
    cells = [cell.strip() for cell in row.strip('|').split('|')]
    assert cells[1] == f'{figures["parameters"]:,}' and cells[2] == f'{figures["macs"] / 1e9:.3f}'
    assert float(cells[4]) >= 0 and float(cells[5]) >= 0


def test_a_config_that_cannot_be_measured_has_its_reason_in_the_table(load_tool, tmp_path, capsys):
    broken = tmp_path / 'broken.py'
    broken.write_text(
        "model = dict(type='IRSTDSegmentor', backbone=dict(type='Nothing'), decode_head=dict(type='LogitHead'))\n")
    assert load_tool('benchmark_cost').main([str(broken)]) == 1
    assert "'Nothing' is not a registered backbone" in capsys.readouterr().out
    assert load_tool('benchmark_cost').cells(dict(config='a', failed='x | y'), 3) == ['a', r'x \| y', '']


def test_the_table_of_a_gpu_has_times_and_reasons_and_no_formulas(load_tool, config, tmp_path, monkeypatch):
    from irstd_toolbox.benchmarking import cost
    monkeypatch.setattr(cost, '_on_gpu', lambda *_: (cost.percentiles([1.0, 2.0, 3.0]), 7.4))
    broken, formula = tmp_path / 'broken.py', Path(__file__).parents[2] / 'configs/baselines/top_hat_irstd1k.py'
    broken.write_text("model = dict(type='Nothing')\n")
    tool = load_tool('benchmark_cost')
    args = tool.parse([str(config), '--device', 'cuda', '--size', '32'])
    table = tool.table_of([*tool.measure_all_on_gpu([str(config), str(formula), str(broken)], args)], args)
    assert table.splitlines()[2] == '| tiny | 2.00 (1.10 to 2.90) | 7 |'
    assert table.splitlines()[3].startswith("| broken | error: ") and "'Nothing'" in table and 'top_hat' not in table


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs an NVIDIA GPU')
def test_a_network_is_timed_on_the_gpu(load_tool, config, capsys):
    assert load_tool('benchmark_cost').main([str(config), '--device', 'cuda', '--size', '32', '--repeats', '2']) == 0
    name, times, memory = capsys.readouterr().out.splitlines()[-1].strip('| ').split(' | ')
    assert name == 'tiny' and float(times.split()[0]) > 0 and float(memory) >= 0


@pytest.mark.skipif(torch.cuda.is_available(), reason='for machines without a GPU')
def test_without_a_gpu_none_is_measured(load_tool, config):
    with pytest.raises(ConfigError, match='torch sees none here'):
        load_tool('benchmark_cost').main([str(config), '--device', 'cuda'])


@pytest.mark.parametrize('name', ['benchmark', 'benchmark_cost', 'benchmark_model_driven', 'benchmark_speed'])
def test_a_document_without_its_section_is_refused_before_anything_is_measured(load_tool, config, tmp_path, name):
    document, out = tmp_path / 'a.md', [] if name == 'benchmark_cost' else ['--out', str(tmp_path / 'out')]
    document.write_text('no section\n')
    with pytest.raises(DataError, match='no section'):
        load_tool(name).main([str(config), *out, '--document', str(document)])
    assert not (tmp_path / 'out').exists()


@pytest.fixture
def training(load_tool, monkeypatch, tmp_path):
    """The tool; whatever it calls is noted and not run, but results.json is as a test writes it."""
    tool, calls = load_tool('benchmark_training'), []

    def note(log, name, *arguments):
        calls.append((name, *map(str, arguments)))
        if name == 'train.py':
            folder = Path(arguments[arguments.index('--work-dir') + 1], '20260101_000000', 'vis_data')
            folder.mkdir(parents=True)
            (folder / 'scalars.json').write_text('{"loss": 0.75}\n{"loss": 0.5}\n{"irstd/IoU": 1}\n{"loss": 0.25}\n')
        if name == 'test.py':
            results = Path(arguments[arguments.index('--out') + 1], 'results.json')
            results.parent.mkdir(parents=True)
            results.write_text(json.dumps(dict(protocols=dict(canonical=dict(IoU=0.5, nIoU=0.4, Pd=0.9, Fa=1e-5)))))
        return True
    monkeypatch.setattr(tool, 'call', note)
    return tool, calls


def test_a_config_is_trained_and_tested_with_its_own_optimizer_and_a_row_is_kept(training, config, tmp_path, capsys):
    tool, calls = training
    arguments = [str(config), '--out', str(tmp_path / 'out'), '--iterations', '7']
    assert tool.main(arguments) == 0
    assert [name for name, *_ in calls] == ['synthesize.py', 'annotate.py', 'train.py', 'test.py']
    assert '| tiny | 7 | own | 0.5000 | 0.4000 | 0.9000 | 10.0 | 0.750 to 0.250 |' in capsys.readouterr().out
    from mmengine.config import Config
    own = tmp_path / 'out' / 'tiny' / 'tiny.py'
    assert [arguments[0] for name, *arguments in calls[2:]] == [str(own)] * 2
    made = Config.fromfile(own)
    assert made.train_cfg == dict(type='IterBasedTrainLoop', max_iters=7, val_interval=7)
    assert made.optim_wrapper.optimizer.type == 'Adan' and made.param_scheduler == []
    assert [loss['type'] for loss in made.model.loss] == ['BCELoss', 'SoftIoULoss']


def test_adam_takes_the_place_of_the_configs_optimizer(training, config, tmp_path):
    tool, _ = training
    tool.main([str(config), '--out', str(tmp_path / 'out'), '--adam', '0.002'])
    from mmengine.config import Config
    made = Config.fromfile(tmp_path / 'out' / 'tiny' / 'tiny.py')
    assert made.optim_wrapper == dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.002))


def test_on_real_data_a_config_keeps_its_loss_its_batch_and_its_schedule(training, config, tmp_path, capsys):
    tool, calls = training
    assert tool.main([str(config), '--real', str(tmp_path), '--split', 'idx_320/train', '--size', '48', '--epochs', '2',
                      '--out', str(tmp_path / 'out')]) == 0
    assert [name for name, *_ in calls] == ['train.py', 'test.py']
    assert '| tiny | 2 epochs of idx_320/train | own |' in capsys.readouterr().out
    from mmengine.config import Config
    made, own = Config.fromfile(tmp_path / 'out' / 'tiny' / 'tiny.py'), Config.fromfile(config)
    assert (made.model, made.param_scheduler) == (own.model, own.param_scheduler)
    assert made.train_dataloader.batch_size == own.train_dataloader.batch_size
    assert made.train_dataloader.dataset.split == 'idx_320/train'
    assert made.train_dataloader.dataset.pipeline[2] == dict(type='Resize', size=48)
    assert (made.train_cfg.max_epochs, made.train_cfg.val_begin) == (2, 3)


def test_a_config_that_has_a_row_is_passed_over(training, config, tmp_path):
    tool, calls = training
    arguments = [str(config), '--out', str(tmp_path / 'out')]
    tool.main(arguments)
    calls.clear()
    tool.main(arguments)
    assert 'train.py' not in [name for name, *_ in calls]


def test_a_row_by_other_options_is_not_taken_for_one_of_these(training, config, tmp_path):
    tool, calls = training
    arguments = [str(config), '--out', str(tmp_path / 'out')]
    tool.main(arguments)
    calls.clear()
    with pytest.raises(ConfigError, match=r'row.json is of batch=None, this run of batch=2. Give another --out'):
        tool.main([*arguments, '--batch', '2'])
    row = tmp_path / 'out' / 'tiny' / 'row.json'
    for text in ('{', '[]', '{"options": {}}', row.read_text().replace('"Fa": ', '"Fa": "many", "Fb": ')):
        row.write_text(text)
        with pytest.raises(ConfigError, match=r'row.json is no row of this tool \(.*Remove it, to train'):
            tool.main(arguments)
    assert calls == []


def test_too_low_an_iou_is_told_by_the_status(training, config, tmp_path, capsys):
    tool, _ = training
    assert tool.main([str(config), '--out', str(tmp_path / 'out'), '--least', '0.6']) == 1
    assert 'IoU above 0.6: 0 of 1; not: tiny' in capsys.readouterr().out


def test_a_training_that_fails_is_told_and_tried_again(training, config, tmp_path, monkeypatch, capsys):
    tool, _ = training
    monkeypatch.setattr(tool, 'call', lambda log, name, *arguments: name != 'train.py')
    assert tool.main([str(config), '--out', str(tmp_path / 'out')]) == 1
    assert 'training stopped, see' in capsys.readouterr().out
    assert not (tmp_path / 'out' / 'tiny' / 'row.json').exists()


class TestConvertWeights:

    def test_a_source_that_is_not_known_names_those_that_are(self, load_tool, config, tmp_path):
        with pytest.raises(ConfigError, match='--from nobody: not known. Sources: .*acm-pytorch'):
            load_tool('convert_weights').main([str(config), 'x.pth', '--from', 'nobody'])

    def test_what_is_missing_on_the_command_line_is_named(self, load_tool, config):
        with pytest.raises(ConfigError, match='A config, a file and --from SOURCE are needed'):
            load_tool('convert_weights').main([str(config)])

    def test_the_list_names_repositories_and_licences(self, load_tool, capsys):
        load_tool('convert_weights').main(['--list'])
        assert 'Tianfang-Zhang/acm-pytorch (licence: MIT)' in capsys.readouterr().out

    def test_a_file_that_is_missing_is_named(self, load_tool, config, tmp_path):
        with pytest.raises(CheckpointError, match='nothing.pth does not exist'):
            load_tool('convert_weights').main([str(config), str(tmp_path / 'nothing.pth'), '--from', 'acm-pytorch'])

    @pytest.mark.parametrize(('name', 'written'), [
        ('Epoch-300 IoU-0.6954.pkl', 'Epoch-300 IoU-0.6954.converted.pth'),
        ('BottomUpLocal_b_4_0.7614.params', 'BottomUpLocal_b_4_0.7614.converted.pth'),
        ('best.pth.tar', 'best.converted.pth')])
    def test_the_result_is_called_as_the_file_without_its_suffix(self, load_tool, config, tmp_path, monkeypatch, name,
                                                                 written):
        from irstd_toolbox.conversion import writing

        asked = []
        monkeypatch.setattr(writing, 'convert_file', lambda model, source, file, out: asked.append(out) or 1)
        load_tool('convert_weights').main([str(config), str(tmp_path / name), '--from', 'open-acm'])
        assert asked == [Path(written)]
