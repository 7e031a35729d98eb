"""ContrastiveCLIP: its loss against open_clip's, what trains and what stays, samples without words, two processes."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.models import ContrastiveCLIP
from irstd_toolbox.models.contrastive_clip import contrastive_loss

TEXT = dict(context_length=16, vocab_size=49408, width=32, heads=2, layers=2)
TINY = dict(
    embed_dim=16, vision_cfg=dict(image_size=32, layers=3, width=32, patch_size=16, head_width=16), text_cfg=TEXT)
RESNET = dict(TINY, vision_cfg=dict(image_size=32, layers=[1, 1, 1, 1], width=8, head_width=32))
BATCH = ('left', 'right', 'left', 'upper right', None, 'lower left')


def build(config: dict = TINY, **arguments) -> ContrastiveCLIP:
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='.*untrained stand-in')
        encoder = dict(type='OpenCLIPEncoder', model=config, pretrained='random')
        model = ContrastiveCLIP(encoder, **arguments)
    model.init_weights()
    return model


def samples(words: tuple[str | None, ...] = BATCH, side: int = 32) -> list[SegDataSample]:
    generator = torch.Generator().manual_seed(0)
    made = []
    for i, word in enumerate(words):
        sample = SegDataSample(metainfo=dict(image_id=f'scene_{i}', description=word))
        sample.clip_image = torch.randint(0, 256, (side, side), dtype=torch.uint8, generator=generator)
        made.append(sample)
    return made


def step(model: ContrastiveCLIP, batch: list[SegDataSample] | None = None) -> set[str]:
    """One step of AdamW; the names in ``encoder.clip`` of what it changed."""
    before = {name: value.clone() for name, value in model.encoder.clip.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model.train()
    model(None, batch or samples(), mode='loss')['loss_contrastive'].backward()
    optimizer.step()
    return {name for name, value in model.encoder.clip.state_dict().items() if not value.equal(before[name])}


def vectors(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(F.normalize(torch.randn(2, count, 8, generator=generator), dim=-1))


def test_without_equal_sentences_the_loss_is_clips():
    images, texts = vectors(6)
    loss = contrastive_loss(images, texts, torch.arange(6)[:, None], 14.0)
    torch.testing.assert_close(loss, open_clip.ClipLoss()(images, texts, 14.0))


def test_equal_sentences_are_no_negatives_of_each_other():
    images, texts = vectors(4)
    texts[2] = texts[0]
    loss = contrastive_loss(images, texts, torch.tensor([[5], [6], [5], [7]]), 3.0)
    others = {0: (1, 3), 1: (0, 2, 3), 2: (1, 3), 3: (0, 1, 2)}
    terms = []
    for i, negatives in others.items():
        own = math.exp(3 * images[i] @ texts[i])
        terms.append(-math.log(own / (own + sum(math.exp(3 * images[i] @ texts[j]) for j in negatives))))
        terms.append(-math.log(own / (own + sum(math.exp(3 * images[j] @ texts[i]) for j in negatives))))
    assert loss.item() == pytest.approx(sum(terms) / 8, rel=1e-5)


def test_a_batch_of_one_sentence_teaches_nothing():
    images, texts = (part.requires_grad_() for part in vectors(3))
    loss = contrastive_loss(images, texts, torch.ones(3, 2, dtype=torch.long), 100.0)
    loss.backward()
    assert loss == 0 and images.grad.eq(0).all() and texts.grad.eq(0).all()


def test_samples_without_a_description_are_left_out():
    model = build().eval()
    batch = samples()
    told = [sample for sample in batch if sample.description is not None]
    torch.testing.assert_close(model(None, batch, mode='loss'), model(None, told, mode='loss'))


@pytest.mark.parametrize('word', [None, '', '  '], ids=repr)
def test_a_batch_without_any_description_is_an_error(word):
    with pytest.raises(DataError, match='No sample of the batch has a description, such as scene_0.*tools/annotate.py'):
        build()(None, samples((word, word)), mode='loss')


def test_a_pipeline_without_the_scene_is_an_error():
    batch = samples()
    del batch[1].clip_image
    with pytest.raises(ConfigError, match=r'scene_1 came without clip_image.*LoadClipImage\(size=32\)'):
        build()(None, batch, mode='loss')


def test_predictions_are_unit_embeddings_of_the_encoder():
    model = build().eval()
    with torch.no_grad():
        found = model(None, samples(), mode='predict')
        images = model.encoder.encode_images(torch.stack([sample.clip_image for sample in found]))
        text = model.encoder.encode_texts(['upper right'])[0]
    assert torch.stack([sample.image_embedding for sample in found]).allclose(F.normalize(images, dim=1))
    torch.testing.assert_close(found[3].text_embedding, F.normalize(text, dim=0))
    assert ['text_embedding' in sample for sample in found] == [True] * 4 + [False, True]


def test_the_scale_is_clamped_as_clips_is():
    model = build()
    with torch.no_grad():
        model.encoder.clip.logit_scale.fill_(9.0)
    out = model(None, samples(), mode='loss')
    assert out['logit_scale'].item() == pytest.approx(100, rel=1e-5)
    assert model.encoder.clip.logit_scale.item() == pytest.approx(math.log(100))


def of_text(name: str) -> bool:
    return not name.startswith(('visual.', 'logit_scale'))


@pytest.mark.parametrize(('unfreeze', 'expected'), [
    ('all', lambda name: True),
    ('text', lambda name: not name.startswith('visual.')),
    ('image', lambda name: not of_text(name)),
    (1, lambda name: 'resblocks.2.' in name or 'ln_post' in name or name == 'visual.proj' or name == 'logit_scale'
        or name.startswith(('transformer.resblocks.1.', 'ln_final', 'text_projection'))),
    (dict(image=2), lambda name: name in ('visual.proj', 'logit_scale') or name.startswith(
        ('visual.ln_post', 'visual.transformer.resblocks.1.', 'visual.transformer.resblocks.2.'))),
    (dict(image='none', text=0), lambda name: name.startswith(('ln_final', 'text_projection', 'logit_scale'))),
    (dict(image='all', text=0), lambda name: not of_text(name) or name.startswith(('ln_final', 'text_projection'))),
], ids=lambda value: None if callable(value) else str(value))
def test_what_is_unfrozen_changes_and_nothing_else(unfreeze, expected):
    model = build(unfreeze=unfreeze)
    names = set(model.encoder.clip.state_dict())
    assert step(model) == {name for name in names if expected(name)}


@pytest.mark.parametrize('flag', [False, True], ids=['CLIP', 'CustomTextCLIP'])
def test_blocks_are_counted_from_the_end_under_both_of_open_clips_names(flag):
    model = build(dict(TINY, custom_text=flag), unfreeze=dict(text=1))
    names = {name.removeprefix('text.').split('.')[0] for name, value in model.encoder.clip.named_parameters()
             if value.requires_grad}
    assert names == {'transformer', 'ln_final', 'text_projection', 'logit_scale'}


def test_a_frozen_tower_keeps_its_running_means():
    frozen, trained = build(RESNET, unfreeze='text'), build(RESNET)
    assert not any('running' in name or name.startswith('visual.') for name in step(frozen))
    assert 'visual.bn1.running_mean' in step(trained)


def test_the_bias_of_sigmoid_losses_stays_frozen():
    assert not build(dict(TINY, init_logit_bias=-10.0)).encoder.clip.logit_bias.requires_grad


def test_every_trained_parameter_has_a_gradient_in_a_batch_with_one_description():
    model = build()
    model(None, samples((None, 'left', None)), mode='loss')['loss_contrastive'].backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None for p in trained)


@pytest.mark.parametrize(('unfreeze', 'match'), [
    ('none', "'none' leaves nothing to train"),
    (dict(image='none', text='none'), 'leaves nothing to train'),
    ({}, 'leaves nothing to train'),
    ('both', "'both' is not known. Give 'all', 'text', 'image', a number"),
    (-1, '-1 is not known'),
    (True, 'True is not known'),
    (None, 'None is not known'),
    (dict(words='all'), 'is not known'),
    (dict(text='half'), 'is not known'),
    (dict(text=3), '3 blocks of the text tower, which has 2'),
], ids=lambda value: None if callable(value) else str(value))
def test_what_cannot_be_unfrozen_is_refused(unfreeze, match):
    with pytest.raises(ConfigError, match=match):
        build(unfreeze=unfreeze)


def test_blocks_of_a_tower_without_blocks_are_refused():
    with pytest.raises(ConfigError, match="image tower has none.*Say 'all'"):
        build(RESNET, unfreeze=1)


def gradients(ranks: int, rank: int) -> dict[str, torch.Tensor]:
    """The gradients of a model whose batch is spread over processes, as DDP leaves them."""
    model = build().train()
    wrapped = model if ranks == 1 else torch.nn.parallel.DistributedDataParallel(model)
    out = wrapped(None, samples()[rank::ranks], mode='loss')
    out['loss_contrastive'].backward()
    found = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    return dict(found, loss=out['loss_contrastive'].detach())


def test_two_processes_have_the_gradients_of_one(tmp_path: Path, two_processes: Callable) -> None:
    def work(rank: int) -> None:
        torch.distributed.init_process_group('gloo')
        torch.save(gradients(2, rank), tmp_path / f'{rank}.pt')
        with pytest.raises(DataError) as caught:
            build()(None, samples((None,)), mode='loss')
        (tmp_path / f'{rank}.txt').write_text(str(caught.value))
        torch.distributed.destroy_process_group()

    two_processes(work)
    alone = gradients(1, 0)
    assert len(alone) > 40
    for rank in (0, 1):
        torch.testing.assert_close(torch.load(tmp_path / f'{rank}.pt'), alone, rtol=1e-4, atol=1e-6)
        # Both say so, and none waits for the other.
        assert 'No sample of the batch has a description' in (tmp_path / f'{rank}.txt').read_text()
