"""Infrared small target detection: models, language priors, metrics and protocols.

Importing this package registers nothing and loads no torch; components register at the first
look-up in their registry (:mod:`irstd_toolbox.registry`).
"""

import pluggy

__version__ = '0.1.0'
__all__ = ['__version__', 'hookimpl']

hookimpl = pluggy.HookimplMarker('irstd_toolbox')
"""Marks a plugin's hook implementation, see :mod:`irstd_toolbox.plugins`."""
