"""The CLIP encoder: what it knows before weights are loaded, how they are loaded, what it says when they cannot be."""

import math
import os
import socket
import warnings
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torchvision.transforms import v2

from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.models.clip import OpenCLIPEncoder
from irstd_toolbox.models.clip_weights import fingerprint
from irstd_toolbox.registry import MODELS

TINY = dict(
    embed_dim=32, vision_cfg=dict(image_size=64, layers=2, width=32, patch_size=16, head_width=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=2))
LONG = 'a small bright target near the horizon ' * 20


def tiny_clip(seed: int = 7, **changes) -> torch.nn.Module:
    torch.manual_seed(seed)
    return open_clip.CLIP(**{**TINY, **changes}).eval()


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp('weights') / 'tiny.safetensors'
    save_file({name: tensor.contiguous() for name, tensor in tiny_clip().state_dict().items()}, path)
    return path


@pytest.fixture
def encoder(weights: Path) -> OpenCLIPEncoder:
    return OpenCLIPEncoder(TINY, str(weights)).eval()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list:
    calls = []

    def refuse(*args, **kwargs):
        calls.append(args)
        raise socket.gaierror('no network in this test')
    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    monkeypatch.setattr(socket.socket, 'connect', refuse)
    for name in [name for name in os.environ if name.lower().endswith('_proxy')]:
        monkeypatch.delenv(name)
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    monkeypatch.setattr('huggingface_hub.try_to_load_from_cache', lambda *args, **kwargs: None)
    return calls


def scenes(count: int = 2, side: int = 64, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, (count, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_the_default_is_known_by_name_without_weights_or_network(no_network):
    encoder = MODELS.build(dict(type='OpenCLIPEncoder'))
    assert (encoder.dim, encoder.image_size, encoder.context_length) == (512, 224, 77)
    assert (encoder.model, encoder.pretrained, encoder.loaded) == ('ViT-B-16-quickgelu', 'openai', False)
    assert no_network == []
    assert list(encoder.parameters()) == []


def test_the_papers_spelling_of_a_name_is_understood():
    with pytest.warns(UserWarning, match='untrained'):
        assert OpenCLIPEncoder('ViT-B/16', 'random').model == 'ViT-B-16'


def test_an_unknown_model_lists_near_names():
    with pytest.raises(ConfigError, match="no model 'ViT-B16'.*Near:.*ViT-B-16"):
        OpenCLIPEncoder('ViT-B16', 'random')


def test_a_model_of_the_hub_is_refused_because_building_would_download():
    with pytest.raises(ConfigError, match='would be fetched while building.*model_cfg'):
        OpenCLIPEncoder('hf-hub:someone/something', 'random')


def test_an_unknown_tag_lists_the_tags_of_the_model():
    with pytest.raises(ConfigError, match="'opnai' is neither a file nor a tag of ViT-B-16-quickgelu. Tags:.*openai"):
        OpenCLIPEncoder(pretrained='opnai')


def test_a_tag_cannot_belong_to_an_inline_config():
    with pytest.raises(ConfigError, match="'openai': a tag belongs to a model of open_clip by name"):
        OpenCLIPEncoder(TINY, 'openai')


@pytest.mark.parametrize(('model', 'tag', 'twin'), [
    ('ViT-B-16', 'openai', 'ViT-B-16-quickgelu'), ('RN50', 'yfcc15m', 'RN50-quickgelu')])
def test_weights_of_the_other_activation_are_refused_with_the_matching_name(model, tag, twin):
    with pytest.raises(ConfigError, match=f"other activation.*Say model='{twin}'"):
        OpenCLIPEncoder(model, tag)


def test_an_incomplete_inline_config_is_named():
    with pytest.raises(ConfigError, match='lacks vision_cfg, text_cfg'):
        OpenCLIPEncoder(dict(embed_dim=32), 'random')


def test_an_inline_config_that_open_clip_cannot_build_is_a_config_error():
    with pytest.warns(UserWarning, match='untrained'):
        encoder = OpenCLIPEncoder({**TINY, 'vision_cfg': dict(image_size=64, widht=32)}, 'random')
    with pytest.raises(ConfigError, match='cannot build.*widht'):
        encoder.load()


def test_only_square_images_are_supported():
    with pytest.raises(ConfigError, match='only square ones'):
        OpenCLIPEncoder({**TINY, 'vision_cfg': dict(image_size=[64, 32])}, 'random')


def test_weights_that_cannot_be_fetched_say_how_to_get_them_and_how_to_do_without(no_network):
    with pytest.raises(ConfigError, match=r"not on this machine.*get_pretrained_cfg\('ViT-B-16-quickgelu', 'openai'\)"
                                          r".*FILE.*=random.*model.target_descriptor=None model.neck"):
        OpenCLIPEncoder().load()


def test_weights_in_the_hubs_cache_are_used_without_a_network(weights, no_network, monkeypatch):
    monkeypatch.setattr('huggingface_hub.try_to_load_from_cache', lambda repository, name, **_: str(weights))
    monkeypatch.setattr(open_clip, 'get_pretrained_cfg', lambda model, tag: dict(hf_hub='some/place/'))
    from irstd_toolbox.models.clip_weights import load_weights
    clip = tiny_clip(seed=1)
    load_weights(clip, 'ViT-B-16-quickgelu', 'openai')
    assert fingerprint(clip) == fingerprint(tiny_clip())
    assert no_network == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match='absent.pt are not there.*existing file'):
        OpenCLIPEncoder(TINY, str(tmp_path / 'absent.pt')).load()


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / 'weights.npz').write_bytes(b'1234')
    with pytest.raises(CheckpointError, match='not a weights file.*safetensors'):
        OpenCLIPEncoder(TINY, str(tmp_path / 'weights.npz')).load()


@pytest.mark.parametrize('suffix', ['.pt', '.safetensors'])
def test_a_truncated_file_is_an_error(tmp_path, weights, suffix):
    path = tmp_path / f'cut{suffix}'
    if suffix == '.pt':
        torch.save(tiny_clip().state_dict(), path)
        path.write_bytes(path.read_bytes()[:-5000])
    else:
        path.write_bytes(weights.read_bytes()[:-5000])
    with pytest.raises(CheckpointError, match='cannot be read as tensors.*cut short'):
        OpenCLIPEncoder(TINY, str(path)).load()


class Crafted:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self):
        return os.mkdir, (str(self.victim),)


def test_a_crafted_file_is_refused_and_its_code_does_not_run(tmp_path):
    victim = tmp_path / 'made_by_the_checkpoint'
    torch.save({'state_dict': tiny_clip().state_dict(), 'x': Crafted(victim)}, tmp_path / 'crafted.pt')
    with pytest.raises(CheckpointError, match='more than tensors, which is refused'):
        OpenCLIPEncoder(TINY, str(tmp_path / 'crafted.pt')).load()
    assert not victim.exists()


@pytest.mark.parametrize('size, scale, message', [
    (16, 2.6, 'does not fit the architecture of the inline.*size mismatch'),
    (32, math.nan, 'holds values that are no finite numbers, in logit_scale: its training diverged')])
def test_weights_of_another_architecture_or_of_nan_are_an_error(tmp_path, size, scale, message):
    torch.save(tiny_clip(embed_dim=size).state_dict() | {'logit_scale': torch.tensor(scale)}, tmp_path / 'other.pt')
    with pytest.raises(CheckpointError, match=f'other.pt {message}'):
        OpenCLIPEncoder(TINY, str(tmp_path / 'other.pt')).load()


@pytest.mark.parametrize('suffix', ['.pt', '.bin', '.safetensors'])
def test_local_weights_are_loaded_whatever_their_format(tmp_path, suffix):
    state = {name: tensor.contiguous() for name, tensor in tiny_clip().state_dict().items()}
    path = tmp_path / f'weights{suffix}'
    save_file(state, path) if suffix == '.safetensors' else torch.save({'state_dict': state}, path)
    assert OpenCLIPEncoder(TINY, str(path)).fingerprint() == fingerprint(tiny_clip())


def test_an_image_embedding_is_clips_of_the_grey_scene_normalised_per_channel(encoder):
    transform = v2.Normalize(open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    images = torch.stack([transform(scene[None].float().repeat(3, 1, 1) / 255) for scene in scenes()])
    with torch.no_grad():
        torch.testing.assert_close(encoder.encode_images(scenes()), tiny_clip().encode_image(images))


def test_the_normalisation_can_be_given(weights):
    encoder = OpenCLIPEncoder(TINY, str(weights), mean=[.5, .5, .5], std=[.5, .5, .5]).eval()
    images = scenes()[:, None].float().repeat(1, 3, 1, 1) / 127.5 - 1
    with torch.no_grad():
        torch.testing.assert_close(encoder.encode_images(scenes()), tiny_clip().encode_image(images))


def test_the_normalisation_of_a_tag_is_the_tags(no_network):
    encoder = OpenCLIPEncoder('ViT-B-16-SigLIP', 'webli')
    assert encoder.mean == encoder.std == (0.5, 0.5, 0.5)


def test_a_text_embedding_is_clips(encoder):
    sentences = ['a target in the upper left', 'no target']
    with torch.no_grad():
        expected = tiny_clip().encode_text(open_clip.get_tokenizer('ViT-B-16')(sentences))
        torch.testing.assert_close(encoder.encode_texts(sentences), expected)


@pytest.mark.parametrize('wrong', [scenes(side=32), scenes().float()], ids=['size', 'type'])
def test_a_scene_of_another_size_or_type_is_an_error(encoder, wrong):
    with pytest.raises(ConfigError, match=r'takes uint8 scenes of 64 x 64.*LoadClipImage\(size=64\)'):
        encoder.encode_images(wrong)


def test_a_sentence_that_fits_gives_no_warning(encoder):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        encoder.encode_texts(['x ' * 75])


def test_long_sentences_are_counted_in_one_warning(encoder):
    with pytest.warns(UserWarning, match=r'2 of 3 sentences so far are longer than the 77.*longest: 144') as seen:
        encoder.encode_texts([LONG, 'short', LONG + 'at night'])
        encoder.encode_texts([LONG, 'short'])
    assert len(seen) == 1
    assert encoder.long_sentences == 2


def test_the_warning_about_long_sentences_comes_again_when_they_are_ten(encoder):
    with pytest.warns(UserWarning) as seen:
        for i in range(11):
            encoder.check_lengths([f'{i} {LONG}'])
    assert [str(warning.message).split(' ')[0] for warning in seen] == ['1', '10']


def test_random_weights_are_labelled_and_warned_about_once():
    with pytest.warns(UserWarning, match="'random' is an untrained stand-in") as seen:
        encoder = OpenCLIPEncoder(TINY, 'random')
        encoder.load()
    assert len(seen) == 1
    assert encoder.untrained
    assert 'untrained' in str(encoder)


@pytest.mark.filterwarnings('ignore:.*untrained')
def test_random_weights_follow_their_seed_and_leave_the_global_generator_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    same = [OpenCLIPEncoder(TINY, 'random', seed=5).fingerprint() for _ in range(2)]
    other = OpenCLIPEncoder(TINY, 'random', seed=6).fingerprint()
    assert same[0] == same[1] != other
    assert torch.equal(torch.get_rng_state(), before)


def test_trained_weights_are_not_called_untrained(encoder):
    assert not encoder.untrained


def test_passes_of_each_tower_are_counted(encoder):
    encoder.encode_images(scenes())
    encoder.encode_images(scenes())
    encoder.encode_texts(['one', 'two'])
    assert encoder.passes == {'image': 2, 'text': 1}


def test_the_fingerprint_sees_one_changed_value():
    clip = tiny_clip()
    before = fingerprint(clip)
    with torch.no_grad():
        clip.visual.proj[0, 0] += 1e-3
    assert fingerprint(clip) != before


def test_the_fingerprint_sees_names_shapes_and_types_of_the_same_bytes():
    weight = torch.arange(6, dtype=torch.float32)
    found = set()
    for name, tensor in (('a', weight), ('b', weight), ('a', weight.reshape(2, 3)), ('a', weight.view(torch.int32))):
        module = torch.nn.Module()
        module.register_buffer(name, tensor)
        found.add(fingerprint(module))
    assert len(found) == 4


@pytest.mark.filterwarnings('ignore:.*untrained')
def test_the_full_size_default_encodes_a_scene():
    encoder = OpenCLIPEncoder(pretrained='random').eval()
    with torch.no_grad():
        embedding = encoder.encode_images(scenes(1, 224))
    assert embedding.shape == (1, 512)
    assert embedding.isfinite().all()
    assert sum(p.numel() for p in encoder.parameters()) == 149_620_737
