"""The engine's visualizer, which hands panels to TensorBoard and the other backends."""

import numpy as np
from mmengine.dist import master_only
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer
from scipy.special import expit

from irstd_toolbox.registry import VISUALIZERS

from .difference import comparison
from .panels import save, to_rgb

__all__ = ['IRSTDVisualizer']

_DPI = 150


@VISUALIZERS.register_module()
class IRSTDVisualizer(Visualizer):
    """Draw each data sample as a panel: image, ground truth, prediction and probability, with circles and insets.

    It is the panel of ``tools/draw.py``, at 150 dpi where that has 300: 1074 pixels wide.

    mmseg's own visualizer blends a filled mask into the image and writes the class name over it, under which a target
    of five pixels cannot be seen.

    Args:
        name: The engine keeps one visualizer a name; two runs in one process need two names.
        insets: Greatest number of enlarged windows in a picture; misses come first.
        **kwargs: ``vis_backends`` and ``save_dir`` of the engine's class.
    """

    def __init__(self, name: str = 'visualizer', insets: int = 2, **kwargs) -> None:
        super().__init__(name=name, **kwargs)
        self.insets = insets

    @master_only
    def add_datasample(
        self, name: str, image: np.ndarray, data_sample: BaseDataElement | None = None, draw_gt: bool = True,
        draw_pred: bool = True, show: bool = False, wait_time: float = 0, out_file: str | None = None, step: int = 0,
    ) -> None:
        """Draw one sample and hand the picture on.

        Args:
            name: The picture's name at the backends and its title.
            image: The image at the size of the sample's maps; an array or a tensor.
            data_sample: Holds ``gt_sem_seg``, ``pred_sem_seg`` and ``seg_logits``, each if it is known.
            draw_gt: Whether to show the ground truth.
            draw_pred: Whether to show prediction and probability.
            show: Open a window instead of calling the backends.
            wait_time: Seconds that the window stays; 0 waits for a key.
            out_file: Write the picture there instead of calling the backends.
            step: Iteration that the backends file the picture under.

        Raises:
            DataError: If the image's size differs from the maps'.
        """
        logits = _map(data_sample, 'seg_logits') if draw_pred else None
        mask = _map(data_sample, 'pred_sem_seg') if draw_pred else None
        figure = comparison(
            _array(image), _map(data_sample, 'gt_sem_seg') if draw_gt else None,
            {} if mask is None else {'prediction': mask}, insets=self.insets, title=name,
            probabilities={} if logits is None else {'prediction': expit(logits)})
        figure.set_dpi(_DPI)
        if out_file is not None:
            save(figure, out_file)
        if show:
            self.show(to_rgb(figure), win_name=name, wait_time=wait_time)
        elif out_file is None:
            self.add_image(name, to_rgb(figure), step=step)


def _array(values: object) -> np.ndarray:
    """An array or a tensor of any device and type as an array."""
    if hasattr(values, 'detach'):
        values = values.detach().cpu()
        values = (values.float() if values.is_floating_point() else values).numpy()
    return np.asarray(values)


def _map(data_sample: BaseDataElement | None, field: str) -> np.ndarray | None:
    """A one-channel map of the sample as ``(H, W)``; None if the sample has none."""
    if data_sample is None or field not in data_sample:
        return None
    return _array(data_sample.get(field).data)[0]
