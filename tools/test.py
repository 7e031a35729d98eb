"""Test a trained model: predictions, masks and results.json, and the table of its metrics.

    python tools/test.py configs/lgnet_irstd1k.py work_dirs/lgnet_irstd1k/best.pth
"""

import argparse
from pathlib import Path

from irstd_toolbox.console import add_overrides, add_plugins, whole

SUFFIXES = {'png16': '.png', 'npy': '.npy'}


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a .py config')
    parser.add_argument('checkpoint', nargs='?', help="a file; 'best' or 'last' of the config's work folder; none for "
                                                      'methods without weights')
    parser.add_argument('--protocol', nargs='+', action='extend', default=[], metavar='NAME',
                        help="replaces the config's protocols")
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='default: test/ beside the checkpoint; of .safetensors test_NAME/ in the work folder')
    parser.add_argument('--split', help="of the test data set, instead of the config's")
    parser.add_argument('--probabilities', choices=tuple(SUFFIXES), default='png16',
                        help='16-bit PNG, or float64 .npy (default: %(default)s)')
    parser.add_argument('--panels', type=whole(0), default=0, metavar='N',
                        help='draw N images, evenly spaced over the list: truth, prediction, enlarged targets')
    parser.add_argument('--device', help='cpu, cuda, cuda:1 (default: a GPU if there is one)')
    parser.add_argument('--amp', nargs='?', const='auto', choices=('auto', 'bf16', 'fp16'),
                        help='mixed precision, which changes figures by rounding; bf16 where the machine has it, '
                             'otherwise fp16')
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none')
    add_plugins(parser)
    add_overrides(parser)
    parser.add_argument('--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.console import print_tables
    from irstd_toolbox.evaluation.results import result_table
    from irstd_toolbox.inference.testing import Outputs, run_test
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.training.stamp import lists_told

    load_plugins(args.plugins)
    folder = args.out or beside(args.checkpoint, args.config, args.cfg_options)
    outputs = Outputs(folder, SUFFIXES[args.probabilities], args.panels)
    results = run_test(args.config, args.checkpoint, outputs, args.cfg_options, protocols=args.protocol,
                       split=args.split, device=args.device, launcher=args.launcher, amp=args.amp)
    if results is None:
        return
    print_tables(result_table(results))
    for name, value in results.get('metrics', {}).items():
        print(f'{name}: {value:.4g}')
    origin = results['checkpoint'] or {}
    if origin.get('trained_before'):
        print(f'The training began with weights that had been trained on {lists_told(origin["trained_before"])}.')
    if (origin.get('selection') or {}).get('on') == 'test':
        print('The checkpoint was chosen on the test list (--select-on-test): these figures are too good for a fair '
              'comparison.')
    if results.get('threshold', {}).get('oracle'):
        print('The threshold was chosen on the test list: these figures are an upper bound (oracle), not a test.')
    read = results.get('descriptions')
    if read:
        print(f'The model read descriptions of {read["images"]} of {results["fingerprint"]["images"]} images'
              + (', made from their masks: these figures are no test of detection.' if read['uses_ground_truth'] else
                 '; whether they were made from masks is not recorded.' if read['uses_ground_truth'] is None else '.'))
    print(f'predictions, masks and results.json are in {folder}')


def beside(checkpoint: str | None, config: str, options: list[str]) -> Path:
    """The folder ``test`` where the checkpoint lies; of published weights one of their name in the work folder."""
    from irstd_toolbox.training.config_edits import load_config, work_folder

    if checkpoint in (None, 'best', 'last'):
        return work_folder(load_config(config, options)) / 'test'
    weights = Path(checkpoint)
    if weights.suffix == '.safetensors':  # they may lie among configs, several in one folder
        return work_folder(load_config(config, options)) / f'test_{weights.stem}'
    return weights.with_name('test')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
