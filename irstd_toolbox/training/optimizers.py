"""Optimizers by name whose libraries load only when they are used."""

from collections.abc import Iterable
from typing import Any

from torch.optim import Optimizer

from ..registry import OPTIMIZERS

__all__ = ['build_adan']


def _trainable(params: Iterable[Any]) -> list[Any]:
    """``params`` (tensors or groups) without the frozen ones and the groups that this empties."""
    kept = []
    for item in params:
        if isinstance(item, dict):
            group = item['params']
            group = [param for param in (group if isinstance(group, list | tuple) else [group]) if param.requires_grad]
            if group:
                kept.append(dict(item, params=group))
        elif item.requires_grad:
            kept.append(item)
    return kept


@OPTIMIZERS.register_module(name='Adan')
def build_adan(params: Iterable[Any], **kwargs) -> Optimizer:
    """timm's Adan over the parameters that are not frozen.

    Args:
        params: Tensors or parameter groups.
        **kwargs: ``lr``, ``betas``, ``eps``, ``weight_decay``, ``no_prox``, ``caution``, ``foreach``.

    References:
        Xie et al., Adan: Adaptive Nesterov Momentum Algorithm, arXiv 2208.06677; LGNet, Sec. 4.2.
    """
    from timm.optim.adan import Adan  # timm costs seconds to import
    return Adan(_trainable(params), **kwargs)
