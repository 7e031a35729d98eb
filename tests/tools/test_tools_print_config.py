"""tools/print_config.py: what it prints is the config."""

import pytest

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.training.config_edits import load_config


def test_what_is_printed_reads_as_the_config_with_its_options(load_tool, config, tmp_path, capsys):
    config.with_name('own.py').write_text("_base_ = 'tiny.py'\nmodel = dict(loss=dict(type='SoftIoULoss'))\n")
    options = ['train_dataloader.batch_size=2', 'work_dir=a b']
    load_tool('print_config').main([str(config.with_name('own.py')), '--cfg-options', *options])
    printed = tmp_path / 'printed.py'
    printed.write_text(capsys.readouterr().out)
    again = load_config(str(printed))
    assert again.to_dict() == load_config(str(config.with_name('own.py')), options).to_dict()
    assert (again.model.loss.type, again.train_dataloader.batch_size, again.work_dir) == ('SoftIoULoss', 2, 'a b')
    assert '_base_' not in printed.read_text()


def test_an_option_without_a_place_is_refused_and_nothing_printed(load_tool, config, capsys):
    with pytest.raises(ConfigError, match='the config has no modle'):
        load_tool('print_config').main([str(config), '--cfg-options', 'modle.loss.type=BCELoss'])
    assert capsys.readouterr().out == ''
