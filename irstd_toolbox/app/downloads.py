"""The files that the page offers: mask, probabilities, and the table as CSV and JSON."""

import csv
import io
from pathlib import Path

import numpy as np

from ..evaluation.files import write_atomically
from ..evaluation.prediction_io import FULL_SCALE, write_prediction
from ..inference.documents import image_entry, mask_png, targets_document
from .analysis import Analysis

__all__ = ['write_downloads']


def write_downloads(
    analysis: Analysis, folder: Path, config: str, checkpoint: dict | None,
) -> dict[str, Path]:
    """Write what can be downloaded.

    - ``mask``: 0 and 255; ``probability``: 16 bit, full scale is 1, as ``tools/test.py`` writes it and
      ``tools/evaluate.py`` reads it
    - ``csv``: a row a target; ``json``: the document that ``tools/predict.py`` writes for this image

    Args:
        analysis: What to write.
        folder: Where to.
        config: The config as it was named.
        checkpoint: Of :func:`.documents.checkpoint_entry`.

    Returns:
        The path of each.
    """
    stem = Path(analysis.name).stem
    paths = {'mask': folder / f'{stem}_mask.png', 'probability': folder / f'{stem}_probability.png',
             'csv': folder / f'{stem}_targets.csv', 'json': folder / f'{stem}_targets.json'}
    write_atomically(paths['mask'], mask_png(analysis.found.mask))
    write_prediction(paths['probability'], np.rint(analysis.found.probability * FULL_SCALE).astype(np.uint16))
    write_atomically(paths['csv'], _csv(analysis).encode())
    write_atomically(paths['json'], targets_document(
        config, checkpoint, analysis.threshold, [image_entry(analysis.name, analysis.found)]))
    return paths


def _csv(analysis: Analysis) -> str:
    judged = analysis.truth is not None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['number', 'row', 'column', 'area', 'peak', 'mean', 'left', 'top', 'right', 'bottom',
                     *(['verdict'] if judged else [])])
    for row in analysis.rows:
        column, line = row.target.centroid
        writer.writerow([row.number, line, column, row.target.area, row.target.score, row.mean, *row.target.box,
                         *([row.verdict] if judged else [])])
    return text.getvalue()
