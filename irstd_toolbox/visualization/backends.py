"""Backends of the engine's visualizer that differ from the engine's."""

import numpy as np
from mmengine.visualization import WandbVisBackend as EngineWandbVisBackend
from mmengine.visualization.vis_backend import force_init_env

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import VISBACKENDS

__all__ = ['WandbVisBackend']

_STEP = 'step'


@VISBACKENDS.register_module()
class WandbVisBackend(EngineWandbVisBackend):
    """The engine's backend for Weights & Biases, with the steps that the other backends have.

    The engine's leaves the step out, so that W&B numbers its own calls and a picture cannot be told from that of
    another epoch. Here every call logs ``step`` beside its values, and ``step`` is the x-axis of all of them.

    Args:
        save_dir: Where W&B keeps its files.
        **kwargs: ``init_kwargs`` (of ``wandb.init``) and the others of the engine's class.

    Raises:
        ConfigError: When training starts, if wandb is not installed.
    """

    def _init_env(self) -> None:
        try:
            import wandb
        except ImportError:
            raise ConfigError("vis_backends asks for WandbVisBackend, but wandb is not installed. Install it with pip "
                              "install 'irstd-toolbox[wandb]', or take the backend out.") from None
        super()._init_env()
        wandb.define_metric('*', step_metric=_STEP)

    @force_init_env
    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs) -> None:
        """Log an RGB picture under its step."""
        self._wandb.log({name: self._wandb.Image(image), _STEP: step}, commit=self._commit)

    @force_init_env
    def add_scalar(self, name: str, value: float, step: int = 0, **kwargs) -> None:
        """Log a figure under its step."""
        self._wandb.log({name: value, _STEP: step}, commit=self._commit)

    @force_init_env
    def add_scalars(self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **kwargs) -> None:
        """Log several figures under their step."""
        self._wandb.log({**scalar_dict, _STEP: step}, commit=self._commit)
