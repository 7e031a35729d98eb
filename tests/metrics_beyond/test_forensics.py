"""Which countings a published figure fits: published cases, brute force, and the constants against the data."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from irstd_toolbox.datasets.imaging import image_shape, read_mask
from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.forensics import Figure, GroundTruth, Rule, count_truth, investigate, rule_of
from irstd_toolbox.evaluation.known_truth import KNOWN
from irstd_toolbox.evaluation.protocols import PROTOCOLS, Protocol, get

ALL = list(PROTOCOLS.values())


def fitting(pd: str, dataset: str, fa: str | None = None) -> dict[str, str]:
    """Protocol to how it fits, over all known lists of a data set."""
    findings = [one for known in KNOWN if known.dataset == dataset
                for one in investigate(Figure(pd), known.rules, ALL, Figure(fa) if fa else None, known.variants)]
    return {name: one.pd for one in findings if one.fits for name in one.protocols}


@pytest.mark.parametrize(('pd', 'dataset', 'protocol', 'how'), [
    ('95.057', 'NUAA-SIRST', 'basicirstd', '250/263'), ('93.266', 'IRSTD-1k', 'basicirstd', '277/297'),
    ('93.88', 'IRSTD-1k', 'dnanet', '276/294'), ('88.31', 'IRSTD-1k', 'rpcanet', '257/291 (cut off)'),
    ('95.41', 'NUAA-SIRST', 'rpcanet', '104/109')])
def test_published_figures_fit_the_protocol_of_their_table(pd: str, dataset: str, protocol: str, how: str) -> None:
    assert fitting(pd, dataset)[protocol] == how


def test_ilnets_figure_fits_targets_labelled_across_a_batch_alone() -> None:
    assert list(fitting('99.07', 'NUAA-SIRST')) == ['batches of 8 labelled as volumes (ILNet)']


def test_a_figure_may_fit_no_pooled_counting_but_an_image_mean() -> None:
    assert fitting('98.26', 'IRSTD-1k') == {'lgnet': '3.5 of 201 images lost'}


@pytest.mark.parametrize(('size', 'pixels'), [((5, 10), (1,)), (None, None)])
def test_an_image_mean_of_fa_is_the_pooled_one_only_where_images_are_of_one_size(size: tuple | None, pixels) -> None:
    protocol = Protocol('own', '', size=size, average='image')
    truth = GroundTruth('own', 'test', 2, 3, pixels=100, per_image={1: 1, 2: 1})
    found, = investigate(Figure('100'), {rule_of(protocol): truth}, [protocol], Figure('10000'))
    assert found.fits and found.fa_pixels == pixels


def test_of_too_many_sums_of_an_image_mean_nothing_is_told() -> None:
    per_image = dict.fromkeys(range(1, 23), 1)
    truth = {Rule((512, 512), 'pil_nearest'): GroundTruth('own', 'test', 22, 253, per_image=per_image)}
    found, = (one for one in investigate(Figure('90.5'), truth, ALL) if one.average == 'image')
    assert found.fits is None and found.pd.startswith('too many sums to tell')


def test_the_decimals_as_printed_count() -> None:
    # 265/297 = 89.2256 is printed as 89.2 or 89.23, not as 89.20
    assert 'canonical' in fitting('89.2', 'IRSTD-1k') and 'canonical' not in fitting('89.20', 'IRSTD-1k')


@pytest.mark.parametrize(('text', 'expected'), [('12.5', [1]), ('12', [1]), ('13', [1]), ('12.4', [])])
def test_a_tie_rounds_either_way(text: str, expected: list[int]) -> None:
    assert Figure(text).whole(Fraction(25, 2)) == expected


@pytest.mark.parametrize('text', ['1_5.03', '-1', '1e2', 'nan', '٣', '', '.'])
def test_what_no_table_prints_is_no_figure(text: str) -> None:
    with pytest.raises(ConfigError, match='is no figure; expected a number as printed'):
        Figure(text)
    assert Figure('5.').value == 5 and Figure('.5').step == Fraction(1, 10)


def test_digits_cut_off_are_a_second_reading_and_less_of_a_proof() -> None:
    truth = {Rule(): GroundTruth('own', 'test', 1, 291)}
    rounded, cut, none = (
        investigate(Figure(text), truth, [get('canonical')])[0] for text in ('88.32', '88.31', '88.30'))
    assert (rounded.pd, cut.pd, none.fits) == ('257/291', '257/291 (cut off)', False)
    assert rounded.chance < cut.chance


def test_no_more_targets_are_found_than_there_are() -> None:
    truth = {Rule(): GroundTruth('own', 'test', 1, 500)}
    assert investigate(Figure('100'), truth, [get('canonical')])[0].pd == '498/500 or 499/500 or 500/500'


def test_no_fewer_targets_are_found_and_no_fewer_pixels_are_false_than_none() -> None:
    truth = {Rule(): GroundTruth('own', 'test', 1, 300, pixels=10 ** 7)}
    one, = investigate(Figure('0'), truth, [get('canonical')], Figure('0.0'))
    assert (one.pd, one.fa_pixels, one.chance) == ('0/300 or 1/300', (0,), 1)  # 0 and 1, and no figure below
    assert Figure('0').whole(Fraction(1, 4)) == [0, 1, 2]
    assert investigate(Figure('0'), truth, [get('canonical')], Figure('1'))[0].fa_pixels == (5, 15)  # least and most


def test_protocols_without_pd_are_passed_over() -> None:
    truth = dict.fromkeys([Rule(), Rule((512, 512), 'pil_nearest')], GroundTruth('own', 'test', 1, 3))
    assert investigate(Figure('100'), truth, [get('mmseg'), get('acm')]) == []


def test_image_means_equal_a_search_over_all_outcomes() -> None:
    per_image = {0: 1, 1: 2, 2: 1, 3: 2}  # one image without target is not in the mean
    outcomes = itertools.product(*[[k / n for k in range(n + 1)] for n in (1, 1, 2, 3, 3)])
    values = [20 * sum(fractions) for fractions in outcomes]
    expected = {f'{value:.1f}' for value in values} | {f'{int(10 * value + 1e-9) / 10:.1f}' for value in values}
    truth = {Rule((512, 512), 'pil_nearest'): GroundTruth('own', 'test', 6, 10, per_image=per_image)}
    figures = range(850, 1001)
    expected &= {f'{tenth / 10:.1f}' for tenth in figures}
    found = {f'{tenth / 10:.1f}' for tenth in figures
             if investigate(Figure(f'{tenth / 10:.1f}'), truth, [get('lgnet')])[0].fits}
    assert found == expected


def test_the_chance_is_the_share_of_figures_that_fit() -> None:
    truth = {Rule(): GroundTruth('own', 'test', 1, 50)}
    # 96, 97, 98 in steps of 0.1: of 21 figures 96.0 and 98.0 are k/50
    assert investigate(Figure('97.0'), truth, [get('canonical')])[0].chance == pytest.approx(2 / 21)


def test_false_alarm_pixels_are_whole_numbers() -> None:
    truth = {Rule(): GroundTruth('own', 'test', 1, 2, pixels=100_000)}
    def pixels(fa: str) -> tuple:
        return investigate(Figure('50'), truth, [get('canonical')], Figure(fa))[0].fa_pixels
    assert (pixels('30.00'), pixels('35.00'), pixels('20')) == ((3,), (), (2,))


def test_false_alarm_pixels_of_digits_cut_off_are_marked() -> None:
    truth = {Rule(): GroundTruth('own', 'test', 1, 2, pixels=300_000)}  # a pixel is 3.3333
    found = [investigate(Figure('50'), truth, [get('canonical')], Figure(fa))[0] for fa in ('6.67', '6.66', '6.65')]
    assert [(one.fa_pixels, one.fa_cut) for one in found] == [((2,), False), ((2,), True), ((), False)]


def test_rpcanets_base_is_the_background_of_images_with_targets() -> None:
    rule = Rule((256, 256), 'cv2_nearest')
    truth = {rule: GroundTruth('own', 'test', 2, 2, pixels=131072, background=65536)}
    one, = investigate(Figure('50.0'), truth, [get('rpcanet')], Figure('15.26'))
    assert one.fa_pixels == (1,)


def test_what_is_not_known_is_not_judged() -> None:
    truth = {Rule((512, 512), 'pil_nearest'): GroundTruth('own', 'test', 2, 3)}
    one, = investigate(Figure('50.0'), truth, [get('lgnet')], Figure('1.00'))
    assert one.fits is None and one.fa_pixels is None


def test_a_list_without_a_target_has_no_pd() -> None:
    truth = {Rule((512, 512), 'pil_nearest'): GroundTruth('own', 'test', 3, 0)}
    with pytest.raises(DataError, match='own, test: there is no target'):
        investigate(Figure('50.0'), truth, [get('lgnet')])


@pytest.mark.parametrize('text', ['', 'nan', '-1', '1e1', '98,3', 'inf'])
def test_what_is_no_figure_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match='is no figure'):
        Figure(text)


def test_a_pd_above_100_is_refused() -> None:
    with pytest.raises(ConfigError, match='at most 100'):
        investigate(Figure('100.1'), {}, ALL)


def test_an_fa_above_every_pixel_is_refused() -> None:
    with pytest.raises(ConfigError, match='at most 1000000'):
        investigate(Figure('50'), {}, ALL, Figure('1000000.1'))


def test_a_rule_counts_the_resized_mask() -> None:
    mask = np.zeros((512, 512), dtype=bool)
    mask[100, 100] = mask[201, 201] = True  # a pixel survives a stretch to half only at the place that is picked
    masks = [mask, np.zeros_like(mask)]  # an image without target adds nothing to the background that RPCANet counts
    found = count_truth('own', 'test', masks, [get('canonical'), get('stretch256_pil'), get('stretch256_cv2')])
    assert [truth.targets for truth in found.values()] == [2, 1, 1]
    assert found[Rule()].per_image == {0: 1, 2: 1} and found[Rule()].background == 512 * 512 - 2


@pytest.mark.parametrize(('dataset', 'split'), [('NUAA-SIRST', '86 images (idx_427)'), ('IRSTD-1k', '201 images')])
def test_the_constants_are_those_of_the_data(real_data, dataset: str, split: str) -> None:
    known, = (one for one in KNOWN if (one.dataset, one.split) == (dataset, split))
    layout = detect(real_data(dataset))
    masks = (read_mask(layout.masks[image_id], shape=image_shape(layout.images[image_id])) == 1
             for image_id in layout.ids('test'))
    assert count_truth(dataset, split, masks, ALL) == known.rules
