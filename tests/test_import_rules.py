"""Which part may import which: kept from the source text, so that an import inside a function counts too."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = 'irstd_toolbox'
BASE = {'errors', 'registry', 'unfinished'}
# What of ours each part may import, besides itself.
MAY_IMPORT = {
    '__init__': set(),
    'errors': set(),
    'registry': {'errors'},
    'allocator': set(),
    'unfinished': set(),
    'console': BASE | {'allocator', 'plugin_finding', 'plugins'},
    'plugin_finding': {'errors'},
    'plugins': BASE | {'evaluation', 'plugin_finding'},
    'text_priors': BASE,
    'datasets': BASE | {'text_priors'},
    'models': BASE,
    'evaluation': BASE,
    'visualization': BASE | {'evaluation'},
    'training': BASE | {'allocator', 'evaluation'},
    'conversion': BASE | {'evaluation', 'training'},
    'diagnosis': BASE | {'datasets', 'evaluation'},
    'app': BASE | {'datasets', 'evaluation', 'inference', 'visualization'},
    'benchmarking': BASE | {'console', 'datasets', 'diagnosis', 'evaluation', 'inference', 'models', 'plugins',
                            'training', 'visualization'},
    'slots': BASE | {'datasets', 'evaluation', 'training'},
    'inference': BASE | {'datasets', 'evaluation', 'models', 'training', 'visualization'},
}
TENSORS = {'torch', 'torchvision'}
ENGINE = {'mmengine', 'mmcv', 'mmseg'}
# Whose packages a path must not import; the longest prefix of a path counts.
MUST_NOT_IMPORT = {
    '__init__.py': TENSORS | ENGINE,
    'allocator.py': TENSORS | ENGINE,
    'errors.py': TENSORS | ENGINE,
    'unfinished.py': TENSORS | ENGINE,
    'registry.py': TENSORS,
    'plugin_finding.py': TENSORS | ENGINE,
    'plugins.py': TENSORS,
    'text_priors': TENSORS | ENGINE,
    'text_priors/providers': ENGINE | {'torchvision'},
    'evaluation': TENSORS | ENGINE,
    'evaluation/metrics.py': set(),
    'evaluation/retrieval.py': TENSORS,
    'datasets/layouts.py': TENSORS | ENGINE,
    'datasets/synthetic': TENSORS | ENGINE,
    'diagnosis': TENSORS | ENGINE,
}
SDKS = {'openai', 'anthropic', 'transformers', 'httpx2', 'timm', 'onnx', 'onnxscript', 'onnxruntime'}
# What files below a path may import, but inside functions alone, since it takes seconds.
ONLY_LATE = {'text_priors/providers': SDKS | {'torch'}, 'text_priors/clip_tokens.py': {'open_clip'},
             'models/grounded_sam_weights.py': {'transformers'}, 'training/optimizers.py': {'timm'},
             'models/onnx_network.py': {'onnxruntime'}, 'inference/exporting.py': {'onnx', 'onnxscript'}}


def imports(path: Path, root: Path) -> Iterator[tuple[str, bool]]:
    """The absolute name of all that a file of the package below ``root`` imports, and whether inside a function."""
    package = [PACKAGE, *path.relative_to(root).parent.parts]
    tree = ast.parse(path.read_text(encoding='utf-8'))
    late = {inner for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else []
            module = '.'.join([*above, *([node.module] if node.module else [])])
            # ``from package import part`` imports the part; of a name inside a module only the module counts below.
            yield from ((f'{module}.{alias.name}', node in late) for alias in node.names)


def violations(root: Path) -> list[str]:
    """Every import below ``root`` that the tables forbid."""
    found = []
    for path in sorted(root.rglob('*.py')):
        place = path.relative_to(root)
        part = place.parts[0].removesuffix('.py')
        theirs = max((key for key in MUST_NOT_IMPORT if place.is_relative_to(key)), key=len, default=None)
        may_late = {name for key, names in ONLY_LATE.items() if place.is_relative_to(key) for name in names}
        for name, late in imports(path, root):
            top, _, rest = name.partition('.')
            ours = rest.partition('.')[0]
            if top == PACKAGE and ours in MAY_IMPORT and ours not in MAY_IMPORT.get(part, set()) | {part}:
                found.append(f'{place} imports {name}')
            if (top in SDKS | may_late and not (late and top in may_late)) or top in MUST_NOT_IMPORT.get(theirs, set()):
                found.append(f'{place} imports {name}')
            if top == 'open_clip' and part != 'models' and not (late and top in may_late):
                found.append(f'{place} imports {name}')
    return found


def test_no_part_imports_what_it_must_not(repository):
    assert violations(repository / PACKAGE) == []


def test_every_part_has_a_rule(repository):
    parts = {path.name.removesuffix('.py') for path in (repository / PACKAGE).iterdir()
             if path.suffix == '.py' or (path.is_dir() and any(path.glob('*.py')))}
    assert parts and parts - set(MAY_IMPORT) == set()


@pytest.mark.parametrize(('place', 'line'), [
    ('registry.py', 'from . import models'),
    ('registry.py', 'from irstd_toolbox.models import LanguageFusion'),
    ('models/fusion.py', 'from ..datasets import IRSTDDataset'),
    ('models/fusion.py', 'from .. import text_priors'),
    ('models/networks/lgnet.py', 'from ...evaluation.functional import iou'),
    ('models/networks/lgnet.py', 'import irstd_toolbox.datasets.dataset as data'),
    ('datasets/dataset.py', 'from irstd_toolbox import models'),
    ('text_priors/quadrant.py', 'from irstd_toolbox.datasets.imaging import read_image'),
    ('text_priors/quadrant.py', 'import torch.nn.functional as F'),
    ('text_priors/quadrant.py', 'from mmengine.fileio import load'),
    ('evaluation/functional.py', 'from torch import Tensor'),
    ('evaluation/protocols.py', 'import mmengine'),
    ('models/target_descriptor.py', 'import openai'),
    ('datasets/dataset.py', 'import open_clip'),
    ('models/networks/dnanet.py', 'from timm.layers import DropPath'),
])
@pytest.mark.parametrize('where', ['{}\n', 'def late():\n    {}\n'], ids=['top', 'in a function'])
def test_a_stray_import_is_found(tmp_path, place, line, where):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(where.format(line))
    found, = violations(tmp_path)
    assert found.startswith(f'{place} imports ')


@pytest.mark.parametrize('line', [
    'import openai', 'from anthropic import AsyncAnthropic', 'import transformers', 'import torch',
    'class A:\n    import httpx2', 'try:\n    import openai\nfinally:\n    1'])
def test_an_sdk_at_the_top_of_a_provider_is_found(tmp_path, line):
    (tmp_path / 'text_priors' / 'providers').mkdir(parents=True)
    (tmp_path / 'text_priors' / 'providers' / 'openai.py').write_text(line)
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize(('place', 'line'), [
    ('text_priors/vlm/engine.py', 'def late():\n    import openai'),
    ('text_priors/vlm/engine.py', 'def late():\n    import torch'),
    ('text_priors/providers/openai.py', 'def late():\n    import mmengine'),
    ('plugin_finding.py', 'from irstd_toolbox import registry'),
    ('training/optimizers.py', 'from timm.optim.adan import Adan'),
])
def test_an_sdk_or_an_engine_elsewhere_is_found_even_inside_a_function(tmp_path, place, line):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(line)
    assert len(violations(tmp_path)) == 1


@pytest.mark.parametrize(('place', 'line'), [
    ('models/fusion.py', 'from ..registry import FUSION_BLOCKS'),
    ('models/networks/lgnet.py', 'from ..layers import resize'),
    ('datasets/dataset.py', 'from irstd_toolbox.text_priors import transform_sentence'),
    ('evaluation/metrics.py', 'import torch'),
    ('text_priors/quadrant.py', 'from irstd_toolbox.registry import TEXT_PRIOR_PROVIDERS'),
    ('text_priors/providers/openai.py', 'def ask():\n    import openai'),
    ('text_priors/providers/remote.py', 'class A:\n    async def ask(self):\n        import httpx2'),
    ('text_priors/providers/hf_local.py', 'def ask():\n    import torch, transformers'),
    ('models/grounded_sam_weights.py', 'def load():\n    import transformers'),
    ('training/optimizers.py', 'def build():\n    from timm.optim.adan import Adan'),
])
def test_an_allowed_import_is_no_violation(tmp_path, place, line):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(line)
    assert violations(tmp_path) == []
