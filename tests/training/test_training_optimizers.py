"""Adan, AdaGrad, mixed precision and process groups."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.inference.testing import run_test
from irstd_toolbox.registry import OPTIM_WRAPPERS, OPTIMIZERS
from irstd_toolbox.training import AmpWrapper, amp, build_adan, distributed
from irstd_toolbox.training.amp import best_dtype, predicting_in
from irstd_toolbox.training.session import start_training


def _layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 1, bias=False)


def _adan_by_hand(weight: torch.Tensor, grads: list[torch.Tensor], lr: float, decay: float) -> torch.Tensor:
    """Adan's update in the order of timm's paper reference: moments of g, of its difference, of their sum squared."""
    first, second, third = 0.98, 0.92, 0.99
    mean, difference, square = (torch.zeros_like(weight) for _ in range(3))
    previous = grads[0]
    for step, grad in enumerate(grads, 1):
        change = grad - previous
        mean = first * mean + (1 - first) * grad
        difference = second * difference + (1 - second) * change
        square = third * square + (1 - third) * (grad + second * change) ** 2
        size = square.sqrt() / (1 - third**step) ** 0.5 + 1e-8
        update = mean / (1 - first**step) / size + second * difference / (1 - second**step) / size
        weight = (weight - lr * update) / (1 + lr * decay)
        previous = grad
    return weight


def test_adan_follows_its_equations() -> None:
    layer = _layer()
    start, grads = layer.weight.detach().clone(), [torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([[0.5, 1.0, 0.5]])]
    optimizer = OPTIMIZERS.build(dict(type='Adan', params=layer.parameters(), lr=0.1, weight_decay=0.01))
    for grad in grads:
        layer.weight.grad = grad.clone()
        optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), _adan_by_hand(start, grads, 0.1, 0.01))


def _decoupled_adagrad(params: object, **options: float) -> torch.optim.Optimizer:
    return OPTIMIZERS.build(dict(type='DecoupledAdagrad', params=params, **options))


def test_adagrad_decays_beside_the_scaled_gradient_and_keeps_eps_inside_the_root() -> None:
    layer = _layer()
    weight, history = layer.weight.detach().clone(), torch.zeros(1, 3)
    optimizer = _decoupled_adagrad(layer.parameters(), lr=0.1, weight_decay=0.01, eps=1e-2)
    for grad in (torch.tensor([[1.0, -2.0, 1e-3]]), torch.tensor([[0.5, 0.0, 1e-3]])):
        layer.weight.grad = grad.clone()
        optimizer.step()
        history = history + grad**2
        weight = weight - 0.1 * (grad / (history + 1e-2).sqrt() + 0.01 * weight)
    torch.testing.assert_close(layer.weight.detach(), weight)


def test_adagrad_has_the_options_of_mxnets_unless_told_otherwise() -> None:
    assert _decoupled_adagrad(_layer().parameters()).defaults == dict(lr=0.05, weight_decay=1e-4, eps=1e-7)


def test_adagrad_goes_on_from_its_state_as_if_it_had_not_stopped() -> None:
    grads = [torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([[0.5, 1.0, 0.5]])]
    whole, first, second = _layer(), _layer(), _layer()
    unbroken, before, after = (_decoupled_adagrad(layer.parameters()) for layer in (whole, first, second))
    for layer, optimizer, grad in ((whole, unbroken, grads[0]), (whole, unbroken, grads[1]), (first, before, grads[0])):
        layer.weight.grad = grad.clone()
        optimizer.step()
    second.load_state_dict(first.state_dict())
    after.load_state_dict(before.state_dict())
    second.weight.grad = grads[1].clone()
    after.step()
    assert torch.equal(second.weight, whole.weight)


def test_adagrad_leaves_weights_without_gradients_and_returns_the_closures_loss() -> None:
    layer = _layer()
    start, optimizer = layer.weight.detach().clone(), _decoupled_adagrad(layer.parameters())
    optimizer.step()
    assert torch.equal(layer.weight, start)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = layer(torch.ones(1, 3)).sum()
        loss.backward()
        return loss
    assert optimizer.step(closure).item() == pytest.approx(start.sum().item())
    assert (layer.weight < start).all()


def test_frozen_parameters_are_left_out_and_so_are_groups_of_them() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    model[0].requires_grad_(False)
    assert [len(group['params']) for group in build_adan(model.parameters(), lr=1).param_groups] == [2]
    groups = [dict(params=list(layer.parameters()), lr=rate) for layer, rate in zip(model, (0.1, 0.2), strict=True)]
    assert [group['lr'] for group in build_adan(groups).param_groups] == [0.2]


def _wrapper(layer: nn.Module, **options: object) -> AmpWrapper:
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    return OPTIM_WRAPPERS.build(dict(type='AmpWrapper', optimizer=optimizer, **options))


def test_bf16_computes_the_forward_pass_in_bf16_and_the_update_in_float32() -> None:
    layer = _layer()
    start, wrapper = layer.weight.detach().clone(), _wrapper(layer)
    with wrapper.optim_context(layer):
        out = layer(torch.ones(1, 3))
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().sum())
    assert layer.weight.dtype == torch.float32
    torch.testing.assert_close(layer.weight.detach(), start - 1.0)


def _scaled(wrapper: AmpWrapper, scale: float) -> AmpWrapper:
    """The wrapper with the loss scaling of fp16, which itself runs on a CPU, too."""
    wrapper.scaler = torch.amp.GradScaler('cpu', init_scale=scale)
    return wrapper


@pytest.mark.parametrize('scale', [None, 8.0])
def test_gradients_are_clipped_in_mixed_precision(scale: float | None) -> None:
    layer = _layer()
    start, wrapper = layer.weight.detach().clone(), _wrapper(layer, clip_grad=dict(max_norm=0.5))
    wrapper = _scaled(wrapper, scale) if scale else wrapper
    for step in (1, 2):
        wrapper.update_params(100 * layer(torch.tensor([[3.0, 0.0, 4.0]])).sum())
        torch.testing.assert_close(layer.weight.detach(), start - step * torch.tensor([[0.3, 0.0, 0.4]]))


def test_an_overflow_skips_the_step_and_halves_the_scale() -> None:
    layer = _layer()
    start, wrapper = layer.weight.detach().clone(), _scaled(_wrapper(layer), 8.0)
    wrapper.update_params((layer(torch.ones(1, 3)) * float('inf')).sum())
    assert torch.equal(layer.weight.detach(), start) and wrapper.scaler.get_scale() == 4.0


def test_accumulated_gradients_are_those_of_their_mean_and_step_once() -> None:
    layer = _layer()
    start, wrapper = layer.weight.detach().clone(), _wrapper(layer, accumulative_counts=2)
    wrapper.update_params(layer(torch.tensor([[1.0, 2.0, 3.0]])).sum())
    assert torch.equal(layer.weight.detach(), start)
    wrapper.update_params(layer(torch.tensor([[3.0, 4.0, 5.0]])).sum())
    torch.testing.assert_close(layer.weight.detach(), start - torch.tensor([[2.0, 3.0, 4.0]]))


def test_the_state_of_mixed_precision_survives_a_round_trip() -> None:
    state = _scaled(_wrapper(_layer()), 4.0).state_dict()
    plain, scaled = _wrapper(_layer()), _scaled(_wrapper(_layer()), 64.0)
    for other in (plain, scaled):  # in bf16 there is no scale to go on with
        other.load_state_dict(state)
        assert other.state_dict().keys() == state.keys()
    assert scaled.scaler.get_scale() == 4.0


def test_fp16_without_a_gpu_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"dtype='fp16'\) needs a GPU, the model is on cpu\. Use 'bf16'"):
        _wrapper(_layer(), dtype='fp16')


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"dtype='fp8'\) is not known"):
        _wrapper(_layer(), dtype='fp8')


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs an NVIDIA GPU')
@pytest.mark.parametrize('dtype', ['bf16', 'fp16'])
def test_mixed_precision_on_a_gpu_follows_float32(dtype: str) -> None:
    layer = _layer().cuda()
    start, wrapper = layer.weight.detach().clone(), _wrapper(layer, dtype=dtype, clip_grad=dict(max_norm=1e9))
    with wrapper.optim_context(layer):
        out = layer(torch.ones(1, 3, device='cuda'))
    wrapper.update_params(out.float().sum() / 4)  # 1 times fp16's first scale, 65536, would be no number of fp16
    torch.testing.assert_close(layer.weight.detach(), start - 0.25)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs an NVIDIA GPU')
def test_an_overflow_in_fp16_skips_the_step_and_lowers_the_scale() -> None:
    layer = _layer().cuda()
    start, wrapper = layer.weight.detach().clone(), _wrapper(layer, dtype='fp16')
    before = wrapper.scaler.get_scale()
    wrapper.update_params((layer(torch.ones(1, 3, device='cuda')) * float('inf')).sum())
    assert torch.equal(layer.weight.detach(), start)
    assert wrapper.scaler.get_scale() < before


@pytest.mark.skipif(torch.cuda.is_available(), reason='for machines without a GPU')
def test_the_best_precision_without_a_gpu_is_bf16() -> None:
    assert best_dtype() == 'bf16'


@pytest.mark.parametrize(('gpu', 'bf16', 'best'), [(True, True, 'bf16'), (True, False, 'fp16'), (False, False, 'bf16')])
def test_the_best_precision_is_bf16_but_on_a_gpu_without_it(gpu: bool, bf16: bool, best: str,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('torch.cuda.is_available', lambda: gpu)
    monkeypatch.setattr('torch.cuda.is_bf16_supported', lambda including_emulation: bf16 or including_emulation)
    assert best_dtype() == best


def test_automatic_precision_of_a_prediction_is_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    with predicting_in('auto', torch.device('cpu')):
        assert _layer()(torch.ones(1, 3)).dtype == torch.bfloat16
    monkeypatch.setattr(amp, 'best_dtype', lambda: 'fp16')
    with pytest.raises(ConfigError, match='--amp fp16 needs a GPU, the model is on cpu. Use --amp bf16'):
        predicting_in('auto', torch.device('cpu'))


def test_no_launcher_opens_no_group() -> None:
    distributed.start('none')
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize('begin', [
    distributed.start, lambda launcher: start_training('none.py', launcher=launcher),
    lambda launcher: run_test('none.py', None, None, launcher=launcher)])
def test_torchruns_variables_are_asked_for_before_a_config_is_read(
        begin: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    with pytest.raises(ConfigError, match='expects to be started by torchrun'):
        begin('pytorch')


@pytest.mark.parametrize(('launcher', 'present', 'told'), [
    ('pytorch', ['LOCAL_RANK', 'MASTER_PORT'], 'by torchrun, which sets RANK, WORLD_SIZE, MASTER_ADDR. Run'),
    ('slurm', ['SLURM_NTASKS'], 'by srun, with SLURM_PROCID, SLURM_NODELIST set. Start it so'),
    ('mpi', ['OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE'],
     'by mpirun, with MASTER_ADDR set. Start it so')])
def test_every_variable_of_a_launcher_is_asked_for(
        launcher: str, present: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('LOCAL_RANK', 'RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'SLURM_PROCID', 'SLURM_NODELIST'):
        monkeypatch.delenv(name, raising=False)
    for name in present:
        monkeypatch.setenv(name, '0')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    with pytest.raises(ConfigError, match=f'--launcher {launcher} expects to be started {told}'):
        distributed.start(launcher)


@pytest.mark.skipif(torch.cuda.is_available(), reason='for machines without a GPU')
def test_a_group_without_a_gpu_is_left_before_the_interpreter_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    at_the_end: list = []
    monkeypatch.setattr('atexit.register', at_the_end.append)
    for name, value in dict(LOCAL_RANK=0, RANK=0, WORLD_SIZE=1, MASTER_ADDR='127.0.0.1', MASTER_PORT=0).items():
        monkeypatch.setenv(name, str(value))
    distributed.start('pytorch')
    assert torch.distributed.is_initialized()
    while at_the_end:
        at_the_end.pop()()
    assert not torch.distributed.is_initialized()


@pytest.mark.skipif(torch.cuda.is_available(), reason='for machines without a GPU')
@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_cluster_launchers_need_gpus(launcher: str) -> None:
    with pytest.raises(ConfigError, match='needs GPUs and torch sees none'):
        distributed.start(launcher)


@pytest.mark.skipif(torch.cuda.is_available(), reason='for machines without a GPU')
def test_without_a_gpu_the_wrapper_is_told_of_none() -> None:
    assert distributed.wrapper_config(True) == dict(
        type='MMDistributedDataParallel', find_unused_parameters=True, device_ids=None)


@pytest.mark.parametrize('name', ['lr', 'weight_decay', 'eps'])
def test_a_negative_number_of_an_optimizer_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=rf'DecoupledAdagrad\({name}=-1\): a number of at least 0'):
        OPTIMIZERS.build(dict(type='DecoupledAdagrad', params=_layer().parameters(), **{name: -1}))
