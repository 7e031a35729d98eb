"""Try a model on single images, on a page in the browser.

    python tools/app.py configs/baselines/mpcm_nuaa_sirst.py
    python tools/app.py configs/lgnet_irstd1k.py work_dirs/lgnet_irstd1k/best.pth

Needs gradio: pip install -e '.[app]'. The page is at http://127.0.0.1:7860 for this machine alone; docs/app.md.
"""

import argparse

from irstd_toolbox.console import add_overrides, add_plugins


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a .py config')
    parser.add_argument('checkpoint', nargs='?', default='none', help="a file; 'none' for methods without weights "
                                                                      '(default)')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen at; 0.0.0.0 lets other machines in '
                                                            '(default: %(default)s)')
    parser.add_argument('--port', type=int, default=7860, help='default: %(default)s')
    parser.add_argument('--share', action='store_true', help='open a public link through a server of gradio')
    parser.add_argument('--threshold', type=float, metavar='T',
                        help='where the slider stands at first: target where probability > T (default: the '
                             "config's model.threshold, or 0.5)")
    parser.add_argument('--device', help='cpu, cuda, cuda:1 (default: a GPU if there is one)')
    add_plugins(parser)
    add_overrides(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.inference import Predictor
    from irstd_toolbox.plugins import load_plugins

    if args.threshold is not None and not 0 <= args.threshold < 1:
        raise ConfigError(f'--threshold is {args.threshold}; 0 <= T < 1 is expected.')
    try:
        from irstd_toolbox.app.server import serve
    except ModuleNotFoundError as error:
        if error.name != 'gradio':
            raise
        raise ConfigError("The page needs gradio, which is not installed: pip install -e '.[app]'") from error
    load_plugins(args.plugins)
    checkpoint = None if args.checkpoint == 'none' else args.checkpoint
    predictor = Predictor(args.config, checkpoint, args.device, args.cfg_options)
    threshold = predictor.threshold if args.threshold is None else args.threshold
    serve(predictor, args.config, checkpoint, threshold=threshold, host=args.host, port=args.port, share=args.share)


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
