"""A training that is resumed under a changed config says what it does not take from it."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from irstd_toolbox.errors import CheckpointError


@pytest.mark.parametrize('more, told', [
    (dict(), 'is at the end of train_cfg.max_epochs=1 already: nothing is left to train'),
    (dict(epochs=2, optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adan', lr=0.01,
                                                                           betas=[0.98, 0.92, 0.99]))), ''),
    (dict(epochs=2, optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adan', lr=0.002))),
     r'whatever the config says: optim_wrapper\.optimizer\.lr 0\.01, not 0\.002\. Resume with the config'),
    (dict(epochs=2, param_scheduler=[dict(type='LinearLR', start_factor=0.1, end=9, by_epoch=True,
                                          convert_to_iter_based=True)]),
     r'whatever the config says: param_scheduler\.0\.end 16, not 36\. Resume'),
    (dict(epochs=2, optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01, momentum=0.9))),
     r'for optim_wrapper\.optimizer is of another kind or number, without momentum\.'),
    (dict(epochs=2, optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adan', lr=0.01),
                                       paramwise_cfg=dict(bias_lr_mult=2.0))),
     r'for optim_wrapper\.optimizer is of another kind or number\.'),
    (dict(epochs=2, param_scheduler=[dict(type='StepLR', step_size=1)]), r'without gamma, step_size\.')])
def test_what_a_resumed_training_does_not_take_from_its_config_is_told(
        make: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict, told: str) -> None:
    make(epochs=1, validate=False).train()
    runner = make(**{'epochs': 1, **more}, validate=False, load_from=str(tmp_path / 'work' / 'epoch_1.pth'),
                  resume=True)
    said = []
    monkeypatch.setattr(runner.logger, 'warning', said.append)
    try:
        runner.train()
    except CheckpointError as error:
        said.append(str(error))
    assert re.search(told, ' '.join(said)) if told else not said


def test_epochs_of_another_length_are_told_and_the_steps_to_come_are_counted_by_it(
        make: Callable, toy: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(epochs=1, validate=False).train()
    runner = make(epochs=3, validate=False, load_from=str(tmp_path / 'work' / 'epoch_1.pth'), resume=True,
                  loader=toy.loader(batch=4))
    said = []
    monkeypatch.setattr(runner.logger, 'warning', said.append)
    runner.train()
    assert runner.iter == runner.max_iters == 8  # 4 of the first epoch, 2 of each of the others
    assert 'is after epoch 1 and 4 steps, and an epoch has 2 here: the number of processes, the batch' in ' '.join(said)
