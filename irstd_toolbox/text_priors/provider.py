"""The contract of a provider of language priors, and how one is made by name."""

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from irstd_toolbox.errors import ConfigError, DataError, PluginError
from irstd_toolbox.registry import TEXT_PRIOR_PROVIDERS
from irstd_toolbox.text_priors.scene import Scene

__all__ = ['TextPriorProvider', 'build_provider', 'find_provider']


class TextPriorProvider(ABC):
    """Writes the sentence that tells where the targets of a scene are.

    A subclass sets ``uses_ground_truth`` in its body and is registered in ``TEXT_PRIOR_PROVIDERS`` under a short
    lower-case name. Its constructor takes its options; it must not download or open a connection. Its ``describe``
    refuses what is no :class:`Scene`.

    Raises:
        TypeError: When a subclass is defined without saying whether it uses the ground truth.

    Example:
        >>> class Echo(TextPriorProvider):
        ...     uses_ground_truth = False
        ...     def describe(self, scene):
        ...         return f'This is {scene.image_id}.'
    """

    uses_ground_truth: ClassVar[bool]
    """Whether the sentence depends on the mask. On a test split such a sentence is leakage: it tells the answer."""
    origin_known: bool = True
    """Whether ``uses_ground_truth`` is known; False where others wrote the sentence and did not say how."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not isinstance(getattr(cls, 'uses_ground_truth', None), bool):
            raise TypeError(f'{cls.__name__} does not say whether it uses the ground truth: set the class attribute '
                            'uses_ground_truth to True (it reads scene.mask) or False.')
        if 'describe' in vars(cls):
            cls.describe = _of_a_scene(cls.describe)

    @abstractmethod
    def describe(self, scene: Scene) -> str:
        """One English sentence, or two short ones, on where the targets of ``scene`` are; at most 50 words.

        Raises:
            DataError: If the scene cannot be described, or is none.
        """


def _of_a_scene(describe: Callable[[Any, Scene], str]) -> Callable[[Any, Scene], str]:
    @functools.wraps(describe)
    def checked(self: TextPriorProvider, scene: Scene) -> str:
        if not isinstance(scene, Scene):
            raise DataError(f'{type(self).__name__} was to describe a {type(scene).__name__}; expected '
                            'irstd_toolbox.text_priors.Scene(image, mask, image_id), mask=None where there is none.')
        return describe(self, scene)
    return checked


def find_provider(name: str) -> type[TextPriorProvider]:
    """The class registered under ``name``. Unlike the registry's own look-up, this loads no torch.

    Providers of plugins, those that ask vision-language models among them, are registered by
    :func:`irstd_toolbox.plugins.load_plugins`.

    Raises:
        ConfigError: If nobody registered it; the message lists the known names.
    """
    import irstd_toolbox.text_priors  # noqa: F401  (registers the built-in providers)
    providers = TEXT_PRIOR_PROVIDERS.module_dict
    if name not in providers:
        raise ConfigError(f'{name!r} is not a registered {TEXT_PRIOR_PROVIDERS.name}. '
                          f'Registered: {", ".join(sorted(providers))}. Those of a plugin come by its '
                          'installation or --plugins DIR; in Python, irstd_toolbox.plugins.load_plugins([DIR]) '
                          'registers them and those that ask models.')
    return providers[name]


def build_provider(name: str, options: Mapping[str, Any] | None = None) -> TextPriorProvider:
    """Make the provider registered under ``name``.

    Args:
        options: Arguments of its constructor.

    Raises:
        ConfigError: If the name is not registered, or an option is unknown or missing.
        PluginError: If what is registered is no :class:`TextPriorProvider` with all its methods.

    Example:
        >>> build_provider('quadrant', {'targets': 'all'}).uses_ground_truth
        True
    """
    provider = find_provider(name)
    missing = getattr(provider, '__abstractmethods__', ())
    if missing or not issubclass(provider, TextPriorProvider):
        lacks = f'does not define {", ".join(sorted(missing))}' if missing else 'is not derived from it'
        raise PluginError(f'provider {name!r}: {provider.__module__}.{provider.__qualname__} {lacks}; expected a '
                          'complete TextPriorProvider of irstd_toolbox.text_priors. Mend the plugin.')
    options = dict(options or {})
    try:
        inspect.signature(provider).bind(**options)
    except TypeError as error:
        known = ', '.join(str(option) for option in inspect.signature(provider).parameters.values()) or 'none'
        raise ConfigError(f'provider {name!r}: {error}. Its options: {known}.') from None
    return provider(**options)
