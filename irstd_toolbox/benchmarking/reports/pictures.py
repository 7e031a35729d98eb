"""The figures of reports: curves of every test list, and panels of its hardest images."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from irstd_toolbox.datasets.imaging import image_shape, read_image, read_mask
from irstd_toolbox.errors import UserError
from irstd_toolbox.evaluation.prediction_io import read_prediction
from irstd_toolbox.evaluation.protocols import decide
from irstd_toolbox.visualization.contact_sheet import worst_first
from irstd_toolbox.visualization.curve_figures import pd_fa_figure, pr_figure, roc_figure
from irstd_toolbox.visualization.difference import comparison
from irstd_toolbox.visualization.panels import to_rgb

from .evidence import Evidence
from .tables import Picture, Section

__all__ = ['BUDGET_MIB', 'PANELS', 'curve_sections', 'draw_curves', 'picture_sections']

PANELS, BUDGET_MIB = 4, 12
"""Images drawn of each test list, and what all pictures of a page may hold together."""

_METHODS, _DPI = 12, 150  # lines that one figure of curves can tell apart; 1074 pixels for the width of a page
_WIDTH = 6.0


def draw_curves(gathered: Mapping[tuple, Evidence]) -> dict[tuple, list[Picture]]:
    """The figures of curves of every test list."""
    return {key: _curves(evidence) for key, evidence in gathered.items()}


def curve_sections(gathered: Mapping[tuple, Evidence], drawn: Mapping[tuple, list[Picture]]) -> list[Section]:
    """Curves of every test list, for a document: what could not be drawn is counted, since its reasons name paths."""
    sections = []
    for key, evidence in gathered.items():
        told = []
        if evidence.counts:
            told.append(f'Lines are of the first seed of each method, protocol {evidence.protocol.name}.')
        if evidence.remarks:
            told.append(f'Not drawn, for the reasons in report.html: {len(evidence.remarks)}.')
        sections.append(Section(f'Curves: {evidence.title}', told, pictures=drawn[key]))
    return sections


def picture_sections(gathered: Mapping[tuple, Evidence], drawn: Mapping[tuple, list[Picture]]) -> list[Section]:
    """Curves and panels of every test list.

    Curves go first; what would make the pictures of the page larger than :data:`BUDGET_MIB` is left out and named.
    """
    budget = _Budget()
    curves = {key: budget.take(drawn[key]) for key in gathered}
    panels = {key: budget.take(_panels(evidence)) for key, evidence in gathered.items()}
    sections = []
    for key, evidence in gathered.items():
        left = curves[key][1] + panels[key][1]
        remarks = [*evidence.remarks, *(
            [f'{left} pictures are left out: those of a page hold at most {BUDGET_MIB} MiB. tools/plot_curves.py and '
             'tools/draw.py draw all.'] if left else [])]
        said = [f'Lines and masks are of the first seed of each method, protocol {evidence.protocol.name}. Panels: the '
                f'{len(panels[key][0])} images of the lowest IoU, its mean over the methods; blue is hit, yellow and '
                'dashed missed, vermilion a false alarm.'] if evidence.counts else []
        sections.append(Section(f'Curves and pictures: {evidence.title}', [*said, *remarks],
                                pictures=[*curves[key][0], *panels[key][0]]))
    return sections


class _Budget:
    """Counts the bytes of pictures."""

    def __init__(self) -> None:
        self.left = BUDGET_MIB * 2 ** 20

    def take(self, pictures: Sequence[Picture]) -> tuple[list[Picture], int]:
        """Those that fit, and the number of those that do not."""
        kept = []
        for picture in pictures:
            if len(picture.png) <= self.left:
                self.left -= len(picture.png)
                kept.append(picture)
        return kept, len(pictures) - len(kept)


def _curves(evidence: Evidence) -> list[Picture]:
    labels = list(evidence.counts)
    pictures = []
    for start in range(0, len(labels), _METHODS):
        part = labels[start:start + _METHODS]
        which = f', methods {start + 1} to {start + len(part)}' if len(labels) > _METHODS else ''
        pixels = {label: evidence.counters[label].pixels() for label in part}
        targets = {label: evidence.counters[label].targets() for label in part}
        for name, draw, curves in (
                ('Pd over Fa', pd_fa_figure, targets), ('ROC of pixels', roc_figure, pixels),
                ('Precision over recall of pixels', pr_figure, pixels)):
            pictures.append(Picture(f'{name}{which}', _png(draw(curves, _WIDTH), colours=256)))
    return pictures


def _panels(evidence: Evidence) -> list[Picture]:
    layout, pictures = evidence.layout, []
    hardest = evidence.hardest()
    for image_id in worst_first(hardest)[:PANELS]:
        shape = image_shape(layout.images[image_id])
        truth = read_mask(layout.masks[image_id], shape=shape) == 1
        masks = {label: decide(evidence.protocol, read_prediction(evidence.files[label][image_id]))
                 for label in evidence.counts}
        try:
            figure = comparison(read_image(layout.images[image_id]), truth, masks)
        except UserError as error:  # predictions of the size that the protocol scores at
            evidence.remarks.append(f'{image_id} is not drawn: {error}')
            continue
        iou = hardest[image_id]
        pictures.append(Picture(f'{image_id}, mean IoU {iou:.3f}' if not np.isnan(iou) else image_id, _png(figure)))
    return pictures


def _png(figure: Figure, colours: int | None = None) -> bytes:
    """A figure as a file, of a palette of some colours where that is said."""
    figure.set_dpi(_DPI)
    data, image = io.BytesIO(), Image.fromarray(to_rgb(figure))
    if colours:
        image = image.quantize(colours, dither=Image.Dither.NONE)
    image.save(data, format='png', optimize=True)
    return data.getvalue()
