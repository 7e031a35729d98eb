"""PSTNN: its iterations written out, its prior, the kept rank, and a planted target beside an edge."""

import numpy as np
import pytest

from irstd_toolbox.models.model_driven.pstnn import PSTNN, corner_prior


def planted() -> np.ndarray:
    """A smooth background with noise of 1 grey level, an edge at column 90, 3x3 pixels brighter by 60 at (40, 62)."""
    rows, columns = np.mgrid[:120, :130]
    image = 80 + 30 * np.sin(rows / 25) + 40 * (columns >= 90) + np.random.default_rng(0).normal(size=rows.shape)
    image[39:42, 61:64] += 60
    return image


@pytest.fixture(scope='module')
def response() -> np.ndarray:
    return PSTNN()(planted())


def test_a_planted_target_answers_most(response):
    assert np.sort(response.ravel())[-9:].min() == response[39:42, 61:64].min() > 30


def test_the_background_answers_below_a_fiftieth_of_the_target(response):
    background = response.copy()
    background[39:42, 61:64] = 0
    assert background.max() < response[39:42, 61:64].min() / 50


def test_both_decompositions_give_the_same_response(response):
    np.testing.assert_allclose(PSTNN(svd='svd')(planted()), response, atol=1e-8)


def written_out(tensor: np.ndarray, prior: np.ndarray, keep: int, iterations: int) -> tuple[np.ndarray, np.ndarray]:
    count, height, width = tensor.shape
    weight, mu = 0.7 / (max(height, width) * count) ** 0.5, 0.002
    sparse, multiplier, weights = np.zeros_like(tensor), np.zeros_like(tensor), np.ones_like(tensor)
    for _ in range(iterations):
        slices = np.fft.fft(tensor - sparse - multiplier / mu, axis=0)
        for index, matrix in enumerate(slices):
            left, values, right = np.linalg.svd(matrix, full_matrices=False)
            values = [value if place < keep else max(value - 1 / mu, 0) for place, value in enumerate(values)]
            slices[index] = left @ np.diag(values) @ right
        low = np.fft.ifft(slices, axis=0)
        assert np.abs(low.imag).max() < 1e-9
        low = low.real
        for place, rest in np.ndenumerate(tensor - low - multiplier / mu):
            sparse[place] = max(rest - weights[place] * weight / mu, 0)
            weights[place] = keep / (sparse[place] + 0.01) / prior[place] if prior[place] else np.inf
        multiplier = multiplier + mu * (low + sparse - tensor)
        mu *= 1.05
    return low, sparse


@pytest.mark.parametrize('iterations', [1, 2, 3])
@pytest.mark.parametrize('count', [8, 9])
def test_iterations_are_those_of_the_formula(iterations, count):
    rng = np.random.default_rng(3)
    tensor = 50 + rng.normal(size=(count, 12, 10)) + 90 * (rng.uniform(size=(count, 12, 10)) > 0.98)
    prior = np.maximum(rng.uniform(-0.1, 1, tensor.shape), 0)
    method = PSTNN(max_iterations=iterations)
    found = method.decompose(tensor, prior)
    assert np.count_nonzero(found[1]) > 0
    for part, expected in zip(found, written_out(tensor, prior, method.rank(tensor), iterations), strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-9)


def test_an_error_below_the_tolerance_ends_it():
    rng = np.random.default_rng(3)
    tensor = 50 + rng.normal(size=(8, 12, 10)) + 90 * (rng.uniform(size=(8, 12, 10)) > 0.98)
    prior = rng.uniform(0.1, 1, tensor.shape)
    first = written_out(tensor, prior, PSTNN().rank(tensor), 1)
    error = np.linalg.norm(sum(first) - tensor) / np.linalg.norm(tensor)
    np.testing.assert_allclose(PSTNN(tolerance=error * 1.001).decompose(tensor, prior), first, atol=1e-9)
    assert not np.allclose(PSTNN(tolerance=error * 0.999).decompose(tensor, prior), first)


def test_a_background_without_a_target_is_taken_in_whole():
    tensor = 50 + np.random.default_rng(3).normal(size=(8, 12, 10))
    low, sparse = PSTNN().decompose(tensor, np.ones_like(tensor))
    assert not sparse.any() and np.linalg.norm(low - tensor) < 1e-3 * np.linalg.norm(tensor)


def test_nothing_is_a_target_where_the_prior_is_zero():
    rng = np.random.default_rng(3)
    tensor = 50 + rng.normal(size=(9, 12, 10)) + 90 * (rng.uniform(size=(9, 12, 10)) > 0.98)
    prior = np.ones_like(tensor)
    prior[:, :, :5] = 0
    sparse = PSTNN().decompose(tensor, prior)[1]
    assert sparse[:, :, 5:].any() and not sparse[:, :, :5].any()


def test_the_kept_rank_is_counted_in_matlabs_order():
    tensor = np.random.default_rng(4).normal(size=(5, 4, 3)) + 2
    matlab = np.moveaxis(tensor, 0, 2)  # (h, w, P)
    values = np.linalg.svd(matlab.ravel(order='F').reshape((5, 12), order='F'), compute_uv=False)
    for ratio in (0.1, 0.3, 0.5, 0.9, 1.0):
        assert PSTNN(rank_ratio=ratio).rank(tensor) == (values >= ratio * values[0]).sum()


def test_the_prior_is_large_at_a_point_and_none_at_an_edge(point, edge):
    prior = corner_prior(point)
    assert np.hypot(*(np.array(np.unravel_index(prior.argmax(), prior.shape)) - [6.5, 9.5])) < 1
    point[:] += edge / 2
    assert corner_prior(point)[[1, 13], 7:9].max() < 1e-9


def test_the_prior_is_the_formula_of_the_eigenvalues(point, monkeypatch):
    larger, smaller, seen = np.array([[4.0, 9.0, 0.0]]), np.array([[4.0, 1.0, 0.0]]), {}
    monkeypatch.setitem(corner_prior.__globals__, 'structure_eigenvalues',
                        lambda image, **sigmas: seen.update(sigmas) or (larger, smaller))
    np.testing.assert_allclose(corner_prior(point), [[1, (0.9 * 9) / (2 * 4), 0]] / np.float64(8.1 / 8), rtol=1e-12)
    assert seen == dict(before=2.0, after=9.0)
