"""Curves, panels and paired tests, from the predictions that rows name."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from irstd_toolbox.benchmarking.reports import pictures, write_reports
from irstd_toolbox.benchmarking.reports.benchmark_file import read_benchmark
from irstd_toolbox.benchmarking.reports.evidence import compare_ablations, gather, protocol_of
from irstd_toolbox.benchmarking.reports.grouping import groups_of
from irstd_toolbox.benchmarking.reports.tables import Picture
from irstd_toolbox.evaluation.prediction_io import read_prediction, write_prediction
from irstd_toolbox.evaluation.protocols import Protocol, get
from irstd_toolbox.evaluation.results import hash_ids

IDS = ('a1', 'a2', 'a3')


def gathered(folder):
    groups = groups_of(read_benchmark(folder).rows)
    return groups, gather(groups, folder)


def test_counts_of_the_predictions_are_those_of_the_masks(write, predicted):
    _, found = gathered(write(predicted))
    [evidence] = found.values()
    assert evidence.remarks == []
    assert {label: [one.matched for one in counts.values()] for label, counts in evidence.counts.items()} == {
        'good': [1, 1, 1], 'bad': [1, 0, 1]}


def test_data_of_a_layout_that_was_told_is_read(write, predicted, tmp_path):
    (tmp_path / 'data' / 'tiny' / 'images').rename(tmp_path / 'data' / 'tiny' / 'pics')
    layout = dict(images='pics', masks='masks', splits=dict(test='test.txt'))
    for told, remarks in ((layout, 0), (None, 1)):
        _, found = gathered(write([dict(one, layout=told) for one in predicted]))
        [evidence] = found.values()
        assert len(evidence.remarks) == remarks, evidence.remarks


def test_predictions_of_ids_with_folders_are_found(write, predicted, tmp_path):
    ids = tuple(f'sea/{one}.v2' for one in IDS)
    for place in (tmp_path / 'data' / 'tiny' / 'images', tmp_path / 'data' / 'tiny' / 'masks',
                  *(tmp_path / 'benchmark' / 'runs' / name / 'predictions' for name in ('good', 'bad'))):
        (place / 'sea').mkdir()
        for one in IDS:
            (place / f'{one}.png').rename(place / 'sea' / f'{one}.v2.png')
    (tmp_path / 'data' / 'tiny' / 'test.txt').unlink()  # a list of the benchmark's own, such as without leakage
    _, found = gathered(write([dict(one, ids_sha256=hash_ids(ids)) for one in predicted]))
    [evidence] = found.values()
    assert evidence.remarks == [] and tuple(evidence.counts['bad']) == ids


def test_the_hardest_image_is_the_one_missed(write, predicted):
    _, found = gathered(write(predicted))
    [evidence] = found.values()
    assert evidence.hardest() == {'a1': 1.0, 'a2': 0.5, 'a3': 1.0}


def test_a_list_is_read_once_whatever_the_protocols(write, predicted):
    others = [{**one, 'protocol': 'acm', 'protocol_sha256': 'a' * 64} for one in predicted]
    groups, found = gathered(write(predicted + others))
    assert len(groups) == 2 and [one.protocol.name for one in found.values()] == ['canonical']


def test_ablations_are_compared_on_the_predictions(write, predicted):
    groups, found = gathered(write(predicted))
    [compared] = compare_ablations(groups, found).values()
    assert (compared['Pd'].first, compared['Pd'].second) == pytest.approx((1, 2 / 3))


def test_a_row_without_its_predictions_is_left_out_and_named(write, predicted):
    folder = write(predicted)
    (folder / 'runs' / 'bad' / 'predictions' / 'a3.png').unlink()
    _, found = gathered(folder)
    [evidence] = found.values()
    assert list(evidence.counts) == ['good']
    assert 'bad is not drawn' in evidence.remarks[0] and 'a3' in evidence.remarks[0]


def test_a_prediction_of_another_size_leaves_its_row_out(write, predicted):
    folder = write(predicted)
    np.save(folder / 'runs' / 'bad' / 'predictions' / 'a2.npy', np.zeros((3, 3)))
    (folder / 'runs' / 'bad' / 'predictions' / 'a2.png').unlink()
    _, found = gathered(folder)
    [evidence] = found.values()
    assert list(evidence.counts) == ['good'] and 'a2.npy' in evidence.remarks[0]


def test_missing_data_is_told_on_the_page_and_the_tables_are_written(write, predicted, tmp_path):
    folder = write([{**one, 'data_root': str(tmp_path / 'nowhere')} for one in predicted])
    page = write_reports(folder)[-1].read_text()
    assert 'No curves and pictures' in page and 'nowhere' in page and '>good<' in page and '<img' not in page


def test_another_list_than_the_one_tested_is_refused(write, predicted):
    folder = write([{**one, 'ids_sha256': 'f' * 64} for one in predicted])
    _, found = gathered(folder)
    [evidence] = found.values()
    assert 'the list that was tested (ids ffffffffffff)' in evidence.remarks[0] and not evidence.counts


def test_a_protocol_of_a_config_is_found_beside_the_predictions(write, predicted):
    mine = Protocol('mine', 'five pixels', below=5.0)
    for one in predicted:
        one |= {'protocol': 'mine', 'protocol_sha256': mine.fingerprint()}
    folder = write(predicted)
    row = read_benchmark(folder).rows[0]
    assert protocol_of(row, folder) is None
    record = {'fingerprint': {'protocols': {'mine': {'rules': mine.rules()}}}}
    (folder / 'runs' / 'good' / 'results.json').write_text(json.dumps(record))
    assert protocol_of(row, folder).below == 5.0


def test_the_page_holds_three_curves_and_a_panel_of_every_hard_image(write, predicted):
    paths = write_reports(write(predicted))
    assert [path.name for path in paths] == ['report.md', 'report.csv', 'report.tex', 'report.html']
    page = paths[-1].read_text()
    images = re.findall(r'<img alt="([^"]*)" src="data:image/png;base64,([^"]+)"', page)
    assert [name for name, _ in images] == [
        'Pd over Fa', 'ROC of pixels', 'Precision over recall of pixels', 'a2, mean IoU 0.500', 'a1, mean IoU 1.000',
        'a3, mean IoU 1.000']
    for _, data in images:
        Image.open(io.BytesIO(base64.b64decode(data))).verify()
    assert 'Against good: p of the paired permutation test' in page


def test_pages_with_figures_are_the_same_byte_for_byte(write, predicted, monkeypatch):
    monkeypatch.setattr(pictures, 'PANELS', 1)
    folder = write(predicted)
    first, second = ([path.read_bytes() for path in write_reports(folder)] for _ in range(2))
    assert first == second


def test_pictures_beyond_the_budget_are_left_out_and_counted(monkeypatch):
    monkeypatch.setattr(pictures, 'BUDGET_MIB', 1)
    budget = pictures._Budget()
    big, small = Picture('big', bytes(2 ** 20 - 10)), Picture('small', bytes(100))
    assert budget.take([big, small]) == ([big], 1)


def test_labels_of_one_name_are_told_apart_by_their_training_set(write, predicted):
    twin = {**predicted[0], 'trained_on': 'elsewhere', 'group': None}
    _, found = gathered(write([*predicted, twin]))
    [evidence] = found.values()
    assert list(evidence.rows) == ['good (tiny)', 'bad', 'good (elsewhere)']


def test_folders_are_read_relative_to_the_benchmark(write, predicted, tmp_path, monkeypatch):
    folder = write(predicted)
    monkeypatch.chdir(tmp_path)
    _, found = gathered(Path(folder.name))
    [evidence] = found.values()
    assert not evidence.remarks


def test_panels_show_what_the_protocol_takes_as_predicted(write, predicted, monkeypatch):
    folder, seen = write([dict(one, protocol='rpcanet', protocol_sha256=get('rpcanet').fingerprint())
                          for one in predicted]), []
    for file in (folder / 'runs' / 'good' / 'predictions').iterdir():
        write_prediction(file, np.where(read_prediction(file) > 0.5, 20000, 100).astype(np.uint16))
    monkeypatch.setattr(pictures, 'comparison', lambda image, gt, masks: seen.append((gt, masks)) or Figure())
    groups, found = gathered(folder)
    pictures.picture_sections(found, dict.fromkeys(found, []))
    assert len(seen) == 3 and all((masks['good'] == gt).all() for gt, masks in seen)
