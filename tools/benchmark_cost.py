"""Parameters, operations, latency and memory of every config given, one image at a time, as a table.

Each config is measured in a process of its own, so that peak memory is its own. Latency is the median CPU time of
forward passes without gradient, which other programs lengthen less than wall time (at more threads than one it is their
sum); memory is what the process's peak rose by from before the model was built.

    python tools/benchmark_cost.py configs/lgnet_irstd1k.py 'configs/baselines/*_irstd1k.py'

With --device cuda a second table: latency between two events on the GPU and torch's peak of allocated memory, in one
process. What has no parameters before weights are loaded, formulas and GroundedSAM, has no row there.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from irstd_toolbox.console import whole

MARKERS = dict(cpu='cost', cuda='cost-gpu')


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', help='paths or quoted patterns')
    parser.add_argument('--size', type=whole(16), default=256, help='side of the image of latency and memory '
                                                              '(default: %(default)s)')
    parser.add_argument('--repeats', type=whole(1), default=3,
                        help='forward passes after a first one (default: %(default)s)')
    parser.add_argument('--threads', type=whole(1), default=1, help='of the CPU (default: %(default)s)')
    parser.add_argument('--device', choices=tuple(MARKERS), default='cpu', help='default: %(default)s')
    parser.add_argument('--document', type=Path, metavar='FILE',
                        help='write the table into this Markdown file, in its section "<!-- cost -->" or '
                             '"<!-- cost-gpu -->"')
    parser.add_argument('--one', action='store_true', help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def measure(path: str, args: argparse.Namespace) -> dict:
    """The figures of one config, in this process."""
    from irstd_toolbox.benchmarking.cost import measure as measure_model
    from irstd_toolbox.training.config_edits import load_config

    return dict(measure_model(load_config(path).model, args.size, args.repeats, args.threads), config=Path(path).stem)


def measure_all(paths: list[str], args: argparse.Namespace) -> Iterator[dict]:
    """The figures of every config on the CPU, each in a process of its own."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads))
    for path in paths:
        command = [sys.executable, __file__, path, '--one', '--size', str(args.size), '--repeats',
                   str(args.repeats), '--threads', str(args.threads)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        found = done.stdout.strip().splitlines()
        yield json.loads(found[-1]) if done.returncode == 0 and found else dict(
            config=Path(path).stem, failed=(done.stderr.strip().splitlines() or ['no output'])[-1])


def measure_all_on_gpu(paths: list[str], args: argparse.Namespace) -> Iterator[dict]:
    """The figures of every network on the GPU."""
    from irstd_toolbox.benchmarking.cost import measure_on_gpu
    from irstd_toolbox.training.config_edits import load_config

    for path in paths:
        try:
            row = measure_on_gpu(load_config(path).model, args.size, args.repeats)
        except Exception as error:  # a row says what, as on the CPU
            row = dict(failed=f'error: {error}'.splitlines()[0])
        if 'failed' in row or row['gpu_ms']:
            yield dict(row, config=Path(path).stem)


def table_of(rows: list[dict], args: argparse.Namespace) -> str:
    """The rows in Markdown."""
    if args.device == 'cuda':
        head = ['config', f'GPU ms at {args.size} (5th to 95th percentile)', f'GPU memory at {args.size}, MiB']
    else:
        head = ['config', 'parameters', 'GMACs at 256', 'GMACs at 512',
                f'CPU ms at {args.size}, {args.threads} thread{"s" * (args.threads > 1)}',
                f'memory at {args.size}, MiB']
    lines = [head, ['---'] * len(head), *(cells(row, len(head)) for row in rows)]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def cells(row: dict, columns: int) -> list[str]:
    from irstd_toolbox.benchmarking.reports.markdown import escape

    if 'failed' in row:
        return [row['config'], escape(row['failed']), *[''] * (columns - 2)]
    if 'cpu_ms' not in row:
        times = row['gpu_ms']
        return [row['config'], f'{times["p50"]:.2f} ({times["p5"]:.2f} to {times["p95"]:.2f})',
                f'{row["gpu_memory_mib"]:.0f}']
    return [row['config'], f'{row["parameters"]:,}', f'{row["macs_256"] / 1e9:.3f}', f'{row["macs_512"] / 1e9:.3f}',
            f'{row["cpu_ms"]["p50"]:.0f}', f'{row["memory_mib"]:.0f}']


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    if args.one:
        print(json.dumps(measure(args.configs[0], args)))
        return 0
    import torch
    from rich.progress import track

    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.evaluation.sections import find_section, replace_section

    if args.document:
        find_section(args.document, MARKERS[args.device])
    if args.device == 'cuda' and not torch.cuda.is_available():
        raise ConfigError('--device cuda measures on an NVIDIA GPU, and torch sees none here. Leave --device out.')
    paths = [path for pattern in args.configs for path in sorted(glob.glob(pattern)) or [pattern]]
    measured = measure_all if args.device == 'cpu' else measure_all_on_gpu
    rows = list(track(measured(paths, args), 'measuring', total=len(paths), transient=True))
    table = table_of(rows, args)
    if args.device == 'cuda':
        table = f'{torch.cuda.get_device_name()}, torch {torch.__version__}, fp32, one image.\n\n{table}'
    print(table)
    if args.document:
        command = ['tools/benchmark_cost.py', *(argv or sys.argv[1:])]
        replace_section(args.document, MARKERS[args.device], command, table)
    return int(any('failed' in row for row in rows))


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
