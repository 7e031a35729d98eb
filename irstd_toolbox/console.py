"""How a tool meets the person who called it: one clear paragraph for an error, an exit status, no noise."""

import argparse
import errno
import inspect
import itertools
import os
import re
import reprlib
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from .allocator import keep_freed_memory
from .errors import UserError, lacks_memory

__all__ = [
    'add_overrides', 'add_plugins', 'inches', 'load_protocols', 'logged', 'print_tables', 'quiet', 'run', 'whole']

INTERRUPTED, USER_ERROR = 130, 2
_OF_ARGUMENTS = ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError
_OF_SHAPES = re.compile('to have [0-9]+ channels, but got|Invalid channel dimensions|should contain [0-9]+ elements|'
                        'shapes cannot be multiplied|must match the size of tensor|Sizes of tensors must match')
_OF_THE_PLACE = {errno.EACCES, errno.EDQUOT, errno.ENAMETOOLONG, errno.ENOSPC, errno.ENOTDIR, errno.EPERM,
                 errno.EROFS}


def quiet() -> None:
    """Silence what the libraries below print at every start; show each warning once, as one line without source."""
    import contextlib
    import io
    import logging

    noise = ('Fail to import', 'Setting (OMP|MKL)_NUM_THREADS', '.*draw is False', '.*broadcast_buffers', '.*QuickGELU')
    for pattern in noise:
        warnings.filterwarnings('ignore', message=pattern)
    warnings.filterwarnings('ignore', category=DeprecationWarning)
    said = set()

    def show(message: Warning | str, *_: object) -> None:
        if str(message) not in said:
            said.add(str(message))
            print(f'warning: {message}', file=sys.stderr)

    warnings.showwarning = show
    logging.getLogger('matplotlib').setLevel(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):  # a missing optional backend is announced there
        import mmengine.fileio  # noqa: F401


def whole(least: int, otherwise: str = '') -> Callable[[str], int]:
    """The ``type`` of a command line's option: a whole number from ``least``; ``otherwise`` ends what is expected.

    Examples:
        >>> whole(1)('3')
        3
    """
    def number(text: str) -> int:
        if not re.fullmatch(r'\s*-?\d+\s*', text) or int(text) < least:
            raise argparse.ArgumentTypeError(f'{text!r}; expected a whole number from {least}{otherwise}')
        return int(text)
    return number


def inches(text: str) -> float:
    """The ``type`` of a command line's option: the width of a figure.

    Examples:
        >>> inches('7.16')
        7.16
    """
    try:
        width = float(text)
    except ValueError:
        width = 0.0
    if not 1 <= width <= 40:
        raise argparse.ArgumentTypeError(f'{text!r}; expected inches, 1 to 40, for example 3.5 or 7.16')
    return width


def add_plugins(parser: argparse._ActionsContainer) -> None:
    """Add the option ``--plugins DIR`` to a tool's command line, or to a group of it."""
    parser.add_argument('--plugins', nargs='+', action='extend', default=[], metavar='DIR', help='folders with plugins')


def add_overrides(parser: argparse._ActionsContainer, help: str = 'override parts of the config') -> None:
    """Add the option ``--cfg-options KEY=VALUE`` to a tool's command line, or to a group of it."""
    parser.add_argument('--cfg-options', nargs='+', action='extend', default=[], metavar='KEY=VALUE', help=help)


def load_protocols(folders: Sequence[str]) -> None:
    """Load plugins for a tool that takes protocols and builds no component: without any, the engine is not imported.

    Raises:
        PluginError: If a folder that was named is none.
    """
    from .plugin_finding import any_but_ours

    if any_but_ours(folders):
        quiet()
        from .plugins import load_plugins
        load_plugins(folders)


def logged(log: Path, tool: Path, *arguments: object) -> bool:
    """Run one tool in a process of its own, its output added to ``log``; whether it ended well."""
    import subprocess

    with log.open('a') as file:
        return not subprocess.run([sys.executable, str(tool), *map(str, arguments)], stdout=file, stderr=file,
                                  check=False).returncode


def print_tables(*tables: object) -> None:
    """Print rich's tables at the width of their content, where terminal or pipe is narrower: no figure is cut off.

    Brackets in names are no markup.
    """
    from rich.console import Console
    from rich.measure import Measurement

    for table in tables:
        console = Console(markup=False)
        needed = Measurement.get(console, console.options.update(width=10_000, max_width=10_000), table).maximum
        console.width = max(console.width, needed)
        console.print(table)


def run(main: Callable[[], int | None]) -> None:
    """Call ``main`` and leave with its status: 2 and one paragraph for a user's error, 130 for Ctrl-C.

    The process is the tool's own, so it keeps the memory that it frees.
    """
    keep_freed_memory()
    warnings.filterwarnings('ignore', 'Corrupt EXIF data|Truncated File Read')  # of a damaged TIFF: the error says it
    os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')  # likewise, read where OpenCV is loaded, later
    try:
        status = main()
    except KeyboardInterrupt:
        print('\ninterrupted', file=sys.stderr)
        status = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:
        text = explain(error) if not isinstance(error, UserError) else plain(str(error))
        if text is None:
            raise
        print(f'error: {text}', file=sys.stderr)
        status = USER_ERROR
    sys.exit(status or 0)


def plain(text: str) -> str:
    """An error's own words, without the traceback that a DataLoader's worker wraps around them."""
    return re.split(r'irstd_toolbox\.errors\.\w+: ', text)[-1].strip()


def explain(error: Exception) -> str | None:
    """An error of a file's place, a missing module, a registry, memory, a constructor or parts that do not fit, told.

    None for any other: a defect.
    """
    if isinstance(error, OSError) and error.errno in _OF_THE_PLACE:
        place = error.filename2 or error.filename  # of a copy, where it goes
        if place is not None:
            return f'{place}: {error.strerror}. Name another place, or put this one right.'
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # while writing into a file that is open
            return f'What was to be written does not fit: {error.strerror}. Make room there, or name another place.'
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition('.')[0] != __package__:
        return f'The module {error.name!r} is not installed, which a plugin or config asks for. Install what holds it.'
    text = str(error.args[0]) if error.args else ''
    asked = re.search(r'"pip install ([^"]+)"', text)
    if isinstance(error, ImportError) and asked:  # as the engine's backends of the visualizer say it
        return (f'A package is not installed that the config asks for, maybe by vis_backends. Install it: pip install '
                f'{asked[1]}; or leave out what needs it.')
    if isinstance(error, KeyError) and 'is not a registered' in text:
        return text
    missing = re.search(r'(\w+) is not in the [\w.]+::([\w ]+) registry', text)
    if missing:
        from . import registry
        for candidate in vars(registry).values():
            if getattr(candidate, 'name', None) == missing[2]:
                return registry.unregistered(missing[1], candidate)
    if lacks_memory(error):
        return (f'The memory does not hold what was to be computed: {text.partition(". ")[0] or "MemoryError"}. End '
                'what else runs there, take less at once, or a machine with more.')
    if isinstance(error, RuntimeError) and text.startswith('DataLoader worker'):
        return (f'A process that loads images was ended from outside: {text} Give the machine, or the container by '
                '--shm-size, more memory, or load without them, --cfg-options train_dataloader.num_workers=0.')
    if isinstance(error, RuntimeError) and 'gloo/transport' in text:
        return 'Another process of this run has ended, for which this one waited. Its own message says why.'
    refused = re.match(r'([\w.]+?)(\.__init__\(\) (got an unexpected|missing)|\(\) takes no arguments$)', text)
    if isinstance(error, TypeError) and refused:
        text += '' if text.endswith('?') else '.'  # from Python 3.13 on it may ask: Did you mean ...?
        return f'{text} Compare the config with the arguments of {refused[1]}.'
    if isinstance(error, TypeError) and text.startswith('cfg should be a dict'):
        return f'A component of the config is no dict with a type: {text}. --cfg-options hold no dicts: write a config.'
    if isinstance(error, RuntimeError) and _OF_SHAPES.search(text) and (parts := _parts_of(error)):
        return (f'{" > ".join(parts)}: {text}. Parts of the model do not fit together: compare their in_channels and '
                'widths, and the number of maps between them.')
    if isinstance(error, ValueError) and re.match(r'zip\(\) argument \d+ is (short|long)er', text) and (
            parts := _parts_of(error)):
        return (f'{" > ".join(parts)}: one part gives another number of maps than the next one takes. Compare what the '
                'backbone gives, finest first, with the in_channels of neck and decode_head.')
    return _of_its_arguments(error) if isinstance(error, _OF_ARGUMENTS) else None


def _parts_of(error: Exception) -> list[str]:
    """The classes of the model's parts that were computing, the outermost first; PyTorch's own are left out."""
    parts = [type(frame.f_locals['self']) for frame, _ in traceback.walk_tb(error.__traceback__)
             if 'self' in frame.f_locals]
    names = [part.__name__ for part in parts
             if hasattr(part, 'forward') and not part.__module__.startswith(('torch', 'mmengine'))]
    return [name for name, _ in itertools.groupby(names)]


def _of_its_arguments(error: Exception) -> str | None:
    """What ended a constructor that the engine was calling with a config's arguments; None outside of any."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    called = [frame for builder, frame in itertools.pairwise(frames) if builder.f_code.co_name == 'build_from_cfg'
              and not frame.f_globals['__name__'].startswith('mmengine.registry')]
    if not called:
        return None
    names, _, more, values = inspect.getargvalues(called[-1])
    made = type(values['self']) if 'self' in values else values.get('cls')  # get_instance has a class
    name = made.__name__ if made else called[-1].f_code.co_name
    given = {key: values[key] for key in names if key not in ('self', 'cls')} | values.get(more, {})
    usual = {key: one.default for key, one in inspect.signature(made).parameters.items()} if made else {}
    arguments = ', '.join(f'{key}={" ".join(reprlib.repr(value).split())}' for key, value in given.items()
                          if value is not usual.get(key, usual))
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (f'{name} cannot be made with {arguments}: {type(error).__name__}: {error} ({Path(place.filename).name}, '
            f'line {place.lineno}). Compare the config with the arguments of {name}.')
