"""compile and channels_last: the same training, laid out or run in another way."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from torch import nn
from torch._dynamo import register_backend

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.compiling import compile_options, network_parts, try_compiler
from irstd_toolbox.training.runner import IRSTDRunner


@pytest.fixture
def network(toy: SimpleNamespace) -> Callable[[], nn.Module]:
    """The toy with a convolution, as a part that can be compiled."""
    class Network(toy.Model):
        def __init__(self) -> None:
            super().__init__(bias=1.0)
            torch.manual_seed(0)
            self.network = nn.Conv2d(2, 2, 3, padding=1)
            del self.layer
            self.layer = lambda x: self.network(x.reshape(-1, 2, 2, 1)).flatten(1)

    return Network


def _weights(runner: IRSTDRunner) -> dict[str, torch.Tensor]:
    return runner.model.state_dict()


def test_training_runs_the_compiled_network_and_validation_the_plain_one(
        make: Callable, network: Callable) -> None:
    calls = []

    def backend(graph: torch.fx.GraphModule, _: list) -> Callable:
        def run(*inputs: Any) -> Any:
            calls.append(torch.is_grad_enabled())
            return graph(*inputs)
        return run

    register_backend(backend, name='irstd_recording')  # a config holds the name
    plain, compiled = (make(network(), (dict(type='EpochSeedHook'),), work_dir=name, cfg=Config(dict(compile=options)))
                       for name, options in (('plain', False), ('compiled', dict(backend='irstd_recording'))))
    plain.train()
    assert not calls
    compiled.train()
    assert calls == [True] * 8  # two epochs of eight samples, two a step; each validates on eight
    assert _weights(plain).keys() == _weights(compiled).keys()
    torch.testing.assert_close(_weights(compiled), _weights(plain), rtol=0, atol=0)
    torch.compile(lambda x: x + 1, backend=backend)(torch.ones(1))
    assert len(calls) == 9  # what is compiled after a validation runs compiled again


def test_after_a_validation_that_failed_what_is_compiled_runs_compiled(make: Callable, network: Callable) -> None:
    class Broken(Hook):
        def after_val_iter(self, *_: Any, **__: Any) -> None:
            raise ArithmeticError('of the validation')

    runner = make(network(), cfg=Config(dict(compile=dict(backend='eager'))))
    runner.register_hook(Broken())
    with pytest.raises(ArithmeticError, match='of the validation'):
        runner.train()
    graphs = []
    torch.compile(lambda x: x + 1, backend=lambda graph, _: graphs.append(graph) or graph)(torch.ones(1))
    assert len(graphs) == 1


@pytest.mark.parametrize('wanted', [False, True])
def test_channels_last_lays_out_the_weights_and_changes_no_checkpoint(make: Callable, network: Callable, tmp_path: Path,
                                                                     wanted: bool) -> None:
    runner = make(network(), cfg=Config(dict(channels_last=wanted)))
    assert runner.model.network.weight.is_contiguous() != wanted
    assert runner.model.network.weight.is_contiguous(memory_format=torch.channels_last) == wanted
    runner.train()
    other = make(network(), work_dir='other', cfg=Config(dict(channels_last=not wanted)))
    other.load_checkpoint(str(tmp_path / 'work' / 'epoch_2.pth'))
    assert all(torch.equal(value, _weights(runner)[name]) for name, value in _weights(other).items())
    assert other.model.network.weight.is_contiguous() == wanted


@pytest.mark.parametrize(('config', 'found'), [
    ({}, None), (dict(compile=False), None), (dict(compile=None), None), (dict(compile=True), {}),
    (dict(compile={}), {}), (dict(compile=dict(mode='reduce-overhead')), dict(mode='reduce-overhead'))])
def test_what_compile_asks_for(config: dict, found: dict | None) -> None:
    assert compile_options(Config(config)) == found


def test_what_cannot_be_compiled_is_said(toy: SimpleNamespace) -> None:
    with pytest.raises(ConfigError, match=r"compile='fast'; expected True, False or the arguments of torch.compile"):
        compile_options(Config(dict(compile='fast')))
    with pytest.raises(ConfigError, match='Toy has no backbone, neck, decode_head or network'):
        network_parts(toy.Model())
    with pytest.raises(ConfigError, match=r"'nosuch'\}: torch.compile does not work here: .*nosuch"):
        try_compiler(dict(backend='nosuch'))
    try_compiler(dict(backend='eager'))


def test_the_parts_of_a_segmentor_are_what_has_weights_but_its_descriptor() -> None:
    fpn = Config.fromfile('configs/baselines/acm_fpn_irstd1k.py').model
    model = MODELS.build(fpn)
    parts = network_parts(model)
    assert sum(len(list(part.parameters())) for part in parts) == len(list(model.parameters())) > 0
