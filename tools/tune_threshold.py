"""Choose a threshold by the IoU, or for a limit of false alarms, on a list that is not the test list.

    python tools/tune_threshold.py configs/baselines/top_hat_nuaa_sirst.py
    python tools/tune_threshold.py configs/lgnet_nuaa_sirst.py best
    python tools/test.py configs/lgnet_nuaa_sirst.py best --cfg-options \\
        model.threshold=work_dirs/lgnet_nuaa_sirst/threshold.json

Of a model-driven method two rules are tried on the training list, one response for all images and one share of each
image's range of responses; the better is kept, with --max-fa the latter. Of a network
the probability is chosen, with the weights it is for, on the list that it was validated on.
"""

import argparse
import json
from pathlib import Path

from irstd_toolbox.console import add_overrides, add_plugins, whole

UNITS = dict(range="of an image's range of responses", response='in units of the response',
             probability='of probability')


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a config')
    parser.add_argument('checkpoint', nargs='?', help="of a network: a file; 'best' or 'last' of the config's work "
                                                      'folder')
    parser.add_argument('--split', help="a list of the test data set (default: trainval; of a network its validation "
                                        'list); one with test images marks the result as an oracle')
    parser.add_argument('--images', type=whole(1), metavar='N', help='of the list, evenly spaced (default: all)')
    parser.add_argument('--max-fa', type=float, metavar='FA',
                        help='the highest Pd at an Fa of at most this fraction of pixels, such as 1e-5, in the place '
                             'of the highest IoU')
    parser.add_argument('--device', help='of a network: cpu, cuda, cuda:1 (default: a GPU if there is one)')
    parser.add_argument('--out', type=Path, metavar='FILE', help='default: work_dirs/CONFIG/threshold.json')
    add_plugins(parser)
    add_overrides(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.evaluation.files import check_targets, write_atomically
    from irstd_toolbox.inference.predictor import pick_device
    from irstd_toolbox.inference.tuning import tune_probability, tune_threshold
    from irstd_toolbox.plugins import load_plugins

    path = args.out or Path('work_dirs', Path(args.config).stem, 'threshold.json')
    check_targets(path)
    load_plugins(args.plugins)
    if args.checkpoint:
        found = tune_probability(args.config, args.checkpoint, args.split, args.cfg_options, images=args.images,
                                 device=args.device, max_fa=args.max_fa)
    elif args.device and pick_device(args.device).type != 'cpu':
        raise ConfigError(f'--device {args.device} is for a network, of which a CHECKPOINT is expected; a formula is '
                          'computed on the CPU.')
    else:
        found = tune_threshold(args.config, args.split or 'trainval', args.cfg_options, images=args.images,
                               max_fa=args.max_fa)
    write_atomically(path, (json.dumps(found, indent=2) + '\n').encode())
    origin = found['origin']
    place = ', '.join(str(origin[key]) for key in ('dataset', 'split', 'part') if origin.get(key))
    bounded = f', Pd {origin["Pd"] * 100:.2f}, Fa {origin["Fa"] * 1e6:.2f}e-6' if 'max_Fa' in origin else ''
    print(f'threshold {found["value"]:.6g} {UNITS[found["scale"]]}: IoU {origin["IoU"] * 100:.2f}{bounded} on '
          f'{origin["images"]} images of {place}')
    if origin['oracle']:
        print('It was chosen on images of the test list: what is measured there with it is an upper bound (oracle), '
              'not a test.')
    print(f'use it with --cfg-options model.threshold={path}')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
