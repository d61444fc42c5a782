"""From the turns of groups to claimed jobs: those that their limits have room for (protocol rule 12)."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch.rings import LATER, Empty, Full, Gather, Stay, Turn, TurnOutcome, TurnVerdict, Until
from corral.errors import Unavailable
from corral.ids import new_id
from corral.job.batch import Batch
from corral.job.job import Claimed
from corral.store import BeyondSlots
from corral.store.attempts.limit_claims import LimitClaims
from corral.store.limits.waits import GroupState
from corral_worker.claiming.claiming import Claimer
from corral_worker.claiming.open_groups import OpenGroups

log = structlog.get_logger(__name__)

SOON_SECONDS = 1.0
"""A group that a rate lets start within this time waits for that moment, to the millisecond. For longer waits it waits
with others for the limit, so that a value that an operator sets is in force within a second."""


FEW = 8
"""Turns that one pop gives at most, as in pop.lua: fewer are of all groups there are, so that the next ones are of the same."""
BUSY_SECONDS = (0.02, 0.5)
"""First and longest pause where all groups with a turn are left to others: this worker runs as many as each worker may."""


@dataclass(frozen=True, slots=True)
class GroupClaimResult:
    """What became of turns: the claimed jobs, and what Redis is told of each group."""

    claim: UUID
    claimed: list[Claimed]
    settled: list[TurnOutcome]
    passed_on: dict[str, int]
    """Limits and keys with room that a group could not use, because another limit of it has none."""
    busy: bool = False
    """Whether a group is left to other workers: this one runs as many as each worker may."""
    roomy: bool = False
    """Whether the next turns are likely to be of groups of which more may be taken than slots are free."""

    def pause(self, before: float) -> float:
        """Seconds to pause after it, where the last pause was `before`: none where anything was claimed, or might be."""
        first, longest = BUSY_SECONDS
        return min(max(before * 2, first), longest) if self.busy and not self.claimed else 0.0


class GroupClaimer:
    """Claims jobs of groups in Postgres, for one worker."""

    def __init__(
        self,
        store: LimitClaims,
        claimer: Claimer,
        types: Sequence[str],
        batches: Callable[[], Mapping[str, Batch]] = dict,
    ) -> None:
        """`batches` says how the jobs of types are put together whose handlers get several at once."""
        self._store = store
        self._batches = batches
        self._claimer = claimer
        self._types = types
        self._open = OpenGroups()
        self._in_vain: set[UUID] = set()
        """Groups of which nothing was claimed last time, though their limits had room."""

    async def take(
        self,
        worker: UUID,
        turns: Sequence[Turn],
        *,
        alone: bool,
        held: Sequence[UUID],
        give_up: Callable[[], bool],
        beyond: BeyondSlots | None = None,
    ) -> GroupClaimResult:
        """Claim from the groups whose turn it is; `held` are the jobs that this worker holds.

        With `beyond` turns may be of more jobs than slots are free. While Postgres is away it waits, until `give_up` says so.
        """
        claim, roomy = new_id(), self.roomy(turns)
        weights: dict[UUID, float] = {}
        narrow = False
        try:
            claimed, weights, narrow = await self._claim(
                worker, claim, turns, alone=alone, held=held, beyond=beyond
            )
        except Unavailable as error:
            log.warning("claim.unanswered", groups=len(turns), error=str(error))
            claimed = await self._claimer.after(claim, give_up)
        took = Counter(job.limit_group for job in claimed)
        asked = turns
        if beyond is not None and len(claimed) >= beyond.free:  # no slot is free, so more is not wanted
            asked = [turn._replace(take=took[turn.group]) for turn in turns]
        unfilled = [turn for turn in asked if took[turn.group] < turn.take]
        states = await self._look(
            worker, unfilled, alone=alone, held=[*held, *(job.id for job in claimed if job.limits)]
        )
        empty = {group for group, state in states.items() if state.empty}
        self._open.told([turn for turn in asked if turn.take], took, empty)
        if narrow:
            self._open.narrow({turn.group for turn in turns if took[turn.group] or turn.group not in empty})
        settled = [
            self._settled(turn, took[turn.group], weights.get(turn.group, 1.0), states.get(turn.group))
            for turn in turns
        ]
        passed_on = {
            name: 1 for state in states.values() if state.full and not state.empty for name in state.others
        }
        busy = [state.busy for state in states.values() if state.busy and not state.full]
        for limit in {limit for limits in busy for limit in limits}:
            metrics.LIMIT_WORKER_FULL.labels(limit).inc()
        return GroupClaimResult(
            claim,
            claimed,
            settled,
            passed_on,
            bool(busy),
            (roomy or len(turns) < FEW) and self.roomy(turns),
        )

    def begun(self, taken: GroupClaimResult, returned: Sequence[Claimed]) -> None:
        """Count what a claim took, once it began or was put back."""
        self._claimer.observe(taken.claimed, returned)

    def flowing(self, turns: Sequence[Turn]) -> bool:
        """Whether these groups, as far as it is known, have more jobs and their limits room for them."""
        return bool(turns) and self._open.takes(turns) is not None

    def roomy(self, turns: Sequence[Turn]) -> bool:
        """Whether the next claim of these groups may take more jobs than slots are free, as far as it is known."""
        return bool(turns) and self._open.roomy(turns)

    async def _claim(
        self,
        worker: UUID,
        claim: UUID,
        turns: Sequence[Turn],
        *,
        alone: bool,
        held: Sequence[UUID],
        beyond: BeyondSlots | None,
    ) -> tuple[list[Claimed], dict[UUID, float], bool]:
        """Claim by one statement where it is likely that everything has room, and by the one that decides where not.

        The last of the answer: whether a claim `beyond` the free slots took nothing before that.
        """
        batches, narrow = self._batches(), False
        singly = not alone and self._open.without_batches(turns)
        types = [name for name in self._types if name not in batches] if singly else self._types
        wanted = self._open.takes(turns) if singly and (beyond is None or self.roomy(turns)) else None
        if wanted is not None:
            taken = await self._store.claim_open(worker, claim, wanted, types, beyond=beyond)
            self._open.claimed(taken.since)
            if taken.claimed:
                if beyond is not None:
                    self._open.wide(wanted)
                return taken.claimed, self._open.weights(turns), False
            narrow = beyond is not None
        if beyond is not None:
            turns = shared(turns, beyond.free)
        takes, began = {turn.group: turn.take for turn in turns}, time.monotonic()
        if singly:
            answer = await self._store.claim(worker, claim, takes, types, alone=alone, held=held)
            self._open.claimed(answer.since)
        else:
            answer = await self._store.claim(
                worker, claim, takes, types, alone=alone, held=held, batches=batches
            )
            self._open.claimed_whole(turns, answer, batches, time.monotonic() - began)
        return answer.claimed, answer.weights, narrow

    async def _look(
        self, worker: UUID, turns: Sequence[Turn], *, alone: bool, held: Sequence[UUID]
    ) -> dict[UUID, GroupState]:
        """What the groups wait for of which less was claimed than there was room for.

        The claim is committed: no error here may hide what it took.
        """
        if not turns:
            return {}
        try:
            groups = [turn.group for turn in turns]
            return await self._store.look(
                groups, alone=alone, worker=worker, held=held, batches=self._batches()
            )
        except Unavailable as error:
            metrics.SWALLOWED.labels("claim-look").inc()
            log.warning("claim.groups_unknown", groups=len(turns), reason=str(error))
            return {}

    def _settled(self, turn: Turn, took: int, weight: float, state: GroupState | None) -> TurnOutcome:
        """Its verdict and what it pays: what it took, or a whole turn where this worker passes it over for others.

        One that found no room pays nothing, also where there was room again when it was looked at.
        """
        verdict = self._verdict(turn, took, state)
        passed_over = not took and state is not None and state.busy and isinstance(verdict, Stay)
        return TurnOutcome(turn, verdict, float(turn.take) if passed_over else took / weight)

    def _verdict(self, turn: Turn, took: int, state: GroupState | None) -> TurnVerdict:
        again = turn.group in self._in_vain
        self._in_vain.discard(turn.group)
        if state is not None and state.empty:
            return Empty()
        if state is not None and state.full:
            soon = state.opens_in is not None and state.opens_in <= SOON_SECONDS
            return Until(state.opens_in or 0.0) if soon else Full(state.full[0])
        if state is not None and state.missing and state.due_in > 0:
            return Gather(state.due_in, state.missing)
        if (
            took or state is None or state.busy
        ):  # one that is busy is another worker's, and the next group's turn here
            return Stay()
        if again:  # the queue is paused, the oldest job's type is unknown here, or the worker may not claim
            return Full(LATER)
        self._in_vain.add(turn.group)
        return Stay()


def shared(turns: Sequence[Turn], room: int) -> list[Turn]:
    """These turns, each with a share of the room where that is less than they ask for, as a pop gives them."""
    if sum(turn.take for turn in turns) <= room:
        return list(turns)
    shares = []
    for left, turn in zip(range(len(turns), 0, -1), turns, strict=True):
        take = min(turn.take, max(1, room // left), max(0, room))
        shares.append(turn._replace(take=take))
        room -= take
    return shares
