"""RPCANet++: the memory and the contrast prior by their equations, and what the stages hand on."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.networks.rpcanet_plus import (
    BackgroundModule,
    CentreSurround,
    ContrastPrior,
    Memory,
    RememberingStage,
    RPCANetPlus,
)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def at_a_pixel(conv: nn.Conv2d, x: np.ndarray) -> np.ndarray:
    """A padded 3x3 convolution of an image of one pixel: its centre tap alone."""
    return conv.weight.detach().double().numpy()[:, :, 1, 1] @ x + conv.bias.detach().double().numpy()


def vectors(count: int, channels: int = 3) -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(size=(count, channels)))


def as_map(vector: np.ndarray) -> Tensor:
    return torch.from_numpy(vector)[None, :, None, None]


def test_the_memory_forgets_takes_in_and_gives_out_by_its_gates() -> None:
    torch.manual_seed(0)
    memory = Memory(3).double()
    x, hidden, cell = vectors(3)
    f, i, o, j = (at_a_pixel(memory.from_input[gate], x) + at_a_pixel(memory.from_state[gate], hidden)
                  for gate in 'fioj')
    kept = sigmoid(f) * cell + sigmoid(i) * np.tanh(j)
    new_hidden, new_cell = memory(as_map(x), (as_map(hidden), as_map(cell)))
    torch.testing.assert_close(new_cell, as_map(kept))
    torch.testing.assert_close(new_hidden, as_map(sigmoid(o) * np.tanh(kept)))


def test_the_first_memory_takes_in_alone_and_gives_out_without_tanh() -> None:
    torch.manual_seed(0)
    memory = Memory(3, first=True).double()
    x, = vectors(1)
    i, o, j = (at_a_pixel(memory.from_input[gate], x) for gate in 'ioj')
    hidden, cell = memory(as_map(x), None)
    torch.testing.assert_close(cell, as_map(sigmoid(i) * np.tanh(j)))
    torch.testing.assert_close(hidden, as_map(sigmoid(o) * sigmoid(i) * np.tanh(j)))


def test_the_first_memory_has_no_convolution_that_it_would_not_run() -> None:
    assert sorted(name for name, _ in Memory(3, first=True).named_parameters()) == [
        f'from_input.{gate}.{part}' for gate in 'ijo' for part in ('bias', 'weight')]


def test_the_background_is_the_rest_plus_what_comes_out_of_the_memory() -> None:
    torch.manual_seed(0)
    module = BackgroundModule(4, first=True).eval()
    rest = torch.rand(1, 1, 5, 6)
    with torch.no_grad():
        background, (hidden, _) = module(rest, None)
        x = module.head(rest)
        expected_hidden, _ = module.memory(x + module.before.convs(x), None)
        expected = rest + module.tail(expected_hidden + module.after.convs(expected_hidden))
    torch.testing.assert_close(hidden, expected_hidden)
    torch.testing.assert_close(background, expected)


def test_centre_and_surround_are_the_sum_written_out() -> None:
    torch.manual_seed(0)
    layer = CentreSurround(4, kernel_size=3).double().eval()
    x = torch.rand(1, 4, 5, 6, dtype=torch.float64)
    with torch.no_grad():
        found, theta = layer(x)[0].numpy(), layer.gate(x)[0, :, 0, 0].numpy()
    weights, padded = layer.conv.weight.detach().numpy(), np.pad(x[0].numpy(), ((0, 0), (1, 1), (1, 1)))
    expected = np.zeros((4, 5, 6))
    for channel, row, column in np.ndindex(expected.shape):
        window = padded[:, row:row + 3, column:column + 3]
        centre = (weights[channel].sum(axis=(1, 2)) * window[:, 1, 1]).sum()
        expected[channel, row, column] = theta[channel] * centre - (weights[channel] * window).sum()
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_gate_of_the_centre_reads_the_channels_means() -> None:
    torch.manual_seed(0)
    layer = CentreSurround(4).eval()
    nn.init.ones_(layer.gate[1].weight)  # so that the ReLU after it lets everything through
    x = torch.rand(1, 4, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(layer.gate(x), layer.gate(x.mean(dim=(2, 3), keepdim=True)))
        assert not layer.gate(x).allclose(layer.gate(x.amax(dim=(2, 3), keepdim=True)))


def test_a_flat_map_has_no_contrast_where_the_gate_is_open() -> None:
    layer = CentreSurround(4, kernel_size=3).eval()
    nn.init.constant_(layer.gate[-2].bias, 100.)
    with torch.no_grad():
        inside = layer(torch.full((1, 4, 6, 6), 3.))[..., 1:-1, 1:-1]
    assert inside.abs().max() < 1e-4


def test_the_prior_is_added_to_what_the_target_layers_read_and_to_nothing_else() -> None:
    class Stub(nn.Module):
        def forward(self, *given: object) -> object:
            return (torch.full((1, 1, 2, 2), 0.25), given[1]) if len(given) == 2 else torch.full((1, 1, 2, 2), 4.)

    class Double(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * x

    stage = RememberingStage(4, 1, 1, window=3, first=True)
    stage.background = stage.prior = Stub()
    stage.target, stage.image = Double(), Double()
    nn.init.constant_(stage.epsilon, 0.1)
    restored, target, _ = stage(torch.ones(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.5), None)
    # T + D - B = 1.25; T = 1.25 - 0.1 * 2 * (1.25 + 4) = 0.2; D = 2 * (0.25 + 0.2)
    torch.testing.assert_close(target, torch.full((1, 1, 2, 2), 0.2))
    torch.testing.assert_close(restored, torch.full((1, 1, 2, 2), 0.9))


def test_the_stages_hand_on_image_target_and_memory() -> None:
    torch.manual_seed(0)
    net = RPCANetPlus(stages=3, channels=4, window=3).eval()
    image = x = torch.rand(1, 1, 8, 6)
    target, state = torch.zeros(1, 1, 8, 6), None
    with torch.no_grad():
        maps = net(x)
        for stage in net.stages:
            image, target, state = stage(image, target, state)
    assert maps[0].equal(target) and maps.extras['reconstruction'].equal(image)


def test_the_windows_of_the_papers_prior_are_17_wide() -> None:
    assert ContrastPrior(4)[2].conv.kernel_size == RPCANetPlus(stages=1, channels=4).stages[0].prior[2].conv.kernel_size
    assert ContrastPrior(4)[2].conv.kernel_size == (17, 17)


def test_an_even_window_is_refused() -> None:
    with pytest.raises(ConfigError, match='window=16 has no centre'):
        RPCANetPlus(window=16)


def test_a_network_without_a_stage_which_would_find_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'RPCANetPlus\(stages=0\): a number of at least 1'):
        RPCANetPlus(stages=0)
