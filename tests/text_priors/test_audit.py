"""The log of events, and keys in logs."""

import json
import logging

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.vlm import secrets
from irstd_toolbox.text_priors.vlm.audit import AuditLog


def test_events_are_lines_with_time_and_run(tmp_path):
    log = AuditLog(tmp_path / 'a' / 'audit.jsonl', run='r1')
    log.append('noted', image_id='XDU1', text='Zürich\nleft')
    log.append('error', kind='server')
    lines = [json.loads(line) for line in (tmp_path / 'a' / 'audit.jsonl').read_text().splitlines()]
    assert [(line['run'], line['event']) for line in lines] == [('r1', 'noted'), ('r1', 'error')]
    assert lines[0]['text'] == 'Zürich\nleft' and lines[0]['time'] <= lines[1]['time']
    assert list(AuditLog(tmp_path / 'a' / 'audit.jsonl').read()) == lines


def test_a_log_is_only_ever_added_to(tmp_path):
    first, second = AuditLog(tmp_path / 'audit.jsonl', '1'), AuditLog(tmp_path / 'audit.jsonl', '2')
    first.append('one')
    before = (tmp_path / 'audit.jsonl').read_bytes()
    second.append('two')
    first.append('three')
    assert (tmp_path / 'audit.jsonl').read_bytes().startswith(before)
    assert [event['event'] for event in first.read()] == ['one', 'two', 'three']


@pytest.mark.parametrize('torn', [
    b'{"event": "writ', b'{"event": "whole"}', b'\xff\xfe', b'[1, 2', b'["event"]', b'{"event": ["one"]}',
    b'{"event": "one", "run": []}', b'{"event": "written", "image_id": 3, "key": "", "sha256": "", "model": ""}',
    b'{"event": "written", "image_id": "a", "key": "", "model": ""}'])
def test_a_last_line_that_is_torn_or_no_event_is_closed_and_spoils_no_other(tmp_path, torn):
    path = tmp_path / 'audit.jsonl'
    AuditLog(path).append('one')
    path.write_bytes(path.read_bytes() + torn)
    log = AuditLog(path)
    log.append('two')
    events = [event['event'] for event in log.read()]
    assert [event for event in events if event != 'whole'] == ['one', 'two']
    assert path.read_bytes().split(b'\n')[1] == torn


def test_an_event_is_on_the_disk_when_append_returns(tmp_path, monkeypatch):
    sizes = []
    log = AuditLog(tmp_path / 'audit.jsonl')
    monkeypatch.setattr('os.fsync', lambda descriptor: sizes.append((tmp_path / 'audit.jsonl').stat().st_size))
    log.append('one')
    assert sizes == [(tmp_path / 'audit.jsonl').stat().st_size] and sizes[0] > 0


def test_bytes_are_refused_and_leave_no_line(tmp_path):
    log = AuditLog(tmp_path / 'audit.jsonl')
    with pytest.raises(TypeError, match='bytes is not JSON serializable'):
        log.append('sent', image=b'\x89PNG')
    assert list(log.read()) == [] and not (tmp_path / 'audit.jsonl').exists()


@pytest.fixture
def key(monkeypatch) -> str:
    """A key that the toolbox has taken from the environment."""
    monkeypatch.setattr(secrets, '_known', set())
    monkeypatch.setenv('SOME_KEY', 'canary-0123456789')
    return secrets.key_from_environment('SOME_KEY')


def test_a_known_key_is_replaced_in_events(tmp_path, key):
    AuditLog(tmp_path / 'audit.jsonl').append('error', message=f'rejected {key}', nested={'a': [key]})
    text = (tmp_path / 'audit.jsonl').read_text()
    assert key not in text and text.count(secrets.PLACEHOLDER) == 2


def test_a_known_key_is_replaced_in_log_records_with_arguments_and_tracebacks(key, caplog):
    secrets.guard_logging()
    logger = logging.getLogger('irstd_toolbox')
    caplog.set_level(logging.DEBUG)
    logger.debug('sending %s', {'authorization': key})
    try:
        raise ValueError(f'refused {key}')
    except ValueError:
        logger.exception('failed')
    assert key not in caplog.text and caplog.text.count(secrets.PLACEHOLDER) >= 2
    assert 'ValueError: refused [key removed]' in caplog.text


@pytest.mark.parametrize('name', ['openai', 'anthropic', 'httpx2', 'httpcore2', 'openai._base_client',
                                  'anthropic._base_client', 'httpcore2.http11'])
def test_the_sdks_loggers_say_nothing_below_warning(name):
    secrets.guard_logging()
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        assert logging.getLogger(name).getEffectiveLevel() == logging.WARNING
    finally:
        logging.getLogger().setLevel(logging.WARNING)


def test_a_key_that_is_not_set_is_an_error_that_names_the_variable(monkeypatch):
    monkeypatch.delenv('NO_SUCH_KEY', raising=False)
    with pytest.raises(ConfigError, match='environment variable NO_SUCH_KEY is not set'):
        secrets.key_from_environment('NO_SUCH_KEY')


def test_a_key_in_place_of_its_name_is_refused_and_not_shown():
    for value in ('sk-proj-0123456789abcdefghij', 'sk_live_0123456789abcdefghij'):
        with pytest.raises(ConfigError, match='api_key_env holds no name of an environment variable') as caught:
            secrets.key_from_environment(value)
        assert value not in str(caught.value)


@pytest.mark.parametrize('options', [
    {'api_key': 'whatever'}, {'model': 'sk-proj-0123456789abcdefghij'}, {'extra_body': {'auth': {'token': 'abc'}}},
    {'headers': ['Bearer abcdefghijklmnopqrst']}, {'sk-proj-0123456789abcdefghij': 1},
    {'hf': 'hf_abcdefghijklmnopqrstuvwxyz'}])
def test_options_that_hold_a_key_are_refused_and_the_key_is_not_shown(options):
    with pytest.raises(ConfigError, match='looks like a key') as caught:
        secrets.refuse_keys(options)
    assert not any(part in str(caught.value) for part in ('whatever', '0123456789', 'abcdefgh'))


@pytest.mark.parametrize('options', [
    {'api_key_env': 'OPENAI_API_KEY', 'model': 'gpt-6-sol', 'max_output_tokens': 1024, 'seed': 1},
    {'base_url': 'http://127.0.0.1:8000/v1', 'model': 'task-detection-of-small-infrared-things', 'api_key': 'EMPTY'}])
def test_options_without_a_key_pass(options):
    secrets.refuse_keys(options)
