"""Images that occur twice: equal pixels, or a perceptual hash and a cosine that say the same scene."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import fft

__all__ = ['BITS', 'COSINE', 'Fingerprint', 'Pair', 'equal_pairs', 'fingerprint', 'near_pairs']

BITS = 4
"""Bits of 63 in which the hashes of nearly equal images may differ."""

COSINE = 0.995
"""Cosine that the thumbnails of nearly equal images reach."""

_HASH_SIDE, _LOW, _SIDE = 32, 8, 64
_COMPARED_AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What tells whether two images are the same.

    Args:
        digest: SHA-256 of size and grey levels.
        hash: 63 bits of the perceptual hash.
        thumbnail: 64x64 levels of mean 0 and length 1, float16; None for a constant image, which is near to none.
    """

    digest: bytes
    hash: np.uint64
    thumbnail: np.ndarray | None


@dataclass(frozen=True)
class Pair:
    """Two images that are nearly equal, by their place in the sequences compared."""

    first: int
    second: int
    bits: int
    cosine: float


def fingerprint(gray: np.ndarray) -> Fingerprint:
    """Fingerprint an image.

    The hash is the sign, against their median, of the 63 lowest of 8x8 DCT coefficients (the mean left out) of the
    image at 32x32; the thumbnail is the image at 64x64 less its mean. Both are resampled by Lanczos, so images of any
    size compare.

    Args:
        gray: Levels 0..255.

    Shape:
        - gray: ``(H, W)`` float32
    """
    digest = hashlib.sha256(repr(gray.shape).encode())
    digest.update(np.ascontiguousarray(gray))
    levels = _resized(gray, _SIDE).ravel()
    levels = levels - levels.mean()
    length = np.linalg.norm(levels)
    if gray.min() == gray.max() or length == 0:
        return Fingerprint(digest.digest(), np.uint64(0), None)
    low = fft.dctn(_resized(gray, _HASH_SIDE))[:_LOW, :_LOW].ravel()[1:]
    bits = np.packbits(np.append(low > np.median(low), False))
    return Fingerprint(digest.digest(), bits.view(np.uint64)[0], (levels / length).astype(np.float16))


def equal_pairs(first: Sequence[Fingerprint], second: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """The places of all pairs, one of each sequence, whose grey levels are equal."""
    places = defaultdict(list)
    for place, one in enumerate(second):
        places[one.digest].append(place)
    return [(place, other) for place, one in enumerate(first) for other in places.get(one.digest, ())]


def near_pairs(first: Sequence[Fingerprint], second: Sequence[Fingerprint], bits: int = BITS, cosine: float = COSINE,
               ) -> list[Pair]:
    """All pairs, one of each sequence, that are nearly but not quite equal.

    All hashes are compared with all; the cosine is taken of those alone that agree.

    Args:
        bits: Largest distance of the hashes.
        cosine: Smallest cosine of the thumbnails.
    """
    pairs: list[Pair] = []
    if not (first and second):
        return pairs
    ours, theirs = (np.array([one.hash for one in side], np.uint64) for side in (first, second))
    rows = max(_COMPARED_AT_ONCE // len(theirs), 1)
    for start in range(0, len(ours), rows):
        distance = np.bitwise_count(ours[start:start + rows, None] ^ theirs[None])
        for row, column in np.argwhere(distance <= bits):
            one, other = first[start + row], second[column]
            if one.thumbnail is None or other.thumbnail is None or one.digest == other.digest:
                continue
            value = float(np.dot(one.thumbnail.astype(np.float32), other.thumbnail.astype(np.float32)))
            if value >= cosine:
                pairs.append(Pair(int(start + row), int(column), int(distance[row, column]), value))
    return pairs


def _resized(gray: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(gray).resize((side, side), Image.Resampling.LANCZOS), np.float64)
