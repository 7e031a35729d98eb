"""What a training wrote of itself, read back: a column of its ``train.csv`` or ``val.csv`` over its epochs."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..evaluation.units import lower_is_better

__all__ = ['LoggedCurve', 'is_better_low', 'read_curve']

_PLACES = ('iter', 'epoch')


def is_better_low(key: str) -> bool | None:
    """Whether the least of a logged value is the best; None of one that is not known here.

    Example:
        >>> is_better_low('irstd/Fa'), is_better_low('loss_mask'), is_better_low('irstd/IoU'), is_better_low('mine')
        (True, True, False, None)
    """
    name = key.rpartition('/')[2]
    return True if name.startswith('loss') else lower_is_better(name)


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
        """The row of the best value, of equals the latest, as of checkpoints.

        Best is the least of a loss or of false alarms. None if no value is a number, or nothing says which is better.
        """
        low = is_better_low(self.key)
        if low is None or np.isnan(self.values).all():
            return None
        best = np.nanargmin if low else np.nanargmax
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
        points = [row for row in rows if row.get(key)] if key not in _PLACES else []
        if points:
            try:
                values = [float(row[key]) for row in points]
                epochs = _validated(points, folder) if file.stem == 'val' else _within(points)
            except (ArithmeticError, KeyError, TypeError, ValueError) as error:
                raise DataError(f'{file} cannot be read ({type(error).__name__}: {error}); expected the table that a '
                                'training writes.') from error
            return LoggedCurve(key, epochs, np.array(values))
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


def _within(rows: list[dict[str, str]]) -> np.ndarray:
    """Epochs as numbers: a training's row within its epoch lies by its iterations between the epochs' ends."""
    return np.array([int(row['iter']) for row in rows]) / _length(rows)


def _length(rows: Iterable[dict[str, str]]) -> float:
    """Iterations of an epoch: its last row of a training is at its end."""
    return max(int(row['iter']) / int(row['epoch']) for row in rows)


def _validated(rows: list[dict[str, str]], folder: Path) -> np.ndarray:
    """Epochs after which validations came; by iterations where a training that counts those has several in an epoch."""
    iterations = np.array([int(row['iter']) for row in rows])
    epochs = np.array([int(row['epoch']) for row in rows], dtype=np.float64)
    if (epochs[0] >= 1 or not iterations[0]) and (np.diff(epochs) > 0).all():
        return epochs
    file = folder / 'train.csv'
    trained = list(_rows(file)) if file.is_file() else []
    return iterations / (_length(trained) if trained else iterations[-1] / (epochs[-1] + 1))
