"""MDvsFA-cGAN, with its three optimizers, through tools/train.py and tools/test.py."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from irstd_toolbox.training.checkpoint import read_checkpoint

MODEL = '''
model = dict(
    type='MDvsFA',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=127.5, std=127.5, channels=1),
    network=dict(type='MDvsFAGenerators', width=4),
    discriminator=dict(type='MDvsFADiscriminator', side=4))
adam = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, betas=(0.5, 0.999)))
optim_wrapper = dict(
    constructor='SeparateOptimizers', discriminator=adam,
    miss=dict(adam, part='network.miss'), alarm=dict(adam, part='network.alarm'))
param_scheduler = [dict(type='StepLR', step_size=1, gamma=0.5)]
'''


def same(one: object, other: object) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(one, other) if torch.is_tensor(one) else one == other


@pytest.fixture
def adversarial(config: Path) -> Path:
    config.write_text(config.read_text() + MODEL)
    return config


def test_training_resumes_as_if_never_stopped_and_is_tested_without_its_discriminator(
        adversarial: Path, load_tool: Callable[[str], ModuleType], tmp_path: Path) -> None:
    whole, parted = tmp_path / 'whole', tmp_path / 'parted'
    load_tool('train').main([str(adversarial), '--work-dir', str(whole)])
    parted.mkdir()
    (whole / 'epoch_1.pth').rename(parted / 'epoch_1.pth')
    load_tool('train').main([str(adversarial), '--work-dir', str(parted), '--resume'])
    once, again = (read_checkpoint(folder / 'epoch_2.pth') for folder in (whole, parted))
    assert same(once['state_dict'], again['state_dict']) and same(once['optimizer'], again['optimizer'])
    assert set(once['optimizer']) == {'discriminator', 'miss', 'alarm'}
    assert 'alarm.lr' in (whole / 'train.csv').read_text().splitlines()[0]
    load_tool('test').main([str(adversarial), str(whole / 'best.pth'), '--device', 'cpu'])
    assert (whole / 'test' / 'results.json').is_file()


def test_an_optimizer_that_is_not_registered_is_found_before_training(
        adversarial: Path, load_tool: Callable[[str], ModuleType], tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="'Adamm' is not a registered optimizer"):
        load_tool('train').main([str(adversarial), '--work-dir', str(tmp_path / 'run'), '--cfg-options',
                                 'optim_wrapper.alarm.optimizer.type=Adamm'])
    assert not (tmp_path / 'run').exists()
