"""What the documentation prints is loaded and built as it is printed there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from irstd_toolbox import plugins
from irstd_toolbox.models.complexity import complexity
from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.registry import BACKBONES, MODELS


@pytest.fixture
def printed(repository: Path) -> Callable[[str, str], str]:
    """The first Python block of a page that holds a word."""
    def find(page: str, word: str) -> str:
        blocks = re.findall(r'```python\n(.*?)```', (repository / 'docs' / f'{page}.md').read_text(), re.S)
        return next(block for block in blocks if word in block)
    return find


@pytest.mark.parametrize(('page', 'slot', 'name'), [
    ('add_a_provider', 'register_text_prior_providers', 'horizon'), ('add_a_model', 'register_backbones', 'MyEncoder'),
    ('metrics_and_protocols', 'register_protocols', 'mycompany')])
def test_a_printed_plugin_loads(folder, put, printed, registered, page, slot, name):
    put(folder, f'printed_{page}', printed(page, '@hookimpl'))
    report = load_plugins(folder)
    assert not report.failed and registered()[slot] == [name]


def test_the_printed_config_builds_the_printed_backbone_and_predicts(
        repository, folder, tmp_path, put, printed, monkeypatch):
    put(folder, 'printed_network', printed('add_a_model', '@hookimpl'))
    load_plugins(folder)
    encoder = plugins.SLOTS['register_backbones'].module_dict['MyEncoder']
    monkeypatch.setitem(BACKBONES.module_dict, 'MyEncoder', encoder)
    base = repository / 'configs' / 'lgnet_irstd1k.py'
    put(tmp_path, 'mynet', printed('add_a_model', '_base_').replace('./lgnet_irstd1k.py', str(base)))
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        config = Config.fromfile(tmp_path / 'mynet.py').model
        model = MODELS.build(config).eval()
        assert 'paper' not in complexity(config)  # whose figure is LGNet's
    assert type(model.backbone) is encoder
    with torch.no_grad():
        maps = model.logit_maps(torch.rand(1, 3, 33, 47), torch.rand(1, model.target_descriptor.dim))
    assert maps[0].shape == (1, 1, 33, 47)
