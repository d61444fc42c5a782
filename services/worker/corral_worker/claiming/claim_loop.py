"""The claim loop: pop as many ids as there is room for, claim them in one statement, start them, acknowledge; again."""

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import structlog

from corral import metrics
from corral.dispatch import Ack, Budget, Dispatch, Pop, Popped, Return
from corral.dispatch.rings import Turn
from corral.errors import Unavailable
from corral.job.job import Claimed
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.store.attempts.claims import Refusal
from corral.waiting import wait_for_event
from corral_worker import STARTED
from corral_worker.attempts.announcements import Announcements
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.completer import FinishedAttempts
from corral_worker.attempts.executor import AttemptExecutor
from corral_worker.claiming.claim_ahead import QUICK_RUNS, ClaimAhead, apart
from corral_worker.claiming.claiming import Acks, Claimer
from corral_worker.claiming.group_claiming import GroupClaimer
from corral_worker.claiming.lane_order import LaneOrder
from corral_worker.claiming.pop_ahead import PopAhead
from corral_worker.claiming.slot_queue import SlotQueue
from corral_worker.claiming.slots import Slots
from corral_worker.claiming.turn_answers import TurnAnswers
from corral_worker.claiming.waker import listen
from corral_worker.lifecycle.seal import Seal
from corral_worker.lifecycle.this_worker import ThisWorker

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
"""Seconds between two looks where nothing wakes the worker (protocol rule 8)."""
SUSPECT_WAIT_SECONDS = 10.0
"""Seconds for which a worker claims nothing, to become empty for a suspect (rule 24)."""
SUSPECT_PAUSE_SECONDS = 60.0
"""Seconds before it tries that again, after it did not become empty."""
REDIS_RETRY_SECONDS = 0.5


class ClaimLoop:
    """Claims and starts jobs until it is told to stop."""

    def __init__(
        self,
        worker: ThisWorker,
        dispatch: Dispatch,
        *,
        claiming: Claimer,
        group_claiming: GroupClaimer,
        attempts: HeldAttempts,
        executor: AttemptExecutor,
        finished: FinishedAttempts,
        announcements: Announcements,
        slots: Slots,
        slot_queue: SlotQueue,
        seal: Seal,
        poll_seconds: float = POLL_SECONDS,
        quick_runs: int = QUICK_RUNS,
    ) -> None:
        self._worker = worker
        self._dispatch = dispatch
        self._claiming = claiming
        self._group_claiming = group_claiming
        self._turn_answers = TurnAnswers(dispatch, self.stir)
        self._attempts = attempts
        self._executor = executor
        self._finished = finished
        self._announcements = announcements
        self._slots = slots
        self._slot_queue = slot_queue
        self._seal = seal
        self._poll_seconds = poll_seconds
        self._lane_order = LaneOrder(slots.queues)
        self._answers = Acks(dispatch)
        self._ahead = PopAhead(self._answers, self._turn_answers, self._lane_order)
        self._claim_ahead = ClaimAhead(slots, attempts, executor.may_wait, quick_runs)
        self._willing_at = 0.0
        self._busy_seconds = 0.0
        self._giving_up = False
        self.holding: str | None = None
        """Why nothing is claimed now: `sealed`, `draining`, `suspended`, `suspect`, `redis`; None if it is."""
        self.draining = False
        self.taking = False
        """Whether a claim is under way, whose answer may bring jobs."""
        self.claimed = 0

    def stir(self) -> None:
        """Look for jobs now: something changed."""
        self._slots.freed.set()

    def give_up(self) -> None:
        """Wait no longer for an absent Postgres to say what became of the last claim: the worker stops."""
        self._giving_up = True

    async def run(self) -> None:
        """Claim until the worker stops; nothing while it is registered under no incarnation."""
        waker = asyncio.create_task(listen(self._dispatch, self._worker.name, self._slots.freed))
        try:
            while not self._worker.stopping.is_set():
                self._slots.freed.clear()
                pause = await self._round(self._worker.incarnation)
                if pause and not self._worker.stopping.is_set():
                    await self._rest(pause)
        finally:
            await self._close(waker)

    async def _close(self, waker: asyncio.Task[None]) -> None:
        """Leave nothing behind: neither tasks nor what was popped."""
        waker.cancel()
        self._turn_answers.close()
        await asyncio.gather(waker, return_exceptions=True)
        await self._ahead.give_back()
        await self._answers.flush()

    async def _hold(self, worker: UUID | None) -> float:
        """Claim nothing, and keep nothing from others that may; the seconds until the next look."""
        await self._ahead.give_back()
        if worker is not None:
            self.holding = "sealed" if self._seal.held else "draining"
            if self._attempts.only_abandoned:
                self._worker.stuck("it drains, and all that it still runs are handlers that can't be stopped")
        return self._poll_seconds

    async def _round(self, worker: UUID | None) -> float:
        """Look for jobs once; the seconds to rest after it unless something changes, 0 to look again at once."""
        if worker is None or self._seal.held or self.draining:
            return await self._hold(worker)
        await self._claim_ahead.look()
        budgets = self._claim_ahead.room()
        room = min(sum(budget.room for budget in budgets), self._finished.room)
        try:
            pop = await self._ahead.taken(budgets, room)
            if pop is None and room <= 0:
                return self._poll_seconds
            pop = pop or await self._pop(budgets, room, wait=True, idle=not self._attempts.held)
        except Unavailable as error:
            return self._redis_away(error)
        self.holding = "suspended" if pop.suspended else None
        self._claim_ahead.more = pop.more and not pop.turns
        if pop.more or self._group_claiming.flowing(pop.turns):
            self._pop_ahead(pop)
        if pop.popped:
            await self._take(worker, pop.popped, alone=False)
        await self._take_turns(worker, await self._fitting(pop), alone=False)
        if pop.suspects and time.monotonic() >= self._willing_at:
            await self._run_suspect(worker, pop.suspects)
            return 0
        if pop.popped or (pop.turns and not self._busy_seconds):
            return 0
        return self._busy_seconds or self._poll_seconds  # an end here, or a wake, is heard at once

    def _redis_away(self, error: Unavailable) -> float:
        if self.holding != "redis":
            log.warning("dispatch.away", error=str(error))
            self.holding = "redis"
        metrics.REDIS_ERRORS.labels("pop").inc()
        return REDIS_RETRY_SECONDS

    async def _pop(self, budgets: Sequence[Budget], room: int, *, wait: bool, idle: bool) -> Pop:
        name, lanes, pop = self._worker.name, self._lane_order.next(), self._dispatch.lanes.pop
        told, done = self._turn_answers.taken(), self._answers.taken()
        found = await pop(name, lanes, room, wait=wait, idle=idle, budgets=budgets, settled=told, done=done)
        self._turn_answers.told(told)
        return found

    def _pop_ahead(self, pop: Pop) -> None:
        """There are more: pop beside the claim, as many of its jobs will end at once as did of those before."""
        taken = len(pop.popped) + sum(turn.take for turn in pop.turns)
        budgets = self._claim_ahead.room_beside(taken)
        room = min(sum(budget.room for budget in budgets), self._finished.room - taken)
        if room > 0:
            self._ahead.send(self._pop(budgets, room, wait=False, idle=False))

    async def _take(self, worker: UUID, popped: Sequence[Popped], *, alone: bool) -> None:
        if self._seal.held:  # since the pop was sent
            await self._answers.add([Ack(entry.lane, entry.id, Return(front=True)) for entry in popped])
            return
        beyond = self._claim_ahead.beyond(len(popped))
        self.taking = True
        try:
            taken = await self._claiming.take(
                worker, popped, alone=alone, give_up=self._give_up, beyond=beyond
            )
            now, later = apart(taken.claimed, beyond)
            self._start(now, later)
            returned = await self._slot_queue.run(worker, taken.claim, later, self._may_begin, self._give_up)
            await self._claim_ahead.look(early=True)
        finally:
            self.taking = False
        if returned or Refusal.NO_SLOT in taken.refused.values():
            self._claim_ahead.returned(returned)
            await self._ahead.give_back()  # it comes after these
        await self._answers.add(self._claiming.answers(popped, taken, returned))
        if taken.refused_worker:
            await self._ahead.give_back()
            await self._rest(self._poll_seconds)  # the heartbeat says why; until then a pop would be in vain

    async def _take_turns(self, worker: UUID, turns: Sequence[Turn], *, alone: bool) -> bool:
        """Claim of the groups whose turn it is; whether anything was claimed."""
        if not turns:
            self._busy_seconds = 0.0
            return False
        if self._seal.held:  # since the pop was sent
            await self._turn_answers.give_back(turns)
            return False
        beyond = None if alone else self._claim_ahead.beyond(sum(turn.take for turn in turns))
        self.taking = True
        try:
            taken = await self._group_claiming.take(
                worker, turns, alone=alone, held=self._attempts.limited, give_up=self._give_up, beyond=beyond
            )
            now, later = apart(taken.claimed, beyond)
            self._start(now, later)
            returned = await self._slot_queue.run(worker, taken.claim, later, self._may_begin, self._give_up)
            self._claim_ahead.more = taken.roomy
            await self._claim_ahead.look(early=True)
        finally:
            self.taking = False
        self._group_claiming.begun(taken, returned)
        await self._turn_answers.add(taken)
        if returned:
            self._claim_ahead.returned(returned)
            self._announcements.put_back(returned, {turn.group: turn.lane for turn in turns})
            await self._ahead.give_back()
        self._busy_seconds = taken.pause(self._busy_seconds)
        return bool(taken.claimed)

    async def _fitting(self, pop: Pop) -> Sequence[Turn]:
        """The turns of a pop; if it had room for jobs claimed ahead, as far as these groups may have any, or slots are free."""
        roomy = self._group_claiming.roomy(pop.turns) and not pop.popped
        if not pop.turns or not self._claim_ahead.used or roomy:
            return pop.turns
        return await self._ahead.fitting(pop.turns, (), self._slots.budgets(), self._finished.room)

    def _may_begin(self) -> bool:
        """Whether what was claimed may still begin here."""
        return not (self._worker.stopping.is_set() or self._seal.held or self.draining)

    def _start(self, claimed: Sequence[Claimed], later: Sequence[Claimed] = ()) -> None:
        """Start claimed jobs; `later` follow them as slots become free."""
        if not claimed:
            return
        if not self.claimed:
            log.info("worker.first_claim", jobs=len(claimed), seconds=round(time.monotonic() - STARTED, 2))
        self.claimed += len(claimed) + len(later)
        self._claim_ahead.begin([*claimed, *later])
        self._executor.start(claimed)
        self._announcements.claimed(claimed)

    async def _run_suspect(self, worker: UUID, queues: Sequence[str]) -> None:
        """Become empty, claim one suspect, and nothing beside it until it has ended."""
        self.holding = "suspect"
        await self._ahead.give_back()
        give_up_at = time.monotonic() + SUSPECT_WAIT_SECONDS
        while self._attempts.held and not self._worker.stopping.is_set():
            if self._attempts.only_abandoned:
                self._worker.stuck("a suspect waits to run alone, and no handler that runs can be stopped")
                return
            left = give_up_at - time.monotonic()
            if left <= 0:
                log.info("suspect.no_room", queues=list(queues), held=len(self._attempts.held))
                self._willing_at = time.monotonic() + SUSPECT_PAUSE_SECONDS
                return
            self._slots.freed.clear()
            await self._rest(left)
        lanes = [Lane(queue, Priority.NORMAL, suspect=True) for queue in queues]
        try:
            pop = await self._dispatch.lanes.pop(self._worker.name, lanes, 1, wait=False, idle=True)
        except Unavailable:
            metrics.REDIS_ERRORS.labels("pop").inc()
            return
        if not pop.popped and not pop.turns:
            # Somebody else took it, or its executor has no slot here.
            await self._rest(REDIS_RETRY_SECONDS)
            return
        if pop.popped:
            await self._take(worker, pop.popped, alone=True)
        elif not await self._take_turns(worker, pop.turns, alone=True):
            return  # its limits have no room
        while self._attempts.held and not self._worker.stopping.is_set():
            if self._attempts.only_abandoned:
                self._worker.stuck("a suspect runs alone, past its end, and can't be stopped")
                return
            self._slots.freed.clear()
            await self._rest(self._poll_seconds)

    async def _rest(self, seconds: float) -> None:
        await self._turn_answers.flush()
        await wait_for_event(self._slots.freed, seconds)

    def _give_up(self) -> bool:
        """Whether an absent Postgres is no longer waited for."""
        return self._giving_up or self._worker.at_once.is_set()
