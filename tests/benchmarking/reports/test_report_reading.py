"""What is no ``benchmark.json`` is refused, and the message names the field."""

import pytest

from irstd_toolbox.benchmarking.reports import write_reports
from irstd_toolbox.benchmarking.reports.benchmark_file import read_benchmark
from irstd_toolbox.errors import DataError


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r'benchmark\.json does not exist'):
        write_reports(tmp_path)


@pytest.mark.parametrize(('text', 'told'), [
    ('{', 'cannot be read as JSON'), ('[]', r'holds \[\]; expected a mapping'), ('{}', 'format is missing'),
    ('{"format": 2}', 'format is 2; expected 1'), ('{"format": NaN}', 'NaN is no JSON'),
    ('{"format": 1}', 'title is missing; expected a text')])
def test_what_is_no_benchmark_is_refused(tmp_path, text, told):
    (tmp_path / 'benchmark.json').write_text(text)
    with pytest.raises(DataError, match=told):
        write_reports(tmp_path)


@pytest.mark.parametrize(('changes', 'told'), [
    (dict(name=3), r'rows\[0\]\.name is 3; expected a text'),
    (dict(seeds=[]), r'rows\[0\]\.seeds is empty'),
    (dict(seeds=[0, 1]), r'rows\[0\]\.values\.IoU is 1 values; expected 2'),
    (dict(values=dict(IoU=['x'])), r"rows\[0\]\.values\.IoU\[0\] is 'x'; expected a number or null"),
    (dict(values=dict(IoU=[0.5])), r'rows\[0\]\.values\.nIoU is missing'),
    (dict(ids_sha256=None), r'rows\[0\]\.ids_sha256 is None; expected a text'),
    (dict(leaked=-1), r'rows\[0\]\.leaked is -1; expected a whole number or null'),
    (dict(text_at_test=1), r'rows\[0\]\.text_at_test is 1; expected true or false'),
    (dict(folders=['a', 'b']), r'rows\[0\]\.folders is 2 folders; expected 1'),
    (dict(cost=dict(cpu_ms=dict(p5=1, p50=2))), r'rows\[0\]\.cost\.cpu_ms\.p95 is missing'),
    (dict(cost=7), r'rows\[0\]\.cost is 7; expected a mapping or null')])
def test_a_wrong_field_of_a_row_is_named(write, row, changes, told):
    with pytest.raises(DataError, match=told):
        write_reports(write([row(**changes)]))


def test_a_wrong_field_of_published_figures_is_named(write, reference):
    with pytest.raises(DataError, match=r'references\[0\]\.values\.IoU is True; expected a number'):
        read_benchmark(write([], [reference | dict(values=dict(IoU=True))]))


def test_nothing_is_written_beside_a_wrong_file(write, row):
    folder = write([row(name=3)])
    with pytest.raises(DataError, match='name'):
        write_reports(folder)
    assert [path.name for path in folder.iterdir()] == ['benchmark.json']


def test_a_failed_row_may_lack_what_it_never_came_to_know(write, row):
    broken = row('IPI', failed='killed', values={}, reports=[], protocol_sha256=None, ids_sha256=None, images=None)
    assert read_benchmark(write([broken])).rows[0].failed == 'killed'


def test_published_figures_named_twice_are_kept_once(write, reference):
    assert len(read_benchmark(write([], [reference, reference, reference | dict(name='ACM')])).references) == 2
