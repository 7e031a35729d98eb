"""Annotate synthetic images through a loopback server that stands in for a vendor: speed and memory of the engine.

The server is a process of its own (tests/vlm_server/server.py); it answers after a fixed latency and sends some
questions back with a passing failure. Images are drawn before the clock starts. Each way of asking runs in a process of
its own, whose memory is what is told.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from irstd_toolbox.console import whole

SERVER = Path(__file__).resolve().parents[1] / 'tests' / 'vlm_server' / 'server.py'
MODELS = {'openai': 'gpt-6-test', 'anthropic': 'claude-test'}
SCENES = 50
FAULTS = ('rate_limit:0.1', 'server', 'cut')
COLUMNS = ('way', 'images', 'workers', 'seconds', 'images_per_s', 'most_images_per_s', 'cpu_seconds', 'start_mib',
           'peak_mib', 'requests', 'retries', 'described')


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--images', type=whole(1), default=1000, help='default: 1000')
    parser.add_argument('--size', type=whole(1), default=256, help='side of an image (default: 256)')
    parser.add_argument('--workers', type=whole(1), default=8, help='requests at a time (default: 8)')
    parser.add_argument('--latency', type=seconds, default=0.5, help="seconds of the server's answer (default: 0.5)")
    parser.add_argument('--fault-every', type=whole(0), default=50, metavar='N',
                        help='every N-th question fails in passing: throttled, a server error, a cut answer in turn '
                             '(default: 50; 0 for none)')
    parser.add_argument('--provider', choices=sorted(MODELS), default='openai')
    parser.add_argument('--ways', nargs='+', choices=('online', 'batch'), default=['online', 'batch'])
    parser.add_argument('--json', action='store_true', help='print one JSON object instead of a table')
    args = parser.parse_args(argv)
    if args.images > SCENES * args.size:
        parser.error(f'--images {args.images}; expected at most {SCENES * args.size}: {SCENES} scenes shifted by up to '
                     f'--size {args.size} pixels are no more different images. Draw fewer, or larger ones.')
    return args


def seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f'{text!r}; expected seconds above 0, such as 0.5')
    return number


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder, 'images'), args.images, args.size)
        for way in args.ways:
            with serving(args) as port, ProcessPoolExecutor(1, get_context('spawn')) as process:
                rows.append(process.submit(measure, way, Path(folder), port, args).result())
    if args.json:
        print(json.dumps({'options': vars(args), 'rows': rows}))
    else:
        from irstd_toolbox.text_priors.tables import render
        print(f'{args.provider}, {args.size}x{args.size} images, latency {args.latency:g} s, '
              f'{os.cpu_count()} CPUs, SDK {version(args.provider)}')
        print(render(COLUMNS, [[row[name] for name in COLUMNS] for row in rows]))
    return 0 if all(row['described'] == args.images for row in rows) else 3


def draw(folder: Path, number: int, side: int) -> None:
    """Write synthetic infrared scenes as PNGs: some scenes, and these shifted sideways, so that no two are the same."""
    import numpy as np
    from PIL import Image

    from irstd_toolbox.datasets.synthetic.scene import SceneOptions, make_scene

    folder.mkdir()
    scenes = [make_scene(0, index, SceneOptions(size=(side, side))).image for index in range(min(number, SCENES))]
    for index in range(number):
        pixels = np.roll(scenes[index % SCENES], index // SCENES, axis=1)
        Image.fromarray(pixels).save(folder / f'{index:05d}.png', compress_level=1)


@contextmanager
def serving(args: argparse.Namespace) -> Iterator[int]:
    """A running server; its port."""
    every = args.fault_every
    faults = [FAULTS[i // every % len(FAULTS)] if every and (i + 1) % every == 0 else 'ok' for i in range(args.images)]
    process = subprocess.Popen(
        [sys.executable, str(SERVER), '--latency', str(args.latency), '--script', ','.join(faults)],
        stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def measure(way: str, folder: Path, port: int, args: argparse.Namespace) -> dict[str, Any]:
    """Annotate all images in one way, in this process."""
    os.environ |= {'OPENAI_API_KEY': 'none', 'ANTHROPIC_API_KEY': 'none'}
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.text_priors import build_provider
    from irstd_toolbox.text_priors.vlm import batch
    from irstd_toolbox.text_priors.vlm.annotate import annotate
    from irstd_toolbox.text_priors.vlm.images import prepare_file
    from irstd_toolbox.text_priors.vlm.pace import Limits

    load_plugins()
    paths = {path.stem: path for path in sorted((folder / 'images').iterdir())}
    url = f'http://127.0.0.1:{port}' + ('/v1' if args.provider == 'openai' else '')
    provider = build_provider(args.provider, {'model': MODELS[args.provider], 'base_url': url})
    descriptions, limits = folder / way / 'descriptions', Limits(concurrency=args.workers)
    __import__(args.provider)

    def prepare(image_id: str) -> Any:
        return prepare_file(paths[image_id], image_id)

    start_mib, start, cpu = memory_mib('VmRSS'), time.perf_counter(), time.process_time()
    if way == 'online':
        report = annotate(paths, descriptions, provider, prepare, limits=limits)
        requests, answers, most = report.calls, len(report.written), args.workers / args.latency
    else:
        submission = batch.submit(paths, descriptions, provider, prepare, limits=limits)
        report = batch.ingest(descriptions, provider, limits)
        requests = answers = len(submission.shards)
        most = None
    seconds = time.perf_counter() - start
    return {
        'way': way, 'images': len(paths), 'workers': args.workers if way == 'online' else 1,
        'seconds': round(seconds, 2), 'images_per_s': round(len(paths) / seconds, 1),
        'most_images_per_s': most and round(most, 1), 'cpu_seconds': round(time.process_time() - cpu, 2),
        'start_mib': start_mib, 'peak_mib': memory_mib(), 'requests': requests, 'retries': requests - answers,
        'described': len(list(descriptions.glob('*.txt')))}


def memory_mib(name: str = 'VmHWM') -> float:
    """The most memory that this process has held so far; ``'VmRSS'``: that it holds now.

    Linux tells the process's own; ``getrusage`` counts what the process it was forked from held.
    """
    status = Path('/proc/self/status')
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith(f'{name}:'))
        return round(int(line.split()[1]) / 1024, 1)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == 'darwin' else 2**10), 1)


def version(distribution: str) -> str:
    import importlib.metadata
    return f'{distribution} {importlib.metadata.version(distribution)}'


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
