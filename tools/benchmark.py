"""Train, test and measure many methods: one folder with every result, tables, curves and pictures.

    python tools/benchmark.py 'configs/baselines/*_nuaa_sirst.py' --train --seeds 0 1 2 --out work_dirs/benchmark
    python tools/benchmark.py --suite configs/suites/synthetic.py --train --out work_dirs/synthetic
    python tools/benchmark.py configs/lgnet_irstd1k.py --checkpoint lgnet_irstd1k=best.pth

What is finished is not done again: the same command continues after any interruption, and does anew what depends on
something that changed. Exit status: 0 all done, 1 something failed, 2 nothing started because of the input, 130
interrupted.
"""

import argparse
import glob
import sys
from pathlib import Path
from typing import Any

from irstd_toolbox.console import add_overrides, add_plugins

WIDTH = 140


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', metavar='CONFIG', help='paths or quoted patterns; with --suite, further '
                                                                     'entries')
    parser.add_argument('--suite', type=Path, metavar='FILE', help='entries, data sets, seeds: docs/benchmark.md')
    parser.add_argument('--entries', nargs='+', action='extend', default=[], metavar='NAME',
                        help='of these, the ones of such names or quoted patterns alone; the others can follow later')
    parser.add_argument('--train', action='store_true', help='train what has weights and no --checkpoint')
    parser.add_argument('--checkpoint', nargs='+', action='extend', default=[], metavar='NAME=FILE',
                        help='weights in place of a training, of an entry by name or by config; several of one entry '
                             'count as several seeds')
    parser.add_argument('--seeds', nargs='+', action='extend', type=int, metavar='N',
                        help='of the trainings (default: 0)')
    parser.add_argument('--protocol', nargs='+', action='extend', metavar='NAME', help='default: canonical')
    parser.add_argument('--datasets', nargs='+', action='extend', default=[], metavar='NAME=ROOT',
                        help="to train and test on, in place of each config's own; ROOT@idx_320 takes the lists of "
                             'that folder')
    parser.add_argument('--cross', action='store_true', help='train on each data set, test on all')
    parser.add_argument('--out', type=Path, metavar='DIR', help='default: work_dirs/benchmark, or work_dirs/SUITE')
    add_overrides(parser, 'over the config of everything that is trained')
    parser.add_argument('--select-on-test', action='store_true',
                        help='choose checkpoints on the test list, as many papers do; the rows say so')
    parser.add_argument('--repeats', type=int, default=20, metavar='N',
                        help='timed forward passes; 0 leaves cost out (default: %(default)s)')
    parser.add_argument('--size', type=int, default=256, help='side of the image of latency and memory (default: '
                                                              '%(default)s)')
    where = parser.add_argument_group('where it runs')
    where.add_argument('--launcher', choices=('none', 'pytorch', 'slurm'), default='none',
                       help='of trainings; with slurm tests and cost go through srun as well')
    where.add_argument('--nproc', type=int, default=1, metavar='N', help='processes of one training')
    where.add_argument('--gpus', nargs='+', action='extend', default=[], metavar='ID',
                       help='one job at a time on each, or each --nproc')
    where.add_argument('--jobs', type=int, default=1, metavar='N', help='jobs side by side, with --gpus on each')
    where.add_argument('--srun-args', metavar='WORDS', help="of srun, e.g. '--partition=gpu --gres=gpu:1'")
    add_plugins(where)
    report = parser.add_argument_group('reports')
    report.add_argument('--only', choices=('report',), help='write the reports of --out anew, and run nothing')
    report.add_argument('--document', type=Path, metavar='FILE', help='write tables and curves into this Markdown file')
    report.add_argument('--section', default='benchmark', metavar='NAME',
                        help='between its lines <!-- NAME --> and <!-- /NAME --> (default: %(default)s)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from rich.console import Console

    from irstd_toolbox.benchmarking.checking import check
    from irstd_toolbox.benchmarking.collecting import write_benchmark
    from irstd_toolbox.benchmarking.launching import Launch, slots_of, words_of
    from irstd_toolbox.benchmarking.planning import Choices, make_plan
    from irstd_toolbox.benchmarking.runner import locked, run_jobs
    from irstd_toolbox.benchmarking.showing import Progress, failures, summary
    from irstd_toolbox.evaluation.sections import find_section
    from irstd_toolbox.plugins import load_plugins

    load_plugins(args.plugins)
    if args.document:
        find_section(args.document, args.section)
    out = args.out or Path('work_dirs', args.suite.stem if args.suite else 'benchmark')
    if args.only:
        return write_all(out, args)
    suite = suite_of(args)
    choices = Choices(out, tuple(args.cfg_options), args.select_on_test, args.nproc, args.size, args.repeats)
    gpus = [one for word in args.gpus for one in word.split(',') if one]
    launch = Launch(args.launcher, args.nproc, words_of(args.srun_args), Path(__file__).resolve().parent,
                    tuple(args.plugins))
    slots = slots_of(gpus, args.jobs, args.nproc)
    check(suite, choices, args.train)
    with locked(out):
        plan = make_plan(suite, choices)
        with Progress(plan.jobs) as progress:
            run_jobs(plan.jobs, launch, slots, out, progress.tell)
        content = write_benchmark(plan, ['tools/benchmark.py', *(sys.argv[1:] if argv is None else argv)])
        console = Console(markup=False) if sys.stdout.isatty() else Console(width=WIDTH, markup=False)
        console.print(summary(content['rows']))
        status = write_all(out, args)
    for line in failures(plan.jobs):
        print(line, file=sys.stderr)
    return max(status, int(any(job.state == 'failed' for job in plan.jobs)))


def suite_of(args: argparse.Namespace) -> Any:
    """The suite file and the command line, which has the last word."""
    from dataclasses import replace

    from irstd_toolbox.benchmarking.suite import (
        Suite,
        add_configs,
        named_roots,
        only_entries,
        read_suite,
        with_checkpoints,
    )

    suite = read_suite(args.suite) if args.suite else Suite()
    suite = add_configs(suite, [path for word in args.configs for path in sorted(glob.glob(word)) or [word]])
    suite = only_entries(suite, args.entries)
    told = {key: tuple(value) for key, value in (('seeds', args.seeds), ('protocols', args.protocol)) if value}
    if args.datasets:
        told['datasets'] = named_roots(args.datasets)
    return with_checkpoints(replace(suite, **told, cross=suite.cross or args.cross), args.checkpoint)


def write_all(out: Path, args: argparse.Namespace) -> int:
    """The reports of a benchmark, and its tables in a document."""
    from irstd_toolbox.benchmarking.reports import write_reports

    for path in write_reports(out, document=args.document, section=args.section):
        print(path)
    return 0


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
