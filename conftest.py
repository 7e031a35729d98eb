"""Which files doctests leave out: those that need a package that the test extra does not install."""

from importlib.util import find_spec

collect_ignore = [] if find_spec('gradio') else ['irstd_toolbox/app/page.py', 'irstd_toolbox/app/server.py']
