"""Leadership: a row with holder, term and beat, taken by whoever saw it silent (protocol rule 25).

No clock of the server or of another machine decides: a candidate reads the
row, waits by its own monotonic clock, and takes it only if nothing has moved.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from corral.errors import LeaseLost
from corral.store.postgres.database import DUTY, SHORT, Database, Limits, Transaction

LEADER = "leader"
"""The name of the lease for the maintenance duties."""
RENEWAL = Limits(statement=5.0, lock=1.0)


@dataclass(frozen=True, slots=True)
class Term:
    """One holder's time with a lease. Every duty is done in the name of one."""

    name: str
    holder: str
    term: int
    beat: int

    @property
    def epoch(self) -> str:
        """Changes with every renewal and never comes back: tells a Redis of today from a restored one."""
        return f"{self.term}:{self.beat}"


READ = "SELECT name, holder, term, beat FROM corral.leases WHERE name = %(name)s"

CREATE = """
INSERT INTO corral.leases (name, holder, term) VALUES (%(name)s, %(holder)s, 1)
ON CONFLICT (name) DO NOTHING
RETURNING name, holder, term, beat
"""

# The second condition is for a holder whose first try was committed without an answer.
TAKE = """
UPDATE corral.leases
SET holder = %(holder)s, term = term + 1, beat = beat + 1, acquired_at = now(), renewed_at = now()
WHERE name = %(name)s AND ((term = %(term)s AND beat = %(beat)s) OR holder = %(holder)s)
RETURNING name, holder, term, beat
"""

RENEW = """
UPDATE corral.leases SET beat = beat + 1, renewed_at = now()
WHERE name = %(name)s AND holder = %(holder)s AND term = %(term)s
RETURNING name, holder, term, beat
"""

GIVE_UP = """
UPDATE corral.leases SET holder = '', term = term + 1, beat = beat + 1
WHERE name = %(name)s AND holder = %(holder)s AND term = %(term)s
RETURNING name
"""

# (name, term) is a key: this keeps a change of term out and lets a renewal through.
HOLD = "SELECT 1 FROM corral.leases WHERE name = %(name)s AND term = %(term)s FOR KEY SHARE"


class Leases:
    """Takes, renews and gives up leadership, which is a row with holder, term and beat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, name: str = LEADER) -> Term | None:
        """The lease as it stands; None when nobody ever held it. An empty holder gave it up.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(READ, {"name": name})
        return Term(*rows[0]) if rows else None

    async def acquire(self, holder: str, seen: Term | None, name: str = LEADER) -> Term | None:
        """Take the lease if it is still as `seen`; None when another was quicker, or its holder lives.

        The caller has seen this very term and beat for 10 s of its own monotonic clock, or found no row,
        or an empty holder. `holder` names one candidate in one process's life.

        Raises:
            Unavailable: Postgres is away, or a duty of the old holder is still under way.
        """
        if seen is None:
            rows = await self._database.run(CREATE, {"name": name, "holder": holder}, limits=RENEWAL)
        else:
            params = {"name": name, "holder": holder, "term": seen.term, "beat": seen.beat}
            rows = await self._database.run(TAKE, params, limits=RENEWAL)
        return Term(*rows[0]) if rows else None

    async def renew(self, term: Term) -> Term:
        """Renew the lease; the same term with its next beat.

        Raises:
            LeaseLost: another holds it now.
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(RENEW, _params(term), limits=RENEWAL)
        if not rows:
            raise LeaseLost(term.name, term.term)
        return Term(*rows[0])

    async def give_up(self, term: Term) -> None:
        """Give up the lease when stopping, so that others can take it at once.

        Raises:
            Unavailable: Postgres is away.
        """
        await self._database.run(GIVE_UP, _params(term), limits=SHORT)


@asynccontextmanager
async def as_leader(database: Database, term: Term) -> AsyncIterator[Transaction]:
    """A transaction in the name of a term: whoever leads after it waits until this one ends.

    Raises:
        LeaseLost: the lease is at another term: nothing is written.
        Unavailable: Postgres is away.
    """
    async with database.transaction(DUTY) as transaction:
        await hold(transaction, term)
        yield transaction


async def hold(transaction: Transaction, term: Term) -> None:
    """Keep the lease at this term until the transaction ends.

    Raises:
        LeaseLost: it is at another term: nothing may be written in the name of this one.
    """
    if not await transaction.rows(HOLD, {"name": term.name, "term": term.term}):
        raise LeaseLost(term.name, term.term)


def _params(term: Term) -> dict[str, object]:
    return {"name": term.name, "holder": term.holder, "term": term.term}
