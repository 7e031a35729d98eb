"""Where official weights come from, and how their names become ours."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ..errors import CheckpointError

__all__ = ['BY_DATA', 'SOURCES', 'Source', 'renamed', 'source']

Convert = Callable[[dict[str, Tensor]], dict[str, Tensor]]
SOURCES: dict[str, 'Source'] = {}
BY_DATA = {'IRSTD-1k': (87.466, 39.720), 'NUAA-SIRST': (101.064, 34.620), 'NUDT-SIRST': (107.809, 33.023),
           'all three at once (SIRST3)': (101.064, 34.620)}
"""Mean and deviation of grey levels that BasicIRSTD, and what was made of it, trains with: the data set's own."""


@dataclass(frozen=True)
class Source:
    """One public implementation whose weights can be read.

    Args:
        name: What the command line calls it.
        repository: Owner and name.
        licence: Of the repository, as it states it; ``'none stated'`` gives no right to pass its weights on.
        convert: A state dict under official names to one under the segmentor's names.
        statistics: Mean and deviation that the input has in training, by data set; empty where one pair serves all,
            which is then the config's.
    """

    name: str
    repository: str
    licence: str
    convert: Convert
    statistics: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def source(name: str, repository: str, licence: str, statistics: Mapping[str, tuple[float, float]] | None = None,
           ) -> Callable[[Convert], Convert]:
    """Enter a conversion into ``SOURCES`` under ``name``."""
    def enter(convert: Convert) -> Convert:
        SOURCES[name] = Source(name, repository, licence, convert, statistics or {})
        return convert
    return enter


def renamed(state: dict[str, Tensor], rules: Sequence[tuple[str, str | None]]) -> dict[str, Tensor]:
    r"""``state`` under other names.

    Args:
        state: Tensors by official name.
        rules: Patterns matched at the start of a name, and what replaces the part that matched; the first that
            matches is applied, None drops the tensor.

    Raises:
        CheckpointError: If no rule fits a name, or two names become one.

    Example:
        >>> renamed({'stem.0.weight': 1, 'fc.weight': 2}, [(r'stem\.(\d+)', r'backbone.stem.\1'), ('fc', None)])
        {'backbone.stem.0.weight': 1}
    """
    result: dict[str, Tensor] = {}
    for name, tensor in state.items():
        found, replacement = next(
            ((match, new) for pattern, new in rules if (match := re.match(pattern, name))), (None, None))
        if found is None:
            raise CheckpointError(f'{name!r} is not a name of this source. Check --from, and that the file holds the '
                                  'network that the config describes.')
        if replacement is None:
            continue
        new = found.expand(replacement) + name[found.end():]
        if new in result:
            raise CheckpointError(f'{name!r} becomes {new!r}, which another tensor of the file became already.')
        result[new] = tensor
    return result
