"""A vendor of batches in a folder, which outlives the process that talks to it, and a data set's office that does."""

import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from irstd_toolbox.plugins import load_plugins
from irstd_toolbox.text_priors import build_provider, store
from irstd_toolbox.text_priors.vlm import batch
from irstd_toolbox.text_priors.vlm.audit import AuditLog
from irstd_toolbox.text_priors.vlm.batch_state import BatchState
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.prompts import Question
from irstd_toolbox.text_priors.vlm.session import run_dir
from irstd_toolbox.text_priors.vlm.types import (
    Answer,
    BatchLimits,
    BatchProvider,
    BatchStatus,
    PreparedImage,
    Prompt,
    ProviderError,
    Usage,
)


def prepared(image_id: str) -> PreparedImage:
    """An image of an id; ids that differ only after '=' are the same pixel for pixel."""
    return PreparedImage(image_id, f'png {image_id.partition("=")[0]}'.encode(), 8, 8)


def sentence(name: str) -> str:
    return f'The small target of {name} lies in the upper left.'


def good(name: str) -> Answer:
    return Answer(sentence(name), 'm', 'm-2026', 'stop', Usage(100, 10), 'request')


class Vendor(BatchProvider):
    """Keeps every batch as a file. What it says of an image are the lines ``replies[name]``, answers or failures."""

    batch_limits = BatchLimits(bytes=10**6, lines=3)

    def __init__(self, folder: Path) -> None:
        self.folder, self.model, self.endpoint = folder, 'm', 'here'
        folder.mkdir(parents=True, exist_ok=True)
        self.replies: dict[str, list[Answer | ProviderError]] = {}
        self.state, self.reverse, self.hidden = BatchStatus('ended', 'completed'), False, 0
        self.strays: list[tuple[str, Answer | ProviderError]] = []
        self.faults: dict[str, list[Exception | None]] = {}
        self.calls: list[str] = []
        self.event: Callable[[str], None] = lambda name: None

    @property
    def batches(self) -> list[dict[str, Any]]:
        """What was made, in order, ever."""
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob('*.json'))]

    @property
    def paid(self) -> list[str]:
        """Names of images, once a time that they were sent."""
        return [name for batch in self.batches for name in batch['names']]

    async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
        raise AssertionError('nobody asks online here')

    def identity(self) -> dict[str, Any]:
        return {'provider': 'fake', 'endpoint': self.endpoint, 'model': self.model}

    def batch_line(self, custom_id: str, image: PreparedImage, prompt: Prompt) -> dict[str, Any]:
        return {'custom_id': custom_id, 'png': base64.b64encode(image.png).decode(), 'task': prompt.task}

    def _do(self, name: str) -> None:
        self.calls.append(name)
        fault = self.faults[name].pop(0) if self.faults.get(name) else None
        if fault:
            raise fault

    async def check(self) -> None:
        self._do('check')

    async def batch_submit(self, lines: Sequence[dict[str, Any]], label: str) -> str:
        self._do('submit')
        self.event('before create')
        number = len(self.batches)
        names = [base64.b64decode(line['png']).decode().removeprefix('png ') for line in lines]
        custom_ids = [line['custom_id'] for line in lines]
        path = self.folder / f'{number:03d}.json'
        path.write_text(json.dumps({'label': label, 'names': names, 'custom_ids': custom_ids}))
        self.event('after create')
        self._do('answer of submit')
        return f'remote-{number:03d}'

    async def batch_find(self, label: str, known: Sequence[str] = ()) -> str | None:
        self._do('find')
        self.hidden -= 1
        found = [number for number, batch in enumerate(self.batches) if batch['label'] == label]
        return f'remote-{found[0]:03d}' if found and self.hidden < 0 else None

    async def batch_status(self, remote_id: str) -> BatchStatus:
        self._do('status')
        return self.state

    async def batch_results(self, remote_id: str) -> AsyncIterator[tuple[str, Answer | ProviderError]]:
        self._do('results')
        batch = self.batches[int(remote_id.removeprefix('remote-'))]
        lines = [(custom_id, reply) for custom_id, name in zip(batch['custom_ids'], batch['names'], strict=True)
                 for reply in self.replies.get(name, [good(name)])] + self.strays
        for line in reversed(lines) if self.reverse else lines:
            self._do('line')
            self.event('line')
            yield line

    async def batch_cancel(self, remote_id: str) -> None:
        self._do('cancel')
        self.state = BatchStatus('ended', 'cancelled')

    async def batch_cleanup(self, remote_id: str) -> None:
        self._do('cleanup')


class Office:
    """A data set and its batches; every verb works as a process of its own would, from what is on disk."""

    def __init__(self, root: Path, vendor: BatchProvider, name: str = 'descriptions') -> None:
        self.vendor, self.descriptions = vendor, root / name
        self.folder = run_dir(self.descriptions)
        self.limits, self.question, self.prepare = Limits(first_delay=0.0), Question(), prepared
        self.grace = 0.0
        self.advanced: list[tuple[str, str]] = []

    def do(self, verb: str, **kwargs: Any) -> Any:
        return getattr(batch, verb)(
            folder=self.descriptions, provider=self.vendor, limits=self.limits, grace=self.grace, **kwargs)

    def submit(self, ids: Iterable[str], **kwargs: Any) -> Any:
        return self.do('submit', ids=ids, prepare=self.prepare, question=self.question,
                       advance=lambda image_id, outcome: self.advanced.append((image_id, outcome)), **kwargs)

    def ingest(self) -> Any:
        return self.do('ingest')

    @property
    def texts(self) -> dict[str, str]:
        return {path.name.removesuffix('.description.txt'): path.read_text().strip()
                for path in self.descriptions.glob('*.txt')} if self.descriptions.is_dir() else {}

    def write(self, image_id: str, text: str) -> None:
        store.write_description(self.descriptions, image_id, text, overwrite=True)

    @property
    def shards(self) -> list[Any]:
        return BatchState(self.folder).shards

    def events(self, *names: str) -> list[dict[str, Any]]:
        return [event for event in AuditLog(self.folder / 'audit.jsonl').read() if not names or event['event'] in names]


def draw(image_id: str) -> PreparedImage:
    return prepare_array(np.random.default_rng(int(image_id[3:])).integers(0, 256, (12, 16)).astype(float), image_id)


def vendor_options(vendor: str, server: Any) -> tuple[str, dict[str, Any]]:
    if vendor == 'anthropic':
        return 'anthropic', {'model': 'claude-test', 'base_url': server.url_anthropic, 'timeout': 2.0}
    return 'openai', {'model': 'gpt-6-test', 'base_url': server.url_openai, 'timeout': 2.0, 'api': vendor}


class Bench:
    """Images XDU0 to XDU8, a provider of one dialect, and a server."""

    def __init__(self, vendor: str, server: Any, folder: Path) -> None:
        load_plugins()
        self.server, self.vendor = server, vendor
        self.office = Office(folder, build_provider(*vendor_options(vendor, server)))
        self.office.prepare = draw
        self.ids = {draw(image_id).sha256: image_id for image_id in (f'XDU{number}' for number in range(9))}
        server.say = lambda record: f'The small target of {self.ids[record.image.sha256]} lies in the upper left.'

    def on(self, **faults: str) -> None:
        """Have faults happen to the lines of images."""
        self.server.script(lambda record: faults.get(self.ids[record.image.sha256]), at='batch_line')

    def kinds(self, kind: str) -> int:
        return sum(record.kind == kind for record in self.server.requests)

    def paid(self) -> dict[str, int]:
        """How often each image was answered for."""
        return Counter(self.ids[sha256] for sha256 in self.server.billed)

    def right(self, ids: list[str]) -> bool:
        """Whether exactly ``ids`` are described, each by what the server says of its own image."""
        return self.office.texts == {
            image_id: f'The small target of {image_id} lies in the upper left.' for image_id in ids}


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests survive a kill, not a power cut."""
    monkeypatch.setattr('os.fsync', lambda descriptor: None)


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    return Vendor(tmp_path / 'vendor')


@pytest.fixture
def office(tmp_path: Path, vendor: Vendor) -> Office:
    return Office(tmp_path / 'data', vendor)


@pytest.fixture
def made() -> SimpleNamespace:
    """What tests make things with: they cannot import this file."""
    return SimpleNamespace(sentence=sentence, good=good, image=prepared, Office=Office, Vendor=Vendor, Bench=Bench,
                           draw=draw, vendor_options=vendor_options)
