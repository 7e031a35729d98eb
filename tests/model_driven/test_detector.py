"""The detector in the place of a network: batches, padding, and the command-line tools from end to end."""

import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmseg.structures import SegDataSample

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.complexity import complexity
from irstd_toolbox.models.model_driven import FixedThreshold, TopHat
from irstd_toolbox.models.model_driven.detector import to_logits
from irstd_toolbox.registry import MODELS

MODEL = dict(type='ModelDrivenDetector', method=dict(type='TopHat', size=5),
             threshold=dict(type='FixedThreshold', share=0.5))


def build(**changes):
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        return MODELS.build(dict(MODEL, **changes))


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.float64)


def batch_of(*images):
    return dict(inputs=[torch.from_numpy(image).float()[None] for image in images],
                data_samples=[SegDataSample(metainfo=dict(ori_shape=image.shape)) for image in images])


def expected(image):
    response = TopHat(size=5)(image)
    return to_logits(response, FixedThreshold(0.5)(response)).astype(np.float32)


def test_predictions_are_the_rule_over_the_methods_response_of_each_image_without_its_padding():
    images = [picture(20, 24), picture(25, 17, seed=1)]
    for sample, image in zip(build().test_step(batch_of(*images)), images, strict=True):
        np.testing.assert_array_equal(sample.seg_logits.data[0].numpy(), expected(image))
        np.testing.assert_array_equal(sample.pred_sem_seg.data[0].numpy(), expected(image) > 0)


def test_normalised_inputs_come_back_to_grey_values():
    image = picture(20, 24)
    model = build(data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=101.0, std=32.0, channels=3))
    response, = model.responses(model.data_preprocessor(batch_of(image), False)['inputs'])
    np.testing.assert_allclose(response, TopHat(size=5)(image), atol=1e-3)


def test_a_prediction_comes_back_to_the_size_of_the_file():
    batch = batch_of(picture(20, 24))
    batch['data_samples'][0].set_metainfo(dict(ori_shape=(40, 48)))
    assert build().test_step(batch)[0].seg_logits.data.shape == (1, 40, 48)


def test_logit_maps_are_one_map_a_batch():
    inputs = torch.from_numpy(np.stack([picture(20, 24), picture(20, 24, seed=1)]))[:, None]
    maps = build().logit_maps(inputs, None)
    assert len(maps) == 1 and maps[0].shape == (2, 1, 20, 24)
    np.testing.assert_allclose(maps[0][0, 0].numpy(), expected(inputs[0, 0].numpy()), atol=1e-6)


def test_a_flat_image_has_no_target():
    assert not build().test_step(batch_of(np.full((9, 9), 50.0)))[0].pred_sem_seg.data.any()


def test_training_says_that_there_is_nothing_to_train():
    with pytest.raises(ConfigError, match='TopHat is a formula, so there is nothing to train'):
        build()(torch.zeros(1, 1, 8, 8), None, mode='loss')


def test_it_has_no_parameters_and_no_operations_to_count():
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        figures = complexity(MODEL, (32, 48))
    assert (figures['parameters'], figures['macs']) == (0, 0)


@pytest.fixture(scope='module')
def tested(config, load_tool, tmp_path_factory):
    """What tools/test.py wrote, without a checkpoint. Read only."""
    out = tmp_path_factory.mktemp('tested')
    load_tool('test').main([str(config), '--out', str(out)])
    return out


def results(folder):
    return json.loads((folder / 'results.json').read_text())


def test_the_test_tool_needs_no_checkpoint_and_stores_the_rule(tested):
    found = results(tested)
    assert found['threshold'] == dict(rule='FixedThreshold', share=0.5, origin='the config')
    assert (found['model'], found['checkpoint']) == ('TopHat', None)
    assert found['counts']['canonical']['matched'] == 4  # in all four images, by its brightest pixel
    assert 0 < found['protocols']['canonical']['IoU'] < 0.5


def test_the_evaluation_tool_measures_the_written_predictions_alike(tested, config, load_tool, tmp_path):
    load_tool('evaluate').main([str(tested / 'predictions'), str(config.parent / 'data'), '--out',
                                str(tmp_path / 'results.json'), '--protocol', 'canonical'])
    assert results(tmp_path)['protocols'] == results(tested)['protocols']


def test_the_prediction_tool_finds_the_target(config, load_tool, tmp_path):
    load_tool('predict').main([str(config), 'none', str(config.parent / 'data/images/scene_7.png'), '--out',
                               str(tmp_path)])
    image = json.loads((tmp_path / 'targets.json').read_text())['images'][0]
    (x, y), = [target['centroid'] for target in image['targets']]
    assert cv2.imread(str(config.parent / 'data/masks/scene_7.png'), 0)[round(y), round(x)] == 255


def test_the_training_tool_stops_with_the_reason(config, load_tool, tmp_path):
    with pytest.raises(ConfigError, match='ModelDrivenDetector has no parameters, so there is nothing to train'):
        load_tool('train').main([str(config), '--work-dir', str(tmp_path / 'run')])
    assert not (tmp_path / 'run').exists()
