"""Count a config's parameters and operations, by part."""

import argparse
import json

from irstd_toolbox.console import add_overrides, add_plugins, whole


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('--size', nargs=2, type=whole(1), default=(512, 512), metavar=('H', 'W'))
    parser.add_argument('--json', action='store_true', help='print one JSON object instead of a table')
    add_plugins(parser)
    add_overrides(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.models.complexity import complexity
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.training.config_edits import load_model_config

    load_plugins(args.plugins)
    figures = complexity(load_model_config(args.config, args.cfg_options), tuple(args.size))
    if args.json:
        print(json.dumps(figures))
        return
    height, width = figures['size']
    for part, row in figures['parts'].items():
        print(f'{part:<20} {row["trainable"]:>12,} trainable {row["frozen"]:>12,} frozen parameters')
    print(f'{"total without CLIP":<20} {figures["parameters"]:>12,} parameters ({figures["parameters"] / 1e6:.2f} M)')
    print(f'at {height}x{width}: {figures["macs"] / 1e9:.3f} GMACs, {figures["flops"] / 1e9:.3f} GFLOPs at 2 per MAC '
          '(convolutions and matrix products, one image, CLIP excluded)')
    if 'paper' in figures:
        print(figures['paper'])


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
