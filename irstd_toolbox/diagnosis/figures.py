"""Histograms of the targets of a data set, as a picture."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from irstd_toolbox.evaluation.files import write_atomically

__all__ = ['histograms', 'save']

_BLUE, _VERMILION = '#0072B2', '#D55E00'
_TITLES = {'area': ('area in pixels', 1), 'share': ('share of the image in %', 100), 'contrast': ('contrast', 1),
           'snr': ('SNR', 1)}


def histograms(statistics: Mapping[str, dict], title: str) -> Figure:
    """Four panels: area, share of the image, contrast, SNR; a dashed line stands at SPIE's bound.

    Args:
        statistics: As :func:`irstd_toolbox.diagnosis.statistics.summarise` gives them.
        title: Above the panels.
    """
    figure = Figure(figsize=(7.16, 5.0), layout='constrained')
    FigureCanvasAgg(figure)
    for axes, (key, (label, scale)) in zip(figure.subplots(2, 2).flat, _TITLES.items(), strict=True):
        _draw(axes, statistics[key], label, scale)
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    data = io.BytesIO()
    figure.savefig(data, format='png', dpi=150)
    write_atomically(path, data.getvalue())


def _draw(axes: Axes, one: Mapping[str, Sequence], label: str, scale: float) -> None:
    """Bars of equal width, since the bins are not: labelled at their edges."""
    edges, counts = one['edges'], one['histogram']
    axes.bar([place + 0.5 for place in range(len(counts))], counts, width=0.92, color=_BLUE)
    axes.set_xticks(range(len(edges)), [_label(edge * scale) for edge in edges], rotation=60, fontsize=7)
    axes.tick_params(axis='y', labelsize=7)
    axes.set_xlabel(label, fontsize=8)
    axes.set_ylabel('targets', fontsize=8)
    if 'bound' in one:
        bound = f'{one["bound"] * scale:g}' + (' %' if scale == 100 else '')
        axes.axvline(edges.index(one['bound']), color=_VERMILION, linestyle='--', linewidth=1.2)
        axes.set_title(f'{one["below_bound"]} of {sum(counts)} below SPIE\'s {bound}', fontsize=8)
    axes.spines[['top', 'right']].set_visible(False)


def _label(edge: float) -> str:
    return ('−∞' if edge < 0 else '∞') if math.isinf(edge) else f'{edge:.3g}'
