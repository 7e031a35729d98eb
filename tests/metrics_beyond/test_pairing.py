"""Reading counters of single images, and refusing pairs of results that are not of one list and rule."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.functional import ImageCounts
from irstd_toolbox.evaluation.pairing import check_fingerprints, check_pairing, read_image_counts
from irstd_toolbox.evaluation.protocols import REPORTABLE, Protocol, get
from irstd_toolbox.evaluation.results import measure, score_image, summarise, write_image_counts
from irstd_toolbox.evaluation.units import lower_is_better, unit_of

COUNTS = ImageCounts(3, 5, 4, 4, 1, 1, 1, 0, 0, 100, 100)
NAMES = ('A', 'B')


def fingerprint(ids: str = 'ab', split: str = 'test', dataset: str = 'own', **rules: object) -> dict:
    truth = np.eye(8, dtype=bool)
    protocol = Protocol('mine', 'of this test', **rules)
    scores = [score_image(image_id, truth.astype(float), truth, [protocol]) for image_id in ids]
    return summarise(scores, [protocol], dataset=dataset, split=split)['fingerprint']


def test_written_counters_come_back(tmp_path: Path) -> None:
    truth = np.eye(8, dtype=bool)
    protocols = [get('canonical'), get('dnanet')]
    scores = [score_image(image_id, truth * 0.9, truth, protocols) for image_id in 'ba']
    write_image_counts(tmp_path / 'counts.csv', scores, protocols)
    found = read_image_counts(tmp_path / 'counts.csv')
    assert found == {name: {score.image_id: score.counts[name] for score in scores} for name in ('canonical', 'dnanet')}


def table_of(tmp_path: Path, protocol: Protocol) -> Path:
    """A table of one image, counted under a protocol."""
    truth = np.eye(8, dtype=bool)
    write_image_counts(tmp_path / 'one.csv', [score_image('a', truth * 0.9, truth, [protocol])], [protocol])
    return tmp_path / 'one.csv'


def test_every_metric_has_a_better_side_and_a_unit() -> None:
    measured = measure(Protocol('mine', 'of this test', reports=REPORTABLE, average='image'), [])
    millionths = {'Fa', 'Fa_pooled', 'pixel_FPR'}
    assert {name for name in measured if lower_is_better(name)} == millionths | {'false_alarm_regions_per_image'}
    assert not any(lower_is_better(name) is None for name in measured)
    assert {name for name in measured if unit_of(name) == f'{name}, 1e-6'} == millionths
    assert [name for name in measured if unit_of(name) == name] == ['false_alarm_regions_per_image']


def test_every_row_of_a_table_holds_the_hash_of_its_rules(tmp_path: Path) -> None:
    header, row = (line.split(',') for line in table_of(tmp_path, get('dnanet')).read_text().splitlines())
    assert dict(zip(header, row, strict=True))['protocol_sha256'] == get('dnanet').fingerprint()


def test_a_table_counted_by_other_rules_of_the_same_name_is_refused(tmp_path: Path) -> None:
    table = table_of(tmp_path, replace(get('canonical'), threshold=0.3))
    with pytest.raises(DataError, match=r"line 2: counted under 'canonical' by other rules .* same --threshold"):
        read_image_counts(table, get('canonical'))


def test_a_table_counted_by_the_rules_asked_for_is_read_without_a_warning(
    tmp_path: Path, recwarn: pytest.WarningsRecorder,
) -> None:
    assert list(read_image_counts(table_of(tmp_path, get('canonical')), get('canonical'))) == ['canonical']
    assert not recwarn.list


def test_an_older_table_without_rules_is_read_with_a_warning(tmp_path: Path) -> None:
    table = table_of(tmp_path, get('canonical'))
    lines = [line.split(',') for line in table.read_text().splitlines()]
    table.write_text('\n'.join(','.join(line[:2] + line[3:]) for line in lines))
    with pytest.warns(UserWarning, match='does not say by which rules it was counted'):
        assert list(read_image_counts(table, get('canonical'))['canonical']) == ['a']


@pytest.mark.parametrize(('text', 'message'), [
    ('', 'holds no image'), ('image_id,protocol\na,canonical\n', 'line 2: no counters'),
    ('{header}\na,canonical,{row}\na,canonical,{row}\n', "line 3: image 'a' occurs twice"),
    ('{header}\na,canonical,{row}x\n', 'line 2: no counters')])
def test_a_table_of_another_form_is_refused(tmp_path: Path, text: str, message: str) -> None:
    header = ','.join(['image_id', 'protocol', *ImageCounts.__dataclass_fields__])
    file = tmp_path / 'counts.csv'
    file.write_text(text.format(header=header, row=','.join('1' * 11)))
    with pytest.raises(DataError, match=message):
        read_image_counts(file)


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'none\.csv cannot be read'):
        read_image_counts(tmp_path / 'none.csv')


@pytest.mark.parametrize(('other', 'message'), [
    (dict(dataset='theirs'), 'of dataset own and B of theirs'),
    (dict(split='val', ids='abc'), 'of split test and B of val'),
    (dict(ids='abc'), r'A \(2 images\) and B \(3 images\) are of different lists'),
    (dict(below=5.0), r'rules differ \(below 3.0 / 5.0\)')])
def test_results_of_other_images_or_rules_are_refused(other: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_fingerprints(fingerprint(), fingerprint(**other), NAMES, 'mine')


def test_without_ids_lists_of_two_names_are_refused() -> None:
    first, second = ({key: value for key, value in fingerprint(split=split).items() if key != 'ids_sha256'}
                     for split in ('test', 'val'))
    with pytest.raises(DataError, match='of split test and B of val'):
        check_fingerprints(first, second, NAMES, 'mine')


def test_equal_fingerprints_pass() -> None:
    check_fingerprints(fingerprint(), fingerprint('ba'), NAMES, 'mine')


def test_one_list_by_two_names_passes() -> None:
    check_fingerprints(fingerprint(), fingerprint(split='data/own/test.txt'), NAMES, 'mine')


def test_the_order_of_the_images_does_not_matter() -> None:
    assert check_pairing({'a': COUNTS, 'b': COUNTS}, {'b': COUNTS, 'a': COUNTS}, NAMES) == ['a', 'b']


def test_other_images_are_refused_by_name() -> None:
    with pytest.raises(DataError, match=r'1 only in A \(a\) and 1 only in B \(c\)'):
        check_pairing({'a': COUNTS, 'b': COUNTS}, {'b': COUNTS, 'c': COUNTS}, NAMES)


@pytest.mark.parametrize('name', ['targets', 'ground_truth', 'pixels'])
def test_another_ground_truth_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"Image 'a' has {name} {getattr(COUNTS, name)} in A and 77 in B"):
        check_pairing({'a': COUNTS}, {'a': replace(COUNTS, **{name: 77})}, NAMES)
