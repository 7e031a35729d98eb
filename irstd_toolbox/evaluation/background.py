r"""How far a model-driven method lifts targets and flattens what is around them: SCRG, BSF and CG.

Around each target lies a neighbourhood: the target's bounding box, ``d`` pixels wider on every side. With the grey
values of the target (mean ``mu_t``) and of the rest of the neighbourhood (mean ``mu_b``, deviation ``sigma_b``), in the
image (``in``) and in the response (``out``):

.. math::
    \mathrm{SCR} = \frac{|\mu_t - \mu_b|}{\sigma_b}, \quad
    \mathrm{SCRG} = \frac{\mathrm{SCR}_{out}}{\mathrm{SCR}_{in}}, \quad
    \mathrm{BSF} = \frac{\sigma_{b,in}}{\sigma_{b,out}}, \quad
    \mathrm{CG} = \frac{|\mu_t - \mu_b|_{out}}{|\mu_t - \mu_b|_{in}}

so ``SCRG = BSF CG``. SCRG does not depend on the scale of the response; BSF and CG do, so image and response are first
brought to the range 0..1, each by its own extremes, unless told otherwise.

References:
    Hilliard, Selection of a clutter rejection algorithm for real-time target detection from an airborne platform, Proc.
    SPIE 4048, 2000 (SCR gain, BSF). Gao et al., Infrared Patch-Image Model for Small Target Detection in a Single
    Image, IEEE TIP 22(12), 2013 (the neighbourhood, ``d = 20``).

Note:
    No single source is known to this toolbox for CG and for how published tables scale the response before BSF and CG;
    these two are comparable within one table only.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.regions import find_regions

__all__ = ['Clutter', 'measure_clutter', 'summarise_clutter']

_ROUNDING = 1e-9  # a deviation or contrast below this share of the grey values is rounding, not clutter


@dataclass(frozen=True)
class Clutter:
    """One target: contrast and deviation of its neighbourhood, in the image and in the response.

    A value is 0 exactly where the grey values are equal up to rounding, ``nan`` where the neighbourhood holds no
    background pixel. A gain over a contrast or a deviation of 0 in the image is ``nan``: there was nothing to gain on.
    Over a response that is flat around the target it is infinite, but the SCRG of a target that such a response does
    not lift at all: that is 0.
    """

    contrast_in: float
    contrast_out: float
    deviation_in: float
    deviation_out: float

    @property
    def scr_in(self) -> float:
        """Signal-to-clutter ratio in the image."""
        return _ratio(self.contrast_in, self.deviation_in)

    @property
    def scr_out(self) -> float:
        """Signal-to-clutter ratio in the response; 0 without a signal, however flat the response is."""
        return 0.0 if self.contrast_out == 0 else _ratio(self.contrast_out, self.deviation_out)

    @property
    def scrg(self) -> float:
        """Gain of the signal-to-clutter ratio."""
        return self.scr_out / self.scr_in if 0 < self.scr_in < math.inf else math.nan

    @property
    def bsf(self) -> float:
        """Background suppression factor."""
        return _ratio(self.deviation_in, self.deviation_out) if self.deviation_in else math.nan

    @property
    def cg(self) -> float:
        """Contrast gain."""
        return self.contrast_out / self.contrast_in if self.contrast_in else math.nan


def _ratio(numerator: float, denominator: float) -> float:
    """Infinite over 0, as a perfectly flat response has it; ``nan`` for 0 over 0."""
    if denominator:
        return numerator / denominator
    return math.inf if numerator > 0 else math.nan


def measure_clutter(
    image: np.ndarray, response: np.ndarray, truth: np.ndarray, margin: int = 20, rescale: bool = True,
) -> list[Clutter]:
    """Measure the neighbourhood of every target of one image.

    Args:
        image: The input.
        response: What the method made of it, before any threshold; any finite numbers.
        truth: The mask. Pixels of other targets belong to no neighbourhood.
        margin: ``d``, by which the neighbourhood exceeds the target's bounding box; cut off at the border.
        rescale: Bring image and response to 0..1 first. Without it BSF and CG are in the units given.

    Shape:
        - image, response: (H, W)
        - truth: (H, W) bool

    Returns:
        One entry a target, in raster order of its first pixel.

    Raises:
        DataError: If the maps differ in size, the mask is not bool, or values are not finite.
        ConfigError: If the margin is below 1.

    Example:
        >>> image = np.tile([[8.0, 12.0], [12.0, 8.0]], (8, 8))
        >>> truth = np.zeros((16, 16), dtype=bool)
        >>> truth[6:8, 6:8] = True
        >>> image[truth] = 30.0
        >>> one, = measure_clutter(image, np.where(truth, 100.0, image - 8.0), truth, margin=4, rescale=False)
        >>> one.scr_in, one.scr_out, one.bsf, one.cg
        (10.0, 49.0, 1.0, 4.9)
    """
    if not image.shape == response.shape == truth.shape or truth.ndim != 2 or truth.dtype != bool:
        raise DataError(
            f'image {image.shape}, response {response.shape} and {truth.dtype} mask {truth.shape}; expected three maps '
            '(H, W) of one size, the mask bool.')
    if margin < 1:
        raise ConfigError(f'margin={margin}: at least 1 pixel around a target is needed.')
    maps = []
    for name, values in (('image', image), ('response', response)):
        values = np.asarray(values, dtype=np.float64)
        if not np.isfinite(values).all():
            raise DataError(f'The {name} holds {np.count_nonzero(~np.isfinite(values))} values that are nan or '
                            'infinite; expected numbers.')
        maps.append(_to_unit(values) if rescale else values)
    measured = []
    for place in find_regions(truth).places(truth.shape[1]):
        row, column = place.T
        window = (slice(max(row.min() - margin, 0), row.max() + margin + 1),
                  slice(max(column.min() - margin, 0), column.max() + margin + 1))
        around = ~truth[window]
        (contrast_in, deviation_in), (contrast_out, deviation_out) = (
            _contrast(values[row, column], values[window][around]) for values in maps)
        measured.append(Clutter(contrast_in, contrast_out, deviation_in, deviation_out))
    return measured


def _to_unit(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def _contrast(target: np.ndarray, around: np.ndarray) -> tuple[float, float]:
    """``|mu_t - mu_b|`` and ``sigma_b``, either 0 if it is rounding."""
    if not around.size:
        return math.nan, math.nan
    floor = _ROUNDING * max(abs(target).max(), abs(around).max())
    contrast, deviation = float(abs(target.mean() - around.mean())), float(around.std())
    return contrast if contrast > floor else 0.0, deviation if deviation > floor else 0.0


def summarise_clutter(targets: Iterable[Clutter]) -> dict[str, float]:
    """Means over the targets for which a gain is finite, their medians over all, and how many are not finite.

    A response that is flat around a target (sparse methods, thresholded maps) has an infinite SCRG and BSF; a mean over
    such targets does not exist and tables that print one have put a small constant in the denominator. Here they are
    left out of the mean and counted: ``flat`` (infinite) and ``undefined`` (nan). The median takes infinite ones in. A
    target that is missed altogether, a response of one value in and around it, has SCRG and CG 0 in both.

    Returns:
        ``targets``, ``flat``, ``undefined``, and ``SCRG``, ``BSF``, ``CG`` with their ``_median``; ``nan`` where there
        is nothing to average.

    Example:
        >>> result = summarise_clutter([Clutter(1, 4, 1, 2), Clutter(1, 6, 1, 2), Clutter(1, 1, 1, 0)])
        >>> result['SCRG'], result['SCRG_median'], result['flat']
        (2.5, 3.0, 1)
    """
    targets = list(targets)
    gains = {name: np.array([getattr(one, name.lower()) for one in targets], dtype=np.float64)
             for name in ('SCRG', 'BSF', 'CG')}
    summary: dict[str, float] = {
        'targets': len(targets), 'flat': int(np.isinf(gains['SCRG']).sum()),
        'undefined': int(np.isnan(gains['SCRG']).sum())}
    for name, values in gains.items():
        finite, defined = values[np.isfinite(values)], np.sort(values[~np.isnan(values)])
        summary[name] = math.fsum(finite) / finite.size if finite.size else math.nan
        middle = defined[(defined.size - 1) // 2: defined.size // 2 + 1]
        summary[f'{name}_median'] = float(middle.mean()) if defined.size else math.nan
    return summary
