"""Proximal steps against their definitions, and singular values through Gram matrices against LAPACK's."""

from functools import partial

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.optimize import minimize, minimize_scalar

from irstd_toolbox.models.model_driven.nram import gamma_norm_step, shrink_columns
from irstd_toolbox.models.model_driven.singular_values import (
    map_fourier_slices,
    map_singular_values,
    partial_sum,
    singular_values,
    soft_threshold,
    unfold_and_map,
)
from irstd_toolbox.models.model_driven.structure_tensor import scaled, structure_eigenvalues

PATHS = ('gram', 'svd')


def random_matrix(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def nuclear(matrix: np.ndarray) -> float:
    return float(np.linalg.svd(matrix, compute_uv=False).sum())


# What the steps minimise.

@pytest.mark.parametrize('value', [-3.0, -0.4, 0.0, 0.3, 0.9, 2.5])
def test_soft_threshold_minimises_what_it_says(value):
    found = minimize_scalar(lambda z: 0.7 * abs(z) + (z - value) ** 2 / 2, bounds=(-5, 5), method='bounded',
                            options=dict(xatol=1e-10)).x
    assert soft_threshold(np.array([value]), 0.7)[0] == pytest.approx(found, abs=1e-6)


@pytest.mark.parametrize('svd', PATHS)
def test_shrunk_singular_values_minimise_the_nuclear_norm_near_a_matrix(svd):
    matrix, threshold = random_matrix(5, 4), 0.8
    nearest, _ = map_singular_values(matrix, partial(soft_threshold, threshold=threshold), svd)

    def cost(candidate: np.ndarray) -> float:
        return threshold * nuclear(candidate) + np.sum((candidate - matrix) ** 2) / 2

    rng = np.random.default_rng(4)
    for scale in (1e-3, 1e-1, 1.0):
        assert all(cost(nearest + scale * rng.normal(size=matrix.shape)) > cost(nearest) for _ in range(50))


def test_partial_sums_minimise_the_values_beyond_the_kept_ones():
    values, keep, threshold = np.array([6.0, 4.0, 2.5, 1.2, 0.3]), 2, 0.9
    found = minimize(lambda z: threshold * z[keep:].sum() + np.sum((z - values) ** 2) / 2, values,
                     bounds=[(0, None)] * 5, options=dict(gtol=1e-10, ftol=1e-15)).x
    np.testing.assert_allclose(partial_sum(values, keep, threshold), found, atol=1e-5)


@pytest.mark.parametrize('keep', [0, 3, 9])
def test_partial_sums_keep_none_some_or_all(keep):
    kept = partial_sum(np.array([5.0, 4.0, 3.0]), keep, 10.0)
    assert kept.tolist() == [5.0, 4.0, 3.0][:keep] + [0.0] * (3 - min(keep, 3))


def test_a_shrunk_column_minimises_its_length_near_the_column():
    matrix, threshold = random_matrix(3, 2, seed=5) * np.array([2.0, 0.1]), 0.6
    for column, shrunk in zip(matrix.T, shrink_columns(matrix, threshold).T, strict=True):
        found = minimize(lambda e, column=column: threshold * np.linalg.norm(e) + np.sum((e - column) ** 2) / 2,
                         column * 0.5, method='Nelder-Mead', options=dict(xatol=1e-9, fatol=1e-13, maxiter=4000)).x
        np.testing.assert_allclose(shrunk, found, atol=1e-5)


def test_a_column_of_zeros_stays():
    assert shrink_columns(np.zeros((3, 2)), 0.5).tolist() == [[0, 0]] * 3


def test_gamma_norm_steps_end_where_the_derivative_vanishes():
    values, mu, gamma = np.array([9.0, 3.0, 1.0, 0.05]), 2.0, 0.5
    found = gamma_norm_step(values, values, mu, gamma)
    slope = (1 + gamma) * gamma / (gamma + found) ** 2 + mu * (found - values)
    np.testing.assert_allclose(slope[found > 0], 0, atol=2e-3)  # the steps end at a move of 1e-3
    assert found[3] == 0 < found[2]


# The Gram matrix's way is LAPACK's, to the accuracy that is documented.

@pytest.mark.parametrize('shape', [(30, 8), (8, 30), (9, 9), (1, 6), (6, 1)])
@pytest.mark.parametrize('rule', [partial(soft_threshold, threshold=1.5), partial(partial_sum, keep=2, threshold=2.0),
                                  lambda values: values])
def test_both_ways_map_singular_values_alike(shape, rule):
    matrix = random_matrix(*shape)
    (fast, fast_values), (plain, plain_values) = (map_singular_values(matrix, rule, svd) for svd in PATHS)
    np.testing.assert_allclose(fast, plain, atol=1e-12)
    np.testing.assert_allclose(fast_values, plain_values, atol=1e-12)


def test_both_ways_agree_on_values_that_span_ten_decades():
    left, _ = np.linalg.qr(random_matrix(60, 20))
    right, _ = np.linalg.qr(random_matrix(20, 20, seed=1))
    values = np.logspace(0, -10, 20)
    matrix = left * values @ right
    kept, _ = map_singular_values(matrix, lambda values: values)
    np.testing.assert_allclose(kept, matrix, atol=1e-7 * values[0])
    shrunk = [map_singular_values(matrix, partial(soft_threshold, threshold=1e-4), svd)[0] for svd in PATHS]
    np.testing.assert_allclose(*shrunk, atol=1e-11)


def test_both_ways_map_a_batch_of_complex_matrices_alike():
    batch = random_matrix(4, 7, 5) + 1j * random_matrix(4, 7, 5, seed=1)
    rule = partial(partial_sum, keep=1, threshold=1.0)
    for matrices in (batch, batch.swapaxes(1, 2)):
        np.testing.assert_allclose(*(map_singular_values(matrices, rule, svd)[0] for svd in PATHS), atol=1e-12)


def test_a_floor_changes_nothing_and_leaves_out_what_is_below():
    matrix = random_matrix(40, 12)
    rule = partial(soft_threshold, threshold=6.0)
    (whole, every), (floored, above) = (map_singular_values(matrix, rule, floor=floor) for floor in (0.0, 6.0))
    np.testing.assert_allclose(floored, whole, atol=1e-12)
    assert len(every) == 12 and len(above) == (every > 0).sum() < 12


def test_the_least_largest_are_kept_below_the_floor_too():
    matrix = random_matrix(40, 12)
    rule = partial(partial_sum, keep=3, threshold=99.0)
    whole, values = map_singular_values(matrix, rule)
    floor = np.linalg.svd(matrix, compute_uv=False)[1:3].mean()
    np.testing.assert_allclose(map_singular_values(matrix, rule, floor=floor, least=3)[0], whole, atol=1e-12)
    assert np.count_nonzero(values) == 3 and len(map_singular_values(matrix, rule, floor=floor, least=2)[1]) == 2


def test_a_floor_above_all_values_leaves_nothing():
    mapped, values = map_singular_values(random_matrix(6, 3), partial(soft_threshold, threshold=99.0), floor=99.0)
    assert mapped.shape == (6, 3) and not mapped.any() and len(values) == 0


@pytest.mark.parametrize('shape', [(12, 5), (5, 12)])
def test_singular_values_are_the_same_both_ways(shape):
    np.testing.assert_allclose(*(singular_values(random_matrix(*shape), svd) for svd in PATHS), atol=1e-12)


# Tensors.

@pytest.mark.parametrize('svd', PATHS)
@pytest.mark.parametrize('axis', [0, 1, 2])
def test_an_unfolding_has_one_row_an_index(axis, svd):
    tensor = random_matrix(3, 4, 5)
    rows = np.stack([np.take(tensor, index, axis).ravel() for index in range(tensor.shape[axis])])
    expected = map_singular_values(rows, partial(soft_threshold, threshold=1.0), 'svd')[0]
    mapped = unfold_and_map(tensor, axis, partial(soft_threshold, threshold=1.0), svd)
    for index, row in enumerate(expected):
        np.testing.assert_allclose(np.take(mapped, index, axis).ravel(), row, atol=1e-12)


def block_circulant(tensor: np.ndarray) -> np.ndarray:
    """``(P, h, w)`` to ``(P h, P w)``: block ``(i, j)`` is slice ``i - j``."""
    count = len(tensor)
    return np.block([[tensor[(row - column) % count] for column in range(count)] for row in range(count)])


@pytest.mark.parametrize('count', [1, 2, 3, 4, 5])
def test_fourier_slices_diagonalise_the_block_circulant_matrix(count):
    tensor = random_matrix(count, 3, 2)
    fourier = np.fft.fft(np.eye(count)) / np.sqrt(count)
    turned = np.kron(fourier, np.eye(3)) @ block_circulant(tensor) @ np.kron(fourier.conj().T, np.eye(2))
    np.testing.assert_allclose(turned, block_diag(*np.fft.fft(tensor, axis=0)), atol=1e-12)


@pytest.mark.parametrize('svd', PATHS)
@pytest.mark.parametrize('count', [1, 2, 3, 4, 5])
def test_shrunk_fourier_slices_are_the_shrunk_block_circulant_matrix(count, svd):
    tensor, rule = random_matrix(count, 4, 3), partial(soft_threshold, threshold=1.2)
    mapped = map_fourier_slices(tensor, rule, svd)
    np.testing.assert_allclose(block_circulant(mapped), map_singular_values(block_circulant(tensor), rule, 'svd')[0],
                               atol=1e-12)


# A Python port's round(4.5) is 4 where MATLAB's is 5, so of 9 slices two stay empty.
@pytest.mark.parametrize('svd', PATHS)
@pytest.mark.parametrize('count', range(1, 18))
def test_no_fourier_slice_is_left_empty_for_any_number_of_patches(count, svd):
    tensor = random_matrix(count, 3, 4)
    np.testing.assert_allclose(map_fourier_slices(tensor, lambda values: values, svd), tensor, atol=1e-12)


# The local priors.

def test_structure_eigenvalues_are_those_of_the_smoothed_products():
    image = np.random.default_rng(6).uniform(0, 255, (7, 9))
    larger, smaller = structure_eigenvalues(image, before=1.2, after=2.0)

    def smooth(values: np.ndarray, sigma: float, row: int, column: int) -> float:
        padded = np.pad(values, 1, mode='symmetric')
        down, right = np.mgrid[-1:2, -1:2]
        kernel = np.exp(-(down ** 2 + right ** 2) / (2 * sigma ** 2))
        return float((padded[row:row + 3, column:column + 3] * kernel).sum() / kernel.sum())

    smoothed = np.array([[smooth(image, 1.2, row, column) for column in range(9)] for row in range(7)])
    down, right = np.gradient(smoothed)
    for row, column in [(0, 0), (3, 4), (6, 8), (2, 0)]:
        xx, xy, yy = (smooth(product, 2.0, row, column) for product in (right * right, right * down, down * down))
        expected = np.linalg.eigvalsh([[xx, xy], [xy, yy]])
        np.testing.assert_allclose([smaller[row, column], larger[row, column]], expected, rtol=1e-9, atol=1e-9)


def test_on_an_edge_only_one_structure_eigenvalue_is_above_zero(edge):
    larger, smaller = structure_eigenvalues(edge, before=2.0, after=9.0)
    assert larger.max() > 100 and smaller.max() < 1e-9


def test_equal_values_scale_to_zeros():
    assert not scaled(np.full((3, 3), 7.0)).any()
