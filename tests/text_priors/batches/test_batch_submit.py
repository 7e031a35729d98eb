"""What a submission sends, and what it must not send again."""

import json

import pytest

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.vlm.batch_state import pending_images
from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.session import hold
from irstd_toolbox.text_priors.vlm.types import BatchLimits, BatchStatus, PreparedImage, ProviderError

IDS = ['a', 'b', 'c', 'd', 'e']


def test_images_go_out_in_shards_in_order(office, vendor) -> None:
    report = office.submit(IDS)
    assert [batch['names'] for batch in vendor.batches] == [['a', 'b', 'c'], ['d', 'e']]
    assert report.submitted == IDS
    assert [shard.images for shard in report.shards] == [3, 2]
    assert report.exit_code == 0


def test_every_shard_is_on_record_with_its_remote_id_and_its_mapping(office, vendor) -> None:
    office.submit(['x/a', 'b'])
    shard, = office.shards
    assert (shard.state, shard.remote_id) == ('submitted', 'remote-000')
    assert [(custom_id, item.images) for custom_id, item in shard.items.items()] == [
        (f'{shard.label}-00000', ['x/a']), (f'{shard.label}-00001', ['b'])]
    assert vendor.batches[0]['label'] == shard.label


def test_a_shard_is_on_record_as_submitting_before_the_vendor_is_asked(office, vendor) -> None:
    seen = []
    vendor.event = lambda name: seen.append([(shard.state, shard.remote_id) for shard in office.shards])
    office.submit(['a'])
    assert seen == [[('submitting', None)], [('submitting', None)]]


def test_a_second_submission_sends_nothing_that_is_on_its_way(office, vendor) -> None:
    office.submit(['a', 'b'])
    report = office.submit(['a', 'b', 'c'])
    assert vendor.paid == ['a', 'b', 'c']
    assert (report.pending, report.submitted, report.exit_code) == (['a', 'b'], ['c'], 0)


def test_an_image_on_its_way_is_not_sent_under_other_options_either(office, vendor) -> None:
    office.submit(['a'])
    office.question = Question('zero_shot')
    assert office.submit(['a']).pending == ['a']
    assert vendor.paid == ['a']


def test_images_on_their_way_are_told_to_whoever_asks_online(office) -> None:
    office.submit(['a'])
    assert [pending_images(office.folder, to) for to in ('descriptions', 'none')] == [{'a': office.shards[0].label}, {}]
    office.ingest()
    assert pending_images(office.folder, 'descriptions') == {}


def test_a_described_image_is_not_sent(office, vendor) -> None:
    office.write('b', 'Somebody wrote this.')
    report = office.submit(['a', 'b'])
    assert (vendor.paid, report.kept) == (['a'], ['b'])


def test_an_image_whose_answer_is_in_the_cache_is_described_at_once_and_not_sent(office, vendor, made) -> None:
    office.submit(['a'])
    office.ingest()
    next(office.descriptions.glob('a*')).unlink()
    report = office.submit(['a', 'b'])
    assert (report.written, report.submitted) == (['a'], ['b'])
    assert vendor.paid == ['a', 'b']
    assert office.texts == {'a': made.sentence('a')}


def test_overwriting_leaves_out_what_answers_the_same_question_already(office, vendor) -> None:
    office.submit(['a'])
    office.ingest()
    report = office.submit(['a'], overwrite=True)
    assert (report.kept, vendor.paid) == (['a'], ['a'])


def test_images_that_are_the_same_pixel_for_pixel_are_sent_once(office, vendor, made) -> None:
    office.submit(['a', 'a=again', 'b'])
    report = office.ingest()
    assert vendor.paid == ['a', 'b']
    assert office.texts == {'a': made.sentence('a'), 'a=again': made.sentence('a'), 'b': made.sentence('b')}
    assert report.exit_code == 0


def test_an_image_the_same_as_one_in_an_earlier_batch_waits_for_its_answer(office, vendor) -> None:
    office.submit(['a'])
    report = office.submit(['a=again'])
    assert (vendor.paid, report.submitted) == (['a'], ['a=again'])
    assert sorted(office.ingest().written) == ['a', 'a=again']


def test_an_image_that_cannot_be_read_does_not_stop_the_others(office, vendor) -> None:
    def prepare(image_id: str) -> PreparedImage:
        if image_id == 'b':
            raise DataError('b.png is no image.')
        return prepared(image_id)
    prepared, office.prepare = office.prepare, prepare
    report = office.submit(['a', 'b', 'c'])
    assert (report.failed, report.submitted, report.exit_code) == ({'b': 'b.png is no image.'}, ['a', 'c'], 3)


def test_an_image_larger_than_a_batch_is_reported_and_not_sent(office, vendor, monkeypatch) -> None:
    monkeypatch.setattr(type(vendor), 'batch_limits', BatchLimits(1000, 9))
    office.prepare = lambda image_id: PreparedImage(image_id, b'png b' * (900 if image_id == 'b' else 1), 8, 8)
    report = office.submit(['b', 'c'])
    assert 'a batch takes 900' in report.failed['b']
    assert report.submitted == ['c']
    assert report.exit_code == 3


@pytest.mark.parametrize('kind', ['auth', 'billing', 'not_found', 'permission', 'config', 'bad_request'])
def test_a_refusal_stops_the_submission_and_leaves_no_batch_on_record(office, vendor, kind) -> None:
    vendor.faults['submit'] = [None, ProviderError(kind, 'no')]
    report = office.submit(IDS)
    assert (report.submitted, report.unsent) == (['a', 'b', 'c'], ['d', 'e'])
    assert (report.stopped, report.exit_code) == (f'{kind}: no', 4)
    assert [shard.state for shard in office.shards] == ['submitted']


def test_after_a_refusal_the_next_submission_sends_the_rest(office, vendor) -> None:
    vendor.faults['submit'] = [None, ProviderError('billing', 'no')]
    office.submit(IDS)
    assert office.submit(IDS).submitted == ['d', 'e']
    assert vendor.paid == IDS


def test_a_wrong_key_is_found_before_anything_is_sent(office, vendor) -> None:
    vendor.faults['check'] = [ProviderError('auth', 'wrong key')]
    assert office.submit(['a']).exit_code == 4
    assert vendor.batches == []
    assert office.shards == []


def test_a_missing_key_is_a_failure_of_the_provider(office, vendor) -> None:
    vendor.faults['check'] = [ConfigError('$KEY is not set.')]
    report = office.submit(['a'])
    assert (report.stopped, report.exit_code) == ('config: $KEY is not set.', 4)


def test_a_throttled_creation_is_tried_again(office, vendor) -> None:
    vendor.faults['submit'] = [ProviderError('rate_limit', 'slow down', retry_after=0.0)] * 2
    assert office.submit(['a']).submitted == ['a']
    assert 'find' not in vendor.calls, 'a refused creation leaves nothing to find'


def test_a_vendor_that_asks_for_more_patience_than_there_is_stops_the_submission(office, vendor) -> None:
    vendor.faults['submit'] = [ProviderError('rate_limit', 'slow down', retry_after=3600.0)]
    report = office.submit(['a'])
    assert (report.unsent, report.exit_code) == (['a'], 3)
    assert office.shards == []


@pytest.mark.parametrize('kind', ['timeout', 'connection', 'server', 'invalid_response', 'overloaded'])
def test_a_batch_whose_creation_was_not_confirmed_is_found_and_not_made_twice(office, vendor, kind) -> None:
    vendor.faults['answer of submit'] = [ProviderError(kind, 'lost')]
    report = office.submit(['a'])
    assert (report.submitted, report.exit_code) == (['a'], 0)
    assert vendor.paid == ['a']
    assert office.shards[0].remote_id == 'remote-000'


def test_a_batch_that_was_not_made_is_made_by_the_second_try(office, vendor) -> None:
    vendor.faults['submit'] = [ProviderError('connection', 'lost')]
    assert office.submit(['a']).submitted == ['a']
    assert vendor.paid == ['a']


def test_a_batch_that_the_vendor_lists_late_is_not_made_twice(office, vendor, made, monkeypatch) -> None:
    monkeypatch.setattr('irstd_toolbox.text_priors.vlm.batch_remote.asyncio.sleep', _no_sleep)
    monkeypatch.setattr(office, 'grace', 30.0)
    vendor.faults['answer of submit'], vendor.hidden = [ProviderError('timeout', 'lost')], 1
    office.submit(['a'])
    assert vendor.paid == ['a']


async def _no_sleep(seconds: float) -> None:
    pass


def test_a_batch_that_cannot_be_looked_for_stays_on_record(office, vendor) -> None:
    vendor.faults['answer of submit'] = [ProviderError('timeout', 'lost')]
    vendor.faults['find'] = [ProviderError('connection', 'down')] * 5
    report = office.submit(['a'])
    assert (report.stopped, report.exit_code) == ('connection: down', 3)
    assert [shard.state for shard in office.shards] == ['submitting']
    report = office.submit(['a'])
    assert (report.recovered, report.pending, vendor.paid) == ([office.shards[0].label], ['a'], ['a'])


def test_a_limit_of_requests_ends_the_submission_and_the_next_one_goes_on(office, vendor) -> None:
    office.limits = Limits(first_delay=0.0, max_calls=2)
    report = office.submit(['a', 'a=again', 'b', 'c', 'd'])
    assert (report.submitted, report.unsent, report.exit_code) == (['a', 'a=again', 'b'], ['c', 'd'], 3)
    assert report.stopped == 'the limit of 2 requests is reached'
    assert office.submit(['a', 'a=again', 'b', 'c', 'd']).submitted == ['c', 'd']


def test_a_limit_of_cost_ends_the_submission_by_estimate(office, vendor) -> None:
    """An 8x8 image is 255 tokens of gpt-4o, the prompt 217 characters (55), the answer 50 words of 1.35 tokens (68)."""
    vendor.model = 'gpt-4o'
    prices, one = Prices(input=1.0, output=2.0), (255 + 55 + 2 * 68) / 1e6
    office.limits = Limits(first_delay=0.0, max_cost=2.5 * one)
    report = office.submit(['a', 'b', 'c'], prices=prices)
    assert (report.submitted, report.unsent) == (['a', 'b'], ['c'])
    assert 'the limit of' in report.stopped
    office.limits = Limits(first_delay=0.0, max_cost=0.99 * one)
    assert office.submit(['c'], prices=prices).submitted == []


@pytest.mark.parametrize(('model', 'prices', 'cause'), [
    ('gpt-5', Prices(1e3, 1e3), 'its tokens of an image are not known'), ('gpt-4o', None, 'prices are not given')])
def test_a_limit_of_a_cost_that_cannot_be_estimated_is_refused(office, vendor, model, prices, cause) -> None:
    vendor.model, office.limits = model, Limits(max_cost=1e-6)
    with pytest.raises(ConfigError, match=f"'{model}' cannot be estimated, because {cause}.*by --max-calls"):
        office.submit(['a'], prices=prices)
    assert vendor.calls == [] and not office.folder.exists()


def test_a_shard_that_was_sent_is_let_go_before_the_next_is_filled(office, vendor, monkeypatch) -> None:
    held, real = [], vendor.batch_submit

    async def keep(lines, label):
        held.append(lines)
        return await real(lines, label)
    monkeypatch.setattr(vendor, 'batch_submit', keep)
    office.submit(IDS)
    assert held == [[], []]


def test_answers_from_the_cache_are_on_record_too(office, vendor) -> None:
    office.submit(['a', 'b'])
    office.ingest()
    for path in office.descriptions.glob('*.txt'):
        path.unlink()
    office.submit(['a', 'b'])
    run = store.read_provenance(office.descriptions)['runs'][-1]
    assert (run['counts']['written'], run['counts']['from_cache'], run['answered_by']) == (2, 2, {'m-2026': 2})
    assert run['finished'] is not None


def test_an_image_listed_twice_is_sent_once(office, vendor) -> None:
    office.submit(['a', 'a'])
    assert vendor.paid == ['a']


@pytest.mark.parametrize(('name', 'batches'), [('descriptions', False), ('others', False), ('others', True)])
def test_a_second_process_is_refused(office, name, batches) -> None:
    with hold(office.descriptions.with_name(name), batches), pytest.raises(ConfigError, match='or writes another'):
        office.submit(['a'])


def test_a_damaged_record_is_an_error_and_not_an_empty_one(office, vendor) -> None:
    office.submit(['a'])
    path = office.folder / 'batches.json'
    path.write_text(path.read_text()[:-40])
    with pytest.raises(DataError, match='out of reach'):
        office.submit(['a'])
    assert vendor.paid == ['a']


def test_a_record_of_another_version_is_an_error(office) -> None:
    office.folder.mkdir(parents=True)
    (office.folder / 'batches.json').write_text(json.dumps({'schema': 99, 'shards': []}))
    with pytest.raises(DataError, match='schema 99'):
        office.submit(['a'])


def test_every_image_is_advanced_once(office, vendor) -> None:
    office.write('b', 'Somebody wrote this.')
    office.submit(['a', 'b', 'a=again'])
    assert office.advanced == [('a', 'submitted'), ('b', 'kept'), ('a=again', 'submitted')]


def test_the_audit_log_tells_the_steps_of_a_batch(office, vendor) -> None:
    office.submit(['a'])
    office.ingest()
    office.do('cleanup')
    steps = [event['event'] for event in office.events() if event.get('label') == office.shards[0].label]
    assert steps == ['batch_submitting', 'batch_submitted', 'batch_ended', 'batch_ingested', 'batch_cleaned']


def test_a_batch_on_its_way_at_another_provider_is_left_alone(office, vendor) -> None:
    office.submit(['a'])
    vendor.endpoint = 'elsewhere'
    vendor.state = BatchStatus('ended', 'completed')
    report = office.ingest()
    assert ([shard.state for shard in report.shards], report.pending, report.exit_code) == (['elsewhere'], ['a'], 3)
    assert office.submit(['a']).pending == ['a']
    assert office.do('cancel').cancelled == []
    assert 'status' not in vendor.calls
