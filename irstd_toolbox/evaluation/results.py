"""From counted images to one result: metrics, counters and fingerprints in the form of ``results.json``."""

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from rich.table import Table

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.evaluation import functional
from irstd_toolbox.evaluation.files import write_atomically
from irstd_toolbox.evaluation.functional import ImageCounts, image_mean, total
from irstd_toolbox.evaluation.protocols import Protocol, get, resolve, score_checked
from irstd_toolbox.evaluation.regions import find_regions

__all__ = [
    'ImageScore', 'hash_ids', 'measure', 'result_table', 'score_image', 'summarise', 'to_json', 'write_image_counts',
    'write_results']


_SHOWN = {'IoU': 100, 'nIoU': 100, 'mIoU': 100, 'Pd': 100, 'Fa': 1e6}


@dataclass(frozen=True)
class ImageScore:
    """One image: its native ground truth, and its counters under each protocol.

    Args:
        image_id: Its id.
        targets: 8-connected regions of the native mask.
        foreground_pixels: Target pixels of the native mask.
        pixels: Pixels of the native mask.
        counts: Counters by protocol name.
    """

    image_id: str
    targets: int
    foreground_pixels: int
    pixels: int
    counts: dict[str, ImageCounts]


def score_image(
    image_id: str, probabilities: np.ndarray, truth: np.ndarray, protocols: Sequence[str | Protocol],
) -> ImageScore:
    """Count one image under several protocols.

    Args:
        image_id: Its id.
        probabilities: The prediction, 0..1.
        truth: The mask at the image's native size.
        protocols: Under which to count: they or their names, as everywhere here.

    Shape:
        - probabilities: the native size, or that at which every one of the protocols scores
        - truth: (H, W) bool

    Raises:
        ConfigError: If a name is of no protocol.
        DataError: If the prediction fits a protocol in neither way, or see :func:`.functional.check_scored`.
    """
    functional.check_scored(probabilities, truth)
    protocols = resolve(protocols)
    counts = {protocol.name: score_checked(protocol, probabilities, truth) for protocol in protocols}
    native = next((counts[p.name] for p in protocols if p.size is None and p.connectivity == 8), None)
    targets = native.targets if native else len(find_regions(truth))
    return ImageScore(image_id, targets, int(np.count_nonzero(truth)), truth.size, counts)


def measure(protocol: str | Protocol, counts: Sequence[ImageCounts]) -> dict[str, float]:
    """All metrics of a set of images under a protocol; fractions, ``nan`` where undefined.

    ``mIoU``, ``mAcc`` and ``aAcc`` come with a protocol that reports them; ``Pd_pooled`` and ``Fa_pooled`` with one
    that averages over images.
    """
    protocol, pooled = get(protocol), total(counts)
    by_image = protocol.average == 'image'
    metrics = {
        'IoU': functional.iou(pooled),
        'nIoU': functional.niou(counts, protocol.empty_niou),
        'Pd': image_mean(counts, functional.pd) if by_image else functional.pd(pooled),
        'Fa': image_mean(counts, functional.fa) if by_image else functional.fa(pooled),
        'precision': functional.precision(pooled),
        'recall': functional.recall(pooled),
        'F1': functional.f1(pooled),
        'pixel_FPR': functional.pixel_fpr(pooled),
        'false_alarm_regions_per_image': pooled.false_alarm_regions / len(counts) if counts else math.nan,
    }
    if by_image:
        metrics |= {'Pd_pooled': functional.pd(pooled), 'Fa_pooled': functional.fa(pooled)}
    if 'mIoU' in protocol.reports:
        metrics |= functional.two_class(pooled)
    return metrics


def hash_ids(image_ids: Iterable[str]) -> str:
    """SHA-256 of the sorted ids, one a line, without a newline at the end.

    Example:
        >>> hash_ids(['b', 'a']) == hashlib.sha256(b'a\\nb').hexdigest()
        True
    """
    return hashlib.sha256('\n'.join(sorted(image_ids)).encode()).hexdigest()


def summarise(
    scores: Sequence[ImageScore], protocols: Sequence[str | Protocol], **about: str | None,
) -> dict[str, dict]:
    """The result of a set of images.

    Args:
        scores: One entry an image.
        protocols: Those that the images were counted under.
        **about: What else identifies the set, for example ``dataset`` and ``split``; goes into the fingerprint.

    Returns:
        ``protocols``: metrics by protocol; ``counts``: integer counters by protocol; ``fingerprint``: number of
        images, native targets, foreground pixels and pixels, hash of the ids, and for each protocol the same at its
        scored size with its rules and their hash.
    """
    metrics, counters, replay = {}, {}, {}
    for protocol in resolve(protocols):
        counts = [_counted(image, protocol) for image in scores]
        pooled = total(counts)
        metrics[protocol.name] = measure(protocol, counts)
        counters[protocol.name] = {
            'images': len(counts), 'empty_images': sum(image.union == 0 for image in counts), **asdict(pooled)}
        replay[protocol.name] = {
            'sha256': protocol.fingerprint(), 'targets': pooled.targets, 'foreground_pixels': pooled.ground_truth,
            'pixels': pooled.pixels, 'rules': protocol.rules(), 'reports': list(protocol.reports)}
    fingerprint = {
        **about, 'images': len(scores), 'targets': sum(image.targets for image in scores),
        'foreground_pixels': sum(image.foreground_pixels for image in scores),
        'pixels': sum(image.pixels for image in scores), 'ids_sha256': hash_ids(image.image_id for image in scores),
        'protocols': replay}
    return {'protocols': metrics, 'counts': counters, 'fingerprint': fingerprint}


def _counted(image: ImageScore, protocol: Protocol) -> ImageCounts:
    if protocol.name not in image.counts:
        raise ConfigError(f'{image.image_id} was counted under {", ".join(image.counts)}, and not under '
                          f'{protocol.name!r}. Give score_image the same protocols.')
    return image.counts[protocol.name]


def to_json(results: dict[str, dict]) -> str:
    """``results`` as JSON text, nan as null, infinity as ``"inf"``."""
    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(entry) for key, entry in value.items()}
        if isinstance(value, float) and math.isinf(value):
            return str(value)
        return None if isinstance(value, float) and math.isnan(value) else value
    return json.dumps(plain(results), indent=2, allow_nan=False) + '\n'


def write_results(path: str | Path, results: dict[str, dict]) -> None:
    """Write ``results.json``: fractions 0..1, nan as null, counters as integers; atomically."""
    write_atomically(Path(path), to_json(results).encode())


def write_image_counts(path: str | Path, scores: Sequence[ImageScore], protocols: Sequence[str | Protocol]) -> None:
    """Write the counters of every image under every protocol as CSV, from which any mean can be derived.

    Args:
        path: Where to.
        scores: One entry an image.
        protocols: Those that the images were counted under; the hash of each one's rules stands in each of its rows.
    """
    text, protocols = io.StringIO(), resolve(protocols)
    rows = [
        {'image_id': image.image_id, 'protocol': protocol.name, 'protocol_sha256': protocol.fingerprint(),
         **asdict(_counted(image, protocol))}
        for image in scores for protocol in protocols]
    names = ['image_id', 'protocol', 'protocol_sha256', *(field.name for field in fields(ImageCounts))]
    writer = csv.DictWriter(text, fieldnames=names, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(Path(path), text.getvalue().encode())


def result_table(results: dict[str, dict]) -> Table:
    """A table for people: percent, Fa times 1e6; what the protocol's own tables do not report stands in brackets."""
    images = results['fingerprint']['images']
    table = Table(caption=f'{images} images; percent, Fa in 1e-6. (…): by its rules, but not in its tables.')
    table.add_column('protocol', no_wrap=True)
    for heading in (*_SHOWN, 'found'):
        table.add_column(heading, justify='right', no_wrap=True)
    for name, metrics in results['protocols'].items():
        reports, counts = results['fingerprint']['protocols'][name]['reports'], results['counts'][name]
        cells = [
            _cell(metrics[key], scale, key in reports) if key in metrics else '' for key, scale in _SHOWN.items()]
        table.add_row(name, *cells, f'{counts["matched"]}/{counts["targets"]}')
    return table


def _cell(value: float, scale: float, reported: bool) -> str:
    text = '–' if math.isnan(value) else f'{value * scale:.2f}'
    return text if reported else f'({text})'
