"""A tiny model of this machine, made here, goes through ``hf_local`` as a downloaded one would."""

import asyncio
import json
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from irstd_toolbox.text_priors import Scene
from irstd_toolbox.text_priors.providers import hf_local
from irstd_toolbox.text_priors.providers.hf_local import LocalProvider
from irstd_toolbox.text_priors.testing import check_provider
from irstd_toolbox.text_priors.vlm.prompts import render
from irstd_toolbox.text_priors.vlm.types import Prompt, ProviderError, Shot

SENTENCE = 'The small target lies in the upper left region .'
WORDS = f'{SENTENCE} where is it ? you are an expert first second'.split()
TEMPLATE = (
    "{% for turn in messages %}{{ turn['role'] | upper }} {% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }} {% endif %}{% endfor %}{% endfor %}"
    '{% if add_generation_prompt %}ASSISTANT{% endif %}')


@pytest.fixture(scope='module')
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA of 28x28 pixels without normalization, whose language half says SENTENCE after ASSISTANT."""
    import transformers as hf
    from tokenizers import Tokenizer, models, pre_tokenizers

    marks = ['<pad>', '<s>', '</s>', '<unk>', '<image>', 'SYSTEM', 'USER', 'ASSISTANT']
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(marks + WORDS))}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token='<unk>'))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=raw, pad_token='<pad>', eos_token='</s>', unk_token='<unk>',
                                           additional_special_tokens=['<image>'])
    images = hf.CLIPImageProcessor(do_resize=False, do_center_crop=False, do_rescale=False, do_normalize=False)
    processor = hf.LlavaProcessor(images, tokenizer, patch_size=14, vision_feature_select_strategy='default',
                                  chat_template=TEMPLATE, num_additional_image_tokens=1)
    size, width = len(vocabulary), 64
    vision = hf.CLIPVisionConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
                                 image_size=28, patch_size=14)
    text = hf.LlamaConfig(vocab_size=size, hidden_size=width, intermediate_size=16, num_hidden_layers=1,
                          num_attention_heads=2, num_key_value_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                          tie_word_embeddings=False)
    torch.manual_seed(0)
    model = hf.LlavaForConditionalGeneration(hf.LlavaConfig(
        vision_config=vision, text_config=text, image_token_id=vocabulary['<image>'], vision_feature_layer=-1,
        vision_feature_select_strategy='default', tie_word_embeddings=False))
    says = ['ASSISTANT', *SENTENCE.split(), '</s>']
    with torch.no_grad():  # each word tells the next: one-hot embeddings, and nothing added on the way
        language = model.model.language_model
        language.layers[0].self_attn.o_proj.weight.zero_()
        language.layers[0].mlp.down_proj.weight.zero_()
        language.embed_tokens.weight.copy_(torch.eye(size, width))
        model.lm_head.weight.zero_()
        for word, following in zip(says, says[1:], strict=False):
            model.lm_head.weight[vocabulary[following], vocabulary[word]] = 1
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = 2, 0
    folder = tmp_path_factory.mktemp('tiny_vlm')
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope='module')
def provider(tiny: Path) -> LocalProvider:
    return LocalProvider(model=str(tiny), local_files_only=True)


@pytest.fixture
def seen(provider: LocalProvider, monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the model itself is given: its tokens as words, its pixels."""
    got = {}
    asyncio.run(provider.check())
    processor, model = provider._loaded
    generate = model.generate

    def spy(**given):
        got['words'] = processor.tokenizer.decode(given['input_ids'][0]).replace('<image>', '').split()
        got['pixels'] = given['pixel_values'].numpy()
        return generate(**given)
    monkeypatch.setattr(model, 'generate', spy)
    return got


def test_it_describes_a_scene_like_any_provider(provider, infrared):
    assert provider.describe(Scene(infrared(0, (28, 28)).astype(np.float32), None, 'a')) == SENTENCE


def test_it_answers_with_counts_and_an_end(provider, ask, prepared, tiny):
    answer = ask(provider, None, prepared(0, (28, 28)))
    assert (answer.text, answer.finish, answer.resolved_model) == (SENTENCE, 'stop', str(tiny))
    assert answer.usage.output_tokens == len(SENTENCE.split()) + 1 and answer.usage.input_tokens > 4
    assert answer.latency_s > 0


def test_what_it_thought_first_is_no_answer(provider, ask, prepared, monkeypatch):
    asyncio.run(provider.check())
    monkeypatch.setattr(provider._loaded[0], 'decode', lambda *given, **options: f'Left? No.\n</think>\n\n{SENTENCE}')
    assert ask(provider, None, prepared(0, (28, 28))).text == SENTENCE


def test_thoughts_that_end_with_a_special_token_are_no_answer_either(tiny, ask, prepared, monkeypatch):
    provider = LocalProvider(model=str(tiny), local_files_only=True)
    asyncio.run(provider.check())
    processor, model = provider._loaded
    processor.tokenizer.add_special_tokens({'additional_special_tokens': ['[THINK]', '[/THINK]']})
    said = processor.tokenizer(f'[THINK] where is it ? [/THINK] {SENTENCE}', return_tensors='pt')['input_ids']
    monkeypatch.setattr(model, 'generate', lambda input_ids, **given: torch.cat([input_ids, said], 1))
    assert '[/THINK]' not in processor.decode(said[0], skip_special_tokens=True)
    assert ask(provider, None, prepared(0, (28, 28))).text == SENTENCE


def test_every_pixel_reaches_the_model_in_three_equal_channels(provider, seen, ask, prepared, infrared):
    ask(provider, None, prepared(3, (28, 28)))
    assert seen['pixels'].shape == (1, 3, 28, 28)
    assert (seen['pixels'][0] == infrared(3, (28, 28))).all()


def test_role_task_and_examples_reach_the_model_in_their_order(provider, seen, ask, prepared, infrared):
    image = prepared(0, (28, 28))
    shots = (Shot(prepared(1, (28, 28)), 'upper left'), Shot(prepared(2, (28, 28)), 'lies in'))
    ask(provider, Prompt('few_shot', 'where is it ?', 'you are an expert', shots), image)
    assert ' '.join(seen['words']) == (
        'SYSTEM you are an expert USER where is it ? ASSISTANT upper left USER where is it ? ASSISTANT lies in '
        'USER where is it ? ASSISTANT')
    for seed, pixels in zip((1, 2, 0), seen['pixels'], strict=True):
        assert (pixels == infrared(seed, (28, 28))).all()


def test_a_prompt_without_a_role_has_no_system_turn(provider, seen, ask, prepared):
    ask(provider, Prompt('zero_shot', 'where ?'), prepared(0, (28, 28)))
    assert seen['words'] == ['USER', 'where', '?', 'ASSISTANT']


def test_an_answer_that_the_limit_cuts_says_so(tiny, ask, prepared):
    answer = ask(LocalProvider(model=str(tiny), max_new_tokens=3), None, prepared(0, (28, 28)))
    assert (answer.text, answer.finish, answer.usage.output_tokens) == ('The small target', 'length', 3)


def test_an_answer_that_just_fits_is_not_cut(tiny, ask, prepared):
    exact = len(SENTENCE.split()) + 1
    assert ask(LocalProvider(model=str(tiny), max_new_tokens=exact), None, prepared(0, (28, 28))).finish == 'stop'


def test_it_conforms(tiny, tmp_path):
    for file in tiny.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / 'processor_config.json').read_text())
    config['image_processor'] |= {'do_resize': True, 'size': {'height': 28, 'width': 28}}
    (tmp_path / 'processor_config.json').write_text(json.dumps(config))
    broken = [LocalProvider(model=str(tiny / 'nowhere'), local_files_only=True)]
    check_provider(LocalProvider(model=str(tmp_path)), broken=broken)


def test_a_pickled_copy_leaves_the_weights_behind_and_says_the_same(provider, ask, prepared):
    ask(provider, None, prepared(0, (28, 28)))
    data = pickle.dumps(provider)
    assert len(data) < 5_000
    assert ask(pickle.loads(data), None, prepared(0, (28, 28))).text == SENTENCE


def test_questions_at_once_are_answered_one_after_the_other(provider, prepared):
    async def run():
        return await asyncio.gather(*(provider.ask(prepared(0, (28, 28)), render('system')) for _ in range(3)))
    assert [answer.text for answer in asyncio.run(run())] == [SENTENCE] * 3


@pytest.mark.parametrize('model', ['nowhere/at-all', '/nowhere/at/all'])
def test_a_model_that_is_not_there_stops_the_run(ask, model):
    with pytest.raises(ProviderError, match=model) as caught:
        ask(LocalProvider(model=model, local_files_only=True))
    assert caught.value.kind == 'not_found' and caught.value.__context__ is None


def test_where_a_model_comes_from_and_goes_to_is_as_told(monkeypatch):
    asked, placed = [], []

    class Model:
        def to(self, device: str) -> 'Model':
            placed.append(device)
            return self

        def eval(self) -> 'Model':
            return self
    for name, made in ('AutoProcessor', SimpleNamespace(chat_template='x')), ('AutoModelForImageTextToText', Model()):
        monkeypatch.setattr(f'transformers.{name}.from_pretrained',
                            lambda *given, made=made, **options: asked.append((*given, options)) or made)
    asyncio.run(LocalProvider(model='m', revision='abc', local_files_only=True, dtype='bfloat16',
                              device='cuda:1').check())
    common = dict(revision='abc', local_files_only=True, trust_remote_code=False)
    assert asked == [('m', common), ('m', common | dict(dtype='bfloat16'))] and placed == ['cuda:1']


def test_a_model_without_a_chat_template_is_told(tiny, tmp_path, ask):
    for file in tiny.iterdir():
        if file.name != 'chat_template.jinja':
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(ProviderError, match='has no chat template; expected an instruction-tuned model') as caught:
        ask(LocalProvider(model=str(tmp_path)))
    assert caught.value.kind == 'config'


def test_a_folder_of_something_else_is_told(tmp_path, ask):
    (tmp_path / 'config.json').write_text('{"model_type": "of_tomorrow"}')
    with pytest.raises(ProviderError, match='cannot be loaded as one that reads images and text: ValueError') as caught:
        ask(LocalProvider(model=str(tmp_path)))
    assert caught.value.kind == 'config'


def test_an_image_that_the_model_cannot_take_fails_alone(provider, ask, prepared):
    with pytest.raises(ProviderError) as caught:
        ask(provider, None, prepared(0, (30, 44)))
    assert caught.value.kind == 'bad_request'
    assert ask(provider, None, prepared(0, (28, 28))).text == SENTENCE


def test_an_image_that_the_memory_does_not_hold_is_too_large(provider, ask, prepared, monkeypatch):
    def fill(*given, **options):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
    asyncio.run(provider.check())
    monkeypatch.setattr(provider._loaded[1], 'generate', fill)
    with pytest.raises(ProviderError, match="can't allocate memory") as caught:
        ask(provider, None, prepared(0, (28, 28)))
    assert caught.value.kind == 'too_large'


@pytest.mark.parametrize('place', [0, -1])
def test_other_weights_of_the_same_size_make_another_identity(tiny, tmp_path, monkeypatch, place):
    monkeypatch.setattr(hf_local, 'EDGE', 64)  # as for weights larger than two of it

    def identity():
        return LocalProvider(model=str(tmp_path)).identity()['files']
    for file in tiny.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    before = identity()
    assert before == LocalProvider(model=str(tiny)).identity()['files'] == identity()
    weights = tmp_path / 'model.safetensors'
    data = bytearray(weights.read_bytes())
    data[place] ^= 1
    weights.write_bytes(data)
    assert identity() != before


def test_foreign_code_runs_only_if_asked_and_is_on_record(tmp_path, ask):
    (tmp_path / 'config.json').write_text(
        '{"model_type": "theirs", "auto_map": {"AutoConfig": "code.TheirConfig", "AutoProcessor": "code.Theirs"}}')
    (tmp_path / 'code.py').write_text(f'open({str(tmp_path / "ran")!r}, "w")\n')
    with pytest.raises(ProviderError):
        ask(LocalProvider(model=str(tmp_path)))
    assert not (tmp_path / 'ran').exists()
    assert LocalProvider(model='m').identity()['trust_remote_code'] is False
    assert LocalProvider(model='m', trust_remote_code=True).identity()['trust_remote_code'] is True
