"""Targets of the field's test lists under the rules of the named protocols, for work without the data.

The rows of NUAA-SIRST (idx_427, idx_320) and IRSTD-1k were counted on the data (``tools/forensics.py --data-root``
counts them anew); on NUAA-SIRST every one of the 427 images keeps its number of targets under every rule. Those of
NUDT-SIRST, whose images are 256x256, and SIRST-V2 are the counts of its lists as published copies have them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from irstd_toolbox.evaluation.forensics import GroundTruth, Rule

__all__ = ['KNOWN', 'KnownList']

_NATIVE = Rule()
_RESIZED = {(side, name): Rule((side, side), f'{name}_nearest') for side in (256, 512) for name in ('pil', 'cv2')}


@dataclass(frozen=True)
class KnownList:
    """One test list.

    Args:
        dataset: Name in the catalogue.
        split: Whose list.
        rules: Its ground truth by rule.
        variants: Countings of published code that no protocol names.
    """

    dataset: str
    split: str
    rules: Mapping[Rule, GroundTruth]
    variants: Mapping[str, GroundTruth] = field(default_factory=dict)


def _same_everywhere(dataset: str, split: str, images: int, targets: int) -> dict[Rule, GroundTruth]:
    return {_NATIVE: GroundTruth(dataset, split, images, targets)} | {
        rule: GroundTruth(dataset, split, images, targets, images * side * side)
        for (side, _), rule in _RESIZED.items()}


def _exact(dataset: str, split: str, images: int, targets: int, pixels: int, foreground: int,
           per_image: Mapping[int, int]) -> GroundTruth:
    background = pixels - foreground - per_image.get(0, 0) * (pixels // images)
    return GroundTruth(dataset, split, images, targets, pixels, foreground, background, per_image)


_NUAA_86 = ('NUAA-SIRST', '86 images (idx_427)', 86, 109)
_IN_NUAA_86 = {1: 72, 2: 9, 3: 3, 4: 1, 6: 1}
_IRSTD_1K = ('IRSTD-1k', '201 images', 201)
_IN_IRSTD_1K = {1: 131, 2: 52, 3: 14, 4: 3, 8: 1}

KNOWN = (
    KnownList(*_NUAA_86[:2], {
        _NATIVE: _exact(*_NUAA_86, 5859794, 3374, _IN_NUAA_86),
        _RESIZED[256, 'pil']: _exact(*_NUAA_86, 5636096, 3311, _IN_NUAA_86),
        _RESIZED[256, 'cv2']: _exact(*_NUAA_86, 5636096, 3356, _IN_NUAA_86),
        _RESIZED[512, 'pil']: _exact(*_NUAA_86, 22544384, 13388, _IN_NUAA_86),
        _RESIZED[512, 'cv2']: _exact(*_NUAA_86, 22544384, 13338, _IN_NUAA_86),
    }, {'batches of 8 labelled as volumes (ILNet)': GroundTruth(*_NUAA_86[:3], 108)}),
    KnownList('NUAA-SIRST', '214 images (BasicIRSTD, DNANet)', _same_everywhere(
        'NUAA-SIRST', '214 images (BasicIRSTD, DNANet)', 214, 263)),
    KnownList('NUAA-SIRST', '96 images (idx_320)', _same_everywhere('NUAA-SIRST', '96 images (idx_320)', 96, 102)),
    KnownList(*_IRSTD_1K[:2], {
        _NATIVE: _exact(*_IRSTD_1K, 297, 52690944, 14534, _IN_IRSTD_1K),
        _RESIZED[256, 'pil']: _exact(*_IRSTD_1K, 294, 13172736, 3622, {0: 1, 1: 131, 2: 50, 3: 16, 4: 2, 7: 1}),
        _RESIZED[256, 'cv2']: _exact(*_IRSTD_1K, 291, 13172736, 3618, {0: 1, 1: 130, 2: 54, 3: 14, 4: 1, 7: 1}),
        _RESIZED[512, 'pil']: _exact(*_IRSTD_1K, 297, 52690944, 14534, _IN_IRSTD_1K),
        _RESIZED[512, 'cv2']: _exact(*_IRSTD_1K, 297, 52690944, 14534, _IN_IRSTD_1K),
    }, {'native, 4-connected': GroundTruth(*_IRSTD_1K, 307),
        '256x256 bilinear mask > 0.5': GroundTruth(*_IRSTD_1K, 283)}),
    KnownList('NUDT-SIRST', '664 images', {
        rule: GroundTruth('NUDT-SIRST', '664 images', 664, 945, 664 * (rule.size or (256,))[0] ** 2)
        for rule in (_NATIVE, *_RESIZED.values())},
        {'native, 4-connected': GroundTruth('NUDT-SIRST', '664 images', 664, 982)}),
    KnownList('SIRST-V2', '256 images (test_full)', {
        _NATIVE: GroundTruth('SIRST-V2', '256 images (test_full)', 256, 150)}),
)
"""All known test lists."""
