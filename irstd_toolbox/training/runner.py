"""The engine's Runner with its checkpoints closed against surprises and its console quiet."""

import itertools
import logging
import os
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import EMAHook
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from ..allocator import WAY_BACK, keeps_freed_memory
from ..errors import ConfigError, DataError, lacks_memory
from .checkpoint import check_fits, check_resumable, read_checkpoint
from .compiling import CompilePartsHook, compile_options
from .resuming import check_continues

__all__ = ['IRSTDRunner']

_runs = itertools.count()
_NEEDS = {'train': ('train_dataloader', 'train_cfg', 'optim_wrapper'),
          'val': ('val_dataloader', 'val_cfg', 'val_evaluator'),
          'test': ('test_dataloader', 'test_cfg', 'test_evaluator')}


def _concerns_the_caller(record: logging.LogRecord) -> bool:
    """False for warnings about how the engine calls itself."""
    return 'will be deprecated' not in record.getMessage()


class _RunConfig(Config):
    """A config that is formatted again only where it has changed: every checkpoint holds its text."""

    @classmethod
    def of(cls, config: Config) -> '_RunConfig':
        own = cls.__new__(cls)
        own.__dict__.update(config.__dict__)
        return own

    @property
    def pretty_text(self) -> str:
        content = repr(self._cfg_dict)
        if self.__dict__.get('_told', ('',))[0] != content:
            self.__dict__['_told'] = content, super().pretty_text
        return self.__dict__['_told'][1]


class IRSTDRunner(Runner):
    """mmengine's Runner; differs in eleven things.

    A checkpoint loads whole or not at all, whether to start from (``load_from``) or to resume. A checkpoint appears on
    disk whole or not at all. On the console appear warnings only; the log file has everything. A model with a method
    ``load``, whose networks come with their weights, is loaded as it is built. ``compile`` of a config compiles the
    network (:class:`CompilePartsHook`), and ``channels_last=True`` lays the weights of its convolutions, and with them
    the maps, out pixel by pixel in memory; both change a result by rounding alone. The config's text, which every
    checkpoint holds, is made once. A memory that does not hold what is computed is a message. A training that counts
    iterations counts its epochs, too (:class:`~irstd_toolbox.training.loops.IterBasedTrainLoop`). One that is resumed
    tells what it does not take from its config (:func:`~irstd_toolbox.training.resuming.check_continues`). Runs of one
    process have a logger and a visualizer each, which the engine shares by name: what the second drew and logged would
    come into the first one's folder.
    """

    def __init__(self, *args: Any, cfg: Any = None, experiment_name: str | None = None, visualizer: Any = None,
                 **kwargs: Any) -> None:
        number = next(_runs)
        if number:
            experiment_name = f'{experiment_name or Path(getattr(cfg, "filename", None) or "run").stem}_{number}'
            if isinstance(visualizer, dict):
                visualizer = dict(visualizer, name=f'{visualizer.get("name", "visualizer")}_{number}')
        super().__init__(*args, cfg=_RunConfig.of(cfg) if isinstance(cfg, Config) else cfg,
                         experiment_name=experiment_name, visualizer=visualizer, **kwargs)

    @classmethod
    def from_cfg(cls, cfg: Config | dict) -> 'IRSTDRunner':
        """The runner of a config.

        Raises:
            ConfigError: If it has no model or no ``work_dir``, or a part of what one of training, validation and test
                needs, and not all.
        """
        for name, what in (('model', "the model, dict(type='IRSTDSegmentor', ...)"),
                           ('work_dir', 'the folder of checkpoints and logs')):
            if not cfg.get(name):
                raise ConfigError(f'The config has no {name}; expected {what}. Set config.{name}.')
        for stage, parts in _NEEDS.items():
            missing = [name for name in parts if cfg.get(name) is None]
            if 0 < len(missing) < len(parts):
                raise ConfigError(f'{stage}() needs {", ".join(parts)}, and the config lacks {" and ".join(missing)}; '
                                  'expected all, or none of them. Set what is missing, or the others to None.')
        return super().from_cfg(cfg)

    def _demand(self, stage: str) -> None:
        if getattr(self, f'_{stage}_loop') is None:
            raise ConfigError(f'{stage}() needs {", ".join(_NEEDS[stage])}, and the config has none of them. Set them.')

    def val(self) -> dict:
        """Validate.

        Raises:
            ConfigError: If the config has nothing for it.
        """
        self._demand('val')
        return super().val()

    def test(self) -> dict:
        """Test.

        Raises:
            ConfigError: If the config has nothing for it.
        """
        self._demand('test')
        return super().test()

    def train(self) -> Any:
        """Train.

        Raises:
            ConfigError: If the config has nothing for it.
            DataError: If the memory does not hold a training step, or the prediction of an image.
        """
        self._demand('train')
        try:
            return super().train()
        except (MemoryError, RuntimeError) as error:
            if not lacks_memory(error) or isinstance(self._train_loop, dict):  # which is built with its data first
                raise
            raise DataError(self._of_memory()) from error

    def _of_memory(self) -> str:
        images = self.train_dataloader.batch_size
        model = self.model.module if is_model_wrapper(self.model) else self.model
        if not model.training:
            what = 'what validation computes on an image'
            remedy = '--cfg-options model.windows.size=256' if hasattr(model, 'windows') else 'smaller images'
        elif images is not None and images > 1:  # None of a batch sampler
            what = f'a training step of {images} images'
            remedy = f'--cfg-options train_dataloader.batch_size={images // 2}'
        else:
            what, remedy = 'a training step', 'smaller images'
        device = model.data_preprocessor.device
        kept = f'with {WAY_BACK} in the environment, ' if device.type == 'cpu' and keeps_freed_memory() else ''
        return (f'The memory of {device} does not hold {what}. Train with {remedy}, with mixed precision, --amp, {kept}'
                'or on a machine with more.')

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:
                handler.setLevel(max(handler.level, logging.WARNING))
                handler.addFilter(_concerns_the_caller)
        return logger

    def build_model(self, model: Any) -> Any:
        """Build the model; one whose parts come with their weights gets them now, before there is an optimizer."""
        built = super().build_model(model)
        if hasattr(built, 'load'):
            built.load()
        return built.to(memory_format=torch.channels_last) if self.cfg.get('channels_last') else built

    def build_train_loop(self, loop: Any) -> Any:
        """Build the training loop; ``by_epoch=False`` stands for ``IterBasedTrainLoop``, as in the engine."""
        if isinstance(loop, dict) and not loop.get('type') and not loop.get('by_epoch', True):
            loop = dict(type='IterBasedTrainLoop', **{key: value for key, value in loop.items() if key != 'by_epoch'})
        return super().build_train_loop(loop)

    def _maybe_compile(self, target: str) -> None:
        options = compile_options(self.cfg)
        if options is not None:
            self.register_hook(CompilePartsHook(options))

    def load_checkpoint(self, filename: str, map_location: Any = 'cpu', strict: bool = True,
                        revise_keys: Any = None) -> dict:
        """Load ``filename`` into the model.

        Args:
            filename: A local file.
            map_location: As in :func:`torch.load`.
            strict: Of the engine's signature; loading is strict always.
            revise_keys: Of the engine's signature; names are taken as they are.

        Raises:
            CheckpointError: If the file cannot be read safely, does not fit, or cannot be resumed from.
        """
        checkpoint = read_checkpoint(filename, map_location)
        model = self.model.module if is_model_wrapper(self.model) else self.model
        check_fits(model, checkpoint['state_dict'], filename, weights_only=not checkpoint['meta'])
        if self._resume:
            check_resumable(checkpoint, filename, scheduled=self.param_schedulers is not None,
                            averaged=any(isinstance(hook, EMAHook) for hook in self.hooks))
            check_continues(self, checkpoint, str(filename))
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        model.load_state_dict(checkpoint['state_dict'], strict=False)
        self._has_loaded = True
        self.logger.info(f'loaded {filename}')
        return checkpoint

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Write under another name first, so that a kill leaves no half of a file."""
        partial = f'.{filename}.partial'
        draft = Path(out_dir, partial)
        try:
            super().save_checkpoint(out_dir, partial, *args, **kwargs)
            if is_main_process():
                os.replace(draft, Path(out_dir, filename))
        except OSError as error:
            error.filename = error.filename or str(Path(out_dir, filename))  # of a full disk there is none
            raise
        finally:
            if is_main_process():
                draft.unlink(missing_ok=True)
