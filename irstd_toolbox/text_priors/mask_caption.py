"""A language prior told from the mask: where, how many, how large, how bright, before what."""

import hashlib
from collections import Counter
from typing import ClassVar

import numpy as np

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import TEXT_PRIOR_PROVIDERS
from irstd_toolbox.text_priors.provider import TextPriorProvider
from irstd_toolbox.text_priors.quadrant import EMPTY_SENTENCE
from irstd_toolbox.text_priors.scene import Scene, Target

__all__ = ['MaskCaptionProvider', 'region_of']

_COUNTS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve']
_RING = 8
_SIZES = ((9, 'point-like'), (81, 'small'))
_ALIKE = 'hardly different in brightness from'
_CONTRASTS = ((60, 'much brighter than'), (20, 'brighter than'), (5, 'slightly brighter than'))
_TEXTURES = ((4, 'smooth'), (12, 'uneven'))
_LEVELS = ((85, 'dark'), (170, 'gray'))

# {size} has an article, {bare} has none; {ground} is 'smooth and dark' or the like, {backdrop} such a background.
_ONE = (
    '{size} target lies in {place}, {contrast} its surroundings, on {backdrop}.',
    'In {place} there is {size} target, {contrast} its surroundings; the background around it is {ground}.',
    'One {bare} target is located in {place}. It is {contrast} the {ground} background around it.',
    '{place} holds {size} target that is {contrast} the {ground} background around it.',
    'Against {backdrop}, {size} target is found in {place}; it is {contrast} its surroundings.',
)
_ONE_ALONE = (
    '{size} target lies in {place}.',
    'In {place} there is {size} target.',
    'One {bare} target is located in {place}.',
    '{place} holds {size} target.',
    '{size} target is found in {place}.',
)
_MANY = (
    '{count} targets are visible: {places}. {one} is {bare} and {contrast} the {ground} background around it.',
    'There are {count} targets, {places}. {one} is {bare}, {contrast} its surroundings, on {backdrop}.',
    'The scene shows {count} targets: {places}. On {backdrop}, {one} is {bare} and {contrast} its surroundings.',
)
_MANY_ALONE = (
    '{count} targets are visible: {places}. {one} is {bare}.',
    'There are {count} targets, {places}. {one} is {bare}.',
    'The scene shows {count} targets: {places}. {one} is {bare}.',
)


@TEXT_PRIOR_PROVIDERS.register_module(name='mask_caption')
class MaskCaptionProvider(TextPriorProvider):
    """Say where the targets are in a 3x3 grid, their number, and the largest one's size, contrast and surroundings.

    - Place: the cell of the grid of equal thirds that holds the centroid; a centroid on a line of the grid belongs to
      the middle cell. Up to three cells are listed, with the number of targets in each; beyond that only the cell of
      the largest target (of equal areas: of the brightest).
    - Size: point-like up to 9 pixels, small up to 81 (the SPIE's 9x9), extended above.
    - Contrast: mean of the target less mean of the ring of 8 pixels around its box, in levels of 255: much brighter
      from 60, brighter from 20, slightly brighter from 5, and the same for darker; otherwise hardly different.
    - Surroundings: that ring's standard deviation (smooth below 4, uneven below 12, cluttered from there) and mean
      (dark below 85, gray below 170, bright from there). Pixels of other targets do not count. Where no ring is left,
      contrast and surroundings are not mentioned.

    One of several phrasings is chosen by a hash of ``seed`` and the image id, so the sentence depends on nothing else
    than the scene. At most 50 words. A scene without targets gets the sentence that ``quadrant`` has for it.

    Args:
        seed: Another seed, another phrasing.

    Raises:
        ConfigError: If ``seed`` is not an integer.

    Note:
        None of the facts changes when the scene is turned or mirrored but the place, and that as
        :func:`.transform_sentence` says; targets of equal area and equal brightness are the exception, because their
        order is the reading order.

    References:
        The SPIE definition of a small target: area up to 0.12 % of 256x256, that is 9x9 pixels.

    Example:
        >>> mask = np.zeros((9, 9), np.uint8)
        >>> mask[1, 7] = 1
        >>> MaskCaptionProvider().describe(Scene(200.0 * mask.astype(np.float32), mask, 'XDU0'))
        'Against a smooth and dark background, a point-like target is found in the upper-right part of the image; \
it is much brighter than its surroundings.'
    """

    uses_ground_truth: ClassVar[bool] = True

    def __init__(self, seed: int = 0) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ConfigError(f'mask_caption: seed={seed!r}; expected an integer.')
        self.seed = seed

    def describe(self, scene: Scene) -> str:
        targets = scene.targets()
        if not targets:
            return EMPTY_SENTENCE
        facts = _look(scene, targets[0])
        regions = [region_of(target, scene.image.shape) for target in targets]
        if len(targets) == 1:
            templates = _ONE if 'contrast' in facts else _ONE_ALONE
            facts |= {'place': _place(regions[0])}
        else:
            templates = _MANY if 'contrast' in facts else _MANY_ALONE
            one = 'one of them' if targets[1].area == targets[0].area else 'the largest'
            facts |= {'count': _count(len(targets)), 'places': _places(regions, one), 'one': one}
        sentence = self._choose(templates, scene.image_id).format(**facts)
        return '. '.join(part[0].upper() + part[1:] for part in sentence.split('. '))

    def _choose(self, templates: tuple[str, ...], image_id: str) -> str:
        digest = hashlib.sha256(f'{self.seed}/{image_id}'.encode()).digest()
        return templates[int.from_bytes(digest[:8], 'big') % len(templates)]


def region_of(target: Target, shape: tuple[int, int]) -> str:
    """The cell of the 3x3 grid that holds a target's centroid: 'upper-left', 'center-right', 'center', ...

    Example:
        >>> region_of(Target(np.array([0]), np.array([4])), (9, 9))
        'upper-center'
    """
    vertical = _third(target.rows, shape[0], ('upper', 'center', 'lower'))
    horizontal = _third(target.cols, shape[1], ('left', 'center', 'right'))
    return vertical if vertical == horizontal else f'{vertical}-{horizontal}'


def _third(positions: np.ndarray, length: int, names: tuple[str, str, str]) -> str:
    """The third of ``0..length`` that holds the mean of the pixels' centres, decided in integers."""
    count = len(positions)
    mean = 3 * (2 * int(positions.sum()) + count)  # in units of 1 / (6 count) pixels
    if mean < 2 * count * length:
        return names[0]
    return names[2] if mean > 4 * count * length else names[1]


def _look(scene: Scene, target: Target) -> dict[str, str]:
    """Size, contrast and surroundings of one target."""
    size = _below(target.area, _SIZES, 'extended', inclusive=True)
    facts = {'bare': size, 'size': _with_article(size)}
    top, left, bottom, right = target.box
    window = np.s_[max(top - _RING, 0):bottom + _RING, max(left - _RING, 0):right + _RING]
    ring = scene.image[window][scene.mask[window] == 0].astype(np.float64)
    if ring.size == 0:
        return facts
    difference = scene.brightness(target) - ring.mean()
    contrast = next((words for step, words in _CONTRASTS if abs(difference) >= step), _ALIKE)
    texture, level = _below(ring.std(), _TEXTURES, 'cluttered'), _below(ring.mean(), _LEVELS, 'bright')
    return facts | {'contrast': contrast if difference > 0 else contrast.replace('brighter', 'darker'),
                    'ground': f'{texture} and {level}',
                    'backdrop': f'{_with_article(texture)} and {level} background'}


def _with_article(words: str) -> str:
    return f'{"an" if words[0] in "aeiou" else "a"} {words}'


def _below(value: float, steps: tuple[tuple[int, str], ...], beyond: str, inclusive: bool = False) -> str:
    return next((word for step, word in steps if value < step or (inclusive and value == step)), beyond)


def _place(region: str) -> str:
    return 'the center of the image' if region == 'center' else f'the {region} part of the image'


def _places(regions: list[str], one: str) -> str:
    """Where several targets are; in the order of the largest in each region."""
    groups = Counter(regions)
    if len(groups) == 1:
        return f'all in {_place(regions[0])}'
    if len(groups) > 3:
        return f'spread over the image, {one} in {_place(regions[0])}'
    *others, last = [f'{_count(number)} in {"the center" if region == "center" else f"the {region} part"}'
                     for region, number in groups.items()]
    return f'{", ".join(others)} and {last}'


def _count(number: int) -> str:
    return _COUNTS[number] if number < len(_COUNTS) else str(number)
