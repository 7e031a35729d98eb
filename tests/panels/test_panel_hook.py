"""PanelHook: which validation images are shown, when, under which name and step, and that it never ends a training."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import HOOKS, VISUALIZERS
from irstd_toolbox.training import PanelHook, panel_hook

SIZE = (24, 32)


class Data:
    """Nine images, ``s0`` to ``s8``."""

    def __len__(self) -> int:
        return 9

    def get_data_info(self, place: int) -> dict:
        return dict(image_id=f's{place}')


def loop(kind: type, **state: int) -> object:
    """A training loop of which only the counters are there."""
    made = object.__new__(kind)
    for name, value in state.items():
        setattr(made, name, value)
    return made


def epochs(epoch: int, last: int = 40, every: int = 2) -> EpochBasedTrainLoop:
    return loop(EpochBasedTrainLoop, _epoch=epoch, _max_epochs=last, val_interval=every)


@pytest.fixture
def sample(tmp_path: Path) -> Callable[..., SegDataSample]:
    """A predicted sample; its prediction is the columns from ``start`` on."""
    def make(name: str, start: int = 10) -> SegDataSample:
        path = tmp_path / f'{name.replace("/", "-")}.png'
        Image.fromarray(np.random.default_rng(0).integers(60, 90, SIZE).astype(np.uint8)).save(path)
        gt, logits = torch.zeros(1, *SIZE), torch.full((1, *SIZE), -4.0)
        gt[0, 5:8, 10:13], logits[0, 5:8, start:start + 3] = 1, 3.0
        return SegDataSample(metainfo=dict(image_id=name, img_path=str(path)), gt_sem_seg=PixelData(data=gt.byte()),
                             pred_sem_seg=PixelData(data=(logits > 0).byte()), seg_logits=PixelData(data=logits))
    return make


class Recorder:
    """A visualizer that remembers what it was to draw, or fails."""

    def __init__(self, broken: bool = False) -> None:
        self.shown, self.broken = [], broken

    def add_datasample(self, name: str, image: np.ndarray, data_sample: SegDataSample, step: int) -> None:
        if self.broken:
            raise RuntimeError('no disk')
        self.shown.append((name, step))


class Log(list):
    """A logger that keeps its warnings."""

    def warning(self, text: str) -> None:
        self.append(text)


def runner(train: object = None, visualizer: object = None) -> SimpleNamespace:
    return SimpleNamespace(_train_loop=train, visualizer=visualizer or Recorder(), logger=Log(),
                           val_dataloader=SimpleNamespace(dataset=Data()), val_loop=object())


def validate(hook: PanelHook, run: SimpleNamespace, samples: list[SegDataSample]) -> list[tuple[str, int]]:
    """What a validation over ``samples`` hands to the visualizer."""
    hook.before_val_epoch(run)
    for number, one in enumerate(samples):
        hook.after_val_iter(run, number, outputs=[one])
    hook.after_val_epoch(run, {})
    return getattr(run.visualizer, 'shown', [])


def test_a_count_takes_images_evenly_spaced_over_the_list() -> None:
    assert PanelHook(images=3).choose(Data()) == ('s0', 's4', 's8')
    assert PanelHook(images=20).choose(Data()) == tuple(f's{number}' for number in range(9))


def test_only_the_chosen_images_are_shown_in_their_order(sample: Callable) -> None:
    samples = [sample(f's{number}') for number in range(9)]
    shown = validate(PanelHook(images=['s5', 's2', 's5']), runner(epochs(4)), samples)
    assert [name for name, _ in shown] == ['val_s5', 'val_s2']


def test_samples_of_other_images_are_not_kept(sample: Callable) -> None:
    hook = PanelHook(images=['s1'])
    hook.before_val_epoch(runner(epochs(2)))
    hook.after_val_iter(runner(epochs(2)), 0, outputs=[sample('s0'), sample('s1')])
    assert list(hook.kept) == ['s1']


def test_the_step_is_the_epoch_as_of_the_validations_figures(sample: Callable) -> None:
    assert validate(PanelHook(images=['s1'], tag='held'), runner(epochs(6)), [sample('s1')]) == [('held_s1', 6)]


def test_the_step_of_a_loop_without_epochs_is_the_iteration(sample: Callable) -> None:
    train = loop(IterBasedTrainLoop, _iter=500, _max_iters=900, val_interval=100)
    assert validate(PanelHook(images=['s1']), runner(train), [sample('s1')]) == [('val_s1', 500)]


def test_a_validation_without_training_is_shown_as_step_0(sample: Callable) -> None:
    assert validate(PanelHook(images=['s1']), runner(), [sample('s1')]) == [('val_s1', 0)]


def test_an_interval_takes_the_first_each_third_after_it_and_the_last_validation(sample: Callable) -> None:
    hook, one = PanelHook(images=['s1'], interval=3), sample('s1')
    drawn = [epoch for epoch in range(2, 21, 2) if validate(hook, runner(epochs(epoch, last=18)), [one])]
    assert drawn == [2, 8, 14, 18, 20]


def test_a_slash_in_an_id_makes_no_folder(sample: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Data, 'get_data_info', lambda self, place: dict(image_id=f'a/{place}'))
    assert validate(PanelHook(images=['a/1']), runner(epochs(2)), [sample('a/1')]) == [('val_a_1', 2)]


def test_what_other_processes_validated_is_shown_too_and_once(
    sample: Callable, monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = {'s8': sample('s8'), 's0': sample('s0')}
    monkeypatch.setattr(panel_hook, 'all_gather_object', lambda mine: [mine, other])
    shown = validate(PanelHook(images=2), runner(epochs(2)), [sample('s0'), sample('s1')])
    assert [name for name, _ in shown] == ['val_s0', 'val_s8']


def test_processes_other_than_the_first_draw_nothing(sample: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel_hook, 'is_main_process', lambda: False)
    assert validate(PanelHook(images=['s0']), runner(epochs(2)), [sample('s0')]) == []


def test_a_drawing_error_is_one_warning_and_no_end(sample: Callable) -> None:
    hook, run = PanelHook(images=2), runner(epochs(2), Recorder(broken=True))
    for _ in range(2):
        validate(hook, run, [sample('s0'), sample('s8')])
    assert len(run.logger) == 1
    assert run.logger[0].startswith('PanelHook could not show s0 (RuntimeError: no disk). Training goes on')


def test_an_image_that_is_gone_is_a_warning(sample: Callable) -> None:
    one, run = sample('s0'), runner(epochs(2))
    Path(one.img_path).unlink()
    validate(PanelHook(images=1), run, [one])
    assert 's0 (DataError: ' in run.logger[0]


def test_samples_without_a_prediction_are_left_alone(sample: Callable) -> None:
    one = sample('s0')
    del one.pred_sem_seg
    assert validate(PanelHook(images=1), runner(epochs(2)), [one]) == []


def test_an_unknown_id_is_refused_before_training() -> None:
    with pytest.raises(ConfigError, match="names 'nobody', which is not among the 9 images .* such as 's0'"):
        PanelHook(images=['s1', 'nobody']).before_train(runner(epochs(0)))


@pytest.mark.parametrize(('options', 'message'), [
    (dict(images=-1), r'images=-1\): at least 0'), (dict(images='s1'), "images='s1'.: expected a number"),
    (dict(images=[]), r'images=\[\]\): expected a number'), (dict(images=2.5), r'images=2.5\): expected a number'),
    (dict(images=[1]), r'images=\[1\]'), (dict(interval=0), 'interval=0.: a number of validations'),
    (dict(tag='a/b'), "tag='a/b'.: a name without a slash")])
def test_a_bad_option_is_refused_when_it_is_built(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        HOOKS.build(dict(type='PanelHook', **options))


def events(folder: Path, *names: str) -> list:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    found = EventAccumulator(str(folder)).Reload()
    return [found.Images(name) for name in names]


def board(tmp_path: Path, name: str) -> object:
    return VISUALIZERS.build(dict(type='IRSTDVisualizer', name=f'panels_{name}', save_dir=str(tmp_path),
                                  vis_backends=[dict(type='TensorboardVisBackend')]))


def test_tensorboard_has_a_panel_an_image_under_each_validations_step_and_another_for_another_prediction(
    sample: Callable, tmp_path: Path,
) -> None:
    hook, visualizer = PanelHook(images=['s0']), board(tmp_path / 'board', 'steps')
    for epoch, start in ((2, 10), (4, 10), (6, 20)):
        validate(hook, runner(epochs(epoch), visualizer), [sample('s0', start)])
    visualizer.close()
    (shown,) = events(tmp_path / 'board' / 'vis_data', 'val_s0')
    assert [(one.step, one.width) for one in shown] == [(2, 1074), (4, 1074), (6, 1074)]
    first, same, other = (one.encoded_image_string for one in shown)
    assert first == same != other


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """W&B without a network, whose log ends with the test."""
    module = pytest.importorskip('wandb', reason="wandb is not installed: pip install 'irstd-toolbox[wandb]'")
    for key, value in (('WANDB_MODE', 'offline'), ('WANDB_SILENT', 'true'), ('WANDB_DIR', str(tmp_path))):
        monkeypatch.setenv(key, value)
    return module


def test_wandb_has_the_panels_and_figures_under_the_same_steps(
    sample: Callable, tmp_path: Path, wandb: object,
) -> None:
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):  # as in a run; else the name is the engine's class
        visualizer = VISUALIZERS.build(dict(
            type='IRSTDVisualizer', name='panels_wandb', save_dir=str(tmp_path / 'run'),
            vis_backends=[dict(type='WandbVisBackend', init_kwargs=dict(project='irstd'))]))
    hook, steps = PanelHook(images=['s0']), []
    for epoch in (2, 4):
        validate(hook, runner(epochs(epoch), visualizer), [sample('s0', 10 + epoch)])
        steps.append(wandb.run.summary.get('step'))
        visualizer.add_scalars({'irstd/IoU': epoch / 10}, step=epoch + 2)
    last = dict(wandb.run.summary)
    visualizer.close()
    assert (steps, last['step'], last['irstd/IoU']) == ([2, 4], 6, 0.4)
    assert (last['val_s0']['width'], last['val_s0']['format']) == (1074, 'png')
    files = sorted((tmp_path / 'run' / 'vis_data' / 'wandb').glob('offline-run-*/files/media/images/val_s0_*.png'))
    assert len({file.read_bytes() for file in files}) == 2


def test_wandb_that_is_not_installed_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'wandb', None)
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        visualizer = VISUALIZERS.build(dict(type='IRSTDVisualizer', name='no_wandb', save_dir=str(tmp_path),
                                            vis_backends=[dict(type='WandbVisBackend')]))
    with pytest.raises(ConfigError, match=r'wandb is not installed. Install it with pip install .irstd-toolbox.wandb.'):
        visualizer.add_scalars({'loss': 1.0}, step=1)


def test_the_runtime_of_every_config_shows_two_images_at_every_fifth_validation(repository: Path) -> None:
    hooks = Config.fromfile(repository / 'configs' / '_base_' / 'runtime.py').custom_hooks
    assert [hook for hook in hooks if hook.type == 'PanelHook'] == [dict(type='PanelHook', images=2, interval=5)]
