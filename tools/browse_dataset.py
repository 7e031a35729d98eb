"""Show what a config's pipeline makes of images and masks: sheets of samples beside their files, and a table of them.

Example: python tools/browse_dataset.py configs/lgnet_irstd1k.py --images 6 --samples 3

A row is an image: its file, then the sample as tools/train.py draws it in each of the first epochs under the same seed,
targets circled, one enlarged. PART.csv holds size, targets, levels and description of each. What the model's
data_preprocessor does afterwards (padding, normalisation) is not shown.
"""

import argparse
import csv
import io
from pathlib import Path

from irstd_toolbox.console import add_overrides, add_plugins, inches, whole

ROWS = 6
"""Images a page."""
COLUMNS = ('image_id', 'sample', 'height', 'width', 'targets', 'target_pixels', 'smallest_target', 'lowest', 'highest',
           'description')


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a .py config')
    parser.add_argument('--part', choices=('train', 'val', 'test'), default='train', help='default: train')
    which = parser.add_mutually_exclusive_group()
    which.add_argument('--images', type=whole(1), default=6, metavar='N', help='evenly spaced (default: 6)')
    which.add_argument('--ids', nargs='+', action='extend', metavar='ID', help='these images')
    parser.add_argument('--samples', type=whole(1), metavar='N',
                        help='of an image, the N-th as in the N-th epoch (default: 3 of train, otherwise 1)')
    parser.add_argument('--seed', type=whole(0), help="the training's (default: the config's, or 0)")
    parser.add_argument('--width', type=inches, default=7.16, metavar='INCHES', help='of a sheet (default: 7.16)')
    parser.add_argument('--format', choices=('png', 'pdf', 'svg'), default='png', help='default: png')
    parser.add_argument('--out', type=Path, default=Path('samples'), metavar='DIR', help='default: %(default)s')
    add_plugins(parser)
    add_overrides(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.evaluation.files import check_folder, write_atomically
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.training.config_edits import load_config
    from irstd_toolbox.visualization import save
    from irstd_toolbox.visualization.contact_sheet import contact_sheet

    check_folder(args.out)
    load_plugins(args.plugins)
    config = load_config(args.config, args.cfg_options)
    dataset = build(config, args.part)
    places = choose(dataset, args)
    number = args.samples or (3 if args.part == 'train' else 1)
    seed = args.seed if args.seed is not None else config.get('randomness', {}).get('seed') or 0
    rows = [row(dataset, place, number, seed) for place in places]
    names = []
    for start in range(0, len(rows), ROWS):
        tiles = [tile for one in rows[start:start + ROWS] for tile, _ in one]
        title = f'{Path(args.config).name}: {args.part}, seed {seed}'
        figure = contact_sheet(tiles, columns=number + 1, width=args.width, title=title)
        names.append(f'{args.part}_{start // ROWS + 1}.{args.format}')
        save(figure, args.out / names[-1])
    facts = [fact for one in rows for _, fact in one]
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(facts)
    write_atomically(args.out / f'{args.part}.csv', text.getvalue().encode())
    for line in summary(facts):
        print(line)
    print(f'{len(rows)} of {len(dataset)} images: {", ".join(names)} and {args.part}.csv are in {args.out}')


def build(config: object, part: str) -> object:
    """The data set of a part, its pipeline run anew for each sample.

    Raises:
        ConfigError: If the config has none.
        DataError: If the data is not as expected.
    """
    from mmengine.registry import init_default_scope

    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.registry import DATASETS, SCOPE

    loader = config.get(f'{part}_dataloader')
    if not loader:
        there = [name for name in ('train', 'val', 'test') if config.get(f'{name}_dataloader')]
        raise ConfigError(f'The config has no {part}_dataloader; it has those of {", ".join(there) or "nothing"}. '
                          'Choose another --part.')
    init_default_scope(SCOPE)
    options = dict(loader.dataset)
    options.pop('in_memory', None)  # samples are the same without
    dataset = DATASETS.build(options)
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    return dataset


def choose(dataset: object, args: argparse.Namespace) -> list[int]:
    """The numbers of the samples to show.

    Raises:
        ConfigError: If an image is asked for that is not there, or samples do not tell their files.
    """
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.training.panel_hook import evenly_spaced

    if not {'image_id', 'img_path'} <= set(dataset.get_data_info(0)):
        raise ConfigError(f'Samples of {type(dataset).__name__} have no image_id or no img_path, so that their files '
                          'cannot be shown beside them; expected IRSTDDataset, or one that tells both.')
    ids = args.ids or evenly_spaced(dataset, args.images)
    places = {str(dataset.get_data_info(place).get('image_id')): place for place in range(len(dataset))}
    strangers = [one for one in ids if one not in places]
    if strangers:
        raise ConfigError(f'--ids names {strangers[0]!r}, which is not among the {len(places)} images of {args.part}; '
                          f'expected ids such as {next(iter(places))!r}. Choose another --part.')
    return [places[one] for one in dict.fromkeys(ids)]


def row(dataset: object, place: int, number: int, seed: int) -> list[tuple]:
    """A tile and a row of the table for the file of a sample, and for what the pipeline makes of it in each epoch."""
    from irstd_toolbox.datasets.imaging import read_image, read_mask
    from irstd_toolbox.training.determinism import derived_seed, own_random

    info = dataset.get_data_info(place)
    image_id = info['image_id']
    image = read_image(info['img_path'])
    gt = read_mask(info['mask_path'], image.shape) if info.get('mask_path') else None
    found = [show(image_id, 'file', image, gt, info.get('description'))]
    for epoch in range(number):
        with own_random(derived_seed(seed, epoch, place)):  # as SeededSamples does in training
            sample = dataset[place]
        found.append(show(image_id, str(epoch + 1), *unpack(sample, dataset)))
    return found


def unpack(sample: object, dataset: object) -> tuple:
    """Image ``(H, W)`` or ``(H, W, 3)``, mask ``(H', W')`` or None, and description or None of a packed sample.

    Raises:
        ConfigError: If the pipeline does not pack it.
    """
    from irstd_toolbox.errors import ConfigError

    packed = isinstance(sample, dict) and getattr(sample.get('inputs'), 'ndim', 0) == 3 and 'data_samples' in sample
    if not packed:
        raise ConfigError(f'The pipeline of {type(dataset).__name__} gives a {type(sample).__name__} without inputs '
                          '(C, H, W) and data_samples. End it with PackInputs.')
    image, told = sample['inputs'].numpy().transpose(1, 2, 0), sample['data_samples']
    gt = told.gt_sem_seg.data.numpy()[0] if 'gt_sem_seg' in told else None
    return image if image.shape[2] == 3 else image[..., 0], gt, told.metainfo.get('description')


def show(image_id: str, number: str, image: object, gt: object, description: str | None) -> tuple:
    """A tile, and a row of the table."""
    import cv2
    import numpy as np

    from irstd_toolbox.evaluation.regions import find_regions
    from irstd_toolbox.visualization.contact_sheet import Tile

    fact = dict(image_id=image_id, sample=number, height=image.shape[0], width=image.shape[1],
                lowest=f'{image.min():g}', highest=f'{image.max():g}', description=description or '')
    caption = f'{image.shape[1]}x{image.shape[0]}, no mask'
    if gt is not None:
        sizes = [len(pixels) for pixels in find_regions(gt).places(gt.shape[1])]
        fact |= dict(targets=len(sizes), target_pixels=sum(sizes), smallest_target=min(sizes, default=''))
        caption = f'{image.shape[1]}x{image.shape[0]}, targets {len(sizes)}, pixels {sum(sizes)}'
        if gt.shape != image.shape[:2]:  # of a test sample: at the size of the file
            caption += f' of {gt.shape[1]}x{gt.shape[0]}'
            gt = cv2.resize(gt.astype(np.float32), image.shape[1::-1], interpolation=cv2.INTER_AREA) > 0
    return Tile(image_id if number == 'file' else f'sample {number}', image, gt, None, caption), fact


def summary(facts: list[dict]) -> list[str]:
    """What became of the targets, in words."""
    files = [fact for fact in facts if fact['sample'] == 'file' and fact.get('targets')]
    targets = {fact['image_id']: fact['targets'] for fact in files}
    drawn = [fact for fact in facts if fact['sample'] != 'file' and fact['image_id'] in targets]
    if not drawn:
        return []
    fewer = sum(fact['targets'] < targets[fact['image_id']] for fact in drawn)
    smallest = [min((fact['smallest_target'] for fact in those if fact['targets']), default='none')
                for those in (drawn, files)]
    return [f'of {len(drawn)} samples of images with targets {sum(not fact["targets"] for fact in drawn)} have none, '
            f'{fewer} fewer than their files; the smallest target has {smallest[0]} pixels, in the files {smallest[1]}']


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
