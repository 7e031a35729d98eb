"""A folder of descriptions as a whole: which file belongs to which image, and which to none."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from irstd_toolbox.errors import DataError
from irstd_toolbox.text_priors import store

__all__ = ['Listing', 'list_folder', 'read_all']


@dataclass(frozen=True)
class Listing:
    """What a folder of descriptions holds.

    Args:
        folder: The folder.
        files: Image id to its files; more than one is ambiguous.
        missing: Ids without a file.
        orphans: Text files that belong to no id.
    """

    folder: Path
    files: dict[str, tuple[Path, ...]]
    missing: tuple[str, ...]
    orphans: tuple[Path, ...]


def list_folder(
        folder: str | os.PathLike, ids: Iterable[str] | None = None, others: Iterable[str] = ()) -> Listing:
    """Give every text file of a folder its image.

    Args:
        folder: The descriptions, or a data set's root above them.
        ids: The images. None takes them from the file names, less the longest of the store's four suffixes.
        others: Images whose files are passed over.

    Raises:
        DataError: If there is no such folder.
    """
    folder = Path(folder)
    if folder.is_dir():
        folder = store.find_folder(folder) or folder
    else:
        raise DataError(f'{folder} is not a folder. Expected a folder of descriptions, or a data set\'s root that '
                        f'holds one named {" or ".join(store.FOLDERS)}.')
    known = None if ids is None else tuple(dict.fromkeys(ids))
    wanted = None if known is None else set(known)
    files: dict[str, list[Path]] = {image_id: [] for image_id in known or ()}
    others, orphans = set(others), []
    for path in sorted(folder.rglob('*.txt')):
        if path.name.startswith('.') or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        fits = [name.removesuffix(suffix) for suffix in store.SUFFIXES if name.endswith(suffix)]
        owners = fits[:1] if wanted is None else [image_id for image_id in fits if image_id in wanted]
        for image_id in owners:
            files.setdefault(image_id, []).append(path)
        if not owners and not others.intersection(fits):
            orphans.append(path)
    missing = tuple(image_id for image_id, paths in files.items() if not paths)
    return Listing(folder, {image_id: tuple(paths) for image_id, paths in files.items() if paths}, missing,
                   tuple(orphans))


def read_all(folder: str | os.PathLike, ids: Iterable[str] | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Every readable description of a folder, cleaned, and why others are not.

    Returns:
        Id to text, and id to reason.
    """
    listing = list_folder(folder, ids)
    texts, failed = {}, {}
    for image_id in listing.files:
        try:
            texts[image_id] = store.read_description(listing.folder, image_id) or ''
        except DataError as error:
            failed[image_id] = str(error)
    return texts, failed
