"""Overlays and panels: what is drawn, where, and that targets stay visible."""

import re

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.visualization import COLOURS, find, overlay, panel, save, to_rgb
from irstd_toolbox.visualization.findings import as_picture
from irstd_toolbox.visualization.insets import shared_insets

SIZE = (64, 80)
RGB = {kind: tuple(int(code[i : i + 2], 16) for i in (1, 3, 5)) for kind, code in COLOURS.items()}


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(60, 180, SIZE).astype(np.uint8)


@pytest.fixture
def gt():
    mask = np.zeros(SIZE, bool)
    mask[10:13, 20:23] = mask[40:42, 60:62] = True
    return mask


@pytest.fixture
def prediction():
    """The first target one pixel off, the second missed, a false alarm in the corner."""
    mask = np.zeros(SIZE, bool)
    mask[11:14, 20:23] = mask[0, 79] = True
    return mask


def square(rows, columns):
    mask = np.zeros(SIZE, bool)
    mask[max(rows[0], 0) : rows[1], max(columns[0], 0) : columns[1]] = True
    return mask


def test_findings_are_hit_miss_and_false_alarm(gt, prediction):
    found = find(prediction, gt)
    assert [(f.verdict, f.box) for f in found] == [
        ('false alarm', (0, 79, 1, 80)), ('hit', (10, 20, 14, 23)), ('miss', (40, 60, 42, 62))]
    assert found[1].iou == pytest.approx(6 / 12)


def test_findings_come_in_raster_order(gt, prediction):
    assert [f.verdict for f in find(prediction[::-1], gt[::-1])] == ['miss', 'hit', 'false alarm']


def test_a_region_three_pixels_off_is_a_miss_and_a_false_alarm(gt):
    moved = np.roll(gt, 3, axis=1)
    assert sorted(f.verdict for f in find(moved, gt)) == ['false alarm', 'false alarm', 'miss', 'miss']


def test_overlay_draws_each_ring_in_its_colour_and_nothing_else(image, gt, prediction):
    picture = overlay(image, prediction, gt)
    expected = np.repeat(image[..., None], 3, axis=2)
    rings = {
        'hit': square((7, 17), (17, 26)) & ~square((8, 16), (18, 25)),
        'miss': square((37, 45), (57, 65)) & ~square((38, 44), (58, 64)),
        'false alarm': square((-3, 4), (76, 80)) & ~square((-2, 3), (77, 80))}
    for kind, ring in rings.items():
        expected[ring] = RGB[kind]
    np.testing.assert_array_equal(picture, expected)


def test_overlay_never_paints_near_a_region_even_where_rings_cross(image):
    gt = np.zeros(SIZE, bool)
    gt[20, 20] = gt[20, 24] = True
    picture = overlay(image, gt)
    near = ndimage.binary_dilation(gt, np.ones((5, 5)))
    np.testing.assert_array_equal(picture[near], np.repeat(image[near][:, None], 3, axis=1))
    assert (picture == RGB['region']).all(axis=2).any()


def test_overlay_without_anything_found_is_the_image(image):
    np.testing.assert_array_equal(overlay(image, np.zeros(SIZE, bool)), np.repeat(image[..., None], 3, axis=2))


def test_a_mask_of_0_and_255_means_the_same_as_bool(image, gt, prediction):
    as_bytes = overlay(image, prediction[..., None].astype(np.uint8) * 255, gt.astype(np.uint8)[None])
    np.testing.assert_array_equal(as_bytes, overlay(image, prediction, gt))


@pytest.mark.parametrize('form', ['float', 'rgb', 'channel first', 'channel last'])
def test_an_image_in_another_form_gives_the_same_picture(image, form):
    other = {'float': image.astype(np.float32), 'rgb': np.repeat(image[..., None], 3, axis=2),
             'channel first': image[None], 'channel last': image[..., None]}[form]
    np.testing.assert_array_equal(as_picture(other), image)


def test_colours_become_their_luma():
    assert as_picture(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)).tolist() == [[76, 150, 29]]
    assert as_picture(np.array([[[2, 0, 1], [0, 0, 0]]], np.uint8)).tolist() == [[1, 0]]  # dark, and not stretched


@pytest.mark.parametrize(('values', 'kind', 'grey'), [
    ([1000, 1500, 2000], 'u2', [0, 128, 255]), ([-100, 0, 155], 'i2', [0, 100, 255]),
    ([0, 0.5, 1], 'f4', [0, 128, 255]), ([0, 1, 1], 'u2', [0, 1, 1]), ([np.nan, 7.4, np.inf], 'f4', [0, 7, 0])])
def test_what_is_beyond_eight_bits_or_a_share_of_one_is_stretched(values, kind, grey):
    assert as_picture(np.array([values], kind)).tolist() == [grey]


def maps(figure):
    return {axes.get_title(): axes for axes in figure.axes if axes.get_title() in (
        'image', 'ground truth', 'prediction', 'probability')}


def insets(figure):
    rest = [axes for axes in figure.axes if axes not in maps(figure).values()]
    return list(zip(rest[::2], rest[1::2], strict=True))


def boxes(axes):
    """First row, first column, height and width of the pixels within each box."""
    marked = [(p.get_y() + 0.5, p.get_x() + 0.5, p.get_height(), p.get_width()) for p in axes.patches]
    assert all(float(value).is_integer() for box in marked for value in box)
    return [tuple(map(int, box)) for box in marked]


def test_a_panel_shows_the_maps_that_are_given(image, gt, prediction):
    assert list(maps(panel(image, gt, prediction, prediction * 0.7))) == [
        'image', 'ground truth', 'prediction', 'probability']
    assert list(maps(panel(image, gt))) == ['image', 'ground truth']
    assert list(maps(panel(image))) == ['image']


def test_the_maps_hold_the_arrays_unchanged(image, gt, prediction):
    probability = np.random.default_rng(1).random(SIZE)
    shown = maps(panel(image, gt, prediction, probability))
    given = {'image': image, 'ground truth': gt, 'prediction': prediction, 'probability': probability}
    for name, values in given.items():
        np.testing.assert_array_equal(shown[name].images[0].get_array(), values)


def test_an_inset_is_the_crop_that_its_box_marks(image, gt, prediction):
    figure = panel(image, gt, prediction)
    marked = boxes(maps(figure)['image'])
    assert marked[1] == (4, 14, 15, 15)  # of the hit, at rows 10..13 and columns 20..22
    for (top, left, height, width), (above, _) in zip(marked, insets(figure), strict=True):
        np.testing.assert_array_equal(above.images[0].get_array(), image[top : top + height, left : left + width])


def test_an_inset_colours_each_pixel_by_its_verdict(image, gt, prediction):
    figure = panel(image, gt, prediction)
    top, left, height, width = boxes(maps(figure)['image'])[1]
    shown = np.rint(np.asarray(insets(figure)[1][1].images[0].get_array()) * 255).astype(int)
    expected = np.zeros((*SIZE, 3), int)
    expected[gt & prediction], expected[gt & ~prediction] = RGB['hit'], RGB['miss']
    expected[prediction & ~gt] = RGB['false alarm']
    np.testing.assert_array_equal(shown, expected[top : top + height, left : left + width])


def rendered(figure, axes):
    """The axes' part of the rendered figure."""
    pixels = to_rgb(figure)
    box = axes.get_window_extent()
    return pixels[round(pixels.shape[0] - box.y1) : round(pixels.shape[0] - box.y0), round(box.x0) : round(box.x1)]


def test_a_rendered_inset_shows_every_pixel_as_one_even_block(image, gt, prediction):
    figure = panel(image, gt, prediction)
    above, _ = insets(figure)[1]
    crop = above.images[0].get_array().astype(float)
    drawn = rendered(figure, above)[..., 0]
    centres = [((np.arange(15) + 0.5) * length / 15).astype(int) for length in drawn.shape]
    levels = (crop - crop.min()) / (crop.max() - crop.min()) * 255
    inner = np.s_[1:-1, 1:-1]  # the frame covers part of the outermost pixels
    np.testing.assert_allclose(drawn[np.ix_(*centres)].astype(float)[inner], levels[inner], atol=2)


def test_the_box_hides_no_pixel_of_the_target(gt, prediction):
    image = np.full(SIZE, 60, np.uint8)
    image[gt] = 250
    figure = panel(image, gt, prediction)
    drawn = rendered(figure, maps(figure)['image'])
    scale = np.array(drawn.shape[:2]) / SIZE
    for y, x in np.argwhere(gt):
        assert drawn[tuple(((np.array([y, x]) + 0.5) * scale).astype(int))].min() > 240


def test_no_two_parts_of_a_panel_overlap(image, gt, prediction):
    figure = panel(image, gt, prediction, prediction * 0.5, title='Misc_1')
    extents = [axes.get_position() for axes in figure.axes]
    for number, one in enumerate(extents):
        assert one.x0 >= 0 and one.x1 <= 1 and one.y0 >= 0 and one.y1 <= 1
        for other in extents[number + 1 :]:
            assert min(one.x1, other.x1) <= max(one.x0, other.x0) + 1e-9 or \
                min(one.y1, other.y1) <= max(one.y0, other.y0) + 1e-9


def test_what_changes_in_the_prediction_changes_nothing_in_the_ground_truth_picture(image, gt):
    first, second = (panel(image, gt, mask) for mask in (gt, ndimage.binary_dilation(gt)))
    np.testing.assert_array_equal(*(rendered(f, maps(f)['ground truth'])[:, :40] for f in (first, second)))
    assert (rendered(first, maps(first)['prediction']) != rendered(second, maps(second)['prediction'])).any()


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_legend_counts_the_verdicts(image, gt, prediction):
    assert texts(panel(image, gt, prediction)) == ['hits: 1', 'missed: 1', 'false alarms: 1']


def test_without_ground_truth_there_are_regions_but_no_verdicts(image, prediction):
    figure = panel(image, prediction=prediction)
    assert texts(figure) == ['regions: 2']
    assert [above.get_title() for above, _ in insets(figure)] == ['1  region', '2  region']


def test_of_many_findings_the_misses_are_enlarged_first_and_then_the_false_alarms(image):
    gt = np.zeros(SIZE, bool)
    gt[5::10, 5::10] = True
    prediction = gt.copy()
    prediction[55, 75], prediction[60, 2] = False, True
    figure = panel(image, gt, prediction, insets=4)
    assert [above.get_title() for above, _ in insets(figure)] == [
        '1  hit, IoU 1.00', '2  hit, IoU 1.00', '3  miss', '4  false alarm']
    assert texts(figure)[-1] == f'enlarged: 4 of {gt.sum() + 1}'
    assert len(boxes(maps(figure)['image'])) == gt.sum() + 1


def test_a_large_region_is_enlarged_with_three_times_its_extent(image):
    mask = square((20, 26), (30, 38))
    assert boxes(maps(panel(image, mask))['image']) == [(11, 22, 24, 24)]
    assert [window for window, _ in shared_insets([find(None, mask)], SIZE, 1)] == [(11, 22, 35, 46)]


def test_an_image_without_targets_has_no_insets(image):
    nothing = np.zeros(SIZE, bool)
    figure = panel(image, nothing, nothing)
    assert insets(figure) == []
    assert texts(figure) == ['hits: 0', 'missed: 0', 'false alarms: 0']


@pytest.mark.parametrize('size', [(1, 1), (7, 300), (600, 20)])
def test_a_panel_takes_images_of_any_size(size):
    mask = np.zeros(size, bool)
    mask[0, 0] = True
    assert to_rgb(panel(np.full(size, 9, np.uint8), mask, mask)).shape[1] == 1432


def test_a_map_of_another_size_is_refused(image, gt):
    with pytest.raises(DataError, match=r"The prediction has shape \(32, 32\) and the image \(64, 80\).*native size"):
        panel(image, gt, np.zeros((32, 32), bool))


def test_probabilities_in_the_place_of_a_mask_are_refused(image):
    with pytest.raises(DataError, match='The prediction is float64; expected bool.*threshold'):
        overlay(image, np.full(SIZE, 0.2))


@pytest.mark.parametrize('shape', [(4, 4, 2), (0, 4)])
def test_an_image_of_two_channels_or_of_no_pixel_is_refused(shape):
    with pytest.raises(DataError, match=f'An image of shape {re.escape(str(shape))}; expected'):
        overlay(np.zeros(shape), np.zeros((4, 4), bool))


def test_save_writes_the_rendered_figure_whole(tmp_path, image, gt):
    figure = panel(image, gt)
    save(figure, tmp_path / 'deep' / 'panel.png')
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'deep/panel.png').convert('RGB')), to_rgb(figure))
    assert [p.name for p in (tmp_path / 'deep').iterdir()] == ['panel.png']


def test_a_drawing_that_fails_leaves_no_file(tmp_path, image, gt):
    figure = panel(image, gt)
    figure.text(0.5, 0.5, '$\\nothing$')
    with pytest.raises(ValueError, match='nothing'):
        save(figure, tmp_path / 'panel.pdf')
    assert list(tmp_path.iterdir()) == []


def test_save_writes_vector_graphics_and_overlays(tmp_path, image, gt):
    save(panel(image, gt), tmp_path / 'panel.pdf')
    assert (tmp_path / 'panel.pdf').read_bytes()[:5] == b'%PDF-'
    save(overlay(image, gt), tmp_path / 'overlay.png')
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / 'overlay.png')), overlay(image, gt))


def test_save_refuses_an_unknown_format(tmp_path, image):
    with pytest.raises(ConfigError, match=r"format '.bmp'; expected .png or .pdf or .svg"):
        save(panel(image), tmp_path / 'panel.bmp')


def test_a_panel_of_a_real_image_finds_its_targets(real_data):
    root = real_data('NUAA-SIRST')
    image = np.asarray(Image.open(root / 'images/Misc_10.png').convert('L'))
    mask = np.asarray(Image.open(root / 'masks/Misc_10_pixels0.png').convert('L')) > 127
    figure = panel(image, mask, mask, title='Misc_10')
    assert texts(figure) == ['hits: 1', 'missed: 0', 'false alarms: 0']
    assert insets(figure)[0][0].get_title() == 'hit, IoU 1.00'
