"""Figures of curves, several methods in each: ROC, precision-recall, Pd-Fa and 3-D ROC, at the width of a column."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.evaluation.curves import DEFAULT_LEVELS, FA_RANGE, PixelCurve, TargetCurve

__all__ = [
    'COLUMN', 'PAGE', 'curve_rows', 'epochs_figure', 'pd_fa_figure', 'pr_figure', 'roc3d_figure', 'roc_figure',
    'style_of']

COLUMN, PAGE = 3.5, 7.16
"""Widths of one and of two columns of a two-column journal, in inches."""

_COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#000000', '#56B4E9', '#E69F00')
_DASHES: tuple = ('-', (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
_MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X')
_LEVELS_3D = tuple(sorted({*DEFAULT_LEVELS, *range(0, 65536, 257)} - {65535}))


def style_of(number: int) -> dict:
    """Colour, dashes and marker of a method: 28 pairs of colour and dashes, told apart without colours too.

    The colours are Okabe and Ito's for colour-blind readers, without their yellow, which paper swallows.
    """
    return {'color': _COLOURS[number % 7], 'linestyle': _DASHES[number % 4],
            'marker': _MARKERS[number % 7]}


def roc_figure(curves: Mapping[str, PixelCurve], width: float = COLUMN) -> Figure:
    """Pixel ROC: TPR over FPR, with the AUC in the legend.

    FPR is logarithmic from one pixel of the set upwards: background outnumbers target pixels a thousandfold, and on a
    linear axis all methods lie on the left edge. The steps are drawn between points as the trapezoids of the AUC.

    Args:
        curves: Method to curve.
        width: Inches.
    """
    figure, axes = _start(curves, width)
    least = min((1 / curve.false[-1] for curve in curves.values() if curve.false[-1]), default=1e-6)
    for number, (name, curve) in enumerate(curves.items()):
        chosen = curve.corners()
        axes.plot(np.maximum(curve.fpr[chosen], least), curve.tpr[chosen], linewidth=1.2,
                  label=f'{_legible(name)}  AUC {curve.auc:.4f}', **_line(number))
    axes.set(xscale='log', xlim=(least, 1), xlabel='false positive rate (pixels)', ylabel='true positive rate (pixels)')
    return _finish(figure, axes)


def pr_figure(curves: Mapping[str, PixelCurve], width: float = COLUMN) -> Figure:
    """Precision over recall of pixels, with the average precision in the legend.

    Args:
        curves: Method to curve.
        width: Inches.
    """
    figure, axes = _start(curves, width)
    for number, (name, curve) in enumerate(curves.items()):
        chosen = curve.corners()
        axes.plot(curve.tpr[chosen], curve.precision[chosen], linewidth=1.2,
                  label=f'{_legible(name)}  AP {curve.average_precision:.3f}', **_line(number))
    axes.set(xlim=(0, 1), xlabel='recall (pixels)', ylabel='precision (pixels)')
    return _finish(figure, axes)


def pd_fa_figure(
    curves: Mapping[str, TargetCurve], width: float = COLUMN, fa_range: tuple[float, float] = FA_RANGE,
) -> Figure:
    """Pd over Fa of targets, with the area over the range of Fa in the legend.

    The line is the envelope that :meth:`TargetCurve.pd_at` reads; small dots are the thresholds themselves, of which
    some lie below it; the large marker is the protocol's own threshold. Fa below the axis, and 0,
    stand on its left end. The axis is the range, widened where a method's own threshold lies outside.

    Args:
        curves: Method to curve.
        width: Inches.
        fa_range: Over which the area is taken.
    """
    figure, axes = _start(curves, width)
    own = [curve.fa[curve.own] for curve in curves.values()]
    low = min([fa_range[0], *(fa / 2 for fa in own if fa > 0)])
    high = max([fa_range[1], *(2 * fa for fa in own)])
    for number, (name, curve) in enumerate(curves.items()):
        fa, pd = curve.envelope()
        style = _line(number)
        mark = dict(marker=style_of(number)['marker'], markersize=4.5, markeredgecolor='white', markeredgewidth=0.5)
        axes.step(np.append(np.maximum(fa, low), max(high, fa[-1])), np.append(pd, pd[-1]), where='post',
                  linewidth=1.2, **style)
        axes.plot(np.maximum(curve.fa, low), curve.pd, linestyle='', marker='.', markersize=2, color=style['color'])
        axes.plot(max(own[number], low), curve.pd[curve.own], clip_on=False, zorder=4, **mark,
                  color=style['color'], linestyle='')
        axes.plot([], [], linewidth=1.2, label=f'{_legible(name)}  {curve.area(*fa_range):.3f}', **mark, **style)
    axes.set(xscale='log', xlim=(low, high), xlabel='false-alarm rate Fa', ylabel='probability of detection Pd')
    return _finish(figure, axes, title=f'area, Fa {_power(fa_range[0])} to {_power(fa_range[1])}')


def epochs_figure(
    lines: Mapping[str, tuple[np.ndarray, np.ndarray, int | None]], label: str, width: float = COLUMN,
) -> Figure:
    """A logged value over the epochs of trainings, the best of each marked.

    Args:
        lines: Training to its epochs, its values and the place of the best of them.
        label: What the values are.
        width: Inches.
    """
    figure, axes = _start(lines, width)
    for number, (name, (epochs, values, best)) in enumerate(lines.items()):
        style = _line(number)
        axes.plot(epochs, values, linewidth=1.2, label=_legible(name), **style)
        if best is not None:
            axes.plot(epochs[best], values[best], linestyle='', marker=style_of(number)['marker'], markersize=4.5,
                      markeredgecolor='white', markeredgewidth=0.5, color=style['color'])
    axes.set(xlabel='epoch', ylabel=label)
    return _finish(figure, axes, top=None)


def roc3d_figure(curves: Mapping[str, PixelCurve], width: float = PAGE) -> Figure:
    """3-D ROC of pixels: Pd, Pf and threshold, beside Pd and Pf over the threshold.

    Thin lines are the projections of the curve on the two walls behind it: ROC, and Pd over the threshold.

    Args:
        curves: Method to curve.
        width: Inches; below 5, the two stand under the 3-D axes.
    """
    wide = width >= 5
    _check_methods(curves)
    figure = Figure(figsize=(width, 0.42 * width if wide else 1.45 * width), dpi=300, facecolor='white')
    places = (((0.0, 0.0, 0.52, 0.92), (0.61, 0.58, 0.375, 0.38), (0.61, 0.15, 0.375, 0.38)) if wide else
              ((0.03, 0.44, 0.9, 0.5), (0.16, 0.27, 0.81, 0.15), (0.16, 0.08, 0.81, 0.15)))
    deep, *flat = (figure.add_axes(place, projection=kind) for place, kind in zip(
        places, ('3d', None, None), strict=True))
    for number, (name, curve) in enumerate(curves.items()):
        thresholds, pd, pf = curve.at(_LEVELS_3D)
        areas = curve.areas_3d()
        style = _line(number)
        power = np.log10(np.maximum(pf, 1e-7))
        deep.plot(power, thresholds, pd, linewidth=1.4, **style,
                  label=f'{_legible(name)}  area $P_d$ {areas["Dt"]:.3f}, $P_f$ {areas["Ft"]:.1e}')
        for wall in ((power, np.ones_like(pd), pd), (np.zeros_like(pd), thresholds, pd)):
            deep.plot(*wall, linewidth=0.6, alpha=0.5, **style)
        flat[0].plot(thresholds, pd, linewidth=1.2, **style)
        flat[1].plot(thresholds, pf, linewidth=1.2, **style)
    deep.set(xlim=(-7, 0), ylim=(0, 1), zlim=(0, 1))
    deep.set_xticks(range(-6, 1, 2), [f'$10^{{{power}}}$' for power in range(-6, 1, 2)])
    for axis, label in ((deep.xaxis, '$P_f$'), (deep.yaxis, 'threshold'), (deep.zaxis, '$P_d$')):
        axis.set_label_text(label, fontsize=8)
        axis.labelpad = -5
    deep.zaxis.set_rotate_label(False)
    deep.zaxis.label.set_rotation(90)
    deep.tick_params(labelsize=6, pad=-2)
    deep.view_init(elev=20, azim=-128)  # across the curves, which fall from high Pf to high thresholds
    flat[0].set(ylim=(0, 1), ylabel='$P_d$')
    flat[1].set(ylim=(1e-7, 1), yscale='log', ylabel='$P_f$', xlabel='threshold')
    for axes in flat:
        axes.set_xlim(0, 1)
        _dress(axes)
    figure.legend(*deep.get_legend_handles_labels(), loc='upper left', fontsize=6, frameon=False, handlelength=2.4,
                  labelspacing=0.3, borderaxespad=0.2)
    flat[0].tick_params(labelbottom=False)
    return figure


def curve_rows(kind: str, curves: Mapping[str, PixelCurve | TargetCurve]) -> Iterator[dict[str, object]]:
    """The points that a figure draws, a row each.

    Args:
        kind: ``roc``, ``pr``, ``pd_fa`` or ``roc3d``.
        curves: Method to curve, as the figure's.

    Raises:
        ConfigError: If the kind is another.
    """
    rows: dict[str, Callable] = {'roc': _roc_rows, 'pr': _pr_rows, 'pd_fa': _pd_fa_rows, 'roc3d': _roc3d_rows}
    if kind not in rows:
        raise ConfigError(f'A figure of kind {kind!r}; expected one of {", ".join(rows)}.')
    for name, curve in curves.items():
        for point in rows[kind](curve):
            yield {'method': name, **point}


def _roc_rows(curve: PixelCurve) -> Iterator[dict]:
    thresholds, tpr, fpr = curve.thresholds, curve.tpr, curve.fpr
    for at in curve.corners():
        yield {'threshold': thresholds[at], 'fpr': fpr[at], 'tpr': tpr[at]}


def _pr_rows(curve: PixelCurve) -> Iterator[dict]:
    thresholds, recall, precision = curve.thresholds, curve.tpr, curve.precision
    for at in curve.corners():
        yield {'threshold': thresholds[at], 'recall': recall[at], 'precision': precision[at]}


def _pd_fa_rows(curve: TargetCurve) -> Iterator[dict]:
    for at, threshold in enumerate(curve.thresholds):
        yield {'threshold': threshold, 'fa': curve.fa[at], 'pd': curve.pd[at], 'own_threshold': int(at == curve.own)}


def _roc3d_rows(curve: PixelCurve) -> Iterator[dict]:
    for threshold, pd, pf in zip(*curve.at(_LEVELS_3D), strict=True):
        yield {'threshold': threshold, 'pf': pf, 'pd': pd}


def _check_methods(curves: Mapping) -> None:
    if not 0 < len(curves) <= 28:
        raise ConfigError(f'A figure of {len(curves)} methods; expected 1 to 28, which have a line each.')


def _start(curves: Mapping, width: float) -> tuple[Figure, Axes]:
    _check_methods(curves)
    figure = Figure(figsize=(width, 0.75 * width if width < 5 else 0.5 * width), dpi=300, facecolor='white',
                    layout='constrained')
    return figure, figure.add_subplot()


def _line(number: int) -> dict:
    return {key: value for key, value in style_of(number).items() if key != 'marker'}


def _legible(name: str) -> str:
    """The name of a method in a legend, which leaves out what begins with an underscore and reads $ as mathematics."""
    name = name.replace('$', r'\$')
    return f' {name}' if name.startswith('_') else name


def _dress(axes: Axes) -> None:
    axes.tick_params(labelsize=7)
    axes.xaxis.label.set_size(8)
    axes.yaxis.label.set_size(8)
    axes.grid(color='0.88', linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)


def _finish(figure: Figure, axes: Axes, title: str = '', top: float | None = 1.005) -> Figure:
    if top:
        axes.set_ylim(0, top)
    _dress(axes)
    # Long lists of methods stand outside, since inside they would hide the curves.
    inside = len(axes.get_legend_handles_labels()[0]) <= 6
    place = {'loc': 'best'} if inside else {'loc': 'upper left', 'bbox_to_anchor': (1.0, 1.0)}
    axes.legend(fontsize=7, frameon=inside, framealpha=0.85, edgecolor='none', title=title or None, title_fontsize=7,
                handlelength=2.2, borderpad=0.3, **place)
    return figure


def _power(value: float) -> str:
    exponent = np.log10(value)
    return f'$10^{{{exponent:.0f}}}$' if abs(exponent - round(exponent)) < 1e-9 else f'{value:g}'
