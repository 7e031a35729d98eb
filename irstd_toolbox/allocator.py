"""Freed memory stays with the process, which the C library would otherwise give back and fetch again at every layer."""

import ctypes
import os
import sys

__all__ = ['WAY_BACK', 'keep_freed_memory', 'keeps_freed_memory']

WAY_BACK = 'IRSTD_KEEP_FREED_MEMORY=0'

_TRIM_THRESHOLD, _MMAP_MAX, _NEVER = -1, -4, -1  # of glibc's malloc.h
_SWITCH, _OFF = WAY_BACK.partition('=')[0], {'0', 'false', 'no', 'off'}
_OF_THE_CALLER = {'MALLOC_MMAP_MAX_', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_'}
_done: list[bool] = []  # what the last call did


def keep_freed_memory() -> bool:
    """Have glibc keep blocks above 32 MiB that are freed; whether it does now.

    Such a block, one feature map of a large image, comes fresh from the system, which fills each page with zeros when
    it is first written to: on a virtual machine's CPU that took half of LGNet's training step (``docs/speed.md``). Kept
    blocks are used again; the process needs up to half as much memory more, and gives none back before it ends. Of
    a process that is more than a tool, its owner decides: the tools call this, importing the package does not.

    Note:
        Nothing is done where the environment holds ``IRSTD_KEEP_FREED_MEMORY=0`` (or no, off, false), or
        ``MALLOC_MMAP_MAX_``, ``MALLOC_MMAP_THRESHOLD_``, ``MALLOC_TRIM_THRESHOLD_`` or, in ``GLIBC_TUNABLES``, theirs,
        or where the C library is another than glibc. Its own variables, whatever their values, also end its adjustment
        of its thresholds.
        Threads besides the main one fetch such blocks as before.
    """
    tunables = os.environ.get('GLIBC_TUNABLES', '')
    if os.environ.get(_SWITCH, '').lower() in _OFF or not sys.platform.startswith('linux'):
        return False
    if _OF_THE_CALLER & set(os.environ) or 'glibc.malloc.mmap_' in tunables or 'glibc.malloc.trim_' in tunables:
        return False
    change = getattr(ctypes.CDLL(None), 'mallopt', None)  # musl has none
    _done[:] = [change is not None and bool(change(_MMAP_MAX, 0) and change(_TRIM_THRESHOLD, _NEVER))]
    return _done[0]


def keeps_freed_memory() -> bool:
    """Whether :func:`keep_freed_memory` was called, and glibc does."""
    return _done == [True]
