"""Fixtures that every test may use."""

import gc
import importlib.util
import multiprocessing
import os
import socket
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONG = {f'test_{name}.py' for name in (
    'benchmark_origins', 'benchmark_resume', 'benchmark_run', 'networks', 'slots_deadline', 'slots_round_trip',
    'tools_benchmark_speed', 'tools_benchmarks', 'tools_export', 'tools_test', 'tools_train', 'tools_train_clip')}
"""Of 20 s and more."""
FORKING = {'test_batch_crashes.py', 'test_engine_resume.py'}
"""Of many copies of the process, which take the longer the more it holds."""
MODULES = [0]
"""How many were imported at each freezing."""

# One thread a process: the suite runs several, and the order of float additions then does not depend on the machine.
os.environ.setdefault('OMP_NUM_THREADS', '1')
os.environ['IRSTD_DISABLE_PLUGINS'] = 'all'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that copy the process go first, then those that start trainings or processes, then those of most tests.

    So all workers end at once. By the number of tests alone, xdist's own order, those of few long tests go last.
    """
    counts = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.name not in FORKING, item.path.name not in LONG, -counts[item.path]))


def pytest_runtest_setup() -> None:
    """What was imported by now stays: mmengine collects the garbage of the whole process with every data set."""
    if len(sys.modules) > MODULES[-1] + 200:
        MODULES.append(len(sys.modules))
        gc.collect()
        gc.freeze()


@pytest.fixture(scope='session')
def repository() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope='session')
def load_tool() -> Callable[[str], ModuleType]:
    """``load_tool('train')`` imports tools/train.py, anew each time."""
    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f'tool_{name}', ROOT / 'tools' / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    return load


@pytest.fixture(scope='session')
def real_data() -> Callable[[str], Path]:
    """``real_data('NUAA-SIRST')`` gives its folder, or skips the test with the reason."""
    def find(name: str) -> Path:
        places = [Path(os.environ.get('IRSTD_DATA_ROOT', '')), ROOT.parent / 'shared' / 'data']
        for place in places:
            if (place / name).is_dir():
                return place / name
        pytest.skip(f'{name} is not in $IRSTD_DATA_ROOT nor in ../shared/data')
    return find


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's descriptor cache."""
    monkeypatch.setenv('IRSTD_CACHE_DIR', str(tmp_path_factory.getbasetemp() / 'descriptors'))


@pytest.fixture
def two_processes() -> Callable[[Callable[[int], object]], None]:
    """``two_processes(work)`` calls ``work(rank)`` in two copies of this process, which torchrun seems to run."""
    def run(work: Callable[[int], object]) -> None:
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            told = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(free.getsockname()[1]), WORLD_SIZE='2')

        def begin(rank: int) -> None:
            os.environ.update(told, RANK=str(rank), LOCAL_RANK=str(rank))
            work(rank)

        processes = [multiprocessing.get_context('fork').Process(target=begin, args=(rank,)) for rank in (0, 1)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
            process.kill()  # a copy whose twin has failed waits for it
        assert [process.exitcode for process in processes] == [0, 0]
    return run
