"""Loggers that say less for a while."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ['hushed']


@contextmanager
def hushed(logger: logging.Logger, level: int = logging.WARNING) -> Iterator[None]:
    """Meanwhile ``logger`` tells nothing below ``level``."""
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
