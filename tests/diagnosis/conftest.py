"""A small data set without a defect, and the doctor as a function."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from irstd_toolbox.datasets.layouts import detect
from irstd_toolbox.diagnosis.audit import Audit, audit
from irstd_toolbox.diagnosis.leakage import read_other
from irstd_toolbox.diagnosis.reading import examine

IDS = [f'scene_{number}' for number in range(8)]
SHAPE = (40, 48)


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Path]:
    """``build(name)`` writes eight scenes with one target of 3x4 pixels each, six to train and two to test on."""
    def write(name: str = 'own', seed: int = 0) -> Path:
        root, rng = tmp_path / name, np.random.default_rng(seed)
        for folder in ('images', 'masks'):
            (root / folder).mkdir(parents=True)
        for number, one in enumerate(IDS):
            image = cv2.resize(rng.integers(60, 120, (10, 12)).astype(np.uint8), SHAPE[::-1])
            mask = np.zeros(SHAPE, np.uint8)
            mask[12:15, 3 * number + 4:3 * number + 8] = 255
            image[mask > 0] = 200
            cv2.imwrite(str(root / 'images' / f'{one}.png'), image)
            cv2.imwrite(str(root / 'masks' / f'{one}.png'), mask)
        (root / 'trainval.txt').write_text(''.join(f'{one}\n' for one in IDS[:6]))
        (root / 'test.txt').write_text(''.join(f'{one}\n' for one in IDS[6:]))
        return root
    return write


@pytest.fixture
def root(build: Callable[..., Path]) -> Path:
    """The data set that :func:`build` writes."""
    return build()


@pytest.fixture
def examined() -> Callable[..., Audit]:
    """``examined(root, *others)`` is the whole audit of a data set."""
    def look(root: Path, *others: Path) -> Audit:
        layout = detect(root)
        return audit(layout, examine(layout, workers=1), [read_other(other, workers=1) for other in others])
    return look


@pytest.fixture
def found(examined: Callable[..., Audit]) -> Callable[..., dict[str, tuple[str, ...]]]:
    """``found(root, *others)`` is every finding: kind to items."""
    return lambda *roots: {one.kind: one.items for one in examined(*roots).findings}


@pytest.fixture
def state() -> Callable[[Path], dict[str, str]]:
    """``state(root)`` tells whether anything below a folder has changed."""
    return lambda root: {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
                         for path in root.rglob('*') if path.is_file()}
