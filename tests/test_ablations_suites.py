"""The suite files: each is read, each config in it exists and builds, each published figure is that of its config."""

import copy
import re
import socket
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from irstd_toolbox.benchmarking.configs import resolve, text_at_test, uses_text
from irstd_toolbox.benchmarking.suite import Suite, read_suite
from irstd_toolbox.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
SUITES = {path.stem: path for path in sorted((ROOT / 'configs' / 'suites').glob('*.py'))}
TOLD = [
    'ablations_irstd1k', 'cpu_irstd1k', 'cpu_nuaa_sirst', 'descriptions_irstd1k', 'gpu_irstd1k', 'gpu_networks_irstd1k',
    'gpu_networks_nuaa_sirst', 'gpu_nuaa_sirst', 'readings_synthetic', 'recipes_nuaa_sirst', 'synthetic']
ABLATIONS = ROOT / 'configs' / 'ablations'
FUSIONS = {'addition': 'AdditiveLanguageFusion', 'concatenation': 'ConcatLanguageFusion', 'gate': 'GatedLanguageFusion',
           'film': 'FiLMFusion', 'attention': 'CrossAttentionFusion'}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError('a suite opened a connection')
    monkeypatch.setattr(socket.socket, 'connect', refuse)


@pytest.fixture(scope='module')
def suites() -> dict[str, Suite]:
    return {name: read_suite(path) for name, path in SUITES.items()}


@pytest.fixture(scope='module')
def configs(suites: dict[str, Suite]) -> dict[str, list[Config]]:
    """The config of each entry with its options, in the order of the entries, of the suites with sentences."""
    return {name: [resolve(entry, suites[name].options) for entry in suites[name].entries] for name in TOLD}


def build(config: Config) -> torch.nn.Module:
    with DefaultScope.overwrite_default_scope('irstd_toolbox'):
        return MODELS.build(copy.deepcopy(config.model))


def test_there_are_the_suites_of_the_papers_tables_and_one_of_synthetic_scenes() -> None:
    assert set(SUITES) == {
        'ablations_irstd1k', 'cpu_irstd1k', 'cpu_nuaa_sirst', 'descriptions_irstd1k', 'gpu_irstd1k',
        'gpu_networks_irstd1k', 'gpu_networks_nuaa_sirst', 'gpu_nuaa_sirst', 'networks_irstd1k', 'networks_nuaa_sirst',
        'published', 'readings_synthetic', 'recipes_nuaa_sirst', 'synthetic'}


@pytest.mark.parametrize('name', SUITES)
def test_a_suite_says_what_it_is_and_names_each_entry_once(name: str, suites: dict[str, Suite]) -> None:
    suite = suites[name]
    assert SUITES[name].read_text().startswith('"""') and suite.title and suite.entries
    names = [entry.name for entry in suite.entries]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize('name', SUITES)
def test_every_config_of_a_suite_is_one_that_tests_build(name: str, suites: dict[str, Suite]) -> None:
    paths = [entry.config.resolve() for entry in suites[name].entries]
    assert [path for path in paths if not path.is_file() or {'_base_', 'suites'} & set(path.parts)] == []


@pytest.mark.parametrize('name', TOLD)
def test_a_config_builds_with_the_options_of_its_entry(
        name: str, suites: dict[str, Suite], configs: dict[str, list[Config]]) -> None:
    for entry, config in zip(suites[name].entries, configs[name], strict=True):
        if any(key.startswith('model.') for key in entry.options):  # the others are built by tests/test_configs.py
            build(config)


@pytest.mark.parametrize('name', TOLD)
def test_what_reads_sentences_is_given_some_and_nothing_else_is(
        name: str, suites: dict[str, Suite], configs: dict[str, list[Config]]) -> None:
    for entry, config in zip(suites[name].entries, configs[name], strict=True):
        training = config.get('train_dataloader') or Config(dict(dataset={}))
        given = entry.describe is not None or bool(training.dataset.get('description_dir'))
        assert given == uses_text(config), entry.name
        if entry.describe:
            allowed = '--allow-ground-truth-on-test' in entry.describe.get('options', ())
            assert allowed == text_at_test(config), entry.name


@pytest.mark.parametrize('name', ['networks_irstd1k', 'networks_nuaa_sirst'])
def test_every_published_figure_stands_in_the_docstring_of_its_config(name: str, suites: dict[str, Suite]) -> None:
    for entry in suites[name].entries:
        words = ' '.join(entry.config.read_text().split('"""')[1].split())
        for told in entry.references:
            for metric, value in told.items():
                if metric not in ('source', 'protocol', 'dataset'):
                    spelled = rf'{value:g}|{value:.2f}' + (rf'|{value / 10:.2f}e-5' if metric == 'Fa' else '')
                    assert re.search(rf'\b{metric} (?:{spelled})0*(?!\d)', words), (entry.name, metric, value)


@pytest.mark.parametrize('dataset', ['irstd1k', 'nuaa_sirst'])
def test_the_suite_of_networks_leaves_out_only_what_needs_something_made_before(
        dataset: str, suites: dict[str, Suite]) -> None:
    every = {path.name for path in (ROOT / 'configs' / 'baselines').glob(f'*_{dataset}.py')}
    named = {entry.config.name for entry in suites[f'networks_{dataset}'].entries}
    assert {name.rpartition(f'_{dataset}')[0] for name in every - named} <= {
        'ssps_dnanet', 'grounded_sam', 'grounded_sam_boxes', 'repisd_deploy'}


def test_every_ablation_that_needs_nothing_made_before_is_in_a_suite(suites: dict[str, Suite]) -> None:
    named = {entry.config.resolve() for name in ('ablations_irstd1k', 'recipes_nuaa_sirst')
             for entry in suites[name].entries}
    assert {path.stem for path in ABLATIONS.glob('*.py') if path not in named} == {
        f'lgnet_{data}_small_clip{how}' for data in ('irstd1k', 'nuaa_sirst', 'nuaa_sirst_scaled')
        for how in ('', '_never')}


def test_every_recipe_of_another_model_or_loss_trains_and_its_loss_is_another(
        suites: dict[str, Suite], configs: dict[str, list[Config]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MessageHub, 'get_info', lambda *_: 6)  # after the epochs in which SLS is the soft IoU
    inputs, values, mask = torch.randn(2, 3, 64, 64), {}, torch.zeros(1, 64, 64)
    mask[0, 10:13, 20:22] = 1
    for entry, config in zip(suites['recipes_nuaa_sirst'].entries, configs['recipes_nuaa_sirst'], strict=True):
        if not values or any(key.startswith('model.') for key in entry.options):
            torch.manual_seed(0)
            model = build(config)
            samples = [SegDataSample(gt_sem_seg=PixelData(data=mask)) for _ in inputs]
            loss = sum(model(inputs, samples, 'loss').values())
            loss.backward()
            values[entry.name] = round(loss.item(), 6)
            assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert len(set(values.values())) == len(values) == 9, values


@pytest.mark.parametrize('name', FUSIONS)
def test_lgnet_trains_a_step_with_every_fusion_at_full_width(name: str) -> None:
    torch.manual_seed(0)
    config = Config.fromfile(ABLATIONS / f'lgnet_irstd1k_descriptor_{name}.py')
    model = build(config)
    assert type(model.neck.fusions[-1]).__name__ == FUSIONS[name]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    maps = model.logit_maps(torch.randn(2, 3, 64, 64), torch.randn(2, model.target_descriptor.dim))
    sum(torch.nn.functional.softplus(logits).mean() for logits in maps).backward()
    block = model.neck.fusions[-1]
    before = [value.clone() for value in block.parameters()]
    optimizer.step()
    assert any(not old.equal(new) for old, new in zip(before, block.parameters(), strict=True))
    assert all(value.grad.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize(('name', 'loader', 'control'), [
    ('text_shuffled', 'train_dataloader', 'shuffled'), ('text_wrong', 'train_dataloader', 'wrong'),
    ('text_at_test_wrong', 'test_dataloader', 'wrong')])
def test_a_control_gives_wrong_sentences_to_one_list_alone(name: str, loader: str, control: str) -> None:
    config = Config.fromfile(ABLATIONS / f'lgnet_irstd1k_{name}.py')
    found = {key: config[key].dataset.get('text_control')
             for key in ('train_dataloader', 'val_dataloader', 'test_dataloader')}
    assert found == dict.fromkeys(found) | {loader: control}
