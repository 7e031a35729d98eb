"""What a training wrote of itself, read back: a column of its ``train.csv`` or ``val.csv`` over its epochs."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError

__all__ = ['LoggedCurve', 'is_better_low', 'read_curve']

_PLACES = ('iter', 'epoch')
_LOWER_IS_BETTER = ('Fa', 'pixel_FPR', 'false_alarm_regions_per_image')
_HIGHER_IS_BETTER = ('IoU', 'nIoU', 'Pd', 'precision', 'recall', 'F1')


def is_better_low(key: str) -> bool | None:
    """Whether the least of a logged value is the best; None of one that is not known here.

    Example:
        >>> is_better_low('irstd/Fa'), is_better_low('loss_mask'), is_better_low('irstd/IoU'), is_better_low('mine')
        (True, True, False, None)
    """
    name = key.rpartition('/')[2]
    if name in _LOWER_IS_BETTER or name.startswith('loss'):
        return True
    return False if name in _HIGHER_IS_BETTER else None


@dataclass(frozen=True)
class LoggedCurve:
    """A logged value over the epochs of one training.

    Args:
        key: The column, such as ``irstd/IoU`` or ``loss``.
        epochs: Where it was logged, rising; of ``train.csv`` the epoch goes on within itself.
        values: What was logged.

    Shape:
        - ``epochs``, ``values``: (rows,) float64, at least one
    """

    key: str
    epochs: np.ndarray
    values: np.ndarray

    @property
    def name(self) -> str:
        """The column without the metric's prefix."""
        return self.key.rpartition('/')[2]

    @property
    def best(self) -> int | None:
        """The row of the best value, of equals the latest, as of checkpoints; None if no value is a number.

        Best is the least of a loss or of false alarms.
        """
        if np.isnan(self.values).all():
            return None
        best = np.nanargmin if is_better_low(self.key) else np.nanargmax
        return len(self.values) - 1 - int(best(self.values[::-1]))

    def at(self, share: float) -> float:
        """The last value at or before a share of the epochs; ``nan`` before the first."""
        rows = np.flatnonzero(self.epochs <= share * self.epochs[-1] + 1e-9)
        return float(self.values[rows[-1]]) if rows.size else float('nan')


def read_curve(folder: str | Path, key: str) -> LoggedCurve:
    """Read a column of a work folder's logs, of ``val.csv`` where both have it.

    Args:
        folder: The work folder of a training.
        key: The column.

    Raises:
        DataError: If the folder has neither file, none has the column or a value in it, or a file cannot be read.
    """
    folder = Path(folder)
    known: dict[str, None] = {}
    for file in (folder / 'val.csv', folder / 'train.csv'):
        rows = list(_rows(file)) if file.is_file() else []
        known |= dict.fromkeys(name for row in rows[:1] for name in row if name not in _PLACES)
        points = [(row, row[key]) for row in rows if row.get(key)] if key not in _PLACES else []
        if points:
            try:
                values = [float(value) for _, value in points]
                places = [(int(row['iter']), int(row['epoch'])) for row, _ in points]
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(f'{file} cannot be read ({type(error).__name__}: {error}); expected the table that a '
                                'training writes.') from error
            return LoggedCurve(key, _within(places, file.stem == 'train'), np.array(values))
    if not known:
        raise DataError(f'{folder} has neither a train.csv nor a val.csv with a row; expected the work folder of a '
                        'training.')
    raise DataError(f'{folder} has no value of {key!r}; its logs have {", ".join(known)}.')


def _rows(file: Path) -> Iterator[dict[str, str]]:
    try:
        with file.open(newline='', encoding='utf-8') as opened:
            yield from csv.DictReader(opened)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f'{file} cannot be read ({error}); expected the table that a training writes.') from error


def _within(places: list[tuple[int, int]], training: bool) -> np.ndarray:
    """Epochs as numbers; a training's row within its epoch lies by its iterations between the epochs' ends."""
    if not training:
        return np.array([epoch for _, epoch in places], dtype=np.float64)
    length = max(iteration / epoch for iteration, epoch in places)  # an epoch's last row is at its end
    return np.array([iteration / length for iteration, _ in places])
