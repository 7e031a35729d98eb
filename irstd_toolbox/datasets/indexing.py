"""Index the folders of one reading of the disk.

Loads neither torch nor mmengine.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from irstd_toolbox.datasets.inventory import Layout
from irstd_toolbox.datasets.scanning import (
    DESCRIPTION_SUFFIXES,
    MASK_SUFFIXES,
    in_natural_order,
    index_descriptions,
    index_images,
    pair,
)

__all__ = ['Tree', 'build']


@dataclass(frozen=True)
class Tree:
    """The folders of one reading of the disk.

    Args:
        layout: Its key in :data:`irstd_toolbox.datasets.layouts.LAYOUTS`.
        parts: Part (``''`` where lists make the parts) to its folder of images and of masks, which may be one.
        descriptions: Part to its folder of descriptions; ``''`` is for all.
        image_suffix: What every image's name ends in, before the extension, and its id does not.
        mask_suffixes: What may stand between a mask's id and its extension.
        nested: Whether folders below those of the images and masks are gone into.
    """

    layout: str
    parts: Mapping[str, tuple[Path, Path | None]]
    descriptions: Mapping[str, Path]
    image_suffix: str = ''
    mask_suffixes: tuple[str, ...] = MASK_SUFFIXES
    nested: bool = True


def build(tree: Tree, title: str, root: Path, name: str, splits: Mapping[str, Path]) -> Layout:
    """List the images of ``tree`` and find each its mask and description.

    Raises:
        DataError: If a folder cannot be listed or two files have one id.
    """
    ignored: Counter = Counter()
    notes: list[str] = []
    parts = {part: _index(tree, images, masks, ignored, notes) for part, (images, masks) in tree.parts.items()}
    counts = Counter(image_id for images, _ in parts.values() for image_id in images)
    twice = [image_id for image_id, count in counts.items() if count > 1]
    if twice:
        example = f'{next(iter(parts))}/{twice[0]}'
        notes.append(f'{len(twice)} ids occur in several parts, so ids carry their part, such as {example}')
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    descriptions: dict[str, Path] = {}
    found: dict[str, Path | tuple[str, ...]] = dict(splits)
    for part, (part_images, part_masks) in parts.items():
        front = f'{part}/' if twice else ''
        images |= {front + image_id: path for image_id, path in part_images.items()}
        masks |= {front + image_id: path for image_id, path in part_masks.items()}
        folder = tree.descriptions.get(part, tree.descriptions.get(''))
        if folder and folder.is_dir():
            texts, _ = pair(part_images, index_descriptions(folder), DESCRIPTION_SUFFIXES)
            descriptions |= {front + image_id: path for image_id, path in texts.items()}
        if part:
            found[part] = tuple(front + image_id for image_id in part_images)
    return Layout(root, tree.layout, title, name, in_natural_order(images), masks, descriptions, found, ignored,
                  tuple(notes), description_folders=tuple(dict.fromkeys(tree.descriptions.values())))


def _index(tree: Tree, images: Path, masks: Path | None, ignored: Counter, notes: list[str],
           ) -> tuple[dict[str, Path], dict[str, Path]]:
    """Id to image and id to mask of one part."""
    found, passed = index_images(images, tree.nested)
    ignored.update(passed)
    covers = {}
    if masks == images:
        covers = found
        marks = tuple(suffix for suffix in tree.mask_suffixes if suffix)
        found = {stem: path for stem, path in found.items() if not _is_mask(stem, found, marks, tree.image_suffix)}
    elif masks:
        covers, passed = index_images(masks, tree.nested)
        ignored.update(passed)
    if tree.image_suffix:
        found = {stem.removesuffix(tree.image_suffix): path for stem, path in found.items()}
    paired, suffix = pair(found, covers, tree.mask_suffixes if masks != images else marks)
    if covers and not paired and masks != images:
        expected = ', '.join(f'ID{suffix}' for suffix in tree.mask_suffixes)
        notes.append(f'{len(covers)} files in {masks}, but none is named as a mask of these images ({expected})')
    elif paired and len(paired) < len(found):
        absent = next(image_id for image_id in found if image_id not in paired)
        notes.append(f'{len(found) - len(paired)} images have no mask, the first {absent}')
    if masks != images and len(covers) > len(paired) > 0:
        notes.append(f'{len(covers) - len(paired)} masks have no image')
    if suffix:
        notes.append(f'masks are named ID{suffix}')
    return found, paired


def _is_mask(stem: str, found: Mapping[str, Path], marks: tuple[str, ...], image_suffix: str) -> bool:
    """Whether a file of a folder that images and masks share is the mask of another one."""
    return any(stem.endswith(mark) and stem.removesuffix(mark) + image_suffix in found for mark in marks)
