"""What the predictions of a benchmark's rows hold beyond their metrics: curves, counters of every image, hard images.

Every test list is read once, one image at a time, under the first protocol that the file names for it, and of every
row the first seed.
"""

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import track

from irstd_toolbox.datasets.inventory import Layout
from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.errors import ConfigError, DataError, UserError
from irstd_toolbox.evaluation import functional
from irstd_toolbox.evaluation.curves import CurveCounter
from irstd_toolbox.evaluation.folders import find_predictions
from irstd_toolbox.evaluation.functional import ImageCounts
from irstd_toolbox.evaluation.prediction_io import READABLE, read_prediction
from irstd_toolbox.evaluation.protocols import PROTOCOLS, Protocol, score
from irstd_toolbox.evaluation.results import hash_ids
from irstd_toolbox.evaluation.significance import Comparison, compare

from .benchmark_file import Row
from .grouping import Group
from .other_tables import ablations_of

__all__ = ['Evidence', 'compare_ablations', 'gather', 'protocol_of']


@dataclass(eq=False)
class Evidence:
    """What was read of one test list.

    Args:
        title: The group's.
        layout: The data set.
        protocol: That was counted under.
        rows: Label to row, of those whose predictions could be read.
        files: Label to the prediction of each image.
        counters: Label to its curves.
        counts: Label to the counters of each image, in one order.
        remarks: What could not be done, and why.
    """

    title: str
    layout: Layout | None = None
    protocol: Protocol | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    files: dict[str, dict[str, Path]] = field(default_factory=dict)
    counters: dict[str, CurveCounter] = field(default_factory=dict)
    counts: dict[str, dict[str, ImageCounts]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def drop(self, label: str, why: str) -> None:
        """Go on without a row."""
        self.remarks.append(f'{label} is not drawn: {why}')
        for known in (self.rows, self.counts, self.counters):
            known.pop(label, None)

    def hardest(self) -> dict[str, float]:
        """Mean IoU over the methods of each image; nan where all are undefined."""
        ious: dict[str, list[float]] = {}
        for images in self.counts.values():
            for image_id, counts in images.items():
                ious.setdefault(image_id, []).append(functional.iou(counts))
        return {image_id: _mean(values) for image_id, values in ious.items()}


def protocol_of(row: Row, folder: Path) -> Protocol | None:
    """The protocol with a row's hash: the known one of its name, or that of the ``results.json`` beside predictions.

    Args:
        row: The row.
        folder: The benchmark's.
    """
    known = PROTOCOLS.get(row.protocol)
    if known is not None and known.fingerprint() == row.protocol_sha256:
        return known
    for place in row.folders:
        try:
            found = json.loads((folder / place / 'results.json').read_text(encoding='utf-8'))
            rules = found['fingerprint']['protocols'][row.protocol]['rules']
            protocol = Protocol(row.protocol, 'as recorded', **rules)
        except (OSError, ValueError, KeyError, TypeError, ConfigError):
            continue
        if protocol.fingerprint() == row.protocol_sha256:
            return protocol
    return None


def gather(groups: Sequence[Group], folder: Path) -> dict[tuple, Evidence]:
    """Read the predictions of every test list.

    Args:
        groups: All comparable groups.
        folder: The benchmark's.

    Returns:
        :attr:`Group.list_key` to what was read; the remarks say why where something is missing.
    """
    found: dict[tuple, Evidence] = {}
    for group in groups:
        if group.first.failed is None and group.list_key not in found:
            evidence = found[group.list_key] = Evidence(group.title)
            try:
                _read(evidence, group, folder)
            except UserError as error:
                evidence.remarks.append(f'No curves and pictures: {error}')
                evidence.counts.clear()
    return found


def compare_ablations(
    groups: Sequence[Group], gathered: Mapping[tuple, Evidence],
) -> dict[tuple[int, int], dict[str, Comparison]]:
    """Paired tests of every ablation's rows against its first, where the predictions were read under its protocol.

    Returns:
        By the identities (:func:`id`) of first and other row.
    """
    compared = {}
    for group in groups:
        evidence = gathered.get(group.list_key)
        if evidence is None or evidence.title != group.title:
            continue
        counts = {id(row): list(evidence.counts[label].values()) for label, row in evidence.rows.items()
                  if label in evidence.counts}
        for rows in ablations_of(group).values():
            for row in rows[1:]:
                pair = id(rows[0]), id(row)
                if counts.keys() >= set(pair):
                    compared[pair] = compare(counts[pair[0]], counts[pair[1]], evidence.protocol)
    return compared


def _read(evidence: Evidence, group: Group, folder: Path) -> None:
    rows = [row for row in group.rows if row.failed is None and row.folders and row.data_root]
    if not rows:
        raise DataError('no row of this list names a folder of predictions and its data.')
    evidence.protocol = protocol_of(rows[0], folder)
    if evidence.protocol is None:
        raise DataError(f'the rules of protocol {rows[0].protocol!r} are not known here. One of a plugin comes by '
                        '--plugins DIR.')
    evidence.layout = layout = detect(rows[0].data_root, rows[0].tested_on, rows[0].layout or 'auto')
    ids = _ids(rows[0], folder / rows[0].folders[0] / 'predictions', layout)
    for label, row in zip(_labels(rows), rows, strict=True):
        try:
            evidence.files[label] = find_predictions(folder / row.folders[0] / 'predictions', ids)
            evidence.rows[label] = row
        except DataError as error:
            evidence.drop(label, str(error))
    if not evidence.rows:
        raise DataError('the predictions of no row are there.')
    evidence.counters = {label: CurveCounter(evidence.protocol) for label in evidence.rows}
    evidence.counts = {label: {} for label in evidence.rows}
    console = Console(stderr=True)
    for image_id in track(ids, escape(f'curves: {group.title}'), console=console, transient=True):
        truth = layout.truth(image_id)
        for label in list(evidence.rows):
            path = evidence.files[label][image_id]
            try:
                probabilities = read_prediction(path)
                evidence.counters[label].add(probabilities, truth)
                evidence.counts[label][image_id] = score(evidence.protocol, probabilities, truth)
            except DataError as error:
                evidence.drop(label, str(error) if str(path) in str(error) else f'{path}: {error}')


def _ids(row: Row, predictions: Path, layout: Layout) -> tuple[str, ...]:
    """The images of a row's list: those with its hash."""
    there = {path.relative_to(predictions).with_suffix('').as_posix()
             for path in predictions.rglob('*') if path.suffix.lower() in READABLE}
    # Natural order, as the data set has it.
    candidates = [tuple(image_id for image_id in layout.images if image_id in there)]
    with contextlib.suppress(UserError):  # a list of the benchmark's own, which the predictions tell
        candidates.append(layout.resolve(row.split, require_masks=True).ids)
    for ids in candidates:
        if ids and hash_ids(ids) == row.ids_sha256:
            return ids
    raise DataError(f'neither the {len(there)} predictions of {row.name} nor the split {row.split!r} of {layout.root} '
                    f'are the list that was tested (ids {row.ids_sha256[:12]}). Give the data set it was tested on.')


def _labels(rows: Sequence[Row]) -> list[str]:
    """A name for each row in legends, told apart by what it was trained on, then by a number."""
    names = [row.name for row in rows]
    names = [name if names.count(name) == 1 or row.trained_on is None else f'{name} ({row.trained_on})'
             for name, row in zip(names, rows, strict=True)]
    return [name if names.count(name) == 1 else f'{name} #{names[:place].count(name) + 1}'
            for place, name in enumerate(names)]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan
