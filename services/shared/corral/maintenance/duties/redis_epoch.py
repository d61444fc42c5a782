"""Notices that Redis was wiped or restored from an older state, by its epoch (protocol rule 7).

`corral:epoch` says so: `<generation>/<term>:<beat>`. The generation is new after every full pass, and
`<generation>/pass` stands there while one is under way, which nobody trusts. Term and beat are those of
the lease in Postgres and go on with every round: after the restore of a snapshot they lag behind.
"""

from dataclasses import dataclass
from uuid import uuid4

from corral.dispatch import Dispatch
from corral.maintenance.leadership import Reign
from corral.store.leader.leases import Term

BEATS_BEHIND = 4
"""Beats by which an epoch may be older than the lease: it is written once per sweep, not with every renewal."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """The epoch that is written in Redis (`corral:epoch`)."""

    generation: str
    term: int
    beat: int

    def __str__(self) -> str:
        return f"{self.generation}/{self.term}:{self.beat}"

    @classmethod
    def parse(cls, text: str | None) -> "Epoch | None":
        """Parse an epoch; None where it can't be trusted."""
        generation, _, moment = (text or "").partition("/")
        term, _, beat = moment.partition(":")
        if not (generation and term.isdecimal() and beat.isdecimal()):
            return None
        return cls(generation, int(term), int(beat))

    def follows(self, lease: Term | None) -> bool:
        """Whether the last holder of the lease wrote this epoch shortly before.

        Giving a lease up raises its term by one.
        """
        if lease is None or lease.term - self.term not in (0, 1):
            return False
        return 0 <= lease.beat - self.beat <= BEATS_BEHIND


class EpochWatch:
    """Compares the epoch in Redis with the lease, and writes it."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._written: str | None = None

    async def broken(self, reign: Reign) -> bool:
        """Whether a full pass is needed, because Redis was wiped or restored since the last round or leader.

        Raises:
            Unavailable: Redis is away.
        """
        found = await self._dispatch.repair.epoch()
        if self._written is not None:
            return found != self._written
        epoch = Epoch.parse(found)
        if epoch is None or not epoch.follows(reign.predecessor):
            return True
        self._written = found
        return False

    async def begin_pass(self) -> None:
        """Mark Redis as not to be trusted until this pass has ended.

        Raises:
            Unavailable: Redis is away.
        """
        self._written = f"{uuid4().hex}/pass"
        await self._dispatch.repair.set_epoch(self._written)

    async def go_on(self, reign: Reign) -> bool:
        """Replace the last epoch by this round's; False where another epoch is there.

        Raises:
            Unavailable: Redis is away.
        """
        if self._written is None:
            return False
        generation = self._written.partition("/")[0]
        epoch = str(Epoch(generation, reign.term.term, reign.term.beat))
        if not await self._dispatch.repair.swap_epoch(self._written, epoch):
            return False
        self._written = epoch
        return True
