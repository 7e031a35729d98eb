"""Make a checkpoint ready for others: NAME.safetensors with the weights, NAME.json with their hash and origin.

    python tools/publish.py work_dirs/lgnet_nuaa_sirst/best.pth lgnet_nuaa_sirst.safetensors --half

tools/test.py and tools/predict.py take the file in the place of a .pth.
"""

import argparse
from pathlib import Path


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', type=Path, help='what tools/train.py wrote')
    parser.add_argument('out', type=Path, help='the .safetensors to write')
    parser.add_argument('--half', action='store_true', help='weights as float16, half the bytes')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.training.publishing import publish
    about = publish(args.checkpoint, args.out, args.half)
    print(f'{args.out}: {about["bytes"] / 2**20:.2f} MiB, SHA-256 {about["sha256"]}')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
