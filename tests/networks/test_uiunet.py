"""UIU-Net: interactive-cross attention and the side outputs, by hand, and how the decoder is put together."""

import pytest
import torch
import torch.nn.functional as F

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.fusion import SumFusion
from irstd_toolbox.models.networks.lgnet import RSUDecoder
from irstd_toolbox.models.networks.uiunet import InteractiveCrossAttention, SideOutputHead


@pytest.fixture
def block() -> InteractiveCrossAttention:
    """With running statistics that batch norm shows its use of."""
    torch.manual_seed(0)
    block = InteractiveCrossAttention(channels=8)
    for name, value in block.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand_like(value) + 0.5 if 'var' in name else torch.randn_like(value) * 0.5)
    return block.eval()


def layer(block: torch.nn.Sequential, convolution: int, x: torch.Tensor) -> torch.Tensor:
    """A 1x1 convolution and the batch norm after it, as sums."""
    conv, norm = block[convolution], block[convolution + 1]
    x = torch.einsum('oc,nchw->nohw', conv.weight[..., 0, 0], x) + conv.bias[:, None, None]
    scale = norm.weight / torch.sqrt(norm.running_var + 1e-5)
    return (x - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]


class TestInteractiveCrossAttention:

    def test_is_the_papers_attention_by_hand(self, block: InteractiveCrossAttention) -> None:
        low, high = torch.randn(2, 8, 6, 5), torch.randn(2, 8, 6, 5)
        deep = layer(block.project, 0, high).relu()
        pooled = deep.mean((2, 3), keepdim=True)
        channel = 1 / (1 + torch.exp(-layer(block.channel, 4, layer(block.channel, 1, pooled).relu())))
        squeezed = layer(block.squeeze, 0, channel * low).relu()
        two = torch.stack([squeezed.mean(1), squeezed.max(1).values], dim=1)
        position = 1 / (1 + torch.exp(-F.conv2d(two, block.spatial.weight, padding=1)))
        halves = [2 * channel * low, 2 * position * deep]
        torch.testing.assert_close(block(low, high), torch.cat([block.post(x) for x in halves], dim=1))

    def test_the_first_half_is_the_shallow_map(self, block: InteractiveCrossAttention) -> None:
        low, high = torch.randn(1, 8, 6, 5), torch.randn(1, 8, 6, 5)
        shallow, deep = block(low, high).chunk(2, dim=1)
        silent, _ = block(torch.zeros_like(low), high).chunk(2, dim=1)
        torch.testing.assert_close(silent, block.post(torch.zeros_like(low)))
        assert not shallow.equal(silent) and not deep.equal(shallow)

    def test_the_channel_weights_come_from_the_deep_map_alone(self, block: InteractiveCrossAttention) -> None:
        block.post = torch.nn.Identity()
        high = torch.randn(1, 8, 6, 5)
        ratio = [block(low, high)[:, :8] / low for low in (torch.rand(1, 8, 6, 5) + 1, torch.rand(1, 8, 6, 5) + 1)]
        torch.testing.assert_close(ratio[0], ratio[1])

    def test_too_few_channels_are_refused(self) -> None:
        with pytest.raises(ConfigError, match='3 channels over reduction=4 leave none'):
            InteractiveCrossAttention(channels=3)


def test_side_outputs_are_convolved_resized_and_mixed() -> None:
    torch.manual_seed(0)
    head = SideOutputHead(in_channels=(2, 3))
    feats = [torch.randn(1, 2, 8, 6), torch.randn(1, 3, 4, 3)]
    final, fine, coarse = head(feats, (8, 6))
    torch.testing.assert_close(fine, F.conv2d(feats[0], head.sides[0].weight, head.sides[0].bias, padding=1))
    low = F.conv2d(feats[1], head.sides[1].weight, head.sides[1].bias, padding=1)
    torch.testing.assert_close(coarse, F.interpolate(low, (8, 6), mode='bilinear', align_corners=False))
    a, b = head.final.weight.flatten()
    torch.testing.assert_close(final, a * fine + b * coarse + head.final.bias)


def test_the_finest_level_may_have_a_fusion_of_its_own() -> None:
    plan = ((3, 2, 8), (3, 2, 8), (3, 2, 8))
    neck = RSUDecoder((8, 8), plan, fusion=dict(type='InteractiveCrossAttention'),
                      finest_fusion=dict(type='SumFusion', merge='concat'))
    assert [type(block) for block in neck.fusions] == [SumFusion, InteractiveCrossAttention]


def test_language_fusion_takes_the_deepest_level_before_finest_fusion_does() -> None:
    neck = RSUDecoder((8,), ((3, 2, 8), (3, 2, 8)), finest_fusion=dict(type='InteractiveCrossAttention'),
                      language_fusion=dict(type='SumFusion'))
    assert isinstance(neck.fusions[0], SumFusion)
