"""Which rows may be compared, and which of them are ranked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from irstd_toolbox.evaluation.units import lower_is_better

from .benchmark_file import Row
from .seeds import figure, rounded

__all__ = ['Group', 'cautions', 'groups_of', 'is_fair', 'placings']


@dataclass(frozen=True)
class Group:
    """Rows on the same images by one protocol, name and rules: what may stand in one ranked table.

    Args:
        rows: In the order of the file.
        title: Data set, split, list and protocol; with a piece of a hash where two groups would be called alike.
    """

    rows: tuple[Row, ...] = field(repr=False)
    title: str

    @property
    def first(self) -> Row:
        """A row that knows the list and the protocol, where there is one."""
        return next((row for row in self.rows if row.failed is None), self.rows[0])

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the protocol's own tables."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.reports))

    @property
    def list_key(self) -> tuple:
        """What the groups on one test list have in common, whatever the protocol."""
        return self.first.tested_on, self.first.list, self.first.ids_sha256


def cautions(row: Row) -> list[str]:
    """Why a row is not ranked, a sentence each; none for a fair row."""
    found = []
    if row.failed is not None:
        found.append(f'failed: {row.failed}')
    if row.selection == 'test':
        found.append('checkpoint chosen on the test list')
    if row.selection == 'not known':
        found.append('what the checkpoint was chosen on is not recorded')
    if row.trained_before:
        found.append(f'began with weights that had been trained on {row.trained_before}')
    if row.text_at_test:
        found.append('text given at test')
    if row.oracle_threshold:
        found.append('threshold chosen on the test list')
    if row.failed is None and row.values.get('Pd') and all(value == 0 for value in row.values['Pd']):
        found.append('no target found, so that its false alarms say nothing')
    if row.leaked:
        of = '' if row.images is None else f' of {row.images}'
        found.append(f'{row.leaked}{of} test images are in the training list of {row.trained_on}, or near-duplicates')
    return found


def is_fair(row: Row) -> bool:
    """Whether a row may be ranked."""
    return not cautions(row)


def placings(rows: Sequence[Row], metric: str) -> list[str]:
    """``best``, ``second`` or nothing for each row of one comparable group.

    Only fair rows with a value take part; fewer than two are not ranked. Equal figures, as they are shown, share a
    place, and two that share the first leave no second.
    """
    values = [rounded(figure(row.values[metric]), metric) if is_fair(row) and metric in row.values else None
              for row in rows]
    known = [-value if lower_is_better(metric) else value for value in values if value is not None]
    if len(known) < 2 or len(set(known)) < 2:
        return [''] * len(rows)
    places = []
    for value in values:
        score = None if value is None else -value if lower_is_better(metric) else value
        ahead = None if score is None else sum(other > score for other in known)
        places.append({0: 'best', 1: 'second'}.get(ahead, ''))
    return places


def groups_of(rows: Iterable[Row]) -> list[Group]:
    """Rows by what makes them comparable: data set, list, ids, protocol and its rules; in the order of the file.

    Two protocols of equal rules, such as basicirstd and mmseg, report other metrics and have a table each.
    A row that failed before its hashes were known stands with the rows of its data set, list and protocol where those
    are one group, else by itself.
    """
    rows = list(rows)
    keyed: dict[tuple, list[Row]] = {}
    for row in rows:
        if None not in _key(row):
            keyed.setdefault(_key(row), []).append(row)
    for row in rows:
        if None in _key(row):
            home = [key for key, others in keyed.items() if None not in key and _name(others[0]) == _name(row)]
            keyed.setdefault(home[0] if len(home) == 1 else (*_key(row), _name(row)), []).append(row)
    titles = {key: _name(others[0]) for key, others in keyed.items()}
    found = []
    for key, others in keyed.items():
        title = ', '.join(titles[key])
        if list(titles.values()).count(titles[key]) > 1:
            title += f' (ids {str(key[2])[:8]}, rules {str(key[3])[:8]})'
        order = {id(row): number for number, row in enumerate(rows)}
        found.append(Group(tuple(sorted(others, key=lambda row: order[id(row)])), title))
    return found


def _key(row: Row) -> tuple:
    return row.tested_on, row.list, row.ids_sha256, row.protocol_sha256, row.protocol


def _name(row: Row) -> tuple[str, ...]:
    return row.tested_on, f'{row.split} list' if row.list == 'official' else f'{row.split} list {row.list}', \
        f'protocol {row.protocol}'
