"""RPCANet: one unfolding step by hand, and how the stages hang together."""

import pytest
import torch
from torch import nn

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.networks.rpcanet import ConvStack, RPCANet, UnfoldingStage


def pointwise(stack: ConvStack, inner: float, outer: float, bias: float) -> None:
    """Make ``stack``, of one channel and no layers of the full width, ``outer * relu(inner * x) + bias``."""
    first, last = (layer for layer in stack if isinstance(layer, nn.Conv2d))
    for conv, weight, offset in ((first, inner, 0.), (last, outer, bias)):
        nn.init.zeros_(conv.weight)
        conv.weight.data[0, 0, 1, 1] = weight
        nn.init.constant_(conv.bias, offset)
    for layer in stack:
        if hasattr(layer, 'running_var'):
            layer.eps = 0.


@pytest.fixture
def stage() -> UnfoldingStage:
    stage = UnfoldingStage(channels=1, background_layers=0, target_layers=0, image_layers=0).eval()
    pointwise(stage.background, 0.5, 2., 0.1)
    pointwise(stage.target, -1., 3., 0.2)
    pointwise(stage.image, 1., 10., 0.)
    nn.init.constant_(stage.epsilon, 0.1)
    return stage


def test_one_step_is_the_three_updates_by_hand(stage: UnfoldingStage) -> None:
    image, target = torch.tensor([[[[2., -1.]]]]), torch.tensor([[[[0.5, 0.]]]])
    with torch.no_grad():
        restored, target = stage(image, target)
    # D - T = (1.5, -1); B = (1.5 + 2 * 0.75 + 0.1, -1 + 0.1) = (3.1, -0.9)
    # T + D - B = (-0.6, -0.1); T = (-0.6 - 0.1 * (3 * 0.6 + 0.2), -0.1 - 0.1 * (3 * 0.1 + 0.2)) = (-0.8, -0.15)
    torch.testing.assert_close(target, torch.tensor([[[[-0.8, -0.15]]]]))
    # B + T = (2.3, -1.05); D = (10 * 2.3, 0)
    torch.testing.assert_close(restored, torch.tensor([[[[23., 0.]]]]))


@pytest.mark.parametrize(('layers', 'norm', 'kinds'), [
    (1, True, ['Conv2d', 'BatchNorm', 'ReLU', 'Conv2d', 'BatchNorm', 'ReLU', 'Conv2d']),
    (2, False, ['Conv2d', 'ReLU', 'Conv2d', 'ReLU', 'Conv2d', 'ReLU', 'Conv2d'])])
def test_a_stack_has_its_layers_between_an_entry_and_an_exit(layers: int, norm: bool, kinds: list[str]) -> None:
    assert [type(layer).__name__ for layer in ConvStack(4, layers, norm)] == kinds


def test_batch_norm_stands_in_background_and_image_and_not_in_the_target() -> None:
    stage = RPCANet().stages[0]
    counts = {name: sum(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in getattr(stage, name))
              for name in ('background', 'target', 'image')}
    assert counts == dict(background=4, target=0, image=4)


def test_the_stages_hand_on_image_and_target_and_the_first_target_is_zero() -> None:
    torch.manual_seed(0)
    net = RPCANet(stages=3, channels=2).eval()
    image = x = torch.rand(2, 1, 9, 7)
    target = torch.zeros(2, 1, 9, 7)
    with torch.no_grad():
        maps = net(x)
        for stage in net.stages:
            image, target = stage(image, target)
    assert len(maps) == 1 and maps[0].equal(target) and maps.extras['reconstruction'].equal(image)


def test_every_stage_starts_with_the_step_of_one_hundredth() -> None:
    assert [round(stage.epsilon.item(), 6) for stage in RPCANet(stages=4, channels=2).stages] == [0.01] * 4


def test_more_than_one_channel_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'\(1, 3, 8, 8\).*Set data_preprocessor channels=1'):
        RPCANet(stages=1, channels=2)(torch.rand(1, 3, 8, 8))


def test_a_network_without_a_stage_which_would_find_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'RPCANet\(stages=0\): a number of at least 1'):
        RPCANet(stages=0)
