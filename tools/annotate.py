"""Describe the images of a data set: one sentence each on where the targets are, in LangIR's form.

Descriptions that exist are kept, so an interrupted run is resumed by the same command, and what a person has edited
stays. Exit status: 0 all done, 2 nothing done because of the input, 3 some images could not be described, 130 stopped.
"""

import argparse
import ast
import re
import sys
from pathlib import Path
from typing import Any

PARTIAL = 3
SHOWN = 10


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data_root', metavar='DATA_ROOT')
    parser.add_argument('--provider', required=True, metavar='NAME',
                        help='who writes: quadrant, mask_caption, replay, or what a plugin adds')
    parser.add_argument('--options', nargs='+', action='extend', default=[], metavar='KEY=VALUE',
                        help="the provider's options; an unknown one prints the known")
    parser.add_argument('--dataset', metavar='NAME', help='which data set, if DATA_ROOT does not tell')
    parser.add_argument('--split', default='trainval',
                        help='a split of the data set, all, or a list file (default: trainval)')
    parser.add_argument('--out', metavar='DIR', help='folder of descriptions (default: DATA_ROOT/descriptions)')
    parser.add_argument('--suffix', default='.description.txt',
                        help="a new file's name after the image id: .description.txt (default), -description.txt, "
                             '_description.txt or .txt')
    parser.add_argument('--allow-ground-truth-on-test', action='store_true',
                        help='describe test images from their masks; the record then says leakage')
    parser.add_argument('--overwrite', action='store_true', help='write existing descriptions anew')
    parser.add_argument('--plugins', nargs='+', action='extend', default=[], metavar='DIR', help='folders of plugins')
    argv = list(sys.argv[1:] if argv is None else argv)
    for i in range(len(argv) - 1):  # argparse takes '-description.txt' for an option
        if argv[i] == '--suffix':
            argv[i:i + 2] = [f'--suffix={argv[i + 1]}']
            break
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from rich.console import Console
    from rich.progress import Progress

    from irstd_toolbox.datasets.imaging import read_image, read_mask
    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.errors import ConfigError, DataError
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.text_priors import Scene, annotation, build_provider, store

    load_plugins(args.plugins)
    options = parse_options(args.options)
    provider = build_provider(args.provider, options)
    layout = detect(args.data_root, args.dataset)
    split = layout.resolve(args.split, require_masks=provider.uses_ground_truth)
    if layout.layout == 'L8' and not args.out and any('/' in image_id for image_id in split.ids):
        raise ConfigError(f'{layout.root} has the same ids in several parts; their descriptions cannot share one '
                          f'folder. Annotate each part alone, such as {layout.root / split.ids[0].partition("/")[0]}.')
    test_ids = known_test_ids(layout, args.split, split.ids)
    if not args.allow_ground_truth_on_test:
        annotation.refuse_leakage(provider, args.provider, test_ids, len(split.ids))
    folder = Path(args.out) if args.out else store.find_folder(layout.root) or layout.root / store.FOLDERS[0]
    job = annotation.plan(split.ids, folder, args.suffix, args.overwrite)

    def load(image_id: str, with_mask: bool) -> Scene:
        if with_mask and image_id not in layout.masks:
            raise DataError(f'{image_id} has no mask, which provider {args.provider!r} needs.')
        image = read_image(layout.images[image_id])
        mask = read_mask(layout.masks[image_id], shape=image.shape) if with_mask else None
        return Scene(image, mask, image_id)

    leakage = provider.uses_ground_truth and bool(test_ids)
    messages = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    messages.print(layout.describe())
    messages.print(split.describe())
    messages.print(f'plan: {len(job.todo)} descriptions by {args.provider} to {folder}, {len(job.kept)} kept'
                   + ('; from the ground truth' if provider.uses_ground_truth else '')
                   + (f'; LEAKAGE: {len(test_ids)} of the images are test images' if leakage else ''))
    if not job.todo:
        print(f'0 written, {len(job.kept)} kept: {folder}')
        return 0
    record = {'provider': args.provider, 'options': options, 'dataset': layout.name, 'split': args.split,
              'leakage': leakage, 'test_images': len(test_ids)}
    with Progress(console=messages) as progress:
        task = progress.add_task('describing', total=len(job.todo))
        outcome = annotation.annotate(job, provider, load, record, advance=lambda _: progress.advance(task))
    for image_id, reason in list(outcome.failed.items())[:SHOWN]:
        print(f'failed: {image_id}: {reason}', file=sys.stderr)
    if len(outcome.failed) > SHOWN:
        print(f'failed: {len(outcome.failed) - SHOWN} more', file=sys.stderr)
    print(f'{len(outcome.written)} written, {len(job.kept)} kept, {len(outcome.failed)} failed: {folder}')
    return PARTIAL if outcome.failed else 0


def parse_options(pairs: list[str]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs, values read as Python literals where they are such, else as text."""
    from irstd_toolbox.errors import ConfigError

    options = {}
    for pair in pairs:
        key, equals, value = pair.partition('=')
        if not equals or not key.isidentifier():
            raise ConfigError(f'--options {pair!r}; expected KEY=VALUE, such as seed=1.')
        try:
            options[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            options[key] = value
    return options


def known_test_ids(layout: Any, split: str, ids: tuple[str, ...]) -> list[str]:
    """Those of ``ids`` that the data set tests on.

    All of them if the split is a test list by its name; else those in the test list that belongs to it: of
    ``idx_320/trainval`` it is ``idx_320/test``, of ``trainval_v1`` it is ``test_v1``, and ``test`` where there is none.
    """
    place, _, name = split.removesuffix('.txt').rpartition('/')
    if re.match(r'test', name) or (split == 'all' and layout.root.name in ('test', 'testing')):
        return list(ids)
    base, underscore, kind = name.partition('_')
    front = f'{place}/' if f'{place}/{name}' in layout.splits else ''
    candidates = (f'{front}test{underscore}{kind}', f'{front}test', 'test')
    key = next((key for key in candidates if key in layout.splits), None)
    tested = set(layout.ids(key)) if key else set()
    return [image_id for image_id in ids if image_id in tested]


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
