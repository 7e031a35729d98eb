"""Numbers of a training that are none, and a place that is none, are said before anything is written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from irstd_toolbox.errors import ConfigError


@pytest.mark.parametrize('option, message', [
    ('train_cfg.max_epochs=0', r'train_cfg\.max_epochs=0: a whole number from 1'),
    ('train_cfg.max_epochs=1.5', r'train_cfg\.max_epochs=1\.5'),
    ('train_cfg.val_interval=0', r'train_cfg\.val_interval=0: a whole number from 1'),
    ('default_hooks.checkpoint.interval=x', r"checkpoint\.interval='x': a whole number from 1 is expected, or -1"),
    ('optim_wrapper.optimizer.lr=a', "optimizer.lr='a': a finite number of at least 0"),
    ('optim_wrapper.optimizer.lr=-1', 'optimizer.lr=-1'),
    ('optim_wrapper.optimizer.weight_decay=-1', r'\(weight_decay=-1\): a number of at least 0'),
    ('optim_wrapper.optimizer.no_prox=no', r"Adan\(no_prox='no'\): True or False is expected"),
    ('optim_wrapper.accumulative_counts=2.5', r'\(accumulative_counts=2\.5\): a whole number is expected'),
    ('default_hooks.checkpoint.max_keep_ckpts=0', r'max_keep_ckpts=0: a whole number from 1 is expected, or -1 for'),
    ('train_dataloader.batch_size=0', r'train_dataloader\.batch_size=0: a whole number from 1'),
    ('val_dataloader.num_workers=-1', r'val_dataloader\.num_workers=-1: a whole number from 0')])
def test_a_number_that_nothing_can_be_done_with_is_found(config: Path, load_tool: Callable, option: str,
                                                         message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run'), '--cfg-options', option])
    assert not (config.parent / 'run').exists()


def test_a_file_in_the_place_of_the_work_folder_is_found(config: Path, load_tool: Callable) -> None:
    (config.parent / 'run').write_text('a file')
    with pytest.raises(ConfigError, match='run cannot be a folder: .* is a file'):
        load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run')])


@pytest.mark.parametrize('schedules, message', [
    ("dict(type='PolyLR', power='abc', end=3)", r"PolyLR\(power='abc', end=3\) cannot be stepped \(TypeError"),
    ("[dict(type='PolyLR', begin=2, end=9), dict(type='StepLR', step_size=0)]",
     r'StepLR\(step_size=0\) cannot be stepped \(ZeroDivisionError'),
    ("dict(first=[dict(type='StepParamScheduler', step_size=2, param_name='eps'), dict(type='StepLR', step_size=0)])",
     r'StepLR\(step_size=0\) cannot be stepped \(ZeroDivisionError')])
def test_a_schedule_that_would_fail_after_an_epoch_is_found(config: Path, load_tool: Callable, schedules: str,
                                                            message: str) -> None:
    config.write_text(config.read_text() + f'param_scheduler = {schedules}\n')
    with pytest.raises(ConfigError, match=f'param_scheduler: {message}'):
        load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run')])
    assert not (config.parent / 'run').exists()


@pytest.mark.parametrize('schedule, message', [
    ("dict(type='PolyLR', eta_min=-1)", r'PolyLR\(eta_min=-1\): a number of at least 0'),
    ("dict(type='MultiStepLR', milestones=[2], gamma=-0.1)", r'MultiStepLR\(gamma=-0\.1\)'),
    ("dict(type='StepLR', step_size=-1)", r'StepLR\(step_size=-1\): a number of at least 1'),
    ("dict(type='MultiStepLR', milestones=[2], gamma='a')", r"MultiStepLR\(gamma='a'\): a number is expected"),
    ("dict(type='LinearLR', begin=0.5)", r'LinearLR\(begin=0\.5\): a whole number is expected')])
def test_a_schedule_that_would_turn_the_training_round_or_fail_late_is_found(config: Path, load_tool: Callable,
                                                                             schedule: str, message: str) -> None:
    config.write_text(config.read_text() + f'param_scheduler = {schedule}\n')
    with pytest.raises(ConfigError, match=message):
        load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run')])
    assert not (config.parent / 'run').exists()


def test_a_training_of_no_length_is_found(config: Path, load_tool: Callable) -> None:
    config.write_text(config.read_text() + 'train_cfg = None\n')
    with pytest.raises(ConfigError, match='no train_cfg, so nothing says how long to train'):
        load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run')])
    assert not (config.parent / 'run').exists()
