"""The target descriptor: its value, its modes, what the cache saves."""

import hashlib
import os

import numpy as np
import open_clip
import pytest
import torch

from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.models.clip_weights import fingerprint
from irstd_toolbox.models.target_descriptor import TargetDescriptor


@pytest.fixture(scope='module')
def embeddings(scenes: list[torch.Tensor], sentences, tiny_clip) -> tuple[torch.Tensor, torch.Tensor]:
    """``I_e`` and ``T_e`` straight from open_clip."""
    clip = tiny_clip()
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD))
    with torch.no_grad():
        images = clip.encode_image((torch.stack(scenes)[:, None].repeat(1, 3, 1, 1) / 255 - mean) / std)
        return images, clip.encode_text(open_clip.SimpleTokenizer()(sentences))


def passes(descriptor: TargetDescriptor) -> dict:
    return descriptor.holder.encoder.passes


def test_the_descriptor_is_the_sum_of_both_embeddings(build, scenes, embeddings, sentences):
    torch.testing.assert_close(build()(scenes, sentences), embeddings[0] + embeddings[1])


def test_it_is_the_images_embedding_where_there_is_no_sentence(build, scenes, embeddings, sentences):
    descriptor = build()(scenes, [sentences[0], None, '  '])
    torch.testing.assert_close(descriptor[0], embeddings[0][0] + embeddings[1][0])
    torch.testing.assert_close(descriptor[1:], embeddings[0][1:])


@pytest.mark.parametrize(('text', 'training', 'counts'), [
    ('never', True, False), ('never', False, False), ('train', True, True), ('train', False, False),
    ('train_and_test', True, True), ('train_and_test', False, True)])
def test_sentences_count_as_table_2_says(build, scenes, embeddings, text, training, counts, sentences):
    descriptor = build(text=text).train(training)(scenes, sentences)
    torch.testing.assert_close(descriptor, embeddings[0] + embeddings[1] * counts)


def test_the_default_is_the_papers_training_only(build):
    assert build().text == 'train'


def test_normalised_embeddings_have_length_one_before_the_sum(build, scenes, embeddings, sentences):
    unit = [e / e.norm(dim=1, keepdim=True) for e in embeddings]
    torch.testing.assert_close(build(normalize=True)(scenes, sentences), unit[0] + unit[1])


def test_dropout_leaves_sentences_out_sample_by_sample_by_torchs_generator(build, scenes, embeddings, sentences):
    descriptor = build(text_dropout=0.5)
    torch.manual_seed(11)
    kept = torch.rand(3) >= 0.5
    assert 0 < kept.sum() < 3
    torch.manual_seed(11)
    torch.testing.assert_close(descriptor(scenes, sentences), embeddings[0] + embeddings[1] * kept[:, None])


def test_dropout_is_for_training_only(build, scenes, embeddings, sentences):
    descriptor = build(text='train_and_test', text_dropout=1.0)
    torch.testing.assert_close(descriptor(scenes, sentences), embeddings[0])
    torch.testing.assert_close(descriptor.eval()(scenes, sentences), embeddings[0] + embeddings[1])


def test_no_random_number_is_drawn_without_dropout(build, scenes, sentences):
    before = torch.get_rng_state()
    build()(scenes, sentences)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(('option', 'message'), [
    (dict(text='test'), "text='test' is not known.*train_and_test"), (dict(text_dropout=1.5), 'no share')])
def test_a_wrong_option_is_an_error(build, option, message):
    with pytest.raises(ConfigError, match=message):
        build(**option)


def test_dimensions_are_known_before_the_weights_are(build):
    descriptor = build(file='absent.pt')
    assert (descriptor.dim, descriptor.image_size) == (32, 64)


@pytest.mark.parametrize('scene', [torch.zeros(64, 32, dtype=torch.uint8), torch.zeros(64, 64), None])
def test_a_wrong_scene_is_an_error_that_names_the_transform(build, scene):
    with pytest.raises(ConfigError, match=r'torch.uint8 \(64, 64\), got.*LoadClipImage\(size=64\)'):
        build()([scene], [None])


def test_scenes_and_sentences_must_pair(build, scenes):
    with pytest.raises(ConfigError, match='3 scenes came with 1 descriptions'):
        build()(scenes, [None])


def test_missing_weights_are_an_error_at_the_first_use(build, scenes, sentences):
    descriptor = build(file='absent.pt')
    with pytest.raises(CheckpointError, match='absent.pt are not there'):
        descriptor(scenes, sentences)


def test_weights_that_give_nan_are_an_error_and_nothing_is_cached(
        build, weights, scenes, tmp_path, sentences, tiny_clip):
    clip = tiny_clip()
    clip.visual.proj.data[:] = 3e38
    torch.save(clip.state_dict(), weights / 'nan.pt')
    with pytest.raises(CheckpointError, match='not finite'):
        build(file='nan.pt')(scenes, sentences)
    assert list((tmp_path / 'cache').rglob('*.emb')) == []


def test_a_second_epoch_costs_no_pass_of_clip(build, scenes, sentences):
    descriptor = build()
    first = descriptor(scenes, sentences)
    counted = dict(passes(descriptor))
    second = torch.stack([descriptor([s], [t])[0] for s, t in zip(scenes, sentences, strict=True)])
    assert counted == passes(descriptor) == {'image': 1, 'text': 1}
    assert torch.equal(first, second)


def test_a_second_run_loads_no_weights_and_gives_the_same_bits(build, scenes, sentences):
    first = build()(scenes, sentences)
    again = build()
    assert torch.equal(first, again(scenes, sentences))
    assert passes(again) == {'image': 0, 'text': 0}
    assert not again.holder.encoder.loaded


def test_only_what_is_missing_is_computed_and_a_repeated_sentence_once(build, scenes, monkeypatch, sentences):
    descriptor = build()
    descriptor(scenes[:1], sentences[:1])
    seen = []
    encode = descriptor.holder.encoder.encode_texts
    monkeypatch.setattr(descriptor.holder.encoder, 'encode_texts', lambda texts: seen.append(texts) or encode(texts))
    descriptor(scenes, [sentences[1], sentences[0], sentences[1]])
    assert seen == [[sentences[1]]]


def test_a_damaged_entry_is_computed_again_and_rewritten(build, scenes, tmp_path, sentences):
    expected = build()(scenes, sentences)
    files = sorted((tmp_path / 'cache').rglob('*.emb'))
    whole = {file: file.read_bytes() for file in files}
    assert len(files) == 6
    for file in files:
        file.write_bytes(whole[file][:-7])
    descriptor = build()
    assert torch.equal(descriptor(scenes, sentences), expected)
    assert passes(descriptor) == {'image': 1, 'text': 1}
    assert {file: file.read_bytes() for file in files} == whole


def test_entries_of_other_weights_are_not_taken(build, scenes, sentences):
    mine, other = build()(scenes, sentences), build(file='other.pt')(scenes, sentences)
    assert (mine - other).abs().max() > 0.1


@pytest.mark.parametrize('option', [dict(mean=[.4] * 3), dict(std=[.4] * 3), dict(quick_gelu=True)], ids=list)
def test_entries_of_another_way_to_read_a_scene_are_not_taken(build, scenes, option):
    first = build()
    first(scenes, [None] * 3)
    if 'quick_gelu' in option:  # which leaves no trace in the weights
        option = dict(model={**first.holder.encoder.config, **option})
    descriptor = build(encoder=option)
    descriptor(scenes, [None] * 3)
    assert passes(descriptor)['image'] == 1


@pytest.mark.filterwarnings('ignore:.*untrained')
def test_entries_of_another_seed_are_not_taken(build, scenes):
    mine, other = (build(encoder=dict(pretrained='random', seed=seed))(scenes, [None] * 3) for seed in (5, 6))
    assert (mine - other).abs().max() > 0.1


def test_weights_that_were_put_in_the_place_of_others_are_noticed(build, weights, scenes, tiny_clip):
    file, found, sizes = weights / 'mine.pt', [], set()
    for second, seed in enumerate((7, 8)):
        torch.save(tiny_clip(seed).state_dict(), file)
        os.utime(file, (second, second))
        sizes.add(file.stat().st_size)
        found.append(build(file='mine.pt')(scenes, [None] * 3))
    torch.testing.assert_close(found[1], build(file='other.pt', cache_dir=None)(scenes, [None] * 3))
    assert (found[0] - found[1]).abs().max() > 0.1 and len(sizes) == 1


def test_a_note_that_names_other_weights_is_found_out_at_the_first_miss(
        build, scenes, embeddings, sentences, tiny_clip):
    descriptor = build()
    descriptor.holder.cache.remember(descriptor.holder.encoder.source, '00' * 31 + '01')
    torch.testing.assert_close(descriptor(scenes, sentences), embeddings[0] + embeddings[1])
    assert descriptor.holder.fingerprint == build().holder.fingerprint == fingerprint(tiny_clip())
    again = build()
    again(scenes, sentences)
    assert passes(again) == {'image': 0, 'text': 0}, 'the entries were stored under the note, not under the weights'


def test_without_a_folder_the_cache_lives_in_memory(build, scenes, tmp_path, sentences):
    descriptor = build(cache_dir=None)
    descriptor(scenes, sentences)
    descriptor(scenes, sentences)
    assert passes(descriptor) == {'image': 1, 'text': 1}
    assert not (tmp_path / 'cache').exists()


def test_the_cache_holds_full_precision_under_autocast(build, scenes, embeddings, sentences):
    with torch.autocast('cpu', torch.bfloat16):
        descriptor = build()(scenes, sentences)
    assert descriptor.dtype == torch.float32
    torch.testing.assert_close(descriptor, embeddings[0] + embeddings[1])


def test_long_sentences_are_reported_though_their_embedding_is_cached(build, scenes):
    long = 'a small bright target near the horizon ' * 20
    for _ in range(2):
        with pytest.warns(UserWarning, match='1 of 1 sentences so far.*142 tokens'):
            build()(scenes[:1], [long])


def test_keys_name_the_input_by_content(build, scenes):
    holder = build().holder
    item = scenes[0].numpy()
    assert holder._key('image', item) == holder._key('image', item.copy())
    turned = item[:, ::-1]
    assert holder._key('image', turned) != holder._key('image', item)
    assert holder._key('image', turned) == holder._key('image', turned.copy())
    assert holder._key('text', 'a') != holder._key('text', 'b')
    assert holder._key('text', 'a') != holder._key('image', np.frombuffer(b'a', np.uint8))
    assert len(holder._key('text', 'a')) == hashlib.sha256().digest_size * 2
