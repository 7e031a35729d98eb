"""The target descriptor as a part of a model: what it shares, what a checkpoint holds, how it trains."""

import copy

import pytest
import torch
from mmengine.model import BaseModel, ExponentialMovingAverage
from mmengine.runner.checkpoint import load_state_dict, save_checkpoint

from irstd_toolbox.errors import CheckpointError
from irstd_toolbox.models.clip_weights import fingerprint
from irstd_toolbox.models.target_descriptor import TargetDescriptor


def test_a_frozen_encoder_is_no_part_of_the_module(build, scenes, sentences):
    descriptor = build()
    descriptor(scenes, sentences)
    assert list(descriptor.parameters()) == []
    assert [name for name, _ in descriptor.named_modules()] == ['']
    assert list(descriptor.state_dict()) == ['encoder_fingerprint']
    assert not any(p.requires_grad for p in descriptor.holder.encoder.parameters())


def test_a_deep_copy_shares_the_encoder(build, scenes, sentences):
    descriptor = build()
    expected = descriptor(scenes, sentences)
    copied = copy.deepcopy(descriptor)
    assert copied.holder is descriptor.holder
    assert torch.equal(copied(scenes, sentences), expected)


def test_a_frozen_encoder_stays_in_eval_mode(build, scenes, sentences):
    descriptor = build().train()
    descriptor(scenes, sentences)
    assert not any(module.training for module in descriptor.holder.encoder.modules())


def test_the_checkpoint_names_the_weights(build, scenes, sentences, tiny_clip):
    descriptor = build()
    descriptor(scenes, sentences)
    stored = bytes(descriptor.state_dict()['encoder_fingerprint'].tolist()).hex()
    assert stored == fingerprint(tiny_clip())


def test_a_checkpoint_before_the_first_use_names_none_and_fits_any(build, scenes, sentences):
    state = build().state_dict()
    assert not state['encoder_fingerprint'].any()
    descriptor = build(file='other.pt')
    descriptor.load_state_dict(state)
    descriptor(scenes, sentences)
    assert descriptor.state_dict()['encoder_fingerprint'].any()


@pytest.mark.parametrize('load', [lambda model, state: model.load_state_dict(state), load_state_dict],
                         ids=['torch', 'mmengine'])
def test_other_weights_than_the_checkpoints_are_an_error_with_both_names(build, scenes, load, sentences, tiny_clip):
    trained, other = build(), build(file='other.pt')
    trained(scenes, sentences)
    other(scenes, sentences)
    names = [fingerprint(tiny_clip(seed))[:12] for seed in (7, 8)]
    with pytest.raises(CheckpointError, match=f'trained with encoder weights {names[0]}.*other.pt.*has {names[1]}'):
        load(torch.nn.Sequential(other), torch.nn.Sequential(trained).state_dict())


def test_weights_that_are_not_known_at_loading_are_compared_at_the_first_use(build, scenes, sentences):
    trained, other = build(), build(file='other.pt')
    trained(scenes, sentences)
    other.load_state_dict(trained.state_dict())
    with pytest.raises(CheckpointError, match='trained with encoder weights'):
        other(scenes, sentences)


def test_a_checkpoint_without_a_name_does_not_wipe_out_ours(build, scenes, sentences):
    unnamed = build().state_dict()
    descriptor = build()
    descriptor(scenes, sentences)
    descriptor.load_state_dict(unnamed)
    assert descriptor.state_dict()['encoder_fingerprint'].any()


def test_a_checkpoint_goes_through_mmengine_and_safe_loading(build, scenes, tmp_path, sentences):
    descriptor = build()
    descriptor(scenes, sentences)
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
def test_an_average_of_the_model_works_and_holds_no_second_encoder(build, scenes, update_buffers, sentences, tiny_clip):
    model = Model(build())
    average = ExponentialMovingAverage(model, update_buffers=update_buffers)
    expected = model(scenes, sentences)
    for _ in range(3):
        average.update_parameters(model)
    torch.testing.assert_close(average(scenes, sentences), expected)
    assert sum(p.numel() for p in average.parameters()) == 33
    again = ExponentialMovingAverage(Model(build()), update_buffers=update_buffers)
    again.load_state_dict(average.state_dict())
    assert bytes(again.module.target_descriptor.encoder_fingerprint.tolist()).hex() == fingerprint(tiny_clip())


def test_a_trained_encoder_is_a_part_and_gets_gradients_but_for_the_contrastive_scale(build, scenes, sentences):
    descriptor = build(frozen=False)
    descriptor(scenes, [sentences[0], None, None]).sum().backward()
    without = [name for name, p in descriptor.named_parameters() if p.grad is None]
    assert without == ['encoder.clip.logit_scale']
    assert 'encoder.clip.visual.proj' in descriptor.state_dict()


@pytest.mark.parametrize('normalize', [False, True])
def test_a_trained_encoder_begins_with_the_descriptors_of_a_frozen_one(build, scenes, sentences, normalize):
    descriptor, frozen = build(frozen=False, normalize=normalize), build(normalize=normalize)
    descriptor.init_weights()
    for texts in (sentences, [sentences[0], None, None]):
        torch.testing.assert_close(descriptor(scenes, texts), frozen(scenes, texts))
    torch.testing.assert_close(frozen.of_scenes(torch.stack(scenes)), frozen(scenes, [None] * 3))


def test_embeddings_past_the_cache_are_of_the_checkpoints_weights_too(build, scenes):
    trained, other = build(), build(file='other.pt')
    trained(scenes, [None] * 3)
    other.load_state_dict(trained.state_dict())
    with pytest.raises(CheckpointError, match='trained with encoder weights'):
        other.of_scenes(torch.stack(scenes))


def test_every_parameter_of_a_trained_encoder_gets_a_gradient_without_any_sentence(build, scenes):
    descriptor = build(frozen=False)
    descriptor(scenes, [None] * 3).sum().backward()
    assert all(p.grad is not None for p in descriptor.parameters() if p.requires_grad)


def test_without_text_only_the_image_tower_trains(build, scenes, sentences):
    descriptor = build(frozen=False, text='never')
    descriptor(scenes, sentences).sum().backward()
    trained = [name for name, p in descriptor.named_parameters() if p.requires_grad]
    assert trained
    assert all(name.startswith('encoder.clip.visual.') for name in trained)


def test_building_a_trained_encoder_needs_no_weights_and_a_checkpoint_fills_it(build, scenes, sentences):
    source = build(frozen=False)
    source.init_weights()
    source.encoder.clip.visual.proj.data += 1
    descriptor = build(file='absent.pt', frozen=False)
    descriptor.load_state_dict(source.state_dict())
    torch.testing.assert_close(descriptor(scenes, sentences), source(scenes, sentences))


def test_mmengines_init_weights_loads_a_trained_encoder(build, tiny_clip):
    model = Model(build(frozen=False))
    model.init_weights()
    assert fingerprint(model.target_descriptor.encoder.clip) == fingerprint(tiny_clip())
