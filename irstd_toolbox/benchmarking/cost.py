"""What a model costs: parameters, operations, latency and memory, measured in the process that calls."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ..datasets.synthetic import SceneOptions, make_scene
from ..models.complexity import complexity, forward_of
from ..registry import MODELS
from .memory import forget_peak, peak_memory

__all__ = ['SIDE', 'measure', 'measure_on_gpu', 'percentiles', 'scene_for', 'timed', 'timed_on_gpu']

SIDE = 256
"""Side of the image that latency and memory are measured at."""

_WARM_UP, _WARM_UP_GPU = 1, 10
_LEAST_SCENE = 64


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """The 5th, 50th and 95th percentile, linear between neighbours.

    Example:
        >>> percentiles([float(number) for number in range(101)])
        {'p5': 5.0, 'p50': 50.0, 'p95': 95.0}
    """
    return {f'p{share}': float(np.percentile(milliseconds, share)) for share in (5, 50, 95)}


def measure(model: dict, size: int = SIDE, repeats: int = 20, threads: int = 1) -> dict[str, Any]:
    """Measure the model of a config on one image of ``size`` x ``size``.

    Args:
        model: The config's ``model``.
        size: Side of the image of latency and memory; operations are counted at 256 and 512.
        repeats: Timed forward passes, after one (on a GPU ten) that are not.
        threads: Of torch.

    Returns:
        ``parameters``; ``macs_256``, ``macs_512``; ``size``; ``cpu_ms`` and ``gpu_ms`` (percentiles; None without a GPU
        or without parameters, since a formula is computed on the CPU); ``memory_mib``, by which the process's peak rose
        from before the model was built; ``gpu_memory_mib``, torch's peak of allocated memory.

    Note:
        CPU time, not wall time: other programs lengthen it less. At more threads than one it is their sum. The image is
        a synthetic scene, since the time of iterative model-driven methods depends on what they see.
    """
    torch.set_num_threads(threads)
    small, large = complexity(model, (256, 256)), complexity(model, (512, 512))
    forget_peak()  # what was built to be counted is gone
    before = peak_memory()
    network, image, descriptor = _inputs(model, size)
    with torch.inference_mode():
        times = timed(forward_of(network, image, descriptor), repeats)
    memory = peak_memory() - before
    gpu = gpu_memory = None
    if torch.cuda.is_available() and any(True for _ in network.parameters()):
        gpu, gpu_memory = _on_gpu(network, image, descriptor, repeats)
    return dict(parameters=small['parameters'], macs_256=small['macs'], macs_512=large['macs'], size=size,
                cpu_ms=percentiles(times), gpu_ms=gpu, memory_mib=memory, gpu_memory_mib=gpu_memory)


def measure_on_gpu(model: dict, size: int = SIDE, repeats: int = 20) -> dict[str, Any]:
    """Measure the model of a config on one image of ``size`` x ``size`` on the GPU alone.

    Args:
        model: The config's ``model``.
        size: Side of the image.
        repeats: Timed forward passes, after ten that are not.

    Returns:
        ``gpu_ms`` (percentiles) and ``gpu_memory_mib`` (torch's peak of allocated memory), both None without
        parameters, since a formula is computed on the CPU.
    """
    network, image, descriptor = _inputs(model, size)
    times = memory = None
    if any(True for _ in network.parameters()):
        times, memory = _on_gpu(network, image, descriptor, repeats)
    return dict(gpu_ms=times, gpu_memory_mib=memory)


def _inputs(model: dict, size: int) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor | None]:
    """The network of a config, a scene and a descriptor for it."""
    network = MODELS.build(model).eval()
    dimension = None if network.target_descriptor is None else network.target_descriptor.dim
    return network, scene_for(network, size), None if dimension is None else torch.rand(1, dimension)


def scene_for(network: torch.nn.Module, size: int) -> torch.Tensor:
    """A synthetic scene as the network gets it, ``(1, C, size, size)``."""
    side = max(size, _LEAST_SCENE)
    scene = make_scene(0, 0, SceneOptions(size=(side, side))).image[:size, :size]
    packed = dict(inputs=[torch.from_numpy(scene.astype(np.float32))[None]])
    return network.data_preprocessor(packed, False)['inputs'][..., :size, :size].contiguous()


def timed(forward: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds of CPU time of each call, after one that does not count."""
    times = []
    for _ in range(_WARM_UP + repeats):
        start = time.process_time()
        forward()
        times.append((time.process_time() - start) * 1e3)
    return times[_WARM_UP:]


def _on_gpu(network: torch.nn.Module, image: torch.Tensor, descriptor: torch.Tensor | None,
            repeats: int) -> tuple[dict[str, float], float]:
    """Percentiles between two events around each forward pass, and the peak of allocated memory."""
    network.target_descriptor = None  # the descriptor is given, and its encoder would count as the network's memory
    network.cuda()
    image = image.cuda()
    descriptor = None if descriptor is None else descriptor.cuda()
    torch.cuda.reset_peak_memory_stats()
    with torch.inference_mode():
        times = timed_on_gpu(forward_of(network, image, descriptor), repeats)
    return percentiles(times), torch.cuda.max_memory_allocated() / 2**20


def timed_on_gpu(forward: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds between two events around each call, after ten that do not count."""
    times = []
    for number in range(_WARM_UP_GPU + repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        start.record()
        forward()
        end.record()
        torch.cuda.synchronize()
        if number >= _WARM_UP_GPU:
            times.append(start.elapsed_time(end))
    return times
