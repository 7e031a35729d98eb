"""Looking at batches, stopping them, cleaning up after them, and the record of who wrote what."""

import json

import pytest

from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.types import BatchStatus, ProviderError

EXPIRED = ProviderError('timeout', 'batch_expired')
GONE, HIDDEN = ProviderError('connection', 'gone'), ProviderError('server', 'not listed yet')


def test_status_says_where_every_batch_stands(office, vendor) -> None:
    office.submit(['a', 'b', 'c', 'd'])
    vendor.state = BatchStatus('running', 'in_progress', 1, 3)
    report = office.do('status')
    assert [(shard.state, shard.remote_state, shard.done, shard.images) for shard in report.shards] == [
        ('running', 'in_progress', 1, 3), ('running', 'in_progress', 1, 1)]
    vendor.state = BatchStatus('ended', 'completed', 3, 3)
    assert [shard.state for shard in office.do('status').shards] == ['ended', 'ended']
    office.ingest()
    assert [(shard.state, shard.remote_state, shard.done, shard.total) for shard in office.do('status').shards] == [
        ('ingested', 'completed', None, None)] * 2


def test_a_batch_unknown_to_the_vendor_does_not_hide_the_others(office, vendor) -> None:
    office.submit(['a', 'b', 'c', 'd'])
    vendor.faults['status'] = [ProviderError('not_found', 'no such batch')]
    report = office.ingest()
    assert [shard.state for shard in report.shards] == ['unknown', 'ingested']
    assert (report.pending, report.written) == (['a', 'b', 'c'], ['d'])


def test_cancelling_stops_what_runs_and_what_was_answered_can_be_ingested(office, vendor) -> None:
    vendor.state, vendor.replies['b'] = BatchStatus('running', 'in_progress'), [EXPIRED]
    office.submit(['a', 'b'])
    assert office.do('cancel').cancelled == [office.shards[0].label]
    report = office.ingest()
    assert (report.written, list(report.failed)) == (['a'], ['b'])


def test_cancelling_leaves_what_has_ended_to_be_ingested(office, vendor) -> None:
    office.submit(['a'])
    report = office.do('cancel')
    assert (report.ended, report.cancelled) == ([office.shards[0].label], [])
    assert 'cancel' not in vendor.calls
    assert office.ingest().written == ['a']


def test_cancelling_drops_a_batch_that_the_vendor_does_not_know(office, vendor) -> None:
    office.submit(['a'])
    vendor.faults['status'] = [ProviderError('not_found', 'no such batch')]
    report, label = office.do('cancel'), office.shards[0].label
    assert report.dropped == [label] and 'is not known to the vendor under this key' in report.unknown[label]
    assert office.submit(['a']).submitted == ['a']


@pytest.mark.parametrize('answer_lost', [True, False])
def test_cancelling_leaves_a_batch_open_that_may_have_been_made(office, vendor, answer_lost) -> None:
    vendor.faults = {'answer of submit' if answer_lost else 'submit': [GONE], 'find': [GONE, *[HIDDEN] * 2]}
    office.limits = Limits(attempts=1)
    office.submit(['a'])
    report, (shard,) = office.do('cancel'), office.shards
    assert (report.unclear, report.dropped, shard.state) == ([shard.label], [], 'submitting')
    assert report.exit_code == 3 and f'whether {shard.label} was made' in report.stopped
    assert 'not listed yet); look again later' in report.stopped
    assert (office.submit(['a']).submitted, len(vendor.paid)) == ([], answer_lost)
    report = office.do('cancel')
    assert (report.ended, report.exit_code) == ([shard.label] if answer_lost else [], 0)


def test_cleanup_deletes_what_is_done_with_once_and_spares_what_is_open(office, vendor) -> None:
    office.submit(['a'])
    office.ingest()
    office.submit(['b'])
    report = office.do('cleanup')
    first, second = office.shards
    assert (report.cleaned, report.open) == ([first.label], [second.label])
    assert office.do('cleanup').cleaned == []
    assert vendor.calls.count('cleanup') == 1


def test_cleanup_of_what_the_vendor_has_deleted_is_done(office, vendor) -> None:
    office.submit(['a'])
    office.ingest()
    vendor.faults['cleanup'] = [ProviderError('not_found', 'gone')]
    assert office.do('cleanup').cleaned == [office.shards[0].label]


def test_the_record_tells_who_wrote_what_and_a_call_that_writes_nothing_adds_no_run(office, vendor) -> None:
    office.submit(['a', 'b', 'c', 'd'], record={'split': 'trainval'})
    vendor.state, ended = BatchStatus('running', 'in_progress'), vendor.state
    office.ingest()
    assert store.read_provenance(office.descriptions) is None
    vendor.state = ended
    office.ingest()
    office.ingest()
    run, = store.read_provenance(office.descriptions)['runs']
    assert (run['counts']['written'], run['answered_by'], run['split']) == (4, {'m-2026': 4}, 'trainval')
    assert run['prompt']['style'] == 'system'
    assert [told['label'] for told in run['batches']] == [shard.label for shard in office.shards]
    assert run['finished'] is not None


def test_the_record_tells_the_cost_at_the_prices_given(office) -> None:
    office.submit(['a', 'b'])
    office.do('ingest', prices=Prices(input=1e6, output=2e6))
    run, = store.read_provenance(office.descriptions)['runs']
    assert run['cost'] == 2 * (100 * 1 + 10 * 2)


@pytest.mark.parametrize(('field', 'value'), [('record', []), ('folder', 3), ('images', 'a'), ('replaces', ['a'])])
def test_a_record_with_a_value_of_another_kind_is_damaged(office, vendor, field, value) -> None:
    office.submit(['a'])
    path = office.folder / 'batches.json'
    record = json.loads(path.read_text())
    shard, = record['shards']
    item, = shard['items'].values()
    (shard if field in shard else item)[field] = value
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match=rf'is damaged \({field} is .*out of reach'):
        office.submit(['a'])
    assert vendor.paid == ['a']
