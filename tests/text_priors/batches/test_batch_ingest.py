"""What the results of a batch become, whatever is wrong with them."""

import dataclasses
import itertools
import json

import pytest

from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.types import Answer, BatchStatus, ProviderError

EXPIRED = ProviderError('timeout', 'batch_expired')


def answer(text: str, finish: str = 'stop') -> Answer:
    return Answer(text, 'm', 'm-2026', finish)


def test_answers_become_descriptions(office, vendor, made) -> None:
    office.submit(['a', 'b'])
    report = office.ingest()
    assert office.texts == {'a': made.sentence('a'), 'b': made.sentence('b')}
    assert (report.written, report.exit_code) == (['a', 'b'], 0)
    assert report.usage == {'input_tokens': 200, 'output_tokens': 20}
    assert report.models == {'m-2026': 2}


def test_the_reports_of_all_verbs_are_plain_values_for_json(office, vendor, made) -> None:
    vendor.replies['b'] = [answer('', 'refusal')]
    reports = [office.submit(['a', 'b']), office.do('status'), office.ingest(), *map(office.do, ('cleanup', 'cancel'))]
    plain = [json.loads(json.dumps(dataclasses.asdict(report))) for report in reports]
    assert plain[2]['usage'] == {'input_tokens': 100, 'output_tokens': 10}
    assert plain[2]['models'] == {'m-2026': 1}
    assert list(plain[2]['rejected']) == ['b']


def test_tokens_of_several_batches_are_summed(office) -> None:
    office.submit(['a', 'b', 'c', 'd'])
    assert office.ingest().usage == {'input_tokens': 400, 'output_tokens': 40}


def test_results_in_any_order_go_to_their_own_images(office, vendor, made) -> None:
    office.submit(['a', 'b', 'c'])
    vendor.reverse = True
    office.ingest()
    assert office.texts == {name: made.sentence(name) for name in 'abc'}


def test_ingesting_again_changes_nothing(office, vendor) -> None:
    office.submit(['a', 'b'])
    office.ingest()
    before, calls = office.events('written'), len(vendor.calls)
    report = office.ingest()
    assert (report.shards, report.written, report.exit_code) == ([], [], 0)
    assert office.events('written') == before
    assert len(vendor.calls) == calls, 'the vendor is not asked'


@pytest.mark.parametrize(('reply', 'reason'), [
    (answer('', 'refusal'), 'refusal'), (answer('As an AI assistant, I am unable to do this task.'), 'refusal'),
    (answer('The small target lies in the', 'length'), 'truncated'), (answer('', 'length'), 'truncated'),
    (answer(''), 'empty'), (answer('', 'content_filter'), 'refusal'), (answer('left ' * 51), 'too_long')])
def test_an_answer_that_is_no_description_is_listed_and_not_written(office, vendor, made, reply, reason) -> None:
    vendor.replies['b'] = [reply]
    office.submit(['a', 'b'])
    report = office.ingest()
    assert office.texts == {'a': made.sentence('a')}
    assert report.rejected['b'].startswith(f'{reason}: ')
    assert (report.left, report.exit_code) == (['b'], 3)


def test_a_rejected_image_is_sent_by_the_next_submission_and_the_others_are_not(office, vendor, made) -> None:
    vendor.replies['b'] = [answer('', 'refusal')]
    office.submit(['a', 'b'])
    office.ingest()
    del vendor.replies['b']
    assert office.submit(['a', 'b']).submitted == ['b']
    office.ingest()
    assert vendor.paid == ['a', 'b', 'b']
    assert office.texts['b'] == made.sentence('b')


def test_the_word_limit_of_the_submission_counts(office, vendor) -> None:
    vendor.replies['a'] = [answer('left ' * 60)]
    office.question = Question(word_limit=None)
    office.submit(['a'])
    office.question = Question()
    assert office.ingest().written == ['a']


@pytest.mark.parametrize('failure', [
    ProviderError('server', 'HTTP 500', status=500), EXPIRED, ProviderError('bad_request', 'no image'),
    ProviderError('billing', 'quota')])
def test_a_failed_line_costs_its_own_image_only(office, vendor, made, failure) -> None:
    vendor.replies['b'] = [failure]
    office.submit(['a', 'b', 'c'])
    report = office.ingest()
    assert set(office.texts) == {'a', 'c'}
    assert (report.failed, report.exit_code) == ({'b': str(failure)}, 3)
    assert office.submit(['a', 'b', 'c']).submitted == ['b']


def test_an_image_that_the_results_do_not_name_is_missing_and_sent_again(office, vendor) -> None:
    vendor.replies['b'] = []
    office.submit(['a', 'b'])
    report = office.ingest()
    assert (report.missing, report.left, report.exit_code) == (['b'], ['b'], 3)
    assert office.submit(['a', 'b']).submitted == ['b']


def test_results_without_any_line_leave_all_images(office, vendor) -> None:
    vendor.replies = {'a': [], 'b': []}
    office.submit(['a', 'b'])
    assert office.ingest().missing == ['a', 'b']
    assert office.texts == {}


def test_a_batch_whose_lines_all_failed_writes_nothing(office, vendor) -> None:
    vendor.replies = {'a': [EXPIRED], 'b': [EXPIRED]}
    office.submit(['a', 'b'])
    assert list(office.ingest().failed) == ['a', 'b']
    assert office.texts == {}
    assert office.shards[0].state == 'ingested'


def test_a_line_that_comes_twice_is_written_once(office, vendor, made) -> None:
    vendor.replies['a'] = [made.good('a')] * 2
    office.submit(['a'])
    report = office.ingest()
    assert (report.written, report.duplicates) == (['a'], 1)
    assert len(office.events('written')) == 1
    assert report.usage['input_tokens'] == 100


@pytest.mark.parametrize('order', list(itertools.permutations(range(3))))
def test_of_lines_that_differ_the_good_one_counts_in_any_order(office, vendor, made, order) -> None:
    lines = [made.good('a'), answer('', 'refusal'), EXPIRED]
    vendor.replies['a'] = [lines[i] for i in order]
    office.submit(['a'])
    report = office.ingest()
    assert (report.written, report.rejected, report.failed) == (['a'], {}, {})
    assert office.texts == {'a': made.sentence('a')}


def test_of_two_bad_lines_the_refusal_is_told(office, vendor) -> None:
    vendor.replies['a'] = [answer('', 'refusal'), EXPIRED]
    office.submit(['a'])
    report = office.ingest()
    assert (list(report.rejected), report.failed) == (['a'], {})


def test_of_two_good_lines_the_first_stays_in_file_and_cache(office, vendor) -> None:
    vendor.replies['a'] = [answer('It is at the left.'), answer('It is at the right.')]
    office.submit(['a'])
    office.ingest()
    assert office.texts == {'a': 'It is at the left.'}
    next(office.descriptions.glob('a*')).unlink()
    office.submit(['a'])
    assert office.texts == {'a': 'It is at the left.'}


def test_a_line_with_an_id_never_sent_is_counted_and_written_nowhere(office, vendor, made) -> None:
    vendor.strays = [('deadbeef-00000', made.good('z')), ('a', made.good('z')), ('../../a', EXPIRED)]
    office.submit(['a'])
    report = office.ingest()
    assert (report.strays, report.written) == (3, ['a'])
    assert office.texts == {'a': made.sentence('a')}


def test_a_batch_that_still_runs_is_left_and_its_images_are_pending(office, vendor) -> None:
    vendor.state = BatchStatus('running', 'in_progress', 1, 2)
    office.submit(['a', 'b'])
    report = office.ingest()
    assert (report.pending, report.exit_code) == (['a', 'b'], 3)
    assert 'results' not in vendor.calls


def test_a_batch_that_failed_frees_its_images_and_tells_why(office, vendor) -> None:
    vendor.state = BatchStatus('failed', 'failed', message='Enqueued token limit reached')
    office.submit(['a', 'b'])
    report = office.ingest()
    assert report.failed == dict.fromkeys('ab', 'its batch failed: Enqueued token limit reached')
    assert (report.exit_code, office.shards[0].state) == (3, 'failed')
    vendor.state = BatchStatus('ended', 'completed')
    assert office.submit(['a', 'b']).submitted == ['a', 'b']


@pytest.mark.parametrize('word', ['expired', 'cancelled'])
def test_what_an_expired_or_cancelled_batch_has_answered_is_written(office, vendor, word) -> None:
    vendor.state, vendor.replies['b'] = BatchStatus('ended', word, 1, 2), [EXPIRED]
    office.submit(['a', 'b'])
    report = office.ingest()
    assert (report.written, list(report.failed)) == (['a'], ['b'])
    assert report.shards[0].remote_state == word


def test_results_that_break_off_are_fetched_again_and_nothing_is_written_twice(office, vendor, made) -> None:
    vendor.faults['line'] = [None, ProviderError('connection', 'cut')]
    office.submit(['a', 'b', 'c'])
    report = office.ingest()
    assert (report.written, report.kept, report.duplicates) == (['a', 'b', 'c'], [], 0)
    assert len(office.events('written')) == 3
    assert report.usage['input_tokens'] == 300


def test_results_that_keep_breaking_off_leave_the_batch_to_the_next_call(office, vendor) -> None:
    vendor.faults['line'] = [None, *[ProviderError('connection', 'cut')] * 5]
    office.submit(['a', 'b', 'c'])
    report = office.ingest()
    assert (report.stopped, report.exit_code) == ('connection: cut', 3)
    assert report.written == ['a'], 'what was written before it broke off'
    vendor.faults.clear()
    assert office.ingest().written == ['b', 'c']
    assert office.shards[0].state == 'ingested'


def test_results_that_the_vendor_has_deleted_free_the_images(office, vendor) -> None:
    vendor.faults['results'] = [ProviderError('not_found', 'gone')]
    office.submit(['a'])
    report = office.ingest()
    assert (office.shards[0].state, report.missing, report.exit_code) == ('failed', ['a'], 3)
    assert 'not there any more' in report.shards[0].message


def test_a_key_that_expired_meanwhile_stops_and_loses_nothing(office, vendor) -> None:
    office.submit(['a'])
    vendor.faults['status'] = [ProviderError('auth', 'wrong key')]
    assert office.ingest().exit_code == 4
    assert office.ingest().written == ['a']


def test_a_description_written_by_hand_meanwhile_stays(office, vendor, made) -> None:
    office.submit(['a', 'b'])
    office.write('a', 'Somebody wrote this.')
    report = office.ingest()
    assert office.texts == {'a': 'Somebody wrote this.', 'b': made.sentence('b')}
    assert (report.kept, report.exit_code) == (['a'], 0)


def test_overwriting_replaces_what_was_there_at_submission(office, vendor, made) -> None:
    office.write('a', 'Old words.')
    office.submit(['a'], overwrite=True)
    assert office.ingest().written == ['a']
    assert office.texts == {'a': made.sentence('a')}


def test_overwriting_does_not_replace_what_was_edited_since(office, vendor) -> None:
    office.write('a', 'Old words.')
    office.submit(['a'], overwrite=True)
    office.write('a', 'New words by hand.')
    assert office.ingest().kept == ['a']
    assert office.texts == {'a': 'New words by hand.'}


def test_other_options_at_ingestion_do_not_change_what_was_asked(office, vendor, made) -> None:
    office.submit(['a'])
    vendor.model = 'another'
    vendor.replies['a'] = [dataclasses.replace(made.good('a'), model='another')]
    assert office.ingest().written == ['a']
    assert office.events('written')[0]['model'] == 'm'
    vendor.model = 'm'
    next(office.descriptions.glob('a*')).unlink()
    assert office.submit(['a']).written == ['a'], 'cached under the question that was asked'


def test_descriptions_get_the_file_names_that_the_submission_asked_for(office) -> None:
    office.submit(['a'], suffix='-description.txt')
    office.ingest()
    assert [path.name for path in office.descriptions.glob('a*')] == ['a-description.txt']


def test_batches_for_one_folder_of_descriptions_are_not_ingested_into_another(office, vendor, made) -> None:
    office.submit(['a'])
    other = made.Office(office.descriptions.parent, vendor, 'others')
    report = other.ingest()
    assert ([shard.state for shard in report.shards], report.pending) == (['elsewhere'], ['a'])
    assert report.shards[0].message == 'fake here, for descriptions'
    assert other.submit(['a', 'a=again', 'b']).pending == ['a', 'a=again'], 'the answer will be in the cache'
    assert office.ingest().written == ['a']
    assert (office.texts, other.texts) == ({'a': made.sentence('a')}, {})
    assert other.submit(['a', 'a=again']).written == ['a', 'a=again']
    assert vendor.paid == ['a', 'b']


def test_an_id_that_another_folders_batch_asks_about_otherwise_is_sent(office, vendor, made) -> None:
    office.submit(['a'])
    other = made.Office(office.descriptions.parent, vendor, 'others')
    other.question = Question('zero_shot')
    assert other.submit(['a']).submitted == ['a'] and vendor.paid == ['a', 'a']


def test_the_record_says_what_was_asked_and_not_what_was_told_to_whoever_fetched_it(office, vendor) -> None:
    asked = vendor.identity()
    office.submit(['a'])
    vendor.model = 'another'
    office.ingest()
    run, = store.read_provenance(office.descriptions)['runs']
    assert vendor.identity() != asked and run['identity'] == asked
