"""Figures of curves, comparisons, difference maps, surfaces and contact sheets: what is drawn, and where."""

import numpy as np
import pytest
from matplotlib.text import Text

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.curves import CurveCounter, TargetCurve
from irstd_toolbox.evaluation.protocols import get
from irstd_toolbox.visualization import COLOURS, find, to_rgb
from irstd_toolbox.visualization.contact_sheet import Tile, contact_sheet, worst_first
from irstd_toolbox.visualization.curve_figures import (
    curve_rows,
    epochs_figure,
    pd_fa_figure,
    pr_figure,
    roc3d_figure,
    roc_figure,
    style_of,
)
from irstd_toolbox.visualization.difference import comparison, difference, difference_map
from irstd_toolbox.visualization.insets import shared_insets
from irstd_toolbox.visualization.surfaces import surfaces

SIZE = (48, 64)


@pytest.fixture(scope='module')
def scene():
    """Image, mask, a prediction that finds the first of two targets and has a false alarm."""
    image = np.random.default_rng(0).integers(60, 90, SIZE).astype(np.uint8)
    gt, prediction = np.zeros((2, *SIZE), bool)
    gt[5:8, 5:8] = gt[30:33, 40:43] = True
    prediction[5:8, 6:9] = prediction[45, 2] = True
    return image, gt, prediction


@pytest.fixture(scope='module')
def curves(scene):
    image, gt, prediction = scene
    counters = {}
    for name, sharpness in (('good', 0.6), ('bad', 0.2)):
        counters[name] = CurveCounter(get('canonical'))
        counters[name].add(0.3 * (image - 60) / 30 + sharpness * gt, gt)
    return ({name: counter.pixels() for name, counter in counters.items()},
            {name: counter.targets() for name, counter in counters.items()})


def labels(figure):
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    return [text.get_text() for legend in legends if legend for text in legend.get_texts()]


@pytest.mark.parametrize('draw', [roc_figure, pr_figure, pd_fa_figure, roc3d_figure])
def test_a_method_that_begins_with_an_underscore_has_its_place_in_the_legend(curves, draw):
    pixels, targets = curves
    found = targets if draw is pd_fa_figure else pixels
    first, second = labels(draw({'_ours': found['good'], 'base': found['bad']}))
    assert first.startswith(' _ours  ') and second.startswith('base  ')


def test_every_method_of_a_figure_has_its_own_line():
    styles = {(str(style_of(number)['color']), str(style_of(number)['linestyle'])) for number in range(28)}
    assert len(styles) == 28


def test_the_roc_names_each_method_with_its_auc(curves):
    pixels, _ = curves
    assert labels(roc_figure(pixels)) == [f'{name}  AUC {curve.auc:.4f}' for name, curve in pixels.items()]


def test_the_roc_line_is_the_curve(curves):
    line = roc_figure(curves[0]).axes[0].lines[0]
    curve = curves[0]['good']
    assert np.interp(0.5, line.get_xdata(), line.get_ydata()) == pytest.approx(np.interp(0.5, curve.fpr, curve.tpr))


def test_the_pr_line_ends_at_the_share_of_target_pixels(curves):
    line = pr_figure(curves[0]).axes[0].lines[1]
    assert (line.get_xdata()[-1], line.get_ydata()[-1]) == pytest.approx((1.0, 18 / (48 * 64)))


def test_the_pd_fa_figure_marks_the_protocols_own_threshold(curves):
    curve = curves[1]['good']
    lines = pd_fa_figure(curves[1]).axes[0].lines
    marks = [line for line in lines if line.get_marker() == 'o' and len(line.get_xdata())]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in marks] == [
        (pytest.approx(max(curve.fa[curve.own], 1e-6)), curve.pd[curve.own])]


@pytest.mark.parametrize(('fa', 'limits'), [(0.02, (1e-6, 0.04)), (1e-8, (5e-9, 1e-3)), (0, (1e-6, 1e-3))])
def test_the_pd_fa_axis_reaches_a_threshold_outside_the_range(curves, fa, limits):
    curve = curves[1]['good']
    moved = type(curve)(curve.levels, curve.pd, np.full_like(curve.fa, fa), curve.own)
    assert pd_fa_figure({'far': moved}).axes[0].get_xlim() == pytest.approx(limits)


def test_the_pd_fa_line_is_a_staircase_and_its_area_that_of_the_range_asked_for():
    curve = TargetCurve(np.array([2, 1]), np.array([0.5, 1]), np.array([1e-6, 1e-2]), 0)
    axes, = pd_fa_figure({'ours': curve}, fa_range=(1e-4, 0.1)).axes
    assert axes.lines[0].get_drawstyle() == 'steps-post'
    assert axes.get_legend().get_texts()[0].get_text() == 'ours  0.667'  # 0.5 over two decades, 1 over one
    assert axes.get_legend().get_title().get_text() == 'area, Fa $10^{-4}$ to $10^{-1}$'


def test_a_long_legend_stands_beside_the_axes():
    lines = {str(number): (np.arange(2), np.arange(2), None) for number in range(7)}
    framed = [epochs_figure(dict([*lines.items()][:count]), '').axes[0].get_legend().get_frame_on() for count in (6, 7)]
    assert framed == [True, False]


def test_a_figure_has_the_width_asked_for(curves):
    (pixels, targets), width = curves, 2.5
    figures = [roc_figure(pixels, width), pr_figure(pixels, width), pd_fa_figure(targets, width),
               roc3d_figure(pixels, width)]
    assert [figure.get_figwidth() for figure in figures] == [width] * 4


def test_the_3d_roc_has_three_dimensions_and_two_projections(curves):
    figure = roc3d_figure(curves[0])
    assert [axes.name for axes in figure.axes] == ['3d', 'rectilinear', 'rectilinear']
    assert labels(figure)[0].startswith('good  area')


@pytest.mark.parametrize(('kind', 'keys'), [
    ('roc', ['threshold', 'fpr', 'tpr']), ('pr', ['threshold', 'recall', 'precision']),
    ('pd_fa', ['threshold', 'fa', 'pd', 'own_threshold']), ('roc3d', ['threshold', 'pf', 'pd'])])
def test_the_rows_of_a_figure_hold_its_points(curves, kind, keys):
    rows = list(curve_rows(kind, curves[kind == 'pd_fa']))
    assert list(rows[0]) == ['method', *keys]
    assert {row['method'] for row in rows} == {'good', 'bad'}
    names = {'threshold': 'thresholds', 'pf': 'fpr', 'recall': 'tpr', 'pd': 'pd' if kind == 'pd_fa' else 'tpr'}
    for method, curve in curves[kind == 'pd_fa'].items():
        columns = np.transpose([np.arange(len(curve.levels)) == curve.own if key == 'own_threshold' else
                                getattr(curve, names.get(key, key)) for key in keys])
        found = np.array([[row[key] for key in keys] for row in rows if row['method'] == method])
        np.testing.assert_array_equal(found, columns[np.searchsorted(-columns[:, 0], -found[:, 0])])


def test_rows_of_an_unknown_kind_are_refused(curves):
    with pytest.raises(ConfigError, match="'det'; expected one of roc, pr, pd_fa, roc3d"):
        list(curve_rows('det', curves[0]))


@pytest.mark.parametrize('count', [0, 29])
def test_a_figure_of_no_method_or_of_more_than_there_are_lines_is_refused(count):
    with pytest.raises(ConfigError, match=f'{count} methods; expected 1 to 28'):
        roc_figure(dict.fromkeys(range(count)))


def test_a_missed_target_is_enlarged_before_a_false_alarm(scene):
    _, gt, prediction = scene
    (window, _), = shared_insets([find(prediction, gt)], SIZE, 1)
    assert window[0] <= 30 and window[2] >= 33 and window[1] <= 40 and window[3] >= 43


def circles(axes):
    return sorted((round(patch.center[1], 1), round(patch.center[0], 1)) for patch in axes.patches
                  if patch.__class__.__name__ == 'Circle')


def test_a_comparison_circles_every_finding_of_each_method(scene):
    image, gt, prediction = scene
    figure = comparison(image, gt, {'ours': prediction, 'perfect': gt})
    by_name = {axes.get_title(): circles(axes) for axes in figure.axes if axes.get_title()}
    assert by_name == {'image': [(6, 6), (31, 41)], 'ground truth': [(6, 6), (31, 41)],
                       'ours': [(6, 6.5), (31, 41), (45, 2)], 'perfect': [(6, 6), (31, 41)]}


def test_a_circle_has_three_percent_of_the_longer_side_and_a_tall_picture_four_inches():
    gt = np.zeros((400, 100), bool)
    gt[50, 50] = True
    figure = comparison(gt.astype(np.uint8), gt, {})
    assert [patch.radius for patch in figure.axes[0].patches] == [12]
    assert figure.axes[0].get_position().height * figure.get_figheight() == pytest.approx(4)


def test_a_comparison_colours_circles_by_verdict(scene):
    from matplotlib.colors import to_hex
    image, gt, prediction = scene
    axes = comparison(image, gt, {'ours': prediction}).axes[2]
    assert sorted((to_hex(patch.get_edgecolor()).upper(), patch.get_linestyle() == '-') for patch in axes.patches) == \
        sorted((COLOURS[kind], kind != 'miss') for kind in ('hit', 'miss', 'false alarm'))


def test_a_comparison_enlarges_the_same_window_in_every_picture(scene):
    image, gt, prediction = scene[0] + np.uint8(90) * scene[1][::-1], *scene[1:]  # brighter outside of the window
    figure = comparison(image, gt, {'ours': prediction, 'perfect': gt})
    insets = [axes.child_axes[0] for axes in figure.axes if axes.get_title()]
    (window, (top, left, bottom, right)), = shared_insets([find(prediction, gt), find(gt, gt)], SIZE, 1)
    outer, inner = figure.axes[0].get_position(), insets[0].get_axes_locator()(insets[0], None)
    assert ((inner.x0 - outer.x0) / outer.width, (inner.x1 - outer.x0) / outer.width) == pytest.approx(
        (left / 64, right / 64))
    assert ((outer.y1 - inner.y1) / outer.height, (outer.y1 - inner.y0) / outer.height) == pytest.approx(
        (top / 48, bottom / 48))
    grey, cut = (values[window[0]:window[2], window[1]:window[3]] for values in (image, gt))
    np.testing.assert_array_equal(insets[1].images[0].get_array(), cut)
    assert [axes.images[0].get_clim() for axes in insets] == [(grey.min(), grey.max()), *[(0, 1)] * 3]


def test_a_comparison_shows_probabilities_after_the_mask_of_their_method(scene):
    image, gt, prediction = scene
    values = np.where(prediction, 0.75, 0.25)
    one = comparison(image, gt, {'ours': prediction}, probabilities={'ours': values})
    two = comparison(image, gt, {'ours': prediction, 'theirs': gt}, probabilities={'ours': values})
    titles = [[axes.get_title() for axes in figure.axes] for figure in (one, two)]
    assert titles == [['image', 'ground truth', 'ours', 'probability'],
                      ['image', 'ground truth', 'ours', 'ours, probability', 'theirs']]
    np.testing.assert_array_equal(one.axes[3].images[0].get_array(), values)
    assert circles(one.axes[3]) == circles(one.axes[2])


def test_a_comparison_without_ground_truth_circles_what_was_found(scene):
    image, _, prediction = scene
    figure = comparison(image, None, {'ours': prediction})
    assert {axes.get_title(): circles(axes) for axes in figure.axes} == {'image': [], 'ours': [(6, 7), (45, 2)]}
    assert labels(figure) == ['region']


def test_probabilities_of_another_size_are_refused(scene):
    image, gt, prediction = scene
    with pytest.raises(DataError, match='probability of ours has shape'):
        comparison(image, gt, {'ours': prediction}, probabilities={'ours': np.zeros((4, 4))})


def test_a_difference_map_paints_each_pixel_by_its_verdict(scene):
    image, gt, prediction = scene
    picture = difference_map(image, prediction, gt)
    for kind, where in (('hit', gt & prediction), ('miss', gt & ~prediction), ('false alarm', prediction & ~gt)):
        code = tuple(int(COLOURS[kind][i:i + 2], 16) for i in (1, 3, 5))
        assert {tuple(pixel) for pixel in picture[where].tolist()} == {code}
    rest = ~(gt | prediction)
    np.testing.assert_array_equal(picture[rest], np.rint(0.75 * image[rest])[:, None].repeat(3, axis=1))


def test_a_difference_figure_counts_pixels(scene):
    image, gt, prediction = scene
    axes = difference(image, gt, {'ours': prediction}).axes[0]
    assert axes.get_title() == 'ours\nIoU 0.273: 6 | 12 | 4 px'


def test_a_prediction_of_another_size_is_refused_by_name(scene):
    image, gt, _ = scene
    with pytest.raises(DataError, match='prediction of ours has shape'):
        difference(image, gt, {'ours': gt[:-1]})


def test_the_worst_image_comes_first_and_an_empty_one_last():
    assert worst_first({'empty': float('nan'), 'fair': 0.4, 'bad': 0.1}) == ['bad', 'fair', 'empty']


def test_a_contact_sheet_tells_each_tiles_iou_and_counts(scene):
    image, gt, prediction = scene
    figure = contact_sheet([Tile('a', image, gt, prediction), Tile('b', image, gt, gt)], columns=4)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ['a\nIoU 0.273  1 hit, 1 missed, 1 false', 'b\nIoU 1.000  2 hit, 0 missed, 0 false']


def test_a_sheet_without_predictions_counts_regions_shortens_names_and_is_as_high_as_the_tallest_of_a_row(scene):
    image, gt, _ = scene
    name = f'sequence_0001_{20 * "x"}_frame_00042'
    figure = contact_sheet([Tile(name, image, gt, None), Tile('low', image[:24], None, None, caption='told')])
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ['sequence_000…xxx_frame_00042\nregions 2', 'low\ntold']
    assert labels(figure) == ['target']
    (width, height), place = figure.get_size_inches(), figure.axes[0].get_position(original=True)
    assert place.height * height / (place.width * width) == pytest.approx(48 / 64)


def test_a_contact_sheet_of_nothing_is_refused():
    with pytest.raises(ConfigError, match='no image'):
        contact_sheet([])


def test_names_with_dollars_are_no_mathematics(scene, curves):
    image, gt, prediction = scene
    name, pixels = 'US$_$', next(iter(curves[0].values()))
    figures = [roc_figure({name: pixels}), roc3d_figure({name: pixels}), comparison(image, gt, {name: gt}, title=name),
               difference(image, gt, {name: gt}, title=name), surfaces({name: image}, title=name),
               contact_sheet([Tile(name, image, gt, gt)], title=name)]
    for figure in figures:
        shown = [text.get_text().replace('\\$', '$') for text in figure.findobj(Text)]
        assert any(name in text for text in shown)
        figure.set_dpi(20)
        assert to_rgb(figure).any()
