"""NRAM: its iterations written out, and a planted target in front of strong edges."""

import numpy as np
import pytest

from irstd_toolbox.models.model_driven.nram import NRAM


def planted() -> np.ndarray:
    """A smooth background with noise of 1 grey level, a bright bar, and 3x3 pixels brighter by 60 at (40, 62)."""
    rows, columns = np.mgrid[:100, :110]
    image = 80 + 30 * np.sin(rows / 25) + 20 * np.cos(columns / 30) + np.random.default_rng(0).normal(size=rows.shape)
    image[70:74] += 50
    image[39:42, 61:64] += 60
    return image


@pytest.fixture(scope='module')
def response() -> np.ndarray:
    return NRAM()(planted())


def test_a_planted_target_answers_most(response):
    assert np.sort(response.ravel())[-9:].min() == response[39:42, 61:64].min() > 30


def test_the_background_does_not_answer(response):
    background = response.copy()
    background[39:42, 61:64] = 0
    assert background.max() < response[39:42, 61:64].min() / 50


def test_both_decompositions_give_the_same_response(response):
    np.testing.assert_allclose(NRAM(svd='svd')(planted()), response, atol=1e-7)


def written_out(data: np.ndarray, gamma: float, iterations: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = data.shape
    weight, beta = 1 / min(rows, columns) ** 0.5, 3 / min(rows, columns) ** 0.5
    mu, values = 3 * max(rows, columns) ** 0.5, np.zeros(min(rows, columns))
    low, sparse, edges, multiplier = (np.zeros_like(data) for _ in range(4))
    for _ in range(iterations):
        left, found, right = np.linalg.svd(data - sparse - edges - multiplier / mu, full_matrices=False)
        for _ in range(100):
            before = values
            values = np.maximum(found - (1 + gamma) * gamma / (gamma + before) ** 2 / mu, 0)
            if ((values - before) ** 2).sum() < 1e-6:
                break
        low = left @ np.diag(values) @ right
        for place, rest in np.ndenumerate(data - low - edges - multiplier / mu):
            level = weight * (min(rows, columns) ** 0.5 / 2.5) / (abs(rest) + 0.04)
            sparse[place] = max(rest - level / mu, 0) + min(rest + level, 0)
        for column, rest in enumerate((data - low - sparse - multiplier / mu).T):
            length = np.linalg.norm(rest)
            edges[:, column] = rest * max(length - beta / mu, 0) / length
        multiplier = multiplier + mu * (low + edges + sparse - data)
        mu *= 1.1
    return low + edges, sparse


@pytest.mark.parametrize('iterations', [1, 3, 40])
def test_iterations_are_those_of_the_formula(iterations):
    rng = np.random.default_rng(3)
    data = rng.uniform(size=(40, 2)) @ rng.uniform(size=(2, 24)) / 2 + (rng.uniform(size=(40, 24)) > 0.98)
    data[3, 4] = -2.0
    found = NRAM(max_iterations=iterations).decompose(data)
    for part, expected in zip(found, written_out(data, 0.002, iterations), strict=True):
        np.testing.assert_allclose(part, expected, atol=1e-8)


def test_an_error_below_the_tolerance_ends_it():
    data = np.random.default_rng(4).uniform(size=(40, 24))
    errors = [np.linalg.norm(sum(written_out(data, 0.002, count)) - data) / np.linalg.norm(data) for count in (7, 8)]
    assert errors[1] < errors[0]
    found = NRAM(tolerance=errors[1] * 1.001).decompose(data)
    np.testing.assert_allclose(found, written_out(data, 0.002, 8), atol=1e-8)

