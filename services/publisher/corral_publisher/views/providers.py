"""Providers as API and pages show them: values in force, what is in use, and whether they asked to wait."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from corral.store import LimitKey, Store
from corral.store.registry.providers import SLOTS_LIMIT, StoredProvider
from corral_publisher.services import PublisherServices

Shown = dict[str, Any]


async def all_providers(services: PublisherServices) -> list[Shown]:
    """Every provider, by name."""
    found = await services.store.providers.all()
    keys = await _keys(services.store) if found else {}
    return [_shown(one, keys.get(one.name)) for one in found]


async def one_provider(services: PublisherServices, name: str) -> Shown:
    """One provider.

    Raises:
        NotFound: there is none of that name.
    """
    provider = await services.providers.get(name)
    found = await services.store.limits.keys(SLOTS_LIMIT, key=name)
    return _shown(provider, found[0] if found else None)


async def _keys(store: Store) -> dict[str, LimitKey]:
    return {key.key: key for key in await store.limits.keys(SLOTS_LIMIT, limit=1_000)}


def _shown(provider: StoredProvider, key: LimitKey | None) -> Shown:
    return {
        "name": provider.name,
        "values": asdict(provider.values),
        "declared": provider.declared,
        "overrides": provider.overrides,
        "set_by": provider.set_by,
        "reason": provider.reason,
        "set_at": provider.set_at,
        "in_use": 0.0 if key is None else key.usage.in_use,
        "waiting": 0 if key is None else key.usage.waiting,
        "parked_until": _parked(provider, key),
    }


def _parked(provider: StoredProvider, key: LimitKey | None) -> datetime | None:
    """Until when nothing is sent to it, where that is not over."""
    times = [
        one for one in (provider.parked_until, None if key is None else key.parked_until) if one is not None
    ]
    latest = max(times, default=None)
    return latest if latest is not None and latest > datetime.now(UTC) else None
