"""The target descriptor as a part of a model: what it shares, what a checkpoint holds, how it trains."""

import copy
from pathlib import Path

import open_clip
import pytest
import torch
from mmengine.model import BaseModel, ExponentialMovingAverage
from mmengine.runner.checkpoint import load_state_dict, save_checkpoint

from irstd_toolbox.errors import CheckpointError
from irstd_toolbox.models.clip_weights import fingerprint
from irstd_toolbox.models.target_descriptor import TargetDescriptor
from irstd_toolbox.registry import MODELS

TINY = dict(
    embed_dim=32,
    vision_cfg=dict(image_size=64, layers=2, width=32, patch_size=16, head_width=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=2))
SENTENCES = ['a target in the upper left', 'two targets near the horizon', 'one target over the sea']


def tiny_clip(seed: int = 7) -> torch.nn.Module:
    torch.manual_seed(seed)
    return open_clip.CLIP(**TINY).eval()


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('weights')
    for name, seed in (('tiny.pt', 7), ('other.pt', 8)):
        torch.save(tiny_clip(seed).state_dict(), folder / name)
    return folder


@pytest.fixture
def build(weights: Path, tmp_path: Path):
    """Build a descriptor on the tiny local weights with a cache of this test's own."""
    def make(file: str = 'tiny.pt', **options) -> TargetDescriptor:
        encoder = dict(type='OpenCLIPEncoder', model=TINY, pretrained=str(weights / file))
        cfg = dict(type='TargetDescriptor', encoder=encoder, cache_dir=str(tmp_path / 'cache'))
        return MODELS.build({**cfg, **options})
    return make


@pytest.fixture(scope='module')
def scenes() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return list(torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=generator))


def test_a_frozen_encoder_is_no_part_of_the_module(build, scenes):
    descriptor = build()
    descriptor(scenes, SENTENCES)
    assert list(descriptor.parameters()) == []
    assert [name for name, _ in descriptor.named_modules()] == ['']
    assert list(descriptor.state_dict()) == ['encoder_fingerprint']
    assert not any(p.requires_grad for p in descriptor.holder.encoder.parameters())


def test_a_deep_copy_shares_the_encoder(build, scenes):
    descriptor = build()
    expected = descriptor(scenes, SENTENCES)
    copied = copy.deepcopy(descriptor)
    assert copied.holder is descriptor.holder
    assert torch.equal(copied(scenes, SENTENCES), expected)


def test_a_frozen_encoder_stays_in_eval_mode(build, scenes):
    descriptor = build().train()
    descriptor(scenes, SENTENCES)
    assert not any(module.training for module in descriptor.holder.encoder.modules())


def test_the_checkpoint_names_the_weights(build, scenes):
    descriptor = build()
    descriptor(scenes, SENTENCES)
    stored = bytes(descriptor.state_dict()['encoder_fingerprint'].tolist()).hex()
    assert stored == fingerprint(tiny_clip())


def test_a_checkpoint_before_the_first_use_names_none_and_fits_any(build, scenes):
    state = build().state_dict()
    assert not state['encoder_fingerprint'].any()
    descriptor = build(file='other.pt')
    descriptor.load_state_dict(state)
    descriptor(scenes, SENTENCES)
    assert descriptor.state_dict()['encoder_fingerprint'].any()


@pytest.mark.parametrize('load', [lambda model, state: model.load_state_dict(state), load_state_dict],
                         ids=['torch', 'mmengine'])
def test_other_weights_than_the_checkpoints_are_an_error_with_both_names(build, scenes, load):
    trained, other = build(), build(file='other.pt')
    trained(scenes, SENTENCES)
    other(scenes, SENTENCES)
    names = [fingerprint(tiny_clip(seed))[:12] for seed in (7, 8)]
    with pytest.raises(CheckpointError, match=f'trained with encoder weights {names[0]}.*other.pt.*has {names[1]}'):
        load(torch.nn.Sequential(other), torch.nn.Sequential(trained).state_dict())


def test_weights_that_are_not_known_at_loading_are_compared_at_the_first_use(build, scenes):
    trained, other = build(), build(file='other.pt')
    trained(scenes, SENTENCES)
    other.load_state_dict(trained.state_dict())
    with pytest.raises(CheckpointError, match='trained with encoder weights'):
        other(scenes, SENTENCES)


def test_a_checkpoint_without_a_name_does_not_wipe_out_ours(build, scenes):
    unnamed = build().state_dict()
    descriptor = build()
    descriptor(scenes, SENTENCES)
    descriptor.load_state_dict(unnamed)
    assert descriptor.state_dict()['encoder_fingerprint'].any()


def test_a_checkpoint_goes_through_mmengine_and_safe_loading(build, scenes, tmp_path):
    descriptor = build()
    descriptor(scenes, SENTENCES)
    save_checkpoint({'state_dict': torch.nn.Sequential(descriptor).state_dict()}, str(tmp_path / 'checkpoint.pth'))
    state = torch.load(tmp_path / 'checkpoint.pth', weights_only=True)['state_dict']
    fresh = torch.nn.Sequential(build())
    assert not fresh.load_state_dict(state).missing_keys
    assert torch.equal(fresh[0].state_dict()['encoder_fingerprint'], descriptor.state_dict()['encoder_fingerprint'])


class Model(BaseModel):
    def __init__(self, descriptor: TargetDescriptor) -> None:
        super().__init__()
        self.target_descriptor = descriptor
        self.head = torch.nn.Linear(32, 1)

    def forward(self, scenes, sentences):
        return self.head(self.target_descriptor(scenes, sentences))


@pytest.mark.parametrize('update_buffers', [False, True])
def test_an_average_of_the_model_works_and_holds_no_second_encoder(build, scenes, update_buffers):
    model = Model(build())
    average = ExponentialMovingAverage(model, update_buffers=update_buffers)
    expected = model(scenes, SENTENCES)
    for _ in range(3):
        average.update_parameters(model)
    torch.testing.assert_close(average(scenes, SENTENCES), expected)
    assert sum(p.numel() for p in average.parameters()) == 33
    again = ExponentialMovingAverage(Model(build()), update_buffers=update_buffers)
    again.load_state_dict(average.state_dict())
    assert bytes(again.module.target_descriptor.encoder_fingerprint.tolist()).hex() == fingerprint(tiny_clip())


def test_a_trained_encoder_is_a_part_and_gets_gradients_but_for_the_contrastive_scale(build, scenes):
    descriptor = build(frozen=False)
    descriptor(scenes, [SENTENCES[0], None, None]).sum().backward()
    without = [name for name, p in descriptor.named_parameters() if p.grad is None]
    assert without == ['encoder.clip.logit_scale']
    assert 'encoder.clip.visual.proj' in descriptor.state_dict()


def test_a_trained_encoder_begins_with_the_descriptors_of_a_frozen_one(build, scenes):
    descriptor = build(frozen=False)
    descriptor.init_weights()
    for sentences in (SENTENCES, [SENTENCES[0], None, None]):
        torch.testing.assert_close(descriptor(scenes, sentences), build()(scenes, sentences))


def test_every_parameter_of_a_trained_encoder_gets_a_gradient_without_any_sentence(build, scenes):
    descriptor = build(frozen=False)
    descriptor(scenes, [None] * 3).sum().backward()
    assert all(p.grad is not None for p in descriptor.parameters() if p.requires_grad)


def test_without_text_only_the_image_tower_trains(build, scenes):
    descriptor = build(frozen=False, text='never')
    descriptor(scenes, SENTENCES).sum().backward()
    trained = [name for name, p in descriptor.named_parameters() if p.requires_grad]
    assert trained
    assert all(name.startswith('encoder.clip.visual.') for name in trained)


def test_building_a_trained_encoder_needs_no_weights_and_a_checkpoint_fills_it(build, scenes):
    source = build(frozen=False)
    source.init_weights()
    source.encoder.clip.visual.proj.data += 1
    descriptor = build(file='absent.pt', frozen=False)
    descriptor.load_state_dict(source.state_dict())
    torch.testing.assert_close(descriptor(scenes, SENTENCES), source(scenes, SENTENCES))


def test_mmengines_init_weights_loads_a_trained_encoder(build):
    model = Model(build(frozen=False))
    model.init_weights()
    assert fingerprint(model.target_descriptor.encoder.clip) == fingerprint(tiny_clip())
