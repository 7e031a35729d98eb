"""Choose the threshold of a model-driven method by its IoU on a list, by default the training list.

Two rules are tried, one response for all images and one share of each image's range of responses; the better is kept.

    python tools/tune_threshold.py configs/baselines/top_hat_nuaa_sirst.py
    python tools/test.py configs/baselines/top_hat_nuaa_sirst.py \\
        --cfg-options model.threshold=work_dirs/top_hat_nuaa_sirst/threshold.json
"""

import argparse
import json
from pathlib import Path


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help="a config of a model-driven method; the list is one of its test data set's")
    parser.add_argument('--split', default='trainval', help='the list (default: %(default)s); with test the result is '
                                                            'marked as an oracle')
    parser.add_argument('--images', type=int, metavar='N', help='of the list, evenly spaced (default: all)')
    parser.add_argument('--out', type=Path, metavar='FILE', help='default: work_dirs/CONFIG/threshold.json')
    parser.add_argument('--plugins', nargs='+', default=[], metavar='DIR', help='folders with plugins')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='override parts of the config')
    args = parser.parse_args(argv)
    if args.images is not None and args.images < 1:
        parser.error(f'--images {args.images}: at least one image is needed')
    return args


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.evaluation.files import write_atomically
    from irstd_toolbox.inference.tuning import tune_threshold
    from irstd_toolbox.plugins import load_plugins

    load_plugins(args.plugins)
    found = tune_threshold(args.config, args.split, args.cfg_options, images=args.images)
    path = args.out or Path('work_dirs', Path(args.config).stem, 'threshold.json')
    write_atomically(path, (json.dumps(found, indent=2) + '\n').encode())
    origin = found['origin']
    unit = "of an image's range of responses" if found['scale'] == 'range' else 'in units of the response'
    print(f'threshold {found["value"]:.6g} {unit}: IoU {origin["IoU"] * 100:.2f} on {origin["images"]} images of '
          f'{origin["dataset"]}, {origin["split"]}')
    if args.split == 'test':
        print('It was chosen on the test list: what is measured there with it is an upper bound (oracle), not a test.')
    print(f'use it with --cfg-options model.threshold={path}')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
