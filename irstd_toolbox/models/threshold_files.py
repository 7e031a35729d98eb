"""What ``tools/tune_threshold.py`` writes, read back: for formulas and for networks."""

import json
from pathlib import Path
from typing import Any

from ..errors import ConfigError

__all__ = ['is_oracle', 'read_threshold_file']


def read_threshold_file(path: str) -> tuple[float, str, dict | str]:
    """Value, scale and origin of a threshold.

    Raises:
        ConfigError: If the file is missing or holds none.
    """
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        origin = content['origin']
        if not isinstance(origin, str) and not isinstance(origin.get('checkpoint', ''), str | None):
            raise TypeError(f'origin.checkpoint is {origin["checkpoint"]!r:.80}, and a text is expected')
        return content['value'], content['scale'], origin
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f'{path} holds no threshold ({type(error).__name__}: {error}); expected the JSON file that '
                          'python tools/tune_threshold.py writes.') from error


def is_oracle(origin: Any) -> bool:
    """Whether a threshold was chosen on images that are tested on; older files say so by the name of their list."""
    return isinstance(origin, dict) and bool(origin.get('oracle', origin.get('split') == 'test'))
