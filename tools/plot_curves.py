"""Draw ROC, PR, Pd-Fa and 3-D ROC curves of folders of predictions, with the data of each figure as CSV beside it.

A folder holds a prediction of every image, ID.png or another form, as tools/evaluate.py reads it. Several folders
become several lines of one figure.
"""

import argparse
import csv
import io
import warnings
from pathlib import Path

from irstd_toolbox.console import add_plugins, inches

KINDS = ('roc', 'pr', 'pd_fa', 'roc3d')
FIXED_FA, FIXED_PD = (1e-6, 1e-5, 1e-4), (0.9, 0.95)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('predictions', nargs='+', metavar='PRED_DIR[=NAME]',
                        help='NAME stands in the legend (default: the name of the folder)')
    parser.add_argument('data_root', metavar='DATA_ROOT')
    parser.add_argument('--dataset', metavar='NAME', help='which data set, if DATA_ROOT does not tell')
    parser.add_argument('--split', default='test', help='a split of the data set, all, or a list file (default: test)')
    parser.add_argument('--protocol', default='canonical', metavar='NAME',
                        help='size, matching and Fa (default: canonical); an unknown name prints all')
    parser.add_argument('--kinds', nargs='+', choices=KINDS, default=list(KINDS), metavar='KIND',
                        help=f'default: {" ".join(KINDS)}')
    parser.add_argument('--exact', action='store_true',
                        help='Pd and Fa at all 65536 thresholds instead of about 120: minutes instead of seconds')
    parser.add_argument('--fa-range', nargs=2, type=float, default=(1e-6, 1e-3), metavar=('LOW', 'HIGH'),
                        help='of the area under Pd-Fa (default: 1e-6 1e-3)')
    parser.add_argument('--width', type=inches, metavar='INCHES',
                        help='of a figure: 3.5 is a column, 7.16 a page (default: 3.5, of roc3d 7.16)')
    parser.add_argument('--format', choices=('png', 'pdf', 'svg'), default='png', help='default: png')
    parser.add_argument('--out', type=Path, default=Path('curves'), metavar='DIR', help='default: %(default)s')
    add_plugins(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from rich.console import Console

    from irstd_toolbox.console import load_protocols
    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.evaluation.curves import DEFAULT_LEVELS, CurveCounter
    from irstd_toolbox.evaluation.files import check_folder
    from irstd_toolbox.evaluation.folders import find_predictions, name_folders, split_name
    from irstd_toolbox.evaluation.prediction_io import FULL_SCALE
    from irstd_toolbox.evaluation.protocols import get

    load_protocols(args.plugins)
    protocol = get(args.protocol)
    if not 0 < args.fa_range[0] < args.fa_range[1]:
        raise ConfigError(f'--fa-range is {args.fa_range[0]:g} {args.fa_range[1]:g}; expected 0 < LOW < HIGH.')
    check_folder(args.out)
    folders = name_folders(split_name(text) for text in args.predictions)
    layout = detect(args.data_root, args.dataset)
    split = layout.resolve(args.split, require_masks=True)
    messages = Console(stderr=True, soft_wrap=True)
    messages.print(layout.describe(), markup=False, highlight=False)
    messages.print(split.describe(), markup=False, highlight=False)
    files = {name: find_predictions(folder, split.ids) for name, folder in folders.items()}
    levels = range(FULL_SCALE + 1) if args.exact else DEFAULT_LEVELS
    counters = {name: CurveCounter(protocol, levels) for name in files}
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: messages.print(f'warning: {message}', markup=False, highlight=False)
        count_all(counters, files, layout, split.ids, messages)
    pixels = {name: counter.pixels() for name, counter in counters.items()}
    targets = {name: counter.targets() for name, counter in counters.items()}
    rows = summarise(pixels, targets, args.fa_range)
    write_csv(args.out / 'summary.csv', rows)
    draw(args, pixels, targets)
    show(rows, protocol, args.fa_range)
    print(f'{", ".join(f"{kind}.{args.format}" for kind in args.kinds)}, their .csv and summary.csv are in {args.out}')


def count_all(counters: dict, files: dict[str, dict[str, Path]], layout: object, ids: tuple[str, ...],
              messages: object) -> None:
    """Count every image of every method, with a progress bar.

    Raises:
        DataError: If a prediction or a mask cannot be read or does not fit; the message names the file.
    """
    from rich.progress import track

    from irstd_toolbox.errors import DataError
    from irstd_toolbox.evaluation.prediction_io import PredictionReader

    read = {name: PredictionReader(name) for name in counters}
    for image_id in track(ids, 'counting', console=messages, transient=True):
        truth = layout.truth(image_id)
        for name, counter in counters.items():
            path = files[name][image_id]
            try:
                counter.add(read[name](path), truth)
            except DataError as error:
                raise DataError(str(error) if str(path) in str(error) else f'{path}: {error}') from error
    for reader in read.values():
        reader.warn_of_masks()


def summarise(pixels: dict, targets: dict, fa_range: tuple[float, float]) -> list[dict[str, object]]:
    """A row of numbers a method."""
    rows = []
    for name, curve in targets.items():
        row = {'method': name, 'AUC': pixels[name].auc, 'AP': pixels[name].average_precision,
               'area_Pd_Fa': curve.area(*fa_range)}
        row |= {f'Pd_at_Fa_{fa:g}': curve.pd_at(fa) for fa in FIXED_FA}
        row |= {f'Fa_at_Pd_{pd:g}': curve.fa_at(pd) for pd in FIXED_PD}
        row |= {'threshold': curve.thresholds[curve.own], 'Pd': curve.pd[curve.own], 'Fa': curve.fa[curve.own]}
        rows.append(row | {f'AUC_{key}': value for key, value in pixels[name].areas_3d().items()})
    return rows


def draw(args: argparse.Namespace, pixels: dict, targets: dict) -> None:
    """Write each figure and its data."""
    from irstd_toolbox.visualization import curve_figures, save

    figures = {'roc': curve_figures.roc_figure, 'pr': curve_figures.pr_figure, 'pd_fa': curve_figures.pd_fa_figure,
               'roc3d': curve_figures.roc3d_figure}
    for kind in args.kinds:
        curves = targets if kind == 'pd_fa' else pixels
        options = {} if args.width is None else {'width': args.width}
        if kind == 'pd_fa':
            options['fa_range'] = tuple(args.fa_range)
        save(figures[kind](curves, **options), args.out / f'{kind}.{args.format}')
        write_csv(args.out / f'{kind}.csv', list(curve_figures.curve_rows(kind, curves)))


def write_csv(path: Path, rows: list[dict[str, object]]) -> None:
    """Numbers as exactly as a float64 prints, nan as an empty cell."""
    from irstd_toolbox.evaluation.files import write_atomically

    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows({key: '' if value != value else plain(value) for key, value in row.items()} for row in rows)
    write_atomically(path, text.getvalue().encode())


def plain(value: object) -> object:
    return repr(float(value)) if hasattr(value, 'hex') and not isinstance(value, int) else value


def show(rows: list[dict[str, object]], protocol: object, fa_range: tuple[float, float]) -> None:
    """A table for people."""
    from rich.table import Table

    from irstd_toolbox.console import print_tables

    table = Table(caption=f'{protocol.name}; Fa in 1e-6; Pd and Fa alone: at the threshold {protocol.threshold:g}; '
                          f'area: mean Pd over log Fa, {fa_range[0]:g} to {fa_range[1]:g}')
    table.add_column('')
    for row in rows:
        table.add_column(row['method'], justify='right')
    heads = {'AUC': 'pixel AUC', 'AP': 'average precision', 'area_Pd_Fa': 'area under Pd-Fa',
             **{f'Pd_at_Fa_{fa:g}': f'Pd at Fa {fa * 1e6:g}' for fa in FIXED_FA},
             **{f'Fa_at_Pd_{pd:g}': f'Fa at Pd {pd:g}' for pd in FIXED_PD}, 'Pd': 'Pd', 'Fa': 'Fa'}
    for key, head in heads.items():
        table.add_row(head, *(cell(key, row[key]) for row in rows))
    print_tables(table)


def cell(key: str, value: float) -> str:
    if value != value:
        return '–'
    return f'{value * 1e6:.2f}' if key.startswith('Fa') else f'{value:.4f}'


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
