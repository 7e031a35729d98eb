"""A model of one layer on eight numbers, and a runner over it."""

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from irstd_toolbox.training.runner import IRSTDRunner


class Toy(BaseModel):
    """Dropout and one weight a pixel; ``bias`` decides whether anything is predicted."""

    def __init__(self, bias: float = 0.0, nan_at: int | None = None) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.drop, self.bias, self.nan_at, self.calls = nn.Dropout(0.3), bias, nan_at, 0

    def forward(self, inputs: list, data_samples: list | None = None, mode: str = 'tensor') -> Any:
        out = self.layer(self.drop(torch.stack(list(inputs))))
        if mode == 'loss':
            self.calls += 1
            return dict(loss_a=out.square().mean() * (float('nan') if self.calls == self.nan_at else 1.0))
        for sample in data_samples:
            sample.pred_sem_seg = PixelData(data=(torch.full((1, 2, 2), self.bias) > 0).byte())
        return data_samples


class ToyData(BaseDataset):
    """Eight samples, each moved by all three random generators."""

    split, holdout, part = 'trainval', 0.5, 'holdout'

    def load_data_list(self) -> list[dict]:
        return [dict(number=i) for i in range(8)]

    def prepare_data(self, index: int) -> dict:
        shift = np.random.rand() + random.random() + torch.rand(1).item()
        sample = SegDataSample(metainfo=dict(image_id=f'image_{index}'))
        return dict(inputs=torch.full((4,), index + shift), data_samples=sample)


class ToyMetric(BaseMetric):
    default_prefix, scores = 'irstd', (0.5,)

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.extend(1 for _ in data_samples)

    def compute_metrics(self, results: list) -> dict:
        return dict(IoU=float(self.scores[0]))


def _loader(workers: int = 0, persistent: bool = False, shuffle: bool = True, batch: int = 2) -> dict:
    return dict(batch_size=batch, num_workers=workers, persistent_workers=persistent,
                sampler=dict(type='DefaultSampler', shuffle=shuffle), dataset=ToyData(serialize_data=False),
                worker_init_fn=dict(type='irstd_worker_init'))


class PlainData(torch.utils.data.Dataset):
    """A data set that is none of mmengine's."""

    metainfo = dict(name='plain')

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict:
        return ToyData.prepare_data(self, index)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., IRSTDRunner]:
    """A runner over the toy; ``hooks`` are dicts of our own."""
    def build(model: Toy | None = None, hooks: tuple = (), epochs: int = 2, loader: dict | None = None,
              checkpoint: dict | None = None, validate: bool = True, work_dir: str = 'work', accumulate: int = 1,
              **more: Any) -> IRSTDRunner:
        val = dict(val_dataloader=_loader(shuffle=False), val_cfg=dict(type='ValLoop'),
                   val_evaluator=dict(type=ToyMetric)) if validate else {}
        torch.manual_seed(0)
        given = dict(
            optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adan', lr=0.01),
                               accumulative_counts=accumulate),
            param_scheduler=[dict(type='LinearLR', start_factor=0.1, end=4, by_epoch=True, convert_to_iter_based=True)],
            visualizer=dict(type='Visualizer', vis_backends=[]))
        return IRSTDRunner(
            model=model or Toy(), work_dir=str(tmp_path / work_dir), train_dataloader=loader or _loader(),
            train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=epochs), default_scope='irstd_toolbox',
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1, **(checkpoint or {}))),
            custom_hooks=[dict(hook) for hook in hooks], randomness=dict(seed=5), **val, **{**given, **more})
    return build


@pytest.fixture
def toy() -> SimpleNamespace:
    """The classes that a test builds its own variants of."""
    return SimpleNamespace(Model=Toy, PlainData=PlainData, loader=_loader)
