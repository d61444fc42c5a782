"""Who holds a unique key: it is given back when its holder ends, and taken again by a person's retry (rule 33)."""

from collections.abc import Sequence
from uuid import UUID

from corral.job.job import Accepted
from corral.store.jobs.accepted import accepted_from
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.database import Database, Transaction
from corral.store.postgres.sql_params import array, texts
from corral.store.unique import unique_keys


async def given_back(transaction: Transaction, ids: Sequence[UUID]) -> list[Accepted]:
    """Give back the keys of jobs that this transaction has ended; the jobs that waited for that and go on.

    Raises:
        Refused: somebody holds one of the keys.
    """
    params = {"ids": array(ids)}
    await transaction.rows(unique_keys.LOCK_OF, params)
    return [accepted_from(row) for row in await transaction.rows(unique_keys.RELEASE, params)]


async def retaken(transaction: Transaction, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Take the keys of ended jobs again, which this transaction has locked; those that can't have theirs, with who holds it.

    Raises:
        Refused: somebody holds one of the keys.
    """
    params = {"ids": array(ids)}
    await transaction.count(unique_keys.RETAKE, params)
    rows = await transaction.rows(unique_keys.HOLDERS, params)
    holders: dict[str, UUID] = {}
    for id, key, holder, live in rows:
        mine = holder in ids
        holders[key] = holder if live or mine else max(holders.get(key, id), id)
    await transaction.count(unique_keys.RETAKEN, {"keys": texts(holders), "holders": array(holders.values())})
    return {id: holders[key] for id, key, *_ in rows if holders[key] != id}


class UniqueKeys:
    """Who holds a key, and what the leader does for keys, in the name of a term (rule 25)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waited_for(self, job: UUID) -> UUID | None:
        """The job whose end a job waits for, because it holds the key; None where it waits for none.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(unique_keys.WAITED_FOR, {"id": job})
        return rows[0][0] if rows else None

    async def settle(
        self, term: Term, after: str = "", limit: int = 2_000, *, waited_for: bool = False
    ) -> tuple[int, list[Accepted], str]:
        """Give back the keys of a page whose holder ended without doing so, and forget those whose time is over.

        `waited_for`: look only at keys for which a job waits. Answers how many keys were changed, the jobs that go on,
        and the `after` of the next page; empty at the end.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        page = {"after": after, "limit": limit}
        lock = unique_keys.LOCK_WAITED_FOR if waited_for else unique_keys.LOCK_OVER
        async with as_leader(self._database, term) as transaction:
            end = await transaction.rows(unique_keys.PAGE_END[waited_for], page)
            names = [row[0] for row in await transaction.rows(lock, page)]
            promoted = []
            if names:
                keys = {"keys": texts(names)}
                promoted = await transaction.rows(unique_keys.SETTLE, keys)
                await transaction.count(unique_keys.EXPIRE, keys)
        return len(names), [accepted_from(row) for row in promoted], end[0][0] if end else ""
