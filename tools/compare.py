"""Compare two methods on the same images: bootstrap intervals of IoU, nIoU, Pd and Fa, and whether they differ.

A second table says which images that hangs on: the difference without each of the three that move it most.

    python tools/compare.py work_dirs/a/test work_dirs/b/test --data-root DATA/NUAA-SIRST
    python tools/compare.py a.csv b.csv

A method is given as a folder of predictions (ID.png, .npy, ...), as the folder or results.json that tools/test.py wrote
(both need --data-root, to count every image), or as the CSV of tools/evaluate.py --per-image.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from irstd_toolbox.console import add_plugins

MOVING = 3
"""How many images are named that move a difference most."""
ROUNDING = 1e-12
"""What moves it less than this moves it not at all."""


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('first', type=Path, metavar='RESULTS_A')
    parser.add_argument('second', type=Path, metavar='RESULTS_B')
    parser.add_argument('--data-root', type=Path, help='the data set, to count predictions against')
    parser.add_argument('--dataset', metavar='NAME', help='which data set, if --data-root does not tell')
    parser.add_argument('--split', default='test', help='a split of it, all, or a list file (default: test)')
    parser.add_argument('--protocol', default='canonical', metavar='NAME', help='(default: %(default)s)')
    parser.add_argument('--threshold', type=float, metavar='T', help="replaces the protocol's own, as evaluate.py's")
    parser.add_argument('--resamples', type=int, default=10_000, metavar='N', help='(default: %(default)s)')
    parser.add_argument('--level', type=float, default=0.95, help='of the intervals (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='(default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FILE', help='write the figures here, as JSON')
    add_plugins(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    warnings.showwarning = lambda message, *_: print(f'warning: {message}', file=sys.stderr)
    from dataclasses import asdict, replace

    from irstd_toolbox.console import load_protocols, print_tables
    from irstd_toolbox.evaluation import significance
    from irstd_toolbox.evaluation.files import check_targets
    from irstd_toolbox.evaluation.pairing import check_fingerprints, check_pairing
    from irstd_toolbox.evaluation.protocols import get
    from irstd_toolbox.evaluation.results import hash_ids, to_json, write_results

    check_targets(args.out)
    options = dict(resamples=args.resamples, level=args.level, seed=args.seed)
    significance.check_draws(**options)
    load_protocols(args.plugins)
    protocol, paths = get(args.protocol), (args.first, args.second)
    if args.threshold is not None:
        protocol = replace(protocol, threshold=args.threshold)
    names = tuple(map(str, paths))
    about = [told(path) for path in paths]
    if all(about):
        check_fingerprints(*(one['fingerprint'] for one in about), names, protocol.name)
    first, second = (count(path, one, args, protocol) for path, one in zip(paths, about, strict=True))
    ids = check_pairing(first, second, names)
    rows = [[counts[image_id] for image_id in ids] for counts in (first, second)]
    compared = significance.compare(*rows, protocol, **options)
    alone = [significance.intervals(one, protocol, **options) for one in rows]
    without = {name: most_moving(compared[name].difference.value, left, ids)
               for name, left in significance.leave_one_out(*rows, protocol).items()}
    print_tables(table(compared, alone, protocol, args, len(ids)), table_without(compared, without, protocol))
    if args.out:
        shown = {name: asdict(one) | dict(first_interval=asdict(alone[0][name]), second_interval=asdict(alone[1][name]),
                                          without=without[name])
                 for name, one in compared.items()}
        about = dict(first=names[0], second=names[1], images=len(ids), ids_sha256=hash_ids(ids), protocol=protocol.name,
                     protocol_sha256=protocol.fingerprint(), **options)
        write_results(args.out, json.loads(to_json({'about': about, 'metrics': shown})))


def told(path: Path) -> dict[str, Any] | None:
    """The ``results.json`` that a method is given as, or that lies in its folder; None if there is none.

    Raises:
        DataError: If it is none.
    """
    from irstd_toolbox.errors import DataError

    file = path / 'results.json' if path.is_dir() else path
    if file.suffix != '.json' or not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding='utf-8'))
        found['fingerprint']['ids_sha256']
        for part in (found['fingerprint'].get('protocols', {}), found.get('counts', {})):
            wrong = [one for one in (part.values() if isinstance(part, dict) else [part]) if not isinstance(one, dict)]
            if wrong:
                raise TypeError(f'{wrong[0]!r:.80} where an object is expected')
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f'{file} is no results.json of this toolbox ({type(error).__name__}: {error}); write it anew '
                        'with tools/test.py or tools/evaluate.py --out.') from error
    return found


def count(path: Path, about: Mapping | None, args: argparse.Namespace, protocol: Any) -> dict[str, Any]:
    """The counters of every image of one method.

    Raises:
        DataError: If the method cannot be read, or its predictions are not those its ``results.json`` counts.
        ConfigError: If --data-root is needed and missing, or the CSV was not counted under the protocol.
    """
    from irstd_toolbox.errors import ConfigError, DataError
    from irstd_toolbox.evaluation.pairing import read_image_counts

    if not path.exists():
        raise DataError(f'{path} does not exist; expected a folder of predictions, a results.json or a CSV.')
    if path.suffix == '.csv':
        found = read_image_counts(path, protocol)
        if protocol.name not in found:
            raise ConfigError(f'{path} was not counted under {protocol.name!r}, but under {", ".join(found)}. Choose '
                              'one with --protocol, or write it anew with tools/evaluate.py --per-image.')
        return found[protocol.name]
    folder = path if path.is_dir() else path.parent
    if (folder / 'predictions').is_dir() and (path.is_dir() or path.name == 'results.json'):
        folder = folder / 'predictions'
    elif path.is_file():
        raise DataError(
            f'{path} does not hold the counters of every image, and is no results.json with predictions/ beside it. '
            'Write them with tools/evaluate.py PRED_DIR DATA_ROOT --per-image FILE.csv, and give that file.')
    if args.data_root is None:
        raise ConfigError(f'{path} holds predictions; give --data-root, so that they can be counted against the masks.')
    counts = score(folder, args, protocol)
    if about:
        check_record(counts, about, protocol, path)
    return counts


def check_record(counts: Mapping[str, Any], about: Mapping, protocol: Any, path: Path) -> None:
    """Refuse predictions that are not those of their ``results.json``.

    Raises:
        DataError: If the images differ, or the sums under the same rules.
    """
    from irstd_toolbox.errors import DataError
    from irstd_toolbox.evaluation.functional import total
    from irstd_toolbox.evaluation.results import hash_ids

    fingerprint = about['fingerprint']
    if hash_ids(counts) != fingerprint['ids_sha256']:
        raise DataError(f'{path} was tested on {fingerprint.get("dataset")}, {fingerprint.get("split")} '
                        f'({fingerprint.get("images")} images), which is not the list given here ({len(counts)} '
                        'images). Give its --data-root, --dataset and --split.')
    rules = fingerprint.get('protocols', {}).get(protocol.name, {})
    pooled, recorded = total(counts.values()), about.get('counts', {}).get(protocol.name, {})
    if rules.get('sha256') == protocol.fingerprint():
        differing = [name for name, value in vars(pooled).items() if name in recorded and recorded[name] != value]
        if differing:
            name = differing[0]
            raise DataError(f'{path}: the predictions have {name} {getattr(pooled, name)}, its results.json says '
                            f'{recorded[name]}. They are not of one test, or the data changed; test anew.')


def score(folder: Path, args: argparse.Namespace, protocol: Any) -> dict[str, Any]:
    """Count the predictions in a folder against the data set.

    Raises:
        DataError: If a prediction is missing or does not fit; the message names it.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import track

    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.errors import DataError
    from irstd_toolbox.evaluation import protocols
    from irstd_toolbox.evaluation.folders import find_predictions
    from irstd_toolbox.evaluation.prediction_io import PredictionReader

    layout = detect(args.data_root, args.dataset)
    counts, read = {}, PredictionReader(str(folder))
    files = find_predictions(folder, layout.resolve(args.split, require_masks=True).ids)
    for image_id, file in track(files.items(), escape(str(folder)), console=Console(stderr=True), transient=True):
        probabilities, truth = read(file), layout.truth(image_id)
        try:
            counts[image_id] = protocols.score(protocol, probabilities, truth)
        except DataError as error:
            raise DataError(f'{file}: {error}') from error
    read.warn_of_masks()
    return counts


def most_moving(difference: float, left: Any, ids: list[str]) -> dict[str, float]:
    """The images without which the difference is farthest from what it is, and the difference without each."""
    import numpy as np

    moved = np.nan_to_num(np.abs(left - difference))
    moved[moved < ROUNDING] = 0
    return {ids[place]: float(left[place]) for place in np.argsort(-moved, kind='stable')[:MOVING] if moved[place]}


def table(compared: Mapping, alone: list[Mapping], protocol: Any, args: argparse.Namespace, images: int):
    """One row a metric: values above their intervals."""
    from math import isnan

    from rich.table import Table

    def shown(one: Any, scale: float, sign: str = '') -> str:
        if isnan(one.value):
            return '–'
        return f'{one.value * scale:{sign}.2f}\n[{one.low * scale:{sign}.2f}, {one.high * scale:{sign}.2f}]'

    def chance(p: float) -> str:
        return '–' if isnan(p) else f'{p:.4f}' if p >= 0.0001 else '<0.0001'

    grid = Table(caption=(
        f'{images} images, {protocol.name}; percent, Fa in 1e-6; {100 * args.level:g} % bootstrap intervals, '
        f'{args.resamples} resamples, seed {args.seed}. +/-/=: images where B is higher, lower, equal.'))
    for heading in ('', 'A', 'B', 'B - A', 'p permutation', 'p sign\n+/-/='):
        grid.add_column(heading, justify='left' if not heading else 'right', no_wrap=True)
    for name, one in compared.items():
        scale = 1e6 if name == 'Fa' else 100
        label = name if name in protocol.reports else f'({name})'
        grid.add_row(label, *(shown(side[name], scale) for side in alone), shown(one.difference, scale, '+'),
                     chance(one.p_permutation), f'{chance(one.p_sign)}\n{one.higher}/{one.lower}/{one.ties}')
    return grid


def table_without(compared: Mapping, without: Mapping[str, Mapping[str, float]], protocol: Any):
    """One row a metric: the difference, and what it is without single images."""
    from math import isnan

    from rich.table import Table

    grid = Table(caption=f'B - A without one image: the {MOVING} that move it most.')
    for heading in ('', 'B - A', *['without'] * MOVING):
        grid.add_column(heading, justify='left' if not heading else 'right', no_wrap=True)
    for name, one in compared.items():
        scale = 1e6 if name == 'Fa' else 100
        cells = [f'{value * scale:+.2f}\n{image}' for image, value in without[name].items()]
        value = one.difference.value
        grid.add_row(name if name in protocol.reports else f'({name})',
                     '–' if isnan(value) else f'{value * scale:+.2f}', *cells, *['–'] * (MOVING - len(cells)))
    return grid


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
