"""Logs read back: where a row lies, what is the best, and what is said of a folder that has none."""

from pathlib import Path

import pytest

from irstd_toolbox.errors import DataError
from irstd_toolbox.training.logs import read_curve

TRAIN = 'iter,epoch,lr,loss\n2,1,0.1,4\n3,1,0.1,3\n5,2,0.1,2.5\n6,2,0.1,2\n'
VAL = 'iter,epoch,irstd/IoU,irstd/Fa,late\n0,0,0.1,9e-6,\n3,1,0.6,4e-6,\n6,2,0.5,1e-6,7\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'train.csv').write_text(TRAIN)
    (tmp_path / 'val.csv').write_text(VAL)
    return tmp_path


def test_a_row_of_the_training_lies_within_its_epoch(folder: Path) -> None:
    curve = read_curve(folder, 'loss')
    assert curve.epochs.tolist() == pytest.approx([2 / 3, 1, 5 / 3, 2]) and curve.values.tolist() == [4, 3, 2.5, 2]
    assert (curve.name, curve.best) == ('loss', 3)


def test_a_validation_lies_at_the_end_of_its_epoch(folder: Path) -> None:
    curve = read_curve(folder, 'irstd/IoU')
    assert curve.epochs.tolist() == [0, 1, 2] and (curve.name, curve.best) == ('IoU', 1)
    assert [curve.at(share) for share in (0, 0.49, 0.5, 0.99, 1)] == [0.1, 0.1, 0.6, 0.6, 0.5]


def test_the_best_of_false_alarms_is_the_least_and_a_blank_is_no_value(folder: Path) -> None:
    assert read_curve(folder, 'irstd/Fa').best == 2
    late = read_curve(folder, 'late')
    assert (late.epochs.tolist(), late.values.tolist()) == ([2], [7])


def test_of_equals_the_latest_is_the_best_as_of_checkpoints(folder: Path) -> None:
    (folder / 'val.csv').write_text('iter,epoch,irstd/IoU\n3,1,0.5\n6,2,0.5\n9,3,0.4\n')
    assert read_curve(folder, 'irstd/IoU').best == 1


def test_a_validation_that_found_no_number_has_no_best(folder: Path) -> None:
    (folder / 'val.csv').write_text('iter,epoch,irstd/IoU\n3,1,nan\n')
    assert read_curve(folder, 'irstd/IoU').best is None
    (folder / 'val.csv').write_text('iter,epoch,irstd/IoU\n3,2,0.5\n6,4,nan\n')
    curve = read_curve(folder, 'irstd/IoU')
    assert curve.best == 0 and str(curve.at(0.25)) == 'nan'


def test_validations_within_an_epoch_lie_by_their_iterations(folder: Path) -> None:
    (folder / 'train.csv').write_text('iter,epoch,loss\n1000,1,4\n2000,2,3\n')  # epochs of 1000
    rows = 'iter,epoch,irstd/IoU\n250,0,0.1\n500,0,0.2\n750,0,0.5\n1000,1,0.3\n'
    (folder / 'val.csv').write_text(rows)
    curve = read_curve(folder, 'irstd/IoU')
    assert curve.epochs.tolist() == [0.25, 0.5, 0.75, 1] and curve.at(0.5) == 0.2 and curve.best == 2
    (folder / 'val.csv').write_text(rows.replace('1000,1', '900,0'))
    assert read_curve(folder, 'irstd/IoU').epochs.tolist() == [0.25, 0.5, 0.75, 0.9]
    (folder / 'train.csv').unlink()  # nothing tells how long an epoch is
    assert read_curve(folder, 'irstd/IoU').at(0.5) == 0.1


@pytest.mark.parametrize(('key', 'best'), [
    ('lgnet/Fa_pooled', 1), ('lgnet/Pd_pooled', 2), ('mmseg/mIoU', 2), ('loss_mask', 1), ('lr', None), ('mine', None)])
def test_what_is_best_is_told_by_the_metric_or_not_at_all(tmp_path: Path, key: str, best: int | None) -> None:
    (tmp_path / 'val.csv').write_text(f'iter,epoch,{key}\n1,1,3e-5\n2,2,1e-5\n3,3,5e-5\n')
    assert read_curve(tmp_path, key).best == best


@pytest.mark.parametrize(('files', 'key', 'message'), [
    ({'train.csv': 'iter,epoch,loss\n0,0,1.0\n'}, 'loss', r'train.csv cannot be read \(ZeroDivisionError'),
    ({}, 'loss', 'neither a train.csv nor a val.csv with a row'),
    ({'train.csv': 'iter,epoch,loss\n'}, 'loss', 'neither a train.csv nor a val.csv with a row'),
    ({'train.csv': TRAIN, 'val.csv': VAL}, 'IoU', "value of 'IoU'; its logs have irstd/IoU, irstd/Fa, late, lr, loss"),
    ({'train.csv': TRAIN}, 'epoch', "no value of 'epoch'; its logs have lr, loss"),
    ({'val.csv': 'irstd/IoU\n0.5\n'}, 'irstd/IoU', r"val.csv cannot be read \(KeyError: 'iter'\)"),
    ({'val.csv': 'iter,epoch,irstd/IoU\n3,1,high\n'}, 'irstd/IoU', r'val.csv cannot be read \(ValueError'),
    ({'val.csv': b'\xff\xfe\x00'}, 'irstd/IoU', 'val.csv cannot be read')])
def test_a_folder_without_the_column_is_refused(tmp_path: Path, files: dict, key: str, message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        read_curve(tmp_path, key)
