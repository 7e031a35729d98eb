"""The plans in configs/slots: every training of them can be built."""

from pathlib import Path

import pytest
import torch

from irstd_toolbox.registry import MODELS, OPTIMIZERS, TRANSFORMS
from irstd_toolbox.slots.plan import read_plan
from irstd_toolbox.training.config_edits import load_config

ROOT = Path(__file__).resolve().parents[2]
PLANS = sorted((ROOT / 'configs' / 'slots').glob('*.py'))


@pytest.mark.parametrize('path', PLANS, ids=lambda path: path.stem)
def test_every_run_of_a_plan_builds_its_network_optimizer_and_pipelines(
        path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('IRSTD_DATA_ROOT', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ('NUAA-SIRST', 'IRSTD-1k', 'work_dirs/slots_gpu3/small_clip'):
        (tmp_path / name).mkdir(parents=True)
    plan = read_plan(path, ROOT)
    assert len(plan.runs) > 1
    for run in plan.runs:
        config = load_config(str(ROOT / run.config), run.options)
        if any(option.startswith('model.') for option in run.options):  # every config is built in test_configs.py
            MODELS.build(config.model)
        weights = [torch.zeros(1, requires_grad=True)]
        optimizer = OPTIMIZERS.build(dict(config.optim_wrapper.optimizer, params=weights))
        assert optimizer.param_groups[0]['lr'] > 0
        for loader in ('train', 'val', 'test'):
            for step in config[f'{loader}_dataloader'].dataset.pipeline:
                TRANSFORMS.build(step)
