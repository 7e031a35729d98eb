"""Write a data set whose training masks are pseudo-labels of single points (Monte Carlo linear clustering).

    python tools/label_points.py data/NUAA-SIRST --out data/points/NUAA-SIRST
    python tools/train.py configs/baselines/ssps_dnanet_nuaa_sirst.py

The points are read off the true masks, as an annotator would set them. The masks of the test list stay the true ones.
"""

import argparse
from pathlib import Path

from irstd_toolbox.console import run


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data_root', help='the data set, of any layout of docs/datasets.md')
    parser.add_argument('--out', required=True, help='folder to write: missing or empty')
    parser.add_argument('--name', help='the data set\'s name, where the folder does not tell it')
    parser.add_argument('--points', default='centroid', choices=('centroid', 'coarse'),
                        help='each target\'s centroid, or any pixel of it (default: %(default)s)')
    parser.add_argument('--split', default='trainval',
                        help='the list to label, which trainval.txt of the copy then is (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of points and noise (default: %(default)s)')
    parser.add_argument('--label-test', action='store_true', help='let images of the test list be labelled too')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Write the data set and print how well its masks meet the true ones."""
    args = parse(argv)
    # Here, so that --help answers at once.
    import time

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.datasets.point_label_set import write_point_labels
    from irstd_toolbox.evaluation.files import check_folder
    check_folder(Path(args.out))
    started = time.perf_counter()
    columns = TextColumn('images'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        task = progress.add_task('', total=None, visible=False)  # nothing but the paragraph when there is an error
        report = write_point_labels(
            detect(args.data_root, args.name), args.out, args.points, args.split, args.seed, args.label_test,
            progress=lambda done, total: progress.update(task, completed=done, total=total, visible=True))
    seconds = (time.perf_counter() - started) / report.images
    print(f'{args.out}: {report.images} masks from {report.points} {args.points} points, {report.true} true masks; '
          f'IoU {100 * report.iou:.2f}, nIoU {100 * report.niou:.2f} against the true masks; {seconds:.2f} s an image')


if __name__ == '__main__':
    run(main)
