"""The segmentor and its data preprocessor: shapes, padding, losses and sizes of predictions, by value."""

import copy

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import MODELS

TINY = dict(
    type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=100.0, std=50.0, channels=1),
    backbone=dict(type='RSUEncoder', in_channels=1, stages=((3, 4, 8), (3, 4, 8))),
    neck=dict(type='RSUDecoder', in_channels=(8, 8), stages=((3, 4, 8), (3, 4, 8), ('2F', 4, 8))),
    decode_head=dict(type='GatedOutputHead', in_channels=(8, 8, 8), shallow=1),
    loss=dict(type='BCELoss'))
LANGUAGE = dict(
    neck=dict(TINY['neck'], language_fusion=dict(type='LanguageFusion', descriptor_dim=32, hidden=(8,))),
    target_descriptor=dict(
        type='TargetDescriptor',
        encoder=dict(
            type='OpenCLIPEncoder',
            model=dict(
                embed_dim=32,
                vision_cfg=dict(image_size=32, layers=1, width=32, head_width=16, patch_size=16),
                text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1)),
            pretrained='random')))


def build(**changes: object) -> torch.nn.Module:
    torch.manual_seed(0)
    return MODELS.build(copy.deepcopy(dict(TINY, **changes)))


def sample(height: int, width: int, native: tuple[int, int] | None = None, **metainfo: object) -> SegDataSample:
    mask = torch.zeros(1, height, width, dtype=torch.uint8)
    mask[0, height // 2, width // 2] = 1
    metainfo = dict(image_id='a', ori_shape=native or (height, width), **metainfo)
    return SegDataSample(gt_sem_seg=PixelData(data=mask), metainfo=metainfo)


def test_the_preprocessor_normalises_pads_and_repeats_the_grey_channel() -> None:
    preprocessor = MODELS.build(dict(type='IRSTDDataPreprocessor', mean=100, std=50, channels=3, divisor=4))
    samples = [sample(3, 5), sample(2, 2)]
    images = [torch.full((1, 3, 5), 150.), torch.full((1, 2, 2), 50.)]
    out = preprocessor(dict(inputs=images, data_samples=samples), True)
    samples = out['data_samples']
    assert out['inputs'].shape == (2, 3, 4, 8)
    expected = torch.zeros(4, 8)
    expected[:2, :2] = -1
    torch.testing.assert_close(out['inputs'][1], expected.expand(3, 4, 8))
    assert samples[0].metainfo['padding'] == (1, 3)
    assert samples[1].gt_sem_seg.data.shape == (1, 4, 8)
    assert [one.gt_sem_seg.data.nonzero().tolist() for one in samples] == [[[0, 1, 2]], [[0, 1, 1]]]


def test_the_preprocessor_leaves_masks_alone_at_test() -> None:
    preprocessor = MODELS.build(dict(type='IRSTDDataPreprocessor', divisor=4))
    samples = [sample(3, 5)]
    out = preprocessor(dict(inputs=[torch.ones(1, 3, 5)], data_samples=samples), False)
    assert out['data_samples'][0].gt_sem_seg.data.shape == (1, 3, 5)


def test_a_training_mask_of_another_size_than_its_image_is_refused() -> None:
    preprocessor = MODELS.build(dict(type='IRSTDDataPreprocessor'))
    given = dict(inputs=[torch.ones(1, 4, 6)], data_samples=[sample(8, 12)])
    with pytest.raises(ConfigError, match='a: the mask is 8x12 and the image 4x6; .* stands before Resize'):
        preprocessor(copy.deepcopy(given), True)
    assert preprocessor(given, False)['inputs'].shape == (1, 3, 4, 6)


@pytest.mark.parametrize('option', [dict(channels=1.0), dict(divisor=1.5), dict(divisor=True)])
def test_a_number_of_things_is_a_whole_one(option: dict) -> None:
    with pytest.raises(ConfigError, match=r'IRSTDDataPreprocessor\((channels|divisor)=.*a whole number is expected'):
        MODELS.build(dict(option, type='IRSTDDataPreprocessor'))


@pytest.mark.parametrize('option', [dict(mean=[87.0, 87.0, 87.0]), dict(std=(40.0,)), dict(mean='87')])
def test_a_level_that_is_not_one_number_is_refused(option: dict) -> None:
    with pytest.raises(ConfigError, match=r'IRSTDDataPreprocessor\((mean|std)=.*one number is expected'):
        MODELS.build(dict(option, type='IRSTDDataPreprocessor'))


@pytest.mark.parametrize('given', [
    dict(data_preprocessor=dict(type='IRSTDDataPreprocessor')),
    dict(backbone=dict(TINY['backbone'], in_channels=3)),
    dict(backbone=None, neck=None, decode_head=None, network=dict(type='RDIAN'),
         data_preprocessor=dict(type='IRSTDDataPreprocessor', channels=3))], ids=['three', 'one', 'the default'])
def test_other_channels_than_the_network_takes_are_refused(given: dict) -> None:
    with pytest.raises(ConfigError, match=r'data_preprocessor.channels=[13], and \w+ takes in_channels=[13]\. Give'):
        build(**given)


@pytest.mark.parametrize('shallow', [0, -1, 4])
def test_a_head_needs_a_shallow_map_and_has_no_more_than_there_are(shallow: int) -> None:
    with pytest.raises(ConfigError, match=rf'shallow={shallow} of 3 maps\. Give a number from 1 to 3'):
        MODELS.build(dict(TINY['decode_head'], shallow=shallow))


def test_denormalising_gives_the_grey_values_back() -> None:
    preprocessor = MODELS.build(dict(type='IRSTDDataPreprocessor', mean=87.5, std=39.7))
    grey = torch.rand(1, 1, 4, 4) * 255
    inputs = preprocessor(dict(inputs=[grey[0]]))['inputs']
    torch.testing.assert_close(preprocessor.denormalise(inputs), grey, rtol=0, atol=1e-4)
    assert preprocessor.denormalise(torch.tensor([-9., 9.])[:, None, None, None]).flatten().tolist() == [0, 255]


def test_a_coloured_input_is_refused() -> None:
    preprocessor = MODELS.build(dict(type='IRSTDDataPreprocessor'))
    with pytest.raises(ValueError, match=r'shape \(3, 4, 4\); \(1, H, W\) is expected'):
        preprocessor(dict(inputs=[torch.ones(3, 4, 4)]))


def test_the_loss_is_the_sum_over_all_logit_maps() -> None:
    model, samples = build(), [sample(16, 16), sample(16, 16)]
    inputs = torch.rand(2, 1, 16, 16)
    losses = model(inputs, samples, 'loss')
    maps = model(inputs, samples, 'tensor')
    mask = torch.stack([s.gt_sem_seg.data for s in samples]).float()
    assert list(losses) == ['loss_0', 'loss_1', 'loss_2', 'loss_3']
    for value, logits in zip(losses.values(), maps, strict=True):
        p = logits.double().sigmoid()
        expected = -(mask * p.log() + (1 - mask) * (1 - p).log()).mean()
        torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-7)


def test_several_losses_are_added() -> None:
    inputs, samples = torch.rand(2, 1, 16, 16), [sample(16, 16), sample(16, 16)]
    losses = [build(loss=loss)(inputs, samples, 'loss')['loss_0']
              for loss in (dict(type='BCELoss'), dict(type='DiceLoss'), [dict(type='BCELoss'), dict(type='DiceLoss')])]
    torch.testing.assert_close(losses[2], losses[0] + losses[1])


def test_training_without_a_mask_names_the_image() -> None:
    with pytest.raises(ConfigError, match='b came to training without a mask'):
        build()(torch.rand(1, 1, 16, 16), [SegDataSample(metainfo=dict(image_id='b'))], 'loss')


@pytest.mark.parametrize(('mode', 'message'), [
    ('train', "mode='train' is not known. Choose 'loss', 'predict' or 'tensor'"), ('loss', 'needs data_samples')])
def test_a_mode_that_is_none_or_lacks_its_samples_is_refused(mode: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build()(torch.zeros(1, 1, 16, 16), mode=mode)


@pytest.mark.parametrize('mode', ['tensor', 'loss', 'predict'])
@pytest.mark.parametrize(('inputs', 'got'), [
    (torch.zeros(2, 3, 16, 16), r'of shape \(2, 3, 16, 16\)'), (torch.zeros(1, 16, 16), r'of shape \(1, 16, 16\)'),
    ([torch.zeros(1, 16, 16)], 'a list')], ids=['channels', 'image', 'list'])
def test_inputs_that_the_preprocessor_does_not_give_are_refused(inputs: object, got: str, mode: str) -> None:
    with pytest.raises(ConfigError, match=rf'The inputs are {got}; \(N, 1, H, W\) is expected'):
        build()(inputs, [sample(16, 16)], mode)


def test_predictions_are_cropped_and_brought_back_to_the_files_size() -> None:
    model = build().eval()
    inputs = torch.rand(1, 1, 16, 12)
    with torch.no_grad():
        logits = model(inputs)[0]
        out = model(inputs, [sample(20, 20, native=(20, 15), padding=(2, 3))], 'predict')[0]
    expected = torch.nn.functional.interpolate(logits[:, :, :14, :9], (20, 15), mode='bilinear', align_corners=False)
    torch.testing.assert_close(out.seg_logits.data, expected[0])
    torch.testing.assert_close(out.pred_sem_seg.data, (expected[0] > 0).byte())


def test_predictions_may_stay_at_the_networks_size() -> None:
    model = build(output_size='network').eval()
    with torch.no_grad():
        out = model(torch.rand(1, 1, 16, 12), [sample(20, 20, padding=(2, 3))], 'predict')[0]
    assert out.seg_logits.data.shape == (1, 14, 9)


def test_a_threshold_moves_the_decision_and_nothing_else() -> None:
    plain, moved = build().eval(), build(threshold=0.01).eval()
    inputs, seen = torch.rand(1, 1, 20, 20), sample(20, 20, native=(20, 20))
    with torch.no_grad():
        probability = plain(inputs, [copy.deepcopy(seen)], 'predict')[0].seg_logits.data.sigmoid()
        found = moved(inputs, [copy.deepcopy(seen)], 'predict')[0]
        assert 0 < (probability > 0.01).float().mean() < 1
        assert torch.equal(found.pred_sem_seg.data, (probability > 0.01).byte())
        torch.testing.assert_close(found.seg_logits.data, torch.logit(probability) - np.log(0.01 / 0.99),
                                   rtol=0, atol=1e-4)
        torch.testing.assert_close(moved(inputs, [seen], 'loss'), plain(inputs, [seen], 'loss'), rtol=0, atol=0)
        torch.testing.assert_close(moved(inputs)[0], plain(inputs)[0], rtol=0, atol=0)
    assert plain.threshold_rule is None
    assert moved.threshold_rule == dict(rule='ProbabilityThreshold', value=0.01, origin='the config', oracle=False)


@pytest.mark.parametrize('value', [0, 1, 1.5, -0.1, float('nan'), True])
def test_a_threshold_that_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(ConfigError, match='a probability above 0 and below 1 is expected'):
        build(threshold=value)


def test_an_unknown_output_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="output_size='file' is not known"):
        build(output_size='file')


def test_a_model_without_language_ignores_descriptions() -> None:
    model = build().eval()
    with torch.no_grad():
        plain, told = (
            model(torch.ones(1, 1, 16, 16), [sample(16, 16, description=text)])[0] for text in (None, 'left'))
    torch.testing.assert_close(plain, told, rtol=0, atol=0)


def test_a_description_changes_the_loss_in_training_but_not_the_prediction() -> None:
    model, inputs = build(**LANGUAGE), torch.rand(2, 1, 16, 16)
    texts = [[sample(16, 16, description=text) for _ in range(2)] for text in ('upper left', 'lower right')]
    trained = [model.train()(inputs, s, 'loss')['loss_0'] for s in texts]
    assert not torch.equal(*trained)
    with torch.no_grad():
        tested = [model.eval()(inputs, s)[0] for s in texts]
    torch.testing.assert_close(*tested, rtol=0, atol=0)


def test_the_scene_is_drawn_from_the_input_where_a_caller_brings_none() -> None:
    model = build(**LANGUAGE, data_preprocessor=dict(TINY['data_preprocessor'], divisor=16)).eval()
    image, seen = torch.randint(256, (1, 70, 40), generator=torch.manual_seed(0)).float(), []  # padded to 80x48
    data = model.data_preprocessor(dict(inputs=[image], data_samples=[sample(70, 40)]))
    model.target_descriptor.register_forward_hook(lambda _, args, __: seen.extend(args[0]))
    with torch.no_grad():
        model(**data)
    scene = torch.nn.functional.interpolate(image[None], (32, 32), mode='bicubic', antialias=True)[0, 0]
    assert torch.equal(seen[0], scene.round().clamp(0, 255).byte())


def test_gradients_reach_every_parameter() -> None:
    model = build(**LANGUAGE)
    sum(model(torch.rand(2, 1, 32, 32), [sample(32, 32), sample(32, 32)], 'loss').values()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(('given', 'message'), [
    (lambda maps: maps[0], 'RSUEncoder gives Tensor; a list of maps'),
    (lambda maps: None, 'RSUEncoder gives NoneType; a list of maps'),
    (lambda maps: [maps[0], maps[1][0]], r"gives \['Tensor\(2, 8, 16, 16\)', 'Tensor\(8, 8, 8\)'\]; a list of maps"),
    (lambda maps: [maps[0][:, :4], maps[1]], r'gives maps of \[4, 8\] channels, and its out_channels says \[8, 8\]')])
def test_a_backbone_that_gives_other_things_than_its_maps_is_named(given, message: str) -> None:
    model = build()
    own = model.backbone.forward
    model.backbone.forward = lambda x: given(own(x))
    with pytest.raises(ConfigError, match=message):
        model(torch.rand(2, 1, 16, 16))


@pytest.mark.parametrize('network', [dict(type='RDIAN', channels=(16, 16)), dict(type='RDIAN', plan=())])
def test_a_layer_that_a_width_of_0_leaves_without_weights_is_refused(network: dict) -> None:
    with pytest.raises(ConfigError, match=r'network\.[\w.]+ has no element: its shape is \([\d, ]*0'):
        MODELS.build(dict(type='IRSTDSegmentor', network=network, loss=dict(type='BCELoss'),
                          data_preprocessor=dict(type='IRSTDDataPreprocessor', channels=1)))
