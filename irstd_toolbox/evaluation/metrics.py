"""The metric of the test loop: mmengine's shell around :mod:`.functional` and :mod:`.protocols`."""

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.structures import BaseDataElement

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.prediction_io import decode, encode
from irstd_toolbox.evaluation.protocols import Protocol, resolve
from irstd_toolbox.evaluation.results import score_image, summarise
from irstd_toolbox.registry import METRICS

__all__ = ['IRSTDMetric']


@METRICS.register_module()
class IRSTDMetric(BaseMetric):
    """IoU, nIoU, Pd, Fa and further metrics under one or more named protocols.

    Logits are quantised as the prediction files are, so that scoring the written files gives the same counters to
    the last. Every sample is one entry of integers; processes only exchange these,
    and by messages: they need no folder in common.

    Logs ``irstd/IoU`` and so on for the first protocol, ``irstd/NAME/IoU`` for further ones, all as fractions.
    After an evaluation ``results_json`` holds the content of ``results.json`` (on the main process).

    Args:
        protocols: One or several names, protocols, or dicts of
            :class:`~irstd_toolbox.evaluation.protocols.Protocol`'s arguments.
        about: What identifies the set, for example ``dict(dataset='IRSTD-1k', split='test')``; for the fingerprint.
        prefix: Replaces ``irstd`` in the logged names.

    Raises:
        ConfigError: If a protocol is unknown.
    """

    default_prefix = 'irstd'

    def __init__(
        self, protocols: str | dict | Protocol | Sequence[str | dict | Protocol] = ('canonical',),
        about: dict[str, str] | None = None, prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device='gpu', prefix=prefix)  # by messages, on any device; 'cpu' is by files
        self.protocols = resolve(protocols)
        self.about = dict(about or {})
        self.results_json: dict[str, dict] | None = None

    def process(self, data_batch: object, data_samples: Sequence[dict | BaseDataElement]) -> None:
        """Count a batch.

        Args:
            data_batch: Not used.
            data_samples: The predicted samples, as a model's ``test_step`` gives them, or dicts: ``image_id``, and
                ``seg_logits`` and ``gt_sem_seg``, both native and each a dict with ``data``.

        Shape:
            - seg_logits, gt_sem_seg: (1, H, W); the second 1 on targets, 0 elsewhere

        Raises:
            DataError: If a sample has no ground truth or one of other values, a logit is nan, or the prediction is
                not native.
        """
        for sample in data_samples:
            sample = sample.to_dict() if isinstance(sample, BaseDataElement) else sample
            image_id = sample['image_id']
            if 'gt_sem_seg' not in sample:
                raise DataError(
                    f'{image_id}: there is no mask to score against; expected one. Load it with LoadTargetMask, or '
                    'predict by tools/predict.py, which needs none.')
            levels = _single_map(sample['gt_sem_seg'])
            truth = levels == 1
            if levels.size and (levels.max() > 1 or levels.min() < 0):
                raise DataError(f'{image_id}: the mask holds values from {levels.min():g} to {levels.max():g}; '
                                'expected 1 on targets and 0 elsewhere. Divide one of 0 and 255 by 255.')
            logits = _single_map(sample['seg_logits'])
            try:
                self.results.append(score_image(image_id, decode(encode(logits)), truth, self.protocols))
            except DataError as error:
                raise DataError(f'{image_id}: {error}') from error

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The logged values; sets ``results_json``.

        Args:
            results: One :class:`~irstd_toolbox.evaluation.results.ImageScore` a sample, from all processes.
        """
        self.results_json = summarise(results, self.protocols, **self.about)
        first, *further = self.protocols
        metrics = dict(self.results_json['protocols'][first.name])
        for protocol in further:
            metrics |= {f'{protocol.name}/{key}': value for key, value in
                        self.results_json['protocols'][protocol.name].items()}
        return metrics


def _single_map(field: dict) -> np.ndarray:
    return field['data'].detach().squeeze(0).float().cpu().numpy()
