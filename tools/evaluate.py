"""Score a folder of predictions under named protocols.

A prediction is ID.png, .bmp or .tif (one channel, 8 or 16 bit, full scale = probability 1) or ID.npy (probabilities),
of the image's size or of the size at which a protocol scores.
"""

import argparse
import dataclasses
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from irstd_toolbox.console import add_plugins

DEFAULT_PROTOCOLS = ('canonical', 'basicirstd', 'sctransnet', 'dnanet', 'rpcanet', 'acm', 'lgnet', 'mmseg')


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('predictions', metavar='PRED_DIR')
    parser.add_argument('data_root', metavar='DATA_ROOT')
    parser.add_argument('--dataset', metavar='NAME', help='which data set, if DATA_ROOT does not tell')
    parser.add_argument('--split', default='test', help='a split of the data set, all, or a list file (default: test)')
    parser.add_argument(
        '--protocol', nargs='+', metavar='NAME', default=list(DEFAULT_PROTOCOLS),
        help=f'default: {" ".join(DEFAULT_PROTOCOLS)}; an unknown name prints all')
    parser.add_argument(
        '--threshold', type=float, metavar='T', help="replaces the protocols' own; predicted where p > T")
    parser.add_argument(
        '--extra', nargs='+', action='extend', default=[], metavar='NAME',
        help='hIoU (with its errors), SCRG (with BSF and CG): at native size, into the table and results.json')
    parser.add_argument('--out', metavar='FILE', help='write results.json here')
    parser.add_argument('--per-image', metavar='FILE', help="write every image's counters here, as CSV")
    parser.add_argument('--json', action='store_true', help='print the content of results.json instead of the table')
    add_plugins(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from rich.console import Console

    from irstd_toolbox.console import load_protocols, print_tables
    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.evaluation import results
    from irstd_toolbox.evaluation.extras import ExtraCounter, extra_tables
    from irstd_toolbox.evaluation.files import check_targets
    from irstd_toolbox.evaluation.folders import find_predictions
    from irstd_toolbox.evaluation.prediction_io import PredictionReader
    from irstd_toolbox.evaluation.protocols import resolve

    load_protocols(args.plugins)
    protocols = resolve(args.protocol)
    if args.threshold is not None:
        protocols = [dataclasses.replace(protocol, threshold=args.threshold) for protocol in protocols]
    extras = ExtraCounter(args.extra, 0.5 if args.threshold is None else args.threshold)
    check_targets(args.out, args.per_image)
    layout = detect(args.data_root, args.dataset)
    split = layout.resolve(args.split, require_masks=True)
    messages = Console(stderr=True, soft_wrap=True)
    messages.print(layout.describe(), markup=False, highlight=False)
    messages.print(split.describe(), markup=False, highlight=False)
    files = find_predictions(Path(args.predictions), split.ids)
    read = PredictionReader(args.predictions)
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: messages.print(f'warning: {message}', markup=False, highlight=False)
        scores = score_all(files, read, layout, protocols, extras, messages)
        read.warn_of_masks()
    summary = results.summarise(scores, protocols, dataset=layout.name, split=args.split)
    if args.extra:
        summary['extras'] = extras.results()
    if args.out:
        results.write_results(args.out, summary)
    if args.per_image:
        results.write_image_counts(args.per_image, scores, protocols)
    if args.json:
        sys.stdout.write(results.to_json(summary))
    else:
        print_tables(results.result_table(summary), *extra_tables(summary.get('extras', {})))


def score_all(
    files: dict[str, Path], read: Callable, layout: Any, protocols: Sequence, extras: Any, messages: object,
) -> list:
    """Count every image under every protocol and for the extras, with a progress bar.

    Raises:
        DataError: If a prediction or a mask cannot be read or does not fit; the message names the file.
    """
    from rich.progress import track

    from irstd_toolbox.datasets.imaging import read_image
    from irstd_toolbox.errors import DataError
    from irstd_toolbox.evaluation.results import score_image

    scores = []
    for image_id, path in track(files.items(), 'scoring', console=messages, transient=True):
        truth = layout.truth(image_id)
        probabilities = read(path)
        try:
            scores.append(score_image(image_id, probabilities, truth, protocols))
            extras.add(probabilities, truth, read_image(layout.images[image_id]) if extras.needs_image else None)
        except DataError as error:
            raise DataError(f'{path}: {error}') from error
    return scores


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
