"""A model's prediction, where the machine's memory holds it."""

from typing import Any

from mmseg.structures import SegDataSample

from ..errors import DataError, lacks_memory

__all__ = ['predict_batch']


def predict_batch(model: Any, batch: dict) -> list[SegDataSample]:
    """What ``model.test_step`` says of a batch.

    Raises:
        DataError: If the memory does not hold what it computes.
    """
    try:
        return model.test_step(batch)
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        about = [sample.metainfo for sample in batch['data_samples']]
        names = ', '.join(str(one.get('img_path') or one.get('image_id')) for one in about)
        remedy = 'Take a machine with more'
        if hasattr(model, 'windows'):
            smaller = 'smaller ' if model.windows else ''
            remedy += f', or let it see {smaller}windows, --cfg-options model.windows.size=256'
        raise DataError(f'{names}: the memory of {model.data_preprocessor.device} does not hold what the model '
                        f'computes on images of this size, {len(about)} at once. {remedy}.') from error
