"""The cache of embeddings: exact values back, damaged entries computed again, several processes, bounded memory."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from irstd_toolbox.models.descriptor_cache import EmbeddingCache, default_cache_dir, hash_json

KEY, OTHER = hashlib.sha256(b'a').hexdigest(), hashlib.sha256(b'b').hexdigest()
VECTOR = np.array([1.5, -0.0, 3e-39, np.float32(np.pi)], np.float32)


def file_of(folder: Path, key: str = KEY) -> Path:
    return folder / key[:2] / f'{key[2:]}.emb'


def signed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def test_what_was_stored_comes_back_bit_for_bit_in_another_process_too(tmp_path):
    returned = EmbeddingCache(tmp_path).put(KEY, VECTOR)
    again = EmbeddingCache(tmp_path).get(KEY, 4)
    assert returned.tobytes() == again.tobytes() == VECTOR.tobytes()


def test_the_size_of_a_file_is_as_documented(tmp_path):
    EmbeddingCache(tmp_path).put(KEY, np.zeros(512))
    assert file_of(tmp_path).stat().st_size == 2124


def test_an_absent_entry_is_none(tmp_path):
    assert EmbeddingCache(tmp_path).get(KEY, 4) is None


def nan_inside(data: bytes) -> bytes:
    body = bytearray(data[:-32])
    body[-4:] = np.float32(np.nan).tobytes()
    return signed(bytes(body))


def under_another_key(data: bytes) -> bytes:
    body = data[:-32]
    return signed(body[:8] + bytes.fromhex(OTHER) + body[40:])


@pytest.mark.parametrize('damage', [
    lambda data: b'', lambda data: data[:-1], lambda data: data[:60], lambda data: data + b'x',
    lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:], lambda data: b'garbage' * 10,
    nan_inside, under_another_key],
    ids=['empty', 'one byte short', 'half', 'one byte more', 'one bit', 'garbage', 'nan', 'another key'])
def test_a_damaged_entry_counts_as_absent_and_is_mended_by_the_next_put(tmp_path, damage):
    EmbeddingCache(tmp_path).put(KEY, VECTOR)
    whole = file_of(tmp_path).read_bytes()
    file_of(tmp_path).write_bytes(damage(whole))
    cache = EmbeddingCache(tmp_path)
    assert cache.get(KEY, 4) is None
    cache.put(KEY, VECTOR)
    assert file_of(tmp_path).read_bytes() == whole


def test_an_entry_of_another_length_counts_as_absent(tmp_path):
    EmbeddingCache(tmp_path).put(KEY, VECTOR)
    assert EmbeddingCache(tmp_path).get(KEY, 5) is None


def test_a_folder_in_the_place_of_an_entry_counts_as_absent(tmp_path):
    file_of(tmp_path).mkdir(parents=True)
    assert EmbeddingCache(tmp_path).get(KEY, 4) is None


def test_memory_is_bounded_and_drops_what_was_not_used_for_longest():
    cache = EmbeddingCache(None, memory_bytes=3 * VECTOR.nbytes)
    keys = [hashlib.sha256(bytes([i])).hexdigest() for i in range(4)]
    for key in keys[:3]:
        cache.put(key, VECTOR)
    cache.get(keys[0], 4)
    cache.put(keys[3], VECTOR)
    assert [cache.get(key, 4) is not None for key in keys] == [True, False, True, True]


def test_an_embedding_that_is_stored_again_takes_no_more_memory():
    cache = EmbeddingCache(None, memory_bytes=2 * VECTOR.nbytes)
    for key in (KEY, KEY, OTHER):
        cache.put(key, VECTOR)
    assert cache.get(KEY, 4) is not None and cache.get(OTHER, 4) is not None


def test_what_was_stored_is_not_the_writers_array(tmp_path):
    mine = VECTOR.copy()
    cache = EmbeddingCache(tmp_path)
    cache.put(KEY, mine)
    mine[0] = 7
    assert cache.get(KEY, 4)[0] == 1.5


def test_a_value_in_memory_cannot_be_changed_by_its_reader(tmp_path):
    cache = EmbeddingCache(tmp_path)
    cache.put(KEY, VECTOR)
    with pytest.raises(ValueError, match='read-only'):
        cache.get(KEY, 4)[0] = 0


def test_nothing_is_written_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    EmbeddingCache(None).put(KEY, VECTOR)
    assert list(tmp_path.iterdir()) == []


def test_no_scratch_file_is_left(tmp_path):
    EmbeddingCache(tmp_path).put(KEY, VECTOR)
    assert [path.name for path in file_of(tmp_path).parent.iterdir()] == [file_of(tmp_path).name]


def test_a_file_may_be_read_by_those_who_share_the_folder(tmp_path):
    before = os.umask(0o022)
    try:
        EmbeddingCache(tmp_path).put(KEY, np.zeros(3, np.float32))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob('*.emb')} == {0o644}


def test_a_folder_that_cannot_be_written_is_reported_once_and_then_left(tmp_path):
    (tmp_path / 'file').write_text('in the way')
    cache = EmbeddingCache(tmp_path / 'file')
    with pytest.warns(UserWarning, match='not cached on disk.*IRSTD_CACHE_DIR') as seen:
        cache.put(KEY, VECTOR)
        cache.put(OTHER, VECTOR)
    assert len(seen) == 1
    assert cache.get(OTHER, 4) is not None


def test_processes_that_write_the_same_entries_at_once_leave_whole_ones(tmp_path):
    source = str(Path(__file__).parents[1] / 'irstd_toolbox' / 'models' / 'descriptor_cache.py')  # alone: no torch
    code = f'''
import hashlib, importlib.util
spec = importlib.util.spec_from_file_location('cache', {source!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
for turn in range(20):
    for i in range(20):
        cache = module.EmbeddingCache({str(tmp_path)!r})
        got = cache.get(hashlib.sha256(bytes([i])).hexdigest(), 64)
        assert got is None or (got == i).all()
        cache.put(hashlib.sha256(bytes([i])).hexdigest(), [float(i)] * 64)
'''
    processes = [subprocess.Popen([sys.executable, '-c', code], env={**os.environ, 'OMP_NUM_THREADS': '1'})
                 for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    for i in range(20):
        assert (EmbeddingCache(tmp_path).get(hashlib.sha256(bytes([i])).hexdigest(), 64) == i).all()
    assert list(tmp_path.rglob('*.part')) == []


def test_a_note_about_weights_is_found_again_for_the_same_source_only(tmp_path):
    EmbeddingCache(tmp_path).remember({'tag': 'openai'}, KEY)
    assert EmbeddingCache(tmp_path).recall({'tag': 'openai'}) == KEY
    assert EmbeddingCache(tmp_path).recall({'tag': 'laion'}) is None


@pytest.mark.parametrize('content', ['', '{', '[]', '{"source": {"tag": "openai"}, "fingerprint": "12"}',
                                     f'{{"source": {{"tag": "x"}}, "fingerprint": "{KEY}"}}'])
def test_a_damaged_note_counts_as_absent(tmp_path, content):
    EmbeddingCache(tmp_path).remember({'tag': 'openai'}, KEY)
    (tmp_path / 'weights' / f"{hash_json({'tag': 'openai'})}.json").write_text(content)
    assert EmbeddingCache(tmp_path).recall({'tag': 'openai'}) is None


def test_the_folder_is_the_environments_if_it_names_one(monkeypatch, tmp_path):
    monkeypatch.setenv('IRSTD_CACHE_DIR', str(tmp_path))
    assert default_cache_dir() == tmp_path


def test_the_folder_is_in_the_users_cache_otherwise(monkeypatch):
    monkeypatch.delenv('IRSTD_CACHE_DIR')
    assert default_cache_dir() == Path.home() / '.cache' / 'irstd_toolbox' / 'descriptors'
