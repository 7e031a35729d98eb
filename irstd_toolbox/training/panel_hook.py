"""Pictures of a few validation images while training goes on, wherever the visualizer's backends show them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.runner.base_loop import BaseLoop
from mmseg.structures import SegDataSample

from ..errors import ConfigError
from ..registry import HOOKS, TRANSFORMS

__all__ = ['PanelHook', 'evenly_spaced']

_MAPS = ('gt_sem_seg', 'pred_sem_seg', 'seg_logits')


@HOOKS.register_module()
class PanelHook(Hook):
    """Show the same few validation images again and again: image, ground truth, prediction and probability.

    The Runner's visualizer draws them (:meth:`IRSTDVisualizer.add_datasample`) and hands them to each of its
    backends as ``TAG_ID``, a slash in an id replaced by ``_``, under the step of the validation's figures: the epoch,
    or the iteration of a loop without epochs. One process draws. What goes wrong while drawing is a warning, once, and
    training goes on.

    Args:
        images: How many, evenly spaced over the validation list; or the ids of some. 0 draws none.
        interval: Draw at the first and then at each such validation, and at the last.
        tag: First part of the pictures' names.

    Raises:
        ConfigError: If an option is of another kind, or, before training, an id is not in the validation list.

    Note:
        Validations are counted by the epoch, so that a resumed run draws where an uninterrupted one does.
    """

    priority = 'LOW'

    def __init__(self, images: int | Sequence[str] = 2, interval: int = 1, tag: str = 'val') -> None:
        if isinstance(images, bool | str) or not (isinstance(images, int) or (
                isinstance(images, Iterable) and images and all(isinstance(one, str) for one in images))):
            raise ConfigError(f'PanelHook(images={images!r}): expected a number of images, or a list of their ids.')
        if isinstance(images, int) and images < 0:
            raise ConfigError(f'PanelHook(images={images}): at least 0 is expected.')
        if isinstance(interval, bool) or not isinstance(interval, int) or interval < 1:
            raise ConfigError(f'PanelHook(interval={interval!r}): a number of validations from 1 is expected.')
        if not isinstance(tag, str) or not tag or '/' in tag:
            raise ConfigError(f'PanelHook(tag={tag!r}): a name without a slash is expected.')
        self.images, self.interval, self.tag = images, interval, tag
        self.chosen: tuple[str, ...] | None = None
        self.kept: dict[str, SegDataSample] = {}
        self.due, self.warned = False, False

    def choose(self, dataset: Any) -> tuple[str, ...]:
        """The ids that are drawn of a data set; none where its samples have no ``image_id``.

        Raises:
            ConfigError: If the option names an image that is not among them.
        """
        if isinstance(self.images, int):
            return tuple(evenly_spaced(dataset, self.images))
        known = {str(dataset.get_data_info(place).get('image_id')) for place in range(len(dataset))}
        unknown = [one for one in self.images if one not in known]
        if unknown:
            raise ConfigError(f'PanelHook(images=...) names {unknown[0]!r}, which is not among the {len(known)} images '
                              f'of the validation; expected ids such as {min(known)!r}.')
        return tuple(dict.fromkeys(self.images))

    def before_train(self, runner: Runner) -> None:
        if runner.val_loop is not None:
            self.chosen = self.choose(runner.val_dataloader.dataset)

    def before_val_epoch(self, runner: Runner) -> None:
        if self.chosen is None:
            self.chosen = self.choose(runner.val_dataloader.dataset)
        self.kept, self.due = {}, bool(self.chosen) and self._is_due(runner)

    def _is_due(self, runner: Runner) -> bool:
        loop = _training(runner)
        if loop is None:
            return True
        done, last = (loop.epoch, loop.max_epochs) if _by_epoch(loop) else (loop.iter, loop.max_iters)
        return done == last or (done // loop.val_interval - 1) % self.interval == 0

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                       outputs: Sequence | None = None) -> None:
        for sample in outputs or () if self.due else ():
            name = str(sample.metainfo.get('image_id'))
            if name in self.chosen and 'pred_sem_seg' in sample:
                slim = SegDataSample(metainfo=dict(image_id=name, img_path=sample.metainfo.get('img_path')))
                slim.set_data({key: sample.get(key).cpu() for key in _MAPS if key in sample})
                self.kept[name] = slim

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        if not self.due:
            return
        parts = all_gather_object(self.kept)
        self.kept, self.due = {}, False
        if is_main_process():
            samples = {name: sample for part in parts for name, sample in part.items()}
            for name in self.chosen:
                if name in samples:
                    self._draw(runner, name, samples[name])

    def _draw(self, runner: Runner, name: str, sample: SegDataSample) -> None:
        loop = _training(runner)
        step = 0 if loop is None else loop.epoch if _by_epoch(loop) else loop.iter
        try:
            image = TRANSFORMS.build(dict(type='LoadImage'))(dict(img_path=sample.img_path))['img']
            runner.visualizer.add_datasample(f'{self.tag}_{name}'.replace('/', '_'), image, sample, step=step)
        except Exception as error:  # whatever drawing or a backend raises: a picture is not worth a training
            if not self.warned:
                runner.logger.warning(f'PanelHook could not show {name} ({type(error).__name__}: {error}). Training '
                                      'goes on; this is said once.')
            self.warned = True


def evenly_spaced(dataset: Any, count: int) -> list[str]:
    """The ids of ``count`` samples of a data set, evenly spaced; fewer where there are fewer, or some have none."""
    places = np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int)
    ids = (dataset.get_data_info(int(place)).get('image_id') for place in places)
    return [str(one) for one in ids if one is not None]


def _training(runner: Runner) -> BaseLoop | None:
    """The training loop, None for a validation alone; asking the runner for it would build one."""
    return runner._train_loop if isinstance(runner._train_loop, BaseLoop) else None


def _by_epoch(loop: BaseLoop) -> bool:
    return isinstance(loop, EpochBasedTrainLoop)
