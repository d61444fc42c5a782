"""What becomes of the ticks of a schedule that have come: decided from its state and the time, and from nothing else.

Every tick is decided exactly once: `last_tick` is how far decisions have come, and it only goes forward. A decision
that is not stored changes nothing, and the next one is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from corral.schedule.timetable import Tick, Timetable

ON_TIME = timedelta(seconds=60)
"""A tick that is decided later than this is a missed one: a change of leader, or a restart of Postgres, is shorter."""
AHEAD = timedelta(seconds=5)
"""A last tick that lies further in the future is a problem: the database's clock was wrong then, or is now."""
MAX_TICKS = 1_000
"""Ticks of one decision; what is left over is for the next one, which follows at once."""
MAX_WAITING = 1_000
"""Ticks of one schedule that may wait for the job before them."""


class Overlap(StrEnum):
    """What becomes of a tick while the job of the last tick has not ended."""

    SKIP = "skip"
    """It is skipped."""
    QUEUE_ONE = "queue-one"
    """It waits until that job has ended; while one waits, later ones are skipped."""
    QUEUE_ALL = "queue-all"
    """It waits until the jobs of all ticks before it have ended."""
    CANCEL = "cancel"
    """That job is cancelled; the tick waits until it has ended, unless a newer tick takes its place."""
    ALLOW = "allow"
    """Its job is submitted all the same."""


class TickVerdict(StrEnum):
    """What was decided about a tick."""

    SUBMITTED = "submitted"
    """Its job is submitted."""
    WAITING = "waiting"
    """It waits for the job of an earlier tick to end."""
    SKIPPED = "skipped"
    """No job: an earlier one had not ended, or a newer tick took its place."""
    MISSED = "missed"
    """No job: nobody looked at the schedule in time."""
    REFUSED = "refused"
    """No job: its submission was refused, as that of a payload that its type takes no longer."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a schedule wants of ticks that come too late, or while a job runs."""

    overlap: Overlap = Overlap.SKIP
    catch_up: float | None = None
    """Seconds for which a missed tick is made up for; None: the last one that was missed, however long ago."""
    pause_after: int | None = None
    """So many jobs that failed one after the other pause the schedule."""


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """How far a schedule is."""

    last_tick: datetime
    """All ticks up to here are decided."""
    live: bool = False
    """Whether the job of the last tick has not ended."""
    waiting: Sequence[datetime] = ()
    """The ticks that wait, oldest first; of very many, the first."""
    waiting_count: int = 0
    failures: int = 0
    """How many of the newest jobs have failed, one after the other."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One tick and what was decided about it."""

    tick: datetime
    run_at: datetime
    verdict: TickVerdict
    reason: str = ""
    caught_up: bool = False
    """Whether it was missed, and its job is submitted late."""


@dataclass(frozen=True, slots=True)
class TickDecision:
    """What is to be stored at once, or not at all."""

    ticks: Sequence[Decided]
    last_tick: datetime
    next_tick: datetime | None
    """When the schedule is to be looked at again; None: never, there is no further tick."""
    cancel: bool = False
    """Whether the job of the last tick is to be cancelled."""
    pause: str | None = None
    """Why the schedule pauses itself; then no tick was decided."""
    more: bool = False
    """Whether further ticks have come: decide again at once."""


def is_ahead(last_tick: datetime, now: datetime) -> bool:
    """Whether the last tick lies in the future, so that none will come until then."""
    return last_tick - now > AHEAD


def decide(timetable: Timetable, policy: Policy, state: ScheduleState, now: datetime) -> TickDecision:
    """What becomes of every tick that came since the last one that was decided, and of those that wait.

    A clock that was put back brings no tick twice: ticks are looked for after the last one that was decided.
    """
    found, following = _come(timetable, state.last_tick, now)
    if policy.pause_after is not None and state.failures >= policy.pause_after and (found or state.waiting):
        reason = f"the last {state.failures:,} jobs failed one after the other"
        return TickDecision((), state.last_tick, None, pause=reason)
    more = following is not None and following <= now
    line = _Line(policy.overlap, state)
    line.begin_waiting()
    for at, tick in enumerate(found):
        is_last = at == len(found) - 1 and not more
        if now - tick.at <= ON_TIME:
            line.take(tick)
        elif _is_made_up_for(policy.catch_up, now - tick.at, is_last=is_last):
            line.take(tick, caught_up=True)
        else:
            line.decided.append(
                Decided(tick.at, tick.run_at, TickVerdict.MISSED, "nobody looked at it in time")
            )
    last = found[-1].at if found else state.last_tick
    return TickDecision(line.in_order(), last, following, cancel=line.cancel, more=more)


def _come(timetable: Timetable, last: datetime, now: datetime) -> tuple[list[Tick], datetime | None]:
    """The ticks that have come since the last one, of very many the first; and the one that follows them."""
    found: list[Tick] = []
    for tick in timetable.ticks(last):
        if tick.at > now or len(found) == MAX_TICKS:
            return found, tick.at
        found.append(tick)
    return found, None


def next_tick(timetable: Timetable, after: datetime) -> datetime | None:
    """The first tick after that instant; None where there is none."""
    return next((tick.at for tick in timetable.ticks(after)), None)


def _is_made_up_for(catch_up: float | None, age: timedelta, *, is_last: bool) -> bool:
    return is_last if catch_up is None else age.total_seconds() <= catch_up


@dataclass(slots=True)
class _Line:
    """The ticks of one decision as they are taken, one after the other."""

    overlap: Overlap
    state: ScheduleState
    decided: list[Decided] = field(default_factory=list)
    cancel: bool = False
    _live: bool = field(init=False)
    _waiting: list[Decided] = field(init=False)
    _more_waiting: int = field(init=False)

    def __post_init__(self) -> None:
        self._live = self.state.live
        self._waiting = [_waits(tick) for tick in self.state.waiting]
        self._more_waiting = max(0, self.state.waiting_count - len(self._waiting))

    def begin_waiting(self) -> None:
        """Submit what waited for a job that has ended: the first one, or all where they may overlap."""
        while self._waiting and (self.overlap is Overlap.ALLOW or not self._live):
            self._submit(self._waiting.pop(0))
        if self._waiting and self.overlap is Overlap.CANCEL and self._live:
            self.cancel = True

    def take(self, tick: Tick, *, caught_up: bool = False) -> None:
        """Decide about one tick."""
        new = Decided(tick.at, tick.run_at, TickVerdict.SUBMITTED, caught_up=caught_up)
        count = len(self._waiting) + self._more_waiting
        if self.overlap is Overlap.ALLOW or not (self._live or count):
            self._submit(new)
            return
        match self.overlap:
            case Overlap.SKIP:
                self._skip(new, "the job before it had not ended")
            case Overlap.QUEUE_ONE if count:
                self._skip(new, "the job before it had not ended, and a tick waited for it already")
            case Overlap.QUEUE_ALL if count >= MAX_WAITING:
                self._skip(new, f"{count:,} ticks waited already")
            case Overlap.CANCEL:
                while self._waiting:
                    self._skip(self._waiting.pop(0), "a newer tick took its place")
                self.cancel = True
                self._wait(new)
            case _:
                self._wait(new)

    def in_order(self) -> list[Decided]:
        """What was decided: the last word on each tick, in their order; one that waits as before is left out."""
        known = set(self.state.waiting)
        words = {one.tick: one for one in (*self.decided, *self._waiting)}
        return [
            words[tick]
            for tick in sorted(words)
            if tick not in known or words[tick].verdict is not TickVerdict.WAITING
        ]

    def _submit(self, one: Decided) -> None:
        # Its own run_at has passed where it waited; a time in the past is at once.
        self.decided.append(Decided(one.tick, one.run_at, TickVerdict.SUBMITTED, caught_up=one.caught_up))
        self._live = True

    def _skip(self, one: Decided, reason: str) -> None:
        self.decided.append(Decided(one.tick, one.run_at, TickVerdict.SKIPPED, reason))

    def _wait(self, one: Decided) -> None:
        self._waiting.append(
            Decided(
                one.tick, one.run_at, TickVerdict.WAITING, "the job before it has not ended", one.caught_up
            )
        )


def _waits(tick: datetime) -> Decided:
    return Decided(tick, tick, TickVerdict.WAITING)
