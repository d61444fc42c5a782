"""Publishes the backlog for autoscalers: once a second, from counts in Redis and the last answer of Postgres.

Counting a million queued rows takes Postgres 0.2 s, so it is asked the less often the longer it takes. Of its
workers, which are few, it is asked every second: whoever takes some away looks for those that run nothing. What
they run is asked every second too, unless that takes long: the choice among those that leave may rest on an older
count, as a worker says itself that it holds nothing.
"""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from uuid import UUID

from corral import metrics
from corral.dispatch import Dispatch
from corral.dispatch.backlog import demand_of
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.query_budget import QueryBudget
from corral.scaling.demand import KNOWN_AFTER
from corral.scaling.limited_jobs import LimitedJobs
from corral.scaling.limited_signal import LimitedSignal
from corral.scaling.signal import MAX_ELAPSED_TOLD, QueueSignal, Signal, TypeSignal
from corral.scaling.worker_signal import WorkerSignal
from corral.store import LiveWorker, Store
from corral.store.statistics.backlog import BacklogRows, QueueBacklog, ServiceTime

QUERY_SHARE = 0.01
"""The share of one connection's time that queries may take."""
STRANGE_SHARE = 0.1
"""The same while jobs wait in a queue that was empty when Postgres was asked: of which types, it alone can say."""
LONGEST_TRUST_SECONDS = 60.0
RUNNING_SHARE, RUNNING_FREE, RUNNING_LONGEST = 0.1, 0.1, 10.0
"""The pace at which the jobs of each worker are counted; seconds."""
TERM_ROUNDS = 1_000_000_000
"""A number larger than the rounds of any term, so that the sequence of a later term is always higher."""
ARRIVAL_SECONDS = 10
"""Seconds over which arrivals are averaged."""


class BacklogSignalDuty(Duty):
    """The duty that publishes the backlog (`corral:backlog`). Its sequence rises over terms of leaders too."""

    name = "signal"
    period = 1.0

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        *,
        share: float = RUNNING_SHARE,
        free: float = RUNNING_FREE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._clock = clock
        self._rounds = 0
        self._truth = BacklogRows({}, {})
        self._offsets: dict[str, int] = {}
        """Queued rows beyond Redis' entries when both were last counted."""
        self._told_at = 0.0
        self._ask_at = float("-inf")
        self._ask_early_at = float("-inf")
        self._arrivals = ArrivalCounts(ARRIVAL_SECONDS)
        self._limited_arrived: Mapping[str, int] = {}
        """Jobs that take of limits which had arrived when Postgres was asked: others are in no count yet."""
        self._limited_types: dict[str, set[str]] = {}
        """Of each queue, the types that were seen to take of limits."""
        self._asked_for: dict[str, int] = {}
        """The most slots that each queue asked for since Postgres was asked. What was claimed since then is in no
        count; an autoscaler that reads lengths alone would take it for done, and end the workers that run it."""
        self._running: Mapping[UUID, int] = {}
        self._counting = QueryBudget(share, free=free, longest=RUNNING_LONGEST, clock=clock)

    async def round(self, reign: Reign) -> int:
        """Count and publish."""
        entries, arrived, limited = await self._dispatch.backlog.counts()
        strange = self._strange(entries) or limited != self._limited_arrived
        if self._clock() >= (self._ask_early_at if strange else self._ask_at):
            await self._ask_postgres(entries)
            self._limited_arrived = limited
        if self._counting.due:
            with self._counting.asked():
                live, self._running = await self._store.workers.live_and_running()
        else:
            live = await self._store.workers.live()
        workers = workers_of(live, self._running)
        rates = self._arrivals.rates(_added(arrived, limited))
        since = self._clock() - self._told_at
        queues = {
            name: signal_of(
                self._truth.queues.get(name) or QueueBacklog(name),
                self._truth.service.get(name, {}),
                queued=max(0, entries.get(name, 0) + self._offsets.get(name, 0)),
                since=since,
                arrivals=rates.get(name, 0.0),
                arrived=arrived.get(name, 0),
                limited_arrived=limited.get(name, 0),
                limited_types=self._limited_types.get(name, set()),
            )
            for name in sorted(self._truth.queues.keys() | entries.keys())
        }
        for name, queue in queues.items():
            self._asked_for[name] = max(self._asked_for.get(name, 0), demand_of(queue))
        self._rounds += 1
        sequence = reign.term.term * TERM_ROUNDS + self._rounds
        await self._dispatch.backlog.write(Signal(sequence, queues, self._clock(), workers), self._asked_for)
        _show(queues, workers)
        return 1

    def failed(self) -> None:
        """Query Postgres again in the next round."""
        self._ask_at = self._ask_early_at = float("-inf")

    def _strange(self, entries: Mapping[str, int]) -> bool:
        """Whether jobs wait where none waited when Postgres was asked: their types are not known."""
        return any(
            count and not (name in self._truth.queues and self._truth.queues[name].mix)
            for name, count in entries.items()
        )

    async def _ask_postgres(self, entries: Mapping[str, int]) -> None:
        began = self._clock()
        self._truth = await self._store.backlog()
        self._told_at = self._clock()
        self._asked_for = {}
        took = self._told_at - began
        self._ask_at = self._told_at + min(took / QUERY_SHARE, LONGEST_TRUST_SECONDS)
        self._ask_early_at = self._told_at + min(took / STRANGE_SHARE, LONGEST_TRUST_SECONDS)
        self._offsets = {
            name: queue.queued - entries.get(name, 0) for name, queue in self._truth.queues.items()
        }
        for name, queue in self._truth.queues.items():
            if queue.limited is not None:
                self._limited_types.setdefault(name, set()).update(queue.limited.types)


class ArrivalCounts:
    """Jobs per second from counters that only rise, but for a wipe."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._before: Mapping[str, int] | None = None
        self._seen: dict[str, deque[int]] = {}

    def rates(self, counters: Mapping[str, int]) -> dict[str, float]:
        """Take this second's counters; returns the rate of each queue."""
        before, self._before = self._before, dict(counters)
        for queue, count in counters.items():
            seen = self._seen.setdefault(queue, deque(maxlen=self._seconds))
            seen.append(max(0, count - before.get(queue, 0)) if before is not None else 0)
        for queue in self._seen.keys() - counters.keys():
            self._seen[queue].append(0)
        return {queue: sum(seen) / len(seen) for queue, seen in self._seen.items()}


def signal_of(
    truth: QueueBacklog,
    service: Mapping[str, ServiceTime],
    *,
    queued: int,
    since: float,
    arrivals: float = 0.0,
    arrived: int = 0,
    limited_arrived: int = 0,
    limited_types: AbstractSet[str] = frozenset(),
) -> QueueSignal:
    """One queue's signal: `queued` as counted now, the rest as Postgres said `since` seconds ago.

    `limited_types`: all that were ever seen to take of limits.
    """
    known = {kind: one.mean for kind, one in service.items() if one.completed >= KNOWN_AFTER}
    unknown = sum(share for kind, share in truth.mix.items() if kind not in known) if truth.mix else 1.0
    return QueueSignal(
        queued=queued,
        running=truth.running,
        # While something waits, the oldest has waited at most so much longer than when it was last seen.
        oldest=round(truth.oldest + since, 3)
        if (queued and truth.queued) or (truth.limited and truth.limited.held)
        else 0.0,
        arrivals=round(arrivals, 3),
        arrived=arrived,
        work=round(
            queued * sum(share * known[kind] for kind, share in truth.mix.items() if kind in known), 3
        ),
        unknown=round(queued * unknown),
        due_soon=truth.due_soon,
        paused=truth.paused,
        types={
            kind: _type_signal(kind, truth, service)
            for kind in truth.mix.keys() | truth.elapsed.keys() | service.keys()
        },
        limited=_limited_signal(truth, known, since, limited_arrived, limited_types)
        if limited_types
        else None,
    )


def _limited_signal(
    truth: QueueBacklog, known: Mapping[str, float], since: float, arrived: int, types: AbstractSet[str]
) -> LimitedSignal:
    """The part of the jobs that take of limits. None of them is in Redis' counts, so it is as old as Postgres' answer."""
    jobs = truth.limited or LimitedJobs()
    return LimitedSignal(
        queued=jobs.queued,
        held=jobs.held,
        running=jobs.running,
        arrived=arrived,
        work=_work(jobs.startable, known),
        unknown=_unknown(jobs.startable, known),
        held_work=_work(jobs.kept, known),
        held_unknown=_unknown(jobs.kept, known),
        oldest=round(jobs.oldest + since, 3) if jobs.queued or jobs.held else 0.0,
        oldest_other=round(truth.oldest_other + since, 3) if truth.oldest_other else 0.0,
        types=frozenset(types),
        ceiling=jobs.ceiling,
        rate=jobs.rate,
        binding=jobs.binding,
        shared=jobs.shared,
        per_worker=jobs.per_worker,
    )


def _work(jobs: Mapping[str, int], known: Mapping[str, float]) -> float:
    return round(sum(count * known[kind] for kind, count in jobs.items() if kind in known), 3)


def _unknown(jobs: Mapping[str, int], known: Mapping[str, float]) -> int:
    return sum(count for kind, count in jobs.items() if kind not in known)


def workers_of(live: Sequence[LiveWorker], running: Mapping[UUID, int]) -> dict[str, WorkerSignal]:
    """The workers of the signal, by name. Of several incarnations the latest counts, because they are in that order."""
    return {
        worker.name: WorkerSignal(
            id=str(worker.id),
            running=running.get(worker.id, 0),
            state="draining" if worker.draining else "active",
            alive_for=round(max(0.0, worker.alive_for), 3),
        )
        for worker in live
    }


def _type_signal(kind: str, truth: QueueBacklog, service: Mapping[str, ServiceTime]) -> TypeSignal:
    learned = service.get(kind, ServiceTime(0, 0.0, 0.0))
    elapsed = truth.elapsed.get(kind, ())
    return TypeSignal(
        completed=learned.completed,
        mean=round(learned.mean, 6),
        variance=round(learned.variance, 6),
        share=truth.mix.get(kind, 0.0),
        running=len(elapsed),
        elapsed=tuple(round(seconds, 3) for seconds in sorted(elapsed, reverse=True)[:MAX_ELAPSED_TOLD]),
    )


def _added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) + more.get(name, 0) for name in counts.keys() | more.keys()}


def _show(queues: Mapping[str, QueueSignal], workers: Mapping[str, WorkerSignal]) -> None:
    for name, queue in queues.items():
        metrics.QUEUE_JOBS.labels(name, "queued").set(queue.waiting)
        metrics.QUEUE_JOBS.labels(name, "running").set(queue.running)
        metrics.QUEUE_OLDEST.labels(name).set(queue.oldest)
    states = [worker.state for worker in workers.values()]
    for state in ("active", "draining"):
        metrics.WORKERS.labels(state).set(states.count(state))
