"""Time training steps and predictions of a config, run in several ways, on synthetic scenes.

    python tools/benchmark_speed.py configs/lgnet_irstd1k.py --ways fp32 bf16 bf16+channels_last+compile

A way is made of words joined by +: fp32 or bf16; channels_last; compile or graphs (with CUDA graphs); resident (images
and masks stay on the device, which turns them). Steps are those of tools/train.py, from its log, in wall time and
without the first epoch. Predictions are timed between events on a GPU and in CPU time elsewhere. Nothing is downloaded:
a small untrained CLIP gives the descriptors of the training, one of the config's size is what predictions time.
"""

import argparse
import json
import sys
from pathlib import Path

from irstd_toolbox.console import whole

TOOLS = Path(__file__).resolve().parent


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path)
    parser.add_argument('--ways', nargs='+', default=['fp32', 'bf16'], metavar='WAY', help='default: fp32 bf16')
    parser.add_argument('--only', choices=('training', 'prediction'), help='leave the other out')
    parser.add_argument('--size', type=whole(64), default=512,
                        help='side of the images, from 64 (default: %(default)s)')
    parser.add_argument('--batch', type=whole(1), default=8, help='images of a training step (default: %(default)s)')
    parser.add_argument('--steps', type=whole(1), default=12, help='of an epoch (default: %(default)s)')
    parser.add_argument('--epochs', type=whole(2), default=3,
                        help='from 2; the first does not count (default: %(default)s)')
    parser.add_argument('--workers', type=whole(0), default=2, help='of the loader (default: %(default)s)')
    parser.add_argument('--predict', type=whole(1), nargs='+', default=[1, 8], metavar='BATCH',
                        help='images of a prediction (default: 1 8)')
    parser.add_argument('--repeats', type=whole(1), default=20, help='timed predictions (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/speed'), help='default: %(default)s')
    parser.add_argument('--document', type=Path, metavar='FILE', help='write the tables into this Markdown file')
    parser.add_argument('--section', default='speed', metavar='NAME',
                        help='in its section "<!-- NAME -->" (default: %(default)s)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    import torch
    from mmengine.registry import init_default_scope

    from irstd_toolbox.benchmarking.speed import compiler_of, parse_way, predicting
    from irstd_toolbox.evaluation.files import write_atomically
    from irstd_toolbox.evaluation.sections import find_section, replace_section
    from irstd_toolbox.registry import SCOPE
    from irstd_toolbox.training.compiling import try_compiler
    from irstd_toolbox.training.config_edits import load_config

    ways = {text: parse_way(text) for text in args.ways}
    if args.document:
        find_section(args.document, args.section)
    config = load_config(str(args.config))
    for compiler in map(compiler_of, ways.values()):
        if compiler is not None:
            try_compiler(compiler)
    init_default_scope(SCOPE)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    name = torch.cuda.get_device_name() if device == 'cuda' else 'CPU'
    about = dict(config=args.config.stem, size=args.size, batch=args.batch, device=name, torch=torch.__version__,
                 threads=torch.get_num_threads(), workers=args.workers)
    rows = []

    def add(**row: object) -> None:
        rows.append(row)
        write_atomically(args.out / 'speed.json', json.dumps(dict(about, rows=rows), indent=1).encode())

    if args.only != 'prediction':
        write_scenes(args)
        for text, words in ways.items():
            add(way=text, **train(args, config, text, words, device))
    if args.only != 'training':
        for text, words in ways.items():
            for batch in args.predict if 'resident' not in words else ():
                torch._dynamo.reset()
                try:
                    found = predicting(config.model, words, args.size, batch, args.repeats, device)
                except Exception as error:  # whatever a compiler or a device raises: the other ways are still told
                    found = dict(failed=f'{type(error).__name__}: {str(error).strip()}'.splitlines()[0])
                add(way=text, batch=batch, **found)
    figures = tables(about, rows)
    print(figures)
    if args.document:
        replace_section(args.document, args.section, ['tools/benchmark_speed.py', *(argv or sys.argv[1:])], figures)
    return int(any('failed' in row for row in rows))


def write_scenes(args: argparse.Namespace) -> None:
    """The scenes that every way trains on.

    Raises:
        ConfigError: If they cannot be written; says where the reason is.
    """
    from irstd_toolbox.console import logged
    from irstd_toolbox.errors import ConfigError

    log = args.out / 'scenes.txt'
    args.out.mkdir(parents=True, exist_ok=True)
    if not logged(log, TOOLS / 'synthesize.py', args.out / 'data', '--train', args.batch * args.steps, '--test', 1,
                  '--targets', 1, 1, '--size', args.size, args.size):
        raise ConfigError(f'{args.out / "data"}: no scenes could be written, see {log}. Give another --out.')


def train(args: argparse.Namespace, config: object, text: str, words: tuple[str, ...], device: str) -> dict:
    """The figures of one way of training."""
    from irstd_toolbox.benchmarking.speed import steps_config, timed_steps, training_arguments
    from irstd_toolbox.console import logged

    folder = args.out / text
    log = folder / 'log.txt'
    folder.mkdir(parents=True, exist_ok=True)
    made = steps_config(config, args.out / 'data', args.size, args.batch, args.epochs, args.workers)
    made.dump(str(folder / 'steps.py'))
    if not logged(log, TOOLS / 'train.py', folder / 'steps.py', '--work-dir', folder / 'run',
                  *training_arguments(words, device)):
        return dict(failed=f'train.py stopped, see {log}')
    return timed_steps(folder / 'run')


def tables(about: dict, rows: list[dict]) -> str:
    """The figures as Markdown."""
    lines = [f'{about["config"]}, {about["size"]}x{about["size"]}, {about["device"]} ({about["threads"]} threads), '
             f'torch {about["torch"]}.']
    training = [row for row in rows if 'batch' not in row]
    if training:
        lines += ['', f'Training, {about["batch"]} images a step, {about["workers"]} workers; median (5th to 95th '
                  'percentile).', '', '| way | steps | ms a step | ms of it waiting for data | images a second | '
                  's for 800 images | GPU memory, MiB |', '|---' * 7 + '|', *(step_line(row, about['batch'])
                                                                            for row in training)]
    predicted = [row for row in rows if 'batch' in row]
    if predicted:
        lines += ['', "Prediction, ms an image, median (5th to 95th percentile) of a batch's.", '',
                  "| way | batch | network | CLIP's image tower |", '|---' * 4 + '|', *map(batch_line, predicted)]
    return '\n'.join(lines)


def step_line(row: dict, batch: int) -> str:
    if 'failed' in row:
        return f'| {row["way"]} | {row["failed"]} | | | | | |'
    median = row['ms']['p50']
    memory = '' if row['gpu_memory_mib'] is None else f'{row["gpu_memory_mib"]:.0f}'
    return (f'| {row["way"]} | {row["steps"]} | {spread(row["ms"])} | {spread(row["data_ms"])} | '
            f'{batch / median * 1e3:.3g} | {median / batch * 0.8:.3g} | {memory} |')


def batch_line(row: dict) -> str:
    if 'failed' in row:
        return f'| {row["way"]} | {row["batch"]} | {row["failed"]} | |'
    clip = '' if row['image_tower'] is None else spread(row['image_tower'], row['batch'])
    return f'| {row["way"]} | {row["batch"]} | {spread(row["network"], row["batch"])} | {clip} |'


def spread(found: dict, images: int = 1) -> str:
    middle, low, high = (found[share] / images for share in ('p50', 'p5', 'p95'))
    return f'{middle:.3g} ({low:.3g} to {high:.3g})'


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
