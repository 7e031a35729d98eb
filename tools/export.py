"""Export a trained network as one ONNX file, which runs without this toolbox and without torch.

    L=configs/gpu/lgnet_scaled_nuaa_sirst; python tools/export.py $L.py $L.safetensors lgnet.onnx

The file takes grey levels 0..255 of images of any size and gives logits; normalisation and padding are in it.
It is held against the network before it is written. tools/test.py and tools/predict.py take it in a checkpoint's place.
"""

import argparse
from pathlib import Path

from irstd_toolbox.console import add_overrides, add_plugins, whole


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='a .py config')
    parser.add_argument('checkpoint', help="a file; 'best' or 'last' of the config's work folder")
    parser.add_argument('out', type=Path, help='the .onnx to write')
    parser.add_argument('--shape', type=whole(1), nargs=2, metavar=('HEIGHT', 'WIDTH'),
                        help='for one image of this size at a time, which some compilers for devices need')
    add_plugins(parser)
    add_overrides(parser)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    args = parse(argv)
    from irstd_toolbox.console import quiet
    quiet()
    from irstd_toolbox.inference.exporting import export_onnx
    from irstd_toolbox.inference.predictor import checkpoint_of
    from irstd_toolbox.plugins import load_plugins
    from irstd_toolbox.training.config_edits import load_config

    load_plugins(args.plugins)
    config = load_config(args.config, args.cfg_options)
    about = export_onnx(config, checkpoint_of(config, args.checkpoint), args.out, args.shape)
    print(f'{args.out}: {about["bytes"] / 2**20:.2f} MiB, opset {about["opset"]}, SHA-256 {about["sha256"]}')
    print(f'logits differ from the network\'s by {about["difference"]:.2g} at most, where the largest is '
          f'{about["largest"]:.3g}')


if __name__ == '__main__':
    from irstd_toolbox.console import run
    run(main)
