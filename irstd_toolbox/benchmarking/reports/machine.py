"""What a benchmark ran on, in one sentence."""

from .benchmark_file import Benchmark

__all__ = ['describe_machine']

_NAMED = {'cpu': '{}', 'cores': '{} cores', 'gpu': '{}', 'torch': 'torch {}'}


def describe_machine(benchmark: Benchmark) -> str:
    """Version, commit, date and machine."""
    commit = f', commit {benchmark.commit}' if benchmark.commit else ''
    parts = [form.format(value) for key, form in _NAMED.items() if (value := benchmark.machine.get(key)) is not None]
    return f'irstd_toolbox {benchmark.version}{commit}; {benchmark.date}; {", ".join(parts) or "machine not known"}.'
