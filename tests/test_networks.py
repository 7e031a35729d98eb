"""What every network of the configs keeps to: one test each over all networks under ``configs/baselines`` and LGNet.

Full-size networks, small images. A config of the same network (another data set, another recipe) is not held twice.
"""

import copy
import json
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox.models import IRSTDSegmentor
from irstd_toolbox.registry import MODELS

ROOT = Path(__file__).resolve().parents[1] / 'configs'


def networks() -> dict[str, dict]:
    """The model of each config whose network no other config has, by the config's name."""
    found: dict[str, tuple[str, dict]] = {}
    known = {path.name for path in (ROOT / 'baselines').glob('*.py')}
    twins = {name for name in known if name.replace('_nuaa_sirst', '_irstd1k') in known - {name}}
    for path in [ROOT / 'lgnet_irstd1k.py', *(ROOT / 'baselines' / name for name in sorted(known - twins))]:
        model = Config.fromfile(path).model.to_dict()
        if not issubclass(MODELS.get(model['type']), IRSTDSegmentor):
            continue
        model.pop('target_descriptor', None)
        same = {key: value for key, value in model.items() if key not in ('loss', 'supervision', 'init_cfg')}
        same['data_preprocessor'] = same.get('data_preprocessor', {}).get('channels', 3)
        found.setdefault(json.dumps(same, sort_keys=True, default=str), (path.stem, model))
    return dict(found.values())


NETWORKS = networks()


@cache
def original(name: str) -> tuple[IRSTDSegmentor, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    model = MODELS.build(copy.deepcopy(NETWORKS[name]))
    return model, copy.deepcopy(model.state_dict())


@pytest.fixture
def model(name: str) -> IRSTDSegmentor:
    """The network, its weights and statistics as they were built."""
    model, state = original(name)
    model.load_state_dict(state)
    model.zero_grad()
    return model


def logit_maps(model: IRSTDSegmentor, batch: int, height: int, width: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    grey = torch.rand(batch, 1, height, width, generator=generator)
    inputs = grey.expand(-1, model.data_preprocessor.channels, -1, -1)
    return model.logit_maps(inputs, torch.rand(batch, 512, generator=generator))


def samples(batch: int, size: int) -> list[SegDataSample]:
    made = []
    for i in range(batch):
        mask = torch.zeros(1, size, size, dtype=torch.uint8)
        mask[:, 8 + i:12 + i, 9:13] = 1
        made.append(SegDataSample(gt_sem_seg=PixelData(data=mask)))
    return made


@pytest.mark.parametrize('name', NETWORKS)
class TestNetwork:

    def test_gradients_reach_every_parameter(self, name, model):
        generator = torch.Generator().manual_seed(1)
        grey = torch.randn(2, 1, 32, 32, generator=generator)
        inputs = grey.expand(-1, model.data_preprocessor.channels, -1, -1)
        maps = model.train().logit_maps(inputs, torch.randn(2, 512, generator=generator))
        losses = model._losses(maps, inputs, samples(2, 32))
        sum(losses.values()).backward()
        missing = [key for key, value in model.named_parameters()
                   if value.requires_grad and (value.grad is None or not value.grad.isfinite().all())]
        assert missing == []

    @pytest.mark.parametrize('training', [True, False], ids=['training', 'test'])
    @pytest.mark.parametrize('size', [(33, 21), (38, 20)], ids=str)
    def test_takes_one_image_of_any_size(self, name, model, size, training):
        with torch.no_grad():
            maps = logit_maps(model.train(training), 1, *size)
        assert maps[0].shape == (1, 1, *size) and all(side.isfinite().all() for side in maps)

    def test_gives_logits_of_the_images_size_that_depend_neither_on_the_batch_nor_on_the_run(self, name, model):
        with torch.no_grad():
            maps, again = logit_maps(model.eval(), 2, 32, 48), logit_maps(model, 2, 32, 48)[0]
            generator = torch.Generator().manual_seed(1)
            inputs = torch.rand(2, 1, 32, 48, generator=generator).expand(-1, model.data_preprocessor.channels, -1, -1)
            alone = model.logit_maps(inputs[1:], torch.rand(2, 512, generator=generator)[1:])[0]
        assert isinstance(maps, list) and maps[0].shape == (2, 1, 32, 48)
        assert all(side.shape[:2] == (2, 1) for side in maps)
        together = maps[0]
        torch.testing.assert_close(again, together, rtol=0, atol=0)
        scale = together.abs().max().item()
        torch.testing.assert_close(alone, together[1:], rtol=1e-4, atol=1e-4 * scale)

    def test_its_state_carries_all_that_it_computes_with(self, name, model):
        with torch.no_grad():
            expected = logit_maps(model.eval(), 1, 32, 32)[0]
            for value in model.state_dict().values():
                value.fill_(1)
            model.load_state_dict(original(name)[1], strict=True)
            torch.testing.assert_close(logit_maps(model, 1, 32, 32)[0], expected, rtol=0, atol=0)


class WithoutLanguage(torch.nn.Module):
    def __init__(self, model: IRSTDSegmentor) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.model.logit_maps(inputs, None)[0]


@pytest.mark.parametrize('name', ['acm_fpn_irstd1k', 'rdian_irstd1k', 'repisd_irstd1k'])
def test_an_exported_network_computes_the_same(name: str, model: IRSTDSegmentor) -> None:
    inputs = torch.rand(1, model.data_preprocessor.channels, 48, 64, generator=torch.Generator().manual_seed(1))
    network = WithoutLanguage(model.eval())
    with torch.no_grad():
        exported = torch.export.export(network, (inputs,)).module()
        torch.testing.assert_close(exported(inputs), network(inputs))
