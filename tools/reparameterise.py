"""Fuse the branches of a trained network into the layers that it is deployed with.

    python tools/reparameterise.py configs/baselines/repisd_irstd1k.py work_dirs/repisd_irstd1k/best.pth deploy.pth
    python tools/test.py configs/baselines/repisd_deploy_irstd1k.py deploy.pth
"""

import argparse
from pathlib import Path

from irstd_toolbox.console import add_overrides, add_plugins


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the config that the checkpoint was trained with')
    parser.add_argument('checkpoint', type=Path, help='a file')
    parser.add_argument('out', type=Path, help='the file to write')
    add_plugins(parser)
    add_overrides(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.conversion.reparameterise import reparameterise_file
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.training.config_edits import load_model_config

    load_plugins(args.plugins)
    found = reparameterise_file(load_model_config(args.config, args.cfg_options), args.checkpoint, args.out)
    print(f'{args.out}: {found["modules"]} modules fused, {found["before"]:,} parameters became {found["after"]:,}. '
          'Test it with a config of the deployed form.')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
