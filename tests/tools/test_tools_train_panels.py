"""tools/train.py with PanelHook: panels of a real training, and ids refused before it leaves a trace."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from irstd_toolbox.errors import ConfigError


def train(load_tool: Callable[[str], ModuleType], config: Path, hook: str) -> Path:
    """The work folder of the tiny training with one hook more."""
    config.write_text(f'{config.read_text()}\ncustom_hooks += [dict({hook})]\n')
    load_tool('train').main([str(config), '--work-dir', str(config.parent / 'run')])
    return config.parent / 'run'


def test_a_training_leaves_a_panel_of_each_chosen_image_and_validation(
    load_tool: Callable[[str], ModuleType], config: Path,
) -> None:
    folder = train(load_tool, config, "type='PanelHook', images=5, tag='held'")
    shown = sorted(path.name for path in folder.rglob('vis_image/*.png'))
    ids = {name.rpartition('_')[0].removeprefix('held_') for name in shown}
    assert len(ids) == 2 and ids <= {f'scene_{number}' for number in range(8)}
    assert shown == sorted(f'held_{one}_{epoch}.png' for one in ids for epoch in (1, 2))


def test_an_image_that_is_not_validated_on_is_refused_before_anything_is_written(
    load_tool: Callable[[str], ModuleType], config: Path,
) -> None:
    with pytest.raises(ConfigError, match="names 'scene_12', which is not among the 2 images of the validation"):
        train(load_tool, config, "type='PanelHook', images=['scene_12']")
    assert not (config.parent / 'run').exists()
