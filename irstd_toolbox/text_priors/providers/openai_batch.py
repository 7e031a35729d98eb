"""OpenAI's batches: a file of requests, a batch of it, and up to two files of results."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from irstd_toolbox.text_priors.providers.failures import fault_of, from_error, from_status, say
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

__all__ = ['OpenAIBatches', 'json_lines']

LABEL = 'irstd_label'
KEPT = 172_800
"""Seconds that the vendor keeps the file of requests; a batch ends within half of them."""
RUNNING, ENDED = ('validating', 'in_progress', 'finalizing', 'cancelling'), ('completed', 'expired', 'cancelled')
UNBORN = ('connection', 'timeout', 'server', 'overloaded', 'invalid_response')
"""Failures after which a batch may exist nevertheless."""
UPLOAD = 600.0


class OpenAIBatches(RemoteProvider, BatchProvider):
    """The batch half of ``openai``."""

    batch_limits = BatchLimits(bytes=200_000_000, lines=50_000)

    def batch_line(self, custom_id: str, image: PreparedImage, prompt: Prompt) -> dict[str, Any]:
        path, body = self.request(image, prompt)
        return {'custom_id': custom_id, 'method': 'POST', 'url': f'/v1{path}', 'body': body}

    async def batch_submit(self, lines: Sequence[dict[str, Any]], label: str) -> str:
        data = b''.join(json.dumps(line).encode() + b'\n' for line in lines)
        uploaded = await self.reach(lambda client, _: client.files.with_raw_response.create(
            file=(f'{label}.jsonl', data), purpose='batch', timeout=UPLOAD,
            expires_after={'anchor': 'created_at', 'seconds': KEPT}))
        file_id = self._id(self._json(uploaded)[0])
        try:
            created, _ = await self.post('/batches', {
                'input_file_id': file_id, 'endpoint': lines[0]['url'], 'completion_window': '24h',
                'metadata': {LABEL: label}})
        except ProviderError as error:
            if error.kind not in UNBORN:
                await self._discard(file_id)
            raise
        return self._id(created)

    async def batch_find(self, label: str, known: Sequence[str] = ()) -> str | None:
        after: dict[str, str] = {}
        while True:
            page = await self.get('/batches', {'limit': 100, **after})
            rows = [row for row in page.get('data') or [] if isinstance(row, dict)]
            for row in rows:
                if (row.get('metadata') or {}).get(LABEL) == label:
                    return self._id(row)
            if not rows or not page.get('has_more'):
                return None
            after = {'after': self._id(rows[-1])}

    async def batch_status(self, remote_id: str) -> BatchStatus:
        batch = await self.get(f'/batches/{remote_id}')
        remote, counts = str(batch.get('status')), batch.get('request_counts') or {}
        faults = (batch.get('errors') or {}).get('data') or []
        message = '; '.join(dict.fromkeys(say(fault.get('message') or fault.get('code')) for fault in faults)) or None
        if remote not in (*RUNNING, *ENDED, 'failed'):
            raise ProviderError('invalid_response', f'{self.host}: the state of batch {remote_id} is {say(remote)}')
        state = 'running' if remote in RUNNING else 'ended' if remote in ENDED else 'failed'
        done = (counts.get('completed') or 0) + (counts.get('failed') or 0)
        return BatchStatus(state, remote, done, counts.get('total') or 0, message)

    async def batch_results(self, remote_id: str) -> AsyncIterator[tuple[str, Answer | ProviderError]]:
        batch = await self.get(f'/batches/{remote_id}')
        for name in ('output_file_id', 'error_file_id'):  # either may be missing, even of a completed batch
            if batch.get(name):
                response = await self.reach(
                    lambda client, response, path=f'/files/{batch[name]}/content': client.get(path, cast_to=response))
                for line in json_lines(response.content):
                    yield line['custom_id'], self._outcome(line)

    def _outcome(self, line: dict[str, Any]) -> Answer | ProviderError:
        """What one line of results says: an answer, an error of the endpoint's, or that it was not run."""
        where, response = f'{self.host} (batch)', line.get('response')
        if not isinstance(response, dict):
            error = fault_of(line)
            if isinstance(error, dict) and str(error.get('code')).startswith('batch_'):
                return ProviderError('timeout', f'{where}: not run: {say(error.get("message") or error["code"])}')
            return from_error(error, where)
        body, status = response.get('body'), response.get('status_code')
        if status != 200:
            return from_status(status if isinstance(status, int) else 0, fault_of(body), where,
                               request_id=response.get('request_id'))
        try:
            return self.parse(body if isinstance(body, dict) else {})
        except ProviderError as error:
            return error.with_traceback(None)

    async def batch_cancel(self, remote_id: str) -> None:
        await self.post(f'/batches/{remote_id}/cancel', {})

    async def batch_cleanup(self, remote_id: str) -> None:
        batch = await self.get(f'/batches/{remote_id}')
        for name in ('input_file_id', 'output_file_id', 'error_file_id'):
            if batch.get(name):
                await self.delete(f'/files/{batch[name]}')

    async def _discard(self, file_id: str) -> None:
        """Delete the file of a batch that was not made; if that fails, it expires by itself."""
        try:
            await self.delete(f'/files/{file_id}')
        except ProviderError:
            return

    def _id(self, thing: dict[str, Any]) -> str:
        if not isinstance(thing.get('id'), str):
            raise ProviderError('invalid_response', f'{self.host} answered an object without an id')
        return thing['id']


def json_lines(data: bytes) -> list[dict[str, Any]]:
    """The lines that can be read and say whose they are; others count as missing.

    Example:
        >>> json_lines(b'{"custom_id": "a"}\\n{"custom_\\n[]\\n')
        [{'custom_id': 'a'}]
    """
    found = []
    for line in data.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get('custom_id'), str):
            found.append(value)
    return found
