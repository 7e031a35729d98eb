"""Checkpoints made small: weights in half precision, and training that goes on from weights alone."""

import io
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..registry import HOOKS
from .stamp import STAMP, stamp_of

__all__ = ['FreshOptimizerHook', 'halved', 'small_checkpoint']

RESUMED = 'weights only'
"""What the stamp of a training says under ``'resumed'`` once it went on without its optimizer's state."""


def halved(content: Any) -> Any:
    """Every float32 tensor in a nest of containers as float16, except where a value would become infinite.

    Example:
        >>> [value.dtype for value in halved([torch.ones(1), torch.tensor([1e6]), torch.tensor([1])])]
        [torch.float16, torch.float32, torch.int64]
    """
    if torch.is_tensor(content):
        if content.dtype != torch.float32:
            return content
        half = content.half()
        return half if torch.equal(half.isfinite(), content.isfinite()) else content
    if isinstance(content, dict):
        return {key: halved(value) for key, value in content.items()}
    return [halved(value) for value in content] if isinstance(content, list) else content


def small_checkpoint(checkpoint: dict) -> bytes:
    """A checkpoint's file with weights in half precision and without the optimizer's state.

    Args:
        checkpoint: As :func:`.checkpoint.read_checkpoint` gives it.

    Note:
        Epoch, schedules, log and seed stay, so that training resumes where it was; the optimizer begins anew
        (:class:`FreshOptimizerHook`), and the stamp says so from then on.
    """
    small, stamp = dict(checkpoint), dict(stamp_of(checkpoint['meta']), precision='half')
    for part in {'state_dict', 'ema_state_dict'} & set(small):
        small[part] = halved(small[part])
    if 'optimizer' in small:
        small['optimizer'], stamp['resumed'] = _stateless(small['optimizer']), RESUMED
    small['meta'] = dict(checkpoint['meta'], **{STAMP: stamp})
    stream = io.BytesIO()
    torch.save(small, stream)
    return stream.getvalue()


def _stateless(content: Any) -> Any:
    """An optimizer's state dict, or several in a dict, with ``state`` empty."""
    if not isinstance(content, dict):
        return content
    return {key: {} if key == 'state' and 'param_groups' in content else _stateless(value)
            for key, value in content.items()}


def _filled(content: Any, fresh: Any) -> Any:
    """``content`` with every empty ``state`` from ``fresh``, which is what a new optimizer begins with."""
    if not isinstance(content, dict) or not isinstance(fresh, dict):
        return content
    return {key: fresh[key] if key == 'state' and not value and key in fresh else _filled(value, fresh.get(key))
            for key, value in content.items()}


@HOOKS.register_module()
class FreshOptimizerHook(Hook):
    """Resume from a checkpoint of :func:`small_checkpoint`, and write into later ones that it was so."""

    priority = 'LOW'  # after the stamp

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['optimizer'] = _filled(checkpoint['optimizer'], runner.optim_wrapper.state_dict())

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['meta'].setdefault(STAMP, {})['resumed'] = RESUMED
