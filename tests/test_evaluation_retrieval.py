"""RetrievalRecall: recall at k against counting by hand and by a loop, ties, equal sentences and chance."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmseg.structures import SegDataSample

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.evaluation.retrieval import RetrievalRecall, retrieval_recall
from irstd_toolbox.registry import METRICS


def drawn(images: int = 40, kinds: int = 7, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Embeddings in which each image lies near its sentence, more or less."""
    rng = np.random.default_rng(seed)
    sentences = [f'sentence {i}' for i in rng.integers(0, kinds, images)]
    by_sentence = {sentence: rng.normal(size=6) for sentence in sorted(set(sentences))}
    texts = np.stack([by_sentence[sentence] for sentence in sentences])
    return texts + rng.normal(size=texts.shape), texts, sentences


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def sample(image: np.ndarray, text: np.ndarray | None, sentence: str | None, image_id: str = 'a') -> SegDataSample:
    made = SegDataSample(metainfo=dict(image_id=image_id, description=sentence))
    made.image_embedding = torch.tensor(image, dtype=torch.float32)
    if text is not None:
        made.text_embedding = torch.tensor(text, dtype=torch.float32)
    return made


def evaluate(samples: list[SegDataSample], **arguments) -> dict[str, float]:
    evaluator = Evaluator([RetrievalRecall(**arguments)])
    evaluator.process(samples, {})
    return evaluator.evaluate(len(samples))


def test_four_images_and_three_sentences_by_hand():
    images = np.array([[1, 0, 0], [0.9, 1, 0], [0, 1, 0], [0, 0.1, 1]], float)
    texts = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    found = retrieval_recall(images, texts, ['a', 'a', 'b', 'c'], ks=(1, 2))
    # The second image lies nearer to b than to its a; every sentence's nearest image is one of its own.
    assert found['image_to_text_R1'] == 0.75 and found['image_to_text_R2'] == 1.0
    assert found['text_to_image_R1'] == 1.0
    assert found['mean_recall'] == pytest.approx((0.75 + 1 + 1 + 1) / 4)
    assert (found['images'], found['sentences']) == (4, 3)


@pytest.mark.parametrize('k', [1, 3, 5])
def test_a_loop_over_sorted_candidates_counts_the_same(k):
    images, texts, sentences = drawn()
    kinds = list(dict.fromkeys(sentences))
    vector = {kind: texts[sentences.index(kind)] for kind in kinds}
    to_text = np.mean([sentence in sorted(kinds, key=lambda kind: -cosine(image, vector[kind]))[:k]
                       for image, sentence in zip(images, sentences, strict=True)])
    to_image = np.mean([kind in [sentences[i] for i in sorted(
        range(len(images)), key=lambda i: -cosine(images[i], vector[kind]))[:k]] for kind in kinds])
    found = retrieval_recall(images, texts, sentences, ks=(k,))
    assert found[f'image_to_text_R{k}'] == pytest.approx(to_text) and 0 < to_text < 1
    assert found[f'text_to_image_R{k}'] == pytest.approx(to_image)


def test_chance_is_what_random_embeddings_reach():
    rng = np.random.default_rng(1)
    sentences = ['a'] * 3 + ['b'] * 5 + ['c'] * 12
    runs = []
    for _ in range(400):
        texts = rng.normal(size=(3, 8))[[0] * 3 + [1] * 5 + [2] * 12]
        runs.append(retrieval_recall(rng.normal(size=(20, 8)), texts, sentences, ks=(2, 4)))
    for name in ('image_to_text_R2', 'text_to_image_R2', 'text_to_image_R4'):
        chance = runs[0][name.replace('_R', '_chance_R')]
        assert np.mean([run[name] for run in runs]) == pytest.approx(chance, abs=0.03)
    assert runs[0]['image_to_text_chance_R2'] == pytest.approx(2 / 3)
    assert runs[0]['text_to_image_chance_R2'] == pytest.approx(
        1 - (17 * 16 + 15 * 14 + 8 * 7) / (3 * 20 * 19))


def test_more_than_there_are_hold_the_right_one_by_chance_too():
    found = retrieval_recall(np.eye(3), np.eye(3), ['a', 'b', 'c'], ks=(2, 3, 10))
    ways = ('image_to_text', 'text_to_image')
    assert [found[f'{way}_chance_R{k}'] for way in ways for k in (2, 3, 10)] == pytest.approx([2 / 3, 1, 1] * 2)


def test_collapsed_embeddings_find_nothing():
    found = retrieval_recall(np.ones((6, 4)), np.ones((6, 4)), list('abcdef'), ks=(1, 5))
    assert found['mean_recall'] == 0


def test_embeddings_that_are_not_finite_find_nothing():
    found = retrieval_recall(np.full((3, 4), np.nan), np.eye(4)[:3], list('abc'), ks=(1,))
    assert found['mean_recall'] == 0


def test_one_sentence_in_two_spacings_is_one():
    images = np.eye(3)
    found = retrieval_recall(images, images[[0, 0, 2]], ['on the left', ' on  the left', 'right'], ks=(1,))
    assert found['sentences'] == 2


def test_length_does_not_count():
    images, texts, sentences = drawn()
    scaled = images * np.random.default_rng(2).uniform(0.1, 10, (len(images), 1))
    assert retrieval_recall(scaled, 3 * texts, sentences) == retrieval_recall(images, texts, sentences)


def test_the_metric_logs_the_functions_figures_under_its_prefix():
    images, texts, sentences = drawn()
    logged = evaluate([sample(*entry) for entry in zip(images, texts, sentences, strict=True)])
    expected = retrieval_recall(images.astype(np.float32), texts.astype(np.float32), sentences)
    assert logged == {f'clip/{key}': value for key, value in expected.items()}
    assert {'clip/image_to_text_R10', 'clip/text_to_image_chance_R5'} <= set(logged)


def test_an_image_without_a_description_is_no_candidate():
    images, texts, sentences = drawn(12)
    samples = [sample(*entry) for entry in zip(images, texts, sentences, strict=True)]
    logged = evaluate([*samples[:6], sample(texts[0], None, None), *samples[6:]])
    assert logged == evaluate(samples)


def test_a_split_without_descriptions_is_an_error():
    with pytest.raises(DataError, match='None of the 2 images has a description.*tools/annotate.py'):
        evaluate([sample(np.ones(3), None, None)] * 2)


def test_a_sample_of_another_model_is_an_error_that_names_it():
    with pytest.raises(DataError, match='scene_7: there is no image_embedding.*ContrastiveCLIP'):
        RetrievalRecall().process(None, [dict(image_id='scene_7')])


@pytest.mark.parametrize('ks', [(), (0,), (1, 2.5)], ids=str)
def test_numbers_that_are_none_are_refused(ks):
    with pytest.raises(ConfigError, match='integers above 0'):
        METRICS.build(dict(type='RetrievalRecall', ks=ks))
