"""A resumed run repeats an uninterrupted one, bit for bit."""

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from irstd_toolbox.training import hooks, irstd_worker_init
from irstd_toolbox.training.checkpoint import read_checkpoint
from irstd_toolbox.training.determinism import derived_seed, own_random
from irstd_toolbox.training.runner import IRSTDRunner

EXACT = (dict(type='EpochSeedHook'),)


def _tensors(content: Any, at: str = '') -> dict[str, torch.Tensor]:
    """Every tensor in a nest of containers, by its place."""
    if torch.is_tensor(content):
        return {at: content}
    entries = content.items() if isinstance(content, dict) else enumerate(content) \
        if isinstance(content, list | tuple) else ()
    return {name: value for key, entry in entries for name, value in _tensors(entry, f'{at}/{key}').items()}


def _assert_equal(first: dict, second: dict) -> None:
    for part in ('state_dict', 'ema_state_dict', 'optimizer'):
        ours, theirs = (_tensors(checkpoint.get(part, {})) for checkpoint in (first, second))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours), part
    assert first['param_schedulers'] == second['param_schedulers']


def test_derived_seeds_of_neighbours_are_unrelated_and_fit_numpy() -> None:
    seeds = [derived_seed(0, epoch, rank) for epoch in range(50) for rank in range(4)]
    assert len(set(seeds)) == 200
    assert max(seeds) < 2**32


def test_own_random_starts_where_told_and_leaves_no_trace() -> None:
    before = random.getstate()[1], torch.get_rng_state()
    with own_random(7):
        first = random.random(), np.random.rand(), torch.rand(1).item()
    with own_random(7):
        assert (random.random(), np.random.rand(), torch.rand(1).item()) == first
    assert random.getstate()[1] == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


@pytest.mark.parametrize('workers', [0, 2])
def test_without_epochs_a_sample_is_another_at_each_visit(make: Callable, toy: SimpleNamespace, workers: int) -> None:
    class Watch(Hook):
        def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
            for sample, values in zip(data_batch['data_samples'], data_batch['inputs'], strict=True):
                seen.setdefault(sample.image_id, []).append(values[0].item())
    seen: dict[str, list[float]] = {}
    runner = make(hooks=EXACT, loader=dict(toy.loader(workers), sampler=dict(type='InfiniteSampler')), validate=False)
    runner._train_loop = dict(type='IterBasedTrainLoop', max_iters=16)
    runner.param_schedulers = None
    runner.register_hook(Watch())
    runner.train()
    del runner.train_loop.dataloader_iterator  # ends its workers: as garbage, each is waited for 5 s
    assert sum(map(len, seen.values())) == 32 and max(map(len, seen.values())) > 2
    assert all(len(set(values)) == len(values) for values in seen.values())


def test_each_process_has_seeds_of_its_own_twice_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds, hook = [], hooks.EpochSeedHook()
    hook.samples = None
    monkeypatch.setattr(hooks, 'seed_everything', seeds.append)
    for rank in (0, 1):
        monkeypatch.setattr(hooks, 'get_rank', lambda rank=rank: rank)
        for epoch in (0, 1):
            runner = SimpleNamespace(seed=5, epoch=epoch)
            hook.before_train_epoch(runner)
            for step in (0, 1):
                hook.before_train_iter(runner, step)
    assert len(seeds) == len(set(seeds)) == 8


def test_the_worker_initialiser_follows_torchs_worker_seed() -> None:
    with own_random(0):
        torch.manual_seed(11)
        irstd_worker_init(0)
        first = random.random(), np.random.rand()
        torch.manual_seed(12)
        irstd_worker_init(0)
        assert (random.random(), np.random.rand()) != first


class _Seen(Hook):
    """Collects the training inputs, by epoch and sample."""

    def before_train(self, runner: IRSTDRunner) -> None:
        self.values = {}

    def after_train_iter(self, runner: IRSTDRunner, batch_idx: int, data_batch: Any = None,
                         outputs: Any = None) -> None:
        for sample, values in zip(data_batch['data_samples'], data_batch['inputs'], strict=True):
            self.values[runner.epoch, sample.image_id] = values[0].item()


def _inputs(runner: IRSTDRunner) -> dict:
    seen = _Seen()
    runner.register_hook(seen)
    runner.train()
    return seen.values


def test_augmentations_do_not_depend_on_the_number_of_workers(make: Callable, toy: SimpleNamespace) -> None:
    alone = _inputs(make(hooks=EXACT, validate=False))
    assert _inputs(make(hooks=EXACT, validate=False, loader=toy.loader(2))) == alone


def test_augmentations_differ_between_epochs_and_samples(make: Callable) -> None:
    values = _inputs(make(hooks=EXACT, validate=False))
    shifts = {key: value - int(key[1][-1]) for key, value in values.items()}
    assert len(set(shifts.values())) == 16


@pytest.mark.parametrize('workers, persistent', [(0, False), (2, False), (1, True)])
def test_a_resumed_run_repeats_an_uninterrupted_one(make: Callable, toy: SimpleNamespace, tmp_path: Path, workers: int,
                                                    persistent: bool) -> None:
    hooks = (*EXACT, dict(type='EMAHook'))
    resume = dict(resume=True, load_from=str(tmp_path / 'whole' / 'epoch_2.pth'))
    for work_dir, more in (('whole', {}), ('again', resume)):
        runner = make(hooks=hooks, epochs=4, loader=toy.loader(workers, persistent), work_dir=work_dir, **more)
        runner.train()
        runner.train_dataloader._iterator = None  # ends persistent workers, as above
    _assert_equal(*(read_checkpoint(tmp_path / folder / 'epoch_4.pth') for folder in ('whole', 'again')))


@pytest.mark.parametrize('workers', [0, 1])
def test_a_resumed_run_on_a_foreign_data_set_repeats_an_uninterrupted_one(make: Callable, toy: SimpleNamespace,
                                                                          tmp_path: Path,
                                                                          workers: int) -> None:
    loader = dict(toy.loader(workers), dataset=toy.PlainData())
    make(hooks=EXACT, epochs=3, loader=loader, work_dir='whole', validate=False).train()
    torch.rand(5)
    make(hooks=EXACT, epochs=3, loader=loader, work_dir='again', validate=False, resume=True,
         load_from=str(tmp_path / 'whole' / 'epoch_1.pth')).train()
    _assert_equal(*(read_checkpoint(tmp_path / folder / 'epoch_3.pth') for folder in ('whole', 'again')))


@pytest.mark.parametrize('accumulate, exact', [(1, True), (2, True), (3, False)])
def test_a_resumed_run_that_loses_a_gradient_is_warned_of(make: Callable, tmp_path: Path, accumulate: int,
                                                          exact: bool) -> None:
    whole = make(hooks=EXACT, epochs=3, work_dir='whole', validate=False, accumulate=accumulate)
    whole.train()
    make(hooks=EXACT, epochs=3, work_dir='again', validate=False, accumulate=accumulate, resume=True,
         load_from=str(tmp_path / 'whole' / 'epoch_1.pth')).train()
    ours, theirs = (_tensors(read_checkpoint(tmp_path / folder / 'epoch_3.pth')['state_dict'])
                    for folder in ('whole', 'again'))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours) == exact
    log = Path(whole.log_dir, f'{whole.timestamp}.log').read_text()
    assert ('needs epochs whose iterations, 4 here, are a multiple of optim_wrapper.accumulative_counts=3' in log,
            'will not repeat' in log) == (not exact, not exact)
