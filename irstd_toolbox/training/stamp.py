"""A record, in every checkpoint, of how it came about: what it was trained and chosen on, by which commit and seed."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import CheckpointHook as EngineCheckpointHook
from mmengine.hooks import Hook
from mmengine.runner import Runner

from .. import __version__
from ..errors import CheckpointError
from ..registry import HOOKS
from .checkpoint import read_checkpoint

__all__ = ['StampHook', 'check_own', 'git_commit', 'listed_as', 'lists_told', 'stamp_of']

STAMP = 'irstd_toolbox'


def git_commit() -> str | None:
    """The commit of the checkout that this package is run from, None if it is not run from one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / '.git').exists():
        return None
    try:
        run = subprocess.run(['git', '-C', root, 'rev-parse', 'HEAD'], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.strip() if run.returncode == 0 else None


def stamp_of(meta: dict) -> dict:
    """The stamp in a checkpoint's ``meta``, ``{}`` where another program wrote it."""
    stamp = meta.get(STAMP)
    return stamp if isinstance(stamp, dict) else {}


def _known_as(config: Config) -> str | None:
    """A config's folder and file, which tell it from another of its name; None where it is of no file."""
    return '/'.join(Path(config.filename).resolve().parts[-2:]) if config.filename else None


def check_own(config: Config, checkpoint: Path) -> None:
    """Refuse a checkpoint that another config of the same name left in the work folder of ``config``.

    One that does not say where it comes from, and one that cannot be read, which whoever loads it says, is let through.

    Raises:
        CheckpointError: If it is another's.
    """
    try:
        other = stamp_of(read_checkpoint(checkpoint)['meta']).get('config')
    except CheckpointError:
        return
    if other is not None and other != (own := _known_as(config)):
        raise CheckpointError(f'{checkpoint} is of {other}, not of {own}, whose trainings go to the same folder. Give '
                              'tools/train.py another by --work-dir; test what lies here by the path of its file.')


@HOOKS.register_module()
class StampHook(Hook):
    """Write into every checkpoint's ``meta['irstd_toolbox']`` how it came about.

    ``selection['on']`` is the list that the best checkpoint was chosen on: ``'holdout'`` (carved from the training
    list), ``'val'``, ``'test'``, another list's name, or ``'none'`` without validation. ``trained_on`` are the lists
    of this training, ``trained_before`` those of the weights that it began with (``load_from``), as far as these say
    it themselves: a dict each, with ``dataset``, ``split`` and ``images``, or ``weights``, the name of a file that
    does not say it. Results repeat all three. ``config`` is folder and file of the config.
    """

    def __init__(self) -> None:
        self.before: list[dict[str, Any]] = []

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        stamp = stamp_of(checkpoint['meta'])
        unknown = [dict(weights=Path(str(runner._load_from)).name)]
        self.before = [*stamp.get('trained_before', ()), *stamp.get('trained_on', unknown)]

    def before_train(self, runner: Runner) -> None:
        own = [dict(dataset=str(one.metainfo.get('dataset', type(one).__name__)),
                    split=str(getattr(one, 'split', 'unknown')), images=len(one))
               for one in _unwrapped(runner.train_dataloader.dataset)]
        self.stamp = dict(version=__version__, commit=git_commit(), config=_known_as(runner.cfg), seed=runner.seed,
                          selection=_selection(runner), trained_on=own,
                          trained_before=[one for one in self.before if one not in own])

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['meta'][STAMP] = self.stamp


def lists_told(lists: Sequence[Mapping[str, Any]]) -> str:
    """Lists of a stamp in words.

    Example:
        >>> lists_told([dict(dataset='NUAA-SIRST', split='trainval', images=307), dict(weights='best.pth')])
        'NUAA-SIRST (trainval, 307 images), what best.pth was trained on, which is not recorded'
    """
    return ', '.join(f'what {one["weights"]} was trained on, which is not recorded' if 'weights' in one else
                     f'{one["dataset"]} ({one["split"]}, {one["images"]} images)' for one in lists)


def _unwrapped(dataset: Any) -> Sequence[Any]:
    """The data sets inside of one of the engine's wrappers, which hold no wrappers."""
    return getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', dataset)]


def _selection(runner: Runner) -> dict:
    if runner.val_loop is None:
        return dict(on='none', metric=None, protocol=None, images=0)
    dataset = runner.val_dataloader.dataset
    hook = next((hook for hook in runner.hooks if isinstance(hook, EngineCheckpointHook)), None)
    metric = ', '.join(hook.save_best) if hook is not None and hook.save_best else None
    protocols = [protocol for one in runner.val_evaluator.metrics for protocol in getattr(one, 'protocols', ())]
    protocol = str(getattr(protocols[0], 'name', protocols[0])) if protocols else None
    return dict(on=listed_as(dataset), metric=metric, protocol=protocol, images=len(dataset))


def listed_as(dataset: Any) -> str:
    """The kind of list that a data set's images come from: ``'holdout'``, ``'test'``, or the list's own name."""
    if getattr(dataset, 'holdout', 0) and getattr(dataset, 'part', None) == 'holdout':
        return 'holdout'
    split = str(getattr(dataset, 'split', 'unknown'))
    return 'test' if Path(split).stem == 'test' else split
