"""Where a job's command runs: on this machine, in several processes, on chosen GPUs, through Slurm."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError

__all__ = ['LAUNCHERS', 'Launch', 'guarded', 'slots_of', 'words_of']

LAUNCHERS = ('none', 'pytorch', 'slurm')

# Ends with the process that started it, also after kill -9 of that one; the signal outlives exec. Linux only.
_GUARD = ('import ctypes, os, signal, sys\n'
          'if sys.platform == "linux":\n'
          '    ctypes.CDLL(None).prctl(1, signal.SIGKILL)\n'
          '    if os.getppid() != int(sys.argv[1]): os._exit(1)\n'
          'os.execvp(sys.argv[2], sys.argv[2:])')


@dataclass(frozen=True)
class Launch:
    """How commands are made.

    Args:
        launcher: ``'none'``, ``'pytorch'`` (torchrun) or ``'slurm'`` (srun).
        processes: Of one training.
        srun: Further words of srun.
        tools: Folder of the tools.
        plugins: Folders of plugins.

    Raises:
        ConfigError: If the launcher is unknown or the number does not fit it.
    """

    launcher: str = 'none'
    processes: int = 1
    srun: tuple[str, ...] = ()
    tools: Path = field(default_factory=lambda: Path(__file__).resolve().parents[2] / 'tools')
    plugins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.launcher not in LAUNCHERS:
            raise ConfigError(f'--launcher {self.launcher}: one of {", ".join(LAUNCHERS)} is expected.')
        if self.processes < 1:
            raise ConfigError(f'--nproc {self.processes}: a number from 1 is expected.')
        if self.launcher == 'none' and self.processes > 1:
            raise ConfigError(f'--nproc {self.processes} needs --launcher pytorch or slurm.')
        if self.srun and self.launcher != 'slurm':
            raise ConfigError('--srun-args needs --launcher slurm.')

    def training(self, *arguments: object) -> list[str]:
        """The command of a training, in as many processes as asked for."""
        words = [str(self.tools / 'train.py'), *map(str, arguments), *self._plugged()]
        if self.launcher == 'pytorch':
            return [sys.executable, '-m', 'torch.distributed.run', '--standalone',
                    f'--nproc_per_node={self.processes}', *words, '--launcher', 'pytorch']
        if self.launcher == 'slurm' and self.processes > 1:
            return [*self._srun(self.processes), *words, '--launcher', 'slurm']
        return [*self._start(), *words]

    def tool(self, name: str, *arguments: object, plugins: bool = True, here: bool = False) -> list[str]:
        """The command of another tool, in one process; ``here`` whatever the launcher is, for what needs no GPU."""
        return [*self._start(here), str(self.tools / name), *map(str, arguments), *(self._plugged() if plugins else ())]

    def module(self, name: str, *arguments: object, here: bool = False) -> list[str]:
        """The command of a module."""
        return [*self._start(here), '-m', name, *map(str, arguments)]

    def _start(self, here: bool = False) -> list[str]:
        return self._srun(1) if self.launcher == 'slurm' and not here else [sys.executable]

    def _srun(self, tasks: int) -> list[str]:
        return ['srun', '--job-name=irstd_benchmark', f'--ntasks={tasks}', '--kill-on-bad-exit=1', *self.srun,
                sys.executable, '-u']

    def _plugged(self) -> list[str]:
        return ['--plugins', *self.plugins] if self.plugins else []


def slots_of(gpus: Sequence[str], jobs: int, processes: int) -> list[dict[str, str]]:
    """The variables of every job that may run at a time.

    Args:
        gpus: Their numbers; none for whatever the machine has.
        jobs: Side by side on each group of GPUs, or on the machine.
        processes: GPUs of one training.

    Raises:
        ConfigError: If the GPUs do not divide into trainings, or a number is below 1.

    Example:
        >>> slots_of(['0', '1', '2', '3'], 1, 2)
        [{'CUDA_VISIBLE_DEVICES': '0,1'}, {'CUDA_VISIBLE_DEVICES': '2,3'}]
    """
    if jobs < 1:
        raise ConfigError(f'--jobs {jobs}: a number from 1 is expected.')
    if len(set(gpus)) < len(gpus):
        raise ConfigError(f'--gpus {",".join(gpus)}: every GPU once is expected.')
    if len(gpus) % processes:
        raise ConfigError(f'--gpus {",".join(gpus)} are {len(gpus)}, which do not divide into trainings of '
                          f'{processes} processes (--nproc).')
    if not gpus:
        groups: list[dict[str, str]] = [{}]
    else:
        groups = [{'CUDA_VISIBLE_DEVICES': ','.join(gpus[start:start + processes])}
                  for start in range(0, len(gpus), processes)]
    slots = [dict(group) for _ in range(jobs) for group in groups]
    if len(slots) > 1 and 'OMP_NUM_THREADS' not in os.environ:
        for slot in slots:
            slot['OMP_NUM_THREADS'] = str(max((os.cpu_count() or 1) // len(slots), 1))
    return slots


def guarded(command: Sequence[str]) -> list[str]:
    """A command that ends with the process that starts it."""
    return [sys.executable, '-c', _GUARD, str(os.getpid()), *command]


def words_of(text: str | None) -> tuple[str, ...]:
    """The words of ``--srun-args``."""
    return tuple(shlex.split(text or ''))
