"""From the turns of groups to claimed jobs: those that their limits have room for (protocol rule 12)."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch import Dispatch
from corral.dispatch.rings import LATER, Empty, Full, Gather, Stay, Turn, TurnOutcome, TurnVerdict, Until
from corral.errors import Unavailable
from corral.ids import new_id
from corral.job.batch import Batch
from corral.job.job import Claimed
from corral.store.attempts.limit_claims import LimitClaims
from corral.store.limits.waits import GroupState
from corral_worker.claiming.claiming import Claimer

log = structlog.get_logger(__name__)

SOON_SECONDS = 1.0
"""A group that a rate lets start within this time waits for that moment, to the millisecond. For longer waits it waits
with others for the limit, so that a value that an operator sets is in force within a second."""


@dataclass(frozen=True, slots=True)
class GroupClaimResult:
    """What became of turns: the claimed jobs, and what Redis is told of each group."""

    claimed: list[Claimed]
    settled: list[TurnOutcome]
    passed_on: dict[str, int]
    """Limits and keys with room that a group could not use, because another limit of it has none."""
    busy: bool = False
    """Whether a group is left to other workers: this one runs as many as each worker may."""
    due_in: float | None = None
    """Seconds until the first of these groups has waited long enough for a full batch, or a rate lets it start."""


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
    ) -> GroupClaimResult:
        """Claim from the groups whose turn it is; `held` are the jobs that this worker holds.

        While Postgres is away it waits, until `give_up` says so.
        """
        claim = new_id()
        weights: dict[UUID, float] = {}
        try:
            takes = {turn.group: turn.take for turn in turns}
            answer = await self._store.claim(
                worker, claim, takes, self._types, alone=alone, held=held, batches=self._batches()
            )
            claimed, weights = answer.claimed, answer.weights
        except Unavailable as error:
            log.warning("claim.unanswered", groups=len(turns), error=str(error))
            claimed = await self._claimer.after(claim, give_up)
        self._claimer.observe(claimed)
        took = Counter(job.limit_group for job in claimed)
        unfilled = [turn for turn in turns if took[turn.group] < turn.take]
        states = await self._look(
            worker, unfilled, alone=alone, held=[*held, *(job.id for job in claimed if job.limits)]
        )
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
        waits = [one.verdict.seconds for one in settled if isinstance(one.verdict, Gather | Until)]
        return GroupClaimResult(claimed, settled, passed_on, bool(busy), min(waits, default=None))

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
        """Its verdict and what it pays: what it took, or a whole turn where it is passed over for others."""
        verdict = self._verdict(turn, took, state)
        passed_over = not took and state is not None and isinstance(verdict, Stay)
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


class TurnAnswers:
    """Tells Redis what became of turns, before the next pop."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    async def send(self, result: GroupClaimResult) -> None:
        """Settle the turns; let in whoever can use what these groups could not. What Redis does not take, the leader does."""
        try:
            await self._dispatch.rings.settle(result.settled)
            await self._dispatch.rings.free(result.passed_on)
        except Unavailable as error:
            metrics.REDIS_ERRORS.labels("answer").inc()
            log.warning("dispatch.left_to_sweep", groups=len(result.settled), error=str(error))

    async def give_back(self, turns: Iterable[Turn]) -> None:
        """Leave these turns to others: the worker may claim nothing now."""
        await self.send(GroupClaimResult([], [TurnOutcome(turn, Stay()) for turn in turns], {}))
