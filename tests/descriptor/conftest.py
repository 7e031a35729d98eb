"""A small CLIP with random weights, and target descriptors on it."""

from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import torch

from irstd_toolbox.models.target_descriptor import TargetDescriptor
from irstd_toolbox.registry import MODELS

TINY = dict(
    embed_dim=32,
    vision_cfg=dict(image_size=64, layers=2, width=32, patch_size=16, head_width=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=2))


def _make(seed: int = 7) -> torch.nn.Module:
    torch.manual_seed(seed)
    return open_clip.CLIP(**TINY).eval()


@pytest.fixture(scope='session')
def tiny_clip() -> Callable[..., torch.nn.Module]:
    """``tiny_clip(seed)`` makes the network."""
    return _make


@pytest.fixture(scope='session')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of seed 7 as ``tiny.pt`` and of seed 8 as ``other.pt``."""
    folder = tmp_path_factory.mktemp('weights')
    for name, seed in (('tiny.pt', 7), ('other.pt', 8)):
        torch.save(_make(seed).state_dict(), folder / name)
    return folder


@pytest.fixture
def build(weights: Path, tmp_path: Path) -> Callable[..., TargetDescriptor]:
    """Build a descriptor on the tiny local weights with a cache of this test's own; options of its encoder, too."""
    def make(file: str = 'tiny.pt', encoder: dict | None = None, **options: object) -> TargetDescriptor:
        encoder = {**dict(type='OpenCLIPEncoder', model=TINY, pretrained=str(weights / file)), **(encoder or {})}
        cfg = dict(type='TargetDescriptor', encoder=encoder, cache_dir=str(tmp_path / 'cache'))
        return MODELS.build({**cfg, **options})
    return make


@pytest.fixture(scope='session')
def sentences() -> list[str]:
    """One of each of the scenes."""
    return ['a target in the upper left', 'two targets near the horizon', 'one target over the sea']


@pytest.fixture(scope='session')
def scenes() -> list[torch.Tensor]:
    """Three images of CLIP's size."""
    generator = torch.Generator().manual_seed(0)
    return list(torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=generator))
