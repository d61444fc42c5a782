"""New jobs as the arrays of the statements that insert them."""

from collections.abc import Sequence
from datetime import datetime

from corral.errors import (
    FieldError,
    InvalidInput,
)
from corral.job.job import NewJob
from corral.job.limit_use import LimitUses
from corral.job.moment import in_utc
from corral.store.postgres.database import Params
from corral.store.postgres.json_text import checked, encode
from corral.store.postgres.sql_params import EMPTY, array, id_array, names, numbers, texts


def columns_of(jobs: Sequence[NewJob]) -> Params:
    """The arrays of the statements that insert. One that would hold nothing is empty: unnest fills it up with NULL."""
    return {
        "ids": id_array(job.id for job in jobs),
        "types": names([job.type for job in jobs]),
        "queues": names([job.queue for job in jobs]),
        "priorities": names([job.priority for job in jobs]),
        "payloads": texts([checked(job.payload, "/payload") for job in jobs]),
        "delays": numbers([job.delay for job in jobs]) if any(job.delay for job in jobs) else EMPTY,
        "run_ats": _sparse([_moment(job.run_at) for job in jobs]),
        "expiries": numbers([job.expires_in for job in jobs])
        if any(job.expires_in for job in jobs)
        else EMPTY,
        "retries": array([job.retries for job in jobs]),
        "timeouts": numbers([job.timeout for job in jobs]),
        "max_stalls": array([job.max_stalls for job in jobs]),
        "tags": _sparse([texts(job.tags) if job.tags else None for job in jobs]),
        "searches": _sparse([checked(encode(job.search), "/search") if job.search else None for job in jobs]),
        "parents": _sparse([str(job.parent) if job.parent else None for job in jobs]),
        "traces": _sparse([job.traceparent for job in jobs]),
        "creators": _sparse([job.created_by for job in jobs]),
        **_limits_of([job.limits for job in jobs]),
        "unique_keys": _sparse([job.unique.name if job.unique else None for job in jobs]),
    }


def _limits_of(limits: Sequence[LimitUses | None]) -> Params:
    return {
        "limit_groups": _sparse([str(uses.group) if uses else None for uses in limits]),
        "limits": _sparse([texts(uses.names) if uses else None for uses in limits]),
        "costs": _sparse([numbers(uses.costs) if uses else None for uses in limits]),
        "counted_by": _sparse([texts(uses.counted) if uses and uses.counted else None for uses in limits]),
    }


def _moment(run_at: datetime | None) -> str | None:
    """A time as Postgres reads it.

    Raises:
        InvalidInput: it is one that could not be read back.
    """
    try:
        return None if run_at is None else in_utc(run_at).isoformat()
    except ValueError as error:
        raise InvalidInput(FieldError("/run_at", str(error))) from error


def _sparse(items: Sequence[str | None]) -> str:
    return EMPTY if items.count(None) == len(items) else texts(items)
