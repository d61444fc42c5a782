"""Submits the jobs of schedules when their ticks come: each tick once, whoever leads (protocol rule 37)."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from corral import metrics
from corral.actions.jobs import JobActions
from corral.actions.schedules.jobs import ACTOR, job_of, told
from corral.actions.submissions.submit import count_refusals
from corral.catalog.schedules.definition import ScheduleDefinition
from corral.dispatch import Dispatch
from corral.errors import InvalidInput, Refused
from corral.job.job import Accepted, NewJob
from corral.maintenance.leadership import Reign
from corral.maintenance.submitting_duty import SubmittingDuty
from corral.refusals import LimitFull
from corral.schedule.decision import AHEAD, Decided, TickDecision, TickVerdict, decide
from corral.settings import Settings
from corral.store import Store
from corral.store.schedules.due import DueSchedule
from corral.store.schedules.rows import Schedule
from corral.store.schedules.ticks import Ruling

log = structlog.get_logger(__name__)

SCHEDULES_PER_STATEMENT = 500
SCHEDULES_PER_TURN = 25
"""Schedules that are decided before others get a turn."""
SHORTEST_REST_SECONDS = 0.02
UPKEEP_SECONDS = 60.0
"""Seconds between two looks for last ticks that lie in the future, and for rows that are kept no longer."""
KEPT_DAYS = 400
"""Days for which is known what became of a tick; backfills reach back less."""
FORGOTTEN_PER_STATEMENT = 5_000


class ScheduleDuty(SubmittingDuty):
    """The duty that submits the jobs of schedules. It sleeps until the next tick, for a second at most."""

    name = "schedules"
    period = 1.0

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(store, dispatch, settings, clock=clock)
        self._jobs = JobActions(store, dispatch)
        self._definitions: dict[str, tuple[dict[str, object], ScheduleDefinition]] = {}
        self._due_in: float | None = None
        self._upkeep_at = clock()
        self._ahead = 0

    async def round(self, reign: Reign) -> int:
        """Submit the jobs of all ticks that have come."""
        submitted = 0
        while due := await self._store.due_schedules.due(SCHEDULES_PER_STATEMENT):
            rulings = await self._ruled(due)
            stored, jobs = await self._stored(reign, rulings)
            submitted += jobs
            if not stored or (
                len(due) < SCHEDULES_PER_STATEMENT and not any(one.decision.more for one in rulings)
            ):
                break
        await self._cancel()
        if self._clock() >= self._upkeep_at:
            self._upkeep_at = self._clock() + UPKEEP_SECONDS
            await self._upkeep(reign)
        self._due_in = await self._store.due_schedules.next_due()
        return submitted

    async def rest(self, seconds: float, reign: Reign) -> None:
        """Sleep until the next tick."""
        due_in = UPKEEP_SECONDS if self._due_in is None else max(self._due_in, SHORTEST_REST_SECONDS)
        self.longest_rest = min(due_in, UPKEEP_SECONDS)
        await super().rest(min(seconds, due_in), reign)

    async def _ruled(self, due: Sequence[DueSchedule]) -> list[Ruling]:
        rulings = []
        for at, one in enumerate(due):
            rulings.append(await self._rule(one))
            if at % SCHEDULES_PER_TURN == SCHEDULES_PER_TURN - 1:
                await asyncio.sleep(0)
        return rulings

    async def _rule(self, due: DueSchedule) -> Ruling:
        """The decision about one schedule, with its jobs. What is wrong with it concerns no other one."""
        schedule = due.schedule
        try:
            definition = self._definition(schedule)
        except InvalidInput as error:
            log.warning("schedule.unreadable", schedule=schedule.name, error=str(error))
            stays = TickDecision((), schedule.last_tick, None)
            return Ruling(due, stays, {}, f"what is stored is no schedule: {error}"[:1000])
        decision = decide(definition.timetable, definition.policy, due.state, schedule.now)
        ticks: list[Decided] = []
        jobs, problem = {}, schedule.problem
        for one in decision.ticks:
            if one.verdict is TickVerdict.SUBMITTED:
                try:
                    jobs[one.tick], problem = await self._job(definition, one, schedule), None
                except InvalidInput as error:
                    problem = told(error, one.tick)
                    ticks.append(replace(one, verdict=TickVerdict.REFUSED, reason=problem))
                    continue
            ticks.append(one)
        return Ruling(due, replace(decision, ticks=ticks), jobs, problem)

    async def _job(self, definition: ScheduleDefinition, one: Decided, schedule: Schedule) -> NewJob:
        run_at = one.run_at if one.run_at > schedule.now else None
        return await job_of(self._submitter.prepare, definition, one.tick, run_at=run_at)

    def _definition(self, schedule: Schedule) -> ScheduleDefinition:
        fields = schedule.fields
        known = self._definitions.get(schedule.name)
        if known is None or known[0] != fields:
            known = fields, ScheduleDefinition.parse(schedule.name, fields)
            self._definitions[schedule.name] = known
        return known[1]

    async def _stored(self, reign: Reign, rulings: Sequence[Ruling]) -> tuple[int, int]:
        """Store decisions; how many were, and how many jobs. One that Postgres refuses does not keep the others out."""
        try:
            stored, accepted = await self._store.ticks.store(reign.term, rulings)
        except (InvalidInput, LimitFull) as error:
            if len(rulings) == 1 and not rulings[0].jobs:
                raise
            if len(rulings) == 1 and isinstance(error, LimitFull):
                count_refusals(error)
            alone = [_refused(rulings[0], error)] if len(rulings) == 1 else rulings
            counts = [await self._stored(reign, [ruling]) for ruling in alone]
            return sum(count for count, _ in counts), sum(jobs for _, jobs in counts)
        except Refused as error:  # somebody holds what one of them needs: the others need not wait for it
            if len(rulings) == 1:
                name = rulings[0].due.schedule.name
                metrics.SWALLOWED.labels("schedules").inc()
                log.warning("schedule.later", schedule=name, why=str(error))
                return 0, 0
            counts = [await self._stored(reign, [ruling]) for ruling in rulings]
            return sum(count for count, _ in counts), sum(jobs for _, jobs in counts)
        mine = [ruling for ruling in rulings if ruling.due.schedule.name in stored]
        self._tell(mine, accepted)
        return len(stored), len(accepted)

    def _tell(self, rulings: Sequence[Ruling], accepted: Sequence[Accepted]) -> None:
        """Tell Redis, the log and the metrics what is stored."""
        taken = {one.id for one in accepted}
        self._submitter.told(
            [job for ruling in rulings for job in ruling.jobs.values() if job.id in taken], accepted
        )
        if accepted:
            _log_submitted(rulings)
        for ruling in rulings:
            _log(ruling)
            waited = set(ruling.due.state.waiting)
            for one in ruling.decision.ticks:
                metrics.SCHEDULE_TICKS.labels(one.verdict.value).inc()
                if one.verdict is TickVerdict.SUBMITTED and not one.caught_up and one.tick not in waited:
                    late = (ruling.due.schedule.now - one.tick).total_seconds()
                    metrics.SCHEDULE_LATENESS.observe(max(0.0, late))

    async def _cancel(self) -> None:
        """Cancel the jobs that a newer tick wants gone."""
        for schedule, job in await self._store.due_schedules.to_cancel(SCHEDULES_PER_STATEMENT):
            await self._jobs.cancel([job], f"{ACTOR}{schedule}")
            log.info("schedule.cancelled", schedule=schedule, job=str(job))

    async def _upkeep(self, reign: Reign) -> None:
        ahead = await self._store.due_schedules.ahead(AHEAD.total_seconds())
        metrics.SCHEDULES_AHEAD.set(ahead)
        if ahead and ahead != self._ahead:
            log.warning("schedules.ahead", schedules=ahead, why="their last tick lies in the future")
        self._ahead = ahead
        while (
            await self._store.ticks.forget(reign.term, KEPT_DAYS, FORGOTTEN_PER_STATEMENT)
            == FORGOTTEN_PER_STATEMENT
        ):
            pass


def _refused(ruling: Ruling, error: InvalidInput | LimitFull) -> Ruling:
    """The same decision without jobs: Postgres or a limit does not take them."""
    ticks = [
        replace(one, verdict=TickVerdict.REFUSED, reason=told(error, one.tick))
        if one.tick in ruling.jobs
        else one
        for one in ruling.decision.ticks
    ]
    problem = next(one.reason for one in ticks if one.verdict is TickVerdict.REFUSED)
    return replace(ruling, decision=replace(ruling.decision, ticks=ticks), jobs={}, problem=problem)


def _log_submitted(rulings: Sequence[Ruling]) -> None:
    """One line for all that were submitted at once, as of bulks: there may be thousands in a second."""
    said = [
        (ruling.due.schedule.name, one)
        for ruling in rulings
        for one in ruling.decision.ticks
        if one.verdict is TickVerdict.SUBMITTED
    ]
    (name, first), late = said[0], sum(one.caught_up for _, one in said)
    job = next(iter(ruling.jobs[first.tick].id for ruling in rulings if first.tick in ruling.jobs))
    if len(said) == 1:
        tick = first.tick.isoformat()
        log.info("schedule.submitted", schedule=name, tick=tick, job=str(job), caught_up=first.caught_up)
    else:
        names = [name for name, _ in said[:5]]
        log.info("schedules.submitted", ticks=len(said), caught_up=late, first=names)


def _log(ruling: Ruling) -> None:
    name, decision = ruling.due.schedule.name, ruling.decision
    if decision.pause is not None:
        metrics.SCHEDULES_PAUSED.inc()
        log.warning("schedule.paused", schedule=name, why=decision.pause)
    missed = [one.tick for one in decision.ticks if one.verdict is TickVerdict.MISSED]
    if missed:
        log.warning("schedule.missed", schedule=name, ticks=len(missed), last=missed[-1].isoformat())
    for one in decision.ticks:
        said = {"schedule": name, "tick": one.tick.isoformat(), "why": one.reason}
        match one.verdict:
            case TickVerdict.REFUSED:
                log.warning("schedule.refused", **said)
            case TickVerdict.SKIPPED:
                log.info("schedule.skipped", **said)
            case TickVerdict.WAITING:
                log.info("schedule.waiting", **said)
            case TickVerdict.MISSED | TickVerdict.SUBMITTED:
                pass  # told together
