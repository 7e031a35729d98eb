"""Captions above pictures of several methods: all there, and clear of their neighbours, however long names are."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from irstd_toolbox.visualization.difference import comparison, difference

NAMES = ['ILNet-S, of NUAA-SIRST, then IRSTD-1k', 'MDvsFA-cGAN, ALCNet and ACM-FPN', f'without_{4 * "spaces_"}']


@pytest.mark.parametrize('draw', [comparison, difference])
def test_long_names_stand_above_their_own_picture(draw):
    mask = np.zeros((64, 80), bool)
    mask[30:33, 40:44] = True
    figure = draw(mask.astype(np.uint8), mask, {f'{name} {turn}': mask for name in NAMES for turn in (1, 2)}, columns=4)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    boxes = [(axes.title.get_window_extent(renderer), axes.get_window_extent(renderer)) for axes in figure.axes]
    for place, (caption, picture) in enumerate(boxes):
        assert caption.width <= picture.width and picture.y1 - 0.5 < caption.y0 and caption.y1 <= figure.bbox.y1
        assert not any(caption.overlaps(one) for pair in boxes[:place] for one in pair)
    told = ''.join(axes.get_title() for axes in figure.axes).replace('\n', '').replace(' ', '')
    assert all(f'{name} {turn}'.replace(' ', '') in told for name in NAMES for turn in (1, 2))
