"""How well scenes and descriptions find each other by their embeddings."""

from collections.abc import Sequence
from math import comb

import numpy as np
from mmengine.evaluator import BaseMetric

from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.registry import METRICS

__all__ = ['RetrievalRecall', 'retrieval_recall']


@METRICS.register_module()
class RetrievalRecall(BaseMetric):
    """Recall at k of descriptions by scenes and of scenes by descriptions, over the whole split.

    Logs, as fractions, ``clip/image_to_text_R1`` and ``clip/text_to_image_R1`` and so on, beside each what a random
    order gives (``clip/image_to_text_chance_R1``); ``clip/mean_recall``, the mean of the recalls, to select by; and
    how many ``clip/images`` and different ``clip/sentences`` there were. See :func:`retrieval_recall`.

    Args:
        ks: The numbers k.
        prefix: Replaces ``clip`` in the logged names.

    Raises:
        ConfigError: If ``ks`` is empty or holds anything but positive integers.
    """

    default_prefix = 'clip'

    def __init__(self, ks: Sequence[int] = (1, 5, 10), prefix: str | None = None) -> None:
        super().__init__(collect_device='gpu', prefix=prefix)  # by messages, on any device; 'cpu' is by files
        if not ks or not all(type(k) is int and k > 0 for k in ks):
            raise ConfigError(f'RetrievalRecall(ks={ks!r}): one or more integers above 0 are expected.')
        self.ks = tuple(ks)

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Note a batch's embeddings.

        Args:
            data_batch: Not used.
            data_samples: Samples with ``image_embedding`` and, if they have a description, ``text_embedding``.

        Shape:
            - image_embedding, text_embedding: ``(D,)``

        Raises:
            DataError: If a sample has no image embedding.
        """
        for sample in data_samples:
            if 'image_embedding' not in sample:
                raise DataError(f'{sample["image_id"]}: there is no image_embedding to search with; expected what '
                                'ContrastiveCLIP predicts.')
            entry = (None, None, None)  # for every sample has one: the engine cuts the list to the size of the data set
            if 'text_embedding' in sample:
                image, text = (sample[key].float().cpu().numpy() for key in ('image_embedding', 'text_embedding'))
                entry = (sample['description'], image, text)
            self.results.append(entry)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """The logged values.

        Args:
            results: Sentence or None and embeddings of each sample, from all processes.

        Raises:
            DataError: If no sample has a description.
        """
        pairs = [result for result in results if result[0] is not None]
        if not pairs:
            raise DataError(f'None of the {len(results)} images has a description, so there is nothing to retrieve. '
                            'Write descriptions with tools/annotate.py, or give the data set description_dir.')
        sentences, images, texts = zip(*pairs, strict=True)
        return retrieval_recall(np.stack(images), np.stack(texts), sentences, self.ks)


def retrieval_recall(images: np.ndarray, texts: np.ndarray, sentences: Sequence[str],
                     ks: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
    r"""Recall at k in both directions, by the cosine of embeddings.

    Each different sentence is one candidate and one query, however many images have it. From image to text the one
    right candidate is the image's own sentence; from text to image every image with that sentence is right, and one
    among the first k suffices. With S sentences and N images, of which m have the query, a random order gives

    .. math:: \min(k / S, 1) \quad \text{and} \quad 1 - \binom{N - m}{k} \Big/ \binom{N}{k}

    Args:
        images: Embeddings of the scenes.
        texts: Embeddings of their sentences; of equal sentences the first counts.
        sentences: The sentences; white space at the ends and its amount do not tell two apart.
        ks: The numbers k.

    Shape:
        - images, texts: ``(N, D)``

    Note:
        Ties count against: a wrong candidate as near as the right one comes before it, so that embeddings which have
        collapsed into one point find nothing. So does a candidate whose similarity is nan.

    Example:
        >>> found = retrieval_recall(np.eye(2), np.eye(2)[::-1], ['left', 'right'], ks=(1, 2))
        >>> found['image_to_text_R1'], found['image_to_text_R2'], found['image_to_text_chance_R1']
        (0.0, 1.0, 0.5)
    """
    kinds: dict[str, int] = {}
    own = np.array([kinds.setdefault(' '.join(sentence.split()), len(kinds)) for sentence in sentences])
    first = np.unique(own, return_index=True)[1]
    similarity = _unit(images) @ _unit(texts)[first].T
    right = own[:, None] == np.arange(len(kinds))
    ranks = {'image_to_text': _wrong_before(similarity, right), 'text_to_image': _wrong_before(similarity.T, right.T)}
    shares = np.bincount(own)
    recalls, chances = {}, {}
    for name, wrong in ranks.items():
        for k in ks:
            recalls[f'{name}_R{k}'] = float(np.mean(wrong < k))
            by_chance = min(k / len(kinds), 1.0) if name == 'image_to_text' else np.mean(
                [1 - comb(len(own) - int(share), k) / comb(len(own), k) if k < len(own) else 1.0 for share in shares])
            chances[f'{name}_chance_R{k}'] = float(by_chance)
    return {**recalls, **chances, 'mean_recall': float(np.mean(list(recalls.values()))), 'images': len(own),
            'sentences': len(kinds)}


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _wrong_before(similarity: np.ndarray, right: np.ndarray) -> np.ndarray:
    """For each row, how many wrong candidates are not below the best right one."""
    best = np.where(right, similarity, -np.inf).max(axis=1, keepdims=True)
    return (~right & ~(similarity < best)).sum(axis=1)
