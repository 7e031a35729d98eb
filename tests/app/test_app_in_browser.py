"""The page as it is served, and as a headless Chromium shows it."""

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
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

pytest.importorskip('gradio', reason="gradio is not installed: pip install -e '.[app]'")

PATIENCE = 120  # seconds, for a machine with much else to do
TABLE = '#targets [role=gridcell]'
ALERT = '#notice [role=alert]'


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


@pytest.fixture(scope='module')
def served(repository: Path, tmp_path_factory: pytest.TempPathFactory, top_hat: Path,
           lgnet: tuple[Path, Path]) -> Iterator[dict[str, Served]]:
    """The pages of a model without weights, and of one that reads sentences."""
    pages = {
        'top_hat': Served(repository, tmp_path_factory.mktemp('top_hat'), str(top_hat)),
        'lgnet': Served(repository, tmp_path_factory.mktemp('lgnet'), *map(str, lgnet), '--cfg-options',
                        'model.target_descriptor.text=train_and_test')}
    yield {name: page.wait() for name, page in pages.items()}
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


def _expected(document: dict) -> list[list[str]]:
    """The table of a document but for numbers and means: row, column, area, peak, box."""
    def text(value: float) -> str:
        return f'{value:g}' if value == int(value) else str(value)
    return [[text(round(target['centroid'][1], 2)), text(round(target['centroid'][0], 2)), str(target['area']),
             text(round(target['score'], 4)), ', '.join(map(str, target['box']))]
            for target in document['images'][0]['targets']]


def _shown(browser: Browser, columns: int = 7) -> list[list[str]]:
    return [row[1:5] + [row[6]] for row in browser.cells(columns)]


@pytest.mark.parametrize('path', ['/etc/passwd', 'log.txt', '{repository}/setup.py', '../../../../etc/passwd',
                                  'https://127.0.0.1/'])
def test_no_file_of_the_server_can_be_read(served: dict[str, Served], repository: Path, path: str) -> None:
    assert served['top_hat'].status(f'/gradio_api/file={path.format(repository=repository)}') == 403


def test_an_upload_above_the_limit_is_refused(served: dict[str, Served]) -> None:
    body = (b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + bytes(2 ** 26 + 1)
            + b'\r\n--x--\r\n')
    assert served['top_hat'].status('/gradio_api/upload', body,
                                    **{'Content-Type': 'multipart/form-data; boundary=x'}) == 413


def test_the_page_listens_on_this_machine_alone(served: dict[str, Served]) -> None:
    listening = {line.split()[1] for line in Path('/proc/net/tcp').read_text().splitlines()[1:]
                 if line.split()[3] == '0A'}
    port = f'{served["top_hat"].port:04X}'
    assert {place.split(':')[0] for place in listening if place.endswith(f':{port}')} == {'0100007F'}


@pytest.mark.parametrize('model', ['top_hat', 'lgnet'])
def test_the_table_is_that_of_predict(served: dict[str, Served], browser: Browser, predict: Callable,
                                      scene: tuple[Path, Path], model: str, tmp_path: Path) -> None:
    browser.open(served[model])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5 in sea.png')
    expected = _expected(predict(model, '0.5'))
    assert expected
    browser.until(lambda: _shown(browser)[:3] == expected[:3])
    assert f'{len(expected)} target' in browser.text('#notice')
    browser.driver.save_screenshot(str(tmp_path / f'{model}.png'))


def test_another_threshold_changes_the_table(served: dict[str, Served], browser: Browser, predict: Callable,
                                             scene: tuple[Path, Path]) -> None:
    browser.open(served['top_hat'])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5 in sea.png')
    browser.set_threshold('0.65')
    browser.analysed('above 0.65 in sea.png')
    expected = _expected(predict('top_hat', '0.65'))
    assert expected != _expected(predict('top_hat', '0.5'))
    browser.until(lambda: _shown(browser) == expected)


def test_the_table_can_be_sorted(served: dict[str, Served], browser: Browser, scene: tuple[Path, Path]) -> None:
    browser.open(served['top_hat'])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5')
    areas = [int(row[2]) for row in _shown(browser)]
    assert areas != sorted(areas, reverse=True)
    browser.all('#targets [data-heading="3"] .cell-menu-button')[0].click()
    browser.until(lambda: [item for item in browser.all('[role=menuitem]') if 'descending' in item.text])[0].click()
    browser.until(lambda: [int(row[2]) for row in _shown(browser)] == sorted(areas, reverse=True))


def test_a_mask_brings_verdicts_and_metrics(served: dict[str, Served], browser: Browser,
                                            scene: tuple[Path, Path]) -> None:
    browser.open(served['top_hat'])
    browser.upload('mask', scene[1])
    browser.until(lambda: browser.text('#mask .file-name, #mask [class*=filename]'))
    browser.upload('image', scene[0])
    browser.analysed('of 2 targets)')
    browser.until(lambda: {row[7] for row in browser.cells(8)} <= {'hit', 'false alarm'} and browser.cells(8))
    assert browser.all('#difference img')


def test_a_broken_file_is_a_message(served: dict[str, Served], browser: Browser, tmp_path: Path) -> None:
    (tmp_path / 'broken.png').write_bytes(b'\x89PNG\r\n\x1a\n1234')
    browser.open(served['top_hat'])
    browser.upload('image', tmp_path / 'broken.png')
    browser.until(lambda: browser.all(ALERT))
    said = browser.text(ALERT)
    assert said.startswith('broken.png: cannot be decoded')
    assert 'Traceback' not in browser.driver.page_source
    assert not any(picture.is_displayed() for picture in browser.all('#marked'))


def test_a_mask_of_another_size_is_a_message(served: dict[str, Served], browser: Browser, scene: tuple[Path, Path],
                                             tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'other.png'), np.zeros((5, 4), np.uint8))
    browser.open(served['top_hat'])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5')
    browser.upload('mask', tmp_path / 'other.png')
    browser.until(lambda: 'other.png: the mask is 4x5, the image 96x72' in browser.text(ALERT))


def test_no_image_is_a_message(served: dict[str, Served], browser: Browser) -> None:
    browser.open(served['top_hat'])
    browser.all('#run')[0].click()
    browser.until(lambda: 'There is no image yet' in browser.text(ALERT))


def test_a_sentence_too_long_is_a_message(served: dict[str, Served], browser: Browser,
                                          scene: tuple[Path, Path]) -> None:
    browser.open(served['lgnet'])
    assert 'the ground truth leaks' in browser.text('#sentence')
    browser.all('#sentence textarea')[0].send_keys('target ' * 90)
    browser.upload('image', scene[0])
    browser.until(lambda: 'The sentence has 92 tokens; the encoder reads 77' in browser.text(ALERT))


def test_a_sentence_is_asked_for_only_where_it_is_read(served: dict[str, Served], browser: Browser) -> None:
    browser.open(served['top_hat'])
    assert not browser.all('#sentence textarea')


def test_a_synthetic_scene_is_a_click_away(served: dict[str, Served], browser: Browser) -> None:
    browser.open(served['top_hat'])
    next(button for button in browser.all('button') if 'sea scene' in button.text).click()
    browser.analysed('synthetic_sea_1.png')
    assert 'Pd' in browser.text('#notice')


def test_the_table_is_downloaded_as_predict_writes_it(served: dict[str, Served], browser: Browser, predict: Callable,
                                                      scene: tuple[Path, Path]) -> None:
    browser.open(served['top_hat'])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5')
    browser.all('#download-json')[0].click()
    file = browser.downloads / 'sea_targets.json'
    browser.until(file.is_file)
    assert json.loads(file.read_text()) == predict('top_hat', '0.5')


def test_a_narrow_screen_needs_no_scrolling_sideways(served: dict[str, Served], browser: Browser,
                                                     scene: tuple[Path, Path], tmp_path: Path) -> None:
    browser.open(served['top_hat'])
    browser.driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', dict(
        width=360, height=2600, deviceScaleFactor=1, mobile=True))
    browser.upload('image', scene[0])
    browser.analysed('above 0.5')
    assert browser.driver.execute_script('return document.documentElement.scrollWidth') == 360
    browser.until(lambda: all(picture.rect['width'] > 250 for picture in browser.all('.picture img')))  # loaded
    assert all(picture.rect['x'] + picture.rect['width'] <= 360 for picture in browser.all('.picture img'))
    browser.driver.save_screenshot(str(tmp_path / 'narrow.png'))


def test_fields_and_pictures_have_names_for_screen_readers(served: dict[str, Served], browser: Browser,
                                                           scene: tuple[Path, Path]) -> None:
    browser.open(served['lgnet'])
    browser.until(lambda: browser.all('#image [aria-label^="Image"]') and browser.all('#mask [aria-label^="Ground"]'))
    browser.upload('image', scene[0])
    browser.analysed('above 0.5')
    nameless = browser.driver.execute_script('''
        return [...document.querySelectorAll('input:not([type=file]), textarea, button, img')].filter(e =>
            e.offsetParent && !e.ariaLabel && !e.alt && !e.title && !e.innerText && !(e.labels && e.labels.length)
            && !e.querySelector('img[alt]')).map(e => e.outerHTML.slice(0, 200))''')
    assert nameless == []
    assert browser.all('#marked img')[0].get_attribute('alt').startswith('sea.png, ')


def test_no_request_left_this_machine_and_the_console_has_no_error(served: dict[str, Served], browser: Browser,
                                                               scene: tuple[Path, Path]) -> None:
    for page in served.values():
        browser.open(page)
        browser.upload('image', scene[0])
        browser.analysed('above 0.5')
    asked = [json.loads(entry['message'])['message'] for entry in browser.driver.get_log('performance')]
    urls = {entry['params']['request']['url'] for entry in asked if entry['method'] == 'Network.requestWillBeSent'}
    assert {urlsplit(url).hostname for url in urls if urlsplit(url).scheme not in ('data', 'blob', 'chrome')} == {
        '127.0.0.1'}
    assert [entry for entry in browser.driver.get_log('browser') if entry['level'] == 'SEVERE'] == []


def test_a_page_that_ends_leaves_no_file(served: dict[str, Served]) -> None:
    assert served['top_hat'].stop() == 0
    assert list(served['top_hat'].folder.glob('irstd_app_*')) == []
