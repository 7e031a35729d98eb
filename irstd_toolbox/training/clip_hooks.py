"""What fine-tuning CLIP needs around the training loop: figures of the start, and the weights as a file at the end."""

import json
from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor

from .. import __version__
from ..errors import CheckpointError, ConfigError
from ..evaluation.files import write_atomically
from ..registry import HOOKS
from .checkpoint import find_checkpoint, read_checkpoint
from .stamp import stamp_of

__all__ = ['ExportCLIPHook', 'StartValidationHook']

PREFIX = 'encoder.clip.'


@HOOKS.register_module()
class StartValidationHook(Hook):
    """Validate before the first iteration too, so that a training which helps nothing is seen, and is not the best.

    The figures are those of epoch 0 in ``val.csv``; with ``save_best`` the weights at the start are the first best
    ones. A resumed run does not repeat it.
    """

    priority = 'LOWEST'  # after the checkpoint hook has found its folder

    def before_train(self, runner: Runner) -> None:
        if runner.val_loop is not None and not runner.iter:
            runner.val_loop.run()


@HOOKS.register_module()
class ExportCLIPHook(Hook):
    """Write the CLIP that :class:`~irstd_toolbox.models.contrastive_clip.ContrastiveCLIP` trained as a file of its own.

    ``OpenCLIPEncoder(model=..., pretrained=FILE)``, and so ``TargetDescriptor``, loads it. Beside the tensors, under
    open_clip's names, stands what they mean (``irstd_toolbox`` in the file's metadata, JSON): architecture and
    normalisation, which an encoder of another config is refused by; how the checkpoint was chosen; epoch and version.

    Args:
        which: ``'best'``, the checkpoint that ``save_best`` chose, or ``'last'``.
        name: Of the file in the work folder; it appears whole or not at all, in the place of an earlier one.

    Raises:
        ConfigError: If ``which`` is not known, ``name`` does not end in ``.safetensors``, the model is no
            ContrastiveCLIP, or nothing saves the checkpoint asked for.
    """

    priority = 'LOWEST'

    def __init__(self, which: str = 'best', name: str = 'clip.safetensors') -> None:
        if which not in ('best', 'last'):
            raise ConfigError(f"ExportCLIPHook(which={which!r}) is not known. Choose 'best' or 'last'.")
        if Path(name).suffix != '.safetensors':
            raise ConfigError(f'ExportCLIPHook(name={name!r}): a name ending in .safetensors is expected.')
        self.which, self.name = which, name

    def before_train(self, runner: Runner) -> None:
        self._encoder(runner)
        saving = next((hook for hook in runner.hooks if isinstance(hook, CheckpointHook)), None)
        if saving is None or (self.which == 'best' and not (saving.save_best and runner.val_loop is not None)):
            raise ConfigError(f"ExportCLIPHook(which='{self.which}') writes what CheckpointHook saved"
                              + (" as the best; give it save_best='clip/mean_recall' and a validation, or say "
                                 "which='last'." if self.which == 'best' else ', and there is none in default_hooks.'))

    def after_train(self, runner: Runner) -> None:
        from safetensors.torch import save
        if is_main_process():
            source = find_checkpoint(runner.work_dir, self.which)
            target = Path(runner.work_dir, self.name)
            encoder = self._encoder(runner)
            tensors, about = _contents(source, encoder.identity)
            metadata = {'format': 'pt', 'irstd_toolbox': json.dumps(about, sort_keys=True)}
            write_atomically(target, save(tensors, metadata))
            start = '' if about['epoch'] else ' (the weights of the start: no epoch was better)'
            model = encoder.model if isinstance(encoder.model, str) else 'the inline config of this run'
            print(f'{target}: CLIP of {source.name}{start}, for OpenCLIPEncoder with model={model}: '
                  f'--cfg-options model.target_descriptor.encoder.pretrained={target}', flush=True)
        barrier()

    @staticmethod
    def _encoder(runner: Runner):
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        encoder = getattr(model, 'encoder', None)
        if not hasattr(encoder, 'clip') or not hasattr(encoder, 'identity'):
            raise ConfigError(f'ExportCLIPHook writes the CLIP of a ContrastiveCLIP; the model is a '
                              f'{type(model).__name__}. Take the hook out of custom_hooks.')
        return encoder


def _contents(source: Path, identity: dict) -> tuple[dict[str, Tensor], dict]:
    """The CLIP in a checkpoint, and what its file says of it."""
    checkpoint = read_checkpoint(source)
    tensors = {name.removeprefix(PREFIX): tensor.contiguous() for name, tensor in checkpoint['state_dict'].items()
               if name.startswith(PREFIX)}
    if not tensors:
        raise CheckpointError(f'{source} holds no {PREFIX}*, so it is no checkpoint of a ContrastiveCLIP. Train into a '
                              'folder of its own.')
    meta = checkpoint['meta']
    return tensors, dict(identity=identity, epoch=meta.get('epoch'), checkpoint=source.name,
                         selection=stamp_of(meta).get('selection'), version=__version__)
