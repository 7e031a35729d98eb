"""ACM's parts against the paper's modulation by hand, and with every registered fusion block in their slots."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from irstd_toolbox.models.fusion import SumFusion
from irstd_toolbox.models.layers import resize, stretch
from irstd_toolbox.models.networks.acm import ACMBackbone, ACMFPNNeck, ACMHead, ACMUNetNeck
from irstd_toolbox.models.networks.acm_fusion import AsymBiFusion, BiGlobalFusion, BiLocalFusion, initialise
from irstd_toolbox.models.networks.alcnet import ALCNetNeck
from irstd_toolbox.models.networks.askc_fpn import ASKCFPNNeck
from irstd_toolbox.registry import FUSION_BLOCKS, known

K = 1 / math.sqrt(1 + 1e-5)  # what an untrained batch norm multiplies by in test mode
NECKS = [ACMFPNNeck, ACMUNetNeck, ASKCFPNNeck, ALCNetNeck]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def count(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def pyramid(channels: tuple[int, ...] = (16, 32, 64), size: tuple[int, int] = (18, 13)) -> list[Tensor]:
    """Maps as a backbone gives them, sizes halved and rounded up."""
    torch.manual_seed(0)
    maps = []
    for width in channels:
        maps.append(torch.randn(2, width, *size))
        size = tuple(-(-side // 2) for side in size)
    return maps


@pytest.fixture
def by_hand() -> AsymBiFusion:
    """One channel, gates without weights to learn: G(x) = sigmoid(K relu(K x) + 1), and no mixing of pixels after."""
    return one_channel(AsymBiFusion)


def one_channel(block: type[AsymBiFusion]) -> AsymBiFusion:
    built = block(channels=1).eval()
    for conv in (m for m in built.modules() if isinstance(m, nn.Conv2d)):
        nn.init.dirac_(conv.weight)
    for gate in (built.top_down, built.bottom_up):
        nn.init.ones_([layer for layer in gate if isinstance(layer, nn.Conv2d)][1].bias)
    return built


LOW, HIGH = [1.0, 0.0, 2.0, 5.0], [3.0, -1.0, 0.0, 2.0]  # averages 2 and 1


def modulated(block: AsymBiFusion, top_down: list[float], bottom_up: list[float]) -> None:
    low, high = (torch.tensor(values).view(1, 1, 2, 2) for values in (LOW, HIGH))

    def gate(x: float) -> float:
        return sigmoid(K * (K * max(x, 0) + 1))

    expected = [max(0.0, K * (2 * gate(t) * a + 2 * gate(b) * c))
                for a, c, t, b in zip(LOW, HIGH, top_down, bottom_up, strict=True)]
    torch.testing.assert_close(block(low, high).flatten(), torch.tensor(expected))


def test_the_deep_map_weights_by_its_average_and_the_shallow_one_pixel_by_pixel(by_hand: AsymBiFusion) -> None:
    modulated(by_hand, top_down=[1.0] * 4, bottom_up=LOW)


def test_the_local_form_weights_pixel_by_pixel_both_ways() -> None:
    modulated(one_channel(BiLocalFusion), top_down=HIGH, bottom_up=LOW)


def test_the_global_form_weights_by_averages_both_ways() -> None:
    modulated(one_channel(BiGlobalFusion), top_down=[1.0] * 4, bottom_up=[2.0] * 4)


def test_the_bottleneck_has_a_quarter_of_the_channels() -> None:
    first = next(layer for layer in AsymBiFusion(32).bottom_up if isinstance(layer, nn.Conv2d))
    assert first.out_channels == 8


@pytest.mark.parametrize(('parts', 'parameters'), [
    (lambda: (ACMBackbone(), ACMFPNNeck(), ACMHead()), 387_187),
    (lambda: (ACMBackbone(), ACMUNetNeck(project=True), ACMHead()), 519_843),
    (lambda: (ACMBackbone(tiny=True), ACMUNetNeck(), ACMHead()), 516_875),
    (lambda: (ACMBackbone(in_channels=1, blocks=3), ACMUNetNeck(blocks=3), ACMHead()), 397_823),
    (lambda: (ACMBackbone(tiny=True), ALCNetNeck(), ACMHead()), 372_579),
    (lambda: (ACMBackbone(in_channels=1), ASKCFPNNeck(), ACMHead(8)), 519_889 - 92_928),
], ids=['acm_fpn', 'acm_unet', 'acm_tiny', 'acm_basicirstd', 'alcnet', 'askc_fpn'])
def test_each_form_has_the_parameters_of_its_public_implementation(parts: callable, parameters: int) -> None:
    assert count(*parts()) == parameters


@pytest.mark.parametrize(('tiny', 'sizes'), [(False, [(9, 16), (5, 8), (3, 4)]), (True, [(33, 64), (17, 32), (9, 16)])])
def test_the_maps_start_at_a_quarter_or_at_the_whole_of_the_image(tiny: bool, sizes: list[tuple[int, int]]) -> None:
    maps = ACMBackbone(blocks=1, tiny=tiny)(torch.rand(1, 3, 33, 64))
    assert [tuple(x.shape[-2:]) for x in maps] == sizes


def test_in_training_no_scale_or_shift_of_an_input_channel_matters() -> None:
    torch.manual_seed(0)
    backbone = ACMBackbone(blocks=1).double()
    x = torch.randn(2, 3, 32, 32).double()
    scale, shift = (torch.tensor(values).double().view(1, 3, 1, 1) for values in ([0.5, 2., 7.], [3., -1., 0.2]))
    for one, other in zip(backbone(x), backbone(scale * x + shift), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-3)


def test_enlarging_with_aligned_corners_keeps_the_ends_in_place() -> None:
    x = torch.tensor([[0., 1.]]).view(1, 1, 1, 2)
    torch.testing.assert_close(stretch(x, (1, 4)).flatten(), torch.tensor([0, 1 / 3, 2 / 3, 1]))
    torch.testing.assert_close(resize(x, (1, 4)).flatten(), torch.tensor([0, 0.25, 0.75, 1]))


@pytest.mark.parametrize('step', [resize, stretch])
def test_a_resampled_map_has_the_precision_that_it_had(step: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    interpolate = F.interpolate
    monkeypatch.setattr(F, 'interpolate', lambda x, **options: interpolate(x.float(), **options))  # as autocast on GPUs
    x = torch.rand(1, 2, 3, 3, dtype=torch.bfloat16)
    assert step(x, (6, 6)).dtype == torch.bfloat16
    torch.testing.assert_close(step(x, (6, 6)).float(), step(x.float(), (6, 6)), rtol=2**-8, atol=0)


def test_the_fpn_enlarges_projects_and_fuses_from_the_deepest_up() -> None:
    neck = ACMFPNNeck(fusion=dict(type='SumFusion')).eval()
    fine, middle, deep = pyramid()
    second = middle + neck.project[1](resize(deep, middle.shape[-2:]))
    first = fine + neck.project[0](resize(second, fine.shape[-2:]))
    torch.testing.assert_close(neck([fine, middle, deep]), [first, second])


def test_the_unet_cuts_the_enlarged_map_at_the_end_where_the_shallow_one_is_odd() -> None:
    neck = ACMUNetNeck((4, 8), blocks=0, fusion=dict(type='SumFusion')).eval()
    low, high = pyramid((4, 8), (5, 7))
    torch.testing.assert_close(neck([low, high]), [low + neck.enlarge[0](high)[..., :5, :7]])


def test_the_unet_refines_each_fusion_before_it_enlarges_it() -> None:
    neck = ACMUNetNeck(blocks=2, fusion=dict(type='SumFusion'), project=True).eval()
    fine, middle, deep = pyramid(size=(16, 8))
    second = neck.stages[1](middle + neck.project[1](neck.enlarge[1](deep)))
    first = neck.stages[0](fine + neck.project[0](neck.enlarge[0](second)))
    torch.testing.assert_close(neck([fine, middle, deep]), [first, second])


@pytest.mark.parametrize('fusion', known(FUSION_BLOCKS))
@pytest.mark.parametrize('neck', NECKS, ids=lambda neck: neck.__name__)
def test_every_fusion_block_fits_every_neck(neck: type[nn.Module], fusion: str) -> None:
    built = neck(fusion=dict(type=fusion)).eval()
    maps = built(pyramid(), torch.randn(2, 512))
    assert [x.shape[1] for x in maps] == built.out_channels


@pytest.mark.parametrize('neck', NECKS, ids=lambda neck: neck.__name__)
def test_a_fusion_that_widens_is_followed_by_layers_that_take_it(neck: type[nn.Module]) -> None:
    built = neck(fusion=dict(type='SumFusion', merge='concat'))
    assert [x.shape[1] for x in built(pyramid())] == built.out_channels


@pytest.mark.parametrize('neck', NECKS, ids=lambda neck: neck.__name__)
def test_language_enters_at_the_deepest_level_alone(neck: type[nn.Module]) -> None:
    built = neck(fusion=dict(type='SumFusion'), language_fusion=dict(type='LanguageFusion', descriptor_dim=6)).eval()
    assert [type(block).__name__ for block in built.fusions] == ['SumFusion', 'LanguageFusion']
    one, other = (built(pyramid(), torch.full((2, 6), value)) for value in (-1.0, 1.0))
    assert not torch.allclose(one[0], other[0])


def test_the_head_enlarges_its_logits_to_the_image() -> None:
    head, x = ACMHead(8).eval(), torch.randn(1, 8, 3, 4)
    torch.testing.assert_close(head([x, None], (9, 16)), [resize(head.block(x), (9, 16))])


def test_convolutions_start_at_the_spread_of_the_authors_code() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 128, 3)
    initialise(conv)
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (1 + 0.25**2) / ((64 + 128) / 2 * 9)), rel=0.02)
    assert conv.bias.abs().max() == 0


@pytest.mark.parametrize('neck', NECKS, ids=lambda neck: neck.__name__)
def test_a_foreign_fusion_block_keeps_its_own_start(neck: type[nn.Module]) -> None:
    torch.manual_seed(0)
    alone = SumFusion(16, 'expand').expand[0].weight.std()
    inside = neck((16, 32), fusion=dict(type='SumFusion', merge='expand')).fusions[0].expand[0].weight.std()
    assert inside.item() == pytest.approx(alone.item(), rel=0.1)


@pytest.mark.parametrize('neck', [ACMFPNNeck, ACMUNetNeck])
def test_a_neck_of_one_map_is_refused(neck: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match=r'in_channels=\(16,\) names 1 map'):
        neck(in_channels=(16,))
