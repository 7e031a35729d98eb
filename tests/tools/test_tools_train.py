"""tools/train.py from end to end on twelve tiny images."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from irstd_toolbox.errors import CheckpointError, ConfigError, DataError
from irstd_toolbox.training.checkpoint import read_checkpoint, resolve_resume
from irstd_toolbox.training.stamp import stamp_of

Tool = Callable[[str], ModuleType]


def _tensors(content: Any, at: str = '') -> dict[str, torch.Tensor]:
    if torch.is_tensor(content):
        return {at: content}
    entries = content.items() if isinstance(content, dict) else enumerate(content) \
        if isinstance(content, list | tuple) else ()
    return {name: value for key, entry in entries for name, value in _tensors(entry, f'{at}/{key}').items()}


@pytest.mark.parametrize('tool', ['train', 'test', 'predict'])
def test_help_answers_in_under_two_seconds(repository: Path, tool: str) -> None:
    command = [sys.executable, '-X', 'importtime', str(repository / 'tools' / f'{tool}.py'), '--help']
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('usage: ')
    cumulative = [int(line.split('|')[1]) for line in done.stderr.splitlines() if '|' in line and 'cumul' not in line]
    assert max(cumulative) < 2_000_000
    assert not any(line.rstrip().endswith((' torch', ' mmengine')) for line in done.stderr.splitlines())


def test_a_training_leaves_checkpoints_logs_and_tables(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert {'epoch_1.pth', 'epoch_2.pth', 'best.pth', 'last_checkpoint', 'train.csv', 'val.csv', 'tiny.py'} <= names
    assert not [name for name in names if 'partial' in name]
    assert resolve_resume(trained) == trained / 'epoch_2.pth'


def test_the_best_checkpoint_is_stamped_with_the_list_it_was_chosen_on(trained: Path) -> None:
    stamp = stamp_of(read_checkpoint(trained / 'best.pth')['meta'])
    assert stamp['selection'] == dict(on='holdout', metric='irstd/IoU', protocol='canonical', images=2)
    assert stamp['seed'] == 3


def test_choosing_on_the_test_list_is_refused_unless_asked_for(config: Path, load_tool: Tool) -> None:
    text = config.read_text().replace("dataset=dict(data, part='holdout', pipeline=testing)",
                                      "dataset=dict(type='IRSTDDataset', data_root=data['data_root'], "
                                      "split='test', pipeline=testing)")
    config.write_text(text)
    with pytest.raises(ConfigError, match=r'val_dataloader reads the test list: .*--select-on-test'):
        load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run')])
    assert not (config.parent / 'run').exists()


def test_a_list_under_another_name_that_shares_images_with_the_test_list_is_refused(config: Path,
                                                                                    load_tool: Tool) -> None:
    (config.parent / 'data' / 'mine.txt').write_text('scene_7\nscene_8\n')
    config.write_text(config.read_text().replace(
        "dataset=dict(data, part='holdout', pipeline=testing)",
        "dataset=dict(type='IRSTDDataset', data_root=data['data_root'], pipeline=testing, "
        f"split='{config.parent / 'data' / 'mine.txt'}')"))
    with pytest.raises(ConfigError, match=r'reads the test list in part \(1 images\)'):
        load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run')])


def test_a_training_without_a_test_list_says_what_it_could_not_check(
        config: Path, load_tool: Tool, capsys: pytest.CaptureFixture) -> None:
    (config.parent / 'data' / 'test.txt').unlink()
    load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run'), '--cfg-options',
                             'train_cfg.max_epochs=1'])
    assert re.search(r"warning: The test list cannot be read, so nothing says whether .* no split 'test'",
                     capsys.readouterr().err)
    selection = stamp_of(read_checkpoint(config.parent / 'run' / 'best.pth')['meta'])['selection']
    assert (selection['on'], selection['images']) == ('holdout', 2)


def test_choosing_on_the_test_list_is_stamped_and_trains_on_the_whole_list(
        config: Path, load_tool: Tool, capsys: pytest.CaptureFixture) -> None:
    load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run'), '--select-on-test',
                             '--cfg-options', 'train_cfg.max_epochs=1'])
    assert 'training on 8 images, validating on 5 (test)' in capsys.readouterr().out
    selection = stamp_of(read_checkpoint(config.parent / 'run' / 'best.pth')['meta'])['selection']
    assert (selection['on'], selection['images']) == ('test', 5)


LONGER = ['--cfg-options', 'train_cfg.max_epochs=8', 'train_cfg.val_interval=4']


@pytest.fixture(scope='module')
def uninterrupted(trained: Path, load_tool: Tool) -> Path:
    """The work folder of a training of eight epochs without workers."""
    run = trained.parent / 'uninterrupted'
    load_tool('train').main([str(trained.parent / 'tiny.py'), '--work-dir', str(run), *LONGER])
    return run


def test_after_kill_9_a_resumed_training_with_workers_ends_with_the_same_weights(
        config: Path, load_tool: Tool, repository: Path, uninterrupted: Path) -> None:
    options = [*LONGER, 'train_dataloader.num_workers=2']
    killed = config.parent / 'killed'
    command = [sys.executable, str(repository / 'tools' / 'train.py'), str(config), '--work-dir', str(killed), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        while process.poll() is None and not (killed / 'epoch_2.pth').exists():
            time.sleep(0.005)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert read_checkpoint(resolve_resume(killed))['meta']['epoch'] < 8

    moved = killed.rename(config.parent / 'moved')
    load_tool('train').main([str(config), '--work-dir', str(moved), '--resume', *options])
    first, second = (read_checkpoint(folder / 'epoch_8.pth') for folder in (moved, uninterrupted))
    for part in ('state_dict', 'ema_state_dict', 'optimizer'):
        ours, theirs = _tensors(first[part]), _tensors(second[part])
        assert len(ours) > 100
        assert ours.keys() == theirs.keys()
        assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    assert first['param_schedulers'] == second['param_schedulers']
    for name in ('train.csv', 'val.csv'):
        assert (moved / name).read_text() == (uninterrupted / name).read_text()


def test_resuming_where_nothing_is_starts_at_the_beginning_and_says_so(config: Path, load_tool: Tool,
                                                                       capsys: pytest.CaptureFixture) -> None:
    load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run'), '--resume',
                             '--cfg-options', 'train_cfg.max_epochs=1'])
    assert 'holds no checkpoint to resume from: training starts at the beginning' in capsys.readouterr().out


def test_a_resumed_run_keeps_its_seed(trained: Path, config: Path, load_tool: Tool) -> None:
    with pytest.raises(ConfigError, match=r'was trained with seed 3, --seed says 4'):
        load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run'), '--seed', '4', '--resume',
                                 str(trained / 'epoch_1.pth')])


def test_a_crafted_checkpoint_is_refused_before_anything_is_written(config: Path, load_tool: Tool) -> None:
    class Payload:
        def __reduce__(self) -> tuple:
            return os.system, (f'touch {config.parent / "canary"}',)
    torch.save(dict(state_dict={}, meta=dict(seed=Payload())), config.parent / 'crafted.pth')
    for how in (['--resume', str(config.parent / 'crafted.pth')],
                ['--cfg-options', f'load_from={config.parent / "crafted.pth"}']):
        with pytest.raises(CheckpointError, match='is refused'):
            load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run'), *how])
    assert not (config.parent / 'canary').exists()
    assert not (config.parent / 'run').exists()


def test_bf16_trains_on_a_cpu_and_is_written_into_the_config(config: Path, load_tool: Tool) -> None:
    run = config.parent / 'run'
    load_tool('train').main([str(config), '--work-dir', str(run), '--amp', 'bf16', '--cfg-options',
                             'train_cfg.max_epochs=1'])
    weights = read_checkpoint(run / 'epoch_1.pth')['state_dict']
    assert all(value.dtype != torch.bfloat16 and torch.isfinite(value).all() for value in weights.values())
    assert "type='AmpWrapper'" in (run / 'tiny.py').read_text()


def _fails(config: Path, load_tool: Tool, error: type, match: str, *arguments: str) -> None:
    run = config.parent / 'run'
    with pytest.raises(error, match=match):
        load_tool('train').main([str(config), '--work-dir', str(run), *arguments])
    assert not run.exists()


def test_missing_data_is_explained_and_leaves_no_work_folder(config: Path, load_tool: Tool) -> None:
    (config.parent / 'data').rename(config.parent / 'elsewhere')
    _fails(config, load_tool, DataError, r'data')


def test_the_papers_config_without_data_says_where_to_get_it(repository: Path, load_tool: Tool, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('IRSTD_DATA_ROOT', str(tmp_path / 'nowhere'))
    with pytest.raises(DataError, match=r'(?s)IRSTD-1k.*nowhere.*github\.com/RuiZhang97/ISNet'):
        load_tool('train').main([str(repository / 'configs' / 'lgnet_irstd1k.py'), '--work-dir', str(tmp_path / 'run')])
    assert not (tmp_path / 'run').exists()


def test_a_missing_mask_is_found_before_anything_is_written(config: Path, load_tool: Tool) -> None:
    (config.parent / 'data' / 'masks' / 'scene_1.png').unlink()
    _fails(config, load_tool, DataError, 'scene_1')


def test_an_empty_list_is_found_before_anything_is_written(config: Path, load_tool: Tool) -> None:
    (config.parent / 'data' / 'trainval.txt').write_text('\n')
    _fails(config, load_tool, DataError, r'trainval')


def test_more_images_a_batch_than_there_are_is_found(config: Path, load_tool: Tool) -> None:
    _fails(config, load_tool, ConfigError, r'6 images, fewer than one batch of 64', '--cfg-options',
           'train_dataloader.batch_size=64', 'train_dataloader.drop_last=True')


@pytest.mark.parametrize('options, match', [
    (['train_dataloader.dataset.in_memory=cpu'], "in_memory='cpu' mirrors and turns .* has RandomIntensity"),
    (['val_dataloader.dataset.in_memory=cpu', 'val_dataloader.num_workers=2'],
     "in_memory='cpu' keeps the images on that device, where the 2 workers of the loader cannot reach them"),
    (['compile=fast'], "compile='fast'; expected True, False or the arguments of torch.compile"),
    (['compile.backend=nosuch'], "torch.compile does not work here: .*nosuch")])
def test_what_cannot_be_sped_up_so_is_found(config: Path, load_tool: Tool, options: list[str], match: str) -> None:
    _fails(config, load_tool, ConfigError, match, '--cfg-options', *options)


@pytest.mark.parametrize('seed', ['-1', '99999999999'])
def test_a_seed_that_there_is_not_is_found(config: Path, load_tool: Tool, seed: str) -> None:
    _fails(config, load_tool, ConfigError, f'The seed is {seed}; a whole number', '--seed', seed)


@pytest.mark.parametrize('minutes', ['-1', '0', 'nan', 'inf'])
def test_minutes_that_are_no_time_are_refused(config: Path, load_tool: Tool, minutes: str,
                                              capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        load_tool('train').parse([str(config), '--minutes', minutes])
    assert f'--minutes {minutes}: a number above 0 is expected' in capsys.readouterr().err


def test_however_short_the_time_one_epoch_is_done(config: Path, load_tool: Tool) -> None:
    run = config.parent / 'run'
    load_tool('train').main([str(config), '--work-dir', str(run), '--minutes', '0.0001'])
    assert (run / 'epoch_1.pth').is_file() and not (run / 'epoch_2.pth').exists()


def test_weights_alone_are_not_resumed_from_and_leave_no_work_folder(trained: Path, config: Path,
                                                                     load_tool: Tool) -> None:
    weights = config.parent / 'weights.safetensors'
    save_file({key: value.clone() for key, value in read_checkpoint(trained / 'best.pth')['state_dict'].items()},
              weights)
    _fails(config, load_tool, CheckpointError, 'cannot be resumed from: it lacks optimizer', '--resume', str(weights))


def test_averaged_weights_are_not_dropped_when_resuming_and_leave_no_work_folder(trained: Path, config: Path,
                                                                                 load_tool: Tool) -> None:
    config.write_text(config.read_text().replace("dict(type='EMAHook', momentum=0.1), ", ''))
    _fails(config, load_tool, CheckpointError, 'averaged weights', '--resume', str(trained / 'epoch_1.pth'))


def test_a_training_on_kept_pixels_ends_with_the_same_weights(config: Path, load_tool: Tool) -> None:
    config.write_text(config.read_text().replace("dict(type='RandomIntensity', noise=(0.0, 4.0))",
                                                 "dict(type='RandomRotate90')"))
    ends = []
    for kept in ('False', 'cpu'):
        run = config.parent / f'run_{kept}'
        load_tool('train').main([str(config), '--work-dir', str(run), '--cfg-options', 'train_cfg.max_epochs=1',
                                 'train_dataloader.num_workers=0', f'train_dataloader.dataset.in_memory={kept}'])
        ends.append(read_checkpoint(run / 'epoch_1.pth')['state_dict'])
        assert ('samples are kept on cpu' in next(run.glob('*/*.log')).read_text()) == (kept == 'cpu')
    torch.testing.assert_close(*ends, rtol=0, atol=0)


@pytest.mark.parametrize('option, match', [
    ('model.backbone.type=RSUEncoda', r"'RSUEncoda' is not a registered backbone\. Registered: .*RSUEncoder"),
    ('optim_wrapper.optimizer.type=Adam9', r"'Adam9' is not a registered optimizer\. Registered: Adan"),
    ('custom_hooks.2.type=NanGuard', r"'NanGuard' is not a registered hook\. Registered: .*NaNGuardHook"),
    ('val_evaluator.type=Metric', r"'Metric' is not a registered metric\. Registered: .*IRSTDMetric"),
])
def test_an_unknown_name_lists_the_known_ones(config: Path, load_tool: Tool, option: str, match: str) -> None:
    _fails(config, load_tool, KeyError, match, '--cfg-options', option)


def test_workers_that_last_are_dropped_where_there_are_none(config: Path, load_tool: Tool) -> None:
    run = config.parent / 'run'
    load_tool('train').main([str(config), '--work-dir', str(run), '--cfg-options', 'train_cfg.max_epochs=1',
                             'train_dataloader.persistent_workers=True', 'train_dataloader.num_workers=0'])
    assert (run / 'epoch_1.pth').is_file()


def test_a_language_model_without_descriptions_is_warned_of_and_with_some_they_are_counted(
        config: Path, load_tool: Tool, repository: Path, capsys: pytest.CaptureFixture) -> None:
    data = config.parent / 'data'
    words = [str(repository / 'configs' / 'lgnet_demo.py'), '--work-dir', str(config.parent / 'run'), '--cfg-options',
             *(f'{part}_dataloader.dataset.data_root={data}' for part in ('train', 'val', 'test'))]
    with pytest.raises(ConfigError, match='fewer than one batch'):  # the preflight ends here, before the model
        load_tool('train').main(words)
    words += ['train_dataloader.batch_size=2', 'train_cfg.max_epochs=1', 'train_dataloader.num_workers=0',
              'train_dataloader.persistent_workers=False', 'optim_wrapper.optimizer.type=Unknown']
    for described, warned in ((False, True), (True, False)):
        if described:
            (data / 'descriptions').mkdir()
            for number in range(8):
                (data / 'descriptions' / f'scene_{number}.txt').write_text('The target is in the upper-left part.')
        with pytest.raises(KeyError, match='Unknown'):
            load_tool('train').main(words)
        assert ('no training image has one: it learns without language' in capsys.readouterr().err) == warned
    with pytest.raises(ConfigError, match='LanguageFusion waits for a target descriptor, and the model has none'):
        load_tool('train').main([*words, 'model.target_descriptor=None'])
