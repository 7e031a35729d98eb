"""``tools/annotate.py`` with models: its verbs, exit statuses and what it prints."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.providers.openai import CompatibleProvider
from irstd_toolbox.text_priors.vlm.cache import AnswerCache
from irstd_toolbox.text_priors.vlm.images import prepare_file
from irstd_toolbox.text_priors.vlm.pace import Limits

TRAIN, TEST = ['XDU0', 'XDU1', 'XDU2', 'XDU3'], ['XDU4', 'XDU5']


@pytest.fixture
def call(tool: ModuleType, data_root: Path, vlm_server: object) -> Callable[..., int]:
    """Call the tool with the Responses provider on the server."""
    def run(*arguments: str, options: tuple[str, ...] = ()) -> int:
        return tool.main([str(data_root), '--provider', 'openai', '--options', 'model=gpt-6-test',
                          f'base_url={vlm_server.url_openai}', *options, *arguments])
    return run


def test_run_describes_the_training_images_and_says_what_it_did(call, data_root, vlm_server, capsys, texts):
    assert call() == 0
    assert sorted(texts()) == TRAIN and len(vlm_server.asks) == 4
    printed = capsys.readouterr()
    assert f'4 written, 0 kept, 0 rejected, 0 failed, 0 not asked: {data_root}/descriptions' in printed.out
    assert '4 requests' in printed.out and 'describing: 4/4: 4 written' in printed.err
    run, = store.read_provenance(data_root / 'descriptions')['runs']
    assert run['options'] == {'model': 'gpt-6-test', 'base_url': vlm_server.url_openai}
    assert run['split'] == 'trainval' and run['answered_by'] and 'openai' in run['versions']
    assert (data_root / '.annotation' / 'audit.jsonl').is_file()


def test_test_images_may_be_described_by_a_model_since_it_sees_no_mask(call, data_root, texts):
    assert call('--split', 'test') == 0 and sorted(texts()) == TEST
    assert store.read_provenance(data_root / 'descriptions')['leakage'] is False


def test_the_result_as_json(call, capsys):
    assert call('--json', '--max-calls', '3') == 3
    result = json.loads(capsys.readouterr().out)
    assert result['counts']['written'] == 3 and len(result['not_asked']) == 1 and result['exit_code'] == 3
    assert result['stopped']['kind'] == 'budget' and result['requests'] == 3


def test_refused_images_make_the_success_partial_and_are_named(call, vlm_server, capsys):
    vlm_server.script(['refusal_prose', 'bad_request'])
    assert call('--concurrency', '1') == 3
    printed = capsys.readouterr()
    assert 'rejected: XDU0: refusal: the model declined' in printed.err and 'failed: XDU1: bad_request' in printed.err
    assert '2 written, 0 kept, 1 rejected, 1 failed' in printed.out


def test_a_wrong_key_stops_with_status_4_and_its_cause(call, vlm_server, capsys):
    vlm_server.keys = {'another'}
    assert call() == 4
    assert 'stopped: fatal: the key is not accepted' in capsys.readouterr().err and vlm_server.asks == []


def test_plan_sends_nothing_and_writes_nothing(call, data_root, vlm_server, capsys):
    call('--max-calls', '1')
    before = sorted(path for path in data_root.rglob('*'))
    requests = len(vlm_server.requests)
    capsys.readouterr()
    assert call('--do', 'plan', '--json', options=("prices={'input': 10, 'output': 20}",)) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan['images'], plan['kept'], plan['cached'], plan['requests']) == (4, 1, 0, 3)
    per_image = 5 + (len(plan['prompt']['task']) + len(plan['prompt']['system']) + 3) // 4  # 64x48: ceil(2 * 2 * 1.2)
    assert plan['input_tokens'] == 3 * per_image and plan['output_tokens'] == 3 * 68
    assert plan['cost'] == pytest.approx((plan['input_tokens'] * 10 + plan['output_tokens'] * 20) / 1e6)
    sizes = [len(prepare_file(data_root / 'images' / f'{name}.png', name).png) for name in TRAIN[1:]]
    assert plan['megabytes'] == round(sum(4 * -(-size // 3) for size in sizes) / 1e6, 3)  # in base64
    assert len(vlm_server.requests) == requests and sorted(path for path in data_root.rglob('*')) == before


def test_plan_knows_what_is_cached_and_calls_costs_unknown_without_prices(call, data_root, capsys):
    call()
    store.find_description(data_root / 'descriptions', 'XDU1').unlink()
    capsys.readouterr()
    assert call('--do', 'plan') == 0
    out = capsys.readouterr().out
    assert '4 images: 3 kept, 0 pending in batches, 1 in the cache, 0 unreadable, 0 requests to send' in out
    assert 'cost unknown' in out and 'nothing was sent' in out


def test_plan_counts_the_requests_that_run_sends(call, data_root, vlm_server, capsys):
    call('--max-calls', '1', '--concurrency', '1')
    store.find_description(data_root / 'descriptions', 'XDU0').unlink()
    path, = (data_root / '.annotation' / 'cache').rglob('*.json')
    cache = AnswerCache(data_root / '.annotation' / 'cache')
    cache.put(path.stem, replace(cache.get(path.stem), text="I'm sorry, I can't assist with that."))
    (data_root / 'images' / 'XDU2.png').write_bytes((data_root / 'images' / 'XDU1.png').read_bytes())
    before, _ = len(vlm_server.asks), capsys.readouterr()
    assert call('--do', 'plan', '--json') == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan['cached'], plan['requests'], plan['output_tokens']) == (0, 3, 3 * 68)
    sizes = [len(prepare_file(data_root / 'images' / f'{name}.png', name).png) for name in ('XDU0', 'XDU1', 'XDU3')]
    assert plan['megabytes'] == round(sum(4 * -(-size // 3) for size in sizes) / 1e6, 3)
    assert call() == 0 and len(vlm_server.asks) - before == 3


def test_plan_keeps_what_run_keeps_though_all_is_to_be_written_anew(call, data_root, vlm_server, capsys):
    call('--max-calls', '2', '--concurrency', '1')
    store.write_description(data_root / 'descriptions', 'XDU0', 'Edited.', overwrite=True)
    log = data_root / '.annotation' / 'audit.jsonl'
    log.write_text(''.join(line for line in log.read_text().splitlines(True) if '"event":"written"' not in line))
    before, asked, _ = log.read_bytes(), len(vlm_server.asks), capsys.readouterr()
    assert call('--do', 'plan', '--overwrite', '--json') == 0 and log.read_bytes() == before
    plan = json.loads(capsys.readouterr().out)
    assert (plan['kept'], plan['cached'], plan['requests']) == (1, 1, 2)
    assert call('--overwrite') == 0 and len(vlm_server.asks) - asked == 2
    assert '3 written (1 from the cache), 1 kept' in capsys.readouterr().out


def test_a_model_of_ones_own_costs_nothing_however_its_tokens_are_counted(call, capsys):
    assert call('--do', 'plan', '--provider', 'openai_compatible', '--max-cost', '1', '--options', 'model=llava') == 0
    assert 'input tokens unknown' in (out := capsys.readouterr().out) and 'cost about 0 ' in out


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--do', 'check', '--noun', 'targets'], '--noun changes nothing here: --do check makes no prompt of it'),
    (['--do', 'detect', '--style', 'zero_shot'], '--style changes nothing here: --do detect'),
    (['--do', 'import', '--word-limit', '30'], '--word-limit changes nothing here: --do import'),
    (['--do', 'stats', '--shots-from', 'd'], '--shots-from changes nothing here: --do stats'),
    (['--do', 'detect', '--overwrite'], '--overwrite changes nothing here: --do detect writes no description'),
    (['--do', 'batch-ingest', '--overwrite'], '--overwrite changes nothing here: --do batch-ingest')])
def test_what_is_told_of_a_prompt_is_refused_where_none_is_made_of_it(call, vlm_server, arguments, words):
    with pytest.raises(ConfigError, match=words):
        call(*arguments)
    assert vlm_server.requests == []


def test_the_style_limit_and_noun_reach_the_model(call, vlm_server):
    call('--style', 'zero_shot', '--max-calls', '1')
    call('--word-limit', 'none', '--noun', 'targets', '--max-calls', '1')
    zero, system = vlm_server.asks
    assert (zero.system, zero.task) == (None, 'Detect the small target in the infrared image.')
    assert system.task.startswith('Locate the small targets') and 'within 50' not in system.task


def test_few_shot_examples_come_from_the_training_list_and_never_show_the_image_itself(
        call, data_root, vlm_server, tmp_path):
    (data_root / 'trainval.txt').write_text('\n'.join([*TRAIN, 'XDU4']))  # a list that overlaps with the test list
    for image_id in TRAIN + TEST:
        store.write_description(tmp_path / 'examples', image_id, f'Text of {image_id}.')
    assert call('--style', 'few_shot', '--shots', '3', '--shots-from', str(tmp_path / 'examples'),
                '--split', 'all') == 0
    assert len(vlm_server.asks) == 6
    names = {prepare_file(path, path.stem).sha256: path.stem for path in (data_root / 'images').iterdir()}
    for record in vlm_server.asks:
        *shots, query = [names[image.sha256] for image in record.images]
        assert len(set(shots)) == 3 and set(shots) <= set(TRAIN) - {query}
        assert all(f'Text of {shot}.' in json.dumps(record.body) for shot in shots)
    run, = store.read_provenance(data_root / 'descriptions')['runs']
    assert run['prompt']['shots'] == 3 and set(run['prompt']['examples']) == set(TRAIN)


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--style', 'few_shot'], 'needs --shots-from DIR'),
    (['--style', 'few_shot', '--shots-from', '{root}/descriptions'], 'not the one being written'),
    (['--shots', '2'], '--shots and --shots-from belong to --style few_shot'),
    (['--style', 'poem'], "prompt style 'poem'; expected one of zero_shot"),
    (['--noun', 'cat'], "prompt noun 'cat'"),
    (['--max-cost', '1'], '--max-cost needs the prices of a million tokens'),
    (['--options', 'prices=3'], 'prices=3; expected the prices'),
    (['--options', 'nonsense=3'], 'nonsense.*Its options: .*model'),
    (['--options', 'api_key=sk-proj-0123456789abcdefghij'], 'api_key looks like a key'),
    (['--concurrency', '0'], 'concurrency is 0; expected 1 or more'),
    (['--suffix', '.desc.txt'], r"suffix '\.desc\.txt'; expected one of .description.txt"),
    (['--suffix', '.desc.txt', '--do', 'batch-submit'], r"suffix '\.desc\.txt'; expected one of .description.txt"),
    (['--provider', 'openai_compatible', '--options', 'base_url=https://router.example', '--max-cost', '1', '--yes'],
     '--max-cost needs the prices of a million tokens'),
    (['--do', 'batch-submit', '--max-cost', '1', '--options', 'model=gpt-5', "prices={{'input': 9, 'output': 9}}"],
     "'gpt-5' cannot be estimated, because its tokens of an image are not known"),
    (['--options', 'base_url=http://203.0.113.9/v1'], 'plain http to another machine'),
    (['--provider', 'quadrant'], "provider 'quadrant': got an unexpected keyword")])
def test_a_wrong_argument_is_an_error_before_anything_is_sent(call, data_root, vlm_server, arguments, words):
    with pytest.raises(ConfigError, match=words) as caught:
        call(*[argument.format(root=data_root) for argument in arguments])
    assert vlm_server.requests == [] and not (data_root / 'descriptions').exists()
    assert '0123456789' not in str(caught.value)


def test_images_leave_this_machine_only_when_told(tool, data_root, monkeypatch, capsys):
    monkeypatch.setattr('sys.stdin', io.StringIO())  # no terminal
    arguments = [str(data_root), '--provider', 'openai', '--options', 'model=m', 'base_url=https://example.invalid/v1']
    with pytest.raises(ConfigError, match=r'up to 4 images go to example.invalid.*Give --yes if so'):
        tool.main(arguments)
    monkeypatch.setattr('sys.stdin', io.StringIO('\nYes\n'))
    sys.stdin.isatty = lambda: True
    with pytest.raises(ConfigError, match='^nothing was sent'):
        tool.main(arguments)
    assert 'images go to example.invalid\nSend them? [y/N] ' in capsys.readouterr().err
    assert not (data_root / '.annotation').exists()
    monkeypatch.setattr('irstd_toolbox.text_priors.cli.work.Limits',
                        lambda *numbers: Limits(*numbers[:5], first_delay=0.01))
    for agreed in ([], ['--yes']):  # on the terminal, or by the command
        assert tool.main([*arguments, *agreed, '--attempts', '1']) == 4
        assert 'used up their attempts alike: connection: the connection to example.invalid' in capsys.readouterr().err


def test_a_batch_is_submitted_looked_at_and_ingested(call, data_root, vlm_server, capsys, texts):
    assert call('--do', 'batch-submit') == 0
    assert call('--do', 'run') == 3 and texts() == {}, 'what a batch answers is not asked again'
    assert call('--do', 'batch-status') == 0
    assert 'ended' in capsys.readouterr().out
    assert call('--do', 'batch-ingest') == 0
    assert sorted(texts()) == TRAIN and vlm_server.asks == [] and len(vlm_server.billed) == 4
    run, = store.read_provenance(data_root / 'descriptions')['runs']
    assert run['counts']['written'] == 4 and run['finished']
    assert call('--do', 'batch-cleanup') == 0 and call('--do', 'batch-cancel') == 0
    assert call('--json') == 0 and vlm_server.asks == []


def test_check_and_stats_read_what_run_wrote(call, tool, data_root, capsys, monkeypatch):
    monkeypatch.setattr('irstd_toolbox.text_priors.clip_tokens.find_counter', lambda: (None, 'not loaded'))
    call('--split', 'all')
    capsys.readouterr()
    assert tool.main([str(data_root), '--do', 'check', '--split', 'all', '--json']) == 0
    assert json.loads(capsys.readouterr().out)['status'] == 0
    assert tool.main([str(data_root), '--do', 'stats', '--split', 'all']) == 0
    out = capsys.readouterr().out
    assert 'trainval' in out and 'occurrences' in out and 'true' in out


def test_detect_asks_for_boxes_and_scores_them(call, data_root, vlm_server, capsys):
    vlm_server.say = lambda record: '[[0, 0, 64, 48]]'
    assert call('--do', 'detect', '--json', '--split', 'test') == 0
    assert json.loads(capsys.readouterr().out)['totals']['hit_rate'] == 1.0
    assert not (data_root / 'descriptions').exists() and len(vlm_server.asks) == 2
    assert call('--do', 'detect', '--split', 'test') == 0 and len(vlm_server.asks) == 2


DEBUG = '''
import logging, pickle, runpy, sys
logging.basicConfig(level='DEBUG')
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
except SystemExit as end:
    print('status', end.code)
'''


@pytest.mark.parametrize(('provider', 'model', 'path'), [('openai', 'gpt-6-test', '/v1'),
                                                         ('anthropic', 'claude-test', '')])
def test_the_key_is_in_no_output_at_debug_level_and_in_no_file(
        repository, data_root, vlm_server, key_canary, provider, model, path):
    vlm_server.script(['html', 'refusal', 'bad_request', 'auth'])
    command = [sys.executable, '-c', DEBUG, str(repository / 'tools' / 'annotate.py'), str(data_root), '--provider',
               provider, '--options', f'model={model}', f'base_url={vlm_server.url_anthropic}{path}',
               '--concurrency', '1']
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert 'status 4' in done.stdout, done.stderr
    assert any(key_canary in record.headers.get('authorization', '') for record in vlm_server.asks)
    assert key_canary not in done.stdout + done.stderr and 'iVBORw0KGgo' not in done.stdout + done.stderr
    files = [file for file in data_root.rglob('*') if file.is_file()]
    assert len(files) > 14 and not any(key_canary.encode() in file.read_bytes() for file in files)


@pytest.mark.parametrize('verb', ['batch-submit', 'batch-status', 'detect'])
def test_a_verb_that_asks_a_model_wants_one(tool, data_root, verb):
    with pytest.raises(ConfigError, match="asks a vision-language model, and provider 'quadrant' is none"):
        tool.main([str(data_root), '--provider', 'quadrant', '--do', verb])


@pytest.mark.parametrize('said', [{'weights': Path('w')}, None])
def test_an_identity_that_is_no_json_is_a_message(tool, data_root, monkeypatch, said):
    monkeypatch.setattr(CompatibleProvider, 'identity', lambda self: said)
    with pytest.raises(ConfigError, match=r"a defect of the provider 'openai_compatible': identity: TypeError: "):
        tool.main([str(data_root), '--provider', 'openai_compatible', '--options', 'model=qwen',
                   'base_url=http://127.0.0.1:9', '--do', 'plan'])


def test_help_is_quick_and_loads_neither_an_sdk_nor_torch(repository):
    begun = time.monotonic()
    done = subprocess.run([sys.executable, '-X', 'importtime', str(repository / 'tools' / 'annotate.py'), '--help'],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and '--word-limit' in done.stdout and time.monotonic() - begun < 10
    assert not any(name in done.stderr for name in ('openai', 'anthropic', 'torch', 'numpy'))


def test_a_run_without_a_provider_or_with_an_unknown_verb_says_so(tool, data_root, capsys):
    for arguments, words in ([], 'required: --provider'), (['--do', 'fly'], "invalid choice: 'fly'"), (
            ['--word-limit', 'few'], "'few'; expected a whole number from 1, such as 50, or none"):
        with pytest.raises(SystemExit) as caught:
            tool.main([str(data_root), *arguments])
        assert caught.value.code == 2 and words in capsys.readouterr().err
