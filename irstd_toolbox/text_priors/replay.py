"""Descriptions that exist already, handed out again by the contract of a provider."""

import os
from pathlib import Path
from typing import ClassVar

import irstd_toolbox.text_priors.store as store
from irstd_toolbox.errors import ConfigError, DataError
from irstd_toolbox.registry import TEXT_PRIOR_PROVIDERS
from irstd_toolbox.text_priors.provider import TextPriorProvider
from irstd_toolbox.text_priors.scene import Scene

__all__ = ['ReplayProvider']


@TEXT_PRIOR_PROVIDERS.register_module(name='replay')
class ReplayProvider(TextPriorProvider):
    """Look the sentence up in a folder of descriptions, under any of the four file names.

    The object's ``uses_ground_truth`` is what the folder's ``provenance.json`` says of whoever wrote the sentences; if
    it does not say, ``origin_known`` is False.

    Args:
        folder: The folder that holds the descriptions, or a data set's root above it.

    Raises:
        ConfigError: If ``folder`` is no path.
        DataError: If the folder does not exist, or, from ``describe``, if it holds no sentence for the scene.

    Note:
        A folder without ``provenance.json`` (sentences written by hand, or by another program) is of unknown origin.
        It may be replayed on test images, and the record then says that nobody knows.
    """

    uses_ground_truth: ClassVar[bool] = False

    def __init__(self, folder: str | os.PathLike) -> None:
        if not isinstance(folder, str | os.PathLike):
            raise ConfigError(f'replay: folder={folder!r}; expected a path. Write ./{folder} if it is one.')
        folder = Path(folder)
        self.folder = store.find_folder(folder) or folder
        if not self.folder.is_dir():
            raise DataError(f'replay: {folder} is not a folder. Expected a folder of descriptions, or a data set\'s '
                            f'root that holds one named {" or ".join(store.FOLDERS)}.')
        self.provenance = store.read_provenance(self.folder)
        said = (self.provenance or {}).get('uses_ground_truth')
        self.uses_ground_truth, self.origin_known = bool(said), said is not None

    def describe(self, scene: Scene) -> str:
        sentence = store.read_description(self.folder, scene.image_id)
        if sentence is None:
            names = ', '.join(scene.image_id + suffix for suffix in store.SUFFIXES)
            raise DataError(f'replay: {self.folder} holds no description of {scene.image_id!r}. Looked for {names}.')
        return sentence
