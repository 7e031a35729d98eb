"""IPI: the accelerated proximal gradient method written out, its stop rules, and a planted target."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.models.model_driven.ipi import IPI, _subgradient


def planted(height: int = 128, width: int = 134) -> np.ndarray:
    """A smooth background of rank 2 with noise of 1 grey level, and 3x3 pixels brighter by 60 at (40, 62)."""
    rows, columns = np.mgrid[:height, :width]
    image = 80 + 30 * np.sin(rows / 25) + 20 * np.cos(columns / 30) + np.random.default_rng(0).normal(size=rows.shape)
    image[39:42, 61:64] += 60
    return image


@pytest.fixture(scope='module')
def response() -> np.ndarray:
    return IPI()(planted())


def test_a_planted_target_answers_most(response):
    assert np.sort(response.ravel())[-9:].min() == response[39:42, 61:64].min() > 40


def test_the_background_answers_below_a_fiftieth_of_the_target(response):
    background = response.copy()
    background[39:42, 61:64] = 0
    assert background.max() < response[39:42, 61:64].min() / 50


def test_both_decompositions_give_the_same_response(response):
    np.testing.assert_allclose(IPI(svd='svd')(planted()), response, atol=1e-8)


def test_a_darker_spot_does_not_answer():
    image = planted()
    image[70:73, 30:33] -= 60
    assert IPI()(image)[70:73, 30:33].max() < 1


def test_scaling_grey_levels_scales_the_response(response):
    np.testing.assert_allclose(IPI()(planted() / 2 + 10), response / 2, atol=1e-8)


def test_without_border_the_last_rows_and_columns_are_zero():
    image = planted(130, 134)
    image[128, 132] = 255
    without = IPI(border=False)(image)
    assert not without[120:].any() and not without[:, 130:].any()
    assert IPI()(image)[128, 132] > 40


def iterates(data: np.ndarray, weight: float) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Background, targets and rank after each iteration."""
    spectrum = np.linalg.svd(data, compute_uv=False)
    mu, older, newest = spectrum[1], [np.zeros_like(data)] * 2, [np.zeros_like(data)] * 2
    times = [1.0, 1.0]
    while True:
        extrapolated = [x + (times[0] - 1) / times[1] * (x - y) for x, y in zip(newest, older, strict=True)]
        gradient = extrapolated[0] + extrapolated[1] - data
        background, targets = (part - gradient / 2 for part in extrapolated)
        left, values, right = np.linalg.svd(background, full_matrices=False)
        rank = np.count_nonzero(values > mu / 2)
        background = left @ np.diag(np.where(values > mu / 2, values - mu / 2, 0)) @ right
        level = weight * mu / 2
        targets = np.where(targets > level, targets - level, np.where(targets < -level, targets + level, 0))
        older, newest = newest, [background, targets]
        times = [times[1], (1 + (1 + 4 * times[1] ** 2) ** 0.5) / 2]
        mu = max(0.9 * mu, 0.005 * spectrum[3])
        yield background, targets, rank


def low_rank_and_spikes(seed: int, noise: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    data = rng.uniform(size=(40, 2)) @ rng.uniform(size=(2, 30)) / 2 + (rng.uniform(size=(40, 30)) > 0.97)
    return data + noise * rng.normal(size=data.shape)


@pytest.mark.parametrize('iterations', [1, 2, 15])
def test_iterations_are_those_of_the_formula(iterations):
    data = low_rank_and_spikes(3, 0.0)
    expected = next(itertools.islice(iterates(data, 0.15), iterations - 1, None))[:2]
    np.testing.assert_allclose(IPI(max_iterations=iterations).decompose(data, 0.15), expected, atol=1e-10)


def test_it_ends_when_the_rank_and_the_number_of_targets_have_settled():
    data, ranks, counts = low_rank_and_spikes(4, 0.02), [0], [0]
    for *expected, rank in iterates(data, 0.1):
        ranks.append(rank)
        counts.append(np.count_nonzero(expected[1]))
        changed = max(place for place in range(1, len(ranks)) if ranks[place] != ranks[place - 1])
        if len(ranks) - 1 - changed > 10 and abs(counts[-1] - counts[changed]) < 20:
            break
    assert len(ranks) > 60  # long after mu has come to its least
    np.testing.assert_allclose(IPI(tolerance=0).decompose(data, 0.1), expected, atol=1e-9)


@pytest.mark.parametrize('size', [0.1, 10.0])
def test_the_subgradient_is_relative_to_a_solution_of_length_1_and_more(size):
    low, sparse, low_ahead, sparse_ahead = np.random.default_rng(6).normal(size=(4, 3, 5)) * size
    moved, total = (low_ahead - low, sparse_ahead - sparse), low_ahead + sparse_ahead - low - sparse
    length = np.sqrt(sum(np.sum((2 * part - total) ** 2) for part in moved))
    solution = np.sqrt(np.sum(low ** 2) + np.sum(sparse ** 2))
    assert (solution > 1) == (size > 1)
    assert _subgradient(low, sparse, low_ahead, sparse_ahead) == pytest.approx(length / (2 * max(1, solution)))


def test_a_low_rank_matrix_and_spikes_are_separated():
    rng = np.random.default_rng(4)
    low = rng.uniform(size=(80, 2)) @ rng.uniform(size=(2, 60)) / 2
    spikes = np.where(rng.uniform(size=(80, 60)) > 0.98, 1.0, 0.0)
    background, targets = IPI().decompose(low + spikes, 1 / np.sqrt(80))
    assert np.abs(targets - spikes).mean() < 0.01 and np.abs(background - low).mean() < 0.01


def test_a_rank_above_three_tenths_ends_it():
    data = np.random.default_rng(5).uniform(size=(30, 20))
    background, _ = IPI().decompose(data, 10.0)  # nothing is sparse at this weight, so the rank only grows
    assert np.linalg.matrix_rank(background) == 7


def test_lambda_is_of_the_image_or_of_the_patch_image(monkeypatch):
    weights = []
    monkeypatch.setattr(IPI, 'decompose', lambda self, data, weight: weights.append(weight) or (data, data))
    for lambda_of in ('image', 'patch_image'):
        IPI(patch=20, step=10, lambda_of=lambda_of)(planted())
    assert weights == pytest.approx([1 / np.sqrt(134), 1 / np.sqrt(400)])


def test_an_unknown_lambda_is_refused():
    with pytest.raises(ConfigError, match="lambda_of='patch'.*'image' or 'patch_image'"):
        IPI(lambda_of='patch')
