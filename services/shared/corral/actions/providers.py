"""What a person does to providers: sets their values, and removes them. In force for every call from then on."""

import re
from collections.abc import Mapping
from typing import Any, Final

from corral.actions.existing import existing
from corral.errors import FieldError, InvalidInput
from corral.job.limits import MAX_NAME, NAME_PATTERN
from corral.provider.values import ProviderValues, errors_together, faults
from corral.store import Store
from corral.store.registry.providers import StoredProvider

MAX_PROVIDER_REASON: Final = 500
"""Characters of the reason that a person gives."""


class ProviderActions:
    """Actions on providers. `actor` is who the audit names, with the reason."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, name: str) -> StoredProvider:
        """The provider of that name.

        Raises:
            NotFound: there is none.
        """
        return existing(await self._store.providers.get(name), "provider", name[:MAX_NAME])

    async def set(
        self, name: str, values: Mapping[str, Any], actor: str, *, reason: str | None = None
    ) -> StoredProvider:
        """Set values over those that code declares, or make a provider; None takes a value back.

        Raises:
            InvalidInput: the name or a value makes no sense; names it, and repeats no secret.
        """
        if not re.fullmatch(NAME_PATTERN, name) or len(name) > MAX_NAME:
            what = f"has up to {MAX_NAME} lower-case letters, digits, dots, dashes"
            raise InvalidInput(FieldError("/name", what))
        if reason is not None and (len(reason) > MAX_PROVIDER_REASON or "\0" in reason):
            what = f"has {len(reason):,} characters; it must have at most {MAX_PROVIDER_REASON}"
            raise InvalidInput(FieldError("/reason", what))
        errors = [FieldError(f"/values/{option}", fault) for option, fault in faults(values)]
        if not values:
            errors.append(FieldError("/values", "is empty: there is nothing to set"))
        if not errors:
            stored = await self._store.providers.get(name)
            errors += _errors_together(stored, values)
        if errors:
            raise InvalidInput(*errors)
        return await self._store.providers.set(name, values, actor, reason)

    async def remove(self, name: str, actor: str) -> None:
        """Remove a provider: jobs that call it fail.

        Raises:
            NotFound: there is none.
        """
        await self._store.providers.remove(name, actor)


def _errors_together(stored: StoredProvider | None, values: Mapping[str, Any]) -> list[FieldError]:
    """What would be wrong with the provider as it would be then."""
    declared = {} if stored is None else stored.declared
    set_over = {} if stored is None else stored.overrides
    over = {option: value for option, value in {**set_over, **values}.items() if value is not None}
    together = {**declared, **over}
    if together.get("url") is None:
        return [FieldError("/values/url", "is missing: where the provider's paths begin")]
    wrong = errors_together(ProviderValues.of(together))
    return [FieldError(f"/values/{option}", fault) for option, fault in wrong]
