"""Memory of this process. Loads no torch, which would be part of it."""

import contextlib
import ctypes
import gc
import resource
from pathlib import Path

__all__ = ['forget_peak', 'peak_memory']


def forget_peak() -> None:
    """Lower the peak to the memory in use now, after what was freed has been given back; only on Linux."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # no glibc, or no such file
        ctypes.CDLL(None).malloc_trim(0)
    with contextlib.suppress(OSError):
        Path('/proc/self/clear_refs').write_text('5')


def peak_memory() -> float:
    """Peak memory of this process so far, or since :func:`forget_peak`, MiB.

    Note:
        ``getrusage`` hands a parent's peak down to its child through fork and exec, so Linux's own count of this
        program's memory is read where there is one.
    """
    status = Path('/proc/self/status')
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith('VmHWM:'):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
