"""Hand-made benchmarks: rows as ``benchmark.json`` holds them, and a tiny data set with predictions."""

import copy
import json

import cv2
import numpy as np
import pytest

from irstd_toolbox.benchmarking.reports import write_reports
from irstd_toolbox.evaluation.prediction_io import write_prediction
from irstd_toolbox.evaluation.protocols import get
from irstd_toolbox.evaluation.results import hash_ids

IDS = ('a1', 'a2', 'a3')


@pytest.fixture
def row():
    """``row('LGNet', 0.7, 0.8)`` is a row with IoU over two seeds; keywords replace fields, ``Pd=[...]`` a metric."""
    def make(name='LGNet', *ious, **changes):
        ious = list(ious) or [0.7]
        values = {'IoU': ious, 'nIoU': [0.6] * len(ious), 'Pd': [0.9] * len(ious), 'Fa': [5e-6] * len(ious)}
        values |= {key: changes.pop(key) for key in tuple(values) if key in changes}
        fields = dict(
            name=name, group=None, config='configs/lgnet.py', trained_on='IRSTD-1k', tested_on='IRSTD-1k',
            split='test', list='official', leaked=0, protocol='canonical',
            protocol_sha256=get('canonical').fingerprint(), ids_sha256='e' * 64, images=201, targets=297,
            reports=['IoU', 'nIoU', 'Pd', 'Fa'], seeds=list(range(len(ious))), values=values, selection='holdout',
            trained_before=None, text_at_test=False, oracle_threshold=False, threshold=None, iterations=1000,
            cost=None, folders=[], data_root='data/IRSTD-1k', failed=None)
        strangers = set(changes) - set(fields)
        if strangers:
            raise KeyError(strangers)
        return copy.deepcopy(fields | changes)
    return make


@pytest.fixture
def write(tmp_path):
    """``write(rows, references, **fields)`` makes a benchmark's folder."""
    def make(rows, references=(), **changes):
        fields = dict(
            format=1, title='Suite', command=['tools/benchmark.py', 'suite.py'], version='0.1', commit='abc',
            date='2026-01-02T03:04:05', machine=dict(cpu='CPU', cores=2, gpu=None, torch='2.6'), rows=rows,
            references=list(references))
        folder = tmp_path / 'benchmark'
        folder.mkdir(exist_ok=True)
        (folder / 'benchmark.json').write_text(json.dumps(fields | changes))
        return folder
    return make


@pytest.fixture
def reference():
    """Published figures."""
    return dict(name='LGNet', source='LGNet paper, Table 4', protocol='not fully stated', dataset='IRSTD-1k',
                values=dict(IoU=0.733, Fa=4.09e-06))


@pytest.fixture
def predicted(tmp_path, row):
    """Rows of two methods whose predictions lie in the benchmark's folder; the second misses every target of ``a2``."""
    data, folder = tmp_path / 'data' / 'tiny', tmp_path / 'benchmark'
    rng = np.random.default_rng(1)
    for part in ('images', 'masks'):
        (data / part).mkdir(parents=True)
    (data / 'test.txt').write_text('\n'.join(IDS))
    for number, image_id in enumerate(IDS):
        mask = np.zeros((40, 48), np.uint8)
        mask[6 + 8 * number:9 + 8 * number, 10:13] = 255
        image = rng.integers(20, 60, mask.shape).astype(np.uint8) + mask // 2
        for part, values in (('images', image), ('masks', mask)):
            cv2.imwrite(str(data / part / f'{image_id}.png'), values)
        for method in ('good', 'bad'):
            found = np.where(mask > 0, 60000, 100).astype(np.uint16)
            if method == 'bad' and image_id == 'a2':
                found[:] = 100
            write_prediction(folder / 'runs' / method / 'predictions' / f'{image_id}.png', found)
    about = dict(tested_on='tiny', trained_on='tiny', ids_sha256=hash_ids(IDS), images=3, targets=3,
                 data_root=str(data), group='Table 6')
    return [row('good', 1.0, folders=['runs/good'], **about), row('bad', 0.6, folders=['runs/bad'], **about)]


@pytest.fixture
def reports(write):
    """``reports(rows, ...)`` writes the reports without figures and gives their texts by suffix."""
    def make(rows, references=(), **changes):
        paths = write_reports(write(rows, references, **changes), figures=False)
        return {path.suffix[1:]: path.read_text(encoding='utf-8') for path in paths}
    return make
