"""The process is killed at every step in turn; the same command then ends where an undisturbed one ends."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from irstd_toolbox.text_priors.vlm.types import Answer, BatchStatus, ProviderError

IDS = ['a', 'b', 'a=twin', 'c', 'd']
"""Two shards, of three and of one request."""

pytestmark = [
    pytest.mark.skipif(not hasattr(os, 'fork'), reason='kills a fork of this process'),
    pytest.mark.filterwarnings('ignore:This process .* is multi-threaded:DeprecationWarning')]


class Executioner:
    """Kills the process just before its ``n``-th step: a file takes its name, a line is written, or the vendor makes a
    batch, has made it, or gives a line. Between two steps nothing changes that outlives the process."""

    def __init__(self, vendor: Any, n: int) -> None:
        self.left = n
        vendor.event = self.step
        for name in ('replace', 'write'):
            setattr(os, name, self.before(getattr(os, name)))

    def step(self, name: str = '') -> None:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, real: Callable) -> Callable:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.step()
            return real(*args, **kwargs)
        return call


def killed(office: Any, n: int, work: Callable[[], Any]) -> bool:
    """Do ``work`` in a process that is killed at its ``n``-th step; whether it came to that."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            Executioner(office.vendor, n)
            work()
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, 'the child failed by itself'
    return os.WIFSIGNALED(status)


def offices(made: Any, tmp_path: Path, **replies: list[Answer | ProviderError]) -> Iterator[tuple[int, Any]]:
    """Fresh ones without end, numbered."""
    for n in range(1000):
        office = made.Office(tmp_path / f'data{n}', made.Vendor(tmp_path / f'vendor{n}'))
        office.vendor.replies = replies
        yield n, office


def everything(office: Any) -> dict[str, Any]:
    """The state at the end, without what is random."""
    return {
        'texts': office.texts,
        'shards': [(shard.state, shard.images, shard.remote_id) for shard in office.shards],
        'ours': sorted({(event['image_id'], event['sha256']) for event in office.events('written')}),
        'paid': office.vendor.paid}


def test_a_submission_killed_at_any_step_and_repeated_sends_everything_once(made, tmp_path) -> None:
    expected = None
    for n, office in offices(made, tmp_path):
        died = killed(office, n, lambda office=office: office.submit(IDS))
        report = office.submit(IDS)
        assert report.exit_code == 0
        assert sorted([*report.submitted, *report.pending]) == sorted(IDS), f'step {n}'
        assert office.vendor.paid == ['a', 'b', 'c', 'd'], f'step {n}'
        assert [shard.state for shard in office.shards] == ['submitted'] * 2
        assert office.ingest().exit_code == 0
        expected = expected or office.texts
        assert office.texts == expected, f'step {n}'
        assert set(office.texts) == set(IDS)
        if not died:
            break
    assert n > 10, 'the steps were counted'


def test_an_ingestion_killed_at_any_step_and_repeated_ends_like_an_undisturbed_one(made, tmp_path) -> None:
    refusal, late = Answer('', 'm', 'm', 'refusal'), ProviderError('timeout', 'batch_expired')
    replies = {'b': [refusal], 'c': [late], 'd': [made.good('d'), made.good('d')]}
    reference = made.Office(tmp_path / 'data', made.Vendor(tmp_path / 'vendor'))
    reference.vendor.replies = replies
    reference.submit(IDS)
    reference.write('c', 'Somebody wrote this.')
    reference.ingest()
    for n, office in offices(made, tmp_path, **replies):
        office.submit(IDS)
        office.write('c', 'Somebody wrote this.')
        died = killed(office, n, office.ingest)
        office.ingest()
        assert everything(office) == everything(reference), f'step {n}'
        if not died:
            break
    assert n > 10, 'the steps were counted'


def test_after_a_kill_and_good_lines_in_another_order_the_description_is_the_cached_one(made, tmp_path) -> None:
    lines = [Answer('It is at the left.', 'm', finish='stop'), Answer('It is at the right.', 'm', finish='stop')]
    for n, office in offices(made, tmp_path, a=lines):
        office.submit(['a', 'a=again'])
        died = killed(office, n, office.ingest)
        office.vendor.reverse = True
        office.ingest()
        described = set(office.texts.values())
        next(office.descriptions.glob('a.*')).unlink()
        office.submit(['a'])
        assert {office.texts['a']} == described, f'step {n}'
        assert office.vendor.paid == ['a']
        if not died:
            break


def test_after_a_kill_while_overwriting_the_old_description_or_the_new_one_is_there(made, tmp_path) -> None:
    for n, office in offices(made, tmp_path):
        office.write('a', 'Old words.')
        office.submit(['a'], overwrite=True)
        died = killed(office, n, office.ingest)
        assert office.texts['a'] in ('Old words.', made.sentence('a')), f'step {n}'
        office.ingest()
        assert office.texts == {'a': made.sentence('a')}, f'step {n}'
        if not died:
            break


def test_a_batch_that_was_never_made_is_found_out_by_an_ingestion_too(office, vendor) -> None:
    assert killed(office, 1, lambda: office.submit(['a']))
    assert [shard.state for shard in office.shards] == ['submitting']
    assert vendor.paid == []
    report = office.ingest()
    assert (report.failed, report.exit_code) == ({'a': 'its batch was never made; submit it again'}, 3)
    assert office.shards == []


def test_a_batch_that_was_made_by_a_killed_process_is_ingested_without_another_submission(office, vendor, made) -> None:
    steps = iter(range(100))
    while not vendor.paid:
        assert killed(office, next(steps), lambda: office.submit(['a']))
    assert [shard.state for shard in office.shards] == ['submitting']
    assert office.ingest().written == ['a']
    assert office.texts == {'a': made.sentence('a')}


def test_a_batch_that_the_vendor_does_not_tell_about_yet_keeps_its_images_and_hinders_no_others(
        office, vendor, made) -> None:
    vendor.faults['answer of submit'] = [ProviderError('timeout', 'lost')]
    secretive = ProviderError('server', 'look again when it has ended', retry_after=300.0)
    vendor.faults['find'] = [secretive] * 3
    assert office.submit(['a']).exit_code == 3
    report = office.submit(['a', 'b'])
    assert (report.pending, report.submitted, report.exit_code) == (['a'], ['b'], 0)
    report = office.ingest()
    assert (report.written, report.pending) == (['b'], ['a'])
    assert 'look again' in next(shard.message for shard in report.shards if shard.state == 'submitting')
    vendor.faults.clear()
    assert office.ingest().written == ['a']
    assert vendor.paid == ['a', 'b']


def test_cancelled_and_cleaned_batches_survive_a_kill(made, tmp_path) -> None:
    for n, office in offices(made, tmp_path):
        vendor = office.vendor
        vendor.state = BatchStatus('running', 'in_progress')
        office.submit(['a'])
        died = killed(office, n, lambda office=office: office.do('cancel'))
        office.do('cancel')
        vendor.state = BatchStatus('ended', 'cancelled')
        office.ingest()
        office.do('cleanup')
        assert [(shard.state, shard.cleaned) for shard in office.shards] == [('ingested', True)], f'step {n}'
        assert office.texts == {'a': made.sentence('a')}
        if not died:
            break
