"""HDNet's contrast block, its high-pass filter and the gate on the prediction."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.networks.hdnet import AtrousContrastBlock, ContrastEncoder, HDNet, high_pass

WIDTHS = (4, 8, 12)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def net() -> HDNet:
    net = HDNet(WIDTHS, (1, 1, 2), shares=(0.3, 0.6)).eval()
    with torch.no_grad():
        net.entry.bn2.bias.fill_(0.8)  # so that the gate's map of one channel is not 0 everywhere
    return net


def high_pass_by_loops(x: torch.Tensor, share: float) -> torch.Tensor:
    """Cutoff after cutoff, on the shifted spectrum."""
    results = []
    for image in x[:, 0]:
        height, width = image.shape
        spectrum = torch.fft.fftshift(torch.fft.fft2(image))
        energy = spectrum.abs() ** 2

        def low(c: int, height: int = height, width: int = width) -> tuple[slice, slice]:
            return slice(height // 2 - c, height // 2 + c), slice(width // 2 - c, width // 2 + c)
        cutoff = next((c for c in range(1, min(height, width) // 2) if energy[low(c)].sum() >= share * energy.sum()), 5)
        spectrum[low(cutoff)] = 0
        results.append(torch.fft.ifft2(torch.fft.ifftshift(spectrum)).abs())
    return torch.stack(results)[:, None]


@pytest.mark.parametrize('size', [(16, 16), (17, 24), (32, 13)])
@pytest.mark.parametrize('share', [0.1, 0.5, 0.9, 0.999])
def test_the_filter_takes_off_what_trying_one_cutoff_after_another_does(size: tuple[int, int], share: float) -> None:
    x = torch.rand(3, 1, *size) + torch.tensor([0.0, 0.3, 2.0]).view(3, 1, 1, 1)
    torch.testing.assert_close(high_pass(x, share), high_pass_by_loops(x, share), rtol=1e-4, atol=1e-5)


def test_the_filter_takes_off_a_slow_wave_and_keeps_a_fast_one() -> None:
    columns = torch.arange(32) * 2 * torch.pi / 32
    slow, fast = 5 * torch.cos(columns).expand(1, 1, 32, 32), torch.cos(10 * columns).expand(1, 1, 32, 32)
    torch.testing.assert_close(high_pass(slow + fast, 0.9), fast.abs(), rtol=0, atol=1e-4)


def test_an_images_cutoff_is_its_own() -> None:
    x = torch.stack([torch.rand(1, 24, 24), torch.rand(1, 24, 24) + 9])
    torch.testing.assert_close(high_pass(x, 0.7)[:1], high_pass(x[:1], 0.7))
    torch.testing.assert_close(high_pass(x, 0.7)[1:], high_pass(x[1:], 0.7))


@pytest.mark.parametrize('size', [(1, 1), (2, 3), (5, 40)])
def test_the_filter_takes_images_too_small_for_any_cutoff(size: tuple[int, int]) -> None:
    x = torch.rand(2, 1, *size)
    assert high_pass(x, 0.99).shape == x.shape


def test_the_filters_of_a_contrast_block_start_as_local_contrast_mean_and_ring() -> None:
    block = AtrousContrastBlock(4, 8)
    x = torch.rand(1, 2, 9, 9)
    ring = lambda a, b: sum(x[..., 4 + i, 4 + j] for i in (-b, 0, b) for j in (-b, 0, b) if (i, j) != (0, 0)) / a  # noqa: E731
    for conv, expected in ((block.contrast[0], x[..., 4, 4] - ring(8, 1)),
                           (block.wide_contrast[0], x[..., 4, 4] - ring(8, 2)),
                           (block.mean, (ring(1, 1) + x[..., 4, 4]) / 9), (block.wide_ring, -ring(8, 2))):
        torch.testing.assert_close(conv(x)[..., 4, 4] - conv.bias, expected)
        assert conv.weight.requires_grad


def test_each_quarter_of_a_contrast_block_hands_on_to_the_next() -> None:
    block = AtrousContrastBlock(3, 8).eval()
    image = torch.randn(2, 3, 7, 6)
    x = block.enter(image)
    q = [x[:, 2 * i:2 * i + 2] for i in range(4)]

    def depthwise(conv: torch.nn.Conv2d, x: torch.Tensor, dilation: int) -> torch.Tensor:
        return F.conv2d(x, conv.weight, conv.bias, padding=dilation, dilation=dilation, groups=2)
    y1 = torch.relu(block.contrast[1](depthwise(block.contrast[0], q[1], 1)))
    y2 = torch.relu(block.wide_contrast[1](depthwise(block.wide_contrast[0], q[2] + y1, 2)))
    t = q[3] + y2
    y3 = torch.relu(block.norm(depthwise(block.mean, t, 1) + depthwise(block.wide_ring, t, 2)))
    expected = torch.relu(x + block.fuse(torch.cat([q[0], y1, y2, y3], 1)))
    torch.testing.assert_close(block(image), expected)


def test_a_gate_of_the_images_high_frequencies_scales_the_prediction(net: HDNet) -> None:
    image = torch.randn(2, 3, 16, 24)
    prediction, *sides = net(image)
    plain, *same = net.head(net.decoder(net.encoder(image)), (16, 24))
    torch.testing.assert_close(sides, same)
    gate = net.entry(image)
    assert gate.abs().sum() > 0
    coarse = F.interpolate(sides[1], (16, 24), mode='bilinear', align_corners=True)
    gate = high_pass_by_loops(gate * (1 + torch.sigmoid(coarse)), 0.6)
    gate = high_pass_by_loops(gate * (1 + torch.sigmoid(sides[0])), 0.3)
    torch.testing.assert_close(prediction, plain * (1 + torch.sigmoid(gate)), rtol=1e-4, atol=1e-5)


def test_the_finest_map_alone_predicts_while_warming_up(net: HDNet, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = MessageHub.get_instance('hdnet warming up')
    monkeypatch.setattr(MessageHub, 'get_current_instance', classmethod(lambda cls: hub))
    monkeypatch.setattr(hub, '_runtime_info', dict(loop_stage='train', epoch=0))  # later tests meet it empty
    image = torch.randn(1, 3, 16, 16)
    net.head.warm_epochs = 2
    finest = net.decoder(net.encoder(image))[0]
    torch.testing.assert_close(net(image), [net.head.sides[0](finest)])


def test_gradients_reach_every_parameter(net: HDNet) -> None:
    sum((out * torch.randn_like(out)).sum() for out in net.train()(torch.randn(2, 3, 16, 16))).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_channels_that_cannot_be_quartered_are_refused() -> None:
    with pytest.raises(ConfigError, match='6 channels cannot be quartered'):
        AtrousContrastBlock(4, 6)


def test_a_stage_without_a_number_of_blocks_is_refused() -> None:
    with pytest.raises(ConfigError, match='2 widths and 1 numbers of blocks'):
        ContrastEncoder((4, 8), (1,))


def test_a_side_map_without_a_share_is_refused() -> None:
    with pytest.raises(ConfigError, match='1 shares of energy for 3 stages; expected 2'):
        HDNet(WIDTHS, (1, 1, 1), shares=(0.3,))
