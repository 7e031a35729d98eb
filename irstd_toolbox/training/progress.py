"""How a run shows itself: a progress bar with the time left, its scalars as CSV, and loggers that are hushed."""

import csv
import io
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ..errors import ConfigError, check_least
from ..evaluation.files import write_atomically
from ..registry import HOOKS
from .deadline_hook import DeadlineHook, deadline_of

__all__ = ['CSVLoggerHook', 'ProgressHook', 'duration', 'hushed']


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    Example:
        >>> duration(59), duration(3599), duration(90061)
        ('59 s', '59 min 59 s', '25 h 1 min')
    """
    minutes, rest = divmod(int(seconds), 60)
    if minutes >= 60:
        return f'{minutes // 60} h {minutes % 60} min'
    return f'{minutes} min {rest} s' if minutes else f'{rest} s'


@contextmanager
def hushed(logger: logging.Logger, level: int = logging.WARNING) -> Iterator[None]:
    """Meanwhile ``logger`` tells nothing below ``level``."""
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def _scalars(outputs: dict | None) -> dict[str, float]:
    return {name: value.item() if hasattr(value, 'item') else float(value) for name, value in (outputs or {}).items()}


@HOOKS.register_module()
class ProgressHook(Hook):
    """Show epoch, loss, learning rate, the last validation and the time left: a bar in a terminal, lines elsewhere.

    The time left is that of the epochs to come, or that of a :class:`DeadlineHook` where it ends first.

    Args:
        every: Seconds between two lines where the output is no terminal; the first and last iteration have theirs.
        metrics: Keys of the validation to show.

    Raises:
        ConfigError: If ``metrics`` is one text.
    """

    priority = 'LOW'

    def __init__(self, every: float = 10.0, metrics: tuple[str, ...] = ('irstd/IoU', 'irstd/nIoU', 'irstd/Pd')) -> None:
        if isinstance(metrics, str):
            raise ConfigError(f'ProgressHook(metrics={metrics!r}): a list of keys is expected, such as [{metrics!r}].')
        check_least(self, 0, every=every)
        self.every, self.metrics = every, tuple(metrics)
        self.bar: Progress | None = None
        self.deadline: DeadlineHook | None = None
        self.validation = ''

    def before_train(self, runner: Runner) -> None:
        self.started, self.first, self.printed = time.monotonic(), runner.iter, float('-inf')
        self.deadline = deadline_of(runner)
        console = Console()
        if console.is_terminal and is_main_process():
            self.bar = Progress(TextColumn('{task.description}'), BarColumn(), TaskProgressColumn(),
                                TextColumn('{task.fields[state]}'), console=console, refresh_per_second=4)
            self.bar.start()
            self.task = self.bar.add_task('training', total=runner.max_iters, completed=runner.iter, state='')
            self._redirect(runner)

    def _redirect(self, runner: Runner) -> None:
        """Warnings go above the bar, not through it, while the bar has ``sys.stdout``."""
        for handler in runner.logger.handlers:
            if type(handler) is logging.StreamHandler:
                handler.setStream(sys.stdout)

    def _state(self, runner: Runner, outputs: dict | None) -> str:
        done = runner.iter + 1 - self.first
        left = (time.monotonic() - self.started) / done * (runner.max_iters - runner.iter - 1)
        if self.deadline is not None:
            left = min(left, max(self.deadline.end - self.deadline.clock(), 0.0))
        loss = _scalars(outputs).get('loss')
        rate = next(iter(runner.optim_wrapper.get_lr().values()))[0]
        shown = f'loss {loss:.4f}  ' if loss is not None else ''
        return f'{shown}lr {rate:.2e}  {self.validation}{duration(left)} left'

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        if not is_main_process():
            return
        where = f'epoch {runner.epoch + 1}/{runner.max_epochs}'
        if self.bar is not None:
            self.bar.update(self.task, completed=runner.iter + 1, description=where, state=self._state(runner, outputs))
        elif time.monotonic() - self.printed >= self.every or runner.iter + 1 == runner.max_iters:
            self.printed = time.monotonic()
            counted = f'iteration {runner.iter + 1}/{runner.max_iters}'
            print(f'{where}  {counted}  {self._state(runner, outputs)}', flush=True)

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        shown = {key: metrics[key] for key in self.metrics if metrics and isinstance(metrics.get(key), float)}
        text = '  '.join(f'{key.rpartition("/")[2]} {100 * value:.2f}' for key, value in shown.items())
        self.validation = f'validation: {text}  ' if text else ''
        if self.bar is None and text and is_main_process():
            print(f'epoch {runner.epoch}/{runner.max_epochs}  validation: {text}', flush=True)

    def after_train(self, runner: Runner) -> None:
        self.close(runner)

    def close(self, runner: Runner) -> None:
        """Give the terminal back; also after an exception."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
            self._redirect(runner)


class _Table:
    """A CSV file with one row a step; columns may join later, and the file is whole at every moment."""

    def __init__(self, path: Path, last_step: int) -> None:
        self.path, self.rows = path, {}
        if path.is_file() and last_step:
            with path.open(newline='') as file:
                rows = {int(row['iter']): row for row in csv.DictReader(file)}
            self.rows = {step: row for step, row in rows.items() if step <= last_step}

    def add(self, step: int, row: dict[str, Any]) -> None:
        self.rows[step] = dict(iter=step, **row)
        columns = dict.fromkeys(key for row in self.rows.values() for key in row)
        text = io.StringIO(newline='')
        writer = csv.DictWriter(text, list(columns), restval='')
        writer.writeheader()
        writer.writerows(self.rows.values())
        write_atomically(self.path, text.getvalue().encode())


@HOOKS.register_module()
class CSVLoggerHook(Hook):
    """Write ``train.csv`` (means over ``interval`` iterations) and ``val.csv`` into the work folder.

    A resumed run drops the rows after its checkpoint and goes on below the others.

    A loss that some iterations lack is averaged over those that have it.

    Args:
        interval: Iterations of one row of ``train.csv``; the last ones of an epoch and of the training have a row too.

    Raises:
        ValueError: If ``interval`` is below 1.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 50) -> None:
        if interval < 1:
            raise ValueError(f'CSVLoggerHook(interval={interval}): at least 1 is expected.')
        self.interval, self.pending = interval, []

    def before_train(self, runner: Runner) -> None:
        self.train, self.val = (_Table(Path(runner.work_dir, f'{name}.csv'), runner.iter) for name in ('train', 'val'))

    def before_train_epoch(self, runner: Runner) -> None:
        self.pending = []

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None,
                         outputs: dict | None = None) -> None:
        self.pending.append(_scalars(outputs))
        if not (self.every_n_inner_iters(batch_idx, self.interval)
                or self.end_of_epoch(runner.train_dataloader, batch_idx) or runner.iter + 1 == runner.max_iters):
            return
        names = dict.fromkeys(name for row in self.pending for name in row)
        values = {name: [row[name] for row in self.pending if name in row] for name in names}
        means = {name: sum(given) / len(given) for name, given in values.items()}
        self.pending = []
        if is_main_process():
            rates = {name: rate[0] for name, rate in runner.optim_wrapper.get_lr().items()}
            self.train.add(runner.iter + 1, dict(epoch=runner.epoch + 1, **rates, **means))

    def after_val_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        if is_main_process() and runner._train_loop is not None and hasattr(self, 'val'):
            self.val.add(runner.iter, dict(epoch=runner.epoch, **{
                name: value for name, value in (metrics or {}).items() if isinstance(value, int | float)}))
