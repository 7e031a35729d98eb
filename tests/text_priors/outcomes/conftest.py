"""Runs of a provider that is scripted."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from irstd_toolbox.text_priors.vlm import session
from irstd_toolbox.text_priors.vlm.annotate import annotate
from irstd_toolbox.text_priors.vlm.images import prepare_array
from irstd_toolbox.text_priors.vlm.pace import Limits
from irstd_toolbox.text_priors.vlm.types import (
    Answer,
    PreparedImage,
    Prompt,
    ProviderError,
    Usage,
    VisionLanguageProvider,
)

IDS = [f'XDU{number}' for number in range(6)]


def _words(image_id: str) -> str:
    return f'The small target of {image_id} is at the left.'


class _Fake(VisionLanguageProvider):
    """Answers by ``script(image_id, n)``: an answer, an error to raise, or None for a good answer; n counts from 0."""

    remote = False

    def __init__(self, script: Callable[[str, int], Any] = lambda image_id, n: None, seconds: float = 0.0,
                 model: str = 'fake') -> None:
        self.script, self.seconds, self.model = script, seconds, model
        self.asked: list[str] = []
        self.times: list[float] = []
        self.now = self.most = self.checks = self.closed = 0

    def identity(self) -> dict[str, Any]:
        return {'provider': 'fake', 'model': self.model}

    async def check(self) -> None:
        self.checks += 1
        if isinstance(problem := self.script('check', 0), Exception):
            raise problem

    async def close(self) -> None:
        self.closed += 1

    async def ask(self, image: PreparedImage, prompt: Prompt) -> Answer:
        count = self.asked.count(image.image_id)
        self.asked.append(image.image_id)
        self.times.append(time.monotonic())
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
            said = self.script(image.image_id, count)
        finally:
            self.now -= 1
        if isinstance(said, BaseException):
            raise said
        return said or Answer(_words(image.image_id), self.model, f'{self.model}-1', 'stop', Usage(100, 20))


def _prepare(image_id: str) -> PreparedImage:
    pixels = np.frombuffer(hashlib.sha256(image_id.encode()).digest()[:16], np.uint8)
    return prepare_array(pixels.reshape(4, 4), image_id)


@pytest.fixture
def image_ids() -> list[str]:
    """The images of a run, unless others are given."""
    return list(IDS)


@pytest.fixture
def fake() -> type[_Fake]:
    """The class of the provider, to be called with a script or derived from."""
    return _Fake


@pytest.fixture
def words() -> Callable[[str], str]:
    """What it answers about an image."""
    return _words


@pytest.fixture
def prepare() -> Callable[[str], PreparedImage]:
    """An image of 4x4 pixels, that its id decides."""
    return _prepare


@pytest.fixture
def failing() -> Callable[..., Callable[[str, int], Any]]:
    """A script: the first ``times`` requests about each image, or ``only`` one, raise an error of a kind."""
    def make(kind: str, times: int = 1, only: str | None = None, **more: Any) -> Callable[[str, int], Any]:
        def script(image_id: str, n: int) -> Any:
            return ProviderError(kind, 'so scripted', **more) if n < times and only in (None, image_id) else None
        return script
    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the descriptions."""
    return tmp_path / 'data' / 'descriptions'


@pytest.fixture
def run(folder: Path) -> Callable:
    """Run a provider over images; ``limits`` replaces some of them."""
    def start(provider: _Fake, ids: list[str] = IDS, **options: Any) -> Any:
        limits = Limits(**{'concurrency': 3, 'first_delay': 0.01} | options.pop('limits', {}))
        return annotate(ids, folder, provider, options.pop('prepare', _prepare), limits=limits, **options)
    return start


@pytest.fixture
def texts(folder: Path) -> Callable[[], dict[str, str]]:
    """The descriptions that are written by now, by id."""
    return lambda: {path.name.removesuffix('.description.txt'): path.read_text() for path in folder.glob('*.txt')}


@pytest.fixture
def all_written(texts: Callable[[], dict[str, str]]) -> Callable[..., bool]:
    """Whether the images, and no others, have the descriptions that the provider gives."""
    return lambda ids=IDS: texts() == {image_id: _words(image_id) + '\n' for image_id in ids}


@pytest.fixture
def events(folder: Path) -> Callable[[str], list[dict]]:
    """The events of a name in the audit log."""
    def read(name: str) -> list[dict]:
        lines = (session.run_dir(folder) / 'audit.jsonl').read_text().splitlines()
        return [event for event in map(json.loads, lines) if event['event'] == name]
    return read
