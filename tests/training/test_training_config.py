"""Configs and command lines: what is wrong is said, what is right arrives."""

import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.training.config_edits import (
    apply_options,
    load_config,
    load_model_config,
    merge_options,
    optim_wrappers,
    select_on_test,
    set_amp,
    set_seed,
    set_workers,
)
from irstd_toolbox.training.runner import IRSTDRunner


def _config() -> Config:
    return Config(dict(
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='Adan', lr=0.1)), custom_hooks=[dict(type='A')],
        train_dataloader=dict(num_workers=0, persistent_workers=True, dataset=dict(holdout=0.1, part='fit', split='a')),
        val_dataloader=dict(num_workers=2, persistent_workers=True, dataset=dict(holdout=0.1, part='holdout')),
        test_dataloader=dict(dataset=dict(split='test')), val_cfg=dict(type='ValLoop'), randomness=dict(seed=7)))


def test_options_reach_their_place_with_their_type() -> None:
    config = _config()
    apply_options(config, ['optim_wrapper.optimizer.lr=1e-3', 'custom_hooks.0.type=B', 'val_cfg.size=(4,5)'])
    assert config.optim_wrapper.optimizer.lr == 1e-3
    assert config.custom_hooks[0].type == 'B'
    assert config.val_cfg.size == (4, 5)


@pytest.mark.parametrize('value', ['my data/NUAA-SIRST', 'small target. boat.', "'own \u00fc'"])
def test_the_spaces_of_a_path_or_a_prompt_stay(value: str) -> None:
    config = _config()
    apply_options(config, [f'train_dataloader.dataset.split={value}', 'val_cfg.size=[1.0, 1.5]'])
    assert config.train_dataloader.dataset.split == value.strip("'")
    assert config.val_cfg.size == [1.0, 1.5]


@pytest.mark.parametrize('option, wrapper', [
    ('optim_wrapper.clip_grad.max_norm=1', None), ('optim_wrapper.first.clip_grad.max_norm=1', 'first')])
def test_gradients_can_be_clipped_where_the_config_does_not(option: str, wrapper: str | None) -> None:
    config = _config()
    if wrapper:
        config.optim_wrapper = {wrapper: config.optim_wrapper}
    apply_options(config, [option])
    assert (config.optim_wrapper[wrapper] if wrapper else config.optim_wrapper).clip_grad == dict(max_norm=1)


@pytest.mark.parametrize(('line', 'meant'), [
    ('val_dataloder = dict(batch_size=2)', 'val_dataloader'), ('optimizer = dict(lr=1)', r'optim_wrapper\.optimizer'),
    ('val_evaluators = dict()\nval_evaluator = val_evaluators', None), ('optim_wrapper = dict(optimizer=dict())', None),
    ('own = dict(runner=1)', None)])
def test_a_name_of_a_config_that_changes_nothing_is_told(tmp_path: Path, line: str, meant: str | None) -> None:
    (tmp_path / 'own.py').write_text(f'{line}\n')
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        load_config(str(tmp_path / 'own.py'))
    assert len(told) == bool(meant)
    assert not meant or re.search(f'nothing reads {line.split()[0]}, .* Is {meant} meant', str(told[0].message))


@pytest.mark.parametrize(('module', 'told'), [
    ('nobodys_heads', "ModuleNotFoundError: No module named 'nobodys_heads'. custom_imports finds"),
    ('./own_heads.py', 'TypeError: .* relative import .*own_heads.py.* custom_imports finds by dotted names'),
    ('own_heads', r"ImportError: cannot import name 'NODELS' from .* \(.*own_heads.py, line 1\)$"),
    ('own_parts', r"ModuleNotFoundError: No module named 'nobodys' \(.*own_parts.py, line 2\)$"),
    ('own_losses', r'ZeroDivisionError: division by zero \(.*own_losses.py, line 1\)$')])
def test_why_a_module_of_ones_own_is_not_imported_is_told_and_no_more(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, told: str) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'own_heads.py').write_text('from irstd_toolbox.registry import NODELS\n')
    (tmp_path / 'own_parts.py').write_text('import json\nimport nobodys\n')
    (tmp_path / 'own_losses.py').write_text('1 / 0\n')
    (tmp_path / 'own.py').write_text(f"custom_imports = dict(imports=['{module}'])\n")
    with pytest.raises(ConfigError, match=f'own.py cannot be read as a config: {told}'):
        load_config(str(tmp_path / 'own.py'))


@pytest.mark.parametrize('option', ['epochs=100', 'train_pipeline.0.size=4'])
def test_a_name_within_the_config_file_cannot_be_set(option: str) -> None:
    config = Config(dict(_config().to_dict(), epochs=3, train_pipeline=[dict(type='Resize', size=2)]))
    with pytest.raises(ConfigError, match='would change nothing: .* is a name within the config file'):
        apply_options(config, [option])
    with pytest.raises(ConfigError, match='would change nothing'):
        merge_options(config, {option.partition('=')[0]: 4})
    assert config.epochs == 3 and config.train_pipeline[0]['size'] == 2


@pytest.mark.parametrize(('name', 'imports', 'words'), [
    ('margin', "dict(imports=['math'])", None), ('margin', 'None', 'is a name within the config file'),
    ('epochs', "dict(imports=['math'])", 'is a name within'), ('margn', "dict(imports=['math'])", 'mean margin')])
def test_a_name_that_only_imported_code_can_read_is_set(
        tmp_path: Path, name: str, imports: str, words: str | None) -> None:
    (tmp_path / 'base.py').write_text('epochs = 3\nmargin = 2\ntrain_cfg = dict(max_epochs=epochs)\n')
    path = tmp_path / 'own.py'
    path.write_text(f"_base_ = 'base.py'\ncustom_imports = {imports}\n")
    if words is None:
        assert load_config(str(path), [f'{name}=5']).margin == 5
    else:
        with pytest.raises(ConfigError, match=words):
            load_config(str(path), [f'{name}=5'])


@pytest.mark.parametrize('wrapper', [dict(type='RepeatDataset', times=2), dict(type='ConcatDataset')])
def test_the_data_sets_within_a_wrapper_are_trained_on_whole(wrapper: dict) -> None:
    config = _config()
    inner = dict(config.train_dataloader.dataset)
    inside = dict(dataset=inner) if wrapper['type'] == 'RepeatDataset' else dict(datasets=[inner, dict(inner)])
    config.train_dataloader.dataset = dict(wrapper, **inside)
    select_on_test(config)
    found = config.train_dataloader.dataset
    assert [dict(one) for one in found.get('datasets') or [found.dataset]] == [dict(split='a')] * (
        2 if 'datasets' in found else 1)


def test_what_only_the_runner_reads_can_be_set() -> None:
    config = _config()
    apply_options(config, ['sync_bn=torch'])
    assert config.sync_bn == 'torch'


def test_several_optimizers_are_not_clipped_by_a_section_beside_them() -> None:
    config = _config()
    config.optim_wrapper = dict(first=config.optim_wrapper)
    with pytest.raises(ConfigError, match=r'the config has no optim_wrapper\.clip_grad\. There are first'):
        apply_options(config, ['optim_wrapper.clip_grad.max_norm=1'])


@pytest.mark.parametrize('option, match', [
    ('optim_wraper.optimizer.lr=1', r'the config has no optim_wraper\. Did you mean optim_wrapper'),
    ('optim_wrapper.optimiser.lr=1', r'the config has no optim_wrapper\.optimiser\. Did you mean optimizer'),
    ('max_epochs=3', r'the config has no max_epochs'),
    ('optim_wrapper', r'is not of the form KEY=VALUE'),
    ('custom_hooks.5.type=B', r'the config has no custom_hooks\.5\. There are 0 to \d\.'),
    ("custom_hooks=[dict(type='StepLR',step_size=2)]", r'what holds a dict is written into a config'),
    ('optim_wrapper.optimizer.betas=(0.9,', r"betas=\(0\.9,' cannot be read\. Values are numbers, words"),
    ('optim_wrapper.type.name=1', r"optim_wrapper\.type is 'OptimWrapper' and has no parts"),
])
def test_an_option_that_would_change_nothing_is_refused(option: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        apply_options(_config(), [option])


def test_a_missing_config_names_those_that_are_near(tmp_path: Path) -> None:
    (tmp_path / 'lgnet_irstd1k.py').touch()
    with pytest.raises(ConfigError, match=r'no config .*lgnet_irst1k\.py\. In its folder are lgnet_irstd1k\.py'):
        load_config(str(tmp_path / 'lgnet_irst1k.py'))


@pytest.mark.parametrize('text, match', [
    ('model = dict(', r'is not valid Python: .*line 1'),
    ("_base_ = ['missing.py']", r'builds on a file that is missing'),
    ('model = 1 / 0', r'ZeroDivisionError'),
    ('import sys; sys.exit()', r'SystemExit: '),
])
def test_a_broken_config_is_explained(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / 'broken.py').write_text(text + '\n')
    with pytest.raises(ConfigError, match=match):
        load_config(str(tmp_path / 'broken.py'))


@pytest.mark.parametrize('text', ['lr = 0.1', "model = 'LGNet'"])
def test_a_config_without_a_model_is_explained_where_one_is_needed(tmp_path: Path, text: str) -> None:
    (tmp_path / 'bare.py').write_text(text + '\n')
    with pytest.raises(ConfigError, match=r'bare\.py has no model\. Put a file of configs/_base_/models/ into its '):
        load_model_config(str(tmp_path / 'bare.py'))


def test_a_folder_in_the_place_of_the_config_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='is a folder: the path of one .py config is expected'):
        load_config(str(tmp_path))


def test_a_checkpoint_in_the_place_of_the_config_is_noticed(tmp_path: Path) -> None:
    (tmp_path / 'epoch_1.pth').touch()
    with pytest.raises(ConfigError, match='The order is CONFIG, then CHECKPOINT'):
        load_config(str(tmp_path / 'epoch_1.pth'))


def test_amp_replaces_the_plain_wrapper_and_keeps_its_options() -> None:
    config = _config()
    config.optim_wrapper.clip_grad = dict(max_norm=1)
    set_amp(config, 'bf16')
    assert (config.optim_wrapper.type, config.optim_wrapper.dtype) == ('AmpWrapper', 'bf16')
    assert config.optim_wrapper.clip_grad.max_norm == 1


def test_amp_leaves_a_wrapper_of_ones_own_alone() -> None:
    config = _config()
    config.optim_wrapper.type = 'MyWrapper'
    with pytest.raises(ConfigError, match='the config has MyWrapper'):
        set_amp(config, 'auto')


def test_a_config_without_an_optimizer_names_where_they_are_and_leaves_amp_nothing_to_do() -> None:
    config = _config()
    config.pop('optim_wrapper')
    set_amp(config, 'bf16')
    with pytest.raises(ConfigError, match=r'no optim_wrapper.*configs/_base_/schedules/'):
        optim_wrappers(config)


def test_a_seed_is_given_kept_or_made() -> None:
    config = _config()
    set_seed(config, None)
    assert config.randomness.seed == 7
    set_seed(config, 9)
    assert config.randomness.seed == 9
    config.randomness = dict(seed=None)
    set_seed(config, None)
    assert isinstance(config.randomness.seed, int)


@pytest.mark.parametrize('seed', [-1, 2**32, 1.5, '7'])
def test_a_seed_that_numpy_does_not_take_is_refused(seed: object) -> None:
    config = _config()
    config.randomness = dict(seed=seed)
    with pytest.raises(ConfigError, match=r'The seed is .*; a whole number from 0 to 4294967295 is expected'):
        set_seed(config, None)


def test_persistent_workers_go_only_where_there_are_none() -> None:
    config = _config()
    set_workers(config)
    assert 'persistent_workers' not in config.train_dataloader
    assert config.val_dataloader.persistent_workers


def test_selecting_on_the_test_list_gives_the_holdout_back_to_training() -> None:
    config = _config()
    select_on_test(config)
    assert config.val_dataloader.dataset == dict(split='test')
    assert config.train_dataloader.dataset == dict(split='a')


def test_selecting_on_the_test_list_needs_one() -> None:
    config = _config()
    config.pop('test_dataloader')
    with pytest.raises(ConfigError, match='needs a config with test_dataloader'):
        select_on_test(config)


@pytest.mark.parametrize(('lacks', 'told'), [
    ('model', 'has no model; expected the model, dict'), ('work_dir', 'has no work_dir; expected the folder of'),
    ('val_cfg', r'val\(\) needs val_dataloader, val_cfg, val_evaluator, and the config lacks val_cfg; expected all')])
def test_a_config_without_what_a_runner_needs_is_told_so(lacks: str, told: str) -> None:
    whole = dict(model=dict(type='Toy'), work_dir='runs', val_dataloader={}, val_cfg={}, val_evaluator={})
    del whole[lacks]
    with pytest.raises(ConfigError, match=told):
        IRSTDRunner.from_cfg(whole)


@pytest.mark.parametrize('stage', ['train', 'val', 'test'])
def test_what_a_config_has_nothing_for_is_not_begun(toy: SimpleNamespace, tmp_path: Path, stage: str) -> None:
    runner = IRSTDRunner(toy.Model(), str(tmp_path), default_scope='irstd_toolbox',
                         visualizer=dict(type='Visualizer', vis_backends=[]))
    with pytest.raises(ConfigError, match=rf'{stage}\(\) needs {stage}_dataloader, .* and the config has none of them'):
        getattr(runner, stage)()
