"""The perceptual hash, the cosine and the comparison of all with all."""

import cv2
import numpy as np
import pytest

from irstd_toolbox.diagnosis import duplicates
from irstd_toolbox.diagnosis.duplicates import Fingerprint, equal_pairs, fingerprint, near_pairs


@pytest.fixture
def scenes():
    """Twelve scenes of 60x80 with structure at the scale that a hash sees."""
    rng = np.random.default_rng(5)
    return [cv2.resize(rng.uniform(20, 200, (12, 16)).astype(np.float32), (80, 60)) for _ in range(12)]


def places(first, second, **options):
    return [(pair.first, pair.second) for pair in near_pairs(
        [fingerprint(one) for one in first], [fingerprint(one) for one in second], **options)]


@pytest.mark.parametrize('change', [
    lambda image: image * 0.8 + 12, lambda image: cv2.resize(image, (130, 90)),
    lambda image: image + np.random.default_rng(1).normal(0, 1, image.shape).astype(np.float32)],
    ids=['gain and offset', 'another size', 'noise'])
def test_a_scene_is_near_to_its_changed_self_and_to_no_other(scenes, change):
    assert places(scenes, [change(image) for image in scenes]) == [(n, n) for n in range(12)]


def test_a_mirrored_scene_is_another(scenes):
    assert places(scenes, [image[:, ::-1].copy() for image in scenes]) == []


def test_equal_images_are_equal_and_not_near(scenes):
    prints = [fingerprint(one) for one in scenes]
    again = [fingerprint(scenes[3].copy()), fingerprint(scenes[3] + 1)]
    assert equal_pairs(prints, again) == [(3, 0)]
    assert [(pair.first, pair.second) for pair in near_pairs(prints, again)] == [(3, 1)]


def test_equal_levels_in_another_shape_are_not_equal():
    flat, tall = (np.arange(12, dtype=np.float32).reshape(shape) for shape in ((3, 4), (4, 3)))
    assert equal_pairs([fingerprint(flat)], [fingerprint(tall)]) == []


def test_constant_images_are_near_to_none_but_equal_to_their_like():
    prints = [fingerprint(np.full((40, 40), level, np.float32)) for level in (7, 9)]
    assert near_pairs(prints, prints) == []
    assert equal_pairs(prints, prints) == [(0, 0), (1, 1)]


def made(bits: int, cosine: float, digest: bytes) -> Fingerprint:
    thumbnail = np.zeros(4096, np.float16)
    thumbnail[:2] = cosine, np.sqrt(1 - cosine * cosine)
    return Fingerprint(digest, np.uint64((1 << bits) - 1), thumbnail)


@pytest.mark.parametrize(('bits', 'cosine', 'near'), [(4, 0.9961, True), (5, 0.9961, False), (4, 0.9941, False)])
def test_both_bounds_must_hold(bits, cosine, near):
    pairs = near_pairs([made(0, 1.0, b'a')], [made(bits, cosine, b'b')])
    assert bool(pairs) is near
    if near:
        assert pairs[0].bits == 4 and pairs[0].cosine == pytest.approx(0.9961, abs=1e-3)


def test_comparing_few_at_once_finds_the_same_pairs(scenes, monkeypatch):
    changed = [image * 0.9 + 5 for image in scenes]
    whole = places(scenes, changed)
    monkeypatch.setattr(duplicates, '_COMPARED_AT_ONCE', 24)
    assert places(scenes, changed) == whole != []


def test_nothing_is_near_to_nothing(scenes):
    assert places(scenes, []) == places([], scenes) == []


def test_the_hash_is_63_signs_of_the_lowest_cosines_against_their_median():
    image = np.random.default_rng(2).uniform(0, 255, (32, 32)).astype(np.float32)  # of this size nothing is resampled
    waves = np.cos(np.pi * np.outer(np.arange(8), 2 * np.arange(32) + 1) / 64)
    lowest = (waves @ image @ waves.T).ravel()[1:]
    bits = np.unpackbits(np.frombuffer(fingerprint(image).hash.tobytes(), np.uint8)).tolist()
    assert bits == [*(lowest > sorted(lowest)[31]).astype(int).tolist(), 0]


def test_the_thumbnail_has_mean_0_and_length_1(scenes):
    thumbnail = fingerprint(scenes[0]).thumbnail.astype(np.float64)
    assert thumbnail.shape == (4096,)
    assert (thumbnail.mean(), np.linalg.norm(thumbnail)) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-4))
