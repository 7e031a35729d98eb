"""Measure model-driven methods on their test lists: a Markdown table by threshold rule, and milliseconds an image.

    python tools/benchmark_model_driven.py configs/baselines/*_nuaa_sirst.py --out work_dirs/model_driven \\
        --document docs/results.md

Configs of networks are left out. Each method has two rows: by the rule of its config, and by the one threshold that is
best on the training list. Figures are those of tools/test.py; time is that of the method alone, on one thread.
"""

import argparse
import glob
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from irstd_toolbox.console import whole

CAPTION = ('Protocol `canonical`; percent, Fa in 1e-6; ms: CPU time of the method alone on one thread, median over '
           'test images\nstretched to 256x256.')
HEADINGS = ('method', 'test list', 'threshold rule', 'IoU', 'nIoU', 'Pd', 'Fa', 'ms')


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='paths or quoted patterns')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/model_driven'), metavar='DIR',
                        help='one JSON file a config (default: %(default)s)')
    parser.add_argument('--document', type=Path, metavar='FILE', help='write the table into this Markdown file')
    parser.add_argument('--section', default='model-driven', metavar='NAME',
                        help='in its section "<!-- NAME -->" (default: %(default)s)')
    parser.add_argument('--keep', action='store_true',
                        help='do not measure configs again whose file is in --out, made by the same --tune-images and '
                             '--timed')
    parser.add_argument('--tune-images', type=whole(1), metavar='N',
                        help='choose the best threshold on N images of the training list, evenly spaced (default: all)')
    parser.add_argument('--timed', type=whole(1), default=10, metavar='N',
                        help='test images that are timed, stretched to 256x256 (default: %(default)s)')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    import cv2
    import torch

    from irstd_toolbox.errors import ConfigError
    from irstd_toolbox.evaluation.sections import find_section, replace_section
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.training.config_edits import load_config

    if args.document:
        find_section(args.document, args.section)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    load_plugins()
    paths = dict.fromkeys(path for pattern in args.configs for path in sorted(glob.glob(pattern)) or [pattern])
    files: dict[Path, str] = {}
    for path in paths:
        if load_config(path).model.get('type') == 'ModelDrivenDetector':
            file = args.out / f'{Path(path).stem}.json'
            if file in files:
                raise ConfigError(f'{files[file]} and {path} would both be written to {file}; expected configs of '
                                  'different names. Rename one, or measure each with its own --out.')
            files[file] = path
    rows = []
    for file, path in files.items():
        made_of = dict(config=str(Path(path).resolve()), tune_images=args.tune_images, timed=args.timed)
        kept = read_kept(file, made_of) if args.keep else None
        if kept is None:
            print(path, file=sys.stderr, flush=True)
            kept = measure(path, args.tune_images, args.timed)
            write_json(file, dict(made_of, rows=kept))
        rows += kept
    if not rows:
        raise ConfigError(f'No config of a model-driven method among {", ".join(args.configs)}.')
    text = table(rows)
    print(text)
    if args.document:
        words = [word for word in (argv or sys.argv[1:]) if word != '--keep']  # measured anew, the table is the same
        command = ['tools/benchmark_model_driven.py', *words]
        replace_section(args.document, args.section, command, f'{text}\n\n{CAPTION}')


def read_kept(path: Path, made_of: dict) -> list[dict] | None:
    """The rows of an earlier run; None if there are none, or they are of another config or other options."""
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
        return found['rows'] if {key: found[key] for key in made_of} == made_of else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_json(path: Path, content: Any) -> None:
    from irstd_toolbox.evaluation.files import write_atomically

    write_atomically(path, (json.dumps(content, indent=2) + '\n').encode())


def measure(path: str, tune_images: int | None, timed: int) -> list[dict]:
    """Two rows, by the config's rule and by the best threshold; both from one computation of the responses."""
    from irstd_toolbox.evaluation.prediction_io import decode, encode
    from irstd_toolbox.evaluation.protocols import resolve
    from irstd_toolbox.evaluation.results import score_image, summarise
    from irstd_toolbox.inference.tuning import detector_of, list_of, responses_of, tune_threshold
    from irstd_toolbox.models.model_driven import BestThreshold
    from irstd_toolbox.models.model_driven.detector import to_logits
    from irstd_toolbox.training.config_edits import load_config

    config = load_config(path)
    model = detector_of(config)
    dataset = list_of(config, config.test_dataloader.dataset.split)
    best = tune_threshold(path, images=tune_images)
    rules = [model.threshold, BestThreshold(best['value'], best['origin'], best['scale'])]
    scores: list[list] = [[] for _ in rules]
    protocols = resolve(('canonical',))
    for scored in responses_of(model, dataset):
        for rule, found in zip(rules, scores, strict=True):
            logits = to_logits(scored.response, rule(scored.response)).astype('float32')
            found.append(score_image(scored.image_id, decode(encode(logits)), scored.truth, protocols))
    milliseconds = time_method(model, dataset, timed)
    return [dict(config=path, method=type(model.method).__name__, dataset=dataset.metainfo['dataset'],
                 images=len(found), threshold=rule.describe(), ms=milliseconds,
                 metrics=summarise(found, protocols)['protocols']['canonical'])
            for rule, found in zip(rules, scores, strict=True)]


def time_method(model: Any, dataset: Any, count: int) -> float:
    """Median milliseconds of the method on images of the list stretched to 256x256, after one to warm up."""
    import cv2
    import numpy as np

    seconds = []
    places = np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int)
    for place in [places[0], *places]:
        image = cv2.resize(dataset[int(place)]['inputs'][0].double().numpy(), (256, 256))
        start = time.process_time()
        model.method(image)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds[1:]) * 1e3


def table(rows: list[dict]) -> str:
    """The rows in Markdown; percent, Fa in 1e-6."""
    lines = [' | '.join(HEADINGS), ' | '.join(['---'] * 3 + ['---:'] * 5)]
    for row in rows:
        metrics, tested = row['metrics'], f'{row["dataset"]} ({row["images"]})'
        figures = [f'{metrics[key] * 100:.2f}' for key in ('IoU', 'nIoU', 'Pd')]
        lines.append(' | '.join([row['method'], tested, in_words(row['threshold']), *figures,
                                 f'{metrics["Fa"] * 1e6:.1f}', f'{row["ms"]:.1f}']))
    return '\n'.join(f'| {line} |' for line in lines)


def in_words(rule: dict) -> str:
    """A threshold rule in the table."""
    if rule['rule'] == 'AdaptiveThreshold':
        return f'mean + {rule["k"]:g} sigma'
    if rule['rule'] == 'FixedThreshold':
        return f'{rule["share"]:g} of the range'
    origin = rule['origin']
    value = f'{rule["value"]:.4g} of the range' if rule['scale'] == 'range' else f'response {rule["value"]:.4g}'
    return f'best on {origin["split"]} ({origin["images"]} images): {value}'


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
