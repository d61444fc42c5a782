"""Declaring a provider: `overpass = Provider("overpass", url="https://overpass-api.de/api/", slots=2, per_day=10_000)`."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from corral.errors import DeclarationError
from corral.job.limits import MAX_NAME, NAME_PATTERN
from corral.provider.values import OPTIONS, ProviderValues, errors_together, faults


@dataclass(frozen=True, slots=True)
class Provider:
    """A service of others that jobs call, and what it allows.

    Raises:
        DeclarationError: a value makes no sense; the message names the provider, the option and the reason.
    """

    name: str
    url: str = field(kw_only=True)
    """Where its paths begin."""
    headers: Mapping[str, str] | None = field(default=None, kw_only=True)
    """By name, where the secret is that is sent: `env:PROVIDER_KEY` or `file:NAME`, with a word before it if need be."""
    timeout: float | None = field(default=None, kw_only=True)
    """Seconds for one request; 60 if absent."""
    max_bytes: int | None = field(default=None, kw_only=True)
    """The largest answer; 10 MiB if absent."""
    slots: int | None = field(default=None, kw_only=True)
    """Requests at the same time, over all workers; 2 if absent."""
    transit: float | None = field(default=None, kw_only=True)
    """Seconds from a request's permission to its arrival; 0.25 if absent. The time of `per_second` is lengthened by it."""
    per_second: float | None = field(default=None, kw_only=True)
    per_day: int | None = field(default=None, kw_only=True)
    bytes_per_day: float | None = field(default=None, kw_only=True)
    """Bytes of answers in 24 hours."""
    module: str = field(default="", init=False, repr=False, compare=False)
    """The module that declares it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "module", str(sys._getframe(2).f_globals.get("__name__", "?")))  # noqa: SLF001
        if not re.fullmatch(NAME_PATTERN, str(self.name)) or len(self.name) > MAX_NAME:
            raise DeclarationError(
                f"Provider {self.name!r:.120}: its name has up to {MAX_NAME} lower-case letters, digits, dots, dashes"
            )
        if "url" not in self.values:
            raise DeclarationError(f"provider {self.name}: url is missing")
        wrong = next(faults(self.values), None) or next(errors_together(ProviderValues.of(self.values)), None)
        if wrong is not None:
            raise DeclarationError(f"provider {self.name}: {wrong[0]} {wrong[1]}")

    @property
    def values(self) -> dict[str, Any]:
        """What it says, as JSON, without its name."""
        said = {option: getattr(self, option) for option in OPTIONS}
        return {
            option: dict(value) if option == "headers" and isinstance(value, Mapping) else value
            for option, value in said.items()
            if value is not None
        }
