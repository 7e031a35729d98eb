"""Batches of both vendors: what is sent, how they are found again, and what each line of results becomes."""

import asyncio
import datetime
import pickle

import pytest

from irstd_toolbox.text_priors.vlm.prompts import render
from irstd_toolbox.text_priors.vlm.types import Answer, BatchStatus, ProviderError

VENDORS = ['openai', 'openai_chat', 'anthropic']
LABEL = '0a1b2c3d'


@pytest.fixture
def lines(prepared):
    """Requests for images 0..n-1 under the custom ids LABEL-00000 and so on."""
    def make(provider, count=3, label=LABEL):
        return [provider.batch_line(f'{label}-{index:05d}', prepared(index), render('system'))
                for index in range(count)]
    return make


@pytest.fixture
def go(make_provider):
    """Run a coroutine function with a provider, and close it."""
    def run(kind, work, **options):
        async def inner():
            provider = make_provider(kind, **options)
            try:
                return await work(provider)
            finally:
                await provider.close()
        return asyncio.run(inner())
    return run


def submitted(go, kind, lines, count=3):
    """The outcome of each line of a batch by custom id, each as often as it came."""
    async def work(provider):
        remote_id = await provider.batch_submit(lines(provider, count), LABEL)
        status = await provider.batch_status(remote_id)
        found: dict[str, list] = {}
        async for custom_id, outcome in provider.batch_results(remote_id):
            found.setdefault(custom_id.removeprefix(f'{LABEL}-000'), []).append(outcome)
        return status, found
    return go(kind, work)


def kinds(found):
    return {custom_id: [outcome.kind if isinstance(outcome, ProviderError) else outcome.finish for outcome in outcomes]
            for custom_id, outcomes in found.items()}


@pytest.mark.parametrize('kind', VENDORS)
def test_a_batch_answers_like_single_questions(vlm_server, go, lines, ask, make_provider, prepared, kind):
    status, found = submitted(go, kind, lines)
    assert status.state == 'ended' and (status.done, status.total) == (3, 3)
    assert sorted(found) == ['00', '01', '02']
    for index in range(3):
        answer, = found[f'{index:02d}']
        single = ask(make_provider(kind), None, prepared(index))
        assert (answer.text, answer.finish, answer.usage, answer.model, answer.resolved_model) == (
            single.text, single.finish, single.usage, single.model, single.resolved_model)
        assert answer.latency_s is None


@pytest.mark.parametrize('kind', VENDORS)
def test_the_lines_hold_the_same_request_as_a_single_question(vlm_server, go, lines, ask, make_provider, kind):
    submitted(go, kind, lines, 1)
    ask(make_provider(kind))
    line, = [record for record in vlm_server.requests if record.kind == 'batch_line']
    assert line.body == vlm_server.asks[0].body and line.image.sha256 == vlm_server.asks[0].image.sha256
    assert line.path == vlm_server.asks[0].path and line.custom_id == f'{LABEL}-00000'


def test_the_file_of_openais_batch_expires_by_itself(vlm_server, go, lines):
    submitted(go, 'openai', lines)
    uploaded, = [record for record in vlm_server.requests if record.kind == 'file_create']
    assert uploaded.body == {
        'purpose': 'batch', 'expires_after[anchor]': 'created_at', 'expires_after[seconds]': '172800'}


@pytest.mark.parametrize(('fault', 'kind'), [
    ('bad_request', 'bad_request'), ('server', 'server'), ('rate_limit', 'rate_limit'), ('expired', 'timeout'),
    ('canceled', 'timeout'), ('image_too_large', 'too_large'), ('quota', 'billing'), ('refusal', 'refusal'),
    ('truncated', 'length')])
@pytest.mark.parametrize('vendor', VENDORS)
def test_each_line_has_its_own_outcome(vlm_server, go, lines, vendor, fault, kind):
    vlm_server.script(['ok', fault], at='batch_line')
    _, found = submitted(go, vendor, lines)
    assert kinds(found) == {'00': ['stop'], '01': [kind], '02': ['stop']}


@pytest.mark.parametrize(('vendor', 'line', 'told'), [
    ('openai', {'response': {'status_code': 400, 'body': {'detail': 'No images.'}}}, ' answered 400: No images.'),
    ('openai', {'response': {'status_code': 400, 'body': 'No images.'}}, ' answered 400: No images.'),
    ('openai', {'response': {'status_code': 400, 'body': None}}, ' answered 400: without an explanation'),
    ('openai', {'response': None, 'error': 'No images.'}, ': No images.'),
    ('anthropic', {'result': {'type': 'errored', 'error': 'No images.'}}, ': No images.'),
    ('anthropic', {'result': {'type': 'errored', 'message': 'No images.'}}, ': No images.')])
def test_a_failures_words_are_told_whatever_their_form(vlm_server, make_provider, vendor, line, told):
    failure = make_provider(vendor)._outcome({'custom_id': LABEL, **line})
    assert (failure.kind, failure.message) == ('bad_request', f'127.0.0.1:{vlm_server.port} (batch){told}')


@pytest.mark.parametrize('vendor', VENDORS)
def test_missing_and_doubled_lines_come_as_they_are(vlm_server, go, lines, vendor):
    vlm_server.script(['missing', 'duplicate'], at='batch_line')
    _, found = submitted(go, vendor, lines)
    assert kinds(found) == {'01': ['stop', 'stop'], '02': ['stop']}


@pytest.mark.parametrize('vendor', VENDORS)
def test_an_expired_batch_gives_what_was_done(vlm_server, go, lines, vendor):
    vlm_server.script(['expire'], at='batch_create')
    status, found = submitted(go, vendor, lines, 4)
    assert status.state == 'ended'
    assert kinds(found) == {'00': ['stop'], '01': ['stop'], '02': ['timeout'], '03': ['timeout']}


@pytest.mark.parametrize('vendor', VENDORS)
def test_a_batch_of_which_all_failed_has_no_output_and_tells_each(vlm_server, go, lines, vendor):
    vlm_server.script(['all_failed'], at='batch_create')
    status, found = submitted(go, vendor, lines)
    assert status.state == 'ended' and kinds(found) == {'00': ['server'], '01': ['server'], '02': ['server']}
    if vendor != 'anthropic':
        batch, = vlm_server.batches.values()
        assert batch['output_file_id'] is None and batch['error_file_id'] is not None


def test_a_batch_that_openai_did_not_take_tells_why(vlm_server, go, lines):
    vlm_server.script(['fail'], at='batch_create')
    status, found = submitted(go, 'openai', lines)
    assert status == BatchStatus('failed', 'failed', 0, 0, 'Enqueued token limit reached.') and found == {}


@pytest.mark.parametrize('vendor', VENDORS)
def test_a_batch_that_is_not_finished_is_running(vlm_server, go, lines, vendor):
    vlm_server.batch_polls = 1

    async def work(provider):
        remote_id = await provider.batch_submit(lines(provider), LABEL)
        return [(await provider.batch_status(remote_id)).state for _ in range(2)]
    assert go(vendor, work) == ['running', 'ended']


@pytest.mark.parametrize('vendor', ['openai', 'anthropic'])
def test_a_batch_is_found_by_its_label_on_any_page_of_the_list(vlm_server, go, lines, vendor):
    vlm_server.page_limit = 2

    async def work(provider):
        ids = {}
        for label in ('00000000', '00000001', '00000002', '00000003', '00000004'):
            ids[label] = await provider.batch_submit(lines(provider, 1, label), label)
        for remote_id in ids.values():  # Anthropic shows what is in a batch only when it has ended
            await provider.batch_status(remote_id)
        return ids, [await provider.batch_find(label) for label in ('00000000', '00000004', 'ffffffff')]
    ids, found = go(vendor, work)
    assert found == [ids['00000000'], ids['00000004'], None]


def test_anthropics_list_is_not_read_back_beyond_what_the_vendor_keeps(vlm_server, go, lines):
    vlm_server.page_limit = 1

    async def work(provider):
        for label in ('old', 'older'):
            remote_id = await provider.batch_submit(lines(provider, 1, label), label)
            await provider.batch_status(remote_id)
            vlm_server.batches[remote_id]['created'] -= datetime.timedelta(days=40)
        return await provider.batch_find('nobody')
    assert go('anthropic', work) is None
    assert sum(record.kind == 'batch_list' for record in vlm_server.requests) == 1


def test_anthropics_running_batch_may_be_the_one_unless_it_is_known(vlm_server, go, lines):
    vlm_server.batch_polls = 9

    async def work(provider):
        remote_id = await provider.batch_submit(lines(provider), LABEL)
        with pytest.raises(ProviderError, match='does not show what is in a running batch') as caught:
            await provider.batch_find(LABEL)
        return caught.value, await provider.batch_find(LABEL, known=[remote_id])
    error, found = go('anthropic', work)
    assert error.kind == 'server' and error.retry_after > 0 and found is None


def test_a_label_that_anthropics_lines_do_not_carry_is_refused(vlm_server, go, lines):
    with pytest.raises(ProviderError, match="does not begin with the label 'other'"):
        go('anthropic', lambda provider: provider.batch_submit(lines(provider), 'other'))
    assert not vlm_server.requests


@pytest.mark.parametrize('vendor', ['openai', 'anthropic'])
@pytest.mark.parametrize(('fault', 'kind', 'made'), [
    ('rate_limit:3', 'rate_limit', 0), ('quota', 'billing', 0), ('server', 'server', 0), ('cut', 'connection', 1)])
def test_a_creation_that_fails_says_how(vlm_server, go, lines, vendor, fault, kind, made):
    vlm_server.script([fault], at='batch_create')
    with pytest.raises(ProviderError) as caught:
        go(vendor, lambda provider: provider.batch_submit(lines(provider), LABEL))
    assert caught.value.kind == kind and len(vlm_server.batches) == made


def test_a_batch_whose_creation_was_cut_is_found(vlm_server, go, lines):
    vlm_server.script(['cut'], at='batch_create')

    async def work(provider):
        with pytest.raises(ProviderError):
            await provider.batch_submit(lines(provider), LABEL)
        return await provider.batch_find(LABEL)
    assert go('openai', work) in vlm_server.batches


def test_the_file_of_a_refused_batch_is_deleted_and_of_a_doubtful_one_kept(vlm_server, go, lines):
    for fault, files in (('quota', 0), ('server', 1)):
        vlm_server.script([fault], at='batch_create')
        with pytest.raises(ProviderError):
            go('openai', lambda provider: provider.batch_submit(lines(provider), LABEL))
        assert len(vlm_server.files) == files


@pytest.mark.parametrize('vendor', ['openai', 'anthropic'])
def test_a_cancelled_batch_ends_and_what_it_left_is_deleted_once_and_for_all(vlm_server, go, lines, vendor):
    vlm_server.script(['never'], at='batch_create')
    vlm_server.script(['ok', 'server'], at='batch_line')

    async def work(provider):
        remote_id = await provider.batch_submit(lines(provider), LABEL)
        before = (await provider.batch_status(remote_id)).state
        await provider.batch_cancel(remote_id)
        after = (await provider.batch_status(remote_id)).state
        for _ in range(2):
            if vendor == 'openai' or vlm_server.batches:
                await provider.batch_cleanup(remote_id)
        return before, after
    assert go(vendor, work) == ('running', 'ended')
    assert not vlm_server.files and (vendor == 'openai' or not vlm_server.batches)


@pytest.mark.parametrize(('vendor', 'at'), [('openai', 'file_content'), ('anthropic', 'batch_results')])
@pytest.mark.parametrize(('fault', 'kind'), [
    ('cut', 'connection'), ('server', 'server'), ('rate_limit:1', 'rate_limit')])
def test_results_that_cannot_be_fetched_are_no_results(vlm_server, go, lines, vendor, at, fault, kind):
    vlm_server.script([fault], at=at)
    with pytest.raises(ProviderError) as caught:
        submitted(go, vendor, lines)
    assert caught.value.kind == kind


@pytest.mark.parametrize('vendor', ['openai', 'anthropic'])
def test_a_line_that_cannot_be_read_counts_as_missing(vlm_server, go, lines, vendor):
    async def work(provider):
        remote_id = await provider.batch_submit(lines(provider), LABEL)
        await provider.batch_status(remote_id)
        batch = vlm_server.batches[remote_id]
        if vendor == 'openai':
            stored = vlm_server.files[batch['output_file_id']]
            rows = stored['data'].splitlines()
            stored['data'] = b'\n'.join([rows[0][:40], *rows[1:]])
        else:
            batch['ran'][1][0] = batch['ran'][1][0][:40]
        return [custom_id async for custom_id, _ in provider.batch_results(remote_id)]
    assert go(vendor, work) == [f'{LABEL}-00001', f'{LABEL}-00000']


def test_an_anthropic_batch_with_an_id_that_is_illegal_is_refused_whole(vlm_server, go, prepared):
    async def work(provider):
        line = provider.batch_line('Misc_1.png', prepared(), render('system'))
        await provider.batch_submit([line], 'Misc')
    with pytest.raises(ProviderError, match='custom_id: String should match pattern'):
        go('anthropic', work)


@pytest.mark.parametrize('vendor', VENDORS)
def test_outcomes_are_plain_values(vlm_server, go, lines, vendor):
    vlm_server.script(['ok', 'malformed', 'auth'], at='batch_line')
    _, found = submitted(go, vendor, lines)
    for outcome in (outcome for outcomes in found.values() for outcome in outcomes):
        assert isinstance(outcome, Answer | ProviderError) and pickle.loads(pickle.dumps(outcome)) is not None


def test_a_server_of_ones_own_makes_no_batches(make_provider):
    assert not hasattr(make_provider('openai_compatible'), 'batch_submit')
