"""Memory of this process. Loads no torch, which would be part of it."""

import resource
from pathlib import Path

__all__ = ['peak_memory']


def peak_memory() -> float:
    """Peak memory of this process so far, MiB.

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
