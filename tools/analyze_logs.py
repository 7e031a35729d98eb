"""Draw and tabulate how trainings went: a column of val.csv or train.csv of their work folders over the epochs.

    python tools/analyze_logs.py work_dirs/lgnet_nuaa_sirst work_dirs/acm=ACM-FPN --out curves.png
    python tools/analyze_logs.py work_dirs/lgnet_nuaa_sirst --key loss

Columns are those of the validation (irstd/IoU, irstd/nIoU, irstd/Pd, irstd/Fa, ...) and of the training (loss, ...).
"""

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import quote

from irstd_toolbox.console import inches

SHARES = {'at a half': 0.5, 'at three quarters': 0.75, 'at the end': 1.0}


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folders', nargs='+', metavar='WORK_DIR[=NAME]',
                        help='NAME stands in the table and the legend (default: the name of the folder)')
    parser.add_argument('--key', default='irstd/IoU', metavar='COLUMN', help='default: %(default)s')
    parser.add_argument('--width', type=inches, default=3.5, metavar='INCHES',
                        help='of the figure: 3.5 is a column, 7.16 a page (default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FILE', help='draw into this .png, .pdf or .svg')
    parser.add_argument('--document', type=Path, metavar='FILE',
                        help='write the table, and the figure of --out, into this Markdown file')
    parser.add_argument('--section', default='trainings', metavar='NAME',
                        help='into its section "<!-- NAME -->" (default: %(default)s)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import print_tables
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.evaluation.files import check_targets
    from irstd_toolbox.evaluation.folders import name_folders, split_name
    from irstd_toolbox.evaluation.sections import find_section, replace_section
    from irstd_toolbox.training.logs import read_curve
    from irstd_toolbox.visualization.panels import SUFFIXES

    if args.out and args.out.suffix not in SUFFIXES:
        raise ConfigError(f'--out is {args.out}; expected a name that ends in {", ".join(SUFFIXES)}.')
    check_targets(args.out)
    if args.document:
        find_section(args.document, args.section)
    folders = name_folders(split_name(text) for text in args.folders)
    curves = {name: read_curve(folder, args.key) for name, folder in folders.items()}
    scale, label = unit(next(iter(curves.values())).name)
    rows = [row_of(name, curve, scale) for name, curve in curves.items()]
    heads = ['training', 'epochs', *(f'{label} {share}' for share in SHARES), 'best', 'its epoch']
    print_tables(table(heads, rows))
    if args.out:
        draw(args, curves, scale, label)
    if args.document:
        from irstd_toolbox.benchmarking.reports.markdown import escape, line

        marks = ['---', *['---:'] * (len(heads) - 1)]
        text = '\n'.join(map(line, [heads, marks, *([escape(name), *cells] for name, *cells in rows)]))
        if args.out:
            place = quote(os.path.relpath(args.out, args.document.parent))
            text += f'\n\n![{label} over epochs]({place})'
        replace_section(args.document, args.section, ['tools/analyze_logs.py', *(argv or sys.argv[1:])], text)


def unit(name: str) -> tuple[float, str]:
    """By what a value is multiplied where it is shown, and what it is called then."""
    from irstd_toolbox.evaluation.units import lower_is_better, scale_of, unit_of

    return (1.0, name) if lower_is_better(name) is None else (scale_of(name), unit_of(name))


def row_of(name: str, curve: object, scale: float) -> list[str]:
    from math import isnan

    def shown(value: float) -> str:
        return '–' if isnan(value) else f'{value * scale:.2f}' if scale != 1 else f'{value:.4g}'

    best = curve.best
    found = ['–', '–'] if best is None else [shown(curve.values[best]), f'{curve.epochs[best]:.4g}']
    return [name, f'{curve.epochs[-1]:.4g}', *(shown(curve.at(share)) for share in SHARES.values()), *found]


def table(heads: list[str], rows: list[list[str]]):
    from rich.table import Table

    grid = Table()
    for head in heads:
        grid.add_column(head, justify='left' if head == heads[0] else 'right', no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    return grid


def draw(args: argparse.Namespace, curves: dict, scale: float, label: str) -> None:
    """Write the figure."""
    from irstd_toolbox.visualization import save
    from irstd_toolbox.visualization.curve_figures import epochs_figure

    lines = {name: (curve.epochs, curve.values * scale, curve.best) for name, curve in curves.items()}
    save(epochs_figure(lines, label, args.width), args.out)


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
