"""The page in a process of its own, and a headless Chromium."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 300  # seconds, for a machine with much else to do
TABLE = '#targets [role=gridcell]'


class Served:
    """tools/app.py in a process of its own, at a free port, in a temporary folder of its own."""

    def __init__(self, repository: Path, folder: Path, *arguments: str) -> None:
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            self.port = free.getsockname()[1]
        self.log, self.folder = folder / 'log.txt', folder / 'temporary'
        self.folder.mkdir()
        environment = {**os.environ, 'TMPDIR': str(self.folder), 'IRSTD_CACHE_DIR': str(folder / 'cache'),
                       'no_proxy': '127.0.0.1'}
        with self.log.open('w') as log:
            self.process = subprocess.Popen(
                [sys.executable, str(repository / 'tools' / 'app.py'), *arguments, '--port', str(self.port), '--device',
                 'cpu'], stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder)

    @property
    def address(self) -> str:
        return f'http://127.0.0.1:{self.port}'

    def wait(self) -> 'Served':
        """Return when the port answers."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                pytest.fail(f'the page ended: {self.log.read_text()}')
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', self.port)) == 0 and 'The page is at' in self.log.read_text():
                    return self
            time.sleep(0.1)
        pytest.fail(f'no page at port {self.port}: {self.log.read_text()}')

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def status(self, path: str, data: bytes | None = None, **headers: str) -> int:
        request = urllib.request.Request(f'{self.address}{path}', data, headers)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


class Pages(dict[str, Served]):
    """The page of a model without weights, ``top_hat``, and of one that reads sentences, ``lgnet``: started when asked
    for, and known from then on, so that one that does not come up is ended too."""

    def __init__(self, start: dict[str, Callable[[], Served]]) -> None:
        super().__init__()
        self.start = start

    def __missing__(self, name: str) -> Served:
        self[name] = self.start[name]()
        return self[name].wait()


@pytest.fixture(scope='module')
def served(repository: Path, tmp_path_factory: pytest.TempPathFactory, top_hat: Path,
           lgnet: tuple[Path, Path]) -> Iterator[dict[str, Served]]:
    """See :class:`Pages`."""
    pages = Pages({
        'top_hat': lambda: Served(repository, tmp_path_factory.mktemp('top_hat'), str(top_hat)),
        'lgnet': lambda: Served(repository, tmp_path_factory.mktemp('lgnet'), *map(str, lgnet), '--cfg-options',
                                'model.target_descriptor.text=train_and_test')})
    yield pages
    for page in pages.values():
        if page.process.poll() is None:
            page.stop()


class Browser:
    """A headless Chromium in which every name but 127.0.0.1 is unknown."""

    def __init__(self, downloads: Path) -> None:
        webdriver = pytest.importorskip('selenium.webdriver', reason="selenium is not installed: pip install -e "
                                                                     "'.[app_test]'")
        from selenium.webdriver.chrome.service import Service
        chromium = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
        driver = shutil.which('chromedriver')
        if not chromium or not driver:
            pytest.skip('no Chromium with its driver here; Debian: apt-get install chromium chromium-driver')
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in ('headless=new', 'no-sandbox', 'disable-gpu', 'disable-dev-shm-usage', 'window-size=1280,1400',
                         'disable-background-networking', 'disable-component-update', 'no-first-run',
                         'host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'):
            options.add_argument(f'--{argument}')
        options.set_capability('goog:loggingPrefs', {'performance': 'ALL', 'browser': 'ALL'})
        options.add_experimental_option('prefs', {'download.default_directory': str(downloads)})
        self.driver, self.downloads = webdriver.Chrome(options, Service(driver)), downloads

    def open(self, page: Served) -> None:
        self.driver.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})
        self.driver.get(page.address)
        self.until(lambda: self.all('#run') and self.all('#image input[type=file]'))

    def until(self, happens: Callable[[], object]) -> object:
        """Wait until something is true, also while the page exchanges its elements."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait
        return WebDriverWait(self.driver, PATIENCE, 0.1, [StaleElementReferenceException]).until(lambda _: happens())

    def all(self, selector: str) -> list:
        return self.driver.find_elements('css selector', selector)

    def text(self, selector: str) -> str:
        return ' '.join(element.text for element in self.all(selector))

    def upload(self, place: str, path: Path) -> None:
        self.all(f'#{place} input[type=file]')[0].send_keys(str(path))

    def analysed(self, words: str) -> None:
        """Wait for a result whose summary holds ``words``, and for its table and pictures."""
        self.until(lambda: words in self.text('#notice') and self.all(TABLE) and self.all('#marked img'))

    def cells(self, columns: int) -> list[list[str]]:
        """What the table shows at present."""
        texts = [cell.text for cell in self.all(TABLE)]
        return [texts[start:start + columns] for start in range(0, len(texts), columns)]

    def set_threshold(self, value: str) -> None:
        number = self.all('#threshold input[type=number]')[0]
        number.clear()
        number.send_keys(value + '\ue007')


@pytest.fixture(scope='module')
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    started = Browser(tmp_path_factory.mktemp('downloads'))
    yield started
    started.driver.quit()


@pytest.fixture(scope='module')
def predict(tmp_path_factory: pytest.TempPathFactory, tool: Callable, top_hat: Path, lgnet: tuple[Path, Path],
            scene: tuple[Path, Path]) -> Callable[[str, str], dict]:
    """``predict('lgnet', '0.5')`` is what tools/predict.py writes for the scene."""
    def run(model: str, threshold: str) -> dict:
        out = tmp_path_factory.mktemp('predict')
        words = [str(top_hat), 'none'] if model == 'top_hat' else list(map(str, lgnet))
        tool('predict')([*words, str(scene[0]), '--out', str(out), '--threshold', threshold, '--device', 'cpu'])
        return json.loads((out / 'targets.json').read_text())
    return run
