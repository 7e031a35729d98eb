"""Find targets in an image or in a folder of images of any size and depth, without ground truth.

    python tools/predict.py configs/lgnet_irstd1k.py work_dirs/lgnet_irstd1k/best.pth my_images/ --out found/

Writes masks/NAME.png (0 and 255), overlays/NAME.png, targets.json, and its targets as targets.csv, a row each, at the
end and in the place of those of a run before. NAME is an image's name without suffix, or with it where that would be
another's; with --recursive its folders go before it. Status 3 if some images could not be read, or have names too long
for results; the others are written all the same.
"""

import argparse
import errno
import os
from collections import Counter
from pathlib import Path

from irstd_toolbox.console import add_overrides, add_plugins

SOME_FAILED = 3
FOLDERS, TABLE, RECORD = ('masks', 'overlays'), 'targets.csv', 'targets.json'


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a .py config')
    parser.add_argument('checkpoint', help="a file; 'best' or 'last' of the config's work folder; 'none' for methods "
                                           'without weights')
    parser.add_argument('source', metavar='IMAGE_OR_FOLDER', type=Path)
    parser.add_argument('--out', type=Path, default=Path('predictions'), metavar='DIR', help='default: %(default)s')
    parser.add_argument('--split', type=Path, metavar='FILE', help='of a folder, only the images that this list names')
    parser.add_argument('--recursive', action='store_true', help='of a folder, the images in the folders below it, too')
    parser.add_argument('--threshold', type=float, metavar='T',
                        help="target where probability > T (default: the config's model.threshold, or 0.5)")
    parser.add_argument('--device', help='cpu, cuda, cuda:1 (default: a GPU if there is one)')
    parser.add_argument('--amp', nargs='?', const='auto', choices=('auto', 'bf16', 'fp16'),
                        help='mixed precision, which changes figures by rounding; bf16 where the machine has it, '
                             'otherwise fp16')
    add_plugins(parser)
    add_overrides(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    import sys

    from rich.console import Console
    from rich.progress import track

    from irstd_toolbox.errors import DataError
    from irstd_toolbox.evaluation.files import write_atomically
    from irstd_toolbox.inference import Predictor
    from irstd_toolbox.inference.documents import checkpoint_entry, is_targets_document, targets_document, targets_table
    from irstd_toolbox.inference.predictor import checkpoint_of
    from irstd_toolbox.inference.staging import check_place, staged
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.training.config_edits import load_config

    place = args.out, (*FOLDERS, TABLE), RECORD, is_targets_document
    check_place(*place)
    paths, ignored = list_images(args.source, args.split, args.recursive, args.out)
    folders = 0 if args.recursive else folders_in(args.source)
    load_plugins(args.plugins)
    config = load_config(args.config, args.cfg_options)
    checkpoint = checkpoint_of(config, None if args.checkpoint == 'none' else args.checkpoint)
    predictor = Predictor(config, checkpoint, args.device, amp=args.amp)
    images, errors = [], []
    base = args.source if args.source.is_dir() else args.source.parent
    names = unique_names(paths, base)
    with staged(*place) as stage:
        for path in track(paths, 'predicting', console=Console(stderr=True), transient=True):
            file = path.relative_to(base).as_posix()
            try:
                images.append(write_one(stage, names[path], file, predictor.predict(path, args.threshold)))
            except DataError as error:
                errors.append(dict(image=file, error=str(error)))
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
                errors.append(dict(image=file, error=f'{path}: its name, {len(os.fsencode(path.name))} bytes, is '
                                   'too long for files named after it. Give the image a shorter one.'))
        write_atomically(stage / TABLE, targets_table(images))
        write_atomically(stage / RECORD, targets_document(
            args.config, checkpoint_entry(checkpoint),
            predictor.threshold if args.threshold is None else args.threshold, images, errors, ignored))
    count = sum(len(image['targets']) for image in images)
    print(f'{count} targets in {len(images)} images; masks, overlays, {RECORD} and {TABLE} are in '
          f'{args.out}')
    if ignored:
        print(f'{ignored} files of {args.source} are no images and were left out')
    if folders:
        print(f'{folders} folders in {args.source} were not entered; --recursive does')
    for error in errors:
        print(f'error: {error["error"]}', file=sys.stderr)
    return SOME_FAILED if errors else 0


def list_images(source: Path, split: Path | None, recursive: bool = False,
                out: Path | None = None) -> tuple[list[Path], int]:
    """The images to predict, sorted, and how many files beside them are none; hidden ones do not count.

    With ``recursive`` those in the folders below, too, but for the results of a run before in ``out``.

    Raises:
        ConfigError: If there is a list, but no folder.
        DataError: If there is no such file or folder, no image in it, or the list cannot be read, is empty or names
            one that is not there.
    """
    from irstd_toolbox.datasets.imaging import IMAGE_SUFFIXES
    from irstd_toolbox.datasets.splits import read_list
    from irstd_toolbox.errors import ConfigError, DataError

    if source.is_file():
        if split is not None or recursive:
            told = '--recursive is for' if split is None else f'--split {split} chooses among'
            raise ConfigError(f'{told} the images of a folder, and {source} is a file. Leave it out, or give the '
                              'folder.')
        return [source], 0
    if not source.is_dir():
        raise DataError(f'{source} does not exist; expected an image or a folder of images.')
    results = [(out / name).resolve() for name in FOLDERS] if recursive and out is not None else []
    files = sorted(path for path in (source.rglob('*') if recursive else source.iterdir())
                   if not path.is_dir() and not any(map(hidden, (path, *path.relative_to(source).parents)))
                   and not any(path.resolve().is_relative_to(place) for place in results))
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        below = folders_in(source)
        raise DataError(f'{source} holds no image; expected files in it that end in {", ".join(IMAGE_SUFFIXES)}.'
                        + (f' {below} folders in it were not entered: --recursive does.' if below and not recursive else
                           ''))
    ignored = len(files) - len(images)
    if split is None:
        return images, ignored
    wanted = read_list(split)
    chosen = [path for path in images if stem_of(path, source) in wanted]
    stems = {stem_of(path, source) for path in chosen}
    missing = [image_id for image_id in wanted if image_id not in stems]
    if missing:
        others = f' and {len(missing) - 1} others' if missing[1:] else ''
        raise DataError(f'{source} has no image {missing[0]}{others} of the list {split}.')
    return chosen, ignored


def unique_names(paths: list[Path], base: Path = Path()) -> dict[Path, str]:
    """What each image's results are called: its stem, or its whole name where the stem is another's stem or name."""
    names = {path: path.relative_to(base).as_posix() for path in paths}
    taken = Counter(stem_of(path, base) for path in paths) + Counter(names.values())
    return {path: stem if taken[stem := stem_of(path, base)] == 1 else names[path] for path in paths}


def stem_of(path: Path, base: Path) -> str:
    """A file's name without suffix, behind its folders below ``base``: an image's id in a data set."""
    return (path.relative_to(base).parent / path.stem).as_posix()


def folders_in(source: Path) -> int:
    """How many folders a folder holds, hidden ones aside."""
    return sum(path.is_dir() and not hidden(path) for path in source.iterdir()) if source.is_dir() else 0


def hidden(path: Path) -> bool:
    return path.name.startswith('.')


def write_one(folder: Path, name: str, file: str, found: object) -> dict:
    """Write the mask and the overlay of one image; returns its entry of ``targets.json``, under ``file``."""
    from irstd_toolbox.evaluation.files import write_atomically
    from irstd_toolbox.inference.documents import image_entry, mask_png
    from irstd_toolbox.visualization import overlay, save

    write_atomically(folder / 'masks' / f'{name}.png', mask_png(found.mask))
    save(overlay(found.image, found.mask), folder / 'overlays' / f'{name}.png')
    return image_entry(file, found)


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
