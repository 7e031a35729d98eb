"""Examine a data set: layout, counts, defects of files, masks and lists, images that occur twice, targets.

Example: python tools/check_dataset.py data/IRSTD-1k --json report.json --out figures

The exit status is 0 if there are no defects (notes are none), 1 if there are, 2 if the data set cannot be read. The
data set itself is never written to.
"""

import argparse
import itertools
import sys
from collections.abc import Iterable
from pathlib import Path

from irstd_toolbox.console import whole

FORMATS = ('nuaa', 'mshnet', 'basicirstd', 'coco', 'yolo', 'points')
WIDTH = 120


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data_root', metavar='DATA_ROOT')
    parser.add_argument('--dataset', metavar='NAME', help='which data set, if DATA_ROOT does not tell')
    parser.add_argument('--against', nargs='+', action='extend', metavar='OTHER', default=[],
                        help='data sets or lists to look for the same images in; a list whose name starts with test '
                             'is tested on, any other trained on')
    parser.add_argument('--fix', metavar='OUT', help='write a mended copy to this folder, missing or empty')
    parser.add_argument('--export', nargs=2, metavar=('FORMAT', 'OUT'), action='append', default=[],
                        help=f'write the data set in another form ({", ".join(FORMATS)}) to a folder; may be repeated')
    parser.add_argument('--json', metavar='FILE', help='write the whole report here')
    parser.add_argument('--out', metavar='DIR', help='write histograms of the targets here (targets.png)')
    parser.add_argument('--workers', type=whole(1), metavar='N', help='threads (default: one a processor, at most 8)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Examine, report and write what was asked for; returns the exit status."""
    args = parse(argv)
    # Here, so that --help answers at once.
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import track
    from rich.text import Text

    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.diagnosis import exporting, figures, leakage, reading, repair, report, writing
    from irstd_toolbox.diagnosis.audit import audit
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.evaluation.files import check_targets, write_atomically

    messages = Console(stderr=True, soft_wrap=True)

    def watch(title: str):
        def wrap(items: Iterable, total: int | None = None) -> Iterable:
            return track(items, escape(title), total=total, console=messages, transient=True)
        return wrap

    picture = Path(args.out) / 'targets.png' if args.out else None
    check_targets(args.json, picture)
    layout = detect(args.data_root, args.dataset)
    for file in filter(None, (args.json, picture)):
        writing.check_outside(file, layout.root)
    outs = [*([args.fix] if args.fix else []), *(out for _, out in args.export)]
    folders = [writing.check_out(out, layout.root) for out in outs]
    if any(one.is_relative_to(other) for one, other in itertools.permutations(folders, 2)):
        raise ConfigError('two outputs go to one folder, or one into the other; give each its own.')
    if args.fix:
        repair.check_inside(layout)
    for form, _ in args.export:
        exporting.check_form(form)
    others = [leakage.read_other(path, args.workers, watch(f'reading {path}')) for path in args.against]
    looked_at = reading.examine(layout, workers=args.workers)
    result = audit(layout, watch('examining')(looked_at, len(layout.images)), others)

    console = Console(markup=False) if sys.stdout.isatty() else Console(width=WIDTH, markup=False)
    for part in report.report(result):
        console.print(part, highlight=False, soft_wrap=isinstance(part, Text))
    if args.json:
        write_atomically(Path(args.json), report.to_json(result).encode())
    if picture and result.targets:
        title = f'{layout.name}: {len(result.targets)} targets in {len(layout.images)} images'
        figures.save(figures.histograms(result.statistics, title), picture)
    if args.fix:
        done = repair.repair(result, args.fix, watch('mending'))
        messages.print(f'{args.fix}: {done.describe()}', markup=False, highlight=False)
    for form, out in args.export:
        count = exporting.export(result, form, out, watch(f'exporting {form}'))
        messages.print(f'{out}: {count} images as {form}', markup=False, highlight=False)
    return 1 if result.defects else 0


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
