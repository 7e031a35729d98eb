"""Every config of the repository builds, without a download, and the network that it builds predicts."""

import copy
import json
import socket
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from PIL import Image

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.complexity import complexity
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.config_edits import load_config

ROOT = Path(__file__).resolve().parents[1]
# Suites and plans of slots are lists of configs: test_ablations_suites.py and test_slots_plan_files.py read them.
CONFIGS = sorted(
    path for path in (ROOT / 'configs').rglob('*.py') if not {'_base_', 'slots', 'suites'} & set(path.parts))
FINE_TUNING = [path for path in CONFIGS if path.parent.name == 'clip']
PRETRAINED = [path for path in CONFIGS if path.name.startswith('grounded_sam_')]
SEGMENTORS = [path for path in CONFIGS if path not in FINE_TUNING + PRETRAINED]
config = cache(Config.fromfile)


def identify(path: Path) -> str:
    return str(path.relative_to(ROOT / 'configs').with_suffix(''))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError('building a config opened a connection')
    monkeypatch.setattr(socket.socket, 'connect', refuse)


@pytest.mark.parametrize('path', sorted((ROOT / 'configs' / 'baselines').glob('*_nuaa_sirst.py')), ids=identify)
def test_a_baseline_on_nuaa_sirst_reads_it_for_training_validation_and_test(path: Path) -> None:
    cfg = config(path)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        own = loader.dataset
        assert own.name == 'NUAA-SIRST'
        assert own.data_root.endswith(('NUAA-SIRST', 'points'))


def test_there_are_configs() -> None:
    assert {'lgnet_irstd1k', 'lgnet_nuaa_sirst', 'lgnet_demo'} <= {identify(path) for path in CONFIGS}


@pytest.mark.parametrize('path', CONFIGS, ids=identify)
def test_a_config_starts_with_a_docstring(path: Path) -> None:
    assert path.read_text().startswith('"""')


@cache
def prediction(model: str) -> torch.Tensor:
    """What the network of a config, as JSON, says of a small image; configs for two data sets mostly share theirs."""
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        network = MODELS.build(json.loads(model)).eval()
    descriptor = network.target_descriptor
    with torch.no_grad():
        return network.logit_maps(torch.rand(1, network.data_preprocessor.channels, 33, 47),
                                  None if descriptor is None else torch.rand(1, descriptor.dim))[0]


@pytest.mark.parametrize('path', SEGMENTORS, ids=identify)
def test_a_config_builds_a_network_that_predicts_at_an_odd_size(path: Path) -> None:
    logits = prediction(json.dumps(config(path).model.to_dict(), sort_keys=True))
    assert logits.shape == (1, 1, 33, 47)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize('path', PRETRAINED, ids=identify)
def test_a_config_of_pretrained_parts_builds_without_them_and_says_what_it_lacks(path: Path) -> None:
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        model = MODELS.build(copy.deepcopy(config(path).model))
    assert not list(model.parameters())
    with pytest.raises(ConfigError, match='pretrained'):
        model.logit_maps(torch.rand(1, model.data_preprocessor.channels, 33, 47), None)


@pytest.mark.parametrize('path', FINE_TUNING, ids=identify)
def test_a_config_that_fine_tunes_clip_builds_it_without_its_weights(path: Path) -> None:
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        model = MODELS.build(copy.deepcopy(config(path).model))
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert 0 < trained <= sum(parameter.numel() for parameter in model.parameters())
    assert not model.encoder.loaded


@pytest.fixture(scope='module')
def scene(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a data set knows of one image of 96x64, with its target and its sentence."""
    pixels = np.zeros((64, 96), np.uint8)
    pixels[10:13, 70:73] = 255
    file = tmp_path_factory.mktemp('scene') / 'scene.png'
    Image.fromarray(pixels).save(file)
    return dict(image_id='scene', img_path=str(file), mask_path=str(file),
                description='The target is in the upper-right part of the image.')


@pytest.mark.parametrize('path', CONFIGS, ids=identify)
def test_a_configs_pipelines_build_and_bring_language_its_scene_and_in_training_its_words(
        path: Path, scene: dict) -> None:
    cfg = config(path)
    language = cfg.model.get('target_descriptor')
    for part in ('train', 'val', 'test'):
        with DefaultScope.overwrite_default_scope('irstd_toolbox'):
            pipeline = Compose(copy.deepcopy(cfg[f'{part}_dataloader'].dataset.pipeline))
        assert pipeline.transforms
        for _ in range(3 if part == 'train' else 1) if language else ():
            sample = pipeline(dict(scene))['data_samples']
            assert 'clip_image' in sample
            read = language.get('text', 'train') in ('train_and_test', 'train' if part == 'train' else '')
            assert sample.metainfo.get('description') or not read


@pytest.mark.parametrize('path', CONFIGS, ids=identify)
def test_validation_is_carved_from_training_and_never_the_test_list(path: Path) -> None:
    cfg = config(path)
    train, val = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset
    assert (train.split, train.part, val.split, val.part) == ('trainval', 'fit', 'trainval', 'holdout')
    assert train.holdout == val.holdout > 0


def test_the_default_has_the_papers_parameters_and_names_the_reading_of_its_flops() -> None:
    figures = complexity(Config.fromfile(ROOT / 'configs/lgnet_irstd1k.py').model)
    assert figures['parameters'] == 4_034_065
    assert figures['macs'] / 1e9 == pytest.approx(42.936, abs=1e-3)
    assert 'met read as FLOPs at 2 per MAC (+0.22%)' in figures['paper']
    assert figures['parts']['target_descriptor'] == dict(trainable=0, frozen=149_620_737)


def test_the_thop_preset_meets_the_papers_figure_in_macs() -> None:
    figures = complexity(Config.fromfile(ROOT / 'configs/presets/lgnet_thop_irstd1k.py').model)
    assert figures['parameters'] == 4_056_977
    assert figures['macs'] / 1e9 == pytest.approx(84.855, abs=2e-3)
    assert 'met read as MACs' in figures['paper']


def plain(value: object) -> object:
    """A config with each class, which ``to_dict`` gives by its dotted name, replaced by its own name."""
    if isinstance(value, dict):
        return {key: entry.rpartition('.')[2] if key == 'type' else plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize('part', ['model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg',
                                  'optim_wrapper', 'param_scheduler', 'custom_hooks', 'default_hooks'])
def test_the_pure_python_config_says_what_the_classic_one_says(part: str) -> None:
    classic, pure = (
        Config.fromfile(ROOT / 'configs' / folder / 'lgnet_nuaa_sirst.py').to_dict() for folder in ('', 'pure_python'))
    assert plain(pure[part]) == plain(classic[part])


def test_the_pure_python_config_is_read_as_the_classic_one_and_can_be_written() -> None:
    classic, pure = (load_config(str(ROOT / 'configs' / folder / 'lgnet_nuaa_sirst.py')) for folder in
                     ('', 'pure_python'))
    read = [name for name in classic if name.endswith(('dataloader', '_cfg', 'evaluator', 'hooks'))]
    assert len(read) > 9
    for name in [*read, 'model', 'optim_wrapper', 'param_scheduler', 'default_scope', 'visualizer', 'log_level']:
        assert pure[name] == classic[name], name
    again = Config.fromstring(pure.pretty_text, '.py')  # as a Runner writes it beside its checkpoints
    assert again.model == classic.model
