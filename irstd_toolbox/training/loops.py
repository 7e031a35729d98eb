"""Training that counts iterations, as mmseg's configs do, with its epochs counted, too."""

from collections.abc import Sequence
from typing import Any

from mmengine.runner import IterBasedTrainLoop as EngineLoop

from ..registry import LOOPS

__all__ = ['IterBasedTrainLoop']


@LOOPS.register_module()
class IterBasedTrainLoop(EngineLoop):
    """mmengine's loop, of which an epoch is a pass over the training list: mmengine's stays in its epoch 0.

    Logs, the console and warm-up epochs go by it. Validations, checkpoints and schedules count iterations.

    Args:
        *args, **kwargs: Those of mmengine's: ``runner``, ``dataloader``, ``max_iters``, ``val_begin=1``,
            ``val_interval=1000`` and others.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._max_epochs = -(-self._max_iters // len(self.dataloader))

    @property
    def epoch(self) -> int:
        """Whole passes over the training list so far."""
        return self._iter // len(self.dataloader)

    def run_iter(self, data_batch: Sequence[dict]) -> None:
        self.runner.message_hub.update_info('epoch', self.epoch)
        super().run_iter(data_batch)
