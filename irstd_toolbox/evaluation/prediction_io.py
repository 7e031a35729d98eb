"""Prediction files: how probabilities are written, and what is accepted when anybody's are read.

A prediction is ``ID.png``, ``ID.bmp`` or ``ID.tif``, one channel of 1, 8 or 16 bit, whose full scale is probability 1,
or ``ID.npy`` or a TIFF of floats with probabilities. The 16-bit PNG written here keeps the decision exactly: a decoded
value is above 0.5 if and only if the logit was above 0.
"""

import io
import unicodedata
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.files import write_atomically

__all__ = ['check_numbers', 'FULL_SCALE', 'READABLE', 'PredictionReader', 'decode', 'encode', 'find_prediction',
           'read_prediction', 'write_prediction']

FULL_SCALE = 65535
READABLE = ('.png', '.npy', '.bmp', '.tif', '.tiff')
"""Suffixes of predictions, which may be in capitals, too."""
_SCALES = {'1': 1, 'L': 255, 'I;16': FULL_SCALE, 'I;16B': FULL_SCALE, 'F': 1}
"""A picture's mode to its full scale."""
_HALF = 32768  # the lowest code whose probability is above 0.5


def encode(logits: np.ndarray) -> np.ndarray:
    """Quantise logits to 16-bit probabilities without moving any pixel across the decision threshold.

    ``round(65535 * sigmoid(logit))``, but at least 32768 for a logit above 0 and at most 32767 otherwise: a
    float32 sigmoid makes exactly 0.5 of a logit of 1e-9.

    Args:
        logits: Raw network output.

    Shape:
        - logits: any
        - Output: the same, uint16

    Raises:
        DataError: If a logit is nan.

    Example:
        >>> encode(np.array([-100.0, -1e-9, 0.0, 1e-9, 100.0])).tolist()
        [0, 32767, 32767, 32768, 65535]
    """
    logits = np.asarray(logits, dtype=np.float64)
    check_numbers(logits)
    decay = np.exp(-np.abs(logits))
    codes = np.rint(FULL_SCALE * np.where(logits > 0, 1.0, decay) / (1.0 + decay))
    return np.where(logits > 0, np.maximum(codes, _HALF), np.minimum(codes, _HALF - 1)).astype(np.uint16)


def check_numbers(logits: np.ndarray) -> None:
    """Refuse the logits, of any shape, of a network that has diverged.

    Raises:
        DataError: If one is nan.
    """
    unknown = np.count_nonzero(np.isnan(logits))
    if unknown:
        raise DataError(f'{unknown} of {logits.size} logits are nan; expected numbers. The network diverged: lower the '
                        'learning rate, or use an earlier checkpoint.')


def decode(codes: np.ndarray) -> np.ndarray:
    """Probabilities of 16-bit codes, float64 in 0..1."""
    return codes / np.float64(FULL_SCALE)


def write_prediction(path: str | Path, codes: np.ndarray) -> None:
    """Write the codes of :func:`encode` as a 16-bit PNG, or their probabilities as ``.npy``; atomically.

    Args:
        path: Where to; the suffix chooses the form.
        codes: Output of :func:`encode`.

    Shape:
        - codes: (H, W) uint16

    Raises:
        DataError: If the codes are not a 2-D uint16 array, or the suffix is neither ``.png`` nor ``.npy``.
    """
    path = Path(path)
    if codes.dtype != np.uint16 or codes.ndim != 2:
        raise DataError(
            f'{path}: got {codes.dtype} of shape {codes.shape} to write; expected the '
            'uint16 map (H, W) that encode() makes.')
    if path.suffix == '.png':
        write_atomically(path, cv2.imencode('.png', codes)[1].tobytes())
    elif path.suffix == '.npy':
        buffer = io.BytesIO()
        np.save(buffer, decode(codes), allow_pickle=False)
        write_atomically(path, buffer.getvalue())
    else:
        raise DataError(f'{path}: a prediction cannot be written as {path.suffix!r}; expected .png or .npy.')


def find_prediction(folder: str | Path, image_id: str) -> Path | None:
    """The prediction of one image in ``folder``, or None.

    Raises:
        DataError: If there are two.
    """
    ids, found = dict.fromkeys((image_id, unicodedata.normalize('NFD', image_id))), []
    for suffix in READABLE:
        names = [f'{one}{case}' for one in ids for case in (suffix, suffix.upper())]
        # Where a file system does not tell them apart they are one file.
        found += [path for name in names if (path := Path(folder) / name).is_file()][:1]
    if len(found) > 1:
        raise DataError(f'{found[0]} and {found[1].name} are both there; expected one prediction an image. Remove one.')
    return found[0] if found else None


def read_prediction(path: str | Path) -> np.ndarray:
    """Read anybody's prediction as probabilities.

    Args:
        path: A PNG, BMP or TIFF of 1, 8 or 16 bit and one channel, or a ``.npy`` or TIFF of floats, or ``.npy`` of
            booleans.

    Shape:
        - Output: (H, W) float64 in 0..1

    Raises:
        DataError: If the file is missing or damaged, has another type or shape, or holds nan or values
            outside 0..1.
    """
    path = Path(path)
    try:
        values = _read_npy(path) if path.suffix.lower() == '.npy' else _read_picture(path)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f'{path} does not exist; expected a prediction. Check the folder and the image id.') from None
    except Exception as error:  # whatever a damaged file makes a decoder raise
        raise DataError(
            f'{path} cannot be read ({error}); expected a PNG, BMP, TIFF or .npy. Write it again.') from error
    if values.ndim != 2 or not values.size:
        raise DataError(f'{path} has shape {values.shape}; expected one map (H, W) with at least one pixel.')
    return values


class PredictionReader:
    """:func:`read_prediction` of one method's files, which then tells 0/1 masks from probabilities.

    Args:
        name: What a warning calls the method.
    """

    def __init__(self, name: str) -> None:
        self.name, self._peaks = name, set()

    def __call__(self, path: str | Path) -> np.ndarray:
        values = read_prediction(path)
        self._peaks.add(float(values.max()))
        return values

    def warn_of_masks(self) -> None:
        """Warn if every prediction read is blank or reaches 1 of 255, which is what 0/1 masks look like."""
        if self._peaks - {0.0} == {1 / 255}:
            warnings.warn(
                f'{self.name}: every prediction that is not blank holds only 0 and 1 in 8 bit, read as probabilities '
                'up to 1/255. If these are 0/1 masks, multiply them by 255 and start again', stacklevel=2)


def _read_picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        # A PNG of 16 bit has the mode I in Pillow before 11; of a TIFF it means 32 bit.
        scale = FULL_SCALE if (image.format, image.mode) == ('PNG', 'I') else _SCALES.get(image.mode)
        if image.format not in ('PNG', 'BMP', 'TIFF') or scale is None or getattr(image, 'n_frames', 1) > 1:
            pages = f' and {image.n_frames} pages' if getattr(image, 'n_frames', 1) > 1 else ''
            raise DataError(
                f'{path} is a {image.format} image of mode {image.mode}{pages}; expected a PNG, BMP or TIFF with one '
                'channel of 8 or 16 bit. Save the probability map itself, not a coloured or palette picture of it.')
        values = np.asarray(image) / np.float64(scale)
    return _checked(path, values) if image.mode == 'F' else values


def _read_npy(path: Path) -> np.ndarray:
    values = np.load(path, allow_pickle=False)
    if values.dtype != bool and not np.issubdtype(values.dtype, np.floating):
        raise DataError(
            f'{path} holds {values.dtype}; expected probabilities as float, or bool. Divide integers by their full '
            'scale before saving.')
    return _checked(path, values.astype(np.float64))


def _checked(path: Path, values: np.ndarray) -> np.ndarray:
    if np.isnan(values).any():
        raise DataError(f'{path} holds {np.count_nonzero(np.isnan(values))} nan; expected probabilities 0..1.')
    if values.size and (values.min() < 0 or values.max() > 1):
        raise DataError(
            f'{path} holds values from {values.min():.6g} to {values.max():.6g}; expected probabilities 0..1. Apply '
            'the sigmoid to logits before saving.')
    return values
