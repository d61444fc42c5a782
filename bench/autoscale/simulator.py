"""A discrete-event simulator: jobs queue for the slots of pods that a scaler adds and removes."""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from typing import Protocol

from bench.autoscale.agenda import Agenda
from bench.autoscale.gate import Gate
from bench.autoscale.outcome import Cluster, Outcome, reversals
from bench.autoscale.pods import Pod, Starts
from bench.autoscale.shape import Load

GRACE = 30.0
"""Seconds that a deleted pod may finish what it runs (Kubernetes' default)."""
PATCH = 0.1
"""Seconds from a decision to the pods being created."""
PATIENCE = 3600.0
"""Seconds after the load's end at which a run is given up."""


class Scaler(Protocol):
    """Whoever decides how many pods there are."""

    name: str
    drains: bool
    """True: pods leave when idle and nothing is interrupted. False: Kubernetes deletes them at once."""

    def begin(self, run: "Run") -> None:
        """Put the first look on the agenda."""


class Run:
    """One load under one scaler."""

    def __init__(
        self, load: Load, cluster: Cluster, scaler: Scaler, seed: int, *, at_first: int | None = None
    ) -> None:
        self.load, self.cluster, self.scaler = load, cluster, scaler
        self.dice = random.Random(seed)
        self.now = 0.0
        self.pods: list[Pod] = []
        """Those that exist, the oldest first."""
        self.wanted = cluster.least if at_first is None else at_first
        self.arrived = 0
        """Jobs that were queued so far; one that was interrupted counts again."""
        self.completed = 0
        self.completed_seconds = 0.0
        self.completed_squares = 0.0
        self.running = 0
        self.gate = Gate(load.limited)
        self._queue: deque[int] = deque()
        self._next = 0
        self._began: list[float] = [-1.0] * len(load.arrivals)
        self._ends: list[tuple[float, int, Pod]] = []
        self._free: deque[Pod] = deque()
        self._agenda = Agenda()
        self._starts = Starts(self.dice)
        self._pending: deque[Pod] = deque()
        self._placed = 0
        self._pod_seconds = 0.0
        self._interrupted = 0
        self._numbers = 0
        self._changes: list[tuple[float, int]] = []
        self._peak = 0
        self._samples: list[tuple[float, int, int, int]] = []
        for _ in range(self.wanted):
            pod = self._create()
            self._placed += 1
            self._become_ready(pod)

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def oldest(self) -> float:
        return self.now - self.load.arrivals[self._queue[0]] if self._queue else 0.0

    @property
    def ready(self) -> int:
        return sum(pod.claims for pod in self.pods)

    @property
    def pending(self) -> int:
        """Pods that find no place."""
        return len(self._pending)

    @property
    def elapsed(self) -> list[float]:
        return [self.now - began for pod in self.pods for began in pod.running.values()]

    def at(self, when: float, what: Callable[[], None]) -> None:
        self._agenda.put(when, what)

    def every(self, seconds: float, what: Callable[[], None], *, first: float | None = None) -> None:
        self._agenda.repeat(self.dice.random() * seconds if first is None else first, seconds, what)

    def scale(self, to: int) -> None:
        """Ask for `to` pods; they change a moment later."""
        to = max(self.cluster.least, min(self.cluster.most, to))
        if to == self.wanted:
            return
        self._changes.append((self.now, to - self.wanted))
        self.wanted = to
        self.at(self.now + PATCH, self._reconcile)

    def go(self, *, sampled: bool = False) -> Outcome:
        if sampled:
            self.every(
                1.0,
                lambda: self._samples.append((self.now, len(self.pods), len(self._queue), self.running)),
                first=0.0,
            )
        self.scaler.begin(self)
        total, horizon = len(self.load.arrivals), self.load.duration
        while self.now < horizon or self.completed < total:
            if self.now > horizon + PATIENCE:
                raise RuntimeError(f"{total - self.completed} jobs never ran")
            when, what = self._agenda.pop()
            self._advance(when)
            self.now = when
            what()
        end = max(horizon, self._last_end)
        for pod in self.pods:
            self._pod_seconds += max(0.0, end - pod.created)
        return Outcome(
            [began - at for at, began in zip(self.load.arrivals, self._began, strict=True)],
            self._pod_seconds, self.load.work, self.cluster.slots, self._interrupted, reversals(self._changes),
            self._peak, self._last_end, self._changes, self._samples,
        )  # fmt: skip

    _last_end = _at = 0.0

    def _advance(self, until: float) -> None:
        """Every arrival and every end up to `until`."""
        arrivals, ends, free, queue = self.load.arrivals, self._ends, self._free, self._queue
        count = len(arrivals)
        while True:
            arrival = arrivals[self._next] if self._next < count else math.inf
            opens = self.gate.opens_at(self._at, self.running) if queue and free else math.inf
            if opens < math.inf and opens <= min(arrival, ends[0][0] if ends else math.inf, until):
                self._feed(opens)
                continue
            if ends and ends[0][0] <= arrival:
                at = ends[0][0]
                if at > until:
                    return
                _, job, pod = heapq.heappop(ends)
                if job in pod.running and not pod.gone:
                    self._end(at, job, pod)
            else:
                if arrival > until:
                    return
                job = self._next
                self._next += 1
                self.arrived += 1
                self._at = arrival
                while free and self.gate.open(arrival, self.running):
                    pod = free.popleft()
                    pod.tokens -= 1
                    if pod.claims:
                        self._start(arrival, job, pod)
                        break
                else:
                    queue.append(job)

    def _start(self, at: float, job: int, pod: Pod) -> None:
        if self._began[job] < 0:
            self._began[job] = at
        pod.busy += 1
        self.running += 1
        self.gate.started(at)
        pod.running[job] = at
        heapq.heappush(self._ends, (at + self.load.services[job], job, pod))

    def _end(self, at: float, job: int, pod: Pod) -> None:
        del pod.running[job]
        pod.busy -= 1
        self.running -= 1
        seconds = self.load.services[job]
        self.completed += 1
        self.completed_seconds += seconds
        self.completed_squares += seconds * seconds
        self._last_end = self._at = at
        if pod.claims:
            if self._queue and self.gate.open(at, self.running):
                self._start(at, self._queue.popleft(), pod)
            else:
                pod.tokens += 1
                self._free.append(pod)
        elif not pod.busy:
            self._idle(at, pod)

    def _create(self) -> Pod:
        self._numbers += 1
        pod = Pod(self._numbers, self.cluster.slots, self.now)
        self.pods.append(pod)
        self._peak = max(self._peak, len(self.pods))
        return pod

    def _reconcile(self) -> None:
        """Have as many pods that stay as were wanted: those on their way out return first."""
        staying = [pod for pod in self.pods if not pod.leaving]
        missing = self.wanted - len(staying)
        if missing > 0 and self.scaler.drains:
            drained = sorted((pod for pod in self.pods if pod.leaving), key=lambda pod: -pod.busy)
            for pod in drained[:missing]:
                pod.leaving = False
                missing -= 1
                if pod.ready:
                    self._open(pod)
        for _ in range(missing):
            self._place(self._create())
        for pod in self._victims(staying)[: max(0, -missing)]:
            self._dismiss(pod)

    def _place(self, pod: Pod) -> None:
        if self._placed >= self.cluster.nodes_hold:
            self._pending.append(pod)
            return
        self._placed += 1
        pod.created = self.now
        self.at(self._starts.ready_at(self.now), lambda: self._become_ready(pod))

    def _victims(self, staying: list[Pod]) -> list[Pod]:
        """Not ready first; then idle and least loaded where that is chosen; then the youngest."""
        return sorted(
            staying, key=lambda pod: (pod.ready, pod.busy if self.scaler.drains else 0, -pod.number)
        )

    def _dismiss(self, pod: Pod) -> None:
        pod.leaving, pod.claims = True, False
        if not pod.busy:
            self._idle(self.now, pod)
        elif not self.scaler.drains:
            self.at(self.now + GRACE, lambda: self._kill(pod))

    def _idle(self, at: float, pod: Pod) -> None:
        """An idle pod leaves: at once if it was deleted, or when the seal was seen and the patch made."""
        if not self.scaler.drains:
            self._remove(at, pod)
        else:
            self.at(max(at, self.now) + 1.0 + PATCH, lambda: self._remove_sealed(pod))

    def _remove_sealed(self, pod: Pod) -> None:
        if pod.leaving and not pod.busy and not pod.gone:
            self._remove(self.now, pod)

    def _remove(self, at: float, pod: Pod) -> None:
        if pod.gone:
            return
        pod.gone, pod.claims = True, False
        self.pods.remove(pod)
        if pod in self._pending:
            self._pending.remove(pod)
            return
        self._pod_seconds += at - pod.created
        self._placed -= 1
        if self._pending:
            self._place(self._pending.popleft())

    def _kill(self, pod: Pod) -> None:
        """The grace is over: what still runs is interrupted and queued again, in front."""
        if pod.gone:
            return
        self._interrupted += pod.busy
        self.running -= pod.busy
        self.arrived += pod.busy
        self._queue.extendleft(sorted(pod.running, reverse=True))
        pod.running.clear()
        pod.busy = 0
        self._remove(self.now, pod)
        self._feed(self.now)

    def _become_ready(self, pod: Pod) -> None:
        if pod.gone:
            return
        pod.ready = True
        if not pod.leaving:
            self._open(pod)

    def _open(self, pod: Pod) -> None:
        pod.claims = True
        for _ in range(pod.slots - pod.busy - pod.tokens):
            pod.tokens += 1
            self._free.append(pod)
        self._feed(self.now)

    def _feed(self, at: float) -> None:
        """Free slots take what waits, as far as a limit lets it."""
        self._at = at
        while self._queue and self._free and self.gate.open(at, self.running):
            pod = self._free.popleft()
            pod.tokens -= 1
            if pod.claims:
                self._start(at, self._queue.popleft(), pod)
