"""Anthropic's message batches, which have neither files nor names."""

import datetime
from collections.abc import AsyncIterator, Sequence
from typing import Any

from irstd_toolbox.text_priors.providers.failures import fault_of, from_error
from irstd_toolbox.text_priors.providers.openai_batch import UPLOAD, json_lines
from irstd_toolbox.text_priors.providers.remote import RemoteProvider
from irstd_toolbox.text_priors.vlm.types import (
    Answer,
    BatchLimits,
    BatchProvider,
    BatchStatus,
    PreparedImage,
    Prompt,
    ProviderError,
)

__all__ = ['AnthropicBatches']

PATH = '/v1/messages/batches'
KEPT = datetime.timedelta(days=29)
"""How long the vendor keeps results."""
NOT_RUN = {'expired': 'the batch expired before it was run', 'canceled': 'the batch was cancelled before it was run'}
LOOK_AGAIN = 300.0


class AnthropicBatches(RemoteProvider, BatchProvider):
    """The batch half of ``anthropic``.

    A batch carries no label, so the label must be the beginning of its custom ids.
    """

    batch_limits = BatchLimits(bytes=256_000_000, lines=100_000)

    def batch_line(self, custom_id: str, image: PreparedImage, prompt: Prompt) -> dict[str, Any]:
        return {'custom_id': custom_id, 'params': self.request(image, prompt)[1]}

    async def batch_submit(self, lines: Sequence[dict[str, Any]], label: str) -> str:
        strange = [line['custom_id'] for line in lines if not line['custom_id'].startswith(label)]
        if strange:
            raise ProviderError('config', f'the custom id {strange[0]!r} does not begin with the label {label!r}, so '
                                          'the batch could not be found again')
        created = await self.reach(lambda client, response: client.with_options(timeout=UPLOAD).post(
            PATH, body={'requests': list(lines)}, cast_to=response))
        return self._id(self._json(created)[0])

    async def batch_find(self, label: str, known: Sequence[str] = ()) -> str | None:
        oldest = datetime.datetime.now(datetime.timezone.utc) - KEPT
        running, after, more = [], {}, True
        while more:
            page = await self.get(PATH, {'limit': 100, **after})
            rows = [row for row in page.get('data') or [] if isinstance(row, dict)]
            for row in rows:
                remote_id = self._id(row)
                if remote_id in known or row.get('archived_at'):
                    continue
                if row.get('processing_status') != 'ended':
                    running.append(remote_id)
                elif any(custom_id.startswith(label) for custom_id in await self._custom_ids(remote_id)):
                    return remote_id
            more = bool(rows) and bool(page.get('has_more')) and _made(rows[-1]) > oldest
            after = {'after_id': self._id(rows[-1])} if rows else {}
        if running:
            raise ProviderError('server', f'{self.host} does not show what is in a running batch, and {running[0]} may '
                                          'be the one; look again when it has ended', LOOK_AGAIN)
        return None

    async def batch_status(self, remote_id: str) -> BatchStatus:
        batch = await self.get(f'{PATH}/{remote_id}')
        remote, counts = str(batch.get('processing_status')), batch.get('request_counts') or {}
        total = sum(counts.values())
        return BatchStatus('ended' if remote == 'ended' else 'running', remote,
                           total - counts.get('processing', 0), total)

    async def batch_results(self, remote_id: str) -> AsyncIterator[tuple[str, Answer | ProviderError]]:
        for line in await self._lines(remote_id):
            yield line['custom_id'], self._outcome(line)

    def _outcome(self, line: dict[str, Any]) -> Answer | ProviderError:
        where, result = f'{self.host} (batch)', line.get('result')
        kind = result.get('type') if isinstance(result, dict) else None
        if kind in NOT_RUN:
            return ProviderError('timeout', f'{where}: {NOT_RUN[kind]}')
        if kind == 'errored':
            return from_error(fault_of(fault_of(result)), where)
        if kind != 'succeeded' or not isinstance(result.get('message'), dict):
            return ProviderError('invalid_response', f'{where}: a line that is no result')
        try:
            return self.parse(result['message'])
        except ProviderError as error:
            return error.with_traceback(None)

    async def batch_cancel(self, remote_id: str) -> None:
        await self.post(f'{PATH}/{remote_id}/cancel', {})

    async def batch_cleanup(self, remote_id: str) -> None:
        await self.delete(f'{PATH}/{remote_id}')

    async def _lines(self, remote_id: str) -> list[dict[str, Any]]:
        response = await self.reach(lambda client, response: client.get(
            f'{PATH}/{remote_id}/results', cast_to=response))
        return json_lines(response.content)

    async def _custom_ids(self, remote_id: str) -> list[str]:
        try:
            return [line['custom_id'] for line in await self._lines(remote_id)]
        except ProviderError as error:
            if error.status == 404:  # results that are gone
                return []
            raise

    def _id(self, thing: dict[str, Any]) -> str:
        if not isinstance(thing.get('id'), str):
            raise ProviderError('invalid_response', f'{self.host} answered an object without an id')
        return thing['id']


def _made(row: dict[str, Any]) -> datetime.datetime:
    made = datetime.datetime.fromisoformat(str(row['created_at']).replace('Z', '+00:00'))
    return made if made.tzinfo else made.replace(tzinfo=datetime.timezone.utc)
