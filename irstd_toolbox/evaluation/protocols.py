"""Named evaluation protocols: everything that turns a probability map and a mask into counters.

Published tables differ less in their networks than in what is written here: the size at which is scored,
the rule that resizes the mask, the threshold, the match, the numerator and the denominator of Fa.
A protocol is a frozen set of these choices; one of your own comes by a plugin's hook ``register_protocols``, which
every tool that takes a protocol loads, or by :func:`register`.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import NoReturn

import cv2
import numpy as np
from PIL import Image

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.functional import (
    EMPTY_NIOU,
    FALSE_ALARM,
    FALSE_ALARM_BASE,
    ImageCounts,
    check_scored,
    count_image,
)
from irstd_toolbox.evaluation.regions import MATCHING

__all__ = ['BUILT_IN', 'PROTOCOLS', 'REPORTABLE', 'Protocol', 'decide', 'fit', 'get', 'register', 'resolve', 'scaled',
           'score', 'score_checked']

_CHOICES = {
    'mask_resize': ('pil_nearest', 'cv2_nearest'), 'connectivity': (8, 4), 'matching': MATCHING,
    'false_alarm': FALSE_ALARM, 'false_alarm_base': FALSE_ALARM_BASE, 'empty_niou': EMPTY_NIOU,
    'average': ('pooled', 'image')}

REPORTABLE = ('IoU', 'nIoU', 'Pd', 'Fa', 'precision', 'recall', 'F1', 'pixel_FPR', 'false_alarm_regions_per_image',
              'mIoU', 'mAcc', 'aAcc')
"""The metrics that a protocol can report."""


@dataclass(frozen=True)
class Protocol:
    """The choices of one evaluation protocol.

    Args:
        name: Its key on command lines and in results.
        summary: Whose tables it replays.
        reports: The metrics that those tables define. The others are computed as well, by the rules below.
        size: (H, W) at which is scored; None is each image's native size.
        mask_resize: How the mask comes to ``size``. ``pil_nearest`` picks pixel centres, ``cv2_nearest`` corners.
        threshold: A pixel is predicted when its probability is strictly above this.
        divide_by_maximum: Divide each map by its own maximum first; a map without any positive value stays empty.
        connectivity: 8 or 4.
        matching: See :func:`~irstd_toolbox.evaluation.functional.count_image`, as the next three.
        below: Greatest centroid distance of a match in scored pixels, exclusive.
        false_alarm: Numerator of Fa.
        false_alarm_base: Denominator of Fa.
        empty_niou: What an image without true and predicted pixels adds to nIoU.
        average: ``pooled`` takes Pd and Fa of the summed counters; ``image`` means them over images (Pd over
            images with targets). IoU is always pooled, nIoU always an image mean.

    Raises:
        ConfigError: If a choice does not exist, or a value is not of its kind.
    """

    name: str
    summary: str
    reports: tuple[str, ...] = ('IoU', 'nIoU', 'Pd', 'Fa')
    size: tuple[int, int] | None = None
    mask_resize: str = 'pil_nearest'
    threshold: float = 0.5
    divide_by_maximum: bool = False
    connectivity: int = 8
    matching: str = 'greedy'
    below: float = 3.0
    false_alarm: str = 'unmatched_area'
    false_alarm_base: str = 'pixels'
    empty_niou: str = 'zero'
    average: str = 'pooled'

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            self._refuse('name', 'a text')
        for field, choices in _CHOICES.items():
            if (value := getattr(self, field)) not in choices:
                raise ConfigError(
                    f'Protocol {self.name!r}: {field} is {value!r}; expected one of {", ".join(map(str, choices))}.')
        if self.size is not None:
            if not isinstance(self.size, list | tuple) or len(self.size) != 2 or not all(map(_is_side, self.size)):
                self._refuse('size', '(H, W) in whole pixels, or None for native')
            object.__setattr__(self, 'size', tuple(map(int, self.size)))
        if not _is_number(self.threshold) or not 0 <= self.threshold < 1:
            self._refuse('threshold', 'a probability, 0 <= threshold < 1')
        if not _is_number(self.below) or not 0 < self.below < float('inf'):
            self._refuse('below', 'a distance in pixels above 0')
        if not isinstance(self.divide_by_maximum, bool):
            self._refuse('divide_by_maximum', 'True or False')
        if not isinstance(self.reports, list | tuple) or not self.reports or set(self.reports) - set(REPORTABLE):
            self._refuse('reports', f'any of {", ".join(REPORTABLE)}')
        object.__setattr__(self, 'reports', tuple(self.reports))
        for field, kind in (('connectivity', int), ('threshold', float), ('below', float)):  # 2 is 2.0 in the hash, too
            object.__setattr__(self, field, kind(getattr(self, field)))

    def _refuse(self, field: str, expected: str) -> NoReturn:
        raise ConfigError(f'Protocol {self.name!r}: {field} is {getattr(self, field)!r}; expected {expected}.')

    def rules(self) -> dict[str, object]:
        """What decides the counters, as plain values: all fields but the name and the texts."""
        return {key: value for key, value in asdict(self).items() if key not in ('name', 'summary', 'reports')}

    def counting(self) -> dict[str, object]:
        """Its rules of :func:`~irstd_toolbox.evaluation.functional.count_image`, as arguments."""
        return {name: getattr(self, name) for name in (
            'connectivity', 'matching', 'below', 'false_alarm', 'false_alarm_base')}

    def fingerprint(self) -> str:
        """SHA-256 of the rules: equal for two names if and only if they count alike."""
        return hashlib.sha256(json.dumps(self.rules(), sort_keys=True).encode()).hexdigest()


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_side(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= 1


_RPCANET = {
    'divide_by_maximum': True, 'matching': 'overlap', 'false_alarm': 'off_target',
    'false_alarm_base': 'background_of_images_with_targets'}

_BUILT_IN = (
    Protocol('canonical', 'the default of this toolbox', empty_niou='skip'),
    Protocol('basicirstd', 'BasicIRSTD and LESPS since 2024-01'),
    Protocol('sctransnet', 'SCTransNet, EDGSP, BasicIRSTD before 2024-01', false_alarm='area_value'),
    Protocol('dnanet', 'DNANet, MSHNet', ('IoU', 'Pd', 'Fa'), size=(256, 256), false_alarm='area_value'),
    Protocol('isnet', 'tables of ISNet descent on IRSTD-1k', size=(512, 512), false_alarm='area_value'),
    Protocol('rpcanet', 'RPCANet, RPCANet++', ('IoU', 'Pd', 'Fa'), (256, 256), 'cv2_nearest', **_RPCANET),
    Protocol('acm', 'ACM, ALCNet', ('IoU', 'nIoU'), size=(512, 512)),
    Protocol('lgnet', 'the LGNet paper, equations 5 to 8', size=(512, 512), average='image'),
    Protocol('mmseg', "mmseg's IoUMetric", ('IoU', 'mIoU', 'mAcc', 'aAcc')),
    Protocol(
        'shooting', 'DTUM and multi-frame papers, squares clamped at the border', ('Pd', 'Fa'), matching='shooting',
        false_alarm='outside_zones'),
    *(
        Protocol(
            f'stretch{side}_{library}', f'canonical after a stretch to {side}x{side}', size=(side, side),
            mask_resize=f'{library}_nearest', empty_niou='skip')
        for side in (256, 512) for library in ('pil', 'cv2')),
)

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in _BUILT_IN}
"""All known protocols by name."""

BUILT_IN = frozenset(PROTOCOLS)
"""The names of those of this package."""


def register(protocol: Protocol) -> Protocol:
    """Make a protocol known by its name.

    Raises:
        ConfigError: If the name is taken, or it is none; a subclass could count otherwise than its fingerprint says.

    Example:
        >>> mine = register(Protocol('five_pixels', 'as canonical, but 5 px', below=5.0, empty_niou='skip'))
        >>> get('five_pixels') is mine
        True
        >>> del PROTOCOLS['five_pixels']
    """
    if type(protocol) is not Protocol:
        raise ConfigError(f'{protocol!r} is to be a protocol; expected Protocol(name, summary, ...) itself, no class, '
                          'dict or subclass of it.')
    _check_free(protocol.name)
    PROTOCOLS[protocol.name] = protocol
    return protocol


def _check_free(name: str) -> None:
    if name in PROTOCOLS:
        raise ConfigError(f'A protocol named {name!r} exists already; choose another name.')


def get(name: str | Protocol) -> Protocol:
    """The protocol of that name; one that is given as it is.

    Raises:
        ConfigError: If there is none; the message lists the names.
    """
    if isinstance(name, Protocol):
        return name
    if not isinstance(name, str) or name not in PROTOCOLS:
        raise ConfigError(f'{name!r} is no known protocol; expected one of {", ".join(sorted(PROTOCOLS))}. One of a '
                          'plugin comes by --plugins DIR.')
    return PROTOCOLS[name]


def resolve(protocols: str | dict | Protocol | Iterable[str | dict | Protocol]) -> list[Protocol]:
    """Protocols, or one, from names, from dicts of :class:`Protocol`'s arguments (as in configs), or as they are.

    Raises:
        ConfigError: If a name is unknown or occurs twice, or a dict does not fit or takes the name of a known protocol.
    """
    if isinstance(protocols, str | dict) or not isinstance(protocols, Iterable):
        protocols = [protocols]
    resolved = []
    for entry in protocols:
        if isinstance(entry, dict):
            known = {field.name for field in fields(Protocol)}
            if not {'name'} <= set(entry) <= known:
                raise ConfigError(
                    f'A protocol was given as {dict(entry)}; expected a name and any of {", ".join(sorted(known))}.')
            _check_free(entry['name'])
            entry = Protocol(**{'summary': 'given in the config', **entry})
        resolved.append(get(entry))
    names = [protocol.name for protocol in resolved]
    if not names or len(set(names)) < len(names):
        raise ConfigError(f'The protocols are {names}; expected at least one and each once.')
    return resolved


def fit(protocol: str | Protocol, probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring a prediction and its native mask to the size at which the protocol scores.

    A prediction that has that size is used as it is; one of native size is resized bilinearly.

    Args:
        protocol: The protocol, or its name.
        probabilities: The prediction.
        truth: The mask at native size.

    Shape:
        - probabilities: the scored or the native size, floats 0..1 or bool
        - truth: (H, W) bool
        - Output: two maps of the scored size, that of the prediction float or bool, that of the mask bool

    Raises:
        ConfigError: If a name is of no protocol.
        DataError: If the prediction has another size. What the arrays hold is :func:`.functional.check_scored`'s.
    """
    protocol = get(protocol)
    size = protocol.size or truth.shape
    if probabilities.shape not in (size, truth.shape):
        allowed = ' or '.join(dict.fromkeys(f'{width}x{height}' for height, width in (truth.shape, size)))
        got = 'x'.join(map(str, probabilities.shape[::-1]))
        raise DataError(
            f'the prediction is {got} (width x height); protocol {protocol.name!r} expects {allowed}. '
            'Resize it to the image, or choose protocols that score at its size.')
    if probabilities.shape != size:
        if probabilities.dtype not in (np.float32, np.float64):  # others cv2 does not resize
            probabilities = probabilities.astype(np.float64)
        probabilities = cv2.resize(probabilities, size[::-1], interpolation=cv2.INTER_LINEAR)
    if truth.shape != size:
        truth = _nearest(truth.view(np.uint8), size, protocol.mask_resize).view(bool)
    return probabilities, truth


def _nearest(mask: np.ndarray, size: tuple[int, int], rule: str) -> np.ndarray:
    if rule == 'cv2_nearest':
        return cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST)
    return np.array(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST))


def scaled(protocol: Protocol, probabilities: np.ndarray) -> np.ndarray:
    """Probabilities as a protocol holds them against its threshold; a map of zeros stays as it is."""
    if protocol.divide_by_maximum and (maximum := probabilities.max()) > 0:
        return probabilities / maximum
    return probabilities


def decide(protocol: str | Protocol, probabilities: np.ndarray) -> np.ndarray:
    """The pixels that a protocol takes as predicted; ``(H, W)`` to ``(H, W)`` bool."""
    protocol = get(protocol)
    return scaled(protocol, probabilities) > protocol.threshold


def score(protocol: str | Protocol, probabilities: np.ndarray, truth: np.ndarray) -> ImageCounts:
    """Count one image under a protocol; arguments as of :func:`fit`.

    Raises:
        ConfigError: If a name is of no protocol.
        DataError: As :func:`fit` and :func:`.functional.check_scored`.
    """
    check_scored(probabilities, truth)
    return score_checked(get(protocol), probabilities, truth)


def score_checked(protocol: Protocol, probabilities: np.ndarray, truth: np.ndarray) -> ImageCounts:
    """As :func:`score`, of arrays that were checked before, maybe for another protocol."""
    probabilities, truth = fit(protocol, probabilities, truth)
    return count_image(decide(protocol, probabilities), truth, **protocol.counting())
