"""Batches with the real providers against the loopback server, which speaks both vendors' dialects and goes wrong.

Of every fault the same is asked: what became of each image, and that none was lost, paid twice or written wrongly.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from irstd_toolbox.text_priors.vlm import shards

IDS = [f'XDU{number}' for number in range(5)]
MANY = [f'XDU{number}' for number in range(9)]
VENDORS = ('responses', 'chat', 'anthropic')


@pytest.fixture(params=VENDORS)
def bench(request: pytest.FixtureRequest, vlm_server: Any, made: Any, tmp_path: Path) -> Any:
    return made.Bench(request.param, vlm_server, tmp_path)


@pytest.fixture(params=('responses', 'anthropic'))
def either(request: pytest.FixtureRequest, vlm_server: Any, made: Any, tmp_path: Path) -> Any:
    return made.Bench(request.param, vlm_server, tmp_path)


def everything_went_well(report: Any) -> bool:
    return report.exit_code == 0 and sorted(report.written) == IDS


def test_five_images_go_out_in_shards_and_come_back_as_descriptions(bench, monkeypatch) -> None:
    monkeypatch.setattr(shards, 'MOST_LINES', 2)
    assert bench.office.submit(IDS).submitted == IDS
    assert bench.kinds('batch_create') == 3
    assert everything_went_well(bench.office.ingest())
    assert bench.right(IDS)
    assert set(bench.paid().values()) == {1}
    assert bench.kinds('ask') == 0


def test_shards_are_cut_by_the_bytes_of_their_requests(either, made, monkeypatch) -> None:
    image = made.draw('XDU0')
    line = either.office.vendor.batch_line('12345678-00000', image, either.office.question.prompt(image))
    monkeypatch.setattr(shards, 'MOST_BYTES', int(2.5 * shards.weigh(line)))
    either.office.submit(IDS)
    assert [shard.images for shard in either.office.ingest().shards] == [2, 2, 1]
    assert either.right(IDS)


def test_answers_that_are_no_descriptions_are_listed_and_sent_again_alone(bench) -> None:
    reasons = {'refusal': 'refusal', 'refusal_prose': 'refusal', 'truncated': 'truncated',
               'reasoning_only': 'truncated', 'empty': 'empty', 'content_filter': 'refusal', 'too_long': 'too_long'}
    good, bad = MANY[:2], MANY[2:]
    bench.on(**dict(zip(bad, reasons, strict=True)))
    bench.office.submit(MANY)
    report = bench.office.ingest()
    assert {image_id: text.partition(':')[0] for image_id, text in report.rejected.items()} == dict(
        zip(bad, reasons.values(), strict=True))
    assert (report.written, report.failed, report.exit_code) == (good, {}, 3)
    assert bench.right(good)
    bench.on()
    assert bench.office.submit(MANY).submitted == bad
    assert bench.office.ingest().exit_code == 0
    assert bench.right(MANY)
    assert bench.paid() == dict.fromkeys(good, 1) | dict.fromkeys(bad, 2)


def test_lines_that_failed_cost_their_own_images_only(either) -> None:
    faults = ['server', 'rate_limit', 'quota', 'bad_request', 'image_too_large', 'overloaded', 'expired', 'canceled']
    good, bad = MANY[:1], MANY[1:]
    either.on(**dict(zip(bad, faults, strict=True)))
    either.office.submit(MANY)
    report = either.office.ingest()
    assert (sorted(report.failed), report.written, report.exit_code) == (bad, good, 3)
    either.on()
    assert either.office.submit(MANY).submitted == bad
    assert either.office.ingest().exit_code == 0
    assert either.right(MANY)
    assert either.paid() == dict.fromkeys(MANY, 1)


def test_a_missing_line_leaves_its_image_to_the_next_submission(either) -> None:
    either.on(XDU2='missing')
    either.office.submit(IDS)
    report = either.office.ingest()
    assert (report.missing, report.exit_code) == (['XDU2'], 3)
    either.on()
    assert either.office.submit(IDS).submitted == ['XDU2']
    either.office.ingest()
    assert either.right(IDS)


def test_a_line_that_comes_twice_is_written_once(either) -> None:
    either.on(XDU2='duplicate')
    either.office.submit(IDS)
    report = either.office.ingest()
    assert everything_went_well(report)
    assert report.duplicates == 1
    assert len(either.office.events('written')) == 5


def test_an_expired_batch_gives_what_it_has_and_the_rest_is_sent_again(either) -> None:
    either.server.script(['expire'], at='batch_create')
    either.office.submit(IDS)
    report = either.office.ingest()
    assert (report.written, list(report.failed), report.exit_code) == (IDS[:3], IDS[3:], 3)
    assert either.right(IDS[:3])
    assert either.office.submit(IDS).submitted == IDS[3:]
    either.office.ingest()
    assert either.right(IDS)
    assert either.paid() == dict.fromkeys(IDS, 1)


def test_a_batch_over_quota_fails_as_a_whole_and_is_sent_again(vlm_server, made, tmp_path) -> None:
    bench = made.Bench('responses', vlm_server, tmp_path)
    vlm_server.script(['fail'], at='batch_create')
    bench.office.submit(IDS)
    assert [shard.state for shard in bench.office.do('status').shards] == ['failed']
    report = bench.office.ingest()
    assert report.failed == dict.fromkeys(IDS, 'its batch failed: Enqueued token limit reached.')
    assert bench.office.submit(IDS).submitted == IDS
    assert everything_went_well(bench.office.ingest())
    assert bench.paid() == dict.fromkeys(IDS, 1)


def test_a_batch_whose_lines_all_failed_has_no_output_and_writes_nothing(either) -> None:
    either.server.script(['all_failed'], at='batch_create')
    either.office.submit(IDS)
    report = either.office.ingest()
    assert (sorted(report.failed), report.written, report.exit_code) == (IDS, [], 3)
    assert either.office.texts == {}
    either.office.submit(IDS)
    assert everything_went_well(either.office.ingest())


def test_a_batch_that_runs_is_left_alone_until_it_ends(either) -> None:
    either.server.batch_polls = 2
    either.office.submit(IDS)
    assert [shard.state for shard in either.office.do('status').shards] == ['running']
    assert either.office.ingest().pending == IDS
    assert either.office.submit(IDS).pending == IDS
    assert everything_went_well(either.office.ingest())
    assert either.kinds('batch_create') == 1


def test_a_cancelled_batch_gives_what_it_has(either) -> None:
    either.server.script(['never'], at='batch_create')
    either.on(XDU2='canceled')
    either.office.submit(IDS)
    assert len(either.office.do('cancel').cancelled) == 1
    report = either.office.ingest()
    assert (list(report.failed), len(report.written)) == (['XDU2'], 4)


@pytest.mark.parametrize('fault', ['cut', 'reset', 'malformed', 'html'])
def test_a_batch_whose_creation_was_not_confirmed_is_not_made_twice(either, fault) -> None:
    either.server.script([fault], at='batch_create')
    report = either.office.submit(IDS)
    if either.vendor == 'anthropic':  # which does not show what is in a batch before it has ended
        assert 'look again when it has ended' in report.stopped
        assert [shard.state for shard in either.office.do('status').shards] == ['submitting']
        assert either.office.submit(IDS).pending == either.office.ingest().pending == IDS
        either.server.batch_polls = -1
        assert len(either.office.submit(IDS).recovered) == 1
    else:
        assert report.submitted == IDS
    assert everything_went_well(either.office.ingest())
    assert either.right(IDS)
    assert either.paid() == dict.fromkeys(IDS, 1)


@pytest.mark.parametrize('fault', ['rate_limit:0', 'server'])
def test_a_creation_that_failed_in_passing_is_tried_again(either, fault) -> None:
    either.server.script([fault], at='batch_create')
    assert either.office.submit(IDS).submitted == IDS
    assert everything_went_well(either.office.ingest())
    assert either.paid() == dict.fromkeys(IDS, 1)


@pytest.mark.parametrize('fault', ['auth', 'quota'])
def test_a_creation_that_is_refused_stops_and_names_the_cause(either, fault) -> None:
    either.server.script([fault], at='batch_create')
    report = either.office.submit(IDS)
    assert (report.unsent, report.exit_code) == (IDS, 4)
    assert report.stopped.startswith({'quota': 'billing'}.get(fault, fault))
    assert either.office.shards == []


def test_an_unknown_model_is_found_before_anything_is_sent(vlm_server, made, tmp_path) -> None:
    bench = made.Bench('responses', vlm_server, tmp_path)
    vlm_server.models.clear()
    assert bench.office.submit(IDS).exit_code == 4
    assert bench.kinds('batch_create') == bench.kinds('file_create') == 0


@pytest.mark.parametrize('fault', ['cut', 'server', 'rate_limit:0'])
def test_results_that_break_off_are_fetched_again(either, fault) -> None:
    kind = 'batch_results' if either.vendor == 'anthropic' else 'file_content'
    either.server.script([fault], at=kind)
    either.office.submit(IDS)
    assert everything_went_well(either.office.ingest())
    assert either.right(IDS)


def test_cleanup_leaves_nothing_with_the_vendor(either) -> None:
    either.office.submit(IDS)
    either.office.ingest()
    assert len(either.office.do('cleanup').cleaned) == 1
    assert either.server.files == {}
    if either.vendor == 'anthropic':
        assert either.server.batches == {}


def test_the_key_is_in_no_file_that_was_written(either, key_canary, tmp_path) -> None:
    either.server.script(['auth'], at='batch_create')
    either.office.submit(IDS)
    either.office.submit(IDS)
    either.office.ingest()
    files = [path for path in tmp_path.rglob('*') if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if key_canary.encode() in path.read_bytes()]


def test_the_record_beside_the_descriptions_tells_batch_prompt_and_model(either) -> None:
    either.office.submit(IDS, record={'provider': either.vendor, 'split': 'trainval'})
    either.office.ingest()
    run, = json.loads((either.office.descriptions / 'provenance.json').read_text())['runs']
    assert (run['split'], run['prompt']['style'], run['counts']['written']) == ('trainval', 'system', 5)
    assert [told['remote_id'] for told in run['batches']] == [either.office.shards[0].remote_id]
    assert sum(run['answered_by'].values()) == 5
    assert run['finished']


SUBMIT = '''
import sys
from pathlib import Path
import numpy as np
from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.text_priors import build_provider
from irstd_toolbox.text_priors.vlm import batch
from irstd_toolbox.text_priors.vlm.images import prepare_array
load_plugins()
def draw(image_id):
    return prepare_array(np.random.default_rng(int(image_id[3:])).integers(0, 256, (12, 16)).astype(float), image_id)
batch.submit([f'XDU{i}' for i in range(5)], Path(sys.argv[1]), build_provider(sys.argv[2], eval(sys.argv[3])), draw)
'''


def test_a_process_killed_while_the_vendor_makes_its_batch_pays_nothing_twice(vlm_server, made, tmp_path) -> None:
    bench = made.Bench('responses', vlm_server, tmp_path)
    vlm_server.script(['slow:1'], at='batch_create')
    name, values = made.vendor_options('responses', vlm_server)
    process = subprocess.Popen([sys.executable, '-c', SUBMIT, str(bench.office.descriptions), name, repr(values)],
                               env={**os.environ, 'OMP_NUM_THREADS': '1'})
    while not bench.kinds('batch_create'):
        assert process.poll() is None, 'the process ended by itself'
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [shard.state for shard in bench.office.shards] == ['submitting']
    while not vlm_server.batches:
        time.sleep(0.01)
    report = bench.office.submit(IDS)
    assert (len(report.recovered), report.pending) == (1, IDS)
    assert everything_went_well(bench.office.ingest())
    assert bench.right(IDS)
    assert bench.paid() == dict.fromkeys(IDS, 1)
