"""Generated tables inside Markdown files."""

import pytest

from irstd_toolbox.errors import DataError
from irstd_toolbox.evaluation.sections import replace_section

BEFORE = 'Title\n\n<!-- cost -->\nold | table\n<!-- /cost -->\n\n<!-- other -->\nkept\n<!-- /other -->\n'


def test_a_section_gets_the_command_and_the_text_and_the_rest_stays(tmp_path):
    path = tmp_path / 'a.md'
    path.write_text(BEFORE)
    replace_section(path, 'cost', ['tools/a.py', 'two words'], '| new |\n')
    assert path.read_text() == BEFORE.replace(
        'old | table', "```bash\npython tools/a.py 'two words'\n```\n\n| new |")


def test_the_same_again_changes_nothing(tmp_path):
    path = tmp_path / 'a.md'
    path.write_text(BEFORE)
    replace_section(path, 'cost', ['tools/a.py'], '| new |')
    once = path.read_text()
    replace_section(path, 'cost', ['tools/a.py'], '| new |')
    assert path.read_text() == once


@pytest.mark.parametrize('text', ['no lines\n', '<!-- cost -->\nnot closed\n', '<!-- /cost -->\n<!-- cost -->\n'])
def test_a_file_without_the_section_is_left_alone(tmp_path, text):
    path = tmp_path / 'a.md'
    path.write_text(text)
    with pytest.raises(DataError, match="no section 'cost'. Write the lines <!-- cost --> and <!-- /cost -->"):
        replace_section(path, 'cost', ['tools/a.py'], '| new |')
    assert path.read_text() == text


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r'a\.md does not exist'):
        replace_section(tmp_path / 'a.md', 'cost', ['tools/a.py'], '')
