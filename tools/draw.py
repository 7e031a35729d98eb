"""Draw predictions of several methods: panels with circles and insets, 3-D surfaces, difference maps, worst images.

A folder holds a prediction of every image drawn, ID.png or another form, as tools/evaluate.py reads it. One that has
not the size of its image, but one at which a protocol scores, such as 256x256, is resized, which the figures say.
Without --ids or --all, the images of the lowest IoU (its mean over the methods) are drawn.
"""

import argparse
import csv
import io
import math
import warnings
from collections.abc import Callable
from pathlib import Path

from irstd_toolbox.console import add_plugins, inches, whole

KINDS = ('panel', 'surface', 'difference', 'worst')


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data_root', metavar='DATA_ROOT')
    parser.add_argument('--predictions', nargs='+', action='extend', required=True, metavar='[NAME=]DIR',
                        help='NAME stands in the figures (default: the name of the folder)')
    parser.add_argument('--dataset', metavar='NAME', help='which data set, if DATA_ROOT does not tell')
    parser.add_argument('--split', default='test', help='a split of the data set, all, or a list file (default: test)')
    parser.add_argument('--threshold', type=float, default=0.5, metavar='T',
                        help='predicted where p > T (default: %(default)s)')
    parser.add_argument('--kinds', nargs='+', choices=KINDS, default=list(KINDS), metavar='KIND',
                        help=f'default: {" ".join(KINDS)}; worst is one sheet a method, the others a figure an image')
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--ids', nargs='+', action='extend', metavar='ID', help='these images of the split')
    which.add_argument('--worst', type=whole(1), default=8, metavar='N',
                       help='the N images of the lowest IoU (default: 8)')
    which.add_argument('--all', action='store_true', help='every image of the split')
    parser.add_argument('--probability', action='store_true', help='panels show the probabilities beside each mask')
    parser.add_argument('--window', nargs=4, type=int, metavar=('TOP', 'LEFT', 'BOTTOM', 'RIGHT'),
                        help='of the surfaces, the last two exclusive (default: the whole image)')
    parser.add_argument('--insets', type=whole(0), default=1, metavar='N',
                        help='enlarged windows in a picture (default: 1)')
    parser.add_argument('--width', type=inches, default=7.16, metavar='INCHES',
                        help='of a figure: 3.5 is a column, 7.16 a page (default: %(default)s)')
    parser.add_argument('--format', choices=('png', 'pdf', 'svg'), default='png', help='default: png')
    parser.add_argument('--out', type=Path, default=Path('pictures'), metavar='DIR', help='default: %(default)s')
    add_plugins(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from rich.console import Console
    from rich.progress import track

    from irstd_toolbox.console import load_protocols
    from irstd_toolbox.datasets.layouts import detect
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.evaluation.folders import find_predictions, name_folders
    from irstd_toolbox.evaluation.prediction_io import PredictionReader

    check(args)
    load_protocols(args.plugins)
    folders = name_folders(split_name(text) for text in args.predictions)
    if 'image' in folders and 'surface' in args.kinds:
        raise ConfigError("A method is called 'image', as the scene beside it is; give it another name: "
                          f"NAME={folders['image']}.")
    layout = detect(args.data_root, args.dataset)
    split = layout.resolve(args.split, require_masks=True)
    strangers = sorted(set(args.ids or ()) - set(split.ids))
    if strangers:
        raise ConfigError(f'--ids names {strangers[0]!r}, which is not in the split {args.split!r} of {layout.name}; '
                          f'expected ids such as {split.ids[0]!r}. Choose another --split, for example all.')
    # Only what is drawn or ranked need be there.
    ids = tuple(dict.fromkeys(args.ids)) if args.ids else split.ids
    messages = Console(stderr=True, soft_wrap=True)
    messages.print(layout.describe(), markup=False, highlight=False)
    messages.print(split.describe(), markup=False, highlight=False)
    files = {name: find_predictions(folder, ids) for name, folder in folders.items()}
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: messages.print(f'warning: {message}', markup=False, highlight=False)
        readers = {name: PredictionReader(name) for name in files}
        ious = {image_id: rate(layout, files, image_id, args.threshold, readers)
                for image_id in track(ids, 'comparing', console=messages, transient=True)}
        for reader in readers.values():
            reader.warn_of_masks()
        chosen = choose(ious, args)
        write_ious(args.out / 'iou.csv', ious)
        kinds = [kind for kind in args.kinds if kind != 'worst']
        count = len(files) * ('worst' in args.kinds)
        if kinds:
            count += sum(draw_image(args, layout, files, image_id, kinds)
                         for image_id in track(chosen, 'drawing', console=messages, transient=True))
        if 'worst' in args.kinds:
            for name in track(files, 'sheets', console=messages, transient=True):
                draw_sheet(args, layout, files[name], name, {image_id: one[name] for image_id, one in ious.items()})
    print(f'{count} figures and iou.csv are in {args.out}')


def check(args: argparse.Namespace) -> None:
    """Refuse options that cannot be, before anything is read.

    Raises:
        ConfigError: If there is one.
    """
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.evaluation.files import check_folder

    if not 0 <= args.threshold < 1:
        raise ConfigError(f'--threshold is {args.threshold:g}; expected a probability, 0 <= T < 1.')
    check_folder(args.out)


def split_name(text: str) -> tuple[str, str]:
    """Name, empty if none is given, and folder of ``NAME=FOLDER``; a folder of that very name goes first."""
    name, equals, folder = text.partition('=')
    return ('', text) if not equals or Path(text).is_dir() else (name, folder)


def read(layout: object, path: Path, image_id: str, load: Callable | None = None) -> tuple:
    """Probabilities and mask of an image, both of its size, and the size from which the first were resized, or ''.

    Raises:
        DataError: If the prediction or the mask cannot be read or does not fit; the message names the file.
    """
    from irstd_toolbox.errors import DataError
    from irstd_toolbox.evaluation.prediction_io import read_prediction
    from irstd_toolbox.visualization.findings import at_image_size

    truth, found = layout.truth(image_id), (load or read_prediction)(path)
    try:
        probabilities = at_image_size(found, truth.shape)
    except DataError as error:
        raise DataError(f'{path}: {error}') from error
    resized = '' if found.shape == truth.shape else f'{found.shape[1]}x{found.shape[0]}'
    return probabilities, truth, resized


def rate(layout: object, files: dict[str, dict[str, Path]], image_id: str, threshold: float,
         readers: dict[str, Callable]) -> dict[str, float]:
    """IoU of every method on an image; nan where neither mask nor prediction has anything."""
    import numpy as np

    ious = {}
    for name, paths in files.items():
        probabilities, truth, resized = read(layout, paths[image_id], image_id, readers[name])
        if resized:
            warnings.warn(f'{name}: predictions of {resized} are resized to their images for the figures and iou.csv; '
                          'tools/evaluate.py scores them as they are', stacklevel=1)
        predicted = probabilities > threshold
        union = np.count_nonzero(predicted | truth)
        ious[name] = np.count_nonzero(predicted & truth) / union if union else math.nan
    return ious


def choose(ious: dict[str, dict[str, float]], args: argparse.Namespace) -> list[str]:
    """The images to draw one by one."""
    from irstd_toolbox.visualization.contact_sheet import worst_first

    if args.ids or args.all:
        return list(ious)
    return worst_first({image_id: mean(list(one.values())) for image_id, one in ious.items()})[:args.worst]


def mean(values: list[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def draw_image(
    args: argparse.Namespace, layout: object, files: dict[str, dict[str, Path]], image_id: str, kinds: list[str],
) -> int:
    """Write the figures of one image; returns their number."""
    from irstd_toolbox.datasets.imaging import read_image
    from irstd_toolbox.visualization import save
    from irstd_toolbox.visualization.difference import comparison, difference
    from irstd_toolbox.visualization.surfaces import surfaces

    image = read_image(layout.images[image_id])
    if 'surface' in kinds and min(image.shape) < 2:
        warnings.warn(f'{image_id} is of {image.shape[1]}x{image.shape[0]}, too thin for a surface', stacklevel=1)
        kinds = [kind for kind in kinds if kind != 'surface']
    maps, truth = {}, None
    for name, paths in files.items():
        probabilities, truth, resized = read(layout, paths[image_id], image_id)
        maps[f'{name} (from {resized})' if resized else name] = probabilities
    masks = {name: probabilities > args.threshold for name, probabilities in maps.items()}
    options = dict(width=args.width, title=image_id)
    for kind in kinds:
        if kind == 'surface':
            figure = surfaces({'image': image, **maps}, window=args.window, scales=dict.fromkeys(maps, (0, 1)),
                              **options)
        elif kind == 'panel':
            figure = comparison(image, truth, masks, insets=args.insets,
                                probabilities=maps if args.probability else None, **options)
        else:
            figure = difference(image, truth, masks, insets=args.insets, **options)
        save(figure, args.out / kind / f'{image_id}.{args.format}')
    return len(kinds)


def draw_sheet(
    args: argparse.Namespace, layout: object, files: dict[str, Path], name: str, ious: dict[str, float],
) -> None:
    """Write the sheet of a method's worst images, or of those that --ids names, worst first."""
    from irstd_toolbox.datasets.imaging import read_image
    from irstd_toolbox.visualization import save
    from irstd_toolbox.visualization.contact_sheet import Tile, contact_sheet, worst_first

    order = worst_first(ious)
    if not (args.ids or args.all):
        order = order[:args.worst]
    tiles = []
    for image_id in order:
        probabilities, truth, _ = read(layout, files[image_id], image_id)
        tiles.append(Tile(image_id, read_image(layout.images[image_id]), truth, probabilities > args.threshold))
    title = f'{name}: {len(tiles)} of {len(ious)} images, lowest IoU first'
    figure = contact_sheet(tiles, columns=4 if args.width >= 5 else 2, width=args.width, title=title,
                           insets=args.insets)
    save(figure, args.out / f'worst_{name}.{args.format}')


def write_ious(path: Path, ious: dict[str, dict[str, float]]) -> None:
    """A row an image, a column a method; an empty cell where neither mask nor prediction has anything."""
    from irstd_toolbox.evaluation.files import write_atomically

    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['image_id', *next(iter(ious.values()))])
    for image_id, one in ious.items():
        writer.writerow([image_id, *('' if math.isnan(value) else f'{value:.6f}' for value in one.values())])
    write_atomically(path, text.getvalue().encode())


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
