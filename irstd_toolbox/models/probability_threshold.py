"""From which probability on a pixel is a target, for networks; formulas have rules of their own."""

import math
import warnings
from typing import Any

from ..errors import ConfigError
from .threshold_files import is_oracle, read_threshold_file

__all__ = ['ProbabilityThreshold', 'read_threshold']


class ProbabilityThreshold:
    """One probability for all images.

    Args:
        value: ``T``, above 0 and below 1.
        origin: How it was found; ``tools/tune_threshold.py`` writes data set, list, weights, number of images and IoU.

    Raises:
        ConfigError: If the value is no probability between 0 and 1.

    Note:
        Logits are lowered by ``logit(T)``, so that written probabilities cross 0.5 where the network's cross ``T``, and
        every protocol, mask and picture that decides at 0.5 decides at ``T``. Curves stay, but for their axis of
        thresholds.

    Example:
        >>> round(ProbabilityThreshold(0.25).logit, 4), ProbabilityThreshold(0.5).logit
        (-1.0986, 0.0)
    """

    def __init__(self, value: float, origin: dict | str = 'the config') -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            raise ConfigError(f'threshold={value!r}: a probability above 0 and below 1 is expected, or the path of the '
                              'JSON file that python tools/tune_threshold.py CONFIG CHECKPOINT writes.')
        self.value, self.origin = float(value), origin

    @property
    def logit(self) -> float:
        """What logits are lowered by."""
        return math.log(self.value) - math.log1p(-self.value)

    def describe(self) -> dict[str, Any]:
        """Name, value and origin, and whether the value was chosen on the test list."""
        return dict(rule='ProbabilityThreshold', value=self.value, origin=self.origin, oracle=is_oracle(self.origin))

    def check_weights(self, sha256: str, meta: dict) -> None:
        """Refuse weights that the value was not chosen for.

        Args:
            sha256: Of their file.
            meta: Of their file; of a published one of single precision it names the file that has the same weights.

        Raises:
            ConfigError: If it was chosen for a file of another SHA-256.
        """
        chosen = self.origin.get('checkpoint') if isinstance(self.origin, dict) else None
        same = meta.get('source_sha256') if meta.get('precision') == 'single' else None
        if chosen not in (None, sha256, same):
            raise ConfigError(f'The threshold {self.value:.4g} was chosen for weights of SHA-256 {chosen[:12]}, these '
                              f'have {sha256[:12]}. Choose one for them: python tools/tune_threshold.py CONFIG '
                              'CHECKPOINT, or give the number itself as model.threshold.')

    def warn_of_others(self, options: dict) -> None:
        """Warn of views and windows that the value was not chosen with.

        Args:
            options: Those of the model, as ``results.json`` names them.
        """
        if not isinstance(self.origin, dict) or 'checkpoint' not in self.origin:
            return
        for name in ('views', 'windows'):
            chosen, now = self.origin.get(name), options.get(name)
            if chosen != now:
                warnings.warn(f'The threshold {self.value:.4g} was chosen with model.{name}={chosen}; the model has '
                              f'{now} and gives other probabilities. Choose one with the same --cfg-options.',
                              stacklevel=3)


def read_threshold(told: float | str | None) -> ProbabilityThreshold | None:
    """The threshold of a config: a probability, or the path of the JSON file that ``tools/tune_threshold.py`` writes.

    Raises:
        ConfigError: If the file is missing or holds no probability.
    """
    if not isinstance(told, str):
        return None if told is None else ProbabilityThreshold(told)
    value, scale, origin = read_threshold_file(told)
    if scale != 'probability':
        raise ConfigError(f'{told} holds a threshold of scale {scale!r}, that of a model-driven method; a network '
                          'needs one that python tools/tune_threshold.py CONFIG CHECKPOINT writes.')
    return ProbabilityThreshold(value, origin)
