"""Synthetic scenes to try the page on, made on the spot."""

from pathlib import Path

import cv2

from ..datasets.synthetic import SceneOptions, make_scene
from ..evaluation.files import write_atomically
from ..inference.documents import mask_png

__all__ = ['EXAMPLES', 'write_example']

EXAMPLES = {
    'a cloud scene, 8 bit': SceneOptions(clutter=('cloud',), targets=(2, 3), snr=(12.0, 25.0), max_contrast=0.6),
    'a sea scene, 16 bit': SceneOptions(clutter=('sea',), targets=(2, 3), snr=(12.0, 25.0), max_contrast=0.6, bits=16),
}
"""Name to what is drawn; contrasts are those of NUAA-SIRST, above SPIE's bound of 0.15."""


def write_example(label: str, number: int, folder: Path) -> tuple[Path, Path]:
    """Write scene ``number`` of the kind ``label`` and its mask into a folder; returns their paths."""
    scene = make_scene(number, 0, EXAMPLES[label])
    name = f'synthetic_{scene.clutter}_{number}'
    image, mask = folder / f'{name}.png', folder / f'{name}_mask.png'
    write_atomically(image, cv2.imencode('.png', scene.image)[1].tobytes())
    write_atomically(mask, mask_png(scene.mask))
    return image, mask
