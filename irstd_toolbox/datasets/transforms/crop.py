"""Random windows that keep targets whole, and what remains to be said of them."""

from collections.abc import Mapping, Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from irstd_toolbox.datasets.transforms.arguments import as_probability, as_size, image_of, mask_of
from irstd_toolbox.datasets.transforms.loading import clip_copy
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import TRANSFORMS
from irstd_toolbox.text_priors import Scene, TextPriorProvider, build_provider, find_targets

__all__ = ['RandomCrop']


@TRANSFORMS.register_module()
class RandomCrop(BaseTransform):
    """Cut a window of one size out of image and mask, at random, around a target where there is one.

    One target is drawn, each as likely. Of the windows that hold it whole, those that cut the fewest other targets
    are kept, of these those that hold the most targets whole, and of these one is drawn. So no target is cut or left
    out where one window can hold all of them, and none is cut where it can be helped. A target larger than the window
    is cut to a window within it. An image smaller than the window is padded at the bottom and at the right.

    A sentence tells of the whole frame. If the window is the frame it stays. Otherwise it is dropped (None), or told
    anew of the window. CLIP's copy of the scene stays whole, or shows the window.

    Args:
        size: ``(height, width)`` of the window, or one int for both.
        keep_targets: If False, every window is as likely.
        redraw_empty: Of such windows, one without a target pixel is drawn anew with this probability, below 1, and so
            is what comes in its place: BasicIRSTD's ``pos_prob``.
        description: ``'drop'``; or a provider that reads the mask, such as ``dict(type='quadrant')``, which then
            describes the window. A sample without a sentence, or without a mask, has none afterwards either.
        pad_value: Level of the padding, 0..255.
        clip: What CLIP's copy shows: ``'scene'``, or ``'window'``, what the network sees, as at test, where both are
            the whole image. Windows are new each time, so their embeddings are computed each time: set
            ``target_descriptor.cache_dir=None``, lest each becomes a file.

    Raises:
        ConfigError: If an argument is not one of those, or mask and image differ in size.

    Note:
        The paper does not say what became of its sentences under crops. A window moves the target to another place of
        the frame, so "upper left" may turn false. Telling it anew from the mask gives training sentences of another
        kind than the ones replaced. Dropping leaves no sentence at all where no window is ever the frame, as after
        :class:`RandomScale`: the model then trains without text.
        Padding is constant because a mirrored border would repeat targets that the mask does not know.
    """

    def __init__(self, size: int | Sequence[int], keep_targets: bool = True, description: str | Mapping = 'drop',
                 pad_value: float = 0.0, clip: str = 'scene', redraw_empty: float = 0.0) -> None:
        self.size = as_size('RandomCrop', size)
        self.keep_targets = keep_targets
        self.redraw_empty = as_probability('RandomCrop', 'redraw_empty', redraw_empty)
        if redraw_empty and (keep_targets or redraw_empty == 1):
            raise ConfigError(f'RandomCrop: redraw_empty={redraw_empty!r} with keep_targets={keep_targets!r}; expected '
                              'a probability below 1, with keep_targets=False. Windows around targets alone are '
                              'keep_targets=True.')
        self.provider = _provider(description)
        if not isinstance(pad_value, int | float) or not 0 <= pad_value <= 255:
            raise ConfigError(f'RandomCrop: pad_value={pad_value!r}; expected a level, 0 to 255.')
        self.pad_value = float(pad_value)
        if clip not in ('scene', 'window'):
            raise ConfigError(f"RandomCrop: clip={clip!r}; expected 'scene' or 'window'.")
        self.clip = clip

    def transform(self, results: dict) -> dict:
        image, mask = image_of('RandomCrop', results), mask_of('RandomCrop', results)
        if image.shape == self.size:
            return results
        top, left = self._place(image.shape, mask)
        results['img'] = self._cut(image, top, left, self.pad_value)
        results['img_shape'] = self.size
        if mask is not None:
            results['gt_mask'] = self._cut(mask, top, left, 0)
        if results.get('description') is not None:
            results['description'] = self._describe(results)
        if self.clip == 'window' and results.get('clip_image') is not None:
            results['clip_image'] = clip_copy(results['img'], len(results['clip_image']))
        return results

    def _place(self, shape: tuple[int, int], mask: np.ndarray | None) -> tuple[int, int]:
        """Top left corner of the window."""
        room = [max(0, length - side) for length, side in zip(shape, self.size, strict=True)]
        targets = find_targets(mask) if self.keep_targets and mask is not None else []
        if not targets:
            return self._place_anywhere(room, mask)
        boxes = np.array([target.box for target in targets])
        anchor = boxes[np.random.randint(len(boxes))]
        (rows, touches_rows, holds_rows), (cols, touches_cols, holds_cols) = (
            _starts(boxes[:, axis], boxes[:, axis + 2], anchor[[axis, axis + 2]], self.size[axis], room[axis])
            for axis in (0, 1))
        whole = holds_rows @ holds_cols.T
        cut = touches_rows @ touches_cols.T - whole
        best = np.argwhere(cut * (len(boxes) + 1) - whole == (cut * (len(boxes) + 1) - whole).min())
        row, col = best[np.random.randint(len(best))]
        return int(rows[row]), int(cols[col])

    def _place_anywhere(self, room: list[int], mask: np.ndarray | None) -> tuple[int, int]:
        redraws = self.redraw_empty > 0 and mask is not None and mask.any()
        while True:
            top, left = np.random.randint(room[0] + 1), np.random.randint(room[1] + 1)
            if not redraws or mask[top:top + self.size[0], left:left + self.size[1]].any() or (
                    np.random.random_sample() >= self.redraw_empty):
                return top, left

    def _cut(self, array: np.ndarray, top: int, left: int, fill: float) -> np.ndarray:
        window = array[top:top + self.size[0], left:left + self.size[1]]
        margins = [(0, side - length) for side, length in zip(self.size, window.shape, strict=True)]
        return np.pad(window, margins, constant_values=fill)

    def _describe(self, results: dict) -> str | None:
        if self.provider is None or results.get('gt_mask') is None:
            return None
        return self.provider.describe(Scene(results['img'], results['gt_mask'], results.get('image_id', '')))


def _starts(first: np.ndarray, last: np.ndarray, anchor: np.ndarray, side: int, room: int,
            ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along one axis: where windows may start that hold the anchor, and which boxes each touches and holds whole.

    Shape:
        - first, last: ``(boxes,)``, half-open
        - Output: ``(starts,)``, ``(starts, boxes)``, ``(starts, boxes)``
    """
    ends = sorted((anchor[1] - side, anchor[0]))
    starts = np.arange(min(max(ends[0], 0), room), min(max(ends[1], 0), room) + 1)
    column = starts[:, None]
    touches = (first < column + side) & (last > column)
    holds = (first >= column) & (last <= column + side)
    return starts, touches.astype(np.float32), holds.astype(np.float32)


def _provider(description: str | Mapping) -> TextPriorProvider | None:
    if description == 'drop':
        return None
    if not isinstance(description, Mapping) or 'type' not in description:
        raise ConfigError(f"RandomCrop: description={description!r}; expected 'drop', or a provider such as "
                          "dict(type='quadrant').")
    options = dict(description)
    provider = build_provider(options.pop('type'), options)
    if not provider.uses_ground_truth:
        raise ConfigError(f'RandomCrop: description={description!r} does not read the mask, so it would not describe '
                          "the window; expected a provider that does, such as dict(type='quadrant'), or 'drop'.")
    return provider
