"""Embeddings of frozen encoders, kept on disk under the hash of all that decides them."""

import contextlib
import hashlib
import json
import os
import struct
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

__all__ = ['EmbeddingCache', 'default_cache_dir', 'hash_json']

MAGIC = b'IRSTDEM1'
HEADER = struct.Struct('<8s32sI')
DIGEST_BYTES = 32


def default_cache_dir() -> Path:
    """``$IRSTD_CACHE_DIR``, else ``~/.cache/irstd_toolbox/descriptors``."""
    return Path(os.environ.get('IRSTD_CACHE_DIR') or Path.home() / '.cache' / 'irstd_toolbox' / 'descriptors')


def hash_json(value: Mapping) -> str:
    """SHA-256 of the one JSON text that equal values have.

    Example:
        >>> hash_json({'a': 1, 'b': [2]}) == hash_json({'b': [2], 'a': 1})
        True
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(',', ':')).encode()).hexdigest()


class EmbeddingCache:
    """One small file an embedding, and the recent ones in memory.

    A file holds its key, its length, the float32 values and a SHA-256 over all of it; one that is empty, cut short,
    damaged, of another length or not finite counts as absent and is written again. Files appear whole (written beside
    and renamed), so several processes may share a folder. Deleting the folder is always safe.

    Args:
        folder: Where; None keeps embeddings in memory only. A folder that cannot be written is reported once and
            then not used.
        memory_bytes: Bound of the values held in memory, least recently used out first. A 512-long embedding takes
            2 KiB, so the default 64 MiB hold 32,768; a file takes 2,124 bytes.
    """

    def __init__(self, folder: str | Path | None, memory_bytes: int = 64 * 2**20) -> None:
        self.folder = None if folder is None else Path(folder).expanduser()
        self.memory_bytes = memory_bytes
        self._recent: OrderedDict[str, np.ndarray] = OrderedDict()
        self._held = 0

    def get(self, key: str, dim: int) -> np.ndarray | None:
        """The embedding under ``key`` (64 hex digits), float32 of length ``dim``; None if it must be computed."""
        vector = self._recent.pop(key, None)
        if vector is not None:
            self._recent[key] = vector
            return vector
        if self.folder is None:
            return None
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        vector = _decode(data, key, dim)
        return None if vector is None else self._keep(key, vector)

    def put(self, key: str, vector: np.ndarray) -> np.ndarray:
        """Store an embedding and give it back as :meth:`get` will."""
        vector = np.array(vector, dtype='<f4')
        self._write(self._path(key) if self.folder else None, _encode(key, vector))
        return self._keep(key, vector)

    def recall(self, source: Mapping | None) -> str | None:
        """The fingerprint that the weights from ``source`` had when they were last loaded, if that is known."""
        if source is None or self.folder is None:
            return None
        try:
            note = json.loads(self._note(source).read_bytes())
            fingerprint = note['fingerprint']
            return fingerprint if note['source'] == source and len(bytes.fromhex(fingerprint)) == DIGEST_BYTES else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, source: Mapping | None, fingerprint: str) -> None:
        """Note the fingerprint of loaded weights, so that a run that finds every embedding need not load them."""
        if source is not None and self.folder is not None:
            text = json.dumps({'source': source, 'fingerprint': fingerprint})
            self._write(self._note(source), text.encode())

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f'{key[2:]}.emb'

    def _note(self, source: Mapping) -> Path:
        return self.folder / 'weights' / f'{hash_json(source)}.json'

    def _keep(self, key: str, vector: np.ndarray) -> np.ndarray:
        vector.flags.writeable = False
        stale = self._recent.pop(key, None)
        self._held -= 0 if stale is None else stale.nbytes
        self._recent[key] = vector
        self._held += vector.nbytes
        while self._held > self.memory_bytes and len(self._recent) > 1:
            self._held -= self._recent.popitem(last=False)[1].nbytes
        return vector

    def _write(self, path: Path | None, data: bytes) -> None:
        if path is None:
            return
        scratch = path.with_name(f'.{os.urandom(8).hex()}.part')  # tempfile's would be for the owner alone
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_bytes(data)
            os.replace(scratch, path)
        except OSError as error:
            with contextlib.suppress(OSError):
                scratch.unlink()
            warnings.warn(f'Embeddings are not cached on disk: {error}. Set IRSTD_CACHE_DIR or cache_dir to a folder '
                          'that can be written.', stacklevel=2)
            self.folder = None


def _encode(key: str, vector: np.ndarray) -> bytes:
    body = HEADER.pack(MAGIC, bytes.fromhex(key), vector.size) + vector.tobytes()
    return body + hashlib.sha256(body).digest()


def _decode(data: bytes, key: str, dim: int) -> np.ndarray | None:
    if len(data) != HEADER.size + 4 * dim + DIGEST_BYTES:
        return None
    body, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest or HEADER.unpack(body[:HEADER.size]) != (MAGIC, bytes.fromhex(key), dim):
        return None
    vector = np.frombuffer(body, dtype='<f4', offset=HEADER.size).copy()
    return vector if np.isfinite(vector).all() else None
