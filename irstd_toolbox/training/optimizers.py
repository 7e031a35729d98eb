"""Optimizers by name that PyTorch does not have; libraries of others load only when they are used."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer

from ..errors import check_least
from ..registry import OPTIMIZERS

__all__ = ['DecoupledAdagrad', 'build_adan']


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


@OPTIMIZERS.register_module()
class DecoupledAdagrad(Optimizer):
    r"""AdaGrad in the form of MXNet: weight decay beside the scaled gradient, and ``eps`` inside the root.

    .. math::
        h_t = h_{t-1} + g_t^2,\quad w_t = (1 - \eta \lambda) w_{t-1} - \eta \frac{g_t}{\sqrt{h_t + \epsilon}}

    Args:
        params: Tensors or parameter groups; frozen ones are left out.
        lr: Learning rate, eta.
        weight_decay: lambda.
        eps: epsilon; a gradient well below its root moves a weight in proportion, not by ``lr``.

    Note:
        ``torch.optim.Adagrad`` adds the decay to the gradient. Soft IoU over a whole image has gradients that are
        smaller than the decay of weights drawn by MSRAPrelu, and the first steps, each of nearly ``lr`` whatever the
        gradient is, then only shrink the weights.

        Gluon's ``Trainer.step(batch_size)`` divides gradients by the batch size, on top of a loss that is a mean;
        ``eps = 1e-7 * batch_size ** 2`` is the same.

    References:
        Duchi et al., Adaptive Subgradient Methods, JMLR 2011; ``mxnet.optimizer.AdaGrad`` of MXNet 1.x, by which ACM
        and ALCNet were trained.
    """

    def __init__(self, params: Iterable[Any], lr: float = 0.05, weight_decay: float = 1e-4, eps: float = 1e-7) -> None:
        check_least(self, 0, lr=lr, weight_decay=weight_decay, eps=eps)
        super().__init__(_trainable(params), dict(lr=lr, weight_decay=weight_decay, eps=eps))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every weight that has a gradient; what ``closure`` gives, the loss computed anew, is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group['params'] if weight.grad is not None]
            if not weights:
                continue
            grads = [weight.grad for weight in weights]
            for weight in weights:
                if 'history' not in self.state[weight]:
                    self.state[weight]['history'] = torch.full_like(weight, group['eps'])
            history = [self.state[weight]['history'] for weight in weights]
            torch._foreach_addcmul_(history, grads, grads)
            torch._foreach_mul_(weights, 1 - group['lr'] * group['weight_decay'])
            torch._foreach_addcdiv_(weights, grads, torch._foreach_sqrt(history), -group['lr'])
        return loss
