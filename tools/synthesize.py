"""Write a data set of synthetic infrared scenes with small targets.

Example: python tools/synthesize.py data/synthetic --train 200 --test 50 --size 128 128 --seed 0
"""

import argparse
from pathlib import Path

from irstd_toolbox.console import run

CLUTTER = ('buildings', 'cloud', 'ground', 'sea')


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path,
                        help='folder to write: missing, empty, or an earlier run of this very command')
    parser.add_argument('--train', type=int, default=200, metavar='N', help='training images (default: %(default)s)')
    parser.add_argument('--test', type=int, default=50, metavar='M', help='test images (default: %(default)s)')
    parser.add_argument('--size', type=int, nargs=2, default=(256, 256), metavar=('H', 'W'),
                        help='height and width, from 64 (default: 256 256)')
    parser.add_argument('--seed', type=int, default=0, help='number of the series (default: %(default)s)')
    parser.add_argument('--clutter', nargs='+', choices=CLUTTER, default=CLUTTER, metavar='KIND',
                        help=f'backgrounds, taken in turn: {", ".join(CLUTTER)} (default: all)')
    parser.add_argument('--targets', type=int, nargs=2, default=(1, 3), metavar=('LEAST', 'MOST'),
                        help='targets an image (default: 1 3)')
    parser.add_argument('--empty', type=float, default=0.0, metavar='SHARE',
                        help='chance of an image without targets (default: %(default)s)')
    parser.add_argument('--snr', type=float, nargs=2, default=(4.0, 12.0), metavar=('LOW', 'HIGH'),
                        help='signal-to-noise ratio of the targets (default: 4 12)')
    parser.add_argument('--max-contrast', type=float, default=0.15, metavar='C',
                        help='bound of a target\'s contrast against its background (default: %(default)s, as SPIE)')
    parser.add_argument('--bits', type=int, choices=(8, 16), default=8, help='bits per pixel (default: %(default)s)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Write the data set; returns the exit status."""
    args = parse(argv)
    # Here, so that --help answers at once.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from irstd_toolbox.datasets.synthetic import SceneOptions, write_dataset
    from irstd_toolbox.evaluation.files import check_folder
    check_folder(args.out)
    options = SceneOptions(
        size=tuple(args.size), clutter=tuple(args.clutter), targets=tuple(args.targets), empty=args.empty,
        snr=tuple(args.snr), max_contrast=args.max_contrast, bits=args.bits)
    columns = TextColumn('scenes'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        task = progress.add_task('', total=None, visible=False)  # nothing but the paragraph when there is an error
        metadata = write_dataset(
            args.out, {'train': args.train, 'test': args.test}, args.seed, options,
            lambda done, total: progress.update(task, completed=done, total=total, visible=True))
    targets = sum(len(image['targets']) for image in metadata['images'].values())
    print(f'{args.out}: {args.train} training and {args.test} test images, {targets} targets')
    return 0


if __name__ == '__main__':
    run(main)
