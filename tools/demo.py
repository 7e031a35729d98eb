"""Run the whole path on synthetic scenes: data, descriptions, training, test and pictures.

No download, no key and no GPU is needed; a GPU is used where there is one.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from irstd_toolbox.console import add_overrides, whole

TOOLS = Path(__file__).resolve().parent
CONFIG = 'configs/lgnet_demo.py'


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/demo'),
                        help='what the demo makes (default: %(default)s)')
    parser.add_argument('--train', type=whole(1), default=320, help='training images (default: %(default)s)')
    parser.add_argument('--test', type=whole(1), default=60, help='test images (default: %(default)s)')
    add_overrides(parser, 'changes to the config')
    return parser.parse_args(argv)


def call(step: str, tool: str, *arguments: object) -> None:
    """Run one tool as a person would, showing the command; leave with its status when it fails."""
    print(f'\n== {step}\n$ python tools/{tool} {" ".join(map(str, arguments))}', flush=True)
    done = subprocess.run([sys.executable, str(TOOLS / tool), *map(str, arguments)], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    data, run = args.out / 'data', args.out / 'run'
    os.environ['IRSTD_DEMO_DATA'] = str(data)
    # Threads that spin for long while they wait for each other stand still where another program has a core.
    os.environ.setdefault('GOMP_SPINCOUNT', '100000')
    start = time.monotonic()
    call('1/5 synthetic scenes', 'synthesize.py', data, '--train', args.train, '--test', args.test, '--size', 128, 128)
    call('2/5 descriptions of the training images, offline', 'annotate.py', data, '--provider', 'mask_caption',
         '--split', 'trainval')
    options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    call('3/5 training', 'train.py', CONFIG, '--work-dir', run, *options)
    call('4/5 test on held-out scenes', 'test.py', CONFIG, run / 'best.pth', '--out', args.out / 'test', '--panels', 12,
         *options)
    call('5/5 prediction without ground truth', 'predict.py', CONFIG, run / 'best.pth', data / 'images', '--split',
         data / 'test.txt', '--out', args.out / 'predictions', *options)
    scores = json.loads((args.out / 'test' / 'results.json').read_text())['protocols']['canonical']
    print(f'\nLGNet (reduced width) on {args.test} held-out synthetic scenes: IoU {scores["IoU"]:.4f}, '
          f'nIoU {scores["nIoU"]:.4f}, Pd {scores["Pd"]:.4f}, Fa {scores["Fa"] * 1e6:.2f}e-6, '
          f'in {time.monotonic() - start:.0f} s')
    print(f'pictures: {args.out}/test/panels, {args.out}/predictions/overlays')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
