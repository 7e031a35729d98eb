"""A data set whose training masks are pseudo-labels of single points: written whole or not at all.

Loads neither torch nor mmengine.
"""

import glob
import json
import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from irstd_toolbox.datasets.imaging import read_image, read_mask
from irstd_toolbox.datasets.inventory import Layout
from irstd_toolbox.datasets.point_labels import ClusteringOptions, points_of, pseudo_mask
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.unfinished import remove_unfinished

__all__ = ['RECORD', 'LabelReport', 'write_point_labels']

RECORD = 'point_labels.json'
"""Name of the file that says how the masks were made, with points and IoU of every image."""

_LISTS = ('train', 'val', 'trainval', 'test')


@dataclass(frozen=True)
class LabelReport:
    """How well pseudo-labels meet the true masks.

    Args:
        images: How many were labelled.
        points: How many points they have.
        iou: Intersection over union of all pixels of all images together.
        niou: The mean of the images' own; an image without targets counts 1 if its label is empty too.
        true: How many masks were taken over as they are.
    """

    images: int
    points: int
    iou: float
    niou: float
    true: int


def write_point_labels(
    found: Layout, out: str | os.PathLike, place: str = 'centroid', split: str = 'trainval', seed: int = 0,
    label_test: bool = False, options: ClusteringOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LabelReport:
    """Write ``images/``, ``masks/``, the lists and :data:`RECORD`; masks of ``split`` are pseudo-labels.

    Images, and masks of the other lists, are hard links to the originals where the file system can, else copies; the
    masks are renamed to their images' ids. The list ``trainval`` is what was labelled, unless all of the data set's
    was; of the others that of validation and test are kept, and ``train`` if all of it was labelled. All is written
    into a hidden folder beside ``out``, which then takes the name. A mask depends on the image, its points, the seed
    and the id alone, not on the other images.

    Args:
        found: The data set, see :func:`.layouts.detect`.
        out: The folder to make; missing or empty.
        place: Where the points lie, see :func:`.point_labels.points_of`.
        split: The list to label.
        seed: Of points, windows and noise.
        label_test: Whether images of the test list may get pseudo-labels. A test against them says little about
            targets.
        options: How to cluster.
        progress: Called with the number of images labelled and that of all, after each.

    Raises:
        DataError: If an image or mask is missing or broken, or ``out`` holds anything.
        ConfigError: If ``split`` has images of the test list and ``label_test`` is False, ``place`` is not known, or
            ``seed`` is negative.
    """
    if seed < 0:
        raise ConfigError(f'seed is {seed}; expected a whole number from 0.')
    out, options = Path(out).resolve(), options or ClusteringOptions()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f'{out} exists. Expected no such folder, or an empty one; remove it or choose another.')
    ids = found.ids(split, require_masks=True)
    lists = {name: found.ids(name, require_masks=True) for name in _LISTS if name in found.splits}
    chosen = set(ids)
    tested = [image_id for image_id in lists.get('test', ()) if image_id in chosen]
    if tested and not label_test:
        raise ConfigError(f'split {split!r} has {len(tested)} images of the test list, such as {tested[0]}; the masks '
                          'of that list stay the true ones. Choose another split, or ask for it (--label-test).')
    lists = {name: part for name, part in lists.items() if name in ('val', 'test') or chosen.issuperset(part)}
    lists.setdefault('trainval', ids)
    staging = out.with_name(f'.{out.name}.{os.getpid()}.partial')
    remove_unfinished(out.parent, f'.{glob.escape(out.name)}.*.partial')  # of a killed process
    try:
        others = [image_id for image_id in dict.fromkeys(name for part in lists.values() for name in part)
                  if image_id not in chosen]
        for image_id in (*ids, *others):
            _place(found.images[image_id], staging / 'images', image_id)
        for image_id in others:
            _place(found.masks[image_id], staging / 'masks', image_id)
        record = {}
        for done, image_id in enumerate(ids, 1):
            record[image_id] = _label(found, image_id, staging / 'masks', place, seed, options)
            if progress:
                progress(done, len(ids))
        for name, part in lists.items():
            (staging / f'{name}.txt').write_text(''.join(f'{image_id}\n' for image_id in part), encoding='utf-8')
        report = _report(record, len(others))
        (staging / RECORD).write_text(json.dumps(dict(
            method='MCLC', dataset=found.name, split=split, points=place, seed=seed, options=asdict(options),
            summary=asdict(report), images=record), indent=1) + '\n', encoding='utf-8')
        out.parent.mkdir(parents=True, exist_ok=True)
        os.replace(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return report


def _label(found: Layout, image_id: str, folder: Path, place: str, seed: int, options: ClusteringOptions) -> dict:
    """Write one pseudo-mask; its points and its intersection and union with the true mask."""
    image = read_image(found.images[image_id])
    truth = read_mask(found.masks[image_id], image.shape)
    seeds = [seed, zlib.crc32(image_id.encode())]
    points = points_of(truth, place, seeds)
    mask = pseudo_mask(image, points, seeds, options)
    path = folder / f'{image_id}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode('.png', mask * np.uint8(255))[1].tobytes())
    return dict(points=[asdict(point) for point in points], intersection=int((mask & truth).sum()),
                union=int((mask | truth).sum()))


def _report(record: dict[str, dict], true: int) -> LabelReport:
    pairs = np.array([(image['intersection'], image['union']) for image in record.values()], np.float64)
    each = np.divide(*pairs.T, out=np.ones(len(pairs)), where=pairs[:, 1] > 0)
    inside, union = pairs.sum(axis=0)
    return LabelReport(len(record), sum(len(image['points']) for image in record.values()),
                       float(inside / union) if union else 1.0, float(each.mean()), true)


def _place(source: Path, folder: Path, image_id: str) -> None:
    """Link ``source`` into ``folder`` under its id, or copy it."""
    target = folder / f'{image_id}{source.suffix}'
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except FileNotFoundError:
        raise DataError(f'{source}: no such file. Check the folder, or the link that leads there.') from None
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
