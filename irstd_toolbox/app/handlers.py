"""What happens when something on the page is touched: from files and numbers to what is shown, or to a message."""

import functools
import itertools
import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ConfigError, UserError
from ..inference import Detection, Predictor
from ..inference.documents import checkpoint_entry
from .analysis import Analysis, analyse, detect, read_truth
from .downloads import write_downloads
from .examples import write_example
from .pictures import difference_picture, marked_picture, probability_picture
from .words import HINT, problem, summary

__all__ = ['Handlers', 'Known', 'Shown', 'forget']

_logger = logging.getLogger('irstd_toolbox')
_EXAMPLE = 'example'


@dataclass(frozen=True, eq=False)
class Known:
    """What is kept for a visitor, so that another threshold or mask needs no model.

    Args:
        name: File name of the image.
        found: Its prediction.
        folder: Holds the files that can be downloaded.
    """

    name: str
    found: Detection
    folder: Path


@dataclass(frozen=True, eq=False)
class Shown:
    """What the page shows.

    Args:
        notice: HTML above the results: a message, the number of targets, or both.
        known: To be handed back with the next touch; None if there is no result.
        analysis: The result; None with a message alone.
        marked, probability, difference: Pictures; there is no difference without a ground truth.
        files: See :func:`.write_downloads`.

    Shape:
        - marked, probability, difference: ``(h, w, 3)`` uint8
    """

    notice: str
    known: Known | None = None
    analysis: Analysis | None = None
    marked: np.ndarray | None = None
    probability: np.ndarray | None = None
    difference: np.ndarray | None = None
    files: dict[str, Path] | None = None


def forget(known: Known | None) -> None:
    """Remove the files of a visitor who has another image now, or has gone."""
    if known is not None:
        shutil.rmtree(known.folder, ignore_errors=True)


def _guarded(handler: Callable[..., Shown]) -> Callable[..., Shown]:
    """``handler``, whose unforeseen errors are logged here and told to the visitor without their insides.

    What was known goes with its files: the page keeps nothing of it after a message alone.
    """
    @functools.wraps(handler)
    def guarded(own: 'Handlers', known: Known | None, *values: object) -> Shown:
        try:
            return handler(own, known, *values)
        except UserError as error:
            forget(known)
            return Shown(problem(error))
        except Exception as error:
            forget(known)
            _logger.exception('The page failed')
            return Shown(problem(f'The page failed ({type(error).__name__}): a defect of the toolbox. The terminal in '
                                 'which it runs shows where.'))
    return guarded


class Handlers:
    """The handlers of one model.

    Args:
        predictor: The model.
        config: As it was named; it stands in downloads.
        checkpoint: As it was named; None for a method without.
        folder: For downloads and examples; it should go when the page does.
    """

    def __init__(self, predictor: Predictor, config: str, checkpoint: str | None, folder: Path) -> None:
        self.predictor, self.config, self.checkpoint, self.folder = predictor, config, checkpoint, folder
        self._entry = checkpoint_entry(checkpoint)  # once: a large file takes seconds to hash
        self._scenes = itertools.count(1)

    @_guarded
    def find(self, known: Known | None, image: str | None, mask: str | None, sentence: str | None,
             threshold: float) -> Shown:
        """Run the model on an image."""
        if not image:
            raise ConfigError('There is no image yet. Choose one, or try a synthetic scene.')
        try:
            found = detect(self.predictor, Path(image), sentence)
        except UserError as error:
            forget(known)
            return Shown(problem(error, image))
        forget(known)
        own = Known(Path(image).name, found, Path(tempfile.mkdtemp(dir=self.folder)))
        try:
            return self._judged(own, mask, threshold)
        except Exception:
            forget(own)
            raise

    @_guarded
    def judge(self, known: Known | None, mask: str | None, threshold: float) -> Shown:
        """Show what is known of an image under another threshold, or beside another mask."""
        return Shown(HINT) if known is None else self._judged(known, mask, threshold)

    def example(self, label: str) -> tuple[str, str]:
        """A new synthetic scene; the paths of image and mask."""
        folder = self.folder / _EXAMPLE
        folder.mkdir(exist_ok=True)
        image, mask = write_example(label, next(self._scenes), folder)
        return str(image), str(mask)

    def forget_example(self) -> None:
        """Remove what :meth:`example` wrote, once the page has copies; no two handlers run at once."""
        shutil.rmtree(self.folder / _EXAMPLE, ignore_errors=True)

    def _judged(self, known: Known, mask: str | None, threshold: float) -> Shown:
        truth, trouble = None, ''
        if mask:
            try:
                truth = read_truth(Path(mask), known.found.mask.shape)
            except UserError as error:  # the targets are shown all the same
                trouble = problem(error, mask)
        analysis = analyse(known.name, known.found, threshold, truth)
        return Shown(
            trouble + summary(analysis), known, analysis, marked_picture(analysis), probability_picture(analysis),
            difference_picture(analysis), write_downloads(analysis, known.folder, self.config, self._entry))
