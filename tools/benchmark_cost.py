"""Parameters, operations, latency and memory of every config given, one image at a time, as a table.

Each config is measured in a process of its own, so that peak memory is its own. Latency is the median CPU time of
forward passes without gradient, which other programs lengthen less than wall time (at more threads than one it is their
sum); memory is what the process's peak rose by from before the model was built.

    python tools/benchmark_cost.py configs/lgnet_irstd1k.py 'configs/baselines/*_irstd1k.py'
"""

import argparse
import glob
import json
import os
import subprocess
import sys
from pathlib import Path

from irstd_toolbox.console import whole

MARKER = 'cost'


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', help='paths or quoted patterns')
    parser.add_argument('--size', type=whole(16), default=256, help='side of the image of latency and memory '
                                                              '(default: %(default)s)')
    parser.add_argument('--repeats', type=whole(1), default=3,
                        help='forward passes after a first one (default: %(default)s)')
    parser.add_argument('--threads', type=whole(1), default=1, help='default: %(default)s')
    parser.add_argument('--document', type=Path, metavar='FILE', help='write the table into this Markdown file, in its '
                                                                 f'section "<!-- {MARKER} -->"')
    parser.add_argument('--one', action='store_true', help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def measure(path: str, args: argparse.Namespace) -> dict:
    """The figures of one config, in this process."""
    from irstd_toolbox.benchmarking.cost import measure as measure_model
    from irstd_toolbox.training.config_edits import load_config

    return dict(measure_model(load_config(path).model, args.size, args.repeats, args.threads), config=Path(path).stem)


def cells(row: dict) -> str:
    if 'failed' in row:
        return f'| {row["config"]} | {row["failed"]} | | | | |'
    return (f'| {row["config"]} | {row["parameters"]:,} | {row["macs_256"] / 1e9:.3f} | {row["macs_512"] / 1e9:.3f} | '
            f'{row["cpu_ms"]["p50"]:.0f} | {row["memory_mib"]:.0f} |')


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    if args.one:
        print(json.dumps(measure(args.configs[0], args)))
        return 0
    from rich.progress import track

    from irstd_toolbox.evaluation.sections import find_section, replace_section

    if args.document:
        find_section(args.document, MARKER)
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads))
    rows = []
    paths = [path for pattern in args.configs for path in sorted(glob.glob(pattern)) or [pattern]]
    for path in track(paths, 'measuring', transient=True):
        command = [sys.executable, __file__, path, '--one', '--size', str(args.size), '--repeats',
                   str(args.repeats), '--threads', str(args.threads)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        found = done.stdout.strip().splitlines()
        rows.append(json.loads(found[-1]) if done.returncode == 0 and found else dict(
            config=Path(path).stem, failed=(done.stderr.strip().splitlines() or ['no output'])[-1]))
    table = '\n'.join([
        f'| config | parameters | GMACs at 256 | GMACs at 512 | CPU ms at {args.size}, {args.threads} thread'
        f'{"s" * (args.threads > 1)} | memory at {args.size}, MiB |', '|---' * 6 + '|', *map(cells, rows)])
    print(table)
    if args.document:
        replace_section(args.document, MARKER, ['tools/benchmark_cost.py', *(argv or sys.argv[1:])], table)
    return int(any('failed' in row for row in rows))


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
