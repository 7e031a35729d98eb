"""Let a model detect: ask for boxes instead of words, and score them against the masks (the paper's section 5.6.2)."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from irstd_toolbox.text_priors.scene import find_targets
from irstd_toolbox.text_priors.tables import render
from irstd_toolbox.text_priors.vlm.audit import AuditLog
from irstd_toolbox.text_priors.vlm.boxes import Box, parse_boxes
from irstd_toolbox.text_priors.vlm.cache import AnswerCache
from irstd_toolbox.text_priors.vlm.cost import Prices
from irstd_toolbox.text_priors.vlm.delivery import Delivery, Standing
from irstd_toolbox.text_priors.vlm.engine import Engine, Limits, Report
from irstd_toolbox.text_priors.vlm.judge import is_refusal
from irstd_toolbox.text_priors.vlm.types import Answer, PreparedImage, Prompt, VisionLanguageProvider

__all__ = ['OUTCOMES', 'BoxDesk', 'DetectionReport', 'ImageScore', 'box_prompt', 'detect', 'score_boxes']

OUTCOMES = {
    'boxes': 'the answer names boxes',
    'none': 'the answer says that there are none',
    'refusal': 'the model declined',
    'empty': 'the answer holds no words',
    'truncated': 'the answer was cut off by its limit of tokens',
    'unreadable': 'the answer holds no boxes that can be read',
    'failed': 'there is no answer',
}
"""What may come of asking about an image."""

_ROLE = 'You are an expert who can locate the small target in the infrared image.'
_TASK = ('Detect the small target in the infrared image, which is {width} pixels wide and {height} pixels high. '
         'Answer with JSON alone, one box for each target: {{"boxes": [[x1, y1, x2, y2]]}} in pixels, x from the left '
         'edge and y from the top edge. If there is none, answer {{"boxes": []}}.')


def box_prompt(image: PreparedImage) -> Prompt:
    """Ask for boxes.

    Note:
        The role is that of the paper's descriptions. The words that it asked for boxes with are not known to this
        toolbox; the task is ours.

    References:
        LGNet, section 5.6.2.
    """
    return Prompt('boxes', _TASK.format(width=image.width, height=image.height), _ROLE)


@dataclass(frozen=True)
class ImageScore:
    """One image.

    Args:
        image_id: Its id.
        outcome: A key of ``OUTCOMES``.
        targets: 8-connected targets of the mask.
        boxes: Boxes with area.
        hits: Targets whose centroid lies in a box.
        centred: Targets whose own box holds the centre of a box.
        iou: Sum, over the targets, of the IoU of a target's box with the one box that is assigned to it.
        false_boxes: Boxes that hold no centroid and are not centred on a target.
    """

    image_id: str
    outcome: str
    targets: int
    boxes: int = 0
    hits: int = 0
    centred: int = 0
    iou: float = 0.0
    false_boxes: int = 0


@dataclass(frozen=True)
class DetectionReport:
    """Scores of a model's boxes.

    Args:
        images: One an image with a mask.
        unmasked: Ids without a mask, which are not scored.
        run: The engine's report; None if answers were scored alone.
    """

    images: tuple[ImageScore, ...]
    unmasked: tuple[str, ...] = ()
    run: Report | None = field(default=None, repr=False)

    @property
    def totals(self) -> dict[str, Any]:
        """Over all targets of all images with a mask; an image without an answer has no hit.

        ``hit_rate``, ``centre_rate`` and ``mean_iou`` are :attr:`ImageScore.hits`, ``centred`` and ``iou`` summed
        and divided by the number of targets; None without targets.
        """
        sums = {name: sum(getattr(score, name) for score in self.images)
                for name in ('targets', 'boxes', 'hits', 'centred', 'iou', 'false_boxes')}
        rates = {rate: sums[name] / sums['targets'] if sums['targets'] else None
                 for rate, name in (('hit_rate', 'hits'), ('centre_rate', 'centred'), ('mean_iou', 'iou'))}
        del sums['iou']
        return {'images': len(self.images), **sums, **rates, 'unmasked': len(self.unmasked),
                'outcomes': dict(Counter(score.outcome for score in self.images))}

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return {'totals': self.totals, 'images': [asdict(score) for score in self.images],
                'unmasked': list(self.unmasked)}

    def table(self) -> str:
        """A row an image, and the totals."""
        rows = [[score.image_id, score.outcome, score.targets, score.boxes, score.hits, score.centred,
                 f'{score.iou / score.targets:.3f}' if score.targets else '-', score.false_boxes]
                for score in self.images]
        totals = self.totals
        shares = ['-' if totals[name] is None else f'{totals[name]:.4f}'
                  for name in ('hit_rate', 'centre_rate', 'mean_iou')]
        outcomes = ', '.join(f'{number} {outcome}' for outcome, number in sorted(totals['outcomes'].items()))
        header = ['image', 'outcome', 'targets', 'boxes', 'hits', 'centred', 'IoU', 'false boxes']
        return (f'{render(header, rows)}\n\n{totals["images"]} images ({outcomes}), {totals["targets"]} targets, '
                f'{totals["boxes"]} boxes, {totals["false_boxes"]} false\nhit rate {shares[0]} (centroid in a box), '
                f'centre rate {shares[1]} (centre of a box in the target\'s box), mean IoU {shares[2]}'
                + (f'\n{totals["unmasked"]} images without mask are not scored' if self.unmasked else ''))


def score_boxes(image_id: str, boxes: Sequence[Box], mask: np.ndarray, outcome: str = 'boxes') -> ImageScore:
    r"""Score boxes against a mask.

    A target of rows :math:`r_1..r_2` and columns :math:`c_1..c_2` has the box :math:`(c_1, r_1, c_2 + 1, r_2 + 1)`
    and, with pixel centres at halves, a centroid. Boxes include their borders. For the IoU, boxes and targets are
    assigned one to one so that the sum is largest; a target without a box adds 0.

    Shape:
        - mask: ``(H, W)``; not zero is target

    Example:
        >>> mask = np.zeros((8, 8), np.uint8)
        >>> mask[2:4, 2:4] = 1
        >>> score = score_boxes('a', [(2, 2, 4, 6)], mask)
        >>> score.hits, score.centred, score.iou
        (1, 1, 0.5)
    """
    targets = find_targets(mask)
    own = [(target.box[1], target.box[0], target.box[3], target.box[2]) for target in targets]
    centroids = [(target.cols.mean() + 0.5, target.rows.mean() + 0.5) for target in targets]
    centres = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in boxes]
    hit = np.array([[_holds(box, centroid) for box in boxes] for centroid in centroids], bool)
    centred = np.array([[_holds(target, centre) for centre in centres] for target in own], bool)
    hit, centred = (matrix.reshape(len(targets), len(boxes)) for matrix in (hit, centred))
    ious = np.array([[_iou(target, box) for box in boxes] for target in own]).reshape(len(targets), len(boxes))
    assigned = linear_sum_assignment(ious, maximize=True)
    return ImageScore(image_id, outcome, len(targets), len(boxes), int(hit.any(1).sum()), int(centred.any(1).sum()),
                      float(ious[assigned].sum()), int((~(hit | centred).any(0)).sum()))


def detect(provider: VisionLanguageProvider, ids: Iterable[str], prepare: Callable[[str], PreparedImage],
           load_mask: Callable[[str], np.ndarray | None], folder: str | Path, limits: Limits | None = None,
           prices: Prices | None = None, advance: Callable[[str, str], None] = lambda image_id, outcome: None,
           ) -> DetectionReport:
    """Ask a model for boxes of every image and score them. The masks are read after the answers are in.

    Args:
        prepare: Gives the image of an id as it is sent.
        load_mask: Gives the mask of an id, target 1, at the size of its image; None where there is none.
        folder: Where answers are cached and recorded (``cache/``, ``audit.jsonl``), so that none is paid twice.
        limits: Pace and bounds.
        prices: For a limit of cost.
        advance: Called with each id that was dealt with and what became of it.
    """
    ids = list(dict.fromkeys(ids))
    desk = BoxDesk(AnswerCache(Path(folder) / 'cache'), AuditLog(Path(folder) / 'audit.jsonl'))
    engine = Engine(provider, desk, prepare, desk.prompt, None, limits, prices, advance=advance)
    try:
        run = engine.run(ids)
    finally:
        desk.audit.close()
    run.rejected = {image_id: f'{outcome}: {OUTCOMES[outcome]}' for image_id in run.rejected
                    for outcome, _ in [desk.outcomes[image_id]]}
    scores, unmasked = [], []
    for image_id in ids:
        mask = load_mask(image_id)
        if mask is None:
            unmasked.append(image_id)
            continue
        outcome, boxes = desk.outcomes.get(image_id, ('failed', ()))
        width, height = desk.sizes.get(image_id, mask.shape[::-1])
        x, y = mask.shape[1] / width, mask.shape[0] / height
        boxes = [(box[0] * x, box[1] * y, box[2] * x, box[3] * y) for box in boxes]
        scores.append(score_boxes(image_id, boxes, mask, outcome))
    return DetectionReport(tuple(scores), tuple(unmasked), run)


class BoxDesk:
    """Takes answers with boxes from the engine, in the place of the desk that writes descriptions.

    Args:
        cache: Holds readable answers, also those of earlier runs.
        audit: Records every answer.
    """

    def __init__(self, cache: AnswerCache, audit: AuditLog) -> None:
        self.cache, self.audit = cache, audit
        self.outcomes: dict[str, tuple[str, tuple[Box, ...]]] = {}
        self.sizes: dict[str, tuple[int, int]] = {}

    def prompt(self, image: PreparedImage) -> Prompt:
        """The question about an image, whose size is remembered."""
        self.sizes[image.image_id] = image.width, image.height
        return box_prompt(image)

    def standing(self, image_id: str, key: str) -> Standing:
        """``'done'`` if the answer was paid before."""
        answer = self.cache.get(key)
        if answer is not None and self._take(image_id, answer):
            return Standing('done')
        return Standing('open')

    def deliver(self, image_id: str, answer: Answer, key: str, word_limit: int | None = None,
                replaces: str | None = None, source: str = 'online', **facts: Any) -> Delivery:
        """Read an answer; keep it if it says something about boxes."""
        readable = self._take(image_id, answer)
        outcome = self.outcomes[image_id][0]
        if readable:
            self.cache.put(key, answer)
        self.audit.append('boxes', image_id=image_id, key=key, source=source, outcome=outcome, **facts,
                          **answer.to_dict())
        reason = 'ok' if readable else 'unclean' if outcome == 'unreadable' else outcome
        return Delivery('written' if readable else 'rejected', reason, answer.text)

    def _take(self, image_id: str, answer: Answer) -> bool:
        width, height = self.sizes[image_id]
        parsed = parse_boxes(answer.text, width, height)
        if answer.finish in ('refusal', 'content_filter'):
            outcome = 'refusal'
        elif answer.finish == 'length':
            outcome = 'truncated'
        elif not answer.text.strip():
            outcome = 'empty'
        elif parsed.boxes is None:
            outcome = 'refusal' if is_refusal(answer.text) else 'unreadable'
        else:
            outcome = 'boxes' if parsed.boxes else 'none'
        readable = outcome in ('boxes', 'none')
        self.outcomes[image_id] = outcome, parsed.boxes if readable else ()
        return readable


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return bool(box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])


def _iou(first: Box, second: Box) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return float(width * height / (sum(areas) - width * height))
