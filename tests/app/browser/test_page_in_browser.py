"""The page as a headless Chromium shows it."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

pytest.importorskip('gradio', reason="gradio is not installed: pip install -e '.[app]'")

ALERT = '#notice [role=alert]'


def _expected(document: dict) -> list[list[str]]:
    """The table of a document but for numbers and means: row, column, area, peak, box."""
    def text(value: float) -> str:
        return f'{value:g}' if value == int(value) else str(value)
    return [[text(round(target['centroid'][1], 2)), text(round(target['centroid'][0], 2)), str(target['area']),
             text(round(target['score'], 4)), ', '.join(map(str, target['box']))]
            for target in document['images'][0]['targets']]


def _shown(browser: object, columns: int = 7) -> list[list[str]]:
    return [row[1:5] + [row[6]] for row in browser.cells(columns)]


@pytest.mark.parametrize('model', ['top_hat', 'lgnet'])
def test_the_table_is_that_of_predict(served: dict, browser: object, predict: Callable,
                                      scene: tuple[Path, Path], model: str, tmp_path: Path) -> None:
    browser.open(served[model])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5 in sea.png')
    expected = _expected(predict(model, '0.5'))
    assert expected
    browser.until(lambda: _shown(browser)[:3] == expected[:3])
    assert f'{len(expected)} target' in browser.text('#notice')
    browser.driver.save_screenshot(str(tmp_path / f'{model}.png'))


def test_another_threshold_changes_the_table(served: dict, browser: object, predict: Callable,
                                             scene: tuple[Path, Path]) -> None:
    browser.open(served['top_hat'])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5 in sea.png')
    browser.set_threshold('0.65')
    browser.analysed('above 0.65 in sea.png')
    expected = _expected(predict('top_hat', '0.65'))
    assert expected != _expected(predict('top_hat', '0.5'))
    browser.until(lambda: _shown(browser) == expected)


def test_the_table_can_be_sorted(served: dict, browser: object, scene: tuple[Path, Path]) -> None:
    browser.open(served['top_hat'])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5')
    areas = [int(row[2]) for row in _shown(browser)]
    assert areas != sorted(areas)
    browser.all('#targets [data-heading="3"] .cell-menu-button')[0].click()
    browser.until(lambda: [item for item in browser.all('[role=menuitem]') if 'ascending' in item.text])[0].click()
    browser.until(lambda: [int(row[2]) for row in _shown(browser)] == sorted(areas))


def test_a_mask_brings_verdicts_and_metrics(served: dict, browser: object,
                                            scene: tuple[Path, Path]) -> None:
    browser.open(served['top_hat'])
    browser.upload('mask', scene[1])
    browser.until(lambda: browser.text('#mask .file-name, #mask [class*=filename]'))
    browser.upload('image', scene[0])
    browser.analysed('of 2 targets)')
    browser.until(lambda: {row[7] for row in browser.cells(8)} <= {'hit', 'false alarm'} and browser.cells(8))
    assert browser.all('#difference img')


def test_a_broken_file_is_a_message(served: dict, browser: object, tmp_path: Path) -> None:
    (tmp_path / 'broken.png').write_bytes(b'\x89PNG\r\n\x1a\n1234')
    browser.open(served['top_hat'])
    browser.upload('image', tmp_path / 'broken.png')
    browser.until(lambda: browser.all(ALERT))
    said = browser.text(ALERT)
    assert said.startswith('broken.png: cannot be decoded')
    assert 'Traceback' not in browser.driver.page_source
    assert not any(picture.is_displayed() for picture in browser.all('#marked'))


def test_a_mask_of_another_size_is_a_message(served: dict, browser: object, scene: tuple[Path, Path],
                                             tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'other.png'), np.zeros((5, 4), np.uint8))
    browser.open(served['top_hat'])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5')
    browser.upload('mask', tmp_path / 'other.png')
    browser.until(lambda: 'other.png: the mask is 4x5, the image 96x72' in browser.text(ALERT))


def test_no_image_is_a_message(served: dict, browser: object) -> None:
    browser.open(served['top_hat'])
    browser.all('#run')[0].click()
    browser.until(lambda: 'There is no image yet' in browser.text(ALERT))


def test_a_sentence_too_long_is_a_message(served: dict, browser: object,
                                          scene: tuple[Path, Path]) -> None:
    browser.open(served['lgnet'])
    assert 'the ground truth leaks' in browser.text('#sentence')
    browser.all('#sentence textarea')[0].send_keys('target ' * 90)
    browser.upload('image', scene[0])
    browser.until(lambda: 'The sentence has 92 tokens; the encoder reads 77' in browser.text(ALERT))


def test_a_sentence_is_asked_for_only_where_it_is_read(served: dict, browser: object) -> None:
    browser.open(served['top_hat'])
    assert not browser.all('#sentence textarea')


def test_a_synthetic_scene_is_a_click_away(served: dict, browser: object) -> None:
    browser.open(served['top_hat'])
    next(button for button in browser.all('button') if 'sea scene' in button.text).click()
    browser.analysed('synthetic_sea_1.png')
    assert 'Pd' in browser.text('#notice')


def test_the_table_is_downloaded_as_predict_writes_it(served: dict, browser: object, predict: Callable,
                                                      scene: tuple[Path, Path]) -> None:
    browser.open(served['top_hat'])
    browser.upload('image', scene[0])
    browser.analysed('above 0.5')
    browser.all('#download-json')[0].click()
    file = browser.downloads / 'sea_targets.json'
    browser.until(file.is_file)
    assert json.loads(file.read_text()) == predict('top_hat', '0.5')


def test_a_narrow_screen_needs_no_scrolling_sideways(served: dict, browser: object,
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


def test_fields_and_pictures_have_names_for_screen_readers(served: dict, browser: object,
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


def test_no_request_left_this_machine_and_the_console_has_no_error(served: dict, browser: object,
                                                               scene: tuple[Path, Path]) -> None:
    for page in (served['top_hat'], served['lgnet']):
        browser.open(page)
        browser.upload('image', scene[0])
        browser.analysed('above 0.5')
    asked = [json.loads(entry['message'])['message'] for entry in browser.driver.get_log('performance')]
    urls = {entry['params']['request']['url'] for entry in asked if entry['method'] == 'Network.requestWillBeSent'}
    assert {urlsplit(url).hostname for url in urls if urlsplit(url).scheme not in ('data', 'blob', 'chrome')} == {
        '127.0.0.1'}
    assert [entry for entry in browser.driver.get_log('browser') if entry['level'] == 'SEVERE'] == []
