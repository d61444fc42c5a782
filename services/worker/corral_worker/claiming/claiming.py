"""From popped ids to claimed jobs, and the acknowledgements that Redis gets of them (protocol rules 10 and 11)."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from prometheus_client import Histogram

from corral import metrics
from corral.dispatch import Ack, Dispatch, Done, Move, Park, Popped, Return, Verdict
from corral.errors import Unavailable
from corral.ids import new_id
from corral.job.job import Claimed
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.store.attempts.claims import BeyondSlots, Claims, Refusal
from corral.waiting import POSTGRES_RETRY_SECONDS, doubling

log = structlog.get_logger(__name__)

PAUSED_SECONDS = 1.0
"""Seconds for which the id of a job is set aside whose queue is paused: after a resume it waits no longer than that."""
LOCKED_SECONDS = 0.2
UNKNOWN_SECONDS = (1.0, 30.0)
"""First and longest wait of a job whose type this worker does not know: another one may."""
TOGETHER_SECONDS = 0.05
"""Seconds for which an acknowledgement waits for the next pop, or for others. It only says that an id can be forgotten: far
less than the 15 s after which the sweep asks what became of it."""


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What one claim took of popped ids, and why not the others."""

    claim: UUID
    claimed: list[Claimed]
    refused: dict[UUID, Refusal]

    @property
    def refused_worker(self) -> bool:
        """Whether the worker itself was refused: it is lost, draining or stopped."""
        return Refusal.WORKER in self.refused.values()


class Claimer:
    """Claims popped ids in Postgres, for one worker."""

    def __init__(
        self, store: Claims, types: Sequence[str], limited: Callable[[], Sequence[str]] = tuple
    ) -> None:
        """`limited` answers the types that take of limits, as they are in force."""
        self._store = store
        self._types = types
        self._limited = limited
        self._unknown = 0
        self._waits: dict[str, Histogram] = {}

    async def take(
        self,
        worker: UUID,
        popped: Sequence[Popped],
        *,
        alone: bool,
        give_up: Callable[[], bool],
        beyond: BeyondSlots | None = None,
    ) -> ClaimResult:
        """Claim what was popped. While Postgres is away it waits, until `give_up` says so."""
        claim = new_id()
        ids = [entry.id for entry in popped]
        try:
            answer = await self._store.claim(
                worker, claim, ids, self._types, alone=alone, limited=self._limited(), beyond=beyond
            )
        except Unavailable as error:
            log.warning("claim.unanswered", jobs=len(ids), error=str(error))
            return ClaimResult(claim, await self.after(claim, give_up), {})
        return ClaimResult(claim, answer.claimed, answer.refused)

    def answers(
        self, popped: Sequence[Popped], taken: ClaimResult, returned: Sequence[Claimed] = ()
    ) -> list[Ack]:
        """What Redis is told of each popped id, once its job began or was put back; all of them are counted."""
        back = {job.id for job in returned}
        begun = {job.id for job in taken.claimed} - back
        for job in taken.claimed:
            if job.id not in back:
                self._waits_of(job.queue).observe(job.waited)
        self._count(popped, begun, taken.refused, back)
        return [
            Ack(entry.lane, entry.id, _DONE if entry.id in begun else self._verdict(entry, taken.refused))
            for entry in popped
        ]

    def observe(self, claimed: Sequence[Claimed], returned: Sequence[Claimed]) -> None:
        """Count jobs that were claimed with their groups, some of which were put back."""
        back = {job.id for job in returned}
        counts: Counter[tuple[str, str]] = Counter()
        for job in claimed:
            if job.id not in back:
                self._waits_of(job.queue).observe(job.waited)
            counts[job.queue, "returned" if job.id in back else "claimed"] += 1
        for (queue, answer), count in counts.items():
            metrics.CLAIMS.labels(queue, answer).inc(count)

    async def after(self, claim: UUID, give_up: Callable[[], bool]) -> list[Claimed]:
        """The jobs that a claim took whose answer did not arrive: read before anything else is done (rule 11)."""
        waits = doubling(*POSTGRES_RETRY_SECONDS)
        while not give_up():
            try:
                claimed = await self._store.claimed_under(claim)
            except Unavailable:
                await asyncio.sleep(next(waits))
            else:
                metrics.OUTCOMES_UNKNOWN.labels("claim", "yes").inc()
                return claimed
        metrics.OUTCOMES_UNKNOWN.labels("claim", "no").inc()
        return []

    def _waits_of(self, queue: str) -> Histogram:
        """The histogram of a queue's waiting times; looking it up by its label costs more than counting."""
        found = self._waits.get(queue)
        if found is None:
            found = self._waits[queue] = metrics.JOB_WAIT.labels(queue)
        return found

    def _verdict(self, entry: Popped, refused: dict[UUID, Refusal]) -> Verdict:
        match refused.get(entry.id):
            case Refusal.GONE | Refusal.LIMITED:  # its group is dispatched instead
                return _DONE
            case Refusal.PAUSED:
                return Park(PAUSED_SECONDS)
            case Refusal.LOCKED:
                return Park(LOCKED_SECONDS)
            case Refusal.UNKNOWN_TYPE:
                self._unknown += 1
                first, longest = UNKNOWN_SECONDS
                return Park(min(first * 2 ** min(self._unknown // 10, 10), longest))
            case Refusal.SUSPECT:
                return Move(Lane(entry.lane.queue, Priority.NORMAL, suspect=True))
            case Refusal.WORKER | Refusal.NO_SLOT | None:
                return Return(front=True)

    def _count(
        self, popped: Sequence[Popped], begun: set[UUID], refused: dict[UUID, Refusal], back: set[UUID]
    ) -> None:
        counts: Counter[tuple[str, str]] = Counter()
        for entry in popped:
            refusal = refused.get(entry.id)
            unclaimed = "returned" if entry.id in back else "unknown"
            answer = "claimed" if entry.id in begun else (refusal or unclaimed)
            counts[entry.lane.queue, answer] += 1
            if refusal is Refusal.UNKNOWN_TYPE:
                log.warning("job.type_unknown", job=str(entry.id), queue=entry.lane.queue)
        for (queue, answer), count in counts.items():
            metrics.CLAIMS.labels(queue, answer).inc(count)


class Acks:
    """Tells Redis what became of popped ids: with the next pop, or in a call of its own. Belongs to the event loop."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._answers: list[Ack] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Task[None] | None = None

    async def add(self, answers: Sequence[Ack]) -> None:
        """Acknowledge ids soon, together with others; ids that go back to a lane at once, and then it returns when they are back."""
        self._answers.extend(answers)
        if any(not isinstance(answer.verdict, Done) for answer in answers):
            await self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TOGETHER_SECONDS, self._start)

    def taken(self) -> list[tuple[Lane, UUID]]:
        """The ids that can be forgotten, for the pop that tells it. If Redis does not take them, the sweep asks Postgres."""
        self._stop_timer()
        done = [(answer.lane, answer.id) for answer in self._answers if isinstance(answer.verdict, Done)]
        self._answers = [answer for answer in self._answers if not isinstance(answer.verdict, Done)]
        return done

    async def flush(self) -> None:
        """Send the acknowledgements that wait, now."""
        self._stop_timer()
        if self._sending is not None:
            await self._sending
        answers, self._answers = self._answers, []
        if answers:
            await self._send(answers)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        self._timer = None
        self._sending = asyncio.get_running_loop().create_task(self._send_all(self._sending))

    async def _send_all(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        answers, self._answers = self._answers, []
        await self._send(answers)

    async def _send(self, answers: Sequence[Ack]) -> None:
        try:
            await self._dispatch.lanes.ack(answers)
        except Unavailable as error:
            metrics.REDIS_ERRORS.labels("answer").inc()
            log.warning("dispatch.left_to_sweep", jobs=len(answers), error=str(error))


_DONE = Done()
