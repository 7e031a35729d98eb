"""tools/reparameterise.py: a trained checkpoint in, the deployed one out, whole or not at all."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from mmengine.config import Config
from torch import nn

from irstd_toolbox.conversion.reparameterise import deploy
from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.checkpoint import load_weights, read_checkpoint
from irstd_toolbox.training.publishing import publish

MODEL = '''
model = dict(
    type='IRSTDSegmentor',
    backbone=dict(type='RepISDEncoder', widths=(4, 8, 8), deploy={deploy}),
    neck=dict(type='RepISDDecoder', in_channels=(4, 8, 8), deploy={deploy}),
    decode_head=dict(type='RepISDHead', in_channels=4, hidden=4))
'''
Tool = Callable[[str], ModuleType]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """``train.py``, ``deploy.py`` and a checkpoint of the first."""
    for name, deployed in (('train', False), ('deploy', True)):
        (tmp_path / f'{name}.py').write_text(MODEL.format(deploy=deployed))
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(tmp_path / 'train.py').model)
    with torch.no_grad():
        for _ in range(3):
            model.logit_maps(torch.randn(2, 3, 16, 16), None)
    torch.save(dict(state_dict=model.state_dict(), meta=dict(epoch=7)), tmp_path / 'trained.pth')
    return tmp_path


def run(load_tool: Tool, folder: Path, config: str = 'train.py', out: str = 'deployed.pth') -> Path:
    load_tool('reparameterise').main([str(folder / config), str(folder / 'trained.pth'), str(folder / out)])
    return folder / out


def predict(folder: Path, config: str, checkpoint: str) -> torch.Tensor:
    model = MODELS.build(Config.fromfile(folder / config).model).eval()
    load_weights(model, folder / checkpoint)
    with torch.no_grad():
        return model.logit_maps(torch.linspace(-1, 1, 3 * 17 * 19).view(1, 3, 17, 19), None)[0]


def test_the_deployed_checkpoint_predicts_what_the_trained_one_does(load_tool: Tool, folder: Path, capsys) -> None:
    run(load_tool, folder)
    torch.testing.assert_close(predict(folder, 'deploy.py', 'deployed.pth'), predict(folder, 'train.py', 'trained.pth'),
                               rtol=1e-4, atol=1e-5)
    assert '8 modules fused' in capsys.readouterr().out


def test_the_deployed_checkpoint_says_what_it_was_made_from(load_tool: Tool, folder: Path) -> None:
    meta = torch.load(run(load_tool, folder), weights_only=True)['meta']
    assert meta['epoch'] == 7 and meta['reparameterised']['file'] == 'trained.pth'


def test_the_trained_checkpoint_is_not_overwritten(load_tool: Tool, folder: Path) -> None:
    before = (folder / 'trained.pth').read_bytes()
    with pytest.raises(CheckpointError, match='trained.pth is what is read, which cannot be had back'):
        run(load_tool, folder, out='trained.pth')
    assert (folder / 'trained.pth').read_bytes() == before


def test_a_name_of_a_format_that_is_not_written_is_refused(load_tool: Tool, folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r'Name it \.pth, and make the other of that: tools/publish\.py'):
        run(load_tool, folder, out='deployed.safetensors')


def test_what_is_made_of_published_weights_does_not_pass_for_their_source(load_tool: Tool, folder: Path) -> None:
    publish(folder / 'trained.pth', folder / 'single.safetensors')
    load_tool('reparameterise').main([str(folder / name) for name in ('train.py', 'single.safetensors', 'made.pth')])
    meta = read_checkpoint(folder / 'made.pth')['meta']
    assert meta['reparameterised']['file'] == 'single.safetensors' and 'source_sha256' not in meta


def test_published_weights_keep_what_they_were_made_from(load_tool: Tool, folder: Path) -> None:
    assert publish(run(load_tool, folder), folder / 'out.safetensors')['reparameterised']['file'] == 'trained.pth'


def test_a_checkpoint_of_another_form_leaves_nothing_behind(load_tool: Tool, folder: Path) -> None:
    with pytest.raises(CheckpointError, match='does not fit the model'):
        run(load_tool, folder, config='deploy.py')
    assert not (folder / 'deployed.pth').exists()


def test_a_network_without_branches_is_refused() -> None:
    with pytest.raises(ConfigError, match='Sequential has no module with a deploy'):
        deploy(nn.Sequential(nn.Conv2d(1, 1, 3)))


def test_a_deployed_network_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match='has only deployed modules'):
        deploy(MODELS.build(Config.fromfile(folder / 'deploy.py').model))


def test_any_module_with_a_method_of_that_name_is_deployed() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branch = nn.Linear(1, 1)

        def deploy(self) -> None:
            self.fused = nn.Linear(1, 1)
            del self.branch

    model = nn.Sequential(Branches(), Branches())
    assert deploy(model) == 2
    assert sorted(dict(model.named_parameters())) == ['0.fused.bias', '0.fused.weight', '1.fused.bias',
                                                      '1.fused.weight']
