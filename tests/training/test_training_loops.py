"""Trainings that count iterations: their epochs, and what may not wait for the end of one."""

import csv
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmengine.runner import IterBasedTrainLoop as EngineLoop

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.training import schedule_checks
from irstd_toolbox.training.loops import IterBasedTrainLoop
from irstd_toolbox.training.runner import IRSTDRunner

LENGTH = 4  # steps of an epoch of the toy


@pytest.fixture
def iterations(make: Callable, toy: SimpleNamespace) -> Callable[..., IRSTDRunner]:
    """A training of the toy by a loop as told, whose sampler has no end: the engine waits 2 s where one has."""
    def train(*hooks: Hook, **loop: Any) -> IRSTDRunner:
        runner = make(hooks=(dict(type='CSVLoggerHook'),), checkpoint=dict(by_epoch=False),
                      loader=dict(toy.loader(), sampler=dict(type='InfiniteSampler')))
        runner._train_loop, runner.param_schedulers = loop, None
        for hook in hooks:
            runner.register_hook(hook)
        runner.train()
        return runner
    return train


@pytest.mark.parametrize('kind', [dict(type='IterBasedTrainLoop'), dict(by_epoch=False)])
def test_epochs_of_a_training_that_counts_iterations_are_passes_over_its_list(
        kind: dict, iterations: Callable, tmp_path: Path) -> None:
    class Watch(Hook):
        def after_train_iter(self, runner: IRSTDRunner, *args: Any, **kwargs: Any) -> None:
            seen.append((runner.iter, runner.epoch, MessageHub.get_current_instance().get_info('epoch')))

    seen: list[tuple] = []
    runner = iterations(Watch(), **kind, max_iters=9, val_interval=2)
    assert isinstance(runner.train_loop, IterBasedTrainLoop) and len(runner.train_dataloader) == LENGTH
    assert seen == [(step, step // LENGTH, step // LENGTH) for step in range(9)] and runner.max_epochs == 3
    rows = {name: [(int(row['iter']), int(row['epoch'])) for row in csv.DictReader(
        (tmp_path / 'work' / f'{name}.csv').read_text().splitlines())] for name in ('train', 'val')}
    assert rows == dict(train=[(4, 1), (9, 3)], val=[(2, 0), (4, 1), (6, 1), (8, 2), (9, 2)])


def test_the_engines_own_loop_stays_within_reach(iterations: Callable) -> None:
    runner = iterations(type='mmengine.IterBasedTrainLoop', max_iters=5)
    assert type(runner.train_loop) is EngineLoop and runner.epoch == 0


COUNTED = dict(type='IterBasedTrainLoop', max_iters=9)
SAVER = dict(checkpoint=dict(interval=3, by_epoch=False))


@pytest.mark.parametrize(('given', 'said'), [
    (dict(default_hooks=dict(checkpoint=dict(interval=3))), 'default_hooks.checkpoint.by_epoch=False'),
    (dict(train_cfg=dict(by_epoch=False, max_iters=9), default_hooks=dict(checkpoint=dict(interval=3))), 'by_epoch=Fa'),
    (dict(param_scheduler=dict(type='PolyLR', end=9)), 'param_scheduler PolyLR epochs'),
    (dict(param_scheduler=dict(generator=[dict(type='PolyLR', end=9)])), 'param_scheduler PolyLR epochs'),
    (dict(train_cfg=dict(max_iters=9)), 'exactly one of type and by_epoch'),
    (dict(train_cfg=dict(COUNTED, by_epoch=False)), 'exactly one of type and by_epoch'),
    (dict(param_scheduler=[dict(type='PolyLR', end=9, by_epoch=False)]), None),
    (dict(param_scheduler=[dict(type='PolyLR', end=9, by_epoch=True, convert_to_iter_based=True)]), None),
    (dict(param_scheduler=dict(type='ReduceOnPlateauLR', monitor='irstd/IoU', rule='greater')), None),
    (dict(default_hooks=dict(checkpoint=dict(interval=-1))), None), (dict(default_hooks=dict(checkpoint=None)), None),
    (dict(train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=9), default_hooks=dict(checkpoint=dict(interval=3)),
          param_scheduler=dict(type='PolyLR', end=9)), None)])
def test_what_waits_for_the_end_of_an_epoch_is_refused_where_none_ends(given: dict, said: str | None) -> None:
    config = Config(dict(dict(train_cfg=COUNTED, default_hooks=SAVER), **given))

    with DefaultScope.overwrite_default_scope('irstd_toolbox'), (
            pytest.raises(ConfigError, match=said) if said else nullcontext()):
        if schedule_checks.counts_iterations(config.train_cfg):
            schedule_checks.check_counting(config)
