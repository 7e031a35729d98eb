"""Blocks as large as a feature map are kept by a tool's process, and by no other's."""

import os
import subprocess
import sys

import pytest

from irstd_toolbox import allocator

FAULTS = '''
import resource
from irstd_toolbox import allocator, console

BLOCK = 64 << 20  # bytes, 16,384 pages; above 32 MiB, where glibc's own threshold ends

def main():
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        bytearray(b'x') * BLOCK
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, int(allocator.keeps_freed_memory()))

'''


def faults(call: str, **environment: str) -> int:
    """Pages of the third of three such blocks that had to be fetched, in a process of its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(('MALLOC_', 'GLIBC_', 'IRSTD_'))}
    done = subprocess.run([sys.executable, '-c', FAULTS + call], env=own | environment, capture_output=True, text=True,
                          check=True)
    pages, said = map(int, done.stdout.split())
    assert said == (pages < 100)
    return pages


@pytest.fixture(autouse=True)
def _glibc() -> None:
    if not sys.platform.startswith('linux') or not os.confstr('CS_GNU_LIBC_VERSION'):
        pytest.skip('the C library is another than glibc')


def test_a_tool_keeps_what_it_frees() -> None:
    assert faults('console.run(main)') < 100


@pytest.mark.parametrize('environment', [
    dict(IRSTD_KEEP_FREED_MEMORY='0'), dict(IRSTD_KEEP_FREED_MEMORY='No'),
    dict(MALLOC_TRIM_THRESHOLD_='131072'), dict(MALLOC_MMAP_THRESHOLD_='131072'), dict(MALLOC_MMAP_MAX_='65536'),
    dict(GLIBC_TUNABLES='glibc.malloc.trim_threshold=131072'), dict(GLIBC_TUNABLES='glibc.malloc.mmap_max=65536')])
def test_what_the_caller_sets_stands(environment: dict[str, str]) -> None:
    assert faults('console.run(main)', **environment) > 16_000


def test_other_settings_of_the_allocator_are_no_decision() -> None:
    assert faults('console.run(main)', MALLOC_ARENA_MAX='2', IRSTD_KEEP_FREED_MEMORY='1') < 100


def test_importing_decides_nothing() -> None:
    assert faults('main()') > 16_000


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, '_OF_THE_CALLER', set())
    for name in ('GLIBC_TUNABLES', 'IRSTD_KEEP_FREED_MEMORY'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(allocator.ctypes, 'CDLL', lambda name: object())  # musl's has no mallopt
    assert not allocator.keep_freed_memory()
    monkeypatch.setattr(sys, 'platform', 'darwin')
    monkeypatch.setattr(allocator.ctypes, 'CDLL', None)
    assert not allocator.keep_freed_memory()
