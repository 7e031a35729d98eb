"""RepISD-Net: the central difference written out, each branch as one convolution, the trained and the deployed form."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.networks.repisd import (
    CentralDifferenceConv,
    EdgeCompensationBlock,
    RepISDDecoder,
    RepISDEncoder,
    RepISDHead,
)
from irstd_toolbox.registry import MODELS

MODEL = dict(
    type='IRSTDSegmentor',
    backbone=dict(type='RepISDEncoder', widths=(4, 8, 8)),
    neck=dict(type='RepISDDecoder', in_channels=(4, 8, 8)),
    decode_head=dict(type='RepISDHead', in_channels=4, hidden=4),
    loss=dict(type='DiceLoss'))


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def trained(module: nn.Module) -> nn.Module:
    """``module`` in test mode, with statistics, factors and biases that are neither 0 nor 1."""
    for name, tensor in module.state_dict().items():
        if name.endswith(('running_var', 'weight')) and tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5)
        elif name.endswith(('running_mean', 'bias')):
            tensor.normal_(0, 0.3)
    return module.eval()


def build(deploy: bool) -> nn.Module:
    config = copy.deepcopy(MODEL)
    for part in ('backbone', 'neck'):
        config[part]['deploy'] = deploy
    return MODELS.build(config)


def test_the_central_difference_is_the_sum_written_out_at_borders_too() -> None:
    conv = CentralDifferenceConv(2, 3).double()
    x = torch.rand(1, 2, 4, 5, dtype=torch.float64)
    weights, padded = conv.weight.detach().numpy(), np.pad(x[0].numpy(), ((0, 0), (1, 1), (1, 1)))
    expected = np.zeros((3, 4, 5))
    for channel, row, column in np.ndindex(expected.shape):
        window = padded[:, row:row + 3, column:column + 3]
        expected[channel, row, column] = (weights[channel] * (window - window[:, 1:2, 1:2])).sum()
    np.testing.assert_allclose(conv(x)[0].detach().numpy(), expected, atol=1e-12)


def test_a_converted_kernel_converts_to_itself() -> None:
    conv = CentralDifferenceConv(2, 3)
    once = conv.kernel().detach()
    conv.weight.data = once
    torch.testing.assert_close(conv.kernel().detach(), once, rtol=0, atol=1e-6)


@pytest.mark.parametrize(('index', 'name'), [
    (0, 'plain'), (1, 'difference'), (2, 'pointwise'), (3, 'identity')])
def test_a_branch_is_the_convolution_that_it_folds_into(index: int, name: str) -> None:
    block = trained(EdgeCompensationBlock(5, 5))
    x = torch.randn(2, 5, 7, 6)
    with torch.no_grad():
        kernel, bias = block.branches()[index]
        torch.testing.assert_close(F.conv2d(x.double(), kernel, bias, padding=1).float(), getattr(block, name)(x),
                                   rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(('widths', 'branches'), [((5, 5), 4), ((5, 6), 3)])
def test_a_block_sums_its_branches_and_the_deployed_one_does_the_same(widths: tuple[int, int], branches: int) -> None:
    block = trained(EdgeCompensationBlock(*widths))
    x = torch.randn(2, 5, 7, 6)
    with torch.no_grad():
        parts = [branch(x) for branch in (block.plain, block.difference, block.pointwise, block.identity) if branch]
        expected = sum(parts).relu()
        assert len(parts) == len(block.branches()) == branches
        torch.testing.assert_close(block(x), expected)
        block.deploy()
        torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)


def test_deploying_twice_changes_nothing_more() -> None:
    block = trained(EdgeCompensationBlock(3, 3))
    block.deploy()
    fused = block.fused
    block.deploy()
    assert block.fused is fused


@pytest.mark.parametrize('size', [(32, 48), (33, 47)], ids=str)
def test_the_deployed_network_says_what_the_trained_one_says(size: tuple[int, int]) -> None:
    train, deployed = trained(build(deploy=False)).double(), build(deploy=True).eval().double()
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    with torch.no_grad():
        expected = train.logit_maps(x, None)[0]
        for module in list(train.modules()):
            if isinstance(module, EdgeCompensationBlock):
                module.deploy()
        deployed.load_state_dict(train.state_dict(), strict=True)
        found = deployed.logit_maps(x, None)[0]
    assert expected.std() > 1e-2
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_the_decoder_keeps_both_maps_the_finer_first_and_aligns_their_corners() -> None:
    decoder = RepISDDecoder(in_channels=(1, 1))
    decoder.stages[0] = nn.Identity()
    low, high = torch.full((1, 1, 1, 5), 9.), torch.tensor([[[[0., 4., 8.]]]])
    out, = decoder([low, high])
    assert out[0, :, 0].tolist() == [[9., 9., 9., 9., 9.], [0., 2., 4., 6., 8.]]


def test_the_encoder_has_plain_convolutions_at_full_size_and_blocks_below() -> None:
    encoder = RepISDEncoder(widths=(4, 8, 8))
    assert not any(isinstance(module, EdgeCompensationBlock) for module in encoder.stem.modules())
    assert [sum(isinstance(module, EdgeCompensationBlock) for module in stage.modules())
            for stage in encoder.stages] == [2, 2]


def test_the_head_reads_the_map_and_the_pools_of_its_grids() -> None:
    class Identity(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    head = trained(RepISDHead(in_channels=2, bins=(1,), hidden=4))
    head.classifier = Identity()
    feats = torch.rand(1, 2, 3, 4)
    _, conv, norm, _ = head.pyramid[0]
    with torch.no_grad():
        out, = head([feats], (3, 4))
        context = F.batch_norm(conv(feats.mean(dim=(2, 3), keepdim=True)), norm.running_mean, norm.running_var,
                               norm.weight, norm.bias).relu()
    torch.testing.assert_close(out, torch.cat([feats, context.expand(1, 2, 3, 4)], dim=1))


def test_unequal_deepest_levels_are_refused() -> None:
    with pytest.raises(ConfigError, match=r'in_channels=\(4, 8, 16\): the last two levels'):
        RepISDDecoder(in_channels=(4, 8, 16))


def test_bins_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(ConfigError, match='32 channels do not divide by 3 bins'):
        RepISDHead(bins=(1, 2, 3))
