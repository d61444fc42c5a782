"""A pool whose answers take their time: workers, kubelets, a Deployment and an operator, each at a pace of its own.

Everything happens at a moment of one clock, in the order of those moments. A worker asks Redis for its order
every half second, seals itself when the order has reached it, and its answer is there some time later: exactly
as `corral_worker.lifecycle.drain_requests` does. A kubelet sees a seal with a delay. A change of the Deployment may be refused,
because it has changed; workers may vanish, containers may restart, and the operator may forget everything.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from corral_operator.cluster.target import Pod
from corral_operator.scale_down.candidates import Candidate
from corral_operator.scale_down.scale_down import Observation, ScaleDown, Step, step
from corral_operator.scale_down.victim import Victim

SEAL_SECONDS = 30.0
"""How long a worker stays sealed after its last answer, by `corral_worker.lifecycle.seal`."""
POLL_SECONDS = 0.5
"""Between an answer and the next look, by `corral_worker.lifecycle.drain_requests`."""
TAKEN_SECONDS = 8.0
"""Within so many seconds of a change of `scale` the pods are gone: what a seal has to cover."""
STARTS_SECONDS = 2.5


@dataclass
class Slow:
    """A worker in its pod."""

    name: str
    hears: Callable[[], float]
    """Seconds until an order has reached it."""
    tells: Callable[[], float]
    """Seconds until its answer is in Redis."""
    begins: float = 0.0
    ends: list[float] = field(default_factory=list)
    """When each of its jobs ends."""
    life: int = 0
    """Rises when its container restarts."""
    sealed_until: float = 0.0
    looks_ready: bool = True
    """What Kubernetes says of its pod."""

    def running(self, now: float) -> int:
        return sum(end > now for end in self.ends) if self.alive(now) else 0

    def alive(self, now: float) -> bool:
        return now >= self.begins

    def sealed(self, now: float) -> bool:
        return now < self.sealed_until


class SlowWorld:
    """Time passes with `run`; `desired` may change meanwhile."""

    def __init__(
        self,
        workers: int,
        *,
        hears: Callable[[], float],
        tells: Callable[[], float],
        tick: Callable[[], float] = lambda: 1.0,
        kubelet: Callable[[], float] = lambda: 0.5,
        dice: random.Random | None = None,
    ) -> None:
        self.now = 1000.0
        self._hears, self._tells, self._tick, self._kubelet = hears, tells, tick, kubelet
        self._dice = dice or random.Random(1)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._nonces = map(str, itertools.count())
        self._names = (f"w-{number}" for number in itertools.count())
        self.workers: dict[str, Slow] = {}
        self.desired = self.replicas = workers
        self.leaving = ScaleDown()
        self.orders: dict[str, str] = {}
        self.answers: dict[str, tuple[str, float]] = {}
        self.conflicts = 0
        """So many changes of `scale` from now on are refused, because the Deployment changed."""
        self.patches: list[tuple[float, int]] = []
        self.last: Step | None = None
        self.rounds = 0
        self.wrongs: list[str] = []
        """What must never happen."""
        for _ in range(workers):
            self._start(self.now - 100)
        self.after(0, self._operate)

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), what))

    def run(self, until: Callable[[], bool], rounds: int) -> bool:
        """Whether a state is reached within so many rounds of the operator."""
        end = self.rounds + rounds
        while self.rounds < end and not until():
            self.now, _, what = heapq.heappop(self._events)
            what()
        return until()

    def choose(self, names: Sequence[str]) -> None:
        """Victims of another second than the others."""
        self.desired = self.replicas - len(names)

    def restart_operator(self) -> None:
        """Another one adopts what it finds in Redis."""
        names = list(self.leaving.requests)
        self.leaving = ScaleDown({name: Victim(self.now, next(self._nonces), self.now) for name in names})

    def restart_container(self, name: str) -> None:
        """Nothing of its seal outlives the process; its old answer stays in Redis, and it may claim again."""
        worker = self.workers[name]
        worker.life += 1
        worker.sealed_until, worker.begins, worker.looks_ready = 0.0, self.now + 1.0, False
        worker.ends = [self.now + 3.0 + self._dice.random()]
        self.after(1.0 + self._kubelet(), lambda: self._look(name))
        self.after(1.0, lambda: self._poll(name, worker.life))

    def lose(self, name: str) -> None:
        """A pod goes, another comes."""
        del self.workers[name]
        self._fill()

    def pods(self) -> tuple[Pod, ...]:
        return tuple(
            Pod(
                one.name,
                ready=one.alive(self.now) and one.looks_ready,
                born=one.alive(self.now),
                life=str(one.life),
            )
            for one in self.workers.values()
        )

    def _start(self, begins: float) -> None:
        name = next(self._names)
        worker = Slow(name, self._hears, self._tells, begins)
        self.workers[name] = worker
        self.after(
            max(0.0, begins - self.now) + POLL_SECONDS * self._dice.random(), lambda: self._poll(name, 0)
        )

    def _operate(self) -> None:
        self.rounds += 1
        workers = {
            one.name: Candidate(one.name, one.running(self.now), self.now - one.begins)
            for one in self.workers.values()
            if one.alive(self.now)
        }
        seals = {name: nonce for name, (nonce, until) in self.answers.items() if self.now < until}
        scene = Observation(
            self.desired, self.replicas, self.pods(), workers, seals,
            steady=True, rolling=False, drain_timeout=600.0, now=self.now,
        )  # fmt: skip
        done = self.last = step(self.leaving, scene, lambda: next(self._nonces))
        self.leaving = done.leaving
        for name in done.released:
            self.orders[name] = "unseal"
            self.answers.pop(name, None)
        self.orders |= done.leaving.requests
        if done.replicas != self.replicas:
            if self.conflicts:
                self.conflicts -= 1
            else:
                self.patches.append((self.now, done.replicas))
                self.replicas = done.replicas
                self._take()
                self._fill()
        self.after(self._tick(), self._operate)

    def _take(self) -> None:
        """Source: Kubernetes, ReplicaSet, scaling down. Of those that are not ready, the worst choice is made."""
        while len(self.workers) > self.replicas:
            pods = {pod.name: pod for pod in self.pods()}
            unready = [name for name, pod in pods.items() if not pod.ready] or list(pods)
            born = [name for name in unready if pods[name].born]
            among = unready if len(born) == len(unready) else [name for name in unready if name not in born]
            worst = min(among, key=lambda name: self.workers[name].sealed_until)
            worker = self.workers.pop(worst)
            if worker.running(self.now):
                self.wrongs.append(f"{worst} ran a job when it was taken at {self.now}")
            if worker.alive(self.now) and worker.sealed_until < self.now + TAKEN_SECONDS:
                self.wrongs.append(
                    f"{worst} was sealed for {worker.sealed_until - self.now} more seconds only"
                )

    def _fill(self) -> None:
        while len(self.workers) < self.replicas:
            self._start(self.now + STARTS_SECONDS)

    def _poll(self, name: str, life: int) -> None:
        worker = self.workers.get(name)
        if worker is None or worker.life != life:
            return
        order = self.orders.get(name)
        self.after(worker.hears(), lambda: self._obey(name, life, order))

    def _obey(self, name: str, life: int, order: str | None) -> None:
        worker = self.workers.get(name)
        if worker is None or worker.life != life:
            return
        told = 0.0
        if order == "unseal":
            worker.sealed_until = 0.0
            self.after(self._kubelet(), lambda: self._look(name))
        elif order is not None and not worker.running(self.now):
            worker.sealed_until = self.now + SEAL_SECONDS
            self.after(self._kubelet(), lambda: self._look(name))
            self.after(SEAL_SECONDS + self._kubelet(), lambda: self._look(name))
            told = worker.tells()
            self.after(told, lambda: self._answer(name, life, order))
        self.after(told + POLL_SECONDS, lambda: self._poll(name, life))

    def _answer(self, name: str, life: int, nonce: str) -> None:
        self.answers[name] = (nonce, self.now + SEAL_SECONDS)
        worker = self.workers.get(name)
        if worker is not None and worker.life == life and worker.sealed(self.now):
            worker.sealed_until = self.now + SEAL_SECONDS

    def _look(self, name: str) -> None:
        worker = self.workers.get(name)
        if worker is not None:
            worker.looks_ready = not worker.sealed(self.now)
