"""Whether the network of every config given can be exported, and what its ONNX file costs beside it, as a table.

Starting weights of a seed, no checkpoint; those that start at 0 are drawn with a deviation of 0.1, lest they hide what
they multiply. The difference is the largest between the logits of file and network over the largest logit. Times are
medians of CPU time for one image on one thread, which other programs lengthen less than wall time.

    python tools/benchmark_export.py configs/ablations/lgnet_irstd1k_fusion.py 'configs/baselines/*_irstd1k.py'
"""

import argparse
import glob
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from irstd_toolbox.console import whole

HEAD = ('config', 'exported in, s', 'file, MiB', 'difference', 'torch, ms', 'onnxruntime, ms')


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', help='paths or quoted patterns; formulas are left out')
    parser.add_argument('--size', type=whole(16), default=256, help='side of the timed image (default: %(default)s)')
    parser.add_argument('--repeats', type=whole(1), default=5, help='timed images, after one (default: %(default)s)')
    parser.add_argument('--document', type=Path, metavar='FILE',
                        help='write the table into this Markdown file, in its section "<!-- export -->"')
    return parser.parse_args(argv)


def measure(path: str, args: argparse.Namespace) -> list[str] | None:
    """The cells of a config's row; None for one that is of no segmentor."""
    import time

    import torch

    from irstd_toolbox.benchmarking.cost import percentiles, timed
    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.inference.exporting import export_onnx
    from irstd_toolbox.inference.predictor import Predictor
    from irstd_toolbox.models import IRSTDSegmentor
    from irstd_toolbox.registry import MODELS
    from irstd_toolbox.training.config_edits import load_config

    config = load_config(path)
    if not issubclass(MODELS.get(config.model.type), IRSTDSegmentor):
        return None
    with TemporaryDirectory() as folder:
        weights, file = Path(folder) / 'start.pth', Path(folder) / 'network.onnx'
        torch.manual_seed(0)
        state = MODELS.build(config.model).state_dict()
        for value in state.values():
            if value.is_floating_point() and not value.any():
                value.normal_(std=0.1)
        torch.save(dict(state_dict=state), weights)
        start = time.process_time()
        try:
            about = export_onnx(config, weights, file)
        except ConfigError as error:  # a row says what
            return [Path(path).stem, str(error)]
        seconds = time.process_time() - start
        image = torch.rand(1, 1, args.size, args.size, generator=torch.Generator().manual_seed(0)) * 255
        row = [Path(path).stem, f'{seconds:.0f}', f'{about["bytes"] / 2**20:.2f}',
               f'{about["difference"] / about["largest"]:.0e}']
        for checkpoint in (weights, file):
            model = Predictor(config, checkpoint, 'cpu').model
            batch = model.data_preprocessor(dict(inputs=image), False)['inputs']
            with torch.inference_mode():
                row.append(f'{percentiles(timed(partial(model, batch), args.repeats))["p50"]:.0f}')
        return row


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    import torch

    from irstd_toolbox.benchmarking.reports.markdown import escape
    from irstd_toolbox.evaluation.sections import find_section, replace_section

    if args.document:
        find_section(args.document, 'export')
    torch.set_num_threads(1)
    paths = [path for pattern in args.configs for path in sorted(glob.glob(pattern)) or [pattern]]
    lines = ['| ' + ' | '.join(HEAD) + ' |', '| ' + ' | '.join(['---'] * len(HEAD)) + ' |']
    print('\n'.join(lines), flush=True)
    failed = False
    for row in filter(None, (measure(path, args) for path in paths)):
        failed = failed or len(row) < len(HEAD)
        lines.append('| ' + ' | '.join([row[0], *map(escape, row[1:]), *[''] * (len(HEAD) - len(row))]) + ' |')
        print(lines[-1], flush=True)
    if args.document:
        replace_section(args.document, 'export', ['tools/benchmark_export.py', *(argv or sys.argv[1:])],
                        '\n'.join(lines))
    return int(failed)


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
