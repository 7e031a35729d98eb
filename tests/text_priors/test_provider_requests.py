"""What reaches the vendors' servers, as a loopback server got it, and what is read from their answers."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.text_priors.providers.openai_wire import parse_chat, parse_response
from irstd_toolbox.text_priors.vlm.prompts import render
from irstd_toolbox.text_priors.vlm.types import Prompt, Shot, Usage

EVERY = ['openai', 'openai_chat', 'openai_compatible', 'anthropic']


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as opened:
        assert opened.format == 'PNG' and opened.mode == 'L'
        return np.asarray(opened)


@pytest.mark.parametrize('kind', EVERY)
def test_the_image_arrives_pixel_by_pixel(vlm_server, make_provider, ask, infrared, kind):
    ask(make_provider(kind))
    image, = vlm_server.asks[0].images
    assert np.array_equal(pixels(image.png), infrared()) and image.size == (64, 48)


@pytest.mark.parametrize('kind', EVERY)
def test_role_and_task_arrive_word_by_word(vlm_server, make_provider, ask, kind):
    ask(make_provider(kind))
    record, = vlm_server.asks
    assert record.system == 'You are an expert who can locate the small target in the infrared image.'
    assert record.task == (
        'Locate the small target within the infrared image and respond succinctly within 50 words, '
        'detailing the region where the target is situated.')


@pytest.mark.parametrize('kind', EVERY)
def test_a_prompt_without_a_role_sends_none(vlm_server, make_provider, ask, kind):
    ask(make_provider(kind), render('zero_shot'))
    record, = vlm_server.asks
    assert record.system is None and record.task == 'Detect the small target in the infrared image.'


@pytest.mark.parametrize('kind', EVERY)
def test_examples_are_earlier_turns_in_their_order(vlm_server, make_provider, ask, prepared, kind):
    shots = (Shot(prepared(1), 'It is at the left.'), Shot(prepared(2), 'It is at the right.'))
    ask(make_provider(kind), render('few_shot', shots=shots))
    record, = vlm_server.asks
    assert [image.sha256 for image in record.images] == [prepared(seed).sha256 for seed in (1, 2, 0)]
    turns = [turn for turn in record.body.get('messages') or record.body['input'] if turn['role'] != 'system']
    assert [turn['role'] for turn in turns] == ['user', 'assistant', 'user', 'assistant', 'user']
    said = [turn['content'] if isinstance(turn['content'], str) else turn['content'][0]['text'] for turn in turns[1::2]]
    assert said == ['It is at the left.', 'It is at the right.']


@pytest.mark.parametrize('kind', EVERY)
def test_the_answer_is_read(vlm_server, make_provider, ask, kind):
    vlm_server.say = lambda record: f'Seen by {record.model}.'
    answer = ask(make_provider(kind))
    model = vlm_server.asks[0].model
    assert answer.text == f'Seen by {model}.' and answer.model == model and answer.finish == 'stop'
    assert answer.resolved_model.startswith(f'{model}-2026') and answer.request_id.startswith('req_')
    assert 0 < answer.latency_s < 5


@pytest.mark.parametrize(('said', 'text'), [
    ('<think>Left?\nNo.</think>\n\nAt the right.', 'At the right.'), ('Left? </think>At the right.', 'At the right.'),
    (' <think></think> At the right.', 'At the right.'), ('<think>Left?</think>', ''), ('<think>Left?', '<think>Left?'),
    ('At the right. <think>Left?</think> No.', 'At the right. <think>Left?</think> No.'),
    ('<think>a</think>b<think>c</think>d', 'b<think>c</think>d'),
    ('[THINK]Left?[/THINK]At the right.', 'At the right.'), ('◁think▷Left?◁/think▷At the right.', 'At the right.'),
    ('Left?◁/think▷\nAt the right.', 'At the right.'),
    ('<think>Left?</think>\n<answer>At the right.</answer>', 'At the right.'),
    ('<think>Left?</think>\n<|begin_of_box|> At the right.<|end_of_box|>\n', 'At the right.'),
    ('<answer><|begin_of_box|>At the right.<|end_of_box|></answer>', 'At the right.'),
    ('<answer>At the right.', '<answer>At the right.'),
    ('<answer>a</answer>b<answer>c</answer>', '<answer>a</answer>b<answer>c</answer>')])
def test_thoughts_that_a_local_server_leaves_in_the_text_are_no_answer(said, text):
    body = {'choices': [{'message': {'content': said}, 'finish_reason': 'stop'}]}
    assert parse_chat(body, 'm', 'host').text == text


@pytest.mark.parametrize(('phases', 'text'), [
    ((None, None), 'ab'), (('commentary', 'final_answer'), 'b'), (('final_answer', None), 'a'),
    (('commentary', None), 'b'), (('commentary', 'commentary'), ''), (('final_answer', 'final_answer'), 'ab'),
    ((7, []), 'ab')])
def test_the_commentary_of_a_reasoning_model_is_no_answer(phases, text):
    output = [{'type': 'message', 'role': 'assistant', 'content': [{'type': 'output_text', 'text': said}]}
              | ({} if phase is None else {'phase': phase}) for phase, said in zip(phases, 'ab', strict=True)]
    body = {'object': 'response', 'status': 'completed', 'output': output}
    assert parse_response(body, 'm', 'host').text == text
    output[0]['content'].append({'type': 'refusal', 'refusal': 'No.'})
    assert parse_response(body, 'm', 'host').finish == 'refusal'


@pytest.mark.parametrize(('kind', 'usage'), [
    ('openai', Usage(320, 13, 64, 0)), ('openai_chat', Usage(320, 13, 64, 0)),
    ('anthropic', Usage(361 + 5 + 64, 13, 64, None))])
def test_tokens_are_read_as_the_vendor_counts_them(vlm_server, make_provider, ask, kind, usage):
    vlm_server.say = lambda record: 'One two three.'
    assert ask(make_provider(kind)).usage == usage


@pytest.mark.parametrize(('reason', 'finish'), [
    ('end_turn', 'stop'), ('stop_sequence', 'stop'), ('max_tokens', 'length'), ('refusal', 'refusal'),
    ('model_context_window_exceeded', 'length'), ('pause_turn', 'unknown'), (None, 'unknown')])
def test_why_anthropics_model_ended_is_read(make_provider, reason, finish):
    body = {'type': 'message', 'content': [{'type': 'text', 'text': 'Left.'}], 'stop_reason': reason}
    assert make_provider('anthropic').parse(body).finish == finish


def test_reasoning_tokens_are_read(vlm_server, make_provider, ask):
    vlm_server.script(['reasoning_only'])
    assert ask(make_provider('openai')).usage.reasoning_tokens == 900


def test_openai_gets_no_more_than_it_needs(vlm_server, make_provider, ask):
    ask(make_provider('openai'))
    record, = vlm_server.asks
    assert record.path == '/v1/responses'
    assert {name: value for name, value in record.body.items() if name not in ('input', 'instructions')} == {
        'model': 'gpt-6-test', 'max_output_tokens': 1024, 'store': False, 'image': {'context_compression': 'disabled'}}
    assert record.image.options == {'detail': 'high'}


def test_options_of_openai_reach_it(vlm_server, make_provider, ask):
    ask(make_provider('openai', reasoning_effort='low', detail='original', max_output_tokens=99, service_tier='flex',
                      context_compression=None))
    record, = vlm_server.asks
    assert {name: record.body.get(name) for name in ('reasoning', 'max_output_tokens', 'service_tier', 'image')} == {
        'reasoning': {'effort': 'low'}, 'max_output_tokens': 99, 'service_tier': 'flex', 'image': None}
    assert record.image.options == {'detail': 'original'}


def test_chat_completions_take_a_seed_and_sampling_options_only_when_set(vlm_server, make_provider, ask):
    ask(make_provider('openai_chat'))
    ask(make_provider('openai_chat', seed=3, temperature=0, top_p=0.5, detail=None))
    plain, full = ({name: value for name, value in record.body.items() if name != 'messages'}
                   for record in vlm_server.asks)
    assert plain == {'model': 'gpt-4o-test', 'max_completion_tokens': 1024, 'store': False}
    assert full == {**plain, 'seed': 3, 'temperature': 0, 'top_p': 0.5}
    assert vlm_server.asks[1].path == '/v1/chat/completions' and vlm_server.asks[1].image.options == {}


def test_a_compatible_server_gets_documented_fields_alone(vlm_server, make_provider, ask):
    ask(make_provider('openai_compatible'))
    record, = vlm_server.asks
    assert set(record.body) == {'model', 'messages', 'max_tokens'} and record.image.options == {}
    assert record.headers['authorization'] == 'Bearer EMPTY'


def test_a_compatible_servers_own_fields_and_key_reach_it(vlm_server, make_provider, ask, monkeypatch):
    monkeypatch.setenv('MY_KEY', 'k' * 20)
    vlm_server.extra_fields = {'min_p'}
    ask(make_provider('openai_compatible', extra_body={'min_p': 0.1}, max_tokens_name='max_completion_tokens',
                      api_key_env='MY_KEY', seed=1))
    record, = vlm_server.asks
    assert record.body['min_p'] == 0.1 and record.body['max_completion_tokens'] == 1024 and record.body['seed'] == 1
    assert record.headers['authorization'] == f'Bearer {"k" * 20}'


def test_anthropic_gets_no_more_than_it_needs(vlm_server, make_provider, ask):
    ask(make_provider('anthropic'))
    record, = vlm_server.asks
    assert set(record.body) == {'model', 'max_tokens', 'system', 'messages'} and record.body['max_tokens'] == 1024
    assert record.image.options == {'transformations': {'oversized_image': 'error'}}
    image, text = record.body['messages'][0]['content']
    assert (image['type'], text['type']) == ('image', 'text')


def test_options_of_anthropic_reach_it(vlm_server, make_provider, ask):
    ask(make_provider('anthropic', thinking='disabled', effort='low', oversized_image=None, max_output_tokens=77))
    record, = vlm_server.asks
    assert record.body['thinking'] == {'type': 'disabled'} and record.body['output_config'] == {'effort': 'low'}
    assert record.body['max_tokens'] == 77 and record.image.options == {}


@pytest.mark.parametrize(('cache', 'marked'), [(True, [False, True]), (False, [False, False])])
def test_anthropic_may_keep_examples_up_to_the_last(vlm_server, make_provider, ask, prepared, cache, marked):
    prompt = Prompt('few_shot', 'Where?', None, (Shot(prepared(1), 'left'), Shot(prepared(2), 'right')))
    ask(make_provider('anthropic', cache_shots=cache), prompt)
    turns = vlm_server.asks[0].body['messages']
    assert [any('cache_control' in part for part in turn['content']) for turn in turns[1::2]] == marked
    assert not any('cache_control' in part for turn in turns[::2] for part in turn['content'])


def test_the_addresses_of_the_environment_do_not_count(vlm_server, make_provider, ask, monkeypatch):
    monkeypatch.setenv('OPENAI_BASE_URL', 'http://127.0.0.1:9/v1')
    monkeypatch.setenv('ANTHROPIC_BASE_URL', 'http://127.0.0.1:9')
    monkeypatch.setenv('HTTP_PROXY', 'http://127.0.0.1:9')
    ask(make_provider('openai')), ask(make_provider('anthropic'))
    assert len(vlm_server.asks) == 2


def test_another_key_of_anthropics_environment_does_not_count(vlm_server, make_provider, ask, monkeypatch, key_canary):
    monkeypatch.setenv('ANTHROPIC_AUTH_TOKEN', 'another')
    ask(make_provider('anthropic'))
    assert vlm_server.asks[0].headers['authorization'] == f'Bearer {key_canary}'


@pytest.mark.parametrize('kind', EVERY)
def test_many_questions_share_a_client_and_run_at_once(vlm_server, make_provider, prepared, kind):
    vlm_server.latency = 0.2
    provider = make_provider(kind)

    async def run() -> list:
        answers = await asyncio.gather(*(provider.ask(prepared(seed), render('system')) for seed in range(6)))
        again = await provider.ask(prepared(0), render('system'))
        await provider.close()
        return [*answers, again]
    answers = asyncio.run(run())
    assert 2 <= vlm_server.most_at_once <= vlm_server.connections <= 6
    assert answers[0].text == answers[6].text
    assert len({answer.text for answer in answers}) > 1


@pytest.mark.parametrize('kind', EVERY)
def test_a_provider_describes_in_one_event_loop_after_another(make_provider, kind, infrared):
    from irstd_toolbox.text_priors import Scene
    provider = make_provider(kind)
    texts = [provider.describe(Scene(infrared(seed).astype(np.float32), None, 'a')) for seed in (0, 1, 0)]
    assert texts[0] == texts[2] and texts[0].startswith('The small target lies in the ')


@pytest.mark.parametrize('kind', EVERY)
def test_a_client_left_open_in_an_event_loop_that_is_gone_is_not_used_again(vlm_server, make_provider, prepared, kind):
    provider = make_provider(kind)
    texts = [asyncio.run(provider.ask(prepared(), render('system'))).text for _ in range(2)]
    assert texts[0] == texts[1] and vlm_server.connections == 2
