"""The contract of each open slot, held against everything that is registered there, the example plugins included.

A component that needs more than its defaults gets a row in the table of its slot.
"""

import json
import pickle
from collections.abc import Callable
from copy import deepcopy
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.protocols import PROTOCOLS, Protocol, get, score
from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.registry import BACKBONES, FUSION_BLOCKS, METRICS, MODELS, TEXT_PRIOR_PROVIDERS, known
from irstd_toolbox.text_priors import Scene
from irstd_toolbox.text_priors.vlm.types import VisionLanguageProvider

PLUGINS = [path for path in (Path(__file__).parents[1] / 'plugins').iterdir() if any(path.glob('*.py'))]
REPORT = load_plugins(sorted(PLUGINS))

BACKBONE_ARGUMENTS: dict[str, dict] = {}
FUSION_ARGUMENTS: dict[str, dict] = {}
PROVIDER_ARGUMENTS = {'replay': lambda stored: {'folder': stored}}
METRIC_ARGUMENTS: dict[str, dict] = {}
# Those that ask a model need one: tests/text_priors/test_provider_*.py hold them to the conformance kit.
OFFLINE_PROVIDERS = [name for name in known(TEXT_PRIOR_PROVIDERS)
                     if not issubclass(TEXT_PRIOR_PROVIDERS.get(name), VisionLanguageProvider)]
CHANNELS = 8


def backbone(name: str) -> nn.Module:
    torch.manual_seed(0)
    return BACKBONES.build(dict(type=name, **BACKBONE_ARGUMENTS.get(name, {})))


def fusion_block(name: str) -> nn.Module:
    torch.manual_seed(0)
    return FUSION_BLOCKS.build(dict(type=name, channels=CHANNELS, **FUSION_ARGUMENTS.get(name, {})))


def level(block: nn.Module, batch: int = 2) -> dict[str, Tensor]:
    """What a neck gives to a block: two maps of one size, and the descriptor."""
    torch.manual_seed(1)
    return dict(low=torch.randn(batch, CHANNELS, 12, 10), high=torch.randn(batch, CHANNELS, 12, 10),
                descriptor=torch.randn(batch, getattr(block, 'descriptor_dim', 512)))


def assert_gradients_reach_all(module: nn.Module, outputs: list[Tensor]) -> None:
    # Weighted, for the plain sum of a batch norm's output has no gradient.
    sum((out * torch.randn_like(out)).sum() for out in outputs).backward()
    missing = [name for name, parameter in module.named_parameters()
               if parameter.grad is None or not parameter.grad.isfinite().all()]
    assert missing == []


@pytest.mark.parametrize('registry', [BACKBONES, FUSION_BLOCKS, TEXT_PRIOR_PROVIDERS, METRICS], ids=lambda r: r.name)
def test_there_is_something_to_hold_a_contract_against(registry):
    assert len(registry) > 0 and len(known(registry)) == len(registry)


def test_the_example_plugins_are_held_to_the_contracts_too():
    assert PLUGINS and not REPORT.failed
    assert 'brightest' in known(TEXT_PRIOR_PROVIDERS) and 'MaximumFusion' in known(FUSION_BLOCKS)


@pytest.mark.parametrize('name', known(BACKBONES))
class TestBackbone:

    def test_returns_maps_finest_first_with_the_channels_it_announces(self, name):
        net = backbone(name).eval()
        with torch.no_grad():
            maps = net(torch.randn(2, 3, 64, 96))
        assert isinstance(maps, list) and all(len(out) == 2 for out in maps)
        assert [out.shape[1] for out in maps] == list(net.out_channels)
        sizes = [tuple(out.shape[-2:]) for out in maps]
        assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) > 1

    def test_gradients_reach_all_parameters(self, name):
        net = backbone(name)
        assert_gradients_reach_all(net, net(torch.randn(2, 3, 64, 64)))

    @pytest.mark.parametrize('training', [True, False], ids=['training', 'test'])
    @pytest.mark.parametrize('size', [(67, 45), (33, 128), (64, 64)], ids=str)
    def test_takes_one_image_of_any_size(self, name, size, training):
        net = backbone(name).train(training)
        with torch.no_grad():
            maps = net(torch.randn(1, 3, *size))
        assert all(out.isfinite().all() for out in maps) and len(maps[0]) == 1

    def test_its_state_carries_all_that_it_computes_with(self, name):
        assert_state_is_complete(backbone(name), lambda net: net(torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)))


@pytest.mark.parametrize('name', known(FUSION_BLOCKS))
class TestFusionBlock:

    def test_keeps_the_size_and_has_the_channels_it_announces(self, name):
        block = fusion_block(name)
        assert block(**level(block)).shape == (2, block.out_channels, 12, 10)

    def test_gradients_reach_all_parameters_and_inputs(self, name):
        block = fusion_block(name)
        given = {key: value.requires_grad_(key != 'descriptor') for key, value in level(block).items()}
        assert_gradients_reach_all(block, [block(**given)])
        assert given['low'].grad.abs().sum() > 0 and given['high'].grad.abs().sum() > 0

    @pytest.mark.parametrize('training', [True, False], ids=['training', 'test'])
    def test_takes_a_batch_of_one(self, name, training):
        block = fusion_block(name).train(training)
        assert block(**level(block, batch=1)).isfinite().all()

    def test_leaves_its_inputs_as_they_are(self, name):
        block = fusion_block(name)
        given = level(block)
        before = deepcopy(given)
        block(**given)
        torch.testing.assert_close(given, before, rtol=0, atol=0)

    def test_its_state_carries_all_that_it_computes_with(self, name):
        assert_state_is_complete(fusion_block(name), lambda block: [block(**level(block))])


def assert_state_is_complete(module: nn.Module, call: Callable[[nn.Module], list[Tensor]]) -> None:
    """After other weights and a step in training mode, loading the state gives the same output again."""
    module.eval()
    other = pickle.loads(pickle.dumps(module))  # as a process gets it
    with torch.no_grad():
        expected = call(module)
        for value in other.state_dict().values():
            if value.is_floating_point():
                value.uniform_(0.5, 1.5)
        changed = call(other)
        other.load_state_dict(module.state_dict(), strict=True)
        torch.testing.assert_close(call(other), expected, rtol=0, atol=0)
    # A block without parameters has no state, and then nothing to change.
    assert not module.state_dict() or any(not a.equal(b) for a, b in zip(changed, expected, strict=True))


def scenes() -> list[Scene]:
    """No target, one, two of one size, one in the corner, a flat image, an image of one pixel."""
    noise = np.random.default_rng(0).uniform(40, 90, (41, 60)).astype(np.float32)
    places = [[], [(8, 50)], [(8, 50), (30, 5)], [(0, 0)]]
    made = []
    for i, spots in enumerate(places):
        image, mask = noise.copy(), np.zeros(noise.shape, np.uint8)
        for row, col in spots:
            image[row:row + 2, col:col + 2], mask[row:row + 2, col:col + 2] = 220, 1
        made.append(Scene(image, mask, f'scene_{i}'))
    flat, dot = np.full((20, 20), 7, np.float32), np.full((1, 1), 7, np.float32)
    return [*made, Scene(flat, np.zeros((20, 20), np.uint8), 'flat'), Scene(dot, np.ones((1, 1), np.uint8), 'dot')]


@pytest.mark.parametrize('name', OFFLINE_PROVIDERS)
class TestProvider:

    @pytest.fixture
    def build(self, name, tmp_path):
        for scene in scenes():
            (tmp_path / f'{scene.image_id}.txt').write_text(f'A target in {scene.image_id}.')
        arguments = PROVIDER_ARGUMENTS.get(name, lambda stored: {})(tmp_path)
        return lambda: TEXT_PRIOR_PROVIDERS.build(dict(type=name, **arguments))

    @pytest.mark.parametrize('scene', scenes(), ids=lambda scene: scene.image_id)
    def test_writes_one_line_of_at_most_50_words(self, build, name, scene):
        text = build().describe(scene)
        assert isinstance(text, str) and text == text.strip() and len(text.splitlines()) == 1
        assert 0 < len(text.split()) <= 50

    def test_says_the_same_again(self, build, name):
        first, second = build(), build()
        once = [first.describe(scene) for scene in scenes()]
        assert once == [first.describe(scene) for scene in scenes()] == [second.describe(scene) for scene in scenes()]

    def test_says_whether_it_uses_the_ground_truth(self, build, name):
        assert isinstance(build().uses_ground_truth, bool)

    def test_needs_no_mask_unless_it_says_so(self, build, name):
        provider = build()
        for scene in scenes():
            blind = Scene(scene.image, None, scene.image_id)
            if provider.uses_ground_truth:
                with pytest.raises(DataError, match=f'{scene.image_id}.*mask'):
                    provider.describe(blind)
            else:
                assert provider.describe(blind) == provider.describe(scene)

    def test_describes_a_scene_alone(self, build, name):
        provider = build()
        with pytest.raises(DataError, match=f'{type(provider).__name__} was to describe a ndarray; expected .*Scene'):
            provider.describe(scenes()[0].image)

    def test_leaves_the_scene_as_it_is(self, build, name):
        scene = scenes()[2]
        image, mask = scene.image.copy(), scene.mask.copy()
        build().describe(scene)
        assert np.array_equal(scene.image, image) and np.array_equal(scene.mask, mask)


def sample(image_id: str, hit: bool) -> dict:
    """A target of 3x3 pixels, and the logits and embeddings of a network that finds it, or finds nothing."""
    truth = torch.zeros(1, 16, 20, dtype=torch.uint8)
    truth[:, 4:7, 5:8] = 1
    logits = torch.where(truth > 0, 9.0, -9.0) if hit else torch.full(truth.shape, -9.0)
    made = SegDataSample(metainfo=dict(image_id=image_id, ori_shape=(16, 20), img_shape=(16, 20),
                                       description=f'This is {image_id}.'))
    made.gt_sem_seg, made.seg_logits = PixelData(data=truth), PixelData(data=logits)
    made.pred_sem_seg = PixelData(data=(logits > 0).byte())
    made.image_embedding = torch.eye(8)[int(image_id.rpartition('_')[2])]
    made.text_embedding = made.image_embedding if hit else -made.image_embedding
    return made.to_dict()


@pytest.mark.parametrize('name', known(METRICS))
class TestMetric:

    @staticmethod
    def evaluate(name: str, hits: tuple[bool, ...], batch: int = 1) -> dict[str, float]:
        metric = METRICS.build(dict(type=name, **METRIC_ARGUMENTS.get(name, {})))
        samples = [sample(f'image_{i}', hit) for i, hit in enumerate(hits)]
        for start in range(0, len(samples), batch):
            metric.process(None, samples[start:start + batch])
        assert len(metric.results) == len(samples)  # the engine cuts the gathered list to the size of the data set
        values = metric.evaluate(size=len(samples))
        assert metric.results == []
        return values

    def test_gives_numbers_under_its_prefix(self, name):
        values = self.evaluate(name, (True, False))
        assert values and all('/' in key for key in values)
        assert all(isinstance(value, (int, float)) for value in values.values())

    def test_tells_a_hit_from_a_miss(self, name):
        assert self.evaluate(name, (True, True)) != self.evaluate(name, (False, False))

    def test_does_not_depend_on_the_batches(self, name):
        assert self.evaluate(name, (True, False, True), batch=1) == pytest.approx(
            self.evaluate(name, (True, False, True), batch=3), nan_ok=True)


@pytest.mark.parametrize('name', PROTOCOLS)
class TestProtocol:

    def test_its_rules_as_recorded_make_it_again(self, name):
        again = Protocol(name, 'as recorded', **json.loads(json.dumps(get(name).rules())))
        assert again.fingerprint() == get(name).fingerprint()

    def test_tells_a_hit_from_a_miss(self, name):
        truth = np.zeros((64, 64), bool)
        truth[16:32, 24:40] = True
        hit, miss = (score(get(name), found.astype(float), truth) for found in (truth, truth & False))
        assert (hit.targets, hit.matched, hit.false_alarm_pixels) == (1, 1, 0)
        assert (miss.targets, miss.matched, miss.predicted) == (1, 0, 0)


def _counts() -> list:
    """Every whole number among the defaults of what builds by them; a generator takes any as its seed."""
    found = []
    for registry, name in [(parts, name) for parts in (BACKBONES, MODELS) for name in known(parts)]:
        arguments = list(signature(registry.get(name)).parameters.values())
        if not any(one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD for one in arguments):
            found += [pytest.param(registry, name, one.name, id=f'{name}-{one.name}') for one in arguments
                      if type(one.default) is int and one.name != 'seed']
    return found


@pytest.mark.parametrize(('registry', 'name', 'key'), _counts())
def test_a_count_below_zero_is_refused(registry, name, key):
    with pytest.raises((ValueError, RuntimeError, ZeroDivisionError, IndexError)):
        registry.build(dict(type=name, **{key: -1}))
