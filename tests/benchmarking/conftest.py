"""Two small data sets that share images, configs of them, and tools that pretend to train but score truly."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

NETWORK = '''
default_scope = 'irstd_toolbox'
env_cfg = dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
randomness = dict(seed=0)
log_level = 'ERROR'
model = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=100.0, std=50.0, channels=1),
    backbone=dict(type='RSUEncoder', in_channels=1, stages=((3, 4, 8), (3, 4, 8))),
    neck=dict(type='RSUDecoder', in_channels=(8, 8), stages=((3, 4, 8), (3, 4, 8), ('2F', 4, 8))),
    decode_head=dict(type='GatedOutputHead', in_channels=(8, 8, 8), shallow=1, prior=None),
    loss=dict(type='BCELoss'))
pipeline = [dict(type='LoadImage'), dict(type='LoadTargetMask'), dict(type='PackInputs')]
data = dict(type='IRSTDDataset', data_root='{root}', pipeline=pipeline)
train_dataloader = dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True), dataset=dict(
    data, split='trainval', holdout=0.25))
val_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(
    data, split='trainval', holdout=0.25, part='holdout'))
test_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(
    data, split='test'))
val_evaluator = dict(type='IRSTDMetric')
test_evaluator = dict(type='IRSTDMetric')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=0.01))
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=2, save_best='irstd/IoU', rule='greater'))
custom_hooks = [dict(type='EpochSeedHook'), dict(type='StampHook')]
'''
FORMULA = '''
default_scope = 'irstd_toolbox'
model = dict(type='ModelDrivenDetector', method=dict(type='TopHat', size=5), threshold=dict(type='FixedThreshold'))
pipeline = [dict(type='LoadImage'), dict(type='LoadTargetMask'), dict(type='PackInputs')]
test_dataloader = dict(batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False), dataset=dict(
    type='IRSTDDataset', data_root='{root}', split='test', pipeline=pipeline))
test_evaluator = dict(type='IRSTDMetric')
test_cfg = dict(type='TestLoop')
'''
TRAIN = '''
import json, os, shutil, sys, time
from pathlib import Path
words, here = sys.argv[1:], Path(__file__).parent
config, run = Path(words[0]).read_text(), Path(words[words.index('--work-dir') + 1])
with open(here / 'calls', 'a') as file:
    file.write(json.dumps(['train', *words, os.environ.get('CUDA_VISIBLE_DEVICES')]) + '\\n')
if 'BROKEN' in config:
    print('error: the loss is no finite number')
    sys.exit(2)
run.mkdir(parents=True, exist_ok=True)
if 'SLOW' in config and not (run / 'begun').exists():
    (run / 'begun').write_text(str(os.getpid()))
    time.sleep(60)
for name in ('best_irstd_IoU_epoch_1.pth', 'epoch_1.pth'):
    shutil.copy(here / 'weights.pth', run / name)
'''
# Predicts the masks themselves, but nothing in the first image of the list: IoU below 1, and another one without it.
# The same answer is computed once a session.
TEST = '''
import hashlib, json, runpy, shutil, sys
from pathlib import Path
words, here = sys.argv[1:], Path(__file__).parent
with open(here / 'calls', 'a') as file:
    file.write(json.dumps(['test', *words]) + '\\n')
out = Path(words[words.index('--out') + 1])
names = [word for word in words[words.index('--protocol') + 1:] if not word.startswith('--')]
data = runpy.run_path(words[0])['test_dataloader']['dataset']
root = Path(data['data_root'])
root = root if (root / 'test.txt').exists() else root / data['name']
ids = (root / 'test.txt').read_text().split()[:data.get('indices')]
known = Path((here / 'known').read_text(), hashlib.sha256(repr((ids, names)).encode()).hexdigest())
if not known.exists():
    import cv2
    import numpy as np
    from irstd_toolbox.evaluation.protocols import resolve
    from irstd_toolbox.evaluation.results import score_image, summarise, write_results
    (known / 'predictions').mkdir(parents=True)
    scores = []
    for number, image_id in enumerate(ids):
        truth = cv2.imread(str(root / 'masks' / f'{image_id}.png'), 0) > 0
        found = truth & (number > 0)
        cv2.imwrite(str(known / 'predictions' / f'{image_id}.png'), found.astype(np.uint16) * 65535)
        scores.append(score_image(image_id, found.astype(float), truth, resolve(names)))
    write_results(known / 'results.json', summarise(scores, resolve(names), dataset='scenes', split='test'))
shutil.copytree(known, out, dirs_exist_ok=True)
if words[1].endswith('.pth'):
    results = json.loads((out / 'results.json').read_text())
    results['checkpoint'] = dict(path=words[1], selection=dict(on='holdout'))
    (out / 'results.json').write_text(json.dumps(results))
'''
NO_LEAKS = '''
import json, sys
from pathlib import Path
if json.loads(Path(sys.argv[1]).read_text())['step'] == 'leaks':
    found = dict(images=2, trained_images=3, leaked=[], by_id=0, equal=0, near=0)
    Path(sys.argv[2]).write_text(json.dumps(found))
else:
    from irstd_toolbox.benchmarking.worker import main
    main()
'''


def write_scenes(root: Path, names: dict[str, int], lists: dict[str, list[str]]) -> Path:
    """Images by name, drawn from the seed that each has, with one target of 2x3 pixels each."""
    for folder in ('images', 'masks'):
        (root / folder).mkdir(parents=True)
    for name, seed in names.items():
        rng = np.random.default_rng(seed)
        image, mask = rng.integers(60, 100, (20, 24)).astype(np.uint8), np.zeros((20, 24), np.uint8)
        row, column = rng.integers(2, 16, 2)
        mask[row:row + 2, column:column + 3] = 255
        image[mask > 0] = 230
        cv2.imwrite(str(root / 'images' / f'{name}.png'), image)
        cv2.imwrite(str(root / 'masks' / f'{name}.png'), mask)
    for name, ids in lists.items():
        (root / f'{name}.txt').write_text('\n'.join(ids) + '\n')
    return root


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, Path]:
    """Data set A trains on a0 to a3 and tests on a4 and a5; B's first test image has the pixels of a1."""
    a = {f'a{number}': number for number in range(6)}
    b = {'b0': 10, 'b1': 11, 'b2': 12, 'b3': 1, 'b4': 13, 'b5': 14}
    return {
        'A': write_scenes(tmp_path / 'A', a, {'trainval': list(a)[:4], 'test': list(a)[4:]}),
        'B': write_scenes(tmp_path / 'B', b, {'trainval': list(b)[:3], 'test': list(b)[3:]})}


@pytest.fixture
def network(tmp_path: Path, roots: dict[str, Path]) -> Path:
    """The config of a network on A."""
    path = tmp_path / 'network.py'
    path.write_text(NETWORK.replace('{root}', str(roots['A'])))
    return path


@pytest.fixture
def formula(tmp_path: Path, roots: dict[str, Path]) -> Path:
    """The config of a model-driven method on A."""
    path = tmp_path / 'formula.py'
    path.write_text(FORMULA.replace('{root}', str(roots['A'])))
    return path


@pytest.fixture(scope='session')
def known_answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pretended test.py keeps what it computed."""
    return tmp_path_factory.mktemp('answers')


@pytest.fixture
def tools(tmp_path: Path, known_answers: Path) -> Path:
    """A folder with train.py, which copies weights.pth, and test.py, which predicts the truth but for one image."""
    folder = tmp_path / 'tools'
    folder.mkdir()
    (folder / 'train.py').write_text(TRAIN)
    (folder / 'test.py').write_text(TEST)
    (folder / 'no_leaks.py').write_text(NO_LEAKS)
    (folder / 'known').write_text(str(known_answers))
    torch.save(dict(state_dict={}, meta=dict(iter=7, epoch=1, seed=5)), folder / 'weights.pth')
    return folder


@pytest.fixture
def calls(tools: Path) -> Callable[[], list[list[str]]]:
    """``calls()``: the tools called since the last time, each with its words."""
    def read() -> list[list[str]]:
        file = tools / 'calls'
        if not file.exists():
            return []
        found = [json.loads(line) for line in file.read_text().splitlines()]
        file.unlink()
        return found
    return read


@pytest.fixture
def true_worker() -> None:
    """Asked for beside ``benchmark_tool``, lists are really compared; otherwise there is no leak."""


@pytest.fixture
def benchmark_tool(repository: Path, load_tool: Callable, tools: Path, monkeypatch: pytest.MonkeyPatch,
                   request: pytest.FixtureRequest) -> Callable[..., int]:
    """``benchmark_tool(words...)`` runs tools/benchmark.py with the pretended tools and without reports."""
    from irstd_toolbox.benchmarking import reports, steps
    if 'true_worker' not in request.fixturenames:
        monkeypatch.setattr(steps, 'WORKER', 'no_leaks')
    module = load_tool('benchmark')
    monkeypatch.setattr(module, '__file__', str(tools / 'benchmark.py'))
    monkeypatch.setattr(reports, 'write_reports', lambda folder, **_: [])
    monkeypatch.setenv('PYTHONPATH', f'{repository}{os.pathsep}{tools}')

    def run(*words: object) -> int:
        return module.main([*map(str, words), '--repeats', '0'])
    return run
