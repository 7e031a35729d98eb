"""Which checkpoint is the best, and what is written of one."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.fileio import LocalBackend

from irstd_toolbox.console import explain
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.training import hooks
from irstd_toolbox.training.hooks import CheckpointHook


@pytest.mark.parametrize(('metric', 'rule', 'right'), [
    ('irstd/Fa', 'greater', 'less'), ('irstd/IoU', 'less', 'greater'), ('loss', 'greater', 'less'),
    (['irstd/nIoU', 'irstd/pixel_FPR'], 'greater', 'less')])
def test_a_rule_that_keeps_the_worst_checkpoint_is_refused(metric: Any, rule: str, right: str) -> None:
    with pytest.raises(ConfigError, match=f"rule='{rule}'\\) would keep the worst checkpoint: .*rule={right}"):
        CheckpointHook(save_best=metric, rule=rule)


def test_a_rule_of_an_unknown_metric_is_its_owners() -> None:
    for rule in ('less', 'greater'):
        assert CheckpointHook(save_best=['mine/figure', 'irstd/IoU'], rule=[rule, 'greater']).rules == [rule, 'greater']


@pytest.mark.parametrize(('metric', 'rule', 'better'), [('irstd/IoU', 'greater', 0.6), ('irstd/Fa', 'less', 0.4)])
def test_of_equals_the_latest_is_the_best_by_either_rule(metric: str, rule: str, better: float) -> None:
    is_better = CheckpointHook(save_best=metric, rule=rule).is_better_than[metric]
    assert [is_better(value, 0.5) for value in (better, 0.5, 1 - better)] == [True, True, False]


def test_a_best_checkpoint_that_a_kill_took_its_name_stays_the_best(make: Callable, tmp_path: Path) -> None:
    best = dict(save_best='irstd/IoU', rule='greater')
    make(checkpoint=best, epochs=1).train()
    (tmp_path / 'work' / 'best_irstd_IoU_epoch_1.pth').unlink()  # before its successor was written
    runner = make(checkpoint=best, epochs=2, resume=True, load_from=str(tmp_path / 'work' / 'epoch_1.pth'))
    runner.val_loop.evaluator.metrics[0].scores = (0.4,)
    runner.train()
    assert {path.name for path in (tmp_path / 'work').glob('*best*')} == {'best.pth', 'best_irstd_IoU_epoch_1.pth'}
    assert runner.message_hub.get_info('best_score') == 0.5


@pytest.mark.parametrize('former', [False, True])
def test_a_kill_before_best_pth_is_made_up_for_though_nothing_is_left_to_train(
        former: bool, make: Callable, tmp_path: Path) -> None:
    best, folder = dict(save_best='irstd/IoU', rule='greater'), tmp_path / 'work'
    make(checkpoint=best, epochs=1).train()
    (folder / 'best.pth').unlink()
    if former:
        (folder / 'best.pth').write_bytes((folder / 'epoch_1.pth').read_bytes())
    make(checkpoint=best, epochs=1, resume=True, load_from=str(folder / 'epoch_1.pth')).train()
    assert (folder / 'best.pth').samefile(folder / 'best_irstd_IoU_epoch_1.pth')
    assert {path.name for path in folder.glob('*best*')} == {'best.pth', 'best_irstd_IoU_epoch_1.pth'}


def test_of_several_processes_all_validate_the_buffers_that_are_saved(make: Callable,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    runner, sent = make(epochs=1), []
    runner.model.register_buffer('mean', torch.ones(3))
    runner.model.register_buffer('count', torch.ones(3, dtype=torch.int64))
    monkeypatch.setattr(hooks, 'get_world_size', lambda: 2)
    monkeypatch.setattr(hooks, 'broadcast', lambda value, source: sent.append((value, source)))
    CheckpointHook().before_val_epoch(runner)
    assert len(sent) == 1 and sent[0][0] is runner.model.mean and sent[0][1] == 0
    monkeypatch.setattr(hooks, 'get_world_size', lambda: 1)
    CheckpointHook().before_val_epoch(runner)
    assert len(sent) == 1


def test_a_full_disk_names_the_checkpoint_and_leaves_no_half_of_it(make: Callable, tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    put = LocalBackend.put

    def full(self: LocalBackend, content: bytes, path: str) -> None:
        put(self, content[:len(content) // 2], path)
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr(LocalBackend, 'put', full)
    with pytest.raises(OSError) as caught:
        make(epochs=1).train()
    assert caught.value.filename == str(tmp_path / 'work' / 'epoch_1.pth')
    assert 'No space left on device. Name another place' in explain(caught.value)
    assert list((tmp_path / 'work').glob('.*partial')) == []
