"""Files below a data set that are neither its images, masks, descriptions and their record nor its lists."""

import os
from collections import Counter
from pathlib import Path

from irstd_toolbox.datasets.imaging import IMAGE_SUFFIXES
from irstd_toolbox.datasets.layouts import LAYOUT_FILE, Layout
from irstd_toolbox.datasets.scanning import walk
from irstd_toolbox.diagnosis.findings import Finding, found

__all__ = ['leftover_findings']


def leftover_findings(layout: Layout) -> list[Finding]:
    """Masks without image, file by file, and all other files, by folder and extension.

    A data set of which no mask fits any image has its masks somewhere under wrong names: then every other image file
    counts as a mask without image.
    """
    used = {_plain(path) for path in (*layout.files, layout.root / LAYOUT_FILE)}
    pictured = {_plain(path).parent for path in layout.images.values()}
    masked = {_top(image_id, _plain(path)) for image_id, path in layout.masks.items()}
    orphans, foreign = [], Counter()
    for place, hidden, files in walk(layout.root):
        folder = _plain(place)
        below = place.relative_to(layout.root).as_posix()
        prefix = '' if below == '.' else f'{below}/'
        foreign.update(f'{prefix}{name}/' for name in hidden)
        of_masks = folder not in pictured and (not layout.masks or bool(masked & {folder, *folder.parents}))
        for name in files:
            path = folder / name
            if path in used:
                continue
            if name.startswith('.'):
                foreign[f'{prefix}.*'] += 1
            elif of_masks and path.suffix.lower() in IMAGE_SUFFIXES:
                orphans.append(prefix + name)
            else:
                foreign[f'{prefix}*{path.suffix}' if path.suffix else prefix + name] += 1
    return found('orphan-mask', orphans) + found('foreign-file', [
        one if count == 1 and '*' not in one else f'{one} ({count})' for one, count in sorted(foreign.items())])


def _plain(path: str | Path) -> Path:
    """Absolute, without ``..``; links are not resolved."""
    return Path(os.path.abspath(path))


def _top(image_id: str, mask: Path) -> Path:
    """The folder of masks that the folders in an id are below.

    Example:
        >>> _top('44/1', Path('masks/44/1.png')).as_posix(), _top('test/1', Path('test/masks/1.png')).as_posix()
        ('masks', 'test/masks')
    """
    inner = Path(image_id).parent.parts
    folders = mask.parent.parts
    return Path(*folders[:len(folders) - len(inner)]) if inner and folders[-len(inner):] == inner else mask.parent
