"""Sentences on the wrong images, as a control: a derangement, and sentences that are false wherever a target may be."""

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from irstd_toolbox.datasets.dataset import IRSTDDataset
from irstd_toolbox.datasets.text_controls import misassign
from irstd_toolbox.datasets.transforms import LoadImage, RandomFlip
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.text_priors import Scene, build_provider, find_targets, transform_sentence
from irstd_toolbox.text_priors.agreement import agrees
from irstd_toolbox.text_priors.mask_caption import region_of
from irstd_toolbox.text_priors.quadrant import quadrant_of
from irstd_toolbox.text_priors.regions import read_description_text, read_regions

TURNS = dict(hflip=np.fliplr, vflip=np.flipud, rot90=np.rot90)
SIDE = 90
PLACES = [(row, col) for row in range(2, SIDE, 12) for col in range(2, SIDE, 12)]  # all cells of a 3x3 grid


def mask_at(*places: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for row, col in places:
        mask[row, col] = 1
    return mask


def told(provider: str, masks: dict[str, np.ndarray]) -> dict[str, str]:
    writer = build_provider(provider)
    return {name: writer.describe(Scene(100 + 90 * mask.astype(np.float32), mask, name))
            for name, mask in masks.items()}


@pytest.fixture(scope='module')
def masks() -> dict[str, np.ndarray]:
    """One target in turn at every place, and two and three targets."""
    made = {f'one_{row}_{col}': mask_at((row, col)) for row, col in PLACES}
    made |= {f'two_{row}': mask_at((row, 5), (row, 60)) for row in (5, 40, 80)}
    return made | {'three': mask_at((5, 5), (5, 80), (10, 40)), 'none': mask_at()}


@pytest.mark.parametrize('count', [2, 3, 10, 101])
@pytest.mark.parametrize('seed', range(5))
def test_shuffling_gives_every_image_the_sentence_of_another_and_uses_each_once(count: int, seed: int) -> None:
    own = {f'XDU{i}': f'Sentence {i}.' for i in range(count)}
    moved = misassign(own, 'shuffled', None, seed)
    assert sorted(moved) == sorted(own) and sorted(moved.values()) == sorted(own.values())
    assert [name for name in own if moved[name] == own[name]] == []


def test_shuffling_depends_on_the_seed_and_not_on_the_order_of_the_images() -> None:
    own = {f'XDU{i}': f'Sentence {i}.' for i in range(20)}
    moved = misassign(own, 'shuffled', None, 3)
    assert misassign(dict(reversed(own.items())), 'shuffled', None, 3) == moved
    assert misassign(own, 'shuffled', None, 4) != moved


@pytest.mark.parametrize('provider', ['quadrant', 'mask_caption'])
@pytest.mark.parametrize('seed', [0, 1])
def test_a_wrong_sentence_names_no_place_that_holds_a_target(provider: str, seed: int, masks: dict) -> None:
    moved = misassign(told(provider, masks), 'wrong', masks.get, seed)
    assert len(moved) > len(PLACES)
    for name, sentence in moved.items():
        targets, shape = find_targets(masks[name]), masks[name].shape
        true = {region_of(target, shape) for target in targets}
        true |= {quadrant_of(target.rows, target.cols, shape) for target in targets}
        named = {str(region) for region in read_regions(sentence)}
        assert named and not named & true, (name, sentence)
        assert agrees(read_description_text(sentence), targets, shape, slack=0.0) == 'disagree', (name, sentence)


def test_a_sentence_that_is_wrong_with_slack_goes_before_one_that_is_barely_wrong() -> None:
    masks = {'a': mask_at((5, 40)), 'b': mask_at((5, 50)), 'c': mask_at((80, 50)), 'd': mask_at((80, 5))}
    texts = dict(a='In the upper-left quadrant.', b='In the upper-right quadrant.', c='In the lower-right quadrant.',
                 d='At the bottom.')
    for seed in range(8):
        assert misassign(texts, 'wrong', masks.get, seed)['a'] == 'At the bottom.'


@pytest.mark.parametrize('op', TURNS)
def test_a_wrong_sentence_stays_wrong_when_the_image_is_turned(op: str, masks: dict) -> None:
    for name, sentence in misassign(told('quadrant', masks), 'wrong', masks.get).items():
        turned = TURNS[op](masks[name])
        reading = read_description_text(transform_sentence(sentence, op))
        assert agrees(reading, find_targets(turned), turned.shape, slack=0.0) == 'disagree'


def test_an_image_of_which_no_sentence_is_false_gets_none() -> None:
    everywhere = mask_at((5, 5), (5, 80), (80, 5), (80, 80))
    texts = dict(a='On the left.', b='On the right.')
    assert misassign(texts, 'wrong', dict(a=everywhere, b=mask_at((5, 80))).get) == dict(b='On the left.')


@pytest.mark.parametrize(('texts', 'control', 'error', 'message'), [
    (dict(a='Left.', b='Right.'), 'inverted', ConfigError, "text_control='inverted'; expected one of shuffled, wrong"),
    (dict(a='Left.'), 'shuffled', DataError, 'and 1 of them has one; expected two or more'),
    (dict(a='Left.', b='Right.'), 'wrong', DataError, "has no mask; text_control='wrong' needs one"),
])
def test_what_cannot_be_misassigned_is_an_error(texts: dict, control: str, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        misassign(texts, control, lambda _: None)


def test_sentences_without_places_cannot_be_wrong() -> None:
    with pytest.raises(DataError, match='of 2 sentences none is false of any image'):
        misassign(dict(a='A small target.', b='A target.'), 'wrong', lambda _: mask_at((3, 3)))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four images with a target in a corner each and one without a sentence."""
    monkeypatch.setattr('mmengine.dataset.base_dataset.gc', SimpleNamespace(collect=int))
    corners = dict(XDU0=(5, 5), XDU1=(5, 80), XDU2=(80, 5), XDU3=(80, 80), XDU4=(40, 40))
    for folder in ('images', 'masks', 'descriptions'):
        (tmp_path / folder).mkdir()
    for name, corner in corners.items():
        for folder in ('images', 'masks'):
            Image.fromarray(255 * mask_at(corner)).save(tmp_path / folder / f'{name}.png')
        if name != 'XDU4':
            text = told('quadrant', {name: mask_at(corner)})[name]
            (tmp_path / f'descriptions/{name}.description.txt').write_text(text)
    (tmp_path / 'trainval.txt').write_text('\n'.join(corners))
    (tmp_path / 'test.txt').write_text('XDU0\nXDU1')
    return tmp_path


@pytest.fixture
def sentences(root: Path) -> Callable[..., dict[str, str | None]]:
    def read(**options: object) -> dict[str, str | None]:
        dataset = IRSTDDataset(str(root), **options)
        return {sample['image_id']: sample['description'] for sample in dataset}
    return read


def test_the_data_set_shuffles_its_sentences_and_leaves_images_without_one_alone(sentences: Callable) -> None:
    own, moved = sentences(), sentences(text_control='shuffled')
    assert sorted(filter(None, own.values())) == sorted(filter(None, moved.values()))
    assert moved['XDU4'] is None and all(moved[name] != own[name] for name in own if name != 'XDU4')


def test_the_data_set_gives_wrong_sentences_by_its_masks(sentences: Callable) -> None:
    moved = sentences(text_control='wrong')
    assert moved['XDU0'] == 'The small target lies in the lower-right quadrant of the infrared image.'
    assert moved['XDU1'] == 'The small target lies in the lower-left quadrant of the infrared image.'


def test_the_seed_of_the_data_set_is_that_of_the_control(sentences: Callable) -> None:
    assert len({tuple(sentences(text_control='shuffled', seed=seed).values()) for seed in range(6)}) > 1


def test_the_sentences_stay_within_the_part_that_is_trained_on(sentences: Callable) -> None:
    own = sentences(holdout=0.4)
    assert sorted(filter(None, sentences(holdout=0.4, text_control='shuffled').values())) == sorted(
        filter(None, own.values()))


def test_a_flip_turns_the_sentence_that_the_image_was_given(root: Path, sentences: Callable) -> None:
    given = sentences(text_control='shuffled')['XDU1']
    flipped = IRSTDDataset(str(root), text_control='shuffled', pipeline=[LoadImage(), RandomFlip(horizontal=1.0)])[1]
    assert flipped['description'] == transform_sentence(given, 'hflip') != given


def test_the_log_says_that_sentences_are_those_of_others(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged = []
    monkeypatch.setattr('irstd_toolbox.datasets.dataset.print_log',
                        lambda text, logger, level=logging.INFO: logged.append((level, text)))
    IRSTDDataset(str(root), text_control='shuffled')
    assert [text for level, text in logged if level == logging.WARNING and 'text_control' in text] == [
        "IRSTD-1k: text_control='shuffled': 4 of 4 images get the description of another, the others none"]
