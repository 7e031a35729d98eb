"""tools/export.py: a file computes what its network does, in a checkpoint's place and on its own."""

import gc
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mmengine.config import Config

from irstd_toolbox.app.analysis import language_use
from irstd_toolbox.errors import CheckpointError, ConfigError, DataError
from irstd_toolbox.inference import Predictor, exporting
from irstd_toolbox.inference.exporting import export_onnx
from irstd_toolbox.models import IRSTDSegmentor, LanguageFusion
from irstd_toolbox.models.layers import pool, stretch
from irstd_toolbox.models.networks.isnet import DeformableLine
from irstd_toolbox.registry import MODELS
from irstd_toolbox.training.checkpoint import file_sha256, read_checkpoint

Tool = Callable[[str], ModuleType]
DEFORMS = tuple(map(int, onnxruntime.__version__.split('.')[:2])) >= (1, 25)
SCENES = np.random.default_rng(0).integers(0, 256, (2, 32, 32)).astype(np.uint8)
CONFIG = """
_base_ = '{base}'
model = dict(
    _delete_=True, type='IRSTDSegmentor',
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=100.0, std=50.0, channels=1, divisor=4),
    network=dict(type='RPCANet', stages=1, channels=4, background_layers=1, target_layers=1, image_layers=1))"""
LANGUAGE = dict(
    type='IRSTDSegmentor', network=dict(type='Told'),
    data_preprocessor=dict(type='IRSTDDataPreprocessor', mean=100.0, std=50.0, channels=1),
    target_descriptor=dict(type='TargetDescriptor', cache_dir=None, encoder=dict(
        type='OpenCLIPEncoder', pretrained='random', model=dict(
            embed_dim=32, vision_cfg=dict(image_size=32, layers=1, width=32, head_width=16, patch_size=16),
            text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1)))))
TOP_HAT = dict(type='ModelDrivenDetector', method=dict(type='TopHat'), threshold=dict(type='FixedThreshold', share=0.5))


class Told(torch.nn.Module):
    """In as few nodes as there are: what language needs, and what torch's exporter does not know by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.Conv2d(8, 1, 1)
        self.line = DeformableLine(8, (1, 3)) if DEFORMS else torch.nn.Conv2d(8, 8, 1)
        self.fusion = LanguageFusion(8, descriptor_dim=32, hidden=(8,))

    def forward(self, x: torch.Tensor, descriptor: torch.Tensor) -> list[torch.Tensor]:
        low = self.line(self.first(x).relu())
        pooled = pool(low, (3, 2), 'max') + pool(low, (3, 2), 'avg')
        return [self.last(self.fusion(low, low.flip(1) + stretch(pooled, low.shape[-2:]), descriptor))]


@pytest.fixture(scope='module', autouse=True)
def around() -> Iterator[None]:
    """Register :class:`Told`. What torch imported to export stays, as in ``conftest.py``: others collect garbage."""
    MODELS.register_module(module=Told)
    yield
    del MODELS.module_dict['Told']
    gc.collect()
    gc.freeze()


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, shape).astype(np.float32)


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    return found.shape == expected.shape and np.abs(found - expected).max() < 1e-4 * max(1, np.abs(expected).max())


def lively(model: dict, spread: float) -> torch.nn.Module:
    """A network that finds something here and there."""
    torch.manual_seed(5)
    network = MODELS.build(Config(model)).eval()
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=spread)
    return network


@pytest.fixture(scope='module')
def small(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config, ``small.py``, and weights for it, ``small.pth``."""
    folder = tmp_path_factory.mktemp('small')
    (folder / 'small.py').write_text(CONFIG.replace('{base}', str(trained.parent / 'tiny.py')))
    model = lively(Config.fromfile(folder / 'small.py').model.to_dict(), 0.5)
    torch.save(dict(state_dict=model.state_dict(), meta=read_checkpoint(trained / 'best.pth')['meta']),
               folder / 'small.pth')
    return folder


@pytest.fixture(scope='module')
def exported(small: Path, load_tool: Tool) -> Path:
    load_tool('export').main([str(small / 'small.py'), str(small / 'small.pth'), str(small / 'small.onnx')])
    return small / 'small.onnx'


@pytest.fixture(scope='module')
def told(small: Path) -> tuple[Config, Path, Path]:
    """A config with language, its weights and its exported file."""
    config = Config.fromfile(small / 'small.py')
    config.model = LANGUAGE
    torch.save(dict(state_dict=lively(LANGUAGE, 0.3).state_dict(), meta=dict(epoch=3)), small / 'told.pth')
    export_onnx(config, small / 'told.pth', small / 'told.onnx')
    return config, small / 'told.pth', small / 'told.onnx'


@pytest.fixture
def config(small: Path) -> Config:
    return Config.fromfile(small / 'small.py')


@pytest.mark.parametrize('shape', [(1, 20, 24), (3, 17, 9)])
def test_the_file_alone_gives_the_networks_logits_of_levels_padded_with_the_mean(
        small: Path, config: Config, exported: Path, shape: tuple[int, int, int]) -> None:
    levels = images(shape[0], 1, *shape[1:])
    model = MODELS.build(config.model).eval()
    model.load_state_dict(read_checkpoint(small / 'small.pth')['state_dict'])
    padded = np.full((shape[0], 1, 20, 24 if shape[2] == 24 else 12), 100, np.float32)  # multiples of 4
    padded[..., :shape[1], :shape[2]] = levels
    with torch.no_grad():
        expected = model.logit_maps(torch.from_numpy((padded - 100) / 50), None)[0][..., :shape[1], :shape[2]].numpy()
    found = onnxruntime.InferenceSession(exported).run(['logits'], dict(image=levels))[0]
    assert close(found, expected)
    assert np.ptp(expected) > 1


def test_it_tells_what_it_is(small: Path, exported: Path) -> None:
    content = onnx.load(exported)
    about = json.loads({entry.key: entry.value for entry in content.metadata_props}['irstd_toolbox'])
    assert about['config'] == str(small / 'small.py')
    assert about['threshold'] == 0.5
    assert [step['type'] for step in about['pipeline']] == ['LoadImage', 'Resize', 'LoadTargetMask', 'PackInputs']
    assert about['meta']['source_sha256'] == file_sha256(small / 'small.pth')
    assert about['meta']['irstd_toolbox'] == read_checkpoint(small / 'small.pth')['meta']['irstd_toolbox']


def test_a_test_of_the_file_has_the_checkpoints_figures(small: Path, exported: Path, load_tool: Tool,
                                                        tmp_path: Path) -> None:
    results = []
    for number, file in enumerate((small / 'small.pth', exported)):
        load_tool('test').main([str(small / 'small.py'), str(file), '--out', str(tmp_path / str(number)),
                                '--probabilities', 'npy'])
        results.append(json.loads((tmp_path / str(number) / 'results.json').read_text()))
    network, file = results
    assert 0 < network['protocols']['canonical']['IoU'] < 1
    assert file['protocols'] == network['protocols']
    assert file['checkpoint']['sha256'] == file_sha256(exported)
    assert file['checkpoint']['trained_on'] == network['checkpoint']['trained_on']
    for path in (tmp_path / '0' / 'predictions').iterdir():
        assert np.abs(np.load(path) - np.load(tmp_path / '1' / 'predictions' / path.name)).max() < 1e-3


def test_views_windows_and_a_threshold_stay_around_it(small: Path, exported: Path) -> None:
    image = images(20, 24).round().astype(np.uint8)
    around = 'model.views.mirrored=True', 'model.windows.size=12', 'model.threshold=0.3'
    found, expected = (Predictor(small / 'small.py', file, 'cpu', around).predict(image)
                       for file in (exported, small / 'small.pth'))
    assert close(found.probability, expected.probability)
    assert np.array_equal(found.mask, expected.mask)


def test_a_file_with_language_reads_the_scene(told: tuple[Config, Path, Path]) -> None:
    config, weights, file = told
    session = onnxruntime.InferenceSession(file)
    assert [(one.name, one.type) for one in session.get_inputs()] == [
        ('image', 'tensor(float)'), ('scene', 'tensor(uint8)')]
    model = Predictor(config, weights, 'cpu').model
    levels = images(2, 1, 16, 20)
    with torch.no_grad():
        descriptor = model.target_descriptor([torch.from_numpy(one) for one in SCENES], [None, None])
        expected = model.logit_maps((torch.from_numpy(levels) - 100) / 50, descriptor)[0].numpy()
    assert close(session.run(None, dict(image=levels, scene=SCENES))[0], expected)
    assert not close(session.run(None, dict(image=levels, scene=SCENES[::-1]))[0], expected)
    image = levels[0, 0].astype(np.uint8)
    mirrored = ['model.views.mirrored=True']  # each view with its own scene
    found, probability = (Predictor(config, one, 'cpu', mirrored).predict(image).probability for one in (file, weights))
    assert close(found, probability)
    assert language_use(Predictor(config, file, 'cpu').model) == 'none'  # what the page says of sentences


def test_of_a_segmentor_of_another_kind_the_file_is_a_plain_one(small: Path, config: Config, exported: Path) -> None:
    config.model.update(type='MDvsFA', discriminator=dict(type='MDvsFADiscriminator'))
    assert issubclass(MODELS.get('MDvsFA'), IRSTDSegmentor)  # which asks for a discriminator, not to predict
    found = Predictor(config, exported, 'cpu')
    assert type(found.model) is IRSTDSegmentor
    image = images(20, 24).astype(np.uint8)
    assert close(found.predict(image).probability,
                 Predictor(small / 'small.py', small / 'small.pth', 'cpu').predict(image).probability)


def test_a_threshold_chosen_for_the_checkpoint_is_the_files_too(small: Path, exported: Path, tmp_path: Path) -> None:
    options = [f'model.threshold={tmp_path / "chosen.json"}']

    def chosen_for(sha256: str) -> None:
        (tmp_path / 'chosen.json').write_text(json.dumps(dict(
            value=0.25, scale='probability', origin=dict(checkpoint=sha256, split='trainval'))))
    chosen_for(file_sha256(small / 'small.pth'))
    assert Predictor(small / 'small.py', exported, 'cpu', options).threshold == 0.25
    chosen_for('0' * 64)
    with pytest.raises(ConfigError, match='was chosen for weights of SHA-256 000000000000'):
        Predictor(small / 'small.py', exported, 'cpu', options)


def test_a_file_of_one_size_takes_that_size_alone(small: Path, config: Config, tmp_path: Path) -> None:
    config.test_dataloader.dataset.pipeline.pop(1)  # Resize
    export_onnx(config, small / 'small.pth', tmp_path / 'fixed.onnx', shape=(12, 21))
    assert onnxruntime.InferenceSession(tmp_path / 'fixed.onnx').get_inputs()[0].shape == [1, 1, 12, 21]
    fixed, free = Predictor(config, tmp_path / 'fixed.onnx', 'cpu'), Predictor(config, small / 'small.pth', 'cpu')
    image = images(12, 21).astype(np.uint8)
    assert close(fixed.predict(image).probability, free.predict(image).probability)
    both = (torch.from_numpy(images(2, 1, 12, 21)) - 100) / 50  # the images of a batch, one after the other
    with torch.no_grad():
        expected = free.model.logit_maps(torch.nn.functional.pad(both, (0, 3)), None)[0][..., :21].numpy()
        assert close(fixed.model.logit_maps(both, None)[0].numpy(), expected)
    with pytest.raises(DataError, match='takes images of 12x21 alone, and this one is 12x24'):
        fixed.predict(images(12, 24).astype(np.uint8))


@pytest.mark.parametrize('shift', [30.0, float('nan')])
def test_a_file_that_computes_other_logits_is_not_written(shift: float, small: Path, config: Config, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    traced = exporting._traced

    def elsewhere(graph: torch.nn.Module, shape: object) -> object:
        program = traced(graph, shape)
        graph.model.data_preprocessor.mean += shift
        return program
    monkeypatch.setattr(exporting, '_traced', elsewhere)
    with pytest.raises(ConfigError, match='computes other logits than the network: they differ by'):
        export_onnx(config, small / 'small.pth', tmp_path / 'small.onnx', (12, 20))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_onnxruntime_cannot_run_is_not_written(config: Config, small: Path, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, 'CHECKED', [(1, 12, 21)])  # another size than the file of one size takes
    monkeypatch.setattr(exporting, '_traced', lambda graph, shape, traced=exporting._traced: traced(graph, (12, 20)))
    with pytest.raises(ConfigError, match=r'cannot run what torch .* exported .*give --shape HEIGHT WIDTH'):
        export_onnx(config, small / 'small.pth', tmp_path / 'small.onnx')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(('model', 'words'), [
    (TOP_HAT, 'config is of ModelDrivenDetector'), (dict(type='GroundedSAM'), 'config is of GroundedSAM'),
    (dict(LANGUAGE, target_descriptor=LANGUAGE['target_descriptor'] | dict(text='train_and_test')), 'descriptions at')])
def test_what_is_no_network_of_images_alone_is_refused(told: tuple[Config, Path, Path], config: Config, tmp_path: Path,
                                                       model: dict, words: str) -> None:
    config.model = model
    with pytest.raises(ConfigError, match=words):
        export_onnx(config, told[1], tmp_path / 'small.onnx')
    assert list(tmp_path.iterdir()) == []


def test_names_and_packages_are_asked_for_first(config: Config, exported: Path, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    weights = exported.with_suffix('.pth')
    for given, name, words in [(weights, 'small.pth', 'ends in .onnx'), (exported, 'again.onnx', 'an exported file')]:
        with pytest.raises(ConfigError, match=words):
            export_onnx(config, given, tmp_path / name)
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    with pytest.raises(ConfigError, match=r"onnxscript.*pip install 'irstd-toolbox\[export\]'"):
        export_onnx(config, weights, tmp_path / 'small.onnx')
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ConfigError, match=r"not installed. Run: pip install 'irstd-toolbox\[export\]'"):
        Predictor(config, exported, 'cpu')


def test_other_files_and_other_configs_are_refused(config: Config, exported: Path, told: tuple[Config, Path, Path],
                                                   tmp_path: Path) -> None:
    (tmp_path / 'cut.onnx').write_bytes(exported.read_bytes()[:500])
    content = onnx.load(exported)
    note = next(entry for entry in content.metadata_props if entry.key == 'irstd_toolbox')
    note.value = '[1]'
    onnx.save(content, tmp_path / 'note.onnx')
    content.graph.input[0].name = 'pixels'
    for node in content.graph.node:
        node.input[:] = ['pixels' if name == 'image' else name for name in node.input]
    onnx.save(content, tmp_path / 'pixels.onnx')
    for name, words in [('cut', 'cannot be read as an ONNX model'), ('pixels', 'takes pixels and gives logits'),
                        ('none', 'There is no file'), ('note', r'The note .* is .\[1\].; expected')]:
        with pytest.raises(CheckpointError, match=words):
            Predictor(config, tmp_path / f'{name}.onnx', 'cpu')
    with pytest.raises(ConfigError, match='reads scenes, and the config is of a network without language'):
        Predictor(config, told[2], 'cpu')
    with pytest.raises(ConfigError, match='reads no scenes, and the config is of a network with language'):
        Predictor(told[0], exported, 'cpu')
    with pytest.raises(ConfigError, match='Leave --amp out'):
        Predictor(config, exported, 'cpu', amp='bf16')
    config.model = TOP_HAT
    with pytest.raises(ConfigError, match='this config is of ModelDrivenDetector'):
        Predictor(config, exported, 'cpu')
