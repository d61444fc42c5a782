"""Registration: what one image declares is stored in one transaction, or nothing of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from corral.catalog.record import Declaration, TypeRecord, to_be_stored
from corral.errors import Conflict
from corral.store.limits.limits import register as put_limits
from corral.store.postgres.database import SHORT, Database, Transaction
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import texts
from corral.store.registry.job_types import (
    ALONE,
    ALONE_KEY,
    allowed_queues,
    name_queues,
    put_types,
    stored_types,
)


@dataclass(frozen=True, slots=True)
class Image:
    """What distinguishes an image of workers from others: the modules that it loads, and the types that it handles."""

    modules: str
    handled: frozenset[str]


def _own_modules(modules: str) -> str:
    """Of an image's modules those that tell it from others: without the ones that come with Corral, if it has more."""
    own = [one for one in modules.split(", ") if not one.startswith("corral_jobs")]
    return ", ".join(own) or modules


@dataclass(frozen=True, slots=True)
class WrittenDeclarations:
    """The names of what a registration wrote: what was new or changed."""

    types: list[str]
    limits: list[str]
    queues: list[str]


HANDLERS = "SELECT name, handled_by FROM corral.job_types WHERE handled_by IS NOT NULL"
HANDLED = "UPDATE corral.job_types SET handled_by = %(modules)s WHERE name = ANY(%(names)s::text[])"
NO_LONGER = "UPDATE corral.job_types SET handled_by = NULL WHERE name = ANY(%(names)s::text[])"
VERSIONS = "SELECT name, declared_version FROM corral.queues WHERE declared_version IS NOT NULL"
DECLARE = """
UPDATE corral.queues SET declared = %(declared)s::jsonb, declared_version = %(version)s, updated_at = now()
WHERE name = %(name)s
"""


class TypeRegistration:
    """Stores job types, limits and queues as code declares them. What operators set stays."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(
        self,
        records: Sequence[TypeRecord],
        *,
        limits: Sequence[Declaration] = (),
        queues: Sequence[Declaration] = (),
        image: Image | None = None,
        force: bool = False,
    ) -> WrittenDeclarations:
        """Store what is newer than what is there; an older version changes nothing.

        With an `image`, queues are refused that two images would serve with different types; `force` takes them
        nevertheless, and forgets that the other image handled its types.

        Raises:
            Conflict: names the queue, the types and the other image; nothing was written.
            InvalidInput: something can't be stored.
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            await transaction.rows(ALONE, {"key": ALONE_KEY})
            written_limits = await put_limits(transaction, limits)
            written = await put_types(transaction, records)
            names = [*allowed_queues(records), *(queue.name for queue in queues)]
            await name_queues(transaction, names)
            written_queues = await _declare(transaction, queues)
            if image is not None:
                await _claim_queues(transaction, image, force=force)
        return WrittenDeclarations(written, written_limits, written_queues)


async def _declare(transaction: Transaction, queues: Sequence[Declaration]) -> list[str]:
    rows = await transaction.rows(VERSIONS)
    fresh = to_be_stored(queues, rows)
    for queue in fresh:
        declared = encode(dict(queue.values))
        await transaction.count(DECLARE, {"name": queue.name, "declared": declared, "version": queue.version})
    return [queue.name for queue in fresh]


async def _claim_queues(transaction: Transaction, image: Image, *, force: bool) -> None:
    """Note which types the image handles, and refuse queues that it can't serve alone.

    Raises:
        Conflict: another image handles other types of one of its queues.
    """
    handlers: dict[str, str] = {name: by for name, by in await transaction.rows(HANDLERS)}  # noqa: C416
    known = {record.name: record for record in await stored_types(transaction)}
    ours = {queue: name for name in sorted(image.handled) for queue in allowed_queues([known[name]])}
    gone = [name for name, by in handlers.items() if by == image.modules and name not in image.handled]
    others = {name: by for name, by in handlers.items() if by != image.modules and name not in image.handled}
    shared = [
        (queue, name) for name in sorted(others) for queue in allowed_queues([known[name]]) if queue in ours
    ]
    if shared and not force:
        queue, name = shared[0]
        raise Conflict(
            f"queue {queue}: this image handles {ours[queue]} in it, but not {name}, which another image handles"
            f" (modules {_own_modules(others[name])}); workers of each would meet jobs that they can't run. Give {ours[queue]} or"
            f" {name} a queue of its own. If no image has {name} any more: corral types register --force"
        )
    await transaction.count(NO_LONGER, {"names": texts([*gone, *(name for _, name in shared)])})
    await transaction.count(HANDLED, {"modules": image.modules, "names": texts(sorted(image.handled))})
