"""Checkpoints: read without executing anything, fitted key by key, found again after a move.

The engine's loader falls back to unrestricted unpickling when the restricted one refuses a file, so that a crafted
checkpoint runs code. Importing this module registers :func:`read_checkpoint` with the engine in its place.
"""

import hashlib
import json
import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from ..errors import CheckpointError

__all__ = [
    'check_fits', 'check_resumable', 'file_sha256', 'find_checkpoint', 'load_weights', 'read_checkpoint',
    'resolve_resume', 'saved_checkpoints',
]

_SHOWN = 5
META_KEY = 'irstd_toolbox'
# Every scheme that the engine knows; read_checkpoint refuses all but the first, a local path.
_SCHEMES = ('', 'http://', 'https://', 'pavi://', r'(\S+\:)?s3://', r'(\S+\:)?petrel://', 'modelzoo://',
            'torchvision://', 'open-mmlab://', 'openmmlab://', 'mmcls://')


def _history_method(owner: type, name: str) -> Any:
    """What stands in for ``getattr`` while unpickling: it gives a HistoryBuffer's own methods, nothing else."""
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(owner, name)
    raise pickle.UnpicklingError(f'Unsupported global: GLOBAL builtins.getattr({owner!r}, {name!r})')


def _safe_globals() -> list[Any]:
    """What the engine's own checkpoints hold beside tensors and containers: log histories and numpy values."""
    multiarray = np._core.multiarray
    dtypes = {type(np.dtype(kind)) for kind in np.typecodes['AllInteger'] + np.typecodes['Float'] + '?'}
    return [HistoryBuffer, (_history_method, 'builtins.getattr'), multiarray._reconstruct, multiarray.scalar,
            np.ndarray, np.dtype, *dtypes]


def saved_checkpoints(folder: Path) -> list[Path]:
    """The periodic checkpoints of ``folder`` (``epoch_N.pth``, ``iter_N.pth``), the latest first."""
    numbered = [(int(match.group(1)), path) for path in folder.glob('*.pth')
                if (match := re.fullmatch(r'(?:epoch|iter)_(\d+)', path.stem))]
    return [path for _, path in sorted(numbered, reverse=True)]


def _near(folder: Path) -> str:
    where = 'The present folder' if folder == Path() else folder
    names = sorted(path.name for pattern in ('*.pth', '*.pt', '*.safetensors') for path in folder.glob(pattern))
    if not names:
        return f'{where} holds no checkpoint.'
    return f'{where} holds {", ".join(names[:_SHOWN])}' + (f' and {len(names) - _SHOWN} more.' if len(names) > _SHOWN
                                                          else '.')


def _existing(filename: str | os.PathLike) -> Path:
    if '://' in str(filename):
        raise CheckpointError(f'{filename}: only local files are loaded. Download the file, check where it comes from, '
                              'and give its path.')
    path = Path(filename).expanduser()
    if path.is_dir():
        raise CheckpointError(f'{path} is a folder; the path of one checkpoint file is expected. {_near(path)}')
    if not path.is_file():
        nor = f'Nor does {path.parent}' + ('.' if path.is_absolute() else
                                           f', seen from {Path.cwd()}: work where it is, or give the whole path.')
        raise CheckpointError(f'{path} does not exist. {_near(path.parent) if path.parent.is_dir() else nor}')
    return path


def read_checkpoint(filename: str | os.PathLike, map_location: Any = 'cpu') -> dict:
    """Read a checkpoint, tensors and plain containers only; nothing in the file is executed.

    Args:
        filename: A file written by the Runner, a bare state dict (``.pth``), or weights as ``.safetensors``.
        map_location: As in :func:`torch.load`.

    Returns:
        ``dict(state_dict=..., meta=...)`` and, in a Runner's file, what else it saved.

    Raises:
        CheckpointError: If the file is missing, not local, damaged, or holds anything but data.

    Note:
        ``meta['config']`` is dropped: on resume the engine would execute that text as Python.
    """
    path = _existing(filename)
    if path.suffix == '.safetensors':
        return _read_safetensors(path, map_location)
    try:
        with torch.serialization.safe_globals(_safe_globals()):
            content = torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:
        refused = re.search(r'GLOBAL [^\s`]+', str(error))
        if refused:
            raise CheckpointError(
                f'{path} is refused: besides tensors and plain containers it holds {refused.group()[7:]!r}, and '
                'loading that could execute code. Use a checkpoint of this toolbox, or a file of weights alone '
                '(a state dict or .safetensors).') from error
        raise CheckpointError(f'{path} cannot be read as a checkpoint ({_first_line(error)}). It is damaged, cut off '
                              f'or another kind of file; {path.stat().st_size} bytes are there. Copy it again or take '
                              'an earlier one.') from error
    return _normalised(content, path)


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    reason = re.search(r'WeightsUnpickler error:\s*(.+)', text)  # torch puts advice on its own options before it
    return (reason[1] if reason else (text.splitlines() or [type(error).__name__])[0])[:160]


def _read_safetensors(path: Path, map_location: Any) -> dict:
    from safetensors import safe_open
    device = str(map_location) if isinstance(map_location, str | torch.device) else 'cpu'
    try:
        with safe_open(path, framework='pt', device=device) as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
            meta = json.loads((file.metadata() or {}).get(META_KEY, '{}'))
            if not isinstance(meta, dict):
                raise ValueError(f'its note {META_KEY} is {meta!r:.60}, no JSON object')
            return dict(state_dict=weights, meta=meta)
    except Exception as error:
        raise CheckpointError(f'{path} cannot be read as safetensors ({_first_line(error)}). Copy it again.') from error


def _normalised(content: Any, path: Path) -> dict:
    """``content`` with ``state_dict`` (prefix ``module.`` of data-parallel models removed) and ``meta``."""
    if isinstance(content, dict) and 'state_dict' not in content and any(map(torch.is_tensor, content.values())):
        content = dict(state_dict=content)
    weights = content.get('state_dict') if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(key, str) for key in weights):
        keys = sorted(map(str, content))[:_SHOWN] if isinstance(content, dict) else None
        found = f'the keys {keys}' if keys is not None else f'a {type(content).__name__}'
        raise CheckpointError(f"{path} holds {found}; 'state_dict', or names with their tensors, are expected.")
    for key, value in weights.items():
        if not torch.is_tensor(value) and not key.endswith('_extra_state'):
            raise CheckpointError(f"{path} holds a {type(value).__name__} under {key!r}; 'state_dict', or "
                                  'names with their tensors, are expected. Save the weights alone.')
    if weights and all(key.startswith('module.') for key in weights):
        weights = {key.removeprefix('module.'): value for key, value in weights.items()}
    meta = content.get('meta')
    meta = {key: value for key, value in meta.items() if key != 'config'} if isinstance(meta, dict) else {}
    return dict(content, state_dict=weights, meta=meta)


def _some(keys: list[str]) -> str:
    return ', '.join(keys[:_SHOWN]) + (f' and {len(keys) - _SHOWN} more' if len(keys) > _SHOWN else '')


def check_fits(model: nn.Module, weights: dict, source: str | os.PathLike, weights_only: bool = False) -> None:
    """Compare names and shapes of ``weights`` with those of ``model``.

    Args:
        model: What the weights are for.
        weights: Its state dict, as read.
        source: Where they come from, for the message.
        weights_only: Whether the file holds tensors alone, so that a module's extra state may be absent.

    Raises:
        CheckpointError: If a name is missing or unknown, or a shape differs; lists the first five of each.

    Note:
        Batch normalisation's ``num_batches_tracked`` may be absent: it is a counter that older files lack.
    """
    own = model.state_dict()
    optional = ('num_batches_tracked', '_extra_state') if weights_only else ('num_batches_tracked',)
    missing = [key for key in own if key not in weights and not key.endswith(optional)]
    unknown = [key for key in weights if key not in own]
    differing = []
    for key in own.keys() & weights.keys():
        have, want = (tuple(value.shape) if torch.is_tensor(value) else type(value).__name__
                      for value in (weights[key], own[key]))
        if have != want and torch.is_tensor(own[key]):
            differing.append(f'{key} (file {have}, model {want})')
    problems = [f'{len(keys)} {what}: {_some(keys)}'
                for what, keys in (('missing in the file', missing), ('unknown to the model', unknown),
                                   ('of another size', sorted(differing))) if keys]
    if problems:
        raise CheckpointError(f'{source} does not fit the model ({len(own)} entries). {"; ".join(problems)}. Use the '
                              'config that the checkpoint was trained with.')


def check_resumable(checkpoint: dict, source: str | os.PathLike, *, scheduled: bool, averaged: bool) -> None:
    """Look for what a training needs beside weights to go on.

    Args:
        checkpoint: As :func:`read_checkpoint` gives it.
        source: Where it comes from, for the message.
        scheduled: Whether the run that goes on has schedules; one without saves none.
        averaged: Whether it averages its weights.

    Raises:
        CheckpointError: If something is missing, or the run would drop the averaged weights.
    """
    absent = [key for key in ('optimizer', 'message_hub', *(['param_schedulers'] if scheduled else []))
              if key not in checkpoint]
    absent += [key for key in ('epoch', 'iter') if key not in checkpoint['meta']]
    if absent:
        raise CheckpointError(f'{source} cannot be resumed from: it lacks {", ".join(absent)}. Resume from epoch_N.pth '
                              'or start from these weights with --cfg-options load_from=FILE.')
    if 'ema_state_dict' in checkpoint and not averaged:
        raise CheckpointError(f'{source} comes from a run with averaged weights (EMAHook), this one has none. Resume '
                              'with the config of that run.')


def load_weights(model: nn.Module, filename: str | os.PathLike, map_location: Any = 'cpu') -> dict:
    """Load ``filename`` into ``model``, all of it or nothing, and return the checkpoint.

    Raises:
        CheckpointError: As :func:`read_checkpoint` and :func:`check_fits` do.
    """
    checkpoint = read_checkpoint(filename, map_location)
    check_fits(model, checkpoint['state_dict'], filename, weights_only=not checkpoint['meta'])
    model.load_state_dict(checkpoint['state_dict'], strict=False)
    return checkpoint


def file_sha256(filename: str | os.PathLike) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(filename, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _intact(path: Path) -> bool:
    """Whether a file that torch wrote is complete: its table of contents comes last."""
    return path.is_file() and zipfile.is_zipfile(path)


def find_checkpoint(work_dir: str | os.PathLike, which: str) -> Path:
    """The ``'last'`` or ``'best'`` checkpoint of a training's folder.

    A kill between two best checkpoints leaves ``best.pth`` alone, the former of them.

    Raises:
        CheckpointError: If there is none, or there are several by different metrics.
    """
    folder = Path(work_dir)
    if which == 'last':
        found = resolve_resume(folder)
    else:
        best = sorted(filter(_intact, folder.glob('best_*.pth')), key=lambda path: path.stat().st_mtime)
        kinds = sorted({re.sub(r'_(?:epoch|iter)_\d+$', '', path.stem) for path in best})
        if len(kinds) > 1:
            raise CheckpointError(f'{folder} holds the best checkpoints by {len(kinds)} metrics: '
                                  f'{", ".join(path.name for path in best)}. Give the path of one.')
        found = best[-1] if best else next(filter(_intact, [folder / 'best.pth']), None)
    if found is None:
        raise CheckpointError(f'{folder} holds no {which} checkpoint. '
                              + (_near(folder) if folder.is_dir() else 'The folder does not exist.')
                              + ' Train first, or give the path of a file.')
    return found


def resolve_resume(work_dir: str | os.PathLike) -> Path | None:
    """The checkpoint from which training in ``work_dir`` continues; None if there is nothing to continue.

    The file that ``last_checkpoint`` names is looked up in ``work_dir`` by its name alone, because the path inside is
    absolute and wrong once the folder was moved. A file cut off by a crash is passed over for the one before.
    """
    folder = Path(work_dir)
    note = folder / 'last_checkpoint'
    named = [folder / re.split(r'[/\\]', note.read_text().strip())[-1]] if note.is_file() else []
    return next(filter(_intact, named + saved_checkpoints(folder)), None)


CheckpointLoader.register_scheme(prefixes=_SCHEMES, loader=read_checkpoint, force=True)
