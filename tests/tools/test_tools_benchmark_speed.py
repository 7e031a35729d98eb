"""tools/benchmark_speed.py: what a way of running is, the log that steps are read from, and the tables."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from irstd_toolbox import console
from irstd_toolbox.benchmarking import speed
from irstd_toolbox.benchmarking.speed import (
    STAND_IN,
    parse_way,
    predicting,
    steps_config,
    timed_steps,
    training_arguments,
)
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.config_edits import load_config


@pytest.mark.parametrize(('text', 'message'), [
    ('fp16', "'fp16' is not known; expected words of fp32, bf16"), ('fp32+bf16', 'fp32 and bf16 exclude each other'),
    ('bf16+compile+graphs', 'compile and graphs exclude'), ('', "'' is not known")])
def test_a_way_that_is_none_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_way(text)


@pytest.mark.parametrize(('text', 'arguments'), [
    ('fp32', []), ('bf16', ['--amp', 'bf16']),
    ('bf16+channels_last+graphs', ['--amp', 'bf16', '--cfg-options', 'channels_last=True',
                                   'compile.mode=reduce-overhead']),
    ('graphs', ['--cfg-options', 'compile.mode=reduce-overhead']),
    ('compile+resident', ['--cfg-options', 'compile=True', 'train_dataloader.dataset.in_memory=cuda',
                          'train_dataloader.num_workers=0'])])
def test_a_way_is_arguments_of_a_training(text, arguments):
    assert training_arguments(parse_way(text), 'cuda') == arguments


def test_steps_are_those_after_the_first_epoch(tmp_path):
    folder, former = (tmp_path / f'2026010{day}_000000' / 'vis_data' for day in (2, 1))
    for one in (folder, former):
        one.mkdir(parents=True)
    (former / 'scalars.json').write_text(json.dumps(dict(epoch=2, time=7, data_time=7)))
    rows = [dict(epoch=1, time=9, data_time=9, memory=70), dict(step=1),
            dict(epoch=2, time=0.2, data_time=0.02, memory=50),
            dict(epoch=2, time=0.1, data_time=0.01, memory=60), dict(epoch=3, time=0.3, data_time=0.03, memory=60)]
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)))
    found = timed_steps(tmp_path)
    assert found['steps'] == 3 and found['gpu_memory_mib'] == 70
    assert found['ms'] == pytest.approx(dict(p5=110, p50=200, p95=290))
    assert found['data_ms'] == pytest.approx(dict(p5=11, p50=20, p95=29))
    (folder / 'scalars.json').write_text(json.dumps(rows[0]))
    with pytest.raises(ConfigError, match='one epoch alone'):
        timed_steps(tmp_path)


def test_a_configs_training_keeps_its_steps_but_for_their_size(repository):
    config = load_config(str(repository / 'configs' / 'baselines' / 'acm_fpn_irstd1k.py'))
    made = steps_config(config, Path('scenes'), size=96, batch=3, epochs=2, workers=0)
    before, after = config.train_dataloader.dataset.pipeline, made.train_dataloader.dataset.pipeline
    assert [step.type for step in after] == [step.type for step in before]
    sizes = {step.type: step['size'] for step in after if 'size' in step}
    assert sizes == {name: 96 if isinstance(size, int) else (96, 96) for name, size in
                     ((step.type, step['size']) for step in before if 'size' in step)} and sizes
    assert made.optim_wrapper == config.optim_wrapper and made.model == config.model
    loader = made.train_dataloader
    assert (loader.batch_size, loader.num_workers, loader.persistent_workers, loader.drop_last) == (3, 0, False, True)
    assert steps_config(config, Path('scenes'), 96, 3, 2, workers=2).train_dataloader.persistent_workers
    assert config.train_dataloader.dataset.get('in_memory') is None  # the config given is left as it was
    language = load_config(str(repository / 'configs' / 'lgnet_demo.py'))
    made = steps_config(language, Path('scenes'), 96, 3, 2, 0)
    scene = made.train_dataloader.dataset.pipeline[1]
    assert MODELS.build(made.model.target_descriptor.encoder).dim == made.model.neck.language_fusion.descriptor_dim
    assert language.train_dataloader.dataset.pipeline[1].size == 64
    assert scene == dict(type='LoadClipImage', size=MODELS.build(STAND_IN).image_size)


@pytest.fixture
def tool(load_tool, monkeypatch):
    """The tool; the tools that it calls run in this process."""
    def run(log, path, *arguments):
        try:
            load_tool(path.stem).main([str(argument) for argument in arguments])
        except ConfigError as error:
            log.write_text(str(error))
            return False
        return True
    monkeypatch.setattr(console, 'logged', run)
    return load_tool('benchmark_speed')


def test_a_config_is_trained_and_predicts_and_its_figures_are_in_the_document(tool, config, tmp_path, capsys):
    document = tmp_path / 'speed.md'
    document.write_text('<!-- speed -->\n<!-- /speed -->\n')
    arguments = [str(config), '--size', '64', '--batch', '2', '--steps', '1', '--epochs', '3', '--repeats', '2',
                 '--workers', '0', '--predict', '2', '--ways', 'fp32', 'channels_last+resident', '--out',
                 str(tmp_path / 'out'), '--document', str(document)]
    assert tool.main(arguments) == 1  # the config's noise cannot be drawn on the device
    found = json.loads((tmp_path / 'out' / 'speed.json').read_text())
    trained, refused, predicted = found['rows']
    assert trained['steps'] == 2 and trained['ms']['p50'] >= trained['data_ms']['p50'] > 0
    assert refused['failed'].startswith('train.py stopped')
    assert 'RandomIntensity' in (tmp_path / 'out' / 'channels_last+resident' / 'log.txt').read_text()
    assert predicted['batch'] == 2 and predicted['network']['p50'] > 0 and predicted['image_tower'] is None
    table = document.read_text()
    assert f'| {2000 / trained["ms"]["p50"]:.3g} | {0.4 * trained["ms"]["p50"]:.3g} |' in table
    assert f'| fp32 | 2 | {predicted["network"]["p50"] / 2:.3g} (' in table
    assert Config.fromfile(tmp_path / 'out' / 'fp32' / 'steps.py').train_dataloader.batch_size == 2


def test_a_prediction_that_fails_is_told_beside_the_others(tool, config, tmp_path, monkeypatch, capsys):
    def predicting(model, words, size, batch, repeats, device):
        if batch == 2:
            raise RuntimeError('no room\nfor two')
        return dict(network=dict(p5=1.0, p50=2.0, p95=3.0), image_tower=None)
    monkeypatch.setattr(speed, 'predicting', predicting)
    arguments = [str(config), '--only', 'prediction', '--predict', '1', '2', '3', '--ways', 'fp32']
    assert tool.main([*arguments, '--out', str(tmp_path / 'out')]) == 1
    rows = json.loads((tmp_path / 'out' / 'speed.json').read_text())['rows']
    assert [row.get('failed') for row in rows] == [None, 'RuntimeError: no room', None]
    assert '| fp32 | 2 | RuntimeError: no room | |' in capsys.readouterr().out


@pytest.mark.parametrize(('words', 'half'), [(('bf16',), True), (('fp32',), False)])
def test_a_prediction_is_of_a_whole_batch_in_the_precision_asked_for(words, half, monkeypatch):
    seen = []

    class Network(torch.nn.Module):
        target_descriptor = None

        def data_preprocessor(self, packed, training):
            return dict(inputs=packed['inputs'][0][None])

        def logit_maps(self, image, vector):
            seen.append((tuple(image.shape), torch.is_autocast_enabled('cpu')))
    monkeypatch.setattr(speed.MODELS, 'build', lambda model: Network())
    assert predicting({}, words, size=64, batch=3, repeats=2, device='cpu')['image_tower'] is None
    assert seen == [((3, 1, 64, 64), half)] * 3  # the first is not timed


def test_the_image_tower_is_timed_beside_a_network_with_language(repository):
    model = load_config(str(repository / 'configs' / 'lgnet_demo.py')).model
    found = predicting(model, ('channels_last',), size=64, batch=1, repeats=1, device='cpu')
    assert found['network']['p50'] > 0 and found['image_tower']['p50'] > 0
