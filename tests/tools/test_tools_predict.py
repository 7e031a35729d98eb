"""tools/predict.py and the predictor behind it: any image in, masks, targets and overlays out."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch

from irstd_toolbox.errors import CheckpointError, ConfigError, DataError
from irstd_toolbox.inference import Predictor, Target, find_targets

Tool = Callable[[str], ModuleType]


@pytest.fixture(scope='module')
def predictor(trained: Path) -> Predictor:
    return Predictor(trained.parent / 'tiny.py', trained / 'best.pth', 'cpu')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images of different size and depth, a text file and a damaged image."""
    rng = np.random.default_rng(0)
    path = tmp_path / 'images'
    path.mkdir()
    cv2.imwrite(str(path / 'b_grey.png'), rng.integers(0, 255, (20, 30)).astype(np.uint8))
    cv2.imwrite(str(path / 'a_deep.png'), rng.integers(0, 65535, (17, 9)).astype(np.uint16))
    cv2.imwrite(str(path / 'c_colour.bmp'), rng.integers(0, 255, (8, 8, 3)).astype(np.uint8))
    (path / 'notes.txt').write_text('none')
    return path


def _predict(load_tool: Tool, trained: Path, source: Path, out: Path, *arguments: str) -> int:
    return load_tool('predict').main([str(trained.parent / 'tiny.py'), str(trained / 'best.pth'), str(source), '--out',
                                      str(out), *arguments])


def test_channels_last_lays_out_the_weights_and_predicts_the_same(trained: Path, predictor: Predictor) -> None:
    laid_out = Predictor(trained.parent / 'tiny.py', trained / 'best.pth', 'cpu', ['channels_last=True'])
    weights = [next(w for w in one.neck.parameters() if w.ndim == 4 and w.shape[1] > 1 and w.shape[2] > 1)
               for one in (laid_out.model, predictor.model)]
    assert [w.is_contiguous(memory_format=torch.channels_last) for w in weights] == [True, False]
    image = np.random.default_rng(0).integers(0, 255, (20, 30)).astype(np.uint8)
    assert np.abs(laid_out.predict(image).probability - predictor.predict(image).probability).max() < 1e-4


def test_mixed_precision_rounds_and_nothing_more(trained: Path, predictor: Predictor) -> None:
    rounded = Predictor(trained.parent / 'tiny.py', trained / 'best.pth', 'cpu', amp='bf16')
    image = np.random.default_rng(0).integers(0, 255, (20, 30)).astype(np.uint8)
    assert 0 < np.abs(rounded.predict(image).probability - predictor.predict(image).probability).max() < 0.05


def test_targets_are_regions_with_centroid_box_area_and_score() -> None:
    mask = np.zeros((5, 6), bool)
    mask[0, 0] = mask[3, 2] = mask[3, 3] = mask[4, 4] = True
    probability = np.zeros((5, 6))
    probability[0, 0], probability[3, 3], probability[4, 4] = 0.6, 0.9, 0.7
    assert find_targets(mask, probability) == [
        Target(centroid=(0.0, 0.0), box=(0, 0, 1, 1), area=1, score=0.6),
        Target(centroid=(3.0, 10 / 3), box=(2, 3, 5, 5), area=3, score=0.9)]


def test_no_target_is_an_empty_list() -> None:
    assert find_targets(np.zeros((2, 2), bool), np.zeros((2, 2))) == []


@pytest.mark.parametrize('shape', [(1, 1), (1, 7), (31, 41), (64, 48)])
def test_any_size_is_predicted_at_its_own_size(predictor: Predictor, shape: tuple[int, int]) -> None:
    found = predictor.predict(np.full(shape, 9, np.uint8))
    assert found.probability.shape == found.mask.shape == found.image.shape == shape
    assert found.probability.dtype == np.float32
    assert np.array_equal(found.mask, found.probability > 0.5)


def test_an_array_and_its_file_give_the_same(predictor: Predictor, folder: Path) -> None:
    pixels = cv2.imread(str(folder / 'a_deep.png'), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(predictor.predict(pixels).probability, predictor.predict(folder / 'a_deep.png').probability)


def test_the_predictor_sees_what_the_test_pipeline_sees(predictor: Predictor, trained: Path, load_tool: Tool,
                                                        tmp_path: Path) -> None:
    load_tool('test').main([str(trained.parent / 'tiny.py'), str(trained / 'best.pth'), '--out', str(tmp_path)])
    codes = cv2.imread(str(tmp_path / 'predictions' / 'scene_9.png'), cv2.IMREAD_UNCHANGED)
    found = predictor.predict(trained.parent / 'data' / 'images' / 'scene_9.png')
    np.testing.assert_allclose(found.probability, codes / 65535, rtol=0, atol=1.01 / 65535)  # one step of the file


def test_windows_larger_than_the_image_change_nothing(trained: Path, predictor: Predictor) -> None:
    image = np.random.default_rng(0).integers(0, 255, (20, 30)).astype(np.uint8)
    large, small = (Predictor(trained.parent / 'tiny.py', trained / 'best.pth', 'cpu', [f'model.windows.size={size}'])
                    for size in (64, 8))
    expected = predictor.predict(image).probability
    assert np.abs(large.predict(image).probability - expected).max() < 1e-4
    assert np.abs(small.predict(image).probability - expected).max() > 1e-3


def test_a_lower_threshold_finds_more(predictor: Predictor, folder: Path) -> None:
    assert predictor.predict(folder / 'b_grey.png', threshold=0.0).mask.all()


def test_a_threshold_of_the_model_and_one_of_the_call_do_not_add_up(
        trained: Path, predictor: Predictor, folder: Path, load_tool: Tool, tmp_path: Path) -> None:
    plain = predictor.predict(folder / 'b_grey.png')
    middle = float(np.quantile(plain.probability, 0.75))
    own = Predictor(trained.parent / 'tiny.py', trained / 'best.pth', 'cpu', [f'model.threshold={middle}'])
    assert (predictor.threshold, own.threshold) == (0.5, middle)
    found = own.predict(folder / 'b_grey.png')
    assert np.abs(found.probability - plain.probability).max() < 1e-4 and 0.2 < found.mask.mean() < 0.3
    assert np.array_equal(own.predict(folder / 'b_grey.png', middle / 2).mask, found.probability > middle / 2)
    options = ['--cfg-options', f'model.threshold={middle}']
    assert _predict(load_tool, trained, folder / 'b_grey.png', tmp_path, *options) == 0
    assert json.loads((tmp_path / 'targets.json').read_text())['threshold'] == middle


@pytest.mark.parametrize('threshold', [-0.1, 1.0])
def test_a_threshold_that_decides_nothing_is_refused(predictor: Predictor, folder: Path, threshold: float) -> None:
    with pytest.raises(ConfigError, match=r'0 <= T < 1 is expected'):
        predictor.predict(folder / 'b_grey.png', threshold=threshold)


@pytest.mark.parametrize('shape', [(0, 3), (2, 2, 5), (3,)])
def test_an_array_that_is_no_image_is_refused(predictor: Predictor, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match='shape'):
        predictor.predict(np.zeros(shape, np.uint8))


def test_a_folder_gives_masks_overlays_and_one_list_of_targets(load_tool: Tool, trained: Path, folder: Path,
                                                               tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / 'out'
    assert _predict(load_tool, trained, folder, out, '--threshold', '0') == 0
    document = json.loads((out / 'targets.json').read_text())
    assert [(image['image'], image['width'], image['height']) for image in document['images']] == [
        ('a_deep.png', 9, 17), ('b_grey.png', 30, 20), ('c_colour.bmp', 8, 8)]
    assert document['images'][0]['targets'] == [
        dict(centroid=[4.0, 8.0], box=[0, 0, 9, 17], area=153, score=document['images'][0]['targets'][0]['score'])]
    first, *others = csv.DictReader((out / 'targets.csv').open())
    assert len(others) + 1 == sum(len(image['targets']) for image in document['images'])
    assert first == dict(image='a_deep.png', number='1', x='4.0', y='8.0', left='0', top='0', right='9', bottom='17',
                         area='153', score=str(document['images'][0]['targets'][0]['score']))
    assert (document['ignored'], document['errors'], document['threshold']) == (1, [], 0.0)
    assert np.all(cv2.imread(str(out / 'masks' / 'a_deep.png'), cv2.IMREAD_UNCHANGED) == 255)
    assert cv2.imread(str(out / 'overlays' / 'c_colour.png')).shape == (8, 8, 3)
    assert '1 files of' in capsys.readouterr().out


def test_an_unreadable_image_is_listed_and_the_others_are_written(load_tool: Tool, trained: Path, folder: Path,
                                                                  tmp_path: Path,
                                                                  capsys: pytest.CaptureFixture) -> None:
    (folder / 'a_broken.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    assert _predict(load_tool, trained, folder, tmp_path / 'out') == 3
    document = json.loads((tmp_path / 'out' / 'targets.json').read_text())
    assert [error['image'] for error in document['errors']] == ['a_broken.png']
    assert len(document['images']) == 3
    assert 'error: ' in capsys.readouterr().err


def test_a_link_to_nothing_and_a_name_too_long_for_results_are_listed(
        load_tool: Tool, trained: Path, folder: Path, tmp_path: Path) -> None:
    (folder / 'gone.png').symlink_to(tmp_path / 'nowhere.png')
    (folder / f'{"n" * 245}.png').write_bytes((folder / 'b_grey.png').read_bytes())
    assert _predict(load_tool, trained, folder, tmp_path / 'out') == 3
    found = json.loads((tmp_path / 'out' / 'targets.json').read_text())
    assert len(found['images']) == len(list((tmp_path / 'out' / 'masks').iterdir())) == 3
    gone, long = found['errors']
    assert 'gone.png: no such file' in gone['error'] and 'its name, 249 bytes, is too long' in long['error']


def test_one_image_is_enough(load_tool: Tool, trained: Path, folder: Path, tmp_path: Path) -> None:
    assert _predict(load_tool, trained, folder / 'b_grey.png', tmp_path / 'out') == 0
    assert [path.name for path in (tmp_path / 'out' / 'masks').iterdir()] == ['b_grey.png']


def test_a_list_chooses_among_a_folders_images(load_tool: Tool, folder: Path, tmp_path: Path) -> None:
    (tmp_path / 'list.txt').write_text('c_colour\r\na_deep.png\n\n')
    paths, ignored = load_tool('predict').list_images(folder, tmp_path / 'list.txt')
    assert ([path.name for path in paths], ignored) == (['a_deep.png', 'c_colour.bmp'], 1)


def test_a_list_is_read_as_the_lists_of_data_sets_are(load_tool: Tool, folder: Path, tmp_path: Path) -> None:
    (tmp_path / 'list.txt').write_bytes(b'\xef\xbb\xbfimages/c_colour.bmp\n/a_deep\n')
    paths, _ = load_tool('predict').list_images(folder, tmp_path / 'list.txt')
    assert [path.name for path in paths] == ['a_deep.png', 'c_colour.bmp']
    (tmp_path / 'list.txt').write_text('\n')
    with pytest.raises(DataError, match='the split list is empty'):
        load_tool('predict').list_images(folder, tmp_path / 'list.txt')


def test_a_list_that_names_a_missing_image_is_refused(load_tool: Tool, folder: Path, tmp_path: Path) -> None:
    (tmp_path / 'list.txt').write_text('a_deep\nx\ny\n')
    with pytest.raises(DataError, match=r'has no image x and 1 others of the list'):
        load_tool('predict').list_images(folder, tmp_path / 'list.txt')


def test_images_of_one_stem_keep_their_whole_names(load_tool: Tool) -> None:
    paths = [Path('a.png'), Path('a.bmp'), Path('b.png')]
    assert list(load_tool('predict').unique_names(paths).values()) == ['a.png', 'a.bmp', 'b']


def test_no_two_images_share_a_name(load_tool: Tool) -> None:
    paths = [Path('s.jpg'), Path('s.png'), Path('s.png.png'), Path('t.bmp.png')]
    assert list(load_tool('predict').unique_names(paths).values()) == ['s.jpg', 's.png', 's.png.png', 't.bmp']


def test_a_run_takes_the_place_of_the_one_before(
        load_tool: Tool, trained: Path, predictor: Predictor, folder: Path, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('irstd_toolbox.inference.Predictor', lambda *_, **__: predictor)
    out = tmp_path / 'out'
    assert _predict(load_tool, trained, folder, out) == 0
    (out / 'notes.txt').write_text('mine')
    before = _content(out)
    predict, calls = Predictor.predict, []

    def interrupted(*args: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return predict(*args)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Predictor, 'predict', interrupted)
        _predict(load_tool, trained, folder, out, '--threshold', '0')
    assert _content(out) == before
    assert _predict(load_tool, trained, folder / 'b_grey.png', out) == 0
    assert sorted(_content(out)) == [
        'masks/b_grey.png', 'notes.txt', 'overlays/b_grey.png', 'targets.csv', 'targets.json']


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


@pytest.mark.parametrize('record', [None, '[]', '{"images": []}', 'no JSON'])
def test_masks_that_are_not_of_a_run_before_are_not_replaced(load_tool: Tool, folder: Path, record: str | None) -> None:
    (folder / 'masks').mkdir()
    (folder / 'masks' / 'a.png').write_bytes(b'')
    if record is not None:
        (folder / 'targets.json').write_text(record)
    with pytest.raises(ConfigError, match='holds masks/, but no targets.json of a run before'):
        load_tool('predict').main(['any.py', 'none', str(folder), '--out', str(folder)])


def test_a_list_needs_a_folder(load_tool: Tool, folder: Path) -> None:
    with pytest.raises(ConfigError, match='--split list.txt chooses among the images of a folder'):
        load_tool('predict').list_images(folder / 'b_grey.png', Path('list.txt'))
    with pytest.raises(ConfigError, match='--recursive is for the images of a folder, and .*b_grey.png is a file'):
        load_tool('predict').list_images(folder / 'b_grey.png', None, recursive=True)


def test_hidden_files_are_no_images_and_folders_are_not_entered(load_tool: Tool, folder: Path, tmp_path: Path) -> None:
    tool, before = load_tool('predict'), load_tool('predict').list_images(folder, None)
    (folder / '._a_deep.png').write_bytes(b'\x00\x05\x16\x07')
    (folder / '.thumbnails').mkdir()
    assert (tool.list_images(folder, None), tool.folders_in(folder)) == (before, 0)
    (folder / 'more').mkdir()
    assert (tool.list_images(folder, None), tool.folders_in(folder)) == (before, 1)
    (tmp_path / 'above' / 'images').mkdir(parents=True)
    with pytest.raises(DataError, match='1 folders in it were not entered: --recursive does'):
        tool.list_images(tmp_path / 'above', None)


def test_the_best_checkpoint_of_the_work_folder_may_be_meant(
        load_tool: Tool, trained: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (folder / 'more').mkdir()
    assert load_tool('predict').main([
        str(trained.parent / 'tiny.py'), 'best', str(folder), '--out', str(tmp_path / 'out'), '--cfg-options',
        f'work_dir={trained}']) == 0
    assert Path(json.loads((tmp_path / 'out' / 'targets.json').read_text())['checkpoint']['path']).parent == trained
    assert f'1 folders in {folder} were not entered' in capsys.readouterr().out


@pytest.mark.parametrize('source, match', [('missing', 'does not exist'), ('empty', 'holds no image')])
def test_nothing_to_predict_is_an_error(load_tool: Tool, trained: Path, tmp_path: Path, source: str,
                                        match: str) -> None:
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match=match):
        _predict(load_tool, trained, tmp_path / source, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_file_in_the_place_of_the_folder_is_refused_before_anything_is_read(load_tool: Tool, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigError, match='file is a file. Name another folder'):
        load_tool('predict').main(['any.py', 'none', 'nowhere', '--out', str(tmp_path / 'file' / 'below')])


def test_no_weights_is_an_error_where_the_model_has_some(trained: Path) -> None:
    with pytest.raises(CheckpointError, match='has weights, so a CHECKPOINT is needed'):
        Predictor(trained.parent / 'tiny.py')


def test_a_pipeline_that_does_not_begin_with_loading_is_refused(trained: Path) -> None:
    with pytest.raises(ConfigError, match='has to begin with LoadImage'):
        Predictor(trained.parent / 'tiny.py', trained / 'best.pth', options=[
            "test_dataloader.dataset.pipeline=[]"])
