"""Curves against hand values, brute force over every threshold, and the rank statistic."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.curves import DEFAULT_LEVELS, CurveCounter, TargetCurve, quantise
from irstd_toolbox.evaluation.prediction_io import FULL_SCALE
from irstd_toolbox.evaluation.protocols import get, resolve, score
from irstd_toolbox.evaluation.results import measure


def counted(images, protocol='canonical', **options):
    counter = CurveCounter(get(protocol) if isinstance(protocol, str) else protocol, **options)
    for probabilities, truth in images:
        counter.add(probabilities, truth)
    return counter


@pytest.fixture
def images():
    """Four maps of 24x32 with targets, blurred specks and ties; the last has no target."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(4):
        truth = np.zeros((24, 32), bool)
        for row, column in rng.integers(1, 20, (3 * (number < 3), 2)):
            truth[row:row + 2, column:column + 3] = True
        # One value in 20, so that thresholds are shared and ties are many.
        values = np.rint(20 * np.clip(rng.random((24, 32)) ** 6 + truth * rng.random((24, 32)) * 0.8, 0, 0.9)) / 20
        made.append((values, truth))
    return made


def one_row(values, truth):
    return [(np.array([values]), np.array([truth], bool))]


def test_auc_is_the_rank_statistic_with_ties_counted_half(images):
    values = np.concatenate([v.ravel() for v, _ in images])
    truth = np.concatenate([t.ravel() for _, t in images])
    u = stats.mannwhitneyu(values[truth], values[~truth]).statistic
    assert counted(images).pixels().auc == pytest.approx(u / (truth.sum() * (~truth).sum()), abs=1e-12)


def test_average_precision_by_hand():
    # Ranks: hit, false, hit and false tied, hit: 1/3 * 1 + 1/3 * 2/4 + 1/3 * 3/5.
    curve = counted(one_row([0.9, 0.8, 0.6, 0.6, 0.2], [1, 0, 1, 0, 1])).pixels()
    assert curve.average_precision == pytest.approx((1 + 2 / 4 + 3 / 5) / 3, abs=1e-12)


def test_every_point_of_the_pixel_curve_is_what_its_threshold_counts(images):
    curve = counted(images).pixels()
    for index in (0, 1, FULL_SCALE // 20, FULL_SCALE // 2, FULL_SCALE, FULL_SCALE + 1):
        predicted = [quantise(v).astype(int) > curve.levels[index] for v, _ in images]
        assert curve.hits[index] == sum((p & t).sum() for p, (_, t) in zip(predicted, images, strict=True))
        assert curve.false[index] == sum((p & ~t).sum() for p, (_, t) in zip(predicted, images, strict=True))


def test_the_pixel_curve_runs_from_nothing_to_everything(images):
    curve = counted(images).pixels()
    assert (curve.tpr[0], curve.fpr[0], curve.tpr[-1], curve.fpr[-1]) == (0, 0, 1, 1)
    assert (curve.levels[0], curve.levels[-1]) == (FULL_SCALE, -1)


def test_corners_carry_the_whole_roc_area(images):
    curve = counted(images).pixels()
    chosen = curve.corners()
    assert len(chosen) < 45
    assert np.trapezoid(curve.tpr[chosen], curve.fpr[chosen]) == pytest.approx(curve.auc, abs=1e-12)


def test_corners_drop_the_inside_of_a_run_of_background():
    curve = counted(one_row([0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [1, 0, 0, 0, 1, 0])).pixels()
    kept = curve.corners()
    assert list(zip(curve.hits[kept].tolist(), curve.false[kept].tolist(), strict=True)) == [
        (0, 0), (1, 0), (1, 3), (2, 3), (2, 4)]


def test_3d_areas_over_the_threshold_are_mean_probabilities(images):
    areas = counted(images).pixels().areas_3d()
    values = np.concatenate([quantise(v).ravel() for v, _ in images]) / FULL_SCALE
    truth = np.concatenate([t.ravel() for _, t in images])
    assert areas['Dt'] == pytest.approx(values[truth].mean(), abs=1e-12)
    assert areas['Ft'] == pytest.approx(values[~truth].mean(), abs=1e-12)


def test_3d_figures_are_made_of_the_three_areas():
    # Target 0.8, background 0.2: DF = 1, Dt = 0.8, Ft = 0.2.
    areas = counted(one_row([0.8, 0.2], [1, 0])).pixels().areas_3d()
    assert areas == pytest.approx({'DF': 1, 'Dt': 0.8, 'Ft': 0.2, 'TD': 1.8, 'BS': 0.8, 'TDBS': 0.6, 'ODP': 1.6,
                                   'OA': 1.6, 'SNPR': 4.0})


@pytest.mark.parametrize('protocol', [
    'canonical', 'sctransnet', 'rpcanet', 'shooting', 'lgnet',
    dict(name='optimal4', matching='optimal', connectivity=4, threshold=0.3)])
def test_pd_and_fa_at_every_threshold_are_what_the_protocol_scores_there(images, protocol):
    protocol = dataclasses.replace(resolve([protocol])[0], size=None)
    levels = [round(step * FULL_SCALE / 40) for step in range(41)]
    curve = counted(images, protocol, levels=levels).targets()
    for index, level in enumerate(curve.levels):
        if level == FULL_SCALE:
            assert not np.nan_to_num(curve.fa[index]) and not curve.pd[index]
            continue
        # Half a level higher: the maps here hold 16-bit levels, and a protocol of this threshold rounds nothing.
        there = dataclasses.replace(protocol, threshold=(level + 0.5) / FULL_SCALE)
        metrics = measure(there, [score(there, values, truth) for values, truth in images])
        assert (curve.pd[index], curve.fa[index]) == pytest.approx((metrics['Pd'], metrics['Fa']), abs=1e-12), level


def test_a_protocol_that_stretches_scores_the_curve_at_its_size(images):
    protocol = get('dnanet')
    curve = counted(images, protocol, levels=[20000, 50000]).targets()
    metrics = measure(protocol, [score(protocol, values, truth) for values, truth in images])
    assert (curve.pd[curve.own], curve.fa[curve.own]) == (metrics['Pd'], metrics['Fa'])


def test_the_protocols_own_threshold_is_on_the_curve(images):
    protocol = dataclasses.replace(get('canonical'), threshold=0.123)
    curve = counted(images, protocol, levels=[5, 60000]).targets()
    assert curve.levels.tolist() == [60000, 8060, 5] and curve.own == 1


def test_components_are_counted_only_where_the_map_changes(images, monkeypatch):
    from irstd_toolbox.evaluation import functional
    seen, real = [], functional.count_image
    monkeypatch.setattr(functional, 'count_image', lambda *args, **rules: (seen.append(1), real(*args, **rules))[1])
    counted(images[:1], levels=range(FULL_SCALE + 1))
    assert len(seen) <= len(np.unique(images[0][0])) + 1


@pytest.mark.parametrize('threshold', [0.0, 0.29, 0.5, 0.9])
def test_quantising_moves_no_probability_across_the_threshold(threshold):
    values = threshold + np.array([-1e-9, 0.0, 1e-9, 1e-3])
    values = values[values >= 0]
    above = quantise(values, threshold) > math.floor(threshold * FULL_SCALE)
    assert above.tolist() == (values > threshold).tolist()


def test_the_default_levels_are_every_hundredth_and_ten_more_at_either_end():
    assert DEFAULT_LEVELS[:12] == (0, *(2 ** power for power in range(10)), 655) and len(DEFAULT_LEVELS) == 121
    assert [FULL_SCALE - level for level in DEFAULT_LEVELS[:-13:-1]] == list(DEFAULT_LEVELS[:12])


def test_a_blank_map_that_is_divided_by_its_maximum_stays_blank(recwarn):
    protocol = dataclasses.replace(get('rpcanet'), size=None)
    curve = counted([(np.zeros((8, 8)), np.eye(8, dtype=bool))], protocol).pixels()
    assert curve.hits[-2] == 0 and not recwarn.list


def test_quantising_keeps_what_an_eight_bit_file_holds():
    assert quantise(np.arange(256) / 255).tolist() == [257 * code for code in range(256)]


CURVE = TargetCurve(np.arange(5, 0, -1), np.array([0.2, 0.6, 0.5, 0.9, 0.8]), np.array([0, 1e-6, 5e-6, 1e-4, 3e-5]), 2)


@pytest.mark.parametrize(('fa', 'pd'), [(0, 0.2), (9e-7, 0.2), (1e-6, 0.6), (2e-5, 0.6), (3e-5, 0.8), (1, 0.9)])
def test_pd_at_a_fixed_fa_is_the_best_of_the_thresholds_below_it(fa, pd):
    assert CURVE.pd_at(fa) == pd


@pytest.mark.parametrize(('pd', 'fa'), [(0.1, 0), (0.55, 1e-6), (0.7, 3e-5), (0.85, 1e-4), (0.95, math.nan)])
def test_fa_at_a_fixed_pd_is_the_least_of_the_thresholds_above_it(pd, fa):
    assert CURVE.fa_at(pd) == pytest.approx(fa, nan_ok=True)


def test_the_envelope_leaves_out_points_that_another_beats():
    fa, pd = CURVE.envelope()
    assert fa.tolist() == [0, 1e-6, 3e-5, 1e-4] and pd.tolist() == [0.2, 0.6, 0.8, 0.9]


def test_of_points_of_one_fa_the_envelope_keeps_the_best():
    fa, pd = TargetCurve(np.array([2, 1]), np.array([0.5, 0.6]), np.array([1e-6, 1e-6]), 0).envelope()
    assert (fa.tolist(), pd.tolist()) == ([1e-6], [0.6])


def test_the_area_is_the_mean_of_pd_over_log_fa():
    # Decades 1e-7..1e-3: 0.2 for one, 0.6 for log10(30), 0.8 for log10(100/30), 0.9 for one.
    by_hand = (0.2 + 0.6 * math.log10(30) + 0.8 * math.log10(10 / 3) + 0.9) / 4
    assert CURVE.area(1e-7, 1e-3) == pytest.approx(by_hand, abs=1e-12)


def test_points_beyond_the_range_of_fa_add_no_area_there():
    assert CURVE.area(1e-7, 1e-5) == pytest.approx((0.2 + 0.6) / 2, abs=1e-12)
    by_hand = (0.6 * math.log10(3) + 0.8 * math.log10(10 / 3) + 0.9) / 2
    assert CURVE.area(1e-5, 1e-3) == pytest.approx(by_hand, abs=1e-12)


def test_the_area_is_the_mean_of_pd_at_over_a_fine_grid():
    grid = np.exp(np.linspace(math.log(2e-7), math.log(4e-4), 200001))
    assert CURVE.area(2e-7, 4e-4) == pytest.approx(np.mean([CURVE.pd_at(fa) for fa in grid[::50]]), abs=1e-3)


def test_an_fa_that_no_threshold_comes_down_to_counts_as_pd_0():
    assert TargetCurve(np.array([1]), np.array([1.0]), np.array([1e-4]), 0).area(1e-6, 1e-2) == pytest.approx(0.5)


def test_a_perfect_detector_has_area_1_everywhere():
    truth = np.zeros((16, 16), bool)
    truth[4:6, 4:6] = True
    counter = counted([(truth.astype(float), truth)])
    assert (counter.targets().area(), counter.pixels().auc, counter.pixels().average_precision) == (1, 1, 1)


def test_without_targets_what_needs_them_is_nan():
    counter = counted([(np.full((8, 8), 0.7), np.zeros((8, 8), bool))])
    pixels, targets = counter.pixels(), counter.targets()
    assert all(map(math.isnan, (pixels.auc, pixels.average_precision, targets.pd_at(1), targets.area(1e-6, 1))))
    assert targets.fa[targets.own] == 1


def test_a_range_that_does_not_rise_is_refused():
    with pytest.raises(ConfigError, match='0.001 to 1e-06; expected 0 < low < high'):
        CURVE.area(1e-3, 1e-6)


@pytest.mark.parametrize('levels', [[], [0.5], [-1], [65536]])
def test_levels_that_are_none_are_refused(levels):
    with pytest.raises(ConfigError, match=r'whole numbers 0\.\.65535'):
        CurveCounter(get('canonical'), levels)


def test_a_curve_of_no_image_is_refused():
    with pytest.raises(DataError, match='at least one'):
        CurveCounter(get('canonical')).pixels()
