"""The registries: filled at the first look-up, open to the engine's names, clear about unknown ones."""

import math
import re
import subprocess
import sys
from collections.abc import Sequence

import mmengine.registry as engine
import mmengine.runner  # noqa: F401  (fills the engine's registries, as every Runner does)
import mmseg.registry
import pytest
from mmengine.registry import DefaultScope, Registry

from irstd_toolbox import registry
from irstd_toolbox.errors import ConfigError
from irstd_toolbox.registry import BACKBONES, FUSION_BLOCKS, METRICS, MODELS, TEXT_PRIOR_PROVIDERS, known

SLOTS = {
    'backbone': (BACKBONES, 'RSUEncoder'),
    'fusion block': (FUSION_BLOCKS, 'ChannelFusion'),
    'text-prior provider': (TEXT_PRIOR_PROVIDERS, 'quadrant'),
    'metric': (METRICS, 'IRSTDMetric'),
}
ENGINE = {name: found for name, found in vars(engine).items() if isinstance(found, Registry)}


def loaded_after(code: str, *modules: str) -> list[str]:
    """Which of ``modules`` a fresh interpreter has loaded after ``code``."""
    code += f'\nimport sys\nprint("LOADED", *[name for name in {modules} if name in sys.modules])'
    shown = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True).stdout
    return shown.splitlines()[-1].split()[1:]


@pytest.mark.parametrize('slot', SLOTS)
def test_an_unknown_name_lists_the_known_ones(slot):
    found, ours = SLOTS[slot]
    with pytest.raises(KeyError, match=rf"'Nobody' is not a registered {slot}\. Registered: .*\b{ours}\b"):
        found.build(dict(type='Nobody'))


@pytest.mark.parametrize('slot', SLOTS)
def test_an_unknown_name_is_never_imported(slot, monkeypatch):
    """A provider that is not loaded may be called as its SDK is; asking for it must not import the SDK."""
    monkeypatch.delitem(sys.modules, 'this', raising=False)
    with pytest.raises(KeyError, match=f"'this' is not a registered {slot}. Registered: "):
        SLOTS[slot][0].build(dict(type='this'))
    assert 'this' not in sys.modules


@pytest.mark.parametrize('slot', SLOTS)
def test_the_known_names_come_sorted_and_with_ours(slot):
    found, ours = SLOTS[slot]
    assert ours in known(found) and known(found) == sorted(known(found))


@pytest.mark.parametrize('slot', SLOTS)
def test_a_name_taken_twice_is_an_error(slot):
    found, ours = SLOTS[slot]
    before = found.get(ours)
    with pytest.raises(KeyError, match=rf'{ours} is already registered in {slot} at irstd_toolbox\.'):
        found.register_module(name=ours, module=type('Other', (), {}))
    assert found.get(ours) is before


def test_what_others_register_meets_our_names(monkeypatch):
    slot = registry._slot('fruit', 'fruits')
    ours, theirs = (type('Pear', (), dict(__module__=place)) for place in ('irstd_toolbox.fruits', 'mine'))
    monkeypatch.setattr(registry, 'import_module', lambda _: slot.module_dict or slot.register_module(module=ours))
    with pytest.raises(KeyError, match=r'Pear is already registered in fruit at irstd_toolbox\.fruits'):
        slot.register_module(module=theirs)
    slot.register_module(module=theirs, force=True)
    assert slot.module_dict['Pear'] is theirs


def test_importing_the_package_loads_nothing_heavy():
    heavy = ('torch', 'cv2', 'numpy', 'scipy', 'mmengine', 'mmseg', 'irstd_toolbox.registry')
    assert loaded_after('import irstd_toolbox', *heavy) == []


def test_importing_the_registries_loads_no_component():
    heavy = ('torch', 'cv2', *(f'irstd_toolbox.{part}' for part in ('models', 'datasets', 'text_priors', 'evaluation')))
    assert loaded_after('import irstd_toolbox.registry', *heavy) == []


@pytest.mark.parametrize('part', ['text_priors', 'evaluation.results', 'datasets.layouts'])
def test_importing_a_part_that_works_on_files_loads_no_torch(part):
    assert loaded_after(f'import irstd_toolbox.{part}', 'torch', 'mmengine.runner', 'irstd_toolbox.models') == []


def test_a_registry_is_filled_by_its_first_look_up():
    code = '''
from irstd_toolbox.registry import FUSION_BLOCKS, TEXT_PRIOR_PROVIDERS
before = list(FUSION_BLOCKS.module_dict), list(TEXT_PRIOR_PROVIDERS.module_dict)
assert before == ([], []), before
assert 'quadrant' in TEXT_PRIOR_PROVIDERS
assert not FUSION_BLOCKS.module_dict
'''
    subprocess.run([sys.executable, '-c', code], check=True)


@pytest.mark.parametrize('name', ENGINE)
def test_every_registry_of_the_engine_knows_our_scope(name):
    """Where it does not, the engine warns, once a registry, and looks in the wrong one."""
    with ENGINE[name].switch_scope_and_registry('irstd_toolbox') as found:
        assert found.scope == 'irstd_toolbox'


@pytest.mark.parametrize('name', [name for name, found in vars(mmseg.registry).items() if isinstance(found, Registry)])
def test_a_child_sees_what_mmseg_registers_where_mmseg_has_one(name):
    with ENGINE[name].switch_scope_and_registry('irstd_toolbox') as found:
        assert found.parent is getattr(mmseg.registry, name)


@pytest.mark.parametrize(('child', 'name'), [
    ('HOOKS', 'EMAHook'), ('DATASETS', 'RepeatDataset'), ('METRICS', 'DumpResults'), ('OPTIMIZERS', 'SGD'),
    ('OPTIM_WRAPPERS', 'AmpOptimWrapper'), ('VISUALIZERS', 'Visualizer'), ('MODELS', 'ExponentialMovingAverage'),
    ('LOOPS', 'EpochBasedTrainLoop'), ('PARAM_SCHEDULERS', 'LinearLR'), ('VISBACKENDS', 'TensorboardVisBackend'),
    ('LOG_PROCESSORS', 'LogProcessor'), ('DATA_SAMPLERS', 'InfiniteSampler')])
def test_an_engines_name_resolves_in_our_scope_and_by_its_prefix(child, name):
    with ENGINE[child].switch_scope_and_registry('irstd_toolbox') as ours:
        assert ours.get(name) is ours.get(f'mmengine.{name}')
        assert ours.get(name).__module__.startswith(('mmengine.', 'torch.'))


@pytest.mark.parametrize(('child', 'name'), [
    ('MODELS', 'EncoderDecoder'), ('DATASETS', 'BaseSegDataset'), ('TRANSFORMS', 'PackSegInputs'),
    ('METRICS', 'IoUMetric'), ('HOOKS', 'SegVisualizationHook'), ('VISUALIZERS', 'SegLocalVisualizer')])
def test_mmsegs_name_resolves_by_its_prefix(child, name):
    assert getattr(registry, child).get(f'mmseg.{name}').__module__.startswith('mmseg.')


@pytest.mark.parametrize(('child', 'name'), [
    ('MODELS', 'IRSTDSegmentor'), ('METRICS', 'IRSTDMetric'), ('DATASETS', 'IRSTDDataset'),
    ('TRANSFORMS', 'LoadTargetMask')])
def test_our_name_resolves_from_the_engine_in_our_scope(child, name):
    with DefaultScope.overwrite_default_scope('irstd_toolbox'), \
            ENGINE[child].switch_scope_and_registry('irstd_toolbox') as found:
        assert found.get(name).__module__.startswith('irstd_toolbox.')


@pytest.mark.parametrize('scope', ['irstd_toolbox', 'mmseg', 'mmengine', None])
def test_our_own_slots_build_by_bare_names_under_any_scope(scope):
    with DefaultScope.overwrite_default_scope(scope):
        assert type(FUSION_BLOCKS.build(dict(type='SumFusion', channels=4))).__name__ == 'SumFusion'


class Told:
    def __init__(self, flag: bool = False, count: int = 1, share: float = 0.0, name: str | None = None,
                 keep: bool | str = False, sizes: Sequence[int] = (), size: int | Sequence[int] = 1) -> None:
        if count == 'two':
            raise ConfigError('two is spelt 2')
        self.places = [0] * count  # as torch, this fails of itself where it gets no whole number


class Passing(Told):
    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)


@pytest.mark.parametrize(('name', 'value', 'expected'), [
    ('flag', 'no', 'True or False'), ('flag', 2, 'True or False'), ('flag', None, 'True or False'),
    ('flag', [], 'True or False'), ('count', 2.5, 'a whole number'), ('count', True, 'a whole number'),
    ('count', None, 'a whole number'), ('share', '0.1', 'a number'), ('share', (0.1,), 'a number'),
    ('name', 0, 'text or None'), ('keep', 2.5, 'True or False or text')])
@pytest.mark.parametrize('kind', [Told, Passing])
def test_a_value_of_another_kind_than_annotated_is_refused(kind, name, value, expected):
    with pytest.raises(ConfigError, match=re.escape(f'({name}={value!r}): {expected} is expected.')):
        MODELS.build({'type': kind, name: value})


@pytest.mark.parametrize('cfg', [
    dict(flag=1, count=0, share=1, name=None, keep='cuda'), dict(share=math.inf, sizes='any', size='any')], ids=str)
def test_a_value_of_an_annotated_kind_is_taken_and_other_annotations_are_not_compared(cfg):
    assert isinstance(MODELS.build(dict(cfg, type=Told)), Told)


def test_what_a_component_says_itself_comes_first():
    with pytest.raises(ConfigError, match='two is spelt 2'):
        MODELS.build(dict(type=Told, count='two'))


def test_annotations_that_cannot_be_read_bind_nobody():
    def __init__(self, flag: 'Nowhere' = False): ...  # noqa: F821
    assert MODELS.build(dict(type=type('Foreign', (), dict(__init__=__init__)), flag='no'))
