"""Limits as API and pages show them: values in force, what is in use, what waits, who holds what."""

from collections.abc import Mapping, Sequence
from typing import Any

from corral.actions.limits.limits import stored_key
from corral.catalog.limits.limit import TakenAt
from corral.errors import Unavailable
from corral.job.limit_use import TOTAL, name_of
from corral.store import LimitKey, LimitUsage, StoredLimit
from corral.store.limits.budget_notes import terms_of
from corral_publisher.services import PublisherServices

Shown = dict[str, Any]


async def all_limits(services: PublisherServices) -> list[Shown]:
    """Every limit, by name."""
    usage, users = await services.store.limits.usage(), await _users(services)
    heedless = await _heedless(services)
    return [
        _shown(limit, usage.get(limit.name, LimitUsage()), users.get(limit.name, []), heedless)
        for limit in await services.store.limits.all()
    ]


async def one_limit(services: PublisherServices, name: str) -> Shown:
    """One limit, with the jobs that hold its total.

    Raises:
        NotFound: there is none of that name.
    """
    limit = await services.limits.get(name)
    usage, users = await services.store.limits.usage(), await _users(services)
    total = await services.store.limits.keys(name, key="")
    shown = _shown(limit, usage.get(name, LimitUsage()), users.get(name, []), await _heedless(services))
    left = await _left(services, limit, {TOTAL: {}})
    own = await services.store.limits.set_keys(name)
    return (
        shown
        | {"holders": total[0].holders if total else []}
        | _parked(total[0] if total else None)
        | {"left": left.get(TOTAL), "keys_set": own.keys_set, "keys_paused": own.keys_paused}
    )


async def keys_of(
    services: PublisherServices,
    name: str,
    *,
    after: str,
    key: str | None,
    limit: int,
    only_set: bool = False,
) -> tuple[list[Shown], str | None]:
    """A page of a limit's keys, and the cursor of the next one.

    Raises:
        NotFound: there is no such limit.
    """
    stored = await services.limits.get(name)
    one = None if key is None else stored_key(key)
    found = await services.store.limits.keys(name, after=after, key=one, limit=limit + 1, only_set=only_set)
    more = len(found) > limit
    left = await _left(services, stored, {one.key: one.overrides for one in found[:limit]})
    shown = [_key(one) | {"left": left.get(one.key)} for one in found[:limit]]
    return shown, found[limit - 1].key if more else None


async def _left(
    services: PublisherServices, limit: StoredLimit, keys: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, float | None]:
    """What is left now of a rate of calls, by key; `keys` are with what is set for each. Nothing of other limits, and nothing while Redis is away."""
    if limit.declared.get("at") != TakenAt.CALL:
        return {}
    terms = {name_of(limit.name, key): terms_of({**limit.values, **said}) for key, said in keys.items()}
    try:
        found = await services.dispatch.budgets.left(terms)
    except Unavailable:
        return {}
    return {key: found[name_of(limit.name, key)] for key in keys}


async def _users(services: PublisherServices) -> Mapping[str, list[str]]:
    """Of each limit the job types that take of it, by themselves or by their queue."""
    users: dict[str, list[str]] = {}
    for name, known in sorted((await services.types.all()).types.items()):
        for limit in sorted({one for options in known.by_queue.values() for one in options.limits}):
            users.setdefault(limit, []).append(name)
    return users


async def _heedless(services: PublisherServices) -> Mapping[str, Sequence[str]]:
    """The live workers of releases that know no limits, by name, each with the types that it runs."""
    return {one.name: one.types for one in await services.store.workers.list() if not one.keeps_limits}


def _shown(
    limit: StoredLimit, usage: LimitUsage, types: list[str], heedless: Mapping[str, Sequence[str]]
) -> Shown:
    return {
        "name": limit.name,
        "kind": "rate" if "rate" in limit.declared else "limit",
        "values": _values(limit.values),
        "declared": _values(limit.declared),
        "overrides": limit.overrides,
        "paused": limit.paused_at is not None,
        "paused_at": limit.paused_at,
        "set_by": limit.set_by,
        "reason": limit.reason,
        "set_at": limit.set_at,
        "paused_by": limit.paused_by,
        "paused_reason": limit.paused_reason,
        "version": limit.version,
        "declared_at": limit.declared_at,
        "in_use": usage.in_use,
        "waiting": usage.waiting,
        "types": types,
        "ignored_by": [name for name, runs in heedless.items() if not set(types).isdisjoint(runs)],
    }


def _values(values: Mapping[str, Any]) -> Shown:
    return {name: value for name, value in values.items() if name != "kind"}


def _key(one: LimitKey) -> Shown:
    return {
        "key": one.key,
        "in_use": one.usage.in_use,
        "waiting": one.usage.waiting,
        "overrides": one.overrides,
        "paused": one.paused_at is not None,
        "paused_at": one.paused_at,
        "set_by": one.set_by,
        "reason": one.reason,
        "set_at": one.set_at,
        "paused_by": one.paused_by,
        "paused_reason": one.paused_reason,
        **_parked(one),
        "holders": one.holders,
    }


def _parked(one: LimitKey | None) -> Shown:
    return {
        name: None if one is None else getattr(one, name)
        for name in ("parked_until", "parked_by", "parked_reason", "probe")
    }
