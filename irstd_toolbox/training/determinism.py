"""Random numbers that depend on what is computed alone, so that a resumed run repeats an uninterrupted one."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.registry import FUNCTIONS

__all__ = ['SeededSamples', 'derived_seed', 'irstd_worker_init', 'own_random', 'seed_everything']


def derived_seed(*parts: int) -> int:
    """A seed in ``0 .. 2**32 - 1`` from any integers; equal ones give the same, close ones unrelated seeds.

    Example:
        >>> derived_seed(0, 3, 1) == derived_seed(0, 3, 1), derived_seed(0, 3, 1) == derived_seed(0, 1, 3)
        (True, False)
    """
    return int.from_bytes(hashlib.sha256(repr(tuple(map(int, parts))).encode()).digest()[:4], 'big')


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch (every device) with one number."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def own_random(seed: int) -> Iterator[None]:
    """Inside, Python's, NumPy's and torch's CPU generators start at ``seed``; afterwards they are as before."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would touch the GPUs' generators too
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


class SeededSamples:
    """Stands in for ``dataset.prepare_data``: augmentations depend on (seed, epoch, index) and on nothing else.

    Neither the number of workers, nor whether they outlive the epoch, nor an interruption then changes a sample.

    Args:
        dataset: A data set of mmengine; its ``prepare_data(index)`` runs the pipeline.
        seed: The run's seed.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset, self.seed = dataset, seed
        self.epoch = torch.zeros(1, dtype=torch.int64).share_memory_()  # seen by workers that run already

    def __call__(self, index: int) -> Any:
        with own_random(derived_seed(self.seed, int(self.epoch), index)):
            return type(self.dataset).prepare_data(self.dataset, index)


@FUNCTIONS.register_module()
def irstd_worker_init(worker_id: int) -> None:
    """Seed a data loader's worker from torch's own worker seed, which is drawn anew in every epoch.

    The engine's worker initialiser seeds with the run's seed each time: without persistent workers every epoch then
    repeats the same augmentations.

    Args:
        worker_id: Number of the worker; torch has it in the seed already.

    Note:
        Registered with the engine's root registry: a worker initialiser is looked up there alone.
    """
    seed = torch.initial_seed() % 2**32
    random.seed(seed)
    np.random.seed(seed)
    torch.set_num_threads(1)
