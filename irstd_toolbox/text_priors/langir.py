"""The LangIR layout: its file names, and a data set with descriptions written in it."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from irstd_toolbox import __version__
from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors import store
from irstd_toolbox.text_priors.annotation import now
from irstd_toolbox.text_priors.listing import list_folder

__all__ = ['ExportReport', 'Naming', 'export_langir', 'leaks', 'naming_of']


@dataclass(frozen=True)
class Naming:
    """What follows an id in file names of a subset.

    Args:
        suffix: Of descriptions.
        mask: Of masks, before the extension.
    """

    suffix: str
    mask: str


_NAMINGS = {'Misc_': Naming('-description.txt', '-pixels0'), '': Naming('.description.txt', '')}


def naming_of(ids: Iterable[str]) -> Naming:
    """The paper's names: those of its SIRST subset if all ids begin with ``Misc_``, else those of its IRSTD-1k subset.

    References:
        LGNet, appendix D.

    Example:
        >>> naming_of(['Misc_1']), naming_of(['XDU1'])
        (Naming(suffix='-description.txt', mask='-pixels0'), Naming(suffix='.description.txt', mask=''))
    """
    ids = list(ids)
    return next(naming for prefix, naming in _NAMINGS.items() if ids and all(name.startswith(prefix) for name in ids))


def leaks(record: Mapping[str, Any], tested: bool) -> bool:
    """Whether the descriptions of test images come from masks, as far as a folder's record tells.

    They do if the record says leakage, or if every run that it tells of used the ground truth.

    Args:
        tested: Whether test images are described at all.

    Example:
        >>> leaks({'leakage': False, 'runs': [{'uses_ground_truth': True}]}, True)
        True
        >>> leaks({'leakage': False, 'runs': [{'uses_ground_truth': True}, {'uses_ground_truth': False}]}, True)
        False
    """
    runs = record.get('runs') or [record]
    return tested and bool(record.get('leakage') or all(run.get('uses_ground_truth') for run in runs))


@dataclass(frozen=True)
class ExportReport:
    """What :func:`export_langir` wrote.

    Args:
        root: The data set.
        images: Number of images, and of masks.
        described: Number of descriptions.
        linked: Number of files that are hard links; the others are copies.
        splits: List to number of ids.
        leakage: Whether descriptions from masks belong to test images.
    """

    root: Path
    images: int
    described: int
    linked: int
    splits: Mapping[str, int]
    leakage: bool

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self) | {'root': str(self.root)}

    def table(self) -> str:
        """For a reader, one line."""
        lists = ', '.join(f'{name}.txt {number}' for name, number in self.splits.items())
        return (f'{self.images} images and masks ({self.linked} of {2 * self.images} files linked), {self.described} '
                f'descriptions, {lists}: {self.root}{"; LEAKAGE" if self.leakage else ""}')


def export_langir(
        images: Mapping[str, Path], masks: Mapping[str, Path], descriptions: str | os.PathLike,
        splits: Mapping[str, Iterable[str]], root: str | os.PathLike, link: bool = False) -> ExportReport:
    """Write ``images/``, ``masks/``, ``descriptions/``, ``trainval.txt`` and ``test.txt``, with the paper's file names.

    All is written into a hidden folder beside ``root``, the lists last, which then takes the name: ``root`` is there
    whole or not at all. A hidden folder that an interrupted export left is removed.

    Args:
        images: Id to image.
        masks: Id to mask.
        descriptions: The folder of descriptions; images without one stay without. Its record is carried over.
        splits: ``'trainval'`` and ``'test'`` to their ids.
        root: The data set to make; there must be none yet.
        link: Make hard links of images and masks where the file system can, else copy. A linked file is the same
            file: who edits it in one place edits it in both.

    Raises:
        DataError: If ``root`` exists and is not an empty folder, or is the current one; an id is in both lists or has
            no image or mask; or ``descriptions`` is no folder, describes none of the ids, or cannot be read.

    References:
        LGNet, appendix D.
    """
    root = Path(root).resolve()
    if root == Path.cwd():
        raise DataError(f'{root} is the folder that this runs in, which cannot be replaced. Expected another one, such '
                        'as LangIR_MINE.')
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise DataError(f'{root} exists. Expected no such folder, or an empty one; remove it or choose another.')
    lists = {name: tuple(ids) for name, ids in splits.items()}
    ids = tuple(dict.fromkeys(image_id for name in lists for image_id in lists[name]))
    _check(lists, ids, images, masks)
    listing, naming = list_folder(descriptions, ids), naming_of(ids)
    if not listing.files:
        raise DataError(f'{listing.folder} describes none of the {len(ids)} images. Expected text files of their ids, '
                        f'such as {ids[0]}{naming.suffix}; name their folder (--out), or write them first.')
    record = store.read_provenance(listing.folder) or {}
    staging = root.with_name(f'.{root.name}.partial')
    if staging.exists():
        shutil.rmtree(staging)
    linked, described = 0, set()
    for image_id in ids:
        store.check_image_id(image_id)
        linked += _place(images[image_id], staging / 'images' / f'{image_id}{images[image_id].suffix}', link)
        linked += _place(masks[image_id], staging / 'masks' / f'{image_id}{naming.mask}{masks[image_id].suffix}', link)
        text = store.read_description(listing.folder, image_id)
        if text is not None:
            store.write_description(staging / 'descriptions', image_id, text, naming.suffix)
            described.add(image_id)
    leakage = leaks(record, bool(described & set(lists['test'])))
    exported = {'toolbox_version': __version__, 'date': now(), 'descriptions': len(described)}
    store.write_provenance(staging / 'descriptions', {
        'uses_ground_truth': record.get('uses_ground_truth'), **record, 'leakage': leakage, 'exported': exported})
    for name, members in lists.items():
        (staging / f'{name}.txt').write_text('\n'.join(members) + '\n', encoding='utf-8')
    os.replace(staging, root)
    return ExportReport(root, len(ids), len(described), linked, {name: len(lists[name]) for name in lists}, leakage)


def _check(lists: Mapping[str, tuple[str, ...]], ids: tuple[str, ...], images: Mapping[str, Path],
           masks: Mapping[str, Path]) -> None:
    if set(lists) != {'trainval', 'test'} or not all(lists.values()):
        raise DataError(f'splits {", ".join(lists) or "none"}; expected trainval and test, neither empty.')
    both = [image_id for image_id in lists['test'] if image_id in set(lists['trainval'])]
    if both:
        raise DataError(f'{len(both)} ids are in trainval and in test, the first {both[0]}. Take them off one list.')
    for kind, files in (('image', images), ('mask', masks)):
        absent = [image_id for image_id in ids if image_id not in files]
        if absent:
            raise DataError(f'{len(absent)} of {len(ids)} ids have no {kind}, the first {absent[0]}. Complete the '
                            'data set, or take the ids off the lists.')


def _place(source: Path, target: Path, link: bool) -> bool:
    """Link or copy; whether it was linked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        try:
            os.link(os.path.realpath(source), target)
            return True
        except OSError:  # another file system, or one that has no links
            pass
    shutil.copyfile(source, target)
    return False
