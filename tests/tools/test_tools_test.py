"""tools/test.py: its files, its figures, its agreement with tools/evaluate.py and with itself on two processes."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric

from irstd_toolbox.errors import CheckpointError, ConfigError, DataError
from irstd_toolbox.registry import METRICS, MODELS
from irstd_toolbox.training.checkpoint import file_sha256, read_checkpoint
from irstd_toolbox.training.config_edits import load_config

Tool = Callable[[str], ModuleType]
PROTOCOLS = ('canonical', 'basicirstd', 'dnanet')


@pytest.fixture(scope='module')
def tested(trained: Path, lively: Path, load_tool: Tool) -> Path:
    """What one test wrote. Read only."""
    out = lively.parent / 'tested'
    load_tool('test').main([str(trained.parent / 'tiny.py'), str(lively), '--out', str(out), '--panels', '2',
                            '--protocol', *PROTOCOLS])
    return out


def _results(folder: Path) -> dict:
    return json.loads((folder / 'results.json').read_text())


def test_every_test_image_has_a_prediction_and_a_mask_of_its_own_size(tested: Path) -> None:
    names = [f'scene_{i}.png' for i in range(8, 13)]
    for folder, kind in (('predictions', np.uint16), ('masks', np.uint8)):
        assert sorted(path.name for path in (tested / folder).iterdir()) == sorted(names)
        picture = cv2.imread(str(tested / folder / names[0]), cv2.IMREAD_UNCHANGED)
        assert (picture.dtype, picture.shape) == (kind, (20, 24))


def test_the_mask_is_where_the_probability_exceeds_a_half(tested: Path) -> None:
    for path in (tested / 'predictions').iterdir():
        codes = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        mask = cv2.imread(str(tested / 'masks' / path.name), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(mask, np.where(codes / 65535 > 0.5, 255, 0))


def test_the_figures_are_not_trivial(tested: Path) -> None:
    counts = _results(tested)['counts']['canonical']
    assert counts['intersection'] > 0
    assert counts['false_alarm_pixels'] > 0


@pytest.mark.parametrize(('options', 'name', 'described'), [
    (['model.views.mirrored=True', 'model.views.scales=[1.0,1.5]'], 'views',
     dict(mirrored=True, turned=False, scales=[1.0, 1.5])),
    (['model.windows.size=8'], 'windows', dict(size=[8, 8], stride=[6, 6]))])
def test_views_and_windows_move_probabilities_and_the_result_names_them(
        tested: Path, trained: Path, lively: Path, load_tool: Tool, tmp_path: Path, options: list[str], name: str,
        described: dict) -> None:
    load_tool('test').main([str(trained.parent / 'tiny.py'), str(lively), '--out', str(tmp_path), '--cfg-options',
                            *options])
    assert _results(tmp_path)[name] == described
    assert name not in _results(tested)
    plain, other = (cv2.imread(str(folder / 'predictions' / 'scene_8.png'), cv2.IMREAD_UNCHANGED).astype(int)
                    for folder in (tested, tmp_path))
    assert plain.shape == other.shape
    assert not np.array_equal(plain, other)


def test_further_metrics_stand_beside_those_of_the_first_and_must_be_numbers(
        tested: Path, trained: Path, lively: Path, load_tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture) -> None:
    class TargetShare(BaseMetric):
        default_prefix = 'share'

        def process(self, data_batch: dict, data_samples: list) -> None:
            self.results += [sample['gt_sem_seg']['data'].float().mean() for sample in data_samples]

        def compute_metrics(self, results: list) -> dict:
            return dict(of_pixels=torch.stack(results).mean(), odd='many')

    monkeypatch.setitem(METRICS.module_dict, 'TargetShare', TargetShare)
    config = tmp_path / 'two.py'
    config.write_text(f'_base_ = {str(trained.parent / "tiny.py")!r}\n'
                      "test_evaluator = [dict(type='IRSTDMetric'), dict(type='TargetShare')]\n")
    call = [str(config), str(lively), '--out', str(tmp_path / 'out'), '--protocol', *PROTOCOLS]
    with pytest.raises(ConfigError, match="A test_evaluator gives share/odd='many'; a number is expected"):
        load_tool('test').main(call)
    monkeypatch.setattr(TargetShare, 'compute_metrics', lambda _, results: dict(of_pixels=torch.stack(results).mean()))
    load_tool('test').main(call)
    masks = trained.parent / 'data' / 'masks'
    share = np.mean([cv2.imread(str(masks / f'scene_{i}.png'), 0) > 127 for i in range(8, 13)])
    found = _results(tmp_path / 'out')
    assert found['metrics'] == {'share/of_pixels': pytest.approx(share)} and share > 0
    assert found['protocols'] == _results(tested)['protocols'] and 'metrics' not in _results(tested)
    assert f'share/of_pixels: {share:.4g}' in capsys.readouterr().out


@pytest.mark.parametrize(('uses_ground_truth', 'said'), [
    (True, 'made from their masks: these figures are no test'), (None, 'is not recorded'),
    (False, 'of 1 of 5 images.')])
def test_a_test_that_reads_text_says_so_and_where_the_text_came_from(
        config: Path, load_tool: Tool, capsys: pytest.CaptureFixture, repository: Path,
        uses_ground_truth: bool | None, said: str) -> None:
    data, demo = config.parent / 'data', repository / 'configs' / 'lgnet_demo.py'
    (data / 'descriptions').mkdir()
    (data / 'descriptions' / 'scene_8.description.txt').write_text('The target is in the upper-left part.')
    (data / 'descriptions' / 'provenance.json').write_text(json.dumps(dict(uses_ground_truth=uses_ground_truth)))
    options = [f'test_dataloader.dataset.data_root={data}', 'test_dataloader.num_workers=0',
               'test_dataloader.persistent_workers=False']
    weights = MODELS.build(load_config(str(demo)).model).state_dict()
    torch.save(dict(state_dict=weights, meta={}), config.parent / 'w.pth')
    for mode in ('train_and_test', 'train'):
        load_tool('test').main([str(demo), str(config.parent / 'w.pth'), '--out', str(config.parent / mode),
                                '--cfg-options', *options, f'model.target_descriptor.text={mode}'])
        shown = ' '.join(capsys.readouterr().out.split())
        assert (said in shown) == (mode == 'train_and_test')
    assert _results(config.parent / 'train_and_test')['descriptions'] == dict(
        images=1, uses_ground_truth=uses_ground_truth)
    assert 'descriptions' not in _results(config.parent / 'train')


def test_a_second_test_leaves_nothing_of_the_first_and_panels_show_the_masks(
        trained: Path, lively: Path, load_tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, drawn = [str(trained.parent / 'tiny.py'), str(lively), '--out', str(tmp_path / 'out')], {}
    monkeypatch.setattr('irstd_toolbox.inference.testing.panel', lambda *maps, title: (
        drawn.update({title: maps}) or np.zeros((2, 2, 3), np.uint8)))
    load_tool('test').main([*words, '--panels', '2'])
    for name, maps in drawn.items():
        assert np.array_equal(maps[1], cv2.imread(str(trained.parent / f'data/masks/{name}.png'), 0) > 127)
    load_tool('test').main([*words, '--probabilities', 'npy', '--split', 'trainval', '--cfg-options',
                            'test_dataloader.dataset.indices=1'])
    left = {str(path.relative_to(tmp_path / 'out')) for path in (tmp_path / 'out').rglob('*') if path.is_file()}
    assert left == {'masks/scene_0.png', 'predictions/scene_0.npy', 'results.json'} and len(drawn) == 2


def test_a_folder_with_masks_of_other_origin_is_refused(
        trained: Path, lively: Path, load_tool: Tool, tmp_path: Path) -> None:
    (tmp_path / 'masks').mkdir()
    (tmp_path / 'masks' / 'mine.png').write_bytes(b'work')
    with pytest.raises(ConfigError, match='holds masks/, but no results.json of a run before'):
        load_tool('test').main([str(trained.parent / 'tiny.py'), str(lively), '--out', str(tmp_path)])
    with pytest.raises(ConfigError, match='mine.png is a file. Name another folder'):
        load_tool('test').main([str(trained.parent / 'tiny.py'), str(lively), '--out',
                                str(tmp_path / 'masks' / 'mine.png')])
    assert [path.name for path in tmp_path.rglob('*')] == ['masks', 'mine.png']
    (tmp_path / 'results.json').write_text('{"protocols": {}, "counts": {}, "fingerprint": {}}')  # as of evaluate.py
    with pytest.raises(ConfigError, match='holds masks/, but no results.json of a run before'):
        load_tool('test').main([str(trained.parent / 'tiny.py'), str(lively), '--out', str(tmp_path)])
    assert (tmp_path / 'masks' / 'mine.png').is_file()


def test_the_results_of_best_lie_in_the_work_folder_that_it_was_found_in(load_tool: Tool, tmp_path: Path) -> None:
    beside = load_tool('test').beside
    config = 'configs/lgnet_demo.py'
    assert beside('best', config, [f'work_dir={tmp_path}']) == tmp_path / 'test'
    assert beside('best', config, []) == Path('work_dirs/lgnet_demo/test')
    assert beside('there/best.pth', config, [f'work_dir={tmp_path}']) == Path('there/test')
    assert beside('configs/cpu/one.safetensors', config, []) == Path('work_dirs/lgnet_demo/test_one')


def test_the_result_says_where_the_weights_came_from(tested: Path, lively: Path) -> None:
    results = _results(tested)
    assert results['checkpoint'] == dict(
        path=str(lively), sha256=file_sha256(lively), epoch=results['checkpoint']['epoch'],
        selection=dict(on='holdout', metric='irstd/IoU', protocol='canonical', images=2), trained_before=[],
        trained_on=[dict(dataset='data', split='trainval', images=6)])
    assert results['config'].endswith('tiny.py')
    assert results['model'] == 'RSUEncoder'


def test_evaluating_the_written_predictions_gives_the_same_counters_and_figures(
        tested: Path, trained: Path, tmp_path: Path, load_tool: Tool) -> None:
    load_tool('evaluate').main([str(tested / 'predictions'), str(trained.parent / 'data'), '--protocol', *PROTOCOLS,
                                '--out', str(tmp_path / 'results.json')])
    ours, theirs = _results(tested), _results(tmp_path)
    for part in ('protocols', 'counts', 'fingerprint'):
        assert ours[part] == theirs[part]


def test_panels_are_drawn_of_evenly_spaced_images(tested: Path) -> None:
    assert sorted(path.name for path in (tested / 'panels').iterdir()) == ['scene_12.png', 'scene_8.png']


def test_probabilities_as_npy_score_the_same(trained: Path, lively: Path, tested: Path, tmp_path: Path,
                                             load_tool: Tool) -> None:
    load_tool('test').main([str(trained.parent / 'tiny.py'), str(lively), '--out', str(tmp_path), '--probabilities',
                            'npy'])
    assert np.load(tmp_path / 'predictions' / 'scene_8.npy').shape == (20, 24)
    assert _results(tmp_path)['counts']['canonical'] == _results(tested)['counts']['canonical']


def test_mixed_precision_rounds_and_the_result_names_it(trained: Path, lively: Path, tested: Path, tmp_path: Path,
                                                        load_tool: Tool) -> None:
    load_tool('test').main([str(trained.parent / 'tiny.py'), str(lively), '--out', str(tmp_path), '--amp', 'auto'])
    ours, theirs = (cv2.imread(str(folder / 'predictions/scene_8.png'), cv2.IMREAD_UNCHANGED).astype(int)
                    for folder in (tmp_path, tested))
    assert 0 < np.abs(ours - theirs).max() < 0.05 * 65535
    assert _results(tmp_path)['amp'] in ('bf16', 'fp16') and 'amp' not in _results(tested)


def test_the_table_is_printed_and_a_choice_on_the_test_list_and_earlier_weights_are_said(
        trained: Path, lively: Path, tmp_path: Path, load_tool: Tool, capsys: pytest.CaptureFixture) -> None:
    content = read_checkpoint(lively)
    stamp = content['meta']['irstd_toolbox']
    stamp['selection']['on'], stamp['trained_before'] = 'test', [dict(weights='other.pth')]
    torch.save(content, tmp_path / 'chosen.pth')
    load_tool('test').main([str(trained.parent / 'tiny.py'), str(tmp_path / 'chosen.pth')])
    out = capsys.readouterr().out
    assert 'canonical' in out
    assert 'The checkpoint was chosen on the test list' in out
    assert 'began with weights that had been trained on what other.pth was trained on, which is not recorded.' in out
    origin = _results(tmp_path / 'test')['checkpoint']
    assert origin['selection']['on'] == 'test' and origin['trained_before'] == stamp['trained_before']


@pytest.fixture
def fails(trained: Path, tmp_path: Path, load_tool: Tool) -> Callable[..., None]:
    """Run the tool, expect the error, and nothing written."""
    def check(error: type, match: str, *arguments: str, config: Path | None = None) -> None:
        out = tmp_path / 'out'
        with pytest.raises(error, match=match):
            load_tool('test').main([str(config or trained.parent / 'tiny.py'), *arguments, '--out', str(out)])
        assert not out.exists()
    return check


def test_a_checkpoint_of_another_width_is_refused(fails: Callable[..., None], trained: Path) -> None:
    fails(CheckpointError, r'does not fit the model .* of another size: ', str(trained / 'best.pth'), '--cfg-options',
          'model.backbone.stages=((3,8,8),(3,8,8))')


def test_weights_are_asked_for_where_the_model_has_some(fails: Callable[..., None]) -> None:
    fails(CheckpointError, 'has weights, so a CHECKPOINT is needed')


def test_a_missing_checkpoint_is_named(fails: Callable[..., None], trained: Path) -> None:
    fails(CheckpointError, r'epoch_99\.pth does not exist\. .* holds best\.pth', str(trained / 'epoch_99.pth'))


def test_an_unknown_protocol_lists_the_known_ones(fails: Callable[..., None], lively: Path) -> None:
    fails(ConfigError, r'(?s)canonnical.*canonical', str(lively), '--protocol', 'canonnical')


@pytest.mark.skipif(torch.cuda.is_available(), reason='fp16 runs on this GPU')
def test_a_precision_that_the_device_lacks_is_refused(fails: Callable[..., None], lively: Path) -> None:
    fails(ConfigError, '--amp fp16 needs a GPU, the model is on cpu. Use --amp bf16', str(lively), '--amp', 'fp16')


def test_a_formula_has_no_precision_to_choose(fails: Callable[..., None], repository: Path, config: Path) -> None:
    fails(ConfigError, 'is of a formula, which computes in double precision', '--amp', 'bf16', '--cfg-options',
          f'test_dataloader.dataset.data_root={config.parent / "data"}', 'test_dataloader.dataset.name=None',
          config=repository / 'configs/baselines/top_hat_nuaa_sirst.py')


def test_an_unknown_device_is_refused(fails: Callable[..., None], lively: Path) -> None:
    fails(ConfigError, r'--device abacus cannot be used', str(lively), '--device', 'abacus')
    fails(ConfigError, r'--device meta cannot be used', str(lively), '--device', 'meta')


def test_an_unreadable_image_in_the_middle_leaves_nothing_half_written(fails: Callable[..., None], config: Path,
                                                                       lively: Path) -> None:
    (config.parent / 'data' / 'images' / 'scene_12.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    fails(DataError, r'scene_12\.png', str(lively), config=config)


def test_an_error_leaves_an_earlier_result_alone(config: Path, lively: Path, load_tool: Tool) -> None:
    out = config.parent / 'out'
    load_tool('test').main([str(config), str(lively), '--out', str(out)])
    before = {path: path.read_bytes() for path in out.rglob('*') if path.is_file()}
    (config.parent / 'data' / 'images' / 'scene_12.png').write_bytes(b'')
    with pytest.raises(DataError, match='scene_12'):
        load_tool('test').main([str(config), str(lively), '--out', str(out)])
    assert {path: path.read_bytes() for path in out.rglob('*') if path.is_file()} == before


def test_two_processes_on_a_cpu_measure_what_one_does_and_train(
        trained: Path, lively: Path, tested: Path, tmp_path: Path, two_processes: Callable, load_tool: Tool) -> None:
    """Five images over two processes: the set is odd, so one image comes twice and must count once."""
    config = str(trained.parent / 'tiny.py')

    def work(rank: int) -> None:
        load_tool('test').main([config, str(lively), '--out', str(tmp_path / 'test'), '--launcher', 'pytorch',
                                '--protocol', *PROTOCOLS])
        load_tool('train').main([config, '--work-dir', str(tmp_path / 'run'), '--launcher', 'pytorch', '--cfg-options',
                                 'train_cfg.max_epochs=1', 'train_dataloader.batch_size=1'])

    two_processes(work)
    ours, theirs = _results(tmp_path / 'test'), _results(tested)
    for part in ('protocols', 'counts', 'fingerprint'):
        assert ours[part] == theirs[part]
    for path in (tested / 'predictions').iterdir():
        assert (tmp_path / 'test' / 'predictions' / path.name).read_bytes() == path.read_bytes()
    checkpoint = read_checkpoint(tmp_path / 'run' / 'epoch_1.pth')
    assert checkpoint['meta']['iter'] == 3
    assert not any(name.startswith('module.') for name in checkpoint['state_dict'])
