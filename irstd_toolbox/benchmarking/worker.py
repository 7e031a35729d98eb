"""A step of a benchmark in a process of its own: ``python -m irstd_toolbox.benchmarking.worker TASK.json RESULT.json``.

The task is an object with ``step`` and that step's arguments. Only measuring cost loads torch.
"""

import json
import sys
from pathlib import Path

__all__ = ['main']


def main(argv: list[str] | None = None) -> None:
    task_file, result_file = map(Path, argv if argv is not None else sys.argv[1:])
    from irstd_toolbox.evaluation.files import write_atomically

    task = json.loads(task_file.read_text(encoding='utf-8'))
    write_atomically(result_file, json.dumps(STEPS[task.pop('step')](**task)).encode())


def measure_cost(config: str, plugins: list[str], **options: int) -> dict:
    """The cost of a config's model."""
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.benchmarking.cost import measure
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.training.config_edits import load_config

    load_plugins(plugins)
    return measure(load_config(config).model, **options)


def compare_lists(trained: list[dict], tested: dict) -> dict:
    """The images that two lists share."""
    from irstd_toolbox.benchmarking.leaks import find_leaks
    return find_leaks(trained, tested)


def score_again(test: str, out: str, plugins: list[str], **options: list | dict) -> dict:
    """A test over a part of its list."""
    from irstd_toolbox.benchmarking.rescoring import rescore
    from irstd_toolbox.console import load_protocols

    load_protocols(plugins)
    return rescore(Path(test), out=Path(out), **options)


STEPS = dict(cost=measure_cost, leaks=compare_lists, rescore=score_again)

if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
