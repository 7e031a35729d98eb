"""The CLIP encoder's options: values that no encoder takes, and what a file is to be told of itself."""

import contextlib
import math
import re
import socket
import ssl
from urllib.error import HTTPError, URLError

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.models.clip import OpenCLIPEncoder
from irstd_toolbox.models.clip_weights import check_meaning, reachable
from irstd_toolbox.registry import MODELS

INLINE = dict(
    embed_dim=8, vision_cfg=dict(image_size=32, layers=1, width=8, patch_size=16, head_width=8),
    text_cfg=dict(context_length=16, vocab_size=49408, width=8, heads=1, layers=1))

pytestmark = pytest.mark.filterwarnings('ignore:.*untrained stand-in')


@pytest.mark.parametrize(('name', 'value'), [
    ('mean', 0.5), ('mean', 'abc'), ('mean', [math.nan] * 3), ('mean', [0.5, 0.5]), ('std', [0, 0, 0]),
    ('std', [1, 1, 'a']), ('std', [1.0, 1.0, -1.0])])
def test_a_normalisation_that_no_scene_survives_is_refused(name, value):
    with pytest.raises(ConfigError, match=rf'OpenCLIPEncoder\({name}=.*three finite numbers on the 0\.\.1 scale'):
        OpenCLIPEncoder(INLINE, 'random', **{name: value})


def test_a_model_that_is_neither_name_nor_config_is_refused():
    with pytest.raises(ConfigError, match=r'OpenCLIPEncoder\(model=None\): a name that open_clip lists, or a config'):
        OpenCLIPEncoder(None, 'random')


def test_a_share_of_dropped_text_that_is_no_number_is_refused():
    with pytest.raises(ConfigError, match='text_dropout=x is no share'):
        MODELS.build(dict(type='TargetDescriptor', text_dropout='x', encoder=dict(
            type='OpenCLIPEncoder', model=INLINE, pretrained='random')))


@pytest.mark.parametrize(('model', 'tag', 'told'), [
    ('ViT-B-16-SigLIP', 'webli', 'pretrained=FILE, mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5]. To go on'),
    ('ViT-B-16-quickgelu', 'openai', 'pretrained=FILE. To go on')])
def test_who_is_sent_for_a_file_hears_the_normalisation_that_the_file_will_not_tell(model, tag, told, monkeypatch):
    def refuse(*args, **kwargs):
        raise socket.gaierror('no network in this test')
    monkeypatch.setattr('irstd_toolbox.models.clip_weights.reachable', lambda url: False)
    monkeypatch.setattr('huggingface_hub.try_to_load_from_cache', lambda *args, **kwargs: None)
    monkeypatch.setattr(open_clip, 'download_pretrained', refuse)
    encoder = OpenCLIPEncoder(model, tag)
    with pytest.raises(ConfigError) as caught:
        encoder.load()
    assert told in str(caught.value)


def test_an_inline_config_has_the_tokenizer_that_it_names(monkeypatch):
    made = []
    monkeypatch.setattr(open_clip.tokenizer, 'HFTokenizer',
                        lambda *names, **options: made.append((names, options)) or 'theirs')
    text = dict(INLINE['text_cfg'], hf_tokenizer_name='org/words', tokenizer_kwargs=dict(clean='lower'))
    encoder = OpenCLIPEncoder(dict(INLINE, text_cfg=text), 'random')
    assert encoder.tokenizer == 'theirs'
    assert made == [(('org/words',), dict(context_length=16, tokenizer_mode=None, clean='lower'))]
    assert encoder.identity['tokenizer'] == 'org/words'
    assert isinstance(OpenCLIPEncoder(INLINE, 'random').tokenizer, open_clip.SimpleTokenizer)


def test_a_named_tokenizer_that_is_not_here_is_an_error(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError('org/words is not here')
    monkeypatch.setattr(open_clip.tokenizer, 'HFTokenizer', refuse)
    encoder = OpenCLIPEncoder(dict(INLINE, text_cfg=dict(INLINE['text_cfg'], hf_tokenizer_name='org/words')), 'random')
    with pytest.raises(ConfigError, match=r"org/words is not here\. Fetch .*\.tokenizer\.HFTokenizer\('org/words'\)"):
        encoder.encode_texts(['a target'])


def test_towers_of_other_libraries_fetch_no_weights_of_their_own(monkeypatch):
    made = []
    monkeypatch.setattr(open_clip, 'CustomTextCLIP', lambda **config: made.append(config) or torch.nn.Linear(1, 1))
    config = dict(embed_dim=8, vision_cfg=dict(image_size=32, timm_model_name='vit', timm_model_pretrained=True),
                  text_cfg=dict(hf_model_name='org/words', hf_model_pretrained=True))
    OpenCLIPEncoder(config, 'random').build()
    assert made[0]['vision_cfg']['timm_model_pretrained'] is made[0]['text_cfg']['hf_model_pretrained'] is False


@pytest.mark.parametrize(('answer', 'offline', 'found'), [
    (None, '', True), (None, '1', False), (HTTPError('', 403, 'no', {}, None), '', True),
    (URLError(ssl.SSLError('certificate')), '', True), (URLError(socket.gaierror('unknown')), '', False),
    (TimeoutError('late'), '', False)], ids=repr)
def test_a_server_that_answers_at_all_is_reachable(monkeypatch, answer, offline, found):
    def open_url(request, timeout):
        if answer:
            raise answer
        return contextlib.nullcontext()
    monkeypatch.setattr('urllib.request.urlopen', open_url)
    monkeypatch.setenv('HF_HUB_OFFLINE', offline)
    assert reachable('https://hub.example') is found


def test_a_torchscript_archive_is_called_one(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / 'ViT-B-16.pt'))
    with pytest.raises(CheckpointError, match='a TorchScript archive, a program, which is not run. Take the same'):
        OpenCLIPEncoder(INLINE, str(tmp_path / 'ViT-B-16.pt')).load()


@pytest.mark.parametrize('content', [[1], {}, {1: torch.zeros(1)}, dict(state_dict=3)], ids=str)
def test_a_file_without_tensors_by_name_says_what_it_holds(tmp_path, content):
    torch.save(content, tmp_path / 'clip.pt')
    with pytest.raises(CheckpointError, match='clip.pt hold .*; tensors by name are expected, a state dict'):
        OpenCLIPEncoder(INLINE, str(tmp_path / 'clip.pt')).load()


@pytest.mark.parametrize('note', ['nonsense', '[1]', 'null', '{"identity": null}'])
def test_a_note_of_another_kind_than_an_export_writes_is_refused(tmp_path, note):
    save_file({'a': torch.zeros(1)}, tmp_path / 'clip.safetensors', {'irstd_toolbox': note})
    with pytest.raises(CheckpointError, match=f'The note irstd_toolbox of .* is {re.escape(repr(note))}; expected'):
        check_meaning(str(tmp_path / 'clip.safetensors'), {})
