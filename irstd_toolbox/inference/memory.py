"""A model's prediction, where the machine's memory holds it."""

from typing import Any

import torch
from mmseg.structures import SegDataSample

from ..errors import DataError

__all__ = ['predict_batch']

_SIGNS = ('allocate memory', 'STATUS_ALLOC_FAILED')
"""Of a CPU's allocator and a GPU's libraries, whose errors are like any other."""


def predict_batch(model: Any, batch: dict) -> list[SegDataSample]:
    """What ``model.test_step`` says of a batch.

    Raises:
        DataError: If the memory does not hold what it computes.
    """
    try:
        return model.test_step(batch)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and not any(
                sign in str(error) for sign in _SIGNS):
            raise
        about = [sample.metainfo for sample in batch['data_samples']]
        names = ', '.join(str(one.get('img_path') or one.get('image_id')) for one in about)
        remedy = 'Take a machine with more'
        if hasattr(model, 'windows'):
            smaller = 'smaller ' if model.windows else ''
            remedy += f', or let it see {smaller}windows, --cfg-options model.windows.size=256'
        raise DataError(f'{names}: the memory of {model.data_preprocessor.device} does not hold what the model '
                        f'computes on images of this size, {len(about)} at once. {remedy}.') from error
