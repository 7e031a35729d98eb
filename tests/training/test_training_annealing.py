"""Schedules that end with the time of a training."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import ParamSchedulerHook
from mmengine.optim import CosineAnnealingLR, LinearLR, MultiStepLR

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.training.anneal_hook import AnnealHook
from irstd_toolbox.training.deadline_hook import DeadlineHook
from irstd_toolbox.training.progress import ProgressHook
from irstd_toolbox.training.session import start_training

EPOCHS, STEPS = 30, 4  # of the config: 120 steps


class Training:
    """A training whose steps take as long as a test says, with a rate of 0.8 that a schedule moves."""

    def __init__(self, until: float, schedule: str, skip: int = 2, margin: float = 10.0) -> None:
        self.now = 0.0
        self.optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.8)
        self.deadline = DeadlineHook(until, margin=margin, clock=lambda: self.now)
        self.hook = AnnealHook(skip)
        cosine = dict(begin=0, end=EPOCHS, eta_min=0.0, by_epoch=True)
        scheduler = {
            'cosine': lambda: CosineAnnealingLR.build_iter_from_epoch(self.optimizer, epoch_length=STEPS, **cosine),
            'warm-up': lambda: LinearLR(self.optimizer, start_factor=0.25, begin=0, end=60, by_epoch=False),
            'epochs': lambda: MultiStepLR(self.optimizer, milestones=[10, 20], gamma=0.1)}[schedule]()
        self.runner = SimpleNamespace(
            hooks=[self.hook, self.deadline], param_schedulers=[scheduler], max_epochs=EPOCHS,
            max_iters=EPOCHS * STEPS, train_dataloader=[0] * STEPS)
        self.hook.before_run(self.runner)
        self.hook.before_train(self.runner)

    @property
    def rate(self) -> float:
        return self.optimizer.param_groups[0]['lr']

    def step(self, seconds: float) -> float:
        """The rate after a step."""
        self.now += seconds
        self.optimizer.step()
        for hook in (ParamSchedulerHook(), self.hook):
            hook.after_train_iter(self.runner, 0)
        return self.rate


def test_a_cosine_is_where_the_share_of_the_time_has_it() -> None:
    training = Training(until=130.0, schedule='cosine')
    for _ in range(2):
        training.step(10.0)  # a compiler; two steps of the schedule
    for seconds in (20.0, 5.0, 25.0, 49.0, 0.5):  # of the 100 that are left to 10 s before the end
        rate = training.step(seconds)
        share = 2 / 120 + 118 / 120 * (training.now - 20.0) / 100
        assert rate == pytest.approx(0.4 * (1 + math.cos(math.pi * int(share * 120 + 1e-9) / 120)), rel=1e-6)
    assert training.now == 119.5 and rate < 2e-4


def test_schedules_of_epochs_go_by_the_epochs_of_the_config() -> None:
    training = Training(until=110.0, schedule='epochs', skip=1)
    rates = [training.step(seconds) for seconds in (0.0, 32.0, 2.0, 32.0, 2.0)]
    assert rates == pytest.approx([0.8, 0.8, 0.08, 0.08, 0.008])


def test_a_schedule_never_falls_behind_the_steps_that_were_done() -> None:
    training = Training(until=1e9, schedule='warm-up')
    rates = [training.step(1e-3) for _ in range(60)]
    assert rates[29] == pytest.approx(0.8 * (0.25 + 0.75 * 30 / 59)) and rates[59] == pytest.approx(0.8)


def test_a_schedule_goes_on_from_where_an_earlier_slot_left_it() -> None:
    training = Training(until=110.0, schedule='warm-up', skip=1)
    training.optimizer.step()
    for _ in range(29):
        training.runner.param_schedulers[0].step()
    assert training.step(0.0) == pytest.approx(0.8 * (0.25 + 0.75 * 30 / 59))
    training.step(20.0)  # a fifth of the 90 steps that are left
    assert training.rate == pytest.approx(0.8 * (0.25 + 0.75 * 48 / 59))


def test_a_validation_is_left_its_time() -> None:
    training = Training(until=130.0, schedule='cosine', skip=0)
    training.deadline.before_val_epoch(training.runner)
    training.now = 20.0
    training.deadline.after_val_epoch(training.runner)
    training.now = 0.0
    assert training.step(99.0) == pytest.approx(0.4 * (1 + math.cos(math.pi * 118 / 120)))  # of 130 - 10 - 20
    assert training.step(1.0) == pytest.approx(0.4 * (1 + math.cos(math.pi * 119 / 120)))  # the engine's last


@pytest.mark.parametrize('val_begin, begun', [(1, 1), (9, 4)])
def test_the_end_of_the_time_is_the_last_epoch_and_is_validated(val_begin: int, begun: int) -> None:
    training = Training(until=100.0, schedule='cosine', margin=5.0)
    training.deadline.epoch_times.append(20.0)
    training.deadline.val_times.append(20.0)
    loop = SimpleNamespace(stop_training=False, val_begin=val_begin, val_interval=99, max_epochs=30, _max_epochs=30)
    runner = SimpleNamespace(train_loop=loop, val_loop=object(), epoch=3, max_epochs=30,
                             logger=SimpleNamespace(info=lambda text: None))
    training.now = training.deadline.epoch_began = 55.0  # an epoch, a validation and 5 s are 45 s
    training.deadline.after_train_epoch(runner)
    assert not loop.stop_training
    training.now = training.deadline.epoch_began = 55.1
    training.deadline.after_train_epoch(runner)
    assert loop.stop_training and (loop._max_epochs, loop.val_begin) == (4, begun)


def test_the_validation_of_the_last_epoch_is_left_its_time_at_any_interval() -> None:
    stopped, now = [], 0.0
    deadline = DeadlineHook(100.0, margin=5.0, clock=lambda: now)
    deadline.epoch_times.append(20.0)
    deadline.val_times.append(30.0)
    for now in (45.0, 45.1):  # an epoch, its validation and 5 s are 55 s
        loop = SimpleNamespace(stop_training=False, val_begin=1, val_interval=99, max_epochs=5)
        deadline.epoch_began = now
        deadline.after_train_epoch(SimpleNamespace(train_loop=loop, val_loop=object(), epoch=3, max_epochs=5,
                                                   logger=SimpleNamespace(info=lambda text: None)))
        stopped.append(loop.stop_training)
    assert stopped == [False, True]


@pytest.mark.parametrize('until, left', [(160.0, '1 min 0 s'), (1e9, '16 min 40 s'), (90.0, '0 s')])
def test_the_time_left_is_no_longer_than_the_time_there_is(until: float, left: str,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    progress = ProgressHook()
    monkeypatch.setattr('irstd_toolbox.training.progress.time.monotonic', lambda: progress.now)
    progress.now = 5.0
    deadline = DeadlineHook(until, clock=lambda: 100.0)
    runner = SimpleNamespace(iter=0, max_iters=101, epoch=0, max_epochs=1, hooks=[deadline],
                             optim_wrapper=SimpleNamespace(get_lr=lambda: dict(lr=[0.5])))
    progress.before_train(runner)
    progress.now = 15.0  # a step of 10 s, and 100 to come
    assert progress._state(runner, None) == f'lr 5.00e-01  {left} left'


def test_a_training_without_schedules_is_told_once_that_none_ends() -> None:
    training, told = Training(until=100.0, schedule='cosine'), []
    training.runner.logger = SimpleNamespace(warning=told.append)
    by_metric = [SimpleNamespace(need_val_args=True)]
    for schedulers, said in ((training.runner.param_schedulers, 0), (None, 1), (by_metric, 2)):
        training.runner.param_schedulers = schedulers
        training.hook.before_train(training.runner)
        for _ in range(3):
            training.hook.after_train_iter(training.runner, 0)
        assert len(told) == said
    assert told[0].startswith('--anneal finds no schedule that goes by time, so the learning rate stays as it is.')


def test_a_schedule_without_an_end_of_the_time_is_refused() -> None:
    with pytest.raises(ConfigError, match='--minutes'):
        AnnealHook().before_run(SimpleNamespace(hooks=[]))
    with pytest.raises(ConfigError, match='--anneal ends the schedules'):
        start_training('configs/lgnet_irstd1k.py', anneal=True)


def test_steps_to_skip_that_would_never_end_are_refused() -> None:
    with pytest.raises(ConfigError, match=r'AnnealHook\(skip=-1\): a number of at least 0'):
        AnnealHook(skip=-1)


def test_one_text_in_the_place_of_the_metrics_to_show_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"metrics='irstd/IoU'\): a list of keys is expected"):
        ProgressHook(metrics='irstd/IoU')
