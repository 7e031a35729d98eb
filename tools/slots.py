"""Train in short, offline time slots on another machine, such as 10 minutes of a GPU that has no network.

    python tools/slots.py pack plan.py --results work_dirs/slots/results --out work_dirs/slots --wheels wheels
    python work_dirs/slots/box_1/start.py --home slot_home --out OUT --minutes 9 --at-once 4   # on the other machine
    python tools/slots.py unpack OUT --results work_dirs/slots/results
    python tools/slots.py status --results work_dirs/slots/results
"""

import argparse
import time
from pathlib import Path

from irstd_toolbox.console import whole

ROOT = Path(__file__).resolve().parents[1]


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    results = argparse.ArgumentParser(add_help=False)
    results.add_argument('--results', type=Path, required=True, metavar='DIR', help='where results are merged')

    pack = commands.add_parser('pack', parents=[results], help='make boxes to carry')
    pack.add_argument('plan', help='a Python file with runs, data, files, environment')
    pack.add_argument('--out', type=Path, required=True, metavar='DIR', help='gets box_1, box_2, ...')
    pack.add_argument('--wheels', type=Path, metavar='DIR', help='wheels to install on the other machine')
    pack.add_argument('--limit', type=float, default=60.0, metavar='MIB', help='of a box (default: %(default)g)')
    pack.add_argument('--boxes', type=whole(1), default=1, metavar='N',
                      help='how many there may be (default: %(default)s)')

    run = commands.add_parser('run', help="work until the plan is done or the time is up; a box's start.py calls it")
    run.add_argument('home', type=Path, help="start.py's --home")
    run.add_argument('--out', type=Path, required=True, metavar='DIR', help='gets the files that come back')
    run.add_argument('--minutes', type=float, required=True, metavar='M', help='how long the slot lasts')
    run.add_argument('--began', type=float, help='when it began, in seconds since 1970 (default: now)')
    run.add_argument('--at-once', type=whole(1), default=1, metavar='K', help='trainings side by side')
    run.add_argument('--threads', type=whole(1), metavar='N', help='of each training (default: cores / K)')
    run.add_argument('--reserve', type=float, default=20.0, metavar='S',
                     help='seconds at the end for gathering (default: %(default)g)')
    run.add_argument('--every', type=float, default=20.0, metavar='S',
                     help='seconds between gatherings (default: %(default)g)')
    run.add_argument('--files', type=whole(1), default=8, metavar='N',
                     help='files that come back (default: %(default)s)')
    run.add_argument('--file-mib', type=float, default=16.0, metavar='MIB', help='of a file (default: %(default)g)')
    run.add_argument('--total-mib', type=float, default=64.0, metavar='MIB', help='together (default: %(default)g)')
    run.add_argument('--gpu', action='store_true', help='end at once where torch sees no GPU')

    unpack = commands.add_parser('unpack', parents=[results], help='merge what came back')
    unpack.add_argument('folder', type=Path, help='the files slot_N.partIofK')
    commands.add_parser('status', parents=[results], help='what is finished and what is left')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    began = time.time()
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    return {'pack': pack, 'run': run, 'unpack': unpack, 'status': status}[args.command](args, began)


def pack(args: argparse.Namespace, began: float) -> int:
    from rich.progress import track

    from irstd_toolbox.evaluation.files import check_folder
    from irstd_toolbox.slots.packing import pack
    from irstd_toolbox.slots.wheels import needed
    check_folder(args.out)
    check_folder(args.results)
    lacking = needed(args.wheels.glob('*.whl') if args.wheels else ())
    packed = pack(args.plan, args.results, args.out, source=ROOT, wheels=args.wheels, limit_mib=args.limit,
                  most=args.boxes, watch=lambda files: track(files, 'packing', transient=True))
    for kind in dict.fromkeys(item.kind for item in packed.items):
        sizes = [len(item.data) for item in packed.items if item.kind == kind]
        print(f'{kind:8} {len(sizes):4} files {sum(sizes) / 2**20:8.2f} MiB')
    for box in packed.boxes:
        size = sum(path.stat().st_size for path in box.iterdir())
        print(f'{box}  {size / 2**20:.2f} MiB of {args.limit:g}')
    print(f'needed there, as not carried: {", ".join(lacking)}')
    if packed.finished:
        print(f'finished and left out: {", ".join(packed.finished)}')
    for name, why in packed.lost.items():
        print(f'left out: {name}: {why}')
    return 0


def run(args: argparse.Namespace, began: float) -> int:
    import os

    import torch

    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.slots.gathering import Gatherer, Limits
    from irstd_toolbox.slots.running import Slot, Timing, prepare
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    print(f'torch {torch.__version__}, {device or "no GPU"}', flush=True)
    if args.gpu and device is None:
        raise ConfigError('torch sees no GPU here, and --gpu asks for one.')
    timing = Timing(args.began or began, args.minutes, args.reserve, args.every)
    if timing.stop <= time.time():
        raise ConfigError(f'--minutes {args.minutes:g} leaves no time: {args.reserve:g} s are reserved for gathering, '
                          f'and {time.time() - timing.began:.0f} s are over already.')
    home = args.home.absolute()
    plan = prepare(home)
    about = dict(slot=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(timing.began)), device=device,
                 torch=str(torch.__version__))
    gatherer = Gatherer(plan.runs, home, args.out, Limits(args.files, args.file_mib, args.total_mib), about)
    threads = args.threads or max((os.cpu_count() or 1) // args.at_once, 1)
    found = Slot(plan, home, ROOT, gatherer, timing, args.at_once, threads).work()
    _show(found)
    return int(any(note['status'] == 'failed' for note in found.values()))


def unpack(args: argparse.Namespace, began: float) -> int:
    from irstd_toolbox.slots.unpacking import unpack
    _show(unpack(args.folder, args.results))
    return 0


def status(args: argparse.Namespace, began: float) -> int:
    from irstd_toolbox.errors import DataError
    from irstd_toolbox.slots.unpacking import status_of
    found = status_of(args.results)
    if not found:
        raise DataError(f'{args.results} holds no runs. Pack a plan first.')
    _show(found)
    return 0


def _show(found: dict[str, dict]) -> None:
    width = max(map(len, found), default=0)
    for name, note in found.items():
        more = note.get('error') or note.get('state', '')
        print(f'{name:{width}}  {note["status"]:8}  epoch {note["epoch"]}/{note["epochs"]}  {more}')
    left = sum(note['status'] != 'finished' for note in found.values())
    print(f'{len(found) - left} finished, {left} left')


if __name__ == '__main__':
    from irstd_toolbox.console import run as run_tool
    run_tool(main)
