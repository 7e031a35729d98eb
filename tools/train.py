"""Train the model of a config.

    python tools/train.py configs/lgnet_irstd1k.py
    python -m torch.distributed.run --nproc_per_node=4 tools/train.py configs/lgnet_irstd1k.py --launcher pytorch
"""

import argparse
import time
from pathlib import Path

from irstd_toolbox.console import add_overrides, add_plugins


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a .py config')
    parser.add_argument('--work-dir', metavar='DIR', help='checkpoints and logs (work_dirs/CONFIG)')
    parser.add_argument('--resume', nargs='?', const='auto', metavar='PATH',
                        help="continue from the work folder's last checkpoint, or from PATH")
    parser.add_argument('--amp', nargs='?', const='auto', choices=('auto', 'bf16', 'fp16'),
                        help='mixed precision; bf16 where the machine has it, otherwise fp16')
    parser.add_argument('--seed', type=int, help="overrides the config's")
    parser.add_argument('--select-on-test', action='store_true',
                        help='train on the whole training list and choose the best checkpoint on the test list, as '
                             'many papers do; checkpoints and results say so')
    parser.add_argument('--minutes', type=float, metavar='M',
                        help='save and end before M minutes are over, after the last whole epoch that fits, but not '
                             'before one epoch is done; --resume goes on as if nothing had happened')
    parser.add_argument('--anneal', action='store_true',
                        help='go through the whole schedule of rates in these minutes, however many epochs that makes')
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm', 'mpi'), default='none')
    add_plugins(parser)
    add_overrides(parser, 'override parts of the config, e.g. train_dataloader.batch_size=4')
    parser.add_argument('--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.minutes is not None and not 0 < args.minutes < float('inf'):
        parser.error(f'--minutes {args.minutes:g}: a number above 0 is expected; leave it out to train without an end')
    return args


def main(argv: list[str] | None = None) -> None:
    began = time.time()
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.training.session import start_training

    load_plugins(args.plugins)
    work_dir = start_training(
        args.config, args.cfg_options, work_dir=args.work_dir, resume=args.resume, amp=args.amp, seed=args.seed,
        on_test=args.select_on_test, launcher=args.launcher,
        until=None if args.minutes is None else began + 60 * args.minutes, anneal=args.anneal)
    if work_dir is not None:
        print(f'checkpoints and logs are in {Path(work_dir)}')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
