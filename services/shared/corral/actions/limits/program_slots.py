"""Slots of limits that programs hold which are no handlers: taken, renewed and given back through the API."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.limits.names import limit_names
from corral.dispatch import Dispatch
from corral.errors import FieldError, InvalidInput, NoFreeSlot, NotFound, Unavailable
from corral.job.limit_use import parsed
from corral.store import SlotHolder, Store
from corral.store.limits.leases import LEASE_SECONDS

log = structlog.get_logger(__name__)

MAX_PROGRAM = 200
"""Characters of the name that a program gives itself."""
HOLDERS_NAMED = 5


@dataclass(frozen=True, slots=True)
class ProgramSlot:
    """A slot that a program holds, for so many seconds from now on."""

    id: UUID
    limit: str
    key: str | None
    program: str
    lease_seconds: float


class ProgramSlots:
    """What programs ask of limits."""

    def __init__(self, store: Store, dispatch: Dispatch) -> None:
        self._store = store
        self._dispatch = dispatch

    async def take(self, id: UUID, limit: str, key: str | None, program: str) -> ProgramSlot:  # noqa: A002
        """Hold a slot under this id; asked again with the same id, nothing more is taken.

        Raises:
            NoFreeSlot: there is none now; names who holds the limit.
            InvalidInput: it is no limit, has no such keys, or the program's name can't be kept.
            NotFound: there is no such limit.
            Unavailable: Postgres is away, and it may be taken.
        """
        if not program.isprintable() or not program.strip() or len(program) > MAX_PROGRAM:
            what = f"must have 1 to {MAX_PROGRAM} characters that can be printed"
            raise InvalidInput(FieldError("/program", what))
        if await self._store.limits.get(limit) is None:
            raise NotFound("limit", limit)
        names = await limit_names(self._store, limit, key)
        if not await self._store.limit_leases.take_for_program(id, names, program):
            holders = [
                one for name in names for one in await self._store.limit_claims.holders(name, HOLDERS_NAMED)
            ]
            of = f" for {key}" if key else ""
            raise NoFreeSlot(f"the limit {limit}{of} has no free slot now{_held(holders)}")
        return ProgramSlot(id, limit, key, program, LEASE_SECONDS)

    async def renew(self, id: UUID, limit: str) -> float:  # noqa: A002
        """Hold it for so many seconds more, from now on.

        Raises:
            NotFound: it is not held any more; others may hold it.
            Unavailable: Postgres is away.
        """
        await self._check(id, limit)
        if not await self._store.limit_leases.renew([id]):
            raise NotFound("slot", str(id))
        return LEASE_SECONDS

    async def release(self, id: UUID, limit: str) -> None:  # noqa: A002
        """Give it back.

        Raises:
            NotFound: it was not held any more.
            Unavailable: Postgres is away, and it may be given back.
        """
        await self._check(id, limit)
        freed = await self._store.limit_leases.release(id)
        if not freed:
            raise NotFound("slot", str(id))
        try:
            await self._dispatch.rings.free(dict.fromkeys(freed, 1))
        except Unavailable as error:  # the leader lets the next ones in within a second
            metrics.SWALLOWED.labels("limit-release").inc()
            log.warning("limits.release_unanswered", names=freed, error=str(error))

    async def _check(self, id: UUID, limit: str) -> None:  # noqa: A002
        names = await self._store.limit_leases.of_program(id)
        if not names or parsed(names[0])[0] != limit:
            raise NotFound("slot", str(id))


def _held(holders: list[SlotHolder]) -> str:
    if not holders:
        return ""
    told = [
        f"{one.program or one.job}"
        + (f" since {one.since.astimezone(UTC):%H:%M:%S} UTC" if one.since else "")
        for one in sorted(holders, key=lambda one: one.since or datetime.max.replace(tzinfo=UTC))
    ]
    return f": held by {', '.join(dict.fromkeys(told))}"
