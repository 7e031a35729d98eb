"""Which rows stand together, which are ranked, and the figures by hand."""

import statistics

import pytest

from irstd_toolbox.benchmarking.reports.benchmark_file import read_benchmark
from irstd_toolbox.benchmarking.reports.grouping import cautions, groups_of, is_fair, placings
from irstd_toolbox.benchmarking.reports.other_tables import (
    ablation_sections,
    cost_sections,
    cross_sections,
    protocol_sections,
)
from irstd_toolbox.benchmarking.reports.result_tables import result_sections, stray_references
from irstd_toolbox.benchmarking.reports.seeds import Figure, figure, shown
from irstd_toolbox.evaluation.protocols import get


@pytest.fixture
def read(write):
    """The benchmark of some rows."""
    return lambda *rows, references=(): read_benchmark(write(rows, references))


def texts(table):
    return [[cell.text for cell in row] for block in table.blocks for row in block.rows]


def marks(table, column):
    """The marks of a column by the row's name."""
    place = [one.title for one in table.columns].index(column)
    return {row[0].text: row[place].mark for block in table.blocks for row in block.rows}


def only_table(benchmark):
    [section] = result_sections(benchmark, groups_of(benchmark.rows))
    return section.tables[0]


def test_mean_and_sample_deviation_by_hand():
    # (0.7 + 0.8 + 0.9) / 3 = 0.8; squares of 0.1, 0, 0.1 over n - 1 = 2: sqrt(0.01).
    one = figure([0.7, 0.8, 0.9])
    assert (one.mean, one.std) == pytest.approx((0.8, 0.1), abs=1e-15)


def test_one_seed_has_no_deviation():
    assert figure([0.7]) == Figure(0.7, None, 1, 1)
    assert shown(figure([0.7]), 'IoU') == '70.00'


def test_undefined_seeds_are_left_out_and_the_mean_says_over_how_many_it_is():
    assert shown(figure([0.7, None, 0.8]), 'nIoU') == '75.00 ± 7.07 (2 of 3)'
    assert shown(figure([0.7, None]), 'nIoU') == '70.00 (1 of 2)'


def test_all_undefined_is_a_dash():
    assert shown(figure([None, None]), 'Pd') == '–'


def test_false_alarms_are_shown_in_millionths():
    assert shown(figure([4e-6, 6e-6]), 'Fa') == '5.00 ± 1.41'


def test_the_deviation_is_that_of_the_statistics_module():
    values = [0.71, 0.69, 0.74, 0.70]
    assert figure(values).std == statistics.stdev(values)


@pytest.mark.parametrize('other', [
    dict(tested_on='NUAA-SIRST'), dict(list='without leakage'), dict(ids_sha256='f' * 64),
    dict(protocol='acm', protocol_sha256='a' * 64)])
def test_rows_on_other_images_or_by_other_rules_stand_apart(read, row, other):
    assert len(groups_of(read(row('a'), row('b', **other)).rows)) == 2


def test_two_protocols_of_the_same_rules_have_a_table_each(read, row):
    law = get('basicirstd').fingerprint()
    assert get('mmseg').fingerprint() == law
    both = [row(name, iou, protocol=protocol, protocol_sha256=law) for protocol in ('basicirstd', 'mmseg')
            for name, iou in dict(a=0.7, b=0.6).items()]
    groups = groups_of(read(*both).rows)
    assert [[one.name for one in group.rows] for group in groups] == [['a', 'b'], ['a', 'b']]
    [section] = protocol_sections(groups, {law: get('mmseg').rules()})
    assert [line[0] for line in texts(section.tables[1])] == ['basicirstd', 'mmseg']


def test_groups_of_one_title_are_told_apart_by_their_hashes(read, row):
    titles = [group.title for group in groups_of(read(row('a'), row('b', ids_sha256='f' * 64)).rows)]
    assert 'ids eeeeeeee' in titles[0] and 'ids ffffffff' in titles[1]


def test_best_and_second_are_of_the_means(read, row):
    table = only_table(read(row('a', 0.7, 0.8), row('b', 0.76), row('c', 0.1)))
    assert marks(table, 'IoU, %') == {'a': 'second', 'b': 'best', 'c': ''}


def test_the_lowest_false_alarm_rate_is_best(read, row):
    table = only_table(read(row('a', Fa=[4e-6]), row('b', Fa=[3e-6])))
    assert marks(table, 'Fa, 1e-6') == {'a': 'second', 'b': 'best'}


def test_figures_that_look_equal_rank_equal_and_leave_no_second(read, row):
    table = only_table(read(row('a', 0.70001), row('b', 0.70002), row('c', 0.6)))
    assert marks(table, 'IoU, %') == {'a': 'best', 'b': 'best', 'c': ''}


def test_a_row_alone_is_not_ranked(read, row):
    table = only_table(read(row('a')))
    assert marks(table, 'IoU, %') == {'a': ''}
    assert not any('Bold' in remark for remark in table.remarks)


def test_nothing_is_ranked_across_groups(read, row):
    benchmark = read(row('a', 0.7), row('b', 0.9, protocol='acm', protocol_sha256='a' * 64))
    sections = result_sections(benchmark, groups_of(benchmark.rows))
    assert [marks(section.tables[0], 'IoU, %') for section in sections] == [{'a': ''}, {'b': ''}]


@pytest.mark.parametrize(('change', 'told'), [
    (dict(selection='test'), 'checkpoint chosen on the test list'), (dict(text_at_test=True), 'text given at test'),
    (dict(selection='not known'), 'what the checkpoint was chosen on is not recorded'),
    (dict(trained_before='B (train, 9 images)'), 'began with weights that had been trained on B (train, 9 images)'),
    (dict(oracle_threshold=True), 'threshold chosen on the test list'),
    (dict(leaked=3), '3 of 201 test images are in the training list of IRSTD-1k, or near-duplicates')])
def test_an_unfair_row_is_marked_and_never_ranked(read, row, change, told):
    table = only_table(read(row('a', 0.6), row('b', 0.7), row('unfair', 0.9, **change)))
    assert marks(table, 'IoU, %') == {'a': 'second', 'b': 'best', 'unfair': ''}
    assert (table.notes, table.blocks[1].heading) == ([('a', told)], 'not ranked')
    assert table.blocks[1].rows[0][0].notes == ('a',)


def test_leakage_that_was_not_looked_for_is_said(read, row):
    table = only_table(read(row('a', leaked=None)))
    assert table.notes == [('a', 'not checked for test images in the training list')]


def test_a_failed_row_stands_with_its_list_and_says_why(read, row):
    broken = row('IPI', failed='killed', values={}, reports=[], protocol_sha256=None, ids_sha256=None)
    table = only_table(read(row('a'), broken))
    assert texts(table)[1][:5] == ['IPI', '–', '–', '–', '–'] and table.notes == [('a', 'failed: killed')]


def test_a_failed_row_that_fits_two_groups_stands_alone(read, row):
    broken = row('IPI', failed='killed', values={}, reports=[], protocol_sha256=None, ids_sha256=None)
    assert len(groups_of(read(row('a'), row('b', ids_sha256='f' * 64), broken).rows)) == 3


def test_metrics_that_the_protocol_does_not_report_are_left_out(read, row):
    titles = [column.title for column in only_table(read(row('a', reports=['Pd', 'Fa']))).columns]
    assert titles == ['Method', 'Pd, %', 'Fa, 1e-6', 'seeds', 'checkpoint chosen on']


def test_published_figures_stand_in_a_block_of_their_own_and_never_rank(read, row, reference):
    table = only_table(read(row('a', 0.6), row('b', 0.7), references=[reference]))
    assert table.blocks[-1].heading == 'published, counted by others: not ranked'
    name, iou, niou, pd, fa, *_ = table.blocks[-1].rows[0]
    assert name.text == 'LGNet (LGNet paper, Table 4; protocol: not fully stated)'
    assert (iou.text, niou.text, pd.text, fa.text, iou.mark, fa.mark) == ('73.30', '–', '–', '4.09', '', '')


def test_published_figures_on_other_data_have_a_section(read, row, reference):
    [section] = stray_references(read(row('a'), references=[reference | dict(dataset='SIRST-V2')]))
    assert texts(section.tables[0])[0][1:] == ['SIRST-V2', '73.30', '4.09']


def test_ablations_show_differences_to_the_first_row_of_their_group(read, row):
    benchmark = read(row('base', 0.70, group='Table 6'), row('other', 0.9),
                     row('fusion', 0.715, group='Table 6', Fa=[4e-6]), row('alone', group='Table 2'))
    [section] = ablation_sections(groups_of(benchmark.rows), {})
    [table] = section.tables
    assert [line[:3] + line[7:9] for line in texts(table)] == [
        ['base', '70.00', '–', '5.00', '–'], ['fusion', '71.50', '+1.50', '4.00', '-1.00']]
    assert not any(cell.mark for row in table.blocks[0].rows for cell in row)


def test_ablations_leave_paired_tests_to_the_tool_that_makes_them(read, row):
    benchmark = read(row('base', group='g'), row('fusion', group='g'))
    [section] = ablation_sections(groups_of(benchmark.rows), {})
    assert 'tools/compare.py' in section.paragraphs[0]


def test_rows_of_several_training_sets_make_a_matrix(read, row):
    other = dict(tested_on='NUAA-SIRST', ids_sha256='f' * 64)
    benchmark = read(row('N', 0.7), row('N', 0.5, trained_on='NUAA-SIRST'), row('N', 0.6, **other),
                     row('N', 0.8, trained_on='NUAA-SIRST', leaked=2, **other), row('single', 0.9))
    [section] = cross_sections(groups_of(benchmark.rows))
    [table] = section.tables
    assert [column.title for column in table.columns] == [
        'Method', 'trained on', 'IRSTD-1k, test list', 'NUAA-SIRST, test list']
    assert [block.heading for block in table.blocks] == ['IoU, %', 'nIoU, %', 'Pd, %', 'Fa, 1e-6']
    assert texts(table)[:2] == [['N', 'IRSTD-1k', '70.00', '60.00'], ['N', 'NUAA-SIRST', '50.00', '80.00']]
    assert table.blocks[0].rows[1][3].notes == ('a',)
    assert {line[0] for line in texts(table)} == {'N'}  # one combination makes no matrix


def test_two_protocols_of_the_same_rules_have_a_matrix_each(read, row):
    rows = [row('N', 0.7, protocol=protocol, trained_on=source) for protocol in ('basicirstd', 'mmseg')
            for source in ('IRSTD-1k', 'NUAA-SIRST')]
    rows += [dict(one, tested_on='NUAA-SIRST', ids_sha256='f' * 64) for one in rows]
    [section] = cross_sections(groups_of(read(*rows).rows))
    assert [table.title for table in section.tables] == ['Protocol basicirstd', 'Protocol mmseg']
    assert all(len(table.columns) == 4 for table in section.tables)


def test_rows_of_one_training_set_make_no_matrix(read, row):
    benchmark = read(row('N', 0.7), row('N', 0.6, tested_on='NUAA-SIRST', ids_sha256='f' * 64))
    assert cross_sections(groups_of(benchmark.rows)) == []


def test_costs_are_a_line_a_method(read, row):
    cost = dict(parameters=4_123_456, macs_256=12_345_678_900, macs_512=None, size=256,
                cpu_ms=dict(p5=1.0, p50=2.0, p95=4.0), gpu_ms=None, memory_mib=99.6, gpu_memory_mib=None)
    benchmark = read(row('a', cost=cost), row('a', cost=cost, protocol='acm', protocol_sha256='a' * 64), row('b'))
    [section] = cost_sections(benchmark)
    assert texts(section.tables[0]) == [['a', 'configs/lgnet.py', '4.123', '12.346', '–', '256', '2.0 [1.0, 4.0]', '–',
                                         '100', '–']]


def test_operations_that_were_not_counted_are_not_shown_as_none(read, row):
    formula = dict(parameters=0, macs_256=0, macs_512=0, size=256, cpu_ms=dict(p5=1.0, p50=2.0, p95=4.0), gpu_ms=None,
                   memory_mib=9.6, gpu_memory_mib=None)
    [line] = texts(cost_sections(read(row('Top-Hat', cost=formula)))[0].tables[0])
    assert line[2:6] == ['0.000', '–', '–', '256']


def test_a_row_that_finds_no_target_is_not_the_best_in_false_alarms(read, row):
    black, half, one = read(row('black', 0.0, Pd=[0.0], Fa=[0.0]), row('half', 0.0, 0.5, Pd=[0.0, 0.4]), row('A')).rows
    assert cautions(black) == ['no target found, so that its false alarms say nothing'] and cautions(half) == []
    assert placings([black, half, one], 'Fa') == ['', '', ''] and placings([black, half, one], 'IoU')[2] == 'best'


def test_rows_without_training_are_fair(read, row):
    [one] = read(row('Top-Hat', trained_on=None, seeds=[None], selection='none')).rows
    assert is_fair(one) and cautions(one) == [] and placings([one], 'IoU') == ['']
