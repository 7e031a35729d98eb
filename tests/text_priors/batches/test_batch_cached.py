"""Answers in the cache that are no descriptions, and waits that a vendor asks for."""

import pytest

from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.vlm.cache import AnswerCache
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.types import Answer, ProviderError

REFUSED = Answer('I must decline this request.', 'm', 'm-2026', 'stop')


def spoil(office) -> None:
    """Put a refusal, as another version may have let pass, under the only question that is on its way or answered."""
    shard, = office.shards
    item, = shard.items.values()
    AnswerCache(office.folder / 'cache').put(item.key, REFUSED)


def test_an_image_whose_cached_answer_is_no_description_is_sent_again(office, vendor) -> None:
    office.submit(['a'])
    office.ingest()
    spoil(office)
    store.find_description(office.descriptions, 'a').unlink()
    report = office.submit(['a'])
    assert (report.submitted, report.failed, vendor.paid) == (['a'], {}, ['a', 'a'])


def test_a_line_counts_before_a_cached_answer_that_is_no_description(office, made) -> None:
    office.submit(['a'])
    spoil(office)
    assert office.ingest().written == ['a'] and office.texts == {'a': made.sentence('a')}


@pytest.mark.parametrize(('asked', 'most', 'tries'), [(61.0, 600.0, 1), (60.0, 600.0, 2), (9.0, 5.0, 1), (5.0, 5.0, 2)])
def test_a_wait_is_kept_up_to_a_minute_and_to_what_throttling_may_delay(
        office, vendor, monkeypatch, asked, most, tries) -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
    monkeypatch.setattr('irstd_toolbox.text_priors.vlm.batch_remote.asyncio.sleep', sleep)
    office.limits, vendor.faults['submit'] = Limits(max_wait=most), [ProviderError('rate_limit', 'slow down', asked)]
    office.submit(['a'])
    assert (vendor.calls.count('submit'), slept) == (tries, [asked] * (tries - 1))
