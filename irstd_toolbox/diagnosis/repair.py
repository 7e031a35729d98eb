"""A mended copy of a data set, in the layout that it has."""

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from irstd_toolbox.datasets.inventory import TOLD_FOLDERS
from irstd_toolbox.datasets.layouts import LAYOUT_FILE, Layout
from irstd_toolbox.diagnosis.audit import Audit
from irstd_toolbox.diagnosis.lists import read_quietly
from irstd_toolbox.diagnosis.writing import fresh_folder, usable, write_list, write_mask
from irstd_toolbox.errors import ConfigError, DataError

__all__ = ['Repair', 'check_inside', 'repair']


@dataclass(frozen=True)
class Repair:
    """What a mended copy holds, and what it does not.

    Args:
        images: Images copied.
        resampled: Ids whose mask was resampled to its image.
        binarised: Ids whose mask had greys.
        left_out: Ids left out, since the image or its mask is missing or cannot be read.
        lists: Split lists written.
        empty_lists: Split lists left out, since no id of theirs is left.
    """

    images: int
    resampled: tuple[str, ...]
    binarised: tuple[str, ...]
    left_out: tuple[str, ...]
    lists: int
    empty_lists: tuple[str, ...]

    def describe(self) -> str:
        """One line."""
        text = (f'{self.images} images; masks resampled {len(self.resampled)}, made binary {len(self.binarised)}; '
                f'left out {len(self.left_out)} ids; {self.lists} lists')
        return text + (f', without {", ".join(self.empty_lists)}' if self.empty_lists else '')


def repair(audit: Audit, out: str | Path, watch: Callable[[Iterable[str]], Iterable[str]] = iter) -> Repair:
    """Write a mended copy; the data set itself is read and nothing else.

    Images, descriptions and the record of who wrote these are copied. Masks become 8-bit PNG of 0 and 255 at their
    image's size, by the one rule of :func:`irstd_toolbox.datasets.imaging.read_mask`. Lists lose carriage returns,
    marks, repeated ids and those that are left out, and end in a line break. Left out are images without mask (where
    there are masks at all), masks without image, files that cannot be read, and files that are no part of the data set.
    Who is on which list, and images that occur twice, are the authors' decision: they stay. Folders that were told are
    told in the copy too, by paths below it.

    Args:
        audit: What was found.
        out: Where to write: missing or empty.
        watch: Wraps the ids as they are written; for a progress bar.

    Raises:
        ConfigError: If ``out`` holds something, or is part of the data set, or a part of the data set lies outside its
            folder.
        DataError: If no image is left.
    """
    layout, facts = audit.layout, audit.facts
    check_inside(layout)
    ids = usable(audit)
    if not ids:
        raise DataError(f'{layout.root}: no image has a mask that can be read, so nothing would be left.')
    kept, lists, empty = set(ids), {layout.inside(path): path for path in layout.lists}, []
    with fresh_folder(out, layout.root) as folder:
        def place(path: Path) -> Path:
            target = folder / layout.inside(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            return target
        for one in watch(ids):
            shutil.copyfile(layout.images[one], place(layout.images[one]))
            if one in layout.masks:
                write_mask(audit, one, place(layout.masks[one]).with_suffix('.png'))
            if one in layout.descriptions:
                shutil.copyfile(layout.descriptions[one], place(layout.descriptions[one]))
        for record in layout.records:
            shutil.copyfile(record, place(record))
        for name, path in lists.items():
            try:
                listed = [one for one in read_quietly(path) if one in kept]
            except DataError:
                listed = []
            if listed:
                write_list(place(path), listed)
            else:
                empty.append(name)
        if told := layout.retold(without=empty):
            for key in TOLD_FOLDERS:
                if told.get(key) is not None:
                    (folder / told[key]).mkdir(parents=True, exist_ok=True)
            (folder / LAYOUT_FILE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
    masks = {one: facts[one].mask for one in ids if facts[one].mask}
    return Repair(
        len(ids), tuple(one for one, mask in masks.items() if mask.shape != facts[one].shape),
        tuple(one for one, mask in masks.items() if mask.greys),
        tuple(one for one in layout.images if one not in kept), len(lists) - len(empty),
        tuple(name.as_posix() for name in empty))


def check_inside(layout: Layout) -> None:
    """Refuse a data set of which a part lies outside its folder: a copy would lack it, or overwrite it.

    Raises:
        ConfigError: If it is so.
    """
    told = [layout.root / layout.told[key] for key in TOLD_FOLDERS if (layout.told or {}).get(key) is not None]
    outside = [path for path in (*told, *layout.files) if layout.inside(path) is None]
    if outside:
        raise ConfigError(f'{outside[0]}: lies outside the data set {layout.root}, and a mended copy holds only what '
                          'is below that folder. Move it there, or link its folder there, and tell that place in '
                          f'{LAYOUT_FILE}. Nothing was written.')
