"""What a Markdown document takes over of a benchmark: tables, the command, and curves as files beside it."""

import re

import pytest
from PIL import Image

from irstd_toolbox.benchmarking.reports import pictures, write_reports
from irstd_toolbox.errors import DataError

CURVES = ['gpu--1--pd_over_fa.png', 'gpu--2--roc_of_pixels.png', 'gpu--3--precision_over_recall_of_pixels.png']


@pytest.fixture
def document(tmp_path):
    path = tmp_path / 'docs' / 'results.md'
    path.parent.mkdir()
    path.write_text('before\n<!-- gpu -->\nfigures of yesterday\n<!-- /gpu -->\nafter\n')
    return path


@pytest.fixture(autouse=True)
def no_panels(monkeypatch):
    """Which are the page's alone, and slow."""
    monkeypatch.setattr(pictures, 'PANELS', 0)


def test_a_section_has_the_command_and_the_tables_but_no_paths_and_no_runs(write, row, document):
    folder = write([row('a', data_root='/secret/data', folders=['runs/secret'])])
    assert write_reports(folder, document=document, section='gpu')[-1] == document
    text = document.read_text()
    assert 'secret' not in text and 'How each row came about' not in text and 'yesterday' not in text
    assert '```bash\npython tools/benchmark.py suite.py\n```' in text
    assert '### IRSTD-1k, test list, protocol canonical' in text and '| a | 70.00 |' in text
    assert 'Not drawn, for the reasons in report.html: 1.' in text and '![' not in text
    assert text.startswith('before\n') and text.endswith('<!-- /gpu -->\nafter\n')


def test_curves_lie_beside_the_document_and_are_linked(write, predicted, document):
    written = write_reports(write(predicted), document=document, section='gpu')
    linked = re.findall(r'!\[([^]]+)\]\(([^)]+)\)', document.read_text())
    assert [name for _, name in linked] == [f'images/{name}' for name in CURVES]
    assert linked[0][0] == 'Pd over Fa' and '### Curves: tiny, test list' in document.read_text()
    assert written[-3:] == [document.parent / name for _, name in linked]
    for path in written[-3:]:
        with Image.open(path) as picture:
            assert picture.width == 900 and len(picture.convert('RGB').getcolors(10 ** 6)) > 10
    assert 'Lines are of the first seed of each method, protocol canonical.' in document.read_text()


def test_a_link_to_a_section_of_two_words_has_no_space(write, predicted, document):
    document.write_text(document.read_text().replace('gpu -->', 'my gpu -->'))
    write_reports(write(predicted), document=document, section='my gpu')
    assert f'](images/my%20{CURVES[0]})' in document.read_text()
    assert (document.parent / 'images' / f'my {CURVES[0]}').exists()


def test_the_same_again_changes_nothing(write, predicted, document):
    folder, files = write(predicted), (document, *(document.parent / 'images' / name for name in CURVES))
    once, again = ([path.read_bytes() for path in files] for _ in range(2)
                   if write_reports(folder, document=document, section='gpu'))
    assert once == again


def test_pictures_of_an_earlier_run_go_and_those_of_other_sections_stay(write, predicted, document):
    images = document.parent / 'images'
    images.mkdir()
    others = ['gpu2--1--pd.png', 'gpu--two--1--pd.png', 'gpu.png']
    for name in ('gpu--9--old.png', *others):
        (images / name).write_bytes(b'')
    write_reports(write(predicted), document=document, section='gpu')
    assert sorted(path.name for path in images.iterdir()) == sorted([*CURVES, *others])


def test_without_figures_no_picture_is_linked_or_left(write, predicted, document):
    folder = write(predicted)
    write_reports(folder, document=document, section='gpu')
    write_reports(folder, document=document, section='gpu', figures=False)
    assert '![' not in document.read_text() and not list((document.parent / 'images').iterdir())


def test_a_document_without_the_section_is_refused_before_anything_is_written(write, predicted, document):
    folder = write(predicted)
    with pytest.raises(DataError, match="no section 'cpu'. Write the lines"):
        write_reports(folder, document=document, section='cpu')
    assert not (folder / 'report.md').exists() and not (document.parent / 'images').exists()
