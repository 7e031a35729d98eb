"""Writing a folder of descriptions, from the command line and from Python."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import Scene, TextPriorProvider, annotation, build_provider, store
from irstd_toolbox.text_priors.vlm.session import hold

TRAIN, TEST = ['XDU0', 'XDU1', 'XDU2'], ['XDU3', 'XDU4']


@pytest.fixture
def tool(load_tool: Callable) -> ModuleType:
    return load_tool('annotate')


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """Five images whose target is in the upper left."""
    root = tmp_path / 'data'
    for name in ('images', 'masks'):
        (root / name).mkdir(parents=True)
    for image_id in TRAIN + TEST:
        mask = np.zeros((20, 30), np.uint8)
        mask[2:4, 3:5] = 255
        Image.fromarray(mask).save(root / 'masks' / f'{image_id}.png')
        Image.fromarray(np.where(mask > 0, 220, 40).astype(np.uint8)).save(root / 'images' / f'{image_id}.png')
    (root / 'trainval.txt').write_text('\n'.join(TRAIN))
    (root / 'test.txt').write_text('\n'.join(TEST))
    return root


def texts(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (root / 'descriptions').glob('*.txt')}


def record(root: Path) -> dict:
    return json.loads((root / 'descriptions' / 'provenance.json').read_text())


SENTENCE = 'The small target lies in the upper-left quadrant of the infrared image.\n'


def test_the_training_images_are_described_and_the_record_says_by_whom(tool, data_root, capsys):
    assert tool.main([str(data_root), '--provider', 'quadrant', '--options', 'targets=all']) == 0
    assert texts(data_root) == {f'{image_id}.description.txt': SENTENCE for image_id in TRAIN}
    run, = record(data_root)['runs']
    assert record(data_root)['uses_ground_truth'] is True and record(data_root)['leakage'] is False
    assert (run['provider'], run['options'], run['split']) == ('quadrant', {'targets': 'all'}, 'trainval')
    assert run['counts'] == {'planned': 3, 'kept': 0, 'written': 3, 'failed': 0}
    assert run['toolbox_version'] and run['started'] <= run['finished']
    printed = capsys.readouterr()
    assert printed.out == f'3 written, 0 kept, 0 failed: {data_root}/descriptions\n'
    assert 'plan: 3 descriptions by quadrant' in printed.err.replace('\n', ' ')


def test_what_was_written_is_found_by_the_data_set(tool, data_root):
    from irstd_toolbox.datasets.layouts import detect
    tool.main([str(data_root), '--provider', 'quadrant', '--suffix', '-description.txt'])
    found = detect(data_root).descriptions
    assert {image_id: path.name for image_id, path in found.items()} == {
        image_id: f'{image_id}-description.txt' for image_id in TRAIN}


def test_existing_descriptions_are_kept_until_told(tool, data_root):
    store.write_description(data_root / 'descriptions', 'XDU1', 'Written by hand.', '.txt')
    tool.main([str(data_root), '--provider', 'quadrant'])
    assert texts(data_root)['XDU1.txt'] == 'Written by hand.\n' and len(texts(data_root)) == 3
    assert record(data_root)['runs'][0]['counts']['kept'] == 1
    tool.main([str(data_root), '--provider', 'quadrant', '--overwrite'])
    assert texts(data_root)['XDU1.txt'] == SENTENCE and len(texts(data_root)) == 3


def test_whatever_a_provider_raises_is_told_of_its_image_and_the_others_are_described(data_root):
    class Dividing(TextPriorProvider):
        uses_ground_truth = False

        def describe(self, scene: Scene) -> str:
            return f'On the left, {1 / (scene.image_id != "XDU1")}.'
    job = annotation.plan(TRAIN, data_root / 'descriptions')
    done = annotation.annotate(job, Dividing(), lambda image_id, _: Scene(np.zeros((4, 4)), None, image_id), {})
    assert done.failed == {'XDU1': 'a defect of the provider: ZeroDivisionError: division by zero'}
    assert done.written == ['XDU0', 'XDU2'] and record(data_root)['runs'][0]['finished']


def test_a_second_run_has_nothing_to_do_and_leaves_the_record(tool, data_root, capsys):
    tool.main([str(data_root), '--provider', 'quadrant'])
    before = record(data_root)
    capsys.readouterr()
    assert tool.main([str(data_root), '--provider', 'quadrant']) == 0
    assert record(data_root) == before
    assert capsys.readouterr().out.startswith('0 written, 3 kept')


@pytest.mark.parametrize('split', ['test', 'all', 'test.txt'])
def test_a_provider_that_reads_the_mask_is_refused_on_test_images(tool, data_root, split):
    with pytest.raises(ConfigError, match='reads the ground truth, and 2 of these . images are test images'):
        tool.main([str(data_root), '--provider', 'mask_caption', '--split', split])
    assert not (data_root / 'descriptions').exists()


def test_a_list_of_ones_own_is_refused_for_the_test_ids_in_it(tool, data_root, tmp_path):
    (tmp_path / 'mine.txt').write_text('XDU0\nXDU4\n')
    with pytest.raises(ConfigError, match=r'1 of these 2 images are test images \(the first: XDU4\)'):
        tool.main([str(data_root), '--provider', 'quadrant', '--split', str(tmp_path / 'mine.txt')])


def test_told_so_it_describes_test_images_and_calls_it_leakage(tool, data_root, capsys):
    tool.main([str(data_root), '--provider', 'quadrant'])
    assert tool.main([str(data_root), '--provider', 'quadrant', '--split', 'test', '--allow-ground-truth-on-test']) == 0
    assert record(data_root)['leakage'] is True
    assert [run['leakage'] for run in record(data_root)['runs']] == [False, True]
    assert record(data_root)['runs'][1]['test_images'] == 2
    assert 'LEAKAGE: 2 of the images are test images' in capsys.readouterr().err.replace('\n', ' ')


def test_replayed_ground_truth_is_ground_truth(tool, data_root, tmp_path):
    store.write_description(tmp_path / 'other', 'XDU3', 'A target.')
    store.write_provenance(tmp_path / 'other', {'uses_ground_truth': True})
    options = ['--options', f'folder={tmp_path / "other"}']
    with pytest.raises(ConfigError, match='test images'):
        tool.main([str(data_root), '--provider', 'replay', *options, '--split', 'test'])


@pytest.mark.parametrize(('record_of_source', 'used', 'told'), [
    (None, None, 'not recorded'), ({'uses_ground_truth': None}, None, 'not recorded'),
    ({'uses_ground_truth': False}, False, 'not the ground truth')])
def test_what_nobody_knows_of_replayed_descriptions_stays_unknown(
        tool, data_root, tmp_path, capsys, monkeypatch, record_of_source, used, told):
    monkeypatch.setattr('irstd_toolbox.text_priors.clip_tokens.find_counter', lambda: (None, 'not loaded'))
    for image_id in TEST:
        store.write_description(tmp_path / 'other', image_id, 'A target.')
    if record_of_source:
        store.write_provenance(tmp_path / 'other', record_of_source)
    options = ['--options', f'folder={tmp_path / "other"}']
    assert tool.main([str(data_root), '--provider', 'replay', *options, '--split', 'test']) == 0
    assert record(data_root)['uses_ground_truth'] is record(data_root)['runs'][0]['uses_ground_truth'] is used
    tool.main([str(data_root), '--do', 'check', '--split', 'test'])
    assert f'written from: {told}\n' in capsys.readouterr().out


def test_replay_of_some_images_is_partial_and_names_the_others(tool, data_root, tmp_path, capsys):
    store.write_description(tmp_path / 'other', 'XDU3', 'A target.')
    options = ['--options', f'folder={tmp_path / "other"}']
    assert tool.main([str(data_root), '--provider', 'replay', *options, '--split', 'test']) == 3
    assert texts(data_root) == {'XDU3.description.txt': 'A target.\n'}
    assert "failed: XDU4: replay: " in capsys.readouterr().err
    assert record(data_root)['runs'][0]['counts'] == {'planned': 2, 'kept': 0, 'written': 1, 'failed': 1}


def test_an_unreadable_image_fails_alone(tool, data_root, capsys):
    (data_root / 'images' / 'XDU1.png').write_bytes(b'no image')
    assert tool.main([str(data_root), '--provider', 'quadrant']) == 3
    assert sorted(texts(data_root)) == ['XDU0.description.txt', 'XDU2.description.txt']
    assert 'XDU1' in capsys.readouterr().err


def test_another_folder_can_be_told(tool, data_root, tmp_path):
    tool.main([str(data_root), '--provider', 'quadrant', '--out', str(tmp_path / 'out')])
    assert len(list((tmp_path / 'out').glob('*.txt'))) == 3 and not (data_root / 'descriptions').exists()


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--provider', 'quadrnt'], "'quadrnt' is not a registered.*mask_caption, .*quadrant, replay"),
    (['--provider', 'quadrant', '--options', 'seed=1'], "'seed'.*Its options: targets"),
    (['--provider', 'quadrant', '--options', 'seed'], "'seed'; expected KEY=VALUE"),
    (['--provider', 'quadrant', '--suffix', '.doc'], "suffix '.doc'; expected one of .description.txt"),
    (['--provider', 'quadrant', '--split', 'tset'], "no split 'tset'")])
def test_a_wrong_argument_is_an_error_that_lists_the_right_ones(tool, data_root, arguments, words):
    with pytest.raises((ConfigError, DataError), match=words):
        tool.main([str(data_root), *arguments])
    assert not (data_root / 'descriptions').exists()


def test_options_are_read_as_literals_or_text(tool):
    assert tool.parse_options(['a=1', 'b=x/y', 'c=[1, 2]', 'd=None', 'e=a=b']) == {
        'a': 1, 'b': 'x/y', 'c': [1, 2], 'd': None, 'e': 'a=b'}


def test_parts_with_the_same_ids_are_refused_because_one_folder_cannot_hold_both(tool, data_root, tmp_path):
    root = tmp_path / 'parts'
    for part in ('train', 'test'):
        for kind in ('images', 'masks'):
            (root / part / kind).mkdir(parents=True)
            (root / part / kind / '1.png').write_bytes((data_root / kind / 'XDU0.png').read_bytes())
    with pytest.raises(ConfigError, match='same ids in several parts.*parts/train'):
        tool.main([str(root), '--provider', 'quadrant'])
    assert tool.main([str(root / 'train'), '--provider', 'quadrant', '--split', 'all']) == 0
    with pytest.raises(ConfigError, match='1 of these 1 images are test images'):
        tool.main([str(root / 'test'), '--provider', 'quadrant', '--split', 'all'])


class Watched(TextPriorProvider):
    """Keeps what it was shown; fails where told."""

    uses_ground_truth = False

    def __init__(self, error: BaseException | None = None) -> None:
        self.scenes, self.error = [], error

    def describe(self, scene: Scene) -> str:
        if self.error and len(self.scenes) == 1:
            raise self.error
        self.scenes.append(scene)
        return 'Seen.'


def load(image_id: str, with_mask: bool) -> Scene:
    return Scene(np.zeros((2, 2), np.float32), np.zeros((2, 2), np.uint8) if with_mask else None, image_id)


def test_a_plan_has_every_id_once_and_compares_none_with_every_other(tmp_path):
    class Counted(str):
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other):
            Counted.compared += 1
            return str.__eq__(self, other)

    ids = [Counted(f'a{number}') for number in range(40)]
    for image_id in ids[::2]:
        (tmp_path / f'{image_id}.txt').write_text('There.')
    Counted.compared = 0
    job = annotation.plan([*ids, *ids[:2]], tmp_path)
    assert (job.todo, job.kept) == (tuple(ids[1::2]), tuple(ids[::2])) and Counted.compared <= 2 * len(ids)


def test_a_provider_that_does_not_use_the_ground_truth_is_not_shown_any(tmp_path):
    provider = Watched()
    annotation.annotate(annotation.plan(['a', 'b'], tmp_path), provider, load, {})
    assert [scene.mask for scene in provider.scenes] == [None, None]


@pytest.mark.parametrize('error', [KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupted_run_keeps_what_it_wrote_and_records_no_end(tmp_path, error):
    with pytest.raises(type(error)):
        annotation.annotate(annotation.plan(['a', 'b', 'c'], tmp_path), Watched(error), load, {'provider': 'watched'})
    run, = store.read_provenance(tmp_path)['runs']
    assert (run['finished'], run['stopped']) == (None, 'interrupted')
    assert run['counts'] == {'planned': 3, 'kept': 0, 'written': 1, 'failed': 0}
    assert annotation.plan(['a', 'b', 'c'], tmp_path).todo == ('b', 'c')


def test_writing_everything_anew_forgets_earlier_runs_and_writing_a_part_does_not(tmp_path):
    annotation.annotate(annotation.plan(['a', 'b'], tmp_path), build_provider('quadrant'), load, {'provider': 'masks'})
    for ids, providers, from_masks in (['a'], ['masks', 'watched'], True), (['a', 'b'], ['watched'], False):
        annotation.annotate(annotation.plan(ids, tmp_path, overwrite=True), Watched(), load, {'provider': 'watched'})
        told = store.read_provenance(tmp_path)
        assert ([run['provider'] for run in told['runs']], told['uses_ground_truth']) == (providers, from_masks)


def test_while_another_process_annotates_the_data_set_nothing_is_written(tmp_path):
    job = annotation.plan(['a'], tmp_path / 'descriptions')
    with hold(job.folder), pytest.raises(ConfigError, match='in use: another process annotates'):
        annotation.annotate(job, Watched(), load, {})
    assert not job.folder.exists() and annotation.annotate(job, Watched(), load, {}).written == ['a']


def test_a_place_that_cannot_be_written_to_is_said(tmp_path):
    job = annotation.plan(['a'], tmp_path / 'descriptions')
    (tmp_path / '.annotation').write_text('a file')
    with pytest.raises(ConfigError, match=r'\.annotation cannot be written to .*Give another folder'):
        annotation.annotate(job, Watched(), load, {})


def test_the_command_loads_no_torch_and_errors_are_one_paragraph_with_status_2(repository, data_root):
    code = ('import runpy, sys\n'
            'try:\n    runpy.run_path(sys.argv[0], run_name="__main__")\n'
            'finally:\n    print("torch" in sys.modules)\n')
    run = [sys.executable, '-c', code.replace('sys.argv[0]', repr(str(repository / 'tools' / 'annotate.py')))]
    done = subprocess.run([*run, str(data_root), '--provider', 'quadrant'], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == 'False'
    wrong = subprocess.run([*run, str(data_root), '--provider', 'quadrnt'], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and wrong.stderr.startswith('error: ') and 'Traceback' not in wrong.stderr


def test_real_masks_are_described_without_exception(tool, real_data, tmp_path):
    root = real_data('NUAA-SIRST')
    assert tool.main([str(root), '--provider', 'mask_caption', '--split', 'val', '--out', str(tmp_path)]) == 0
    sentences = [path.read_text() for path in tmp_path.glob('*.txt')]
    assert len(sentences) == 85 and max(len(sentence.split()) for sentence in sentences) <= 50
