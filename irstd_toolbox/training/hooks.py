"""What the engine's Runner lacks: exact resumes and guards."""

import contextlib
import math
import operator
import os
import shutil
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_reduce, broadcast, broadcast_object_list, get_rank, get_world_size, is_main_process
from mmengine.hooks import CheckpointHook as EngineCheckpointHook
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop, Runner

from ..errors import CheckpointError, ConfigError, UserError
from ..registry import HOOKS
from .checkpoint import read_checkpoint
from .determinism import SeededSamples, derived_seed, seed_everything
from .logs import is_better_low

__all__ = ['CheckpointHook', 'CollapseGuardHook', 'EpochSeedHook', 'NaNGuardHook']


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Make random numbers a function of where training is, so that a resumed run repeats an uninterrupted one.

    Every process is seeded anew in each epoch from (seed, epoch, rank), once for the workers' seeds and, when they run,
    once more for dropout.
    In epoch-based training every sample is drawn under a seed of its own, see :class:`SeededSamples`: flips, crops,
    jitter.

    Note:
        Exact for epoch-based training on a data set of mmengine's, where no gradient waits for its update at the end of
        an epoch (``accumulative_counts``); otherwise the hook says so once.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        dataset = runner.train_dataloader.dataset
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        # Of a loop without epochs every pass would repeat the first one's flips and crops.
        self.samples = SeededSamples(dataset, runner.seed) if by_epoch and hasattr(dataset, 'prepare_data') else None
        if self.samples is not None:
            dataset.prepare_data = self.samples
        needs = []
        if not by_epoch or (self.samples is None and runner.train_dataloader.persistent_workers):
            needs.append("EpochBasedTrainLoop, and a data set of mmengine's or persistent_workers=False")
        counts = _accumulative_counts(runner)
        if by_epoch and any(len(runner.train_dataloader) % count for count in counts):
            needs.append(f'epochs whose iterations, {len(runner.train_dataloader)} here, are a multiple of '
                         f'optim_wrapper.accumulative_counts={max(counts)}')
        if needs:
            runner.logger.warning('Resuming this run will not repeat an uninterrupted one bit for bit: that needs '
                                  f'{"; and ".join(needs)}.')

    def before_train_epoch(self, runner: Runner) -> None:
        seed_everything(derived_seed(runner.seed, runner.epoch, get_rank()))
        if self.samples is not None:
            self.samples.epoch.fill_(runner.epoch)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if not batch_idx:  # starting workers drew a number, which lasting workers draw once only
            seed_everything(derived_seed(runner.seed, runner.epoch, get_rank(), 1))


def _accumulative_counts(runner: Runner) -> list[int]:
    """After how many iterations the optimizer, or each of several, makes a step."""
    wrapper = runner.optim_wrapper
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    return [getattr(one, '_accumulative_counts', 1) for one in wrappers]


def _image_names(batch: Any) -> list[str]:
    """The images of a training batch, by id or path."""
    samples = batch.get('data_samples') if isinstance(batch, dict) else None
    return [str(sample.metainfo.get('image_id') or sample.metainfo.get('img_path')) for sample in samples or []]


@HOOKS.register_module()
class NaNGuardHook(Hook):
    """Stop at the first loss that is not a number, before a checkpoint is written from the damaged weights.

    Raises:
        UserError: Names the iteration, the images of the batch, the parts of the loss and what helps.
    """

    priority = 'VERY_HIGH'

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        parts = {name: value.item() for name, value in (outputs or {}).items() if 'loss' in name}
        if all(map(math.isfinite, parts.values())):
            return
        images, wrapper, place, named = _image_names(data_batch), runner.optim_wrapper, 'optim_wrapper', ''
        if isinstance(wrapper, OptimWrapperDict):
            place, named = 'optim_wrapper.NAME', f'; NAME is one of {", ".join(wrapper.keys())}'
        raise UserError(
            f'The loss is no finite number at iteration {runner.iter + 1} (epoch {runner.epoch + 1}): '
            f'{", ".join(f"{name} = {value:g}" for name, value in parts.items())}. '
            f'Images of the batch: {", ".join(images) or "unknown"}. Training stops and no checkpoint is written from '
            'these weights; the last one on disk is from before. Look at those images; then lower the learning rate '
            f'(--cfg-options {place}.optimizer.lr=...{named}), clip gradients ({place}.clip_grad.max_norm=1), or, with '
            '--amp fp16, use --amp bf16, and continue with --resume.')


@HOOKS.register_module()
class CollapseGuardHook(Hook):
    """Warn when validation predicts no target pixel at all, the usual way in which training on tiny targets fails.

    Args:
        patience: Validations in a row with an empty prediction before the warning, which later ones repeat in short.

    Raises:
        ValueError: If ``patience`` is below 1.
    """

    def __init__(self, patience: int = 3) -> None:
        if patience < 1:
            raise ValueError(f'CollapseGuardHook(patience={patience}): at least 1 is expected.')
        self.patience, self.empty_in_a_row = patience, 0
        self._foreground = self._pixels = 0

    def before_val_epoch(self, runner: Runner) -> None:
        self._foreground = self._pixels = 0

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                       outputs: Sequence | None = None) -> None:
        for sample in outputs or ():
            if 'pred_sem_seg' in sample:
                self._foreground += int((sample.pred_sem_seg.data > 0).sum())
                self._pixels += sample.pred_sem_seg.data.numel()

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        counts = torch.tensor([self._foreground, self._pixels], dtype=torch.float64)
        all_reduce(counts)
        foreground, pixels = counts.tolist()
        if not pixels:
            return
        runner.message_hub.update_scalar('val/predicted_fraction', foreground / pixels)
        self.empty_in_a_row = 0 if foreground else self.empty_in_a_row + 1
        if self.empty_in_a_row >= self.patience:
            advice = '' if self.empty_in_a_row > self.patience else (
                ' Check that the masks are read as {0, 1} with targets in them, give the loss a term that empty '
                "predictions do not minimise (loss=[dict(type='BCELoss'), dict(type='SoftIoULoss')]), keep the "
                'foreground-prior initialisation of the head, or lower the learning rate.')
            runner.logger.warning(f'The last {self.empty_in_a_row} validations predicted background everywhere: the '
                                  f'network has collapsed.{advice}')


@HOOKS.register_module()
class CheckpointHook(EngineCheckpointHook):
    """The engine's hook, made safe against a kill at any moment and against what a foreign checkpoint says.

    ``best.pth`` is the best checkpoint under a name that does not change (with one ``save_best``).

    An outdated checkpoint is deleted after its successor is on disk, not before; of the best one ``best.pth`` is left
    until then, by which a resumed run has it again. A resumed run looks for the best checkpoint in its own folder only,
    to be deleted when a better one comes; where it is not there, the next validated one is the best. The validation
    that a kill came before is made up for, under the epoch that it follows. Of equals the latest is the best: a network
    that finds nothing yet has learned the more. Of several processes all validate the buffers that are saved, the first
    one's: each has running statistics of its own since the last step.

    Raises:
        ConfigError: If a metric of ``save_best`` is better the lower it is and ``rule`` is ``'greater'``, or the other
            way round.
    """

    rule_map = dict(greater=operator.ge, less=operator.le)
    _linked: str | None = None

    def before_train(self, runner: Runner) -> None:
        info = runner.message_hub.runtime_info
        folder = runner.work_dir
        if self.out_dir not in (None, folder):
            folder = os.path.join(self.out_dir, os.path.basename(folder.rstrip(os.sep)))
        for key in [key for key in info if key.startswith(('best_ckpt', 'last_ckpt')) and info[key]]:
            info[key] = os.path.join(folder, os.path.basename(str(info[key])))
        if is_main_process() and info.get('best_ckpt'):
            self._recall(Path(info['best_ckpt']))
        gone = [[key for key in info if key.startswith('best_ckpt') and info[key] and not os.path.isfile(info[key])]]
        broadcast_object_list(gone)
        for key in gone[0]:
            info.pop(key)
            info.pop(key.replace('ckpt', 'score', 1), None)
        info['keep_ckpt_ids'] = [int(step) for step in info.get('keep_ckpt_ids', [])]
        super().before_train(runner)
        self._link()
        loop = runner.train_loop
        if (runner.iter and self.by_epoch and runner.val_loop is not None and loop.epoch >= loop.val_begin
                and (loop.epoch % loop.val_interval == 0 or loop.epoch == loop.max_epochs)
                and info.get('validated_epoch') != loop.epoch):
            self.last_ckpt = info.get('last_ckpt')
            now = info.get('epoch')
            runner.message_hub.update_info('epoch', loop.epoch - 1)
            try:
                runner.val_loop.run()
            finally:
                runner.message_hub.update_info('epoch', now)

    def _init_rule(self, rules: list, key_indicators: list) -> None:
        super()._init_rule(rules, key_indicators)
        for rule, key in zip(self.rules, key_indicators, strict=False):
            right = {True: 'less', False: 'greater'}.get(is_better_low(key))
            if rule is not None and right is not None and rule != right:
                raise ConfigError(f'CheckpointHook(save_best={key!r}, rule={rule!r}) would keep the worst checkpoint: '
                                  f'set default_hooks.checkpoint.rule={right}.')

    def before_val_epoch(self, runner: Runner) -> None:
        if get_world_size() > 1:
            for buffer in runner.model.buffers():
                if buffer.is_floating_point():
                    broadcast(buffer, 0)

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        unknown = sorted(set(self.save_best or ()) - {'auto'} - set(metrics))
        if unknown:
            raise ConfigError(f'default_hooks.checkpoint.save_best={unknown[0]!r} is no figure of the validation. '
                              f'There are {", ".join(sorted(metrics))}.')
        runner.message_hub.update_info('validated_epoch', runner.epoch)
        super().after_val_epoch(runner, metrics)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        super()._save_best_checkpoint(runner, metrics)
        self._link()

    def _link(self) -> None:
        """Make ``best.pth`` the best checkpoint, where there is one, and it is not yet."""
        best = getattr(self, 'best_ckpt_path', None)
        if best and best != self._linked and os.path.isfile(best) and is_main_process():
            _link(Path(best), Path(self.out_dir, 'best.pth'))
        self._linked = best

    def _recall(self, best: Path) -> None:
        """Give the best checkpoint the name again under which a kill before its successor has deleted it."""
        lasting, number = best.with_name('best.pth'), best.stem.rpartition('_')[2]
        if best.is_file() or not lasting.is_file() or not number.isdecimal():
            return
        with contextlib.suppress(CheckpointError):
            meta = read_checkpoint(lasting)['meta']
            known = [meta.get('epoch')] if self.by_epoch else [meta.get('iter'), meta.get('iter', 0) - 1]
            if int(number) in known:  # the engine counts one iteration more than the name
                _link(lasting, best)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        keep, dropped = self.max_keep_ckpts, []
        if keep > 0:
            steps = [number for number in self.keep_ckpt_ids if number != step] + [step]
            dropped, steps = steps[:-keep], steps[-keep:]
            self.keep_ckpt_ids = deque(steps, keep)
            runner.message_hub.update_info('keep_ckpt_ids', steps)
        super()._save_checkpoint_with_step(runner, step, meta)  # deletes nothing: the step is the latest already
        if is_main_process():
            for number in dropped:
                Path(self.out_dir, self.filename_tmpl.format(number)).unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """Make ``target`` the same file as ``source``, at once; a copy where the file system has no hard links."""
    if target.is_file() and os.path.samefile(source, target):  # renaming onto the same file would do nothing
        return
    draft = target.with_name(f'.{target.name}.partial')
    draft.unlink(missing_ok=True)
    try:
        os.link(source, draft)
    except OSError:
        shutil.copyfile(source, draft)
    os.replace(draft, target)
