"""The engine's visualizer: panels reach the backends, from tensors as the model returns them."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmengine.visualization import Visualizer
from mmseg.structures import SegDataSample
from PIL import Image

from irstd_toolbox.errors import DataError
from irstd_toolbox.registry import VISUALIZERS
from irstd_toolbox.visualization import comparison, to_rgb

SIZE = (48, 64)
LOGITS = torch.full((1, *SIZE), -4.0)
LOGITS[0, 20:23, 30:32] = 3.0


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(60, 180, SIZE).astype(np.uint8)


@pytest.fixture
def sample():
    return SegDataSample(
        gt_sem_seg=PixelData(data=torch.roll(LOGITS > 0, 1, 2).to(torch.uint8)),
        pred_sem_seg=PixelData(data=(LOGITS > 0).to(torch.uint8)), seg_logits=PixelData(data=LOGITS))


@pytest.fixture
def visualizer(tmp_path, request):
    return VISUALIZERS.build({
        'type': 'IRSTDVisualizer', 'name': request.node.name, 'save_dir': str(tmp_path),
        'vis_backends': [{'type': 'LocalVisBackend'}]})


def drawn(image, gt=None, prediction=None, title=''):
    """The panel with the probabilities of LOGITS, at the visualizer's resolution."""
    known = {} if prediction is None else {'prediction': prediction}
    figure = comparison(image, gt, known, probabilities=dict.fromkeys(known, torch.sigmoid(LOGITS)[0].numpy()),
                        title=title, insets=2)
    figure.set_dpi(150)
    return to_rgb(figure)


def expected(image, sample, name):
    gt, prediction = (sample.get(key).data[0].numpy() for key in ('gt_sem_seg', 'pred_sem_seg'))
    return drawn(image, gt, prediction, name)


def test_a_sample_reaches_the_backend_as_its_panel(visualizer, image, sample, tmp_path):
    visualizer.add_datasample('test_Misc_1', image, sample, step=7)
    written = np.asarray(Image.open(tmp_path / 'vis_data/vis_image/test_Misc_1_7.png').convert('RGB'))
    np.testing.assert_array_equal(written, expected(image, sample, 'test_Misc_1'))


def test_the_engine_s_colour_image_and_a_tensor_give_the_same_panel(visualizer, image, sample, tmp_path):
    colour = np.repeat(image[..., None], 3, axis=2)
    for number, form in enumerate((colour, torch.from_numpy(image)[None].bfloat16().float())):
        visualizer.add_datasample('same', form, data_sample=sample, step=number)
    first, second = (Image.open(tmp_path / f'vis_data/vis_image/same_{n}.png').convert('RGB') for n in (0, 1))
    np.testing.assert_array_equal(np.asarray(first), expected(image, sample, 'same'))
    np.testing.assert_array_equal(np.asarray(second), np.asarray(first))


def test_half_precision_logits_can_be_drawn(visualizer, image, sample, tmp_path):
    sample.seg_logits = PixelData(data=LOGITS.bfloat16())
    visualizer.add_datasample('half', image, sample, out_file=str(tmp_path / 'half.png'))
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / 'half.png').convert('RGB')), expected(image, sample, 'half'))


def test_out_file_and_show_write_there_and_open_a_window_and_not_the_backends(visualizer, image, sample, tmp_path,
                                                                              monkeypatch):
    shown = []
    monkeypatch.setattr(visualizer, 'show', lambda picture, **told: shown.append((picture.shape[1], told)))
    visualizer.add_datasample('one', image, sample, show=True, wait_time=2, out_file=str(tmp_path / 'one.png'))
    assert shown == [(1074, dict(win_name='one', wait_time=2))]
    assert (tmp_path / 'one.png').is_file()
    assert not (tmp_path / 'vis_data/vis_image').exists()


def test_the_prediction_can_be_left_out(visualizer, image, sample, tmp_path):
    visualizer.add_datasample('gt', image, sample, draw_pred=False, out_file=str(tmp_path / 'gt.png'))
    shown = np.asarray(Image.open(tmp_path / 'gt.png').convert('RGB'))
    np.testing.assert_array_equal(shown, drawn(image, sample.gt_sem_seg.data[0].numpy(), title='gt'))


def test_the_ground_truth_can_be_left_out(visualizer, image, sample, tmp_path):
    visualizer.add_datasample('pred', image, sample, draw_gt=False, out_file=str(tmp_path / 'pred.png'))
    shown = np.asarray(Image.open(tmp_path / 'pred.png').convert('RGB'))
    prediction = sample.pred_sem_seg.data[0].numpy()
    np.testing.assert_array_equal(shown, drawn(image, prediction=prediction, title='pred'))


def test_an_image_without_a_sample_is_drawn_alone(visualizer, image, tmp_path):
    visualizer.add_datasample('bare', image, out_file=str(tmp_path / 'bare.png'))
    shown = np.asarray(Image.open(tmp_path / 'bare.png').convert('RGB'))
    np.testing.assert_array_equal(shown, drawn(image, title='bare'))


def test_an_image_of_another_size_than_its_maps_is_refused(visualizer, sample):
    with pytest.raises(DataError, match=r'shape \(48, 64\) and the image \(24, 32\)'):
        visualizer.add_datasample('small', np.zeros((24, 32), np.uint8), sample)


def test_the_hooks_of_the_engine_find_it_as_the_current_visualizer(visualizer):
    assert Visualizer.get_current_instance() is visualizer


def test_a_second_name_gives_a_second_visualizer(visualizer, tmp_path):
    other = VISUALIZERS.build({'type': 'IRSTDVisualizer', 'name': 'other', 'save_dir': str(tmp_path / 'other')})
    assert other is not visualizer and other.instance_name == 'other'


def test_panels_reach_tensorboard(tmp_path, image, sample):
    visualizer = VISUALIZERS.build({
        'type': 'IRSTDVisualizer', 'name': 'board', 'save_dir': str(tmp_path),
        'vis_backends': [{'type': 'TensorboardVisBackend'}]})
    visualizer.add_datasample('val_Misc_1', image, sample, step=3)
    visualizer.close()
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    events = EventAccumulator(str(tmp_path / 'vis_data')).Reload()
    (shown,) = events.Images('val_Misc_1')
    assert (shown.step, shown.width) == (3, expected(image, sample, 'val_Misc_1').shape[1])
