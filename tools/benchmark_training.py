"""Train each config for a few hundred iterations on synthetic scenes and test it there: does it learn at all?

Every config runs as tools/train.py and tools/test.py run it, with its own network, supervision, extra losses and (but
for --adam) optimizer. Data, batch size, a constant learning rate and the loss of logit maps (cross-entropy plus soft
IoU, for soft IoU alone often starts all black) are those of this comparison. With --real it trains on a data set
instead, for whole epochs and with the config's own loss and batch size (but for --batch). A config that has a row
already, by the same options, is passed over.

    python tools/benchmark_training.py configs/baselines/*_irstd1k.py --out work_dirs/synthetic_training
    python tools/benchmark_training.py configs/baselines/acm_fpn_nuaa_sirst.py --real data/NUAA-SIRST --size 256
"""

import argparse
import json
import sys
import time
from pathlib import Path

from irstd_toolbox.console import add_overrides, whole

TOOLS = Path(__file__).resolve().parent

CONFIG = '''"""{name} for {length}."""

_base_ = {base!r}
train_pipeline = [
    dict(type='LoadImage'), {clip}dict(type='LoadTargetMask'), dict(type='Resize', size={side}),
    dict(type='RandomFlip', horizontal=0.5, vertical=0.5), dict(type='RandomRotate90'), dict(type='PackInputs')]
test_pipeline = [dict(type='LoadImage'), {clip}dict(type='Resize', size={side}), dict(type='LoadTargetMask'),
                 dict(type='PackInputs')]
data = dict(name=None, data_root={data!r})
train_dataloader = dict({batch}num_workers=0, persistent_workers=False,
                        dataset=dict(data, pipeline=train_pipeline, split={split!r}))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(data, pipeline=test_pipeline))
test_dataloader = dict(num_workers=0, dataset=dict(data, pipeline=test_pipeline))
{loop}{optimizer}{model}'''
ITERATIONS = '''param_scheduler = []
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters={0}, val_interval={0})
default_hooks = dict(checkpoint=dict(interval={0}, by_epoch=False), logger=dict(log_metric_by_epoch=False))
log_processor = dict(by_epoch=False)
'''
# Validation would begin after the last epoch: the test says what there is to say.
EPOCHS = '''train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs={0}, val_begin={0} + 1)
default_hooks = dict(checkpoint=dict(interval={0}, save_last=True), logger=dict(interval=5))
'''
ADAM = "optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='Adam', lr={rate}))\n"
# An untrained stand-in, as in the demo: nothing is downloaded.
ENCODER = ''',
             target_descriptor=dict(normalize=True, encoder=dict(
                 _delete_=True, type='OpenCLIPEncoder', pretrained='random', model=dict(
                     embed_dim=512, vision_cfg=dict(image_size=64, layers=2, width=64, head_width=32, patch_size=16),
                     text_cfg=dict(context_length=77, vocab_size=49408, width=64, heads=2, layers=2))))'''
COLUMNS = ('config', 'length', 'optimizer', 'IoU', 'nIoU', 'Pd', 'Fa (1e-6)', 'loss, first to last', 'seconds')


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', type=Path)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/synthetic_training'), help='default: %(default)s')
    parser.add_argument('--iterations', type=whole(1), default=300, help='default: %(default)s')
    parser.add_argument('--real', type=Path, metavar='DATA_ROOT', help='train on this data set, not on scenes')
    parser.add_argument('--split', default='trainval', help='with --real, the list to train on (default: %(default)s)')
    parser.add_argument('--epochs', type=whole(1), default=1, help='with --real (default: %(default)s)')
    parser.add_argument('--size', type=whole(1), default=64,
                        help='side of the scenes, from 64, or to which real images are resized (default: %(default)s)')
    parser.add_argument('--stretch', type=whole(1), metavar='SIDE',
                        help='what networks see (default: the scenes as they are); helps those that begin by shrinking')
    parser.add_argument('--batch', type=whole(1), help="default: 4, with --real the config's own")
    parser.add_argument('--adam', type=float, metavar='RATE',
                        help="Adam at this rate in the place of the config's optimizer, whose rate may be too low for "
                             'a few hundred iterations')
    parser.add_argument('--train', type=whole(1), default=200, help='training scenes (default: %(default)s)')
    parser.add_argument('--test', type=whole(1), default=50, help='test scenes (default: %(default)s)')
    parser.add_argument('--least', type=float,
                        help='IoU to exceed, or the status is 1 (default: 0.3, with --real any)')
    add_overrides(parser, 'for every config')
    return parser.parse_args(argv)


def call(log: Path, tool: str, *arguments: object) -> bool:
    """Run one tool; its output goes to ``log``."""
    from irstd_toolbox.console import logged

    return logged(log, TOOLS / tool, *arguments)


def extra_losses(model: dict) -> list[dict]:
    """The losses of a model that read more than its logit maps."""
    from irstd_toolbox.registry import MODELS

    losses = model.get('loss') or []
    return [dict(loss) for loss in (losses if isinstance(losses, list) else [losses])
            if hasattr(MODELS.get(loss['type']), 'reads')]


def changes(model: dict, segmentor: bool, language: bool) -> str:
    """What networks on scenes have in common: grey statistics, a loss of logit maps, and no wait for warm-up epochs."""
    # A warm-up that is counted in epochs would not end within these iterations.
    warming = [part for part in ('decode_head', 'network') if (model.get(part) or {}).get('warm_epochs')]
    losses = [dict(type='BCELoss'), dict(type='SoftIoULoss'), *extra_losses(model)]
    return (f'model = dict(data_preprocessor=dict(mean=100.0, std=40.0)'
            f'{"".join(f", {part}=dict(warm_epochs=0)" for part in warming)}{f", loss={losses}" if segmentor else ""}'
            f'{ENCODER if language else ""})\n')


def measure(path: Path, args: argparse.Namespace) -> dict:
    """Train and test one config: its row."""
    from mmengine.config import Config

    from irstd_toolbox.evaluation.files import write_atomically

    folder = args.out / path.stem
    config = Config.fromfile(path)
    language = bool(config.model.get('target_descriptor'))
    own = folder / f'{path.stem}.py'
    segmentor = config.model.type == 'IRSTDSegmentor'  # others, such as adversarial ones, train in their own way
    batch = args.batch or (None if args.real else 4)
    write_atomically(own, CONFIG.format(
        name=path.stem, base=str(path.resolve()), side=args.stretch or args.size, split=args.split,
        clip="dict(type='LoadClipImage', size=64), " if language else '',
        batch=f'batch_size={batch}, ' if batch else '',
        data=str((args.real or args.out / 'data').resolve()),
        length=f'{args.epochs} epochs' if args.real else f'{args.iterations} iterations',
        loop=EPOCHS.format(args.epochs) if args.real else ITERATIONS.format(args.iterations),
        optimizer=ADAM.format(rate=args.adam) if args.adam and segmentor else '',
        model='' if args.real else changes(config.model, segmentor, language)).encode())
    options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    start = time.monotonic()
    log = folder / 'log.txt'
    length = f'{args.epochs} epochs of {args.split}' if args.real else args.iterations
    row = dict(config=path.stem, length=length, optimizer=f'Adam {args.adam:g}' if args.adam else 'own')
    if not call(log, 'train.py', own, '--work-dir', folder / 'run', *options):
        return dict(row, failed=f'training stopped, see {log}')
    row['seconds'] = round(time.monotonic() - start)
    if not call(log, 'test.py', own, 'last', '--out', folder / 'test', '--cfg-options',
                f'work_dir={folder / "run"}', *args.cfg_options):
        return dict(row, failed=f'the test stopped, see {log}')
    scores = json.loads((folder / 'test' / 'results.json').read_text())['protocols']['canonical']
    return row | {key: scores[key] for key in ('IoU', 'nIoU', 'Pd', 'Fa')} | dict(
        loss=losses(folder / 'run'))


def losses(run: Path) -> list[float]:
    """The first and the last loss in a run's log, each a mean over some iterations."""
    log = sorted(run.glob('*/vis_data/scalars.json'))[-1]
    logged = [row['loss'] for row in map(json.loads, log.read_text().splitlines()) if 'loss' in row]
    return [logged[0], logged[-1]]


def line(row: dict) -> str:
    if 'failed' in row:
        return f'| {row["config"]} | {row["length"]} | {row["optimizer"]} | {row["failed"]} | | | | | |'
    cells = (row['config'], row['length'], row['optimizer'], *(f'{row[key]:.4f}' for key in ('IoU', 'nIoU', 'Pd')),
             f'{row["Fa"] * 1e6:.1f}', ' to '.join(f'{value:.3f}' for value in row['loss']), row['seconds'])
    return '| ' + ' | '.join(map(str, cells)) + ' |'


def known_row(path: Path, args: argparse.Namespace) -> dict | None:
    """The row that a config has, None if it has none.

    Raises:
        ConfigError: If it was made by other options (rows of one table would not be alike), or is no row.
    """
    from irstd_toolbox.errors import ConfigError

    file = args.out / path.stem / 'row.json'
    if not file.is_file():
        return None
    try:
        row = json.loads(file.read_text())
        was, now = row['options'], options_of(args)
        line(row)
        other = [key for key in now if was.get(key) != now[key]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f'{file} is no row of this tool ({type(error).__name__}: {error}). Remove it, to train that '
                          'config again.') from error
    if other:
        raise ConfigError(f'{file} is of {", ".join(f"{key}={was.get(key)!r}" for key in other)}, this run of '
                          f'{", ".join(f"{key}={now[key]!r}" for key in other)}. Give another --out.')
    return row


def options_of(args: argparse.Namespace) -> dict:
    """What decides a row, beside its config."""
    found = {key: value for key, value in vars(args).items() if key not in ('configs', 'out', 'least')}
    return found | dict(real=args.real and str(args.real.resolve()))


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.evaluation.files import write_atomically

    for path in args.configs:
        known_row(path, args)
    args.out.mkdir(parents=True, exist_ok=True)
    data, log = args.out / 'data', args.out / 'data.txt'
    if not args.real and not (
            call(log, 'synthesize.py', data, '--train', args.train, '--test', args.test, '--size', args.size, args.size,
                 '--targets', 1, 2, '--snr', 10, 25, '--max-contrast', 2)
            and call(log, 'annotate.py', data, '--provider', 'mask_caption', '--split', 'trainval')):
        print(f'the scenes could not be made or described, see {log}', file=sys.stderr)
        return 2
    rows = []
    print('| ' + ' | '.join(COLUMNS) + ' |\n' + '|---' * len(COLUMNS) + '|', flush=True)
    for path in args.configs:
        row = known_row(path, args)
        if row is None:
            row = measure(path, args) | dict(options=options_of(args))
            if 'failed' not in row:
                write_atomically(args.out / path.stem / 'row.json', json.dumps(row).encode())
        rows.append(row)
        print(line(row), flush=True)
    table = '\n'.join(['| ' + ' | '.join(COLUMNS) + ' |', '|---' * len(COLUMNS) + '|', *map(line, rows)]) + '\n'
    write_atomically(args.out / 'table.md', table.encode())
    least = args.least if args.least is not None else -1.0 if args.real else 0.3
    short = [row['config'] for row in rows if row.get('IoU', -1.0) <= least]
    print(f'IoU above {least}: {len(rows) - len(short)} of {len(rows)}; not: {", ".join(short) or "none"}')
    return int(bool(short))


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
