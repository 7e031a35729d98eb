"""Say which protocols can have produced a published Pd, and Fa: found targets and false pixels are whole numbers.

    python tools/forensics.py 98.26 --fa 4.09 --dataset IRSTD-1k
    python tools/forensics.py 93.88 --data-root DATA/IRSTD-1k

Write the figures with the decimals they were printed with: 98.30 says more than 98.3.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from irstd_toolbox.console import add_plugins


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pd', metavar='PD', help='percent')
    parser.add_argument('--fa', metavar='FA', help='in 1e-6')
    parser.add_argument('--dataset', metavar='NAME', help='with constants that are built in, or which in DATA_ROOT')
    parser.add_argument('--data-root', type=Path, help='count the targets of this data set instead')
    parser.add_argument('--split', help='with --data-root: a split, all, or a list (default: test)')
    parser.add_argument('--all', action='store_true', help='show the protocols too that cannot have produced it')
    add_plugins(parser)
    args = parser.parse_args(argv)
    if not (args.dataset or args.data_root):
        parser.error('--dataset NAME or --data-root DIR is needed')
    if args.split and not args.data_root:
        parser.error(f'--split {args.split} needs --data-root DIR: the built-in lists of a data set are all looked at')
    return args


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    warnings.showwarning = lambda message, *_: print(f'warning: {message}', file=sys.stderr)
    from irstd_toolbox.console import load_protocols, print_tables
    from irstd_toolbox.evaluation.forensics import Figure, investigate, rule_of
    from irstd_toolbox.evaluation.protocols import PROTOCOLS

    pd, fa = Figure(args.pd), Figure(args.fa) if args.fa is not None else None
    load_protocols(args.plugins)
    protocols = list(PROTOCOLS.values())
    lists = counted(args.data_root, args.dataset, args.split or 'test', protocols) if args.data_root \
        else known(args.dataset)
    findings = [one for rules, variants in lists for one in investigate(pd, rules, protocols, fa, variants)]
    shown = findings if args.all else [one for one in findings if one.fits is not False]
    if shown:
        print_tables(table(shown, fa is not None))
    possible = sum(one.fits is True for one in findings)
    lists_seen = ', '.join(dict.fromkeys(f'{one.truth.dataset}, {one.truth.split}' for one in findings))
    print(f'Pd {args.pd}: {possible} of {len(findings)} countings can produce it ({lists_seen}).')
    passed_over = [one.name for one in protocols
                   if 'Pd' in one.reports and not any(rule_of(one) in rules for rules, _ in lists)]
    if passed_over:
        print(f'Not looked at: {", ".join(passed_over)}. The targets of these lists by their rules are not built in; '
              'give --data-root.')
    if not possible:
        print('Either the list or the counting is another one, or Pd is no count of targets at all.')


def known(name: str) -> list[tuple]:
    """Rules and variants of every built-in list of a data set.

    Raises:
        DataError: If none is built in.
    """
    from irstd_toolbox.datasets.catalog import find_card
    from irstd_toolbox.errors import DataError
    from irstd_toolbox.evaluation.known_truth import KNOWN

    card = find_card(name)
    lists = [(one.rules, one.variants) for one in KNOWN if card and one.dataset == card.name]
    if not lists:
        names = ', '.join(dict.fromkeys(one.dataset for one in KNOWN))
        raise DataError(f'No target counts of {name!r} are built in; there are those of {names}. Give --data-root.')
    return lists


def counted(root: Path, name: str | None, split: str, protocols: Sequence) -> list[tuple]:
    """Rules of a list, counted on its masks.

    Raises:
        DataError: If there is no such data set, or a mask cannot be read.
    """
    from rich.console import Console
    from rich.progress import track

    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.evaluation.forensics import count_truth

    layout = detect(root, name)
    ids = layout.resolve(split, require_masks=True).ids
    watched = track(ids, 'counting', console=Console(stderr=True), transient=True)
    masks = map(layout.truth, watched)
    return [(count_truth(layout.name, split, masks, protocols), {})]


def table(findings: Sequence, with_fa: bool):
    """One row a counting."""
    from rich.table import Table

    grid = Table(caption='chance: share of all figures within one point of Pd that this counting can print.',
                 caption_justify='left')
    for heading in ('list', 'protocols', 'Pd', 'targets', 'as', 'chance', *(['Fa'] if with_fa else [])):
        grid.add_column(heading, justify='right' if heading in ('targets', 'chance') else 'left')
    for one in findings:
        how = one.pd if one.fits is not False else 'impossible'
        row = [f'{one.truth.dataset}, {one.truth.split}', ', '.join(one.protocols), one.average, str(one.truth.targets),
               how, '' if one.chance is None else f'{100 * one.chance:.1f} %']
        if with_fa:
            row.append('not known' if one.fa_pixels is None else
                       f'{" to ".join(map(str, one.fa_pixels))} px{" (cut off)" if one.fa_cut else ""}'
                       if one.fa_pixels else 'impossible')
        grid.add_row(*row)
    return grid


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
