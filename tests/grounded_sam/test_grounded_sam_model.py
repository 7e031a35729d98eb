"""GroundedSAM as a model: prediction, fine-tuning, configs, the real runner and the tools."""

import copy
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox.errors import CheckpointError, ConfigError
from irstd_toolbox.models.complexity import complexity
from irstd_toolbox.models.grounded_sam import inside
from irstd_toolbox.registry import MODELS

CONFIGS = sorted((Path(__file__).resolve().parents[2] / 'configs/baselines').glob('grounded_sam_*.py'))
FROZEN = ('text', 'sam_image', 'sam_prompt', 'sam_decoder')


def sample(mask: torch.Tensor | None = None, **meta: object) -> SegDataSample:
    made = SegDataSample(metainfo=meta)
    if mask is not None:
        made.gt_sem_seg = PixelData(data=mask[None].byte())
    return made


def target(height: int = 48, width: int = 64) -> torch.Tensor:
    mask = torch.zeros(height, width)
    mask[10:13, 20:24] = 1
    return mask


def predict(model, images: list[torch.Tensor], samples: list[SegDataSample] | None = None) -> list[SegDataSample]:
    with torch.no_grad():
        return model.test_step(dict(inputs=images, data_samples=samples or [sample() for _ in images]))


@pytest.mark.parametrize(('detector', 'segmenter'), [('dino', 'sam'), ('mm', 'sam2'), ('dino', None)])
def test_predictions_come_at_the_size_of_the_file_with_their_boxes(build: Callable, scene: Callable, detector: str,
                                                                   segmenter: str | None) -> None:
    model = build(detector, segmenter, box_threshold=1e-4)
    small, = predict(model, [scene()])
    large, = predict(model, [scene()], [sample(ori_shape=(96, 128))])
    assert small.seg_logits.data.shape == (1, 48, 64) and large.seg_logits.data.shape == (1, 96, 128)
    assert torch.equal(large.pred_sem_seg.data, (large.seg_logits.data > 0).byte())
    assert len(large.pred_instances.bboxes) == len(large.pred_instances.scores) > 0
    torch.testing.assert_close(large.pred_instances.bboxes, 2 * small.pred_instances.bboxes)
    assert large.pred_instances.scores.min() > 1e-4


def test_padding_of_a_batch_changes_no_prediction(build: Callable, scene: Callable) -> None:
    model = build(box_threshold=1e-4)
    images = [scene(0), scene(1, 40, 60)]
    together = predict(model, images)
    for image, expected in zip(images, together, strict=True):
        alone, = predict(model, [image])
        torch.testing.assert_close(alone.seg_logits.data, expected.seg_logits.data, atol=1e-3, rtol=1e-3)
        assert alone.seg_logits.data.shape[1:] == image.shape[1:]


def test_a_samples_own_prompt_goes_before_the_common_one(build: Callable, scene: Callable) -> None:
    model, other = build(), build(prompt='Dim drone')
    own = predict(model, [scene(), scene()], [sample(det_prompt='dim drone.'), sample()])
    common, = predict(model, [scene()])
    expected, = predict(other, [scene()])
    for found, same in ((own[0], expected), (own[1], common)):
        torch.testing.assert_close(found.pred_instances.scores, same.pred_instances.scores, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(own[0].pred_instances.scores[:1], own[1].pred_instances.scores[:1], atol=1e-4)


def test_the_normalisation_of_the_data_preprocessor_cancels_out(build: Callable, scene: Callable) -> None:
    plain, other = (build(data_preprocessor=dict(type='IRSTDDataPreprocessor', **options))
                    for options in (dict(channels=1), dict(mean=87.466, std=39.72, channels=3)))
    one, same = predict(plain, [scene()]), predict(other, [scene()])
    torch.testing.assert_close(one[0].seg_logits.data, same[0].seg_logits.data, atol=1e-3, rtol=1e-3)


def test_without_a_box_above_the_threshold_nothing_is_target(build: Callable, scene: Callable) -> None:
    found, = predict(build(box_threshold=0.9999999), [scene()])
    assert (found.seg_logits.data == -16).all() and not found.pred_sem_seg.data.any()
    assert found.pred_instances.bboxes.shape == (0, 4)


def test_without_a_segmenter_the_boxes_are_filled(build: Callable, scene: Callable) -> None:
    found, = predict(build(segmenter=None), [scene()])
    assert torch.equal(found.pred_sem_seg.data[0] > 0, inside(found.pred_instances.bboxes, (48, 64)).any(0))


def test_as_tensors_it_gives_one_logit_map_of_any_size(build: Callable) -> None:
    maps = build()(torch.rand(2, 1, 33, 47) * 255)
    assert len(maps) == 1 and maps[0].shape == (2, 1, 33, 47) and torch.isfinite(maps[0]).all()


@pytest.mark.parametrize('size', [(1, 200), (300, 2)])
def test_an_image_so_long_that_its_short_side_would_vanish_is_seen(build: Callable, size: tuple[int, int]) -> None:
    sample = SegDataSample(metainfo=dict(ori_shape=size))
    found, = build('dino', 'sam', box_threshold=1e-6).test_step(dict(
        inputs=[torch.rand(1, *size) * 255], data_samples=[sample]))
    assert found.seg_logits.data.shape == (1, *size) and found.seg_logits.data.isfinite().all()
    assert len(found.pred_instances.bboxes)


def test_networks_saved_and_loaded_by_their_folders_give_the_same(config: Callable, build: Callable, scene: Callable,
                                                                  tmp_path: Path) -> None:
    model = build()
    with torch.no_grad():  # as training would
        for parameter in model.detector.net.bbox_embed.parameters():
            parameter.mul_(1.5)
    model.detector.net.save_pretrained(tmp_path / 'detector')
    model.detector.tokenizer.save_pretrained(tmp_path / 'detector')
    model.segmenter.net.save_pretrained(tmp_path / 'segmenter')
    other = predict(build(), [scene()])[0]
    again = MODELS.build(config(str(tmp_path / 'detector'), str(tmp_path / 'segmenter'))).eval()
    found, expected = predict(again, [scene()])[0], predict(model, [scene()])[0]
    torch.testing.assert_close(found.seg_logits.data, expected.seg_logits.data)
    assert not torch.equal(other.pred_instances.bboxes, expected.pred_instances.bboxes)


@pytest.mark.parametrize('segmenter', ['sam', 'sam2', None])
def test_a_training_step_reaches_what_is_not_frozen_and_nothing_else(build: Callable, scene: Callable,
                                                                     segmenter: str | None) -> None:
    model = build(segmenter=segmenter).train()
    batch = model.data_preprocessor(dict(inputs=[scene(0), scene(1, 40, 60)], data_samples=[
        sample(target()), sample(target(40, 60))]), training=True)
    losses = model(**batch, mode='loss')
    assert ('loss_mask' in losses) == (segmenter is not None)
    model.parse_losses(losses)[0].backward()
    reached = {name for name, value in model.named_parameters() if value.grad is not None and value.grad.any()}
    for frozen in ('text_backbone', 'vision_encoder', 'prompt_encoder', 'conv_s0'):
        assert not any(frozen in name for name in reached)
    trained = ['model.backbone', 'model.encoder.', 'model.decoder.', 'enc_output.', 'encoder_output_bbox_embed']
    for name in trained + ['mask_decoder'] * (segmenter is not None):
        assert any(name in parameter for parameter in reached), name


def test_what_is_frozen_stays_in_its_test_mode(build: Callable) -> None:
    model = build(freeze=('backbone', 'encoder', *FROZEN), mask_loss=None).train()
    net = model.detector.net.model
    assert not any(part.training for part in (net.text_backbone, net.encoder, net.backbone, model.segmenter.net))
    assert net.decoder.training
    assert not any(parameter.requires_grad for parameter in model.segmenter.parameters())


@pytest.mark.parametrize('empty', [(True, False), (True, True)], ids=['one', 'all'])
def test_images_without_a_target_train_to_finite_losses(build: Callable, scene: Callable,
                                                        empty: tuple[bool, bool]) -> None:
    model = build().train()
    samples = [sample(target() * (not without)) for without in empty]
    losses = model(**model.data_preprocessor(dict(inputs=[scene(0), scene(1)], data_samples=samples), True),
                   mode='loss')
    assert all(torch.isfinite(value) for value in losses.values())
    assert bool(losses['loss_box'] > 0) == bool(losses['loss_mask'] > 0) == (not all(empty))
    model.parse_losses(losses)[0].backward()


def test_training_without_a_mask_is_refused(build: Callable, scene: Callable) -> None:
    with pytest.raises(ConfigError, match='scene came to training without a mask. Put LoadTargetMask'):
        build()(scene()[None], [sample(image_id='scene')], mode='loss')


@pytest.mark.parametrize(('options', 'message'), [
    (dict(freeze=('txt',)), 'freeze names txt; known parts are backbone'),
    (dict(box_threshold=0), 'a threshold between 0 and 1'),
    (dict(gate=0.5), 'a gate of at least 1'),
    (dict(mask_loss=None), 'mask_loss is missing, and of a segmenter something trains'),
    (dict(freeze=FROZEN), 'mask_loss is given, and of a segmenter nothing trains'),
    (dict(segmenter=None, mask_loss=dict(type='BCELoss')), 'mask_loss is given, and of a segmenter nothing trains')],
    ids=lambda value: value if isinstance(value, str) else ' '.join(value))
def test_an_option_out_of_range_is_refused(config: Callable, options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MODELS.build(config(**options))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_a_config_builds_without_reading_or_fetching_weights(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError('building a config opened a connection')
    monkeypatch.setattr(socket.socket, 'connect', refuse)
    for name in [name for name in sys.modules if name.partition('.')[0] == 'transformers']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'transformers', None)  # an import of it would raise
    model = MODELS.build(copy.deepcopy(Config.fromfile(path).model))
    assert not model.loaded and not list(model.parameters())


def test_there_are_configs_for_both_data_sets_and_for_boxes_only() -> None:
    assert {path.stem for path in CONFIGS} == {
        'grounded_sam_irstd1k', 'grounded_sam_nuaa_sirst', 'grounded_sam_boxes_irstd1k'}


def test_without_transformers_the_extra_is_named(config: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'transformers', None)
    with pytest.raises(ConfigError, match=r"needs transformers. Run: pip install 'irstd-toolbox\[grounded_sam\]'"):
        MODELS.build(config()).load()


def test_the_count_of_operations_says_why_not_and_gives_the_parameters() -> None:
    path = next(path for path in CONFIGS if path.stem == 'grounded_sam_irstd1k')
    with pytest.raises(ConfigError, match='detector 172,250,626, segmenter 93,735,728'):
        complexity(Config.fromfile(path).model)


RUN = '''
default_scope = 'irstd_toolbox'
env_cfg = dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
randomness = dict(seed=3)
model = {model}
steps = [dict(type='LoadImage'), dict(type='LoadTargetMask'), dict(type='PackInputs')]
loader = dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False))
train_dataloader = dict(loader, dataset=dict(type='IRSTDDataset', data_root='{root}', split='trainval', pipeline=steps))
test_dataloader = dict(loader, dataset=dict(type='IRSTDDataset', data_root='{root}', split='test', pipeline=steps))
test_evaluator = dict(type='IRSTDMetric')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-2), clip_grad=dict(max_norm=0.1),
    paramwise_cfg=dict(bypass_duplicate=True, custom_keys={{'detector.net.model.backbone': dict(lr_mult=0.1)}}))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
custom_hooks = [dict(type='NaNGuardHook'), dict(type='StampHook')]
'''


@pytest.fixture
def run(tmp_path: Path, config: Callable, scene: Callable) -> Path:
    """A config beside its data: two scenes to train on, one of them without a target, and the same to test on."""
    for folder in ('images', 'masks'):
        (tmp_path / 'data' / folder).mkdir(parents=True)
    for number in range(2):
        mask = (target() * number * 255).numpy().astype(np.uint8)
        cv2.imwrite(str(tmp_path / f'data/images/scene_{number}.png'), scene(number)[0].byte().numpy())
        cv2.imwrite(str(tmp_path / f'data/masks/scene_{number}.png'), mask)
    for name in ('trainval', 'test'):
        (tmp_path / f'data/{name}.txt').write_text('scene_0\nscene_1\n')
    (tmp_path / 'tiny.py').write_text(RUN.format(model=config(), root=tmp_path / 'data'))
    return tmp_path / 'tiny.py'


def test_a_model_is_fine_tuned_and_tested_by_the_tools(run: Path, build: Callable, load_tool: Callable) -> None:
    load_tool('train').main([str(run), '--work-dir', str(run.parent / 'run')])
    saved = torch.load(run.parent / 'run/epoch_1.pth', weights_only=False)['state_dict']
    before = build().state_dict()
    changed = {name for name, value in before.items() if not torch.equal(saved[name], value)}
    for part in ('model.backbone', 'enc_output.', 'encoder_output_bbox_embed', 'mask_decoder'):
        assert any(part in name for name in changed), part
    assert not any(part in name for name in changed for part in ('text_backbone', 'vision_encoder'))
    load_tool('test').main([str(run), str(run.parent / 'run/epoch_1.pth'), '--out', str(run.parent / 'test'),
                            '--device', 'cpu'])
    results = json.loads((run.parent / 'test/results.json').read_text())
    assert results['model'] == 'GroundedSAM' and results['checkpoint']['epoch'] == 1
    assert len(list((run.parent / 'test/predictions').iterdir())) == 2


def test_without_a_checkpoint_the_pretrained_weights_are_tested(run: Path, load_tool: Callable) -> None:
    load_tool('test').main([str(run), '--out', str(run.parent / 'test'), '--device', 'cpu'])
    assert json.loads((run.parent / 'test/results.json').read_text())['checkpoint'] is None


def test_missing_weights_stop_a_training_before_it_leaves_a_trace(
        run: Path, folders: dict[str, str], load_tool: Callable) -> None:
    run.write_text(run.read_text().replace(folders['sam'], '/nowhere/sam'))
    with pytest.raises(CheckpointError, match='/nowhere/sam'):
        load_tool('train').main([str(run), '--work-dir', str(run.parent / 'run')])
    assert not (run.parent / 'run').exists()
