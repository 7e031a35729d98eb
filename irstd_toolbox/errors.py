"""What may go wrong because of the input, not because of the program.

Every message says what was got, what was expected and what to do. ``tools/`` print such an error
as one paragraph and exit with status 2, and so what a component's constructor or parts of a model
that do not fit raise of themselves; anything else is a defect and keeps its traceback.
"""

import math

__all__ = ['CheckpointError', 'ConfigError', 'DataError', 'PluginError', 'UserError', 'check_least', 'check_odd',
           'check_positive', 'lacks_memory']

_OF_MEMORY = 'allocate memory', 'out of memory', 'STATUS_ALLOC_FAILED'
"""Of a CPU's allocator, a GPU's, and a GPU's libraries."""


class UserError(Exception):
    """An error that the person who called can mend; its text is complete without a traceback."""


class DataError(UserError, ValueError):
    """A data set, image, mask, list, description or prediction is missing or not as expected."""


class ConfigError(UserError, ValueError):
    """A config or an option is wrong, or asks for something that is not there."""


class CheckpointError(UserError, ValueError):
    """A checkpoint is missing, unsafe to load or does not fit the model."""


class PluginError(UserError):
    """A plugin was asked for and cannot be loaded."""


def check_least(owner: object, least: float, **values: float) -> None:
    """Refuse arguments of ``owner`` that are no finite numbers from ``least``.

    Raises:
        ConfigError: Names the owner, the argument, its value and ``least``.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
            raise ConfigError(f'{type(owner).__name__}({name}={value!r}): a number of at least {least} is expected, '
                              'and a finite one.')


def check_positive(owner: object, **values: float) -> None:
    """Refuse arguments of ``owner`` that are no finite numbers above 0.

    Raises:
        ConfigError: Names the owner, the argument and its value.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ConfigError(f'{type(owner).__name__}({name}={value!r}): a number above 0 is expected, and a '
                              'finite one.')


def check_odd(owner: object, **sizes: int) -> None:
    """Refuse sizes of kernels of ``owner`` that have no centre: a map would change its size.

    Raises:
        ConfigError: Names the owner, the argument and its value.
    """
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1 or size % 2 == 0:
            raise ConfigError(f'{type(owner).__name__}({name}={size!r}): an odd number from 1 is expected.')


def lacks_memory(error: BaseException) -> bool:
    """Whether an error is that of a machine or GPU whose memory does not hold what was to be computed."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(sign in str(error) for sign in _OF_MEMORY))
