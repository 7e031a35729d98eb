"""What vendors say of a batch before its results are there."""

import asyncio
from unittest.mock import AsyncMock

import pytest

from irstd_toolbox.text_priors.vlm.types import ProviderError


@pytest.mark.parametrize(('kind', 'counts'), [
    ('openai', {'total': 5, 'completed': 2, 'failed': 1}),
    ('anthropic', {'processing': 2, 'succeeded': 1, 'errored': 1, 'expired': 1})])
def test_requests_that_ended_in_any_way_are_done(make_provider, kind, counts):
    provider = make_provider(kind)
    provider.get = AsyncMock(return_value={
        'status': 'in_progress', 'processing_status': 'in_progress', 'request_counts': counts})
    status = asyncio.run(provider.batch_status('some'))
    assert (status.state, status.done, status.total) == ('running', 3, 5)


@pytest.mark.parametrize('row', [{'archived_at': '2026-01-01T00:00:00Z'}, {'processing_status': 'ended'}], ids=list)
def test_a_batch_of_anthropics_whose_results_are_gone_is_not_the_one(make_provider, row):
    provider = make_provider('anthropic')
    provider.get = AsyncMock(return_value={'data': [{'id': 'some', **row}]})
    provider.reach = AsyncMock(side_effect=ProviderError('not_found', 'gone', status=404))
    assert asyncio.run(provider.batch_find('0a1b2c3d')) is None
