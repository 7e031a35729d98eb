"""Typed options of providers: unknown, missing and wrong ones are errors that name the known ones, never the values."""

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from irstd_toolbox.errors import ConfigError
from irstd_toolbox.text_priors.vlm.types import VisionLanguageProvider

__all__ = ['OptionsProvider', 'ProviderOptions']


class ProviderOptions(BaseModel):
    """What every provider of a model takes.

    Args:
        model: The model's name, as its server calls it.
    """

    model_config = ConfigDict(extra='forbid', frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    model: str = Field(min_length=1)

    @classmethod
    def read(cls, provider: str, values: Mapping[str, Any]) -> 'ProviderOptions':
        """Check ``values``.

        Raises:
            ConfigError: If one is unknown, missing or wrong. Values are not shown: one may be a key in a wrong place.
        """
        faults = []
        try:
            return cls(**values)
        except ValidationError as error:
            for fault in error.errors(include_input=False, include_url=False, include_context=False):
                name = '.'.join(str(part) for part in fault['loc'][:1]) or 'options'
                faults.append(f'{name}: {fault["msg"].removeprefix("Value error, ")}')
        raise ConfigError(f'provider {provider!r}: {"; ".join(faults)}. Its options: {cls.known()}.')

    @classmethod
    def signature(cls) -> inspect.Signature:
        """The options as keyword arguments."""
        return inspect.Signature([
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=field.annotation,
                              default=inspect.Parameter.empty if field.is_required() else
                              field.get_default(call_default_factory=True))
            for name, field in cls.model_fields.items()])

    @classmethod
    def known(cls) -> str:
        """The options in one line."""
        return ', '.join(str(option) for option in cls.signature().parameters.values())


class OptionsProvider(VisionLanguageProvider):
    """A provider whose constructor takes the fields of its ``Options``.

    Raises:
        ConfigError: If an option is unknown, missing or wrong.
    """

    uses_ground_truth = False
    name: ClassVar[str]
    """The name it is registered under."""
    Options: ClassVar[type[ProviderOptions]]
    SILENT: ClassVar[frozenset[str]] = frozenset()
    """Options that cannot change an answer, and so are no part of the identity."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if 'Options' in vars(cls):
            cls.__signature__ = cls.Options.signature()  # what inspect.signature() shows

    def __init__(self, **options: Any) -> None:
        self.options = self.Options.read(self.name, options)

    def identity(self) -> dict[str, Any]:
        return {'provider': self.name, **self.options.model_dump(mode='json', exclude=set(self.SILENT))}
