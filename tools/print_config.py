"""Print a config with all that its bases give it and --cfg-options change, as a Python file."""

import argparse

from irstd_toolbox.console import add_overrides


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='a .py config')
    add_overrides(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.training.config_edits import load_config

    print(load_config(args.config, args.cfg_options).pretty_text, end='')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
