"""MDvsFA-cGAN: its generators, its three losses by hand, and what each of its three updates may change."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from irstd_toolbox.models.networks.mdvsfa import (
    ContextAggregation,
    MDvsFA,
    MDvsFADiscriminator,
    MDvsFAGenerators,
    UContextAggregation,
    miss_and_alarm,
)
from irstd_toolbox.training import separate_optimizers
from irstd_toolbox.training.config_edits import load_config, optim_wrappers, set_amp
from irstd_toolbox.training.separate_optimizers import SeparateOptimizers

CONFIG = Path(__file__).parents[2] / 'configs/baselines/mdvsfa_irstd1k.py'
PARTS = dict(discriminator='discriminator.', miss='network.miss.', alarm='network.alarm.')


class Constant(nn.Module):
    """A generator that gives one value everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        return self.value.expand(len(x), 1, *x.shape[-2:])


class Judge(nn.Module):
    """A discriminator with known outputs for the truth, G1 and G2, whose feature is the mask itself."""

    probabilities = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6]])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        assert x.shape[1] == 2 and x[:, 1].min() >= -1 and x[:, 1].max() <= 1
        return self.probabilities.repeat_interleave(len(x) // 3, 0), x[:, 1:]


def tiny(**options: Any) -> MDvsFA:
    torch.manual_seed(0)
    return MDvsFA(dict(type='MDvsFAGenerators', width=4), dict(type='MDvsFADiscriminator', side=4),
                  data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=127.5, std=127.5, channels=1), **options)


def judged(**weights: float) -> MDvsFA:
    model = tiny(**weights)
    model.discriminator = Judge()
    return model


@pytest.fixture
def given() -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Two images of four pixels, one of the eight a target, and constant masks 0.75 and 0.25 of G1 and G2."""
    mask = torch.zeros(2, 1, 2, 2)
    mask[0, 0, 0, 0] = 1
    return torch.zeros_like(mask), mask, (torch.full_like(mask, 0.75), torch.full_like(mask, 0.25))


def cross_entropy(outputs: list[float], wanted: list[int]) -> float:
    """Mean over outputs that are taken for logits, as the public codes do with probabilities."""
    return sum(math.log1p(math.exp(x)) - x * y for x, y in zip(outputs, wanted, strict=True)) / len(outputs)


def test_misses_count_on_targets_and_alarms_elsewhere() -> None:
    miss, alarm = miss_and_alarm(torch.tensor([[0.8, 0.5], [0.1, 0.]]), torch.tensor([[1., 0.], [0., 0.]]))
    assert miss.item() == pytest.approx(0.2**2 / 4)
    assert alarm.item() == pytest.approx((0.5**2 + 0.1**2) / 4)


def test_the_discriminators_loss_wants_each_mask_taken_for_what_it_is(given: tuple) -> None:
    expected = (cross_entropy([0.5, 0.3, 0.2], [1, 0, 0]) + cross_entropy([0.1, 0.7, 0.2], [0, 1, 0])
                + cross_entropy([0.2, 0.2, 0.6], [0, 0, 1]))
    assert judged().discriminator_loss(*given).item() == pytest.approx(expected)


def test_the_first_generators_loss_weighs_misses_and_wants_its_mask_taken_for_true(given: tuple) -> None:
    miss, alarm = 0.25**2 / 8, 7 * 0.75**2 / 8
    consistency = ((2 * 0.75 - 1) - (2 * 0.25 - 1))**2
    expected = 100 * (100 * miss + alarm) + 10 * cross_entropy([0.1, 0.7, 0.2], [1, 0, 0]) + consistency
    assert judged().generator_loss(0, *given).item() == pytest.approx(expected)


def test_the_second_generators_loss_weighs_false_alarms(given: tuple) -> None:
    miss, alarm = 0.75**2 / 8, 7 * 0.25**2 / 8
    expected = 100 * (miss + 10 * alarm) + 10 * cross_entropy([0.2, 0.2, 0.6], [1, 0, 0]) + 1
    assert judged().generator_loss(1, *given).item() == pytest.approx(expected)


def test_weights_are_arguments(given: tuple) -> None:
    model = judged(segmentation_weight=1.0, adversarial_weight=0.0, consistency_weight=0.0, miss_weight=2.0)
    assert model.generator_loss(0, *given).item() == pytest.approx(2 * 0.25**2 / 8 + 7 * 0.75**2 / 8)


def test_the_prediction_is_the_mean_of_both_clamped_masks() -> None:
    network = MDvsFAGenerators(4)
    network.miss, network.alarm = Constant(1.75), Constant(0.25)
    logits, = network(torch.zeros(1, 1, 3, 3))
    torch.testing.assert_close(logits.sigmoid(), torch.full((1, 1, 3, 3), 0.625))
    network.alarm = Constant(-3.0)
    assert not (network(torch.zeros(1, 1, 3, 3))[0] > 0).any()  # 0.5 is no target


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_sure_masks_in_half_precision_have_finite_logits(dtype: torch.dtype) -> None:
    network = MDvsFAGenerators(4)
    for value, wanted in ((2.0, 1 - 1e-6), (-1.0, 1e-6)):
        network.miss, network.alarm = Constant(value).to(dtype), Constant(value).to(dtype)
        logits, = network(torch.zeros(1, 1, 3, 3))
        torch.testing.assert_close(logits, torch.full((1, 1, 3, 3), wanted).logit())


def test_a_threshold_and_views_are_those_of_any_segmentor() -> None:
    model = tiny(threshold=0.75, views=dict(mirrored=True)).eval()
    model.network.miss = model.network.alarm = Constant(0.7)
    sample, = model(torch.zeros(1, 1, 16, 16), mode='predict')
    assert not sample.pred_sem_seg.data.any()  # though 0.7 is above 0.5
    assert model.threshold_rule['value'] == 0.75 and model.views.describe()['mirrored']


def test_certain_masks_have_finite_logits() -> None:
    network = MDvsFAGenerators(4)
    network.miss = network.alarm = Constant(9.0)
    assert torch.isfinite(network(torch.zeros(1, 1, 3, 3))[0]).all()


def test_the_first_generator_widens_with_its_dilation() -> None:
    convs = [layer[0] for layer in ContextAggregation().layers]
    assert [conv.dilation[0] for conv in convs] == [1, 1, 2, 4, 8, 4, 2, 1]
    assert [conv.out_channels for conv in convs] == [64, 64, 128, 256, 512, 256, 128, 64]


def test_the_second_generator_joins_layers_of_mirrored_dilation() -> None:
    torch.manual_seed(0)
    net, x = UContextAggregation(4).eval(), torch.rand(1, 1, 9, 9)
    n1 = net.down[0](x)
    n2 = net.down[1](n1)
    n3 = net.down[2](n2)
    n4 = net.down[3](n3)
    n5 = net.down[4](n4)
    n6 = net.down[5](n5)
    y = net.turn(net.down[6](n6))
    for layer, skip in zip(net.up, (n6, n5, n4, n3, n2), strict=True):
        y = layer(torch.cat([skip, y], 1))
    torch.testing.assert_close(net(x), net.predict(y))
    assert [layer[0].dilation[0] for layer in (*net.down, net.turn, *net.up)] == [
        1, 2, 4, 8, 16, 32, 64, 32, 16, 8, 4, 2, 1]


def test_patches_of_the_papers_size_are_not_averaged() -> None:
    torch.manual_seed(0)
    net, x = MDvsFADiscriminator().eval(), torch.rand(2, 2, 128, 128)
    probabilities, features = net(x)
    assert features.shape == (2, 1, 32, 32)
    torch.testing.assert_close(features, net.features(F.max_pool2d(x, 4)))
    torch.testing.assert_close(probabilities, net.classify(features.flatten(1)).softmax(1))


def batch() -> dict:
    torch.manual_seed(1)
    samples = []
    for _ in range(2):
        mask = torch.zeros(1, 16, 16, dtype=torch.uint8)
        mask[:, 4:7, 5:8] = 1
        samples.append(SegDataSample(gt_sem_seg=PixelData(data=mask)))
    return dict(inputs=[torch.rand(1, 16, 16) * 255 for _ in range(2)], data_samples=samples)


class Recording(OptimWrapper):
    """An optimizer that notes the model's state, and where gradients are, at each update."""

    def __init__(self, model: MDvsFA, log: list, **kwargs) -> None:
        super().__init__(**kwargs)
        self.model, self.log = model, log

    def step(self, **kwargs) -> None:
        gradients = {name for name, value in self.model.named_parameters() if value.grad is not None}
        super().step(**kwargs)
        self.log.append((gradients, {name: value.clone() for name, value in self.model.state_dict().items()}))


def test_each_update_changes_the_weights_and_statistics_of_its_part_alone() -> None:
    model, log = tiny().train(), []
    names = [name for name, _ in model.named_parameters()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    wrappers = {
        part: Recording(model, log, optimizer=torch.optim.SGD(model.get_submodule(prefix[:-1]).parameters(), lr=1e-3))
        for part, prefix in PARTS.items()}
    losses = model.train_step(batch(), OptimWrapperDict(**wrappers))
    assert len(log) == 3
    for prefix, (gradients, after) in zip(PARTS.values(), log, strict=True):
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert changed and all(name.startswith(prefix) for name in changed)
        assert any('running_mean' in name for name in changed)
        assert gradients == {name for name in names if name.startswith(prefix)}
        before = after
    assert set(losses) == {'loss', 'loss_discriminator', 'loss_miss', 'loss_alarm'}
    total = losses.pop('loss')
    torch.testing.assert_close(total, sum(losses.values()))
    assert all(value.requires_grad for value in model.parameters())
    assert all(module.training for module in model.modules())


def test_one_optimizer_is_refused() -> None:
    model = tiny()
    with pytest.raises(ValueError, match='trained by three optimizers, discriminator, miss and alarm'):
        model.train_step(batch(), OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)))


def test_samples_without_a_mask_are_refused_by_name() -> None:
    model, given = tiny(), batch()
    given['data_samples'][1] = SegDataSample(metainfo=dict(image_id='XDU7'))
    wrappers = SeparateOptimizers(optimizers())(model)
    with pytest.raises(ValueError, match='XDU7 came to training without a mask'):
        model.train_step(given, wrappers)


def optimizers(**parts: dict) -> dict:
    wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
    return dict(discriminator=wrapper, miss=dict(wrapper, part='network.miss'),
                alarm=dict(wrapper, part='network.alarm'), **parts)


def test_each_part_has_its_optimizer() -> None:
    model = tiny()
    wrappers = SeparateOptimizers(optimizers())(model)
    for name, prefix in PARTS.items():
        own = {id(value) for key, value in model.named_parameters() if key.startswith(prefix)}
        assert {id(value) for group in wrappers[name].param_groups for value in group['params']} == own


def test_a_part_that_does_not_exist_and_parameters_without_an_optimizer_are_named() -> None:
    wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam'))
    with pytest.raises(ValueError, match=r"optim_wrapper.third: the model has no part 'third'.*discriminator"):
        SeparateOptimizers(optimizers(third=wrapper))(tiny())
    with pytest.raises(ValueError, match='parameters have no optimizer, network.miss.layers.0.0.weight first'):
        SeparateOptimizers(dict(discriminator=wrapper))(tiny())


def test_a_data_parallel_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separate_optimizers, 'is_model_wrapper', lambda _: True)
    with pytest.raises(ValueError, match='runs in one process'):
        SeparateOptimizers(optimizers())(tiny())


def test_mixed_precision_reaches_all_three_optimizers() -> None:
    config = load_config(str(CONFIG))
    set_amp(config, 'bf16')
    assert [(wrapper.type, wrapper.dtype) for wrapper in optim_wrappers(config)] == [('AmpWrapper', 'bf16')] * 3
    model = tiny()
    parts = {name: entry for name, entry in config.optim_wrapper.items() if name != 'constructor'}
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        wrappers = SeparateOptimizers(parts)(model)
    losses = model.train_step(batch(), wrappers)
    assert all(value.isfinite() for value in losses.values())


@pytest.mark.parametrize('name', ['miss_weight', 'alarm_weight', 'segmentation_weight', 'adversarial_weight',
                                  'consistency_weight'])
def test_a_negative_weight_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf'MDvsFA\({name}=-1\): a number of at least 0'):
        tiny(**{name: -1})
