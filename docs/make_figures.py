"""Make the figures of the documents, docs/images/*.png, from the synthetic scenes of `make demo`.

    make demo && python docs/make_figures.py

Runs tools/test.py, tools/plot_curves.py and tools/draw.py as a person would, and shows the commands.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
METHODS = {'Top-Hat': 'top_hat', 'MPCM': 'mpcm', 'LGNet': 'test'}
SCENE = 'test_00018'


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--demo', type=Path, default=Path('work_dirs/demo'), help='of make demo (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs' / 'images', help='default: docs/images')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    demo, drafts = args.demo, args.demo / 'figures'
    for name in ('top_hat', 'mpcm'):
        if not (demo / name / 'results.json').is_file():
            call('test.py', f'configs/baselines/{name}_nuaa_sirst.py', '--out', demo / name, '--cfg-options',
                 f'test_dataloader.dataset.data_root={demo / "data"}', 'test_dataloader.dataset.name=None')
    folders = {name: demo / folder / 'predictions' for name, folder in METHODS.items()}
    call('plot_curves.py', *(f'{folder}={name}' for name, folder in folders.items()), demo / 'data', '--kinds', 'pd_fa',
         '--out', drafts)
    call('draw.py', demo / 'data', '--predictions', *(f'{name}={folder}' for name, folder in folders.items()),
         '--kinds', 'panel', 'difference', '--ids', SCENE, '--out', drafts)
    call('draw.py', demo / 'data', '--predictions', f'MPCM={folders["MPCM"]}', f'LGNet={folders["LGNet"]}',
         '--kinds', 'surface', '--ids', SCENE, '--out', drafts)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, draft in {'pd_fa': 'pd_fa.png', **{kind: f'{kind}/{SCENE}.png' for kind in (
            'panel', 'difference', 'surface')}}.items():
        shrink(drafts / draft, args.out / f'{name}.png')


def call(tool: str, *arguments: object) -> None:
    """Run one tool of the checkout that this is run in; leave with its status when it fails."""
    words = [f'tools/{tool}', *map(str, arguments)]
    print(f'$ {shlex.join(["python", *words])}', flush=True)
    done = subprocess.run([sys.executable, *words], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def shrink(draft: Path, target: Path) -> None:
    """Half the resolution, 150 dpi, and a palette of 256 colours."""
    from PIL import Image

    with Image.open(draft) as image:
        half = image.convert('RGB').reduce(2)
    half.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True, dpi=(150, 150))
    print(f'{target}: {half.width}x{half.height}, {target.stat().st_size / 1000:.0f} kB')


if __name__ == '__main__':
    main()
