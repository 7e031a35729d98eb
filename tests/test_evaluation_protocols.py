"""Metrics and named protocols: values by hand, sizes and resize rules, golden constants of the real data sets."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from irstd_toolbox.datasets.imaging import image_shape, read_mask
from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation import functional
from irstd_toolbox.evaluation.functional import count_image
from irstd_toolbox.evaluation.protocols import PROTOCOLS, REPORTABLE, Protocol, fit, get, register, resolve, score
from irstd_toolbox.evaluation.results import measure, score_image, summarise

NATIVE = ('canonical', 'basicirstd', 'sctransnet', 'mmseg')


def square(row: int, column: int, side: int = 4, shape: tuple[int, int] = (64, 64)) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[row : row + side, column : column + side] = True
    return mask


@pytest.fixture
def own_protocols() -> Iterator[None]:
    """Takes away what a test registers."""
    before = dict(PROTOCOLS)
    yield
    PROTOCOLS.clear()
    PROTOCOLS.update(before)


@pytest.fixture(scope='module')
def truths(real_data: Callable[[str], Path]) -> Callable[[str], dict[str, np.ndarray]]:
    """The official test masks of a real data set, aligned to their images, by id."""
    kept: dict[str, dict[str, np.ndarray]] = {}

    def read(name: str) -> dict[str, np.ndarray]:
        if name not in kept:
            layout = detect(real_data(name))
            kept[name] = {
                image_id: read_mask(layout.masks[image_id], shape=image_shape(layout.images[image_id])) == 1
                for image_id in layout.ids('test', require_masks=True)}
        return kept[name]
    return read


def test_metrics_of_one_image_by_hand() -> None:
    counts = count_image(square(10, 12) | square(40, 40, 2), square(10, 10))  # 8 of 16 common, 12 false pixels
    assert functional.iou(counts) == 8 / 28
    assert functional.precision(counts) == 8 / 20
    assert functional.recall(counts) == 8 / 16
    assert functional.f1(counts) == 16 / 36
    assert functional.pixel_fpr(counts) == 12 / (4096 - 16)
    assert functional.pd(counts) == 1
    assert functional.fa(counts) == 4 / 4096


@pytest.mark.parametrize('metric', ['iou', 'precision', 'recall', 'f1', 'pd'])
def test_a_metric_without_a_denominator_is_nan(metric: str) -> None:
    empty = np.zeros((8, 8), dtype=bool)
    assert math.isnan(getattr(functional, metric)(count_image(empty, empty)))


@pytest.mark.parametrize(('policy', 'value'), [('skip', 0.5), ('zero', 0.25), ('one', 0.75)])
def test_niou_treats_an_empty_image_as_the_policy_says(policy: str, value: float) -> None:
    empty = np.zeros((64, 64), dtype=bool)
    half = count_image(square(10, 10) & square(10, 12), square(10, 10))
    assert functional.niou([half, count_image(empty, empty)], policy) == value


def test_niou_counts_a_false_alarm_on_an_empty_image_as_zero_under_every_policy() -> None:
    counts = count_image(square(5, 5), np.zeros((64, 64), dtype=bool))
    assert [functional.niou([counts], policy) for policy in functional.EMPTY_NIOU] == [0, 0, 0]


def test_niou_of_no_image_is_nan() -> None:
    assert math.isnan(functional.niou([]))


def test_an_unknown_niou_policy_is_an_error() -> None:
    with pytest.raises(ConfigError, match="empty is 'ignore'; expected one of skip, zero, one"):
        functional.niou([], 'ignore')


def test_a_perfect_detector_with_clean_empty_images_has_niou_one_only_when_they_are_skipped() -> None:
    truth, empty = square(10, 10), np.zeros((64, 64), dtype=bool)
    values = {}
    for name in ('canonical', 'basicirstd'):
        counts = [score(get(name), mask.astype(float), mask) for mask in (truth, empty, empty)]
        values[name] = measure(get(name), counts)['nIoU']
    assert values == {'canonical': 1.0, 'basicirstd': pytest.approx(1 / 3)}


def test_mmseg_reports_the_mean_of_both_classes() -> None:
    truth = square(10, 10)
    metrics = measure(get('mmseg'), [score(get('mmseg'), square(10, 12).astype(float), truth)])
    assert metrics['IoU'] == 8 / 24
    assert metrics['mIoU'] == pytest.approx((8 / 24 + (4096 - 24) / (4096 - 8)) / 2)
    assert metrics['mAcc'] == pytest.approx((8 / 16 + (4096 - 24) / (4096 - 16)) / 2)
    assert metrics['aAcc'] == pytest.approx((4096 - 24 + 8) / 4096)


def test_only_mmseg_gives_a_mean_iou() -> None:
    assert [name for name in PROTOCOLS if 'mIoU' in measure(get(name), [])] == ['mmseg']


def test_lgnet_averages_over_images_and_keeps_the_pooled_values_beside_it() -> None:
    two, one = square(10, 10, shape=(512, 512)) | square(200, 200, shape=(512, 512)), square(10, 10, shape=(512, 512))
    predictions = (square(10, 10, shape=(512, 512)), square(10, 10, shape=(512, 512)))
    metrics = measure(
        get('lgnet'), [score(get('lgnet'), p.astype(float), t) for p, t in zip(predictions, (two, one), strict=True)])
    assert (metrics['Pd'], metrics['Pd_pooled']) == (0.75, pytest.approx(2 / 3))
    assert (metrics['nIoU'], metrics['IoU']) == (0.75, pytest.approx(32 / 48))


def test_lgnet_leaves_images_without_targets_out_of_pd_but_not_out_of_fa() -> None:
    full, empty = square(10, 10, shape=(512, 512)), np.zeros((512, 512), dtype=bool)
    metrics = measure(get('lgnet'), [score(get('lgnet'), full.astype(float), mask) for mask in (full, empty)])
    assert metrics['Pd'] == 1
    assert metrics['Fa'] == 16 / 512**2 / 2


def test_the_threshold_is_strict() -> None:
    counts = score(get('canonical'), np.full((8, 8), 0.5), np.zeros((8, 8), dtype=bool))
    assert counts.predicted == 0


def test_rpcanet_divides_a_faint_map_by_its_maximum() -> None:
    faint = square(10, 10).astype(float) * 0.1
    truth = square(40, 40)
    assert score(get('canonical'), faint, truth).predicted == 0
    at_256 = score(get('rpcanet'), faint, truth)
    assert at_256.predicted == at_256.false_alarm_pixels > 0


def test_rpcanet_finds_nothing_in_a_map_of_zeros() -> None:
    assert score(get('rpcanet'), np.zeros((64, 64)), square(10, 10)).predicted == 0


def test_the_two_nearest_rules_pick_centres_and_corners() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[:, 1] = mask[:, 6] = True  # halving: centres pick 1, 3, 5, 7 and corners 0, 2, 4, 6
    halves = {
        rule: fit(Protocol('half', '', size=(4, 4), mask_resize=rule), np.zeros((8, 8)), mask)[1][0].tolist()
        for rule in ('pil_nearest', 'cv2_nearest')}
    assert halves == {'pil_nearest': [True, False, False, False], 'cv2_nearest': [False, False, False, True]}


def test_a_native_prediction_is_resized_bilinearly_without_antialiasing() -> None:
    values = np.random.default_rng(0).random((12, 12))
    resized, _ = fit(Protocol('third', '', size=(4, 4)), values, np.zeros((12, 12), dtype=bool))
    assert resized == pytest.approx(values[1::3, 1::3])
    resized, _ = fit(Protocol('half', '', size=(6, 6)), values, np.zeros((12, 12), dtype=bool))
    assert resized == pytest.approx(values.reshape(6, 2, 6, 2).mean((1, 3)))


def test_a_prediction_of_the_scored_size_is_used_as_it_is() -> None:
    prediction = np.random.default_rng(0).random((256, 256))
    assert fit(get('dnanet'), prediction, np.zeros((40, 50), dtype=bool))[0] is prediction


def test_a_prediction_of_another_size_is_an_error_with_what_fits() -> None:
    with pytest.raises(DataError, match=r"is 30x20 \(width x height\); protocol 'dnanet' expects 50x40 or 256x256"):
        fit(get('dnanet'), np.zeros((20, 30)), np.zeros((40, 50), dtype=bool))


def test_an_image_of_one_pixel_is_scored_under_every_protocol() -> None:
    pixel = np.ones((1, 1), dtype=bool)
    for name in PROTOCOLS:
        assert functional.iou(score(get(name), pixel.astype(float), pixel)) == 1, name


def test_each_protocol_has_the_rules_of_the_tables_that_it_replays() -> None:
    native = dict(
        size=None, mask_resize='pil_nearest', threshold=0.5, divide_by_maximum=False, connectivity=8, matching='greedy',
        below=3.0, false_alarm='unmatched_area', false_alarm_base='pixels', empty_niou='zero', average='pooled')
    by_area, ours = dict(false_alarm='area_value'), dict(empty_niou='skip')
    told = {
        'canonical': ours, 'basicirstd': {}, 'mmseg': {}, 'sctransnet': by_area, 'acm': dict(size=(512, 512)),
        'dnanet': dict(by_area, size=(256, 256)), 'isnet': dict(by_area, size=(512, 512)),
        'lgnet': dict(size=(512, 512), average='image'),
        'shooting': dict(matching='shooting', false_alarm='outside_zones'),
        'rpcanet': dict(size=(256, 256), mask_resize='cv2_nearest', divide_by_maximum=True, matching='overlap',
                        false_alarm='off_target', false_alarm_base='background_of_images_with_targets'),
        **{f'stretch{side}_{way}': dict(ours, size=(side, side), mask_resize=f'{way}_nearest')
           for side in (256, 512) for way in ('pil', 'cv2')}}
    assert {name: get(name).rules() for name in told} == {name: native | rules for name, rules in told.items()}


def test_equal_rules_have_equal_fingerprints_and_other_rules_others() -> None:
    canonical = get('canonical')
    assert dataclasses.replace(canonical, name='other', summary='').fingerprint() == canonical.fingerprint()
    assert dataclasses.replace(canonical, threshold=0.4).fingerprint() != canonical.fingerprint()
    assert get('basicirstd').fingerprint() != get('sctransnet').fingerprint()


def test_a_registered_protocol_is_found_by_name(own_protocols: None) -> None:
    mine = register(Protocol('mine', 'a test', below=5.0))
    assert resolve(['mine']) == [mine]


def test_a_protocol_name_cannot_be_taken_twice(own_protocols: None) -> None:
    with pytest.raises(ConfigError, match="'canonical' exists already; choose another name"):
        register(Protocol('canonical', 'a test'))


def test_an_unknown_protocol_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'canonic' is no known protocol; expected one of acm, basicirstd, canonical"):
        get('canonic')


def test_a_config_may_spell_a_protocol_out() -> None:
    (protocol,) = resolve([{'name': 'mine', 'size': [32, 48], 'connectivity': 4}])
    assert (protocol.size, protocol.connectivity) == ((32, 48), 4)


def test_a_spelled_out_protocol_with_an_unknown_field_is_an_error() -> None:
    with pytest.raises(ConfigError, match='expected a name and any of average, below'):
        resolve([{'name': 'mine', 'distance': 3}])


def test_a_spelled_out_protocol_cannot_take_a_known_name() -> None:
    with pytest.raises(ConfigError, match="'canonical' exists already; choose another name"):
        resolve([{'name': 'canonical', 'below': 50.0}])


def test_what_can_be_reported_is_what_is_measured() -> None:
    measured = measure(Protocol('mine', 'a test', reports=REPORTABLE), [])
    assert set(measured) == set(REPORTABLE)


@pytest.mark.parametrize('names', [[], ['canonical', 'canonical']], ids=['none', 'twice'])
def test_no_protocol_and_one_twice_are_errors(names: list[str]) -> None:
    with pytest.raises(ConfigError, match='expected at least one and each once'):
        resolve(names)


@pytest.mark.parametrize(('change', 'message'), [
    ({'matching': 'nearest'}, 'matching is .nearest.; expected one of greedy'),
    ({'connectivity': 6}, 'connectivity is 6; expected one of 8, 4'),
    ({'size': (0, 4)}, r'size is \(0, 4\); expected \(H, W\) in whole pixels, or None'),
    ({'size': 384}, r'size is 384; expected \(H, W\) in whole pixels'),
    *(({'size': size}, rf'size is \({size[0]}, 10\); expected') for size in ((384.7, 10), (True, 10))),
    *(({'threshold': value}, f'threshold is {value!r}; expected a probability') for value in (1, 1.5, False, '0.5')),
    *(({'below': value}, f'below is {value!r}; expected a distance in pixels') for value in (-3.0, math.inf, '5')),
    ({'divide_by_maximum': 'no'}, "divide_by_maximum is 'no'; expected True or False"),
    ({'reports': ('Foo',)}, r"reports is \('Foo',\); expected any of IoU, nIoU, Pd, Fa, precision"),
    ({'reports': 'IoU'}, "reports is 'IoU'; expected any of"),
])
def test_a_protocol_with_an_impossible_choice_is_an_error(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Protocol('wrong', '', **change)


@pytest.mark.parametrize(('name', 'images', 'targets', 'pixels'), [
    ('IRSTD-1k', 201, 297, 14534), ('NUAA-SIRST', 86, 109, 3374)])
def test_fingerprint_of_the_official_test_list(
    truths: Callable[[str], dict[str, np.ndarray]], name: str, images: int, targets: int, pixels: int,
) -> None:
    protocols = resolve(['canonical'])
    scores = [score_image(key, mask.astype(float), mask, protocols) for key, mask in truths(name).items()]
    fingerprint = summarise(scores, protocols)['fingerprint']
    found = [fingerprint[key] for key in ('images', 'targets', 'foreground_pixels')]
    assert found == [images, targets, pixels]


@pytest.mark.parametrize(('protocol', 'targets'), [
    ('stretch256_pil', 294), ('dnanet', 294), ('stretch256_cv2', 291), ('rpcanet', 291), ('stretch512_pil', 297)])
def test_irstd_1k_has_as_many_targets_as_the_resize_rule_leaves(
    truths: Callable[[str], dict[str, np.ndarray]], protocol: str, targets: int,
) -> None:
    counts = [score(get(protocol), mask.astype(float), mask) for mask in truths('IRSTD-1k').values()]
    assert functional.total(counts).targets == targets


@pytest.mark.parametrize(('name', 'protocols'), [
    ('IRSTD-1k', (*NATIVE, 'isnet', 'acm', 'lgnet')), ('NUAA-SIRST', NATIVE)])
def test_ground_truth_as_prediction_is_perfect_under_every_protocol_that_does_not_resize(
    truths: Callable[[str], dict[str, np.ndarray]], name: str, protocols: tuple[str, ...],
) -> None:
    chosen = resolve(protocols)
    scores = [score_image(key, mask.astype(float), mask, chosen) for key, mask in truths(name).items()]
    for protocol, metrics in summarise(scores, chosen)['protocols'].items():
        assert (metrics['IoU'], metrics['nIoU'], metrics['Pd'], metrics['Fa']) == (1, 1, 1, 0), protocol


def test_ground_truth_resized_as_a_map_is_not_perfect_at_256(
    truths: Callable[[str], dict[str, np.ndarray]],
) -> None:
    chosen = resolve(['dnanet', 'rpcanet'])
    scores = [score_image(key, mask.astype(float), mask, chosen) for key, mask in truths('IRSTD-1k').items()]
    counts = summarise(scores, chosen)['counts']
    assert (counts['dnanet']['matched'], counts['dnanet']['targets']) == (284, 294)
    assert (counts['rpcanet']['matched'], counts['rpcanet']['targets']) == (286, 291)
