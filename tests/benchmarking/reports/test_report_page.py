"""The HTML page: it stands alone, is well formed, and sorts."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

VOID = {'meta', 'img', 'wbr', 'br', 'link', 'input', 'hr'}


class Page(HTMLParser):
    """Tags in order; fails where one is closed that is not the last open one."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else '', data))


@pytest.fixture
def rows(row):
    return [row('a', 0.7, 0.8, group='g'), row('b', 0.8, group='g'), row('c', 0.9, selection='test')]


def test_every_tag_is_closed(reports, rows, reference):
    page = Page(reports(rows, [reference])['html'])
    assert page.open == [] and [tag for tag, _ in page.seen].count('table') >= 4


def test_nothing_is_loaded_from_elsewhere(reports, rows, reference):
    text = reports(rows, [reference])['html']
    page = Page(text)
    assert not {tag for tag, _ in page.seen} & {'link', 'iframe', 'object', 'embed', 'base'}
    addresses = [value for _, attrs in page.seen for key, value in attrs.items() if key in ('src', 'href')]
    assert all(value.startswith(('#', 'data:')) for value in addresses)
    assert not re.search(r'https?:|//\w+\.|@import|url\(', text)
    assert "default-src 'none'" in text


def test_names_are_escaped(reports, row):
    text = reports([row('<script>alert(1)</script>', config='"><img src=x>')], title='<b>&')['html']
    page = Page(text)
    assert [tag for tag, _ in page.seen].count('script') == 1 and 'img' not in {tag for tag, _ in page.seen}
    assert ('th', '<script>alert(1)<') not in page.texts and '&lt;script&gt;alert(1)&lt;' in text
    assert '<title>&lt;b&gt;&amp;</title>' in text


def test_numbers_carry_their_sort_key_and_undefined_ones_an_empty_one(reports, row):
    text = reports([row('a', 0.725, Pd=[None])])['html']
    assert '<td class="number" data-sort="72.5">72.50</td>' in text
    assert '<td class="number" data-sort="">–</td>' in text


def test_headings_say_which_direction_comes_first(reports, row):
    text = reports([row('a')])['html']
    assert '<th scope="col" data-first="descending" class="number">IoU, %</th>' in text
    assert '<th scope="col" data-first="ascending" class="number">Fa, 1e-6</th>' in text


def test_failed_rows_are_counted_and_explained(reports, row):
    text = reports([row('a'), row('IPI', failed='killed <9>')])['html']
    assert '2 rows, 1 of them failed' in text and 'failed: killed &lt;9&gt;' in text


def test_what_is_not_ranked_stands_in_a_body_of_its_own(reports, rows, reference):
    text = reports(rows, [reference])['html']
    first = text[text.index('<table'):text.index('</table>')]
    assert first.count('<tbody>') == 3 and first.index('>not ranked<') < first.index('>published, counted by others')


def test_protocol_rules_and_full_hashes_are_there(reports, row):
    text = reports([row('a')])['html']
    assert 'matching greedy, below 3.0' in text and 'e' * 64 in text


def test_light_and_dark_and_print_are_styled(reports, row):
    text = reports([row('a')])['html']
    assert '@media (prefers-color-scheme: dark)' in text and '@media print' in text


def test_a_click_sorts_in_a_browser(reports, row, tmp_path):
    browser = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    if browser is None:
        pytest.skip('no Chromium is installed')
    text = reports([row('a', 0.09), row('b', 0.8), row('c', 0.1), row('none', IoU=[None]),
                    row('t', 0.9, selection='test')])['html']
    probe = """<script>
      const table = document.querySelector('table'), heads = [...table.tHead.rows[0].cells];
      const names = () => [...table.tBodies[0].rows].map(row => row.cells[0].textContent).join('');
      const log = [names()];
      for (let click = 0; click < 2; click++) {
        heads[1].querySelector('button').click();
        log.push(names() + ' ' + heads[1].getAttribute('aria-sort'));
      }
      heads[0].querySelector('button').click();
      log.push(names() + ' ' + heads[1].getAttribute('aria-sort'));
      document.body.dataset.log = log.join(', ');
    </script></body>"""
    place = tmp_path / 'page.html'
    place.write_text(text.replace('</body>', probe))
    done = subprocess.run(
        [browser, '--headless', '--no-sandbox', '--disable-gpu', f'--user-data-dir={tmp_path / "profile"}',
         '--dump-dom', place.as_uri()], capture_output=True, text=True, timeout=300, check=False)
    if 'data-log' not in done.stdout and done.returncode:
        pytest.skip(f'Chromium does not run here: {done.stderr.strip().splitlines()[-1:]}')
    assert re.search(r'data-log="([^"]*)"', done.stdout).group(1) == (
        'abcnone, bcanone descending, acbnone ascending, abcnone null')
