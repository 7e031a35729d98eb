"""A test scored again over its list or a part of it, from the predictions that it kept."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evaluation.folders import find_predictions
from ..evaluation.prediction_io import read_prediction
from ..evaluation.protocols import resolve
from ..evaluation.results import score_image, summarise, write_results
from .leaks import ListOf, open_list

__all__ = ['rescore']

_OF_THE_MODEL = ('checkpoint', 'config', 'model', 'threshold', 'views', 'windows', 'amp')


def rescore(test: Path, tested: ListOf, without: Sequence[str], protocols: Sequence[str | Mapping],
            out: Path) -> dict[str, Any]:
    """Score the predictions of a test over its list, or without some images.

    Args:
        test: Folder of the test.
        tested: Its list.
        without: Ids to leave out; none for the whole list.
        protocols: Names of the protocols.
        out: Gets ``results.json`` and ``predictions/`` (hard links where possible) of the images that are left.

    Returns:
        Their number.

    Raises:
        DataError: If a prediction or mask is missing.
    """
    layout, listed = open_list(tested, require_masks=True)
    dropped = set(without)
    ids = [one for one in listed if one not in dropped]
    if not ids:
        return dict(images=0)
    rules, scores = resolve(protocols), []
    for image_id, file in find_predictions(test / 'predictions', ids).items():
        scores.append(score_image(image_id, read_prediction(file), layout.truth(image_id), rules))
        _link(file, out / 'predictions' / file.relative_to(test / 'predictions'))
    original = json.loads((test / 'results.json').read_text(encoding='utf-8'))
    about = {key: original['fingerprint'].get(key) for key in ('dataset', 'split') if original['fingerprint'].get(key)}
    results = summarise(scores, rules, **about)
    if dropped:  # what else was counted is of the whole list
        original = {key: value for key, value in original.items() if key in _OF_THE_MODEL}
        results['list'] = 'without leakage'
    write_results(out / 'results.json', {**original, **results})
    return dict(images=len(ids))


def _link(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        os.link(file, place)
    except OSError:  # a file system without hard links
        shutil.copyfile(file, place)
