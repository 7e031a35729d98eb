"""Folders of predictions as command lines name them: several methods, each with a prediction of every image."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.prediction_io import READABLE, find_prediction

__all__ = ['find_predictions', 'name_folders', 'split_name']

_NAMED_AT_MOST = 5
_FORMS = ', '.join(READABLE[1:])


def name_folders(folders: Iterable[tuple[str, str]]) -> dict[str, Path]:
    """Methods by name.

    A method without a name is called as its folder is, or as the folder above where it is called ``predictions``.

    Args:
        folders: Name, which may be empty, and folder of each.

    Raises:
        ConfigError: If two methods have one name, or a name cannot be part of a file's name.

    Example:
        >>> list(name_folders([('', 'runs/top_hat/predictions'), ('ours', 'elsewhere'), ('', '/predictions')]))
        ['top_hat', 'ours', 'predictions']
    """
    named: dict[str, Path] = {}
    for name, folder in folders:
        path = Path(folder)
        if not name:
            parts = path.resolve().parts
            name = parts[-2] if parts[-1] == 'predictions' and len(parts) > 2 else parts[-1]
        if name in named:
            raise ConfigError(
                f'Two methods are called {name!r}: {named[name]} and {path}; expected different names. Give each one.')
        if '/' in name:
            raise ConfigError(f'A method is called {name!r}; expected a name without a slash.')
        named[name] = path
    return named


def split_name(text: str) -> tuple[str, str]:
    """Name, empty if none is given, and folder of ``FOLDER=NAME``; a folder of that very name goes first.

    Example:
        >>> split_name('runs/top_hat=Top-Hat'), split_name('runs/top_hat')
        (('Top-Hat', 'runs/top_hat'), ('', 'runs/top_hat'))
    """
    folder, equals, name = text.rpartition('=')
    return ('', text) if not equals or Path(text).is_dir() else (name, folder)


def find_predictions(folder: Path, image_ids: Sequence[str]) -> dict[str, Path]:
    """The prediction of every image.

    Raises:
        DataError: If the folder is missing, or any image has none or two.
    """
    if not folder.is_dir():
        raise DataError(f'{folder} is no folder; expected one with predictions, ID.png or another of {_FORMS}.')
    files = {image_id: find_prediction(folder, image_id) for image_id in image_ids}
    missing = [image_id for image_id, path in files.items() if path is None]
    if missing:
        named = ', '.join(missing[:_NAMED_AT_MOST])
        if len(missing) > _NAMED_AT_MOST:
            named += f' and {len(missing) - _NAMED_AT_MOST} more'
        there = sorted(path.name for path in folder.iterdir() if path.is_file() and path not in {*files.values()})
        held = f' {", ".join(there[:_NAMED_AT_MOST])}{" ..." * (len(there) > _NAMED_AT_MOST)} are there.' * bool(there)
        below = f'name {folder / "predictions"}' if (folder / 'predictions').is_dir() else 'predict them'
        raise DataError(
            f'{folder} has no prediction for {len(missing)} of {len(image_ids)} images: {named}. Expected ID.png '
            f'or another of {_FORMS} for each image of the split; {below}, or choose another --split.{held}')
    return files
