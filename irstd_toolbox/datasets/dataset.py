"""The data set class: what was found on disk, as samples for the pipeline."""

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, Compose
from mmengine.dataset import ConcatDataset as EngineConcatDataset
from mmengine.logging import MMLogger, print_log

from irstd_toolbox.datasets.holdout import carve
from irstd_toolbox.datasets.imaging import read_mask
from irstd_toolbox.datasets.layouts import Layout, detect
from irstd_toolbox.datasets.resident import ResidentPixels
from irstd_toolbox.datasets.text_controls import misassign
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.registry import DATASETS, TRANSFORMS
from irstd_toolbox.text_priors.store import joint_origin, read_description, read_provenance

__all__ = ['ConcatDataset', 'IRSTDDataset']

_TRAINING = ('train', 'trainval')
_OF_ONE = ('dataset', 'layout', 'split', 'holdout', 'part', 'descriptions')
"""What ``metainfo`` says of one data set alone."""
_described: set[tuple[str, str]] = set()


@DATASETS.register_module()
class IRSTDDataset(BaseDataset):
    """Images, masks and descriptions of any layout that ``docs/datasets.md`` lists, or of one's own folder.

    A sample enters the pipeline as ``image_id``, ``img_path``, ``mask_path`` (None if there is none) and
    ``description`` (None if there is none). What was detected is logged once for every folder.

    Args:
        data_root: The data set's folder, or one that holds it.
        name: The data set's name, see :func:`irstd_toolbox.datasets.layouts.detect`.
        layout: ``'auto'``, a layout to insist on, or a dict of folders; see the same.
        split: ``'trainval'``, ``'train'``, ``'val'``, ``'test'``, ``'all'``, another list of the data set
            (``'idx_320/test'``) or the path of a list file.
        holdout: Share of ``split`` to hold out, see :func:`irstd_toolbox.datasets.holdout.carve`.
        part: ``'fit'``, or ``'holdout'`` for what is held out.
        seed: Seed of the holdout, and of ``text_control``. Both parts must be given the same.
        description_dir: Folder of descriptions in place of the data set's own; as it is, or below ``data_root``.
        text_control: ``'shuffled'`` or ``'wrong'`` give images the sentences of others
            (:func:`.text_controls.misassign`), to see whether the text matters; None leaves each its own.
        require_masks: Whether every image must have a mask. False is for images to predict only.
        pipeline: Transforms, as dicts or callables.
        indices: The first so many samples, from 1, or which ones.
        test_mode: Whether a sample that a transform rejects (None) is an error rather than replaced by another.
        lazy_init: Whether to look at the disk only when asked.
        in_memory: Whether to run the pipeline's first steps, up to the first that is not ``fixed`` (does not make the
            same of an image every time), once for every image at the start and keep what they make. Samples are the
            same with it and without. Workers that are forked share it, processes of a distributed training do not.
            A device such as ``'cuda'`` keeps images and masks there and mirrors and turns them there, for pipelines
            that do no more (:class:`.ResidentPixels`); samples are the same, and the loader takes no workers.

    Raises:
        DataError: If the data is missing or not as expected; the message says what was looked for and where.
        ConfigError: If an argument is, or ``in_memory`` finds nothing to keep.

    References:
        Data sets and layouts: ``docs/datasets.md``.
    """

    METAINFO = dict(classes=('background', 'target'), palette=[[0, 0, 0], [255, 0, 0]])

    def __init__(
        self,
        data_root: str,
        name: str | None = None,
        layout: str | Mapping = 'auto',
        split: str = 'trainval',
        holdout: float = 0.0,
        part: str = 'fit',
        seed: int = 0,
        description_dir: str | None = None,
        text_control: str | None = None,
        require_masks: bool = True,
        pipeline: Sequence[Mapping | Callable] = (),
        indices: int | Sequence[int] | None = None,
        test_mode: bool = False,
        lazy_init: bool = False,
        in_memory: bool | str = False,
    ) -> None:
        if isinstance(indices, int) and (isinstance(indices, bool) or indices < 1):
            raise ConfigError(f'indices={indices!r}: a number of samples from 1, or a list of their numbers, is '
                              'expected; None takes all.')
        self.name, self.layout, self.split = name, layout, split
        self.holdout, self.part, self.seed = holdout, part, seed
        self.description_dir, self.text_control = description_dir, text_control
        self.require_masks = require_masks
        self.in_memory = in_memory
        self._kept: dict[str, dict[str, Any]] = {}
        self._resident: ResidentPixels | None = None
        self.found: Layout | None = None
        transforms = [TRANSFORMS.build(step) if isinstance(step, Mapping) else step for step in pipeline]
        super().__init__(data_root=str(data_root), pipeline=transforms, indices=indices, test_mode=test_mode,
                         lazy_init=lazy_init)

    def full_init(self) -> None:
        """Look at the disk, and keep what is to be kept."""
        super().full_init()
        if self.in_memory and not self._kept:
            self._keep()

    def plan_keeping(self, in_memory: bool | str) -> tuple[int, ResidentPixels | None]:
        """How many first steps of the pipeline ``in_memory`` would run once, and what would hold pixels on a device.

        Raises:
            ConfigError: If that is none, or the device is not there or cannot do the other steps.
        """
        steps = self.pipeline.transforms
        count = next((i for i, step in enumerate(steps) if not getattr(step, 'fixed', False)), len(steps))
        if not count:
            first = type(steps[0]).__name__ if steps else 'no step at all'
            raise ConfigError(f'in_memory={in_memory!r} keeps what the first steps of the pipeline make, which begins '
                              f'with {first}. Begin it with LoadImage, or leave in_memory out.')
        return count, ResidentPixels(in_memory, steps[count:]) if isinstance(in_memory, str) else None

    def _keep(self) -> None:
        steps = self.pipeline.transforms
        count, self._resident = self.plan_keeping(self.in_memory)
        fixed, self._rest = Compose(steps[:count]), Compose(steps[count:])
        size = 0
        for index in range(len(self)):
            results = fixed(self.get_data_info(index))
            for value in results.values():
                if isinstance(value, np.ndarray):
                    value.setflags(write=False)  # a later step that wrote into it would change every epoch after
                    size += value.nbytes
            self._kept[results['image_id']] = self._resident.keep(results) if self._resident else results
        where = f'on {self._resident.device}' if self._resident else 'in memory'
        print_log(f'{self.found.name}, {self.split}: {len(self)} samples are kept {where} as they are after '
                  f'{type(steps[count - 1]).__name__}, {size / 2**20:.1f} MiB', logger='current')

    def prepare_data(self, idx: int) -> Any:
        """The sample of an index, or None where a transform rejects it."""
        if not self._kept:
            return super().prepare_data(idx)
        info = self.get_data_info(idx)  # its number is another in a subset
        image_id = info['image_id']
        sample = self._rest(self._kept[image_id] | dict(sample_idx=info['sample_idx']))
        return self._resident.fill(sample, image_id) if self._resident else sample

    def load_data_list(self) -> list[dict[str, Any]]:
        """Look at the disk; one dict a sample."""
        self.found = found = detect(self.data_root, self.name, self.layout)
        chosen = found.resolve(self.split, self.require_masks)
        ids = carve(chosen.ids, self.holdout, self.part, self.seed)
        texts = self._descriptions(ids)
        if self.text_control is not None:
            own = len(texts)
            texts = misassign(texts, self.text_control, self._mask, self.seed)
            print_log(f'{found.name}: text_control={self.text_control!r}: {len(texts)} of {own} images get the '
                      'description of another, the others none', logger='current', level=logging.WARNING)
        self._metainfo.update(dataset=found.name, layout=found.layout, split=self.split, holdout=self.holdout,
                              part=self.part, descriptions=self._origin(texts))
        self._report(f'{chosen.describe()}; part {self.part}: {len(ids)}' if self.holdout else chosen.describe(), texts)
        return [
            dict(image_id=image_id, img_path=str(found.images[image_id]), description=texts.get(image_id),
                 mask_path=str(found.masks[image_id]) if image_id in found.masks else None)
            for image_id in ids]

    def _mask(self, image_id: str) -> np.ndarray | None:
        return read_mask(self.found.masks[image_id]) if image_id in self.found.masks else None

    def _description_folder(self) -> Path:
        places = [Path(self.description_dir).expanduser(), self.found.root / self.description_dir]
        for place in places:
            if place.is_dir():
                return place
        raise DataError(f'description_dir: no folder {self.description_dir}, neither as it is nor below '
                        f'{self.found.root}. Write descriptions with tools/annotate.py, or leave it out.')

    def _descriptions(self, ids: Sequence[str]) -> dict[str, str]:
        """Id to description, where there is one."""
        if self.description_dir is None:
            folders = {image_id: path.parent for image_id, path in self.found.descriptions.items()}
        else:
            folder = self._description_folder()
            folders = {image_id: (folder / image_id).parent for image_id in ids}
        texts = {image_id: read_description(folders[image_id], image_id.rpartition('/')[2])
                 for image_id in ids if image_id in folders}
        texts = {image_id: text for image_id, text in texts.items() if text is not None}
        if self.description_dir is not None and not texts:
            raise DataError(f'{folder}: no description of any of the {len(ids)} images; expected file names such as '
                            f'{ids[0]}.description.txt. Write them with tools/annotate.py, or give no description_dir.')
        return texts

    def _origin(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """How many images have a description, and whether those were made from masks; None where nobody recorded it."""
        if self.description_dir is None:
            own = self.found.descriptions
            used = [own[image_id] for image_id in texts if image_id in own]
            folders = [folder for folder in self.found.description_folders
                       if any(path.is_relative_to(folder) for path in used)]
        else:
            folders = [self._description_folder()] if texts else []
        told = [(read_provenance(folder) or {}).get('uses_ground_truth') for folder in folders]
        return dict(images=len(texts), uses_ground_truth=joint_origin(told))

    def _report(self, split: str, texts: Mapping[str, str]) -> None:
        """Log what was detected once, and which images this data set takes."""
        text = self.found.describe()
        told = MMLogger.get_current_instance().instance_name, text  # a training's log begins after its checks
        if told not in _described:
            _described.add(told)
            print_log(text, logger='current')
        print_log(f'{self.found.name}, {split}; {len(texts)} with a description', logger='current')
        alone = self.part == 'holdout' and self.split not in _TRAINING
        if self.holdout and (alone or self.split in ('val', 'test')):
            print_log(f'{self.found.name}: of the list {self.split} {self.holdout:g} is '
                      f'{"taken alone" if alone else "left out"}, as held out. To take all of it set holdout=0 '
                      "and part='fit'.", logger='current', level=logging.WARNING)
        if self.split not in _TRAINING or 'test' not in self.found.splits:
            return
        with contextlib.suppress(DataError):  # a broken test list concerns those who test
            shared = self.found.overlap(self.split, 'test')
            if shared:
                print_log(f'{self.found.name}: {len(shared)} images are on both the {self.split} and the test list, '
                          f'such as {shared[0]}; results on the test list will be too good.', logger='current',
                          level=logging.WARNING)


@DATASETS.register_module()
class ConcatDataset(EngineConcatDataset):
    """Several data sets as one, such as IRSTD-1k and NUAA-SIRST to train on both.

    Args:
        datasets: Data sets, or configs of some.
        lazy_init: Whether to look at the disk only when asked.
        ignore_keys: What else of their ``metainfo`` may differ, beside what says where their samples are from.

    Note:
        ``metainfo`` is the first data set's, but for ``descriptions``, which counts those of all.
    """

    def __init__(self, datasets: Sequence[Any], lazy_init: bool = False, ignore_keys: str | Sequence[str] = ()) -> None:
        own = [ignore_keys] if isinstance(ignore_keys, str) else list(ignore_keys)
        super().__init__(datasets, lazy_init, [*_OF_ONE, *own])
        told = [one.metainfo['descriptions'] for one in self.datasets if 'descriptions' in one.metainfo]
        if told:
            self._metainfo['descriptions'] = dict(
                images=sum(one['images'] for one in told),
                uses_ground_truth=joint_origin(one['uses_ground_truth'] for one in told))
