"""Mixed precision on whatever the model runs on."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from ..errors import ConfigError
from ..registry import OPTIM_WRAPPERS

__all__ = ['AmpWrapper', 'best_dtype', 'predicting_in']

_DTYPES = {'bf16': torch.bfloat16, 'fp16': torch.float16}


def best_dtype() -> str:
    """``'bf16'`` wherever it runs, which needs no loss scaling; ``'fp16'`` on GPUs without it."""
    old_gpu = torch.cuda.is_available() and not torch.cuda.is_bf16_supported(including_emulation=False)
    return 'fp16' if old_gpu else 'bf16'


def predicting_in(dtype: str | None, device: torch.device) -> AbstractContextManager:
    """A context in which models predict in ``'bf16'``, ``'fp16'``, for ``'auto'`` the better, for None as they are.

    Raises:
        ConfigError: If ``dtype`` is none of these, or the device has no ``'fp16'``.
    """
    if dtype is None:
        return nullcontext()
    name = best_dtype() if dtype == 'auto' else dtype
    if name not in _DTYPES:
        raise ConfigError(f"amp={dtype!r} is not known. Choose 'auto', 'bf16' or 'fp16', or None for full precision.")
    if name == 'fp16' and device.type != 'cuda':
        raise ConfigError(f'--amp fp16 needs a GPU, the model is on {device.type}. Use --amp bf16.')
    return torch.autocast(device.type, dtype=_DTYPES[name])


@OPTIM_WRAPPERS.register_module()
class AmpWrapper(OptimWrapper):
    """Run the forward pass in bf16 or fp16, the update in fp32.

    The engine's ``AmpOptimWrapper`` refuses to be built without a GPU; this one trains in bf16 on a CPU too.

    Args:
        dtype: ``'bf16'`` (CPU or GPU) or ``'fp16'`` (GPU; the loss is scaled, a step with an overflow is skipped).
        init_scale: First loss scale of ``'fp16'``.
        **kwargs: Of mmengine's ``OptimWrapper``: ``optimizer``, ``clip_grad``, ``accumulative_counts``.

    Raises:
        ConfigError: If ``dtype`` is not known or does not run on the device of the parameters.
    """

    def __init__(self, dtype: str = 'bf16', init_scale: float = 2.0**16, **kwargs) -> None:
        super().__init__(**kwargs)
        if dtype not in _DTYPES:
            raise ConfigError(f"AmpWrapper(dtype={dtype!r}) is not known. Choose 'bf16' or 'fp16'.")
        self.dtype = _DTYPES[dtype]
        self.device_type = self.param_groups[0]['params'][0].device.type
        if dtype == 'fp16' and self.device_type != 'cuda':
            raise ConfigError(f"AmpWrapper(dtype='fp16') needs a GPU, the model is on {self.device_type}. Use "
                              "'bf16' (--amp bf16).")
        self.scaler = torch.amp.GradScaler(self.device_type, init_scale=init_scale, enabled=dtype == 'fp16')

    def backward(self, loss: Tensor, **kwargs) -> None:
        self.scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs) -> None:
        if self.clip_grad_kwargs:
            self.scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.scaler.step(self.optimizer, **kwargs)
        self.scaler.update()

    def state_dict(self) -> dict:
        return dict(super().state_dict(), loss_scaler=self.scaler.state_dict())

    def load_state_dict(self, state_dict: dict) -> None:
        state_dict = dict(state_dict)
        scaler = state_dict.pop('loss_scaler', None)
        if scaler and self.scaler.is_enabled():
            self.scaler.load_state_dict(scaler)
        super().load_state_dict(state_dict)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), torch.autocast(self.device_type, dtype=self.dtype):
            yield
