"""Describe the images of a data set: one sentence each on where the targets are, in LangIR's form.

Descriptions that exist are kept, so an interrupted run is resumed by the same command, and what a person has edited
stays. Exit status: 0 all done, 2 nothing done because of the input, 3 some images could not be described, 4 stopped
because the model's service cannot be used, 130 interrupted.

--do says what: run (default); plan (tell what run would do, send nothing); batch-submit, batch-status, batch-ingest,
batch-cancel, batch-cleanup (cheaper and later, where the provider can); check (quality of the descriptions); stats
(words, and described against true regions); import (from --source); export (a LangIR data set to --to); detect (ask
the model for boxes and score them).
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from irstd_toolbox.console import add_plugins, whole

BATCH = ('submit', 'status', 'ingest', 'cancel', 'cleanup')
ASKING_NOBODY = ('check', 'stats', 'import', 'export')
VERBS = ('run', 'plan', *(f'batch-{verb}' for verb in BATCH), *ASKING_NOBODY, 'detect')
OVERWRITING = ('run', 'plan', 'batch-submit', 'import')
PROMPT = dict(style='system', word_limit=50, noun='target', shots=None, shots_from=None, upscale_small=False)
ASKING = dict(concurrency=4, attempts=5, max_wait=600.0, max_cost=None, max_calls=None, yes=False)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data_root', metavar='DATA_ROOT')
    parser.add_argument('--do', default='run', choices=VERBS, metavar='VERB', help='one of ' + ', '.join(VERBS))
    parser.add_argument('--provider', metavar='NAME',
                        help='who writes: quadrant, mask_caption, replay, openai, openai_compatible, anthropic, '
                             'hf_local, or what a plugin adds')
    parser.add_argument('--options', nargs='+', action='extend', default=[], metavar='KEY=VALUE',
                        help="the provider's options; an unknown one prints the known. prices=\"{'input': X, "
                             "'output': Y}\" tells prices of a million tokens. Keys come from the environment alone")
    parser.add_argument('--dataset', metavar='NAME', help='which data set, if DATA_ROOT does not tell')
    parser.add_argument('--split', default='trainval',
                        help='a split of the data set, all, or a list file (default: trainval)')
    parser.add_argument('--out', metavar='DIR', help='folder of descriptions (default: DATA_ROOT/descriptions)')
    parser.add_argument('--suffix', help="a new file's name after the image id: .description.txt (default), "
                                         '-description.txt, _description.txt or .txt')
    parser.add_argument('--allow-ground-truth-on-test', action='store_true',
                        help='describe test images from their masks; the record then says leakage')
    parser.add_argument('--overwrite', action='store_true', help='write existing descriptions anew')
    add_plugins(parser)
    parser.add_argument('--json', action='store_true', help='print the result as one JSON object')
    prompt = parser.add_argument_group('what a model is asked', argument_default=argparse.SUPPRESS)
    prompt.add_argument('--style', help='zero_shot, few_shot or system (default)')
    prompt.add_argument('--word-limit', type=word_limit, metavar='N', help='50 (default) or none; of check, too')
    prompt.add_argument('--noun', help='target (default) or targets')
    prompt.add_argument('--shots', type=whole(1), metavar='N',
                        help='examples for few_shot, of training images (default: 2)')
    prompt.add_argument('--shots-from', metavar='DIR', help="folder of the examples' descriptions")
    prompt.add_argument('--upscale-small', action='store_true', default=argparse.SUPPRESS,
                        help='repeat pixels of images with a side below 200 pixels; others go out as they are')
    asking = parser.add_argument_group('asking a model', argument_default=argparse.SUPPRESS)
    asking.add_argument('--concurrency', type=int, metavar='N', help='requests at a time (default: 4)')
    asking.add_argument('--attempts', type=int, metavar='N',
                        help='tries of an image when the server fails; throttling does not count (default: 5)')
    asking.add_argument('--max-wait', type=float, metavar='S',
                        help='seconds that throttling may delay an image (default: 600)')
    asking.add_argument('--max-cost', type=float, metavar='X', help='stop before more is spent; needs prices')
    asking.add_argument('--max-calls', type=int, metavar='N', help='stop after so many requests')
    asking.add_argument('--yes', action='store_true', default=argparse.SUPPRESS,
                        help='send images to another machine without being asked')
    moving = parser.add_argument_group('import, export, stats')
    moving.add_argument('--source', metavar='PATH', help='import: a folder of descriptions, or .jsonl of id and text')
    moving.add_argument('--from-ground-truth', choices=('yes', 'no'), help='import: what the source does not tell')
    moving.add_argument('--to', metavar='DIR', help='export: the data set to make')
    moving.add_argument('--link', action='store_true', help='export: link images and masks where possible')
    moving.add_argument('--grid', default='thirds', help='stats: thirds (default) or halves')
    argv = list(sys.argv[1:] if argv is None else argv)
    for i in range(len(argv) - 1):  # argparse takes '-description.txt' for an option
        if argv[i] == '--suffix':
            argv[i:i + 2] = [f'--suffix={argv[i + 1]}']
            break
    args = parser.parse_args(argv)
    if args.provider is None and args.do not in ASKING_NOBODY:
        parser.error('the following arguments are required: --provider')
    args.told = [name for name in PROMPT | ASKING if name in args]
    vars(args).update(PROMPT | ASKING | vars(args))
    args.suffix_told, args.suffix = args.suffix, args.suffix or '.description.txt'
    args.from_ground_truth = args.from_ground_truth and args.from_ground_truth == 'yes'
    return args


def word_limit(text: str) -> int | None:
    return None if text.lower() == 'none' else whole(1, ', such as 50, or none')(text)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.text_priors import annotation, build_provider
    from irstd_toolbox.text_priors.cli import batches, describing, reports
    from irstd_toolbox.text_priors.vlm.cost import Prices
    from irstd_toolbox.text_priors.vlm.secrets import refuse_keys
    from irstd_toolbox.text_priors.vlm.types import VisionLanguageProvider

    load_plugins(args.plugins)
    options, prices, provider = parse_options(args.options), None, None
    if args.do not in ASKING_NOBODY:
        refuse_keys(options)
        prices = Prices.from_option(options.pop('prices', None))
        provider = build_provider(args.provider, options)
        if prices is None and getattr(provider, 'free', False):
            prices = Prices(0.0, 0.0)
    asks_model = isinstance(provider, VisionLanguageProvider)
    refuse_unread(args, asks_model)
    work = open_work(args, bool(provider and provider.uses_ground_truth))
    work.provider, work.options, work.prices = provider, options, prices
    if provider and not args.allow_ground_truth_on_test:
        annotation.refuse_leakage(provider, args.provider, work.test_ids, len(work.ids))
    if args.do in ('run', 'plan') and not asks_model:
        return describing.run_offline(work, bool(provider.uses_ground_truth and work.test_ids))
    if provider and not asks_model:
        raise ConfigError(f'--do {args.do} asks a vision-language model, and provider {args.provider!r} is none.')
    if args.do.startswith('batch-'):
        return batches.do(work, args.do.removeprefix('batch-'))
    verbs = {'run': describing.run, 'plan': describing.plan, 'check': reports.check, 'stats': reports.stats,
             'import': reports.import_, 'export': reports.export, 'detect': reports.detect}
    return verbs[args.do](work)


def refuse_unread(args: argparse.Namespace, asks_model: bool) -> None:
    """Refuse what is told of a prompt where none is made of it, of asking where nobody is, of writing where none is."""
    from irstd_toolbox.errors import ConfigError
    if args.overwrite and args.do not in OVERWRITING:
        raise ConfigError(f'--overwrite changes nothing here: --do {args.do} writes no description. Leave it out.')
    read = dict(check=('word_limit',), detect=('upscale_small', *ASKING)).get(
        args.do, PROMPT | ASKING if asks_model else ())
    for name in args.told:
        if name not in read:
            who = f'--do {args.do}' if asks_model or args.do in ASKING_NOBODY else f'provider {args.provider!r}'
            why = 'makes no prompt of it' if name in PROMPT else 'asks no model'
            raise ConfigError(f"--{name.replace('_', '-')} changes nothing here: {who} {why}. Leave it out.")


def open_work(args: argparse.Namespace, need_masks: bool) -> Any:
    """The data set, and what of it is asked for."""
    from irstd_toolbox.datasets.imaging import read_image, read_mask
    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.errors import ConfigError, DataError
    from irstd_toolbox.text_priors import store
    from irstd_toolbox.text_priors.cli.work import Work

    store.check_suffix(args.suffix)
    layout = detect(args.data_root, args.dataset)
    split = layout.resolve(args.split, require_masks=need_masks)
    if layout.layout == 'L8' and not args.out and any('/' in image_id for image_id in split.ids):
        raise ConfigError(f'{layout.root} has the same ids in several parts; their descriptions cannot share one '
                          f'folder. Annotate each part alone, such as {layout.root / split.ids[0].partition("/")[0]}.')
    place = args.split.rpartition('/')[0]
    splits = {}
    for name in ('trainval', 'test'):
        try:
            splits[name] = layout.ids(f'{place}/{name}' if place else name)
        except DataError:
            continue
    test_ids = known_test_ids(layout, args.split, split.ids)

    def load_mask(image_id: str) -> Any:
        if image_id not in layout.masks:
            return None
        return read_mask(layout.masks[image_id], shape=read_image(layout.images[image_id]).shape)

    def train_ids() -> list[str]:
        ids = splits.get('trainval', ())
        tested = {*known_test_ids(layout, f'{place}/trainval' if place else 'trainval', ids), *test_ids}
        return [image_id for image_id in ids if image_id not in tested]

    for line in (layout.describe(), split.describe()):
        print(line, file=sys.stderr)
    folder = Path(args.out) if args.out else (
        layout.told_descriptions or store.find_folder(layout.root) or layout.root / store.FOLDERS[0])
    return Work(args, layout.name, split.ids, test_ids, layout.images, layout.masks, folder, read_image, load_mask,
                splits, train_ids)


def parse_options(pairs: list[str]) -> dict[str, Any]:
    from irstd_toolbox.text_priors.cli import work
    return work.parse_options(pairs)


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
