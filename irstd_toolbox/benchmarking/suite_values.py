"""What the values of a suite file have to be."""

import math
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ['wrong_references', 'wrong_values']

_TEXT = (lambda value: isinstance(value, str), 'a text')
_DICT = (lambda value: isinstance(value, dict), 'a dict')
_LIST = (lambda value: isinstance(value, list | tuple), 'a list')
_TEXTS = (lambda value: _LIST[0](value) and all(map(_TEXT[0], value)), "a list of texts, such as ['canonical'],")
_NUMBERS = (lambda value: _LIST[0](value) and all(isinstance(one, int) for one in value),
            'a list of whole numbers, such as [0, 1],')
_DICTS = (lambda value: _LIST[0](value) and all(map(_DICT[0], value)), 'a list of dicts')
_SWITCH = (lambda value: isinstance(value, bool), 'True or False')
_FIGURE = (lambda value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
           'a number in percent (Fa in 1e-6), such as 73.3,')
_PATHS = (lambda value: _TEXT[0](value) or _TEXTS[0](value), 'a path or a list of paths')

_KINDS: dict[str, dict[str, tuple[Callable[[Any], bool], str]]] = {
    'a suite': dict(title=_TEXT, options=_DICT, seeds=_NUMBERS, protocols=_TEXTS, cross=_SWITCH),
    'an entry': dict(config=_TEXT, name=_TEXT, group=_TEXT, options=_DICT, checkpoint=_PATHS, tested=_DICTS,
                     describe=_DICT, references=_DICTS),
    'a data set': dict(name=_TEXT, root=_TEXT, synthesize=_LIST, train=_TEXT, test=_TEXT, dataset=_TEXT),
    'describe': dict(provider=_TEXT, options=_LIST),
    'a reference': dict(source=_TEXT, protocol=_TEXT, dataset=_TEXT)}
_OPTIONAL = {'an entry': ('name', 'group', 'options', 'checkpoint', 'describe', 'references'),
             'a data set': ('train', 'test', 'dataset'), 'describe': ('options',)}


def wrong_values(told: Mapping[str, Any], what: str) -> list[str]:
    """What is not of the kind that is expected of its key.

    Args:
        told: A part of a suite file.
        what: Which part: ``'a suite'``, ``'an entry'``, ``'a data set'``, ``'describe'`` or ``'a reference'``.

    Example:
        >>> wrong_values({'seeds': 3}, 'a suite')
        ['seeds of a suite is 3; a list of whole numbers, such as [0, 1], is expected']
    """
    kinds, optional = _KINDS[what], _OPTIONAL.get(what, ())
    return [f'{key} of {what} is {value!r}; {kinds[key][1]} is expected' for key, value in told.items()
            if key in kinds and not kinds[key][0](value) and not (value is None and key in optional)]


def wrong_references(told: Mapping[str, Any]) -> list[str]:
    """What is wrong with the published figures of an entry.

    Args:
        told: The entry, whose own values are right.
    """
    problems = []
    for one in told.get('references') or ():
        lacking = [key for key in ('source', 'dataset') if key not in one]
        if not set(one) - set(_KINDS['a reference']):
            lacking.append('metric, such as IoU=73.3')
        problems += [f'a reference has no {" and no ".join(lacking)}: {one}'] if lacking else []
        problems += wrong_values(one, 'a reference')
        problems += [f'{key} of a reference is {value!r}; {_FIGURE[1]} is expected' for key, value in one.items()
                     if key not in _KINDS['a reference'] and not _FIGURE[0](value)]
    return problems
