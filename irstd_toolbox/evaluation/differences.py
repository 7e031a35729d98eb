"""Two records of what was to be done, held against each other."""

from typing import Any

__all__ = ['differences']


def differences(old: Any, new: Any, place: str = '') -> list[str]:
    """Where two trees of plain values differ, as ``place old -> new``.

    Example:
        >>> differences({'seed': 0, 'config': {'lr': 1}}, {'seed': 0, 'config': {'lr': 2, 'amp': True}})
        ['config.amp None -> True', 'config.lr 1 -> 2']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        return [line for key in sorted({*old, *new})
                for line in differences(old.get(key), new.get(key), f'{place}.{key}' if place else key)]
    if old == new:
        return []
    texts = [text if len(text) <= 40 else f'{text[:37]}...' for text in (str(old), str(new))]
    return [f'{place} {texts[0]} -> {texts[1]}']
