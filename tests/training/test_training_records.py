"""What a run shows and writes down: progress, CSV, log file."""

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from yapf.yapflib import yapf_api

from irstd_toolbox.training import CSVLoggerHook, ProgressHook, progress
from irstd_toolbox.training.deadline_hook import DeadlineHook
from irstd_toolbox.training.progress import duration
from irstd_toolbox.training.runner import IRSTDRunner

EXACT = (dict(type='EpochSeedHook'),)


def _log(runner: IRSTDRunner) -> str:
    return Path(runner.log_dir, f'{runner.timestamp}.log').read_text()


def _rows(path: Path) -> list[dict]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def test_the_config_is_formatted_once_a_run_and_again_where_it_changed(
        make: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    formatted = []
    original = yapf_api.FormatCode
    monkeypatch.setattr(yapf_api, 'FormatCode', lambda text, **kw: formatted.append(text) or original(text, **kw))
    runner = make(epochs=3, cfg=Config(dict(train_cfg=dict(max_epochs=3))))
    runner.train()
    assert len(list((tmp_path / 'work').glob('epoch_*.pth'))) > 1 and len(set(formatted)) == len(formatted)
    told = torch.load(tmp_path / 'work' / 'epoch_3.pth', weights_only=False)['meta']['cfg']
    assert told == runner.cfg.pretty_text == Config(runner.cfg.to_dict()).pretty_text
    runner.cfg.train_cfg.max_epochs = 7
    assert runner.cfg.pretty_text == Config(runner.cfg.to_dict()).pretty_text != told


def test_a_second_run_of_a_process_draws_and_logs_into_its_own_folder(make: Callable, tmp_path: Path) -> None:
    first, second = (make(work_dir=name, visualizer=dict(type='Visualizer', name='shared', vis_backends=[
        dict(type='LocalVisBackend')])) for name in ('first', 'second'))
    second.visualizer.add_scalar('loss', 0.5)
    second.logger.info('of the second')
    assert [path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob('scalars.json')] == ['second']
    assert 'of the second' in _log(second) and 'of the second' not in _log(first)


def test_scalars_are_written_as_csv(make: Callable, tmp_path: Path) -> None:
    make(hooks=(dict(type='CSVLoggerHook', interval=2),)).train()
    train, val = (_rows(tmp_path / 'work' / f'{name}.csv') for name in ('train', 'val'))
    assert [(row['iter'], row['epoch']) for row in train] == [('2', '1'), ('4', '1'), ('6', '2'), ('8', '2')]
    assert {'lr', 'loss', 'loss_a'} <= train[0].keys()
    assert [(row['epoch'], row['irstd/IoU']) for row in val] == [('1', '0.5'), ('2', '0.5')]


def test_a_loss_that_some_iterations_lack_is_averaged_over_the_others(tmp_path: Path) -> None:
    hook = CSVLoggerHook(interval=3)
    runner = SimpleNamespace(work_dir=str(tmp_path), iter=0, epoch=0, max_iters=3, train_dataloader=[0] * 3,
                             optim_wrapper=SimpleNamespace(get_lr=lambda: dict(lr=[0.1])))
    hook.before_train(runner)
    for place, losses in enumerate((dict(loss=1.0, edge=4.0), dict(loss=2.0), dict(loss=3.0, late=5.0))):
        runner.iter = place
        hook.after_train_iter(runner, place, outputs=losses)
    row, = _rows(tmp_path / 'train.csv')
    assert row == dict(iter='3', epoch='1', lr='0.1', loss='2.0', edge='4.0', late='5.0')


def test_a_resumed_run_continues_its_csv_from_the_checkpoint(make: Callable, tmp_path: Path) -> None:
    hooks = (*EXACT, dict(type='CSVLoggerHook', interval=4))
    make(hooks=hooks, epochs=3).train()
    whole = (tmp_path / 'work' / 'train.csv').read_text()
    make(hooks=hooks, epochs=3, resume=True, load_from=str(tmp_path / 'work' / 'epoch_1.pth')).train()
    assert (tmp_path / 'work' / 'train.csv').read_text() == whole


def test_rows_after_the_checkpoint_are_dropped_from_the_csv(make: Callable, tmp_path: Path) -> None:
    hooks = (dict(type='CSVLoggerHook', interval=4),)
    make(hooks=hooks, epochs=3).train()
    make(hooks=hooks, epochs=2, resume=True, load_from=str(tmp_path / 'work' / 'epoch_1.pth')).train()
    assert [row['iter'] for row in _rows(tmp_path / 'work' / 'train.csv')] == ['4', '8']


def test_an_interval_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r'interval=0\): at least 1'):
        CSVLoggerHook(interval=0)


def test_progress_is_lines_where_there_is_no_terminal(make: Callable, capsys: pytest.CaptureFixture) -> None:
    make(hooks=(dict(type='ProgressHook', every=0.0),)).train()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('epoch 1/2  iteration 1/8  loss ')
    assert lines[0].endswith(' left')
    assert 'epoch 1/2  validation: IoU 50.00' in lines
    assert any(line.startswith('epoch 2/2  iteration 8/8') and line.endswith('0 s left') for line in lines)


@pytest.mark.parametrize(('until', 'left'), [(None, '30 s left'), (1012.0, '12 s left'), (1090.0, '30 s left')])
def test_the_time_left_is_by_the_steps_of_this_run_and_no_longer_than_its_deadline(
        until: float | None, left: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hook, clock = ProgressHook(), SimpleNamespace(now=100.0)
    monkeypatch.setattr(progress.time, 'monotonic', lambda: clock.now)
    deadline = [DeadlineHook(until, clock=lambda: 1000.0)] if until else []
    runner = SimpleNamespace(iter=40, max_iters=60, hooks=deadline, optim_wrapper=SimpleNamespace(
        get_lr=lambda: dict(lr=[0.1])))
    hook.before_train(runner)
    clock.now, runner.iter = 120.0, 47  # 8 steps in 20 s, and 12 to come
    assert hook._state(runner, None) == f'lr 1.00e-01  {left}'


def test_a_terminal_gets_a_bar(make: Callable, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('FORCE_COLOR', '1')
    monkeypatch.setenv('TERM', 'xterm')
    runner = make(hooks=(dict(type='ProgressHook'),))
    runner.train()
    out = capsys.readouterr().out
    assert 'epoch 2/2' in out and '100%' in out
    assert next(hook for hook in runner.hooks if isinstance(hook, ProgressHook)).bar is None


def test_the_console_shows_no_chatter_and_the_log_file_has_it(make: Callable, capsys: pytest.CaptureFixture) -> None:
    runner = make(hooks=(dict(type='ProgressHook'),))
    runner.train()
    assert 'Hooks will be executed' not in capsys.readouterr().out
    assert 'Hooks will be executed' in _log(runner)


@pytest.mark.parametrize('seconds, text', [(0, '0 s'), (61, '1 min 1 s'), (7260, '2 h 1 min')])
def test_durations_are_said_as_a_person_says_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text
