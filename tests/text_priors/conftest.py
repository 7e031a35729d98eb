"""A loopback server in place of the vendors, and a guard that lets nothing reach anybody else."""

import asyncio
import importlib.util
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

SERVER = Path(__file__).parents[1] / 'vlm_server' / 'server.py'
CANARY = 'sk-canary-7f3d2b9e6a51c084'


def load_server_module() -> ModuleType:
    """``tests/vlm_server/server.py``, which is no package, imported once."""
    if 'vlm_server' not in sys.modules:
        spec = importlib.util.spec_from_file_location('vlm_server', SERVER)
        sys.modules['vlm_server'] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules['vlm_server'])
    return sys.modules['vlm_server']


@pytest.fixture
def vlm_server() -> Iterator[object]:
    """A running server: ``.url_openai``, ``.url_anthropic``, ``.script(faults, at='ask')``, ``.requests``."""
    with load_server_module().VLMServer() as server:
        yield server


@pytest.fixture
def vlm_server_file() -> Path:
    """The server as a program, for what must live in another process."""
    return SERVER


@pytest.fixture
def key_canary() -> str:
    """The key that ``api_keys`` puts into the environment; it must turn up nowhere but in requests."""
    return CANARY


@pytest.fixture(autouse=True)
def api_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine's own reaches a test; both vendors' keys are the canary."""
    for name in list(os.environ):
        if name.startswith(('OPENAI_', 'ANTHROPIC_')) or name.lower().endswith('_proxy'):
            monkeypatch.delenv(name)
    monkeypatch.setenv('OPENAI_API_KEY', CANARY)
    monkeypatch.setenv('ANTHROPIC_API_KEY', CANARY)
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections to any other machine fail, whoever opens them in this process."""
    def guard(real: Callable) -> Callable:
        def connect(self: socket.socket, address: object) -> object:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0]).is_loopback:
                raise ConnectionRefusedError(f'tests reach no other machine: {address[0]}')
            return real(self, address)
        return connect
    monkeypatch.setattr(socket.socket, 'connect', guard(socket.socket.connect))
    monkeypatch.setattr(socket.socket, 'connect_ex', guard(socket.socket.connect_ex))


@pytest.fixture(scope='module')
def tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    """``tools/annotate.py``."""
    return load_tool('annotate')


@pytest.fixture
def infrared() -> Callable[..., np.ndarray]:
    """Make an image (H, W) of levels 0..255, uint8, that a seed decides; a 3x3 target in it."""
    def make(seed: int = 0, shape: tuple[int, int] = (48, 64)) -> np.ndarray:
        rng = np.random.default_rng(seed)
        image = rng.integers(20, 90, shape, dtype=np.uint8)
        row, col = rng.integers(3, shape[0] - 6), rng.integers(3, shape[1] - 6)
        image[row:row + 3, col:col + 3] = 230
        return image
    return make


KINDS = {
    'openai': dict(model='gpt-6-test'),
    'openai_chat': dict(model='gpt-4o-test', api='chat'),
    'openai_compatible': dict(model='local-test'),
    'anthropic': dict(model='claude-test'),
}


@pytest.fixture
def make_provider(vlm_server: object) -> Callable[..., object]:
    """A provider that asks the server, by its name ('openai_chat' is openai by its other way); options override."""
    from irstd_toolbox.text_priors.providers.anthropic import AnthropicProvider
    from irstd_toolbox.text_priors.providers.openai import CompatibleProvider, OpenAIProvider
    classes = {'openai': OpenAIProvider, 'openai_chat': OpenAIProvider, 'openai_compatible': CompatibleProvider,
               'anthropic': AnthropicProvider}

    def make(name: str, **options: object) -> object:
        url = vlm_server.url_anthropic if name == 'anthropic' else vlm_server.url_openai
        return classes[name](**{'base_url': url, **KINDS[name], **options})
    return make


@pytest.fixture
def prepared(infrared: Callable[..., np.ndarray]) -> Callable[..., object]:
    """An image as it goes out, that a seed decides."""
    from irstd_toolbox.text_priors.vlm.images import prepare_array

    def make(seed: int = 0, shape: tuple[int, int] = (48, 64)) -> object:
        return prepare_array(infrared(seed, shape).astype(np.float32), f'image_{seed}')
    return make


@pytest.fixture
def ask(prepared: Callable[..., object]) -> Callable[..., object]:
    """Ask a provider once and close it; an image and the paper's prompt unless others are given."""
    from irstd_toolbox.text_priors.vlm.prompts import render

    def once(provider: object, prompt: object = None, image: object = None) -> object:
        async def run() -> object:
            try:
                return await provider.ask(image or prepared(), prompt or render('system'))
            finally:
                await provider.close()
        return asyncio.run(run())
    return once


@pytest.fixture
def data_root(tmp_path: Path, infrared: Callable) -> Path:
    """Four training images, XDU0 to XDU3, and two of test, XDU4 and XDU5, with masks and without descriptions."""
    root, ids = tmp_path / 'data', [f'XDU{number}' for number in range(6)]
    for name in ('images', 'masks'):
        (root / name).mkdir(parents=True)
    for number, image_id in enumerate(ids):
        image = infrared(number)
        Image.fromarray(image).save(root / 'images' / f'{image_id}.png')
        Image.fromarray((image == 230).astype(np.uint8) * 255).save(root / 'masks' / f'{image_id}.png')
    (root / 'trainval.txt').write_text('\n'.join(ids[:4]))
    (root / 'test.txt').write_text('\n'.join(ids[4:]))
    return root


@pytest.fixture
def texts(data_root: Path) -> Callable[[], dict[str, str]]:
    """The descriptions that are written by now, by id."""
    return lambda: {path.name.removesuffix('.description.txt'): path.read_text()
                    for path in (data_root / 'descriptions').glob('*.txt')}
