"""Convert a public implementation's weights to a config of ours, all of them or none.

    python tools/convert_weights.py configs/baselines/acm_fpn_nuaa_sirst.py Epoch-300.pkl --from acm-pytorch
"""

import argparse
import os
import shlex
from pathlib import Path

from irstd_toolbox.console import add_overrides


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', help='the config whose network the file holds')
    parser.add_argument('file', nargs='?', type=Path, help='a file of that implementation')
    parser.add_argument('--from', dest='source', metavar='SOURCE', help='where the file comes from; see --list')
    parser.add_argument('--out', type=Path, help='default: FILE with the suffix .converted.pth, in this folder')
    parser.add_argument('--list', action='store_true', help='list the sources and stop')
    add_overrides(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.conversion import SOURCES
    from irstd_toolbox.errors import ConfigError

    if args.list:
        for name, entry in sorted(SOURCES.items()):
            print(f'{name:<20} {entry.repository} (licence: {entry.licence})')
        return
    if None in (args.config, args.file, args.source):
        raise ConfigError('A config, a file and --from SOURCE are needed. --list names the sources.')
    if args.source not in SOURCES:
        raise ConfigError(f'--from {args.source}: not known. Sources: {", ".join(sorted(SOURCES))}.')
    from irstd_toolbox.conversion.writing import convert_file
    from irstd_toolbox.training.config_edits import load_model_config

    out = args.out or Path(f'{Path(args.file.name.removesuffix(".tar")).stem}.converted.pth')
    model = load_model_config(args.config, args.cfg_options)
    count = convert_file(model, args.source, args.file, out)
    command = ['python', 'tools/test.py', args.config, os.fspath(out)]
    if args.cfg_options:
        command += ['--cfg-options', *args.cfg_options]
    print(f'{os.fspath(out)}: {count} tensors, none missing, none left over. Test it with `{shlex.join(command)}`.')
    statistics = SOURCES[args.source].statistics
    if statistics:
        before = model.get('data_preprocessor', {})
        trained = ', '.join(f'{mean:.3f} and {std:.3f} on {name}' for name, (mean, std) in statistics.items())
        print(f'The file does not tell which data it is of. {SOURCES[args.source].repository} trains with mean and '
              f'std {trained}; the config has {before.get("mean")} and {before.get("std")}. Where the file is of '
              'others: --cfg-options model.data_preprocessor.mean=M model.data_preprocessor.std=S.')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
