"""Write synthetic scenes as a data set folder."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np

from irstd_toolbox.errors import ConfigError, DataError

from .scene import SceneOptions, make_scene

__all__ = ['GENERATOR', 'METADATA', 'SPLITS', 'write_dataset']

GENERATOR = 1
"""Raised whenever the same seed and options give other scenes than before."""

METADATA = 'metadata.json'
SPLITS = {'train': 'trainval.txt', 'test': 'test.txt'}


def write_dataset(
    root: str | os.PathLike, counts: Mapping[str, int], seed: int = 0, options: SceneOptions | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Write a data set of synthetic scenes and return its metadata.

    ::

        root/images/train_00000.png ...  masks/train_00000.png ...   (masks: 0 and 255)
        root/trainval.txt  test.txt      ids without extension
        root/metadata.json               options, seed, generator; clutter and targets of every image

    Image ``i`` of a split depends on the seed, the split, ``i`` and the options, not on the counts. Every file is put
    in place whole; ``metadata.json`` says ``"complete": false`` until everything else is there, and the lists are
    written last but for it. Calling again completes an interrupted folder, and returns at once from a complete one.

    Args:
        root: Folder to write; it must be missing, empty or a data set made with the same arguments.
        counts: Number of images of ``train`` and ``test``; a split that is missing or 0 gets no list.
        seed: Number of the series.
        options: What to draw from.
        progress: Called with the number of images done and that of all, after each.

    Raises:
        ConfigError: If a count or the seed is negative, nothing is asked for, or a split is unknown.
        DataError: If the folder holds anything else.
    """
    options = options or SceneOptions()
    counts = _checked_counts(counts, seed)
    root = Path(root)
    plan = {
        'generator': GENERATOR, 'seed': int(seed), 'counts': counts, 'options': json.loads(json.dumps(asdict(options)))}
    found = _found(root, plan)
    ids = [(split, number, f'{split}_{number:05d}') for split, count in counts.items() for number in range(count)]
    if found and found.get('complete') and _all_there(root, ids, counts):
        return found
    for folder in ('images', 'masks'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    _write(root / METADATA, _json({**plan, 'complete': False}))
    images = {}
    for done, (split, number, name) in enumerate(ids, 1):
        scene = make_scene(seed, (list(SPLITS).index(split), number), options)
        _write(root / 'images' / f'{name}.png', _png(scene.image))
        _write(root / 'masks' / f'{name}.png', _png(scene.mask.astype(np.uint8) * np.uint8(255)))
        images[name] = {'split': split, **scene.record()}
        if progress:
            progress(done, len(ids))
    for split, count in counts.items():
        if count:
            _write(root / SPLITS[split], ''.join(f'{name}\n' for s, _, name in ids if s == split).encode())
    metadata = {**plan, 'complete': True, 'images': images}
    _write(root / METADATA, _json(metadata))
    return metadata


def _checked_counts(counts: Mapping[str, int], seed: int) -> dict[str, int]:
    unknown = sorted(set(counts) - set(SPLITS))
    if unknown:
        raise ConfigError(f'Unknown split {unknown[0]!r}; expected {" and ".join(SPLITS)}.')
    full = {split: int(counts.get(split, 0)) for split in SPLITS}
    if min(full.values()) < 0 or not any(full.values()) or max(full.values()) > 99999:
        raise ConfigError(f'counts are {full}; expected 0 to 99999 images a split and at least one image.')
    if seed < 0:
        raise ConfigError(f'seed is {seed}; expected a whole number from 0.')
    return full


def _found(root: Path, plan: dict) -> dict | None:
    """The metadata that ``root`` holds from an earlier call with the same plan; None if it is missing or empty."""
    if not root.exists():
        return None
    if not root.is_dir():
        raise DataError(f'{root} is a file; expected a folder to write the data set to. Name another place.')
    if not any(root.iterdir()):
        return None
    try:
        found = json.loads((root / METADATA).read_text(encoding='utf-8'))
        theirs = {key: found[key] for key in plan}
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(
            f'{root} is not empty and holds no {METADATA} of a synthetic data set; nothing was written. Name a folder '
            'that is missing or empty.') from None
    for key, ours in plan.items():
        if isinstance(ours, dict) and not isinstance(theirs[key], dict):
            raise DataError(f'{root / METADATA}: {key} is {theirs[key]!r:.80}; an object is expected. Nothing was '
                            'written; mend it, or delete the folder.')
        if theirs[key] != ours:
            parts = [key] if not isinstance(ours, dict) else [
                f'{key}.{part}' for part in ours if theirs[key].get(part) != ours[part]]
            raise DataError(
                f'{root} holds a synthetic data set made with other settings ({", ".join(parts)}); nothing was '
                'written. Name another folder, or delete this one.')
    return found


def _all_there(root: Path, ids: list[tuple[str, int, str]], counts: dict[str, int]) -> bool:
    lists = all((root / SPLITS[split]).is_file() for split, count in counts.items() if count)
    present = {folder: {entry.name for entry in os.scandir(root / folder)} if (root / folder).is_dir() else set()
               for folder in ('images', 'masks')}
    return lists and all(f'{name}.png' in names for _, _, name in ids for names in present.values())


def _json(content: dict) -> bytes:
    return (json.dumps(content, indent=1) + '\n').encode()


def _png(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.png', pixels)[1].tobytes()


def _write(path: Path, content: bytes) -> None:
    """Put a file in place whole: a reader sees the old content or the new, never a part."""
    partial = path.with_name(f'.{path.name}.partial')
    partial.write_bytes(content)
    os.replace(partial, path)
