"""Counters of single images, read back, and the question whether two results may be compared at all."""

import csv
import warnings
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.functional import ImageCounts
from irstd_toolbox.evaluation.protocols import Protocol, get

__all__ = ['check_fingerprints', 'check_pairing', 'read_image_counts']

_COUNTERS = tuple(field.name for field in fields(ImageCounts))
_TRUTH = ('targets', 'ground_truth', 'pixels')
_NAMED_AT_MOST = 3


def read_image_counts(
    path: str | Path, protocol: str | Protocol | None = None,
) -> dict[str, dict[str, ImageCounts]]:
    """Read what :func:`~irstd_toolbox.evaluation.results.write_image_counts` wrote.

    Args:
        path: The table.
        protocol: It or its name: under whose rules the rows of its name must have been counted. An older table does
            not tell its rules, which is a warning.

    Returns:
        Protocol to image id to counters, both in the order of the file.

    Raises:
        ConfigError: If a name is of no protocol.
        DataError: If the file is missing, or no such table, an image occurs twice under a protocol, or it was counted
            by other rules of that name.
    """
    path, protocol = Path(path), None if protocol is None else get(protocol)
    try:
        with path.open(newline='', encoding='utf-8') as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f'{path} cannot be read ({error}); expected the CSV of tools/evaluate.py --per-image.') from error
    found: dict[str, dict[str, ImageCounts]] = {}
    for line, row in enumerate(rows, start=2):
        try:
            counts = ImageCounts(*(int(row[name]) for name in _COUNTERS))
            image_id, name = row['image_id'], row['protocol']
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f'{path}, line {line}: no counters of an image ({type(error).__name__}: {error}); expected the columns '
                f'image_id, protocol, {", ".join(_COUNTERS)}. Write it with tools/evaluate.py --per-image.') from error
        if image_id in found.setdefault(name, {}):
            raise DataError(f'{path}, line {line}: image {image_id!r} occurs twice under protocol {name!r}.')
        found[name][image_id] = counts
        if protocol and name == protocol.name and row.get('protocol_sha256', '') not in ('', protocol.fingerprint()):
            raise DataError(
                f'{path}, line {line}: counted under {name!r} by other rules than those asked for (their hashes '
                f'{row["protocol_sha256"][:12]} and {protocol.fingerprint()[:12]} differ). If it was written with '
                '--threshold T, compare with the same --threshold; else write it anew with tools/evaluate.py '
                '--per-image.')
    if not found:
        raise DataError(f'{path} holds no image; expected the CSV of tools/evaluate.py --per-image.')
    if protocol and 'protocol_sha256' not in rows[0]:
        warnings.warn(f'{path} does not say by which rules it was counted, only under which name; its threshold may '
                      'be another. Write it anew with tools/evaluate.py --per-image to be sure.', stacklevel=2)
    return found


def check_fingerprints(first: Mapping, second: Mapping, names: tuple[str, str], protocol: str) -> None:
    """Refuse two ``results.json`` that are not of the same images by the same rules.

    Args:
        first: The ``fingerprint`` of one.
        second: That of the other.
        names: What to call them.
        protocol: The protocol under which they shall be compared.

    Raises:
        DataError: Naming what differs: data set, split, images, or the rules of the protocol.
    """
    same = first.get('ids_sha256') is not None and first.get('ids_sha256') == second.get('ids_sha256')
    for key, what in (('dataset', 'data sets'), *([] if same else [('split', 'splits')])):  # a list has several names
        if first.get(key) and second.get(key) and first[key] != second[key]:
            raise DataError(
                f'{names[0]} is of {key} {first[key]} and {names[1]} of {second[key]}: results of different {what} '
                'cannot be compared image by image. Test both methods on one list.')
    if first.get('ids_sha256') != second.get('ids_sha256'):
        raise DataError(
            f'{names[0]} ({first.get("images")} images) and {names[1]} ({second.get("images")} images) are of '
            'different lists (their ids_sha256 differ). Test both methods on one list.')
    rules = [one.get('protocols', {}).get(protocol) for one in (first, second)]
    if None not in rules and rules[0].get('sha256') != rules[1].get('sha256'):
        ours, theirs = (rule.get('rules', {}) for rule in rules)
        differing = ', '.join(f'{key} {ours.get(key)} / {theirs.get(key)}' for key in sorted({*ours, *theirs})
                              if ours.get(key) != theirs.get(key))
        raise DataError(
            f'{names[0]} and {names[1]} both call their protocol {protocol!r}, but its rules differ '
            f'({differing or "by their hash"}). Score both under one protocol.')


def check_pairing(
    first: Mapping[str, ImageCounts], second: Mapping[str, ImageCounts], names: tuple[str, str],
) -> list[str]:
    """The image ids that two counted results share, if they are all, and if their ground truth is the same.

    Raises:
        DataError: If the ids differ, or an image's targets, target pixels or size: another data set, split, mask or
            scored size.
    """
    if first.keys() != second.keys():
        only = [sorted(one.keys() - other.keys()) for one, other in ((first, second), (second, first))]
        told = ' and '.join(f'{len(ids)} only in {name} ({", ".join(ids[:_NAMED_AT_MOST])})'
                            for ids, name in zip(only, names, strict=True) if ids)
        raise DataError(
            f'The images differ: {told}. Results of different data sets or splits cannot be compared image by image. '
            'Score both on one list.')
    for image_id, counts in first.items():
        other = second[image_id]
        for name in _TRUTH:
            if getattr(counts, name) != getattr(other, name):
                raise DataError(
                    f'Image {image_id!r} has {name} {getattr(counts, name)} in {names[0]} and '
                    f'{getattr(other, name)} in {names[1]}: their masks or scored sizes differ. Score both against '
                    'one data set under one protocol.')
    return list(first)
