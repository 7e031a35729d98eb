"""``benchmark.json`` read back: every field checked before a report is made of it."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irstd_toolbox.errors import DataError

__all__ = ['FILE', 'FORMAT', 'Benchmark', 'Cost', 'Reference', 'Row', 'read_benchmark']

FILE, FORMAT = 'benchmark.json', 1

_KINDS: dict[str, Callable[[Any], bool]] = {
    'a text': lambda value: isinstance(value, str),
    'true or false': lambda value: isinstance(value, bool),
    'a whole number': lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    'a number': lambda value: isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value),
    'a list': lambda value: isinstance(value, list),
    'a mapping': lambda value: isinstance(value, dict),
    'a text or a mapping': lambda value: isinstance(value, str | dict)}
_PERCENTILES = ('p5', 'p50', 'p95')


@dataclass(frozen=True)
class Cost:
    """What a method costs for one image of ``size`` x ``size``; None where it was not measured.

    Args:
        parameters: Their number.
        macs_256: Multiply-accumulates of an image of 256x256.
        macs_512: The same of 512x512.
        size: Side of the image of latency and memory.
        cpu_ms: Percentiles 5, 50 and 95 of the latency.
        gpu_ms: The same on a GPU.
        memory_mib: Rise of the peak memory.
        gpu_memory_mib: The same on a GPU.
    """

    parameters: int | None
    macs_256: int | None
    macs_512: int | None
    size: int | None
    cpu_ms: tuple[float, float, float] | None
    gpu_ms: tuple[float, float, float] | None
    memory_mib: float | None
    gpu_memory_mib: float | None


@dataclass(frozen=True)
class Row:
    """One method on one test list under one protocol; the fields are those of ``docs/benchmark.md``."""

    name: str
    group: str | None
    config: str
    trained_on: str | None
    tested_on: str
    split: str
    list: str
    leaked: int | None
    protocol: str
    protocol_sha256: str | None
    ids_sha256: str | None
    images: int | None
    targets: int | None
    reports: tuple[str, ...]
    seeds: tuple[int | None, ...]
    values: Mapping[str, tuple[float | None, ...]]
    selection: str | None
    trained_before: str | None
    text_at_test: bool
    oracle_threshold: bool
    threshold: Mapping[str, Any] | None
    iterations: int | None
    cost: Cost | None
    folders: tuple[str, ...]
    data_root: str | None
    layout: str | Mapping[str, Any] | None
    failed: str | None


@dataclass(frozen=True)
class Reference:
    """Published figures: a fraction a metric."""

    name: str
    source: str
    protocol: str
    dataset: str
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class Benchmark:
    """A whole file."""

    title: str
    command: tuple[str, ...]
    version: str
    commit: str | None
    date: str
    machine: Mapping[str, Any]
    rows: tuple[Row, ...]
    references: tuple[Reference, ...]


class _Place:
    """A value of the file, and where it stands."""

    def __init__(self, path: Path, name: str, value: Any) -> None:
        self.path, self.name, self.value = path, name, value

    def wrong(self, got: str, expected: str) -> DataError:
        return DataError(f'{self.path}: {self.name} is {got}; expected {expected}. '
                         'Write the file anew with tools/benchmark.py.')

    def must(self, kind: str, null: bool = False) -> Any:
        if self.value is None and null:
            return None
        if not _KINDS[kind](self.value):
            raise self.wrong(_short(self.value), f'{kind}{" or null" if null else ""}')
        return self.value

    def at(self, key: str) -> '_Place':
        return _Place(self.path, f'{self.name}.{key}' if self.name else key, self.value.get(key))

    def get(self, key: str, kind: str, null: bool = False) -> Any:
        """A field of a mapping; one that may be null may be missing too."""
        if key not in self.value and not null:
            raise self.at(key).wrong('missing', kind)
        return self.at(key).must(kind, null)

    def each(self, key: str, kind: str, null: bool = False) -> 'list[_Place]':
        """The entries of a list, every one of a kind."""
        entries = [_Place(self.path, f'{self.at(key).name}[{number}]', value)
                   for number, value in enumerate(self.get(key, 'a list'))]
        for entry in entries:
            entry.must(kind, null)
        return entries

    def plain(self, key: str, kind: str, null: bool = False) -> tuple:
        """The values of such a list."""
        return tuple(entry.value for entry in self.each(key, kind, null))


def read_benchmark(folder: str | Path) -> Benchmark:
    """Read ``benchmark.json`` of a benchmark's folder.

    Raises:
        DataError: If it is missing, no JSON or of another format, or a field is not as expected; the message names
            the field.
    """
    path = Path(folder) / FILE
    try:
        value = json.loads(path.read_text(encoding='utf-8'), parse_constant=_refuse)
    except FileNotFoundError as error:
        raise DataError(f'{path} does not exist; expected what tools/benchmark.py wrote. Give its --out folder.') \
            from error
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read as JSON ({error}); expected what tools/benchmark.py wrote. '
                        'Write it anew.') from error
    whole = _Place(path, '', value)
    if not isinstance(value, dict):
        raise DataError(f'{path} holds {_short(value)}; expected a mapping, as tools/benchmark.py writes. '
                        'Write it anew.')
    if whole.get('format', 'a whole number') != FORMAT:
        raise whole.at('format').wrong(str(value['format']), str(FORMAT))
    return Benchmark(
        whole.get('title', 'a text'), whole.plain('command', 'a text'), whole.get('version', 'a text'),
        whole.get('commit', 'a text', null=True), whole.get('date', 'a text'), whole.get('machine', 'a mapping'),
        tuple(map(_row, whole.each('rows', 'a mapping'))),
        tuple(dict.fromkeys(map(_reference, whole.each('references', 'a mapping')))))


def _row(place: _Place) -> Row:
    failed = place.get('failed', 'a text', null=True)
    # What failed may not have come as far as to know these.
    late = failed is not None
    seeds = place.plain('seeds', 'a whole number', null=True)
    if not seeds:
        raise place.at('seeds').wrong('empty', 'a seed each run, or null once')
    reports = place.plain('reports', 'a text') if not late or 'reports' in place.value else ()
    values = _values(place, seeds) if not late or 'values' in place.value else {}
    missing = [] if late else [name for name in reports if name not in values]
    if missing:
        raise place.at('values').at(missing[0]).wrong('missing', 'its values, since "reports" names it')
    folders = place.plain('folders', 'a text') if not late or 'folders' in place.value else ()
    if len(folders) not in (0, len(seeds)) and not late:
        raise place.at('folders').wrong(f'{len(folders)} folders', f'{len(seeds)}, one a seed, or none')
    cost = place.at('cost')
    return Row(
        name=place.get('name', 'a text'), group=place.get('group', 'a text', null=True),
        config=place.get('config', 'a text'), trained_on=place.get('trained_on', 'a text', null=True),
        tested_on=place.get('tested_on', 'a text'), split=place.get('split', 'a text'),
        list=place.get('list', 'a text'), leaked=place.get('leaked', 'a whole number', null=True),
        protocol=place.get('protocol', 'a text'), protocol_sha256=place.get('protocol_sha256', 'a text', late),
        ids_sha256=place.get('ids_sha256', 'a text', late), images=place.get('images', 'a whole number', late),
        targets=place.get('targets', 'a whole number', late), reports=reports, seeds=seeds, values=values,
        selection=place.get('selection', 'a text', late),
        trained_before=place.get('trained_before', 'a text', null=True),
        text_at_test=place.get('text_at_test', 'true or false'),
        oracle_threshold=place.get('oracle_threshold', 'true or false'),
        threshold=place.get('threshold', 'a mapping', null=True),
        iterations=place.get('iterations', 'a whole number', null=True),
        cost=None if cost.must('a mapping', null=True) is None else _cost(cost), folders=folders,
        data_root=place.get('data_root', 'a text', null=True),
        layout=place.get('layout', 'a text or a mapping', null=True), failed=failed)


def _values(place: _Place, seeds: tuple) -> dict[str, tuple[float | None, ...]]:
    values = {}
    place.get('values', 'a mapping')
    for name in place.value['values']:
        values[name] = place.at('values').plain(name, 'a number', null=True)
        if len(values[name]) != len(seeds):
            raise place.at('values').at(name).wrong(
                f'{len(values[name])} values', f'{len(seeds)}, one for each of "seeds"')
    return values


def _cost(place: _Place) -> Cost:
    whole = [place.get(key, 'a whole number', null=True) for key in ('parameters', 'macs_256', 'macs_512', 'size')]
    times = []
    for key in ('cpu_ms', 'gpu_ms'):
        known = place.get(key, 'a mapping', null=True) is not None
        times.append(tuple(place.at(key).get(part, 'a number') for part in _PERCENTILES) if known else None)
    return Cost(*whole, *times, *(place.get(key, 'a number', null=True) for key in ('memory_mib', 'gpu_memory_mib')))


def _reference(place: _Place) -> Reference:
    texts = [place.get(key, 'a text') for key in ('name', 'source', 'protocol', 'dataset')]
    place.get('values', 'a mapping')
    values = place.at('values')
    return Reference(*texts, _Frozen((name, values.get(name, 'a number', null=True)) for name in values.value))


class _Frozen(dict):
    """Values that take part in the equality of references, which may be named once an entry."""

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))


def _refuse(constant: str) -> None:
    raise ValueError(f'{constant} is no JSON; undefined values are null')


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'
