"""What was found of a data set: its images, masks, descriptions and splits, and the checks on using them.

Loads neither torch nor mmengine.
"""

import os
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from irstd_toolbox.datasets.catalog import Card, find_card
from irstd_toolbox.datasets.imaging import image_shape, read_mask
from irstd_toolbox.datasets.scanning import PROVENANCE
from irstd_toolbox.datasets.splits import Split, read_list
from irstd_toolbox.errors import DataError

__all__ = ['TOLD_FOLDERS', 'Layout']

TOLD_FOLDERS = ('images', 'masks', 'descriptions')
"""What a dict that tells the layout names folders by."""


@dataclass(frozen=True)
class Layout:
    """One data set as it was found.

    Args:
        root: The folder that holds it (a folder below the one given, where that one only wraps it).
        layout: A key of :data:`irstd_toolbox.datasets.layouts.LAYOUTS`.
        title: What that layout looks like.
        name: The data set's name, as the catalogue spells it where it knows it.
        images: Id to image, in natural order.
        masks: Id to mask; an id without one is not in it.
        descriptions: Id to description file; an id without one is not in it.
        splits: Split to its list, or to its ids where folders stand for lists.
        ignored: What was passed over: kind to number.
        notes: What one should know, a sentence each.
        description_folders: The folders that descriptions were looked for in.
        told: What told the folders; None if they were found.
    """

    root: Path
    layout: str
    title: str
    name: str
    images: Mapping[str, Path]
    masks: Mapping[str, Path] = field(default_factory=dict)
    descriptions: Mapping[str, Path] = field(default_factory=dict)
    splits: Mapping[str, Path | tuple[str, ...]] = field(default_factory=dict)
    ignored: Mapping[str, int] = field(default_factory=Counter)
    notes: tuple[str, ...] = ()
    description_folders: tuple[Path, ...] = ()
    told: Mapping | None = None

    @property
    def card(self) -> Card | None:
        """What the catalogue knows about the data set."""
        return find_card(self.name)

    @property
    def told_descriptions(self) -> Path | None:
        """The folder that was told to be that of the descriptions, written or not yet."""
        folder = (self.told or {}).get('descriptions')
        return None if folder is None else self.root / folder

    @property
    def lists(self) -> list[Path]:
        """The files of the splits, each once; one that was told may be missing."""
        return sorted({path for path in self.splits.values() if isinstance(path, Path)})

    @property
    def records(self) -> list[Path]:
        """The records of who wrote the descriptions, beside them."""
        return [path for path in (folder / PROVENANCE for folder in self.description_folders) if path.is_file()]

    @property
    def files(self) -> list[Path]:
        """Every image, mask, description, record and list."""
        return [*self.images.values(), *self.masks.values(), *self.descriptions.values(), *self.records, *self.lists]

    def inside(self, path: Path) -> Path | None:
        """``path`` as it lies below :attr:`root`, links not resolved; None if it lies elsewhere."""
        path, root = (Path(os.path.abspath(one)) for one in (path, self.root))
        return path.relative_to(root) if path.is_relative_to(root) else None

    def retold(self, without: Container[Path] = ()) -> dict | None:
        """:attr:`told` for a copy of :attr:`root`: paths are relative to it. None if the folders were found.

        Args:
            without: Lists, as :meth:`inside` gives them, that the copy does not have.
        """
        if self.told is None:
            return None
        def placed(path: str | Path) -> str:
            return (self.inside(self.root / path) or Path(path)).as_posix()
        told = {key: placed(value) if key in TOLD_FOLDERS and value is not None else value
                for key, value in self.told.items()}
        if told.get('splits') is not None:
            told['splits'] = {split: placed(path) for split, path in told['splits'].items()
                              if self.inside(self.root / path) not in without}
        return told

    def ids(self, split: str, require_masks: bool = False) -> tuple[str, ...]:
        """The ids of a split, see :meth:`resolve`."""
        return self.resolve(split, require_masks).ids

    def resolve(self, split: str, require_masks: bool = False) -> Split:
        """Say which images a split's name means.

        ``'all'`` is every image. A name in :attr:`splits` is that list. ``'trainval'`` falls back on ``'train'``, and
        ``'train'`` on ``'trainval'`` if there is no ``'val'``; the note says so. Anything else must be a list file
        (below the data set, where ``.txt`` may be left off, or below the working directory, or absolute).

        Args:
            require_masks: Whether every image must have a mask.

        Raises:
            DataError: If the split is unknown (the message lists the known ones) or empty, or an image or a required
                mask is absent.
        """
        found = self._look_up(split)
        if not found.ids:
            raise DataError(f'{self.root}: split {split!r} is empty ({found.source}). Expected at least one image.')
        self._demand(found, self.images, 'image')
        if require_masks:
            self._demand(found, self.masks, 'mask')
        return found

    def truth(self, image_id: str) -> np.ndarray:
        """The mask of an image, ``(H, W)`` bool, at the image's own size.

        Raises:
            DataError: If mask or image cannot be read.
        """
        return read_mask(self.masks[image_id], shape=image_shape(self.images[image_id])) == 1

    def overlap(self, first: str, second: str) -> tuple[str, ...]:
        """The ids that two splits share, in the order of the first. Their images need not be there."""
        others = set(self._look_up(second).ids)
        return tuple(image_id for image_id in self._look_up(first).ids if image_id in others)

    def describe(self) -> str:
        """What was detected, in one line."""
        masked = f'{len(self.masks)} masks' if self.masks else 'no masks'
        parts = [f'{len(self.images)} images, {masked}']
        if self.descriptions:
            parts[0] += f', {len(self.descriptions)} descriptions'
        parts.append('splits ' + ', '.join(self.splits) if self.splits else "no split lists (only split 'all')")
        if self.ignored:
            parts.append('ignored ' + ', '.join(f'{count} {kind}' for kind, count in sorted(self.ignored.items())))
        return f'{self.name} at {self.root}: layout {self.layout} ({self.title}); ' + '; '.join([*parts, *self.notes])

    def _look_up(self, split: str) -> Split:
        if split == 'all':
            return Split(split, tuple(self.images), 'every image found')
        if split in self.splits:
            return self._read(split, split)
        if split == 'trainval' and 'train' in self.splits:
            return self._read(split, 'train', 'there is no trainval list; the train list stands in')
        if split == 'train' and 'trainval' in self.splits and 'val' not in self.splits:
            return self._read(split, 'trainval', 'there is no train list; the trainval list stands in')
        for path in (self.root / split, self.root / f'{split}.txt', Path(split)):
            if path.is_file():
                return Split(split, read_list(path, self.images), str(path))
        known = ', '.join(sorted({'all', *self.splits}))
        if split in ('train', 'trainval'):
            hint = f' Write {split}.txt, one id a line, into {self.root}, or take every image, split=all.'
        else:
            hint = ' To validate without a val list, carve a part from trainval (holdout).' if split == 'val' else ''
        raise DataError(f'{self.name} at {self.root}: no split {split!r}. Known: {known}; the path of a list file '
                        f'(one id a line) is taken too.{hint}')

    def _read(self, name: str, key: str, note: str = '') -> Split:
        ids = self.splits[key]
        if isinstance(ids, Path):
            return Split(name, read_list(ids, self.images), str(ids), note)
        return Split(name, ids, f'the folder {key}/', note)

    def _demand(self, split: Split, files: Mapping[str, Path], kind: str) -> None:
        absent = [image_id for image_id in split.ids if image_id not in files]
        if not absent:
            return
        shown = ', '.join(absent[:5]) + (', ...' if len(absent) > 5 else '')
        have = next(iter(files.values()), None)
        seen = f'{len(files)} {kind}s were found, such as {have}' if have else f'no {kind}s were found at all'
        raise DataError(f'{self.name} at {self.root}: split {split.name!r} ({split.source}) has {len(absent)} of '
                        f'{len(split.ids)} ids without {_article(kind)}: {shown}. {seen}. '
                        f'Complete the copy, or take the ids off the list.')


def _article(kind: str) -> str:
    return f'{"an" if kind[0] in "aeiou" else "a"} {kind}'
