"""RIPT: its iterations written out, its local prior, and a planted target beside an edge."""

import numpy as np
import pytest

from irstd_toolbox.models.model_driven.patches import PatchGrid
from irstd_toolbox.models.model_driven.ript import RIPT


def planted() -> np.ndarray:
    """A smooth background with noise of 1 grey level, an edge at column 80, 3x3 pixels brighter by 60 at (40, 52)."""
    rows, columns = np.mgrid[:100, :110]
    image = 80 + 30 * np.sin(rows / 25) + 40 * (columns >= 80) + np.random.default_rng(0).normal(size=rows.shape)
    image[39:42, 51:54] += 60
    return image


@pytest.fixture(scope='module')
def response() -> np.ndarray:
    return RIPT()(planted())


def test_a_planted_target_answers_most(response):
    assert np.sort(response.ravel())[-9:].min() == response[39:42, 51:54].min()


def test_the_background_answers_below_a_fifth_of_the_target(response):
    background = response.copy()
    background[38:43, 50:55] = 0
    assert background.max() < response[39:42, 51:54].min() / 5


def test_both_decompositions_give_the_same_response(response):
    np.testing.assert_allclose(RIPT(svd='svd')(planted()), response, atol=1e-8)


def unfolded(tensor: np.ndarray, axis: int) -> np.ndarray:
    return np.stack([np.take(tensor, index, axis).ravel() for index in range(tensor.shape[axis])])


def folded(matrix: np.ndarray, axis: int, shape: tuple[int, ...]) -> np.ndarray:
    others = [side for place, side in enumerate(shape) if place != axis]
    return np.stack([row.reshape(others) for row in matrix], axis=axis)


def written_out(tensor: np.ndarray, prior: np.ndarray, iterations: int) -> tuple[np.ndarray, np.ndarray]:
    weight, mu = 0.7 / min(tensor.shape) ** 0.5, 5 * tensor.std() * (tensor.size / (tensor.size - 1)) ** 0.5
    sparse, weights, multipliers = np.zeros_like(tensor), prior, [np.zeros_like(tensor) for _ in range(3)]
    for _ in range(iterations):
        backgrounds = []
        for axis in range(3):
            left, values, right = np.linalg.svd(unfolded(tensor + mu * multipliers[axis] - sparse, axis),
                                                full_matrices=False)
            backgrounds.append(folded(left @ np.diag(np.maximum(values - mu, 0)) @ right, axis, tensor.shape))
        rest = sum(tensor + mu * multipliers[axis] - backgrounds[axis] for axis in range(3)) / 3
        sparse = np.maximum(rest - weights * mu * weight / 3, 0)
        weights = prior / (abs(sparse) + 0.01)
        multipliers = [multipliers[axis] - (backgrounds[axis] + sparse - tensor) / mu for axis in range(3)]
        mu /= 1.5
    return sum(backgrounds) / 3, sparse


def spots() -> np.ndarray:
    """A noisy tensor in which the number of targets is still changing in the third iteration."""
    rng = np.random.default_rng(3)
    return 50 + rng.normal(0, 15, size=(7, 9, 8)) + 30 * (rng.uniform(size=(7, 9, 8)) > 0.9)


@pytest.mark.parametrize('iterations', [1, 2, 3])
def test_iterations_are_those_of_the_formula(iterations):
    tensor = spots()
    prior = np.random.default_rng(4).uniform(1, 1.2, tensor.shape)
    found = RIPT(max_iterations=iterations).decompose(tensor, prior)
    assert np.count_nonzero(found[1]) > 0
    for part, expected in zip(found, written_out(tensor, prior, iterations), strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-9)


def test_an_unchanged_number_of_targets_ends_it():
    tensor = spots()
    prior = np.ones_like(tensor)
    counts = [np.count_nonzero(written_out(tensor, prior, iterations)[1]) for iterations in range(1, 6)]
    last = next(place for place in range(1, 5) if counts[place] == counts[place - 1]) + 1
    assert last == 4
    np.testing.assert_allclose(RIPT().decompose(tensor, prior)[1], written_out(tensor, prior, last)[1], atol=1e-8)


def test_an_error_below_the_tolerance_ends_it():
    tensor = spots()
    prior = np.random.default_rng(4).uniform(1, 1.2, tensor.shape)
    errors = [np.linalg.norm(sum(written_out(tensor, prior, count)) - tensor) / np.linalg.norm(tensor)
              for count in (1, 2)]
    assert errors[1] < errors[0]
    found = RIPT(tolerance=errors[1] * 1.001).decompose(tensor, prior)
    np.testing.assert_allclose(found, written_out(tensor, prior, 2), atol=1e-9)


def test_edges_weigh_e_times_as_much_as_flat_parts(monkeypatch, edge):
    priors = []
    monkeypatch.setattr(RIPT, 'decompose', lambda self, tensor, prior: priors.append(prior) or (tensor, tensor))
    RIPT(patch=6, step=3)(edge)
    prior = PatchGrid(edge.shape, 6, 3).join(priors[0], 'mean')
    np.testing.assert_allclose(prior[:, 7:9], np.e, rtol=1e-12)
    np.testing.assert_allclose(prior[:, [0, 1, 2, 15, 16, 17]], 1.0, rtol=1e-12)


def test_a_spot_weighs_less_than_an_edge_of_its_strength(monkeypatch):
    priors, seen = [], {}
    larger, smaller = np.zeros((8, 8)), np.zeros((8, 8))
    larger[2, 2], larger[5, 5], smaller[5, 5] = 100.0, 100.0, 60.0  # an edge, a spot
    monkeypatch.setitem(RIPT.targets.__globals__, 'structure_eigenvalues',
                        lambda image, **sigmas: seen.update(sigmas) or (larger, smaller))
    monkeypatch.setattr(RIPT, 'decompose', lambda self, tensor, prior: priors.append(prior) or (tensor, tensor))
    RIPT(patch=4, step=4, edge_weight=2.0)(np.arange(64.0).reshape(8, 8))
    prior = PatchGrid((8, 8), 4, 4).join(priors[0], 'mean')
    np.testing.assert_allclose([prior[2, 2], prior[5, 5], prior[0, 0]], [np.exp(2), np.exp(0.8), 1])
    assert seen == dict(before=1.2, after=2.0)


def test_the_last_patch_may_overwrite_as_in_one_version_of_the_code(response):
    overwritten = RIPT(overlap='overwrite')(planted())
    assert overwritten[39:42, 51:54].min() > 0 and not np.allclose(overwritten, response)
